"""A folder of data sets and plain graphs."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pyoxigraph

from cuds.codecs import hdf5
from cuds.errors import CudsError, FormatError, InvalidError, StorageError, UnsupportedError
from cuds.model.dataset import DataSet
from cuds.semantics.asking import PATIENCE, rows, whole
from cuds.store.checking import Damages, check
from cuds.store.finding import find
from cuds.store.graphs import Inspect
from cuds.store.index import Index
from cuds.store.kept import graph_in, written
from cuds.store.naming import called, iri
from cuds.store.protocol import Closing, Findings, Rows, Version, Versions, Writes, chosen
from cuds.store.shelf import Shelf, storing
from cuds.store.upkeep import BROKEN, Upkeep
from cuds.store.views import Readable, View
from cuds.store.writing import Writer

T = TypeVar("T")


class Library(Writer, Closing):
    """A folder of data sets and plain graphs: a file each, kept by name and version, asked by meaning.

    Several processes may read and write it at the same time. The first that asks keeps the index in ``index/``;
    another asks one of its own in memory, which takes longer to begin with.

    Parameters
    ----------
    folder : path
        Made when it is not there.
    endpoint : str
        A SPARQL 1.1 endpoint, like ``"http://localhost:7878"``, that keeps the index instead, so that others may ask
        it too: queries go to ``<endpoint>/query``, updates to ``<endpoint>/update``.

    Raises
    ------
    InvalidError
        When there is something else.
    StorageError
        When it cannot be written to.
    """

    def __init__(self, folder: str | Path, *, endpoint: str = "") -> None:
        self._shelf = Shelf(Path(folder))
        self._shelf.sweep()
        self._upkeep = Upkeep.of(self._shelf, endpoint)

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self._shelf.folder

    def inspected(self, inspect: Inspect) -> None:
        """Have somebody else hold long graphs against the shapes, like `cuds.store.apart.Asking.inspect`.

        Parameters
        ----------
        inspect : callable
            Gets N-Triples, and who wrote them; returns what the shapes have against them, a line each.
        """
        self._shelf.inspect = inspect

    def get(self, name: str, version: int | None = None) -> DataSet:
        """Return a data set; the newest version when none is given.

        Raises
        ------
        UnknownError
            When there is no such data set or version.
        FormatError
            When its file is damaged.
        """
        return hdf5.read(self._data_set(name, version))

    def list(self) -> Versions:
        """Return the newest version of every data set and plain graph that is there, by name."""
        self._shelf.settled()
        return self._shelf.listed()

    def versions(self, name: str) -> Versions:
        """Return all versions of a name, the first one first.

        Raises
        ------
        UnknownError
            When there never was one.
        """
        self._shelf.settled()
        found = self._shelf.versions(called(name))
        if not found:
            chosen(found, name, None, self._shelf.names())
        return found

    def version(self, name: str, number: int | None = None) -> Version:
        """Return a version of a name; the newest when none is given.

        Raises
        ------
        UnknownError
            When there is none.
        """
        known = called(name)
        self._shelf.settled()
        return chosen(self._shelf.versions(known), known, number, self._known(known))

    def file(self, name: str, version: int | None = None) -> Path:
        """Return the file of a version: HDF5 of a data set, N-Triples of a plain graph. It is not to be written to.

        Raises
        ------
        UnknownError
            When there is none.
        """
        return self._shelf.path(self.version(name, version))

    def history(self, name: str) -> Writes:
        """Return how each version of a name came about, the first one first.

        Raises
        ------
        UnknownError
            When there never was one.
        """
        return [written(version, self._shelf.path(version)) for version in self.versions(name)]

    def owners(self) -> Mapping[str, str]:
        """Return to whom each name belongs: who wrote its first version, after it was last deleted."""
        return self.asked(lambda index: index.owners())

    def graph(self, name: str, version: int | None = None) -> Any:
        """Return a graph, as one of rdflib; of a data set none of its numbers is read."""
        from rdflib import Graph

        return Graph().parse(data=self.graph_text(name, version), format="nt")

    def graph_text(self, name: str, version: int | None = None) -> bytes:
        """Return a graph as it is kept, as N-Triples.

        Raises
        ------
        UnknownError
            When there is no such graph or version.
        FormatError
            When its file is damaged.
        """
        return graph_in(self.file(name, version))

    def query(self, sparql: str, *, among: Readable | None = None, timeout: float = PATIENCE) -> Rows:
        """Return the solutions of a SPARQL SELECT over the newest versions, a mapping each.

        What all graphs say together is asked; ``GRAPH ?g`` says which of them says it, and ``FROM <iri>`` asks
        one alone. A data set whose file cannot be read is one warning.

        Parameters
        ----------
        sparql : str
            The query; prefixes are to be declared in it.
        among : callable, optional
            Whether a graph may be seen, by its IRI. What else there is, is as if it were not there.
        timeout : float
            Seconds after which no more solutions are awaited. What comes before the first one, like sorting, counting,
            or a search in vain, cannot be stopped; of an endpoint it is the whole answer that is awaited.

        Raises
        ------
        InvalidError
            When the query cannot be read, is no SELECT, would ask another machine, or takes longer.
        UnknownError
            When FROM names what is no graph of the library.
        """
        return self._answered(sparql, lambda answer: rows(answer, sparql, timeout=timeout), (), (), among, timeout)

    def answer(
        self,
        sparql: str,
        *,
        default: Sequence[str] = (),
        named: Sequence[str] = (),
        among: Readable | None = None,
        timeout: float = PATIENCE,
    ) -> Any:
        """Return what pyoxigraph answers to any query: SELECT, ASK, CONSTRUCT or DESCRIBE; all of it is there.

        Parameters
        ----------
        sparql : str
            The query.
        default, named : sequence of str
            The IRIs of the graphs that are asked, in place of what FROM and FROM NAMED say. Those of `default` are
            one to the query; ``urn:cuds:default`` is the default graph of updates. What is not there says nothing.
        among, timeout
            As for `query`.

        Raises
        ------
        InvalidError
            When the query cannot be read, would ask another machine, or takes longer.
        UnknownError
            When FROM names what is no graph of the library.
        UnsupportedError
            When the index lies at an endpoint, and it is no SELECT.
        """

        def read(answer: Any) -> Any:
            if self._upkeep.endpoint is not None and not isinstance(answer, pyoxigraph.QuerySolutions):
                del answer  # else the error keeps it
                raise UnsupportedError("query: an endpoint is asked by SELECT alone", hint="begin it with SELECT")
            return whole(answer, sparql, timeout=timeout)

        return self._answered(sparql, read, default, named, among, timeout)

    def find(self, kind: Any, *, among: Readable | None = None, **conditions: Any) -> Findings:
        """Return the entities of a class that fulfil conditions, each read when it is first wanted.

        One that several data sets hold is found in each. Plain graphs are not looked at.

        Parameters
        ----------
        kind : type or str
            A class of cuds; those below it count.
        among : callable, optional
            As for `query`.
        **conditions
            By property: a value, or a comparison like ``C11=(">", "160 GPa")``, or a list of such. ``material=`` is
            what it is made of or was computed from, as a formula or the label of a material; ``used=`` anything
            that it was computed from: an entity, a label, the name or the SHA-256 of a file; ``engine=`` by whom.

        Raises
        ------
        UnknownError
            When the class has no such property.
        UnitError
            When a unit is missing or does not fit.
        UnsupportedError
            When a property cannot be compared so.
        """
        return self.asked(lambda index: find(self, index, kind, conditions), among)

    def verify(self) -> Damages:
        """Read every version of everything; return what is damaged or does not belong there.

        The index is compared with the files, and made anew by `rebuild`.
        """
        return self.asked(lambda index: check(self._shelf, index), warn=False)

    def rebuild(self) -> None:
        """Make the index anew from the files.

        Raises
        ------
        StorageError
            When the index belongs to another process, or cannot be written.
        """
        with storing(self.folder):
            self._upkeep.rebuild()
        if not self._upkeep.own and self._upkeep.endpoint is None:
            raise StorageError(
                f"{self.folder}: its index belongs to another process, or may not be written to",
                hint="close the library there, and try again",
            )

    def close(self) -> None:
        """Give the index up to whoever asks next; the library is usable on."""
        self._upkeep.close()

    def __len__(self) -> int:
        return len(self._shelf.listed())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name != "" and bool(self._shelf.newest([called(name)]))

    def __repr__(self) -> str:
        plain = sum(v.plain for v in self._shelf.listed())
        beside = f", {plain} plain graphs" if plain else ""
        return f"Library({str(self.folder)!r}: {len(self) - plain} data sets{beside})"

    def _data_set(self, name: str, number: int | None) -> Path:
        version = self.version(name, number)
        if version.plain:
            raise FormatError(f"{name!r} is a plain graph, and no data set", hint="ask for its graph", field="name")
        return self._shelf.path(version)

    def _known(self, name: str) -> Sequence[str]:
        return [] if name in self else self._shelf.names()

    def _answered(
        self,
        sparql: str,
        read: Callable[[Any], T],
        default: Sequence[str],
        named: Sequence[str],
        among: Readable | None,
        timeout: float,
    ) -> T:
        """Return an answer that is begun in our turn, and read when others have theirs: it is of that moment."""
        begun = self.asked(lambda index: index.begun(sparql, default, named, timeout), among)
        try:
            return read(begun)
        except InvalidError as error:
            raise error.with_traceback(None) from None  # its frames hold what only this thread may let go of
        except BROKEN as error:
            if isinstance(error, CudsError):
                raise
            return self.asked(lambda index: read(index.begun(sparql, default, named, timeout)), among, warn=False)
        finally:
            del begun

    def state_of(self, index: Index) -> object:
        """Return what changes whenever an index that is asked does."""
        return dict(index.taken) if isinstance(index, View) else self._upkeep.state

    def on_disk(self, index: Index) -> bool:
        """Whether an index that is asked is the one on the disk, and ours."""
        return self._upkeep.own and index is self._upkeep.index

    def asked(self, ask: Callable[[Index], T], among: Readable | None = None, *, warn: bool = True) -> T:
        """Return an answer of the index; one that is damaged is made anew, and asked again."""
        with self._upkeep.turn:
            try:
                answer = ask(self._upkeep.seen(among))
            except (*BROKEN, CudsError) as error:
                if not _broken(error) or not self._upkeep.own:
                    raise
                answer = self._asked_anew(ask, among)
            for name, damage in self._upkeep.damaged.items() if warn else ():
                if among is None or among(iri(name)):
                    said = damage.message.partition("\n")[0]
                    warnings.warn(f"data set {name!r} cannot be read, and was not asked: {said}", stacklevel=4)
            try:
                return answer
            finally:
                del answer  # whatever keeps this frame, like errors that a parser keeps, keeps no answer

    def _asked_anew(self, ask: Callable[[Index], T], among: Readable | None) -> T:
        """Return an answer of an index that is made anew: in memory, where the disk takes none."""
        try:
            with storing(self.folder):
                self._upkeep.rebuild()
                return ask(self._upkeep.seen(among))
        except StorageError:
            self._upkeep.rebuild(on_disk=False)
            return ask(self._upkeep.seen(among))


def _broken(error: BaseException) -> bool:
    """Whether it is the index that is damaged. No frame of who asks may keep the cause, which would keep that frame."""
    return isinstance(error.__cause__ if isinstance(error, CudsError) else error, BROKEN)
