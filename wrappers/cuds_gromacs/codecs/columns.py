"""Columns of numbers from the words of lines, with errors that name the word."""

import re
from collections.abc import Sequence

import numpy as np

from cuds.arrays import AnyArray, FloatArray, IntArray
from cuds.errors import FormatError
from cuds_gromacs.codecs.lines import Line

Rows = Sequence[Sequence[str]]


def words_by_line(texts: Sequence[str]) -> tuple[list[str], IntArray]:
    """Return the words of lines, one line after the other, and how many each line (n,) has."""
    words: list[str] = []
    lengths: list[int] = []
    for text in texts:
        row = text.split()
        words += row
        lengths.append(len(row))
    return words, np.array(lengths, dtype=np.int64)


def floats(rows: Rows, first: int, lines: Sequence[Line]) -> FloatArray:
    """Return the words from the column `first` on as numbers (n, m); all rows are of one length.

    Parameters
    ----------
    rows : sequence of sequences of str
        The words of lines.
    first : int
        The first column wanted.
    lines : sequence of Line
        Where they stand.

    Raises
    ------
    FormatError
        When a word is no number, or no finite one.
    """
    width = len(rows[0]) - first if rows else 0
    return _floats([word for row in rows for word in row[first:]], lines, width).reshape(len(rows), width)


def float_column(words: Sequence[str], lines: Sequence[Line]) -> FloatArray:
    """Return words as numbers (n,), one of each line; errors as of `floats`."""
    return _floats(words, lines, 1)


def integers(rows: Rows, columns: slice, lines: Sequence[Line]) -> IntArray:
    """Return some columns as whole numbers (n, m); all rows have them.

    Raises
    ------
    FormatError
        When a word is no whole number.
    """
    words = [word for row in rows for word in row[columns]]
    width = len(words) // len(rows) if rows else 0
    found: IntArray = _converted(words, int, lines, width)
    return found.reshape(len(rows), width)


def integer_column(words: Sequence[str], lines: Sequence[Line]) -> IntArray:
    """Return words as whole numbers (n,), one of each line; errors as of `integers`."""
    found: IntArray = _converted(words, int, lines, 1)
    return found


def _floats(words: Sequence[str], lines: Sequence[Line], width: int) -> FloatArray:
    numbers: FloatArray = _converted(words, float, lines, width)
    if not np.isfinite(numbers).all():
        wrong = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise lines[wrong // width].error(f"{words[wrong]!r} is not finite", hint="write a number", value=words[wrong])
    return numbers


def _converted(words: Sequence[str], kind: type[float] | type[int], lines: Sequence[Line], width: int) -> AnyArray:
    dtype = np.float64 if kind is float else np.int64
    try:
        if _plain("".join(words)):
            return np.fromiter(map(kind, words), dtype=dtype, count=len(words))
    except (ValueError, OverflowError):
        pass
    wrong = next(i for i, word in enumerate(words) if not _is(word, kind))
    raise not_a_number(words[wrong], lines[wrong // width], whole=kind is int)


def _plain(text: str) -> bool:
    """Whether nothing is in words that only Python takes for a part of a number, like 1_000."""
    return "_" not in text and text.isascii()


def _is(word: str, kind: type[float] | type[int]) -> bool:
    try:
        return _plain(word) and (kind(word) is not None) and (kind is float or abs(int(word)) < 2**63)
    except ValueError:
        return False


def not_a_number(word: str, line: Line, *, whole: bool = False) -> FormatError:
    """Return the error for a word where a number must stand; a name is a macro that nobody defined."""
    wanted = "a whole number" if whole else "a number"
    if re.fullmatch(r"[A-Za-z_]\w*", word):
        return line.error(
            f"{word!r} stands where {wanted} must: a macro that was never defined?",
            hint=f"define it: define = -D{word}=... in the run parameters, or #define {word} ... before this line",
            value=word,
        )
    return line.error(f"{word!r} stands where {wanted} must", hint=f"write {wanted}", value=word)


def number(words: Sequence[str], column: int, line: Line) -> float:
    """Return one word as a number."""
    return float(floats([words[column : column + 1]], 0, [line])[0, 0])


def whole(words: Sequence[str], column: int, line: Line) -> int:
    """Return one word as a whole number."""
    return int(integers([words], slice(column, column + 1), [line])[0, 0])
