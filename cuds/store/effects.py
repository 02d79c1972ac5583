"""What an operation of an update with a WHERE deletes and inserts: asked of an index, in this process."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pyoxigraph as ox

from cuds.semantics import filling
from cuds.semantics.asking import begun, in_time
from cuds.semantics.updates import Operation
from cuds.store.asker import Solutions, merged
from cuds.store.index import Index
from cuds.store.naming import DEFAULT
from cuds.store.unsaying import UNION

Triples = set[ox.Triple]
Seen = Mapping[str, Triples | None]  # what became of graphs that may be read; None of one that is not there any more
Quads = tuple[set[ox.Quad], set[ox.Quad]]


@dataclass(frozen=True)
class Where:
    """An operation with a WHERE, and the graphs that are asked; by default the default graph, or that of WITH."""

    operation: Operation
    default: tuple[str, ...] = ()
    named: tuple[str, ...] = ()

    @property
    def chosen(self) -> bool:
        """Whether graphs are chosen."""
        return bool(self.default or self.named)

    @property
    def query(self) -> str:
        """What is asked."""
        return f"{self.operation.prologue}SELECT * WHERE {self.operation.where}"

    @property
    def templates(self) -> list[dict[str, Any]]:
        """What is made of the solutions: of DELETE, and of INSERT; see `cuds.store.asker.Solutions.filled`."""
        return [
            {
                "head": filling.head(self.operation),
                "template": template,
                "variables": filling.variables(template),
                "blanks": filling.makes_blanks(template),
            }
            for template in (self.operation.delete, self.operation.insert)
        ]


class Effects(Protocol):
    """Finds out what operations do."""

    def names(self) -> Iterable[str]:
        """Return the IRIs of the graphs that are there and may be read."""
        ...

    def holds(self, graph: str) -> bool:
        """Whether a graph is there and may be read."""
        ...

    def looked_at(self, where: Where) -> set[str] | None:
        """Return the graphs that an operation asks; None where it may ask any."""
        ...

    def of(self, where: Where, seen: Seen) -> Quads:
        """Return what an operation deletes and inserts, after what those before have done."""
        ...

    def in_time(self) -> None:
        """Raise when there is no time left."""
        ...


class Here:
    """Effects that are found out in this process, in the turn of the index.

    What earlier operations did is put into the index for as long as the update is computed.

    Parameters
    ----------
    index : Index
        That is asked: all that may be read.
    staged : callable
        Told which graphs are put into the index before they are.
    timeout : float
        Seconds in which each WHERE is to be answered.
    """

    def __init__(self, index: Index, staged: Callable[[Iterable[str]], None], timeout: float) -> None:
        self.index, self.staged, self.timeout = index, staged, timeout

    def names(self) -> Iterable[str]:
        """Return the IRIs of the graphs that are there and may be read."""
        return self.index.names()

    def holds(self, graph: str) -> bool:
        """Whether a graph is there and may be read."""
        return self.index.holds(graph)

    def looked_at(self, where: Where) -> set[str] | None:
        """Return None: it may be any."""
        return None

    def in_time(self) -> None:
        """Go on: time is looked at between solutions."""

    def of(self, where: Where, seen: Seen) -> Quads:
        """Return what an operation deletes and inserts, after what those before have done."""
        if seen:
            self.staged(seen)
        for graph, triples in seen.items():
            self.index.restate(graph, triples)
        answer = self._begun(where)
        try:
            names = [variable.value for variable in answer.variables]
            rows = [tuple(row[name] for name in names) for row in in_time(answer, self.timeout)]
        finally:
            del answer  # no error may carry it into another thread
        found = Solutions(names, rows)
        gone, new = (found.filled(**template) for template in where.templates)
        return gone, new

    def _begun(self, where: Where) -> Any:
        """Begin a query; graphs that are chosen and not there say nothing."""
        if not where.chosen:
            place = self.index.place(where.operation.within or DEFAULT)
            return self.index.begun_over(where.query, default_graph=[place])
        chosen = (
            [self.index.place(g) for g in dict.fromkeys(gs) if self.holds(g)] for gs in (where.default, where.named)
        )
        (one, several), store = chosen, self.index.store
        if len(one) > 1:
            store, one = merged(store, one, several), [UNION]
        return begun(store, where.query, default_graph=one, named_graphs=several)
