"""Reaction fields in LAMMPS: between particles that are excluded and of each on itself, by the formula."""

import subprocess
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cuds
from cuds.errors import UnsupportedError
from cuds.semantics.pairs import between_excluded, curve
from cuds.units import Quantity
from cuds_lammps.units import Units

SCALE: dict[str, Any] = {"epsilon": "0.0153 eV", "sigma": "2.7 angstrom", "mass": "31 Da"}
SETS: dict[str, dict[str, Any]] = {"metal": {}, "real": {"units": "real"}, "lj": {"units": "lj", "scale": SCALE}}
ENDS: dict[str, dict[str, Any]] = {
    "ShiftedCutoff": {"truncation": "ShiftedCutoff"},
    "ReactionField": {"dielectric": 3.7},
    "ConductingReactionField": {"dielectric": np.inf},
}


def ions(rng: np.random.Generator) -> cuds.ParticleSystem:
    """Eight charges in a cell in which each meets each other once, ids in any order; some pairs are excluded."""
    grid = np.array([[i, j, k] for i in (0, 3.4) for j in (0, 3.4) for k in (0, 3.4)])
    kinds = tuple(cuds.Species(symbol=s, mass=m) for s, m in (("A", "10 Da"), ("B", "20 Da"), ("C", "5 Da")))
    ids = rng.permutation(8) * 2 + 1
    excluded = [p for p in combinations(ids.tolist(), 2) if rng.random() < 0.4]
    return cuds.ParticleSystem(
        ids=ids, positions=(grid + rng.uniform(-0.4, 0.4, (8, 3)), "angstrom"), species=[0, 2, 0, 2, 2, 0, 2, 0],
        kinds=kinds, charges=(rng.uniform(-1, 1, 8), "e"), cell=(20 * np.eye(3), "angstrom"), pbc=(True,) * 3,
        topology=cuds.Topology(exclusions=excluded),
    )  # fmt: skip


def by_hand(system: cuds.ParticleSystem, potential: cuds.Potential, coulomb: float) -> np.ndarray:
    """What each particle has of all energies, half of each pair, in eV."""
    assert system.charges is not None
    assert system.topology is not None
    x, q, ids = system.positions.value, system.charges.value, system.ids.tolist()
    excluded = {frozenset(p) for p in system.topology.exclusions.tolist()}
    found = np.zeros(len(x))
    for term in potential.terms:
        assert term.cutoff is not None
        beside = between_excluded(term.form, term.truncation)
        for i in range(len(x)):
            for j in range(len(x)):
                symbols = [system.kinds[system.species[k]].symbol for k in (i, j)]
                r, place = float(np.linalg.norm(x[i] - x[j])), term.row(*symbols)
                if place is None or r >= (cutoff := float(term.cutoff.in_unit("angstrom")[place])):
                    continue
                names = {"q1": q[i], "q2": q[j], "K": coulomb, "r": r, "cutoff": cutoff, "dielectric": term.dielectric}
                if i != j and frozenset((ids[i], ids[j])) not in excluded:
                    pair = curve(term, *symbols, q1=q[i], q2=q[j], K=coulomb)
                    found[i] += float(pair.energy(Quantity(r, "angstrom")).value) / 2
                elif beside is not None:
                    found[i] += float(beside(names)) / 2
    return found


def cutoffs(**end: Any) -> cuds.Potential:
    """A cutoff for each of the pairs of species."""
    (term,) = cuds.coulomb("AC", cutoff="6 angstrom", **end).terms
    return cuds.Potential(terms=(term.replace(cutoff=([6.0, 5.6, 4.9], "angstrom")),))


@pytest.mark.parametrize("units", SETS)
@pytest.mark.parametrize("end", ENDS)
def test_the_energy_is_that_of_the_formula(end: str, units: str, count: Callable[[int, int], int]) -> None:
    """Of the whole and of each particle; each pair with a cutoff of its own."""
    from cuds.semantics.dictionary import engine_words

    words = engine_words("lammps")
    of_set = Units(words, units, SETS[units].get("scale"))
    size = of_set.into("energy", Quantity(1.0, "eV")) * of_set.into("length", Quantity(1.0, "angstrom"))
    constant = of_set.coulomb / size * of_set.into("charge", Quantity(1.0, "e")) ** 2
    for seed in range(count(1, 3)):
        system, potential = ions(np.random.default_rng(seed)), cutoffs(**ENDS[end])
        done = cuds.run(cuds.SinglePoint(system, potential=potential), engine="lammps", options=SETS[units])
        each = by_hand(system, potential, constant)
        value = done[cuds.PotentialEnergy]
        assert value.value.in_unit("eV") == pytest.approx(each.sum(), rel=1e-10)
        assert value.parts["coulomb"].in_unit("eV") == pytest.approx(each.sum(), rel=1e-10)
        energies = done.all(cuds.ParticleSystem)[-1].energies
        assert energies is not None
        np.testing.assert_allclose(energies.in_unit("eV"), each, rtol=1e-10, atol=1e-12)


def test_the_force_is_the_slope() -> None:
    rng = np.random.default_rng(5)
    system, potential, h = ions(rng), cutoffs(dielectric=5.0), 1e-4
    along = rng.normal(size=(8, 3))
    done = cuds.run(cuds.SinglePoint(system, potential=potential), engine="lammps")
    forces = done.all(cuds.ParticleSystem)[-1].forces
    assert forces is not None
    moved = [system.replace(positions=(system.positions.value + n * h * along, "angstrom")) for n in (-1, 1)]
    low, high = (cuds.energy(s, potential=potential, engine="lammps").value.in_unit("eV") for s in moved)
    assert -np.sum(forces.in_unit("eV/angstrom") * along) == pytest.approx((high - low) / (2 * h), rel=1e-6)


def test_what_particles_add_by_themselves_is_in_the_transcript(tmp_path: Path) -> None:
    system, potential = ions(np.random.default_rng(1)), cutoffs(dielectric=np.inf)
    kept = tmp_path / "kept"
    done = cuds.run(cuds.SinglePoint(system, potential=potential), engine="lammps", keep=kept)
    run = done[cuds.PotentialEnergy].provenance
    assert run is not None
    (kept / "again.in").write_text(run.transcript + 'print "ENERGY $(pe:%.17g)"\n')
    lmp = Path(sys.executable).with_name("lmp")
    told = subprocess.run([lmp, "-in", "again.in"], cwd=kept, capture_output=True, text=True, check=True).stdout
    (value,) = (line.split()[1] for line in told.splitlines() if line.startswith("ENERGY "))
    assert float(value) == done[cuds.PotentialEnergy].value.in_unit("eV")


def test_a_mean_over_pairs_is_refused() -> None:
    system = ions(np.random.default_rng(1))
    term = cuds.pair("LennardJones", "A", "A", epsilon="0.1 eV", sigma="3 angstrom", cutoff="5 angstrom").terms[0]
    potential = cuds.Potential(terms=(term.replace(correction="AverageDispersion"), *cutoffs(dielectric=2.0).terms))
    with pytest.raises(UnsupportedError, match="LAMMPS has no long-range correction AverageDispersion") as caught:
        cuds.energy(system, potential=potential, engine="lammps")
    assert caught.value.hint
