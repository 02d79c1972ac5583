"""Stiffness matrix and load vector, block by block: d x d blocks of pairs of points, summed over the elements."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

from cuds.arrays import FloatArray, IntArray
from cuds.model.tensor import VOIGT
from cuds_skfem import bare
from cuds_skfem.conditions import Loads
from cuds_skfem.mesh import Body

_PAIRS = 400_000  # pairs of nodes taken at a time: bounds the memory, some 150 bytes a pair


def chunks(body: Body) -> Iterator[slice]:
    """Yield the elements in portions."""
    step = max(1, _PAIRS // body.cells.shape[1] ** 2)
    for start in range(0, len(body.cells), step):
        yield slice(start, start + step)


def gradients(body: Body, chunk: slice) -> tuple[FloatArray, FloatArray]:
    """Return the gradients of the shape functions (e, q, a, d) in 1/mm, and volumes (e, q) in mm^d.

    The quadrature is exact for the mean gradient, also of trilinear and of curved elements, so that every shape passes
    the patch test.
    """
    _, derivatives, weights = body.shapes(body.degree(chunk))
    J = body.points[body.nodes[chunk]].transpose(0, 2, 1)[:, None] @ derivatives
    return derivatives @ np.linalg.inv(J), np.linalg.det(J) * weights


def volumes(body: Body) -> FloatArray:
    """Return the volumes of the elements (m,) in mm^d."""
    return np.concatenate([gradients(body, chunk)[1].sum(axis=1) for chunk in chunks(body)])


def tensor_of_pairs(stiffness: FloatArray, dimension: int = 3) -> FloatArray:
    """Return the matrix (d d, d d) that takes products dN_a/dx_k dN_b/dx_l to the block K_ij of the nodes a and b.

    K_ij = sum over k and l of C_ikjl dN_a/dx_k dN_b/dx_l, integrated.
    """
    number = np.empty((3, 3), dtype=np.int64)
    for v, (i, k) in enumerate(VOIGT):
        number[i, k] = number[k, i] = v
    number = number[:dimension, :dimension]
    C = stiffness[number[:, :, None, None], number]
    matrix: FloatArray = C.transpose(1, 3, 0, 2).reshape(dimension**2, dimension**2)
    return matrix


def pattern(body: Body) -> tuple[IntArray, IntArray]:
    """Return which points share an element: indptr and sorted indices of the blocks of the matrix."""
    m, per = body.cells.shape
    ends = np.arange(0, m * per + 1, per, dtype=np.int32)
    touches = sp.csr_matrix((np.ones(m * per, dtype=np.int8), body.nodes.ravel(), ends), shape=(m, len(body.points)))
    near: Any = (touches.T.tocsr() @ touches).tocsr()
    near.sort_indices()
    return near.indptr, near.indices


def stiffness_matrix(body: Body, stiffness: FloatArray, material: IntArray) -> sp.bsr_matrix:
    """Return the stiffness matrix in N/mm, row d point + axis; of a body in a plane, for a thickness of 1 mm.

    Parameters
    ----------
    body : Body
        The mesh.
    stiffness : ndarray (k, 6, 6)
        In MPa.
    material : ndarray (m,)
        The stiffness of each element.
    """
    n, per, d = len(body.points), body.cells.shape[1], body.dimension
    indptr, indices = pattern(body)
    keys = np.repeat(np.arange(n), np.diff(indptr)) * n + indices
    tensors = [tensor_of_pairs(C, d) for C in stiffness]
    blocks = np.zeros((len(keys), d * d))
    for chunk in chunks(body):
        grad, dx = gradients(body, chunk)
        flat = grad.reshape(*dx.shape, d * per)
        products = (flat * dx[..., None]).transpose(0, 2, 1) @ flat
        products = products.reshape(-1, per, d, per, d).transpose(0, 1, 3, 2, 4).reshape(-1, per * per, d * d)
        for m in np.unique(material[chunk]):
            mine = material[chunk] == m
            products[mine] = products[mine] @ tensors[m]
        nodes = body.nodes[chunk].astype(np.int64)
        place = np.searchsorted(keys, (nodes[:, :, None] * n + nodes[:, None, :]).ravel())
        for i in range(d * d):
            np.add.at(blocks[:, i], place, products[..., i].ravel())
    return sp.bsr_matrix((blocks.reshape(-1, d, d), indices, indptr), shape=(d * n, d * n))


def load_vector(body: Body, loads: Loads) -> FloatArray:
    """Return the forces on the points (n, d) in N that do the work of the loads; in a plane for a thickness of 1 mm."""
    force = np.zeros_like(body.points)
    exact = bare.degree_of_loads(body.shape)
    if len(loads.facets):
        values, normals, area = body.surface(loads.facets, exact)
        f = values @ loads.traction - loads.pressure[:, None, None] * normals
        np.add.at(force, body.facet_nodes(loads.facets), values.T @ (f * area[..., None]))
    if len(loads.body_force):
        _add_body_force(force, body, loads.body_force[:, body.order], exact)
    return force


def _add_body_force(force: FloatArray, body: Body, density: FloatArray, intorder: int) -> None:
    values, derivatives, weights = body.shapes(intorder)
    for chunk in chunks(body):
        J = body.points[body.nodes[chunk]].transpose(0, 2, 1)[:, None] @ derivatives
        dx = np.linalg.det(J) * weights
        at_points = values @ density[chunk]
        np.add.at(force, body.nodes[chunk], values.T @ (at_points * dx[..., None]))
