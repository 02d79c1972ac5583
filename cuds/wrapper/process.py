"""A session whose engine runs in a process of its own.

The worker is started by `subprocess`, so the caller's script needs no main guard and is never run twice. A
crash, an abort or a hang of the engine is an exception here; an interrupt kills the worker at once.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from cuds.errors import CudsError, EngineDiedError, EngineTimeoutError
from cuds.model.entity import Entity
from cuds.model.simulation import Simulation
from cuds.wrapper.capability import Engine
from cuds.wrapper.channel import Channel
from cuds.wrapper.contract import ProgressCallback, Session, Wrapper, silent
from cuds.wrapper.ranks import Ranks

E = TypeVar("E", bound=Entity)

_WORKER = (sys.executable, "-m", "cuds.wrapper.worker")


class Worker:
    """The caller's end of a worker process.

    Parameters
    ----------
    wrapper : type of Wrapper
        Whose engine it runs; importable.
    folder : Path
        Where the engine may write.
    options : mapping, optional
        The engine's own words.
    progress : callable
        Is told how far long work has come.
    timeout : float, optional
        Seconds of silence after which a call is given up and the worker killed.
    stop : threading.Event, optional
        Once it is set, a call is given up and the worker killed.
    ranks : int
        How many processes the engine is, started as its wrapper says.
    """

    def __init__(  # noqa: PLR0913  as a laboratory says
        self,
        wrapper: type[Wrapper],
        folder: Path,
        options: Mapping[str, Any] | None = None,
        *,
        progress: ProgressCallback = silent,
        timeout: float | None = None,
        stop: threading.Event | None = None,
        ranks: int = 1,
    ) -> None:
        launcher = [] if ranks == 1 else wrapper.launcher(ranks)
        self.name = wrapper.name
        self.progress = progress
        self.timeout = timeout
        self.stop = stop
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  open as long as the worker lives
        self.channel: Channel | Ranks
        if ranks == 1:
            self._start_one()
        else:
            self._start_ranks(launcher, ranks)
        self.call("start", f"{wrapper.__module__}:{wrapper.__qualname__}", folder, dict(options or {}))

    def _start_one(self) -> None:
        ours, theirs = socket.socketpair()
        hold, lifeline = os.pipe()
        with theirs:
            given = (str(theirs.fileno()), str(hold), str(os.getpid()))
            self.process = self._popen([*_WORKER, *given], (theirs.fileno(), hold))
        os.close(hold)
        self.channel = Channel(ours)
        self._end = weakref.finalize(self, _end, self.process, self.channel, lifeline, self._said)

    def _start_ranks(self, launcher: list[str], ranks: int) -> None:
        self.channel = Ranks(ranks)
        self.process = self._popen([*launcher, *_WORKER, self.channel.path])
        self._end = weakref.finalize(self, _end, self.process, self.channel, None, self._said)
        try:
            self.channel.join(self.process)
        except EOFError:
            raise self._died() from None
        except BaseException:
            self.kill()
            raise

    def _popen(self, command: list[str], fds: tuple[int, ...] = ()) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            command,
            pass_fds=fds,
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=self._said,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )

    def call(self, order: str, *args: Any) -> Any:
        """Have the worker do something and return the answer.

        Raises
        ------
        EngineDiedError, EngineTimeoutError
            When the process ended, or said nothing for too long.
        CudsError
            What the wrapper raised.
        """
        if not self._end.alive:
            raise EngineDiedError(f"{self.name}: its process has ended", hint="open a new session")
        try:
            self.channel.send((order, *args))
            while True:
                kind, content = self._receive()
                if kind == "progress":
                    self.progress(content)
                elif kind == "error":
                    raise content
                else:
                    return content
        except (EOFError, BrokenPipeError, ConnectionError):
            raise self._died() from None
        except CudsError:
            raise
        except BaseException:  # an interrupt, or a progress callback that raised: nobody would read the answer
            self.kill()
            raise

    def _receive(self) -> Any:
        """Wait for the worker; also notice its death when something it started keeps the socket open."""
        limit = None if self.timeout is None else time.monotonic() + self.timeout
        while True:
            often = 1.0 if self.stop is None else 0.1
            wait = often if limit is None else max(0.0, min(often, limit - time.monotonic()))
            if self.stop is not None and self.stop.is_set():
                self.kill()
                raise EngineDiedError(f"{self.name}: stopped", hint="the run it belonged to was stopped")
            try:
                return self.channel.receive(wait)
            except TimeoutError:
                if self.process.poll() is not None:
                    raise EOFError from None
                if limit is not None and time.monotonic() >= limit:
                    self.kill()
                    raise EngineTimeoutError(
                        f"{self.name}: no answer for {self.timeout} s; its process was stopped",
                        hint="give a longer timeout=, or a smaller problem",
                        engine=self.name,
                    ) from None

    def _died(self) -> EngineDiedError:
        try:
            code = self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            code = None
        how = (
            "closed its connection"
            if code is None
            else f"ended by {signal.Signals(-code).name}"
            if code < 0
            else f"ended with exit code {code}"
        )
        self._said.seek(0)
        words = self._said.read().decode(errors="replace").strip().splitlines()[-12:]
        self.kill()
        last = "; its last words:\n    " + "\n    ".join(words) if words else " without a word"
        return EngineDiedError(
            f"{self.name}: the process {how}{last}",
            hint="the inputs are in the folder that was kept; run them in the bare engine",
            engine=self.name,
        )

    def kill(self) -> None:
        """End the process and everything it started, now."""
        self._end()


def _end(process: "subprocess.Popen[bytes]", channel: Channel | Ranks, lifeline: int | None, said: Any) -> None:
    if lifeline is None:
        channel.close()  # before the launcher: its ranks are in sessions of their own
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    channel.close()
    if lifeline is not None:
        os.close(lifeline)
    said.close()


class WorkerSession(Session):
    """A session in a worker.

    Parameters
    ----------
    worker : Worker
        Owned by the session from now on.
    simulation : Simulation
        What it is opened on.
    rehearsing : bool
        See `Wrapper.rehearse`.
    """

    def __init__(self, worker: Worker, simulation: Simulation, *, rehearsing: bool = False) -> None:
        self.worker = worker
        try:
            worker.call("rehearse" if rehearsing else "open", simulation)
        except BaseException:
            worker.kill()
            raise

    def push(self, *what: Entity) -> None:
        """See `Session.push`."""
        self.worker.call("call", "push", *what)

    def advance(self, steps: int | None = None) -> None:
        """See `Session.advance`."""
        self.worker.call("call", "advance", steps)

    def pull(self, kind: type[E], name: str = "") -> E:
        """See `Session.pull`."""
        found: E = self.worker.call("call", "pull", kind, name)
        return found

    def pull_all(self, kind: type[E], name: str = "") -> list[E]:
        """See `Session.pull_all`."""
        return list(self.worker.call("call", "pull_all", kind, name))

    def transcript(self) -> str:
        """See `Session.transcript`."""
        return str(self.worker.call("call", "transcript"))

    def report(self) -> dict[str, Any]:
        """See `Session.report`."""
        return dict(self.worker.call("call", "report"))

    def state(self) -> bytes:
        """See `Session.state`."""
        return bytes(self.worker.call("call", "state"))

    def restore(self, state: bytes) -> None:
        """See `Session.restore`."""
        self.worker.call("call", "restore", state)

    def close(self) -> None:
        """See `Session.close`."""
        self.worker.kill()


def probe(wrapper: type[Wrapper], folder: Path, timeout: float | None = None) -> Engine:
    """Return what an engine says of itself, asked where it would run."""
    if wrapper.isolation == "none":
        return wrapper(folder).probe()
    worker = Worker(wrapper, folder, timeout=timeout)
    try:
        found: Engine = worker.call("probe")
        return found
    finally:
        worker.kill()
