"""GROMACS, the program: finding it, running one of its commands, and turning its complaints into errors.

A command runs in a process group that dies with its caller, however that ends: the group is led by a watcher,
a process that only waits for its end of a pipe to close. What is in the group is killed once the command has
ended, was stopped, or has run out of time.
"""

import contextlib
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Literal, NoReturn, Self, cast

from cuds.errors import (
    EngineDiedError,
    EngineError,
    EngineTimeoutError,
    InvalidError,
    NotInstalledError,
    OutOfMemoryError,
)

Precision = Literal["double", "mixed"]

_NAMES: dict[Precision | None, tuple[str, ...]] = {
    "double": ("gmx_d", "gmx"),
    "mixed": ("gmx", "gmx_d"),
    None: ("gmx", "gmx_d"),
}
_HINT = "on Debian: apt install gromacs; else from conda-forge; or set CUDS_GMX to the path of gmx"
_WATCHER = """
import os, select, signal, sys
while os.getppid() == int(sys.argv[1]) and not select.select([0], [], [], 1.0)[0]:
    pass
os.killpg(0, signal.SIGKILL)
"""
_DROPPED = ("GMX", "OMP_", "GOMP_", "KMP_", "LC_", "LANG")
_KEPT = {"GMXLIB"}  # where the user's force fields lie: a part of the input
_REMEMBERED = 1_000_000  # bytes of what a command says, at either end
_STEP = re.compile(rb"\b[Ss]tep[ =]+(\d+)[, ]")
_BLOCK = re.compile(r"^-{20,}\n(Program:.*?)^-{20,}$", re.MULTILINE | re.DOTALL)
_REMARK = re.compile(r"^(ERROR|WARNING|NOTE) \d+ \[.*\]:\n(?:(?:  .*)?\n)*", re.MULTILINE)
_STOPPED = re.compile(r"Received the (\w+) signal, stopping")


@dataclass(frozen=True)
class Program:
    """GROMACS as it is installed, and how to run it.

    Attributes
    ----------
    path : Path
        The executable.
    version : str
        As it says, like ``2022.5-Debian_2022.5_2``.
    precision : str
        ``"double"`` or ``"mixed"``.
    gpu : str
        What it was built for, like ``CUDA``; empty without.
    mpi : str
        Its MPI library: ``thread_mpi``, ``MPI``, or ``none``.
    data : Path
        The prefix below which its data lie.
    threads : int
        How many threads a rank has.
    environment : mapping of str
        What is set for it, beside that; of the caller's environment nothing counts that changes results.
    """

    path: Path
    version: str
    precision: Precision
    gpu: str
    mpi: str
    data: Path
    threads: int = 1
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def force_fields(self) -> Path:
        """Where the force fields that come with it lie."""
        return self.data / "share" / "gromacs" / "top"

    @property
    def one_rank(self) -> tuple[str, ...]:
        """The arguments with which mdrun is one process."""
        return ("-ntmpi", "1") if self.mpi == "thread_mpi" else ()

    def with_environment(self, more: Mapping[str, str]) -> "Program":
        """Return the same program with more set for it."""
        return replace(self, environment={**self.environment, **more})

    def run(
        self,
        arguments: Sequence[str | Path],
        *,
        folder: Path,
        stdin: str = "",
        timeout: float | None = None,
        progress: Callable[[int], object] | None = None,
        stop: threading.Event | None = None,
    ) -> str:
        """Run a command and return what it says.

        Parameters
        ----------
        arguments : sequence of str or Path
            The command and its arguments, like ``["grompp", "-f", "run.mdp"]``.
        folder : Path
            Where it runs; its files there are overwritten, without backups.
        stdin : str
            What it is told.
        timeout : float, optional
            Seconds after which it is killed.
        progress : callable, optional
            Is told the number of steps that mdrun has made.
        stop : threading.Event, optional
            Once it is set, the command is killed.

        Raises
        ------
        EngineError
            When it refuses, with its own words.
        EngineDiedError, EngineTimeoutError
            When it was killed or stopped; when it ran out of time.
        """
        if not folder.is_dir():
            raise InvalidError(f"folder: {folder} does not exist", hint="make it first", folder=str(folder))
        given = [str(a) for a in arguments]
        if progress is not None and given[0] == "mdrun" and "-v" not in given:
            given.append("-v")
        command = [str(self.path), "-nobackup", "-quiet", *given]
        run = _Run(command, progress, stop, timeout)
        with tempfile.TemporaryFile() as told, _Group() as group:
            told.write(stdin.encode())
            told.seek(0)
            code = run.until_end(group.start(command, folder, told.fileno(), self._surroundings()))
        run.judge(code)
        return run.said

    def _surroundings(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k in _KEPT or not k.startswith(_DROPPED)}
        return {**kept, "LC_ALL": "C", "OMP_NUM_THREADS": str(self.threads), **self.environment}


def find(precision: Precision | None = None, *, threads: int = 1) -> Program:
    """Return the GROMACS of this machine.

    Parameters
    ----------
    precision : str, optional
        ``"double"``, ``"mixed"``, or whichever there is, mixed first.
    threads : int
        How many threads a rank shall have.

    Raises
    ------
    NotInstalledError
        When there is none, or none of that precision.
    """
    told = os.environ.get("CUDS_GMX")
    names = (told,) if told else _NAMES[precision]
    others = []
    for path in map(os.path.abspath, filter(None, map(shutil.which, names))):
        version, found, *rest = _asked(path, os.stat(path).st_mtime_ns)
        if precision in (None, found):
            gpu, mpi, data = rest
            return Program(Path(path), version, cast(Precision, found), gpu, mpi, Path(data), threads)
        others.append(f"{path} is {found}")
    wanted = f"GROMACS in {precision} precision" if precision else "GROMACS"
    where = f"CUDS_GMX={told}" if told else f"PATH: {' or '.join(names)}"
    raise NotInstalledError(
        f"{wanted} is not there ({'; '.join(others) or where})", hint=_HINT, engine="gromacs", precision=precision
    )


@cache
def _asked(path: str, changed: int) -> tuple[str, str, str, str, str]:
    """Return version, precision, GPU, MPI and data prefix as a program tells; `changed` is when it was."""
    asking = Program(Path(path), "", "mixed", "", "", Path("/"))
    try:
        said = asking.run(["-version"], folder=Path("/"), timeout=120)
    except EngineError as error:
        raise NotInstalledError(f"{path} does not run: {error}", hint=_HINT, engine="gromacs") from error
    told = {k.strip(): v.strip() for k, _, v in (line.partition(":") for line in said.splitlines())}
    version, precision = told.get("GROMACS version", ""), told.get("Precision", "")
    if not version or not precision:
        raise NotInstalledError(f"{path} is not GROMACS: it says {said[:200]!r}", hint=_HINT, engine="gromacs")
    gpu = told.get("GPU support", "disabled")
    return (
        version,
        "double" if precision == "double" else "mixed",
        "" if gpu == "disabled" else gpu,
        told.get("MPI library", "none"),
        told.get("Data prefix", "/usr").partition(" (")[0],
    )


def remarks(said: str, kind: Literal["ERROR", "WARNING", "NOTE"]) -> tuple[str, ...]:
    """Return the errors, warnings or notes in what grompp said, each as one line."""
    return tuple(" ".join(m.group().split()) for m in _REMARK.finditer(said) if m.group(1) == kind)


class _Group:
    """A process group that dies with this process."""

    def __enter__(self) -> Self:
        hold, self.lifeline = os.pipe()
        try:
            self.watcher = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _WATCHER, str(os.getpid())],
                stdin=hold,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                process_group=0,
            )
        except BaseException:
            os.close(self.lifeline)
            raise
        finally:
            os.close(hold)
        self.members = [self.watcher]
        return self

    def start(self, command: list[str], folder: Path, stdin: int, env: dict[str, str]) -> "subprocess.Popen[bytes]":
        """Start a member of the group; what it says is piped."""
        try:
            member = subprocess.Popen(
                command,
                cwd=folder,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=env,
                process_group=self.watcher.pid,
                bufsize=0,
            )
        except OSError as error:
            raise NotInstalledError(f"{command[0]} does not start: {error}", hint=_HINT, engine="gromacs") from error
        self.members.append(member)
        return member

    def __exit__(self, *_: object) -> None:
        # The watcher is waited for last: until then nobody else can get the number of its group.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.watcher.pid, signal.SIGKILL)
        for member in reversed(self.members):
            member.wait()
            if member.stdout is not None:
                member.stdout.close()
        os.close(self.lifeline)


class _Run:
    """Listens to a command until it ends, and tells what became of it."""

    def __init__(
        self,
        command: list[str],
        progress: Callable[[int], object] | None,
        stop: threading.Event | None,
        timeout: float | None,
    ) -> None:
        self.command = command
        self.name = f"gmx {command[3]}"
        self.progress = progress
        self.stop = stop
        self.timeout = timeout
        self.limit = None if timeout is None else time.monotonic() + timeout
        self.heard = bytearray()
        self.done = -1

    @property
    def said(self) -> str:
        return self.heard.decode(errors="replace")

    def until_end(self, process: "subprocess.Popen[bytes]") -> int:
        """Listen until the process has ended; return its exit code."""
        assert process.stdout is not None
        pipe = process.stdout.fileno()
        os.set_blocking(pipe, False)
        with selectors.DefaultSelector() as ready:
            ready.register(pipe, selectors.EVENT_READ)
            while True:
                code = process.poll()  # before reading: what it said last is in the pipe by then
                if not ready.get_map():
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        code = process.wait(self._patience())
                elif (code is not None or ready.select(self._patience())) and not self._read(pipe):
                    ready.unregister(pipe)
                if code is not None:
                    return code
                self._refuse_to_go_on()

    def _patience(self) -> float:
        often = 1.0 if self.stop is None else 0.1
        return often if self.limit is None else max(0.0, min(often, self.limit - time.monotonic()))

    def _read(self, pipe: int) -> bool:
        """Read what is in the pipe; return whether more may come."""
        for _ in range(16):  # more than a pipe holds, but not for ever: there may be a limit to heed
            try:
                chunk = os.read(pipe, 1 << 16)
            except BlockingIOError:
                break
            if not chunk:
                return False
            self.heard += chunk
            if len(self.heard) > 2 * _REMEMBERED:
                del self.heard[_REMEMBERED : -_REMEMBERED // 2]
            self._tell(len(chunk))
        return True

    def _tell(self, new: int) -> None:
        if self.progress is None:
            return
        steps = _STEP.findall(self.heard, max(0, len(self.heard) - new - 40))
        if steps and int(steps[-1]) > self.done:
            self.done = int(steps[-1])
            self.progress(self.done)

    def _refuse_to_go_on(self) -> None:
        if self.stop is not None and self.stop.is_set():
            raise EngineDiedError(
                f"gromacs: {self.name}: stopped", hint="the run it belonged to was stopped", engine="gromacs"
            )
        if self.limit is not None and time.monotonic() >= self.limit:
            raise EngineTimeoutError(
                f"gromacs: {self.name} has not ended within {self.timeout} s; it was killed",
                hint="give a longer timeout=, or a smaller problem",
                engine="gromacs",
                command=self.command,
            )

    def judge(self, code: int) -> None:
        """Raise what an exit code and the last words mean."""
        stopped = _STOPPED.search(self.said[-_REMEMBERED:])
        if code < 0:
            self._died(f"was ended by {signal.Signals(-code).name}")
        elif stopped:  # whatever its exit code: it has not done all its steps
            self._died(f"was told to stop by SIG{stopped.group(1)}")
        elif code > 0:
            self._refused(code)

    def _died(self, how: str) -> NoReturn:
        words = _complaint(self.said) or self._last()
        raise EngineDiedError(
            f"gromacs: {self.name} {how}{f'; its last words: {words}' if words else ' without a word'}",
            hint="the inputs are in its folder; run the command there by hand",
            engine="gromacs",
            command=self.command,
        )

    def _refused(self, code: int) -> NoReturn:
        complaint = _complaint(self.said)
        kind = OutOfMemoryError if "Not enough memory" in complaint else EngineError
        raise kind(
            f"gromacs: {self.name}: {complaint or f'exit code {code}: {self._last()}'}",
            hint=f"it ran as: {' '.join(self.command)}",
            engine="gromacs",
            command=self.command,
            said=self._last(),
        )

    def _last(self) -> str:
        return "\n".join(re.split(r"[\r\n]+", self.said.strip())[-12:])


def _complaint(said: str) -> str:
    """Return what GROMACS itself calls the reason, without where to find it in its source."""
    blocks = _BLOCK.findall(said)
    if not blocks:
        return ""
    paragraphs = [p.strip() for p in re.split(r"\n\s*\n", blocks[-1])[1:]]
    fatal = "\n".join(p for p in paragraphs if p and not p.startswith("For more information"))
    found = [*remarks(said, "ERROR"), *(remarks(said, "WARNING") if "Too many warnings" in fatal else ())]
    return "\n".join([*found, fatal])
