"""Energy and forces at exactly the positions given, against sums made here; prepared input kept by content."""

import multiprocessing
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from cuds.errors import EngineError, InvalidError
from cuds_gromacs.preparation import Inputs, prepared
from cuds_gromacs.program import find
from cuds_gromacs.results import Trajectory, write_frame
from cuds_gromacs.single_point import SinglePointResult, evaluate, single_point

Floats = npt.NDArray[np.float64]
COULOMB = 138.935458  # kJ/mol nm/e^2, to the digits that every version of GROMACS has
CUTOFF = 1.0003217
BOX = np.array([[2.6, 0, 0], [0.4, 2.5, 0], [-0.5, 0.8, 2.4]])
SETTINGS = f"""
coulombtype = cut-off
coulomb-modifier = none
rcoulomb = {CUTOFF}
vdw-modifier = none
rvdw = {CUTOFF}
"""
ATOMS = """
[ defaults ]
1 2 no 1.0 1.0
[ atomtypes ]
A  A 18 39.948 0.0 A 0.34 0.9
O  O  8 15.999 0.0 A 0.30 0.7
H  H  1  1.008 0.0 A 0.00 0.0
M  M  0  0.000 0.0 V 0.00 0.0
S  S  0  0.000 0.0 S 0.00 0.0
[ moleculetype ]
"""
ARGON = ATOMS + "AR 1\n[ atoms ]\n1 A 1 AR X 1 0.0\n"
WATER = ATOMS + "SOL 2\n[ atoms ]\n1 O 1 SOL X 1 0.0\n2 H 1 SOL X 1 0.52\n3 H 1 SOL X 1 0.52\n"
TIP4P = WATER + "4 M 1 SOL X 1 -1.04\n[ settles ]\n1 1 0.09572 0.15139\n[ virtual_sites3 ]\n4 1 2 3 1 0.128 0.128\n"
TIP4P += "[ exclusions ]\n1 2 3 4\n2 1 3 4\n3 1 2 4\n4 1 2 3\n"
CHAIN = ATOMS + "CH 3\n[ atoms ]\n1 A 1 CH X 1 0.5\n2 A 1 CH X 1 -0.5\n3 A 1 CH X 1 0.3\n4 A 1 CH X 1 -0.3\n"
PLACES = np.array([[1, 1, 1], [1.1123456789012345, 1.01, 1], [1.15, 1.12, 1.02], [1.26, 1.1, 1.13]])


class Case:
    """Files of a system, and what GROMACS makes of them."""

    def __init__(self, folder: Path, top: str, x: Floats, *, count: int = 1, box: Floats = BOX, more: str = "") -> None:
        self.folder = folder
        name = top.partition("[ moleculetype ]\n")[2].split(maxsplit=1)[0]
        (folder / "t.top").write_text(f"{top}\n[ system ]\nx\n[ molecules ]\n{name} {count}\n")
        (folder / "t.mdp").write_text(SETTINGS + more)
        self.inputs = Inputs(write_gro(folder / "t.gro", x, box), folder / "t.top", folder / "t.mdp")

    def result(self, *, threads: int = 1, positions: Path | None = None) -> SinglePointResult:
        return evaluate(find("double", threads=threads), self.folder, self.inputs, positions=positions)


def write_gro(path: Path, x: Floats, box: Floats, decimals: int = 20) -> Path:
    rows = [f"{1:5d}{'X':5}{'X':>5}{1:5d}" + "".join(f"{c:{decimals + 5}.{decimals}f}" for c in r) for r in x]
    order = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1))
    path.write_text("\n".join(["x", str(len(x)), *rows, " ".join(f"{box[p]:.{decimals}f}" for p in order), ""]))
    return path


def lattice(noise: float, *, seed: int = 3) -> Floats:
    """Return 216 sites in the cell, none near another."""
    grid = np.stack(np.meshgrid(*[np.arange(6) / 6] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    return np.asarray(grid @ BOX + np.random.default_rng(seed).uniform(-noise, noise, (216, 3)))


def pairs(x: Floats, box: Floats) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]:
    """Return the pairs within the cut-off and their vectors, from all images that can be there."""
    found = []
    for image in np.stack(np.meshgrid(*[range(-2, 3)] * 3), axis=-1).reshape(-1, 3):
        vectors = x[None, :] - x[:, None] + image @ box
        i, j = np.nonzero((np.linalg.norm(vectors, axis=-1) < CUTOFF) & ~(np.eye(len(x), dtype=bool) & ~image.any()))
        found.append((i, j, vectors[i, j]))
    i, j, d = (np.concatenate(part) for part in zip(*found, strict=True))
    return i, j, d


def lennard_jones(x: Floats, box: Floats, sigma: float, epsilon: float) -> tuple[float, Floats]:
    i, _, d = pairs(x, box)
    r = np.linalg.norm(d, axis=1)
    s = (sigma / r) ** 6
    forces = np.zeros_like(x)
    np.add.at(forces, i, -(24 * epsilon * (2 * s**2 - s) / r**2)[:, None] * d)
    return float((2 * epsilon * (s**2 - s)).sum()), forces


@pytest.mark.parametrize("far", [False, True])
def test_argon_is_the_sum_over_its_pairs(tmp_path: Path, far: bool) -> None:
    x = lattice(0.05)
    images = np.random.default_rng(1).integers(-3, 4, (216, 3)) if far else np.zeros((216, 3))
    found = Case(tmp_path, ARGON, x + images @ BOX, count=216).result()
    energy, forces = lennard_jones(x, BOX, 0.34, 0.9)
    assert found.terms["vdw"] == pytest.approx(energy, rel=1e-12)
    assert found.terms["total"] == found.terms["vdw"]
    assert {k: v for k, v in found.terms.items() if v and k not in ("vdw", "total")} == {}
    assert np.abs(found.forces - forces).max() < 1e-11 * np.abs(forces).max() * (10 if far else 1)
    assert found.box == pytest.approx(BOX)


def test_all_digits_of_a_structure_count(tmp_path: Path) -> None:
    """As many as a .trr in double has: the same bits, whichever is given."""
    x = lattice(0.05) + 1e-3  # all inside the cell, where none is shifted
    case = Case(tmp_path, ARGON, x, count=216)
    text = case.result()
    write_frame(tmp_path / "x.trr", x, BOX)
    binary = case.result(positions=tmp_path / "x.trr")
    assert binary.rows == text.rows
    assert (binary.forces == text.forces).all()
    shifted = x + 1e-12 * np.sin(np.arange(648).reshape(216, 3))
    write_frame(tmp_path / "x.trr", shifted, BOX)
    change = case.result(positions=tmp_path / "x.trr").terms["vdw"] - text.terms["vdw"]
    assert change == pytest.approx(-(text.forces * (shifted - x)).sum(), abs=2e-12)
    write_gro(tmp_path / "t.gro", x, BOX, decimals=3)
    assert case.result().rows != text.rows


def tip4p() -> Floats:
    """Return two waters as a file of three decimals has them: neither rigid nor with the site in its place."""
    water = np.array([[1.0, 1.0, 1.0], [1.0757, 1.0586, 1.0], [0.9243, 1.0586, 1.0], [1.0, 1.016, 1.004]])
    return np.round(np.concatenate([water, water[:, [2, 0, 1]] + [0.31, 0.11, 0.05]]), 3)


def test_neither_sites_nor_rigid_molecules_move(tmp_path: Path) -> None:
    x, q = tip4p(), np.tile([0, 0.52, 0.52, -1.04], 2)
    case = Case(tmp_path, TIP4P, x, count=2, more="continuation = no\nintegrator = steep\n")
    found = case.result()
    r = np.linalg.norm(x[:4, None] - x[None, 4:], axis=-1)
    coulomb = COULOMB * (q[:4, None] * q[None, 4:] / r).sum()
    s = (0.30 / r[0, 0]) ** 6
    # The whole of the plain cut-off: no shift, nothing for excluded pairs; waters are nearer than it is.
    assert found.terms["coulomb"] == pytest.approx(coulomb, rel=1e-8)
    assert found.terms["vdw"] == pytest.approx(4 * 0.7 * (s**2 - s), rel=1e-13)
    assert (found.forces[[3, 7]] == 0).all()
    assert np.abs(found.forces.sum(axis=0)).max() < 1e-10


def test_a_run_of_no_steps_would_have_moved_them(tmp_path: Path) -> None:
    """The reason for a rerun."""
    gmx, x = find("double"), tip4p()
    case = Case(tmp_path, TIP4P, x, count=2, more="nsteps = 0\nnstxout = 1\n")
    ready = prepared(gmx, tmp_path, replace(case.inputs, warnings=1))
    gmx.run(["mdrun", "-s", ready.path, "-deffnm", "none", *gmx.one_rank], folder=tmp_path)
    moved = Trajectory(tmp_path / "none.trr")[0].positions
    assert moved is not None
    assert np.abs(moved - x)[[3, 7]].max() > 1e-3


def test_what_is_moved_is_refused(tmp_path: Path) -> None:
    shell = ATOMS + "SH 3\n[ atoms ]\n1 A 1 SH X 1 1.0\n2 S 1 SH X 1 -1.0\n3 A 1 SH X 1 0.5\n[ bonds ]\n1 3 1 0.1 1e5\n"
    with pytest.raises(EngineError, match=r"atom 2 was moved by 0\.\d+ nm"):
        Case(tmp_path, shell + "[ polarization ]\n1 2 1 0.001\n", PLACES[:3]).result()


def test_the_energies_are_those_of_gmx_energy(tmp_path: Path) -> None:
    case = Case(tmp_path, ARGON, lattice(0.05), count=216, more="DispCorr = EnerPres\n")
    found = case.result()
    find("double").run(
        ["energy", "-f", "single_point.edr", "-o", "e.xvg", "-dp"], folder=tmp_path, stdin="1\n2\n3\n4\n\n"
    )
    printed = np.loadtxt(tmp_path / "e.xvg", comments=["#", "@"])[1:]
    assert list(found.rows.values())[:4] == pytest.approx(printed[:4], abs=1e-11, rel=1e-14)
    assert found.rows["Disper. corr."] < 0
    assert found.terms["vdw"] == found.rows["LJ (SR)"] + found.rows["Disper. corr."]


DYNAMICS = {
    "minimisation": "integrator = steep\n",
    "seldom": "nstcalcenergy = 100\nnstenergy = 0\nnstxout = 0\nnst-f_out = 0\nNSTLIST = 20\n",
    "stochastic": "integrator = sd\ntc-grps = System\ntau-t = 1\nref-t = 80\nnsteps = 100\ngen-vel = yes\n",
    "buffered": "verlet-buffer-tolerance = 1e-6\nnstlist = 100\ntcoupl = v-rescale\ntc-grps = System\ntau-t = 1\n"
    "ref-t = 900\npcoupl = c-rescale\ntau-p = 5\nref-p = 1\ncompressibility = 4e-5\n",
    "steps of two lengths": "mts = yes\nmts-level2-factor = 4\nmts-level2-forces = nonbonded\nnstcalcenergy = 4\n",
}


@pytest.mark.parametrize("how", DYNAMICS)
def test_settings_of_a_run_change_nothing(tmp_path: Path, how: str) -> None:
    x = lattice(0.05)
    plain = Case(tmp_path, ARGON, x, count=216).result()
    found = Case(tmp_path, ARGON, x, count=216, more=DYNAMICS[how]).result()
    assert {k: found.rows[k] for k in plain.rows} == plain.rows
    assert (found.forces == plain.forces).all()


def test_the_same_again_and_with_more_threads(tmp_path: Path) -> None:
    case = Case(tmp_path, ARGON, lattice(0.05), count=216)
    two, again = case.result(threads=2), case.result(threads=2)
    assert two.rows == again.rows
    assert (two.forces == again.forces).all()
    assert two.terms["vdw"] == pytest.approx(case.result().terms["vdw"], rel=1e-13)


def test_mixed_precision_is_near(tmp_path: Path) -> None:
    case = Case(tmp_path, ARGON, lattice(0.05) + 2 * BOX[0], count=216)
    mixed = evaluate(find("mixed"), tmp_path, case.inputs)
    double = case.result()
    assert mixed.terms["vdw"] == pytest.approx(double.terms["vdw"], rel=1e-5)
    assert mixed.terms["vdw"] != double.terms["vdw"]


BONDS = "[ bonds ]\n1 2 1 0.11 1e5\n2 3 1 0.11 1e5\n3 4 1 0.11 1e5\n"
BOOKED = {
    "bond": "[ bonds ]\n1 2 2 0.11 1e5\n2 3 3 0.11 300 20\n3 4 4 0.11 1e5 20\n1 4 6 0.2 100\n1 3 10 0.0 0.1 0.2 100\n"
    "2 4 7 0.5 100\n1 3 5\n",
    "angle": "[ angles ]\n1 2 3 1 110 300\n1 2 3 2 110 300\n1 2 3 3 0.11 0.11 100\n1 2 3 4 0.11 0.11 0.2 100\n"
    "1 2 3 5 110 300 0.2 100\n1 2 3 6 110 0 0 300 0 0\n1 2 3 9 0.5 100\n2 3 4 10 110 300\n",
    "dihedral": "[ dihedrals ]\n1 2 3 4 1 0 3 2\n1 2 3 4 3 1 2 3 4 5 6\n1 2 3 4 5 1 2 3 4\n1 2 3 4 10 30 10\n"
    "1 2 3 4 11 1 2 3 4 5 6\n",
    "improper": "[ dihedrals ]\n1 2 3 4 2 20 100\n1 2 3 4 4 180 10 2\n",
    "vdw": "[ pairs ]\n1 4 1 0.34 0.3\n",
    "coulomb": "[ pairs ]\n1 4 2 1.0 0.5 -0.3 0.34 0.0\n",
}


@pytest.mark.parametrize("term", BOOKED)
def test_every_form_is_booked(tmp_path: Path, term: str) -> None:
    """By what it adds; that the terms make up the total is looked at with each result."""
    without = Case(tmp_path, CHAIN + BONDS, PLACES).result()
    found = Case(tmp_path, CHAIN + BONDS + BOOKED[term], PLACES).result()
    added = {k: v - without.terms[k] for k, v in found.terms.items() if v != without.terms[k]}
    assert added.keys() == {term, "total"} | ({"coulomb"} if term == "vdw" else set())
    assert not found.restraints


def test_restraints_stand_apart(tmp_path: Path) -> None:
    top = CHAIN + BONDS + "[ position_restraints ]\n1 1 1000 1000 1000\n2 2 1 0.005 1000\n"
    case = Case(tmp_path, top + "[ dihedral_restraints ]\n1 2 3 4 1 0 5 10\n", PLACES)
    with pytest.raises(EngineError, match=r"(?i)position restraint"):
        case.result()
    start = write_gro(tmp_path / "r.gro", PLACES + 0.01, BOX)
    case.inputs = replace(case.inputs, more={"-r": start})
    found = case.result()
    assert found.restraints["Position Rest."] == pytest.approx(0.15, rel=1e-10)
    assert found.restraints["Flat-b. P-R."] > 0
    assert found.restraints["Dih. Rest."] > 0
    assert found.terms["total"] == pytest.approx(found.terms["bond"] + sum(found.restraints.values()), rel=1e-13)


def test_a_molecule_that_is_long_beside_the_cell(tmp_path: Path) -> None:
    """GROMACS cuts the cell into domains even for one rank, and then refuses it."""
    x = np.concatenate([PLACES, PLACES + np.array([0.7, 0.8, 0.9])])
    top = CHAIN + "5 A 1 CH X 1 0\n6 A 1 CH X 1 0\n7 A 1 CH X 1 0\n8 A 1 CH X 1 0\n"
    found = Case(tmp_path, top + "[ bonds ]\n1 5 1 1.0 100\n2 6 1 1.0 100\n", x).result()
    assert found.terms["bond"] == pytest.approx(2 * 50 * (np.linalg.norm([0.7, 0.8, 0.9]) - 1) ** 2, rel=1e-12)


def test_atoms_on_top_of_each_other_are_refused(tmp_path: Path) -> None:
    x = lattice(0.0)
    x[1] = x[0]
    with pytest.raises(EngineError, match=r"LJ \(SR\) is|a force is no number"):
        Case(tmp_path, ARGON, x, count=216).result()


def test_warnings_are_refused_unless_told(tmp_path: Path) -> None:
    case = Case(tmp_path, ARGON.replace("X 1 0.0", "X 1 0.1"), lattice(0.05), count=216)
    top, gro = case.inputs.topology, case.inputs.structure
    mdp = case.inputs.settings
    mdp.write_text(SETTINGS.replace("cut-off", "PME"))
    with pytest.raises(EngineError, match="net charge"):
        single_point(find("double"), tmp_path, structure=gro, topology=top, settings=mdp)
    found = single_point(find("double"), tmp_path, structure=gro, topology=top, settings=mdp, warnings=1)
    assert ["net charge" in w for w in found.warnings] == [True]
    assert found.notes


def test_positions_without_their_digits_are_refused(tmp_path: Path) -> None:
    case = Case(tmp_path, ARGON, lattice(0.05), count=216)
    (tmp_path / "t.pdb").write_text("")
    with pytest.raises(InvalidError, match=r"t\.pdb: no positions in all their digits"):
        case.result(positions=tmp_path / "t.pdb")
    with pytest.raises(InvalidError, match=r"-c: .*nowhere\.gro is not there"):
        prepared(find("double"), tmp_path, replace(case.inputs, structure=tmp_path / "nowhere.gro"))


def argon_with_includes(folder: Path) -> Case:
    case = Case(folder, ARGON, lattice(0.05), count=216)
    text = case.inputs.topology.read_text()
    head, tail = text.split("[ moleculetype ]")
    case.inputs.topology.write_text(
        f'#include "types.itp"\n#ifdef NEVER\n#include "no.itp"\n#endif\n[ moleculetype ]{tail}'
    )
    (folder / "types.itp").write_text('# include "sub/deep.itp"\n')
    (folder / "sub").mkdir()
    (folder / "sub/deep.itp").write_text(head)
    return case


def test_prepared_input_is_kept_by_content(tmp_path: Path) -> None:
    case, cache, gmx = argon_with_includes(tmp_path), tmp_path / "cache", find("double")
    first = prepared(gmx, tmp_path, case.inputs, cache=cache)
    made = os.stat(first.path).st_ino
    other = tmp_path / "other"
    shutil.copytree(tmp_path, other, ignore=shutil.ignore_patterns("cache", "other"))
    moved = Inputs(other / "t.gro", other / "t.top", other / "t.mdp")
    again = prepared(gmx, other, moved, cache=cache)
    assert (again.path, again.said) == (first.path, first.said)
    assert os.stat(first.path).st_ino == made
    assert first.notes
    seen = {first.path, prepared(find("mixed"), tmp_path, case.inputs, cache=cache).path}
    seen.add(prepared(gmx, tmp_path, replace(case.inputs, warnings=1), cache=cache).path)
    for name, old, new in (
        ("sub/deep.itp", "0.9", "0.8"),
        ("t.mdp", "none", "potential-shift"),
        ("t.top", "argon", "neon"),
        ("t.gro", "x\n", "y\n"),
    ):
        file = other / name
        file.write_text(file.read_text().replace(old, new) + "\n" * (name == "t.top"))
        seen.add(prepared(gmx, other, moved, cache=cache).path)
    (other / "no.itp").write_text("; here now\n")
    seen.add(prepared(gmx, other, moved, cache=cache).path)
    assert len(seen) == 8
    assert sorted(p.name for p in cache.glob("*.tpr")) == sorted(p.name for p in seen)
    assert list(cache.glob(".*")) == []


def test_a_refused_input_leaves_nothing(tmp_path: Path) -> None:
    case, cache = argon_with_includes(tmp_path), tmp_path / "cache"
    (tmp_path / "sub/deep.itp").write_text("nonsense\n")
    with pytest.raises(EngineError):
        prepared(find("double"), tmp_path, case.inputs, cache=cache)
    assert list(cache.iterdir()) == []


def _prepare(folder: Path, cache: Path) -> tuple[str, bytes]:
    folder.mkdir()
    given = folder.parent
    inputs = Inputs(given / "t.gro", given / "t.top", given / "t.mdp")
    ready = prepared(find("double"), folder, inputs, cache=cache)
    return str(ready.path), ready.path.read_bytes()


def test_several_may_write_at_once(tmp_path: Path) -> None:
    argon_with_includes(tmp_path)
    cache = tmp_path / "cache"
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        found = pool.starmap(_prepare, [(tmp_path / str(i), cache) for i in range(12)])
    assert len({path for path, _ in found}) == 1
    assert len({len(content) for _, content in found}) == 1
    assert sorted(p.suffix for p in cache.iterdir()) == [".tpr", ".txt"]


def test_a_kept_input_is_taken_for_other_positions(tmp_path: Path) -> None:
    x, cache = lattice(0.05), tmp_path / "cache"
    case = Case(tmp_path, ARGON, lattice(0.0), count=216)
    for seed in (1, 2):
        x = lattice(0.05, seed=seed)
        write_frame(tmp_path / "x.trr", x, BOX)
        found = evaluate(find("double"), tmp_path, case.inputs, positions=tmp_path / "x.trr", cache=cache)
        assert found.terms["vdw"] == pytest.approx(lennard_jones(x, BOX, 0.34, 0.9)[0], rel=1e-12)
    assert len(list(cache.glob("*.tpr"))) == 1
