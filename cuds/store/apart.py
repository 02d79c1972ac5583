"""Queries in processes of their own, which are killed when they take too long: a store of triples cannot stop one.

Each query is asked of a snapshot of the index, which nobody changes.
"""

import contextlib
import json
import os
import queue
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyoxigraph as ox

from cuds.errors import InvalidError, StorageError, UnsupportedError
from cuds.semantics.asking import PATIENCE
from cuds.store.disk import Library
from cuds.store.index import Index, Meant
from cuds.store.views import Readable

_SCRIPT = Path(__file__).with_name("asker.py")
_CHUNK = 1 << 16
_KEPT = 8  # copies
MEMORY = 4 << 30  # bytes of address space that a query may take
LONGEST = 1 << 28  # bytes of an answer


@dataclass(frozen=True)
class Asked:
    """A query, and in which form its answer is wanted.

    Parameters
    ----------
    query : str
        SPARQL.
    results, graph : str
        The media types of solutions and of triples; of no answer when empty.
    base : str
        Against which relative IRIs are resolved.
    """

    query: str
    results: str = "application/sparql-results+json"
    graph: str = "application/n-triples"
    base: str = ""


@dataclass(frozen=True)
class Answer:
    """What was answered.

    Parameters
    ----------
    kind : {"boolean", "solutions", "graph"}
        What the query asks for.
    media : str
        Of the content; empty when none was asked for of this kind.
    content : bytes
        Serialised.
    """

    kind: str
    media: str
    content: bytes


class Askers:
    """Processes that answer queries; they are started when they are first needed.

    Parameters
    ----------
    processes : int
        How many queries are answered at the same time.
    memory : int
        Bytes of address space of each.
    longest : int
        Bytes of an answer.
    """

    def __init__(self, processes: int = 2, *, memory: int = MEMORY, longest: int = LONGEST) -> None:
        self.memory, self.longest = memory, longest
        self._free: queue.LifoQueue[_Asker | None] = queue.LifoQueue()
        for _ in range(processes):
            self._free.put(None)

    def answer(self, snapshot: Path, asked: Asked, meant: Meant, *, timeout: float) -> Answer:
        """Return the answer to a query, of a snapshot.

        Raises
        ------
        InvalidError
            When the query cannot be read, takes longer, or its answer or what it needs is too large.
        StorageError
            When the snapshot cannot be read.
        """
        until = time.monotonic() + timeout
        try:
            asker = self._free.get(timeout=timeout)
        except queue.Empty:
            raise _late(timeout) from None
        try:
            if asker is None or not asker.alive:
                asker = _Asker(self.memory)
            return asker.answer(_told(snapshot, asked, meant), until, self.longest)
        except TimeoutError:
            raise _late(timeout) from None
        finally:
            self._free.put(asker)

    def close(self) -> None:
        """End the processes that answer nothing at the moment."""
        with contextlib.suppress(queue.Empty):
            waiting = [self._free.get_nowait() for _ in range(self._free.qsize())]
            for asker in waiting:
                if asker is not None:
                    asker.kill()
                self._free.put(None)


def _late(timeout: float) -> InvalidError:
    return InvalidError(
        f"query: not answered after {timeout:g} s",
        hint="join its parts by what they share, add LIMIT, or give it more time",
        field="query",
    )


class _Asker:
    """One process; whatever goes wrong with a question ends it, and the next question starts another."""

    def __init__(self, memory: int) -> None:
        told = [sys.executable, "-P", str(_SCRIPT), str(memory)]
        self.trouble = tempfile.TemporaryFile()  # noqa: SIM115  open as long as the process lives
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(told, stdin=pipe, stdout=pipe, stderr=self.trouble)
        weakref.finalize(self, _end, self.process, self.trouble)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        _end(self.process)

    def answer(self, told: bytes, until: float, longest: int) -> Answer:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(told + b"\n")
            self.process.stdin.flush()
            return self._heard(until, longest)
        except BaseException as error:
            if not isinstance(error, InvalidError) or error.fields.get("fatal"):
                self.kill()
            if isinstance(error, BrokenPipeError | EOFError):
                raise self._died() from None
            raise

    def _heard(self, until: float, longest: int) -> Answer:
        head: dict[str, str] = {}
        content = bytearray()
        while True:
            letter, piece = self._frame(until)
            if letter == b"H":
                head = json.loads(piece)
            elif letter == b"D":
                content += piece
                if len(content) > longest:
                    raise InvalidError(
                        f"query: its answer is longer than {longest} bytes", hint="add LIMIT", field="query", fatal=True
                    )
            elif letter == b"E":
                raise _said(**json.loads(piece))
            else:
                return Answer(head["kind"], head["media"], bytes(content))

    def _frame(self, until: float) -> tuple[bytes, bytes]:
        head = self._bytes(5, until)
        return head[:1], self._bytes(int.from_bytes(head[1:], "big"), until)

    def _bytes(self, count: int, until: float) -> bytes:
        assert self.process.stdout is not None
        pipe, found = self.process.stdout.fileno(), bytearray()
        while len(found) < count:
            left = until - time.monotonic()
            if left <= 0 or not select.select([pipe], [], [], left)[0]:
                raise TimeoutError
            some = os.read(pipe, min(_CHUNK, count - len(found)))
            if not some:
                raise EOFError
            found += some
        return bytes(found)

    def _died(self) -> InvalidError | StorageError:
        """Say why the process ended: it aborts when it has no more memory."""
        self.trouble.seek(0)
        said = self.trouble.read().decode(errors="replace")
        if "memory allocation" in said or self.process.returncode == -signal.SIGABRT:
            return InvalidError("query: it needs more memory than it may have", hint="ask for less", field="query")
        return StorageError(f"the process that answers ended: {said.strip()[-500:]}", hint="ask again")


def _said(error: str, message: str) -> InvalidError | StorageError:
    if error == "OSError":
        return StorageError(f"the index cannot be read: {message}", hint="ask again")
    hint = "ask for what SPARQL 1.1 itself has, and declare prefixes"
    return InvalidError(f"query: {message}", hint=hint, field="query")


def _end(process: "subprocess.Popen[bytes]", *files: IO[bytes]) -> None:
    with contextlib.suppress(OSError):
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, *files):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def _told(snapshot: Path, asked: Asked, meant: Meant) -> bytes:
    graphs = {
        n: None if g is None else [_term(t) for t in g] for n, g in (("default", meant.default), ("named", meant.named))
    }
    return json.dumps({**asked.__dict__, **graphs, "told": meant.told, "snapshot": str(snapshot)}).encode()


def _term(graph: object) -> str:
    if isinstance(graph, ox.DefaultGraph):
        return ""
    return f"_:{graph.value}" if isinstance(graph, ox.BlankNode) else str(getattr(graph, "value", ""))


@dataclass
class _Snapshot:
    """A copy of an index that nobody changes."""

    index: Index
    state: object
    path: Path
    held: contextlib.ExitStack
    users: int = 0
    old: bool = False


class Asking:
    """Queries of a library, each in a process of its own, on a copy of what who asks may read.

    A copy of an index on the disk shares its files: it takes some ten milliseconds, whatever its size.

    Parameters
    ----------
    library : Library
        Which is asked.
    askers : Askers
        The processes.
    """

    def __init__(self, library: Library, askers: Askers) -> None:
        self._library, self._askers = library, askers
        self._guard = threading.Lock()
        self._kept: list[_Snapshot] = []

    def answer(
        self,
        asked: Asked,
        *,
        default: Sequence[str] = (),
        named: Sequence[str] = (),
        among: Readable | None = None,
        timeout: float = PATIENCE,
    ) -> Answer:
        """Return the answer to a query; see `Library.answer`.

        A graph of `default` or `named` that is not there, or may not be read, is an empty one, as in the protocol of
        SPARQL.

        Raises
        ------
        InvalidError
            When the query cannot be read, would ask another machine, takes longer, or asks for too much.
        UnknownError
            When a graph is named that is not there.
        UnsupportedError
            When the index lies at an endpoint.
        """

        def prepared(index: Index) -> tuple[Meant, _Snapshot]:
            return index.meant(asked.query, default, named), self._copy(index)

        meant, snapshot = self._library.asked(prepared, among)
        try:
            return self._askers.answer(snapshot.path, asked, meant, timeout=timeout)
        finally:
            with self._guard:
                snapshot.users -= 1
                self._sweep(snapshot)

    def close(self) -> None:
        """End the processes, and remove the copies that nobody uses any more."""
        self._askers.close()
        with self._guard:
            self._retire(self._kept)

    def _copy(self, index: Index) -> _Snapshot:
        """Return a copy of an index that nobody else changes meanwhile, with one user more."""
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

    def _made(self, index: Index, state: object) -> _Snapshot:
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
        return _Snapshot(index, state, path, held)

    def _retire(self, several: Iterable[_Snapshot]) -> None:
        for snapshot in list(several):
            self._kept.remove(snapshot)
            snapshot.old = True
            self._sweep(snapshot)

    def _sweep(self, snapshot: _Snapshot) -> None:
        if snapshot.old and not snapshot.users:
            snapshot.held.close()
