"""The ``[ atoms ]`` of a molecule type."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cuds.arrays import AnyArray, FloatArray, IntArray
from cuds.errors import did_you_mean
from cuds_gromacs.codecs.columns import floats, integers
from cuds_gromacs.codecs.lines import Line
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
    lines : tuple of Line
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
    lines: tuple[Line, ...]

    def __len__(self) -> int:
        return len(self.types)

    @cached_property
    def perturbed(self) -> AnyArray:
        """Which atoms have another type in state B."""
        return np.asarray(self.types != self.b_types)


def read_atoms(lines: Sequence[Line], known: Mapping[str, AtomType]) -> Atoms:
    """Return the atoms of a molecule type.

    Parameters
    ----------
    lines : sequence of Line
        All of its ``[ atoms ]``.
    known : mapping of str to AtomType
        The atom types.

    Raises
    ------
    FormatError
        For too few or too many fields, words that are no numbers, unknown types, numbers that do not count from 1.
    """
    rows = [line.text.split() for line in lines]
    for row, line in zip(rows, lines, strict=True):
        if not 6 <= len(row) <= 11:
            raise line.error(f"[ atoms ]: {len(row)} fields, not 6 to 11", hint=f"write {_FIELDS}")
    numbers = integers(rows, slice(0, 1), lines).reshape(-1)
    wrong = np.flatnonzero(numbers != np.arange(1, len(rows) + 1))
    if len(wrong):
        raise lines[wrong[0]].error(
            f"[ atoms ]: atom {numbers[wrong[0]]} where {wrong[0] + 1} is due", hint="number the atoms from 1 on"
        )
    types = _types(rows, 1, lines, known)
    columns = _Columns(rows, lines)
    b_types = types.copy()
    b_types[columns.having(9)] = _types([r for r in rows if len(r) >= 9], 8, lines, known)
    charges, masses = (np.array([getattr(t, f) for t in known.values()]) for f in ("charge", "mass"))
    charge, mass = columns.filled(6, charges[types]), columns.filled(7, masses[types])
    # State B is state A, unless it has a type: then what that type says, and what the line says.
    other = columns.having(9)
    return Atoms(
        types=types,
        b_types=b_types,
        charges=charge,
        masses=mass,
        b_charges=columns.filled(9, np.where(other, charges[b_types], charge)),
        b_masses=columns.filled(10, np.where(other, masses[b_types], mass)),
        two_states=bool(other.any()),
        residues=_residues(rows, lines),
        charge_groups=integers(rows, slice(5, 6), lines).reshape(-1),
        insertions=tuple("" if r[2][-1].isdigit() else r[2][-1] for r in rows),
        residue_names=tuple(r[3] for r in rows),
        names=tuple(r[4] for r in rows),
        lines=tuple(lines),
    )


class _Columns:
    """Columns that only some lines have."""

    def __init__(self, rows: Sequence[Sequence[str]], lines: Sequence[Line]) -> None:
        self._rows = rows
        self._lines = lines
        self._widths = np.array([len(r) for r in rows], dtype=np.int64)

    def having(self, fields: int) -> AnyArray:
        """Return which lines have so many fields, or more."""
        return np.asarray(self._widths >= fields)

    def filled(self, column: int, otherwise: FloatArray) -> FloatArray:
        """Return a column of numbers, with others where a line ends before it."""
        values = otherwise.copy()
        chosen = np.flatnonzero(self.having(column + 1)).tolist()
        words = [self._rows[i][column : column + 1] for i in chosen]
        if chosen:
            values[chosen] = floats(words, 0, [self._lines[i] for i in chosen])[:, 0]
        return values


def _types(
    rows: Sequence[Sequence[str]], column: int, lines: Sequence[Line], known: Mapping[str, AtomType]
) -> IntArray:
    order = {name: i for i, name in enumerate(known)}
    try:
        return np.array([order[row[column]] for row in rows], dtype=np.int64)
    except KeyError as error:
        name = str(error.args[0])
        line = next(k for k in lines if name in k.text.split()[column : column + 1])
        raise line.error(
            f"[ atoms ]: there is no atom type {name!r}", hint=did_you_mean(name, known), type=name
        ) from None


def _residues(rows: Sequence[Sequence[str]], lines: Sequence[Line]) -> IntArray:
    """Return the numbers of residues, without the letters behind them."""
    bare = [[r[2] if r[2][-1].isdigit() else r[2][:-1]] for r in rows]
    for (word,), row, line in zip(bare, rows, lines, strict=True):
        if not word.lstrip("+-").isdigit():
            raise line.error(f"[ atoms ]: {row[2]!r} is no residue number", hint="write a number, like 7 or 7A")
    return integers(bare, slice(0, 1), lines).reshape(-1)
