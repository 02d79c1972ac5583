"""Minimisation with GROMACS: the force that was asked for is reached, or an error says which one was."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cuds
from cuds.errors import EngineError, NotConvergedError, UnsupportedError
from tests.cuds_gromacs.liquids import argon, water


def wanted(liquid: tuple[cuds.ParticleSystem, cuds.Potential], **more: Any) -> cuds.EnergyMinimisation:
    return cuds.EnergyMinimisation(liquid[0], potential=liquid[1], **more)


def test_molecules_come_to_rest_with_the_force_asked_for() -> None:
    """An independent single point there has no larger force, and the same energy; bonds are near their lengths."""
    liquid = water(rigid=False, cutoff=0.6)  # without a step of the energy at the cutoff
    result = cuds.run(wanted(liquid, force_tolerance=(1e-3, "kJ/mol/nm")), engine="gromacs")
    minimum = result[cuds.ParticleSystem]
    again = cuds.energy(minimum.replace(forces=None), potential=liquid[1], engine="gromacs")
    assert again.value.in_unit("kJ/mol") == pytest.approx(
        result[cuds.PotentialEnergy].value.in_unit("kJ/mol"), rel=1e-12
    )
    assert minimum.forces is not None
    assert np.linalg.norm(minimum.forces.in_unit("kJ/mol/nm"), axis=1).max() <= 1e-3
    x = minimum.positions.in_unit("nm").reshape(-1, 3, 3)
    np.testing.assert_allclose(np.linalg.norm(x[:, 1:] - x[:, :1], axis=2), 0.1, atol=0.01)
    assert np.abs(minimum.positions.in_unit("nm") - liquid[0].positions.in_unit("nm")).max() < 0.5
    facts = result[cuds.PotentialEnergy].provenance.parameters
    assert float(facts["largest force [eV/angstrom]"]) <= 1.1e-6


@pytest.mark.parametrize("minimiser", ["l-bfgs", "cg", "steep"])
def test_each_minimiser_goes_downhill(minimiser: str) -> None:
    liquid = argon(4)
    liquid = liquid[0].replace(cell=(1.6 * np.eye(3), "nm")), liquid[1]
    result = cuds.run(
        wanted(liquid, force_tolerance=(1, "kJ/mol/nm")), engine="gromacs", options={"minimiser": minimiser}
    )
    before = cuds.energy(liquid[0], potential=liquid[1], engine="gromacs").value
    assert result[cuds.PotentialEnergy].value.in_unit("eV") < before.in_unit("eV")


def test_stopping_short_is_an_error_with_the_force_that_is_left() -> None:
    with pytest.raises(NotConvergedError, match="after") as caught:
        cuds.run(wanted(water(rigid=False), max_steps=5), engine="gromacs")
    assert caught.value.fields["largest force [eV/angstrom]"] > 1e-3


def test_what_it_cannot_do_is_refused_by_name(tmp_path: Path) -> None:
    for job, named in ((wanted(argon(), cell="isotropic"), "cell"), (wanted(water(rigid=True)), "192 constrained")):
        with pytest.raises(UnsupportedError, match=named):
            cuds.run(job, engine="gromacs", keep=tmp_path / "x")


def test_the_minimum_is_that_of_lammps() -> None:
    """Of a crystal with a vacancy, atoms moved from their places: one basin, the same energy and the same places."""
    corners = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    x = 0.527 * (np.array(list(np.ndindex(3, 3, 3)))[:, None] + corners).reshape(-1, 3)[1:]
    x += np.random.default_rng(2).normal(scale=0.01, size=x.shape)
    system, potential = argon()
    crystal = cuds.ParticleSystem(
        positions=(x, "nm"), species=np.zeros(len(x), dtype=int), kinds=system.kinds, cell=(1.581 * np.eye(3), "nm"),
        pbc=(True,) * 3,
    )  # fmt: skip
    job = wanted((crystal, potential), force_tolerance=(1e-2, "kJ/mol/nm"))
    one, other = (cuds.run(job, engine=engine) for engine in ("gromacs", "lammps"))
    energies = [r[cuds.PotentialEnergy].value.in_unit("kJ/mol") for r in (one, other)]
    assert energies[0] == pytest.approx(energies[1], abs=1e-5)
    places = [r[cuds.ParticleSystem].positions.in_unit("nm") for r in (one, other)]
    relaxed, theirs = (p - p.mean(axis=0) for p in places)
    np.testing.assert_allclose(relaxed, theirs, rtol=0, atol=1e-4)


def test_atoms_on_top_of_each_other_are_an_error() -> None:
    """Before a step is made."""
    system, potential = argon()
    x = np.array(system.positions.in_unit("nm"))
    x[1] = x[0]
    with pytest.raises(EngineError, match="gromacs") as caught:
        cuds.run(wanted((system.replace(positions=(x, "nm")), potential)), engine="gromacs")
    assert "on top of each other" in caught.value.hint
