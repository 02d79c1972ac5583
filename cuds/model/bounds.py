"""What is known of the stiffness of an aggregate without computing it."""

from typing import Annotated, Self

from pydantic import model_validator

from cuds import iris
from cuds.errors import ShapeError
from cuds.model.entity import Entity, Term
from cuds.model.material import ElasticTensor
from cuds.units import Quantity


class ElasticBounds(Entity):
    """Bounds and estimates of the elastic constants of an aggregate, beside what was computed.

    Parameters
    ----------
    lower, upper : ElasticTensor
        Those of Reuss and Voigt for the phases and orientations that there are: no arrangement of them is softer than
        the one or stiffer than the other under any strain.
    methods : tuple of str
        What each row of the table is, like ``"Reuss"`` or ``"computed"``.
    constants : tuple of str
        What each column is, like ``"K"``.
    moduli : Quantity (n_methods, n_constants)
        The table.
    """

    lower: Annotated[ElasticTensor, Term(iris.lower)]
    upper: Annotated[ElasticTensor, Term(iris.upper)]
    methods: Annotated[tuple[str, ...], Term(iris.methods)]
    constants: Annotated[tuple[str, ...], Term(iris.constants)]
    moduli: Annotated[Quantity, Term(iris.moduli, "Stress", ("n_methods", "n_constants"), means="Moduli")]

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.moduli.shape != (len(self.methods), len(self.constants)):
            raise ShapeError(
                f"moduli: the shape is {self.moduli.shape}",
                hint=f"it must be {(len(self.methods), len(self.constants))}: methods by constants",
                field="moduli",
            )
        return self

    def of(self, method: str, unit: str = "GPa") -> dict[str, float]:
        """Return the constants of a method by name."""
        row = self.moduli.in_unit(unit)[self.methods.index(method)]
        return dict(zip(self.constants, row.tolist(), strict=True))

    def __str__(self) -> str:
        width = max(map(len, (*self.methods, "")))
        head = " ".join(f"{c:>9}" for c in self.constants)
        rows = (
            f"  {m:{width}} " + " ".join(f"{v:9.3f}" for v in row)
            for m, row in zip(self.methods, self.moduli.value, strict=True)
        )
        return "\n".join([f"ElasticBounds in {self.moduli.unit}", f"  {'':{width}} {head}", *rows])

    __repr__ = __str__
