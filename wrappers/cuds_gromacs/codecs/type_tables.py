"""The numbers that a force field has for groups of atom types, and which of them GROMACS takes."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cuds.arrays import FloatArray
from cuds_gromacs.codecs.directives import Function
from cuds_gromacs.codecs.lines import Line

Types = tuple[str, ...]
WILDCARD = "X"


@dataclass(slots=True)
class Block:
    """What a force field has for one group of types.

    Parameters
    ----------
    types : tuple of str
        In the order of its first line.
    rows : list of array (a + b,)
        The numbers of states A and B; several for dihedrals of function 9.
    two_states : bool
        Whether a line has numbers of its own for state B.
    order : int
        How many blocks the table had before.
    line : Line
        The first line.
    again : bool
        Whether another line replaced it, or said the same.
    """

    types: Types
    rows: list[FloatArray]
    two_states: bool
    order: int
    line: Line
    again: bool = False


class TypeTable:
    """All that a force field has for one function.

    Parameters
    ----------
    function : Function
        Which.
    wildcards : bool
        Whether GROMACS looks at wildcards when it searches the table.
    mirrored : tuple of int
        The numbers x that are 1 - x when the types are turned around.
    """

    def __init__(self, function: Function, *, wildcards: bool = False, mirrored: tuple[int, ...] = ()) -> None:
        self.function = function
        self._wildcards = wildcards
        self._mirrored = mirrored
        self._blocks: dict[Types, Block] = {}
        self._patterns: set[tuple[bool, ...]] = set()  # where the blocks have wildcards
        self._last: Types = ()

    def add(self, types: Types, numbers: FloatArray, line: Line, *, repeat: bool = False) -> None:
        """Take the numbers of one line; where `repeat`, lines that follow each other add up, else the last one counts.

        Parameters
        ----------
        types : tuple of str
            Of the atoms.
        numbers : array (a,) or (a + b,)
            Without those of state B, they are those of state A.
        line : Line
            Where they stand.
        repeat : bool
            Whether the line is a dihedral of function 9.

        Warns
        -----
        UserWarning
            When other numbers for the same types are replaced.

        Raises
        ------
        FormatError
            When a dihedral of function 9 comes back after others.
        """
        two_states = len(numbers) > self.function.a
        row = numbers if two_states else np.concatenate([numbers, numbers[: self.function.b]])
        old = self._blocks.get(types) or self._blocks.get(types[::-1])
        if old is None:
            self._blocks[types] = Block(types, [row], two_states, len(self._blocks), line)
            self._patterns.add(tuple(t == WILDCARD for t in types))
            self._last = types
            return
        old.again = True
        if repeat:
            self._repeat(old, types, row, line)
            old.two_states = old.two_states or two_states
        elif any(not np.array_equal(row, r) for r in old.rows):
            warnings.warn(
                f"{line.place}: replaces the numbers for {' '.join(types)} of {old.line.place}; GROMACS takes the "
                "later ones, too, but only with -maxwarn",
                stacklevel=2,
            )
            old.rows[:] = [row] * len(old.rows)
            old.two_states = two_states

    def _repeat(self, old: Block, types: Types, row: FloatArray, line: Line) -> None:
        if any(np.array_equal(row, r) for r in old.rows):
            return
        if types != self._last:
            raise line.error(
                f"a second block of dihedrals of function 9 for {' '.join(types)}; the first is at {old.line.place}",
                hint="put the lines for the same types one after the other, in the same order of types, or take the "
                "old ones out",
            )
        old.rows.append(row)

    def find(self, types: Types) -> Block | None:
        """Return what GROMACS takes for these types: the first of the best matches, None without any."""
        if self._wildcards:
            return min(self._matches(types), key=lambda m: (m[0], m[1].order), default=(0, None))[1]
        exact = self._blocks.get(types)
        turned = self._blocks.get(types[::-1])
        return exact or (self._turned(turned) if turned is not None else None)

    def _matches(self, types: Types) -> Iterator[tuple[int, Block]]:
        """Yield the blocks that fit, with how many wildcards they need for it."""
        for hidden in self._patterns:
            for turned in (types, types[::-1]):
                block = self._blocks.get(tuple(WILDCARD if h else t for h, t in zip(hidden, turned, strict=True)))
                if block is not None:
                    yield sum(hidden), block

    def _turned(self, block: Block) -> Block:
        """Return a block for the types turned around; GROMACS forgets to mirror it where a second line replaces it."""
        if not self._mirrored or block.again:
            return block
        rows = [row.copy() for row in block.rows]
        for row in rows:
            row[list(self._mirrored)] = 1 - row[list(self._mirrored)]
        return Block(block.types[::-1], rows, block.two_states, block.order, block.line)
