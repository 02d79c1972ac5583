"""Pairs three bonds apart: as LAMMPS's own dihedrals have them, and as formulas, to the last digits the same."""

import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cuds
from cuds.errors import UnsupportedError
from cuds.model.particles import ParticleSystem
from cuds.model.state import PotentialEnergy, Stress
from cuds.semantics.bonded import energy
from cuds.semantics.dictionary import EngineWords, engine_words
from cuds_lammps.session import LammpsSession

WORDS = engine_words("lammps")
FORMULAS = replace(WORDS, rows=tuple(r for r in WORDS.rows if r.role != "pair"))
SPECIES = tuple(cuds.Species(symbol=s, mass=m) for s, m in (("A", "12 Da"), ("B", "16 Da")))
LJ = {"A": {"epsilon": "0.4 kJ/mol", "sigma": "0.3 nm"}, "B": {"epsilon": "0.7 kJ/mol", "sigma": "0.35 nm"}}
POTENTIAL = cuds.mixed("LennardJones", LJ, rule="LorentzBerthelot", cutoff="0.6 nm") + cuds.coulomb(
    "AB", cutoff="0.6 nm", accuracy=1e-6
)


def chain(rng: np.random.Generator, *, wrapped: bool = False, torsions: int = 5) -> tuple[ParticleSystem, np.ndarray]:
    """Eight atoms in a row, excluded up to three bonds apart, in a skew cell; and their ids in order."""
    cell = np.array([[15.0, 0, 0], [2, 16, 0], [-1, 3, 17]])
    x = np.cumsum(np.array([[1.1, 0.7 * (-1) ** i, 0.5 * (-1) ** (i // 2)] for i in range(8)]), axis=0)
    x = x + rng.uniform(-0.1, 0.1, x.shape) + rng.uniform(0, 14, 3)
    if wrapped:
        x = x - np.floor(x @ np.linalg.inv(cell)) @ cell + rng.integers(-1, 2, (8, 3)) @ cell
    ids = rng.permutation(8) * 5 + 3
    near = [ids[[i, i + n]] for n in (1, 2, 3) for i in range(8 - n)]
    bonds = cuds.bonded("HarmonicBond", [ids[i : i + 2] for i in range(7)], k="1e5 kJ/mol/nm**2", r0="1.4 angstrom")
    turns = cuds.bonded("PeriodicTorsion", [ids[i : i + 4] for i in range(torsions)],
                        k="3 kJ/mol", n=3, phi0="20 degree")  # fmt: skip
    kinds = rng.integers(0, 2, 8)
    return ParticleSystem(ids=ids, positions=(x, "angstrom"), species=kinds, kinds=SPECIES, cell=(cell, "angstrom"),
                          charges=(rng.uniform(-1, 1, 8), "e"), pbc=(True,) * 3,
                          topology=cuds.Topology(groups=(bonds, turns), exclusions=near)), ids  # fmt: skip


def with_pairs(system: ParticleSystem, *groups: cuds.TermGroup) -> ParticleSystem:
    assert system.topology is not None
    return system.replace(topology=system.topology.replace(groups=(*system.topology.groups, *groups)))


def fourteen(system: ParticleSystem, ids: np.ndarray, scales: Any = 0.8333) -> list[cuds.TermGroup]:
    """Lennard-Jones by types, half as strong, and scaled Coulomb, between the ends of torsions."""
    pairs = np.array([ids[[i, i + 3]] for i in range(5)])
    rows = np.argsort(system.ids)[np.searchsorted(np.sort(system.ids), pairs)]
    both = system.species[rows].sum(axis=1)
    scales = np.broadcast_to(scales, 5)
    epsilon = np.array([0.2, 0.26, 0.35])[both] * scales
    return [
        cuds.bonded("LennardJones", pairs, role="pair", epsilon=(epsilon, "kJ/mol"),
                    sigma=(np.array([0.3, 0.32, 0.35])[both], "nm")),
        cuds.bonded("ScaledCoulomb", pairs, role="pair", scale=(scales, "1")),
    ]  # fmt: skip


@dataclass(frozen=True)
class Found:
    """What LAMMPS gives."""

    parts: dict[str, float]
    numbers: list[np.ndarray]
    native: bool


def computed(system: ParticleSystem, words: EngineWords, folder: Path, units: str = "metal") -> Found:
    session = LammpsSession(cuds.SinglePoint(system, potential=POTENTIAL), folder, words, {"units": units})
    with session:
        session.advance()
        value, there, stress = session.pull(PotentialEnergy), session.pull(ParticleSystem), session.pull(Stress)
        columns = (value.value, stress.value, there.forces, there.energies, there.atomic_stresses)
        numbers = [np.asarray(q.value) for q in columns if q is not None]
        return Found({n: q.in_unit("kJ/mol") for n, q in value.parts.items()}, numbers, session.ends is not None)


@pytest.mark.parametrize("units", ["metal", "real"])
@pytest.mark.parametrize("case", ["one weight", "several weights", "no torsion there", "weight 1", "wrapped"])
def test_native_pairs_are_those_of_the_formulas(case: str, units: str, tmp_path: Path) -> None:
    """Energies by kind, forces, stress, and what each atom has of them."""
    scales: Any = {"several weights": [0.5, 0.25, 0.5, 0.8333, 0.8333], "weight 1": 1.0}.get(case, 0.8333)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        plain, ids = chain(rng, wrapped=case == "wrapped", torsions=2 if case == "no torsion there" else 5)
        system = with_pairs(plain, *fourteen(plain, ids, scales))
        native, formulas = (computed(system, w, tmp_path, units) for w in (WORDS, FORMULAS))
        assert native.native
        assert not formulas.native
        for name, value in formulas.parts.items():
            assert native.parts[name] == pytest.approx(value, rel=1e-12, abs=1e-12), name
        for a, b in zip(native.numbers, formulas.numbers, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * np.abs(b).max())
        without = computed(plain, WORDS, tmp_path, units).parts
        wanted = [float(energy(system, g).in_unit("kJ/mol").sum()) for g in fourteen(plain, ids, scales)]
        for name, more in zip(("vdw", "coulomb"), wanted, strict=True):
            assert abs(more) > 1e-3
            assert native.parts[name] - without[name] == pytest.approx(more, rel=1e-6, abs=1e-7)


def other(name: str) -> ParticleSystem:
    """Pairs that are not by types, or not by weights."""
    plain, ids = chain(np.random.default_rng(4))
    lj, scaled = fourteen(plain, ids)
    pairs = lj.particles
    own = cuds.bonded("LennardJones", pairs, role="pair", epsilon="0.3 kJ/mol",
                      sigma=(np.linspace(0.3, 0.34, 5), "nm"))  # fmt: skip
    twice = cuds.bonded("ScaledCoulomb", pairs[:1], role="pair", scale=0.1)
    given = cuds.bonded("ChargePair", pairs[:2], role="pair", c1="0.3 e", c2="-0.4 e")
    groups = {
        "parameters of their own": (own, scaled),
        "two of them": (lj, scaled, twice),
        "a weight above 1": (lj, cuds.bonded("ScaledCoulomb", pairs, role="pair", scale=1.5)),
        "a negative weight": (lj, cuds.bonded("ScaledCoulomb", pairs, role="pair", scale=-0.5)),
        "no charges": (lj,),
        "given charges beside": (lj, scaled, given),
    }[name]
    return with_pairs(plain, *groups)


@pytest.mark.parametrize("name", ["parameters of their own", "two of them", "a weight above 1", "a negative weight",
                                  "no charges", "given charges beside"])  # fmt: skip
def test_what_is_not_by_types_and_weights_stays_a_formula(name: str, tmp_path: Path) -> None:
    system = other(name)
    found, formulas = (computed(system, w, tmp_path) for w in (WORDS, FORMULAS))
    assert found.native == (name == "given charges beside")
    for part, value in formulas.parts.items():
        assert found.parts[part] == pytest.approx(value, rel=1e-12, abs=1e-12), part
    for a, b in zip(found.numbers, formulas.numbers, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * np.abs(b).max())


def test_ends_of_a_torsion_that_interact_by_distance_do_so(tmp_path: Path) -> None:
    """LAMMPS would leave them out for a dihedral that adds pairs; so there the pairs are formulas."""
    plain, ids = chain(np.random.default_rng(6))
    assert plain.topology is not None
    loose = plain.topology.exclusions[:-1]  # between the last two that are three bonds apart
    system = plain.replace(topology=plain.topology.replace(exclusions=loose))
    groups = [replaced(g, 4) for g in fourteen(plain, ids)]
    found, formulas = (computed(with_pairs(system, *groups), w, tmp_path) for w in (WORDS, FORMULAS))
    assert not found.native
    assert found.parts == formulas.parts
    with pytest.raises(UnsupportedError, match="1 bonds or pairs are not excluded"):
        computed(with_pairs(system, *fourteen(plain, ids)), WORDS, tmp_path)


def replaced(group: cuds.TermGroup, count: int) -> cuds.TermGroup:
    return group.replace(particles=group.particles[:count], row=group.row[:count])


def test_a_wrong_word_is_noticed(tmp_path: Path) -> None:
    """A coefficient doubled, or in the place of its neighbour; but for those that act by distance, which are zero."""
    plain, ids = chain(np.random.default_rng(7))
    system = with_pairs(plain, *fourteen(plain, ids))
    right, survivors = computed(system, WORDS, tmp_path).parts, []
    for row in (r for r in WORDS.rows if r.role == "pair"):
        parts = row.coefficients.split(", ")
        for wrong in (
            [*parts[:i], f"2*{p}" if not p.isdigit() else "2", *parts[i + 1 :]] for i, p in enumerate(parts) if p != "1"
        ):
            words = tuple(replace(r, coefficients=", ".join(wrong)) if r is row else r for r in WORDS.rows)
            try:
                found = computed(system, replace(WORDS, rows=words), tmp_path).parts
            except Exception:
                continue
            if all(found[n] == pytest.approx(right[n], rel=1e-9, abs=1e-9) for n in right):
                survivors.append(f"{row.keyword}: {', '.join(wrong)}")
    harmless = ["charmm: 0, 1, 2, scale"]
    harmless += ["lj/charmm/coul/charmm: 0, 2*sigma, epsilon, sigma", "lj/charmm/coul/charmm: 2, sigma, epsilon, sigma"]
    assert sorted(survivors) == harmless


def test_ranks_give_the_parts_as_well() -> None:
    plain, ids = chain(np.random.default_rng(8), wrapped=True)
    job = cuds.SinglePoint(with_pairs(plain, *fourteen(plain, ids)), potential=POTENTIAL)
    one, two = (cuds.run(job, engine="lammps", ranks=n)[PotentialEnergy] for n in (1, 2))
    assert two.parts.keys() == one.parts.keys()
    for name, value in one.parts.items():
        assert two.parts[name].value == pytest.approx(value.value, rel=1e-11, abs=1e-12), name


def test_motion_and_its_transcript_are_the_same(tmp_path: Path) -> None:
    """As formulas and as dihedrals the atoms go the same way; plain LAMMPS prints the same."""
    plain, ids = chain(np.random.default_rng(9))
    job = cuds.MolecularDynamics(with_pairs(plain, *fourteen(plain, ids)), potential=POTENTIAL, duration="50 fs",
                                 timestep="0.5 fs", every="5 fs", initial_temperature="300 K", seed=3)  # fmt: skip
    done = cuds.run(job, engine="lammps", keep=tmp_path / "kept")
    run = done.series.provenance
    assert run is not None
    assert re.search(r"^special_bonds lj/coul 0.0 1.0 0.0 dihedral yes$", run.transcript, re.MULTILINE)
    (tmp_path / "kept" / "again.in").write_text(run.transcript + 'print "ENERGY $(etotal:%.17g)"\n')
    lmp = Path(sys.executable).with_name("lmp")
    said = subprocess.run([lmp, "-in", "again.in"], cwd=tmp_path / "kept", capture_output=True, text=True, check=True)
    (value,) = (line.split()[1] for line in said.stdout.splitlines() if line.startswith("ENERGY "))
    total = done.series["total_energy"].values.in_unit("eV")
    assert float(value) == total[-1]
    assert np.ptp(total) < 1e-3 * np.ptp(done.series["potential_energy"].values.in_unit("eV"))


@pytest.mark.parametrize("ranks", [1, 2])
def test_broken_and_shuffled_molecules_move_alike(ranks: int) -> None:
    """Whatever the images of their atoms, the ids and the order, paths are the same, and are not wrapped."""
    plain, ids = chain(np.random.default_rng(10))
    whole = with_pairs(plain, *fourteen(plain, ids))
    rng = np.random.default_rng(11)
    speeds = rng.normal(0, 20, (8, 3))  # Å/ps: they cross the boundary
    assert whole.cell is not None
    assert whole.charges is not None
    jumps = rng.integers(-2, 3, (8, 3)) @ whole.cell.value
    order = rng.permutation(8)
    x = whole.positions.value + jumps
    broken = whole.replace(
        ids=whole.ids[order], species=whole.species[order], positions=(x[order], "angstrom"),
        charges=(whole.charges.value[order], "e"), velocities=(speeds[order], "angstrom/ps"),
    )  # fmt: skip
    given: dict[str, Any] = {"potential": POTENTIAL, "duration": "400 fs", "timestep": "0.5 fs", "every": "20 fs"}
    one = cuds.run(cuds.MolecularDynamics(whole.replace(velocities=(speeds, "angstrom/ps")), **given), engine="lammps")
    two = cuds.run(cuds.MolecularDynamics(broken, **given), engine="lammps", ranks=ranks)
    wanted = one.trajectory.positions.in_unit("angstrom") + jumps
    assert np.abs(np.diff(wanted, axis=0)).max() < 3
    assert np.ptp(wanted, axis=0).max() > 5
    np.testing.assert_allclose(two.trajectory.positions.in_unit("angstrom"), wanted[:, order], rtol=0, atol=1e-8)
