"""The equations: the stiffness with its supports eliminated, and the solver, ready for several loads."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from cuds.arrays import FloatArray
from cuds_skfem import bare
from cuds_skfem.supports import Supports


@dataclass(frozen=True, eq=False)
class Solution:
    """What came out.

    Parameters
    ----------
    displacement, reaction, load : ndarray (n, d)
        In mm, N and N, of a body in a plane for a thickness of 1 mm; the reaction is the force of the supports on the
        body, 0 where nothing is held.
    iterations : int
        Of the conjugate gradients.
    residual : float
        Norm of the forces out of balance over that of the right-hand side.
    rounding : float
        Below what the residual cannot fall; 0 where that did not matter.
    energy : float
        Strain energy in mJ.
    """

    displacement: FloatArray
    reaction: FloatArray
    load: FloatArray
    iterations: int
    residual: float
    rounding: float
    energy: float


class Equations:
    """A stiffness matrix with supports, and its solver.

    Parameters
    ----------
    K : bsr_matrix (d n, d n)
        The stiffness matrix without supports, in N/mm.
    points : ndarray (n, d)
        In mm; the rigid motions of the multigrid come from them.
    supports : Supports
        The prescribed components; their values do not matter here.
    solver : {"amg", "direct"}
        How it is solved.
    """

    def __init__(self, K: sp.bsr_matrix, points: FloatArray, supports: Supports, solver: str) -> None:
        held = supports.held
        self.turn = bare.turning(len(points), supports.turned, supports.frames) if len(supports.turned) else None
        self.K = K if self.turn is None else self.turn.T @ K @ self.turn
        self.A = bare.supported(self.K, held)
        self.inverse = (
            bare.factorised(self.A) if solver == "direct" else bare.multigrid(self.A, points, held, self.turn)
        )

    def solve(self, load: FloatArray, supports: Supports, tolerance: float, told: Callable[[int], None]) -> Solution:
        """Return the solution for a load (n, d) in N and the displacements of the supports."""
        free = ~supports.held.ravel()
        prescribed = supports.values.ravel()
        f = load.ravel() if self.turn is None else self.turn.T @ load.ravel()
        right = (f - self.K @ prescribed) * free
        step, iterations, residual = bare.solved(self.A, right, self.inverse, tolerance, told)
        limit = bare.rounding(self.A, step, right) if residual > tolerance else 0.0
        u = prescribed + step * free
        inner = self.K @ u
        energy = 0.5 * float(np.dot(u, inner))
        reaction = (inner - f) * ~free
        if self.turn is not None:
            u, reaction = self.turn @ u, self.turn @ reaction
        return Solution(u.reshape(load.shape), reaction.reshape(load.shape), load, iterations, residual, limit, energy)
