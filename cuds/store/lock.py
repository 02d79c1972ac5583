"""One at a time, among all processes and threads; whoever dies holds nothing."""

import errno
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cuds.errors import StorageError

_PATIENCE = 60.0  # seconds; a turn takes milliseconds


class Held:
    """A file that is locked until `release`, or until its process ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

    @classmethod
    def take(cls, path: Path) -> "Held | None":
        """Return the lock; None when somebody else has it."""
        while True:
            descriptor = _opened(path)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return None
            if _is(path, descriptor):
                return cls(descriptor)
            os.close(descriptor)  # it was removed between opening and locking

    def release(self) -> None:
        """Give it up, also for processes that were forked meanwhile."""
        if self._descriptor >= 0:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)
        self._descriptor = -1


def _opened(path: Path) -> int:
    """Open a lock, also one in a folder that cannot be written to, where it is there."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EROFS) or not path.exists():
            raise
        return os.open(path, os.O_RDONLY)


def _is(path: Path, descriptor: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False


@contextmanager
def turn(path: Path) -> Iterator[None]:
    """Wait for one's turn.

    Raises
    ------
    StorageError
        When somebody holds it for a minute.
    """
    until, pause = time.monotonic() + _PATIENCE, 0.0005
    while (held := Held.take(path)) is None:
        if time.monotonic() > until:
            raise StorageError(
                f"{path.parent}: somebody holds its lock for more than {_PATIENCE:.0f} s",
                hint="a process that writes to it is stopped; continue it or end it",
            )
        time.sleep(pause)
        pause = min(2 * pause, 0.01)
    try:
        yield
    finally:
        held.release()


class Precedence:
    """Lets those go first in a process who were overtaken, one after the other, so that each has its turn some time."""

    def __init__(self) -> None:
        self._waiting: list[Ticket] = []
        self._changed = threading.Condition()

    @contextmanager
    def ticket(self) -> Iterator["Ticket"]:
        """Yield what somebody shows who begins."""
        made = Ticket(self)
        try:
            yield made
        finally:
            with self._changed:
                if made in self._waiting:
                    self._waiting.remove(made)
                    self._changed.notify_all()

    def claim(self, ticket: "Ticket") -> None:
        """Say that somebody was overtaken."""
        with self._changed:
            if ticket not in self._waiting:
                self._waiting.append(ticket)

    def give_way(self, ticket: "Ticket", patience: float) -> None:
        """Wait for those who were overtaken before; some seconds at most, as one of them may take long."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting or self._waiting[0] is ticket, patience)


@dataclass(eq=False)
class Ticket:
    """Of one who may be overtaken."""

    of: Precedence

    def claim(self) -> None:
        """Say that it was."""
        self.of.claim(self)

    def give_way(self, patience: float) -> None:
        """Let others go first who were before."""
        self.of.give_way(self, patience)
