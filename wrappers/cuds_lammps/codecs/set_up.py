"""A system that LAMMPS itself sets up from a script, in a process of its own, and is asked what it has."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from cuds.arrays import FloatArray, IntArray
from cuds.errors import EngineError, InvalidError
from cuds_lammps.codecs.allowed import Judge, Verdict
from cuds_lammps.codecs.crossterms import Maps, maps
from cuds_lammps.codecs.data_file import coefficients
from cuds_lammps.codecs.script import Statement, statements
from cuds_lammps.codecs.styles import without_suffixes
from cuds_lammps.codecs.variables import refuse_immediate
from cuds_lammps.library import Library
from cuds_lammps.wrapper import LammpsWrapper

_DEEPEST = 10  # scripts within scripts
_BODIES = {"bond": 2, "angle": 3, "dihedral": 4, "improper": 4}
_LOCAL = {"bond": "btype batom1 batom2", "angle": "atype aatom1 aatom2 aatom3"}


@dataclass(frozen=True)
class Found:
    """What LAMMPS has after a script, in its own units.

    Parameters
    ----------
    told : list of Statement
        What it was told, variables with their values, in order; coefficients of the data file among them.
    left : list of tuple of str and int
        Which commands were left out, and their lines.
    cell : array (3, 3)
        Rows are the vectors of the box.
    pbc : tuple of three bool
        Which directions are periodic.
    ids, types : int array (n,)
        In the order of ids.
    positions, velocities : array (n, 3)
        Unwrapped.
    charges : array (n,), optional
        None where the atoms cannot have any.
    masses : array (n_types,)
        Of each type.
    terms : dict of str to int array (n, 1 + n_bodies)
        Bonds, angles, dihedrals and impropers that have an energy: type and ids.
    maps : Maps, optional
        Of torsions.
    held : dict of str to int array (n, 1 + n_bodies)
        Bonds and angles that a fix holds rigid, which have none.
    rigid : Statement, optional
        The fix.
    """

    told: list[Statement]
    left: list[tuple[str, int]]
    cell: FloatArray
    pbc: tuple[bool, bool, bool]
    ids: IntArray
    types: IntArray
    positions: FloatArray
    velocities: FloatArray
    charges: FloatArray | None
    masses: FloatArray
    terms: dict[str, IntArray]
    maps: Maps | None = None
    held: dict[str, IntArray] = field(default_factory=dict)
    rigid: Statement | None = None

    def every(self, name: str) -> IntArray:
        """Return all terms of a kind, rigid ones among them."""
        return np.concatenate([self.terms[name], self.held[name]]) if name in self.held else self.terms[name]


@dataclass(frozen=True)
class Job:
    """A script to be read.

    Parameters
    ----------
    script : path
        Absolute.
    scaled : bool
        Whether sizes of ``units lj`` are known.
    """

    script: Path
    scaled: bool


class SetUpWrapper(LammpsWrapper):
    """LAMMPS as a reader of its own scripts."""

    def open(self, simulation: Any) -> Any:
        """Return an instance that is to read a script, the given `Job`."""
        return SetUp(simulation, self.folder)


class SetUp:
    """An instance of LAMMPS that carries out the allowed commands of a script.

    Parameters
    ----------
    job : Job
        The script.
    scratch : path
        Where LAMMPS writes its log.
    """

    def __init__(self, job: Job, scratch: Path) -> None:
        os.environ.pop("LAMMPS_POTENTIALS", None)
        self.scratch = scratch.resolve()
        self.library = Library(self.scratch / "log.lammps")
        os.chdir(job.script.parent)
        self.script = job.script
        self.judge = Judge(job.script.parent, job.scaled)
        self.told: list[Statement] = []

    def read(self) -> Found:
        """Carry the script out, and return what there is.

        Raises
        ------
        UnsupportedError, FormatError
            For a command that is not taken, with file and line.
        EngineError
            For one that LAMMPS refuses.
        """
        self._run(self.script, 0)
        if not self.library.lmp.extract_setting("box_exist"):
            raise InvalidError(
                f"{self.script}: it makes no box", hint="is it a script of LAMMPS? read_data or create_box is missing"
            )
        return self._found()

    def _run(self, script: Path, depth: int) -> None:
        if depth > _DEEPEST:
            raise InvalidError(f"{script}: scripts include each other", hint="let none include itself")
        for given in statements(script):
            statement = self._with_values(given)
            verdict = self.judge.judge(statement)
            if verdict is Verdict.TELL or verdict is Verdict.DATA:
                self._tell(statement)
            if verdict is Verdict.DATA:
                self.told += list(self._of_data(statement))
            elif verdict is Verdict.INCLUDE:
                self._run(self.judge.folder / statement.words[1], depth + 1)

    def _with_values(self, given: Statement) -> Statement:
        """Return a statement with the values of its variables; definitions and what is not told stay as they are."""
        if "$" not in given.text or self.judge.needs_no_values(given):
            return given
        refuse_immediate(given)
        try:
            text = str(self.library.lmp.expand(given.text))
        except Exception as error:  # the library raises plain Exception for everything
            raise given.broken(f"LAMMPS: {' '.join(str(error).split())}", "define the variable in the script") from None
        if "$" in text:
            raise given.refused("a variable stands within quotes, or its value names another", "write its value")
        return given._replace(text=text.strip())

    def _tell(self, statement: Statement) -> None:
        try:
            self.library.command(without_suffixes(statement))
        except EngineError as error:
            raise statement.within(error) from None
        self.told.append(statement)

    def _of_data(self, statement: Statement) -> Iterator[Statement]:
        words = statement.words
        if "nocoeff" not in words:
            yield from coefficients(self.judge.folder / words[1], statement)

    def _found(self) -> Found:
        library = self.library
        n, lmp = library.lmp.extract_setting("nlocal"), library.lmp
        if not n:
            raise InvalidError(f"{self.script}: it makes no atoms", hint="read_data or create_atoms is missing")
        if lmp.extract_setting("nall") < n or lmp.extract_setting("nlocal") != int(lmp.get_natoms()):
            raise EngineError("LAMMPS lost atoms while the script was read", hint="are all atoms inside the box?")
        _, cell, pbc = library.box()
        ids = np.array(lmp.numpy.extract_atom("id")[:n], dtype=np.int64)
        order = np.argsort(ids)
        images = lmp.numpy.extract_atom("image")[:n]
        away = np.stack([(images >> s & 1023) - 512 for s in (0, 10, 20)], axis=1)
        charged = bool(lmp.extract_setting("q_flag"))
        terms = {name: self._terms(name, bodies) for name, bodies in _BODIES.items()}
        held: dict[str, IntArray] = {}
        for name in _LOCAL if self.judge.rigid else ():
            terms[name], held[name] = self._apart(name)
        return Found(
            told=self.told,
            left=self.judge.left,
            cell=cell,
            pbc=pbc,
            ids=ids[order],
            types=np.array(lmp.numpy.extract_atom("type")[:n], dtype=np.int64)[order],
            positions=(lmp.numpy.extract_atom("x")[:n] + away @ cell)[order],
            velocities=np.array(lmp.numpy.extract_atom("v")[:n])[order],
            charges=np.array(lmp.numpy.extract_atom("q")[:n])[order] if charged else None,
            masses=np.array(lmp.numpy.extract_atom("mass"), dtype=np.float64).ravel()[1:],
            terms=terms,
            held=held,
            rigid=self.judge.rigid,
            maps=self._maps(),  # the last, as LAMMPS then wraps its atoms
        )

    def _maps(self) -> Maps | None:
        """Return torsion maps: the terms that LAMMPS writes of them, and the file."""
        if self.judge.maps is None:
            return None
        there = self.scratch / "maps.data"
        self.library.command(f'write_data "{there}" nocoeff')
        return maps(there, self.judge.folder / self.judge.maps[1])

    def _terms(self, name: str, bodies: int) -> IntArray:
        """Return type and ids of all bonds, or angles, and so on."""
        lmp = self.library.lmp
        if not lmp.extract_setting("molecule_flag") or not lmp.extract_global(f"n{name}s"):
            return np.empty((0, 1 + bodies), dtype=np.int64)
        count, flat = getattr(lmp, f"gather_{name}s")()
        rows = np.array(flat[: count * (1 + bodies)], dtype=np.int64).reshape(count, 1 + bodies)
        return rows[np.lexsort(rows.T[::-1][:-1])] if len(rows) else rows

    def _apart(self, name: str) -> tuple[IntArray, IntArray]:
        """Return type and ids of bonds, or angles, that act and that are held: their types have become negative."""
        bodies = _BODIES[name]
        if not self.library.lmp.extract_global(f"n{name}s"):
            return self._terms(name, bodies), self._terms(name, bodies)
        self.library.command(f"compute cuds_{name}s all property/local {_LOCAL[name]}")
        found = self.library.lmp.numpy.extract_compute(f"cuds_{name}s", 2, 2)
        rows = np.array(found, dtype=np.float64).reshape(-1, 1 + bodies).astype(np.int64)
        self.library.command(f"uncompute cuds_{name}s")
        rows = rows[np.lexsort(rows.T[::-1][:-1])]
        act, held = rows[rows[:, 0] > 0], rows[rows[:, 0] < 0]
        return act, held * np.array([-1, *[1] * bodies])

    def pair_energies(self, asked: list[tuple[int, int, float, float, float]]) -> FloatArray:
        """Return what LAMMPS says of the energy of pairs of types, (n, 4).

        Parameters
        ----------
        asked : list of tuple
            Two types, the least and the largest of four distances, and a charge of both.
        """
        file = self.scratch / "pairs.txt"
        for number, (i, j, low, high, q) in enumerate(asked):
            self.library.command(f'pair_write {i} {j} 4 r {low!r} {high!r} "{file}" P{number} {q!r} {q!r}')
        rows = [line.split() for line in file.read_text().split("\n")]
        file.unlink()
        return np.array([float(r[2]) for r in rows if len(r) == 4 and r[0].isdigit()]).reshape(-1, 4)

    def bonded_energies(self) -> dict[str, float]:
        """Return the energies of bonds, angles, dihedrals, impropers and torsion maps; nothing else is computed."""
        self._evaluate()
        found = dict(zip(_BODIES, ("ebond", "eangle", "edihed", "eimp"), strict=True))
        energies = {name: self.library.thermo(word) for name, word in found.items()}
        return energies | ({} if self.judge.maps is None else {"map": self.library.fix_scalar(self.judge.maps[0])})

    def _evaluate(self) -> None:
        """Have LAMMPS compute what is bonded as it is; a run would first move atoms to their rigid distances."""
        self.library.command("pair_modify compute no") if self._has("pair_style") else None
        self.library.command("kspace_modify compute no") if self._has("kspace_style") else None
        self.library.command("thermo_style custom step pe ebond eangle edihed eimp")
        self.library.command("thermo_modify norm no lost error")
        rigid = self.judge.rigid
        try:
            self.library.command("run 0 post no" if rigid is None else "minimize 0 0 0 0")
        except EngineError as error:
            raise error if rigid is None else rigid.within(error) from None

    def rigidity(self, moves: FloatArray) -> float:
        """Return squares, summed, by which rigid distances are off once atoms were moved (n, 3), in the order of ids.

        LAMMPS has springs in their place where it minimises; it does so in no step. Springs across a boundary may
        count several times.
        """
        rigid, lmp = self.judge.rigid, self.library.lmp
        assert rigid is not None  # else nothing is asked
        n = lmp.extract_setting("nlocal")
        ids = lmp.numpy.extract_atom("id")[:n]
        lmp.numpy.extract_atom("x")[:n] += moves[np.argsort(np.argsort(ids))]
        self._evaluate()
        given = [float(value) for word, value in pairwise(rigid.words) if word == "kbond"]
        stiffness = given[-1] if given else 1e9 * float(lmp.extract_global("boltz"))
        return self.library.fix_scalar(rigid.words[1]) / stiffness

    def _has(self, command: str) -> bool:
        styles = [s.words[1] for s in self.told if s.words[0] == command]
        return bool(styles) and styles[-1] != "none"
