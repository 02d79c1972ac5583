"""SPARQL 1.1 Update over the graphs of a library: what becomes of which graph, before anything is written.

Graphs that are touched are sets of triples in memory. What operations with a WHERE do is found out elsewhere, of the
index and of what the operations before have made of it: see `cuds.store.effects`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyoxigraph as ox

from cuds.errors import ForbiddenError, InvalidError, TooLargeError, UnknownError, did_you_mean
from cuds.semantics import filling, updates
from cuds.semantics.updates import Operation
from cuds.store.effects import Effects, Triples, Where
from cuds.store.index import described
from cuds.store.naming import DEFAULT, graph_name
from cuds.store.protocol import Version
from cuds.store.unsaying import UNION
from cuds.store.views import Readable

_MOST = 2_000_000  # triples of all graphs that an update changes


@dataclass
class Touched:
    """What becomes of a graph.

    Parameters
    ----------
    before : Version or None
        The newest version; None where there is none.
    was : set of Triple
        What it says in that version.
    now : set of Triple or None
        What it is to say; None where it is not there.
    made : bool
        Whether it was dropped or made on the way, so that it is a plain graph from then on.
    """

    before: Version | None
    was: Triples
    now: Triples | None
    made: bool = False

    @property
    def changed(self) -> bool:
        """Whether it needs another version."""
        return (self.before is None) != (self.now is None) or (self.now is not None and self.now != self.was)

    @property
    def whole(self) -> Triples | None:
        """What the index would say of it."""
        return None if self.now is None else self.now | {ox.Triple(*said) for said in _described(self.before)}


@dataclass
class Updating:
    """Computes what an update does.

    Parameters
    ----------
    effects : Effects
        Knows what may be read, and what operations with a WHERE do.
    newest : callable
        Gives the newest version of a name, or None, and what it says.
    readable, writable : callable or None
        Whether a graph may be read and written, by its IRI.
    using, using_named : sequence of str
        The graphs that are asked, where the update says none.
    """

    effects: Effects
    newest: Callable[[str], tuple[Version | None, Triples]]
    readable: Readable | None
    writable: Readable | None
    using: Sequence[str]
    using_named: Sequence[str]
    touched: dict[str, Touched] = field(default_factory=dict)
    looked: set[str] = field(default_factory=set)  # the graphs that were looked at
    asked: bool = False  # whether any graph was
    held: int = 0  # triples in memory

    def run(self, operations: Sequence[Operation]) -> dict[str, Touched]:
        """Return what becomes of each graph that is touched, by its IRI.

        Raises
        ------
        InvalidError
            When a graph has a name under which none is kept, or when USING is said twice.
        UnknownError
            When a graph is cleared, dropped or copied that is not there.
        ForbiddenError
            When a graph may not be written.
        """
        for operation in operations:
            self.effects.in_time()
            if operation.kind == "MODIFY":
                self._modify(operation)
            elif operation.kind.endswith(" DATA"):
                found = filling.data(operation)
                self._apply(*((found, set()) if operation.kind == "DELETE DATA" else (set(), found)))
            else:
                self._manage(operation)
        return self.touched

    # --- graphs ---

    def _graph(self, graph: str) -> Touched:
        """Return what becomes of a graph, to be changed."""
        if graph not in self.touched:
            name = graph_name(graph)
            if self.writable is not None and not self.writable(graph):
                raise ForbiddenError(f"graph <{graph}> may not be written", hint="ask its owner", graph=graph)
            before, was = self.newest(name)
            self._hold(was)
            self.touched[graph] = Touched(before, was, None if before is None else set(was))
        return self.touched[graph]

    def _there(self, graph: str) -> bool:
        """Whether there is a graph that may be read; the default graph always is."""
        if graph == DEFAULT:
            return True
        if graph in self.touched:
            return self.touched[graph].now is not None and self._may_read(graph)
        return self.effects.holds(graph)

    def _may_read(self, graph: str) -> bool:
        return self.readable is None or self.readable(graph)

    def _said(self, graph: str) -> Triples:
        """Return what a graph says now."""
        if graph in self.touched:
            return set(self.touched[graph].now or ())
        self.looked.add(graph)
        return set(self.newest(graph_name(graph))[1])

    def _hold(self, triples: Triples) -> None:
        self.held += len(triples)
        if self.held > _MOST:
            raise TooLargeError(f"update: more than {_MOST} triples at once", hint="do it in several", most=_MOST)

    def _apply(self, gone: set[ox.Quad], new: set[ox.Quad]) -> None:
        """Take quads away, then add others."""
        for quad in gone:
            graph = _target(quad)
            if self._exists(graph) and (now := self._graph(graph).now) is not None:
                now.discard(quad.triple)
        for quad in new:
            found = self._graph(_target(quad))
            if found.now is None:
                found.now, found.made = set(), True
            if not _own(found.before, quad.triple):
                found.now.add(quad.triple)

    def _exists(self, graph: str) -> bool:
        """Whether there is a graph, whoever may read it."""
        if graph in self.touched:
            return self.touched[graph].now is not None
        return self.newest(graph_name(graph))[0] is not None

    # --- CLEAR, DROP, CREATE, COPY, MOVE, ADD ---

    def _manage(self, operation: Operation) -> None:
        try:
            if operation.kind in ("COPY", "MOVE", "ADD"):
                self._transfer(operation.kind, *map(_default, operation.graphs), silent=operation.silent)
            elif operation.kind == "CREATE":
                self._create(operation.graphs[0], silent=operation.silent)
            else:
                for graph in self._meant(operation.graphs[0]):
                    self._empty(graph, drop=operation.kind == "DROP")
        except UnknownError:
            if not operation.silent:
                raise

    def _meant(self, word: str) -> list[str]:
        """Return the graphs that a keyword or an IRI means."""
        if word in (updates.ALL, updates.NAMED):
            self.asked = True
            known = {*self.effects.names(), *self.touched} - {DEFAULT}
            return sorted(g for g in known if self._there(g)) + [DEFAULT] * (word == updates.ALL)
        return [_default(word)]

    def _empty(self, graph: str, *, drop: bool) -> None:
        self._needed(graph)
        if graph == DEFAULT and not self._exists(graph):
            return
        found = self._graph(graph)
        found.now, found.made = (None, True) if drop else (set(), found.made)

    def _needed(self, graph: str) -> None:
        if not self._there(graph):
            known = [g for g in self.effects.names() if self._there(g)]
            raise UnknownError(
                f"update: there is no graph <{graph}>", hint=f"say SILENT; {did_you_mean(graph, known)}", graph=graph
            )

    def _create(self, graph: str, *, silent: bool) -> None:
        found = self._graph(graph)
        if found.now is None:
            found.now, found.made = set(), True
        elif not silent:
            raise InvalidError(f"update: the graph <{graph}> is there already", hint="say SILENT", graph=graph)

    def _transfer(self, kind: str, source: str, target: str, *, silent: bool) -> None:
        if not silent:
            self._needed(source)
        if source == target:
            return
        said = self._said(source) if self._there(source) else set()
        self._hold(said)
        found = self._graph(target)
        if kind == "ADD":
            found.now = (found.now or set()) | said
        else:
            found.now = said
        if kind == "MOVE" and self._there(source):
            self._empty(source, drop=True)

    # --- DELETE, INSERT, WHERE ---

    def _modify(self, operation: Operation) -> None:
        if operation.chooses and (self.using or self.using_named):
            raise InvalidError(
                "update: graphs are chosen twice: by WITH or USING, and beside the update",
                hint="leave one of them out",
                field="using",
            )
        default = operation.using or tuple(self.using)
        named = operation.using_named or tuple(self.using_named)
        seen = {graph: touched.whole for graph, touched in self.touched.items() if self._may_read(graph)}
        looked = self.effects.looked_at(where := Where(operation, default, named))
        self.asked |= looked is None
        self.looked |= looked or set()
        self._apply(*self.effects.of(where, seen))


def _default(word: str) -> str:
    return DEFAULT if word == updates.DEFAULT else word


def _target(quad: ox.Quad) -> str:
    """Return the IRI of the graph that a quad is in."""
    if quad.graph_name == UNION:
        return DEFAULT
    graph = str(quad.graph_name.value)  # type: ignore[union-attr]  # as it is no default graph
    if graph == DEFAULT:
        raise InvalidError(f"update: <{DEFAULT}> is the default graph", hint="leave GRAPH out", field="update")
    return graph


def _described(version: Version | None) -> list[tuple[Any, Any, Any]]:
    """Return what is said of a data set as a whole, which is said anyway."""
    return described(version) if version is not None and not version.plain else []


def _own(version: Version | None, triple: ox.Triple) -> bool:
    return (triple.subject, triple.predicate, triple.object) in _described(version)
