"""Processes that answer, and are killed when they take too long, too much memory, or answer at too great a length."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from cuds.errors import InvalidError, StorageError

_SCRIPT = Path(__file__).with_name("asker.py")
_CHUNK = 1 << 16
MEMORY = 4 << 30  # bytes of address space that a query may take
LONGEST = 1 << 28  # bytes of an answer


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
    each : int
        How many of one who asks.
    memory : int
        Bytes of address space of each process.
    longest : int
        Bytes of an answer.
    """

    def __init__(
        self, processes: int = 2, *, each: int | None = None, memory: int = MEMORY, longest: int = LONGEST
    ) -> None:
        self.memory, self.longest, self.each = memory, longest, processes if each is None else each
        self._busy, self._room = Counter[str](), threading.Condition()
        self._waiting: list[tuple[str, object]] = []
        self._free: list[_Asker | None] = [None] * processes

    @contextlib.contextmanager
    def session(self, timeout: float, who: str = "", what: str = "query") -> Iterator["Session"]:
        """Yield somebody who answers several requests, all of them within some seconds."""
        made = Session(self, timeout, who, what)
        try:
            yield made
        finally:
            made.close()

    def taken(self, who: str, until: float) -> "_Asker":
        """Return a process that nobody else asks.

        Raises
        ------
        TimeoutError
            When there is none in time.
        """
        me = who, object()
        with self._room:
            self._waiting.append(me)
            try:
                if not self._room.wait_for(lambda: self._next() is me, until - time.monotonic()):
                    raise TimeoutError
                asker = self._free.pop()
                self._busy[who] += 1
            finally:
                self._waiting.remove(me)
                self._room.notify_all()
        try:
            return asker if asker is not None and asker.alive else _Asker(self.memory)
        except BaseException:
            self.given(asker, who)
            raise

    def _next(self) -> tuple[str, object] | None:
        """Return whose turn it is: the first one who has not as many as it may have."""
        allowed = (one for one in self._waiting if self._busy[one[0]] < self.each)
        return next(allowed, None) if self._free else None

    def given(self, asker: "_Asker | None", who: str) -> None:
        """Take a process back."""
        with self._room:
            self._free.append(asker)
            self._busy[who] -= 1
            self._busy += Counter()  # who has none is forgotten
            self._room.notify_all()

    def close(self) -> None:
        """End the processes that answer nothing at the moment."""
        with self._room:
            for n, asker in enumerate(self._free):
                if asker is not None:
                    asker.kill()
                    self._free[n] = None


class Session:
    """Requests of one who asks, answered by one process, which is taken with the first of them.

    Parameters
    ----------
    askers : Askers
        Whose process it is.
    timeout : float
        Seconds for all of them.
    who : str
        Asks.
    what : {"query", "update", "graph"}
        It is, for errors.
    """

    def __init__(self, askers: Askers, timeout: float, who: str, what: str) -> None:
        self.askers, self.timeout, self.who, self.what = askers, timeout, who, what
        self.until = time.monotonic() + timeout
        self._asker: _Asker | None = None

    def answer(self, told: Mapping[str, Any]) -> Answer:
        """Return what a process answers to a request.

        Raises
        ------
        InvalidError
            When it cannot be read, takes longer, or its answer or what it needs is too large.
        StorageError
            When what is asked cannot be read.
        """
        try:
            if self._asker is None:
                self._asker = self.askers.taken(self.who, self.until)
            return self._asker.answer(json.dumps(told).encode(), self.until, self.askers.longest, self.what)
        except TimeoutError:
            raise self.late() from None

    def inspect(self, text: bytes) -> tuple[list[str], str]:
        """Return what the shapes have against a graph in N-Triples, a line each, and their report in N-Triples.

        Raises
        ------
        InvalidError
            When it takes longer, or needs too much.
        """
        said, report = json.loads(self.answer({"does": "inspect", "text": text.decode()}).content)
        return said, report

    def late(self) -> InvalidError:
        """Return the error of what takes longer than it may."""
        return InvalidError(
            f"{self.what}: not {'looked through' if self.what == 'graph' else 'answered'} after {self.timeout:g} s",
            hint="put what it says into several graphs"
            if self.what == "graph"
            else "join its parts by what they share, add LIMIT, or give it more time",
            field=self.what,
        )

    def close(self) -> None:
        """Let the process go."""
        if self._asker is not None:
            self.askers.given(self._asker, self.who)
            self._asker = None


class _Asker:
    """One process; whatever goes wrong with a question ends it, and the next question starts another."""

    def __init__(self, memory: int) -> None:
        told = [sys.executable, "-P", str(_SCRIPT), str(memory)]
        self.trouble = tempfile.TemporaryFile()  # noqa: SIM115  open as long as the process lives
        pipe = subprocess.PIPE
        lean = {**os.environ, "MALLOC_ARENA_MAX": "2"}  # else each thread takes 64 MB of addresses
        try:
            self.process = subprocess.Popen(told, stdin=pipe, stdout=pipe, stderr=self.trouble, env=lean)
        except BaseException:
            self.trouble.close()
            raise
        weakref.finalize(self, _end, self.process, self.trouble)
        self.coming = select.poll()  # select() knows no more than 1024 open files
        self.coming.register(self.process.stdout or -1, select.POLLIN)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        _end(self.process)

    def answer(self, told: bytes, until: float, longest: int, what: str) -> Answer:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(told + b"\n")
            self.process.stdin.flush()
            return self._heard(until, longest, what)
        except BaseException as error:
            if not isinstance(error, InvalidError) or error.fields.get("fatal"):
                self.kill()
            if isinstance(error, BrokenPipeError | EOFError):
                raise self._died(what) from None
            raise

    def _heard(self, until: float, longest: int, what: str) -> Answer:
        head: dict[str, str] = {}
        content = bytearray()
        while True:
            letter, piece = self._frame(until)
            if letter == b"H":
                head = json.loads(piece)
            elif letter == b"D":
                content += piece
                if len(content) > longest:
                    said = f"{what}: its answer is longer than {longest} bytes"
                    raise InvalidError(said, hint="add LIMIT", field=what, fatal=True)
            elif letter == b"E":
                raise _said(what, **json.loads(piece))
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
            if left <= 0 or not self.coming.poll(left * 1000):
                raise TimeoutError
            some = os.read(pipe, min(_CHUNK, count - len(found)))
            if not some:
                raise EOFError
            found += some
        return bytes(found)

    def _died(self, what: str) -> InvalidError | StorageError:
        """Say why the process ended: it aborts when it has no more memory, or falls when it has no more stack."""
        self.trouble.seek(0)
        said = self.trouble.read().decode(errors="replace")
        if "memory allocation" in said or self.process.returncode == -signal.SIGABRT:
            return InvalidError(f"{what}: it needs more memory than it may have", hint="ask for less", field=what)
        if self.process.returncode == -signal.SIGSEGV:
            return InvalidError(f"{what}: it is nested too deeply", hint="take it apart", field=what)
        return StorageError(f"the process that answers ended: {said.strip()[-500:]}", hint="ask again")


def _said(what: str, error: str, message: str) -> InvalidError | StorageError:
    if error == "OSError":
        return StorageError(f"the index cannot be read: {message}", hint="ask again")
    hint = "ask for what SPARQL 1.1 itself has, and declare prefixes"
    return InvalidError(f"{what}: {message}", hint=hint, field=what, said=message)


def _end(process: "subprocess.Popen[bytes]", *files: IO[bytes]) -> None:
    with contextlib.suppress(OSError):
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, *files):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
