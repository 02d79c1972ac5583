"""Loads as scikit-fem takes them: on facets and inside elements."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cuds.arrays import FloatArray, IntArray
from cuds.errors import InvalidError
from cuds.model.condition import BodyForce, Displacement, Pressure, Traction
from cuds.model.elements import FACES
from cuds.model.mesh import Region
from cuds.model.simulation import LinearElasticity
from cuds_skfem.mesh import Body


@dataclass(frozen=True, eq=False)
class Loads:
    """What acts on facets and inside.

    Parameters
    ----------
    facets : ndarray (f,)
        Loaded facets, scikit-fem's numbers, each once.
    traction : ndarray (f, b, d)
        In MPa, at the points of each facet as `Body.facet_nodes` has them.
    pressure : ndarray (f,)
        In MPa, positive towards the body.
    body_force : ndarray (m, a, d) or (0,)
        In N/mm^3 at the nodes of each element, in the order of VTK.
    """

    facets: IntArray
    traction: FloatArray
    pressure: FloatArray
    body_force: FloatArray


def loads(job: LinearElasticity, body: Body) -> Loads:
    """Return the loads; where several conditions load the same facet or element, they add up.

    Raises
    ------
    InvalidError
        When a loaded facet is none of the mesh, lies inside the body, or is listed twice.
    """
    given = [
        (boundary(job.mesh.region(c.region), type(c).__name__, body), c)
        for c in job.conditions
        if isinstance(c, Traction | Pressure)
    ]
    facets = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *(f for f, _ in given)]))
    nodes, pressure = body.facet_nodes(facets), np.zeros(len(facets))
    traction = np.zeros((*nodes.shape, body.dimension))
    for numbers, condition in given:
        place = np.searchsorted(facets, numbers)
        if isinstance(condition, Pressure):
            pressure[place] += condition.value.in_unit("MPa")
        else:
            traction[place] += _vectors(condition, "MPa", body, nodes[place])
    forces = list(_body_forces(job, body))
    return Loads(facets, traction, pressure, np.sum(forces, axis=0) if forces else np.zeros(0))


def _body_forces(job: LinearElasticity, body: Body) -> Iterator[FloatArray]:
    for condition in job.conditions:
        if isinstance(condition, BodyForce):
            force = np.zeros((*body.cells.shape, body.dimension))
            where = job.mesh.region(condition.region).members if condition.region else slice(None)
            force[where] = _vectors(condition, "N/mm**3", body, body.cells[where])
            yield force


def _vectors(condition: Traction | BodyForce, unit: str, body: Body, points: IntArray) -> FloatArray:
    """Return what a condition prescribes at points of any shape, (..., d)."""
    refuse_both(condition)
    d = body.dimension
    if condition.field is not None:
        found: FloatArray = condition.field.in_unit(unit)[body.given[points], :d]
        return found
    return np.broadcast_to(condition.vector(unit)[:d], (*points.shape, d))


def refuse_both(condition: Displacement | Traction | BodyForce) -> None:
    """Refuse a condition that has both components and a field."""
    if condition.field is not None and any(c is not None for c in condition.components):
        raise InvalidError(
            f"conditions: {type(condition).__name__} on {condition.region!r} has both components and a field",
            hint="give x=, y=, z= or field=",
            field="conditions",
        )


def facets_named(region: Region, what: str, body: Body) -> IntArray:
    """Return the numbers of the facets of a region, all of which the mesh has."""
    numbers = body.facets_of(region)
    if (numbers < 0).any() or not len(numbers):
        missing = np.flatnonzero(numbers < 0)
        facet = f": facet {region.members[missing[0]].tolist()} is none of any element" if len(missing) else ""
        raise InvalidError(
            f"conditions: {what} on {region.name!r}, a region of {len(numbers)} facets of which the mesh has "
            f"{len(numbers) - len(missing)}{facet}",
            hint=f"facets are the {len(FACES[body.shape][0])} nodes of a side of an element",
            field="conditions",
            region=region.name,
        )
    return numbers


def boundary(region: Region, what: str, body: Body) -> IntArray:
    """Return the numbers of the facets of a region, all of which lie on the surface, each once."""
    numbers = facets_named(region, what, body)
    inner = body.mesh.f2t[1, numbers] >= 0
    _, first, count = np.unique(numbers, return_index=True, return_counts=True)
    for bad, why, hint in (
        (np.flatnonzero(inner), "lies inside the body", "loads go on its surface"),
        (first[count > 1], "is listed twice", "list it once: its load would count twice"),
    ):
        if len(bad):
            raise InvalidError(
                f"conditions: {what} on {region.name!r}: facet {region.members[bad[0]].tolist()} {why}",
                hint=hint,
                field="conditions",
                region=region.name,
            )
    return numbers
