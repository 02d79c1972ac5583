"""What acts on a mesh: prescribed displacements and loads, on named regions."""

from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import model_validator

from cuds import iris
from cuds.arrays import FloatArray
from cuds.errors import InvalidError
from cuds.model.entity import Component, Term
from cuds.model.field import Field
from cuds.units import Quantity


class Condition(Component):
    """Something that acts on a named region of a mesh."""

    region: Annotated[str, Term(iris.region)]
    quantity: ClassVar[str] = ""

    def __init__(self, region: str = "", /, **data: Any) -> None:
        super().__init__(**({"region": region} if region else {}), **data)


class Fixed(Condition):
    """No displacement of the points of a region."""


class Symmetry(Condition):
    """A plane of symmetry: the points of a flat region do not leave it, and no shear acts on it.

    Parameters
    ----------
    region : str
        A region of facets or points that lie in a plane, of any orientation; of a body in a plane on a line.
    """


class _Vector(Condition):
    @property
    def components(self) -> tuple[Quantity | None, ...]:
        """The three components; None is not prescribed."""
        return tuple(getattr(self, c) for c in "xyz")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if getattr(self, "field", None) is None and all(c is None for c in self.components):
            raise InvalidError(
                f"{type(self).__name__} of {self.region!r} prescribes nothing", hint="give x=, y= or z=", field="x"
            )
        return self

    def vector(self, unit: str) -> FloatArray:
        """Return the components as numbers in `unit`; 0 where not given."""
        return np.array([0.0 if c is None else c.in_unit(unit) for c in self.components])


class Displacement(_Vector):
    """A prescribed displacement of the points of a region; a component that is not given stays free.

    Parameters
    ----------
    region : str
        A region of the mesh.
    x, y, z : Quantity, optional
        Length.
    field : Field, optional
        A displacement for each point of the mesh instead; those in the region are taken.
    """

    quantity = "Displacement"
    x: Annotated[Quantity | None, Term(iris.x, "Length", means="DisplacementComponent")] = None
    y: Annotated[Quantity | None, Term(iris.y, "Length", means="DisplacementComponent")] = None
    z: Annotated[Quantity | None, Term(iris.z, "Length", means="DisplacementComponent")] = None
    field: Annotated[Field | None, Term(iris.field)] = None


class Traction(_Vector):
    """A force per area on the facets of a region; of a body in a plane the facets are the lines along its edge.

    Parameters
    ----------
    region : str
        A region of facets.
    x, y, z : Quantity, optional
        Stress; 0 where not given.
    field : Field, optional
        A traction at each point of the mesh instead; that of the region's points is taken, and follows the element's
        shape functions in between.
    """

    quantity = "Traction"
    x: Annotated[Quantity | None, Term(iris.x, "Stress", means="TractionComponent")] = None
    y: Annotated[Quantity | None, Term(iris.y, "Stress", means="TractionComponent")] = None
    z: Annotated[Quantity | None, Term(iris.z, "Stress", means="TractionComponent")] = None
    field: Annotated[Field | None, Term(iris.field)] = None


class Pressure(Condition):
    """A pressure on the facets of a region, positive towards the body.

    Parameters
    ----------
    region : str
        A region of facets.
    value : Quantity
        Stress.
    """

    quantity = "Pressure"
    value: Annotated[Quantity, Term(iris.value, "Stress", means="PressureValue")]


class BodyForce(_Vector):
    """A force per volume on the elements of a region, or on all when no region is named.

    Parameters
    ----------
    region : str, optional
        A region of elements; empty: the whole mesh.
    x, y, z : Quantity, optional
        Force per volume.
    field : Field, optional
        A force per volume at each point of the mesh instead; it follows the shape functions in between.
    """

    quantity = "BodyForceDensity"
    region: Annotated[str, Term(iris.region)] = ""
    x: Annotated[Quantity | None, Term(iris.x, "ForceDensity", means="BodyForceComponent")] = None
    y: Annotated[Quantity | None, Term(iris.y, "ForceDensity", means="BodyForceComponent")] = None
    z: Annotated[Quantity | None, Term(iris.z, "ForceDensity", means="BodyForceComponent")] = None
    field: Annotated[Field | None, Term(iris.field)] = None


Conditions = Fixed | Symmetry | Displacement | Traction | Pressure | BodyForce
