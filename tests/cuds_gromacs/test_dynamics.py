"""Motion with GROMACS: against plain mdrun, against LAMMPS, against statistical mechanics, and taken apart."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import cuds
from cuds.errors import EngineDiedError, FormatError, InvalidError, UnsupportedError
from cuds.units import BOLTZMANN, factor
from cuds.wrapper.contract import Progress
from cuds_gromacs import GromacsWrapper
from cuds_gromacs.dynamics import GromacsDynamics
from cuds_gromacs.results import read_energies
from tests.cuds_gromacs.liquids import argon, water

Count = Callable[[int, int], int]
Floats = npt.NDArray[np.float64]
KT = float(BOLTZMANN) * factor("J", "kJ/mol")
BATHS: dict[str, dict[str, Any]] = {
    "nve": {},
    "nose-hoover": {"ensemble": "NVT", "temperature": (300, "K")},
    "rescaled": {"ensemble": "NVT", "temperature": (300, "K"), "thermostat": "stochastic-rescaling"},
    "langevin": {"ensemble": "NVT", "temperature": (300, "K"), "thermostat": "langevin"},
    "npt": {"ensemble": "NPT", "temperature": (300, "K"), "pressure": (1, "bar"),
            "thermostat": "stochastic-rescaling", "barostat": "stochastic-rescaling"},
}  # fmt: skip


def job(liquid: tuple[cuds.ParticleSystem, cuds.Potential], **settings: Any) -> cuds.MolecularDynamics:
    usual: dict[str, Any] = {
        "duration": (0.1, "ps"), "timestep": (1, "fs"), "every": (10, "fs"), "seed": 4,
        "initial_temperature": (300, "K"), "record": ("positions", "velocities"),
    }  # fmt: skip
    return cuds.MolecularDynamics(liquid[0], potential=liquid[1], **{**usual, **settings})


def opened(folder: Path, wanted: cuds.MolecularDynamics, **more: Any) -> Any:
    """Return an open session in this process, which closes itself."""
    folder.mkdir(exist_ok=True)
    session = GromacsWrapper(folder, **more).open(wanted)
    assert isinstance(session, GromacsDynamics)
    return closing(session)


def ended(session: Any) -> tuple[Floats, Floats, Floats]:
    now = session.pull(cuds.ParticleSystem)
    return now.positions.value, now.velocities.value, now.forces.value


def speeds(frames: cuds.Trajectory) -> Floats:
    assert frames.velocities is not None
    return np.asarray(frames.velocities.in_unit("nm/ps"))


def slope(x: Floats, y: Floats) -> tuple[float, float]:
    (found, _), covariance = np.polyfit(x, y, 1, cov=True)
    return float(found), float(np.sqrt(covariance[0, 0]))


@pytest.mark.turns(2)
@pytest.mark.parametrize("rigid", [False, True])
def test_water_keeps_its_energy(rigid: bool, count: Count) -> None:
    """It does not drift, and moves a fiftieth as far as potential and kinetic energy do."""
    step = 1.0 if rigid else 0.5
    wanted = job(
        water(rigid=rigid), duration=(count(6000, 40_000) * step, "fs"), timestep=(step, "fs"), every=(50 * step, "fs"),
        record=(),
    )  # fmt: skip
    series = cuds.run(wanted, engine="gromacs").series
    t = series.times.in_unit("ps")
    total, kinetic = (series[n].values.in_unit("kJ/mol") for n in ("total_energy", "kinetic_energy"))
    settled = t > t[-1] / 2  # before, molecules turn from where chance had put them
    total, kinetic = total[settled], kinetic[settled]
    drift, error = slope(t[settled], total)
    assert abs(drift) < max(4 * error, 1e-3 * KT * 300 * len(wanted.system))
    assert total.std() < 0.02 * kinetic.std()


def test_plain_mdrun_on_the_transcript_gives_the_same_energies(tmp_path: Path) -> None:
    """To the last digit, though the wrapper went on from a checkpoint in between."""
    wanted = job(water(rigid=True))
    with opened(tmp_path / "ours", wanted) as session:
        ours = []
        for steps in (30, 50, 20):
            session.advance(steps)
            ours.append(session.pull(cuds.TimeSeries))
        told = session.transcript().split("\n;")[0]
    subprocess.run(["bash", "-ec", told], cwd=tmp_path / "ours", check=True, capture_output=True)
    plain = read_energies(tmp_path / "ours" / "motion.edr")
    for name, row in (("potential_energy", "Potential"), ("kinetic_energy", "Kinetic En.")):
        values = np.concatenate([s[name].values.in_unit("kJ/mol") for s in ours])
        assert np.array_equal(values, plain[row]), name
    assert np.concatenate([s.steps for s in ours]).tolist() == plain.steps.tolist() == list(range(0, 101, 10))


@pytest.mark.parametrize("bath", BATHS)
def test_taken_apart_or_restored_it_goes_on_as_if_left_alone(bath: str, tmp_path: Path) -> None:
    wanted = job(water(rigid=True), **BATHS[bath])
    with opened(tmp_path / "alone", wanted) as session:
        session.advance()
        alone = ended(session)
        assert session.report()["restart"] == "exact"
    with opened(tmp_path / "apart", wanted) as session:
        session.advance(30)
        state = session.state()
        session.advance(40)
        session.advance(30)
        apart = ended(session)
    with opened(tmp_path / "again", wanted) as session:
        session.restore(state)
        session.advance()
        again = ended(session)
        with pytest.raises(FormatError):
            session.restore(b"no state")
    for one, two, three in zip(alone, apart, again, strict=True):
        assert np.array_equal(one, two)
        assert np.array_equal(one, three)


def test_between_samples_the_state_is_that_of_the_step(tmp_path: Path) -> None:
    """A step that is no sample is read when it is asked for, and changes nothing that follows."""
    wanted = job(argon(), timestep=(4, "fs"), every=(4, "fs"), duration=(160, "fs"), initial_temperature=(120, "K"))
    with opened(tmp_path / "each", wanted) as session:
        session.advance()
        frames = session.pull(cuds.Trajectory)
    with opened(tmp_path / "few", wanted.replace(every=(80, "fs"))) as session:
        session.advance(7)
        assert len(session.pull(cuds.Trajectory)) == 1
        x, v, _ = ended(session)
        session.advance(0)
        assert np.array_equal(ended(session)[0], x)
    np.testing.assert_allclose(x, frames.positions.value[7], rtol=0, atol=1e-13)
    np.testing.assert_allclose(v, frames.velocities.value[7], rtol=0, atol=1e-11)


@pytest.mark.turns(3)
@pytest.mark.parametrize("thermostat", ["nose-hoover", "langevin", "stochastic-rescaling"])
def test_a_thermostat_gives_the_canonical_distribution(thermostat: str, count: Count) -> None:
    """The mean of the kinetic energy is dof/2 kT, its variance dof/2 (kT)^2 (Maxwell and Boltzmann)."""
    wanted = job(
        argon(), ensemble="NVT", temperature=(120, "K"), thermostat=thermostat, thermostat_time=(0.2, "ps"), record=(),
        duration=(count(80, 600), "ps"), timestep=(4, "fs"), every=(40, "fs"), initial_temperature=(200, "K"),
    )  # fmt: skip
    kinetic = cuds.run(wanted, engine="gromacs").series["kinetic_energy"].between(after=(5, "ps"))
    mean, ideal = kinetic.mean(), 0.5 * wanted.degrees_of_freedom * KT * 120
    assert abs(mean.value.in_unit("kJ/mol") - ideal) < 4 * mean.error.in_unit("kJ/mol")
    ratio = np.var(kinetic.values.in_unit("kJ/mol")) / (ideal * KT * 120)
    assert ratio == pytest.approx(1.0, abs=4 * np.sqrt(2 / mean.effective))


@pytest.mark.turns(2)
@pytest.mark.parametrize("bath", ["nose-hoover", "stochastic-rescaling"])
def test_a_barostat_reaches_its_pressure(bath: str, count: Count) -> None:
    wanted = job(
        argon(), ensemble="NPT", temperature=(120, "K"), pressure=(400, "bar"), thermostat=bath, barostat=bath,
        record=(), duration=(count(100, 800), "ps"), timestep=(4, "fs"), every=(40, "fs"),
        initial_temperature=(120, "K"),
    )  # fmt: skip
    result = cuds.run(wanted, engine="gromacs", options={"compressibility": 4e-4})
    mean = result.series["pressure"].mean(after=(10, "ps"))
    assert abs(mean.value.in_unit("bar") - 400) < 4 * mean.error.in_unit("bar")
    cells, volumes = result.series["cell"].values.in_unit("angstrom"), result.series["volume"].values
    np.testing.assert_allclose(np.linalg.det(cells), volumes.in_unit("angstrom**3"), rtol=1e-12)
    assert np.ptp(cells[:, 0, 0]) > 0.1


@pytest.mark.parametrize("bath", ["nve", "nose-hoover"])
def test_it_moves_as_in_lammps(bath: str) -> None:
    """The same equations, masses of the thermostat among them; NVE by the very same steps."""
    more = {**BATHS[bath], **({} if bath == "nve" else {"temperature": (150, "K")})}
    wanted = job(argon(), timestep=(2, "fs"), duration=(0.4, "ps"), every=(20, "fs"),
                 initial_temperature=(100, "K"), **more)  # fmt: skip
    one, two = (cuds.run(wanted, engine=e) for e in ("gromacs", "lammps"))
    x, y = (r.trajectory.positions.in_unit("angstrom") for r in (one, two))
    np.testing.assert_allclose(x, y, atol=1e-6 if bath == "nve" else 2e-3)
    for name, unit in (("kinetic_energy", "eV"), ("pressure", "GPa"), ("total_energy", "eV")):
        a, b = (r.series[name].values.in_unit(unit) for r in (one, two))
        np.testing.assert_allclose(a, b, rtol=1e-5 if bath == "nve" else 1e-3, err_msg=name)


def test_langevin_dynamics_without_friction_is_that_of_velocity_verlet() -> None:
    """Positions, velocities, energies and stress are those of one instant, also with rigid distances.

    The stress of rigid distances is of first order in the time step with velocity Verlet, here a fortieth.
    """
    for liquid, close in ((argon(), 1e-4), (water(rigid=True), 0.04)):
        calm = job(liquid, thermostat_time=(1e13, "ps"), ensemble="NVT", temperature=(300, "K"), thermostat="langevin",
                   duration=(40, "fs"), every=(4, "fs"))  # fmt: skip
        alone = job(liquid, duration=(40, "fs"), every=(4, "fs")).replace(system=calm.start(), initial_temperature=None)
        one, two = (cuds.run(j, engine="gromacs") for j in (calm, alone))
        x, y = (r.trajectory.positions.in_unit("nm") for r in (one, two))
        v, w = (speeds(r.trajectory) for r in (one, two))
        np.testing.assert_allclose(x, y, rtol=0, atol=1e-6)
        np.testing.assert_allclose(v, w, rtol=0, atol=3e-4)
        for name, unit, limit in (("kinetic_energy", "kJ/mol", 1e-4), ("stress", "GPa", close)):
            a, b = (r.series[name].values.in_unit(unit) for r in (one, two))
            np.testing.assert_allclose(a, b, rtol=0, atol=limit * np.abs(b).max(), err_msg=name)


def test_progress_comes_from_the_running_engine(tmp_path: Path) -> None:
    heard: list[Progress] = []
    wanted = job(water(rigid=True), duration=(400, "fs"), record=())
    with opened(tmp_path / "x", wanted, progress=heard.append) as session:
        session.advance()
    assert [p.total for p in heard] == [400] * len(heard)
    steps = [p.done for p in heard]
    assert len(steps) > 3
    assert steps == sorted(set(steps))


def test_several_threads_and_mixed_precision_are_options(tmp_path: Path) -> None:
    wanted = job(water(rigid=True), record=())
    energies = []
    for options in ({}, {"threads": 2}, {"precision": "mixed"}):
        with opened(tmp_path / "x", wanted, options=options) as session:
            session.advance()
            energies.append(session.pull(cuds.TimeSeries)["total_energy"].values.in_unit("kJ/mol"))
            assert session.report()["precision"] == options.get("precision", "double")
            assert f"OMP_NUM_THREADS={options.get('threads', 1)} " in session.transcript()
    np.testing.assert_allclose(energies[1], energies[0], rtol=1e-9)
    np.testing.assert_allclose(energies[2], energies[0], rtol=0, atol=0.5)
    for wrong in ({"threads": 0}, {"threads": "many"}, {"compressibility": -1}):
        with pytest.raises(InvalidError, match=next(iter(wrong))):
            opened(tmp_path / "x", wanted, options=wrong)


def test_what_it_cannot_do_is_refused_by_name(tmp_path: Path) -> None:
    liquid = argon()
    npt: dict[str, Any] = {"ensemble": "NPT", "temperature": (120, "K"), "pressure": (1, "bar")}
    stiff = job(water(rigid=True), **npt)
    for wanted, named in (
        (job(liquid, **npt, coupling="anisotropic"), "anisotropic"),
        (job(liquid, **npt, thermostat="langevin"), "langevin"),
        (job(liquid, **npt, barostat="stochastic-rescaling"), "stochastic-rescaling"),
        (stiff, "192 constrained"),
        (job(with_site(*liquid)), "1 virtual sites, the first particle 3"),
    ):
        with pytest.raises(UnsupportedError, match=named):
            opened(tmp_path / "x", wanted)
    moving = job(liquid).start()
    assert moving.velocities is not None
    drifting = moving.replace(velocities=(moving.velocities.in_unit("nm/ps") + 0.1, "nm/ps"))
    bath = job((drifting, liquid[1]), ensemble="NVT", temperature=(120, "K"), initial_temperature=None)
    with pytest.raises(InvalidError, match="as a whole"):
        opened(tmp_path / "x", bath)
    with opened(tmp_path / "x", bath.replace(thermostat="langevin")) as session:
        session.advance(10)


def with_site(system: cuds.ParticleSystem, potential: cuds.Potential) -> tuple[cuds.ParticleSystem, cuds.Potential]:
    """Return atoms of which the third is half way between the first two, where nothing acts on it."""
    for one in ("Ar", "M"):
        potential += cuds.pair("LennardJones", one, "M", epsilon="0 kJ/mol", sigma="0.3 nm", cutoff="0.75 nm",
                               truncation="ShiftedCutoff")  # fmt: skip
    massless = cuds.Species(symbol="M", mass="0 Da")
    sites = cuds.virtual_sites("LineSite", [[3, 1, 2]], a=0.5)
    species, kinds = np.where(system.ids == 3, 1, 0), (*system.kinds, massless)
    made = system.replace(kinds=kinds, species=species, topology=cuds.Topology(sites=(sites,)))
    return cuds.sites_placed(made), potential


def test_the_drift_of_a_system_alone_stays(tmp_path: Path) -> None:
    """Nothing takes it away, and paths are followed however far they lead."""
    start = job(argon()).start()
    assert start.velocities is not None
    fast = start.replace(velocities=(start.velocities.in_unit("nm/ps") + np.array([3.0, 0, -1.0]), "nm/ps"))
    wanted = job((fast, argon()[1]), timestep=(4, "fs"), every=(2, "ps"), duration=(4, "ps"), initial_temperature=None)
    with opened(tmp_path / "x", wanted) as session:
        session.advance()
        x = session.pull(cuds.Trajectory).positions.in_unit("nm").mean(axis=1)
    np.testing.assert_allclose(x[-1] - x[0], [12, 0, -4], atol=1e-9)


def test_a_killed_mdrun_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    """Its signal is named, no process stays, and the session goes on from where it was."""
    wanted = job(water(rigid=True), duration=(100, "ps"))
    with opened(tmp_path / "alone", wanted) as session:
        session.advance(20)
        session.advance(20)
        alone = ended(session)
    with opened(tmp_path / "x", wanted) as session:
        session.advance(20)
        killer = threading.Thread(target=kill, args=(str(tmp_path / "x"),))
        killer.start()
        with pytest.raises(EngineDiedError, match="SIGKILL"):
            session.advance()
        killer.join()
        assert not running(str(tmp_path / "x"))
        session.advance(20)
        assert np.array_equal(ended(session)[0], alone[0])


def running(folder: str) -> list[int]:
    """Return the runs of mdrun on a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if "mdrun" in words and any(w.startswith(folder) for w in words):
                found.append(int(entry.name))
    return found


def kill(folder: str) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        time.sleep(0.5)
        for process in running(folder):
            os.kill(process, signal.SIGKILL)
            return
