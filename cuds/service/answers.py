"""Answers that were made before: of versions, which do not change, in not more than some bytes."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock


class Answers:
    """Bytes by the version and the form that they are of; what was not asked for longest goes first.

    Parameters
    ----------
    most : int
        Bytes that are kept; what is longer than a tenth of it is not.
    """

    def __init__(self, most: int) -> None:
        self.most, self.size = most, 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, key: str, make: Callable[[], bytes]) -> bytes:
        """Return what is kept under a key, or make it."""
        with self._lock:
            if (known := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return known
        made = make()
        if len(made) * 10 <= self.most:
            with self._lock:
                self.size += len(made) - len(self._kept.pop(key, b""))
                self._kept[key] = made
                while self.size > self.most:
                    self.size -= len(self._kept.popitem(last=False)[1])
        return made
