"""What a store of data sets offers, wherever it keeps them."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from types import TracebackType
from typing import Any, Protocol, Self

from cuds.errors import StaleError, UnknownError, did_you_mean
from cuds.model.dataset import DataSet
from cuds.model.entity import Entity
from cuds.store.naming import iri


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
    plain : bool
        Whether it is a plain graph, and no data set.
    library : str
        The id of the library that it is kept in.
    """

    name: str
    number: int
    deleted: bool = False
    bytes: int = 0
    written: float = 0.0
    mark: str = ""
    plain: bool = False
    library: str = field(default="", repr=False)

    @property
    def iri(self) -> str:
        """The IRI of the data set, and of its graph."""
        return iri(self.name)

    @property
    def tag(self) -> str:
        """A short text that no other version has, of whatever name in whatever library."""
        said = "\0".join((self.library, self.name, str(self.number), self.mark))
        return hashlib.sha256(said.encode()).hexdigest()[:20]


@dataclass(frozen=True)
class Write:
    """How a version came about.

    Parameters
    ----------
    version : int
        Its number.
    by : str
        Who wrote it; nothing for who uses the library without a name.
    at : datetime
        When.
    how : str
        ``put``, ``graph``, ``adopt``, ``update`` or ``delete``.
    after : int
        The number of the version that was the newest to the writer; 0 for none.
    """

    version: int
    by: str
    at: datetime
    how: str
    after: int


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
Writes = list[Write]
Findings = list[Found]
Rows = list[dict[str, Any]]


class Closing:
    """A store that is closed where a ``with`` ends."""

    def close(self) -> None:
        """Give up what is held."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Store(Protocol):
    """Data sets by name; a name has versions, of which the newest is meant and asked."""

    def put(self, data: DataSet | Entity, name: str = "", *, expected: int | None = None) -> Version:
        """Keep a data set as the newest version of a name; its label when none is given.

        With `expected`, only when that is the number of the newest version, 0 for none.
        """
        ...

    def get(self, name: str, version: int | None = None) -> DataSet:
        """Return a data set; the newest version when none is given."""
        ...

    def delete(self, name: str, *, expected: int | None = None) -> Version:
        """Make a version that says that there is nothing; earlier ones stay."""
        ...

    def history(self, name: str) -> Writes:
        """Return how each version of a name came about, the first one first."""
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


def newest_number(found: Versions) -> int:
    """Return the number of the newest version; 0 where there is none, or where it says that there is nothing."""
    return found[-1].number if found and not found[-1].deleted else 0


def refuse_stale(name: str, found: Versions, expected: int | None) -> None:
    """Refuse to write after another version than the writer knows.

    Raises
    ------
    StaleError
        When the newest is another one.
    """
    now = newest_number(found)
    if expected is not None and now != expected:
        raise StaleError(
            f"{name!r}: its newest version is {now or 'none'}, not {expected or 'none'}",
            hint="read it again, and change that",
            name=name,
            expected=expected,
            found=now,
        )


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
