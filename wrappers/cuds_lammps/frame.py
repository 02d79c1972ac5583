"""The cell as LAMMPS wants it: first vector along x, second in the xy plane, small tilts.

A cell of any orientation is turned into that frame, and everything that comes back is turned back. Lattice
vectors are exchanged for shorter ones where the tilt is large; that moves no atom.
"""

from dataclasses import dataclass

import numpy as np

from cuds.arrays import FloatArray, IntArray
from cuds.model.particles import ParticleSystem
from cuds.model.tensor import stress_tensor, stress_voigt, triangular
from cuds.units import Quantity
from cuds_lammps.units import Units

_MARGIN = Quantity(1.0, "angstrom")  # around atoms in a direction that is not periodic; the box shrinks to them anyway


@dataclass(frozen=True)
class Frame:
    """How a system lies in LAMMPS's frame.

    Parameters
    ----------
    rotation : array (3, 3)
        x_lammps = R x.
    cell : array (3, 3)
        Lower triangular; rows are the vectors of LAMMPS's box, in its unit of length.
    low : array (3,)
        Its lower corner.
    steps : array (3, 3)
        Whole numbers S with box = S (cell in LAMMPS's frame).
    pbc : tuple of three bool
        Which directions are periodic.
    """

    rotation: FloatArray
    cell: FloatArray
    low: FloatArray
    steps: FloatArray
    pbc: tuple[bool, bool, bool]

    @property
    def tilted(self) -> bool:
        """Whether the box has a tilt; LAMMPS keeps atoms of a tilted box in fractions of it, and so to 1e-15."""
        return bool(np.tril(self.cell, -1).any())

    @property
    def identity(self) -> bool:
        """Whether the system lies in LAMMPS's frame already."""
        return bool(np.array_equal(self.rotation, np.eye(3)))

    def into(self, vectors: FloatArray) -> FloatArray:
        """Turn row vectors (n, 3) into LAMMPS's frame."""
        return vectors if self.identity else vectors @ self.rotation.T

    def wrapped(self, positions: FloatArray) -> tuple[FloatArray, IntArray | None]:
        """Return positions (n, 3) in LAMMPS's frame moved into the box, and how many vectors away they were.

        None where all of them were inside. LAMMPS wraps only once when a run is set up, and loses atoms that lie
        farther outside.
        """
        if not self.tilted:
            high = self.low + np.diag(self.cell)
            if (positions >= self.low).all() and (positions < high).all():
                return positions, None
        images = np.floor((positions - self.low) @ np.linalg.inv(self.cell)).astype(np.int64)
        images[:, [not p for p in self.pbc]] = 0
        return (positions - images @ self.cell, images) if images.any() else (positions, None)

    def back(self, vectors: FloatArray) -> FloatArray:
        """Turn row vectors (n, 3) back."""
        return vectors if self.identity else vectors @ self.rotation

    def stress_back(self, voigt: FloatArray) -> FloatArray:
        """Turn stresses (..., 6) in Voigt order back."""
        if self.identity:
            return voigt
        return stress_voigt(self.rotation.T @ stress_tensor(voigt) @ self.rotation)

    def cell_back(self, box: FloatArray) -> FloatArray:
        """Return the cell vectors that a box of LAMMPS stands for."""
        if np.array_equal(self.steps, np.eye(3)):
            return self.back(box)
        return self.back(np.asarray(np.linalg.solve(self.steps, box), dtype=np.float64))


def frame(system: ParticleSystem, units: Units) -> Frame:
    """Return how a system is laid into LAMMPS's frame."""
    pbc = system.pbc
    x, margin = units.into("length", system.positions), units.into("length", _MARGIN)
    vectors = np.eye(3) if system.cell is None else np.array(units.into("length", system.cell))
    if not all(pbc):
        vectors = _squared(vectors, pbc)
    R, cell = triangular(vectors)
    steps = _shorten(cell, pbc)
    cell = steps @ cell
    low = np.zeros(3)
    turned = x if all(pbc) else x @ R.T
    for axis in range(3):
        if not pbc[axis] and len(x):
            low[axis] = turned[:, axis].min() - margin
            cell[axis, axis] = turned[:, axis].max() + margin - low[axis]
    return Frame(R, cell, low, steps, pbc)


def _squared(vectors: FloatArray, pbc: tuple[bool, bool, bool]) -> FloatArray:
    """Make vectors of directions that are not periodic perpendicular to all others, keeping handedness."""
    made = np.array(vectors)
    for axis in [i for i in range(3) if not pbc[i]]:
        others = np.array([made[i] for i in range(3) if i != axis])
        normal = np.cross(*others)
        made[axis] = normal / np.linalg.norm(normal) * (1 if vectors[axis] @ normal >= 0 else -1)
    if np.linalg.det(made) < 0:
        made[next(i for i in range(3) if not pbc[i])] *= -1
    return made


def _shorten(cell: FloatArray, pbc: tuple[bool, bool, bool]) -> FloatArray:
    """Return the whole-number steps that bring each tilt to at most half a vector."""
    steps = np.eye(3)
    for row, onto in ((1, 0), (2, 1), (2, 0)):
        tilted = steps @ cell
        if pbc[row] and pbc[onto]:
            count = np.round(tilted[row, onto] / tilted[onto, onto])
            if abs(tilted[row, onto]) > 0.5 * tilted[onto, onto] * (1 + 1e-9):
                steps[row] -= count * steps[onto]
    return steps
