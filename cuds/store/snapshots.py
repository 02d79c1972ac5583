"""Copies of an index that nobody changes, for processes that answer from them."""

import contextlib
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox

from cuds.errors import UnsupportedError
from cuds.store.disk import Library
from cuds.store.index import Index

_KEPT = 8  # copies


@dataclass
class Snapshot:
    """A copy of an index."""

    index: Index
    state: object
    path: Path
    held: contextlib.ExitStack
    users: int = 0
    old: bool = False


class Snapshots:
    """The copies of the indices of a library.

    A copy of an index on the disk shares its files: it takes some ten milliseconds, whatever its size.

    Parameters
    ----------
    library : Library
        Whose index is copied.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._guard = threading.Lock()
        self._kept: list[Snapshot] = []

    def of(self, index: Index) -> Snapshot:
        """Return a copy of what an index holds now, with one user more; to be asked in the turn of the index.

        Raises
        ------
        UnsupportedError
            When the index lies at an endpoint.
        """
        if index.far:
            raise UnsupportedError("the index lies at an endpoint", hint="ask it there: it has limits of its own")
        state = self._library.state_of(index)
        with self._guard:
            own = [s for s in self._kept if s.index is index]
            self._retire([s for s in own if s.state != state])
            found = next((s for s in own if s.state == state), None)
            if found is None:
                found = self._made(index, state)
                self._retire(self._kept[: max(0, len(self._kept) - _KEPT)])
                self._kept.append(found)
            found.users += 1
            return found

    @contextlib.contextmanager
    def used(self, snapshot: Snapshot) -> Iterator[Path]:
        """Yield where a copy lies, with one user less at the end."""
        try:
            yield snapshot.path
        finally:
            with self._guard:
                snapshot.users -= 1
                self._sweep(snapshot)

    def close(self) -> None:
        """Remove the copies that nobody uses any more."""
        with self._guard:
            self._retire(self._kept)

    def _made(self, index: Index, state: object) -> Snapshot:
        held = contextlib.ExitStack()
        path = held.enter_context(self._library.draft()) / "index"
        try:
            if self._library.on_disk(index):
                index.store.backup(str(path))
            else:
                index.store.dump(str(path), format=ox.RdfFormat.N_QUADS)
        except BaseException:
            held.close()
            raise
        return Snapshot(index, state, path, held)

    def _retire(self, several: Iterable[Snapshot]) -> None:
        for snapshot in list(several):
            self._kept.remove(snapshot)
            snapshot.old = True
            self._sweep(snapshot)

    def _sweep(self, snapshot: Snapshot) -> None:
        if snapshot.old and not snapshot.users:
            snapshot.held.close()
