"""What operations of an update do, found out in a process of its own: of the graphs that they name, or of a snapshot.

What the index holds is taken down in its turn; everybody else has theirs while the process works. Whether something
else became of it meanwhile is seen when the update is committed.
"""

import contextlib
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any

import pyoxigraph as ox

from cuds.errors import InvalidError
from cuds.semantics.nesting import refuse_deep
from cuds.semantics.updates import Operation, named_in
from cuds.store.askers import Session
from cuds.store.effects import Quads, Seen, Triples, Where
from cuds.store.index import Index
from cuds.store.naming import DEFAULT
from cuds.store.snapshots import Snapshots

NEAR = 10_000  # triples: so few are sent faster than a copy is made


class Elsewhere:
    """Updates whose effects are found out in a process of their own.

    Parameters
    ----------
    session : Session
        With the process.
    snapshots : Snapshots
        Copies of the index.
    near : int
        Triples of graphs that are sent to the process; where there are more, it is asked of a copy.
    """

    def __init__(self, session: Session, snapshots: Snapshots, near: int = NEAR) -> None:
        self.session, self.snapshots, self.few = session, snapshots, near

    def read(self, update: str) -> None:
        """Raise when an update cannot be read.

        Raises
        ------
        SyntaxError
            With what the store of triples says.
        InvalidError
            When to read it takes too long, or ends the process.
        """
        try:
            self.session.answer({"does": "read", "text": update})
        except InvalidError as error:
            if "said" not in error.fields:
                raise
            raise SyntaxError(error.fields["said"]) from None

    def inspect(self, text: bytes, by: str) -> list[str]:  # the session knows who
        """Return what the shapes have against a graph, in N-Triples."""
        return self.session.inspect(text)[0]

    @contextlib.contextmanager
    def frozen(
        self, index: Index, operations: Sequence[Operation], default: Sequence[str], named: Sequence[str]
    ) -> Iterator["Frozen"]:
        """Yield the effects of some operations on what an index holds now; to be asked in its turn.

        Parameters
        ----------
        index : Index
            Of all that may be read.
        operations : sequence of Operation
            Of the update.
        default, named : sequence of str
            The graphs that are asked where an operation does not say it.
        """
        wheres = [
            Where(one, one.using or tuple(default), one.using_named or tuple(named))
            for one in operations
            if one.kind == "MODIFY"
        ]
        made = Frozen(self.session, index, self.few)
        if any(one.graphs for one in operations):
            made.held.update(index.names())
        for where in wheres:
            made.take(index, where)
        with contextlib.ExitStack() as held:
            if any(made.near(where) is None for where in wheres):
                made.snapshot = held.enter_context(self.snapshots.used(self.snapshots.of(index)))
            yield made


@dataclass
class Frozen:
    """What an index held, as far as it concerns an update, and the effects of its operations on that.

    Parameters
    ----------
    session : Session
        With the process.
    index : Index
        To which it belongs.
    few : int
        Triples that are sent.
    """

    session: Session
    index: Index
    few: int
    held: set[str] = field(default_factory=set)
    said: dict[str, Triples | None] = field(default_factory=dict)
    open_: dict[str, tuple[str, list[str] | None]] = field(default_factory=dict)
    snapshot: Path | None = None

    def take(self, index: Index, where: Where) -> None:
        """Take down what an operation asks for."""
        graphs = self.looked_at(where)
        if graphs is None:
            meant = index.over(where.query)
            self.open_[where.query] = meant.told, None if meant.named is None else index.names()
        for graph in sorted((graphs or set()) - self.said.keys()):
            if not index.holds(graph):
                self.said[graph] = None
                continue
            self.held.add(graph)
            room = self.few - sum(len(triples or ()) for triples in self.said.values())
            triples = {quad.triple for quad in islice(index.said_by(graph), max(room, 0) + 1)}
            if len(triples) <= room:
                self.said[graph] = triples

    def near(self, where: Where) -> set[str] | None:
        """Return the graphs that an operation asks, where they are few and small."""
        graphs = self.looked_at(where)
        return graphs if graphs is not None and graphs <= self.said.keys() else None

    # --- Effects ---

    def names(self) -> Iterable[str]:
        """Return the IRIs of the graphs that were there and may be read."""
        return self.held

    def holds(self, graph: str) -> bool:
        """Whether a graph was there and may be read."""
        return graph == DEFAULT or graph in self.held

    def looked_at(self, where: Where) -> set[str] | None:
        """Return the graphs that an operation asks; None where it may ask any."""
        if where.chosen:
            return {*where.default, *where.named}
        named = named_in(where.operation)
        return None if named is None else {where.operation.within or DEFAULT, *named - {DEFAULT}}

    def in_time(self) -> None:
        """Raise when there is no time left."""
        if monotonic() > self.session.until:
            raise self.session.late()

    def of(self, where: Where, seen: Seen) -> Quads:
        """Return what an operation deletes and inserts, after what those before have done."""
        graphs, near = self._chosen(where, seen), self.near(where)
        if near is not None:
            now = {graph: seen[graph] if graph in seen else self.said[graph] for graph in near}
            return self._asked({**graphs, "snapshot": ""}, where, {g: t for g, t in now.items() if t is not None})
        assert self.snapshot is not None
        own = self.snapshot.with_name(uuid.uuid4().hex)
        try:
            return self._asked({**graphs, "snapshot": str(self.snapshot), "own": str(own)}, where, seen)
        finally:
            shutil.rmtree(own, ignore_errors=True)

    def _chosen(self, where: Where, seen: Seen) -> dict[str, Any]:
        """Return of which graphs is asked, and in which words."""
        there = {*(self.held - seen.keys()), *(g for g, triples in seen.items() if triples is not None), DEFAULT}
        if where.chosen:
            default, named = ([g for g in dict.fromkeys(gs) if g in there] for gs in (where.default, where.named))
            return {"told": where.query, "default": self._terms(default), "named": self._terms(named)}
        told, every = self.open_.get(where.query, (where.query, None))
        named_ = None if every is None else self._terms(sorted({*every, *seen} & {*every, *there} - {DEFAULT}))
        return {"told": told, "default": self._terms([where.operation.within or DEFAULT]), "named": named_}

    def _terms(self, graphs: Iterable[str]) -> list[str]:
        return terms([self.index.place(graph) for graph in graphs]) or []

    def _asked(self, asked: Mapping[str, Any], where: Where, graphs: Seen) -> Quads:
        texts = dict(zip(self._terms(graphs), map(_text, graphs.values()), strict=True))
        answer = self.session.answer({"does": "effect", **asked, "graphs": texts, "templates": where.templates})
        refuse_deep(answer.content)
        cut = int(answer.media)
        gone, new = (
            ox.parse(text, format=ox.RdfFormat.N_QUADS) for text in (answer.content[:cut], answer.content[cut:])
        )
        return set(gone), set(new)


def terms(graphs: Sequence[Any] | None) -> list[str] | None:
    """Return graphs as a process is told of them: IRIs, blank nodes with their sign, nothing for the default graph."""
    return None if graphs is None else [_term(graph) for graph in graphs]


def _term(graph: object) -> str:
    if isinstance(graph, ox.DefaultGraph):
        return ""
    return f"_:{graph.value}" if isinstance(graph, ox.BlankNode) else str(getattr(graph, "value", ""))


def _text(triples: Triples | None) -> str | None:
    return None if triples is None else (ox.serialize(triples, format=ox.RdfFormat.N_TRIPLES) or b"").decode()
