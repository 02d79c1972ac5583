"""The effective stiffness of a periodic cell in scikit-fem and pyamg alone: ``python FILE [cell.npz]``.

In a transcript this stands below the file for elasticity, whose meshes, matrix and iteration it uses; the wrapper
assembles the matrix block by block instead. Lengths in mm, stiffness in MPa. The arrays of the cell:

shape, points (n, 3), cells (m, a), stiffness (k, 6, 6), material (m,), tolerance, solver as for elasticity; master
(n,), points with the same number are one; volume of the cell in mm^3, what is empty included.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import skfem

from cuds_skfem.bare import assembled_stiffness, degree, element_of, factorised, make_mesh, multigrid, solved, supported

# The macroscopic strains xx, yy, zz, yz, xz, xy, with engineering shear.
PAIRS = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
STRAINS = np.zeros((6, 3, 3))
for number, (i, j) in enumerate(PAIRS):
    STRAINS[number, i, j] += 0.5
    STRAINS[number, j, i] += 0.5


def reduction(master: np.ndarray, dimension: int) -> sp.bsr_matrix:
    """Return the matrix from values of the numbers to values of the points, `dimension` to each."""
    n, blocks = len(master), np.tile(np.eye(dimension), (len(master), 1, 1))
    return sp.bsr_matrix((blocks, master, np.arange(n + 1)), shape=(dimension * n, dimension * (int(master.max()) + 1)))


class CellEquations:
    """The stiffness of a cell whose points are one where they have the same number.

    The cell can still shift as a whole, and it does not turn: one point is held.
    """

    def __init__(self, K: sp.bsr_matrix, points: np.ndarray, master: np.ndarray, solver: str) -> None:
        self.K, self.P, self.points = K, reduction(master, 3), points
        whole = sp.bsr_matrix(self.P.T @ K @ self.P, blocksize=(3, 3))
        whole.sort_indices()
        first = np.unique(master, return_index=True)[1]
        held = np.zeros((len(first), 3), dtype=bool)
        held[0] = True
        self.free = ~held.ravel()
        self.A = supported(whole, held)
        self.inverse: Any = factorised(self.A) if solver == "direct" else multigrid(self.A, points[first], held, None)

    def displacement(
        self, strain: np.ndarray, tolerance: float, told: Callable[[int], None] = lambda n: None
    ) -> tuple[np.ndarray, int, float]:
        """Return the displacement (3 n,) under a macroscopic strain, iterations, and relative residual.

        Its periodic part has no mean over the points.
        """
        linear = (self.points @ strain).ravel()
        right = -(self.P.T @ (self.K @ linear)) * self.free
        periodic, iterations, residual = solved(self.A, right, self.inverse, tolerance, told)
        rest = (self.P @ (periodic * self.free)).reshape(-1, 3)
        return linear + (rest - rest.mean(axis=0)).ravel(), iterations, residual


def effective(K: sp.bsr_matrix, displacements: np.ndarray, volume: float) -> np.ndarray:
    """Return the effective stiffness (6, 6): twice the energies of six displacements (6, 3 n), by volume."""
    return np.asarray(displacements @ (K @ displacements.T) / volume)


def main(path: Path) -> None:
    """Strain the cell in a file in six ways, print its stiffness, and leave it beside the file."""
    cell: dict[str, Any] = dict(np.load(path))
    shape = str(cell["shape"])
    mesh, number = make_mesh(shape, cell["points"], cell["cells"])
    vector = skfem.ElementVector(element_of(shape)[0])
    basis = skfem.Basis(mesh, vector, intorder=degree(shape))
    K = assembled_stiffness(basis, cell["stiffness"], cell["material"])
    equations = CellEquations(K, cell["points"][number], cell["master"][number], str(cell["solver"]))
    found = [equations.displacement(strain, float(cell["tolerance"])) for strain in STRAINS]
    C = effective(K, np.array([u for u, _, _ in found]), float(cell["volume"]))
    print("iterations:", *(iterations for _, iterations, _ in found))
    print("largest relative residual:", max(residual for _, _, residual in found))
    print("stiffness [MPa]:", *(" ".join(map(repr, row)) for row in C.tolist()), sep="\n")
    np.savez(path.with_name("solution.npz"), stiffness=C)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("cell.npz"))
