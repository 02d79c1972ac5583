"""Properties of a material beside its stiffness: each a value with its unit, and how sure it is."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
from pydantic import model_validator

from cuds import iris
from cuds.arrays import FloatArray
from cuds.errors import InvalidError
from cuds.model import tensor
from cuds.model.entity import Entity, Term
from cuds.units import Quantity, quantity

_SYMMETRIC = 1e-6  # of the largest entry


class _Property(Entity):
    def __repr__(self) -> str:
        value, unsure = self._shown("value"), self._shown("uncertainty")
        return f"{type(self).__name__}({value}{f' +- {unsure}' if unsure else ''})"

    def _shown(self, name: str) -> str:
        found: Quantity | None = getattr(self, name)
        if found is None or not found.shape or (found.value != np.eye(3) * found.value[0, 0]).any():
            return "" if found is None else repr(found)
        return repr(Quantity(float(found.value[0, 0]), found.unit))


class _Tensor(_Property):
    """A symmetric tensor of the second rank in the frame of the crystal; one number is that times the identity."""

    if TYPE_CHECKING:
        value: Quantity

    @model_validator(mode="before")
    @classmethod
    def _of_one_number(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        made = dict(data)
        for name in ("value", "uncertainty"):
            if made.get(name) is not None:
                given = quantity(made[name], cls.bindings()[name].kind, name)
                made[name] = given if given.shape else Quantity(np.eye(3) * given.value, given.unit)
        return made

    @model_validator(mode="after")
    def _symmetric(self) -> Self:
        entries = self.value.value
        off = float(np.abs(entries - entries.T).max())
        if off > _SYMMETRIC * np.abs(entries).max():
            raise InvalidError(
                f"value: not symmetric: entries differ by {off:.3g} {self.value.unit}",
                hint="give one number, or a symmetric 3x3 in the frame of the crystal",
                field="value",
            )
        return self

    def turned(self, R: FloatArray, unit: str) -> FloatArray:
        """Return the tensor of the crystal turned by R, (3, 3) in a unit: R T R^T."""
        entries = self.value.in_unit(unit)
        turned: FloatArray = R @ (0.5 * (entries + entries.T)) @ R.T
        return turned


class ThermalConductivity(_Tensor):
    """Heat flux by the negative gradient of the temperature, in the frame of the crystal.

    Parameters
    ----------
    value : Quantity (3, 3), or one number
        Symmetric (Onsager 1931), positive definite.
    uncertainty : Quantity (3, 3), or one number, optional
        Of each entry.
    """

    value: Annotated[Quantity, Term(iris.value, "ThermalConductivity", (3, 3), means="ConductivityComponents")]
    uncertainty: Annotated[
        Quantity | None, Term(iris.uncertainty, "ThermalConductivity", (3, 3), means="Uncertainty", physics=False)
    ] = None

    @model_validator(mode="after")
    def _positive(self) -> Self:
        lowest = float(np.linalg.eigvalsh(self.value.value).min())
        if lowest <= 0:
            raise InvalidError(
                f"value: not positive definite: the lowest eigenvalue is {lowest:.6g} {self.value.unit}",
                hint="heat flows from warm to cold in every direction; check sign and order of the entries",
                field="value",
            )
        return self


class ThermalExpansion(_Tensor):
    """Strain by temperature of a crystal that is free to expand, in its own frame.

    Parameters
    ----------
    value : Quantity (3, 3), or one number
        Tensor components: the shear strains are not doubled.
    uncertainty : Quantity (3, 3), or one number, optional
        Of each entry.
    """

    value: Annotated[Quantity, Term(iris.value, "LinearExpansionCoefficient", (3, 3), means="ExpansionComponents")]
    uncertainty: Annotated[
        Quantity | None,
        Term(iris.uncertainty, "LinearExpansionCoefficient", (3, 3), means="Uncertainty", physics=False),
    ] = None


class _Number(_Property):
    if TYPE_CHECKING:
        value: Quantity

    @model_validator(mode="after")
    def _positive(self) -> Self:
        if self.value.value <= 0:
            raise InvalidError(f"value: {self.value!r}", hint="it must be greater than 0", field="value")
        return self


class Density(_Number):
    """Mass by volume.

    Parameters
    ----------
    value : Quantity
        Greater than 0.
    uncertainty : Quantity, optional
        Of the value.
    """

    value: Annotated[Quantity, Term(iris.value, "Density", means="DensityValue")]
    uncertainty: Annotated[
        Quantity | None, Term(iris.uncertainty, "Density", means="UncertaintyValue", physics=False)
    ] = None


class SpecificHeat(_Number):
    """Heat by mass and temperature.

    Parameters
    ----------
    value : Quantity
        Greater than 0.
    uncertainty : Quantity, optional
        Of the value.
    """

    value: Annotated[Quantity, Term(iris.value, "SpecificHeatCapacity", means="SpecificHeatValue")]
    uncertainty: Annotated[
        Quantity | None, Term(iris.uncertainty, "SpecificHeatCapacity", means="UncertaintyValue", physics=False)
    ] = None


def stress_free_strain(expansion: ThermalExpansion, R: FloatArray) -> FloatArray:
    """Return the strain by kelvin of a crystal turned by R, (6,), Voigt, engineering shear, in 1/K."""
    return tensor.strain_voigt(expansion.turned(R, "1/K"))
