"""Structures in the format of GROMOS96, as GROMACS reads and writes it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cuds.arrays import FloatArray, freeze
from cuds_gromacs.codecs.columns import floats, integers
from cuds_gromacs.codecs.frame import Structure, read_box
from cuds_gromacs.codecs.lines import Line, read_lines

_HEAD = 24  # characters before the coordinates: residue number and name, atom name and number
_BLOCKS = ("TITLE", "TIMESTEP", "POSITION", "POSITIONRED", "VELOCITY", "VELOCITYRED", "BOX")


def read_g96(path: Path | str) -> Structure:
    """Return the first frame of a ``.g96`` file.

    Parameters
    ----------
    path : path
        With blocks ``POSITION`` and ``BOX``; those of ``TITLE`` and ``VELOCITY`` may be there, others are passed over.

    Raises
    ------
    UnknownError
        When there is no such file.
    FormatError
        When a block is missing or not closed, or words are not what they should be. It names the line.
    """
    file = Path(path)
    blocks, more = _blocks(file)
    if "POSITION" not in blocks or "BOX" not in blocks:
        missing = "POSITION" if "POSITION" not in blocks else "BOX"
        raise Line("", file, 1).error(f"no block {missing}", hint="a structure has POSITION and BOX; is it whole?")
    atoms = blocks["POSITION"]
    moving = blocks.get("VELOCITY") or blocks.get("VELOCITYRED")
    if moving is not None and len(moving) != len(atoms):
        raise moving[-1].error(f"{len(moving)} velocities for {len(atoms)} atoms", hint="each atom has one")
    heads = [(line.text[:5], line.text[6:11].strip(), line.text[12:17].strip(), line.text[17:_HEAD]) for line in atoms]
    title = blocks.get("TITLE", [])
    return Structure(
        title=title[0].text if title else "",
        residue_numbers=freeze(integers([[h[0].strip()] for h in heads], slice(0, 1), atoms).reshape(-1), "int64"),
        residue_names=np.array([h[1] for h in heads], dtype="U5"),
        atom_names=np.array([h[2] for h in heads], dtype="U5"),
        atom_numbers=freeze(integers([[h[3].strip()] for h in heads], slice(0, 1), atoms).reshape(-1), "int64"),
        positions=_vectors(atoms, _HEAD),
        velocities=None if moving is None else _vectors(moving, _HEAD if "VELOCITY" in blocks else 0),
        box=read_box(blocks["BOX"][0]),
        more=more,
    )


def _blocks(file: Path) -> tuple[dict[str, list[Line]], bool]:
    """Return the lines of the blocks of the first frame, and whether there are more frames."""
    blocks: dict[str, list[Line]] = {}
    lines = (Line(text, file, i) for i, text in enumerate(read_lines(file), 1))
    for head in lines:
        name = head.text.strip()
        if name in blocks and name in ("POSITION", "TIMESTEP", "BOX"):
            return blocks, True
        if not name or name.startswith("#"):
            continue
        if name not in _BLOCKS:
            raise head.error(f"{name!r} where a block must begin", hint=f"known: {', '.join(_BLOCKS)}")
        blocks[name] = _block(head, lines)
    return blocks, False


def _block(head: Line, lines: Iterator[Line]) -> list[Line]:
    inside: list[Line] = []
    for line in lines:
        if line.text.startswith("END"):
            if not inside and head.text.strip() != "TITLE":
                raise head.error(f"the block {head.text.strip()} is empty", hint="is the file whole?")
            return inside
        if not line.text.startswith("#"):
            inside.append(line)
    raise head.error(f"the block {head.text.strip()} is not closed", hint="END closes it; is the file whole?")


def _vectors(lines: list[Line], start: int) -> FloatArray:
    """Return three numbers of each line: of 15 characters, or else with blanks between them."""
    fixed = [[line.text[start + i : start + i + 15] for i in (0, 15, 30)] for line in lines]
    rows = [r if all(map(_is_number, r)) else line.text[start:].split() for r, line in zip(fixed, lines, strict=True)]
    for row, line in zip(rows, lines, strict=True):
        if len(row) != 3:
            raise line.error(
                f"{len(row)} numbers, not 3", hint=f"they stand behind {start} characters, each of 15 characters"
            )
    frozen: FloatArray = freeze(floats([[word.strip() for word in row] for row in rows], 0, lines))
    return frozen


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
