"""Where a body is loaded most, and how it is strained there."""

from typing import Annotated, Self

from pydantic import model_validator

from cuds import iris
from cuds.errors import InvalidError
from cuds.execution.record import now, run_record
from cuds.execution.session import Laboratory
from cuds.model.dataset import DataSet
from cuds.model.entity import Term
from cuds.model.field import Field
from cuds.model.state import Strain, Stress
from cuds.recipes.recipe import Recipe


class MostLoaded(Recipe):
    """The strain, and the stress, in the element where the equivalent stress is largest.

    Parameters
    ----------
    strain_field : Field
        Strain by element.
    stress_field : Field
        Stress by element.
    loading : Field
        The equivalent stress of von Mises by element.
    """

    gives = Strain
    with_it = (Stress,)
    strain_field: Annotated[Field, Term(iris.strainField, means="Strain")]
    stress_field: Annotated[Field, Term(iris.stressField, means="Stress")]
    loading: Annotated[Field, Term(iris.loading, means="VonMisesStress")]

    @model_validator(mode="after")
    def _same_elements(self) -> Self:
        for name, term in self.bindings().items():
            field: Field = getattr(self, name)
            if field.quantity != term.means or field.on != "elements" or field.mesh != self.loading.mesh:
                raise InvalidError(
                    f"{name}: {field.name!r} is {field.quantity} on {field.on}",
                    hint=f"give {term.means} on the elements of one mesh",
                    field=name,
                )
        return self

    def follow(self, laboratory: Laboratory) -> DataSet:
        """Look for the largest value and take strain and stress there."""
        started = now()
        row = self.loading.argmax()
        record = run_record(self, "cuds", "", started, "", [("element", row), ("place", repr(self.loading.place(row)))])
        strain = self.strain_field.strain(row).replace(label="strain at the most loaded element")
        stress = self.stress_field.stress(row).replace(label="stress at the most loaded element")
        return DataSet(strain.made_by(record), stress.made_by(record))
