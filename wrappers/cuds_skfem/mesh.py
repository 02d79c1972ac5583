"""The mesh of the model as scikit-fem has it: one shape of element, nodes in its order, lengths in mm."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import scipy.sparse as sp
from skfem.quadrature import get_quadrature

from cuds.arrays import AnyArray, FloatArray, IntArray
from cuds.errors import InvalidError, UnsupportedError
from cuds.model.elements import FACES, SHAPES
from cuds.model.mesh import Mesh, Region
from cuds_skfem import bare

_FLAT = 1e-12  # volume of an element over the product of its edges, below which it has none
_THROUGH = 1e-9  # of the largest volume inside an element: how far a node may be pushed through it by rounding
_CURVED = 1e-9  # of the size of an element: how far from the middle of its corners a node makes it curved
_SIMPLICES = ("triangle", "tetra")
_bodies: WeakKeyDictionary[Mesh, "Body"] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Body:
    """A mesh in scikit-fem. Points that belong to no element are left out.

    Parameters
    ----------
    shape : str
        Of its elements.
    points : ndarray (n, d)
        In mm; d is 3, or 2 for a body in a plane.
    cells : ndarray (m, a)
        Their rows for each element, in the node order of VTK.
    given : ndarray (n,)
        The numbers of these points in the mesh of the model.
    local : ndarray (n_given,)
        The other way round; -1 for points of no element.
    """

    shape: str
    points: FloatArray
    cells: IntArray
    given: IntArray
    local: IntArray

    @property
    def dimension(self) -> int:
        """3, or 2 for a body in a plane."""
        return int(self.points.shape[1])

    @cached_property
    def element(self) -> Any:
        """scikit-fem's scalar element."""
        return bare.element_of(self.shape)[0]

    @cached_property
    def order(self) -> list[int]:
        """Which of VTK's nodes each of scikit-fem's is."""
        return bare.element_of(self.shape)[1]

    @cached_property
    def nodes(self) -> AnyArray:
        """The points of each element in scikit-fem's order, (m, a)."""
        return self.cells[:, self.order].astype(np.int32)

    @cached_property
    def mesh(self) -> Any:
        """scikit-fem's mesh of the corners: which facets there are, and which elements they separate."""
        first = SHAPES[self.shape].first_order
        corners = np.ascontiguousarray(self.nodes[:, : SHAPES[self.shape].corners].T)
        return bare.SHAPES[first][0](np.ascontiguousarray(self.points.T), corners, sort_t=False)

    def shapes(self, intorder: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return values (q, a) and derivatives (q, a, d) of the shape functions at points of weight (q,)."""
        places, weights = quadrature(self.element, intorder)
        return *values_at(self.element, places), weights

    def degree(self, chunk: slice) -> int:
        """Return up to which degree the stiffness of some elements is integrated: straight simplices need less."""
        shape = SHAPES[self.shape]
        if shape.first_order in _SIMPLICES and shape.order == 2 and not self._curved(chunk):
            return 2
        return bare.degree(self.shape)

    def _curved(self, chunk: slice) -> bool:
        """Whether a node of some elements lies elsewhere than in the middle of its corners."""
        shape = SHAPES[self.shape]
        places = self.points[self.cells[chunk]]
        size = np.ptp(places, axis=1).max(axis=1)[:, None]
        middles = enumerate(shape.middles[shape.corners :], start=shape.corners)
        off = (places[:, node] - places[:, list(middle)].mean(axis=1) for node, middle in middles)
        return any(bool(np.any(np.abs(distance) > _CURVED * size)) for distance in off)

    def facet_nodes(self, facets: IntArray) -> IntArray:
        """Return the points of facets (f, b) in the node order of VTK, outward from the first of their elements."""
        return _facet_nodes(self, facets, self.mesh.f2t[0, facets])

    def facets_of(self, region: Region) -> IntArray:
        """Return scikit-fem's numbers for the facets of a region; -1 where no element has such a facet."""
        facets, corners = self.mesh.facets, len(self.mesh.facets)
        if region.members.shape[1] != len(FACES[self.shape][0]):
            return np.full(len(region.members), -1)
        everything = self.local[region.members]
        wanted = np.sort(everything[:, :corners], axis=1)
        there = np.zeros(len(self.points) + 1, dtype=bool)
        there[wanted] = True
        near = np.flatnonzero(there[facets].all(axis=0))
        rows = np.concatenate([np.sort(facets[:, near], axis=0).T, wanted])
        _, place = np.unique(rows, axis=0, return_inverse=True)
        number = np.full(len(rows), -1)
        number[place[: len(near)]] = near
        found: IntArray = number[place[len(near) :]]
        known = np.flatnonzero(found >= 0)
        same = np.sort(self.facet_nodes(found[known]), axis=1) == np.sort(everything[known], axis=1)
        found[known[~same.all(axis=1)]] = -1
        return found

    def surface(self, facets: IntArray, intorder: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return values (q, b) of the shape functions of facets, outward unit normals (f, q, d), and areas (f, q).

        The nodes are those of `facet_nodes`; an area is in mm^(d-1) and has its weight in it.
        """
        element = bare.SHAPES[self.shape][2]()
        places, weights = quadrature(element, intorder)
        values, derivatives = values_at(element, places)
        tangents = self.points[self.facet_nodes(facets)].transpose(0, 2, 1)[:, None] @ derivatives
        if self.dimension == 2:
            normals = tangents[..., 0][..., ::-1] * [1, -1]
        else:
            normals = np.cross(tangents[..., 0], tangents[..., 1])
        area = np.linalg.norm(normals, axis=2)
        return values, normals / area[..., None], area * weights

    @cached_property
    def pieces(self) -> IntArray:
        """The piece that each element belongs to (m,): pieces hang together facet by facet."""
        one, two = self.mesh.f2t[:, self.mesh.f2t[1] >= 0]
        links = sp.coo_matrix((np.ones(len(one), dtype=bool), (one, two)), shape=(len(self.cells),) * 2)
        pieces: IntArray = sp.csgraph.connected_components(links, directed=False)[1]
        return pieces


def quadrature(element: Any, intorder: int) -> tuple[FloatArray, FloatArray]:
    """Return places (d, q) in the reference element, and their weights: one of them where that is exact enough."""
    places, weights = get_quadrature(element.refdom, intorder)
    if intorder > 1:
        return places, weights
    return places @ weights[:, None] / weights.sum(), weights.sum(keepdims=True)


def values_at(element: Any, places: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return values (q, a) and derivatives (q, a, d) of the shape functions at places (d, q) in the reference."""
    both = [element.lbasis(places, i) for i in range(len(element.doflocs))]
    values = np.stack([np.broadcast_to(v, places.shape[1:]) for v, _ in both], axis=-1)
    derivatives = np.stack([np.broadcast_to(d, places.shape) for _, d in both], axis=-1)
    return values, derivatives.transpose(1, 2, 0)


def _facet_nodes(body: Body, facets: IntArray, owner: IntArray) -> IntArray:
    """Return the points of facets (f, b) as an element has them that they belong to."""
    faces = body.cells[owner][:, np.array(FACES[body.shape])]
    wanted = np.sort(body.mesh.facets[:, facets], axis=0).T
    which = (np.sort(faces[..., : wanted.shape[1]], axis=2) == wanted[:, None]).all(axis=2).argmax(axis=1)
    found: IntArray = faces[np.arange(len(facets)), which]
    return found


def body_of(mesh: Mesh) -> Body:
    """Return the body of a mesh; made once as long as the mesh is there.

    Raises
    ------
    UnsupportedError
        When the mesh mixes shapes of elements.
    InvalidError
        When an element has no volume or is turned inside out, when a facet belongs to three, or when two elements
        share the corners of a facet but not its other nodes.
    """
    if mesh not in _bodies:
        _bodies[mesh] = _made(mesh)
    return _bodies[mesh]


def _made(mesh: Mesh) -> Body:
    shapes = sorted({b.shape for b in mesh.blocks})
    if len(shapes) > 1:
        raise UnsupportedError(
            f"mesh: scikit-fem takes one shape of element, not {' and '.join(shapes)}",
            hint="mesh the body with one shape",
            field="mesh",
        )
    cells = np.concatenate([b.nodes for b in mesh.blocks])
    if not len(cells):
        raise InvalidError("mesh: no elements", hint="give at least one", field="mesh")
    given = np.unique(cells)
    local = np.full(len(mesh.points), -1)
    local[given] = np.arange(len(given))
    points = np.ascontiguousarray(mesh.points.in_unit("mm")[given, : mesh.dimension])
    body = Body(shapes[0], points, local[cells], given, local)
    _refuse(body, mesh, _twice_a_node(body), "names a node twice")
    _refuse(body, mesh, _inside_out(body), "has no volume or is turned inside out")
    _refuse(body, mesh, _crowded(body), "shares a facet with two others")
    _refuse(body, mesh, _torn(body), "shares the corners of a facet with another, but not its other nodes")
    return body


def _refuse(body: Body, mesh: Mesh, bad: AnyArray, what: str) -> None:
    if not bad.any():
        return
    first = int(np.flatnonzero(bad)[0])
    where = ", ".join(f"{x:.6g}" for x in body.points[body.cells[first]].mean(axis=0))
    names = [repr(r.name) for r in mesh.regions if r.on == "elements" and first in r.members]
    raise InvalidError(
        f"mesh: the {body.shape} {first} about ({where}) mm"
        + (f" in region {', '.join(names)}" if names else "")
        + f" {what}; {int(bad.sum())} of {len(bad)} elements do",
        hint="nodes stand in the order of VTK and meshio; reorder those of these elements, or mesh the body anew",
        field="mesh",
        element=first,
    )


def _twice_a_node(body: Body) -> AnyArray:
    twice: AnyArray = np.any(np.diff(np.sort(body.cells, axis=1), axis=1) == 0, axis=1)
    return twice


def _inside_out(body: Body) -> AnyArray:
    """Judge elements where they are integrated, and those that are no simplices of first order also at their nodes."""
    place = body.points[body.nodes].transpose(0, 2, 1)
    bad = np.zeros(len(body.cells), dtype=bool)
    largest = np.zeros(len(body.cells))
    for derivatives in body.shapes(bare.degree(body.shape))[1]:
        J = place @ derivatives
        volume = np.linalg.det(J)
        bad |= volume <= _FLAT * np.prod(np.linalg.norm(J, axis=1), axis=1)
        largest = np.maximum(largest, volume)
    if bare.degree(body.shape) > 1:
        for derivatives in values_at(body.element, body.element.doflocs.T)[1]:
            bad |= np.linalg.det(place @ derivatives) < -_THROUGH * largest
    return bad


def _crowded(body: Body) -> AnyArray:
    t2f = body.mesh.t2f
    crowded: AnyArray = np.any(np.bincount(t2f.ravel())[t2f] > 2, axis=0)
    return crowded


def _torn(body: Body) -> AnyArray:
    """Find elements of second order whose neighbour has another node in the middle of a common edge."""
    torn = np.zeros(len(body.cells), dtype=bool)
    if SHAPES[body.shape].order == 2:
        inner = np.flatnonzero(body.mesh.f2t[1] >= 0)
        one, two = body.mesh.f2t[:, inner]
        sides = [np.sort(_facet_nodes(body, inner, owner), axis=1) for owner in (one, two)]
        torn[one[(sides[0] != sides[1]).any(axis=1)]] = True
    return torn
