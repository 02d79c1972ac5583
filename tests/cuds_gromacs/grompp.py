"""What grompp makes of a topology, to compare with what we read: from a dump of the file it writes for mdrun."""

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cuds_gromacs.codecs.force_field import ForceField
from cuds_gromacs.codecs.topology import MoleculeType, Terms, TopologyFile

RUN = """integrator = md
nsteps = 0
continuation = yes
cutoff-scheme = verlet
verlet-buffer-tolerance = -1
rlist = 1.0
rcoulomb = 0.9
rvdw = 0.9
coulombtype = cut-off
disre = simple
"""

# How grompp calls the functions.
NAMES = {
    "bonds": "BONDS G96BONDS MORSE CUBICBONDS CONNBONDS HARMONIC FENEBONDS TABBONDS TABBONDSNC RESTRAINTPOT",
    "angles": "ANGLES G96ANGLES CROSS_BOND_BOND CROSS_BOND_ANGLE UREY_BRADLEY QANGLES - TABANGLES LINEAR_ANGLES "
    "RESTRANGLES",
    "dihedrals": "PDIHS IDIHS RBDIHS PIDIHS FOURDIHS - - TABDIHS PDIHS RESTRDIHS CBTDIHS",
    "pairs": "LJ14 LJC14_Q",
    "pairs_nb": "LJC_NB",
    "constraints": "CONSTR CONSTRNC",
    "settles": "SETTLE",
    "cmap": "CMAP",
    "virtual_sites1": "VSITE1",
    "virtual_sites2": "VSITE2 VSITE2FD",
    "virtual_sites3": "VSITE3 VSITE3FD VSITE3FAD VSITE3OUT",
    "virtual_sites4": "VSITE4FD VSITE4FDN",
    "virtual_sitesn": "VSITEN VSITEN VSITEN",
    "polarization": "POLARIZATION ANHARM_POL",
    "water_polarization": "WATERPOL",
    "thole_polarization": "THOLE",
    "position_restraints": "POSRES FBPOSRES",
    "distance_restraints": "DISRES",
    "angle_restraints": "ANGRES",
    "angle_restraints_z": "ANGRESZ",
    "dihedral_restraints": "DIHRES",
}
COARSE = ("BONDS", "G96BONDS", "HARMONIC", "ANGLES", "G96ANGLES", "IDIHS")  # those that the dump prints with six digits
Rows = list[tuple[tuple[int, ...], tuple[float, ...]]]


@dataclass
class Molecule:
    """A molecule type of the dump."""

    name: str
    atoms: list[dict[str, float]] = field(default_factory=list)
    exclusions: set[tuple[int, int]] = field(default_factory=set)
    interactions: dict[str, Rows] = field(default_factory=lambda: defaultdict(list))


@dataclass
class Dump:
    """What the file for mdrun holds."""

    molecules: dict[str, Molecule]
    blocks: list[tuple[str, int]]
    lj: np.ndarray[Any, Any]  # (types, types, 2), C6 and C12
    grids: list[np.ndarray[Any, Any]]


class RefusedError(Exception):
    """Grompp does not take it."""


def run(folder: Path, topology: Path, structure: Path, mdp: str = RUN, more: tuple[str, ...] = ()) -> str:
    """Return the dump of what grompp makes, with all warnings allowed."""
    (folder / "run.mdp").write_text(mdp)
    command = ["gmx_d", "-quiet", "-nobackup", "grompp", "-maxwarn", "99", "-f", "run.mdp", "-p", str(topology)]
    command += ["-c", str(structure), "-r", str(structure), "-o", "run.tpr", "-po", "out.mdp", *more]
    made = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if made.returncode:
        raise RefusedError(made.stdout + made.stderr)
    dumped = ["gmx_d", "-quiet", "dump", "-s", "run.tpr"]
    return subprocess.run(dumped, cwd=folder, capture_output=True, text=True, check=True).stdout


FIELD = """[ defaults ]
1 {rule} {pairs} 0.5 0.8333
[ atomtypes ]
A A 6 10.01 0.1 A 0.31 0.52
B B 7 11.02 -0.2 A 0.33 0.61
C C 8 12.03 0.3 A 0.35 0.73
D D 1 1.008 0.3 A 0.25 0.17
V V 0 0 0.0 V 0 0
"""


def system(
    body: str, *, types: str = "ABCD", field: str = "", rule: int = 2, pairs: str = "yes", nrexcl: int = 3
) -> str:
    """Return a topology of one molecule type with atoms of these types."""
    atoms = "".join(f"{i} {t} 1 M {t}{i} {i}\n" for i, t in enumerate(types, 1))
    return (
        f"{FIELD.format(rule=rule, pairs=pairs)}{field}\n[ moleculetype ]\nM {nrexcl}\n[ atoms ]\n{atoms}{body}\n"
        "[ system ]\na system\n[ molecules ]\nM 2\n"
    )


def of_text(text: str, folder: Path, atoms: int, mdp: str = RUN, more: tuple[str, ...] = ()) -> Dump:
    """Return what grompp makes of a topology of so many atoms."""
    (folder / "topol.top").write_text(text)
    (folder / "conf.gro").write_text(
        f"x\n{atoms}\n"
        + "".join(
            f"{1:5d}{'M':5}{'A':>5}{(i + 1) % 100000:5d}{0.1 + 0.1 * (i % 10):8.3f}{0.1 + 0.13 * (i // 10 % 20):8.3f}"
            f"{0.1 + 0.05 * (i % 3):8.3f}\n"
            for i in range(atoms)
        )
        + "3 3 3\n"
    )
    return parsed(run(folder, folder / "topol.top", folder / "conf.gro", mdp, more))


def numbers(text: str) -> tuple[float, ...]:
    """Return the numbers of a function."""
    found = re.findall(r"[=(,]\s*(-?\d+(?:\.\d+)?(?:e[+-]\d+)?)(?=[,\s)]|$)", text)
    return tuple(float(n) for n in found)


def parsed(text: str) -> Dump:
    """Return the parts of a dump that a topology says."""
    body = text[text.index("\ntopology:") :]
    head = body[: body.index("reppow")]
    functions = re.split(r"functype\[\d+\]=", head)[1:]
    kinds = [(f.split(",")[0].strip(), numbers(f.partition(",")[2])) for f in functions]
    types = int(re.search(r"atnr=(\d+)", head)[1])  # type: ignore[index]
    lj = np.array([k[1] for k in kinds[: types * types]]).reshape(types, types, 2)
    names = re.findall(r'moltype\s+= \d+ "(.*)"\n\s+#molecules\s+= (\d+)', body)
    molecules = {}
    for part in re.split(r"\n   moltype \(\d+\):\n", body)[1:]:
        molecule = one_molecule(part.partition("\ngrp[")[0], kinds)
        molecules[molecule.name] = molecule
    grids = [cmap_grid(g) for g in re.split(r"\ngrid\[ *\d+\]=\{", body.partition("atomtypes:")[0])[1:]]
    return Dump(molecules, [(n, int(c)) for n, c in names], lj, grids)


def cmap_grid(text: str) -> np.ndarray[Any, Any]:
    """Return the energies of a grid; the dump has them with three decimals."""
    values = [float(words[0]) for line in text.splitlines() if len(words := line.split()) == 4 and words[0] != "V"]
    return np.array(values).reshape(int(len(values) ** 0.5), -1)


def one_molecule(text: str, kinds: list[tuple[str, tuple[float, ...]]]) -> Molecule:
    molecule = Molecule(re.search(r'name="(.*)"', text)[1])  # type: ignore[index]
    for atom in re.findall(r"atom\[ *\d+\]=\{(type=.*?)\}", text):
        pairs = dict(p.strip().split("=") for p in atom.split(","))
        molecule.atoms.append({k: float(v) for k, v in pairs.items() if k != "ptype"})
    for i, listed in re.findall(r"excls\[(\d+)\]\[num=\d+\]=\{([^}]*)\}", text):
        molecule.exclusions |= {(int(i), int(j)) for j in listed.split(",") if int(i) < int(j)}
    for kind, name, atoms in re.findall(r"\d+ type=(\d+) \((\w+)\)((?: +\d+)+)\n", text + "\n"):
        molecule.interactions[name].append((tuple(map(int, atoms.split())), kinds[int(kind)][1]))
    return molecule


def c6_c12(values: np.ndarray[Any, Any], rule: int) -> np.ndarray[Any, Any]:
    """Return sigma and epsilon as C6 and C12."""
    if rule == 1:
        return values
    sigma, epsilon = values[..., 0], values[..., 1]
    six = 4 * epsilon * np.abs(sigma) ** 6
    return np.stack([np.where(sigma < 0, 0, six), six * np.abs(sigma) ** 6], axis=-1)


def ours(terms: Terms, rule: int) -> tuple[str, Rows]:
    """Return interactions as grompp numbers and dumps them."""
    name = NAMES[terms.directive].split()[abs(terms.function) - 1]
    a = np.array(terms.parameters)
    b = a[:, :0] if terms.b_parameters is None else np.array(terms.b_parameters)
    rows = np.array(terms.atoms)
    if name == "VSITEN":
        sites = np.repeat(rows[:, 0], rows.shape[1] - 1)
        rows = np.stack([sites, rows[:, 1:].ravel()], axis=1)
        full = np.stack([np.full(len(rows), terms.atoms.shape[1] - 1.0), a.ravel()], axis=1)
    else:
        full = dumped(name, a, b, rule)
    return name, [(tuple(r), tuple(v)) for r, v in zip(rows.tolist(), full.tolist(), strict=True)]


def dumped(name: str, a: np.ndarray[Any, Any], b: np.ndarray[Any, Any], rule: int) -> np.ndarray[Any, Any]:
    """Return numbers in the order and the form of a dump."""
    if name in ("VSITE3FAD", "POSRES"):  # worked on, and behind the place that an atom is held at
        return a[:, :0]
    if name in ("CMAP", "RESTRANGLES"):  # the dump shows no state B of the latter
        return a
    if name == "FBPOSRES":  # behind the place that an atom is held at
        return np.concatenate([np.full((len(a), 3), np.nan), a], axis=1)
    if name.startswith("TAB"):  # one table, two strengths
        return np.concatenate([a, (b if b.size else a)[:, 1:]], axis=1)
    if name == "G96BONDS":  # the square of the length
        a[:, 0], b[:, :1] = a[:, 0] ** 2, b[:, :1] ** 2
    if name == "G96ANGLES":
        a[:, 0], b[:, :1] = np.cos(np.radians(a[:, 0])), np.cos(np.radians(b[:, :1]))
    if name in ("LJ14", "LJC14_Q", "LJC_NB"):
        a[:, -2:] = c6_c12(a[:, -2:], rule)
        b = c6_c12(b, rule) if b.size else a[:, :2]
    if name == "LINEAR_ANGLES":
        a, b = a[:, ::-1], b[:, ::-1]
    if name in ("PDIHS", "PIDIHS", "ANGRES", "ANGRESZ"):  # phase and force of A, of B, multiplicity
        return np.concatenate([a[:, :2], (b if b.size else a)[:, :2], a[:, 2:]], axis=1)
    return np.concatenate([a, b if b.size else a], axis=1)


def compare(found: TopologyFile, dump: Dump) -> None:
    """Assert that what we read is what grompp made."""
    assert joined(found.molecules) == joined(dump.blocks)
    for name, molecule in dump.molecules.items():
        compare_molecule(found.molecule_types[name], molecule, found)
    compare_lj(found, dump)
    assert len(found.cmap_grids) == len(dump.grids)
    for ours_, theirs in zip(found.cmap_grids, dump.grids, strict=True):
        np.testing.assert_allclose(ours_, theirs, atol=5.1e-4)


def joined(blocks: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return blocks of molecules, with those of one kind that follow each other in one."""
    groups = groupby((b for b in blocks if b[1]), key=lambda b: b[0])
    return [(name, sum(count for _, count in group)) for name, group in groups]


def compare_lj(found: TopologyFile, dump: Dump) -> None:
    """Assert that the mixed numbers of the types are grompp's, which leaves out types that nothing has."""
    index: dict[int, str] = {}
    for name, molecule in dump.molecules.items():
        ours = found.molecule_types[name]
        for atom, a, b in zip(molecule.atoms, ours.types, ours.b_types or ours.types, strict=True):
            index |= {int(atom["type"]): a, int(atom["typeB"]): b}
    field = ForceField()
    field.defaults, field.atom_types = found.defaults, dict(found.atom_types)
    field.nonbond_params = dict(found.nonbond_params)
    for i, one in index.items():
        for j, other in index.items():
            mixed = c6_c12(field.mixed(one, other), found.defaults.comb_rule)
            assert mixed == pytest.approx(dump.lj[i, j], rel=6e-9), (one, other)


def compare_molecule(found: MoleculeType, dump: Molecule, whole: TopologyFile) -> None:
    assert len(found) == len(dump.atoms)
    np.testing.assert_allclose(found.charges, [a["q"] for a in dump.atoms], rtol=6e-6)
    np.testing.assert_allclose(found.masses, [a["m"] for a in dump.atoms], rtol=6e-6)
    b_charges = found.charges if found.b_charges is None else found.b_charges
    b_masses = found.masses if found.b_masses is None else found.b_masses
    np.testing.assert_allclose(b_charges, [a["qB"] for a in dump.atoms], rtol=6e-6)
    np.testing.assert_allclose(b_masses, [a["mB"] for a in dump.atoms], rtol=6e-6)
    numbers_of = [whole.atom_types[t].atomic_number for t in found.types]
    assert numbers_of == [int(a["atomnumber"]) for a in dump.atoms]
    assert {tuple(p) for p in found.exclusions.tolist()} == dump.exclusions
    assert [tuple(p) for p in found.exclusions.tolist()] == sorted(dump.exclusions)
    mine: dict[str, Rows] = defaultdict(list)
    for terms in found.terms:
        name, rows = ours(terms, whole.defaults.comb_rule)
        mine[name] += rows
    for name in {*mine, *dump.interactions}:
        compare_rows(name, mine[name], dump.interactions.get(name, []))


def does_something(name: str, values: tuple[float, ...]) -> bool:
    """Whether grompp keeps an interaction: some that do nothing are left out of the file for mdrun."""
    if name in ("PDIHS", "PIDIHS"):
        return bool(values[1] or values[3])
    return name not in ("ANGLES", "IDIHS", "RBDIHS", "FOURDIHS", "UREY_BRADLEY") or any(values)


def compare_rows(name: str, mine: Rows, theirs: Rows) -> None:
    def key(row: tuple[tuple[int, ...], tuple[float, ...]]) -> Any:
        return row[0], row[1][::-1] if name in ("PDIHS", "PIDIHS") else row[1]

    mine, theirs = (sorted((r for r in rows if does_something(name, r[1])), key=key) for rows in (mine, theirs))
    assert [r[0] for r in mine] == [r[0] for r in theirs], name
    for (atoms, have), (_, want) in zip(mine, theirs, strict=True):
        tolerance = 6e-6 if name in COARSE else 6e-9
        known = [(h, w) for h, w in zip(have, want, strict=False) if not np.isnan(h)]
        assert [h for h, _ in known] == pytest.approx([w for _, w in known], rel=tolerance, abs=1e-12), (name, atoms)
