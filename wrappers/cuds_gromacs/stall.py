"""Noticing that mdrun makes no steps any more: it looks without end for atoms that have flown far away."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

EVERY = 10  # steps: how often mdrun is to say how far it is
_PATIENCE, _EACH = 8.0, 1e-3  # seconds, and for each atom: a hundred times as long as those steps usually take
_OFTEN = 0.5  # seconds


class Stall:
    """Listens to how far mdrun is, and has it stopped where it says nothing for long; a context manager.

    It counts how often it looked, not what the clock says: a process that is held up stands still with this one.

    Parameters
    ----------
    atoms : int
        How many move.
    tell : callable
        Is told the number of steps, as mdrun tells it.
    """

    def __init__(self, atoms: int, tell: Callable[[int], object]) -> None:
        self.limit = _PATIENCE + _EACH * atoms
        self.tell = tell
        self.stop = threading.Event()
        self.step = -1
        self._silent = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def heard(self, step: int) -> None:
        """Take note of a step."""
        self._silent, self.step = 0.0, step
        self.tell(step)

    def _watch(self) -> None:
        while not self._over.wait(_OFTEN):
            self._silent += _OFTEN
            if self._silent > self.limit:
                self.stop.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
