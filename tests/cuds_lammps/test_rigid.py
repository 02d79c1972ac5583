"""Rigid molecules that move in LAMMPS."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cuds
from cuds.errors import InvalidError, UnsupportedError
from cuds.model.dynamics import MolecularDynamics
from cuds.model.images import nearest
from cuds.model.particles import ParticleSystem
from cuds.model.rigid import settled
from cuds.model.series import TimeSeries
from cuds.model.trajectory import Trajectory
from cuds.units import BOLTZMANN, factor
from cuds_lammps.dynamics import LammpsDynamics
from cuds_lammps.wrapper import LammpsWrapper
from tests.waters import bound, off, spce, waters

Count = Callable[[int, int], int]
BATHS: dict[str, tuple[dict[str, Any], float]] = {  # and how near distances keep, relative
    "NVE": ({}, 1e-12),
    "Langevin NVT": ({"ensemble": "NVT", "thermostat": "langevin"}, 1e-12),
    "Nosé-Hoover NVT": ({"ensemble": "NVT"}, 1e-4),
    "rescaled NVT": ({"ensemble": "NVT", "thermostat": "stochastic-rescaling"}, 1e-3),
    "Nosé-Hoover NPT": ({"ensemble": "NPT"}, 1e-3),
    "Langevin NPT": ({"ensemble": "NPT", "thermostat": "langevin"}, 1e-3),
    "rescaled NPT": ({"ensemble": "NPT", "thermostat": "stochastic-rescaling"}, 1e-3),
    "full NPT": ({"ensemble": "NPT", "coupling": "full"}, 1e-3),
}


@pytest.fixture(scope="module")
def liquid() -> ParticleSystem:
    """64 molecules at about 300 K, settled for a picosecond."""
    job = MolecularDynamics(waters(4), potential=spce(), ensemble="NVT", thermostat="langevin", seed=1, record=(),
                            temperature="300 K", thermostat_time="0.02 ps", duration="1 ps")  # fmt: skip
    return cuds.run(job, engine="lammps").all(ParticleSystem)[-1]


def motion(system: ParticleSystem, **more: Any) -> MolecularDynamics:
    given: dict[str, Any] = {"potential": spce(), "duration": "40 fs", "every": "1 fs", "seed": 5,
                             "record": ("positions", "velocities")}  # fmt: skip
    if "ensemble" in more:
        given["temperature"] = "300 K"
    if more.get("ensemble") == "NPT":
        given["pressure"] = "1 bar"
    return MolecularDynamics(system, **(given | more))


@contextmanager
def opened(job: MolecularDynamics, folder: Path) -> Iterator[LammpsDynamics]:
    session = LammpsWrapper(folder).open(job)
    assert isinstance(session, LammpsDynamics)
    with session:
        yield session


def ended(session: LammpsDynamics, steps: int = 20) -> tuple[np.ndarray, np.ndarray]:
    session.advance(steps)
    frames = session.pull(Trajectory)
    assert frames.velocities is not None
    return frames.positions.value[-1], frames.velocities.value[-1]


def test_nve_conserves_energy_and_keeps_distances(liquid: ParticleSystem, count: Count) -> None:
    result = cuds.run(motion(liquid, duration=(count(400, 4000), "fs"), every="2 fs"), engine="lammps")
    series = result[TimeSeries]
    total, potential = (series[n].values.in_unit("eV") for n in ("total_energy", "potential_energy"))
    assert np.std(total) < 0.01 * np.std(potential)
    assert abs(np.polyfit(series.times.in_unit("ps"), total, 1)[0]) < 2e-4 * len(liquid)
    assert off(result[Trajectory]).max() < 1e-12
    run = series.provenance
    assert run is not None
    assert run.parameters["rigid distances kept to [relative]"] < 1e-12
    assert run.parameters["set at rigid distances by up to [angstrom]"] < 1e-12


@pytest.mark.turns(3)
@pytest.mark.parametrize("bath", BATHS)
def test_each_bath_keeps_distances_and_counts_degrees_of_freedom(bath: str, liquid: ParticleSystem) -> None:
    """A bath that scales velocities or the cell does so within a step, and the next step sets distances right."""
    given, near = BATHS[bath]
    job = motion(liquid, **given, duration="200 fs")
    result = cuds.run(job, engine="lammps")
    series = result[TimeSeries]
    kelvin = 2 * series["kinetic_energy"].values.in_unit("J") / (job.degrees_of_freedom * float(BOLTZMANN))
    np.testing.assert_allclose(series["temperature"].values.in_unit("K"), kelvin, rtol=1e-5)
    removed = 0 if given.get("thermostat") == "langevin" else 3
    assert job.degrees_of_freedom == 6 * 64 - removed
    assert off(result[Trajectory]).max() < near
    run = series.provenance
    assert run is not None
    assert run.parameters["rigid distances kept to [relative]"] == pytest.approx(
        off(result[Trajectory])[-1], rel=1e-3, abs=1e-13
    )


def test_pressure_has_the_part_of_the_forces_that_hold_distances(liquid: ParticleSystem) -> None:
    """Computed anew from positions, velocities and forces: the smaller the time step, the nearer."""
    differences = []
    for timestep in (1.0, 0.5):
        result = cuds.run(motion(liquid, timestep=(timestep, "fs"), duration="8 fs"), engine="lammps")
        frames, series = result[Trajectory], result[TimeSeries]
        assert frames.velocities is not None
        state = liquid.replace(positions=frames.positions[-1], velocities=frames.velocities[-1])
        wanted, part = rigid_pressure(state)
        differences.append(abs(series["pressure"].values.in_unit("bar")[-1] - wanted))
        assert part < -20_000
    assert differences[0] < 10
    assert differences[1] < 0.4 * differences[0]


def rigid_pressure(state: ParticleSystem) -> tuple[float, float]:
    """The pressure in bar of rigid molecules, and the part of it of the forces along their distances."""
    static = cuds.run(cuds.SinglePoint(state, potential=spce()), engine="lammps")
    forces = static[ParticleSystem].forces
    assert forces is not None
    assert state.velocities is not None
    assert state.topology is not None
    acceleration = factor("eV", "J") / factor("Da", "kg") * 1e-4  # J/kg are 1e-4 angstrom**2/ps**2
    x, v, m = state.positions.in_unit("angstrom"), state.velocities.in_unit("angstrom/ps"), state.masses.in_unit("Da")
    a = forces.in_unit("eV/angstrom") / m[:, None] * acceleration
    one, two = (state.topology.constrained - 1).T
    d = nearest(state, x[one] - x[two])
    n = np.arange(len(d))
    G = np.zeros((len(d), len(x), 3))
    G[n, one], G[n, two] = d, -d
    flat = G.reshape(len(d), -1)
    load = -np.sum(d * (a[one] - a[two]), axis=1) - np.sum((v[one] - v[two]) ** 2, axis=1)
    pulls = np.linalg.solve(flat / np.repeat(m, 3) * acceleration @ flat.T, load)
    volume, bar = state.volume.in_unit("angstrom**3"), factor("eV/angstrom**3", "bar")
    held = float(np.sum(pulls * np.sum(d**2, axis=1))) / 3 / volume * bar
    motion = float(np.sum(m[:, None] * v**2)) / acceleration / 3 / volume * bar
    static_part = -float(static[cuds.Stress].value.in_unit("bar")[:3].mean())
    return static_part + motion + held, held


@pytest.mark.parametrize("bath", ["NVE", "Nosé-Hoover NVT", "rescaled NVT", "Nosé-Hoover NPT"])
def test_a_restart_goes_on_as_the_run_left_alone(bath: str, liquid: ParticleSystem, tmp_path: Path) -> None:
    job = motion(liquid, **BATHS[bath][0])
    (tmp_path / "again").mkdir()
    with opened(job, tmp_path) as session:
        session.advance(20)
        state = session.state()
        alone = ended(session)
    with opened(job, tmp_path / "again") as session:
        session.restore(state)
        resumed = ended(session)
    for a, b in zip(alone, resumed, strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("bath", ["NVE", "Nosé-Hoover NVT", "Nosé-Hoover NPT"])
def test_a_state_pushed_into_a_motion_moves_on_like_a_start(bath: str, liquid: ParticleSystem, tmp_path: Path) -> None:
    """Another state, with another cell and rounded positions: it is set right as a start is."""
    job = motion(liquid, **BATHS[bath][0])
    rounded = np.round(liquid.positions.in_unit("nm") * 1.01, 4)
    other = liquid.replace(positions=(rounded, "nm"), cell=(liquid.cell.value * 1.01, "angstrom"))  # type: ignore[union-attr]
    (tmp_path / "again").mkdir()
    with opened(job, tmp_path) as session:
        session.advance(10)
        session.push(other)
        pushed = ended(session)
        assert off(session.pull(Trajectory)).max() < BATHS[bath][1]
        session.push(session.pull(ParticleSystem))
        assert off_now(ended(session)[0]) < BATHS[bath][1]
    with opened(job.replace(system=other), tmp_path / "again") as session:
        started = ended(session)
    for a, b in zip(pushed, started, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-8)


def off_now(positions: np.ndarray) -> float:
    x = positions.reshape(-1, 3, 3)
    return float(np.abs(np.linalg.norm(x[:, 0] - x[:, 1], axis=1) - 1).max())


def test_velocities_pushed_are_those_of_rigid_molecules(liquid: ParticleSystem, tmp_path: Path) -> None:
    """Pulled and pushed as it is, a state changes nothing; velocities that tear molecules apart are refused."""
    job = motion(liquid)
    (tmp_path / "again").mkdir()
    with opened(job, tmp_path) as session:
        session.advance(10)
        session.push(session.pull(ParticleSystem))
        pushed = ended(session, 10)
    with opened(job, tmp_path / "again") as session:
        session.advance(10)
        alone = ended(session, 10)
        now = session.pull(ParticleSystem)
        held = settled(now).velocities
        assert now.velocities is not None
        assert held is not None
        speeds = np.random.default_rng(1).permutation(now.velocities.value)
        with pytest.raises(InvalidError, match="kinetic energy would change rigid distances"):
            session.push(now.replace(velocities=(speeds, now.velocities.unit)))
        session.push(now.replace(velocities=(now.velocities.value / 2, now.velocities.unit)))
        session.advance(0)
        slow = session.pull(ParticleSystem)
    assert np.array_equal(pushed[0], alone[0])
    assert slow.velocities is not None
    np.testing.assert_allclose(slow.velocities.value, held.value / 2, rtol=0, atol=1e-9)


def test_several_ranks_move_them_alike(liquid: ParticleSystem) -> None:
    job = motion(liquid, duration="20 fs")
    one, two = (cuds.run(job, engine="lammps", ranks=n)[Trajectory] for n in (1, 2))
    np.testing.assert_allclose(two.positions.value, one.positions.value, rtol=0, atol=1e-9)
    assert off(two).max() < 1e-12


def test_the_transcript_gives_the_same_in_plain_lammps(liquid: ParticleSystem, tmp_path: Path) -> None:
    result = cuds.run(motion(liquid, duration="10 fs"), engine="lammps", keep=tmp_path / "kept")
    run = result[TimeSeries].provenance
    assert run is not None
    (tmp_path / "kept" / "again.in").write_text(run.transcript + 'print "ENERGY $(etotal:%.17g) $(press:%.17g)"\n')
    lmp = Path(sys.executable).with_name("lmp")
    said = subprocess.run([lmp, "-in", "again.in"], cwd=tmp_path / "kept", capture_output=True, text=True, check=True)
    (line,) = (line for line in said.stdout.splitlines() if line.startswith("ENERGY "))
    assert float(line.split()[1]) == result[TimeSeries]["total_energy"].values.in_unit("eV")[-1]


@dataclass(frozen=True)
class Shape:
    """A molecule of two to four atoms, which distances of it are rigid, and at which ids its atoms stand."""

    places: list[list[float]]
    rigid: list[tuple[int, int]]


SHAPES = {
    "a pair": Shape([[0, 0, 0], [1.1, 0, 0]], [(0, 1)]),
    "two to one": Shape([[0, 0, 0], [1.1, 0, 0], [0.2, 1.3, 0]], [(0, 1), (0, 2)]),
    "a triangle of three lengths": Shape([[0, 0, 0], [1.1, 0, 0], [0.2, 1.3, 0]], [(0, 1), (1, 2), (0, 2)]),
    "three to one": Shape([[0, 0, 0], [1.1, 0, 0], [0.2, 1.3, 0], [-0.3, 0.2, 0.9]], [(0, 1), (0, 2), (3, 0)]),
}


def gas(*shapes: Shape) -> ParticleSystem:
    """Molecules far from each other in a skew cell, their atoms anywhere among the ids and in any image."""
    rng, cell = np.random.default_rng(3), np.array([[25.0, 0, 0], [4, 24, 0], [-3, 5, 26]])
    places, pairs, within, lengths, first = [], [], [], [], 0
    corners = rng.permutation(np.array(list(np.ndindex(2, 2, 2))))[: len(shapes)] * 0.5
    for shape, corner in zip(shapes, corners, strict=True):
        x = np.array(shape.places) @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
        places.append(x + (corner + rng.uniform(0, 0.02, 3)) @ cell)
        pairs += [(first + i, first + j) for i, j in shape.rigid]
        lengths += [float(np.linalg.norm(x[i] - x[j])) for i, j in shape.rigid]
        within += [(first + i, first + j) for i, j in combinations(range(len(x)), 2)]
        first += len(x)
    x = np.concatenate(places) + rng.integers(-1, 2, (first, 3)) @ cell
    ids = rng.permutation(first) * 3 + 2
    rows = np.array(pairs)
    kinds = tuple(cuds.Species(symbol=s, mass=m) for s, m in (("A", "12 Da"), ("B", "2 Da"), ("C", "30 Da")))
    topology = cuds.Topology(exclusions=ids[np.array(within)], constrained=ids[rows], lengths=(lengths, "angstrom"))
    return ParticleSystem(ids=ids, positions=(x, "angstrom"), species=rng.integers(0, 3, first), kinds=kinds,
                          cell=(cell, "angstrom"), pbc=(True,) * 3, topology=topology)  # fmt: skip


NOTHING = cuds.mixed("LennardJones", {s: {"epsilon": "1 kJ/mol", "sigma": "0.3 nm"} for s in "ABC"},
                     rule="Geometric", cutoff="0.9 nm")  # fmt: skip


@pytest.mark.turns(3)
@pytest.mark.parametrize("units", ["metal", "real", "si"])
@pytest.mark.parametrize("shape", [*SHAPES, "all of them"])
def test_every_shape_that_shake_holds(shape: str, units: str) -> None:
    system = gas(*(SHAPES.values() if shape == "all of them" else [SHAPES[shape]] * 3))
    job = MolecularDynamics(system, potential=NOTHING, duration="300 fs", every="2 fs", initial_temperature="500 K",
                            seed=2)  # fmt: skip
    result = cuds.run(job, engine="lammps", options={"units": units})
    topology, frames = system.topology, result[Trajectory].positions
    assert topology is not None
    assert topology.lengths is not None
    order = np.argsort(system.ids)
    one, two = order[np.searchsorted(system.ids, topology.constrained, sorter=order)].T
    for x in frames.in_unit("angstrom"):
        found = np.linalg.norm(nearest(system, x[one] - x[two]), axis=1)
        np.testing.assert_allclose(found, topology.lengths.in_unit("angstrom"), rtol=1e-11)
    series = result[TimeSeries]
    kelvin = 2 * series["kinetic_energy"].values.in_unit("J") / (job.degrees_of_freedom * float(BOLTZMANN))
    np.testing.assert_allclose(series["temperature"].values.in_unit("K"), kelvin, rtol=1e-5)
    total = series["total_energy"].values.in_unit("eV")
    assert np.ptp(total) < 2e-3 * total.mean()


def test_what_acts_along_a_rigid_distance_changes_its_energy_only(tmp_path: Path) -> None:
    """A bond or an angle that stands beside them, in either order of its atoms."""
    system = waters(2)
    ids, topology = system.ids.reshape(-1, 3), system.topology
    assert topology is not None
    bonds = cuds.bonded("HarmonicBond", ids[:, [1, 0]], k="3000 kJ/mol/nm**2", r0="1.1 angstrom")
    angles = cuds.bonded("HarmonicAngle", ids[:, [2, 0, 1]], k="383 kJ/mol/radian**2", theta0="104 degree")
    both = system.replace(topology=topology.replace(groups=(bonds, angles)))
    plain, more = (
        cuds.run(motion(s, initial_temperature="300 K", potential=spce("0.3 nm", ewald=False)), engine="lammps")
        for s in (system, both)
    )
    np.testing.assert_allclose(more[Trajectory].positions.value, plain[Trajectory].positions.value, rtol=0, atol=1e-8)
    constant = more[TimeSeries]["potential_energy"].values.value - plain[TimeSeries]["potential_energy"].values.value
    np.testing.assert_allclose(constant, constant[0], rtol=1e-7)
    assert constant[0] > 0.1


LARGER = {
    "a chain of four": Shape([[0, 0, 0], [1, 0, 0], [1, 1, 0], [2, 1, 0.3]], [(0, 1), (1, 2), (2, 3)]),
    "a tetrahedron": Shape([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]],
                           [(0, 1), (0, 2), (0, 3), (1, 2), (2, 3), (1, 3)]),
    "four to one": Shape([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0]], [(0, 1), (0, 2), (0, 3), (0, 4)]),
    "three to one and an angle": Shape([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], [(0, 1), (0, 2), (0, 3), (1, 2)]),
}  # fmt: skip


@pytest.mark.parametrize("shape", LARGER)
def test_larger_clusters_are_refused_by_name(shape: str) -> None:
    system = gas(SHAPES["a pair"], LARGER[shape], LARGER[shape])
    job = MolecularDynamics(system, potential=NOTHING, duration="1 fs", initial_temperature="300 K", seed=1)
    with pytest.raises(UnsupportedError, match="2 sets of rigid distances are larger or other ones") as caught:
        cuds.run(job, engine="lammps")
    atoms = len(LARGER[shape].places)
    sets = [", ".join(map(str, system.ids[2 + i * atoms : 2 + (i + 1) * atoms])) for i in (0, 1)]
    assert any(f"the first between {named}" in str(caught.value) for named in sets)
    assert caught.value.hint
    assert abs(cuds.energy(system, potential=NOTHING, engine="lammps").value.in_unit("eV")) < 1


def test_a_minimisation_does_not_hold_them() -> None:
    with pytest.raises(UnsupportedError, match=r"24 rigid distances.*minimises.*the first between 1 and 2") as caught:
        cuds.run(cuds.EnergyMinimisation(waters(2), potential=spce("0.3 nm", ewald=False)), engine="lammps")
    assert "flexible" in caught.value.hint


def test_bound_atoms_that_interact_are_refused() -> None:
    ids = np.arange(1, 25).reshape(-1, 3)
    topology = bound(ids, rigid=True)
    loose = waters(2).replace(topology=topology.replace(exclusions=topology.exclusions[8:]))
    with pytest.raises(UnsupportedError, match="8 bonds or pairs are not excluded, the first between 1 and 2"):
        cuds.run(motion(loose, initial_temperature="300 K", potential=spce("0.3 nm", ewald=False)), engine="lammps")
