"""What acts on a body, to be drawn on its mesh: coloured regions, arrows of loads, cones of supports."""

from dataclasses import dataclass, field

import numpy as np

from cuds.arrays import AnyArray, FloatArray, IntArray
from cuds.model.condition import Condition, Displacement, Fixed, Pressure, Symmetry
from cuds.model.elements import FACES
from cuds.model.field import Field
from cuds.model.mesh import Mesh, Region
from cuds.units import Quantity
from cuds.view.grid import facets_of

_MOST = 30  # arrows, and places of cones, of one condition
_SHORT = 1e-3  # of the longest arrow: below it none is drawn


def _nothing() -> FloatArray:
    return np.zeros((0, 3))


@dataclass(frozen=True, eq=False)
class Mark:
    """How one condition, or one region, is drawn.

    Parameters
    ----------
    text : str
        What stands in the legend.
    cells, types : ndarray
        The facets of its region, as VTK takes them.
    dots : ndarray (n, 3)
        Points that it is on, in the unit of the mesh; of facets none.
    places, arrows : ndarray (n, 3)
        Where arrows are, in the unit of the mesh; and their directions, the longest of length 1.
    pushing : bool ndarray (n,)
        Which arrows end at their places; the others begin there.
    tips, cones : ndarray (m, 3)
        The tips of cones, and unit vectors towards them.
    """

    text: str
    cells: IntArray
    types: IntArray
    dots: FloatArray = field(default_factory=_nothing)
    places: FloatArray = field(default_factory=_nothing)
    arrows: FloatArray = field(default_factory=_nothing)
    pushing: AnyArray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    tips: FloatArray = field(default_factory=_nothing)
    cones: FloatArray = field(default_factory=_nothing)


def mark_of_region(mesh: Mesh, region: Region) -> Mark:
    """Return how a region is drawn."""
    dots = mesh.points.value[region.members] if region.on == "points" else _nothing()
    return Mark(f"{region.name}: {len(region.members)} {region.on}", *facets_of(mesh, region), dots)


def mark_of(mesh: Mesh, condition: Condition) -> Mark:
    """Return how a condition is drawn: a support by cones along what it holds, a load by arrows."""
    region = mesh.region(condition.region) if condition.region else None
    drawn = facets_of(mesh, region)
    if isinstance(condition, Fixed | Symmetry | Displacement):
        points = mesh.region_points(condition.region)
        at, few = mesh.points.value[points], _spread(mesh.points.value[points])
        vectors, held = _prescribed(mesh, condition, points)
        arrows = _arrows(at[few], vectors[few], np.zeros((len(few), 3)))
        dots = _nothing() if len(drawn[0]) else at
        return Mark(words(condition), *drawn, dots, *arrows, *_cones(mesh, at[few], held))
    at = _means(mesh, region, mesh.points.value)
    few = _spread(at)
    outward = _normals(mesh, region) if region is not None and len(drawn[0]) else np.zeros_like(at)
    dots = at if region is not None and region.on == "points" else _nothing()
    arrows = _arrows(at[few], _load(mesh, region, condition, outward)[few], outward[few])
    return Mark(words(condition), *drawn, dots, *arrows)


def words(condition: Condition) -> str:
    """Return a condition in words: its kind, its region, and what it prescribes with units.

    Examples
    --------
    >>> from cuds.model.condition import Traction
    >>> words(Traction("right", x=(100, "MPa")))
    'Traction on right: x 100 MPa'
    """
    said = []
    for name in condition.bindings():
        value = getattr(condition, name)
        if isinstance(value, str) and name != "region":
            said.append(f"{name} {value}")
        elif isinstance(value, Quantity):
            said.append(f"{value}" if name == "value" else f"{name} {value}")
        elif isinstance(value, Field):
            said.append(f"field {value.name} up to {value.magnitude().max(initial=0.0):.4g} {value.values.unit}")
    where = f" on {condition.region}" if condition.region else ""
    return f"{type(condition).__name__}{where}" + (f": {', '.join(said)}" if said else "")


def _means(mesh: Mesh, region: Region | None, values: FloatArray) -> FloatArray:
    """Return the mean of values by point over each member of a region, or over each element."""
    if region is not None and region.on != "elements":
        found: FloatArray = values[region.members]
        return found if region.on == "points" else found.mean(axis=1)
    of_elements: FloatArray = np.concatenate([values[b.nodes].mean(axis=1) for b in mesh.blocks])
    return of_elements if region is None else of_elements[region.members]


def _load(mesh: Mesh, region: Region | None, condition: Condition, outward: FloatArray) -> FloatArray:
    """Return the load on each member of a region (n, 3); zeros where it has no direction."""
    if isinstance(condition, Pressure):
        return outward * -float(condition.value.value)
    varying = getattr(condition, "field", None)
    if varying is not None and varying.values.shape[1:] == (3,):
        values: FloatArray = varying.values.value
        return _means(mesh, region, values)
    given = [getattr(condition, axis, None) for axis in "xyz"]
    unit = next((c.unit for c in given if c is not None), "1")
    row = [0.0 if c is None else float(c.in_unit(unit)) for c in given]
    return np.zeros_like(outward) + row


def _prescribed(
    mesh: Mesh, condition: Fixed | Symmetry | Displacement, points: IntArray
) -> tuple[FloatArray, list[FloatArray]]:
    """Return the displacements of points (n, 3), and the directions along which it is none."""
    axes = list(np.eye(3)[: mesh.dimension])
    still = np.zeros((len(points), 3))
    if isinstance(condition, Fixed):
        return still, axes
    if isinstance(condition, Symmetry):
        at = mesh.points.value[points][:, : mesh.dimension]
        normal = np.linalg.svd(at - at.mean(axis=0), full_matrices=True)[2][-1]
        return still, [np.pad(normal, (0, 3 - mesh.dimension))]
    if condition.field is not None:
        return condition.field.values.value[points], []
    unit = next(c.unit for c in condition.components if c is not None)
    row = [None if c is None else float(c.in_unit(unit)) for c in condition.components]
    return still + [x or 0.0 for x in row], [a for a, x in zip(axes, row, strict=False) if x == 0]


def _arrows(at: FloatArray, vectors: FloatArray, outward: FloatArray) -> tuple[FloatArray, FloatArray, AnyArray]:
    """Return where arrows are, the arrows, and which of them push; none for what is nothing."""
    lengths = np.linalg.norm(vectors, axis=1)
    longest = lengths.max(initial=0.0)
    drawn = (lengths > _SHORT * longest) & (longest < np.inf)
    return at[drawn], vectors[drawn] / longest if longest else _nothing(), (vectors * outward).sum(axis=1)[drawn] < 0


def _cones(mesh: Mesh, at: FloatArray, directions: list[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Return the tips of cones, and where they point: from outside towards the body."""
    middle = mesh.points.value.mean(axis=0)
    tips, cones = [_nothing()], [_nothing()]
    for direction in directions:
        side = np.where((at - middle) @ direction > 0, -1.0, 1.0)
        tips.append(at)
        cones.append(side[:, None] * direction)
    return np.concatenate(tips), np.concatenate(cones)


def _spread(at: FloatArray) -> IntArray:
    """Return the rows of some places, each as far as can be from those before it."""
    chosen = [0][: len(at)]
    far = np.full(len(at), np.inf)
    while len(chosen) < min(_MOST, len(at)):
        far = np.minimum(far, ((at - at[chosen[-1]]) ** 2).sum(axis=1))
        chosen.append(int(far.argmax()))
    return np.array(chosen, dtype=np.int64)


def _normals(mesh: Mesh, region: Region) -> FloatArray:
    """Return the unit normals of facets (n, 3), outward where an element has the facet."""
    x = mesh.points.value[region.members]
    across = np.array([0.0, 0.0, 1.0]) if mesh.dimension == 2 else x[:, 2] - x[:, 0]
    found: FloatArray = np.cross(x[:, 1] - x[:, 0], across)
    found *= np.where(((x.mean(axis=1) - _behind(mesh, region)) * found).sum(axis=1) < 0, -1.0, 1.0)[:, None]
    found /= np.maximum(np.linalg.norm(found, axis=1), np.finfo(float).tiny)[:, None]
    return found


def _behind(mesh: Mesh, region: Region) -> FloatArray:
    """Return the centre of an element that each facet belongs to (n, 3); NaN where none has it."""
    wanted, points = np.sort(region.members, axis=1), mesh.points.value
    there = np.zeros(len(points), dtype=bool)
    there[wanted] = True
    rows, centres = [wanted], [np.full((len(wanted), 3), np.nan)]
    for block in mesh.blocks:
        for face in FACES[block.shape]:
            near = there[block.nodes[:, face]].all(axis=1) & (len(face) == wanted.shape[1])
            if near.any():
                rows.append(np.sort(block.nodes[near][:, face], axis=1))
                centres.append(points[block.nodes[near]].mean(axis=1))
    _, place = np.unique(np.concatenate(rows), axis=0, return_inverse=True)
    found = np.full((place.max(initial=-1) + 1, 3), np.nan)
    found[place] = np.concatenate(centres)  # of what occurs twice the last, an element if there is one
    behind: FloatArray = found[place[: len(wanted)]]
    return behind
