"""Files of GROMACS in terms of the model: what GROMACS says of them, both engines say of the system that is read."""

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cuds
from cuds.errors import CudsError, InvalidError, UnsupportedError
from cuds.model.state import PotentialEnergy
from cuds.semantics.bonded import energy
from cuds.semantics.dictionary import engine_words
from cuds_gromacs.codecs.structure import Structure, write_gro
from cuds_gromacs.preparation import Inputs
from cuds_gromacs.program import find
from cuds_gromacs.single_point import SinglePointResult, evaluate

Count = Callable[[int, int], int]
TERMS = ("bond", "angle", "torsion", "vdw", "coulomb")
# All pairs within the cutoff; or a sum over images, to an accuracy at which engines can be compared.
PLAIN = """integrator = md
nsteps = 0
cutoff-scheme = verlet
verlet-buffer-tolerance = -1
rlist = 1.4203217
coulombtype = cut-off
rcoulomb = 1.4003217
coulomb-modifier = None
vdw-modifier = None
rvdw = 1.4003217
"""
MESH = "pme-order = 12\nfourierspacing = 0.04\newald-rtol = 1e-10\n"
SUMMED = PLAIN.replace("= cut-off", "= PME").replace("1.4", "0.9") + MESH


def wrote(folder: Path, topology: str, structure: Structure, settings: str = PLAIN) -> tuple[Path, Path, Path]:
    files = folder / "conf.gro", folder / "topol.top", folder / "run.mdp"
    write_gro(files[0], structure, 12)
    files[1].write_text(topology)
    files[2].write_text(settings)
    return files


def cluster(n: int, box: np.ndarray | None = None, seed: int = 0) -> Structure:
    """A chain of atoms 0.15 nm apart that does not fold back onto itself, in a box of 3 nm."""
    rng = np.random.default_rng(seed)
    while True:
        steps = rng.normal(size=(n, 3)) + np.array([0.8, 0.3, 0])
        x = np.cumsum(0.15 * steps / np.linalg.norm(steps, axis=1)[:, None], axis=0) + 0.8
        if all(np.linalg.norm(x[i] - x[j]) > 0.13 for i, j in combinations(range(n), 2)):
            break
    names, ones = np.full(n, "C"), np.ones(n, dtype=np.int64)
    cell = np.diag([3.0, 3.0, 3.0]) if box is None else box
    return Structure("cluster", ones, np.full(n, "MOL"), names, np.arange(1, n + 1), x, None, cell)


def own(files: tuple[Path, Path, Path], folder: Path, warnings: int = 2) -> SinglePointResult:
    """What GROMACS says of the files themselves."""
    folder.mkdir(exist_ok=True)
    return evaluate(find("double"), folder, Inputs(*files, warnings=warnings))


def said(system: cuds.DataSet, engine: str) -> tuple[dict[str, float], np.ndarray]:
    options = {"units": "real"} if engine == "lammps" else {}
    done = cuds.run(cuds.SinglePoint(system, potential=system), engine=engine, options=options)
    pulled = done[PotentialEnergy]
    forces = done.all(cuds.ParticleSystem)[-1].forces
    assert forces is not None
    parts = {n: float(q.in_unit("kJ/mol")) for n, q in pulled.parts.items()}
    return parts | {"total": float(pulled.value.in_unit("kJ/mol"))}, np.asarray(forces.in_unit("kJ/mol/nm"))


def same(wanted: dict[str, float], found: dict[str, float], n: int) -> None:
    """Each term to 1e-6 and 1e-6 kJ/mol an atom; torsions are booked differently by the engines."""
    one, two = ({**d, "torsion": sum(d.get(k, 0.0) for k in ("dihedral", "improper", "cmap"))} for d in (wanted, found))
    for name in TERMS:
        assert two[name] == pytest.approx(one[name], rel=1e-6, abs=1e-6 * n), name
    size = sum(abs(one[name]) for name in TERMS)
    assert two["total"] == pytest.approx(one["total"], rel=0, abs=1e-6 * size + 1e-6 * n)


Files = tuple[Path, Path, Path]
BOTH = ("gromacs", "lammps")


def agree(files: Files, folder: Path, engines: tuple[str, ...] = BOTH) -> cuds.DataSet:
    """Read files, and have engines say what GROMACS says of them."""
    reference, system = own(files, folder / "own"), cuds.read(*files)
    for engine in engines:
        terms, forces = said(system, engine)
        same(reference.terms, terms, len(forces))
        apart = np.sqrt(np.sum((forces - reference.forces) ** 2))
        assert apart <= 1e-5 * max(np.sqrt(np.sum(reference.forces**2)), 1e-3 * np.sqrt(len(forces))), engine
    return system


@pytest.mark.parametrize("rigid", [False, True], ids=["flexible", "rigid"])
def test_water(rigid: bool, tmp_path: Path) -> None:
    """216 molecules of SPC/E with a sum over images; molecules behind them, and ions, of one atom and with a charge."""
    topology = tmp_path / "topol.top"
    topology.write_text(
        '#include "oplsaa.ff/forcefield.itp"\n#include "oplsaa.ff/spce.itp"\n'
        "[ system ]\nwater\n[ molecules ]\nSOL 216\n"
    )
    structure = tmp_path / "conf.gro"
    structure.write_bytes((find("double").force_fields / "spc216.gro").read_bytes())
    settings = tmp_path / "run.mdp"
    settings.write_text(SUMMED + ("" if rigid else "define = -DFLEXIBLE\n"))
    system = agree((structure, topology, settings), tmp_path)[cuds.ParticleSystem]
    assert system.topology is not None
    assert (len(system.topology.constrained), len(system.topology.exclusions)) == (648 * rigid, 648)
    assert [g.form for g in system.topology.groups] == ([] if rigid else ["HarmonicBond", "HarmonicAngle"])


def molecule(bonded: str, defaults: str = "1 2 yes 0.5 0.8333", nrexcl: int = 3, types: str = "", n: int = 8) -> str:
    """A chain with charges; the first three bonds are given."""
    numbers = "A 6 12.011 0.0 A 0.34 0.36\nB 8 15.999 0.0 A 0.30 0.71\n"
    if defaults.split()[1] == "1":
        numbers = "A 6 12.011 0.0 A 2.2e-3 2.3e-6\nB 8 15.999 0.0 A 2.1e-3 1.5e-6\n"
    atoms = "".join(f"{i} {'AB'[i % 2]} 1 MOL C{i} {i} {q:.3f} \n" for i, q in enumerate(CHARGES[:n], start=1))
    bonds = "".join(f"{i} {i + 1} 1 0.14 2e5\n" for i in range(1, n))
    return (
        f"[ defaults ]\n{defaults}\n[ atomtypes ]\n{numbers}{types}\n[ moleculetype ]\nMOL {nrexcl}\n[ atoms ]\n{atoms}"
        f"[ bonds ]\n{bonds}{bonded}\n[ system ]\nx\n[ molecules ]\nMOL 1\n"
    )


CHARGES = [0.31, -0.42, 0.25, -0.11, 0.17, -0.05, 0.22, -0.35]
SIZES = {
    "EnergyPerLength2": 2e5, "EnergyPerLength3": 1e6, "EnergyPerLength4": 1e7, "EnergyPerAngle": 30.0,
    "EnergyPerAngle2": 100.0, "EnergyPerAngle3": 100.0, "EnergyPerAngle4": 100.0, "Energy": 10.0, "Length": 0.15,
    "Angle": 100.0, "InverseLength": 20.0, "Dimensionless": 1.0,
}  # fmt: skip
ROWS = [r for r in engine_words("gromacs").rows if r.role and r.coefficients]


def random_line(row: Any, rng: np.random.Generator) -> str:
    """Coefficients of a row, as GROMACS has them: none of them zero, both signs where they can be."""
    from cuds.semantics.dictionary import form

    kinds, words = {s: p.kind for s, p in form(row.realises).free.items()}, []
    for text in row.coefficients.split(", "):
        plain = text.removeprefix("int(").removesuffix(")")
        size = SIZES[kinds[plain]] if plain in kinds else 20.0 if plain == "k3/k2" else 1.0
        value = rng.uniform(0.6, 1.4) * size
        if row.role in ("dihedral", "improper") and kinds.get(plain) in ("Energy", "Angle"):
            value *= rng.choice([-1, 1])
        if plain == "rm":
            value = 0.15 + rng.uniform(0.1, 0.2)
        words.append(str(rng.integers(1, 5)) if text.startswith("int(") else repr(float(value)))
    return " ".join(words)


@pytest.mark.turns(3)
@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r.section}-{r.keyword}")
def test_every_function_both_ways(row: Any, tmp_path: Path, count: Count) -> None:
    """GROMACS's own energy of the line, its energy of what we write, LAMMPS's, and that of the formula."""
    bodies = {"bond": 2, "angle": 3, "dihedral": 4, "improper": 4}[row.role]
    lammps = row.keyword + row.section not in ("6bonds", "4angles", "11dihedrals")  # what it cannot express
    for draw in range(count(1, 10)):
        rng = np.random.default_rng(draw)
        lines = [f"[ {row.section} ]"]
        for i in range(1, 4):
            atoms = (i, i + 5) if bodies == 2 else range(i, i + bodies)
            lines.append(f"{' '.join(map(str, atoms))} {row.keyword} {random_line(row, rng)}")
        text = molecule("\n".join(lines))
        folder = tmp_path / str(draw)
        folder.mkdir()
        structure = cluster(8, seed=draw)
        if row.keyword + row.section == "7bonds":  # an extensible bond must not be stretched beyond its length
            text = text.replace("\n1 6 7", "\n1 3 7").replace("\n2 7 7", "\n2 4 7").replace("\n3 8 7", "\n3 5 7")
            text = "\n".join(fene(line, rng) for line in text.split("\n"))
        files = wrote(folder, text, structure)
        system = agree(files, folder, ("gromacs", "lammps") if lammps else ("gromacs",))[cuds.ParticleSystem]
        assert system.topology is not None
        groups = [g for g in system.topology.groups if g.form == row.realises and g.role == row.role]
        ours = sum(float(energy(system, g).in_unit("kJ/mol").sum()) for g in groups)
        reference = own(files, folder / "own").terms
        booked = {"bond": "bond", "angle": "angle"}.get(row.role)
        theirs = reference[booked] if booked else reference["dihedral"] + reference["improper"]
        others = [g for g in system.topology.groups if g.role == row.role and g not in groups]
        ours += sum(float(energy(system, g).in_unit("kJ/mol").sum()) for g in others)
        assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-9)
        if not lammps:
            with pytest.raises(UnsupportedError, match="LAMMPS"):
                said(cuds.read(*files), "lammps")


def fene(line: str, rng: np.random.Generator) -> str:
    """A bond between second neighbours has a length of up to 0.3 nm."""
    words = line.split()
    if len(words) != 5 or words[2] != "7":
        return line
    return f"{words[0]} {words[1]} 7 {0.45 + rng.uniform(0, 0.1)!r} {words[4]}"


PAIRS = "[ pairs ]\n1 4 1\n2 5 1\n3 6 1\n4 7 1\n5 8 1\n"
CASES: dict[str, str] = {
    "generated pairs": molecule(PAIRS),
    "geometric mixing": molecule(PAIRS, defaults="1 3 yes 0.5 0.5"),
    "C6 and C12": molecule(PAIRS, defaults="1 1 yes 0.5 0.8333"),
    "two fields": molecule("", defaults="1 2"),
    "pairtypes": molecule(PAIRS, defaults="1 2 no 1.0 0.8333", types="[ pairtypes ]\nA B 1 0.29 0.15\n"),
    "pairs of their own": molecule("[ pairs ]\n1 4 1 0.31 0.12\n2 5 2 0.7 0.3 -0.2 0.28 0.2\n3 6 1\n"),
    "charges of their own": molecule("[ exclusions ]\n1 8\n2 8\n[ pairs_nb ]\n1 8 1 0.4 -0.3 0.3 0.2\n"),
    "pairs of types": molecule(PAIRS, types="[ nonbond_params ]\nA B 1 0.36 0.9\n"),
    "a negative sigma": molecule("", types="C 7 14.0 0.0 A -0.3 0.5\n").replace("\n3 B 1", "\n3 C 1"),
    "few exclusions": molecule("[ exclusions ]\n1 5 6 7\n2 8\n", nrexcl=1),
    "more exclusions": molecule("[ exclusions ]\n1 5 6\n8 1\n", nrexcl=2),
    "masses of their own": molecule("").replace("2 A 1 MOL C2 2 -0.420", "2 A 1 MOL C2 2 -0.420 14.5"),
    "constraints": molecule("[ constraints ]\n1 3 1 0.25\n2 4 2 0.25\n"),
    "rings": molecule("5 1 1 0.2 1e5\n1 3 1 0.2 1e4\n" + PAIRS),
}  # fmt: skip


@pytest.mark.turns(3)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("skew", [False, True], ids=["box", "triclinic"])
def test_who_interacts_with_whom(case: str, skew: bool, tmp_path: Path) -> None:
    box = np.array([[3.2, 0, 0], [1.1, 3.1, 0], [-0.9, 1.2, 3.3]]) if skew else None
    agree(wrote(tmp_path, CASES[case], cluster(8, box)), tmp_path)


def test_molecules_in_any_order_with_a_net_charge(tmp_path: Path) -> None:
    """Ions, of one atom, between molecules of two kinds with other exclusions; a sum over images with a background."""
    short = molecule("", nrexcl=1, n=4).split("[ moleculetype ]")[1].split("[ system ]")[0].replace("MOL", "SHORT", 1)
    ion = "\n[ moleculetype ]\nION 1\n[ atoms ]\n1 A 1 ION A 1 1.0\n"
    text = molecule(PAIRS).replace("[ system ]", f"[ moleculetype ]{short}{ion}[ system ]")
    text = text.removesuffix("MOL 1\n") + "ION 1\nSHORT 1\nMOL 1\nION 1\n"
    system = agree(wrote(tmp_path, text, cluster(14, seed=3), SUMMED), tmp_path)[cuds.ParticleSystem]
    assert system.charges is not None
    assert float(np.sum(system.charges.value)) == pytest.approx(2.0 + sum(CHARGES) + sum(CHARGES[:4]))


SETTINGS = {
    "coulombtype = Reaction-Field-zero": "coulombtype",
    "coulomb-modifier = Potential-switch": "coulomb-modifier",
    "vdw-modifier = Force-switch": "rvdw-switch",
    "vdwtype = User": "vdwtype",
    "vdwtype = PME": "vdwtype",
    "morse = yes": "morse",
    "pbc = no": "pbc",
    "pbc = xy\nnwall = 2": "pbc",
    "free-energy = yes": "free-energy",
    "epsilon-surface = 1": "epsilon-surface",
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_that_is_not_carried_is_refused(setting: str, tmp_path: Path) -> None:
    name = SETTINGS[setting]
    changed = [w.split(" = ")[0] for w in setting.split("\n")]
    kept = "".join(line + "\n" for line in PLAIN.splitlines() if line.split(" = ")[0] not in changed)
    with pytest.raises(UnsupportedError, match=name):
        cuds.read(*wrote(tmp_path, molecule(""), cluster(8), kept + setting + "\n"))


REFUSED: dict[str, tuple[str, str]] = {
    "position restraints": (molecule("[ position_restraints ]\n1 1 1000 1000 1000\n"), "position_restraints"),
    "state B": (molecule("").replace("1 2 1 0.14 2e5", "1 2 1 0.14 2e5 0.16 2e5"), "state B"),
    "charges of state B": (molecule("").replace("0.310 \n", "0.310 12.0 A 0.2 12.0\n"), "state B"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_model_cannot_say_is_refused(case: str, tmp_path: Path) -> None:
    text, says = REFUSED[case]
    with pytest.raises(UnsupportedError, match=says):
        cuds.read(*wrote(tmp_path, text, cluster(8)))


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    """A file may have several frames."""
    files = wrote(tmp_path, molecule(""), cluster(8))
    files[0].write_text(files[0].read_text() * 2)
    with pytest.warns(UserWarning, match="the first is read"):
        cuds.read(*files)


def test_files_that_do_not_fit(tmp_path: Path) -> None:
    conf, top, mdp = wrote(tmp_path, molecule(""), cluster(7))
    for files, says in (
        ((conf, top, mdp), "the topology has 8 atoms, the structure 7"),
        ((conf, top), "run parameters: none"),
        ((top, mdp), "a structure: none"),
        ((conf, mdp), "a topology: none"),
        ((conf, conf, top, mdp), "a structure"),
    ):
        with pytest.raises(InvalidError, match=says):
            cuds.read(*files)
    with pytest.raises(CudsError, match="there is no file"):
        cuds.read(conf, top, tmp_path / "rum.mdp")
    with pytest.raises(InvalidError, match="length"):
        cuds.read(conf, top, mdp, length="nm")
