"""What particles are called, and the residues and molecules that they are part of."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import model_validator

from cuds import iris
from cuds.arrays import AnyArray, IntArray, looked_through
from cuds.errors import InvalidError
from cuds.model.entity import Component, Term

Level = Literal["atom", "residue", "molecule"]


class Naming(Component):
    """Names for people and files; they never change a result.

    Parameters
    ----------
    labels : tuple of str
        All names, each once.
    atom : int array (n,)
        Which of them each particle bears.
    residue : int array (n,)
        Which of them the residue bears that a particle is part of.
    residue_number : int array (n,)
        The number of that residue.
    molecule : int array (n,)
        Which of the names the kind of molecule bears that a particle is part of.
    """

    labels: Annotated[tuple[str, ...], Term(iris.labels)]
    atom: Annotated[IntArray, Term(iris.atomName, shape=("n_particles",), dtype="int64", means="NameIndex")]
    residue: Annotated[IntArray, Term(iris.residueName, shape=("n_particles",), dtype="int64", means="NameIndex")]
    residue_number: Annotated[
        IntArray, Term(iris.residueNumber, shape=("n_particles",), dtype="int64", means="ResidueNumber")
    ]
    molecule: Annotated[IntArray, Term(iris.moleculeName, shape=("n_particles",), dtype="int64", means="NameIndex")]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if looked_through():
            return self
        if len(set(self.labels)) != len(self.labels) or not all(self.labels):
            raise InvalidError("labels: one is empty or stands there twice", hint="give each name once", field="labels")
        for level in ("atom", "residue", "molecule"):
            index: IntArray = getattr(self, level)
            if len(index) and not 0 <= index.min() <= index.max() < len(self.labels):
                raise InvalidError(
                    f"{level}: outside 0..{len(self.labels) - 1}", hint="count labels from 0", field=level
                )
        return self

    @classmethod
    def of(
        cls, atoms: Sequence[str], residues: Sequence[str], numbers: Sequence[int] | IntArray, molecules: Sequence[str]
    ) -> "Naming":
        """Return a naming by the names of particles, residues and molecules, and the numbers of residues."""
        found, index = np.unique(np.concatenate([atoms, residues, molecules]), return_inverse=True)
        atom, residue, molecule = index.reshape(3, -1)
        return cls(
            labels=tuple(found.tolist()), atom=atom, residue=residue, residue_number=np.asarray(numbers),
            molecule=molecule,
        )  # fmt: skip

    def names(self, level: Level) -> AnyArray:
        """Return a name for each particle: its own, that of its residue, or that of its molecule."""
        index: IntArray = getattr(self, level)
        return np.array(self.labels, dtype=np.str_)[index] if len(index) else np.empty(0, dtype=np.str_)

    def __len__(self) -> int:
        return len(self.atom)

    def __repr__(self) -> str:
        kinds = list(dict.fromkeys(self.names("molecule").tolist()))
        return f"Naming({len(self)} particles of {', '.join(kinds[:6])}{', ...' if len(kinds) > 6 else ''})"
