"""What is checked of every body: that each element has a material that says enough, and that conditions act on it."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from cuds.arrays import IntArray
from cuds.errors import InvalidError
from cuds.model.condition import Condition
from cuds.model.entity import Entity
from cuds.model.field import Field
from cuds.model.material import ElasticTensor, Material
from cuds.model.mesh import Mesh
from cuds.model.properties import Density, SpecificHeat, ThermalConductivity, ThermalExpansion
from cuds.units import Quantity, quantity

# What a property is called in a material.
_NAMES: dict[type[Entity], str] = {
    ElasticTensor: "elastic",
    ThermalConductivity: "conductivity",
    Density: "density",
    SpecificHeat: "specific_heat",
    ThermalExpansion: "thermal_expansion",
}


def as_material(given: Any, orientation: Any) -> Any:
    """Return the material that a property stands for; anything else as it is."""
    name = _NAMES.get(type(given))
    return given if name is None else Material(**{name: given}, orientation=orientation, label=given.label)


def material_of_elements(mesh: Mesh, materials: Mapping[str, Material]) -> tuple[list[Material], IntArray]:
    """Return the materials in use, and for each element which one it is.

    Raises
    ------
    InvalidError
        When an element has none.
    """
    names = list(materials)
    index = np.full(mesh.n_elements, names.index("") if "" in names else -1)
    for i, name in enumerate(names):
        if name:
            region = mesh.region(name)
            if region.on != "elements":
                raise InvalidError(
                    f"materials: {name!r} is a region of {region.on}",
                    hint="materials go on regions of elements",
                    field="materials",
                )
            index[region.members] = i
    if (index < 0).any():
        bare = [r.name for r in mesh.regions if r.on == "elements" and (index[r.members] < 0).any()]
        where = f"region {', '.join(map(repr, bare))}" if bare else f"{int((index < 0).sum())} elements"
        raise InvalidError(
            f"materials: none on {where}",
            hint="give material= for the whole body or materials={region: material}",
            field="materials",
        )
    return [materials[n] for n in names], index


def check_properties(materials: Mapping[str, Material], properties: Iterable[str], what: str) -> None:
    """Refuse materials that lack a property.

    Raises
    ------
    InvalidError
        Naming the material, its region, and the property.
    """
    for region, material in materials.items():
        for name in properties:
            if getattr(material, name) is None:
                where = f"region {region!r}" if region else "the whole body"
                raise InvalidError(
                    f"materials: the material {material.label!r} of {where} has no {name}, which {what} needs",
                    hint=f"give it: Material({name}=...)",
                    field="materials",
                    region=region,
                    property=name,
                )


def check_regions(mesh: Mesh, conditions: Iterable[Condition], on: Mapping[type[Condition], str]) -> None:
    """Refuse conditions on a kind of region that they do not act on, and fields that do not fit.

    Parameters
    ----------
    mesh : Mesh
        The body.
    conditions : iterable of Condition
        What acts on it.
    on : mapping
        For each class of condition ``"facets"``, ``"elements"`` or ``"points"``; any region where it is not named.
    """
    for condition in conditions:
        found = mesh.region(condition.region).on if condition.region else "elements"
        wanted = on.get(type(condition), found)
        if found != wanted:
            raise InvalidError(
                f"conditions: {type(condition).__name__} on {condition.region!r}, a region of {found}",
                hint=f"it needs a region of {wanted}",
                field="conditions",
            )
        field = getattr(condition, "field", None)
        if field is not None:
            check_field(field, mesh, condition.quantity, ("points",), f"conditions: {type(condition).__name__}")


def check_field(field: Field, mesh: Mesh, quantity: str, on: tuple[str, ...], where: str) -> None:
    """Refuse a field of another quantity, on another mesh, or on what it should not lie on."""
    if field.quantity != quantity or field.on not in on or field.mesh != mesh:
        raise InvalidError(
            f"{where}: the field {field.name!r} of {field.quantity} on {field.on} does not fit",
            hint=f"give a field of {quantity} on the {' or '.join(on)} of this mesh",
            field=where.partition(":")[0],
        )


def required_thickness(mesh: Mesh, thickness: Quantity | None) -> float:
    """Return the thickness of a body in a plane in mm, and 1 of a body in space.

    Raises
    ------
    InvalidError
        When it is missing, not greater than 0, or given of a body in space.
    """
    if (mesh.dimension == 2) != (thickness is not None) or (thickness is not None and thickness.value <= 0):
        where = "a plane" if mesh.dimension == 2 else "space"
        raise InvalidError(
            f"thickness: {thickness!r} of a mesh of {mesh.blocks[0].shape} elements, a body in {where}",
            hint="give thickness=(1, 'mm') of a body in a plane, and none of a body in space",
            field="thickness",
        )
    return 1.0 if thickness is None else float(thickness.in_unit("mm"))


def refuse_foreign(conditions: Any, takes: tuple[type[Condition], ...], what: str) -> None:
    """Refuse conditions that have no place in a kind of simulation, by name."""
    for condition in conditions if isinstance(conditions, tuple | list) else ():
        if isinstance(condition, Condition) and not isinstance(condition, takes):
            raise InvalidError(
                f"conditions: {type(condition).__name__} on {condition.region!r} has no place in {what}",
                hint=f"it takes {', '.join(t.__name__ for t in takes)}",
                field="conditions",
            )


def uniform_temperature(given: Any, mesh: Any, field: str) -> Any:
    """Return a temperature that is the same everywhere as a field; of a data set its field of temperature."""
    if type(given).__name__ == "DataSet":
        return given.field("temperature")
    mesh = mesh[Mesh] if type(mesh).__name__ == "DataSet" else mesh
    if isinstance(given, Field) or not isinstance(mesh, Mesh):
        return given
    kelvin = float(quantity(given, "ThermodynamicTemperature", field).in_unit("K"))
    values = Quantity(np.full(len(mesh.points), kelvin), "K")
    return Field(name="temperature", quantity="Temperature", mesh=mesh, on="points", values=values, label=field)


def check_absolute(temperature: Quantity | None, field: str) -> None:
    """Refuse a temperature, or an array of them, below absolute zero."""
    if temperature is not None and (lowest := float(np.min(temperature.in_unit("K"), initial=np.inf))) < 0:
        raise InvalidError(
            f"{field}: {lowest:.6g} K is below absolute zero",
            hint="temperatures are absolute: '300 K', or '27 degC'",
            field=field,
        )
