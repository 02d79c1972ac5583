"""Strain and stress of a displacement: means over each element, and values at the points."""

from typing import Any

import numpy as np

from cuds.arrays import FloatArray, IntArray
from cuds.model.elements import SHAPES
from cuds.model.plane import Plane, completed
from cuds.model.tensor import strain_voigt
from cuds_skfem import bare
from cuds_skfem.assembly import chunks, gradients
from cuds_skfem.mesh import Body, quadrature, values_at
from cuds_skfem.thermal import Thermal

# Where the stress of an element is most exact: the degree of the quadrature with as many points as there are corners,
# or one of them (Barlow, Int. J. Numer. Methods Eng. 10, 243 (1976)).
_MOST_EXACT = {("triangle", 1): 1, ("tetra", 1): 1, ("quad", 2): 3, ("hexahedron", 2): 3}


def strain(body: Body, displacement: FloatArray) -> FloatArray:
    """Return the mean strain of each element (m, 6), Voigt, engineering shear; of a body in a plane that in it.

    Parameters
    ----------
    body : Body
        The mesh.
    displacement : ndarray (n, d)
        In mm.
    """
    found = np.empty((len(body.cells), 6))
    for chunk in chunks(body):
        grad, dx = gradients(body, chunk)
        mean = np.einsum("eqak,eq->eak", grad, dx) / dx.sum(axis=1)[:, None, None]
        found[chunk] = _strain(body, chunk, displacement, mean[:, None])[:, 0]
    return found


def _strain(body: Body, chunk: slice, displacement: FloatArray, grad: FloatArray) -> FloatArray:
    """Return strains (e, q, 6) from gradients of the shape functions (e, q, a, d)."""
    d = body.dimension
    slope = np.zeros((*grad.shape[:2], 3, 3))
    slope[..., :d, :d] = displacement[body.nodes[chunk]].transpose(0, 2, 1)[:, None] @ grad
    return strain_voigt(0.5 * (slope + slope.swapaxes(2, 3)))


def stress(
    strain: FloatArray,
    stiffness: FloatArray,
    material: IntArray,
    plane: Plane | None = None,
    free: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Return strain and stress (m, 6) in MPa, positive in tension; of a body in a plane with what there is along z.

    Parameters
    ----------
    strain : ndarray (m, 6)
        Voigt, engineering shear.
    stiffness : ndarray (k, 6, 6)
        In MPa.
    material : ndarray (m,)
        The stiffness of each element.
    plane : {"strain", "stress"}, optional
        Of a body in a plane.
    free : ndarray (m, 6), optional
        The strain at which there is no stress: that of heat.
    """
    whole, found = strain.copy(), np.empty_like(strain)
    for m, C in enumerate(stiffness):
        mine = material == m
        if plane is None:
            found[mine] = (strain[mine] if free is None else strain[mine] - free[mine]) @ C.T
        else:
            whole[mine], found[mine] = completed(strain[mine], C, plane, None if free is None else free[mine])
    return whole, found


def nodal_stress(
    body: Body,
    displacement: FloatArray,
    stiffness: FloatArray,
    material: IntArray,
    plane: Plane | None = None,
    thermal: Thermal | None = None,
) -> FloatArray:
    """Return the stress at the points (n, 6) in MPa: the mean of what the elements about each have there.

    In an element it is extrapolated to the nodes from where it is most exact, by the shape functions of first order.

    References
    ----------
    Hinton and Campbell, Int. J. Numer. Methods Eng. 8, 461 (1974).
    """
    shape = SHAPES[body.shape]
    places, _ = quadrature(body.element, _MOST_EXACT.get((shape.first_order, shape.order), 2))
    values, derivatives = values_at(body.element, places)
    outward = _extrapolation(body, places)
    n = len(body.points)
    total = np.zeros((6, n))
    for chunk in chunks(body):
        J = body.points[body.nodes[chunk]].transpose(0, 2, 1)[:, None] @ derivatives
        inside = _strain(body, chunk, displacement, derivatives @ np.linalg.inv(J))
        of = np.repeat(material[chunk], inside.shape[1])
        free = None if thermal is None else thermal.strain_at(body, values, chunk, material).reshape(-1, 6)
        found = stress(inside.reshape(-1, 6), stiffness, of, plane, free)[1].reshape(inside.shape)
        at_nodes = np.broadcast_to(outward @ found, (*body.nodes[chunk].shape, 6))
        for i in range(6):
            total[i] += np.bincount(body.nodes[chunk].ravel(), at_nodes[..., i].ravel(), n)
    return (total / np.bincount(body.nodes.ravel(), minlength=n)).T


def _extrapolation(body: Body, places: FloatArray) -> FloatArray:
    """Return the matrix (a, q) from values at places in an element to its nodes; (1, 1) where all are the same."""
    if places.shape[1] == 1:
        return np.ones((1, 1))
    linear: Any = bare.element_of(SHAPES[body.shape].first_order)[0]
    matrix: FloatArray = values_at(linear, body.element.doflocs.T)[0] @ np.linalg.inv(values_at(linear, places)[0])
    return matrix
