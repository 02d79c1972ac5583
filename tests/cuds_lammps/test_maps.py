"""Torsion maps (CMAP) in LAMMPS: forces, stress, motion, what stands in the script, and what is refused."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cuds
from cuds.errors import UnsupportedError
from cuds.model.state import PotentialEnergy
from cuds.semantics.dictionary import engine_words
from cuds_lammps.dynamics import LammpsDynamics
from cuds_lammps.session import LammpsSession
from tests.maps import chain_at, maps_over

WORDS = engine_words("lammps")
NOTHING = cuds.pair("LennardJones", "C", "C", epsilon="0 eV", sigma="3 angstrom", cutoff="9 angstrom")


def session(system: cuds.ParticleSystem, folder: Path, units: str = "real") -> LammpsSession:
    opened = LammpsSession(cuds.SinglePoint(system, potential=NOTHING), folder, WORDS, {"units": units})
    opened.advance()
    return opened


@pytest.mark.parametrize("units", ["real", "metal"])
@pytest.mark.parametrize("torsions", [(-61.3, 47.9), (172.2, -178.1)])
def test_forces_and_stress_are_slopes(units: str, torsions: tuple[float, float], tmp_path: Path) -> None:
    """Of the energy, along a random displacement and every strain; shares of particles add up to the whole."""
    rng = np.random.default_rng(2)
    system = chain_at(*torsions, maps_over(rng))
    opened = session(system, tmp_path, units)
    energy, stress, state = opened.pull(PotentialEnergy), opened.pull(cuds.Stress), opened.pull(cuds.ParticleSystem)
    assert energy.parts["cmap"].in_unit("eV") == pytest.approx(energy.value.in_unit("eV"), rel=1e-13)
    assert state.forces is not None
    assert state.energies is not None
    assert state.atomic_stresses is not None
    volume = system.volume.in_unit("angstrom**3")
    wanted = np.asarray(stress.value.in_unit("eV/angstrom**3"))
    np.testing.assert_allclose(state.atomic_stresses.in_unit("eV").sum(axis=0) / volume, wanted, rtol=1e-9, atol=1e-20)
    assert state.energies.in_unit("eV").sum() == pytest.approx(energy.value.in_unit("eV"), rel=1e-12)

    def slope(changed: Callable[[float], cuds.ParticleSystem]) -> float:
        ends = []
        for n in (-2, -1, 1, 2):
            opened.push(changed(n * 1e-4))
            opened.advance()
            ends.append(opened.pull(PotentialEnergy).value.in_unit("eV"))
        return float(ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / 12e-4

    along, x = rng.normal(size=(5, 3)), system.positions.value
    moved = slope(lambda h: system.replace(positions=(x + h * along, "angstrom")))
    assert moved == pytest.approx(-float(np.sum(state.forces.in_unit("eV/angstrom") * along)), rel=1e-6)
    found = [slope(lambda h, axis=axis: system.strained(h * np.eye(6)[axis])) / volume for axis in range(6)]  # type: ignore[misc]
    np.testing.assert_allclose(wanted, found, atol=1e-6 * np.abs(found).max())
    opened.close()


def test_several_ranks_and_a_minimum() -> None:
    system = chain_at(-61.3, 47.9, maps_over(np.random.default_rng(2)))
    job = cuds.EnergyMinimisation(system, potential=NOTHING, force_tolerance="1e-6 eV/angstrom")
    rest = cuds.run(job, engine="lammps")
    start = cuds.energy(system, potential=NOTHING, engine="lammps")
    assert rest[PotentialEnergy].value.in_unit("eV") < start.value.in_unit("eV") - 1e-3
    two = cuds.run(cuds.SinglePoint(system, potential=NOTHING), engine="lammps", ranks=2)[PotentialEnergy]
    assert two.parts["cmap"].in_unit("eV") == pytest.approx(start.value.in_unit("eV"), rel=1e-12)


def test_the_transcript_gives_the_same_in_plain_lammps(tmp_path: Path) -> None:
    system = chain_at(-61.3, 47.9, maps_over(np.random.default_rng(2)))
    kept = tmp_path / "kept"
    done = cuds.run(cuds.SinglePoint(system, potential=NOTHING), engine="lammps", keep=kept)
    run = done[PotentialEnergy].provenance
    assert run is not None
    (kept / "again.in").write_text(run.transcript + 'print "ENERGY $(pe:%.17g)"\n')
    lmp = Path(sys.executable).with_name("lmp")
    said = subprocess.run([lmp, "-in", "again.in"], cwd=kept, capture_output=True, text=True, check=True)
    (value,) = (line.split()[1] for line in said.stdout.splitlines() if line.startswith("ENERGY "))
    assert float(value) == done[PotentialEnergy].value.in_unit("eV") != 0


def test_motion_and_its_restart(tmp_path: Path) -> None:
    """Energy is kept, to second order in the time step; after a restart the same bits follow."""
    system = chain_at(-61.3, 47.9, maps_over(np.random.default_rng(2)))
    springs = cuds.bonded(
        "HarmonicBond", [[i, i + 1] for i in range(1, 5)], k="500 kcal/mol/angstrom**2", r0="1.5 angstrom"
    )
    assert system.topology is not None
    system = system.replace(topology=system.topology.replace(groups=(springs,)))
    job = cuds.MolecularDynamics(system, potential=NOTHING, duration="40 fs", timestep="0.1 fs", every="4 fs",
                                 initial_temperature="300 K", seed=3)  # fmt: skip
    moving = LammpsDynamics(job, tmp_path, WORDS, {"units": "metal"})
    moving.advance(200)
    state = moving.state()
    moving.advance(200)
    once = moving.pull(cuds.ParticleSystem)
    total = np.asarray(moving.pull(cuds.TimeSeries)["TotalEnergy"].values.in_unit("eV"))
    moving.restore(state)
    moving.advance(200)
    again = moving.pull(cuds.ParticleSystem)
    moving.close()
    np.testing.assert_array_equal(again.positions.value, once.positions.value)
    assert np.ptp(total) < 1e-5


def asked(maps: tuple[cuds.TorsionMaps, ...], n: int = 5, **options: Any) -> Callable[[], Any]:
    one = chain_at(-61.3, 47.9, maps_over(np.random.default_rng(0)))
    x = np.concatenate([one.positions.in_unit("angstrom") + np.array([0, 0, 3 * i]) for i in range(n // 5)])
    topology, species = cuds.Topology(maps=maps), np.zeros(n, dtype=int)
    system = one.replace(positions=(x, "angstrom"), ids=None, species=species, topology=topology)
    return lambda: cuds.energy(system, potential=NOTHING, engine="lammps", options=options)


EACH = np.arange(24 * 24 * 7, dtype=float).reshape(7, 24, 24)
MANY = cuds.TorsionMaps(particles=np.arange(1, 36).reshape(7, 5), row=range(7), energies=(EACH, "eV"))
OFTEN = cuds.TorsionMaps(particles=[[1, 2, 3, 4, 5]] * 7, row=[0] * 7, energies=(EACH, "eV"))
ONE = maps_over(np.random.default_rng(1))
SCALE = {"epsilon": "0.0153 eV", "sigma": "2.7 angstrom", "mass": "31 Da"}
CASES: dict[str, tuple[Callable[[], Any], str]] = {
    "another size": (asked((maps_over(np.random.default_rng(1), 12),)), "maps of 12 x 12 points"),
    "seven maps": (asked((MANY,), n=35), "7 different torsion maps"),
    "an atom in seven terms": (asked((OFTEN,)), "particle 1 in 7 torsion maps"),
    "si": (asked((ONE,), units="si"), "torsion maps in units 'si'"),
    "lj": (asked((ONE,), units="lj", scale=SCALE), "torsion maps in units 'lj'"),
}


@pytest.mark.parametrize("case", CASES)
def test_refused(case: str) -> None:
    ask, says = CASES[case]
    with pytest.raises(UnsupportedError) as caught:
        ask()
    assert says in str(caught.value)
    assert caught.value.hint


def test_maps_that_are_the_same_are_one() -> None:
    same = MANY.replace(energies=(np.tile(ONE.energies.in_unit("eV"), (7, 1, 1)), "eV"))
    found = asked((same,), n=35)()
    alone = cuds.energy(chain_at(-61.3, 47.9, ONE), potential=NOTHING, engine="lammps")
    assert found.parts["cmap"].in_unit("eV") == pytest.approx(7 * alone.value.in_unit("eV"), rel=1e-12)


def test_a_torsion_without_sense_is_refused() -> None:
    """LAMMPS leaves a term out, without a word, where three of its atoms are on a line to a quarter of a degree."""
    system = chain_at(-61.3, 47.9, ONE)
    for bend, fine in ((0.006, True), (0.003, False)):
        x = np.array(system.positions.in_unit("angstrom"))
        along = (x[2] - x[1]) / 1.5
        x[0] = x[1] - 1.5 * (np.cos(bend) * along + np.sin(bend) * np.cross(along, [0, 0, 1.0]))
        bent = system.replace(positions=(x, "angstrom"))
        if fine:
            assert cuds.energy(bent, potential=NOTHING, engine="lammps").value.in_unit("eV") != 0
            continue
        with pytest.raises(UnsupportedError, match="over atoms on a line, the first of particles 1, 2, 3, 4, 5"):
            cuds.energy(bent, potential=NOTHING, engine="lammps")
