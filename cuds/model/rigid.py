"""Rigid distances: setting particles at them, and taking from velocities what would change them.

Both are projections by mass: what is added lies along the distances and leaves momentum as it is, so that engines that
hold distances by forces along them go the same way from there.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cuds.arrays import FloatArray, IntArray
from cuds.errors import InvalidError
from cuds.model.images import nearest
from cuds.model.particles import ParticleSystem
from cuds.units import Quantity

_HELD = 1e-10  # relative: so near to its length a distance is left as it is
_ROUNDED = 0.1  # so far off it may be by rounded positions; what is farther off is another molecule
_CONVERGED, _ROUNDS = 1e-13, 50
_SINGULAR = 1e-10
_LOST = 0.05  # of the kinetic energy: so much the half steps of a leapfrog may have along rigid distances


@dataclass(frozen=True)
class _Distances:
    """Vectors between the particles of rigid pairs.

    Parameters
    ----------
    pairs : int array (n, 2)
        Rows of the particles.
    vectors : array (n, 3)
        From the second to the first, in Å.
    masses : array (n_particles,)
        In Da.
    """

    pairs: IntArray
    vectors: FloatArray
    masses: FloatArray

    @cached_property
    def _jacobian(self) -> Any:
        from scipy.sparse import csr_array

        n = len(self.pairs)
        columns = (3 * self.pairs[:, :, None] + np.arange(3)).reshape(n, 6)
        values = np.concatenate([self.vectors, -self.vectors], axis=1)
        shape = (n, 3 * len(self.masses))
        return csr_array((values.ravel(), (np.repeat(np.arange(n), 6), columns.ravel())), shape=shape)

    def change(self, wanted: FloatArray) -> FloatArray:
        """Return what to add to vectors of particles (n_particles, 3), by mass, for changes of d·Δd (n,)."""
        from scipy.sparse import dia_array
        from scipy.sparse.linalg import splu

        moving = np.divide(1.0, self.masses, out=np.zeros_like(self.masses), where=self.masses > 0)
        G, weights = self._jacobian, np.repeat(moving, 3)
        matrix = (G @ dia_array((weights[None], [0]), shape=(len(weights), len(weights))) @ G.T).tocsc()
        try:
            factors = splu(matrix)
        except RuntimeError:  # exactly singular
            factors = None
        independent = factors and np.abs(factors.U.diagonal()).min() > _SINGULAR * matrix.diagonal().max()
        if factors is None or not independent:
            raise InvalidError(
                f"topology: {len(self.pairs)} rigid distances, not all independent of each other",
                hint="leave out those that the others fix already; three particles on a line are not held by three",
                field="topology",
            )
        return np.asarray((weights * (G.T @ factors.solve(wanted))).reshape(-1, 3), dtype=np.float64)


def settled(system: ParticleSystem) -> ParticleSystem:
    """Return a system whose particles are at their rigid distances, and move without changing them.

    Parameters
    ----------
    system : ParticleSystem
        As it is, when nothing of it is rigid.

    Raises
    ------
    InvalidError
        For distances that are off by more than a tenth; for velocities that lie along them to a good part; for
        distances that are not independent.
    """
    if system.topology is None or not len(system.topology.constrained):
        return system
    placed = _placed(system)
    if placed.velocities is None:
        return placed
    masses, given = system.masses.in_unit("Da")[:, None], np.array(placed.velocities.value)
    kept = rigid_velocities(placed, given)
    whole, lost = float((masses * given**2).sum()), float((masses * (given - kept) ** 2).sum())
    if lost > _LOST * whole:
        raise InvalidError(
            f"velocities: {lost / whole:.0%} of the kinetic energy would change rigid distances",
            hint="give velocities of rigid molecules, or leave them out and give initial_temperature=",
            field="velocities",
        )
    return placed.replace(velocities=Quantity(kept, placed.velocities.unit)) if lost > _HELD**2 * whole else placed


def deviation(system: ParticleSystem) -> float:
    """Return by what part of its length the worst rigid distance is off; 0 where nothing is rigid."""
    topology = system.topology
    if topology is None or topology.lengths is None:
        return 0.0
    lengths = topology.lengths.in_unit("angstrom")
    return float(np.abs(np.linalg.norm(_distances(system).vectors, axis=1) / lengths - 1).max(initial=0.0))


def rigid_velocities(system: ParticleSystem, velocities: FloatArray) -> FloatArray:
    """Return velocities (n, 3) without what would change rigid distances; as they are where there are none."""
    if system.topology is None or not len(system.topology.constrained):
        return velocities
    held = _distances(system)
    differences = velocities[held.pairs[:, 0]] - velocities[held.pairs[:, 1]]
    return velocities + held.change(-np.sum(held.vectors * differences, axis=1))


def _distances(system: ParticleSystem) -> _Distances:
    assert system.topology is not None
    order = np.argsort(system.ids)
    pairs = order[np.searchsorted(system.ids, system.topology.constrained, sorter=order)]
    x = system.positions.in_unit("angstrom")
    return _Distances(pairs, nearest(system, x[pairs[:, 0]] - x[pairs[:, 1]]), system.masses.in_unit("Da"))


def _placed(system: ParticleSystem) -> ParticleSystem:
    """Return a system with its particles at their rigid distances."""
    topology = system.topology
    assert topology is not None
    assert topology.lengths is not None  # there are as many as pairs
    lengths, held = topology.lengths.in_unit("angstrom"), _distances(system)
    off = np.abs(np.linalg.norm(held.vectors, axis=1) / lengths - 1)
    if not (off < _ROUNDED).all():
        worst = int(np.nanargmax(off))
        one, two = topology.constrained[worst].tolist()
        raise InvalidError(
            f"topology: {np.sum(~(off < _ROUNDED))} distances are far from those at which they are rigid; particles "
            f"{one} and {two} are {np.linalg.norm(held.vectors[worst]):.6g} angstrom apart, "
            f"not {lengths[worst]:.6g} angstrom",
            hint="are the lengths those of these molecules?",
            field="topology",
        )
    if off.max() < _HELD:
        return system
    moved = np.zeros((len(system), 3))
    for _ in range(_ROUNDS):
        step = held.change((lengths**2 - np.sum(held.vectors**2, axis=1)) / 2)
        moved += step
        held = _Distances(held.pairs, held.vectors + step[held.pairs[:, 0]] - step[held.pairs[:, 1]], held.masses)
        if np.abs(np.linalg.norm(held.vectors, axis=1) / lengths - 1).max() < _CONVERGED:
            x = system.positions.in_unit("angstrom") + moved
            return system.replace(positions=Quantity(x, "angstrom"))
    raise InvalidError(
        "topology: the rigid distances cannot all be had at once",
        hint="are their lengths those of one molecule?",
        field="topology",
    )
