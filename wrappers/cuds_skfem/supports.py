"""Supports as scikit-fem takes them: components of the displacement, along the axes or along those of a plane."""

from dataclasses import dataclass

import numpy as np

from cuds.arrays import AnyArray, FloatArray, IntArray
from cuds.errors import InvalidError
from cuds.model.condition import Displacement, Fixed, Symmetry
from cuds.model.simulation import LinearElasticity
from cuds_skfem.conditions import facets_named, refuse_both
from cuds_skfem.mesh import Body

_SAME = 1e-12  # two displacements that differ by less of the largest are the same
_FLAT = 1e-6  # of the extent of a region: how far its points may lie off a plane, so that coordinates may be rounded
_AXIS = 1e-9  # how far a normal may be off an axis and still be along it


@dataclass(frozen=True, eq=False)
class Supports:
    """Prescribed displacements.

    Parameters
    ----------
    held : bool ndarray (n, d)
        Which components.
    values : ndarray (n, d)
        In mm; 0 where not held.
    turned : ndarray (k,)
        Points whose components are taken along directions of their own, and not along the axes.
    frames : ndarray (k, d, d)
        These directions, as columns.
    """

    held: AnyArray
    values: FloatArray
    turned: IntArray
    frames: FloatArray


def supports(job: LinearElasticity, body: Body) -> Supports:
    """Return the prescribed displacements.

    Raises
    ------
    InvalidError
        When two conditions prescribe different displacements of a point, one holds no point of the body, or a plane of
        symmetry is not flat.
    """
    given = [_Given(c, job, body) for c in job.conditions if isinstance(c, Fixed | Symmetry | Displacement)]
    largest = max((float(np.nanmax(np.abs(g.values))) for g in given), default=0.0)
    made = _Supports(body, given, _SAME * largest)
    for number, one in enumerate(given):
        if one.normal is None:
            made.along_axes(number)
    for number, one in enumerate(given):
        if one.normal is not None:
            made.along_normal(number, one.normal)
    turned = np.flatnonzero((made.frames != np.eye(body.dimension)).any(axis=(1, 2)))
    return Supports(made.owner >= 0, made.values, turned, made.frames[turned])


class _Given:
    """A condition, the points that it holds, for each its displacement (n, d) in mm, NaN where free; or the normal."""

    def __init__(self, condition: Fixed | Symmetry | Displacement, job: LinearElasticity, body: Body) -> None:
        self.region = condition.region
        used = _points(condition, job, body)
        self.points = body.local[used]
        self.normal: FloatArray | None = None
        d = body.dimension
        if isinstance(condition, Fixed):
            self.values = np.zeros((len(used), d))
        elif isinstance(condition, Symmetry):
            normal = _normal(condition.region, body.points[self.points])
            row = np.where(np.abs(normal) > 1 - _AXIS, 0.0, np.nan)
            self.normal = normal if np.isnan(row).all() else None
            self.values = np.tile(np.zeros(d) if self.normal is not None else row, (len(used), 1))
        else:
            refuse_both(condition)
            row = np.array([np.nan if c is None else c.in_unit("mm") for c in condition.components])
            if condition.field is not None:
                self.values = condition.field.in_unit("mm")[used, :d]
            else:
                self.values = np.tile(row[:d], (len(used), 1))


def _points(condition: Fixed | Symmetry | Displacement, job: LinearElasticity, body: Body) -> IntArray:
    """Return the points of a region that belong to elements, by their numbers in the mesh of the model."""
    region = job.mesh.region(condition.region)
    if region.on == "facets":
        facets_named(region, type(condition).__name__, body)
    everywhere = job.mesh.region_points(region.name) if len(region.members) else np.zeros(0, dtype=np.int64)
    used: IntArray = everywhere[body.local[everywhere] >= 0]
    if not len(used):
        raise InvalidError(
            f"conditions: no element has a point of region {region.name!r}",
            hint="name a region on the body",
            field="conditions",
        )
    return used


def _normal(region: str, points: FloatArray) -> FloatArray:
    """Return the unit normal of the plane, or in a plane of the line, through points."""
    d = points.shape[1]
    centred = points - points.mean(axis=0)
    directions = np.linalg.eigh(centred.T @ centred)[1].T
    extents = np.ptp(centred @ directions.T, axis=0)
    if len(points) < d or extents[1] <= _FLAT * extents[-1]:
        raise InvalidError(
            f"conditions: Symmetry on {region!r}: its {len(points)} points fix no {'plane' if d == 3 else 'line'}",
            hint="name a whole side of the body, or hold points with Displacement(...)",
            field="conditions",
        )
    if extents[0] > _FLAT * extents[-1]:
        raise InvalidError(
            f"conditions: Symmetry on {region!r}: it is not flat: its points lie up to {extents[0]:.3g} mm apart along "
            "the normal",
            hint="name a region for each plane of symmetry",
            field="conditions",
        )
    normal: FloatArray = directions[0]
    return normal


class _Supports:
    """What is held so far: components along the axes first, normals of oblique planes after."""

    def __init__(self, body: Body, given: list[_Given], limit: float) -> None:
        n, d = body.points.shape
        self.body, self.given, self.limit = body, given, limit
        self.values = np.zeros((n, d))
        self.owner = np.full((n, d), -1)
        self.frames = np.tile(np.eye(d), (n, 1, 1))

    def along_axes(self, number: int) -> None:
        """Hold components of the displacement."""
        points, wanted = self.given[number].points, self.given[number].values
        which = ~np.isnan(wanted)
        before, now = self.owner[points], self.values[points]
        clash = which & (before >= 0) & (np.abs(np.where(which, wanted, 0) - now) > self.limit)
        if clash.any():
            row, axis = map(int, np.argwhere(clash)[0])
            along = f"along {'xyz'[axis]} {now[row, axis]:.6g} and {wanted[row, axis]:.6g} mm"
            self.refuse((int(before[row, axis]), number), int(points[row]), along)
        self.values[points] = np.where(which, wanted, now)
        self.owner[points] = np.where(which, number, before)

    def along_normal(self, number: int, normal: FloatArray) -> None:
        """Hold the normal of an oblique plane, as far as what is held does not do so already.

        The part of the normal along free directions becomes the last direction but those held: a Householder
        reflection of the free ones takes the nearest of them there.
        """
        points = self.given[number].points
        frames, held = self.frames[points], self.owner[points] >= 0
        along = frames.transpose(0, 2, 1) @ normal
        known = np.sum(np.where(held, along * self.values[points], 0), axis=1)
        rest = np.where(held, 0, along)
        length = np.linalg.norm(rest, axis=1)
        free = length > _AXIS
        clash = np.flatnonzero(~free & (np.abs(known) > self.limit))
        if len(clash):
            row = int(clash[0])
            first = int(self.owner[points[row]].max())
            self.refuse((first, number), int(points[row]), f"along {_words(normal)} {known[row]:.6g} and 0 mm")
        points, frames, rest, length = points[free], frames[free], rest[free], length[free]
        axis = np.abs(rest).argmax(axis=1)
        rows = np.arange(len(points))
        mirror = rest / length[:, None]
        mirror[rows, axis] += np.where(mirror[rows, axis] < 0, -1, 1)
        mirror /= np.linalg.norm(mirror, axis=1, keepdims=True)
        self.frames[points] = frames - 2 * (frames @ mirror[:, :, None]) * mirror[:, None, :]
        along = (self.frames[points].transpose(0, 2, 1) @ normal)[rows, axis]
        self.values[points, axis] = -known[free] / along
        self.owner[points, axis] = number

    def refuse(self, conditions: tuple[int, int], point: int, how: str) -> None:
        one, other = (self.given[i].region for i in conditions)
        where = ", ".join(f"{x:.6g}" for x in self.body.points[point])
        raise InvalidError(
            f"conditions: {one!r} and {other!r} contradict each other at point {self.body.given[point]} "
            f"({where}) mm: displacement {how}",
            hint="take the point out of one region, or prescribe the same displacement",
            field="conditions",
        )


def _words(direction: FloatArray) -> str:
    return f"({', '.join(f'{x:.4g}' for x in direction)})"
