"""The ``[ atoms ]`` of a molecule type."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cuds.arrays import AnyArray, FloatArray, IntArray
from cuds.errors import did_you_mean
from cuds_gromacs.codecs.columns import float_column, integer_column, words_by_line
from cuds_gromacs.codecs.lines import Lines
from cuds_gromacs.codecs.records import AtomType

_FIELDS = "number, type, residue number, residue, atom, charge group; charge, mass, and type, charge, mass of state B"


@dataclass(frozen=True)
class Atoms:
    """Atoms with what their types say where they say nothing.

    Parameters
    ----------
    types, b_types : array (n,) of int
        Numbers of atom types.
    charges, masses, b_charges, b_masses : array (n,)
        In e and Da.
    two_states : bool
        Whether a line has fields of state B.
    residues, charge_groups : array (n,)
        As written.
    insertions, residue_names, names : tuple of str
        One for each atom.
    lines : Lines
        One for each atom.
    """

    types: IntArray
    b_types: IntArray
    charges: FloatArray
    masses: FloatArray
    b_charges: FloatArray
    b_masses: FloatArray
    two_states: bool
    residues: IntArray
    charge_groups: IntArray
    insertions: tuple[str, ...]
    residue_names: tuple[str, ...]
    names: tuple[str, ...]
    lines: Lines

    def __len__(self) -> int:
        return len(self.types)

    @cached_property
    def perturbed(self) -> AnyArray:
        """Which atoms have another type in state B."""
        return np.asarray(self.types != self.b_types)


def read_atoms(lines: Lines, known: Mapping[str, AtomType]) -> Atoms:
    """Return the atoms of a molecule type.

    Parameters
    ----------
    lines : Lines
        All of its ``[ atoms ]``.
    known : mapping of str to AtomType
        The atom types.

    Raises
    ------
    FormatError
        For too few or too many fields, words that are no numbers, unknown types, numbers that do not count from 1.
    """
    columns = _Columns(lines)
    numbers = columns.integers(0)
    wrong = np.flatnonzero(numbers != np.arange(1, len(lines) + 1))
    if len(wrong):
        raise lines[int(wrong[0])].error(
            f"[ atoms ]: atom {numbers[wrong[0]]} where {wrong[0] + 1} is due", hint="number the atoms from 1 on"
        )
    types = columns.types(1, known)
    other = columns.having(9)  # a type of state B; without one, that is state A
    b_types = types.copy()
    b_types[other] = columns.types(8, known)
    charges, masses = (np.array([getattr(t, f) for t in known.values()]) for f in ("charge", "mass"))
    charge, mass = columns.filled(6, charges[types]), columns.filled(7, masses[types])
    return Atoms(
        types=types,
        b_types=b_types,
        charges=charge,
        masses=mass,
        b_charges=columns.filled(9, np.where(other, charges[b_types], charge)),
        b_masses=columns.filled(10, np.where(other, masses[b_types], mass)),
        two_states=bool(other.any()),
        residues=columns.residues(2),
        charge_groups=columns.integers(5),
        insertions=columns.insertions(2),
        residue_names=columns.names(3),
        names=columns.names(4),
        lines=lines,
    )


class _Columns:
    """The words of lines, by column."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._words, self._lengths = words_by_line(lines.texts)
        wrong = np.flatnonzero((self._lengths < 6) | (self._lengths > 11))
        if len(wrong):
            raise lines[int(wrong[0])].error(
                f"[ atoms ]: {self._lengths[wrong[0]]} fields, not 6 to 11", hint=f"write {_FIELDS}"
            )
        self._starts = np.cumsum(self._lengths) - self._lengths

    def having(self, fields: int) -> AnyArray:
        """Return which lines have so many fields, or more."""
        return np.asarray(self._lengths >= fields)

    def integers(self, column: int) -> IntArray:
        """Return a column of whole numbers that each line has."""
        return integer_column(self._column(column), self._lines)

    def filled(self, column: int, otherwise: FloatArray) -> FloatArray:
        """Return a column of numbers, with others where a line ends before it."""
        values = otherwise.copy()
        words = self._column(column)
        if words:
            chosen = np.flatnonzero(self.having(column + 1))
            values[chosen] = float_column(words, self._lines.at(chosen))
        return values

    def types(self, column: int, known: Mapping[str, AtomType]) -> IntArray:
        """Return the numbers of the atom types of the lines that have the column."""
        order = {name: i for i, name in enumerate(known)}
        words = self._column(column)
        try:
            return np.fromiter(map(order.__getitem__, words), dtype=np.int64, count=len(words))
        except KeyError as error:
            name = str(error.args[0])
            line = int(np.flatnonzero(self.having(column + 1))[words.index(name)])
            raise self._lines[line].error(
                f"[ atoms ]: there is no atom type {name!r}", hint=did_you_mean(name, known), type=name
            ) from None

    def residues(self, column: int) -> IntArray:
        """Return numbers of residues, without the letters behind them."""
        words = self._column(column)
        bare = {word: word if word[-1].isdigit() else word[:-1] for word in dict.fromkeys(words)}
        for word, number in bare.items():
            if not number.lstrip("+-").isdigit():
                raise self._lines[words.index(word)].error(
                    f"[ atoms ]: {word!r} is no residue number", hint="write a number, like 7 or 7A"
                )
        return integer_column([bare[word] for word in words], self._lines)

    def insertions(self, column: int) -> tuple[str, ...]:
        """Return the letters behind the numbers of residues."""
        words = self._column(column)
        letters = {word: "" if word[-1].isdigit() else word[-1] for word in dict.fromkeys(words)}
        return tuple([letters[word] for word in words])

    def names(self, column: int) -> tuple[str, ...]:
        """Return a column as it is; the same names are one object, as there are few."""
        words = self._column(column)
        once = {word: word for word in dict.fromkeys(words)}
        return tuple([once[word] for word in words])

    def _column(self, column: int) -> list[str]:
        """Return a column of the lines that have it."""
        width = int(self._lengths[0]) if len(self._lengths) else 1
        if (self._lengths == width).all():
            return self._words[column::width] if column < width else []
        places = (self._starts[self.having(column + 1)] + column).tolist()
        return [self._words[i] for i in places]
