"""Scripts of LAMMPS as people write them: what is read has the energies and forces of plain LAMMPS, in both engines."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import cuds
from cuds.errors import UnsupportedError
from cuds.model.state import PotentialEnergy
from cuds.semantics.bonded import energy
from cuds.units import factor
from tests.cuds_lammps.scripts import Molecules, plain

Count = Callable[[int, int], int]
EV = factor("eV", "kJ/mol")


def compared(script: Path, engines: tuple[str, ...] = ("lammps", "gromacs"), unit: float = 4.184) -> cuds.DataSet:
    """Each term within 1e-6, the total within 1e-6 of the sum of sizes, + 1e-6 kJ/mol an atom; forces within 1e-5."""
    wanted, forces = plain(script, unit)
    read = cuds.read(script)
    system = read[cuds.ParticleSystem]
    assert (np.diff(system.ids) > 0).all()
    for engine in engines:
        done = cuds.run(cuds.SinglePoint(system, potential=read[cuds.Potential]), engine=engine)
        got, there = done[PotentialEnergy], done.all(cuds.ParticleSystem)[-1].forces
        assert there is not None
        mine = {n: q.in_unit("kJ/mol") for n, q in got.parts.items()} | {"total": got.value.in_unit("kJ/mol")}
        summed = torsions_summed(wanted)
        size = sum(abs(v) for n, v in summed.items() if n != "total")
        for name, value in summed.items():
            if got.parts or name == "total":
                close = 1e-6 * (len(system) + (size if name == "total" else abs(value)))
                assert torsions_summed(mine)[name] == pytest.approx(value, rel=0, abs=close), f"{engine}: {name}"
        off = np.array(there.in_unit("kJ/mol/nm")) - forces
        assert np.sqrt((off**2).mean()) <= 1e-5 * np.sqrt((forces**2).mean()), engine
    return read


def torsions_summed(parts: dict[str, float]) -> dict[str, float]:
    """Engines book a torsion as proper or as improper by its form; their sum is the same."""
    both = ("dihedral", "improper")
    return {n: v for n, v in parts.items() if n not in both} | {"torsion": sum(parts.get(n, 0.0) for n in both)}


SPCE = """
units real
atom_style full
special_bonds lj/coul 0.0 0.0 1.0
pair_style lj/cut/coul/long 8.0003217 8.5003217   # two cutoffs
bond_style harmonic
angle_style harmonic
dihedral_style none
read_data data.m
pair_coeff 1 1 0.15535 3.166
pair_coeff * 2 0.0 0.0
bond_coeff * 100.0 1.5
angle_coeff 1 40.0 109.47
pair_modify table 16 tabinner 0.5
kspace_style ewald 1e-10
run 0
"""
OPLS = """
units real
atom_style full
boundary p p p
pair_style lj/cut/coul/cut 9.0003217
bond_style harmonic
angle_style harmonic
dihedral_style opls
special_bonds lj/coul 0.0 0.0 0.5
variable file index data.m
read_data ${file}
pair_coeff 1 1 0.066 3.5 # carbon
pair_coeff 2 2 0.030 2.5
pair_modify mix geometric
bond_coeff 1 268.0 1.529
bond_coeff 2 340.0 1.09
angle_coeff 1 &
    58.35 112.7
dihedral_coeff 1 1.3 -0.05 0.2 0.0
dihedral_coeff 2 0.0 0.0 0.3 -0.1
run 0
"""
AMBER = """
units real
atom_style full
read_data 'data.m'
pair_style lj/cut/coul/cut 9.0003217 9.0003217
pair_modify mix arithmetic shift no
pair_coeff 1 1 $(0.1094*v_one) 3.39967
variable two equal 2.64953279775
pair_coeff 2 2 0.0157 ${two}
special_bonds lj 0.0 0.0 0.5 coul 0.0 0.0 0.8333
bond_style harmonic
bond_coeff 1 310.0 1.526
bond_coeff 2 340.0 1.09
angle_style harmonic
angle_coeff * 50.0 109.5
dihedral_style hybrid charmm fourier
dihedral_coeff 1 charmm 0.16 3 0 0.0
dihedral_coeff 2 fourier 2 0.156 3 0.0 1.4 1 177.5
improper_style cvff
improper_coeff 1 1.1 -1 2
"""


def changed(script: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in script
        script = script.replace(old, new)
    return script


TWO, THREE = {"Bonds": 2, "Angles": 1}, {"Bonds": 2, "Angles": 1, "Dihedrals": 2}
FOUR = THREE | {"Impropers": 1}
STYLE, MIX, SPECIAL = "lj/cut/coul/cut 9.0003217", "pair_modify mix geometric", "lj/coul 0.0 0.0 0.5"
WITH = {
    "SPC/E": (SPCE, {"Bonds": 1, "Angles": 1}),
    "OPLS": (OPLS, THREE),
    "AMBER": ("variable one string 1.0\n" + AMBER, FOUR),
    "AMBER by its name": (
        changed(AMBER, ("$(0.1094*v_one)", "0.1094"), ("lj 0.0 0.0 0.5 coul 0.0 0.0 0.8333", "amber")),
        FOUR,
    ),
    "nothing is excluded 1-4": (changed(OPLS, (SPECIAL, "lj/coul 0 0 1")), THREE),
    "parts of all neighbours": (changed(OPLS, (SPECIAL, "lj 0.1 0.2 0.3 coul 0.0 0.5 1.0")), TWO),
    "hybrid pairs": (
        changed(
            OPLS,
            (STYLE, "hybrid/overlay lj/cut 9.0003217 coul/cut 9.0003217"),
            ("1 1 0.066", "1 1 lj/cut 0.066"),
            ("2 2 0.030", "2 2 lj/cut 0.030"),
            (MIX, "pair_coeff * * coul/cut\npair_modify pair lj/cut mix sixthpower"),
        ),
        THREE,
    ),
    "a hybrid of two": (
        changed(
            OPLS,
            (STYLE, f"hybrid lj/cut 9.0003217 {STYLE}"),
            ("1 1 0.066", "1 1 lj/cut/coul/cut 0.066"),
            ("2 2 0.030", "2 2 lj/cut/coul/cut 0.030"),
            (MIX, "pair_coeff 2 1 lj/cut 0.05 3.0"),
        ),
        TWO,
    ),
    "no charges act": (changed(OPLS, ("/coul/cut", ""), (SPECIAL, "lj 0 0 1 coul 0 0 0")), TWO),
    "sixth powers": (changed(OPLS, ("mix geometric", "mix sixthpower")), THREE),
}


@pytest.mark.turns(3)
@pytest.mark.parametrize("name", WITH)
def test_molecules_of_every_kind(name: str, tmp_path: Path, count: Count) -> None:
    engines = ("lammps",) if name == "a hybrid of two" else ("lammps", "gromacs")
    script, types = WITH[name]
    for seed in range(count(1, 6)):
        made = Molecules(np.random.default_rng(seed), tilt=(3.0, -2.0, 1.5) if seed % 2 else None)
        (tmp_path / "data.m").write_text(made.data(types))
        text = script.replace("dihedral_style opls", "dihedral_style none") if "Dihedrals" not in types else script
        lines = text.split("\n")
        if "Dihedrals" not in types:
            lines = [line for line in lines if not line.startswith("dihedral_coeff")]
        (tmp_path / "in.m").write_text("\n".join(lines))
        read = compared(tmp_path / "in.m", engines)
        if engines == ("lammps",):
            with pytest.raises(UnsupportedError, match="0 terms of charges act between 1 and 2"):
                cuds.energy(read, engine="gromacs")
        system = read[cuds.ParticleSystem]
        np.testing.assert_array_equal(system.ids, np.sort(made.ids))
        np.testing.assert_allclose(system.positions.in_unit("angstrom"), made.x[np.argsort(made.ids)], atol=1e-11)
        assert system.velocities is None


CHARMM = """
units real
atom_style full
bond_style harmonic
angle_style charmm
dihedral_style charmm
improper_style harmonic
special_bonds charmm
pair_style lj/charmm/coul/long 7.0 8.5003217 9.0003217
pair_modify table 16 tabinner 0.5
kspace_style ewald 1e-10
read_data data.m
pair_coeff 1 1 0.11 3.56 0.01 3.38
pair_coeff 2 2 0.03 2.35   # 1-4 as all others
bond_coeff 1 310.0 1.526
bond_coeff 2 340.0 1.09
angle_coeff * 35.5 108.4 5.4 2.4
dihedral_coeff 1 0.2 3 0 1.0
dihedral_coeff 2 0.7 2 160 0.5
improper_coeff 1 30.0 0.0
"""


@pytest.mark.parametrize("mix", ["", "pair_modify mix geometric"])
def test_weights_of_torsions_are_pairs_with_their_own_numbers(mix: str, tmp_path: Path, count: Count) -> None:
    """In lj/charmm pairs are mixed arithmetically when nothing is said, and those of torsions have other numbers."""
    for seed in range(count(1, 6)):
        made = Molecules(np.random.default_rng(seed), tilt=(3.0, -2.0, 1.5))
        (tmp_path / "data.m").write_text(made.data({"Bonds": 2, "Angles": 1, "Dihedrals": 2, "Impropers": 1}))
        (tmp_path / "in.m").write_text(CHARMM + mix + "\n")
        read = compared(tmp_path / "in.m", ("lammps",))
        topology = read[cuds.ParticleSystem].topology
        assert topology is not None
        torsions = made.terms()["Dihedrals"]
        assert sum(len(g) for g in topology.of_role("pair") if g.form == "LennardJones") >= len(torsions)


def test_water_across_the_boundary(tmp_path: Path) -> None:
    """27 molecules, on a mesh. So small a cutoff leaves GROMACS 1e-8 of 20 MJ/mol of self-energy: in LAMMPS only."""
    rng = np.random.default_rng(1)
    corners = np.array([[i, j, k] for i in range(3) for j in range(3) for k in range(3)]) * 3.2 + 0.3
    turns = [np.linalg.qr(rng.normal(size=(3, 3)))[0] for _ in corners]
    shape = np.array([[0, 0, 0], [0.8165, 0.5774, 0], [-0.8165, 0.5774, 0]])
    x = np.concatenate([c + shape @ t for c, t in zip(corners, turns, strict=True)])
    box = 9.6
    images = np.floor(x / box).astype(int)
    lines = ["water", "", "81 atoms", "54 bonds", "27 angles", "2 atom types", "1 bond types", "1 angle types"]
    lines += [f"0.0 {box} {a}lo {a}hi" for a in "xyz"] + ["", "Masses", "", "1 15.9994", "2 1.008", "", "Atoms", ""]
    for i, (place, n) in enumerate(zip((x - images * box).tolist(), images.tolist(), strict=True)):
        charge = -0.8476 if i % 3 == 0 else 0.4238
        lines.append(f"{i + 1} {i // 3 + 1} {1 if i % 3 == 0 else 2} {charge} {' '.join(map(repr, [*place, *n]))}")
    lines += ["", "Bonds", ""] + [f"{2 * m + k} 1 {3 * m + 1} {3 * m + 1 + k}" for m in range(27) for k in (1, 2)]
    lines += ["", "Angles", ""] + [f"{m + 1} 1 {3 * m + 2} {3 * m + 1} {3 * m + 3}" for m in range(27)]
    (tmp_path / "data.m").write_text("\n".join(lines) + "\n")
    script = SPCE.replace("8.0003217 8.5003217", "4.5003217").replace("ewald 1e-10", "pppm 1e-9\nkspace_modify order 7")
    script = script.replace("dihedral_style none\n", "").replace("bond_coeff * 100.0 1.5", "bond_coeff 1 1000.0 1.0")
    (tmp_path / "in.m").write_text(script)
    read = compared(tmp_path / "in.m", ("lammps",))
    system = read[cuds.ParticleSystem]
    assert system.topology is not None
    assert len(system.topology.exclusions) == 81
    assert [t.accuracy for t in read[cuds.Potential].terms] == [None, 1e-9]
    assert sum(float(energy(system, g).in_unit("kJ/mol").sum()) for g in system.topology.groups) < 1.0
