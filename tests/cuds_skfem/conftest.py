"""Boxes of every shape of element, crystals, and a way to solve a job that gives bare numbers."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from cuds.model.condition import BodyForce, Displacement
from cuds.model.elements import FACES, SHAPES
from cuds.model.field import Field
from cuds.model.material import ElasticTensor
from cuds.model.mesh import ElementBlock, Mesh, Region
from cuds.model.simulation import LinearElasticity
from cuds.units import Quantity
from cuds_skfem import SkfemWrapper

# A cube in six tetrahedra about its diagonal (Kuhn), corners in the order of VTK's hexahedron.
SPLIT = {"triangle": np.array([[0, 1, 2], [0, 2, 3]])}
SPLIT["tetra"] = np.array([[0, 1, 2, 6], [0, 2, 3, 6], [0, 3, 7, 6], [0, 7, 4, 6], [0, 4, 5, 6], [0, 5, 1, 6]])
CORNERS = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]])
# Where the Voigt numbers 1..6 stand in a symmetric tensor (Nye, Physical Properties of Crystals, 1985, p. 134).
NYE = np.array([[1, 6, 5], [6, 2, 4], [5, 4, 3]]) - 1


def quartz() -> np.ndarray:
    """Return the stiffness of quartz in GPa (McSkimin, Andreatch and Thurston, J. Appl. Phys. 36, 1624 (1965))."""
    C = np.zeros((6, 6))
    C[0, 0] = C[1, 1] = 86.80
    C[0, 1], C[0, 2], C[1, 2], C[2, 2] = 7.04, 11.91, 11.91, 105.75
    C[3, 3] = C[4, 4] = 58.20
    C[5, 5] = 39.88
    C[0, 3], C[1, 3], C[4, 5] = -18.04, 18.04, -18.04
    return np.triu(C) + np.triu(C, 1).T


def turned(C: np.ndarray, R: np.ndarray) -> np.ndarray:
    """Return C_ijkl of a turned crystal by the transformation of a tensor of rank four, without Voigt algebra."""
    c4 = C[NYE[:, :, None, None], NYE]
    return np.einsum("ia,jb,kc,ld,abcd->ijkl", R, R, R, R, c4)


def box(
    shape: str,
    counts: tuple[int, ...] = (2, 2, 2),
    size: tuple[float, ...] = (1.0, 1.0, 1.0),
    *,
    wobble: Any = 0.0,
    curve: float = 0.0,
    inside: bool = False,
    unit: str = "mm",
) -> Mesh:
    """Return a box from the origin, in a plane a rectangle, its sides named x0 .. z1 and its halves below and above.

    Points are moved at random by a share `wobble` of the grid, those of a side within it, or not at all where
    only those `inside` are. Nodes of second order stay in the middle of their corners, but for a share `curve` of the
    grid. Below and above part the last direction.
    """
    d = SHAPES[shape].dimension
    n, scale = np.array(counts[:d]) + 1, np.array(size[:d]) / np.array(counts[:d])
    ijk = np.stack(np.meshgrid(*map(np.arange, n), indexing="ij"), axis=-1).reshape(-1, d)
    outer = np.stack([ijk == 0, ijk == n - 1], axis=-1)
    draw = np.random.default_rng(7)
    on_side = np.any(outer, axis=(1, 2))
    by = np.where(np.reshape(on_side & inside, (-1, 1)), 0, wobble * scale)
    points = ijk * scale + moved(draw, by, outer)
    origins = np.stack(np.meshgrid(*map(np.arange, counts[:d]), indexing="ij"), axis=-1).reshape(-1, d)
    cells = np.arange(len(points)).reshape(n)[tuple((origins[:, None] + CORNERS[: 2**d, :d]).transpose(2, 0, 1))]
    if SHAPES[shape].first_order in SPLIT:
        cells = cells[:, SPLIT[SHAPES[shape].first_order]].reshape(-1, d + 1)
    cells, corners_of = with_middles(shape, cells, len(points))
    outer = np.stack([outer[list(c)].all(axis=0) for c in corners_of])
    points = np.stack([points[list(c)].mean(axis=0) for c in corners_of])
    points[np.prod(n) :] += moved(draw, curve * scale, outer[np.prod(n) :])
    facets = np.concatenate([cells[:, face] for face in FACES[shape]])
    facets = facets[np.unique(np.sort(facets, axis=1), axis=0, return_index=True)[1]]
    regions = [Region(name="surface", on="points", members=np.flatnonzero(outer.any(axis=(1, 2))))]
    for axis, name in enumerate("xyz"[:d]):
        for end in (0, 1):
            regions.append(
                Region(name=f"{name}{end}", on="facets", members=facets[outer[facets, axis, end].all(axis=1)])
            )
    ends = np.array([[i == e for e in (0, 1)] for i in (0, 1)])
    for name, corner in zip("OXYZ", np.vstack([np.zeros(d, int), np.eye(d, dtype=int)]), strict=False):
        where = np.flatnonzero((outer == ends[corner]).all(axis=(1, 2)))
        regions.append(Region(name=name, on="points", members=where))
    above = points[cells].mean(axis=1)[:, -1] > 0.5 * size[d - 1]
    regions += [
        Region(name=k, on="elements", members=np.flatnonzero(a)) for k, a in (("below", ~above), ("above", above))
    ]
    space = np.pad(points, ((0, 0), (0, 3 - d)))
    return Mesh(points=(space, unit), blocks=(ElementBlock(shape=shape, nodes=cells),), regions=tuple(regions))


def moved(draw: np.random.Generator, by: np.ndarray, outer: np.ndarray) -> np.ndarray:
    """Return random shifts of points, none across the sides that they lie on."""
    return np.where(outer.any(axis=2), 0, draw.uniform(-1, 1, outer.shape[:2]) * by)


def with_middles(shape: str, cells: np.ndarray, n: int) -> tuple[np.ndarray, list[tuple[int, ...]]]:
    """Return elements with their nodes of second order, and for each point the corners in whose middle it lies."""
    corners_of = [(i,) for i in range(n)]
    number: dict[tuple[int, ...], int] = {}
    more = []
    for middle in SHAPES[shape].middles[SHAPES[shape].corners :]:
        for key in map(tuple, np.sort(cells[:, list(middle)], axis=1).tolist()):
            if key not in number:
                number[key] = len(corners_of)
                corners_of.append(key)
            more.append(number[key])
    return np.hstack([cells, np.array(more, dtype=int).reshape(-1, len(cells)).T]), corners_of


def field(mesh: Mesh, quantity: str, values: np.ndarray, unit: str) -> Field:
    return Field(name=quantity, quantity=quantity, mesh=mesh, on="points", values=Quantity(values, unit))


def statically(mesh: Mesh) -> list[Displacement]:
    """Hold a box in six components at three corners (in a plane three at two), so that the supports cannot press it."""
    zero = (0.0, "mm")
    if mesh.dimension == 2:
        return [Displacement("O", x=zero, y=zero), Displacement("X", y=zero)]
    return [Displacement("O", x=zero, y=zero, z=zero), Displacement("X", y=zero, z=zero), Displacement("Y", z=zero)]


Solve = Callable[..., dict[str, Any]]


@pytest.fixture
def solve(tmp_path: Path) -> Solve:
    """Return a function that solves a job and gives the numbers in mm, N and MPa, and the report."""

    def solved(job: LinearElasticity, **options: Any) -> dict[str, Any]:
        with SkfemWrapper(tmp_path, options=options).open(job) as session:
            session.advance()
            units = {"displacement": "mm", "strain": "1", "stress": "MPa", "von_mises": "MPa", "reaction": "N"}
            units["stress_points"] = "MPa"
            found = {name: session.pull(Field, name).in_unit(unit) for name, unit in units.items()}
            return {**found, "report": session.report()}

    return solved


# A rotation of quartz whose z is the two-fold axis x of the crystal: the one of those below that stays in plane strain.
FLAT = Rotation.from_rotvec([0, 0, 0.7]).as_matrix() @ np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])


@pytest.fixture
def lab() -> SimpleNamespace:
    """Return what the tests of this folder build their bodies from."""
    rotation = Rotation.from_rotvec([0.4, -0.9, 0.7]).as_matrix()
    tensor = ElasticTensor(stiffness=(quartz(), "GPa"))

    def crystal(mesh: Mesh, plane: str = "strain") -> dict[str, Any]:
        """Return turned quartz for a mesh, as it is given to a job."""
        if mesh.dimension == 3:
            return {"material": tensor, "orientation": rotation}
        R = FLAT if plane == "strain" else rotation
        return {"material": tensor, "orientation": R, "plane": plane, "thickness": (2.5, "mm")}

    return SimpleNamespace(
        box=box,
        field=field,
        statically=statically,
        gravity=BodyForce(z=(-1e-3, "N/mm**3")),
        turned=turned,
        quartz=quartz(),
        tensor=tensor,
        rotation=rotation,
        crystal=crystal,
        stiffness=lambda job: 1e3 * turned(quartz(), job["orientation"]),
    )
