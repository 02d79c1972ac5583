"""Periodic unit cells of hexahedra: from labels of voxels, of laminates and polycrystals.

Every cell has the regions of facets xmin, xmax, ymin, ymax, zmin and zmax, and regions of elements by material.
"""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from cuds.arrays import FloatArray, IntArray
from cuds.errors import InvalidError, ShapeError
from cuds.model.material import Material
from cuds.model.mesh import FACES, ElementBlock, Mesh, Region
from cuds.model.regions import as_material
from cuds.units import Quantity, quantity

_CORNERS = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]])
# Which of the faces of a hexahedron lies towards which side.
_SIDES = {"xmin": 5, "xmax": 3, "ymin": 2, "ymax": 4, "zmin": 0, "zmax": 1}


def voxels(
    labels: Any, *, size: Any = (1.0, "mm"), names: Mapping[int, str] | None = None, empty: int | None = None
) -> Mesh:
    """Return a box of hexahedra, one for each voxel.

    Parameters
    ----------
    labels : int array (nx, ny, nz)
        Of what each voxel is.
    size : Quantity (3,), or one length
        Of the box along x, y and z; one length is that of the longest side, of voxels that are cubes.
    names : mapping, optional
        From a label to the name of its region of elements; the label itself when not given.
    empty : int, optional
        The label of voxels that are left out. Of a periodic cell opposite sides have the same.

    Raises
    ------
    ShapeError, InvalidError
        When the labels are no such array, when no voxel is left, or for names of labels that do not occur.
    """
    given = np.asarray(labels)
    if given.ndim != 3 or given.dtype.kind not in "iu" or not given.size:
        raise ShapeError(
            f"labels: {given.dtype} of shape {given.shape}", hint="give integers (nx, ny, nz)", field="labels"
        )
    return _of_boxes(given, [np.linspace(0, 1, n + 1) for n in given.shape], size, names, empty)


def laminate(thicknesses: Any, *, names: Iterable[str] = (), divisions: int = 1) -> Mesh:
    """Return layers across z, each a region of elements; it goes on the same in x and y.

    Parameters
    ----------
    thicknesses : Quantity (k,)
        Of the layers, from below.
    names : iterable of str
        Of the layers; ``"layer 1"`` and so on when not given. Layers of one name are one region.
    divisions : int
        Elements through each layer; one is exact for effective properties.
    """
    heights = _lengths(thicknesses, "thicknesses")
    bare = np.atleast_1d(heights.value)
    called = list(names) or [f"layer {i + 1}" for i in range(len(bare))]
    if bare.ndim != 1 or len(called) != len(bare) or (bare <= 0).any() or divisions < 1:
        raise InvalidError(
            f"thicknesses: {heights!r} of the layers {', '.join(called)}, each in {divisions}",
            hint="give a thickness greater than 0 and a name for each layer",
            field="thicknesses",
        )
    order = list(dict.fromkeys(called))
    labels = np.repeat([order.index(n) for n in called], divisions).reshape(1, 1, -1)
    edges = np.concatenate([[0.0], np.cumsum(np.repeat(bare / divisions, divisions))])
    size = Quantity(np.array([edges[-1]] * 3), heights.unit)
    return _of_boxes(labels, [np.array([0.0, 1.0])] * 2 + [edges / edges[-1]], size, dict(enumerate(order)), None)


def polycrystal(
    crystal: Any, *, grains: int = 100, divisions: int = 24, seed: int | None = None, size: Any = (1.0, "mm")
) -> tuple[Mesh, dict[str, Material]]:
    """Return a cube of crystals in random orientations, and the material of each grain by region.

    The grains are the Voronoi cells of random points, periodic; orientations are uniform on the rotations.

    Parameters
    ----------
    crystal : Material or ElasticTensor
        In the frame of the crystal.
    grains : int
        How many points.
    divisions : int
        Voxels along each edge of the cube.
    seed : int, optional
        Of the random numbers; drawn when not given. The label of the mesh says it.
    size : Quantity
        Of the edge of the cube.
    """
    if grains < 1 or divisions < 1:
        raise InvalidError(f"grains: {grains} in {divisions}^3 voxels", hint="give at least one", field="grains")
    drawn = secrets.randbits(32) if seed is None else seed
    random = np.random.default_rng(drawn)
    labels = _nearest(random.random((grains, 3)), divisions)
    turns = _rotations(random.normal(size=(grains, 4)))
    there = np.unique(labels)
    names = {int(i): f"grain {i + 1}" for i in there}
    given: Material = as_material(crystal, None)
    mesh = voxels(labels, size=size, names=names).replace(label=f"polycrystal of {grains} grains, seed {drawn}")
    return mesh, {names[int(i)]: given.replace(orientation=turns[i], label=names[int(i)]) for i in there}


def _nearest(seeds: FloatArray, divisions: int) -> IntArray:
    """Return which seed is nearest to the centre of each voxel of a periodic unit cube."""
    centres = (np.arange(divisions) + 0.5) / divisions
    best = np.full((divisions,) * 3, np.inf)
    labels = np.zeros(best.shape, dtype=np.int64)
    for i, seed in enumerate(seeds):
        dx, dy, dz = ((d := centres - s) - np.round(d) for s in seed)
        square = dx[:, None, None] ** 2 + dy[:, None] ** 2 + dz**2
        nearer = square < best
        best[nearer], labels[nearer] = square[nearer], i
    return labels


def _rotations(quaternions: FloatArray) -> FloatArray:
    """Return the rotations (n, 3, 3) of quaternions (n, 4); normal deviates make them uniform (Marsaglia 1972)."""
    w, x, y, z = (quaternions / np.linalg.norm(quaternions, axis=1)[:, None]).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), -1, 0)


def _lengths(given: Any, field: str) -> Quantity:
    found = quantity(given, "Length", field)
    return Quantity(np.asarray(found.value, dtype=np.float64), found.unit)


def _of_boxes(
    labels: IntArray, edges: list[FloatArray], size: Any, names: Mapping[int, str] | None, empty: int | None
) -> Mesh:
    """Return a box with given edges of its voxels, in shares of its sides."""
    counts = np.array(labels.shape)
    sides = _lengths(size, "size")
    lengths = sides.value * (counts / counts.max() if sides.shape == () else 1.0)
    if lengths.shape != (3,) or (lengths <= 0).any():
        raise InvalidError(f"size: {sides!r}", hint="give one length, or three: all greater than 0", field="size")
    points = np.stack(np.meshgrid(*edges, indexing="ij"), axis=-1).reshape(-1, 3) * lengths
    number = np.arange(len(points)).reshape(counts + 1)
    place = np.stack(np.unravel_index(np.flatnonzero(labels != empty), labels.shape), axis=-1)
    if not len(place):
        raise InvalidError(f"labels: every voxel is empty ({empty})", hint="leave some", field="labels")
    cells = number[tuple((place[:, None] + _CORNERS).transpose(2, 0, 1))]
    regions = []
    for name, face in _SIDES.items():
        axis = "xyz".index(name[0])
        there = place[:, axis] == (0 if name.endswith("min") else counts[axis] - 1)
        regions.append(Region(name=name, on="facets", members=cells[there][:, FACES["hexahedron"][face]]))
    of_element = labels[tuple(place.T)]
    regions += _by_label(of_element, names or {int(i): str(i) for i in np.unique(of_element)})
    return Mesh(
        points=Quantity(points, sides.unit), blocks=(ElementBlock(shape="hexahedron", nodes=cells),), regions=regions
    )


def _by_label(labels: IntArray, names: Mapping[int, str]) -> list[Region]:
    there = set(np.unique(labels).tolist())
    if set(names) != there:
        raise InvalidError(
            f"names: labels {sorted(there)} are named by {dict(names)}",
            hint="give a name for each label that occurs, and for no other",
            field="names",
        )
    return [Region(name=name, on="elements", members=np.flatnonzero(labels == i)) for i, name in names.items()]
