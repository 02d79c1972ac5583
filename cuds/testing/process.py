"""The cases for engines that run in a process of their own."""

import os
import signal
import tempfile
import threading
import time
import uuid
from pathlib import Path

import numpy as np

from cuds.errors import EngineDiedError, EngineTimeoutError
from cuds.model.simulation import SinglePoint
from cuds.model.state import PotentialEnergy
from cuds.testing.atomistic import refused
from cuds.testing.bench import Bench
from cuds.wrapper.process import Worker, WorkerSession

_MARK = "CUDS_CONTRACT_MARK"


def alive(mark: str) -> list[int]:
    """Return the processes that inherited a mark in their environment, but this one."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                if state != "Z" and f"{_MARK}={mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def gone(mark: str, seconds: float = 5.0) -> bool:
    """Whether all marked processes end within some time."""
    end = time.monotonic() + seconds
    while alive(mark) and time.monotonic() < end:
        time.sleep(0.05)
    return not alive(mark)


class ProcessContract(Bench):
    """What every engine in a process of its own must do."""

    def started(self, folder: Path, timeout: float | None = 300) -> tuple[WorkerSession, str]:
        """Return a session in a worker, and the mark that its processes bear."""
        mark = uuid.uuid4().hex
        os.environ[_MARK] = mark
        try:
            worker = Worker(self.wrapper, folder, self.options, timeout=timeout)
        finally:
            del os.environ[_MARK]
        return WorkerSession(worker, SinglePoint(self.crystal(), potential=self.potential())), mark

    def test_no_process_is_left_behind(self) -> None:
        """Once the session is closed; closing twice does no harm."""
        with tempfile.TemporaryDirectory() as folder:
            session, mark = self.started(Path(folder))
            session.advance()
            assert alive(mark)
            session.close()
            session.close()
            left = not gone(mark)
            for pid in alive(mark):
                os.kill(pid, signal.SIGKILL)
        assert not left, "a process is left behind"

    def test_a_killed_engine_raises(self) -> None:
        """By the name of the signal, between calls and within one; the caller goes on."""
        with tempfile.TemporaryDirectory() as folder:
            session, mark = self.started(Path(folder))
            os.kill(session.worker.process.pid, signal.SIGKILL)
            error = refused(session.advance)
            assert isinstance(error, EngineDiedError)
            assert "SIGKILL" in str(error)
            session, mark = self.started(Path(folder))
            os.kill(session.worker.process.pid, signal.SIGSTOP)
            threading.Timer(0.5, os.kill, (session.worker.process.pid, signal.SIGSEGV)).start()
            threading.Timer(0.6, os.kill, (session.worker.process.pid, signal.SIGCONT)).start()
            assert "SIGSEGV" in str(refused(session.advance))
            for pid in alive(mark):
                os.kill(pid, signal.SIGKILL)

    def test_a_hanging_engine_is_stopped(self) -> None:
        """After the time that was given."""
        with tempfile.TemporaryDirectory() as folder:
            session, _ = self.started(Path(folder), timeout=60)
            session.worker.timeout = 0.5
            os.kill(session.worker.process.pid, signal.SIGSTOP)
            assert isinstance(refused(session.advance), EngineTimeoutError)
            assert session.worker.process.poll() is not None

    def test_a_closed_session_says_so(self) -> None:
        """It does not start again by itself."""
        with tempfile.TemporaryDirectory() as folder:
            session, _ = self.started(Path(folder))
            session.close()
            assert isinstance(refused(session.pull, PotentialEnergy), EngineDiedError)

    def test_a_worker_and_the_caller_calculate_the_same(self) -> None:
        """Where an engine runs is not the caller's business."""
        system = self.crystal()
        with tempfile.TemporaryDirectory() as folder:
            session, _ = self.started(Path(folder))
            with session:
                there = self.look(session, system)
            with self.wrapper(Path(folder), options=self.options).open(
                SinglePoint(system, potential=self.potential())
            ) as here:
                assert self.look(here, system).energy == there.energy
        assert np.isfinite(there.energy)
