"""Velocities that leave rigid distances as they are."""

import numpy as np

from cuds.arrays import FloatArray, IntArray
from cuds.model.particles import ParticleSystem


def pairs(system: ParticleSystem) -> IntArray:
    """Return the places (n, 2) of the particles whose distance is constrained, counted from 0."""
    if system.topology is None:
        return np.zeros((0, 2), dtype=np.int64)
    order = np.argsort(system.ids)
    return np.asarray(order[np.searchsorted(system.ids, system.topology.constrained, sorter=order)])


def without_stretching(system: ParticleSystem, velocities: FloatArray) -> FloatArray:
    """Return the velocities nearest to some, weighted by mass, that change no constrained distance.

    Parameters
    ----------
    system : ParticleSystem
        Where the particles are.
    velocities : float array (n, 3)
        In any unit.

    Notes
    -----
    Impulses along the constrained distances are added; they change no total momentum. That is what velocity Verlet
    does at the end of a step (Andersen, J. Comput. Phys. 52, 24 (1983)).
    """
    atoms = pairs(system)
    if not len(atoms):
        return velocities
    from scipy.sparse import coo_array, diags_array
    from scipy.sparse.linalg import splu

    apart = vectors(system, atoms)
    apart = apart / np.linalg.norm(apart, axis=1)[:, None]
    count = len(atoms)
    row = np.repeat(np.arange(count), 6)
    column = (3 * atoms[:, :, None] + np.arange(3)).reshape(-1)
    value = np.stack([apart, -apart], axis=1).reshape(-1)
    slopes = coo_array((value, (row, column)), shape=(count, 3 * len(system))).tocsr()
    inverse = diags_array(np.repeat(1 / system.masses.in_unit("Da"), 3))
    spread = inverse @ slopes.T
    impulses = splu((slopes @ spread).tocsc()).solve(slopes @ velocities.reshape(-1))
    return np.asarray(velocities - (spread @ impulses).reshape(-1, 3))


def vectors(system: ParticleSystem, atoms: IntArray) -> FloatArray:
    """Return the vectors (n, 3) between the nearest images of two particles, in Å."""
    x = system.positions.in_unit("angstrom")
    apart = x[atoms[:, 0]] - x[atoms[:, 1]]
    if system.cell is not None:
        cell = system.cell.in_unit("angstrom")
        apart = apart - (np.rint(apart @ np.linalg.inv(cell)) * np.array(system.pbc)) @ cell
    return np.asarray(apart)
