"""Rigid distances of scripts: what LAMMPS's SHAKE holds is read, and what is written LAMMPS's SHAKE holds."""

import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import cuds
from cuds.errors import CudsError, EngineError, UnsupportedError
from cuds.model.images import nearest
from cuds.model.state import PotentialEnergy
from cuds.units import Quantity
from cuds.wrapper.process import Worker
from cuds_lammps.codecs.set_up import Job, SetUpWrapper
from cuds_lammps.proof import prove
from cuds_lammps.reading import reading
from tests.cuds_lammps.scripts import plain

Count = Callable[[int, int], int]
LMP = str(Path(sys.executable).with_name("lmp"))
MASSES = {1: 12.011, 2: 1.008, 3: 15.9994}
GROUPS = {"CH": [2], "CH2": [2, 2], "CH3": [2, 2, 2], "OH": [2], "C": [], "CO": [3]}  # types beside the middle
RIGID = ("b 3", "b 1 3", "t 2", "m 1.0", "t 2 a 3", "m 1.05 a 1 2 3", "b 2", "b 1 2 3 a 1 2 3")


def molecules(rng: np.random.Generator, folder: Path, rigid: str, group: str = "all", more: str = "") -> Path:
    """Write a script of small random molecules: chains of groups; returns its path.

    Bonds 1 and 2 join the middles of groups of one type and of two, bond 3 what hangs on them; angles alike.
    """
    x, types, bonds, molecule = [], [], [], []
    for number in range(8):
        middle = -1
        for name in rng.choice(list(GROUPS), rng.integers(1, 4)):
            at, kind = len(x), 3 if name == "OH" else 1
            place = (
                np.array([8.0 * (number % 4), 8.0 * (number // 4), 4.0]) if middle < 0 else x[middle] + [1.5, 0.3, 0]
            )
            x.append(place + rng.normal(0, 0.05, 3))
            types.append(kind)
            if middle >= 0:
                bonds.append((1 if types[middle] == kind else 2, middle, at))
            middle = at
            for i, other in enumerate(GROUPS[name]):
                x.append(x[at] + 1.1 * np.array([[0, 1, 0], [0, -0.5, 0.87], [0, -0.5, -0.87]])[i])
                types.append(other)
                bonds.append((3, at, len(x) - 1))
            molecule += [number + 1] * (len(x) - len(molecule))
    near: dict[int, list[int]] = {i: [] for i in range(len(x))}
    for _, i, j in bonds:
        near[i].append(j)
        near[j].append(i)
    angles = [(int(rng.integers(1, 4)), i, m, j) for m, ns in near.items() for i, j in combinations(ns, 2)]
    ids = rng.permutation(len(x)) * 2 + 1
    lines = [
        *("molecules", "", f"{len(x)} atoms", "3 atom types", f"{len(bonds)} bonds", "3 bond types"),
        *(f"{len(angles)} angles", "3 angle types", "0 33 xlo xhi", "0 30 ylo yhi", "-5 24 zlo zhi", "", "Masses", ""),
        *(f"{k} {m}" for k, m in MASSES.items()),
        *("", "Atoms # full", ""),
        *(f"{ids[i]} {molecule[i]} {types[i]} 0.1 {' '.join(repr(float(c)) for c in x[i])}" for i in range(len(x))),
        *("", "Bonds", "", *(f"{n + 1} {k} {ids[i]} {ids[j]}" for n, (k, i, j) in enumerate(bonds))),
        *("", "Angles", "", *(f"{n + 1} {k} {ids[i]} {ids[m]} {ids[j]}" for n, (k, i, m, j) in enumerate(angles))),
    ]
    (folder / "m.data").write_text("\n".join(lines if angles else lines[: lines.index("Angles") - 1]) + "\n")
    script = folder / "in.molecules"
    script.write_text(SCRIPT.format(rigid=rigid, group=group, more=more))
    return script


SCRIPT = """units real
atom_style full
bond_style hybrid harmonic morse
angle_style harmonic
pair_style lj/cut 9
special_bonds lj/coul 0 0 0.5
read_data m.data
bond_coeff 1 harmonic 300 1.53
bond_coeff 2 morse 80 2 1.41
bond_coeff 3 harmonic 340 1.09
angle_coeff 1 50 109.5
angle_coeff 2 60 107
angle_coeff 3 55 111
pair_coeff * * 0.1 3
group some molecule 1:4
{more}
fix hold {group} shake 1e-6 200 0 {rigid}
"""
SAID = re.compile(r"(\d+) = # of (size 2 clusters|size 3 clusters|size 4 clusters|frozen angles)")


def clusters(pairs: np.ndarray) -> dict[str, int]:
    """How many clusters of which kind there are, as LAMMPS counts them."""
    sets: list[tuple[set[int], int]] = []
    for i, j in pairs.tolist():
        joined = [s for s in sets if {i, j} & s[0]]
        sets = [s for s in sets if s not in joined]
        sets.append(({i, j}.union(*(s[0] for s in joined)), 1 + sum(s[1] for s in joined)))
    names = {(2, 1): "size 2 clusters", (3, 2): "size 3 clusters", (4, 3): "size 4 clusters", (3, 3): "frozen angles"}
    found = dict.fromkeys(names.values(), 0)
    for atoms, count in sets:
        found[names[len(atoms), count]] += 1
    return found


@pytest.mark.filterwarnings("ignore:.*rigid, and without an energy")
def test_what_is_rigid_is_what_lammps_says(tmp_path: Path, count: Count) -> None:
    """Clusters as plain lmp prints them, its energies of what is left; or its refusal, with the line."""
    read = 0
    for seed in range(count(2, 120)):
        rng = np.random.default_rng(seed)
        script = molecules(rng, tmp_path, str(rng.choice(RIGID)), ["all", "some"][seed % 2])
        run = subprocess.run([LMP, "-in", script.name, "-log", "none"], cwd=tmp_path, capture_output=True, text=True,
                             check=False)  # fmt: skip
        if run.returncode:
            line = next(n for n, x in enumerate(script.read_text().splitlines(), 1) if "shake" in x)
            with pytest.raises(EngineError, match=rf"in.molecules:{line}: .*clusters? (are connected|of more than 4)"):
                cuds.read(script)
            continue
        system, potential = (data := cuds.read(script))[cuds.ParticleSystem], data[cuds.Potential]
        assert system.topology is not None
        said = {name: int(number) for number, name in SAID.findall(run.stdout)}
        assert clusters(system.topology.constrained) == said
        read += any(said.values())
        terms, _ = plain(script)
        found = cuds.run(cuds.SinglePoint(system, potential=potential), engine="lammps")[PotentialEnergy]
        size = sum(map(abs, terms.values()))
        for name in ("bond", "angle", "vdw"):
            assert found.parts[name].in_unit("kJ/mol") == pytest.approx(terms[name], rel=1e-9, abs=1e-10 * size), name
    assert read >= count(1, 40)


def moved_by(script: str, folder: Path, ask: str, columns: str) -> np.ndarray:
    """What plain lmp has of all atoms, in the order of ids, after a script and more commands."""
    dump = f"write_dump all custom asked.dump id {columns} modify sort id format float %.17g"
    (folder / "asked.txt").write_text(f"{script}\n{ask}\n{dump}\n")
    subprocess.run([LMP, "-in", "asked.txt", "-log", "none"], cwd=folder, capture_output=True, check=True)
    return np.loadtxt(folder / "asked.dump", skiprows=9, ndmin=2)[:, 1:]


def off_lengths(system: cuds.ParticleSystem, x: np.ndarray) -> np.ndarray:
    """By what part of their lengths rigid distances are off at other places (angstrom)."""
    topology = system.topology
    assert topology is not None
    assert topology.lengths is not None
    order = np.argsort(system.ids)
    one, two = order[np.searchsorted(system.ids, topology.constrained, sorter=order)].T
    found = np.linalg.norm(nearest(system, x[one] - x[two]), axis=1)
    return np.asarray(found / topology.lengths.in_unit("angstrom") - 1)


def one_water(folder: Path, more: str, *, bonds: str = "bond_style harmonic\nbond_coeff 1 450 0.98",
              angles: str = "angle_style harmonic\nangle_coeff 1 55 104") -> Path:  # fmt: skip
    """A script of two molecules of three atoms; what is behind it stands in line 15."""
    (folder / "w.data").write_text(
        "two\n\n6 atoms\n2 atom types\n4 bonds\n2 angles\n1 bond types\n1 angle types\n0 20 xlo xhi\n0 20 ylo yhi\n"
        "0 20 zlo zhi\n\nMasses\n\n1 16\n2 1.008\n\nAtoms # full\n\n1 1 1 -0.8 5 5 5\n2 1 2 0.4 5.97 5.1 5\n"
        "3 1 2 0.4 4.8 5.95 5\n4 2 1 -0.8 0.1 8 5\n5 2 2 0.4 19.2 8.3 5.2\n6 2 2 0.4 0.3 8.1 5.96\n\nBonds\n\n"
        "1 1 1 2\n2 1 1 3\n3 1 4 5\n4 1 4 6\n\nAngles\n\n1 1 2 1 3\n2 1 5 4 6\n"
    )
    head = "units real\natom_style full\nread_data w.data\nspecial_bonds lj/coul 0 0 0\npair_style lj/cut/coul/cut 9"
    script = folder / "in.water"
    lines = [*head.split("\n"), "pair_coeff * * 0.1 3", *bonds.split("\n"), *angles.split("\n")]
    script.write_text("\n".join([*lines, *["#"] * (14 - len(lines)), more]) + "\n")
    return script


HELD = "fix s all shake 1e-12 1000 0 b 1 a 1"
SIZES = {
    "zero": ("bond_style zero\nbond_coeff 1 0.98", "angle_style zero\nangle_coeff 1 104"),
    "harmonic": ("bond_style harmonic\nbond_coeff 1 450 0.98", "angle_style harmonic\nangle_coeff 1 55 104"),
    "morse, charmm": ("bond_style morse\nbond_coeff 1 80 2 0.98", "angle_style charmm\nangle_coeff 1 55 104 10 1.6"),
    "class2, cosine": ("bond_style class2\nbond_coeff 1 0.98 450 -900 0",
                       "angle_style cosine/squared\nangle_coeff 1 55 104"),
    "gromos, quartic": ("bond_style gromos\nbond_coeff 1 450 0.98", "angle_style quartic\nangle_coeff 1 104 50 1 1"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*rigid, and without an energy")
def test_lengths_are_those_at_which_lammps_holds_atoms(tmp_path: Path, count: Count) -> None:
    """Of each style; LAMMPS sets atoms right before its first step."""
    for style in list(SIZES)[: count(1, len(SIZES))]:
        _held_at_lengths(style, tmp_path)


def _held_at_lengths(style: str, tmp_path: Path) -> None:
    bonds, angles = SIZES[style]
    script = one_water(tmp_path, HELD, bonds=bonds, angles=angles)
    system = cuds.read(script)[cuds.ParticleSystem]
    assert system.topology is not None
    assert len(system.topology.constrained) == 6
    assert system.topology.groups == ()
    assert len(system.topology.exclusions) == 6
    there = moved_by(script.read_text(), tmp_path, "run 0", "xu yu zu")
    np.testing.assert_allclose(off_lengths(system, there), 0, atol=1e-9)
    assert np.abs(off_lengths(system, system.positions.in_unit("angstrom"))).max() > 1e-3


@pytest.mark.filterwarnings("ignore:.*rigid, and without an energy")
def test_energies_and_forces_are_those_without_what_is_held(tmp_path: Path) -> None:
    """Energies of plain lmp with the fix; forces without it, where what it holds has no stiffness."""
    script = one_water(tmp_path, HELD.replace("shake", "rattle"))
    system, potential = (data := cuds.read(script))[cuds.ParticleSystem], data[cuds.Potential]
    job = cuds.SinglePoint(system, potential=potential)
    done = cuds.run(job, engine="lammps", options={"units": "real"})  # each set has a Coulomb constant of its own
    terms, _ = plain(script)
    parts = {n: q.in_unit("kJ/mol") for n, q in done[PotentialEnergy].parts.items()}
    size = sum(map(abs, terms.values()))
    for name, value in parts.items():
        assert value == pytest.approx(terms.get(name, 0.0), rel=1e-9, abs=1e-10 * size), name
    loose = one_water(tmp_path, "#", bonds="bond_style harmonic\nbond_coeff 1 0 0.98",
                      angles="angle_style harmonic\nangle_coeff 1 0 104")  # fmt: skip
    _, wanted = plain(loose)
    forces = done.all(cuds.ParticleSystem)[-1].forces
    assert forces is not None
    np.testing.assert_allclose(forces.in_unit("kJ/mol/nm"), wanted, rtol=0, atol=1e-9 * np.abs(wanted).max())


def test_a_warning_says_what_has_no_energy(tmp_path: Path) -> None:
    """Once it had one; a fix rigid is left out, and that says so."""
    with pytest.warns(UserWarning, match=r"in.water:15: rigid, and without an energy.*: 4 bonds of type 1, 2 angles"):
        cuds.read(one_water(tmp_path, HELD))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bonds, angles = SIZES["zero"]
        cuds.read(one_water(tmp_path, HELD, bonds=bonds, angles=angles))
    with pytest.warns(UserWarning, match=r"fix rigid/small \(line 15\); molecules are flexible in what was read"):
        rigid = cuds.read(one_water(tmp_path, "fix s all rigid/small molecule"))[cuds.ParticleSystem].topology
    assert rigid is not None
    assert len(rigid.constrained) == 0
    assert [len(g) for g in rigid.groups] == [4, 2]


@pytest.mark.filterwarnings("ignore:.*rigid, and without an energy", "ignore:.*left out, as the system at rest")
def test_which_fix_acts(tmp_path: Path, count: Count) -> None:
    """One that was ended does not; one of a group holds that; a later run changes nothing of it."""
    group = "group one id 1:3\nfix s one shake 1e-4 20 0 b 1 a 1"
    wanted = {f"{HELD}\nunfix s": 0, group: 3, f"run 0\n{HELD}\nfix 1 all nve\nrun 10\nunfix s": 6,
              f"{HELD}\nunfix s\nfix r all rattle 1e-4 20 0 m 1.0": 4, "fix s all shake 1e-4 20 0 a 1": 0,
              f"variable n index s\n{HELD}\nunfix $n": 0, f"{HELD} kbond 1e4": 6}  # fmt: skip
    for more, number in list(wanted.items())[: count(3, len(wanted))]:
        topology = cuds.read(one_water(tmp_path, more))[cuds.ParticleSystem].topology
        assert topology is not None
        assert len(topology.constrained) == number, more
        assert sum(map(len, topology.groups)) == 6 - number, more


@pytest.mark.parametrize("moved", ["run 10", "minimize 0 0 10 10"])
def test_a_fix_behind_what_moves_atoms_is_left_out_and_said(moved: str, tmp_path: Path) -> None:
    """What is read is the system at the start, in which everything bonded has its energy."""
    script = one_water(tmp_path, f"{moved}\n{HELD}\nrun 10\nunfix s\n{HELD}")
    with pytest.warns(UserWarning, match=r"fix shake \(line 16\).*flexible in what was read, as at the start"):
        topology = cuds.read(script)[cuds.ParticleSystem].topology
    assert topology is not None
    assert len(topology.constrained) == 0
    assert sum(map(len, topology.groups)) == 6


REFUSED = [
    ("fix s all shake 1e-4 20 0 b 2", 15, "Invalid bond type"),
    (f"{HELD}\nset group all bond 1", 16, "holds rigid"),
    (f"{HELD}\nfix t all rattle 1e-4 20 0 b 1", 16, "a second fix that holds distances"),
    ("fix s all shake 1e-4 20 0 b 1 mol water", 15, "templates are not carried"),
    ("fix s all shake 1e-4 20 0 b 1 a 3", 15, "Invalid angle type"),
    ("fix s all shake 1e-4 20 0 t 5", 15, "Invalid atom type"),
    ("fix s all shake 1e-4 20 b 1", 15, "shake"),
    ("fix s nobody shake 1e-4 20 0 b 1", 15, "[Cc]ould not find fix group|nobody"),
]


@pytest.mark.filterwarnings("ignore:.*rigid, and without an energy", "ignore:.*left out, as the system at rest")
def test_what_is_refused_with_its_line(tmp_path: Path, count: Count) -> None:
    for more, line, why in REFUSED[: count(3, len(REFUSED))]:
        script = one_water(tmp_path, more)
        with pytest.raises(CudsError, match=rf"in.water:{line}: .*({why})"):
            cuds.read(script)


@pytest.mark.parametrize("bonds", ['bond_style lepton\nbond_coeff 1 0.98 "9*r^2"', "bond_style zero\nbond_coeff 1"])
def test_types_without_a_length_are_refused(bonds: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"in.water:15: .*4 bonds of type 1, .*no size at rest"):
        cuds.read(one_water(tmp_path, HELD, bonds=bonds))


def test_angles_between_other_bonds_are_refused_as_by_lammps(tmp_path: Path) -> None:
    script = one_water(tmp_path, HELD.replace("b 1", "b 1 2"), bonds="bond_style harmonic\nbond_coeff * 450 0.98")
    data = tmp_path / "w.data"
    data.write_text(data.read_text().replace("1 bond types", "2 bond types").replace("3 1 4 5", "3 2 4 5"))
    with pytest.warns(UserWarning, match="rigid"), pytest.raises(EngineError, match=r"in.water:15: .*different bond"):
        cuds.read(script)


@pytest.mark.filterwarnings("ignore:.*rigid, and without an energy")
def test_lengths_are_proved_by_lammps(tmp_path: Path, count: Count) -> None:
    """Read as another one by a millionth, a length is given out to nobody; neither where atoms are far from it."""
    script = one_water(tmp_path, HELD)
    data = tmp_path / "w.data"
    for places in ("7.9 5.1 5", "5.97 5.1 5")[: count(1, 2)]:
        data.write_text(data.read_text().replace("5.97 5.1 5", places).replace("7.9 5.1 5", places))
        worker = Worker(SetUpWrapper, tmp_path, timeout=60)
        try:
            worker.call("open", Job(script.resolve(), scaled=False))
            read = reading(worker.call("call", "read"), script, None)
            topology = read.system.topology
            assert topology is not None
            assert topology.lengths is not None
            longer = Quantity(topology.lengths.value * [1 + 1e-6, 1, 1, 1, 1, 1], topology.lengths.unit)
            wrong = replace(read, system=read.system.replace(topology=topology.replace(lengths=longer)))
            with pytest.raises(EngineError, match="rigid distances are off by"):
                prove(wrong, lambda method, *args, to=worker: to.call("call", method, *args), script)
        finally:
            worker.kill()


@pytest.mark.filterwarnings("ignore:.*rigid, and without an energy")
def test_of_several_bonds_between_two_atoms_one_is_held(tmp_path: Path) -> None:
    """The first, as in LAMMPS; with bonds that both atoms list, and far from their length."""
    script = one_water(tmp_path, HELD)
    script.write_text(script.read_text().replace("units real", "units real\nnewton off"))
    data = tmp_path / "w.data"
    more = data.read_text().replace("4 bonds", "5 bonds").replace("1 bond types", "2 bond types")
    data.write_text(more.replace("\n\nAngles", "\n5 2 2 1\n\nAngles").replace("5.97 5.1 5", "6.4 5.1 5"))
    script.write_text(script.read_text().replace("bond_coeff 1 450 0.98", "bond_coeff 1 450 0.98\nbond_coeff 2 9 1.2"))
    topology = cuds.read(script)[cuds.ParticleSystem].topology
    assert topology is not None
    assert len(topology.constrained) == len(topology.exclusions) == 6
    (left,) = topology.groups
    assert np.sort(left.particles).tolist() == [[1, 2]]
    assert left.parameters["r0"].values.in_unit("angstrom").tolist() == [1.2]
