"""Torsion maps (CMAP) that LAMMPS has: its file of maps, and the terms in a data file that it writes."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cuds.arrays import FloatArray, IntArray
from cuds.errors import FormatError

_COUNT, _POINTS = 6, 24  # maps in a file, and points of each in both directions


class Maps(NamedTuple):
    """Torsion maps and where they act.

    Parameters
    ----------
    terms : int array (n, 6)
        Which map, from 1, and ids.
    energies : array (6, 24, 24)
        In LAMMPS's unit.
    """

    terms: IntArray
    energies: FloatArray


def maps(data: Path, file: Path) -> Maps:
    """Return torsion maps from a data file that LAMMPS has written, and the file that it has read them from.

    Raises
    ------
    FormatError
        When the file has not six maps.
    """
    rows = list(_section(data))
    words = [w for line in file.read_text().splitlines() for w in line.partition("#")[0].split()]
    if len(words) != _COUNT * _POINTS**2:
        raise FormatError(
            f"{file}: {len(words)} numbers",
            hint=f"{_COUNT} maps of {_POINTS} x {_POINTS} are needed",
            file=str(file),
        )
    energies = np.array([float(w) for w in words]).reshape(_COUNT, _POINTS, _POINTS)
    return Maps(np.array(rows, dtype=np.int64).reshape(-1, 6), energies)


def _section(data: Path) -> Iterator[list[str]]:
    """Yield the words of the section of terms, without their numbers."""
    lines = iter(data.read_text().splitlines())
    if any(line.split()[:1] == ["CMAP"] for line in lines):
        next(lines, "")
        for line in lines:
            if not line.strip():
                return
            yield line.split()[1:]
