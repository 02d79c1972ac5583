"""A folder that one run at a time may write to."""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cuds.errors import InvalidError

_held: set[Path] = set()  # by this process: the system's lock does not tell its threads apart
_guard = threading.Lock()


@contextmanager
def alone(folder: Path, field: str, patience: float = 0.0) -> Iterator[None]:
    """Hold a folder; whoever dies holds it no more, and what it started does not hold it on.

    Parameters
    ----------
    folder : Path
        Made when it is not there; ``lock`` in it is what is held.
    field : str
        How an error calls it.
    patience : float
        Seconds to wait for somebody who is about to end.

    Raises
    ------
    InvalidError
        When another run holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder.resolve() / "lock"
    until = time.monotonic() + patience
    while (descriptor := _taken(path)) is None:
        if time.monotonic() >= until:
            raise InvalidError(
                f"{field}: another run is writing to {folder}",
                hint="wait until it has ended, or name another folder",
                field=field,
            )
        time.sleep(0.05)
    try:
        yield
    finally:
        with _guard:
            os.close(descriptor)
            _held.discard(path)


def _taken(path: Path) -> int | None:
    """Return the descriptor of a lock that was free; to open and close one's own would give it up."""
    with _guard:
        if path in _held:
            return None
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return None
        _held.add(path)
        return descriptor
