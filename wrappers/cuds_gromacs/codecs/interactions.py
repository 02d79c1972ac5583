"""Interactions of a molecule type: their lines, and the numbers that the force field has for those without any."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cuds.arrays import AnyArray, FloatArray, IntArray, distinct_rows, repeating
from cuds.errors import FormatError
from cuds_gromacs.codecs.atoms import Atoms
from cuds_gromacs.codecs.directives import INTERACTIONS, Function
from cuds_gromacs.codecs.force_field import ForceField
from cuds_gromacs.codecs.lines import Line, Lines
from cuds_gromacs.codecs.type_tables import Block
from cuds_gromacs.codecs.words import Words, words_of


@dataclass(slots=True)
class Chunk:
    """Interactions of one function from one directive.

    Parameters
    ----------
    function : int
        Its number, as written.
    atoms : array (n, k)
        From 0.
    numbers : array (n, a + b)
        Of both states.
    two_states : bool
        Whether a line or a type has numbers of its own for state B, or an atom another type.
    lines : array (n,) of int
        The line of each.
    """

    function: int
    atoms: IntArray
    numbers: FloatArray
    two_states: bool
    lines: IntArray


@dataclass(slots=True)
class _Rows:
    """Lines of one function: their atoms, and the numbers of those that have some."""

    directive: str
    function: int
    what: Function
    lines: Lines
    index: IntArray  # of the lines among those of the directive
    atoms: IntArray
    given: FloatArray  # (n, a + b), NaN where there are none
    count: IntArray  # how many numbers a line has

    def line(self, row: int) -> Line:
        return self.lines[int(self.index[row])]


def read_interactions(directive: str, lines: Lines, atoms: Atoms, field: ForceField) -> Iterator[Chunk]:
    """Yield the interactions of the lines of one directive, by function.

    Parameters
    ----------
    directive : str
        Its present name.
    lines : Lines
        Those between it and the next.
    atoms : Atoms
        Of the molecule type, as far as they stand before it.
    field : ForceField
        What lines without numbers take theirs from.

    Raises
    ------
    FormatError
        For words that are no numbers, atoms that are not there or twice, functions that are not known, too few or too
        many numbers, types for which the force field has none.

    Warns
    -----
    UserWarning
        For pairs of function 2 without numbers, which get no Lennard-Jones energy.
    """
    for rows in _by_function(directive, lines):
        _check_atoms(rows, len(atoms))
        chunk = _Lookup(rows, atoms, field).chunk()
        _check_states(rows, chunk)
        if directive == "dihedrals" and rows.function == 3:  # GROMACS leaves these out
            some = chunk.numbers.any(axis=1)
            chunk.atoms, chunk.numbers, chunk.lines = chunk.atoms[some], chunk.numbers[some], chunk.lines[some]
        if len(chunk.atoms):
            yield chunk


def _by_function(directive: str, lines: Lines) -> Iterator[_Rows]:
    """Sort lines by function, and make numbers of their words."""
    words = words_of(directive, lines, 1 if directive == "settles" else INTERACTIONS[directive].atoms)
    for function, parts in words.functions():
        yield _group(directive, function, parts, words, lines)


def _group(directive: str, number: int, parts: list[IntArray], words: Words, lines: Lines) -> _Rows:
    what = _function(directive, number, lines[int(parts[0][0])])
    given, atoms, count = [], [], []
    for part in parts:
        values = words.numbers(part)
        found = values.shape[1]
        if found not in (0, what.a, what.a + what.b):
            raise lines[int(part[0])].error(
                f"[ {directive} ]: {found} numbers for function {number} ({what.name}), which takes "
                f"{what.a}{f' or {what.a + what.b}' if what.b else ''}",
                hint="add what is missing, take away what is too much, or leave all out for those of the force field",
            )
        nothing = np.full((len(part), what.a + what.b - found), np.nan)
        given.append(np.concatenate([values, values[:, : what.b] if found == what.a and found else nothing], axis=1))
        count.append(np.full(len(part), found))
        atoms.append(words.atoms(part) - 1 + (np.arange(3) if directive == "settles" else 0))
    if len(parts) == 1:
        return _Rows(directive, number, what, lines, parts[0], atoms[0], given[0], count[0])
    index = np.concatenate(parts)
    order = np.argsort(index)
    together = [np.concatenate(some)[order] for some in (atoms, given, count)]
    return _Rows(directive, number, what, lines, index[order], *together)


def _function(directive: str, number: int, line: Line) -> Function:
    what = INTERACTIONS[directive].function(number)
    if what is None:
        known = ", ".join(f"{n} ({f.name})" for n, f in INTERACTIONS[directive].functions.items())
        raise line.error(f"[ {directive} ]: there is no function {number}", hint=f"known: {known}", function=number)
    return what


def _check_atoms(rows: _Rows, total: int) -> None:
    if not 0 <= rows.atoms.min() <= rows.atoms.max() < total:
        row, column = np.argwhere((rows.atoms < 0) | (rows.atoms >= total))[0]
        raise rows.line(row).error(
            f"[ {rows.directive} ]: atom {rows.atoms[row, column] + 1}, but the molecule type has 1 to {total}",
            hint="number atoms within their molecule type; does the directive stand in the right one, after [ atoms ]?",
        )
    if rows.directive != "angle_restraints" and (twice := repeating(rows.atoms)).any():
        row = int(np.argmax(twice))
        ordered = np.sort(rows.atoms[row])
        atom = ordered[1:][ordered[1:] == ordered[:-1]][0]
        raise rows.line(row).error(f"[ {rows.directive} ]: atom {atom + 1} twice", hint="name different atoms")


def _check_states(rows: _Rows, chunk: Chunk) -> None:
    """Refuse what GROMACS does not take to differ between the states."""
    fixed, a = rows.what.fixed, rows.what.a
    if fixed is not None and chunk.two_states:
        wrong = np.flatnonzero(chunk.numbers[:, fixed] != chunk.numbers[:, a + fixed])
        if len(wrong):
            raise rows.lines[int(chunk.lines[wrong[0]])].error(
                f"[ {rows.directive} ]: number {fixed + 1} of function {rows.function} differs between the states",
                hint="multiplicities and tables must be the same in states A and B",
            )


class _Lookup:
    """What the force field has for lines without numbers."""

    def __init__(self, rows: _Rows, atoms: Atoms, field: ForceField) -> None:
        self._rows = rows
        self._atoms = atoms
        self._field = field
        self._names = list(field.atom_types)
        self._types = INTERACTIONS[rows.directive].types

    def chunk(self) -> Chunk:
        """Return the interactions; a line of a multiple dihedral becomes several."""
        rows, what = self._rows, self._rows.what
        missing = np.flatnonzero(rows.count == 0) if what.a else np.empty(0, dtype=np.int64)
        two_states = bool(what.b) and bool((rows.count > what.a).any())
        if rows.directive.startswith("virtual_sites") or not len(missing):
            return Chunk(rows.function, rows.atoms, rows.given, two_states, rows.index)
        blocks, kind = self._blocks(missing)
        found, tall = np.concatenate([n for n, _ in blocks]), np.array([len(n) for n, _ in blocks])
        height = np.ones(len(rows.atoms), dtype=np.int64)
        height[missing] = tall[kind]
        start = np.cumsum(height) - height
        within = _count_up(height[missing])
        full = np.repeat(rows.given, height, axis=0)
        full[np.repeat(start[missing], height[missing]) + within] = found[
            np.repeat((np.cumsum(tall) - tall)[kind], height[missing]) + within
        ]
        two_states = two_states or any(own for _, own in blocks)
        atoms, index = np.repeat(rows.atoms, height, axis=0), np.repeat(rows.index, height)
        if rows.directive == "pairs" and rows.function == 2:
            full[start[missing], 1:3] = self._atoms.charges[rows.atoms[missing]]
            warnings.warn(
                f"{rows.line(int(missing[0])).place}: {len(missing)} [ pairs ] of function 2 without numbers get those "
                "of Coulomb, and no Lennard-Jones energy: GROMACS 2022 gives them none",
                stacklevel=2,
            )
        return Chunk(rows.function, atoms, full, two_states and bool(what.b), index)

    def _blocks(self, missing: IntArray) -> tuple[list[tuple[FloatArray, bool]], IntArray]:
        """Return what there is for each group of types, and which group each line is of."""
        atoms, pair = self._rows.atoms[missing], self._rows.directive == "pairs"
        keys = self._atoms.types[atoms]
        perturbed: AnyArray = np.any(self._atoms.perturbed[atoms], axis=1)
        if perturbed.any():
            keys = np.concatenate([keys, self._atoms.b_types[atoms]], axis=1)
        first, kind = distinct_rows(keys)
        find = self._pair if pair else self._bonded
        return [find(int(missing[i]), bool(perturbed[i])) for i in first], kind

    def _pair(self, row: int, perturbed: bool) -> tuple[FloatArray, bool]:
        one, other = self._rows.atoms[row]
        found = self._field.pair(self._names[self._atoms.types[one]], self._names[self._atoms.types[other]])
        if found is None:
            raise self._nothing(row, False)
        if self._rows.function == 2:
            return np.array([[self._field.defaults.fudge_qq, 0.0, 0.0, 0.0, 0.0]]), False
        b = self._field.pair(self._names[self._atoms.b_types[one]], self._names[self._atoms.b_types[other]])
        return np.concatenate([found, found if b is None else b])[None], perturbed

    def _bonded(self, row: int, perturbed: bool) -> tuple[FloatArray, bool]:
        found = self._block(row, self._atoms.types)
        if found is None:
            raise self._nothing(row, True)
        numbers = np.stack(found.rows)
        if not perturbed:
            return numbers, found.two_states
        other = self._block(row, self._atoms.b_types)
        several = len(found.rows) > 1 or (other is not None and len(other.rows) > 1)
        proper = self._rows.directive == "dihedrals" and self._rows.function in (1, 9)
        if other is not found and (several or (proper and other is None)):
            raise self._rows.line(row).error(
                f"[ {self._rows.directive} ]: the force field has other numbers of terms for the states A and B",
                hint="write the numbers of both states on lines of their own",
            )
        if other is not None:
            numbers = numbers.copy()
            numbers[:, self._rows.what.a :] = np.stack(other.rows)[:, self._rows.what.a :]
        return numbers, True

    def _block(self, row: int, types: IntArray) -> Block | None:
        if not self._types:
            return None
        names = tuple(self._bonded_name(t) for t in types[self._rows.atoms[row]])
        return self._field.table(self._types, self._rows.function).find(names)

    def _bonded_name(self, number: int) -> str:
        return self._field.atom_types[self._names[number]].bonded

    def _nothing(self, row: int, bonded: bool) -> FormatError:
        rows, line = self._rows, self._rows.line(row)
        names = [self._names[t] for t in self._atoms.types[rows.atoms[row]]]
        named = " ".join(self._field.atom_types[n].bonded if bonded else n for n in names)
        where = f"add them to the line, or a line for {named} to [ {self._types} ]" if self._types else "add them"
        made = "; or set gen-pairs to yes in [ defaults ]" if rows.directive == "pairs" else ""
        return line.error(
            f"[ {rows.directive} ]: no numbers for atoms {' '.join(str(a + 1) for a in rows.atoms[row])} of the "
            f"{'bonded' if bonded else 'atom'} types {named}, function {rows.function} ({rows.what.name})",
            hint=f"{where}{made}",
            types=named,
        )


def _count_up(lengths: IntArray) -> IntArray:
    """Return 0, 1, ... up to each of the lengths, one after the other."""
    return np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
