"""Conduction of heat in bodies."""

from typing import Annotated, Any, Self

import numpy as np
from pydantic import model_validator

from cuds import iris
from cuds.errors import InvalidError
from cuds.model.entity import Entity, Term
from cuds.model.field import Field
from cuds.model.properties import ThermalConductivity
from cuds.model.regions import (
    check_absolute,
    check_field,
    check_properties,
    check_regions,
    required_thickness,
    uniform_temperature,
)
from cuds.model.simulation import ContinuumSimulation
from cuds.model.thermal import Convection, HeatConditions, HeatFlux, HeatSource, Temperature
from cuds.units import Quantity

_ON = {HeatFlux: "facets", Convection: "facets", HeatSource: "elements"}
_WHOLE = 1e-9  # of a step: how far a number of steps may be from a whole one


class HeatConduction(ContinuumSimulation):
    """The temperature in a body: the steady one, or how it gets there from an initial one.

    Parameters
    ----------
    mesh : Mesh
        The body.
    material : Material or ThermalConductivity
        Of the whole body; or `materials` by region of elements.
    orientation : array (3, 3), optional
        How the crystal lies where a conductivity was given: the rotation R with v_sample = R v_crystal.
    conditions : tuple of Condition
        `Temperature`, `HeatFlux`, `HeatSource` and `Convection`; all constant in time. What no condition is on lets
        no heat through.
    thickness : Quantity, optional
        Of a body in a plane, along z. Needed there, and refused of a body in space.
    duration : Quantity, optional
        Of the change in time; without it the steady temperature is computed. With it `initial` and `timestep` are
        needed, and every material has a density and a specific heat.
    timestep : Quantity, optional
        The longest step in time; it is shortened so that samples are a whole number of steps apart.
    initial : Field, or Quantity, optional
        The temperature at the beginning, one or point by point. Points with a prescribed temperature have that one
        from the beginning.
    every : Quantity, optional
        How far apart in time the fields are that are kept, from the beginning on; without it only those at the end
        are.
    tolerance : float
        Relative residual at which the solver stops, in every step.
    """

    takes = (Temperature, HeatFlux, HeatSource, Convection)
    conditions: Annotated[tuple[HeatConditions, ...], Term(iris.conditions)] = ()
    thickness: Annotated[Quantity | None, Term(iris.thickness, "Length", means="Thickness")] = None
    duration: Annotated[Quantity | None, Term(iris.duration, "Time", means="DurationValue")] = None
    timestep: Annotated[Quantity | None, Term(iris.timestep, "Time", means="DurationValue")] = None
    initial: Annotated[Field | None, Term(iris.initial, means="Temperature")] = None
    every: Annotated[Quantity | None, Term(iris.every, "Time", means="DurationValue")] = None

    def __init__(self, mesh: Any = None, /, *, initial: Any = None, **data: Any) -> None:
        if initial is not None:
            data["initial"] = uniform_temperature(initial, data.get("mesh") if mesh is None else mesh, "initial")
        super().__init__(mesh, **data)

    @classmethod
    def properties(cls) -> tuple[type[Entity], ...]:
        """Return the class of the property that suffices for a steady temperature."""
        return (ThermalConductivity,)

    @classmethod
    def ports(cls) -> dict[str, tuple[type[Entity], ...]]:
        """Return the inputs that are entities: mesh, material, and the temperature at the beginning."""
        return {**super().ports(), "initial": (Field,)}

    @model_validator(mode="after")
    def _possible(self) -> Self:
        required_thickness(self.mesh, self.thickness)
        check_regions(self.mesh, self.conditions, _ON)
        needed = ("conductivity",) if self.duration is None else ("conductivity", "density", "specific_heat")
        kind = "steady" if self.duration is None else "transient"
        check_properties(self.materials, needed, f"{kind} heat conduction")
        for condition in self.conditions:
            if isinstance(condition, Temperature) and condition.field is not None:
                check_absolute(condition.field.values, "field")
        if self.duration is None:
            self._check_steady()
        else:
            self._check_times(self.duration)
        return self

    def _check_steady(self) -> None:
        for name in ("timestep", "initial", "every"):
            if getattr(self, name) is not None:
                raise InvalidError(
                    f"{name}: given without a duration", hint="give duration=, or leave it out", field=name
                )
        if not any(isinstance(c, Temperature | Convection) for c in self.conditions):
            raise InvalidError(
                "conditions: nothing fixes the temperature of the body",
                hint="add Temperature('...') or Convection('...'); or give duration= and initial=",
                field="conditions",
            )

    def _check_times(self, duration: Quantity) -> None:
        for name in ("duration", "timestep", "every"):
            time = getattr(self, name)
            if time is not None and time.value <= 0:
                raise InvalidError(f"{name}: {time!r}", hint="it must be greater than 0", field=name)
        for name in ("timestep", "initial"):
            if getattr(self, name) is None:
                raise InvalidError(
                    f"{name} is missing",
                    hint=f"a change in time needs {name}=; without duration= it is steady",
                    field=name,
                )
        assert self.timestep is not None
        assert self.initial is not None
        check_field(self.initial, self.mesh, "Temperature", ("points",), "initial")
        check_absolute(self.initial.values, "initial")
        for name, shorter in (("timestep", self.timestep), ("every", self.every)):
            if shorter is not None and shorter.in_unit("s") > duration.in_unit("s") * (1 + _WHOLE):
                raise InvalidError(
                    f"{name}: {shorter!r} is longer than the duration {duration!r}",
                    hint="a run is at least one step long",
                    field=name,
                )
        if (
            self.every is not None
            and abs((n := duration.in_unit("s") / self.every.in_unit("s")) - round(n)) > _WHOLE * n
        ):
            raise InvalidError(
                f"every: the duration {duration!r} is {n:.6g} times {self.every!r}",
                hint="choose one that divides the duration",
                field="every",
            )

    def steps(self) -> tuple[float, int, int]:
        """Return the step in s, how many there are from one sample to the next, and how many samples follow the first.

        Samples are equally far apart; without `every` there is one, at the end.
        """
        assert self.duration is not None
        assert self.timestep is not None
        duration = self.duration.in_unit("s")
        samples = 1 if self.every is None else round(duration / self.every.in_unit("s"))
        apart = duration / samples
        between = max(1, int(np.ceil(apart / self.timestep.in_unit("s") * (1 - _WHOLE))))
        return apart / between, between, samples
