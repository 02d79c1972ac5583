"""Energy and forces at given positions, in all their digits.

``mdrun -rerun`` evaluates the positions of a frame as they are. A run of no steps does not: it places virtual
sites anew, and may constrain, before it looks at the energy. Of the settings only those change that say how
often something is written, how long neighbour lists last, and what a rerun refuses.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cuds.arrays import FloatArray
from cuds.errors import EngineError, InvalidError
from cuds_gromacs.energies import Booked, booked
from cuds_gromacs.preparation import Inputs, Prepared, plain, prepared, read, settings_of, with_settings
from cuds_gromacs.program import Program
from cuds_gromacs.results import Frame, Trajectory, read_energies

_NAME = "single_point"
_EVERY = {"nstxout": "1", "nstfout": "1", "nstvout": "0", "nstxout-compressed": "0", "nstenergy": "1"}
_EVERY |= {"nstcalcenergy": "1", "nstlist": "1"}
_TIME_STEPS = ("mts", "mts-levels", "mts-level2-forces", "mts-level2-factor")  # want energies less often
_NO_DYNAMICS = {"steep", "cg", "lbfgs", "nm", "tpi", "tpic", "mimic"}
_ABSURD = 1e30  # of an energy; in double precision it is finite even where atoms lie on top of each other
UNDIVIDED = {"GMX_DD_SINGLE_RANK": "0"}  # else even one rank refuses molecules that are long beside the cell
REPRODUCIBLY = ("-reprod", "-nb", "cpu", "-pin", "off")
_ROUNDING = {True: 1e-13, False: 1e-6}  # of a position or a cell vector, relative, by double precision


@dataclass(frozen=True)
class SinglePointResult:
    """What a single point gives.

    Attributes
    ----------
    terms : dict of float
        ``bond``, ``angle``, ``dihedral``, ``improper``, ``cmap``, ``vdw``, ``coulomb`` and ``total``, in kJ/mol.
    restraints : dict of float
        By GROMACS's names, in kJ/mol; counted in ``total``.
    rows : dict of float
        All that GROMACS wrote, by its names and in its units.
    forces : float array (n, 3)
        In kJ/mol/nm, in the order of the structure; without those of constraints, and zero on virtual sites,
        whose forces are on the atoms they are made from.
    box : float array (3, 3)
        Cell vectors as rows, in nm.
    warnings, notes : tuple of str
        What grompp said.
    """

    terms: dict[str, float]
    restraints: dict[str, float]
    rows: dict[str, float]
    forces: FloatArray = field(repr=False)
    box: FloatArray
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


def single_point(
    program: Program, folder: Path, *, structure: Path, topology: Path, settings: Path, warnings: int = 0
) -> SinglePointResult:
    """Return energy and forces of a structure; see `evaluate`."""
    return evaluate(program, folder, Inputs(structure, topology, settings, warnings=warnings))


def evaluate(
    program: Program, folder: Path, inputs: Inputs, *, positions: Path | None = None, cache: Path | None = None
) -> SinglePointResult:
    """Return energy and forces at exactly the positions that are given.

    Parameters
    ----------
    program : Program
        One rank of it runs, with its number of threads; the same ones give the same bits.
    folder : Path
        Where it runs; files named ``single_point.*`` there are overwritten.
    inputs : Inputs
        The structure a .gro file, of as many decimals as it takes.
    positions : Path, optional
        The first frame of this .trr or .gro file is evaluated, in place of the structure, in its own cell; the grid
        of PME stays that of the structure's.
    cache : Path, optional
        See `prepared`.

    Raises
    ------
    EngineError
        When GROMACS refuses, when it moved an atom, or when an energy or a force is no number.
    UnsupportedError
        When an energy is none of the common terms.
    """
    frame = (positions or inputs.structure).absolute()
    given, cell = _given(frame)
    ready = prepared(program, folder, _for_rerun(folder, inputs), cache=cache)
    arguments: list[str | Path] = [
        "mdrun",
        "-s",
        ready.path.absolute(),
        "-rerun",
        frame,
        "-deffnm",
        _NAME,
        *program.one_rank,
    ]
    program.with_environment(UNDIVIDED).run([*arguments, *REPRODUCIBLY], folder=folder)
    energies = read_energies(folder / f"{_NAME}.edr")
    found = Trajectory(folder / f"{_NAME}.trr")[0]
    rows = {name: float(energies[name][0]) for name in energies.names}
    _must_be_numbers(rows, found)
    _must_not_have_moved(given, cell, found)
    return _result(booked(energies), rows, found, ready)


def commands(program: Program, inputs: Inputs, positions: Path) -> str:
    """Return the commands that do the same in GROMACS alone, in the folder of the files."""
    made = (
        f"{program.path.name} grompp -f {_NAME}.mdp -c {inputs.structure.name} -p {inputs.topology.name} "
        f"-o {_NAME}.tpr -maxwarn {inputs.warnings}\n"
    )
    return made + mdrun(program, f"-s {_NAME}.tpr -rerun {positions.name} -deffnm {_NAME}")


def mdrun(program: Program, arguments: str) -> str:
    """Return the command that runs mdrun with arguments as it is run here."""
    around = " ".join(f"{name}={value}" for name, value in {"OMP_NUM_THREADS": program.threads, **UNDIVIDED}.items())
    return f"{around} {program.path.name} mdrun {arguments} {' '.join([*program.one_rank, *REPRODUCIBLY])}\n"


def _result(energies: Booked, rows: dict[str, float], frame: Frame, ready: Prepared) -> SinglePointResult:
    assert frame.forces is not None  # else refused before
    return SinglePointResult(
        {term: float(row[0]) for term, row in energies.terms.items()},
        {name: float(row[0]) for name, row in energies.restraints.items()},
        rows,
        frame.forces,
        np.zeros((3, 3)) if frame.box is None else frame.box,
        ready.warnings,
        ready.notes,
    )


def _for_rerun(folder: Path, inputs: Inputs) -> Inputs:
    """Return the inputs with settings that a rerun takes, written into the folder."""
    path = folder / f"{_NAME}.mdp"
    path.write_text(rerun_settings(inputs), encoding="utf-8", errors="surrogateescape")
    return Inputs(inputs.structure, inputs.topology, path, inputs.more, inputs.warnings)


def rerun_settings(inputs: Inputs) -> str:
    """Return the run parameters of inputs as a rerun takes them."""
    text = read(inputs.settings)
    given = settings_of(text)
    changes: dict[str, str | None] = {**_EVERY, **dict.fromkeys(_TIME_STEPS)}
    if plain(given.get("integrator", "md")) in _NO_DYNAMICS:
        changes["integrator"] = "md"
    if float(given.get("verletbuffertolerance") or 0.005) > 0:  # a buffer may not fit into the cell
        changes["verlet-buffer-tolerance"] = "-1"
        changes["rlist"] = str(max(float(given.get(name) or 1.0) for name in ("rcoulomb", "rvdw")))
    return with_settings(text, changes)


def _given(path: Path) -> tuple[FloatArray, FloatArray]:
    """Return positions (n, 3) and cell (3, 3) that a file asks for."""
    if path.suffix == ".trr":
        frame = Trajectory(path)[0]
        if frame.positions is not None:
            return frame.positions, np.zeros((3, 3)) if frame.box is None else frame.box
    elif path.suffix == ".gro":
        return _read_gro(path)
    raise InvalidError(f"{path}: no positions in all their digits", hint="give a .gro or .trr file", field="positions")


def _read_gro(path: Path) -> tuple[FloatArray, FloatArray]:
    _, count, *lines = path.read_text(errors="replace").splitlines()
    atoms = lines[: int(count)]
    places = [i for i, c in enumerate(atoms[0]) if c == "." and i >= 20] if atoms else [0, 0]
    width = places[1] - places[0]  # as many columns as between two points, whatever the number of decimals
    rows = [[float(line[20 + i * width :][:width]) for i in range(3)] for line in atoms]
    cell = np.zeros((3, 3))
    sizes = [float(word) for word in lines[int(count)].split()]
    order = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1))
    for place, size in zip(order, sizes, strict=False):
        cell[place] = size
    return np.array(rows, dtype=np.float64).reshape(-1, 3), cell


def _must_be_numbers(rows: dict[str, float], frame: Frame) -> None:
    wrong = [f"{name} is {value}" for name, value in rows.items() if not abs(value) < _ABSURD]
    if frame.forces is None or not np.isfinite(frame.forces).all():
        wrong.append("a force is no number")
    if wrong:
        raise EngineError(f"gromacs: {', '.join(wrong)}", hint="do atoms lie on top of each other?", engine="gromacs")


def _must_not_have_moved(given: FloatArray, cell: FloatArray, frame: Frame) -> None:
    """Refuse positions that differ from those given by more than rounding and whole cell vectors."""
    if frame.positions is None or frame.positions.shape != given.shape:
        raise EngineError("gromacs: the positions were not written", hint="report it", engine="gromacs")
    moved = frame.positions - given
    if np.diag(cell).all():
        moved -= np.rint(moved @ np.linalg.inv(cell)) @ cell
    size = max(np.abs(given).max(initial=0.0), np.abs(cell).max())
    far = np.abs(moved).max(axis=1)
    if far.max(initial=0.0) > _ROUNDING[frame.double] * size:
        raise EngineError(
            f"gromacs: atom {int(np.argmax(far)) + 1} was moved by {far.max()} nm before it was looked at",
            hint="shells are moved to where they have no force: leave them out",
            engine="gromacs",
        )
