"""Data sets in memory: for tests, and for questions to what was just computed."""

from typing import Any

from cuds.errors import UnknownError, did_you_mean
from cuds.model.dataset import DataSet
from cuds.model.entity import Entity
from cuds.semantics.asking import PATIENCE
from cuds.semantics.lift import graph, lift
from cuds.store.finding import find
from cuds.store.index import Index
from cuds.store.protocol import Findings, Rows, Version, Versions, chosen, named


class Memory:
    """A store that is gone with its process."""

    def __init__(self) -> None:
        import pyoxigraph

        self._index = Index(pyoxigraph.Store())
        self._held: dict[str, list[tuple[Version, DataSet | None]]] = {}

    def put(self, data: DataSet | Entity, name: str = "") -> Version:
        """Keep a data set as the newest version of a name; its label when none is given."""
        whole, called = named(data, name)
        text = lift(whole).n_triples()
        version = Version(called, len(self._held.get(called, ())) + 1)
        self._index.put(version, text)
        self._held.setdefault(called, []).append((version, whole))
        return version

    def get(self, name: str, version: int | None = None) -> DataSet:
        """Return a data set; the newest version when none is given."""
        held = self._held.get(name, [])
        wanted = chosen([v for v, _ in held], name, version, self._held)
        found = held[wanted.number - 1][1]
        assert found is not None  # as it is not one that was deleted
        return found

    def delete(self, name: str) -> Version:
        """Make a version that says that there is nothing; earlier ones stay."""
        chosen(self.versions(name), name, None, self._held)
        version = Version(name, len(self._held[name]) + 1, deleted=True)
        self._index.drop(name)
        self._held[name].append((version, None))
        return version

    def list(self) -> Versions:
        """Return the newest version of every data set that is there, by name."""
        return sorted(held[-1][0] for held in self._held.values() if not held[-1][0].deleted)

    def versions(self, name: str) -> Versions:
        """Return all versions of a name, the first one first."""
        if name not in self._held:
            raise UnknownError(f"there is no data set {name!r}", hint=did_you_mean(name, self._held), field="name")
        return [version for version, _ in self._held[name]]

    def graph(self, name: str, version: int | None = None) -> Any:
        """Return the graph of a data set, as one of rdflib."""
        return graph(self.get(name, version))

    def query(self, sparql: str, *, timeout: float = PATIENCE) -> Rows:
        """Return the solutions of a SPARQL SELECT over the newest versions."""
        return self._index.query(sparql, timeout)

    def find(self, kind: Any, **conditions: Any) -> Findings:
        """Return the entities of a class, of the newest versions, that fulfil conditions."""
        return find(self, self._index, kind, conditions)
