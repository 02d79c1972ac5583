"""LAMMPS's data file: atoms, and who is bonded to whom."""

from collections.abc import Iterator, Mapping

import numpy as np

from cuds.arrays import FloatArray, IntArray
from cuds_lammps.frame import Frame
from cuds_lammps.molecules import Section

Placed = tuple[FloatArray, IntArray | None]


def data_file(
    frame: Frame,
    types: IntArray,
    charges: FloatArray,
    placed: Placed,
    found: Mapping[str, Section],
    crossterms: IntArray | None = None,
) -> str:
    """Return a data file for ``atom_style full``, all numbers with all their digits.

    Parameters
    ----------
    frame : Frame
        The box.
    types : int array (n,)
        Of each atom, from 1.
    charges : array (n,)
        In LAMMPS's unit.
    placed : tuple of array (n, 3) and int array (n, 3) or None
        Positions inside the box, and how many cell vectors away each is.
    found : mapping of str to Section
        Bonds, angles, dihedrals and impropers.
    crossterms : int array (n, 6), optional
        Map and atoms of each torsion map, for ``fix cmap``.
    """
    crossed = np.empty((0, 6), dtype=np.int64) if crossterms is None else crossterms
    return "\n".join(_lines(frame, types, charges, placed, found, crossed)) + "\n"


def velocity_section(velocities: FloatArray) -> str:
    """Return what stands at the end of a data file of particles (n, 3) that move, in LAMMPS's unit and frame."""
    rows = (f"{i} {v[0]!r} {v[1]!r} {v[2]!r}" for i, v in enumerate(velocities.tolist(), start=1))
    return "\n".join(["", "Velocities", "", *rows]) + "\n"


def _lines(
    frame: Frame,
    types: IntArray,
    charges: FloatArray,
    placed: Placed,
    found: Mapping[str, Section],
    crossterms: IntArray,
) -> Iterator[str]:
    yield "LAMMPS data file written by cuds"
    yield ""
    yield f"{len(types)} atoms"
    yield f"{int(types.max())} atom types"
    used = {name: section for name, section in found.items() if section.words}
    for name, section in used.items():
        yield f"{sum(map(len, section.rows))} {name}s"
        yield f"{len(section.words)} {name} types"
    if len(crossterms):
        yield f"{len(crossterms)} crossterms"
    high = frame.low + np.diag(frame.cell)
    for axis, low, end in zip("xyz", frame.low.tolist(), high.tolist(), strict=True):
        yield f"{low!r} {end!r} {axis}lo {axis}hi"
    if frame.tilted:
        yield " ".join(repr(float(frame.cell[i, j])) for i, j in ((1, 0), (2, 0), (2, 1))) + " xy xz yz"
    yield from ("", "Atoms # full", "")
    away = np.zeros_like(placed[0], dtype=np.int64) if placed[1] is None else placed[1]
    for i, (kind, q, x, n) in enumerate(
        zip(types.tolist(), charges.tolist(), placed[0].tolist(), away.tolist(), strict=True), start=1
    ):
        yield f"{i} 0 {kind} {q!r} {x[0]!r} {x[1]!r} {x[2]!r} {n[0]} {n[1]} {n[2]}"
    for name, section in used.items():
        yield from ("", f"{name.capitalize()}s", "")
        for i, row in enumerate(np.concatenate(section.rows).tolist(), start=1):
            yield f"{i} " + " ".join(map(str, row))
    yield from ("", "CMAP", "") if len(crossterms) else ()
    for i, row in enumerate(crossterms.tolist(), start=1):
        yield f"{i} " + " ".join(map(str, row))
