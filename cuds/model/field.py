"""Quantities on a mesh."""

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field as Option, model_validator

from cuds import iris
from cuds.errors import InvalidError, ShapeError, UnitError, UnknownError, did_you_mean
from cuds.model.entity import Entity, Term
from cuds.model.mesh import Mesh
from cuds.model.state import Strain, Stress
from cuds.units import Quantity, fitting_units, reference_unit

# Ontology class of a field's quantity: its quantity kind and the shape of one value.
QUANTITIES: dict[str, tuple[str, tuple[int, ...]]] = {
    "Displacement": ("Length", (3,)),
    "ReactionForce": ("Force", (3,)),
    "BodyForceDensity": ("ForceDensity", (3,)),
    "Traction": ("Stress", (3,)),
    "Strain": ("Strain", (6,)),
    "Stress": ("Stress", (6,)),
    "NodalStress": ("Stress", (6,)),
    "VonMisesStress": ("Stress", ()),
    "Temperature": ("ThermodynamicTemperature", ()),
    "HeatFluxDensity": ("HeatFluxDensity", (3,)),
    "HeatSourceDensity": ("PowerPerVolume", ()),
}
# What a field of each quantity is called when nobody says otherwise.
FIELDS = {
    "Displacement": "displacement",
    "ReactionForce": "reaction",
    "BodyForceDensity": "body_force",
    "Traction": "traction",
    "Strain": "strain",
    "Stress": "stress",
    "NodalStress": "stress_points",
    "VonMisesStress": "von_mises",
    "Temperature": "temperature",
    "HeatFluxDensity": "heat_flux",
    "HeatSourceDensity": "heat_source",
}


class Field(Entity):
    """A quantity on the points or the elements of a mesh.

    Parameters
    ----------
    name : str
        What people call it, like ``"von_mises"``.
    quantity : str
        The ontology class of its values, like ``"VonMisesStress"``.
    mesh : Mesh
        Where it lies.
    on : {"points", "elements"}
        An element's value is its mean over the element.
    values : Quantity (n, ...)
        A row for each point or element, in the mesh's order; tensors in Voigt order.
    time : Quantity, optional
        When, from the beginning of what it is a part of; of something steady it is not given.
    """

    name: Annotated[str, Term(iris.name)]
    quantity: Annotated[str, Term(iris.quantity)]
    mesh: Annotated[Mesh, Term(iris.mesh)]
    on: Annotated[Literal["points", "elements"], Term(iris.on)]
    values: Annotated[Quantity, Term(iris.values, shape=("n_values", "..."), means="FieldValues")] = Option(repr=False)
    time: Annotated[Quantity | None, Term(iris.time, "Time", means="TimeValue")] = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.quantity not in QUANTITIES:
            raise UnknownError(
                f"quantity: {self.quantity!r} is not known",
                hint=did_you_mean(self.quantity, QUANTITIES),
                field="quantity",
            )
        kind, one = QUANTITIES[self.quantity]
        fitting = fitting_units(reference_unit(kind))
        if self.values.unit not in fitting:
            raise UnitError(
                f"values: {self.values.unit!r} is no unit of {self.quantity}",
                hint=f"give it in {', '.join(fitting)}",
                field="values",
            )
        rows = len(self.mesh.points) if self.on == "points" else self.mesh.n_elements
        if self.values.shape != (rows, *one):
            raise ShapeError(
                f"values: the shape is {self.values.shape}", hint=f"it must be {(rows, *one)}", field="values"
            )
        return self

    @property
    def quantity_kind(self) -> str:
        """The quantity kind of the values."""
        return QUANTITIES[self.quantity][0]

    def in_unit(self, unit: str) -> np.ndarray:
        """Return the bare values in a unit."""
        array: np.ndarray = self.values.in_unit(unit)
        return array

    def magnitude(self) -> np.ndarray:
        """Return one number a row, in the field's unit: the value, or the length of the vector.

        Raises
        ------
        InvalidError
            For a tensor, which has no single magnitude.
        """
        one = self.values.value.shape[1:]
        if one == (6,):
            raise InvalidError(
                f"{self.name} is a tensor", hint="take a component, or the field 'von_mises'", field="name"
            )
        array: np.ndarray = np.linalg.norm(self.values.value, axis=1) if one else self.values.value
        return array

    def argmax(self) -> int:
        """Return the row with the largest magnitude."""
        return int(np.argmax(self.magnitude()))

    def strain(self, row: int) -> Strain:
        """Return the strain of one row of a strain field, with the place it was taken from."""
        if self.quantity != "Strain":
            raise InvalidError(
                f"{self.name} is no strain but {self.quantity}", hint="ask the strain field", field="quantity"
            )
        return Strain(value=self.values[row], point=self.place(row))

    def stress(self, row: int) -> Stress:
        """Return the stress of one row of a stress field."""
        if self.quantity not in ("Stress", "NodalStress"):
            raise InvalidError(
                f"{self.name} is no stress but {self.quantity}", hint="ask the stress field", field="quantity"
            )
        return Stress(value=self.values[row])

    def place(self, row: int) -> Quantity:
        """Return the position of a point, or of the centre of an element."""
        points = self.mesh.points
        if self.on == "points":
            return points[row]
        for block in self.mesh.blocks:
            if row < len(block):
                return Quantity(points.value[block.nodes[row]].mean(axis=0), points.unit)
            row -= len(block)
        raise UnknownError(f"no element {row}", hint=f"there are {self.mesh.n_elements}")

    def __repr__(self) -> str:
        low, high = (self.values.value.min(), self.values.value.max()) if self.values.value.size else (0.0, 0.0)
        where = f"{self.quantity} on {len(self.values)} {self.on}"
        when = "" if self.time is None else f" at {self.time!r}"
        return f"Field({self.name}: {where}{when}, {low:.6g} .. {high:.6g} {self.values.unit})"
