"""The commands that LAMMPS is told, and the script that tells the bare engine the same.

Every command goes through `Script.tell`, which writes it down before the engine sees it; atoms go by the
library and are written down as the commands that make the same atoms. Files are named without their folder.
"""

from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path

import numpy as np

from cuds.arrays import FloatArray, IntArray
from cuds.errors import UnsupportedError
from cuds.model.potential import ParameterFile
from cuds_lammps.frame import Frame
from cuds_lammps.library import Library
from cuds_lammps.styles import Style, commands

INLINE_ATOMS = 20_000
COMPUTING = ("run", "minimize", "rerun")  # what a rehearsal writes down and leaves undone
_LOOPED = 4  # a command that follows itself so often is written as a loop
Rows = Callable[[], list[str]]  # a line for each atom, written when the script is asked for
THERMO = "step pe fmax vol " + " ".join(f"c_cuds_virial[{i}]" for i in range(1, 7))


class Script:
    """What LAMMPS is told, command by command.

    Parameters
    ----------
    library : Library
        Whom to tell.
    folder : Path
        Where its files lie.
    """

    def __init__(self, library: Library, folder: Path) -> None:
        self.library = library
        self.folder = folder
        self.rehearsing = False
        self.lines: list[str | Rows] = []

    def tell(self, line: str) -> None:
        """Tell LAMMPS one command."""
        self.lines.append(line.replace(f"{self.folder}/", ""))
        if not (self.rehearsing and line.split(maxsplit=1)[0] in COMPUTING):
            self.library.command(line)

    def restart(self) -> None:
        """Begin anew, after something damaged the system or changed its make-up."""
        self.library.clear()
        self.lines = []

    def box(self, frame: Frame, n_types: int, charged: bool) -> None:
        """Make the box, with room for so many types of atom."""
        self.tell(f"atom_style {'charge' if charged else 'atomic'}")
        self.order()
        self.tell("boundary " + " ".join("p" if p else "s" for p in frame.pbc))
        self.tell(f"region cuds {'prism' if frame.tilted else 'block'} {bounds(frame)} units box")
        self.tell(f"create_box {n_types} cuds")

    def read(self, frame: Frame, content: str, before: Iterable[str] = (), behind: str = "") -> None:
        """Read atoms and who is bonded from the content of a data file.

        Parameters
        ----------
        frame : Frame
            The box.
        content : str
            Of the file.
        before : iterable of str
            Commands that must stand before it is read.
        behind : str
            What stands behind its name.
        """
        self.tell("atom_style full")
        self.order()
        self.tell("boundary " + " ".join("p" if p else "s" for p in frame.pbc))
        self.tell_all(before)
        self.tell(
            f"read_data {self.place(ParameterFile(name='system.data', content=content.encode()))} {behind}".rstrip()
        )

    def order(self) -> None:
        """Keep atoms in the order in which they were made, and find them by their ids."""
        self.tell("atom_modify map array sort 0 0")

    def atoms(self, types: IntArray, positions: FloatArray, images: IntArray | None) -> None:
        """Make atoms with ids 1..n."""
        self.library.create_atoms(types, positions, images)
        self.lines.append(
            lambda: [
                f"create_atoms {t} single {_numbers(x)} remap yes units box"
                for t, x in zip(types, positions.tolist(), strict=True)
            ]
        )

    def velocities(self, velocities: FloatArray, ids: IntArray | None = None) -> None:
        """Give atoms, all or those of some ids, other velocities, in the order of ids."""
        self.library.set_velocities(velocities, ids)
        which = range(1, len(velocities) + 1) if ids is None else ids.tolist()
        self.lines.append(
            lambda: [
                f"set atom {i} vx {v[0]!r} vy {v[1]!r} vz {v[2]!r}"
                for i, v in zip(which, velocities.tolist(), strict=True)
            ]
        )

    def move(self, frame: Frame, positions: FloatArray, images: IntArray | None) -> None:
        """Give the box another shape and every atom another place."""
        (xx, _, _), (xy, yy, _), (xz, yz, zz) = frame.cell.tolist()
        ends = f"x final 0 {xx!r} y final 0 {yy!r} z final 0 {zz!r}"
        if frame.tilted and not self.library.tilted:
            self.tell("change_box all triclinic")
        if self.library.tilted:
            ends += f" xy final {xy!r} xz final {xz!r} yz final {yz!r}"
        self.tell(f"change_box all {ends} units box")
        self.library.set_positions(positions, images)
        away = np.zeros_like(positions, dtype=np.int64) if images is None else images
        self.lines.append(
            lambda: [
                f"set atom {i} x {x[0]!r} y {x[1]!r} z {x[2]!r} image {n[0]} {n[1]} {n[2]}"
                for i, (x, n) in enumerate(zip(positions.tolist(), away.tolist(), strict=True), start=1)
            ]
        )

    def potential(self, found: list[Style]) -> None:
        """Say what acts between the atoms.

        Raises
        ------
        UnsupportedError
            For a style that this LAMMPS was built without; the package is named.
        """
        for style in found:
            if not self.library.has_pair_style(style.row.keyword):
                raise UnsupportedError(
                    f"potential: this LAMMPS has no pair style {style.row.keyword} ({style.row.realises})",
                    hint=f"it needs a LAMMPS built with the package {style.row.package}",
                    engine="lammps",
                    package=style.row.package,
                )
        self.tell_all([*commands(found), *(line for style in found for line in style.row.alongside)])

    def tell_all(self, lines: Iterable[str]) -> None:
        """Tell LAMMPS several commands."""
        for line in lines:
            self.tell(line)

    def place(self, file: ParameterFile) -> str:
        """Put a file of parameters where LAMMPS finds it; return its name, quoted."""
        name = Path(file.name).name.replace('"', "_") or "parameters"
        path, number = self.folder / name, 1
        if not self.library.first:
            self.library.meet()
        while path.exists() and path.read_bytes() != file.content:
            number += 1
            path = self.folder / f"{number}-{name}"
        if self.library.first:
            path.write_bytes(file.content)
            self.library.meet()
        return f'"{path}"'

    def observe(self) -> None:
        """Have LAMMPS compute what is pulled: virial stress, and energy and stress by atom."""
        self.tell("compute cuds_virial all pressure NULL virial")
        self.tell("compute cuds_stress all stress/atom NULL virial")
        self.tell("compute cuds_energy all pe/atom")
        self.tell(f"thermo_style custom {THERMO}")
        self.tell("thermo_modify norm no format float %.17g")

    def text(self) -> str:
        """Return the script; lines for very many atoms are in files of their own, which it includes."""
        ranks = self.library.ranks
        written = [f"# told to {ranks} ranks: mpiexec -n {ranks} lmp -in ..."] if ranks > 1 else []
        for line, same in groupby(self.lines):
            count = len(list(same))
            if not isinstance(line, str):
                written += self._for_each_atom(line(), len(written))
            elif count < _LOOPED:
                written += [line] * count
            else:
                name = f"cuds_{len(written)}"
                written += [f"variable {name} loop {count}", f"label {name}", line, f"next {name}", f"jump SELF {name}"]
        return "\n".join(written) + "\n"

    def _for_each_atom(self, rows: list[str], number: int) -> list[str]:
        if len(rows) <= INLINE_ATOMS:
            return rows
        name = f"atoms-{number}.txt"
        if self.library.first:
            (self.folder / name).write_text("\n".join(rows) + "\n")
        return [f"# {len(rows)} atoms, a line each, stand in a file that keep= keeps", f"include {name}"]


def bounds(frame: Frame) -> str:
    """Return lower and upper ends of the box, and its tilts if it has any, as LAMMPS reads them exactly."""
    low, high = frame.low.tolist(), (frame.low + np.diag(frame.cell)).tolist()
    tilts = (frame.cell[1, 0], frame.cell[2, 0], frame.cell[2, 1]) if frame.tilted else ()
    return " ".join([*(f"{a!r} {b!r}" for a, b in zip(low, high, strict=True)), *(repr(float(t)) for t in tilts)])


def _numbers(x: list[float]) -> str:
    return " ".join(map(repr, x))
