"""Effective stiffness of a periodic cell."""

from typing import Annotated, Any, Literal, Self

from pydantic import model_validator

from cuds import iris
from cuds.errors import InvalidError
from cuds.model.condition import Condition
from cuds.model.entity import Entity, Term
from cuds.model.material import ElasticTensor
from cuds.model.regions import check_properties
from cuds.model.simulation import ContinuumSimulation

UnitStrain = Literal["xx", "yy", "zz", "yz", "xz", "xy"]
_SIDES = (("xmin", "xmax"), ("ymin", "ymax"), ("zmin", "zmax"))


class Periodic(Condition):
    """Two regions that are one: each point of the one is a point of the other, moved by one translation.

    Parameters
    ----------
    region, partner : str
        Regions of facets or points.
    """

    partner: Annotated[str, Term(iris.partner)]

    def __init__(self, region: str = "", partner: str = "", /, **data: Any) -> None:
        super().__init__(region, **({"partner": partner} if partner else {}), **data)


class Homogenisation(ContinuumSimulation):
    """The stiffness that a body of many periodic cells has at large, from six macroscopic strains of one cell.

    Parameters
    ----------
    mesh : Mesh
        The cell. What of it is no element is empty.
    material : Material or ElasticTensor
        Of the whole cell; or `materials` by region of elements.
    orientation : array (3, 3), optional
        How the crystal lies where an ElasticTensor was given: the rotation R with v_sample = R v_crystal.
    conditions : tuple of Periodic
        Three, with translations that span the cell; when not given those between the regions xmin and xmax, ymin and
        ymax, zmin and zmax.
    load_cases : tuple of str
        Of which macroscopic unit strains the fields are given as well: ``"xx"``, ``"yy"``, ``"zz"``, ``"yz"``,
        ``"xz"``, ``"xy"``, the last three in engineering shear. Their names are ``"stress_xx"`` and so on.
    tolerance : float
        Relative residual at which the solver stops.

    References
    ----------
    Michel, Moulinec and Suquet, Comput. Methods Appl. Mech. Eng. 172, 109 (1999).
    """

    takes = (Periodic,)
    conditions: Annotated[tuple[Periodic, ...], Term(iris.conditions)] = tuple(Periodic(*pair) for pair in _SIDES)
    load_cases: Annotated[tuple[UnitStrain, ...], Term(iris.loadCases)] = ()

    @classmethod
    def properties(cls) -> tuple[type[Entity], ...]:
        """Return the class of the property that suffices."""
        return (ElasticTensor,)

    @model_validator(mode="after")
    def _a_cell(self) -> Self:
        if self.mesh.dimension != 3:
            raise InvalidError(
                "mesh: a body in a plane has no stiffness in space", hint="mesh the cell in space", field="mesh"
            )
        check_properties(self.materials, ("elastic",), "homogenisation")
        if len(self.conditions) != 3:
            raise InvalidError(
                f"conditions: {len(self.conditions)} pairs of regions",
                hint="give three: Periodic('xmin', 'xmax') and so on",
                field="conditions",
            )
        for condition in self.conditions:
            for name in (condition.region, condition.partner):
                if self.mesh.region(name).on == "elements":
                    raise InvalidError(
                        f"conditions: Periodic on {name!r}, a region of elements",
                        hint="it needs regions of facets or points",
                        field="conditions",
                    )
        return self
