"""Rigid distances of a start: positions set at them, velocities along them left out, both by mass."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cuds
from cuds.errors import InvalidError
from cuds.model.rigid import rigid_velocities, settled
from cuds.units import BOLTZMANN, factor

OXYGEN = cuds.Species(symbol="OW", atomic_number=8, mass="15.9994 Da")
HYDROGEN = cuds.Species(symbol="HW", atomic_number=1, mass="1.008 Da")
HALF = np.radians(109.47) / 2
WATER = np.array([[0, 0, 0], [np.sin(HALF), np.cos(HALF), 0], [-np.sin(HALF), np.cos(HALF), 0]])
SIDES = {(0, 1): 1.0, (0, 2): 1.0, (1, 2): 2 * np.sin(HALF)}
CELL = np.array([[16.0, 0, 0], [3, 15, 0], [-2, 4, 17]])


def waters(rng: np.random.Generator, count: int = 20, noise: float = 0.0, **more: Any) -> cuds.ParticleSystem:
    """Three-site molecules anywhere, broken over the boundaries of a skew cell, ids with gaps in any order."""
    turns = np.linalg.qr(rng.normal(size=(count, 3, 3)))[0]
    x = WATER @ turns + rng.uniform(-20, 20, (count, 1, 3)) + rng.integers(-1, 2, (count, 3, 3)) @ CELL
    x = x.reshape(-1, 3) + rng.normal(0, noise, (3 * count, 3))
    ids = rng.permutation(3 * count).reshape(count, 3) * 2 + 5
    pairs = np.concatenate([ids[:, list(p)] for p in SIDES])
    lengths = np.repeat(list(SIDES.values()), count)
    topology = cuds.Topology(exclusions=pairs, constrained=pairs, lengths=(lengths, "angstrom"))
    given: dict[str, Any] = {
        "ids": ids.ravel(), "positions": (x, "angstrom"), "species": np.tile([0, 1, 1], count),
        "kinds": (OXYGEN, HYDROGEN), "cell": (CELL, "angstrom"), "pbc": (True,) * 3, "topology": topology,
    }  # fmt: skip
    return cuds.ParticleSystem(**(given | more))


def along(system: cuds.ParticleSystem) -> tuple[np.ndarray, np.ndarray]:
    """Distances (n, 3) in Å within each molecule, and how fast they change in Å/ps."""
    x = system.positions.in_unit("angstrom").reshape(-1, 3, 3)
    v = np.zeros_like(x) if system.velocities is None else system.velocities.in_unit("angstrom/ps").reshape(-1, 3, 3)
    distances, speeds = [], []
    for i, j in SIDES:
        d = x[:, i] - x[:, j]
        d = d - np.round(d @ np.linalg.inv(CELL)) @ CELL
        distances.append(np.linalg.norm(d, axis=1))
        speeds.append(np.sum(d * (v[:, i] - v[:, j]), axis=1) / distances[-1])
    return np.array(distances).T, np.array(speeds).T


def motion(system: cuds.ParticleSystem, **more: Any) -> cuds.MolecularDynamics:
    given: dict[str, Any] = {"duration": "10 fs", "initial_temperature": "300 K", "seed": 3}
    return cuds.MolecularDynamics(system, **(given | more))


def test_rounded_positions_are_set_right_by_mass() -> None:
    """To the lengths; centres of mass stay; what is right already stays to the last digit."""
    system = waters(np.random.default_rng(0), noise=0.01)
    before, after = along(system)[0], settled(system)
    wanted = list(SIDES.values())
    assert np.abs(before / wanted - 1).max() > 5e-3
    np.testing.assert_allclose(along(after)[0], np.broadcast_to(wanted, before.shape), rtol=1e-12)
    moved = after.positions.in_unit("angstrom") - system.positions.in_unit("angstrom")
    masses = system.masses.in_unit("Da")
    np.testing.assert_allclose((masses[:, None] * moved).reshape(-1, 3, 3).sum(axis=1), 0, atol=1e-12)
    assert np.abs(moved).max() < 0.05
    assert settled(after) is after


def test_drawn_velocities_leave_distances_and_have_the_temperature() -> None:
    """3 N less three for each molecule less the total momentum; without rigid distances nothing changes."""
    system = waters(np.random.default_rng(1), noise=0.005)
    job = motion(system)
    assert job.degrees_of_freedom == 9 * 20 - 3 * 20 - 3
    assert motion(system, ensemble="NVT", temperature="300 K", thermostat="langevin").degrees_of_freedom == 6 * 20
    start = job.start()
    assert start.velocities is not None
    distances, speeds = along(start)
    np.testing.assert_allclose(distances, np.broadcast_to(list(SIDES.values()), distances.shape), rtol=1e-12)
    v, m = start.velocities.in_unit("m/s"), start.masses.in_unit("kg")[:, None]
    assert np.abs(speeds).max() < 1e-12 * np.abs(start.velocities.in_unit("angstrom/ps")).max()
    assert float((m * v**2).sum()) / (job.degrees_of_freedom * float(BOLTZMANN)) == pytest.approx(300, rel=1e-12)
    np.testing.assert_allclose((m * v).sum(axis=0), 0, atol=1e-12 * float(np.abs(m * v).sum()))
    free = system.replace(topology=None)
    assert settled(free) is free
    assert rigid_velocities(free, v) is v


def test_energy_is_shared_as_by_maxwell_and_boltzmann(count: Callable[[int, int], int]) -> None:
    """Half of it turns the molecules and half carries them, whatever their masses."""
    system = waters(np.random.default_rng(2), count=50)
    shares = []
    for seed in range(1, count(10, 100)):
        start = motion(system, seed=seed).start()
        assert start.velocities is not None
        v, m = start.velocities.in_unit("angstrom/ps").reshape(-1, 3, 3), start.masses.in_unit("Da").reshape(-1, 3, 1)
        centre = (m * v).sum(axis=1) / m.sum(axis=1)
        shares.append(float((m.sum(axis=1) * centre**2).sum() / (m * v**2).sum()))
    wanted, spread = 147 / 297, 0.5 / np.sqrt(150)
    assert np.mean(shares) == pytest.approx(wanted, abs=4 * spread / np.sqrt(len(shares)))


def test_given_velocities_are_kept_but_for_what_a_leapfrog_has_along_distances() -> None:
    start = motion(waters(np.random.default_rng(3))).start()
    assert start.velocities is not None
    assert motion(start, initial_temperature=None).start() is start
    v = start.velocities.in_unit("angstrom/ps")
    rng = np.random.default_rng(4)
    noisy = start.replace(velocities=(v + rng.normal(0, 0.05, v.shape) * np.abs(v).mean(), "angstrom/ps"))
    assert np.abs(along(noisy)[1]).max() > 1e-2
    again = motion(noisy, initial_temperature=None).start()
    assert np.abs(along(again)[1]).max() < 1e-12 * np.abs(v).max()
    free = start.replace(velocities=(rng.normal(size=v.shape), "angstrom/ps"))
    with pytest.raises(InvalidError, match="% of the kinetic energy would change rigid distances") as caught:
        motion(free, initial_temperature=None).start()
    assert "initial_temperature" in caught.value.hint


def test_what_is_no_such_molecule_is_refused() -> None:
    system = waters(np.random.default_rng(5))
    topology = system.topology
    assert topology is not None
    assert topology.lengths is not None
    wrong = topology.lengths.value * np.where(np.arange(60) == 7, 1.2, 1)
    with pytest.raises(InvalidError, match="1 distances are far from those") as caught:
        motion(system.replace(topology=topology.replace(lengths=(wrong, "angstrom")))).start()
    one, two = topology.constrained[7]
    assert f"particles {one} and {two} are 1 angstrom apart, not 1.2 angstrom" in str(caught.value)
    x = np.array([[0, 0, 0], [1.16, 0, 0], [-1.16, 0, 0]]) + 4
    line = cuds.Topology(constrained=[[1, 2], [1, 3], [2, 3]], lengths=([1.16, 1.16, 2.32], "angstrom"))
    carbon = cuds.ParticleSystem(positions=(x, "angstrom"), species=[0, 1, 1], kinds=(OXYGEN, HYDROGEN), topology=line)
    with pytest.raises(InvalidError, match="not all independent"):
        motion(carbon).start()


def test_units_do_not_matter() -> None:
    system = waters(np.random.default_rng(6), noise=0.01)
    nanometres = system.replace(positions=system.positions.to("nm"), cell=(CELL / 10, "nm"))
    one, two = motion(system).start(), motion(nanometres).start()
    assert one.velocities is not None
    assert two.velocities is not None
    np.testing.assert_allclose(two.positions.in_unit("angstrom"), one.positions.in_unit("angstrom"), atol=1e-11)
    same = two.velocities.in_unit("m/s") * factor("m/s", "angstrom/ps")
    np.testing.assert_allclose(same, one.velocities.in_unit("angstrom/ps"), atol=1e-9)
