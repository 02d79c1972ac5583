"""Where lines stand, as numbers."""

from pathlib import Path

from cuds.arrays import IntArray
from cuds_gromacs.codecs.lines import Lines


class Places:
    """Numbers for the files that lines stand in."""

    def __init__(self) -> None:
        self._numbers: dict[Path, int] = {}

    @property
    def files(self) -> tuple[Path, ...]:
        """The files, in the order of their numbers."""
        return tuple(self._numbers)

    def of(self, lines: Lines) -> IntArray:
        """Return the number of the file and the line of each (n, 2)."""
        places = lines.places.copy()
        for file in dict.fromkeys(lines.places[:, 0].tolist()):
            number = self._numbers.setdefault(lines.files[file], len(self._numbers))
            places[lines.places[:, 0] == file, 0] = number
        return places
