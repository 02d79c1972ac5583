"""The process that answers queries: a script, run by `cuds.store.apart`, which kills it when a query takes too long.

It reads requests from its standard input, a line of JSON each, and answers in frames: a letter, the length of what
follows in four bytes, and that. ``H`` is the head, as JSON; ``D`` a piece of the answer; ``E`` what went wrong, as
JSON; ``Z`` the end. When its input ends, so does the process, whatever it is doing.
"""

import json
import os
import queue
import resource
import sys
import threading
from collections.abc import Iterable
from typing import Any, BinaryIO

import pyoxigraph as ox


class Frames:
    """A stream for what pyoxigraph serialises."""

    def __init__(self, out: BinaryIO) -> None:
        self.out = out

    def frame(self, letter: bytes, content: bytes = b"") -> None:
        """Send one."""
        self.out.write(letter + len(content).to_bytes(4, "big") + content)

    def write(self, content: bytes) -> int:
        """Send a piece of the answer."""
        self.frame(b"D", content)
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

    def answer(self, asked: dict[str, Any]) -> None:
        """Answer a request."""
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
        self.frames.frame(b"H", json.dumps({"kind": kind, "media": media}).encode())
        if media:
            formats: Any = ox.RdfFormat if kind == "graph" else ox.QueryResultsFormat
            found.serialize(self.frames, formats.from_media_type(media))
        self.frames.frame(b"Z")


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
            asker.answer(json.loads(lines.get()))
        except (SyntaxError, ValueError, OSError, RuntimeError, MemoryError) as error:
            said = {"error": type(error).__name__, "message": str(error)}
            frames.frame(b"E", json.dumps(said).encode())
        frames.flush()


if __name__ == "__main__":
    main()
