"""Virtual sites in LAMMPS: placed as atoms, the forces on them on their parents, and refused where they would move."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cuds
from cuds.errors import UnsupportedError
from cuds.model.state import PotentialEnergy
from cuds.semantics.dictionary import engine_words
from cuds_lammps.session import LammpsSession
from tests.sites import PARENTS, one_site

WORDS = engine_words("lammps")
POTENTIAL = cuds.mixed(
    "LennardJones",
    {"A": {"epsilon": "0.3 kJ/mol", "sigma": "0.2 nm"}, "V": {"epsilon": "0.2 kJ/mol", "sigma": "0.15 nm"}},
    rule="Geometric", cutoff="9 angstrom",
) + cuds.coulomb(["A", "V"], cutoff="9 angstrom")  # fmt: skip


def two(name: str, rng: np.random.Generator) -> cuds.ParticleSystem:
    """Two molecules with a site each that interact, the sites in their places, particles in no order."""
    one, other = (one_site(name, rng) for _ in range(2))
    k = len(one)
    x = np.concatenate([s.positions.in_unit("angstrom") for s in (one, other)])
    x[k:] += [2.9, 2.4, 2.6]
    ids = rng.permutation(2 * k) * 2 + 1
    sites = []
    for system, start in ((one, 0), (other, k)):
        assert system.topology is not None
        (group,) = system.topology.sites
        sites.append(group.replace(particles=ids[group.particles + start - 1]))
    pairs = [[ids[s + i], ids[s + j]] for s in (0, k) for i in range(k) for j in range(i)]
    return cuds.sites_placed(cuds.ParticleSystem(
        ids=ids, positions=(x + 4, "angstrom"), species=np.concatenate([one.species, other.species]), kinds=one.kinds,
        charges=(rng.uniform(-0.5, 0.5, 2 * k), "e"), cell=([[20.0, 0, 0], [1, 21, 0], [-2, 1, 22]], "angstrom"),
        pbc=(True,) * 3, topology=cuds.Topology(sites=tuple(sites), exclusions=pairs),
    ))  # fmt: skip


@pytest.mark.parametrize("name", PARENTS)
def test_forces_and_stress_are_slopes(name: str, tmp_path: Path) -> None:
    """Of the energy with the sites where their parents put them, along displacements of parents and every strain."""
    rng = np.random.default_rng(6)
    system = two(name, rng)
    opened = LammpsSession(cuds.SinglePoint(system, potential=POTENTIAL), tmp_path, WORDS, {"units": "metal"})
    opened.advance()
    state, stress = opened.pull(cuds.ParticleSystem), opened.pull(cuds.Stress)
    assert state.forces is not None
    assert state.atomic_stresses is None
    assert opened.report()["virtual sites out of place by [angstrom]"] == 0.0
    assert system.topology is not None
    on_sites = np.isin(system.ids, system.topology.site_ids)
    assert not state.forces.value[on_sites].any()

    def slope(changed: Callable[[float], cuds.ParticleSystem]) -> float:
        ends = []
        for n in (-2, -1, 1, 2):
            opened.push(cuds.sites_placed(changed(n * 1e-3)))
            opened.advance()
            ends.append(opened.pull(PotentialEnergy).value.in_unit("eV"))
        return float(ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / 12e-3

    x, volume = system.positions.in_unit("angstrom"), system.volume.in_unit("angstrom**3")
    along = rng.normal(size=x.shape)
    moved = slope(lambda h: system.replace(positions=(x + h * along, "angstrom")))
    wanted = -float(np.sum(state.forces.in_unit("eV/angstrom") * along))
    assert moved == pytest.approx(wanted, rel=1e-6, abs=1e-8)
    found = [slope(lambda h, axis=axis: system.strained(h * np.eye(6)[axis])) / volume for axis in range(6)]  # type: ignore[misc]
    np.testing.assert_allclose(stress.value.in_unit("eV/angstrom**3"), found, atol=2e-6 * np.abs(found).max())
    opened.close()


def test_the_transcript_gives_the_same_in_plain_lammps(tmp_path: Path) -> None:
    system, kept = two("OutOfPlaneSite", np.random.default_rng(6)), tmp_path / "kept"
    done = cuds.run(cuds.SinglePoint(system, potential=POTENTIAL), engine="lammps", keep=kept)
    run = done[PotentialEnergy].provenance
    assert run is not None
    (kept / "again.in").write_text(run.transcript + 'print "ENERGY $(pe:%.17g)"\n')
    lmp = Path(sys.executable).with_name("lmp")
    said = subprocess.run([lmp, "-in", "again.in"], cwd=kept, capture_output=True, text=True, check=True)
    (value,) = (line.split()[1] for line in said.stdout.splitlines() if line.startswith("ENERGY "))
    assert float(value) == done[PotentialEnergy].value.in_unit("eV")


def test_what_is_out_of_place_is_said() -> None:
    """A warning, and in the provenance how far; the energy is that of the places given."""
    system = two("PlaneSite", np.random.default_rng(6))
    assert system.topology is not None
    x = np.array(system.positions.in_unit("angstrom"))
    (first,) = np.flatnonzero(system.ids == system.topology.site_ids[0])
    x[first] += [0, 0.03, 0.04]
    with pytest.warns(UserWarning, match=f"1 of 2 virtual sites.* particle {system.ids[first]} by 0.05 angstrom"):
        moved = cuds.energy(system.replace(positions=(x, "angstrom")), potential=POTENTIAL, engine="lammps")
    assert moved.provenance is not None
    assert any("out of place" in str(f) and "0.05" in str(f) for f in moved.provenance.parameters.items())
    assert moved.value.in_unit("eV") != cuds.energy(system, potential=POTENTIAL, engine="lammps").value.in_unit("eV")


def test_sites_do_not_move_in_lammps() -> None:
    system = two("LineSite", np.random.default_rng(6))
    jobs: list[Any] = [
        cuds.EnergyMinimisation(system, potential=POTENTIAL),
        cuds.MolecularDynamics(system, potential=POTENTIAL, duration="1 fs", initial_temperature="300 K", seed=1),
    ]
    for job in jobs:
        with pytest.raises(UnsupportedError, match=f"2 virtual sites, the first .* {type(job).__name__}"):
            cuds.run(job, engine="lammps")


def test_velocities_are_drawn_for_what_has_a_mass() -> None:
    """Sites stay at rest; degrees of freedom are those of their parents, at exactly the temperature."""
    system = two("LineSite", np.random.default_rng(6))
    job = cuds.MolecularDynamics(system, potential=POTENTIAL, duration="1 fs", initial_temperature="300 K", seed=1)
    assert job.degrees_of_freedom == 3 * 4 - 3
    start = job.start()
    assert start.velocities is not None
    v, m = start.velocities.in_unit("m/s"), system.masses.in_unit("kg")[:, None]
    assert np.isfinite(v).all()
    assert not v[m[:, 0] == 0].any()
    assert float((m * v**2).sum()) == pytest.approx(9 * 1.380649e-23 * 300, rel=1e-12)
    np.testing.assert_allclose((m * v).sum(axis=0), 0, atol=1e-35)
