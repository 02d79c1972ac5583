"""Periodic cells of round fibres in a matrix, meshed along the fibres' surface."""

from typing import Any, Literal

import numpy as np

from cuds.arrays import AnyArray, FloatArray, IntArray
from cuds.errors import InvalidError
from cuds.model.mesh import FACES, ElementBlock, Mesh, Region
from cuds.units import Quantity, quantity

_DENSEST = {"square": np.pi / 4, "hexagonal": np.pi / np.sqrt(12)}
_CORE = 0.55  # of the radius: half the side of the square in the middle of a fibre
# Which of the faces of a hexahedron lies towards which side, when its first four nodes have the least x.
_ENDS = {"xmin": (0, 1, 2, 3), "xmax": (4, 5, 6, 7)}


def fibre_array(
    volume_fraction: float,
    *,
    packing: Literal["square", "hexagonal"] = "hexagonal",
    divisions: int = 12,
    diameter: Any = (10.0, "um"),
) -> Mesh:
    """Return a cell of fibres along x, with the regions of elements ``"fibre"`` and ``"matrix"``.

    The sides are the regions of facets xmin, xmax, ymin, ymax, zmin and zmax. A circle is a polygon of the same area,
    so that the volume fraction is exact.

    Parameters
    ----------
    volume_fraction : float
        Of the fibres.
    packing : {"hexagonal", "square"}
        Where the fibres are: a cell of two of them, or of one.
    divisions : int
        Elements along a quarter of the circumference; a multiple of 6.
    diameter : Quantity
        Of the circle of the same area.

    Raises
    ------
    InvalidError
        When the fibres would touch.
    """
    most = _DENSEST.get(packing, 0.0)
    if divisions < 6 or divisions % 6 or not 0 < volume_fraction < most:
        densest = ", ".join(f"{f:.4f} in {p!r} packing" for p, f in _DENSEST.items())
        raise InvalidError(
            f"volume_fraction: {volume_fraction} in {packing!r} packing with {divisions} divisions",
            hint=f"fibres touch at {densest}; divisions are a multiple of 6",
            field="volume_fraction",
        )
    points, quads, inside = _cell(packing, np.sqrt(volume_fraction / most) / 2, divisions)
    apart = quantity(diameter, "Length", "diameter") / float(np.sqrt(volume_fraction / most))
    return _extruded(points, quads, inside, apart, float(np.linalg.norm(points[quads[0, 1]] - points[quads[0, 0]])))


def _cell(packing: str, radius: float, n: int) -> tuple[FloatArray, IntArray, AnyArray]:
    """Return points (p, 2), quads (q, 4) counter-clockwise, and which are fibre, of fibres one unit apart."""
    nearest = np.array([[0.5, 0.0], [0.5, 0.5], [0.0, 0.5]])
    if packing == "hexagonal":
        nearest = np.array([[0.5, 0.0], [0.5, np.sqrt(1 / 12)], [0.0, np.sqrt(1 / 3)]])
    points, quads, inside = _quarter(nearest, radius, n)
    if packing == "hexagonal":  # a quarter of each of two fibres
        opposite = np.array([0.5, np.sqrt(0.75)]) - points
        points, quads = np.concatenate([points, opposite]), np.concatenate([quads, quads + len(points)])
        inside = np.tile(inside, 2)
    parts = [(points * [x, y], quads if x * y > 0 else quads[:, ::-1]) for x in (1, -1) for y in (1, -1)]
    everything = np.concatenate([p for p, _ in parts])
    number = np.concatenate([q + i * len(points) for i, (_, q) in enumerate(parts)])
    _, first, same = np.unique(everything.round(9) + 0.0, axis=0, return_index=True, return_inverse=True)
    return everything[first], same.reshape(-1)[number], np.tile(inside, 4)


def _quarter(corners: FloatArray, radius: float, n: int) -> tuple[FloatArray, IntArray, AnyArray]:
    """Return the mesh of what is nearer to a fibre at the origin than to any other, in the quadrant of x, y > 0."""
    half, inner, outer = n // 2, max(1, n // 4), max(2, n // 3)
    angles = np.linspace(0, np.pi / 2, n + 1)
    rays = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    polygon = radius * np.sqrt(2 * np.pi / (4 * n * np.sin(np.pi / (2 * n))))  # circumradius of the same area
    grid = np.arange(half + 1) / half * _CORE * radius
    core = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1)
    rim = np.concatenate([core[-1], core[-2::-1, -1]])
    rows = [rim + s * (polygon * rays - rim) for s in np.arange(1, inner + 1) / inner]
    rows += [polygon * rays + s * (_hit(rays, corners) - polygon * rays) for s in np.arange(1, outer + 1) / outer]
    number = np.arange((half + 1) ** 2).reshape(half + 1, half + 1)
    ring = np.concatenate([number[-1], number[-2::-1, -1]])[None]
    ring = np.concatenate([ring, number.size + np.arange(len(rows) * (n + 1)).reshape(len(rows), n + 1)])
    quads = [_between(number), _between(ring)]
    inside = np.arange(len(quads[0]) + len(quads[1])) < half * half + inner * n
    return np.concatenate([core.reshape(-1, 2), *rows]), np.concatenate(quads), inside


def _between(number: IntArray) -> IntArray:
    """Return the quads of a grid of points whose second axis turns left of its first."""
    a, b, c, d = number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]
    return np.stack([a, b, c, d], axis=-1).reshape(-1, 4)


def _hit(rays: FloatArray, corners: FloatArray) -> FloatArray:
    """Return where rays from the origin meet the two lines through three corners."""
    found = []
    for a, b in ((corners[0], corners[1]), (corners[1], corners[2])):
        normal = np.array([b[1] - a[1], a[0] - b[0]])
        along = rays @ normal
        found.append(np.divide(normal @ a, along, out=np.full(len(rays), np.inf), where=along > 1e-12))
    nearest: FloatArray = rays * np.min(found, axis=0)[:, None]
    return nearest


def _extruded(points: FloatArray, quads: IntArray, inside: AnyArray, apart: Quantity, length: float) -> Mesh:
    """Return one layer of hexahedra on quads in the plane of y and z, in units of `apart`."""
    n = len(points)
    flat = np.hstack([np.zeros((n, 1)), points - points.min(axis=0)])
    cells = np.hstack([quads, quads + n])
    regions = [Region(name=name, on="facets", members=cells[:, list(nodes)]) for name, nodes in _ENDS.items()]
    sides = cells[:, np.array(FACES["hexahedron"])].reshape(-1, 4)
    space = np.concatenate([flat, flat + np.array([length, 0.0, 0.0])])
    for axis, letter in ((1, "y"), (2, "z")):
        for name, level in ((f"{letter}min", 0.0), (f"{letter}max", space[:, axis].max())):
            there = (np.abs(space[sides, axis] - level) < 1e-9).all(axis=1)
            regions.append(Region(name=name, on="facets", members=sides[there]))
    regions += [
        Region(name=k, on="elements", members=np.flatnonzero(a)) for k, a in (("fibre", inside), ("matrix", ~inside))
    ]
    block = ElementBlock(shape="hexahedron", nodes=cells)
    return Mesh(points=Quantity(space * apart.value, apart.unit), blocks=(block,), regions=regions)
