"""The words of lines that each name atoms, a function and numbers: read many at once where they are plain."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from cuds.arrays import AnyArray, FloatArray, IntArray, distinct_rows
from cuds_gromacs.codecs.columns import floats, integers
from cuds_gromacs.codecs.lines import Lines

_PLAIN = b"0123456789+-.eE \t\n"
_MANY = 100  # lines that are read faster at once than one by one
_BLOCK = 1 << 14  # lines that are read at once: few enough to stay in the cache of a processor
_DIGITS = 15  # of a plain whole number: more could be too large for an array
_WIDEST = 256  # words of a plain line


class Words(Protocol):
    """The words of lines by function."""

    def functions(self) -> Iterator[tuple[int, list[IntArray]]]:
        """Yield each function, with its lines: an array for those of each length.

        All are in the order of their first lines.
        """
        ...

    def atoms(self, part: IntArray) -> IntArray:
        """Return the atoms (n, k) of lines of one length, as written."""
        ...

    def numbers(self, part: IntArray) -> FloatArray:
        """Return what stands behind the function (n, m) on lines of one length."""
        ...


def words_of(directive: str, lines: Lines, atoms: int) -> Words:
    """Return the words of lines that begin with so many atoms; the function behind them is 1 where there is none.

    Raises
    ------
    FormatError
        When a line has fewer atoms. What it yields raises it for words that are no numbers.
    """
    table = plain_numbers(lines.texts, atoms + 1) if len(lines) >= _MANY else None
    if table is not None and table.widths.min() >= atoms:
        return _Plain(table, atoms)
    return _Any(directive, lines, atoms)


class Table(NamedTuple):
    """Lines that begin with whole numbers, and go on with others.

    Parameters
    ----------
    widths : array (n,)
        How many numbers each has.
    whole : array (n, k)
        The whole ones, 0 behind the last.
    others : array (n, m)
        The others, NaN behind the last.
    """

    widths: IntArray
    whole: IntArray
    others: FloatArray


def plain_numbers(texts: Sequence[str], whole: int) -> Table | None:
    """Return what lines of nothing but plain numbers say, None where they say anything else.

    Parameters
    ----------
    texts : sequence of str
        None is empty, or has blanks at its ends.
    whole : int
        So many words at the beginning of each are whole numbers, as ``str`` writes them, not negative.
    """
    blocks: list[Table] = []
    for start in range(0, len(texts), _BLOCK):
        block = _block(texts[start : start + _BLOCK], whole)
        if block is None:
            return None
        blocks.append(block)
    if len(blocks) == 1:
        return blocks[0]
    others = np.full((len(texts), max(block.others.shape[1] for block in blocks)), np.nan)
    for start, block in zip(range(0, len(texts), _BLOCK), blocks, strict=True):
        others[start : start + len(block.others), : block.others.shape[1]] = block.others
    whole_ones = np.concatenate([block.whole for block in blocks])
    return Table(np.concatenate([block.widths for block in blocks]), whole_ones, others)


def _block(texts: Sequence[str], whole: int) -> Table | None:
    text = "\n".join(texts)
    data = text.encode() if text.isascii() else b"?"
    if data.translate(None, _PLAIN):
        return None
    letters = np.frombuffer(data, dtype=np.uint8)
    blank = letters <= ord(" ")
    edges = np.flatnonzero(blank[1:] != blank[:-1]) + 1
    starts, ends = np.concatenate([[0], edges[1::2]]), np.concatenate([edges[::2], [len(letters)]])
    first = np.concatenate([[0], np.searchsorted(starts, np.flatnonzero(letters == ord("\n"))), [len(starts)]])
    widths = first[1:] - first[:-1]
    most = int(widths.max())
    if most > _WIDEST:
        return None
    behind = np.full((len(texts), max(0, most - whole)), np.nan)
    table = Table(widths, np.zeros((len(texts), whole), dtype=np.int64), behind)
    for width in np.flatnonzero(np.bincount(widths)).tolist():
        rows = np.flatnonzero(widths == width)
        words = first[rows, None] + np.arange(min(width, whole))
        numbers = _whole(letters, starts[words], ends[words])
        others = _others(texts if len(rows) == len(texts) else [texts[i] for i in rows.tolist()], whole, width)
        if numbers is None or others is None:
            return None
        table.whole[rows, : numbers.shape[1]], table.others[rows, : others.shape[1]] = numbers, others
    return table


def _whole(letters: AnyArray, starts: IntArray, ends: IntArray) -> IntArray | None:
    """Return words as whole numbers; None where one is not written as ``str`` does it, or is long."""
    lengths, last = ends - starts, ends - 1
    values = np.zeros_like(lengths)
    longest = int(lengths.max())
    if longest > _DIGITS:
        return None
    for place in range(longest):
        digits = letters[np.minimum(starts + place, last)] - np.uint8(ord("0"))
        if (digits > 9).any() or (place == 0 and ((digits == 0) & (lengths > 1)).any()):
            return None
        values = np.where(lengths > place, 10 * values + digits, values)
    return values


def _others(texts: Sequence[str], first: int, width: int) -> FloatArray | None:
    """Return what stands from a column on, of lines of one length; None where a word is no finite number."""
    if width <= first:
        return np.empty((len(texts), 0))
    try:
        found: FloatArray = np.loadtxt(texts, comments=None, usecols=range(first, width), ndmin=2)
    except ValueError:
        return None
    return found if np.isfinite(found).all() else None


class _Plain:
    """Words that are all plain numbers."""

    def __init__(self, table: Table, atoms: int) -> None:
        self._table = table
        self._atoms = atoms
        self._functions = np.where(table.widths > atoms, table.whole[:, atoms], 1)

    def functions(self) -> Iterator[tuple[int, list[IntArray]]]:
        key = self._functions * (_WIDEST + 1) + self._table.widths
        parts: dict[int, list[IntArray]] = defaultdict(list)
        for line in np.sort(distinct_rows(key[:, None])[0]).tolist():
            parts[int(self._functions[line])].append(np.flatnonzero(key == key[line]))
        yield from parts.items()

    def atoms(self, part: IntArray) -> IntArray:
        return self._table.whole[part, : self._atoms]

    def numbers(self, part: IntArray) -> FloatArray:
        found = max(0, int(self._table.widths[part[0]]) - self._atoms - 1)
        return self._table.others[part, :found]


class _Any:
    """Words of any kind, looked at one by one."""

    def __init__(self, directive: str, lines: Lines, atoms: int) -> None:
        self._lines = lines
        self._atoms = atoms
        self._words = [text.split() for text in lines.texts]
        short = next((i for i, row in enumerate(self._words) if len(row) < atoms), None)
        if short is not None:
            raise lines[short].error(
                f"[ {directive} ]: {len(self._words[short])} atoms, not {atoms}",
                hint="write the atoms, the function, the numbers",
            )

    def functions(self) -> Iterator[tuple[int, list[IntArray]]]:
        groups: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for i, row in enumerate(self._words):
            groups[row[self._atoms] if len(row) > self._atoms else "1"][len(row)].append(i)
        for function, parts in groups.items():
            first = next(iter(parts.values()))[0]
            number = int(integers([[function]], slice(0, 1), [self._lines[first]])[0, 0])
            yield number, [np.array(part) for part in parts.values()]

    def atoms(self, part: IntArray) -> IntArray:
        return integers(self._rows(part), slice(0, self._atoms), self._lines.at(part))

    def numbers(self, part: IntArray) -> FloatArray:
        rows = self._rows(part)
        if len(rows[0]) <= self._atoms + 1:
            return np.empty((len(rows), 0))
        return floats(rows, self._atoms + 1, self._lines.at(part))

    def _rows(self, part: IntArray) -> list[list[str]]:
        return [self._words[i] for i in part.tolist()]
