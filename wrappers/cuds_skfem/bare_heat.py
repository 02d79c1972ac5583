"""Conduction of heat in scikit-fem and pyamg alone: ``python FILE [heat.npz]``.

In a transcript this stands below the file for elasticity, whose meshes and iteration it uses. Multigrid, elimination
and steps in time are those that the wrapper itself calls; matrices and loads are made here by scikit-fem's own forms,
there block by block. Lengths in mm, power in W, temperatures in K, times in s. The arrays of the body:

shape, points (n, d), cells (m, a), material (m,), tolerance, solver, thickness as for elasticity; conductivity
(k, 3, 3) in W/mm/K, in the frame of the sample; capacity (k,), heat by volume and temperature in J/mm^3/K; held (n,),
the points with a prescribed temperature, and prescribed (n,); facets (f, b), the points of each loaded facet; flux
(f,), into the body, in W/mm^2; coefficient (f,) of heat transfer in W/mm^2/K and drive (f,), its product with the
temperature of the surroundings; source (m, a), at the nodes of each element, in W/mm^3, or (0,); step, in s, 0 for
the steady temperature; steps, how many there are; initial (n,).
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyamg
import scipy.sparse as sp
import skfem
from scipy.sparse.linalg import LinearOperator

from cuds_skfem.bare import degree, degree_of_loads, element_of, factorised, make_mesh, solved

# The method of Alexander (SIAM J. Numer. Anal. 14, 1006 (1977)): two stages, of second order, L-stable.
GAMMA = 1 - np.sqrt(0.5)


def apart(K: sp.csr_matrix, held: np.ndarray) -> sp.csr_matrix:
    """Return the matrix with the rows and columns of held points replaced by their diagonal."""
    free = sp.diags((~held).astype(np.float64))
    return sp.csr_matrix(free @ K @ free + sp.diags(np.where(held, K.diagonal(), 0.0)))


def inverse_of(A: sp.csr_matrix, held: np.ndarray, solver: str) -> Any:
    """Return smoothed aggregation that knows the constant temperature, or a sparse factorisation."""
    return factorised(A) if solver == "direct" else scalar_multigrid(A, held)


def scalar_multigrid(A: sp.csr_matrix, held: np.ndarray) -> LinearOperator:
    """Return smoothed aggregation; the same each time it is made."""
    near: Any = ("symmetric", {"theta": 0.0})  # every neighbour counts
    B = (~held).astype(np.float64)[:, None]
    state = np.random.get_state()  # pyamg draws its starting vectors from numpy's global generator
    np.random.seed(0)
    try:
        levels = pyamg.smoothed_aggregation_solver(A, B=B, strength=near, max_coarse=300, improve_candidates=None)
    finally:
        np.random.set_state(state)
    return levels.aspreconditioner()


def step_of(
    K: sp.csr_matrix, f: np.ndarray, u: np.ndarray, h: float, solve: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the temperature a step later, and its mean over the step with the weights of the method.

    `solve` gives the solution of (M + GAMMA h K) k = right-hand side that is 0 at held points.
    """
    one = solve(f - K @ u)
    later = u + (1 - GAMMA) * h * one
    two = solve(f - K @ later)
    end = later + GAMMA * h * two
    return end, (1 - GAMMA) * (u + GAMMA * h * one) + GAMMA * end


def assembled(mesh: Any, body: Mapping[str, Any]) -> tuple[sp.csr_matrix, sp.csr_matrix, np.ndarray]:
    """Return conduction with convection, capacity, and the heat that is put in, by scikit-fem's forms."""
    shape, material = str(body["shape"]), body["material"]
    element, order = element_of(shape)
    exact, d = degree_of_loads(shape), body["points"].shape[1]
    inside = skfem.Basis(mesh, element, intorder=exact)
    few = skfem.Basis(mesh, element, intorder=degree(shape))

    def everywhere(values: np.ndarray, basis: Any) -> Any:
        return skfem.DiscreteField(np.repeat(np.moveaxis(values, 0, -1)[..., None], basis.dx.shape[1], axis=-1))

    def flow(u: Any, v: Any, w: Any) -> Any:
        return np.einsum("i...,ij...,j...->...", v.grad, w.k, u.grad)

    conductivity = everywhere(body["conductivity"][:, :d, :d][material], few)
    K = skfem.BilinearForm(flow).assemble(few, k=conductivity)
    mass, work = skfem.BilinearForm(lambda u, v, w: w.c * u * v), skfem.LinearForm(lambda v, w: w.q * v)
    M = mass.assemble(inside, c=everywhere(body["capacity"][material], inside))
    f = np.zeros(len(body["points"]))
    if len(body["facets"]):
        corners = body["facets"][:, : len(mesh.facets)]
        known = {tuple(facet): i for i, facet in enumerate(np.sort(mesh.facets, axis=0).T.tolist())}
        numbers = np.array([known[tuple(facet)] for facet in np.sort(corners, axis=1).tolist()])
        surface = skfem.FacetBasis(mesh, element, facets=numbers, intorder=exact)
        K = K + mass.assemble(surface, c=everywhere(body["coefficient"], surface))
        f += work.assemble(surface, q=everywhere(body["flux"] + body["drive"], surface))
    if len(body["source"]):
        shapes = [element.lbasis(inside.X, i)[0] for i in range(len(order))]
        at = sum(body["source"][:, o][:, None] * s for o, s in zip(order, shapes, strict=True))
        f += work.assemble(inside, q=skfem.DiscreteField(at))
    return sp.csr_matrix(K), sp.csr_matrix(M), f


def main(path: Path) -> None:
    """Find the temperature of the body in a file, print what came out, and leave it beside the file."""
    body: dict[str, Any] = dict(np.load(path))
    mesh, number = make_mesh(str(body["shape"]), body["points"], body["cells"])
    mine = np.argsort(number)
    body |= {name: body[name][number] for name in ("points", "held", "prescribed", "initial")}
    body["facets"] = mine[body["facets"]]
    K, M, f = assembled(mesh, body)
    held, prescribed, h = body["held"], body["prescribed"], float(body["step"])
    A = apart(K if h == 0 else M + GAMMA * h * K, held)
    inverse, worst = inverse_of(A, held, str(body["solver"])), 0.0

    def solve(right: np.ndarray) -> np.ndarray:
        nonlocal worst
        found, _, residual = solved(A, right * ~held, inverse, float(body["tolerance"]))
        worst = max(worst, residual)
        return np.where(held, 0.0, found)

    u = np.where(held, prescribed, body["initial"])
    if h == 0:
        u = np.where(held, prescribed, 0.0)
        u = u + solve(f - K @ u)
    for _ in range(int(body["steps"])):
        u, _ = step_of(K, f, u, h, solve)
    print("largest relative residual:", worst)
    print("temperature [K]:", float(u.min()), float(u.max()))
    np.savez(path.with_name("solution.npz"), temperature=u[mine])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("heat.npz"))
