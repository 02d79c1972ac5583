"""The process that answers queries: a script, run by `cuds.store.askers`, which kills it when a query takes too long.

It reads requests from its standard input, a line of JSON each, and answers in frames: a letter, the length of what
follows in four bytes, and that. ``H`` is the head, as JSON; ``D`` a piece of the answer; ``E`` what went wrong, as
JSON; ``Z`` the end. When its input ends, so does the process, whatever it is doing.

``does`` says what is asked: ``answer`` a query, ``read`` whether an update can be read, or the ``effect`` of one
DELETE/INSERT: the quads that its templates make of what its WHERE finds; or what the shapes say when they
``inspect`` a graph.
"""

import contextlib
import json
import os
import queue
import resource
import sys
import threading
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, BinaryIO

import pyoxigraph as ox

_BLANK = "urn:cuds:blank:"  # what a blank node is called while it stands in VALUES
_AT_ONCE = 1000  # solutions
_PIECE = 1 << 16  # bytes


class Frames:
    """A stream for what pyoxigraph serialises."""

    def __init__(self, out: BinaryIO) -> None:
        self.out = out

    def frame(self, letter: bytes, content: bytes = b"") -> None:
        """Send one."""
        self.out.write(letter + len(content).to_bytes(4, "big") + content)

    def write(self, content: bytes) -> int:
        """Send a piece of the answer."""
        for at in range(0, len(content), _PIECE):
            self.frame(b"D", content[at : at + _PIECE])
        return len(content)

    def flush(self) -> None:
        """Send what waits."""
        self.out.flush()


class Asker:
    """Answers, on the snapshot that is asked; the last one stays open."""

    def __init__(self, frames: Frames) -> None:
        self.frames = frames
        self.path, self.store = "", ox.Store()

    def opened(self, path: str) -> Any:
        """Return the store of a snapshot: a folder of a store, or a file of N-Quads."""
        if path != self.path:
            self.path = ""
            if os.path.isdir(path):
                self.store = ox.Store.read_only(path)
            else:
                self.store = ox.Store()  # parsed apart, as loading would rename blank nodes
                self.store.bulk_extend(ox.parse(path=path, format=ox.RdfFormat.N_QUADS))
            self.path = path
        return self.store

    def do(self, asked: dict[str, Any]) -> None:
        """Answer a request."""
        known = {"answer": self.answer, "read": self.read, "effect": self.effect, "inspect": self.inspect}
        known[asked["does"]](asked)
        self.frames.frame(b"Z")

    def answer(self, asked: dict[str, Any]) -> None:
        """Answer a query."""
        store = self.opened(asked["snapshot"])
        default, named = (_graphs(asked[name]) for name in ("default", "named"))
        if default is not None and len(default) > 1:
            store, default = merged(store, default, named or ()), [ox.DefaultGraph()]
        how: dict[str, Any] = {"base_iri": asked["base"] or None, "default_graph": default, "named_graphs": named}
        try:
            found = store.query(asked["told"], **how)
        except SyntaxError:
            how["named_graphs"] = []  # it is asked only to say where it is wrong in the text as it was given
            found = store.query(asked["query"], **how)
        kind = {ox.QueryBoolean: "boolean", ox.QueryTriples: "graph"}.get(type(found), "solutions")
        media = asked["graph" if kind == "graph" else "results"]
        self._head(kind, media)
        if media:
            formats: Any = ox.RdfFormat if kind == "graph" else ox.QueryResultsFormat
            found.serialize(self.frames, formats.from_media_type(media))

    def read(self, asked: dict[str, Any]) -> None:
        """Raise when an update cannot be read; none of it is done."""
        readable(asked["text"])
        self._head("read", "")

    def effect(self, asked: dict[str, Any]) -> None:
        """Answer with what is deleted and what is inserted, as N-Quads; the head says how long the first part is."""
        store = self._now(asked)
        default, named = (_graphs(asked[name]) for name in ("default", "named"))
        found = Solutions.of(store, asked["told"], default or [], named)
        parts = [found.filled(**template) for template in asked["templates"]]
        texts = [ox.serialize(part, format=ox.RdfFormat.N_QUADS) or b"" for part in parts]
        self._head("effect", str(len(texts[0])))
        for text in texts:
            self.frames.write(text)

    def inspect(self, asked: dict[str, Any]) -> None:
        """Answer with what the shapes have against N-Triples: all complaints, and their report as N-Triples."""
        from cuds.semantics.conformance import inspected

        found = inspected(asked["text"])
        self._head("inspect", "")
        self.frames.write(json.dumps(found).encode())

    def _head(self, kind: str, media: str) -> None:
        self.frames.frame(b"H", json.dumps({"kind": kind, "media": media}).encode())

    def _now(self, asked: dict[str, Any]) -> Any:
        """Return the store that an operation of an update asks: of what is told, or a copy that it changes."""
        if asked["snapshot"] and not asked["graphs"]:
            return self.opened(asked["snapshot"])
        store = self._own(asked["snapshot"], asked["own"]) if asked["snapshot"] else ox.Store()
        for term, text in asked["graphs"].items():
            restate(store, _graph(term), text)
        return store

    def _own(self, path: str, own: str) -> Any:
        """Return a copy of a snapshot that may be changed."""
        store = self.opened(path)
        if os.path.isdir(path):
            store.backup(own)
            return ox.Store(own)
        self.path = ""  # what is changed is asked by nobody else
        return store


class Solutions:
    """What a WHERE found.

    Parameters
    ----------
    names : sequence of str
        The variables.
    rows : sequence of tuple
        Their terms; None where there is none.
    """

    def __init__(self, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        self.names, self.rows = list(names), rows

    @classmethod
    def of(cls, store: Any, told: str, default: list[Any], named: list[Any] | None) -> "Solutions":
        """Ask a store."""
        if len(default) > 1:
            store, default = merged(store, default, named or ()), [ox.DefaultGraph()]
        answer = store.query(told, default_graph=default, named_graphs=named)
        names = [variable.value for variable in answer.variables]
        return cls(names, [tuple(row[name] for name in names) for row in answer])

    def filled(self, head: str, template: str, variables: Sequence[str], blanks: bool) -> set[ox.Quad]:
        """Return what a template says for each solution; what is no triple is left out.

        Parameters
        ----------
        head : str
            The prefixes, and WITH.
        template : str
            Without its braces.
        variables : sequence of str
            That stand in it.
        blanks : bool
            Whether it makes blank nodes, new ones for each solution.
        """
        if not template.strip():
            return set()
        names = [name for name in variables if name in self.names]
        places = [self.names.index(name) for name in names]
        rows = (tuple(row[place] for place in places) for row in self.rows)
        return _filled(head, template, names, rows if blanks else dict.fromkeys(rows))


def _filled(head: str, template: str, names: Sequence[str], solutions: Iterable[tuple[Any, ...]]) -> set[ox.Quad]:
    scratch = ox.Store()
    listed = " ".join(f"?{name}" for name in names)
    waiting = iter(solutions)
    while some := list(islice(waiting, _AT_ONCE)):
        rows = " ".join(f"({' '.join(map(_written, row))})" for row in some)
        scratch.update(f"{head}INSERT {{{template}}} WHERE {{ VALUES ({listed}) {{ {rows} }} }}")
    found = (_with_blanks(quad) for quad in scratch)
    return {quad for quad in found if quad is not None}


def _written(term: Any) -> str:
    if term is None:
        return "UNDEF"
    if isinstance(term, ox.BlankNode):
        return f"<{_BLANK}{term.value}>"
    if isinstance(term, ox.Triple):
        return f"<<( {_written(term.subject)} {term.predicate} {_written(term.object)} )>>"
    return str(term)


def _with_blanks(quad: ox.Quad) -> ox.Quad | None:
    """Return a quad with its blank nodes; None where one stands that cannot."""
    if any(isinstance(t, ox.NamedNode) and t.value.startswith(_BLANK) for t in (quad.predicate, quad.graph_name)):
        return None
    return ox.Quad(_blank(quad.subject), quad.predicate, _blank(quad.object), quad.graph_name)


def _blank(term: Any) -> Any:
    if isinstance(term, ox.NamedNode) and term.value.startswith(_BLANK):
        return ox.BlankNode(term.value.removeprefix(_BLANK))
    if isinstance(term, ox.Triple):
        return ox.Triple(_blank(term.subject), term.predicate, _blank(term.object))
    return term


def readable(update: str) -> None:
    """Raise when an update cannot be read; none of it is done.

    Raises
    ------
    SyntaxError, ValueError
        By the store, which says where.
    """
    with contextlib.suppress(RuntimeError):  # it begins with a graph to drop that is not there
        ox.Store().update(update)


def restate(store: Any, graph: Any, text: str | None) -> None:
    """Have a graph say something else, in N-Triples, beside what all say together; not be there where that is None."""
    store.remove_graph(graph)
    if text is not None:
        store.add_graph(graph)
        store.extend(
            ox.Quad(q.subject, q.predicate, q.object, graph) for q in ox.parse(text, format=ox.RdfFormat.N_TRIPLES)
        )


def merged(store: Any, default: Iterable[Any], named: Iterable[Any]) -> Any:
    """Return a store whose default graph is what several graphs say together, each triple once."""
    scratch = ox.Store()
    for graph, to in [*((g, None) for g in default), *((g, g) for g in named)]:
        found = store.quads_for_pattern(None, None, None, graph)
        scratch.extend(ox.Quad(q.subject, q.predicate, q.object, to or ox.DefaultGraph()) for q in found)
        if to is not None:
            scratch.add_graph(to)
    return scratch


def _graphs(terms: list[str] | None) -> list[Any] | None:
    return None if terms is None else [_graph(term) for term in terms]


def _graph(term: str) -> Any:
    if not term:
        return ox.DefaultGraph()
    return ox.BlankNode(term[2:]) if term.startswith("_:") else ox.NamedNode(term)


def _heard(lines: "queue.SimpleQueue[bytes]") -> None:
    for line in sys.stdin.buffer:
        lines.put(line)
    os._exit(0)


def main() -> None:
    """Answer requests until there is nobody to ask any."""
    memory = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_heard, args=(lines,), daemon=True).start()
    frames = Frames(sys.stdout.buffer)
    asker = Asker(frames)
    while True:
        try:
            asker.do(json.loads(lines.get()))
        except (SyntaxError, ValueError, OSError, RuntimeError, MemoryError) as error:
            said = {"error": type(error).__name__, "message": str(error)}
            frames.frame(b"E", json.dumps(said).encode())
        frames.flush()


if __name__ == "__main__":
    main()
