"""Lattice, equation of state and elastic constants of crystals, at rest and in motion."""

from collections.abc import Callable
from pathlib import Path

import ase.build
import numpy as np
import pytest

import cuds
from cuds.errors import AmbiguousError, InvalidError, UnknownError

Count = Callable[[int, int], int]
EAM = cuds.potential("Cu_mishin1.eam.alloy")


def copper(repeat: int = 1) -> cuds.ParticleSystem:
    return cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True, a=3.6) * repeat)


@pytest.mark.parametrize("engine", ["lammps", "ase"])
def test_copper_at_rest(engine: str) -> None:
    """Mishin et al., Phys. Rev. B 63, 224106 (2001): a = 3.615 angstrom, E = -3.54 eV, B = 138.3 GPa."""
    lattice = cuds.derive(cuds.LatticeParameters, copper(2), potential=EAM, engine=engine)
    assert np.allclose(lattice.lengths.in_unit("angstrom"), 3.615, rtol=0, atol=5e-4)
    assert np.allclose(lattice.angles.in_unit("degree"), 90, rtol=0, atol=1e-6)
    equation = cuds.derive(cuds.EquationOfState, copper(), potential=EAM, engine=engine, span=0.01)
    assert equation.volume.in_unit("angstrom**3") / 4 == pytest.approx(3.615**3 / 4, rel=5e-4)
    assert equation.energy.in_unit("eV") / 4 == pytest.approx(-3.54, abs=5e-3)
    assert equation.bulk_modulus.in_unit("GPa") == pytest.approx(138.3, rel=5e-3)


def test_the_bulk_modulus_is_that_of_the_elastic_tensor() -> None:
    """Two ways to one number: energies of scaled cells, stresses of strained ones (silicon, Stillinger-Weber)."""
    silicon, sw = cuds.ParticleSystem.from_ase(ase.build.bulk("Si", cubic=True)), cuds.potential("Si.sw")
    equation = cuds.derive(cuds.EquationOfState, silicon, potential=sw, engine="lammps", span=0.01)
    tensor = cuds.derive(cuds.ElasticTensor, silicon, potential=sw, engine="lammps")
    assert equation.bulk_modulus.in_unit("GPa") == pytest.approx(tensor.constants()["K"], rel=1e-3)


def test_copper_at_300_kelvin(count: Count, tmp_path: Path) -> None:
    """165, 120, 73 GPa, computed with bare LAMMPS; experiment 168, 121, 75 (Simmons and Wang 1971)."""
    found = cuds.derive_all(
        cuds.ElasticTensor, copper(count(3, 4)), potential=EAM, engine="lammps", temperature=(300, "K"),
        timestep=(2, "fs"), equilibration=(count(1, 2), "ps"), sampling=(count(4, 40), "ps"), seed=1,
    )  # fmt: skip
    tensor = found[cuds.ElasticTensor]
    constants = tensor.constants("GPa")
    for name, reference in (("C11", 165), ("C12", 120), ("C44", 73)):
        assert constants[name] == pytest.approx(reference, rel=0.05), name
    C, error = tensor.stiffness.in_unit("GPa"), tensor.uncertainty.in_unit("GPa")  # type: ignore[union-attr]
    assert (error > 0).all()
    zero = np.ones((6, 6), dtype=bool)
    zero[:3, :3] = False
    np.fill_diagonal(zero, False)
    assert (np.abs(C[zero]) < 5 * error[zero]).all(), "what symmetry forbids is noise"
    run = tensor.provenance
    assert run is not None
    assert run.activity == "ElasticConstantsAtTemperature"
    assert run.parameters["temperature"] == "300 K"
    assert "standard error" in run.parameters["uncertainty"]
    found.save(tmp_path / "warm.h5md")
    again = cuds.read(tmp_path / "warm.h5md")
    assert again[cuds.ElasticTensor] == tensor


def test_a_warm_crystal_is_larger(count: Count) -> None:
    """The mean cell of 300 K holds no stress: an independent run in it says so."""
    warm = cuds.derive_all(
        cuds.LatticeParameters, copper(count(2, 3)), potential=EAM, engine="lammps", temperature=(300, "K"),
        timestep=(2, "fs"), sampling=(count(10, 20), "ps"), seed=5,
    )  # fmt: skip
    lattice = warm[cuds.LatticeParameters]
    a, error = lattice.lengths.in_unit("angstrom"), lattice.uncertainty.in_unit("angstrom")  # type: ignore[union-attr]
    assert np.abs(a - a.mean()).max() < 5 * error.max(), "cubic on average"
    assert 3.620 < a.mean() < 3.645, "Mishin (2001), fig. 4: 0.5 % above that at rest"
    job = cuds.MolecularDynamics(
        warm[cuds.ParticleSystem], potential=EAM, ensemble="NVT", temperature=(300, "K"), timestep=(2, "fs"),
        duration=(count(10, 20), "ps"), every=(20, "fs"), record=(), seed=7,
    )  # fmt: skip
    pressure = cuds.run(job, engine="lammps").series["pressure"].mean(after=(2, "ps"))
    unsure = np.hypot(pressure.error.in_unit("GPa"), 3 * 138 * float(error.mean()) / float(a.mean()) / np.sqrt(3))
    assert abs(pressure.value.in_unit("GPa")) < 4 * unsure


def test_copper_expands(count: Count) -> None:
    """16.5e-6 / K at 300 K by experiment (Touloukian 1975); cubic, so the three directions are three samples."""
    expansion = cuds.derive(
        cuds.ThermalExpansion, copper(count(2, 4)), potential=EAM, engine="lammps", temperature=(300, "K"),
        timestep=(2, "fs"), sampling=(count(20, 200), "ps"), seed=1,
    )  # fmt: skip
    alpha, error = expansion.value.in_unit("1/K"), expansion.uncertainty.in_unit("1/K")  # type: ignore[union-attr]
    mean = float(np.trace(alpha)) / 3
    assert mean == pytest.approx(16.5e-6, rel=0.1)
    assert np.abs(np.diag(alpha) - mean).max() < 4 * error[0, 0]
    assert (alpha[~np.eye(3, dtype=bool)] == 0).all(), "the angles of a right-angled cell were held"


def test_the_recipe_is_the_one_that_takes_what_is_given() -> None:
    with pytest.raises(UnknownError, match="no recipe 'elastik'"):
        cuds.derive(cuds.ElasticTensor, copper(), recipe="elastik", potential=EAM)
    with pytest.raises(UnknownError, match=r"no recipe gives Stress|no recipe gives Material"):
        cuds.derive(cuds.Material, copper())
    with pytest.raises(InvalidError, match="temperature"):
        cuds.derive(cuds.ElasticTensor, copper(2), potential=EAM, engine="lammps", temperature=(-3, "K"))
    with pytest.raises(InvalidError, match="sampling"):
        cuds.derive(
            cuds.ElasticTensor, copper(2), potential=EAM, engine="lammps", temperature=(300, "K"),
            timestep=(3, "fs"), equilibration=(3, "ps"), sampling=(1, "ps"),
        )  # fmt: skip
    slab = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True) * (2, 2, 2), label="slab").replace(
        pbc=(True, True, False)
    )
    with pytest.raises(InvalidError, match="periodic"):
        cuds.derive(cuds.LatticeParameters, slab, potential=EAM, engine="lammps")
    assert issubclass(AmbiguousError, LookupError)
