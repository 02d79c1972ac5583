"""Molecules in LAMMPS: every word of the dictionary against the formula it stands for, and who interacts with whom."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cuds
from cuds.errors import CudsError, InvalidError, UnsupportedError
from cuds.model.state import PotentialEnergy
from cuds.model.topology import BODIES
from cuds.semantics.bonded import energy
from cuds.semantics.dictionary import EngineWords, Row, engine_words, form
from cuds.units import Quantity
from cuds_lammps.session import LammpsSession

Count = Callable[[int, int], int]
WORDS = engine_words("lammps")
ROWS = [r for r in WORDS.rows if r.role and r.realises and r.role != "pair"]  # those of pairs: test_apart.py
CARBON = cuds.Species(symbol="C", atomic_number=6, mass="12.011 Da")
NOTHING = cuds.pair("LennardJones", "C", "C", epsilon="0 eV", sigma="3 angstrom", cutoff="12 angstrom")
# A unit for each kind, and of what size a parameter of it is.
SIZES = {
    "EnergyPerLength2": ("kJ/mol/nm**2", 2e5), "EnergyPerLength3": ("kJ/mol/nm**3", 1e6),
    "EnergyPerLength4": ("kJ/mol/nm**4", 1e7), "EnergyPerAngle": ("kJ/mol/radian", 30.0),
    "EnergyPerAngle2": ("kJ/mol/radian**2", 100.0), "EnergyPerAngle3": ("kJ/mol/radian**3", 100.0),
    "EnergyPerAngle4": ("kJ/mol/radian**4", 100.0), "Energy": ("kJ/mol", 10.0), "Length": ("nm", 0.15),
    "Angle": ("degree", 100.0), "InverseLength": ("1/nm", 20.0), "Dimensionless": ("1", 1.0),
}  # fmt: skip


def chain(rng: np.random.Generator, **more: Any) -> cuds.ParticleSystem:
    """Five atoms in a row, torsions of both signs, none of them interacting by distance."""
    x = np.array([[0, 0, 0], [1.5, 0.1, 0], [2.1, 1.4, 0.2], [2.0, 1.8, 1.6], [0.8, 1.0, 2.1]])
    x = x * [1, 1, rng.choice([-1, 1])] + rng.normal(0, 0.05, (5, 3)) + 30
    given: dict[str, Any] = {
        "positions": (x, "angstrom"), "species": np.zeros(5, dtype=int), "kinds": (CARBON,),
        "cell": (np.eye(3) * 60, "angstrom"), "pbc": (True,) * 3,
    }  # fmt: skip
    return cuds.ParticleSystem(**(given | more))


def terms(name: str, role: str, rng: np.random.Generator, **fixed: float) -> cuds.TermGroup:
    """A term for each run of neighbours in the chain, its parameters random, none of them zero."""
    bodies = BODIES[role]
    particles, given = [range(i, i + bodies) for i in range(1, 7 - bodies)], {}
    for symbol, p in form(name).free.items():
        unit, size = SIZES[p.kind]
        values = rng.uniform(0.5, 1.5, len(particles)) * size
        if p.kind in ("Energy", "Angle") and bodies == 4:
            values *= rng.choice([-1, 1], len(particles))
        if symbol == "n":
            values = rng.integers(1, 5, len(particles)).astype(float)
        if symbol == "rm":
            values += 0.2
        if symbol in fixed:
            values = np.full(len(particles), fixed[symbol])
        given[symbol] = (values, unit)
    return cuds.bonded(name, particles, role=role, **given)


def everything_excluded(*groups: cuds.TermGroup) -> cuds.Topology:
    return cuds.Topology(groups=groups, exclusions=list(combinations(range(1, 6), 2)))


def found(system: cuds.ParticleSystem, words: EngineWords, units: str, folder: Path) -> tuple[float, np.ndarray]:
    """Energy in eV and forces in eV/Å."""
    session = LammpsSession(cuds.SinglePoint(system, potential=NOTHING), folder, words, {"units": units})
    session.advance()
    pulled, there = session.pull(PotentialEnergy), session.pull(cuds.ParticleSystem)
    session.close()
    assert there.forces is not None
    assert sum(q.in_unit("eV") for q in pulled.parts.values()) == pytest.approx(pulled.value.in_unit("eV"), rel=1e-12)
    return pulled.value.in_unit("eV"), np.array(there.forces.in_unit("eV/angstrom"))


def written(system: cuds.ParticleSystem) -> float:
    """The energy in eV as it is written down."""
    assert system.topology is not None
    return sum(float(energy(system, g).value.sum()) for g in system.topology.groups)


def differences(system: cuds.ParticleSystem, along: np.ndarray) -> float:
    """The slope of the energy as it is written down, along a displacement in Å."""
    x, h = system.positions.value, 1e-4
    a, b, c, d = (written(system.replace(positions=(x + n * h * along, "angstrom"))) for n in (-2, -1, 1, 2))
    return (a - 8 * b + 8 * c - d) / (12 * h)


def without_zeros(row: Row) -> dict[str, float]:
    """What a row's condition asks for."""
    fixed = {"C0 == 0 and C1 == 0": {"C0": 0.0, "C1": 0.0}, "sin(phi0) == 0": {"phi0": 180.0}, "C5 == 0": {"C5": 0.0}}
    return (fixed | {"int(180/pi*phi0) == 180/pi*phi0": {"phi0": 65.0}}).get(row.when, {})


@pytest.mark.parametrize("units", ["real", "metal"])
@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r.section} {r.keyword}")
def test_a_word_means_its_formula(row: Row, units: str, tmp_path: Path, count: Count) -> None:
    """Only that word is in the dictionary; energy and forces are those of the expression."""
    only = replace(WORDS, rows=tuple(r for r in WORDS.rows if not r.role or r in (row, CONNECTION)))
    for seed in range(count(3, 10)):
        rng = np.random.default_rng(seed)
        group = terms(row.realises, row.role, rng, **without_zeros(row))
        system = chain(rng, topology=everything_excluded(group))
        value, forces = found(system, only, units, tmp_path)
        assert value == pytest.approx(written(system), rel=1e-12, abs=1e-12)
        along = rng.normal(size=(5, 3))
        slope = -float(np.sum(forces * along))
        assert slope == pytest.approx(differences(system, along), rel=2e-6, abs=1e-6)


CONNECTION = next(r for r in ROWS if r.realises == "Connection")
GENERAL = [r for r in WORDS.rows if r.offers]
TAKEN = [
    (row, name)
    for row in GENERAL
    for name in sorted({r.realises for r in ROWS if r.role == row.role} | {"FENE", "UnsignedHarmonicTorsion"})
    if form(name).bodies == BODIES[row.role] and name not in ("Connection", "UreyBradley", "CrossBondBond")
]


@pytest.mark.parametrize(("row", "name"), TAKEN, ids=lambda x: x if isinstance(x, str) else x.section)
def test_a_word_that_takes_any_energy_takes_each(row: Row, name: str, tmp_path: Path) -> None:
    only = replace(WORDS, rows=tuple(r for r in WORDS.rows if not r.role or r in (row, CONNECTION)))
    for seed in range(3):
        rng = np.random.default_rng(seed)
        system = chain(rng, topology=everything_excluded(terms(name, row.role, rng)))
        value, forces = found(system, only, "real", tmp_path)
        assert value == pytest.approx(written(system), rel=1e-12, abs=1e-12)
        along = rng.normal(size=(5, 3))
        assert -float(np.sum(forces * along)) == pytest.approx(differences(system, along), rel=2e-6, abs=1e-6)


def mutants(row: Row) -> list[Row]:
    """A coefficient doubled, negated, or in the place of its neighbour."""
    parts = row.coefficients.split(", ")
    made = []
    for i, part in enumerate(parts):
        if not part.lstrip("-").isdigit():
            plain = part[4:-1] if part.startswith("int(") else part
            made += [[*parts[:i], wrong, *parts[i + 1 :]] for wrong in (f"2*({plain})", f"-({plain})")]
        if i + 1 < len(parts):
            made.append([*parts[:i], parts[i + 1], part, *parts[i + 2 :]])
    return [replace(row, coefficients=", ".join(m)) for m in made if m != parts]


@pytest.mark.parametrize("row", [r for r in ROWS if r.coefficients], ids=lambda r: f"{r.section} {r.keyword}")
def test_a_wrong_word_is_noticed(row: Row, tmp_path: Path) -> None:
    """By another energy, or by LAMMPS itself; but for what is no change: a sign that only squares see."""
    survivors = []
    for mutant in mutants(row):
        only = replace(WORDS, rows=(*(r for r in WORDS.rows if not r.role), CONNECTION, mutant))
        noticed = False
        for seed in range(2):
            rng = np.random.default_rng(seed)
            system = chain(rng, topology=everything_excluded(terms(row.realises, row.role, rng, **without_zeros(row))))
            try:
                noticed = noticed or found(system, only, "real", tmp_path)[0] != pytest.approx(
                    written(system), rel=1e-9
                )
            except CudsError:
                noticed = True
        survivors += [] if noticed else [mutant.coefficients]
    assert len(survivors) <= HARMLESS.get(f"{row.section} {row.keyword}", 0), survivors


# Mutants that are no change at all: the sign of what is squared, or under a cosine.
HARMLESS = {"bond gromos": 1, "angle cosine/squared": 1, "angle cosine/squared/restricted": 1,
            "dihedral cosine/squared/restricted": 1}  # fmt: skip


def argon_like(rng: np.random.Generator, n: int = 6) -> cuds.ParticleSystem:
    """A cluster of two kinds of atom with charges, in a skew cell, each atom in any of its images."""
    cell = np.array([[14.0, 1, 0], [2, 15, -1], [-1, 3, 16]])
    grid = np.array([[i, j, k] for i in (0, 2.6, 5.2) for j in (0, 2.6) for k in (0, 2.6)])
    x = rng.permutation(grid)[:n] + rng.uniform(-0.2, 0.2, (n, 3)) + rng.integers(-1, 2, (n, 3)) @ cell
    one, two = (cuds.Species(symbol=s, mass=m) for s, m in (("A", "10 Da"), ("B", "20 Da")))
    return cuds.ParticleSystem(
        ids=rng.permutation(n) * 3 + 1, positions=(x, "angstrom"), species=np.arange(n) % 2, kinds=(one, two),
        charges=(rng.uniform(-1, 1, n), "e"), cell=(cell, "angstrom"), pbc=(True,) * 3,
    )  # fmt: skip


LJ = {"A": {"epsilon": "0.4 kJ/mol", "sigma": "0.3 nm"}, "B": {"epsilon": "0.7 kJ/mol", "sigma": "0.35 nm"}}


def by_hand(system: cuds.ParticleSystem, excluded: set[frozenset[int]], cutoff: float) -> dict[str, float]:
    """Lennard-Jones and Coulomb with a sharp cutoff, pair by pair and image by image, in kJ/mol."""
    assert system.cell is not None
    assert system.charges is not None
    cell, x, q = system.cell.value, system.positions.value, system.charges.value
    images = np.array([[i, j, k] for i in (-2, -1, 0, 1, 2) for j in (-2, -1, 0, 1, 2) for k in (-2, -1, 0, 1, 2)])
    total = {"vdw": 0.0, "coulomb": 0.0}
    wrapped = x - np.floor(x @ np.linalg.inv(cell)) @ cell
    for i, j in combinations(range(len(system)), 2):
        r = np.linalg.norm(wrapped[i] - wrapped[j] + images @ cell, axis=1)
        near = np.sort(r[r < cutoff])
        if frozenset((int(system.ids[i]), int(system.ids[j]))) in excluded:
            near = near[1:]
        kinds = [("A", "B")[system.species[k]] for k in (i, j)]
        eps = np.sqrt(np.prod([float(str(LJ[k]["epsilon"]).split()[0]) for k in kinds]))
        sigma = 10 * np.mean([float(str(LJ[k]["sigma"]).split()[0]) for k in kinds])
        total["vdw"] += float(np.sum(4 * eps * ((sigma / near) ** 12 - (sigma / near) ** 6)))
        total["coulomb"] += float(np.sum(1389.35457644 * q[i] * q[j] / near))
    return total


def field(cutoff: str) -> cuds.Potential:
    return cuds.mixed("LennardJones", LJ, rule="LorentzBerthelot", cutoff=cutoff) + cuds.coulomb("AB", cutoff=cutoff)


@pytest.mark.parametrize("seed", range(4))
def test_excluded_pairs_and_no_others_do_not_interact(seed: int) -> None:
    """A network of exclusions that is no molecule; what acts in a pair instead is added and booked where it belongs."""
    rng = np.random.default_rng(seed)
    system = argon_like(rng)
    pairs = [p for p in combinations(system.ids.tolist(), 2) if rng.random() < 0.4]
    scaled = cuds.bonded("ScaledCoulomb", pairs[:2], role="pair", scale=(np.array([0.5, 1 / 1.2]), "1"))
    own = cuds.bonded("LennardJones", pairs[1:3], role="pair", epsilon="0.3 kJ/mol", sigma="0.31 nm")
    given = cuds.bonded("ChargePair", pairs[2:3], role="pair", c1="0.3 e", c2="-0.4 e")
    topology = cuds.Topology(groups=(scaled, own, given), exclusions=pairs)
    molecular = system.replace(topology=topology)
    got = cuds.energy(molecular, potential=field("6.5 angstrom"), engine="lammps")
    wanted = by_hand(system, {frozenset(p) for p in pairs}, 6.5)
    wanted["coulomb"] += sum(float(energy(molecular, g).in_unit("kJ/mol").sum()) for g in (scaled, given))
    wanted["vdw"] += float(energy(molecular, own).in_unit("kJ/mol").sum())
    for name, value in wanted.items():
        assert got.parts[name].in_unit("kJ/mol") == pytest.approx(value, rel=1e-7), name
    assert got.parts["bond"].in_unit("kJ/mol") == pytest.approx(0, abs=1e-9)
    assert got.value.in_unit("kJ/mol") == pytest.approx(sum(wanted.values()), rel=1e-7)


@pytest.mark.parametrize("units", ["metal", "real", "lj"])
def test_charges_in_every_unit_set(units: str) -> None:
    scale: dict[str, Any] = {"epsilon": "0.0153 eV", "sigma": "2.7 angstrom", "mass": "31 Da"}
    options = {"units": units, **({"scale": scale} if units == "lj" else {})}
    system = argon_like(np.random.default_rng(3))
    got = cuds.energy(system, potential=field("6.5 angstrom"), engine="lammps", options=options)
    wanted = sum(by_hand(system, set(), 6.5).values())
    assert got.value.in_unit("kJ/mol") == pytest.approx(wanted, rel=2e-7)
    with pytest.raises(UnsupportedError, match="coul/cut does not take"):  # its constant there is off by 6e-6
        cuds.energy(system, potential=field("6.5 angstrom"), engine="lammps", options={"units": "si"})


def test_order_frame_and_images_do_not_matter() -> None:
    rng = np.random.default_rng(5)
    system = argon_like(rng)
    ids = system.ids.tolist()
    bond = cuds.bonded("HarmonicBond", [ids[:2], ids[2:4]], k="100 kcal/mol/angstrom**2", r0="4 angstrom")
    torsion = cuds.bonded("HarmonicTorsion", [ids[:4]], k="3 kcal/mol/radian**2", phi0="40 degree")
    topology = cuds.Topology(groups=(bond, torsion), exclusions=[ids[:2], ids[2:4]])
    straight = system.replace(topology=topology)
    one = cuds.run(cuds.SinglePoint(straight, potential=field("6 angstrom")), engine="lammps")
    order = rng.permutation(len(ids))
    shuffled = straight.replace(ids=straight.ids[order], positions=(straight.positions.value[order], "angstrom"),
                                species=straight.species[order], charges=(straight.charges.value[order], "e"))  # type: ignore[union-attr]  # fmt: skip
    Q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    Q *= np.sign(np.linalg.det(Q))
    two = cuds.run(cuds.SinglePoint(shuffled.rotated(Q), potential=field("6 angstrom")), engine="lammps")
    assert two[PotentialEnergy].value.value == pytest.approx(one[PotentialEnergy].value.value, rel=1e-11)
    forces = [d.all(cuds.ParticleSystem)[-1].forces for d in (one, two)]
    assert forces[0] is not None
    assert forces[1] is not None
    np.testing.assert_allclose(forces[1].value @ Q, forces[0].value[order], rtol=1e-8, atol=1e-9)


def test_madelung() -> None:
    """-1.747564594633 for rock salt (Crandall and Buhler 1987), by an Ewald sum, in two unit sets."""
    import ase.build

    atoms = ase.build.bulk("NaCl", "rocksalt", a=5.64, cubic=True) * 2
    atoms.set_initial_charges(np.where(atoms.get_atomic_numbers() == 11, 1.0, -1.0))
    salt = cuds.ParticleSystem.from_ase(atoms)
    potential = cuds.coulomb(["Na", "Cl"], cutoff="5 angstrom", accuracy=1e-8)
    for units in ("metal", "real"):
        value = cuds.energy(salt, potential=potential, engine="lammps", options={"units": units}).value.in_unit("eV")
        assert value / 32 / (14.399645468667815 / 2.82) == pytest.approx(-1.747564594633, rel=1e-7)


def test_the_transcript_gives_the_same_in_plain_lammps(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    system = argon_like(rng)
    ids = system.ids.tolist()
    pair = cuds.bonded("LennardJones", [ids[:2]], role="pair", epsilon="0.3 kJ/mol", sigma="0.31 nm")
    angle = cuds.bonded("HarmonicAngle", [ids[1:4]], k="3 kcal/mol/radian**2", theta0="40 degree")
    molecular = system.replace(topology=cuds.Topology(groups=(pair, angle), exclusions=[ids[:2]]))
    job = cuds.SinglePoint(molecular, potential=field("6 angstrom"))
    done = cuds.run(job, engine="lammps", keep=tmp_path / "kept")
    run = done[PotentialEnergy].provenance
    assert run is not None
    (tmp_path / "kept" / "again.in").write_text(run.transcript + 'print "ENERGY $(pe:%.17g)"\n')
    lmp = Path(sys.executable).with_name("lmp")
    said = subprocess.run([lmp, "-in", "again.in"], cwd=tmp_path / "kept", capture_output=True, text=True, check=True)
    (value,) = (line.split()[1] for line in said.stdout.splitlines() if line.startswith("ENERGY "))
    assert float(value) == done[PotentialEnergy].value.in_unit("eV")


Case = tuple[Callable[[], Any], str]


def asked(*groups: cuds.TermGroup, potential: cuds.Potential = NOTHING, **more: Any) -> Callable[[], Any]:
    system = chain(np.random.default_rng(0), topology=everything_excluded(*groups), **more)
    return lambda: cuds.energy(system, potential=potential, engine="lammps")


RNG = np.random.default_rng(1)
CASES: dict[str, Case] = {
    "cross bond-angle": (asked(terms("CrossBondAngle", "angle", RNG)), "cannot express the angle CrossBondAngle (3 of"),
    "bending and torsion": (asked(terms("CombinedBendingTorsion", "dihedral", RNG)), "CombinedBendingTorsion"),
    "a broken multiplicity": (asked(terms("PeriodicTorsion", "dihedral", RNG, n=2.5)), "takes a whole n"),
    "no charges": (asked(potential=NOTHING + cuds.coulomb("C", cutoff="1 nm")), "charges: missing"),
    "no charges of a pair": (asked(cuds.bonded("ScaledCoulomb", [[1, 2]], role="pair", scale=0.5)), "charges"),
    "an Ewald sum at a wall": (
        asked(
            potential=cuds.coulomb("C", cutoff="1 nm", accuracy=1e-5),
            pbc=(True, True, False),
            charges=([0.0] * 5, "e"),
        ),
        "Ewald",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_refused(case: str) -> None:
    ask, says = CASES[case]
    with pytest.raises((UnsupportedError, InvalidError)) as caught:
        ask()
    assert says in str(caught.value)
    assert caught.value.hint


def test_a_bond_that_excludes_nothing_is_refused() -> None:
    group = terms("HarmonicBond", "bond", np.random.default_rng(0))
    system = chain(np.random.default_rng(0), topology=cuds.Topology(groups=(group,), exclusions=[[1, 2], [2, 3]]))
    with pytest.raises(UnsupportedError, match="2 bonds or pairs are not excluded, the first between 3 and 4"):
        cuds.energy(system, potential=NOTHING, engine="lammps")


def test_rigid_distances_at_rest_have_no_energy() -> None:
    rigid = cuds.Topology(exclusions=[[1, 2]], constrained=[[1, 2]], lengths=([1.5], "angstrom"))
    system = chain(np.random.default_rng(0), topology=rigid)
    assert cuds.energy(system, potential=NOTHING, engine="lammps").value == Quantity(0.0, "eV")
