"""Which commands of a script are told to LAMMPS: those that set a system up, from a list; everything else is refused.

What only moves atoms or writes files is left out, and said. What changes the energy and is not carried, what runs
programs, and what nobody has looked at is refused by name.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise
from pathlib import Path

from cuds_lammps.codecs.folder import inside
from cuds_lammps.codecs.script import Statement, statements
from cuds_lammps.codecs.styles import check_styles, known, parts, plain
from cuds_lammps.codecs.variables import defines


class Verdict(Enum):
    """What becomes of a command."""

    TELL = "told to LAMMPS"
    SKIP = "without a meaning for the system"
    LEAVE = "left out, and said"
    INCLUDE = "a script in its place"
    DATA = "a data file"


_SKIPPED = {
    *("thermo", "thermo_style", "thermo_modify", "timestep", "print", "echo", "log", "timer", "info", "processors"),
    *("suffix", "package", "balance", "run_style", "min_style", "min_modify", "fix_modify", "unfix", "uncompute"),
    *("undump", "dump_modify", "compute_modify"),
}
_LEFT = {
    *("run", "minimize", "dump", "compute", "reset_timestep", "restart", "write_data", "write_restart"),
    *("write_dump", "write_coeff", "rerun"),
}
_MOVES = {
    *("nve", "nvt", "npt", "nph", "nve/limit", "nve/noforce", "langevin", "temp/berendsen", "temp/rescale"),
    *("temp/csvr", "temp/csld", "press/berendsen", "press/langevin", "momentum", "recenter"),
    *("rigid", "rigid/nve", "rigid/nvt", "rigid/npt", "rigid/nph", "rigid/small", "rigid/nve/small"),
    *("rigid/nvt/small", "rigid/npt/small", "rigid/nph/small", "deform", "box/relax", "ave/time", "ave/atom"),
    *("ave/chunk", "ave/correlate", "ave/histo", "print", "halt", "vector", "dt/reset", "thermal/conductivity"),
    *("viscosity", "balance", "store/state", "nvt/sllod", "viscous"),
}
_HOLDS = ("shake", "rattle")
_REFUSED = {
    "shell": "it runs programs",
    "python": "it runs programs",
    "plugin": "it runs programs",
    "mdi": "it talks to programs",
    "message": "it talks to programs",
    "quit": "it ends the script",
    "if": "what is set up would depend on it",
    "jump": "what is set up would depend on it",
    "label": "what is set up would depend on it",
    "next": "what is set up would depend on it",
    "partition": "what is set up would depend on it",
    "read_restart": "a restart file is not text, and says not all that acts",
    "neb": "it runs several systems",
    "temper": "it runs several systems",
    "labelmap": "labels of types are not carried",
    "clear": "a script sets one system up",
    "molecule": "molecules from templates are not carried",
}
_ACTS = {  # after a run these would belong to another system than that at the start
    *("units", "atom_style", "boundary", "region", "create_box", "create_atoms", "read_data", "replicate"),
    *("set", "special_bonds", "pair_style", "pair_coeff", "pair_modify", "kspace_style", "kspace_modify"),
    *("change_box", "displace_atoms", "include", "mass"),
    *(f"{kind}_{what}" for kind in ("bond", "angle", "dihedral", "improper") for what in ("style", "coeff")),
}
_DATA_WORDS = {f"extra/{k}/types": 1 for k in ("atom", "bond", "angle", "dihedral", "improper")} | {
    **{f"extra/{k}/per/atom": 1 for k in ("bond", "angle", "dihedral", "improper", "special")},
    "nocoeff": 0,
    "group": 1,
}
_SET = {
    *("type", "type/fraction", "type/ratio", "type/subset", "charge", "x", "y", "z", "vx", "vy", "vz", "image", "mol"),
    *("bond", "angle", "dihedral", "improper"),
}


@dataclass
class Judge:
    """Judges statements one after the other.

    Parameters
    ----------
    folder : path
        That of the script; no file outside it is read.
    scaled : bool
        Whether it is said what the numbers of ``units lj`` are multiples of.
    maps : tuple of two str, optional
        The fix of torsion maps, and its file.
    rigid : Statement, optional
        The fix that holds distances.
    """

    folder: Path
    scaled: bool
    ran: str = ""
    files: bool = False
    told: int = 0
    data: str = ""
    maps: tuple[str, str] | None = None
    rigid: Statement | None = None
    left: list[tuple[str, int]] = field(default_factory=list)

    def needs_no_values(self, statement: Statement) -> bool:
        """Whether a statement is taken, or left out, with its variables as they are written."""
        name = statement.text.split(maxsplit=1)[0]
        if (self.maps is not None and name in ("fix_modify", "unfix")) or (self.rigid and name == "unfix"):
            return False
        return name == "variable" or name in _SKIPPED | (_LEFT - {"run", "minimize"}) | _REFUSED.keys()

    def judge(self, statement: Statement) -> Verdict:
        """Return what becomes of a statement, whose variables have their values.

        Raises
        ------
        UnsupportedError, FormatError
            With file, line and command.
        """
        words = statement.words
        name, args = words[0], words[1:]
        style = plain(args[2]) if name == "fix" and len(args) > 2 else ""
        if self.ran and (name in _ACTS or style == "cmap"):
            raise statement.refused(
                f"it comes after the first {self.ran}", "a script is read as one system at rest: end it there"
            )
        if name == "variable":
            return Verdict.TELL if defines(statement, words) else Verdict.SKIP
        if name == "clear" and not self.told:
            return Verdict.SKIP
        if name in _REFUSED:
            raise statement.refused(_REFUSED[name], "leave it out, or write what it does into the script")
        if name in _SKIPPED:
            return self._skipped(statement, name, args)
        if name == "fix" or name in _LEFT:
            return self._fix(statement, args, style) if name == "fix" else self._left(statement, name, args)
        check = _CHECKED.get(name)
        if check is None:
            raise statement.refused(
                "cuds knows no such command, or not what it does to the energy",
                f"it takes {', '.join(sorted(_CHECKED))}",
            )
        self.told += 1
        return check(self, statement, args)

    def _skipped(self, statement: Statement, name: str, args: list[str]) -> Verdict:
        """Refuse what would take the energy of torsion maps away; end a fix that holds distances."""
        if name == "unfix" and self.rigid is not None and args[:1] == self.rigid.words[1:2] and not self.ran:
            self.rigid = None
            return Verdict.TELL
        ends = name == "unfix" or (name == "fix_modify" and ("energy", "no") in pairwise(args))
        if ends and self.maps is not None and args[:1] == [self.maps[0]]:
            raise statement.refused("it takes the energy of torsion maps away", "leave it out, or the maps")
        return Verdict.SKIP

    def _cmap(self, statement: Statement, args: list[str]) -> Verdict:
        """Take in torsion maps; their terms come with the data file."""
        if self.maps is not None:
            raise statement.refused(f"a second fix cmap, after {self.maps[0]}", "LAMMPS has one for all terms")
        if len(args) != 4 or args[1] != "all":
            raise statement.refused("cuds reads it as: fix ID all cmap FILE", "write it like that")
        inside(self.folder, args[3], statement)
        self.maps = (args[0], args[3])
        return Verdict.TELL

    def _holds(self, statement: Statement, args: list[str]) -> Verdict:
        """Take in rigid distances; LAMMPS finds which bonds and angles are held when it is told."""
        if self.rigid is not None:
            raise statement.refused(f"a second fix that holds distances, after {self.rigid.place}", "LAMMPS runs one")
        if "mol" in args:
            raise statement.refused("mol: molecules from templates are not carried", "leave it out")
        self.rigid = statement
        self.told += 1
        return Verdict.TELL

    def _fix(self, statement: Statement, args: list[str], style: str) -> Verdict:
        if style == "cmap":
            return self._cmap(statement, args)
        if style in _HOLDS and not self.ran:
            return self._holds(statement, args)
        if style not in _MOVES and style not in _HOLDS:
            raise statement.refused(
                "it changes energy or forces, or cuds does not know it", "leave it out, if that is meant"
            )
        return self._left(statement, f"fix {args[2]}", args)

    def _left(self, statement: Statement, name: str, args: list[str]) -> Verdict:
        still = args[:1] == ["0"] if name == "run" else args[2:3] == ["0"]  # of minimize the third is the steps
        if name in ("run", "minimize", "rerun") and not still:
            self.ran = f"{name}, {statement.place}"
        if name != "run" or not still:
            self.left.append((name, statement.number))
        return Verdict.LEAVE

    def _told(self, statement: Statement, args: list[str]) -> Verdict:
        return Verdict.TELL

    def _units(self, statement: Statement, args: list[str]) -> Verdict:
        from cuds.semantics.dictionary import engine_words

        words, keyword = engine_words("lammps"), args[0] if args else "lj"
        if keyword not in words.unit_sets:
            raise statement.refused("cuds does not carry these units", f"it carries {', '.join(words.unit_sets)}")
        if keyword in words.scaled and not self.scaled:
            raise statement.refused(
                "its numbers are multiples of an energy, a length and a mass that are not said",
                "say them: cuds.read(..., scale='epsilon=0.0104 eV, sigma=3.4 angstrom, mass=39.948 Da')",
            )
        if keyword not in words.scaled and self.scaled:
            raise statement.refused("a scale is given, but its units have sizes of their own", "leave scale= out")
        return Verdict.TELL

    def _atom_style(self, statement: Statement, args: list[str]) -> Verdict:
        fine = ("atomic", "charge", "bond", "angle", "molecular", "full")
        return self._one_of(statement, args, fine)

    def _dimension(self, statement: Statement, args: list[str]) -> Verdict:
        return self._one_of(statement, args, ("3",))

    def _dielectric(self, statement: Statement, args: list[str]) -> Verdict:
        return self._one_of(statement, args, ("1", "1.0"))

    def _one_of(self, statement: Statement, args: list[str], fine: tuple[str, ...]) -> Verdict:
        if len(args) != 1 or args[0] not in fine:
            raise statement.refused("cuds does not carry it", f"it carries {', '.join(fine)}")
        return Verdict.TELL

    def _none_of(self, statement: Statement, args: list[str], bad: dict[str, str]) -> Verdict:
        for word in args:
            if word in bad:
                raise statement.refused(f"{word}: {bad[word]}", "leave it out, if that is meant")
        return Verdict.TELL

    def _neigh_modify(self, statement: Statement, args: list[str]) -> Verdict:
        return self._none_of(statement, args, {"exclude": "it leaves out interactions"})

    def _atom_modify(self, statement: Statement, args: list[str]) -> Verdict:
        return self._none_of(statement, args, {"id": "atoms need ids"} if "no" in args else {})

    def _create_atoms(self, statement: Statement, args: list[str]) -> Verdict:
        return self._none_of(statement, args, {"mesh": "it reads a file", "mol": "it needs a template"})

    def _create_box(self, statement: Statement, args: list[str]) -> Verdict:
        return self._none_of(statement, args, {"NULL": "a general triclinic box is not carried"})

    def _group(self, statement: Statement, args: list[str]) -> Verdict:
        fine = ("type", "id", "molecule", "region", "union", "subtract", "intersect", "clear", "delete", "empty")
        if len(args) < 2 or args[1] not in fine:
            raise statement.refused("cuds does not take this kind of group", f"it takes {', '.join(fine)}")
        return Verdict.TELL

    def _set(self, statement: Statement, args: list[str]) -> Verdict:
        if len(args) < 3 or args[2] not in _SET:
            raise statement.refused("cuds does not carry this property", f"it carries {', '.join(sorted(_SET))}")
        if self.rigid is not None and {"bond", "angle"} & set(args):
            raise statement.refused(f"types of what {self.rigid.place} holds rigid", "let it stand before that")
        return Verdict.TELL

    def _styles(self, statement: Statement, args: list[str]) -> Verdict:
        check_styles(statement, args)
        if statement.words[0] == "pair_style":
            self.files = any("file" in r.coefficients for word in args for r in parts(plain(word)))
        return Verdict.TELL

    def _pair_coeff(self, statement: Statement, args: list[str]) -> Verdict:
        for word in args[2:] if self.files and "lepton" not in args else ():
            there = self.folder / word
            if ("/" in word and word not in known("pair")) or there.exists() or there.is_symlink():
                inside(self.folder, word, statement)
        return Verdict.TELL

    def _pair_modify(self, statement: Statement, args: list[str]) -> Verdict:
        bad = {"compute": "it leaves out interactions", "special": "weights of one style are not carried"}
        return self._none_of(statement, args, bad)

    def _kspace_modify(self, statement: Statement, args: list[str]) -> Verdict:
        bad = dict.fromkeys(("slab", "wire"), "another geometry than a periodic one is not carried")
        bad |= {"compute": "it leaves out interactions", "force": "an accuracy that is no ratio is not carried"}
        return self._none_of(statement, args, bad)

    def _read_data(self, statement: Statement, args: list[str]) -> Verdict:
        if self.data:
            raise statement.refused(f"a second data file, after {self.data}", "join them into one")
        if not args:
            raise statement.broken("which data file?")
        inside(self.folder, args[0], statement)
        at = 1
        while at < len(args):
            if self.maps is not None and args[at : at + 2] == ["fix", self.maps[0]]:
                at += 4
                continue
            if args[at] not in _DATA_WORDS:
                raise statement.refused(f"{args[at]}: cuds does not carry it", f"it takes {', '.join(_DATA_WORDS)}")
            at += 1 + _DATA_WORDS[args[at]]
        self.data = args[0]
        return Verdict.DATA

    def _include(self, statement: Statement, args: list[str]) -> Verdict:
        if len(args) != 1:
            raise statement.broken("which file?")
        inside(self.folder, args[0], statement)
        return Verdict.INCLUDE


def refuse_at_sight(script: Path) -> None:
    """Refuse a script for what stands in it openly, before anything is started.

    Raises
    ------
    UnsupportedError
        With file, line and command.
    """
    for number, statement in enumerate(statements(script)):
        words = statement.text.split()
        if words[0] in _REFUSED and not (words[0] == "clear" and number == 0):
            raise statement.refused(_REFUSED[words[0]], "leave it out, or write what it does into the script")
        if words[0] == "variable" and "$" not in statement.text:
            defines(statement, statement.words)


Check = Callable[[Judge, Statement, list[str]], Verdict]
_CHECKED: dict[str, Check] = {
    **dict.fromkeys(
        (
            *("boundary", "box", "region", "lattice", "replicate", "change_box", "displace_atoms", "mass", "newton"),
            *("special_bonds", "neighbor", "comm_modify", "comm_style", "velocity"),
            *(f"{kind}_coeff" for kind in ("bond", "angle", "dihedral", "improper")),
        ),
        Judge._told,
    ),
    **{f"{kind}_style": Judge._styles for kind in ("pair", "bond", "angle", "dihedral", "improper", "kspace")},
    "units": Judge._units,
    "atom_style": Judge._atom_style,
    "dimension": Judge._dimension,
    "dielectric": Judge._dielectric,
    "neigh_modify": Judge._neigh_modify,
    "atom_modify": Judge._atom_modify,
    "create_atoms": Judge._create_atoms,
    "create_box": Judge._create_box,
    "group": Judge._group,
    "set": Judge._set,
    "pair_coeff": Judge._pair_coeff,
    "pair_modify": Judge._pair_modify,
    "kspace_modify": Judge._kspace_modify,
    "read_data": Judge._read_data,
    "include": Judge._include,
}
