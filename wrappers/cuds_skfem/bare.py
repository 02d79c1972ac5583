"""Linear elasticity in scikit-fem and pyamg alone: ``python FILE [body.npz]``.

This file is the transcript of the wrapper and imports nothing of cuds. Elements, multigrid and iteration are those
that the wrapper itself calls; mesh, matrix and loads are made here by scikit-fem's own meshes and forms, there block
by block, so that one checks the other. Lengths in mm, forces in N, stresses in MPa. In space d is 3; a body in a plane
has d = 2. The arrays of the body:

shape, a key of SHAPES; points (n, d); cells (m, a) in the node order of VTK; stiffness (k, 6, 6), Voigt xx yy zz yz xz
xy with engineering shear, in the frame of the sample, in a plane what is left of it there; material (m,), the
stiffness of each element; turned (k,), the points whose components are taken along the columns of frames (k, d, d),
and not along the axes; held (n, d), which components of the displacement are prescribed, and prescribed (n, d); facets
(f, b), the points of each loaded facet; traction (f, b, d), at these points; pressure (f,), positive towards the body;
body_force (m, a, d), at the nodes of each element, or (0,); rise (m, a) of the temperature, at these nodes too, or
(0,), and thermal_stress (k, 6), which holds back the strain by one kelvin; thickness, of a body in a plane, else 1;
tolerance, of the relative residual; solver, "amg" or "direct".
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyamg
import scipy.sparse as sp
import skfem
from scipy.sparse.linalg import LinearOperator, cg, splu

TRIANGLE = [(0, 0), (1, 0), (0, 1)]
QUAD = [(0, 0), (1, 0), (1, 1), (0, 1)]
TETRA = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
HEXAHEDRON = [(x, y, z) for z in (0, 1) for x, y in QUAD]
# Where VTK has the nodes that are no corners, in halves.
EDGES_3 = [(1, 0), (1, 1), (0, 1)]
EDGES_4 = [(1, 0), (2, 1), (1, 2), (0, 1)]
EDGES_6 = [(1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (0, 1, 1)]
EDGES_12 = [*((x, y, z) for z in (0, 2) for x, y in EDGES_4), *((2 * x, 2 * y, 1) for x, y in QUAD)]
FACES_6 = [(0, 1, 1), (2, 1, 1), (1, 0, 1), (1, 2, 1), (1, 1, 0), (1, 1, 2)]
ALL_19 = [*EDGES_12, *FACES_6, (1, 1, 1)]
# For each shape: scikit-fem's mesh of first order, its element, that of a facet, the corners, the other nodes.
SHAPES: dict[str, tuple[Any, ...]] = {
    "triangle": (skfem.MeshTri1, skfem.ElementTriP1, skfem.ElementLineP1, TRIANGLE, []),
    "triangle6": (skfem.MeshTri1, skfem.ElementTriP2, skfem.ElementLineP2, TRIANGLE, EDGES_3),
    "quad": (skfem.MeshQuad1, skfem.ElementQuad1, skfem.ElementLineP1, QUAD, []),
    "quad8": (skfem.MeshQuad1, skfem.ElementQuadS2, skfem.ElementLineP2, QUAD, EDGES_4),
    "quad9": (skfem.MeshQuad1, skfem.ElementQuad2, skfem.ElementLineP2, QUAD, [*EDGES_4, (1, 1)]),
    "tetra": (skfem.MeshTet1, skfem.ElementTetP1, skfem.ElementTriP1, TETRA, []),
    "tetra10": (skfem.MeshTet1, skfem.ElementTetP2, skfem.ElementTriP2, TETRA, EDGES_6),
    "hexahedron": (skfem.MeshHex1, skfem.ElementHex1, skfem.ElementQuad1, HEXAHEDRON, []),
    "hexahedron20": (skfem.MeshHex1, skfem.ElementHexS2, skfem.ElementQuadS2, HEXAHEDRON, EDGES_12),
    "hexahedron27": (
        skfem.MeshHex1,
        skfem.ElementHex2,
        skfem.ElementQuad2,
        HEXAHEDRON,
        [*EDGES_12, *FACES_6, (1, 1, 1)],
    ),
}
MAX_ITERATIONS = 1000


def element_of(shape: str) -> tuple[Any, list[int]]:
    """Return scikit-fem's element, and which of VTK's nodes each of its is."""
    _, element, _, corners, others = SHAPES[shape]
    places = [tuple(2 * c for c in place) for place in corners] + others
    return element(), [places.index(tuple(place)) for place in (2 * element.doflocs).astype(int).tolist()]


def degree(shape: str) -> int:
    """Return up to which degree the stiffness is integrated exactly: enough for the patch test of curved elements."""
    return 5 if SHAPES[shape][4] else 1 if shape.startswith(("tri", "tet")) else 2


def degree_of_loads(shape: str) -> int:
    """Return up to which degree loads are integrated exactly: enough for the moment of a constant load."""
    simplex = shape.startswith(("tri", "tet"))
    return (5 if simplex or shape.startswith("quad") else 7) if SHAPES[shape][4] else 2 if simplex else 3


def make_mesh(shape: str, points: np.ndarray, cells: np.ndarray) -> tuple[Any, np.ndarray]:
    """Return scikit-fem's mesh, curved where the points make it so, and which of the points each of its nodes is."""
    first, element, facet, _, others = SHAPES[shape]
    kind: Any = type(first.__name__, (first,), {"bndelem": facet()})  # scikit-fem knows none for every element
    nodes = np.ascontiguousarray(cells[:, element_of(shape)[1]].T.astype(np.int32))
    flat = not others and shape in ("triangle", "tetra")
    mesh = kind(np.ascontiguousarray(points.T), nodes, elem=element, affine=flat, sort_t=False)
    number = np.empty(len(points), dtype=np.int64)
    number[mesh.dofs.element_dofs] = nodes
    return mesh, number


def rigid_modes(points: np.ndarray) -> np.ndarray:
    """Return the translations along the axes and the rotations about the origin, (n, 3, 6), in a plane (n, 2, 3)."""
    n, d = points.shape
    turns = np.zeros((n, d, 3 if d == 3 else 1))
    for i in range(turns.shape[2]):
        one, other = ((i + 1) % 3, (i + 2) % 3) if d == 3 else (0, 1)
        turns[:, one, i], turns[:, other, i] = -points[:, other], points[:, one]
    return np.concatenate([np.broadcast_to(np.eye(d), (n, d, d)), turns], axis=2)


def turning(n: int, turned: np.ndarray, frames: np.ndarray) -> sp.bsr_matrix:
    """Return the matrix from components along the frames of the points to components along the axes."""
    blocks = np.tile(np.eye(frames.shape[1]), (n, 1, 1))
    blocks[turned] = frames
    return sp.bsr_matrix((blocks, np.arange(n), np.arange(n + 1)))


def supported(K: sp.bsr_matrix, held: np.ndarray) -> sp.bsr_matrix:
    """Return the matrix with the rows and columns of held components replaced by their diagonal."""
    free = (~held).astype(np.float64)
    row = np.repeat(np.arange(len(held)), np.diff(K.indptr))
    data = K.data * free[row][:, :, None] * free[K.indices][:, None, :]
    diagonal = row == K.indices
    axes = np.arange(held.shape[1])
    kept = K.data[diagonal][:, axes, axes] * held[row[diagonal]]
    data[np.flatnonzero(diagonal)[:, None], axes, axes] += kept
    return sp.bsr_matrix((data, K.indices, K.indptr), shape=K.shape)


def multigrid(A: sp.bsr_matrix, points: np.ndarray, held: np.ndarray, turn: sp.bsr_matrix | None) -> LinearOperator:
    """Return smoothed aggregation that knows the rigid motions; the same each time it is made."""
    size = np.ptp(points, axis=0).max()
    modes = rigid_modes((points - points.mean(axis=0)) / size)
    rows = modes.reshape(held.size, -1) if turn is None else turn.T @ modes.reshape(held.size, -1)
    B = np.linalg.qr(rows * ~held.reshape(-1, 1))[0]
    near: Any = ("symmetric", {"theta": 0.0})  # every neighbour counts
    state = np.random.get_state()  # pyamg draws its starting vectors from numpy's global generator
    np.random.seed(0)
    try:
        levels = pyamg.smoothed_aggregation_solver(A, B=B, strength=near, max_coarse=100, improve_candidates=None)
    finally:
        np.random.set_state(state)
    return levels.aspreconditioner()


def factorised(A: Any) -> Callable[[np.ndarray], np.ndarray]:
    """Return the solution by a sparse factorisation of a symmetric matrix."""
    factor = splu(A.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    solve: Callable[[np.ndarray], np.ndarray] = factor.solve
    return solve


def solved(
    A: Any, b: np.ndarray, inverse: Any, tolerance: float, told: Callable[[int], None] = lambda n: None
) -> tuple[np.ndarray, int, float]:
    """Return solution, iterations and true relative residual; starts anew where rounding misled the iteration."""
    x, size, count = np.zeros_like(b), float(np.linalg.norm(b)), 0

    def counted(_: np.ndarray) -> None:
        nonlocal count
        count += 1
        told(count)

    def correction(rest: np.ndarray) -> Any:
        if not isinstance(inverse, LinearOperator):
            return inverse(rest)
        left, goal = MAX_ITERATIONS - count, 0.9 * tolerance * size
        return cg(A, rest, rtol=0, atol=goal, maxiter=left, M=inverse, callback=counted)[0]

    relative, before = (1.0 if size > 0 else 0.0), np.inf
    while tolerance < relative <= 0.5 * before and count < MAX_ITERATIONS:
        y = x + correction(b - A @ x)
        reached = float(np.linalg.norm(b - A @ y)) / size
        before = relative
        if reached < relative:
            x, relative = y, reached
    return x, count, relative


def rounding(A: sp.bsr_matrix, x: np.ndarray, b: np.ndarray) -> float:
    """Return below what relative residual rounding lets none fall (Oettli and Prager, Numer. Math. 6, 405 (1964))."""
    size = sp.bsr_matrix((np.abs(A.data), A.indices, A.indptr), shape=A.shape) @ np.abs(x)
    return 2 * float(np.finfo(np.float64).eps * np.linalg.norm(size) / np.linalg.norm(b))


def assembled_stiffness(basis: Any, stiffness: np.ndarray, material: np.ndarray) -> sp.bsr_matrix:
    """Return the stiffness matrix by scikit-fem's bilinear form; row d node + axis."""
    C = np.moveaxis(stiffness[material], 0, -1)[..., None]

    def strain(u: Any) -> np.ndarray:
        g = u.grad
        if len(g) == 2:
            nothing = np.zeros_like(g[0, 0])
            return np.stack([g[0, 0], g[1, 1], nothing, nothing, nothing, g[0, 1] + g[1, 0]])
        return np.stack([g[0, 0], g[1, 1], g[2, 2], g[1, 2] + g[2, 1], g[0, 2] + g[2, 0], g[0, 1] + g[1, 0]])

    def energy(u: Any, v: Any, w: Any) -> Any:
        return np.einsum("i...,ij...,j...->...", strain(v), w.C, strain(u))

    field = skfem.DiscreteField(np.broadcast_to(C, (*C.shape[:-1], basis.dx.shape[1])))
    d = basis.mesh.dim()
    return sp.bsr_matrix(skfem.BilinearForm(energy).assemble(basis, C=field), blocksize=(d, d))


def assembled_loads(mesh: Any, body: Mapping[str, Any]) -> np.ndarray:
    """Return the forces on the nodes (d n,) by scikit-fem's linear form."""
    element, order = element_of(str(body["shape"]))
    vector = skfem.ElementVector(element)
    exact = degree_of_loads(str(body["shape"]))

    def work(v: Any, w: Any) -> Any:
        return np.einsum("i...,i...->...", w.f, v)

    form = skfem.LinearForm(work)
    load = np.zeros(body["points"].size)
    if len(body["facets"]):
        corners = body["facets"][:, : len(mesh.facets)]
        known = {tuple(f): i for i, f in enumerate(np.sort(mesh.facets, axis=0).T.tolist())}
        numbers = np.array([known[tuple(f)] for f in np.sort(corners, axis=1).tolist()])
        surface = skfem.FacetBasis(mesh, vector, facets=numbers, intorder=exact)
        f = -body["pressure"][:, None] * np.asarray(surface.normals)
        scalar = skfem.FacetBasis(mesh, element, facets=numbers, intorder=exact)
        for nodes, (shape,) in zip(mesh.dofs.element_dofs[:, scalar.tind], scalar.basis, strict=True):
            f += np.einsum("fb,fbc,fq->cfq", nodes[:, None] == body["facets"], body["traction"], shape)
        load += form.assemble(surface, f=skfem.DiscreteField(f))
    if len(body["body_force"]):
        inside = skfem.Basis(mesh, vector, intorder=exact)
        shapes = [element.lbasis(inside.X, i)[0] for i in range(len(order))]
        f = sum(body["body_force"][:, o].T[:, :, None] * shape for o, shape in zip(order, shapes, strict=True))
        load += form.assemble(inside, f=skfem.DiscreteField(f))
    if len(body["rise"]):
        inside = skfem.Basis(mesh, vector, intorder=exact)
        shapes = [element.lbasis(inside.X, i)[0] for i in range(len(order))]
        rise = sum(body["rise"][:, o][:, None] * shape for o, shape in zip(order, shapes, strict=True))
        xx, yy, zz, yz, xz, xy = body["thermal_stress"][body["material"]].T
        push = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])[: len(mesh.p), : len(mesh.p), :, None] * rise
        strained = skfem.LinearForm(lambda v, w: np.einsum("ij...,ij...->...", w.s, v.grad))
        load += strained.assemble(inside, s=skfem.DiscreteField(push))
    return load


def main(path: Path) -> None:
    """Solve the body in a file, print what came out, and leave it beside the file."""
    body: dict[str, Any] = dict(np.load(path))
    shape = str(body["shape"])
    mesh, number = make_mesh(shape, body["points"], body["cells"])
    mine = np.argsort(number)
    body |= {name: body[name][number] for name in ("points", "held", "prescribed")}
    body |= {name: mine[body[name]] for name in ("facets", "turned")}
    points, held = body["points"], body["held"]
    vector = skfem.ElementVector(element_of(shape)[0])
    basis = skfem.Basis(mesh, vector, intorder=degree(shape))
    K = assembled_stiffness(basis, body["stiffness"], body["material"])
    load = assembled_loads(mesh, body)
    turn = turning(len(points), body["turned"], body["frames"])
    K, load = turn.T @ K @ turn, turn.T @ load
    u = body["prescribed"].ravel().copy()
    A = supported(K, held)
    inverse = factorised(A) if str(body["solver"]) == "direct" else multigrid(A, points, held, turn)
    step, iterations, residual = solved(A, (load - K @ u) * ~held.ravel(), inverse, float(body["tolerance"]))
    u += step * ~held.ravel()
    reaction = float(body["thickness"]) * (turn @ ((K @ u - load) * held.ravel())).reshape(points.shape)
    u = (turn @ u).reshape(points.shape)
    print("iterations:", iterations, " relative residual:", residual)
    print("largest displacement [mm]:", float(np.abs(u).max()))
    print("sum of reactions [N]:", *reaction.sum(axis=0).tolist())
    np.savez(path.with_name("solution.npz"), displacement=u[mine], reaction=reaction[mine])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("body.npz"))
