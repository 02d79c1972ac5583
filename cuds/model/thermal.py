"""What heats and cools a body: temperatures, fluxes, sources and convection, on named regions."""

from typing import Annotated, Any, Self

from pydantic import model_validator

from cuds import iris
from cuds.errors import InvalidError
from cuds.model.condition import Condition
from cuds.model.entity import Term
from cuds.model.field import Field
from cuds.model.regions import check_absolute
from cuds.units import Quantity


class _ValueOrField(Condition):
    def __init__(self, region: str = "", value: Any = None, /, **data: Any) -> None:
        super().__init__(region, **({} if value is None else {"value": value}), **data)

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        given = [n for n in ("value", "field") if getattr(self, n) is not None]
        if len(given) != 1:
            raise InvalidError(
                f"{type(self).__name__} of {self.region!r} has {' and '.join(given) or 'neither value nor field'}",
                hint="give value= or field=",
                field="value",
            )
        return self


class Temperature(_ValueOrField):
    """A prescribed temperature of the points of a region; it stays so, also while the rest of the body changes.

    Parameters
    ----------
    region : str
        A region of the mesh.
    value : Quantity, optional
        Absolute temperature: ``"300 K"``, or ``"27 degC"``.
    field : Field, optional
        A temperature for each point of the mesh instead; those in the region are taken.
    """

    quantity = "Temperature"
    value: Annotated[Quantity | None, Term(iris.value, "ThermodynamicTemperature", means="TemperatureValue")] = None
    field: Annotated[Field | None, Term(iris.field)] = None

    @model_validator(mode="after")
    def _absolute(self) -> Self:
        check_absolute(self.value, "value")
        return self


class HeatFlux(Condition):
    """Heat per area and time that enters the body through the facets of a region; what leaves it is negative.

    Parameters
    ----------
    region : str
        A region of facets.
    value : Quantity
        Power per area.
    """

    value: Annotated[Quantity, Term(iris.value, "HeatFluxDensity", means="HeatFluxValue")]

    def __init__(self, region: str = "", value: Any = None, /, **data: Any) -> None:
        super().__init__(region, **({} if value is None else {"value": value}), **data)


class HeatSource(_ValueOrField):
    """Heat per volume and time that arises in the elements of a region, or in all when no region is named.

    Parameters
    ----------
    region : str, optional
        A region of elements; empty: the whole mesh.
    value : Quantity, optional
        Power per volume.
    field : Field, optional
        A power per volume at each point of the mesh instead; in between it follows the shape functions.
    """

    quantity = "HeatSourceDensity"
    region: Annotated[str, Term(iris.region)] = ""
    value: Annotated[Quantity | None, Term(iris.value, "PowerPerVolume", means="HeatSourceValue")] = None
    field: Annotated[Field | None, Term(iris.field)] = None


class Convection(Condition):
    """Heat exchanged with surroundings through the facets of a region: coefficient (ambient - T) enters the body.

    Parameters
    ----------
    region : str
        A region of facets.
    coefficient : Quantity
        Of heat transfer: power per area and temperature; greater than 0.
    ambient : Quantity
        The absolute temperature of the surroundings.
    """

    coefficient: Annotated[
        Quantity, Term(iris.coefficient, "CoefficientOfHeatTransfer", means="HeatTransferCoefficient")
    ]
    ambient: Annotated[Quantity, Term(iris.ambient, "ThermodynamicTemperature", means="TemperatureValue")]

    @model_validator(mode="after")
    def _possible(self) -> Self:
        check_absolute(self.ambient, "ambient")
        if self.coefficient.value <= 0:
            raise InvalidError(
                f"coefficient: {self.coefficient!r}",
                hint="it must be greater than 0: heat goes from warm to cold",
                field="coefficient",
            )
        return self


HeatConditions = Temperature | HeatFlux | HeatSource | Convection
