"""Images of particles in a periodic cell."""

import numpy as np

from cuds.arrays import FloatArray
from cuds.model.particles import ParticleSystem


def nearest(system: ParticleSystem, vectors: FloatArray) -> FloatArray:
    """Return differences of positions (n, 3) in Å, each to the nearest image.

    It is the nearest where it is not farther than half the smallest height of the cell; others are ambiguous anyway.
    """
    if system.cell is None or not any(system.pbc):
        return vectors
    cell = system.cell.in_unit("angstrom")
    fractions = np.round(vectors @ np.linalg.inv(cell)) * np.array(system.pbc)
    moved: FloatArray = vectors - fractions @ cell
    return moved
