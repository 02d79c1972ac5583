"""Everything that scikit-fem is given for the conduction of heat, as bare arrays in mm, W, K and s."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from cuds.arrays import AnyArray, FloatArray, IntArray
from cuds.errors import InvalidError
from cuds.model.heat import HeatConduction
from cuds.model.material import Material
from cuds.model.regions import required_thickness
from cuds.model.thermal import Convection, HeatFlux, HeatSource, Temperature
from cuds.units import factor
from cuds_skfem.conditions import boundary, facets_named
from cuds_skfem.mesh import Body, body_of

MM = factor("mm", "m")
_SAME = 1e-9  # K: two prescribed temperatures that differ by less are the same


@dataclass(frozen=True, eq=False)
class Prescribed:
    """Prescribed temperatures.

    Parameters
    ----------
    owner : ndarray (n,)
        By which of the conditions; -1 where none.
    values : ndarray (n,)
        In K; 0 where not held.
    """

    owner: IntArray
    values: FloatArray

    @property
    def held(self) -> AnyArray:
        """Which points have one."""
        held: AnyArray = self.owner >= 0
        return held


@dataclass(frozen=True, eq=False)
class Surface:
    """What goes through the surface.

    Parameters
    ----------
    facets : ndarray (f,)
        scikit-fem's numbers, each once.
    owner : ndarray (c,)
        Of which condition each row below is.
    place : tuple of ndarray
        For each of these conditions its facets, as rows of `facets`.
    flux, coefficient, drive : ndarray (c,)
        Into the body in W/mm^2; of heat transfer in W/mm^2/K, and its product with the temperature outside.
    """

    facets: IntArray
    owner: IntArray
    place: tuple[IntArray, ...]
    flux: FloatArray
    coefficient: FloatArray
    drive: FloatArray

    def total(self, name: str) -> FloatArray:
        """Return the sum over the conditions of one of the three, by facet."""
        total = np.zeros(len(self.facets))
        for place, value in zip(self.place, getattr(self, name), strict=True):
            total[place] += value
        return total


@dataclass(frozen=True, eq=False)
class HeatDeck:
    """A job for scikit-fem.

    Parameters
    ----------
    body : Body
        The mesh.
    thickness : float
        Of a body in a plane, in mm; else 1. Matrices are those of a thickness of 1 mm.
    conductivity : ndarray (k, 3, 3)
        In W/mm/K, in the frame of the sample.
    capacity : ndarray (k,)
        In J/mm^3/K; 0 where nothing changes in time.
    material : ndarray (m,)
        Which of them each element has.
    prescribed : Prescribed
        Temperatures of points.
    surface : Surface
        What goes through facets.
    sources : tuple of (int, ndarray (m, a))
        The number of a condition, and what it puts in at the nodes of each element in W/mm^3.
    initial : ndarray (n,)
        In K; 0 where nothing changes in time.
    times : (float, int, int)
        Step in s (0: steady), steps from one sample to the next, samples after the first.
    tolerance : float
        On the relative residual.
    solver : {"amg", "direct"}
        How it is solved.
    """

    body: Body
    thickness: float
    conductivity: FloatArray
    capacity: FloatArray
    material: IntArray
    prescribed: Prescribed
    surface: Surface
    sources: tuple[tuple[int, FloatArray], ...]
    initial: FloatArray
    times: tuple[float, int, int]
    tolerance: float
    solver: str

    @property
    def source(self) -> FloatArray:
        """The sum of the sources (m, a), or (0,)."""
        return np.sum([s for _, s in self.sources], axis=0) if self.sources else np.zeros(0)

    def same_matrices(self, other: "HeatDeck") -> bool:
        """Whether both have the same matrices and hold the same points, and are solved alike."""
        mine, others = self.surface, other.surface
        pairs = [(getattr(self, n), getattr(other, n)) for n in ("conductivity", "capacity", "material")]
        pairs += [(mine.facets, others.facets), (mine.total("coefficient"), others.total("coefficient"))]
        pairs += [(self.prescribed.held, other.prescribed.held)]
        same = (self.body, self.times[0], self.solver) == (other.body, other.times[0], other.solver)
        return same and all(np.array_equal(*pair) for pair in pairs)

    def arrays(self) -> dict[str, AnyArray]:
        """Return the arrays that the transcript reads."""
        step, between, samples = self.times
        return {
            "shape": np.array(self.body.shape),
            "points": self.body.points,
            "cells": self.body.cells,
            "thickness": np.array(self.thickness),
            "conductivity": self.conductivity,
            "capacity": self.capacity,
            "material": self.material,
            "held": self.prescribed.held,
            "prescribed": self.prescribed.values,
            "facets": self.body.facet_nodes(self.surface.facets),
            **{name: self.surface.total(name) for name in ("flux", "coefficient", "drive")},
            "source": self.source,
            "initial": self.initial,
            "step": np.array(step),
            "steps": np.array(between * samples if step else 0),
            "tolerance": np.array(self.tolerance),
            "solver": np.array(self.solver),
        }


def heat_deck_of(job: HeatConduction, solver: str = "amg") -> HeatDeck:
    """Return the deck of a job; what scikit-fem could not solve is refused here, by name.

    Raises
    ------
    InvalidError, UnsupportedError
        See `body_of`; when conditions contradict each other, when a facet is none of the surface, and when nothing
        fixes the temperature of a piece of the body.
    """
    body = body_of(job.mesh)
    materials, index = job.material_of_elements()
    held, surface = _prescribed(job, body), _surface(job, body)
    steady = job.duration is None
    if steady:
        _refuse_floating(body, held, surface)
    return HeatDeck(
        body=body,
        thickness=required_thickness(job.mesh, job.thickness),
        conductivity=np.array([_conductivity(m) for m in materials]),
        capacity=np.array([0.0 if steady else _capacity(m) for m in materials]),
        material=index,
        prescribed=held,
        surface=surface,
        sources=tuple(_sources(job, body)),
        initial=np.zeros(len(body.points)) if job.initial is None else job.initial.in_unit("K")[body.given],
        times=(0.0, 0, 0) if steady else job.steps(),
        tolerance=job.tolerance,
        solver=solver,
    )


def _conductivity(material: Material) -> FloatArray:
    turned: FloatArray = material.needed("conductivity").turned(material.orientation, "W/m/K")
    return turned * MM


def _capacity(material: Material) -> float:
    density, heat = (material.needed(name).value for name in ("density", "specific_heat"))
    return float(density.in_unit("kg/m**3") * heat.in_unit("J/kg/K") * MM**3)


def _prescribed(job: HeatConduction, body: Body) -> Prescribed:
    owner, values = np.full(len(body.points), -1), np.zeros(len(body.points))
    for number, condition in enumerate(job.conditions):
        if not isinstance(condition, Temperature):
            continue
        points, wanted = _wanted(condition, job, body)
        clash = np.flatnonzero((owner[points] >= 0) & (np.abs(values[points] - wanted) > _SAME))
        if len(clash):
            point, first = int(points[clash[0]]), job.conditions[int(owner[points[clash[0]]])].region
            where = ", ".join(f"{x:.6g}" for x in body.points[point])
            raise InvalidError(
                f"conditions: {first!r} and {condition.region!r} contradict each other at point {body.given[point]} "
                f"({where}) mm: {values[point]:.6g} and {wanted[clash[0]]:.6g} K",
                hint="take the point out of one region, or prescribe the same temperature",
                field="conditions",
            )
        free = owner[points] < 0
        owner[points[free]], values[points[free]] = number, wanted[free]
    return Prescribed(owner, values)


def _wanted(condition: Temperature, job: HeatConduction, body: Body) -> tuple[IntArray, FloatArray]:
    """Return the points that a condition holds, and their temperatures in K."""
    region = job.mesh.region(condition.region)
    if region.on == "facets":
        facets_named(region, "Temperature", body)
    everywhere = job.mesh.region_points(region.name) if len(region.members) else np.zeros(0, dtype=np.int64)
    used = everywhere[body.local[everywhere] >= 0]
    if not len(used):
        raise InvalidError(
            f"conditions: no element has a point of region {region.name!r}",
            hint="name a region on the body",
            field="conditions",
        )
    if condition.field is not None:
        return body.local[used], condition.field.in_unit("K")[used]
    assert condition.value is not None
    return body.local[used], np.full(len(used), condition.value.in_unit("K"))


def _surface(job: HeatConduction, body: Body) -> Surface:
    given = [(i, c) for i, c in enumerate(job.conditions) if isinstance(c, HeatFlux | Convection)]
    numbers = [boundary(job.mesh.region(c.region), type(c).__name__, body) for _, c in given]
    facets = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *numbers]))
    flux, coefficient, drive = np.zeros((3, len(given)))
    for row, (_, condition) in enumerate(given):
        if isinstance(condition, HeatFlux):
            flux[row] = condition.value.in_unit("W/m**2") * MM**2
        else:
            coefficient[row] = condition.coefficient.in_unit("W/m**2/K") * MM**2
            drive[row] = coefficient[row] * condition.ambient.in_unit("K")
    place = tuple(np.searchsorted(facets, n) for n in numbers)
    return Surface(facets, np.array([i for i, _ in given], dtype=np.int64), place, flux, coefficient, drive)


def _sources(job: HeatConduction, body: Body) -> Iterator[tuple[int, FloatArray]]:
    for number, condition in enumerate(job.conditions):
        if isinstance(condition, HeatSource):
            found = np.zeros(body.cells.shape)
            where = job.mesh.region(condition.region).members if condition.region else slice(None)
            if condition.field is not None:
                found[where] = condition.field.in_unit("W/m**3")[body.given[body.cells[where]]] * MM**3
            elif condition.value is not None:
                found[where] = condition.value.in_unit("W/m**3") * MM**3
            yield number, found


def _refuse_floating(body: Body, prescribed: Prescribed, surface: Surface) -> None:
    """Refuse a steady temperature that nothing fixes: of a part that shares no point with the rest."""
    n, per = len(body.points), body.cells.shape[1]
    links = sp.coo_matrix(
        (np.ones(body.cells.size, dtype=bool), (np.repeat(body.cells[:, 0], per), body.cells.ravel())), shape=(n, n)
    )
    parts, part = sp.csgraph.connected_components(links, directed=False)
    fixed = np.zeros(parts, dtype=bool)
    fixed[part[prescribed.held]] = True
    fixed[part[body.facet_nodes(surface.facets[surface.total("coefficient") > 0])]] = True
    if not fixed.all():
        first = int(np.flatnonzero(~fixed)[0])
        where = ", ".join(f"{x:.6g}" for x in body.points[part == first].mean(axis=0))
        raise InvalidError(
            f"conditions: nothing fixes the temperature of part {first + 1} of {parts} "
            f"({int((part == first).sum())} points about ({where}) mm)",
            hint="add Temperature('...') or Convection('...') there, or merge the points of parts that are one",
            field="conditions",
        )
