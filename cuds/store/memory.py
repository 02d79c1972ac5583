"""Data sets in memory: for tests, and for questions to what was just computed."""

import threading
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from cuds.errors import UnknownError, did_you_mean
from cuds.model.dataset import DataSet
from cuds.model.entity import Entity
from cuds.semantics.asking import PATIENCE, rows, whole
from cuds.semantics.lift import graph, lift
from cuds.store.finding import find
from cuds.store.index import Entry, Index
from cuds.store.naming import called, named
from cuds.store.protocol import (
    Findings,
    Rows,
    Version,
    Versions,
    Write,
    Writes,
    chosen,
    newest_number,
    refuse_stale,
)
from cuds.store.views import Readable, Views


class Memory:
    """A store that is gone with its process."""

    def __init__(self) -> None:
        import pyoxigraph

        self._index = Index(pyoxigraph.Store())
        self._held: dict[str, list[tuple[Version, DataSet | None]]] = {}
        self._writes: dict[str, list[Write]] = {}
        self._views = Views()
        self._id, self._turn = str(uuid.uuid4()), threading.RLock()

    def put(self, data: DataSet | Entity, name: str = "", *, expected: int | None = None, by: str = "") -> Version:
        """Keep a data set as the newest version of a name; its label when none is given."""
        given, kept = named(data, name)
        text = lift(given).n_triples()
        with self._turn:
            version = self._next(kept, expected)
            self._index.put(Entry(version, text))
            return self._keep(version, given, by, "put")

    def _next(self, name: str, expected: int | None, *, deleted: bool = False) -> Version:
        there = [v for v, _ in self._held.get(name, ())]
        refuse_stale(name, there, expected)
        return Version(name, len(there) + 1, deleted, written=time.time(), library=self._id)

    def _keep(self, version: Version, data: DataSet | None, by: str, how: str) -> Version:
        held = self._held.setdefault(version.name, [])
        write = Write(version.number, by, datetime.now(UTC), how, newest_number([v for v, _ in held]))
        held.append((version, data))
        self._writes.setdefault(version.name, []).append(write)
        return version

    def get(self, name: str, version: int | None = None) -> DataSet:
        """Return a data set; the newest version when none is given."""
        held = self._held.get(called(name), [])
        wanted = chosen([v for v, _ in held], name, version, self._held)
        found = held[wanted.number - 1][1]
        assert found is not None  # as it is not one that was deleted
        return found

    def delete(self, name: str, *, expected: int | None = None, by: str = "") -> Version:
        """Make a version that says that there is nothing; earlier ones stay."""
        with self._turn:
            known = called(name)
            chosen(self.versions(known), known, None, self._held)
            version = self._next(known, expected, deleted=True)
            self._index.drop(known)
            return self._keep(version, None, by, "delete")

    def history(self, name: str) -> Writes:
        """Return how each version of a name came about, the first one first."""
        self.versions(name)
        return [*self._writes[called(name)]]

    def list(self) -> Versions:
        """Return the newest version of every data set that is there, by name."""
        return sorted(held[-1][0] for held in self._held.values() if not held[-1][0].deleted)

    def versions(self, name: str) -> Versions:
        """Return all versions of a name, the first one first."""
        known = called(name)
        if known not in self._held:
            raise UnknownError(f"there is no data set {name!r}", hint=did_you_mean(name, self._held), field="name")
        return [version for version, _ in self._held[known]]

    def graph(self, name: str, version: int | None = None) -> Any:
        """Return the graph of a data set, as one of rdflib."""
        return graph(self.get(name, version))

    def query(self, sparql: str, *, among: Readable | None = None, timeout: float = PATIENCE) -> Rows:
        """Return the solutions of a SPARQL SELECT over the newest versions."""
        return rows(self._begun(among, sparql), sparql, timeout=timeout)

    def answer(
        self,
        sparql: str,
        *,
        default: Sequence[str] = (),
        named: Sequence[str] = (),
        among: Readable | None = None,
        timeout: float = PATIENCE,
    ) -> Any:
        """Return what pyoxigraph answers to any query, as `Library.answer` does."""
        return whole(self._begun(among, sparql, default, named), sparql, timeout=timeout)

    def _begun(
        self, among: Readable | None, sparql: str, default: Sequence[str] = (), named: Sequence[str] = ()
    ) -> Any:
        """Return an answer that is begun; no frame of ours keeps it, as only this thread may let go of it."""
        with self._turn:
            return self._views.among(self._index, among).begun(sparql, default, named)

    def find(self, kind: Any, *, among: Readable | None = None, **conditions: Any) -> Findings:
        """Return the entities of a class, of the newest versions, that fulfil conditions."""
        with self._turn:
            return find(self, self._views.among(self._index, among), kind, conditions)
