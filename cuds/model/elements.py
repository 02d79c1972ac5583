"""Shapes of elements: how many nodes, and which of them make up each facet, in the node order of VTK and meshio.

Corners come first. A node of second order lies in the middle of some of the corners: of an edge, of a face, of all.

References
----------
Schroeder, Martin and Lorensen, The Visualization Toolkit, 4th ed. (2006), chapters 5 and 19.
"""

from dataclasses import dataclass

Nodes = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Shape:
    """A shape of element, as VTK and meshio have it.

    Parameters
    ----------
    name : str
        As meshio calls it.
    dimension : int
        1, 2 or 3.
    first_order : str
        The shape that has its corners only.
    corners : int
        How many there are; they are the first nodes.
    middles : tuple
        For each node the corners in whose middle it lies, as long as the element is straight.
    facet : str
        The shape of its facets.
    facet_corners : tuple
        The corners of each facet: outward in space, counter-clockwise in a plane.
    """

    name: str
    dimension: int
    first_order: str
    corners: int
    middles: Nodes
    facet: str = ""
    facet_corners: Nodes = ()

    @property
    def order(self) -> int:
        """1, or 2 where nodes lie in the middle of edges."""
        return 1 if self.name == self.first_order else 2

    def edges(self) -> Nodes:
        """Return the nodes of each edge, in the order of a line: its two ends and, of second order, its middle."""
        ends = _EDGES[self.first_order]
        if self.order == 1:
            return ends
        return tuple((*pair, self.middles.index(pair)) for pair in ends)

    def faces(self) -> Nodes:
        """Return the nodes of each facet, in the node order of the facet's own shape."""
        number = {frozenset(middle): node for node, middle in enumerate(self.middles)}
        nodes = SHAPES[self.facet].middles if self.facet else ()
        return tuple(
            tuple(number[frozenset(corners[i] for i in middle)] for middle in nodes) for corners in self.facet_corners
        )


_EDGES: dict[str, Nodes] = {
    "line": ((0, 1),),
    "triangle": ((0, 1), (1, 2), (2, 0)),
    "quad": ((0, 1), (1, 2), (2, 3), (3, 0)),
    "tetra": ((0, 1), (1, 2), (2, 0), (0, 3), (1, 3), (2, 3)),
    "hexahedron": (
        *((0, 1), (1, 2), (2, 3), (3, 0)),
        *((4, 5), (5, 6), (6, 7), (7, 4)),
        *((0, 4), (1, 5), (2, 6), (3, 7)),
    ),
}
_TETRA: Nodes = ((0, 2, 1), (0, 1, 3), (1, 2, 3), (0, 3, 2))
_HEXAHEDRON: Nodes = ((0, 3, 2, 1), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7))
_X0_X1_Y0_Y1_Z0_Z1 = tuple(_HEXAHEDRON[i] for i in (5, 3, 2, 4, 0, 1))
_FIRST: tuple[tuple[str, int, int, str, Nodes], ...] = (
    ("line", 1, 2, "", ()),
    ("triangle", 2, 3, "line", _EDGES["triangle"]),
    ("quad", 2, 4, "line", _EDGES["quad"]),
    ("tetra", 3, 4, "triangle", _TETRA),
    ("hexahedron", 3, 8, "quad", _HEXAHEDRON),
)
# Of second order: what it is of first order, its facets, and the nodes beside those of corners and edges.
_SECOND: tuple[tuple[str, str, str, Nodes], ...] = (
    ("line3", "line", "", ()),
    ("triangle6", "triangle", "line3", ()),
    ("quad8", "quad", "line3", ()),
    ("quad9", "quad", "line3", ((0, 1, 2, 3),)),
    ("tetra10", "tetra", "triangle6", ()),
    ("hexahedron20", "hexahedron", "quad8", ()),
    ("hexahedron27", "hexahedron", "quad9", (*_X0_X1_Y0_Y1_Z0_Z1, tuple(range(8)))),
)


def _shapes() -> dict[str, Shape]:
    own = {name: tuple((i,) for i in range(corners)) for name, _, corners, _, _ in _FIRST}
    made = {n: Shape(n, d, n, c, own[n], facet, faces) for n, d, c, facet, faces in _FIRST}
    for name, first, facet, more in _SECOND:
        one = made[first]
        middles = (*one.middles, *_EDGES[first], *more)
        made[name] = Shape(name, one.dimension, first, one.corners, middles, facet, one.facet_corners)
    return made


SHAPES = _shapes()
# What a body is made of: how many nodes each element has, and which of them are those of each facet.
NODES = {name: len(shape.middles) for name, shape in SHAPES.items() if shape.dimension > 1}
FACES = {name: SHAPES[name].faces() for name in NODES}
