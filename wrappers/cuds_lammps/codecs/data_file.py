"""Coefficients that stand in a data file: the commands that say the same."""

import re
from collections.abc import Iterator
from pathlib import Path

from cuds_lammps.codecs.script import Statement

_SECTIONS = {
    "Pair Coeffs": "pair_coeff {0} {0} {1}",
    "PairIJ Coeffs": "pair_coeff {0} {1}",
    "Bond Coeffs": "bond_coeff {0} {1}",
    "Angle Coeffs": "angle_coeff {0} {1}",
    "Dihedral Coeffs": "dihedral_coeff {0} {1}",
    "Improper Coeffs": "improper_coeff {0} {1}",
}
_LABELS = re.compile(r"^\s*(Atom|Bond|Angle|Dihedral|Improper) Type Labels\b", re.MULTILINE)
_HEADER = re.compile(rf"^[ \t]*({'|'.join(_SECTIONS)})[ \t]*(?:#[^\n]*)?$", re.MULTILINE)


def coefficients(file: Path, statement: Statement) -> Iterator[Statement]:
    """Yield the commands that the sections of coefficients of a data file stand for, in its order.

    Raises
    ------
    UnsupportedError
        When its types have labels.
    """
    content = file.read_bytes().decode("utf-8", errors="replace").replace("\r\n", "\n")
    text = content.partition("\n")[2]  # without the title
    if match := _LABELS.search(text):
        raise statement.refused(f"{file.name}: {match[0].strip()}: labels are not carried", "write numbers of types")
    for header in _HEADER.finditer(text):
        number = text.count("\n", 0, header.start()) + 2
        for offset, line in enumerate(text[header.end() :].split("\n")[1:], start=1):
            words = line.partition("#")[0].split()
            if words and words[0][0].isalpha():
                break
            if words:
                said = _SECTIONS[header[1]].format(words[0], " ".join(words[1:]))
                yield Statement(said, file, number + offset)
