"""Matrices and loads of the conduction of heat, element by element; and the heat flux of a temperature."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from cuds.arrays import AnyArray, FloatArray, IntArray
from cuds_skfem import bare
from cuds_skfem.assembly import chunks, gradients, pattern
from cuds_skfem.heat import HeatDeck
from cuds_skfem.mesh import Body


@dataclass(frozen=True, eq=False)
class Matrices:
    """What makes up the equation M dT/dt + K T = f, for a thickness of 1 mm in a plane.

    Parameters
    ----------
    K : csr_matrix (n, n)
        Conduction and convection, in W/K.
    M : csr_matrix (n, n)
        Capacity, in J/K.
    """

    K: sp.csr_matrix
    M: sp.csr_matrix


@dataclass(frozen=True, eq=False)
class Inflow:
    """The heat that each condition puts in: constant - loss . T, for a thickness of 1 mm in a plane.

    Parameters
    ----------
    condition : int
        Its number.
    constant : ndarray (n,)
        In W, by point.
    loss : ndarray (n,)
        In W/K, by point.
    """

    condition: int
    constant: FloatArray
    loss: FloatArray


def matrices(deck: HeatDeck) -> Matrices:
    """Return the matrices of a body."""
    body = deck.body
    indptr, indices = pattern(body)
    conduction, capacity = np.zeros((2, len(indices)))
    keys = np.repeat(np.arange(len(body.points)), np.diff(indptr)) * len(body.points) + indices
    values, derivatives, weights = body.shapes(bare.degree_of_loads(body.shape))
    d = body.dimension
    for chunk in chunks(body):
        place = _places(body, body.nodes[chunk], keys)
        grad, dx = gradients(body, chunk)
        k = deck.conductivity[deck.material[chunk], None, :d, :d]
        _add(conduction, place, ((grad @ k * dx[..., None, None]) @ grad.swapaxes(2, 3)).sum(axis=1))
        if deck.capacity.any():
            J = body.points[body.nodes[chunk]].transpose(0, 2, 1)[:, None] @ derivatives
            heat = np.linalg.det(J) * weights * deck.capacity[deck.material[chunk], None]
            _add(capacity, place, np.einsum("qa,qb,eq->eab", values, values, heat))
    if len(deck.surface.facets):
        nodes = body.facet_nodes(deck.surface.facets)
        shapes, _, area = body.surface(deck.surface.facets, bare.degree_of_loads(body.shape))
        h = area * deck.surface.total("coefficient")[:, None]
        _add(conduction, _places(body, nodes, keys), np.einsum("qa,qb,fq->fab", shapes, shapes, h))
    shape = (len(body.points),) * 2
    return Matrices(*(sp.csr_matrix((v, indices, indptr), shape=shape) for v in (conduction, capacity)))


def _places(body: Body, nodes: IntArray, keys: AnyArray) -> IntArray:
    wide = nodes.astype(np.int64)
    found: IntArray = np.searchsorted(keys, (wide[:, :, None] * len(body.points) + wide[:, None, :]).ravel())
    return found


def _add(total: FloatArray, place: IntArray, blocks: FloatArray) -> None:
    np.add.at(total, place, blocks.ravel())


def inflows(deck: HeatDeck) -> list[Inflow]:
    """Return what each flux, each convection and each source puts in."""
    body, exact, n = deck.body, bare.degree_of_loads(deck.body.shape), len(deck.body.points)
    found = []
    if len(deck.surface.facets):
        shapes, _, area = body.surface(deck.surface.facets, exact)
        share, nodes = area @ shapes, body.facet_nodes(deck.surface.facets)
        rows = zip(deck.surface.owner, deck.surface.place, strict=True)
        for row, (number, place) in enumerate(rows):
            spread = np.bincount(nodes[place].ravel(), share[place].ravel(), n)
            put = deck.surface.flux[row] + deck.surface.drive[row]
            found.append(Inflow(int(number), put * spread, deck.surface.coefficient[row] * spread))
    values, derivatives, weights = body.shapes(exact)
    for number, source in deck.sources:
        constant = np.zeros(n)
        for chunk in chunks(body):
            J = body.points[body.nodes[chunk]].transpose(0, 2, 1)[:, None] @ derivatives
            heat = (source[chunk][:, body.order] @ values.T) * np.linalg.det(J) * weights
            np.add.at(constant, body.nodes[chunk], heat @ values)
        found.append(Inflow(number, constant, np.zeros(n)))
    return found


def heat_flux(deck: HeatDeck, temperature: FloatArray) -> FloatArray:
    """Return the mean heat flux of each element (m, 3) in W/mm^2, in the direction in which heat flows.

    Parameters
    ----------
    deck : HeatDeck
        The body.
    temperature : ndarray (n,)
        In K.
    """
    body, d = deck.body, deck.body.dimension
    found = np.empty((len(body.cells), 3))
    for chunk in chunks(body):
        grad, dx = gradients(body, chunk)
        mean = np.einsum("eqak,eq,ea->ek", grad, dx, temperature[body.nodes[chunk]]) / dx.sum(axis=1)[:, None]
        found[chunk] = -np.einsum("eik,ek->ei", deck.conductivity[deck.material[chunk]][:, :, :d], mean)
    return found
