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
                self.store = ox.Store()
                self.store.bulk_load(path=path, format=ox.RdfFormat.N_QUADS)
            self.path = path
        return self.store

    def answer(self, asked: dict[str, Any]) -> None:
        """Answer a request."""
        found = self.opened(asked["snapshot"]).query(
            asked["query"],
            base_iri=asked["base"] or None,
            default_graph=_graphs(asked["default"]),
            named_graphs=_graphs(asked["named"]),
        )
        kind = {ox.QueryBoolean: "boolean", ox.QueryTriples: "graph"}.get(type(found), "solutions")
        media = asked["graph" if kind == "graph" else "results"]
        self.frames.frame(b"H", json.dumps({"kind": kind, "media": media}).encode())
        if media:
            formats: Any = ox.RdfFormat if kind == "graph" else ox.QueryResultsFormat
            found.serialize(self.frames, formats.from_media_type(media))
        self.frames.frame(b"Z")


def _graphs(iris: list[str] | None) -> list[Any] | None:
    return None if iris is None else [ox.DefaultGraph() if iri == "" else ox.NamedNode(iri) for iri in iris]


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
