"""Topologies: what they refuse, and that they are kept, read back and counted as they are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cuds
from cuds.errors import CudsError, InvalidError, ShapeError, UnknownError, UnsupportedError
from cuds.semantics.bonded import energy

BOND: dict[str, Any] = {"k": "1000 kcal/mol/angstrom**2", "r0": "1 angstrom"}
ANGLE: dict[str, Any] = {"k": "100 kcal/mol/radian**2", "theta0": "109.47 degree"}


def water(**more: Any) -> cuds.ParticleSystem:
    """One molecule, whose ids are in no order."""
    oxygen = cuds.Species(symbol="O", atomic_number=8, mass="15.9994 Da")
    hydrogen = cuds.Species(symbol="H", atomic_number=1, mass="1.008 Da")
    topology = cuds.Topology(
        groups=(
            cuds.bonded("HarmonicBond", [[7, 3], [7, 5]], **BOND),
            cuds.bonded("HarmonicAngle", [[3, 7, 5]], **ANGLE),
        ),
        exclusions=[[7, 3], [7, 5], [3, 5]],
    )
    given: dict[str, Any] = {
        "ids": [3, 7, 5],
        "positions": ([[1.1, 0, 0], [0, 0, 0], [0, 1.2, 0]], "angstrom"),
        "species": [1, 0, 1],
        "kinds": (oxygen, hydrogen),
        "charges": ([0.4238, -0.8476, 0.4238], "e"),
        "topology": topology,
    }
    return cuds.ParticleSystem(**(given | more))


def test_the_energy_is_that_of_the_formula() -> None:
    """K (r - r0)^2 with K = k/2, as in the manual of LAMMPS; a right angle."""
    system = water()
    assert system.topology is not None
    bonds, angles = system.topology.groups
    np.testing.assert_allclose(energy(system, bonds).in_unit("kcal/mol"), [500 * 0.1**2, 500 * 0.2**2], rtol=1e-12)
    off = np.radians(90 - 109.47)
    np.testing.assert_allclose(energy(system, angles).in_unit("kcal/mol"), [50 * off**2], rtol=1e-12)
    assert repr(system.topology) == "Topology(2 bonds, 1 angles, 3 exclusions)"
    assert system.topology.particles.tolist() == [3, 5, 7]
    assert system.topology.of_role("angle") == (angles,)


def test_it_is_kept_and_read_back(tmp_path: Path) -> None:
    rigid = cuds.Topology(constrained=[[3, 7]], lengths=([1.0], "angstrom"))
    for system in (water(), water(topology=rigid)):
        path = tmp_path / "water.h5md"
        cuds.DataSet(system).save(path)
        back = cuds.read(path)[cuds.ParticleSystem]
        assert back == system
        assert back.digest == system.digest
        path.unlink()


def test_every_number_counts_in_the_digest() -> None:
    system = water()
    assert system.topology is not None
    bonds, angles = system.topology.groups
    stiffer = cuds.bonded("HarmonicBond", [[7, 3], [7, 5]], k="1001 kcal/mol/angstrom**2", r0="1 angstrom")
    others = [
        system.topology.replace(groups=(stiffer, angles)),
        system.topology.replace(groups=(bonds,)),
        system.topology.replace(groups=(bonds.replace(particles=[[7, 3], [3, 5]]), angles)),
        system.topology.replace(exclusions=[[7, 3], [7, 5]]),
        system.topology.replace(constrained=[[3, 5]], lengths=([1.6], "angstrom")),
        None,
    ]
    assert len({system.digest, *(system.replace(topology=t).digest for t in others)}) == 7


def test_turned_and_strained_it_goes_along() -> None:
    system = water(cell=(np.eye(3) * 20, "angstrom"), pbc=(True,) * 3)
    assert system.strained([0.01, 0, 0, 0, 0, 0]).topology is system.topology


def test_across_the_boundary_the_nearest_image_is_meant() -> None:
    cell = np.array([[9.0, 0, 0], [2, 8, 0], [-1, 3, 7]])
    system = water(cell=(cell, "angstrom"), pbc=(True,) * 3)
    assert system.topology is not None
    moved = system.replace(
        positions=(system.positions.value + np.array([[1, -2, 0], [0, 0, 3], [-1, 1, 1]]) @ cell, "angstrom")
    )
    for group in system.topology.groups:
        np.testing.assert_allclose(energy(moved, group).value, energy(system, group).value, rtol=1e-9)


Case = tuple[Callable[[], Any], type[CudsError], str]
CASES: dict[str, Case] = {
    "form unknown": (lambda: cuds.bonded("HarmonicBnd", [[1, 2]]), UnknownError, "did you mean 'HarmonicBond'"),
    "parameter unknown": (
        lambda: cuds.bonded("HarmonicBond", [[1, 2]], **BOND, kk=1),
        InvalidError,
        "no parameter is called 'kk'",
    ),
    "parameter missing": (lambda: cuds.bonded("HarmonicBond", [[1, 2]], k=BOND["k"]), InvalidError, "r0 is missing"),
    "unit of another kind": (lambda: cuds.bonded("HarmonicBond", [[1, 2]], k="1 eV", r0="1 nm"), CudsError, "k: "),
    "bodies": (lambda: cuds.bonded("HarmonicBond", [[1, 2, 3]], **BOND), ShapeError, "a bond has 2"),
    "with itself": (lambda: cuds.bonded("HarmonicAngle", [[1, 2, 1]], **ANGLE), InvalidError, "angle 0 is between"),
    "lengths of columns": (
        lambda: cuds.bonded("HarmonicBond", [[1, 2]], k=([1, 2], "eV/angstrom**2"), r0="1 nm"),
        CudsError,
        "k",
    ),
    "excluded with itself": (lambda: cuds.Topology(exclusions=[[1, 1]]), InvalidError, "exclusions"),
    "excluded twice": (lambda: cuds.Topology(exclusions=[[1, 2], [2, 1]]), InvalidError, "twice"),
    "no length": (lambda: cuds.Topology(constrained=[[1, 2]]), ShapeError, "lengths"),
    "no such particle": (lambda: water(ids=[1, 2, 3]), InvalidError, "there is no particle 5"),
    "ASE": (lambda: water().to_ase(), UnsupportedError, "topology"),
    "an engine without bonds": (
        lambda: cuds.energy(water().replace(charges=None), engine="ase", options={"calculator": "emt"}),
        UnsupportedError,
        "knows nothing of bonds",
    ),
    "not by distance": (
        lambda: cuds.pair("HarmonicAngle", "Ar", "Ar", cutoff="1 nm"),
        InvalidError,
        "belongs into a topology",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_refused(case: str) -> None:
    make, error, says = CASES[case]
    with pytest.raises(error) as caught:
        make()
    assert says in str(caught.value)
    assert caught.value.hint


def test_names_belong_to_particles_and_change_nothing(tmp_path: Path) -> None:
    naming = cuds.Naming.of(["HW1", "OW", "HW2"], ["SOL"] * 3, [7, 7, 7], ["water"] * 3)
    assert naming.names("atom").tolist() == ["HW1", "OW", "HW2"]
    assert naming.names("residue").tolist() == ["SOL"] * 3
    assert repr(naming) == "Naming(3 particles of water)"
    named = water(naming=naming)
    assert named.replace(naming=None, id=named.id).digest == named.digest
    cuds.DataSet(named).save(tmp_path / "w.h5md")
    assert cuds.read(tmp_path / "w.h5md")[cuds.ParticleSystem].naming == naming
    frames = (named.positions.value[None], named.positions.unit)
    universe = cuds.Trajectory(system=named, times=([0.0], "ps"), steps=[0], positions=frames).to_mdanalysis()
    assert universe.atoms.names.tolist() == ["HW1", "OW", "HW2"]
    assert (universe.residues.resnames.tolist(), universe.residues.resids.tolist()) == (["SOL"], [7])


def test_names_that_do_not_fit_are_refused() -> None:
    naming = cuds.Naming.of(["A", "B"], ["R", "R"], [1, 1], ["M", "M"])
    with pytest.raises(InvalidError, match="naming: of 2 particles, there are 3"):
        water(naming=naming)
    index = {"residue": [0], "residue_number": [1], "molecule": [0]}
    with pytest.raises(InvalidError, match=r"atom: outside 0\.\.0"):
        cuds.Naming(labels=("A",), atom=[1], **index)
    with pytest.raises(InvalidError, match="stands there twice"):
        cuds.Naming(labels=("A", "A"), atom=[1], **index)
    with pytest.raises(ShapeError, match="residue: 1 rows, but atom has 2"):
        cuds.Naming(labels=("A",), atom=[0, 0], **index)
