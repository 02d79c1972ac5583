"""Writing to a library: each version is made apart, looked through, and kept as a whole or not at all."""

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from cuds.codecs import hdf5
from cuds.codecs.restating import all_within, noted, restated
from cuds.codecs.whole import to_disk
from cuds.errors import StaleError, UnknownError, did_you_mean
from cuds.model.dataset import DataSet
from cuds.model.entity import Entity
from cuds.semantics.asking import PATIENCE
from cuds.store.graphs import kept, stated
from cuds.store.kept import attribute, remarks, write_plain, write_tombstone
from cuds.store.naming import called, named
from cuds.store.protocol import Version, chosen, newest_number, refuse_stale
from cuds.store.shelf import Shelf, storing
from cuds.store.transaction import Apart, Request, update
from cuds.store.upkeep import Upkeep
from cuds.store.views import Readable

_ATTEMPTS = 50  # others may write another version meanwhile


class Writer:
    """What a library offers to whoever writes to it."""

    _shelf: Shelf
    _upkeep: Upkeep

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
        return self._committed(known, expected, lambda own: hdf5.draft(whole, own / "set.h5md", attribute(notes)))

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
        known, text = called(name), kept(stated(graph), by, self._shelf.inspect)
        for attempt in range(_ATTEMPTS):
            try:
                return self._restated(known, text, expected, by)
            except StaleError:
                if expected is not None or attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError  # as the last attempt returns or raises

    def _restated(self, name: str, text: bytes, expected: int | None, by: str) -> Version:
        notes = self._begun(name, expected, by, "graph")
        newest = self._shelf.newest([name]).get(name)
        if newest is None or newest.plain:
            return self._committed(name, expected, lambda own: write_plain(own / "set.nt", text, notes))
        source = self._shelf.path(newest)  # only while it is the newest, as the numbers are of that one
        return self._committed(
            name, newest.number, lambda own: restated(source, own / "set.h5md", text, attribute(notes))
        )

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
        file = Path(file).resolve()
        all_within(file)
        inspect = self._shelf.inspect
        with ThreadPoolExecutor(2) as beside:  # neither is hashing, and none of them needs the others
            flushed = beside.submit(to_disk, file)
            conforming = beside.submit(lambda: kept(stated(hdf5.stored_graph(file)), by, inspect))
            known = named(hdf5.read(file, verify=True), name)[1]  # nothing keeps the numbers, nor HDF5's lock
            conforming.result()
            with storing(self._shelf.folder):
                flushed.result()
        notes = self._begun(known, expected, by, "adopt")

        def write(own: Path) -> Path:
            taken = Path(shutil.move(file, own / "set.h5md"))
            noted(taken, attribute(notes))
            return taken

        return self._committed(known, expected, write, back=file)

    def update(  # noqa: PLR0913  # it has what the protocol of SPARQL has
        self,
        sparql: str,
        *,
        using: Sequence[str] = (),
        using_named: Sequence[str] = (),
        readable: Readable | None = None,
        writable: Readable | None = None,
        by: str = "",
        timeout: float = PATIENCE,
        most: int | None = None,
        apart: Apart | None = None,
    ) -> list[Version]:
        """Do an update of SPARQL 1.1: all of it or nothing, whoever is killed, as if nobody else wrote meanwhile.

        Graphs are what `put_graph` and `put` keep. The default graph of updates, also of their WHERE, is one of its
        own: the graph ``urn:cuds:default``.

        Parameters
        ----------
        sparql : str
            One operation or several; prefixes are to be declared in it.
        using, using_named : sequence of str
            The IRIs of graphs that WHERE asks, where the update has no WITH or USING.
        readable, writable : callable, optional
            Whether a graph may be read and written, by its IRI; without them, all may.
        by : str
            Who writes.
        timeout : float
            Seconds in which each WHERE is to be answered.
        most : int, optional
            Bytes that a graph may have.
        apart : Apart, optional
            Finds out in another process what is found and made; see `cuds.store.apart.Asking.update`.

        Returns
        -------
        list of Version
            The new version of each graph that became another one.

        Raises
        ------
        InvalidError
            When it cannot be read, or would make a graph that does not conform to the shapes, or a data set that the
            model does not know.
        UnknownError
            When a graph is cleared, dropped or copied that is not there.
        ForbiddenError
            When a graph may not be written.
        UnsupportedError
            For LOAD and SERVICE, and when the index lies at an endpoint.
        StaleError
            When others changed what it rests on, again and again.
        """
        request = Request(sparql, using, using_named, readable, writable, by, timeout, most, apart)
        return update(self._shelf, self._upkeep, request)

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
        chosen(self._shelf.versions(known), known, None, self._shelf.names())
        return self._committed(known, expected, lambda own: write_tombstone(own / "set.deleted", notes))

    def _begun(self, name: str, expected: int | None, by: str, how: str) -> dict[str, str]:
        """Return what is remembered of a version that is to be written."""
        there = self._shelf.last(name)
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

    def purge(self, name: str) -> None:
        """Remove all versions of a data set from the disk.

        Raises
        ------
        UnknownError
            When there never was one.
        """
        if not self._shelf.last(called(name)):
            raise UnknownError(
                f"there is no data set {name!r}", hint=did_you_mean(name, self._shelf.names()), field="name"
            )
        with self._shelf.draft() as own:
            self._shelf.purge(called(name), own)
        self._upkeep.committed()
