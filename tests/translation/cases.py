"""Systems of several force fields, as GROMACS's own tools make them, and what plain GROMACS says of their files."""

import atexit
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import ase.build
import numpy as np

from cuds_gromacs.program import find
from cuds_gromacs.single_point import single_point
from tests.translation.peptide import Floats, write_pdb

TERMS = ("bond", "angle", "dihedral", "improper", "cmap", "vdw", "coulomb")
FIELDS = ("amber99sb-ildn", "charmm27", "oplsaa")
CASES = ("water", "rigid-water", "tip4p", *FIELDS, "solvated", "argon")

# Cutoffs at which no pair of three-decimal coordinates lies; PME so fine that its own error is below the rule.
PERIODIC = """
cutoff-scheme = verlet
verlet-buffer-tolerance = -1
rlist = 0.8603217
coulombtype = PME
rcoulomb = 0.8503217
coulomb-modifier = none
vdw-modifier = none
rvdw = 0.8503217
fourierspacing = 0.05
pme-order = 10
ewald-rtol = 1e-8
epsilon-surface = 0
"""
VACUUM = """
cutoff-scheme = verlet
verlet-buffer-tolerance = -1
rlist = 2.9203217
coulombtype = cut-off
rcoulomb = 2.9003217
coulomb-modifier = none
vdw-modifier = none
rvdw = 2.9003217
"""


@dataclass(frozen=True)
class Case:
    """Files of GROMACS, and the energy by terms (kJ/mol) and forces (kJ/mol/nm) that it gives for them."""

    files: tuple[Path, Path, Path]
    terms: Mapping[str, float]
    forces: Floats


@cache
def case(name: str) -> Case:
    """Return a case, made once in a process."""
    folder = Path(mkdtemp(prefix="cuds-case-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _made(folder, name)
    conf, top, mdp = folder / "conf.gro", folder / "topol.top", folder / "run.mdp"
    said = single_point(find("double"), folder, structure=conf, topology=top, settings=mdp, warnings=20)
    return Case((conf, top, mdp), dict(said.terms), said.forces)


def judge(terms: Mapping[str, float], forces: Floats, wanted: Case) -> list[str]:
    """Return what is off: a term by 1e-6 of it and 1e-6 kJ/mol an atom, forces by 1e-5 of their root mean square."""
    floor, known = 1e-6 * len(forces), dict(wanted.terms)
    found = dict(terms)
    for torsions in (found, known):
        torsions["torsion"] = sum(torsions.pop(n) for n in ("dihedral", "improper", "cmap"))
    sizes = {n: abs(v) for n, v in known.items() if n != "total"}
    sizes["total"] = sum(abs(wanted.terms[n]) for n in TERMS)
    off = [f"{n}: {found[n]!r}, not {v!r}" for n, v in known.items() if abs(found[n] - v) > 1e-6 * sizes[n] + floor]
    apart = np.sqrt(np.sum((forces - wanted.forces) ** 2) / np.sum(wanted.forces**2))
    return [*off, *([f"forces: {apart:.1e} of their root mean square"] if apart > 1e-5 else [])]


def _made(folder: Path, name: str) -> None:
    settings = VACUUM if name in (*FIELDS, "argon") else PERIODIC
    (folder / "run.mdp").write_text(settings + ("define = -DFLEXIBLE\n" if name == "water" else ""))
    if name in FIELDS:
        _peptide(folder, name, "none")
        _gmx(folder, "editconf", "-f", "raw.gro", "-o", "conf.gro", "-c", "-box", "7", "6.5", "6")
    elif name == "solvated":
        _peptide(folder, FIELDS[0], "tip3p")
        _gmx(folder, "editconf", "-f", "raw.gro", "-o", "box.gro", "-bt", "dodecahedron", "-d", "0.5")
        _gmx(folder, "solvate", "-cp", "box.gro", "-cs", "spc216.gro", "-p", "topol.top", "-o", "conf.gro")
    elif name == "argon":
        _argon(folder)
    else:
        _water(folder, name)


def _peptide(folder: Path, field: str, water: str) -> None:
    write_pdb(folder / "peptide.pdb")
    files = ("-f", "peptide.pdb", "-o", "raw.gro", "-p", "topol.top", "-i", "posre.itp")
    _gmx(folder, "pdb2gmx", *files, "-ff", field, "-water", water, "-ignh")


def _water(folder: Path, name: str) -> None:
    kind, start = ("tip4p", "tip4p.gro") if name == "tip4p" else ("spce", "spc216.gro")
    lines = ['#include "oplsaa.ff/forcefield.itp"', f'#include "oplsaa.ff/{kind}.itp"', "[ system ]", name]
    (folder / "topol.top").write_text("\n".join([*lines, "[ molecules ]"]) + "\n")
    _gmx(folder, "solvate", "-cs", start, "-box", "1.78", "1.74", "1.76", "-p", "topol.top", "-o", "conf.gro")


def _argon(folder: Path) -> None:
    """Make a triclinic crystal, primitive cells of which are moved a little."""
    atoms = ase.build.bulk("Ar", "fcc", a=5.4) * 6
    atoms.rattle(0.15, seed=7)
    cell = atoms.cell.standard_form()[0]
    x = atoms.get_scaled_positions() @ cell / 10
    rows = "".join(f"{1:5d}AR      AR{i:5d}{a:18.13f}{b:18.13f}{c:18.13f}\n" for i, (a, b, c) in enumerate(x, 1))
    order = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1))
    box = " ".join(f"{cell[p] / 10:.13f}" for p in order)
    (folder / "conf.gro").write_text(f"argon\n{len(x)}\n{rows}{box}\n")
    (folder / "run.mdp").write_text(VACUUM.replace("2.9003217", "0.8503217").replace("2.9203217", "0.8603217"))
    (folder / "topol.top").write_text(
        "[ defaults ]\n1 2 no 1 1\n[ atomtypes ]\nAR 18 39.948 0 A 0.34 1.0034474\n[ moleculetype ]\nAR 1\n"
        f"[ atoms ]\n1 AR 1 AR AR 1 0 39.948\n[ system ]\nargon\n[ molecules ]\nAR {len(x)}\n"
    )


def _gmx(folder: Path, *arguments: str) -> None:
    find("double").run(arguments, folder=folder, timeout=120)
