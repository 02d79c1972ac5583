"""A folder of data sets."""

import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from cuds.codecs import hdf5
from cuds.codecs.restating import adopted, noted, restated
from cuds.errors import CudsError, FormatError, StorageError
from cuds.model.dataset import DataSet
from cuds.model.entity import Entity
from cuds.semantics.asking import PATIENCE
from cuds.store.checking import Damages, check
from cuds.store.finding import find
from cuds.store.graphs import kept, stated
from cuds.store.index import Index
from cuds.store.kept import graph_in, remarks, write_plain, write_tombstone, written
from cuds.store.naming import called, named
from cuds.store.protocol import (
    Findings,
    Rows,
    Version,
    Versions,
    Writes,
    chosen,
    newest_number,
    refuse_stale,
)
from cuds.store.shelf import Shelf, storing
from cuds.store.upkeep import BROKEN, Upkeep

T = TypeVar("T")


class Library:
    """A folder of data sets: a file each, kept by name and version, asked by meaning.

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

    def put(self, data: DataSet | Entity, name: str = "", *, expected: int | None = None, by: str = "") -> Version:
        """Keep a data set as the newest version of a name.

        It is kept as a whole or not at all, whoever is killed, and whoever writes the same at the same time.

        Parameters
        ----------
        data : DataSet or Entity
            What it refers to comes along.
        name : str
            Its label when none is given.
        expected : int, optional
            The number of the version that must be the newest; 0 when there must be none.
        by : str
            Who writes it.

        Raises
        ------
        InvalidError
            When it has no name, or holds what cannot be written.
        StaleError
            When another version than expected is the newest.
        StorageError
            When the disk is full, or the folder cannot be written to.
        """
        import h5py  # noqa: F401  # starts a program when it is loaded, which would hold our lock on after a kill

        whole, known = named(data, name)
        notes = self._begun(known, expected, by, "put")
        return self._committed(known, expected, lambda own: hdf5.write(whole, own / "set.h5md", notes))

    def put_graph(self, name: str, graph: Any, *, expected: int | None = None, by: str = "") -> Version:
        """Keep a graph as the newest version of a name: a plain one, or what a data set of that name says from now on.

        The numbers of a data set stay where they are; each is read and compared with what is said of it.

        Parameters
        ----------
        name : str
            An IRI that names the graph, or any other name.
        graph : rdflib.Graph or bytes
            Bytes are N-Triples.
        expected, by
            As for `put`.

        Raises
        ------
        InvalidError
            When nodes of classes of cuds do not conform to the shapes, or when a data set would say something that the
            model does not know.
        StaleError
            When another version than expected is the newest.
        """
        known = called(name)
        notes = self._begun(known, expected, by, "graph")
        text = kept(stated(graph))
        newest = next(iter(self._shelf.newest([known]).values()), None)
        source = self._shelf.path(newest) if newest is not None and not newest.plain else None
        only = newest.number if newest is not None and source is not None else expected  # its numbers are of that one

        def write(own: Path) -> Path:
            if source is not None:
                return restated(source, own / "set.h5md", text, notes)
            return write_plain(own / "set.nt", text, notes)

        return self._committed(known, only, write)

    def adopt(self, file: Path, name: str = "", *, expected: int | None = None, by: str = "") -> Version:
        """Keep a file that `cuds.write` or another library wrote; it is moved here once all of it was read and checked.

        Parameters
        ----------
        file : Path
            Stays where it is when anything is wrong.
        name : str
            The label of the data set when none is given.
        expected, by
            As for `put`.

        Raises
        ------
        FormatError
            When it is no data set of cuds, or one of its digests is not that of what it holds.
        InvalidError
            When it has no name, or does not conform to the shapes.
        StaleError
            When another version than expected is the newest.
        """
        data = adopted(file)
        _, known = named(data, name)
        del data
        kept(stated(hdf5.stored_graph(file)))
        notes = self._begun(known, expected, by, "adopt")

        def write(own: Path) -> Path:
            taken = Path(shutil.move(file, own / "set.h5md"))
            noted(taken, notes)
            return taken

        return self._committed(known, expected, write, back=file)

    def delete(self, name: str, *, expected: int | None = None, by: str = "") -> Version:
        """Make a version that says that there is nothing; earlier ones stay, and `get` still reads them by number.

        Raises
        ------
        UnknownError
            When there is no such data set.
        StaleError
            When another version than expected is the newest.
        """
        known = called(name)
        notes = self._begun(known, expected, by, "delete")
        there = self.version(known).number
        return self._committed(known, there, lambda own: write_tombstone(own / "set.deleted", notes))

    def _begun(self, name: str, expected: int | None, by: str, how: str) -> dict[str, str]:
        """Return what is remembered of a version that is to be written."""
        there = self._shelf.versions(name)
        refuse_stale(name, there, expected)
        return remarks(by, how, newest_number(there))

    def _committed(
        self, name: str, expected: int | None, write: Callable[[Path], Path], back: Path | None = None
    ) -> Version:
        with self._shelf.draft() as own:
            draft = write(own)
            try:
                version = self._shelf.commit(name, draft, expected)
            except BaseException:
                if back is not None:
                    shutil.move(draft, back)
                raise
        self._upkeep.committed()
        return version

    def draft(self) -> AbstractContextManager[Path]:
        """Return a context with a folder of one's own on the disk of the library; it is removed at the end."""
        return self._shelf.draft()

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

    def purge(self, name: str) -> None:
        """Remove all versions of a data set from the disk.

        Raises
        ------
        UnknownError
            When there never was one.
        """
        self.versions(name)
        with self._shelf.draft() as own:
            self._shelf.purge(called(name), own)
        self._upkeep.committed()

    def list(self) -> Versions:
        """Return the newest version of every data set that is there, by name."""
        return self._shelf.listed()

    def versions(self, name: str) -> Versions:
        """Return all versions of a name, the first one first.

        Raises
        ------
        UnknownError
            When there never was one.
        """
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
        return self._asked(lambda index: index.owners())

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

    def query(self, sparql: str, *, timeout: float = PATIENCE) -> Rows:
        """Return the solutions of a SPARQL SELECT over the newest versions, a mapping each.

        What all data sets say together is asked; ``GRAPH ?g`` says which of them says it, and ``FROM <iri>`` asks
        one alone. A data set whose file cannot be read is one warning.

        Parameters
        ----------
        sparql : str
            The query; prefixes are to be declared in it.
        timeout : float
            Seconds after which no more solutions are awaited. What comes before the first one, like sorting, counting,
            or a search in vain, cannot be stopped; of an endpoint it is the whole answer that is awaited.

        Raises
        ------
        InvalidError
            When the query cannot be read, is no SELECT, would ask another machine, or takes longer.
        UnknownError
            When FROM names what is no data set of the library.
        """
        return self._asked(lambda index: index.query(sparql, timeout))

    def find(self, kind: Any, **conditions: Any) -> Findings:
        """Return the entities of a class that fulfil conditions, each read when it is first wanted.

        One that several data sets hold is found in each.

        Parameters
        ----------
        kind : type or str
            A class of cuds; those below it count.
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
        return self._asked(lambda index: find(self, index, kind, conditions))

    def verify(self) -> Damages:
        """Read every version of everything; return what is damaged or does not belong there.

        The index is compared with the files, and made anew by `rebuild`.
        """
        return self._asked(lambda index: check(self._shelf, index), warn=False)

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

    def __enter__(self) -> "Library":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._shelf.listed())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name != "" and bool(self._shelf.newest([called(name)]))

    def __repr__(self) -> str:
        return f"Library({str(self.folder)!r}: {len(self)} data sets)"

    def _data_set(self, name: str, number: int | None) -> Path:
        version = self.version(name, number)
        if version.plain:
            raise FormatError(f"{name!r} is a plain graph, and no data set", hint="ask for its graph", field="name")
        return self._shelf.path(version)

    def _known(self, name: str) -> Sequence[str]:
        return [] if name in self else self._shelf.names()

    def _asked(self, ask: Callable[[Index], T], *, warn: bool = True) -> T:
        """Return an answer of the index; one that is damaged is made anew, and asked again."""
        with self._upkeep.turn:
            try:
                answer = ask(self._upkeep.current())
            except (*BROKEN, CudsError) as error:
                broken = error.__cause__ if isinstance(error, CudsError) else error
                if not isinstance(broken, BROKEN) or not self._upkeep.own:
                    raise
                answer = self._asked_anew(ask)
            if warn:
                for name, damage in self._upkeep.damaged.items():
                    said = damage.message.partition("\n")[0]
                    warnings.warn(f"data set {name!r} cannot be read, and was not asked: {said}", stacklevel=3)
            return answer

    def _asked_anew(self, ask: Callable[[Index], T]) -> T:
        """Return an answer of an index that is made anew: in memory, where the disk takes none."""
        try:
            with storing(self.folder):
                self._upkeep.rebuild()
                return ask(self._upkeep.current())
        except StorageError:
            self._upkeep.rebuild(on_disk=False)
            return ask(self._upkeep.current())
