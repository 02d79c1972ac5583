"""Internal coordinates of two, three and four particles, in Å and radian, across the boundary of a periodic cell."""

from collections.abc import Mapping

import numpy as np

from cuds.arrays import FloatArray, IntArray
from cuds.model.images import nearest
from cuds.model.particles import ParticleSystem


def internal(system: ParticleSystem, particles: IntArray) -> Mapping[str, FloatArray]:
    """Return the coordinates that functional forms use, by their symbols in the ontology.

    Parameters
    ----------
    system : ParticleSystem
        Where the particles are; of two the nearest images are meant.
    particles : int array (n, n_bodies)
        Ids of two, three or four particles a row.

    Returns
    -------
    mapping of str to array (n,)
        r; or theta, r12, r23, r13; or phi (IUPAC: cis is 0, clockwise positive), theta123, theta234.
    """
    order = np.argsort(system.ids)
    rows = order[np.searchsorted(system.ids, particles, sorter=order)]
    x = system.positions.in_unit("angstrom")
    steps = [nearest(system, x[rows[:, i + 1]] - x[rows[:, i]]) for i in range(particles.shape[1] - 1)]
    if len(steps) == 1:
        return {"r": _length(steps[0])}
    if len(steps) == 2:
        a, b = steps
        return {"theta": _angle(-a, b), "r12": _length(a), "r23": _length(b), "r13": _length(a + b)}
    a, b, c = steps
    n, m = np.cross(a, b), np.cross(b, c)
    phi = np.arctan2(np.sum(np.cross(n, m) * b, axis=1) / _length(b), np.sum(n * m, axis=1))
    return {"phi": phi, "theta123": _angle(-a, b), "theta234": _angle(-b, c)}


def _length(vectors: FloatArray) -> FloatArray:
    found: FloatArray = np.sqrt(np.sum(vectors**2, axis=1))
    return found


def _angle(one: FloatArray, two: FloatArray) -> FloatArray:
    found: FloatArray = np.arctan2(_length(np.cross(one, two)), np.sum(one * two, axis=1))
    return found
