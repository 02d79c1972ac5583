"""Opening an engine: where it runs, in which folder, and what becomes of the folder."""

import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from cuds.errors import EngineError, InvalidError
from cuds.execution.choose import choose
from cuds.execution.engines import engine_of
from cuds.execution.rehearse import Rehearsal, Rehearsed
from cuds.model.dynamics import MolecularDynamics
from cuds.model.simulation import Simulation
from cuds.wrapper.capability import Engine
from cuds.wrapper.contract import ProgressCallback, Session, Wrapper, silent
from cuds.wrapper.process import Worker, WorkerSession

RECORD = "record"  # the folder of a run that can be resumed


@dataclass(frozen=True)
class Laboratory:
    """How things are run: by which engine, with which of its own words, where, and who is told of progress.

    Parameters
    ----------
    engine : str, optional
        Its name; the only one that can when not given.
    options : mapping
        The engine's own words; not portable.
    keep : Path, optional
        A folder in which the engine's files stay.
    progress : callable
        Is told how far long work has come.
    timeout : float, optional
        Seconds of silence after which an engine in a process of its own is stopped.
    isolation : {"worker", "none"}, optional
        Where the engine runs; as its wrapper says when not given.
    fresh : bool
        Compute anew what is kept.
    rehearsing : bool
        Engines write down what they are told, and compute nothing.
    name : str
        What the work is called where it is told of.
    results : Path, optional
        A file in which its result is kept, besides the cache.
    records : Path, optional
        A folder in which a run that can be resumed keeps how far it came; whoever keeps its result removes it.
    stop : threading.Event, optional
        Engines in a process of their own are stopped once it is set.
    ranks : int
        How many processes the engine is.
    """

    engine: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    keep: Path | None = None
    progress: ProgressCallback = silent
    timeout: float | None = None
    isolation: Literal["worker", "none"] | None = None
    fresh: bool = False
    rehearsing: bool = False
    name: str = ""
    results: Path | None = None
    records: Path | None = None
    stop: threading.Event | None = None
    ranks: int = 1

    def wrapper(self, simulation: Simulation) -> type[Wrapper]:
        """Return the wrapper that will run a simulation."""
        return choose(type(simulation), self.engine, simulation)

    def within(self, name: str) -> "Laboratory":
        """Return the same for a part of the work: files that stay go in a folder of that name."""
        return self if self.keep is None else replace(self, keep=self.keep / name)

    @contextmanager
    def open(self, simulation: Simulation) -> Iterator["Opened"]:
        """Open an engine on a simulation; what it cannot express is refused before it starts.

        The engine's folder stays when it was asked for, or when the engine failed; then the error says where.
        """
        chosen = self.wrapper(simulation)
        recorded = self.records is not None and self.keep is None and isinstance(simulation, MolecularDynamics)
        folder = self._recorded(simulation) if recorded else self._folder(chosen.name, simulation)
        kept = recorded or self.keep is not None
        try:
            chosen(folder, options=self.options).check(simulation)
            opened = self._start(chosen, folder, simulation)
            try:
                yield opened
            finally:
                opened.session.close()
        except Rehearsed as end:
            if kept:
                (folder / "transcript.txt").write_text(end.transcript)
            raise
        except EngineError as error:
            kept = True
            if str(folder) not in error.message:
                error.message += f"\n  its files are kept in {folder}"
            raise
        except KeyboardInterrupt:
            kept = kept or (folder / RECORD).exists()
            raise
        finally:
            if not kept:
                shutil.rmtree(folder, ignore_errors=True)

    def _recorded(self, simulation: Simulation) -> Path:
        assert self.records is not None
        folder = self.records / simulation.digest[:16]
        folder.mkdir(parents=True, exist_ok=True)
        return folder.resolve()

    def _folder(self, engine: str, simulation: Simulation) -> Path:
        if self.keep is None:
            return Path(tempfile.mkdtemp(prefix=f"cuds-{engine}-"))
        if isinstance(simulation, MolecularDynamics) and (self.keep / RECORD).exists():
            return self.keep.resolve()
        if self.keep.exists() and any(self.keep.iterdir()):
            raise InvalidError(
                f"keep: the folder {self.keep} is not empty", hint="name a new folder, or empty it", field="keep"
            )
        self.keep.mkdir(parents=True, exist_ok=True)
        return self.keep.resolve()

    def _start(self, chosen: type[Wrapper], folder: Path, simulation: Simulation) -> "Opened":
        if self.ranks < 1 or (self.ranks > 1 and self.isolation == "none"):
            raise InvalidError(
                f"ranks: {self.ranks}" + (" in one process" if self.ranks > 1 else ""),
                hint='give 1 or more, and leave out isolation="none"',
                field="ranks",
            )
        if self.ranks == 1 and (self.isolation or chosen.isolation) == "none":
            here = chosen(folder, options=self.options, progress=self.progress)
            session: Session = here.rehearse(simulation) if self.rehearsing else here.open(simulation)
            engine = engine_of(chosen, here.probe)
        else:
            worker = Worker(
                chosen, folder, self.options,
                progress=self.progress, timeout=self.timeout, stop=self.stop, ranks=self.ranks,
            )  # fmt: skip
            session = WorkerSession(worker, simulation, rehearsing=self.rehearsing)
            engine = engine_of(chosen, lambda: worker.call("probe"))
        return Opened(Rehearsal(session, engine) if self.rehearsing else session, engine, folder)


@dataclass(frozen=True)
class Opened:
    """An open session, what its engine says of itself, and its folder."""

    session: Session
    engine: Engine
    folder: Path
