"""Rigid distances in motion: they stay, their speeds are none, and they count where a temperature is taken."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import cuds
from cuds.errors import EngineError, InvalidError
from cuds.model.rigid import rigid_velocities
from cuds.units import BOLTZMANN
from tests.cuds_gromacs.liquids import argon, water
from tests.cuds_gromacs.test_dynamics import job, opened

Floats = npt.NDArray[np.float64]


def rigid_pairs(system: cuds.ParticleSystem) -> np.ndarray:
    """Return the rows (n, 2) of the particles of rigid distances; ids go up."""
    assert system.topology is not None
    return np.searchsorted(system.ids, system.topology.constrained)


def stretched(frames: cuds.Trajectory) -> tuple[float, float]:
    """Return by how much distances are wrong, relative, and how fast they change, in nm/ps."""
    system = frames.system
    i, j = rigid_pairs(system).T
    assert system.topology is not None
    assert system.topology.lengths is not None
    assert frames.velocities is not None
    x, v = frames.positions.in_unit("nm"), frames.velocities.in_unit("nm/ps")
    apart, speed = x[:, i] - x[:, j], v[:, i] - v[:, j]
    length = np.linalg.norm(apart, axis=2)
    wrong = np.abs(length / system.topology.lengths.in_unit("nm") - 1).max()
    return float(wrong), float(np.abs((apart * speed).sum(axis=2) / length).max())


def joined(constrained: Any) -> tuple[cuds.ParticleSystem, cuds.Potential]:
    """Return argon in which quartets of neighbours are held together."""
    system, potential = argon(4)
    corners = np.arange(len(system)).reshape(4, 2, 2, 2, 2).swapaxes(2, 3).ravel()  # of squares
    x = system.positions.in_unit("nm")[corners]
    first = 4 * np.arange(len(system) // 4)[:, None, None] + 1
    held = (first + np.asarray(constrained)).reshape(-1, 2)
    lengths = np.linalg.norm(x[held[:, 0] - 1] - x[held[:, 1] - 1], axis=1)
    topology = cuds.Topology(exclusions=held, constrained=held, lengths=(lengths, "nm"))
    return system.replace(positions=(x, "nm"), topology=topology, cell=(1.8 * np.eye(3), "nm")), potential


@pytest.mark.parametrize(
    ("liquid", "way", "exact"),
    [
        (water(rigid=True), "SETTLE", 1e-13),
        (joined([[0, 1], [1, 2], [2, 3]]), "lincs", 1e-9),
        (joined([[0, 1], [0, 2], [1, 2]]), "shake", 1e-8),
    ],
)
def test_distances_stay(
    liquid: tuple[cuds.ParticleSystem, cuds.Potential], way: str, exact: float, tmp_path: Path
) -> None:
    """By SETTLE for water, LINCS for chains, SHAKE for rings, each as exactly as it can; and so does the energy."""
    wanted = job(liquid, duration=(400, "fs"), every=(10, "fs"))
    with opened(tmp_path / "x", wanted) as session:
        session.advance()
        frames, series = session.pull(cuds.Trajectory), session.pull(cuds.TimeSeries)
        text = session.transcript()
    wrong, speed = stretched(frames)
    assert wrong < exact
    assert speed < 100 * exact
    assert ("[ settles ]" in text) == (way == "SETTLE")
    assert way == "SETTLE" or f"constraint-algorithm     = {way}" in text
    total, kinetic = (series[n].values.in_unit("kJ/mol") for n in ("total_energy", "kinetic_energy"))
    assert np.ptp(total) < 0.01 * np.ptp(kinetic)


def test_they_count_where_a_temperature_is_taken(tmp_path: Path) -> None:
    """Two translations and rotations of three each, less the total momentum; drawn velocities have the temperature."""
    wanted = job(water(rigid=True))
    assert wanted.degrees_of_freedom == 6 * 64 - 3
    start = wanted.start()
    assert start.velocities is not None
    m, v = start.masses.in_unit("kg")[:, None], start.velocities.in_unit("m/s")
    assert (m * v**2).sum() / (wanted.degrees_of_freedom * float(BOLTZMANN)) == pytest.approx(300, rel=1e-12)
    np.testing.assert_allclose((m * v).sum(axis=0) / m.sum(), 0, atol=1e-9)
    np.testing.assert_allclose(rigid_velocities(start, v), v, rtol=0, atol=1e-9)
    with opened(tmp_path / "x", wanted) as session:
        session.advance(0)
        assert session.pull(cuds.TimeSeries)["temperature"].values.in_unit("K")[0] == pytest.approx(300, rel=1e-8)
        np.testing.assert_allclose(
            session.pull(cuds.ParticleSystem).velocities.in_unit("m/s"), v, rtol=0, atol=1e-7 * np.abs(v).max()
        )


def test_a_molecule_across_the_boundary_is_one(tmp_path: Path) -> None:
    """Distances are between nearest images: the same velocities are drawn as for the molecule in one piece."""
    system, potential = water(rigid=True)
    x = system.positions.in_unit("nm")
    assert system.cell is not None
    edge = system.cell.in_unit("nm")[0, 0]
    broken = system.replace(positions=(x - edge * np.floor(x / edge - 0.02), "nm"))
    one, two = (job((s, potential)).start().velocities for s in (system, broken))
    assert one is not None
    assert two is not None
    np.testing.assert_allclose(one.value, two.value, rtol=1e-9, atol=1e-9)
    with opened(tmp_path / "x", job((broken, potential))) as session:
        session.advance(10)
        assert stretched(job_frames(session, system))[0] < 1e-13


def job_frames(session: Any, whole: cuds.ParticleSystem) -> cuds.Trajectory:
    """Return the frames with each molecule in one piece."""
    frames = session.pull(cuds.Trajectory)
    shift = whole.positions.in_unit("nm") - frames.system.positions.in_unit("nm")
    return frames.replace(positions=(frames.positions.in_unit("nm") + shift, "nm"))


def test_a_distance_that_cannot_be_held_names_step_and_atoms(tmp_path: Path) -> None:
    """In GROMACS's own words; and the session can be used again."""
    system, potential = joined([[0, 1], [1, 2], [2, 3]])
    ids = np.random.default_rng(1).permutation(len(system)) + 1001
    topology = system.topology
    assert topology is not None
    renamed = topology.replace(exclusions=ids[topology.exclusions - 1], constrained=ids[rigid_pairs(system)])
    start = job((system.replace(ids=ids, topology=renamed), potential)).start()
    hasty = job(
        (start, potential), timestep=(80, "fs"), every=(80, "fs"), duration=(16, "ps"), initial_temperature=None
    )
    with opened(tmp_path / "x", hasty) as session:
        with pytest.raises(EngineError, match=r"LINCS.*step \d+.*80 fs") as caught:
            session.advance()
        assert set(caught.value.fields["lost"]) <= set(renamed.constrained.ravel().tolist())
        assert caught.value.fields["lost"]
        assert "timestep" in caught.value.hint
        session.push(start)
        session.advance(0)
        assert np.isfinite(session.pull(cuds.ParticleSystem).positions.value).all()


def test_a_start_that_is_not_rigid_is_refused(tmp_path: Path) -> None:
    """The few digits of a file are mended; what is wrong by more than a tenth is no start."""
    system, potential = water(rigid=True)
    x = np.round(system.positions.in_unit("nm"), 3)
    with opened(tmp_path / "x", job((system.replace(positions=(x, "nm")), potential))) as session:
        session.advance(0)
        assert stretched(session.pull(cuds.Trajectory))[0] < 1e-13
    x[31] += 0.2 * (x[31] - x[30])
    with pytest.raises(InvalidError, match=r"particles 31 and 32 are 1\.2"):
        opened(tmp_path / "y", job((system.replace(positions=(x, "nm")), potential)))


def test_water_that_cannot_be_held_is_an_error(tmp_path: Path) -> None:
    wanted = job(water(rigid=True), timestep=(20, "fs"), every=(20, "fs"), duration=(400, "fs"))
    with opened(tmp_path / "x", wanted) as session, pytest.raises(EngineError, match=r"settled.*step 0.*20 fs"):
        session.advance()
