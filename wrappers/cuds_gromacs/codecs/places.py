"""Where lines stand, as numbers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cuds.arrays import IntArray
from cuds_gromacs.codecs.lines import Line


class Places:
    """Numbers for the files that lines stand in."""

    def __init__(self) -> None:
        self._numbers: dict[Path, int] = {}

    @property
    def files(self) -> tuple[Path, ...]:
        """The files, in the order of their numbers."""
        return tuple(self._numbers)

    def of(self, lines: Sequence[Line]) -> IntArray:
        """Return the number of the file and the line of each (n, 2)."""
        places = np.empty((len(lines), 2), dtype=np.int64)
        places[:, 1] = [line.number for line in lines]
        places[:, 0] = [self._numbers.setdefault(line.file, len(self._numbers)) for line in lines]
        return places
