"""Atoms in a box, as files of GROMACS hold them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cuds.arrays import FloatArray, IntArray, freeze
from cuds_gromacs.codecs.columns import floats
from cuds_gromacs.codecs.lines import Line

StringArray = npt.NDArray[np.str_]
# Where a file has what of the cell: v1x v2y v3z v1y v1z v2x v2z v3x v3y.
BOX = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1))


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """Atoms in a box.

    Parameters
    ----------
    title : str
        The first line.
    residue_numbers, atom_numbers : array (n,)
        As written; .gro files count them modulo 100000.
    residue_names, atom_names : array (n,) of str
        One for each atom.
    positions : array (n, 3)
        In nm.
    velocities : array (n, 3), optional
        In nm/ps.
    box : array (3, 3)
        Its vectors as rows, in nm; zeros where there is none.
    more : bool
        Whether the file has more frames, of which this is the first.
    """

    title: str
    residue_numbers: IntArray
    residue_names: StringArray
    atom_names: StringArray
    atom_numbers: IntArray
    positions: FloatArray
    velocities: FloatArray | None
    box: FloatArray
    more: bool = False

    def __len__(self) -> int:
        return len(self.positions)


def read_box(line: Line) -> FloatArray:
    """Return the vectors of a box (3, 3) as rows, from three or nine numbers in GROMACS's order.

    Raises
    ------
    FormatError
        When there are others.
    """
    words = line.text.split()
    if len(words) not in (3, 9):
        raise line.error(
            f"a box of {len(words)} numbers", hint="3 for a rectangular one, 9 as v1x v2y v3z v1y v1z v2x v2z v3x v3y"
        )
    box = np.zeros((3, 3))
    for (row, column), value in zip(BOX, floats([words], 0, [line])[0], strict=False):
        box[row, column] = value
    frozen: FloatArray = freeze(box)
    return frozen
