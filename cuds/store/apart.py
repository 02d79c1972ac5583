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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyoxigraph as ox

from cuds.errors import InvalidError, StorageError, UnsupportedError
from cuds.store.upkeep import Upkeep

_SCRIPT = Path(__file__).with_name("asker.py")
_CHUNK = 1 << 16
MEMORY = 4 << 30  # bytes of address space that a query may take
LONGEST = 1 << 28  # bytes of an answer


@dataclass(frozen=True)
class Asked:
    """A query, and of what it is asked.

    Parameters
    ----------
    query : str
        SPARQL.
    default, named : sequence of str, optional
        The graphs of its dataset: IRIs, the empty one for the default graph of the index. None: those of the index.
    results, graph : str
        The media types of solutions and of triples; of no answer when empty.
    base : str
        Against which relative IRIs are resolved.
    """

    query: str
    default: Sequence[str] | None = None
    named: Sequence[str] | None = None
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

    def answer(self, snapshot: Path, asked: Asked, *, timeout: float) -> Answer:
        """Return the answer to a query.

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
            return asker.answer(snapshot, asked, until, self.longest)
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

    def answer(self, snapshot: Path, asked: Asked, until: float, longest: int) -> Answer:
        assert self.process.stdin is not None
        told = {"snapshot": str(snapshot), **asked.__dict__}
        try:
            self.process.stdin.write(json.dumps(told).encode() + b"\n")
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


@dataclass
class _Snapshot:
    """A copy of an index that nobody changes."""

    of: object
    path: Path
    held: contextlib.ExitStack
    users: int = 0
    old: bool = False


class Snapshots:
    """Copies of the index of a library, made anew when it has changed.

    Parameters
    ----------
    upkeep : Upkeep
        What keeps the index.
    """

    def __init__(self, upkeep: Upkeep) -> None:
        self._upkeep = upkeep
        self._guard = threading.Lock()
        self._latest: _Snapshot | None = None

    @contextmanager
    def current(self) -> Iterator[Path]:
        """Yield a copy of the index that has every commit that was made before.

        It stays as it is until it is left; files are shared with the index where it is on the disk, so that a copy
        takes some ten milliseconds whatever its size.

        Raises
        ------
        UnsupportedError
            When the index lies at an endpoint.
        """
        with self._guard:
            found = self._copy()
            found.users += 1
        try:
            yield found.path
        finally:
            with self._guard:
                found.users -= 1
                self._sweep(found)

    def close(self) -> None:
        """Remove the copies that nobody uses any more."""
        with self._guard:
            self._retire()

    def _copy(self) -> _Snapshot:
        with self._upkeep.turn:
            index, state = self._upkeep.current(), self._upkeep.state
            if index.far:
                raise UnsupportedError("the index lies at an endpoint", hint="ask it there: it has limits of its own")
            if self._latest is not None and self._latest.of == state:
                return self._latest
            self._retire()
            held = contextlib.ExitStack()
            path = held.enter_context(self._upkeep.shelf.draft()) / "index"
            try:
                if self._upkeep.own:
                    index.store.backup(str(path))
                else:
                    index.store.dump(str(path), format=ox.RdfFormat.N_QUADS)
            except BaseException:
                held.close()
                raise
            self._latest = _Snapshot(state, path, held)
            return self._latest

    def _retire(self) -> None:
        if self._latest is not None:
            self._latest.old = True
            self._sweep(self._latest)
        self._latest = None

    def _sweep(self, snapshot: _Snapshot) -> None:
        if snapshot.old and not snapshot.users:
            snapshot.held.close()
