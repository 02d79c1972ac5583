"""Structures in the format ``.gro``, with any number of decimals."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from cuds.arrays import AnyArray, FloatArray, IntArray, freeze
from cuds.errors import InvalidError
from cuds_gromacs.codecs.frame import BOX, StringArray, Structure, read_box
from cuds_gromacs.codecs.lines import Line, no_such

_HEAD = 20  # characters before the coordinates: residue number and name, atom name and number, 5 each
_WIDEST = 64  # characters of a coordinate


def read_gro(path: Path | str) -> Structure:
    """Return the first frame of a ``.gro`` file.

    Parameters
    ----------
    path : path
        Its columns are as wide as the decimal points of the first atom are apart.

    Raises
    ------
    UnknownError
        When there is no such file.
    FormatError
        When it ends too early, or words are not what they should be. It names the line.
    """
    file = Path(path)
    if not file.is_file():
        raise no_such(file)
    with file.open("rb") as opened:
        title, counted = (_text(opened.readline()) for _ in range(2))
        count = _count(Line(counted, file, 2))
        rows = [row.rstrip(b"\r\n") for row in islice(opened, count)]
        last = _text(opened.readline())
        more = any(line.strip() for line in opened)
    if len(rows) < count or not last.strip():
        got = f"{len(rows)} of {count} atoms" if len(rows) < count else "the atoms, without a box"
        raise Line("", file, len(rows) + 3).error(
            f"the file ends after {got}", hint="is it whole? A box of three or nine numbers ends it"
        )
    table = _Table(file, rows)
    return Structure(
        title=title,
        residue_numbers=table.integers(0),
        residue_names=table.names(5),
        atom_names=table.names(10),
        atom_numbers=table.atom_numbers(),
        positions=table.coordinates(),
        velocities=table.velocities(),
        box=read_box(Line(last, file, count + 3)),
        more=more,
    )


def write_gro(path: Path | str, structure: Structure, decimals: int = 12) -> None:
    """Write a structure to a ``.gro`` file.

    Parameters
    ----------
    path : path
        Where to.
    structure : Structure
        Numbers of residues and atoms are written modulo 100000.
    decimals : int
        Of positions in nm, from 3 to 17; velocities get one more. GROMACS reads any number; other programs may want 3.

    Raises
    ------
    InvalidError
        For names that do not fit in five characters, and numbers that are not finite.
    """
    if not 3 <= decimals <= 17:
        raise InvalidError(f"decimals: {decimals}", hint="give 3 to 17", field="decimals")
    _check_names(structure)
    moving = [] if structure.velocities is None else [structure.velocities]
    numbers = np.concatenate([structure.positions, *moving], axis=1)
    if not (np.isfinite(numbers).all() and np.isfinite(structure.box).all()):
        raise InvalidError("the structure has numbers that are not finite", hint="mend them", field="positions")
    largest = int(np.abs(numbers).max(initial=0.0))
    # One column wider than the longest number, so that the columns never touch.
    width = max(decimals + 5, len(str(largest)) + decimals + 3 + bool(moving))
    form = f"%5d%-5s%5s%5d{f'%{width}.{decimals}f' * 3}{f'%{width}.{decimals + 1}f' * 3 * len(moving)}\n"
    columns = [
        _wrapped(structure.residue_numbers).tolist(),
        structure.residue_names.tolist(),
        structure.atom_names.tolist(),
        _wrapped(structure.atom_numbers).tolist(),
        *numbers.T.tolist(),
    ]
    tilted = structure.box.any() and not np.array_equal(structure.box, np.diag(np.diag(structure.box)))
    box = " ".join(f"{structure.box[place]:.{decimals}f}" for place in BOX[: 9 if tilted else 3])
    with Path(path).open("w", encoding="utf-8") as opened:
        opened.write(f"{structure.title}\n{len(structure):5d}\n")
        opened.writelines(form % row for row in zip(*columns, strict=True))
        opened.write(f"{box}\n")


def _check_names(structure: Structure) -> None:
    if "\n" in structure.title:
        raise InvalidError("title: it has several lines", hint="give one line", field="title")
    for field, names in (("residue_names", structure.residue_names), ("atom_names", structure.atom_names)):
        for name in np.unique(names).tolist():
            if not (0 < len(name) <= 5 and name.isascii() and name.isprintable()) or " " in name:
                raise InvalidError(
                    f"{field}: {name!r} does not fit a .gro file",
                    hint="use one to five ASCII characters without blanks",
                    field=field,
                )


def _wrapped(numbers: IntArray) -> IntArray:
    """Return numbers that fit in five characters."""
    return np.asarray(np.where(numbers < 0, np.fmod(numbers, 10000), np.fmod(numbers, 100000)))


def _text(line: bytes) -> str:
    return line.decode("utf-8", errors="replace").rstrip("\r\n")


def _count(line: Line) -> int:
    words = line.text.split()
    if not words or not words[0].isdecimal() or len(words[0]) > 18:
        raise line.error(
            f"{line.text.strip()!r} where the number of atoms must stand", hint="the second line of a .gro file says it"
        )
    return int(words[0])


class _Table:
    """The lines of atoms as a table of characters."""

    def __init__(self, file: Path, rows: Sequence[bytes]) -> None:
        self._file = file
        self._rows = rows
        self._width = self._find_width() if rows else 8
        whole = _HEAD + 6 * self._width
        padded = np.array([row[:whole] for row in rows], dtype=f"S{whole}")
        self._letters = padded.view("S1").reshape(len(rows), whole)
        self._letters[self._letters == b""] = b" "

    def _find_width(self) -> int:
        """Return how far the decimal points of the first atom are apart."""
        first = self._rows[0]
        points = [i for i, letter in enumerate(first[_HEAD:], _HEAD) if letter == ord(".")][:3]
        if len(points) < 3 or points[1] - points[0] != points[2] - points[1] or points[1] - points[0] > _WIDEST:
            raise self._line(0).error(
                "the coordinates do not have decimal points that are equally far apart",
                hint="a .gro file has fixed columns: 20 characters, then three coordinates of the same width",
            )
        return points[1] - points[0]

    def names(self, start: int) -> StringArray:
        column = self._column(start, 5)
        found: Any = np.char.strip(column)
        if not (column.view(np.uint8) & 0x80).any():  # then numpy decodes them itself, many times faster
            longest = np.char.str_len(found).max(initial=1)
            names: StringArray = found.astype(f"U{longest}")
        else:
            names = np.char.decode(found, "utf-8", "replace")
        names.flags.writeable = False
        return names

    def integers(self, start: int) -> IntArray:
        words = self._column(start, 5)
        try:
            found: IntArray = freeze(words.astype(np.int64), "int64")
        except ValueError:
            wrong = next(i for i, word in enumerate(words) if not word.strip().lstrip(b"-+").isdigit())
            raise self._line(wrong).error(
                f"{_text(words[wrong]).strip()!r} where the number of a residue must stand",
                hint="its first five characters are a whole number",
            ) from None
        return found

    def atom_numbers(self) -> IntArray:
        """Return the numbers of atoms; where they are none, as GROMACS does not look at them, count."""
        try:
            found = self._column(15, 5).astype(np.int64)
        except ValueError:
            found = np.arange(1, len(self._rows) + 1)
        numbers: IntArray = freeze(found, "int64")
        return numbers

    def coordinates(self) -> FloatArray:
        found: FloatArray = freeze(np.stack([self._floats(i, self._part(i)) for i in range(3)], axis=1))
        return found

    def velocities(self) -> FloatArray | None:
        """Return the velocities; None where no line has any, 0 where a line has none."""
        if not (self._letters[:, _HEAD + 3 * self._width :] != b" ").any():
            return None
        columns = []
        for i in range(3, 6):
            words = self._part(i)
            words[np.char.strip(words) == b""] = b"0"
            columns.append(self._floats(i, words))
        found: FloatArray = freeze(np.stack(columns, axis=1))
        return found

    def _part(self, number: int) -> AnyArray:
        return self._column(_HEAD + number * self._width, self._width)

    def _column(self, start: int, width: int) -> AnyArray:
        return np.ascontiguousarray(self._letters[:, start : start + width]).view(f"S{width}").reshape(-1)

    def _floats(self, number: int, words: AnyArray) -> FloatArray:
        start = _HEAD + number * self._width
        try:
            values: FloatArray = words.astype(np.float64)
        except ValueError:
            values = np.full(len(words), np.nan)
        underscored = (self._letters[:, start : start + self._width] == b"_").any()
        if underscored or not np.isfinite(values).all():
            wrong = next(i for i, word in enumerate(words) if not _is_number(word))
            what = "velocity" if number > 2 else "coordinate"
            raise self._line(wrong).error(
                f"{_text(words[wrong]).strip()!r} where a {what} must stand",
                hint=f"the columns of coordinates are {self._width} characters wide, as in the first line of atoms",
            )
        return values

    def _line(self, row: int) -> Line:
        return Line(_text(self._rows[row]), self._file, row + 3)


def _is_number(word: Any) -> bool:
    try:
        return bool(np.isfinite(float(word))) and b"_" not in word
    except ValueError:
        return False
