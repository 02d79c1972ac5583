"""What a store of data sets offers, wherever it keeps them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol
from urllib.parse import quote, unquote

from cuds.errors import InvalidError, UnknownError, did_you_mean
from cuds.model.dataset import DataSet
from cuds.model.entity import Entity

IRI = "urn:cuds:dataset:"
_LONGEST = 200  # bytes of a name as part of a path


@dataclass(frozen=True, order=True)
class Version:
    """One version of a data set.

    Parameters
    ----------
    name : str
        Of the data set.
    number : int
        From 1, rising.
    deleted : bool
        Whether it says that there is nothing any more.
    bytes : int
        How long its file is; 0 where there is none.
    written : float
        When, in seconds since 1970.
    mark : str
        Tells its file from any other that bore its name and number.
    """

    name: str
    number: int
    deleted: bool = False
    bytes: int = 0
    written: float = 0.0
    mark: str = ""

    @property
    def iri(self) -> str:
        """The IRI of the data set, and of its graph."""
        return iri(self.name)


@dataclass(frozen=True)
class Found:
    """An entity in a data set of a store.

    Parameters
    ----------
    name, version
        Of its data set.
    id : str
        Its IRI.
    kind : str
        Its class.
    values : mapping
        What was asked of it, in the coherent unit of the SI where it has one.
    """

    name: str
    version: int
    id: str
    kind: str
    values: Mapping[str, Any] = field(default_factory=dict)
    store: "Store | None" = field(default=None, repr=False, compare=False)

    @cached_property
    def data(self) -> DataSet:
        """Its data set, in the version that was found; read when it is first wanted.

        Raises
        ------
        FormatError
            When the file is damaged.
        """
        assert self.store is not None
        return self.store.get(self.name, self.version)

    @cached_property
    def entity(self) -> Any:
        """The entity; its data set is read when it is first wanted.

        Raises
        ------
        FormatError
            When the file is damaged.
        """
        return next(e for e in self.data.closure() if e.id == self.id)


Versions = list[Version]
Findings = list[Found]
Rows = list[dict[str, Any]]


class Store(Protocol):
    """Data sets by name; a name has versions, of which the newest is meant and asked."""

    def put(self, data: DataSet | Entity, name: str = "") -> Version:
        """Keep a data set as the newest version of a name; its label when none is given."""
        ...

    def get(self, name: str, version: int | None = None) -> DataSet:
        """Return a data set; the newest version when none is given."""
        ...

    def delete(self, name: str) -> Version:
        """Make a version that says that there is nothing; earlier ones stay."""
        ...

    def list(self) -> Versions:
        """Return the newest version of every data set that is there, by name."""
        ...

    def versions(self, name: str) -> Versions:
        """Return all versions of a name, the first one first."""
        ...

    def graph(self, name: str, version: int | None = None) -> Any:
        """Return the graph of a data set, as one of rdflib."""
        ...

    def query(self, sparql: str, *, timeout: float = 60.0) -> Rows:
        """Return the solutions of a SPARQL SELECT over the newest versions."""
        ...

    def find(self, kind: Any, **conditions: Any) -> Findings:
        """Return the entities of a class, of the newest versions, that fulfil conditions."""
        ...


def iri(name: str) -> str:
    """Return the IRI of a data set."""
    return IRI + quote(name, safe="")


def name_of(graph: str) -> str:
    """Return the name of the data set that has an IRI."""
    return unquote(graph.removeprefix(IRI))


def named(data: DataSet | Entity, name: str) -> tuple[DataSet, str]:
    """Return what is to be kept as a data set, and its name.

    Raises
    ------
    InvalidError
        When there is no name, or one that no file can bear.
    """
    whole = data if isinstance(data, DataSet) else DataSet(data, label=data.label)
    chosen = name or whole.label
    if not chosen:
        raise InvalidError("name: the data set has no label", hint="give name=", field="name")
    try:
        length = len(quote(chosen, safe=""))
    except UnicodeEncodeError as error:
        raise InvalidError(f"name: {chosen!r} is no text: {error}", hint="remove the lone surrogates") from None
    if length > _LONGEST:
        raise InvalidError(
            f"name: {chosen[:40]!r}... is too long: {length} bytes", hint=f"at most {_LONGEST} fit", field="name"
        )
    return whole, chosen


def chosen(found: Versions, name: str, number: int | None, known: Iterable[str]) -> Version:
    """Return the version that is meant.

    Raises
    ------
    UnknownError
        When there is no such name or version, or when it was deleted.
    """
    if not found:
        raise UnknownError(f"there is no data set {name!r}", hint=did_you_mean(name, known), field="name")
    if number is None:
        number = found[-1].number
    there = [v for v in found if not v.deleted]
    for version in there:
        if version.number == number:
            return version
    earlier = ", ".join(str(v.number) for v in there) or "none"
    gone = any(v.number == number for v in found)
    raise UnknownError(
        f"data set {name!r}: version {number} {'says that it was deleted' if gone else 'is not there'}",
        hint=f"versions that are there: {earlier}",
        field="version",
    )
