"""What cuds writes for LAMMPS it reads again: every word of the dictionary, exclusions, pairs, cells, unit sets."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cuds
from cuds.model.state import PotentialEnergy
from cuds.model.topology import BODIES
from cuds.semantics.bonded import energy
from cuds.semantics.dictionary import EngineWords, Row, engine_words, form
from cuds_lammps.session import LammpsSession

Count = Callable[[int, int], int]
WORDS = engine_words("lammps")
# Those of the ends of dihedrals are written together or not at all: tests/translation reads them in whole systems.
ROWS = [r for r in WORDS.rows if r.role and r.realises and r.section != "ends"]
CONNECTION = next(r for r in ROWS if r.realises == "Connection")
CARBON = cuds.Species(symbol="C", atomic_number=6, mass="12.011 Da")
NOTHING = cuds.pair("LennardJones", "C", "C", epsilon="0 eV", sigma="3 angstrom", cutoff="12 angstrom")
# What conditions of rows ask for.
ASKED = {"phi0": {"phi0": 180.0}, "C1 ==": {"C0": 0.0, "C1": 0.0}, "C5": {"C5": 0.0}}
EVERY_PAIR = list(combinations(range(1, 6), 2))
# A unit for each kind, and between which numbers a parameter of it is drawn.
DRAWN = {
    "EnergyPerLength2": ("kcal/mol/angstrom**2", 100, 500), "EnergyPerLength3": ("kcal/mol/angstrom**3", 100, 500),
    "EnergyPerLength4": ("kcal/mol/angstrom**4", 50, 200), "EnergyPerAngle2": ("kcal/mol/radian**2", 10, 80),
    "EnergyPerAngle": ("kcal/mol/radian", 1, 8), "EnergyPerAngle3": ("kcal/mol/radian**3", 10, 80),
    "EnergyPerAngle4": ("kcal/mol/radian**4", 10, 80), "Energy": ("kcal/mol", 0.2, 9), "Length": ("angstrom", 1.2, 1.8),
    "Angle": ("degree", 80, 140), "InverseLength": ("1/angstrom", 1, 2), "Dimensionless": ("1", 0.3, 0.9),
}  # fmt: skip


def five(rng: np.random.Generator, **more: Any) -> cuds.ParticleSystem:
    """Five atoms in a row in a skew cell, torsions of both signs."""
    x = np.array([[0, 0, 0], [1.5, 0.1, 0], [2.1, 1.4, 0.2], [2.0, 1.8, 1.6], [0.8, 1.0, 2.1]])
    x = x * [1, 1, rng.choice([-1, 1])] + rng.normal(0, 0.05, (5, 3))
    given: dict[str, Any] = {
        "positions": (x, "angstrom"), "species": np.zeros(5, dtype=int), "kinds": (CARBON,),
        "cell": ([[40, 0, 0], [3, 41, 0], [-5, 7, 43]], "angstrom"), "pbc": (True,) * 3,
        "charges": (rng.uniform(-0.5, 0.5, 5), "e"),
    }  # fmt: skip
    return cuds.ParticleSystem(**(given | more))


def drawn(row: Row, rng: np.random.Generator) -> cuds.TermGroup:
    """A term for each run of neighbours, its parameters random."""
    bodies = BODIES[row.role]
    particles = [range(i, i + bodies) for i in range(1, 7 - bodies)]
    given: dict[str, Any] = {}
    for symbol, p in form(row.realises).free.items():
        unit, low, high = DRAWN[p.kind]
        values = rng.uniform(low, high, len(particles))
        if symbol == "n":
            values = rng.integers(1, 5, len(particles)).astype(float)
        fixed: dict[str, float] = next((v for k, v in ASKED.items() if k in row.when), {})
        given[symbol] = (np.full(len(particles), fixed[symbol]) if symbol in fixed else values, unit)
    return cuds.bonded(row.realises, particles, role=row.role, **given)


def again(
    system: cuds.ParticleSystem, potential: cuds.Potential, folder: Path, units: str, words: EngineWords = WORDS
) -> tuple[cuds.DataSet, dict[str, float], np.ndarray]:
    """What is read of the script that is written, and energies and forces of the one that wrote it."""
    session = LammpsSession(cuds.SinglePoint(system, potential=potential), folder, words, {"units": units})
    session.advance()
    pulled, there = session.pull(PotentialEnergy), session.pull(cuds.ParticleSystem)
    (folder / "in.written").write_text(session.transcript())
    session.close()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*left out.*compute")
        read = cuds.read(folder / "in.written")
    assert there.forces is not None
    parts = {n: q.in_unit("kJ/mol") for n, q in pulled.parts.items()} | {"total": pulled.value.in_unit("kJ/mol")}
    return read, parts, np.array(there.forces.in_unit("kJ/mol/nm"))


def agrees(read: cuds.DataSet, parts: dict[str, float], forces: np.ndarray, units: str) -> None:
    """In the same units: each set of LAMMPS has a Coulomb constant of its own, from the eighth digit."""
    job = cuds.SinglePoint(read[cuds.ParticleSystem], potential=read[cuds.Potential])
    done = cuds.run(job, engine="lammps", options={"units": units})
    found, there = done[PotentialEnergy], done.all(cuds.ParticleSystem)[-1].forces
    size = sum(map(abs, parts.values()))
    for name, value in parts.items():
        got = found.value if name == "total" else found.parts[name]
        assert got.in_unit("kJ/mol") == pytest.approx(value, rel=1e-9, abs=1e-9 * size), name
    assert there is not None
    turned = np.array(there.in_unit("kJ/mol/nm"))
    np.testing.assert_allclose(turned, forces, rtol=1e-7, atol=1e-7 * np.abs(forces).max())


@pytest.mark.turns(3)
@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r.section} {r.keyword}")
def test_every_word_is_read_as_it_was_meant(row: Row, tmp_path: Path, count: Count) -> None:
    """Written by that word alone; the energies of the terms that are read are those that LAMMPS had."""
    only = replace(WORDS, rows=tuple(r for r in WORDS.rows if not r.role or r in (row, CONNECTION)))
    for seed in range(count(1, 10)):
        group = drawn(row, rng := np.random.default_rng(seed))
        topology = cuds.Topology(groups=(group,), exclusions=EVERY_PAIR)
        read, parts, _ = again(five(rng, topology=topology), NOTHING, tmp_path, ["real", "metal"][seed % 2], only)
        there = read[cuds.ParticleSystem].topology
        assert there is not None
        got = [g for g in there.groups if g.form != "Connection" or row is CONNECTION]
        assert {(g.form, g.role) for g in got} == {(row.realises, row.role)}
        values = [float(energy(read[cuds.ParticleSystem], g).in_unit("kJ/mol").sum()) for g in got]
        assert sum(values) == pytest.approx(parts["total"], rel=1e-10)


EVERYTHING = [r for r in ROWS if r.keyword not in ("charmm", "multi/harmonic") or r.role == "angle"]


@pytest.mark.parametrize("units", ["real", "metal"])
def test_all_words_at_once(units: str, tmp_path: Path, count: Count) -> None:
    """Hybrid styles, and formulas for what has no word; energies by kind and forces are the same afterwards."""
    for seed in range(count(1, 10)):
        rng = np.random.default_rng(seed)
        groups = [drawn(r, rng) for r in EVERYTHING if r is not CONNECTION and r.realises != "CubicBond"]
        fene = cuds.bonded("FENE", [[1, 2], [3, 4]], k="30 kcal/mol/angstrom**2", rm="2.3 angstrom")
        lone = cuds.bonded(
            "UnsignedHarmonicTorsion", [[1, 2, 3, 4]], k="7 kJ/mol/radian**2", phi0=(rng.uniform(20, 70), "degree")
        )
        topology = cuds.Topology(groups=(*groups, fene, lone), exclusions=EVERY_PAIR)
        agrees(*again(five(rng, topology=topology), NOTHING, tmp_path, units), units)


def field(cutoff: str, rule: str, **ending: Any) -> cuds.Potential:
    species: dict[str, Any] = {
        "A": {"epsilon": "0.4 kJ/mol", "sigma": "0.3 nm"},
        "B": {"epsilon": "0.7 kJ/mol", "sigma": "0.35 nm"},
    }
    return cuds.mixed("LennardJones", species, rule=rule, cutoff=cutoff, **ending)


POTENTIALS = {
    "sharp": field("6.5 angstrom", "LorentzBerthelot") + cuds.coulomb("AB", cutoff="6.5 angstrom"),
    "two cutoffs": field("6.5 angstrom", "Geometric") + cuds.coulomb("AB", cutoff="5.5 angstrom"),
    "shifted": field("6 angstrom", "WaldmanHagler", truncation="ShiftedCutoff")
    + cuds.coulomb("AB", cutoff="6 angstrom"),
    "tail": field("6 angstrom", "Geometric", truncation="TailCorrectedCutoff"),
    "switched": field("6 angstrom", "Geometric", inner="5 angstrom", truncation="SquaredSwitch"),
    "switched otherwise": field("6 angstrom", "Geometric", inner="5 angstrom", truncation="QuinticSwitch"),
    "Ewald": field("6 angstrom", "Geometric") + cuds.coulomb("AB", cutoff="6 angstrom", accuracy=1e-6),
    "others": cuds.pair("Morse", "A", "A", D="0.3 eV", alpha="1.2 1/angstrom", r0="2.9 angstrom", cutoff="6 angstrom")
    + cuds.pair("Buckingham", "A", "B", A="900 eV", rho="0.3 angstrom", C="20 eV*angstrom**6", cutoff="6.2 angstrom")
    + cuds.pair("LennardJonesPowers", "B", "B", C6="-5 eV*angstrom**6", C12="2e4 eV*angstrom**12", cutoff="6 angstrom")
    + cuds.pair("ZBL", "B", "B", Z1=6, Z2=6, inner="2 angstrom", cutoff="5 angstrom"),
}  # fmt: skip


@pytest.mark.parametrize("name", POTENTIALS)
def test_what_acts_by_distance(name: str, tmp_path: Path) -> None:
    """A cluster in a skew cell, atoms in any image; exclusions that follow no molecule, pairs of their own."""
    rng = np.random.default_rng(sum(map(ord, name)))
    cell = np.array([[14.0, 1, 0], [2, 15, -1], [-1, 3, 16]])
    grid = np.array([[i, j, k] for i in (0, 2.6, 5.2) for j in (0, 2.6) for k in (0, 2.6)])
    x = rng.permutation(grid)[:6] + rng.uniform(-0.2, 0.2, (6, 3)) + rng.integers(-1, 2, (6, 3)) @ cell
    kinds = (cuds.Species(symbol="A", mass="10 Da"), cuds.Species(symbol="B", mass="20 Da"))
    system = five(rng, positions=(x, "angstrom"), species=np.arange(6) % 2, kinds=kinds, cell=(cell, "angstrom"),
                  charges=(rng.uniform(-1, 1, 6), "e"))  # fmt: skip
    pairs = [p for p in combinations(range(1, 7), 2) if rng.random() < 0.4]
    scaled = cuds.bonded("ScaledCoulomb", pairs[:2], role="pair", scale=(np.array([0.5, 1 / 1.2]), "1"))
    own = cuds.bonded("LennardJones", pairs[1:3], role="pair", epsilon="0.3 kJ/mol", sigma="0.31 nm")
    given = cuds.bonded("ChargePair", pairs[2:3], role="pair", c1="0.3 e", c2="-0.4 e")
    molecular = system.replace(topology=cuds.Topology(groups=(scaled, own, given), exclusions=pairs))
    units = "metal" if name == "others" else "real"
    read, parts, forces = again(molecular, POTENTIALS[name], tmp_path, units)
    got = read[cuds.ParticleSystem]
    assert got.topology is not None
    np.testing.assert_allclose(got.positions.in_unit("angstrom"), x @ _turn(cell), atol=1e-12)
    assert {frozenset(p) for p in got.topology.exclusions.tolist()} == {frozenset(p) for p in pairs}
    assert {g.role for g in got.topology.groups} <= {"pair", "bond"}
    agrees(read, parts, forces @ _turn(cell), units)


def _turn(cell: np.ndarray) -> np.ndarray:
    """The rotation, from the right, that brings the first vector along x and the second into the xy plane."""
    q, r = np.linalg.qr(cell.T)
    return q * np.sign(np.diag(r))
