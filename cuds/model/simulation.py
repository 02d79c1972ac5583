"""What is to be computed, without who computes it."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field as Option, model_validator

from cuds import iris
from cuds.arrays import IntArray
from cuds.errors import InvalidError
from cuds.model.condition import BodyForce, Condition, Conditions, Displacement, Fixed, Pressure, Symmetry, Traction
from cuds.model.entity import Entity, Term, entity_type
from cuds.model.field import Field
from cuds.model.material import ElasticTensor, Material
from cuds.model.mesh import Mesh
from cuds.model.particles import ParticleSystem
from cuds.model.plane import check_conditions, check_expansion, check_materials, check_plane
from cuds.model.potential import Potential
from cuds.model.regions import (
    as_material,
    check_absolute,
    check_field,
    check_properties,
    check_regions,
    material_of_elements,
    refuse_foreign,
    uniform_temperature,
)
from cuds.units import Quantity


class Simulation(Entity):
    """Something that an engine can be asked to compute."""

    @classmethod
    def ports(cls) -> dict[str, tuple[type[Entity], ...]]:
        """Return the inputs that are entities, each with the classes that it takes."""
        types = {name: entity_type(cls, name) for name in cls.bindings()}
        return {name: (found,) for name, found in types.items() if found is not None}

    def __repr__(self) -> str:
        """Name what it is of, and the settings that differ from the usual ones."""
        said = []
        for name, info in type(self).model_fields.items():
            value = getattr(self, name)
            if name in self.own or name == "label" or value is None or value == info.default:
                continue
            if isinstance(value, Entity):
                said.append(value.label or repr(value).splitlines()[0])
            elif isinstance(value, dict):
                said += [f"{key or 'everywhere'}: {e.label or type(e).__name__}" for key, e in value.items()]
            else:
                said.append(f"{name} {value!r}" if isinstance(value, Quantity | str | float | int) else repr(value))
        return f"{type(self).__name__}({self.label + ': ' if self.label else ''}{', '.join(said)})"


class AtomisticSimulation(Simulation):
    """A simulation of particles and of what acts between them.

    Parameters
    ----------
    system : ParticleSystem
        The particles.
    potential : Potential, optional
        What acts between them; left out for an engine that has its own.
    """

    system: Annotated[ParticleSystem, Term(iris.system)]
    potential: Annotated[Potential | None, Term(iris.potential)] = None

    def __init__(self, system: Any = None, /, **data: Any) -> None:
        super().__init__(**({} if system is None else {"system": system}), **data)

    @model_validator(mode="after")
    def _species_have_parameters(self) -> Self:
        if self.potential is not None:
            self.potential.check_species(k.symbol for k in self.system.kinds_used())
        return self


class SinglePoint(AtomisticSimulation):
    """Energy, forces and stress of a system as it is.

    Parameters
    ----------
    system : ParticleSystem
        The particles.
    potential : Potential, optional
        What acts between them; left out for an engine that has its own.
    """


class EnergyMinimisation(AtomisticSimulation):
    """The nearest local minimum of the energy.

    Parameters
    ----------
    system : ParticleSystem
        Where it starts.
    potential : Potential, optional
        What acts between the particles; left out for an engine that has its own.
    cell : {"fixed", "isotropic", "full"}
        Whether the cell changes to reach zero stress: not at all, in volume, or in all six components.
    force_tolerance : Quantity
        On the largest force on a particle.
    stress_tolerance : Quantity
        On the largest stress component that is relaxed.
    max_steps : int
        Refused as not converged beyond.
    """

    cell: Annotated[Literal["fixed", "isotropic", "full"], Term(iris.cellRelaxation)] = "fixed"
    force_tolerance: Annotated[Quantity, Term(iris.forceTolerance, "Force", means="Tolerance")] = Quantity(
        1e-8, "eV/angstrom"
    )
    stress_tolerance: Annotated[Quantity, Term(iris.stressTolerance, "Stress", means="Tolerance")] = Quantity(
        1e-4, "GPa"
    )
    max_steps: Annotated[int, Term(iris.maxSteps)] = Option(default=10_000, gt=0)

    @model_validator(mode="after")
    def _periodic(self) -> Self:
        if self.cell != "fixed" and not all(self.system.pbc):
            raise InvalidError(
                f"cell: {self.cell!r} relaxation of a system with pbc {self.system.pbc}",
                hint="only a cell periodic in all directions can be relaxed; give cell='fixed'",
                field="cell",
            )
        return self


class ContinuumSimulation(Simulation):
    """A simulation of a body.

    Parameters
    ----------
    mesh : Mesh
        The body.
    material : Material, or the one property that is needed
        Of the whole body; or `materials` by region of elements.
    orientation : array (3, 3), optional
        How the crystal lies where a property was given: the rotation R with v_sample = R v_crystal.
    tolerance : float
        Relative residual at which the solver stops.
    """

    takes: ClassVar[tuple[type[Condition], ...]] = ()
    mesh: Annotated[Mesh, Term(iris.mesh)]
    materials: Annotated[dict[str, Material], Term(iris.materials)]
    tolerance: Annotated[float, Term(iris.tolerance)] = Option(default=1e-10, gt=0, lt=1)

    def __init__(self, mesh: Any = None, /, *, material: Any = None, orientation: Any = None, **data: Any) -> None:
        given = {**({"": material} if material is not None else {}), **data.get("materials", {})}
        data["materials"] = {name: as_material(m, orientation) for name, m in given.items()}
        super().__init__(**({} if mesh is None else {"mesh": mesh}), **data)

    @model_validator(mode="before")
    @classmethod
    def _conditions_it_knows(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            refuse_foreign(data.get("conditions"), cls.takes, cls.__name__)
        return data

    @classmethod
    def ports(cls) -> dict[str, tuple[type[Entity], ...]]:
        """Return the inputs that are entities: the mesh, and the material of the whole body."""
        return {"mesh": (Mesh,), "material": (Material, *cls.properties())}

    @classmethod
    def properties(cls) -> tuple[type[Entity], ...]:
        """Return the classes of the one property that makes a material good enough; none if it takes more than one."""
        return ()

    def material_of_elements(self) -> tuple[list[Material], IntArray]:
        """Return the materials in use, and for each element which one it is.

        Raises
        ------
        InvalidError
            When an element has none.
        """
        return material_of_elements(self.mesh, self.materials)

    @model_validator(mode="after")
    def _every_element_has_one(self) -> Self:
        self.material_of_elements()
        return self


class LinearElasticity(ContinuumSimulation):
    """Static equilibrium of a linear elastic body, small strain, in space or in a plane.

    Parameters
    ----------
    mesh : Mesh
        The body.
    material : Material or ElasticTensor
        Of the whole body; or `materials` by region of elements.
    orientation : array (3, 3), optional
        How the crystal lies where an ElasticTensor was given: the rotation R with v_sample = R v_crystal.
    conditions : tuple of Condition
        What holds and what loads it.
    plane : {"strain", "stress"}, optional
        Of a body in a plane: what vanishes along z. Needed there, and refused for a body in space.
    thickness : Quantity, optional
        Of a body in a plane, along z. Needed there, also in plane strain: reactions are forces on that thickness.
    temperature : Field, or Quantity, optional
        The absolute temperature, one, or by point or element: every material then has a thermal expansion, and the
        stress is that of the strain without the thermal one.
    reference_temperature : Quantity, optional
        At which nothing is strained by heat; needed with a temperature.
    tolerance : float
        Relative residual at which the solver stops.
    """

    takes = (Fixed, Symmetry, Displacement, Traction, Pressure, BodyForce)
    conditions: Annotated[tuple[Conditions, ...], Term(iris.conditions)]
    plane: Annotated[Literal["strain", "stress"] | None, Term(iris.plane)] = None
    thickness: Annotated[Quantity | None, Term(iris.thickness, "Length", means="Thickness")] = None
    temperature: Annotated[Field | None, Term(iris.temperature, means="Temperature")] = None
    reference_temperature: Annotated[
        Quantity | None, Term(iris.referenceTemperature, "ThermodynamicTemperature", means="TemperatureValue")
    ] = None

    def __init__(self, mesh: Any = None, /, *, temperature: Any = None, **data: Any) -> None:
        if temperature is not None:
            body = data.get("mesh") if mesh is None else mesh
            data["temperature"] = uniform_temperature(temperature, body, "temperature")
        super().__init__(mesh, **data)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        check_plane(self.mesh, self.plane, self.thickness)
        check_properties(self.materials, ("elastic",), "linear elasticity")
        check_regions(self.mesh, self.conditions, _ON)
        for condition in self.conditions:
            if isinstance(condition, Symmetry) and self.mesh.region(condition.region).on == "elements":
                raise InvalidError(
                    f"conditions: Symmetry on {condition.region!r}, a region of elements",
                    hint="it needs a region of facets or points",
                    field="conditions",
                )
        self._check_temperature()
        if not any(isinstance(c, Fixed | Symmetry | Displacement) for c in self.conditions):
            raise InvalidError(
                "conditions: nothing holds the body", hint="add Fixed('...') or Displacement('...')", field="conditions"
            )
        if self.plane is not None:
            check_conditions(self.conditions)
            check_materials(self.materials, self.plane)
        return self

    def _check_temperature(self) -> None:
        given = [n for n in ("temperature", "reference_temperature") if getattr(self, n) is not None]
        if len(given) == 1:
            raise InvalidError(
                f"{given[0]}: given alone",
                hint="give temperature= and reference_temperature=, or neither",
                field=given[0],
            )
        if self.temperature is not None:
            check_field(self.temperature, self.mesh, "Temperature", ("points", "elements"), "temperature")
            check_absolute(self.temperature.values, "temperature")
            check_absolute(self.reference_temperature, "reference_temperature")
            check_properties(self.materials, ("thermal_expansion",), "thermal strain")
            check_expansion(self.materials, self.plane)

    @classmethod
    def ports(cls) -> dict[str, tuple[type[Entity], ...]]:
        """Return the inputs that are entities: the mesh, the material of the whole body, and its temperature."""
        return {**super().ports(), "temperature": (Field,)}

    @classmethod
    def properties(cls) -> tuple[type[Entity], ...]:
        """Return the class of the property that suffices."""
        return (ElasticTensor,)


_ON = {Traction: "facets", Pressure: "facets", BodyForce: "elements"}
