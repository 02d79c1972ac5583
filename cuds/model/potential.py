"""Interatomic potentials: a sum of terms, each a functional form with its parameters."""

import hashlib
from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, Self

from pydantic import Field, model_validator

from cuds import iris
from cuds.arrays import IntArray
from cuds.errors import InvalidError, ShapeError, UnitError, did_you_mean
from cuds.model.entity import Component, Entity, Term
from cuds.units import Quantity, fitting_units, reference_unit, table


class ParameterFile(Component):
    """A file of parameters, kept by content.

    Parameters
    ----------
    name : str
        What it was called where it was found.
    content : bytes
        All of it.
    """

    name: Annotated[str, Term(iris.fileName, physics=False)]
    content: Annotated[bytes, Term(iris.content)] = Field(repr=False)

    @property
    def sha256(self) -> str:
        """The digest of the content, as sha256sum prints it."""
        return hashlib.sha256(self.content).hexdigest()


class ParameterColumn(Component):
    """One parameter of a form, a value for each pair of elements.

    Parameters
    ----------
    kind : str
        Its quantity kind.
    values : Quantity (n_pairs,)
        Its values.
    """

    kind: Annotated[str, Term(iris.parameterKind)]
    values: Annotated[Quantity, Term(iris.parameterValues, shape=("n_pairs",), means="ParameterValues")]

    @property
    def quantity_kind(self) -> str:
        """The quantity kind of the values."""
        return self.kind

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.kind not in table()["kinds"]:
            raise InvalidError(
                f"kind: {self.kind!r} is no quantity kind", hint=did_you_mean(self.kind, table()["kinds"]), field="kind"
            )
        fitting = fitting_units(reference_unit(self.kind))
        if self.values.unit not in fitting:
            raise UnitError(
                f"values: {self.values.unit!r} is no unit of {self.kind}",
                hint=f"give them in {', '.join(fitting)}",
                field="values",
            )
        return self


class PotentialTerm(Component):
    """One term of a potential: a functional form whose parameters are files, or columns by pairs of elements.

    Parameters
    ----------
    form : str
        The functional form: a name of the ontology, like ``"EmbeddedAtomSetfl"`` or ``"LennardJones"``.
    files : tuple of ParameterFile
        Its parameters; the one that says the form comes first.
    elements : tuple of str
        The elements that the term describes.
    unit_set : str
        The units in which the files are written.
    species : dict of str to str
        Which of the elements a species of the system is; the same name where not said.
    between : int array (n_pairs, 2), optional
        The pairs between which the term acts, as places in `elements`; all pairs of them when it has files.
    parameters : dict of str to ParameterColumn
        By symbol, a value for each pair.
    cutoff : Quantity (n_pairs,), optional
        The distance beyond which a pair does not interact.
    inner : Quantity (n_pairs,), optional
        The distance from which its interaction is switched off.
    truncation : str
        How the energy ends at the cutoff: a name of the ontology, like ``"ShiftedCutoff"``.
    accuracy : float, optional
        Of what is summed beyond the cutoff, relative; of an Ewald sum only.
    dielectric : float, optional
        How many times more permittive what surrounds the cutoff is; of a reaction field only.
    correction : str
        What is added for the pairs that the cutoff leaves out: a name of the ontology, like ``"AverageDispersion"``.
    mixing : str
        The rule from which the parameters of unlike pairs were computed, if they were.
    """

    form: Annotated[str, Term(iris.form)]
    files: Annotated[tuple[ParameterFile, ...], Term(iris.files)] = ()
    elements: Annotated[tuple[str, ...], Term(iris.elements)]
    unit_set: Annotated[str, Term(iris.unitSet)] = "metal"
    species: Annotated[dict[str, str], Term(iris.speciesMap)] = Field(default_factory=dict)
    between: Annotated[
        IntArray | None, Term(iris.between, shape=("n_pairs", 2), dtype="int64", means="ElementPairs")
    ] = None
    parameters: Annotated[dict[str, ParameterColumn], Term(iris.parameterColumns)] = Field(default_factory=dict)
    cutoff: Annotated[Quantity | None, Term(iris.cutoff, "Length", ("n_pairs",), means="CutoffDistance")] = None
    inner: Annotated[Quantity | None, Term(iris.inner, "Length", ("n_pairs",), means="CutoffDistance")] = None
    truncation: Annotated[str, Term(iris.truncation)] = ""
    accuracy: Annotated[float | None, Term(iris.accuracy)] = Field(default=None, gt=0, lt=1)
    dielectric: Annotated[float | None, Term(iris.dielectric)] = Field(default=None, gt=0, allow_inf_nan=False)
    correction: Annotated[str, Term(iris.correction)] = ""
    mixing: Annotated[str, Term(iris.mixing, physics=False)] = ""

    @model_validator(mode="after")
    def _species_known(self) -> Self:
        for name, element in self.species.items():
            if element not in self.elements:
                raise InvalidError(
                    f"species: {name!r} is mapped to {element!r}, which is not in {self.name}",
                    hint=did_you_mean(element, self.elements),
                    field="species",
                )
        return self

    @model_validator(mode="after")
    def _pairs_fit(self) -> Self:
        if self.between is None:
            if self.parameters or self.cutoff is not None or self.inner is not None:
                raise InvalidError("between is missing", hint="say between which elements the parameters act")
            return self
        if len(self.between) and not 0 <= self.between.min() <= self.between.max() < len(self.elements):
            raise InvalidError(
                f"between: a place outside 0..{len(self.elements) - 1}",
                hint=f"the elements are {', '.join(self.elements)}",
                field="between",
            )
        if len({frozenset(p) for p in self.pairs}) != len(self.between):
            raise InvalidError("between: a pair stands there twice", hint="add a second term for it", field="between")
        for symbol, column in self.parameters.items():
            if len(column.values) != len(self.between):
                raise ShapeError(
                    f"parameters[{symbol!r}]: {len(column.values)} values for {len(self.between)} pairs",
                    hint="give one a pair",
                    field="parameters",
                )
        return self

    @model_validator(mode="after")
    def _distances_fit(self) -> Self:
        inner, cutoff = (None if d is None else d.in_unit("angstrom") for d in (self.inner, self.cutoff))
        for name, distance in (("inner", inner), ("cutoff", cutoff)):
            if distance is not None and not (distance > 0).all():
                raise InvalidError(f"{name}: {distance.min()} angstrom", hint="give a positive distance", field=name)
        if inner is not None and (cutoff is None or not (inner < cutoff).all()):
            raise InvalidError("inner: not below the cutoff", hint="switch off between inner and cutoff", field="inner")
        return self

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The pairs of elements between which the term acts."""
        names = self.elements
        if self.between is None:
            return tuple((a, b) for i, a in enumerate(names) for b in names[i:])
        return tuple((names[i], names[j]) for i, j in self.between.tolist())

    @property
    def name(self) -> str:
        """What people call it: the names of its files, or its form and its pairs."""
        if self.files or self.between is None:
            return " + ".join(f.name for f in self.files)
        shown = ", ".join("-".join(p) for p in self.pairs[:6])
        return f"{self.form} {shown}" + (f", ... ({len(self.pairs)} pairs)" if len(self.pairs) > 6 else "")

    def element(self, symbol: str) -> str:
        """Return the element of the term that a species of the system is.

        Raises
        ------
        InvalidError
            When the term does not describe it.
        """
        wanted = self.species.get(symbol, symbol)
        if wanted not in self.elements:
            raise InvalidError(
                f"potential: {self.name} has no parameters for species {symbol!r}, only for {', '.join(self.elements)}",
                hint=f"take a potential for {symbol}, or map it: species={{{symbol!r}: {self.elements[0]!r}}}"
                if self.elements
                else f"take a potential for {symbol}",
                field="potential",
                species=symbol,
            )
        return wanted

    def describes(self, symbol: str) -> bool:
        """Whether a species of the system is one of the elements of the term."""
        return self.species.get(symbol, symbol) in self.elements

    def row(self, first: str, second: str) -> int | None:
        """Return the place of a pair of species in `between`, whichever comes first; None where they do not interact.

        A term with files acts between all of its elements; there it is 0.
        """
        wanted = {self.species.get(s, s) for s in (first, second)}
        if self.between is None:
            return 0 if wanted <= set(self.elements) else None
        return self._places.get(frozenset(wanted))

    @cached_property
    def _places(self) -> dict[frozenset[str], int]:
        """The first place of each two elements, whichever comes first."""
        found: dict[frozenset[str], int] = {}
        for i, pair in enumerate(self.pairs):
            found.setdefault(frozenset(pair), i)
        return found

    def __repr__(self) -> str:
        if self.files:
            return f"{self.form} {self.name} ({', '.join(self.elements)}; sha256 {self.files[0].sha256[:12]})"
        return self.name if self.between is not None else self.form


class Potential(Entity):
    """A sum of terms that gives the energy of a system of particles.

    Parameters
    ----------
    terms : tuple of PotentialTerm
        They are added.
    """

    terms: Annotated[tuple[PotentialTerm, ...], Term(iris.terms)] = Field(min_length=1)

    def __add__(self, other: "Potential") -> "Potential":
        return Potential(terms=(*self.terms, *other.terms), label=" + ".join(x for x in (self.label, other.label) if x))

    def check_species(self, symbols: Iterable[str]) -> None:
        """Refuse two species between which no term acts.

        Raises
        ------
        InvalidError
            It names them.
        """
        names = list(symbols)
        for symbol in names:
            if not any(t.describes(symbol) for t in self.terms):
                self.terms[0].element(symbol)
        for i, first in enumerate(names):
            for second in names[i:]:
                if all(t.row(first, second) is None for t in self.terms):
                    raise InvalidError(
                        f"potential: nothing acts between {first!r} and {second!r} in {self.name}",
                        hint=f"add a term for them: + cuds.pair('...', {first!r}, {second!r}, ...)",
                        field="potential",
                        species=(first, second),
                    )

    def with_species(self, **species: str) -> "Potential":
        """Return the potential with species of the system mapped to elements of its terms."""
        for name, element in species.items():
            if not any(element in t.elements for t in self.terms):
                known = {e for t in self.terms for e in t.elements}
                raise InvalidError(
                    f"species: {name!r} is mapped to {element!r}, which is not in {self.name}",
                    hint=did_you_mean(element, known),
                    field="species",
                )
        return self.replace(
            terms=tuple(
                t.replace(species={**t.species, **{n: e for n, e in species.items() if e in t.elements}})
                for t in self.terms
            )
        )

    def __repr__(self) -> str:
        return f"Potential({' + '.join(map(repr, self.terms))})"

    @property
    def name(self) -> str:
        """What people call it: the names of its files and its pairs."""
        return " + ".join(t.name for t in self.terms)

    @property
    def files(self) -> tuple[ParameterFile, ...]:
        """All files of parameters."""
        return tuple(f for t in self.terms for f in t.files)
