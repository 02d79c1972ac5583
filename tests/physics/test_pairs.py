"""Every word of an engine for a pair is proved by running it: random parameters, against the expression in numpy."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad

import cuds
from cuds.errors import CudsError
from cuds.semantics.dictionary import EngineWords, Row, engine_words, form
from cuds.semantics.expression import expressions
from cuds.semantics.pairs import curve
from cuds.units import Quantity
from cuds_lammps.session import LammpsSession
from cuds_lammps.units import Units

Count = Callable[[int, int], int]
LAMMPS = engine_words("lammps")
# Those of charges are proved with molecules, those that are only read with scripts: tests/cuds_lammps.
ROWS = [r for r in LAMMPS.rows if r.section == "pair" and form(r.realises).energy and not r.charged and not r.refusal]
SCALE = {"epsilon": (0.0153, "eV"), "sigma": (2.7, "angstrom"), "mass": (31.0, "Da")}
SETS: dict[str, dict[str, Any]] = {
    "metal": {},
    "real": {"units": "real"},
    "si": {"units": "si"},
    "lj": {"units": "lj", "scale": SCALE},
}
# What a parameter of a kind may be: where it is of any consequence at distances of 2.5 to 8 Å.
RANGES = {
    "Energy": (0.05, 0.5, "eV"),
    "Length": (0.25, 3.0, "angstrom"),
    "InverseLength": (0.8, 1.6, "1/angstrom"),
    "EnergyLength12": (5e4, 3e5, "eV*angstrom**12"),
    "EnergyLength6": (20.0, 90.0, "eV*angstrom**6"),
    "Dimensionless": (5.0, 80.0, "1"),
}


def cluster(rng: np.random.Generator, species: tuple[str, ...] = ("A", "B")) -> cuds.ParticleSystem:
    """Eight particles 2.5 to 8 Å apart, in a periodic cell in which each meets each other once."""
    grid = 3.4 * np.array(list(itertools.product((0, 1), repeat=3)), dtype=float)
    numbers = {"Ar": 18, "Cu": 29}
    kinds = [
        cuds.Species(symbol=s, atomic_number=numbers.get(s, 0), mass=(20.0 + i, "Da")) for i, s in enumerate(species)
    ]
    return cuds.ParticleSystem(
        positions=(grid + rng.uniform(-0.45, 0.45, (8, 3)), "angstrom"),
        species=[i % len(species) for i in range(8)],
        kinds=kinds,
        cell=(20.0 * np.eye(3), "angstrom"),
        pbc=(True, True, True),
    )


def random_pair(rng: np.random.Generator, name: str, truncation: str, first: str, second: str) -> cuds.Potential:
    values: dict[str, Any] = {}
    for symbol, parameter in form(name).free.items():
        low, high, unit = RANGES[parameter.kind]
        values[symbol] = (rng.uniform(low, high), unit)
    if name == "ZBL" and first == second:
        values["Z2"] = values["Z1"]
    if truncation.endswith("Switch"):
        values["inner"] = (rng.uniform(3.0, 4.0), "angstrom")
    return cuds.pair(name, first, second, **values, cutoff=(rng.uniform(5.0, 7.0), "angstrom"), truncation=truncation)


def random_potential(rng: np.random.Generator, name: str, truncation: str) -> cuds.Potential:
    one, two, three = (random_pair(rng, name, truncation, *p) for p in (("A", "A"), ("A", "B"), ("B", "B")))
    return one + two + three


def distances(system: cuds.ParticleSystem) -> Iterator[tuple[int, int, str, str, np.ndarray]]:
    """Each pair of particles, their species, and the vector from the second to the first."""
    x, symbols = system.positions.in_unit("angstrom"), [system.kinds[i].symbol for i in system.species]
    for i, j in itertools.combinations(range(len(system)), 2):
        yield i, j, symbols[i], symbols[j], x[i] - x[j]


def reference(
    potential: cuds.Potential, system: cuds.ParticleSystem, **constants: float
) -> tuple[float, np.ndarray, float]:
    """Energy in eV, forces in eV/Å, and the size of the energies that were added."""
    energy, size, forces = 0.0, 0.0, np.zeros((len(system), 3))
    for i, j, first, second, d in distances(system):
        for term in potential.terms:
            if term.row(first, second) is None:
                continue
            found, r = curve(term, first, second, **constants), Quantity(float(np.linalg.norm(d)), "angstrom")
            value = float(found.energy(r).value)
            pull = float(found.force(r).value) * d / r.value
            energy, size = energy + value, size + abs(value)
            forces[i] += pull
            forces[j] -= pull
    return energy + sum(tail(t, system) for t in potential.terms), forces, size


def tail(term: Any, system: cuds.ParticleSystem) -> float:
    """What a uniform density beyond the cutoff adds, integrated numerically, in eV."""
    if term.truncation != "TailCorrectedCutoff":
        return 0.0
    bare = term.replace(truncation="SharpCutoff", cutoff=Quantity(np.full(len(term.between), 1e6), "angstrom"))
    counts = {k.symbol: int((system.species == i).sum()) for i, k in enumerate(system.kinds)}
    total = 0.0
    for (first, second), cutoff in zip(term.pairs, term.cutoff.in_unit("angstrom"), strict=True):
        energy = curve(bare, first, second).energy
        integral = quad(lambda r, e=energy: r * r * e(Quantity(r, "angstrom")).value, cutoff, np.inf, epsabs=1e-16)[0]
        times = 1 if first == second else 2
        total += times * 2 * np.pi * counts[first] * counts[second] * integral
    return total / system.volume.in_unit("angstrom**3")


def coulomb(units: str) -> dict[str, float]:
    """The engine's own constant, where a form has one: what CODATA says of it differs in the eighth digit."""
    if units not in LAMMPS.coulomb_constants:
        return {}
    of_set = Units(LAMMPS, units)
    return {
        "K": LAMMPS.coulomb_constants[units]
        / of_set.into("energy", Quantity(1.0, "eV"))
        / of_set.into("length", Quantity(1.0, "angstrom"))
    }


def engine(
    folder: Path,
    potential: cuds.Potential,
    system: cuds.ParticleSystem,
    options: dict[str, Any],
    words: EngineWords = LAMMPS,
) -> tuple[float, np.ndarray]:
    """Energy in eV and forces in eV/Å, from LAMMPS in this process."""
    folder.mkdir(exist_ok=True)
    with LammpsSession(cuds.SinglePoint(system, potential=potential), folder, words, options) as session:
        session.advance()
        forces = session.pull(cuds.ParticleSystem).forces
        assert forces is not None
        return session.pull(cuds.PotentialEnergy).value.in_unit("eV"), forces.in_unit("eV/angstrom")


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.keyword)
def test_a_word_of_lammps_is_its_expression(row: Row, count: Count, tmp_path: Path) -> None:
    """With every truncation, in every unit set: energies and forces to 1e-10; tails, integrated here, to 1e-9."""
    ways = list(itertools.product(row.truncations, row.unit_sets or SETS, range(count(2, 20))))
    for truncation, units, seed in ways:
        rng = np.random.default_rng([seed, len(row.keyword), len(truncation)])
        constants = coulomb(units) if "K" in form(row.realises).parameters else {}
        system, potential = cluster(rng), random_potential(rng, row.realises, truncation)
        energy, forces, size = reference(potential, system, **constants)
        found, pull = engine(tmp_path / f"{truncation}-{units}-{seed}", potential, system, SETS[units])
        accuracy = 1e-9 if truncation == "TailCorrectedCutoff" else 1e-10
        assert abs(found - energy) < accuracy * size, (truncation, units, seed)
        np.testing.assert_allclose(pull, forces, rtol=0, atol=1e-10 * np.abs(forces).max())
    assert len(ways) >= 4


def test_lammps_has_other_constants_than_codata(tmp_path: Path) -> None:
    """Its Coulomb constants have eight digits; with those of CODATA the energy differs by just that, 3e-8."""
    rng = np.random.default_rng(7)
    system, potential = cluster(rng), random_potential(rng, "ZBL", "PolynomialSwitch")
    energy, _, size = reference(potential, system)
    for units in ("metal", "real"):
        found, _ = engine(tmp_path / units, potential, system, SETS[units])
        assert 1e-10 < abs(found - energy) / size < 5e-8


def test_terms_of_any_kind_are_added(tmp_path: Path) -> None:
    """Two of one style on the same pair, others on some pairs, files among them: hybrid/overlay, each pair said."""
    rng = np.random.default_rng(3)
    system = cluster(rng)
    potential = random_potential(rng, "LennardJones", "ShiftedCutoff") + random_potential(
        rng, "LennardJones", "SharpCutoff"
    )
    potential = potential + random_potential(rng, "LennardJones", "TailCorrectedCutoff")
    potential = (
        potential
        + random_pair(rng, "LennardJones", "SharpCutoff", "B", "A")
        + random_pair(rng, "Morse", "ShiftedCutoff", "A", "A")
    )
    potential = potential + random_pair(rng, "ZBL", "PolynomialSwitch", "B", "B")
    for units in ("metal", "real"):
        energy, forces, size = reference(potential, system, **coulomb(units))
        found, pull = engine(tmp_path / units, potential, system, SETS[units])
        assert abs(found - energy) < 1e-9 * size
        np.testing.assert_allclose(pull, forces, rtol=0, atol=1e-10 * np.abs(forces).max())


def test_a_file_and_pairs_are_added(tmp_path: Path) -> None:
    """EAM between Cu atoms, Lennard-Jones for the rest: the sum of both alone."""
    rng = np.random.default_rng(4)
    system = cluster(rng, ("Cu", "Ar"))
    lj = {"epsilon": "0.01 eV", "sigma": "3 angstrom", "cutoff": "7 angstrom"}
    pairs = cuds.pair("LennardJones", "Cu", "Ar", **lj) + cuds.pair("LennardJones", "Ar", "Ar", **lj)
    eam = cuds.potential("Cu_mishin1.eam.alloy")
    copper = system.replace(
        positions=system.positions[system.species == 0], species=[0] * 4, kinds=system.kinds[:1], ids=None
    )
    alone, _ = engine(tmp_path / "copper", eam, copper, {})
    rest, _, size = reference(pairs, system)
    found, _ = engine(tmp_path / "both", eam + pairs, system, {})
    assert abs(found - alone - rest) < 1e-10 * (size + abs(alone))


def mutants(row: Row) -> Iterator[Row]:
    """The row with a coefficient doubled, or two neighbours swapped."""
    parts = [e.text for e in expressions(row.coefficients)]
    for i, part in enumerate(parts):
        yield dataclasses.replace(row, coefficients=", ".join([*parts[:i], f"2*({part})", *parts[i + 1 :]]))
        if i + 1 < len(parts):
            swapped = [*parts[:i], parts[i + 1], part, *parts[i + 2 :]]
            yield dataclasses.replace(row, coefficients=", ".join(swapped))


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.keyword)
def test_a_wrong_row_is_noticed(row: Row, tmp_path: Path) -> None:
    """Each mutant gives another energy, or is refused; only to swap charge numbers is no change."""
    rng = np.random.default_rng(11)
    system, potential = cluster(rng), random_potential(rng, row.realises, row.truncations[0])
    right, _ = engine(tmp_path / "right", potential, system, {})
    survivors = []
    for number, mutant in enumerate(mutants(row)):
        words = dataclasses.replace(LAMMPS, rows=tuple(mutant if r is row else r for r in LAMMPS.rows))
        try:
            wrong, _ = engine(tmp_path / str(number), potential, system, {}, words)
        except CudsError:
            continue
        if abs(wrong - right) < 1e-6 * abs(right):
            survivors.append(mutant.coefficients)
    assert survivors in ([], ["Z2, Z1"])


def test_a_word_of_ase_is_its_expression(count: Count) -> None:
    rows = [(r.realises, t) for r in engine_words("ase").rows for t in r.truncations]
    assert len(rows) == 3
    for (name, truncation), seed in itertools.product(rows, range(count(3, 20))):
        rng = np.random.default_rng([seed, 5])
        system = cluster(rng, ("Ar",))
        potential = random_pair(rng, name, truncation, "Ar", "Ar")
        energy, forces, size = reference(potential, system)
        result = cuds.run(cuds.SinglePoint(system, potential=potential), engine="ase")
        pull = result.all(cuds.ParticleSystem)[-1].forces.in_unit("eV/angstrom")
        assert abs(result[cuds.PotentialEnergy].value.in_unit("eV") - energy) < 1e-10 * size
        np.testing.assert_allclose(pull, forces, rtol=0, atol=1e-10 * np.abs(forces).max())


def test_units_in_which_a_word_means_nothing_are_refused() -> None:
    """LAMMPS keeps the screening length of ZBL in Å, whatever the units."""
    rng = np.random.default_rng(1)
    system, potential = cluster(rng), random_potential(rng, "ZBL", "PolynomialSwitch")
    for units in ("si", "lj"):
        with pytest.raises(cuds.CudsError, match=f"'{units}', which LAMMPS's zbl does not take"):
            cuds.energy(system, potential=potential, engine="lammps", options=SETS[units])


def test_a_pair_of_species_without_a_term_is_named() -> None:
    rng = np.random.default_rng(1)
    one = random_pair(rng, "Morse", "SharpCutoff", "A", "A") + random_pair(rng, "Morse", "SharpCutoff", "B", "B")
    with pytest.raises(cuds.CudsError, match="nothing acts between 'A' and 'B'"):
        cuds.energy(cluster(rng), potential=one, engine="lammps")


def test_ase_refuses_what_its_calculators_do_not_tell_apart() -> None:
    rng = np.random.default_rng(1)
    both = random_potential(rng, "LennardJones", "ShiftedCutoff")
    with pytest.raises(cuds.CudsError, match="a sum of 3 terms"):
        cuds.energy(cluster(rng), potential=both, engine="ase")
    species = {"A": {"epsilon": "1 eV", "sigma": "1 angstrom"}, "B": {"epsilon": "2 eV", "sigma": "1 angstrom"}}
    mixed = cuds.mixed("LennardJones", species, rule="Geometric", cutoff="5 angstrom", truncation="ShiftedCutoff")
    with pytest.raises(cuds.CudsError, match="treat all atoms alike"):
        cuds.energy(cluster(rng), potential=mixed, engine="ase")
