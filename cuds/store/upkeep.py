"""The index of a library: derived from its files, kept up with them, made anew when it is damaged.

It lies in ``index/`` and belongs to the process that holds ``index/lock``; any other keeps one of its own in memory.
Or it lies at an endpoint, for all who ask there; then whoever writes brings it up to date, one at a time.
It follows the journal, and looks through the folder when it is opened, or when the journal cannot tell.
"""

import atexit
import ctypes
import hashlib
import os
import shutil
import threading
import warnings
import weakref
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pyoxigraph as ox

from cuds.errors import CudsError, StorageError
from cuds.store.index import Entry, Index, classes
from cuds.store.kept import author, graph_and_author
from cuds.store.lock import Held, Precedence
from cuds.store.naming import name_of
from cuds.store.protocol import Version
from cuds.store.shelf import Position, Shelf
from cuds.store.sparql import Endpoint, RemoteIndex
from cuds.store.views import Readable, Views

LAYOUT = 2
_MANY = 200  # data sets; so many are taken in at once
BROKEN = (OSError, RuntimeError)  # what a store of triples raises when its files are damaged
_guard = threading.Lock()


class Upkeep:
    """Keeps the index of a library; one for all who use it in a process.

    Parameters
    ----------
    shelf : Shelf
        The files.
    endpoint : str
        The address of the SPARQL 1.1 endpoint that holds the index; none for one of its own.
    """

    def __init__(self, shelf: Shelf, endpoint: str = "") -> None:
        self.shelf = shelf
        self.endpoint = Endpoint(endpoint) if endpoint else None
        self.turn = threading.RLock()
        self.precedence = Precedence()
        self.index: Index | None = None
        self.held: Held | None = None
        self.damaged: dict[str, CudsError] = {}
        self.views = Views()
        self._position: Position | None = None
        self._opened = 0
        self._marks: dict[str, str] = {}

    @classmethod
    def of(cls, shelf: Shelf, endpoint: str) -> "Upkeep":
        """Return the one of a folder and an endpoint."""
        with _guard:
            return _all.setdefault((shelf.folder, endpoint), cls(shelf, endpoint))

    @property
    def own(self) -> bool:
        """Whether the index on the disk is ours."""
        return self.held is not None

    @property
    def state(self) -> tuple[int, Position | None]:
        """What changes whenever the index does."""
        return self._opened, self._position

    @property
    def position(self) -> Position | None:
        """How far the index follows the journal."""
        return self._position

    def current(self) -> Index:
        """Return the index, up to date with every commit that was made before."""
        with self.turn:
            if self.index is None:
                self._open()
            assert self.index is not None
            if self._position is None or self.shelf.position() != self._position:
                self._catch_up(self.index)
            return self.index

    def seen(self, readable: Readable | None) -> Index:
        """Return the index, up to date, of those graphs alone that may be read."""
        with self.turn:
            return self.views.among(self.current(), readable)

    def suspend(self, index: Index, graphs: Iterable[str]) -> None:
        """Say of graphs that the index is about to differ from the files, if it is ours."""
        for graph in graphs if index is self.index else ():
            if self._marks.get(name_of(graph), "no file") != "":
                index.suspend(graph)
                self._marks[name_of(graph)] = ""

    def restore(self) -> None:
        """Take in anew what the index was said to differ in."""
        names = {name for name, mark in self._marks.items() if mark == ""}
        if self.index is not None and names:
            self._bring_all(self.index, names, self.shelf.newest(names))

    def committed(self) -> None:
        """Take in what was just committed, where there is an index already; it is kept, whatever becomes of that."""
        if self.index is not None or self.endpoint is not None:
            try:
                self.current()
            except StorageError as error:
                self.close()
                warnings.warn(f"kept, but the endpoint was not told: {error.message}", stacklevel=3)
            except BROKEN:
                self.close()

    def rebuild(self, *, on_disk: bool = True) -> None:
        """Make the index anew from the files, on the disk or in memory."""
        with self.turn:
            self.close()
            self._open(anew=True, on_disk=on_disk)
            self.current()

    def close(self) -> None:
        """Give the index up to whoever wants it next."""
        with self.turn:
            if self.index is not None and self.own:
                with suppress(*BROKEN):
                    self.index.store.flush()  # else whoever opens it reads what was written again
            self.index, self.views = None, Views()
            if self.held is not None:
                self.held.release()
            self.held, self._position, self._marks = None, None, {}

    def forget(self) -> None:
        """Leave the index to the process that this one was forked from, untouched."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self.index))  # to close it would wait for threads of the parent
        self.index, self.held, self.turn, self.views = None, None, threading.RLock(), Views()
        self.precedence = Precedence()

    # --- opening ---

    def _open(self, *, anew: bool = False, on_disk: bool = True) -> None:
        folder = self.shelf.folder / "index"
        self._position, self._marks, self.damaged = None, {}, {}
        self._opened += 1
        if self.endpoint is not None:
            self.index = RemoteIndex(self.endpoint, self.shelf.id)
            for name in self.index.marks() if anew else ():
                self.index.drop(name)
            return
        with suppress(OSError):  # a folder that cannot be written to has no index on the disk
            folder.mkdir(exist_ok=True)
            self.held = Held.take(folder / "lock") if on_disk and os.access(folder, os.W_OK) else None
        self.index = Index(ox.Store()) if self.held is None else self._on_disk(folder / _key(), anew)

    def _on_disk(self, place: Path, anew: bool) -> Index:
        """Open the index; one that is damaged, of another layout, or was not filled to the end is made anew."""
        anew = anew or place.with_suffix(".filling").exists()
        for entry in place.parent.iterdir():
            if entry.name != "lock" and (anew or entry != place):
                _remove(entry)
        with suppress(OSError):
            for log in place.glob("LOG.old.*"):  # one of each time it was opened, which nobody reads
                log.unlink()
        try:
            index = Index(ox.Store(str(place)))
            index.marks()
            return index
        except (*BROKEN, ValueError) as error:
            if self.held is not None and "LOCK:" in str(error):  # another program has it open: it is not damaged
                self.held.release()
                self.held = None
                return Index(ox.Store())
        _remove(place)
        return Index(ox.Store(str(place)))

    # --- catching up ---

    def _catch_up(self, index: Index) -> None:
        with self.shelf.turn():  # nobody is between the journal and a rename
            names = self.shelf.since(self._position)
            position = self.shelf.position()
            newest = self.shelf.newest(names)
            if index.far:  # others bring it up to date too
                self._bring_all(index, names, newest)
        if not index.far:
            self._bring_all(index, names, newest)
        self._position = position

    def _bring_all(self, index: Index, names: set[str] | None, newest: dict[str, Version]) -> None:
        """Make the index say of names, or of all, what the files say."""
        if names is None:
            self._marks = index.marks()
        touched = self._marks.keys() | newest.keys() if names is None else names
        wanted = {name: newest.get(name) for name in touched}
        changed = {n: v for n, v in wanted.items() if self._marks.get(n) != (None if v is None else v.mark)}
        if len(changed) > _MANY and not self._marks:
            self._fill(index, [v for v in changed.values() if v is not None])
        else:
            for name, version in sorted(changed.items()):
                self._bring(index, name, version)

    def _fill(self, index: Index, versions: Iterable[Version]) -> None:
        """Take in many at once; when that is cut off, what is there is not trusted."""
        filling = self.shelf.folder / "index" / f"{_key()}.filling"
        if self.own:
            filling.touch()
        index.fill(self._readable(None, sorted(versions)))
        if self.own:
            index.store.flush()
            filling.unlink()

    def _bring(self, index: Index, name: str, version: Version | None) -> None:
        self.damaged.pop(name, None)
        entries = list(self._readable(index, [version])) if version is not None else []
        for entry in entries:
            index.put(entry)
        if not entries:
            index.drop(name)
        if version is None:
            self._marks.pop(name, None)

    def _readable(self, index: Index | None, versions: Iterable[Version]) -> Iterator[Entry]:
        """Yield versions with their graphs; what cannot be read is remembered, and not tried again."""
        for version in versions:
            path = self.shelf.path(version)
            self._marks[version.name] = version.mark
            try:
                graph, by = graph_and_author(path)
            except CudsError as error:
                if path.exists():  # else it was purged meanwhile
                    self.damaged[version.name] = error
            else:
                yield Entry(version, graph, *self._owner(index, version, by))

    def _owner(self, index: Index | None, version: Version, by: str) -> tuple[str, str]:
        """Return whom a name belongs to: who wrote the first version after it was last deleted, and its mark."""
        first = self.shelf.origin(version)
        owner, since = (index.owner(version.name)) if index is not None else ("", "")
        if first.number == version.number or since == first.mark:
            return (by if first.number == version.number else owner), first.mark
        return author(first, self.shelf.path(first)), first.mark


_all: weakref.WeakValueDictionary[tuple[Path, str], Upkeep] = weakref.WeakValueDictionary()


@atexit.register
def _close() -> None:
    for upkeep in list(_all.values()):
        upkeep.close()


def _forget() -> None:
    for upkeep in list(_all.values()):
        upkeep.forget()


os.register_at_fork(after_in_child=_forget)


def _key() -> str:
    """Return what an index depends on beside the files: its layout, and the classes of the ontology."""
    said = "".join(sorted(map(str, classes())))
    return f"{LAYOUT}-{hashlib.sha256(said.encode()).hexdigest()[:12]}"


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
