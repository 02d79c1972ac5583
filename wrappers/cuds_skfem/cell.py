"""Everything that scikit-fem is given for a periodic cell, as bare arrays in mm and MPa."""

from dataclasses import dataclass

import numpy as np

from cuds.arrays import AnyArray, FloatArray, IntArray
from cuds.model.homogenisation import Homogenisation
from cuds_skfem.mesh import Body, body_of
from cuds_skfem.motions import refuse_free_motions
from cuds_skfem.periodic import Cell, cell_of
from cuds_skfem.supports import Supports


@dataclass(frozen=True, eq=False)
class CellDeck:
    """A cell for scikit-fem.

    Parameters
    ----------
    body : Body
        The mesh.
    cell : Cell
        Which of its points are one.
    stiffness : ndarray (k, 6, 6)
        In MPa, in the frame of the sample.
    material : ndarray (m,)
        The stiffness of each element.
    tolerance : float
        On the relative residual.
    solver : {"amg", "direct"}
        How it is solved.
    """

    body: Body
    cell: Cell
    stiffness: FloatArray
    material: IntArray
    tolerance: float
    solver: str

    def arrays(self) -> dict[str, AnyArray]:
        """Return the arrays that the transcript reads."""
        return {
            "shape": np.array(self.body.shape),
            "points": self.body.points,
            "cells": self.body.cells,
            "stiffness": self.stiffness,
            "material": self.material,
            "master": self.cell.master,
            "volume": np.array(self.cell.volume),
            "tolerance": np.array(self.tolerance),
            "solver": np.array(self.solver),
        }


def cell_deck_of(job: Homogenisation, solver: str = "amg") -> CellDeck:
    """Return the deck of a cell; what scikit-fem could not solve is refused here, by name.

    Raises
    ------
    InvalidError, UnsupportedError
        See `body_of`, `cell_of` and `refuse_free_motions`: apart from a shift of everything the cell holds together.
    """
    body = body_of(job.mesh)
    cell = cell_of(job.mesh, body, job.conditions)
    held = np.zeros(body.points.shape, dtype=bool)
    held[0] = True
    nothing = np.zeros(0, dtype=np.int64)
    supports = Supports(held, np.zeros(held.shape), nothing, np.zeros((0, 3, 3)))
    refuse_free_motions(body, supports, cell.ties)
    materials, index = job.material_of_elements()
    stiffness = np.array([m.stiffness.in_unit("MPa") for m in materials])
    return CellDeck(body, cell, stiffness, index, job.tolerance, solver)
