"""Motion against plain LAMMPS, against statistical mechanics, and one engine against the other."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import ase.build
import numpy as np
import pytest

import cuds
from cuds.units import BOLTZMANN, factor

Count = Callable[[int, int], int]
EAM = cuds.potential("Cu_mishin1.eam.alloy")
EV_PER_K = float(BOLTZMANN) * factor("J", "eV")


def copper(repeat: int, a: float = 3.615) -> cuds.ParticleSystem:
    return cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True, a=a) * repeat)


def plain_lammps(folder: Path, transcript: str) -> dict[int, dict[str, float]]:
    """Run a transcript with the bare executable; return what it printed, by step."""
    (folder / "in.txt").write_text(transcript)
    said = subprocess.run(
        [Path(sys.executable).with_name("lmp"), "-in", "in.txt", "-log", "none"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found: dict[int, dict[str, float]] = {}
    head: list[str] = []
    for line in said.splitlines():
        words = line.split()
        if words[:2] == ["Step", "Temp"]:
            head = words
        elif head and len(words) == len(head) and words[0].isdigit():
            found.setdefault(int(words[0]), dict(zip(head, map(float, words), strict=True)))
    return found


def slope(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """The slope of a line through the points, and its standard error."""
    (found, _), covariance = np.polyfit(x, y, 1, cov=True)
    return float(found), float(np.sqrt(covariance[0, 0]))


def test_nve_is_that_of_plain_lammps(tmp_path: Path, count: Count) -> None:
    """The wrapper's own transcript in plain lmp: the same energy at the start, the same drift along the run."""
    steps = count(3000, 100_000)
    job = cuds.MolecularDynamics(
        copper(3), potential=EAM, duration=(steps * 2, "fs"), timestep=(2, "fs"), every=(200, "fs"),
        initial_temperature=(600, "K"), seed=1, record=(),
    )  # fmt: skip
    result = cuds.run(job, engine="lammps", keep=tmp_path / "kept")
    printed = plain_lammps(tmp_path / "kept", result.series.provenance.transcript)
    ours = result.series["total_energy"].values.in_unit("eV")
    plain = np.array([printed[s]["TotEng"] for s in result.series.steps])
    assert ours[0] == plain[0]
    t = result.series.times.in_unit("ps")
    (one, e1), (two, e2) = slope(t, ours), slope(t, plain)
    assert abs(one - two) <= 3 * np.hypot(e1, e2)
    assert np.array_equal(ours, plain), "the transcript is exactly what the engine was told"
    settled = t > 2  # before, half of the kinetic energy becomes potential, and the step's error with it
    drift, error = slope(t[settled], ours[settled])
    assert abs(drift) <= 3 * error, "velocity Verlet does not drift"


@pytest.mark.turns(3)
@pytest.mark.parametrize("thermostat", ["nose-hoover", "langevin", "stochastic-rescaling"])
def test_a_thermostat_gives_the_canonical_distribution(thermostat: str, count: Count) -> None:
    """The mean of the kinetic energy is dof/2 kT, its variance dof/2 (kT)^2 (Maxwell and Boltzmann)."""
    job = cuds.MolecularDynamics(
        copper(2), potential=EAM, ensemble="NVT", temperature=(500, "K"), thermostat=thermostat,
        duration=(count(15, 400), "ps"), timestep=(2, "fs"), every=(50, "fs"), seed=2, record=(),
        initial_temperature=(1000, "K"),
    )  # fmt: skip
    series = cuds.run(job, engine="lammps").series
    assert series.provenance.parameters["restart"] == ("statistical" if thermostat == "langevin" else "exact")
    kinetic = series["kinetic_energy"].between(after=(5, "ps"))
    mean = kinetic.mean()
    wanted = 0.5 * job.degrees_of_freedom * EV_PER_K * 500
    assert abs(mean.value.value - wanted) < 4 * mean.error.value
    ratio = np.var(kinetic.values.value) / (wanted * EV_PER_K * 500)
    assert ratio == pytest.approx(1.0, abs=4 * np.sqrt(2 / mean.effective))
    assert series["temperature"].mean(after=(5, "ps")).value.in_unit("K") == pytest.approx(500, rel=0.05)


@pytest.mark.turns(3)
@pytest.mark.parametrize("coupling", ["isotropic", "anisotropic", "full"])
def test_a_barostat_reaches_its_pressure(coupling: str, count: Count) -> None:
    job = cuds.MolecularDynamics(
        copper(3), potential=EAM, ensemble="NPT", temperature=(300, "K"), pressure=(2, "GPa"), coupling=coupling,
        duration=(count(12, 200), "ps"), timestep=(2, "fs"), every=(20, "fs"), seed=3, record=(),
    )  # fmt: skip
    result = cuds.run(job, engine="lammps")
    mean = result.series["pressure"].mean(after=(5, "ps"))
    assert abs(mean.value.in_unit("GPa") - 2) < max(4 * mean.error.value, 0.02)
    stress = result.series["stress"].mean(after=(5, "ps")).value.in_unit("GPa")
    np.testing.assert_allclose(-stress[:3], 2, atol=0.3)
    cells = result.series["cell"].values.in_unit("angstrom")
    assert np.ptp(cells[:, 0, 0]) > 0.01
    assert (np.ptp(cells[:, 1, 0]) > 1e-3) == (coupling == "full")


def test_both_engines_start_alike_and_move_alike(count: Count) -> None:
    """The same draw of velocities, and for as long as round-off allows the same path."""
    job = cuds.MolecularDynamics(
        copper(2),
        potential=EAM,
        duration=(count(20, 60), "fs"),
        every=(10, "fs"),
        initial_temperature=(600, "K"),
        seed=4,
    )
    one, two = (cuds.run(job, engine=e) for e in ("lammps", "ase"))
    x, y = (r.trajectory.positions.in_unit("angstrom") for r in (one, two))
    np.testing.assert_allclose(x[0], y[0], atol=1e-12)
    np.testing.assert_allclose(x, y, atol=1e-4)
    for name, unit in (("potential_energy", "eV"), ("kinetic_energy", "eV"), ("pressure", "GPa")):
        a, b = (r.series[name].values.in_unit(unit) for r in (one, two))
        np.testing.assert_allclose(a, b, rtol=1e-3)


def test_analysis_by_mdanalysis_finds_the_crystal(tmp_path: Path) -> None:
    """Nearest neighbours of copper are a / sqrt 2 apart; a turned, skew cell is laid as MDAnalysis wants it."""
    from MDAnalysis.analysis.rdf import InterRDF
    from scipy.spatial.transform import Rotation

    skew = copper(4).replace(label="Cu")
    assert skew.cell is not None
    cell = skew.cell.value @ np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1]]).T  # other vectors of the same lattice
    skew = skew.replace(cell=(cell, "angstrom")).rotated(Rotation.random(rng=np.random.default_rng(1)).as_matrix())
    job = cuds.MolecularDynamics(
        skew, potential=EAM, duration=(2, "ps"), timestep=(2, "fs"), every=(0.1, "ps"),
        initial_temperature=(600, "K"), seed=5, record=("positions", "velocities"),
    )  # fmt: skip
    result = cuds.run(job, engine="lammps")
    result.save(tmp_path / "cu.h5md")
    for trajectory in (result.trajectory, cuds.read(tmp_path / "cu.h5md").trajectory):
        universe = trajectory.to_mdanalysis()
        assert len(universe.trajectory) == 21
        assert universe.trajectory[10].time == pytest.approx(1.0)
        rdf = InterRDF(universe.atoms, universe.atoms, nbins=60, range=(1.5, 4.5), exclusion_block=(1, 1)).run(start=5)
        assert rdf.results.bins[np.argmax(rdf.results.rdf)] == pytest.approx(3.615 / np.sqrt(2), abs=0.06)
        assert trajectory.velocities is not None
        v = trajectory.velocities.in_unit("angstrom/ps")[10]
        np.testing.assert_allclose(np.sum(universe.trajectory[10].velocities ** 2), np.sum(v**2), rtol=1e-5)


def test_the_file_is_h5md_that_mdanalysis_opens_itself(tmp_path: Path) -> None:
    import MDAnalysis

    job = cuds.MolecularDynamics(
        copper(2), potential=EAM, duration=(100, "fs"), every=(20, "fs"), initial_temperature=(600, "K"), seed=6
    )
    trajectory = cuds.run(job, engine="lammps").trajectory
    alone = trajectory.replace(system=trajectory.system.replace(label="z"), label="a trajectory")
    cuds.write(alone, tmp_path / "a.h5md")
    universe = MDAnalysis.Universe.empty(len(job.system), trajectory=False)
    universe.load_new(str(tmp_path / "a.h5md"), convert_units=True)
    assert len(universe.trajectory) == 6
    np.testing.assert_allclose(
        universe.trajectory[5].positions, trajectory.positions.in_unit("angstrom")[5], rtol=0, atol=1e-5
    )
    assert universe.trajectory[5].time == pytest.approx(0.1)
