"""One at a time, among all processes and threads; whoever dies holds nothing."""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
