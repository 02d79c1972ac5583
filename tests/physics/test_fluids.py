"""A Lennard-Jones fluid against published values; its conductivity feeds a body that conducts heat."""

from collections.abc import Callable
from typing import Any

import ase.build
import numpy as np
import pytest

import cuds
from cuds.errors import InvalidError
from cuds.model.material import Material
from cuds.units import BOLTZMANN, factor

Count = Callable[[int, int], int]
EPSILON, SIGMA, MASS = 119.8 * float(BOLTZMANN) * factor("J", "eV"), 3.405, 39.948  # argon: eV, Å, Da
KELVIN = 119.8  # T* = 1
SETS: dict[str, dict[str, Any]] = {
    "metal": {},
    "lj": {"units": "lj", "scale": {"epsilon": (EPSILON, "eV"), "sigma": (SIGMA, "angstrom"), "mass": (MASS, "Da")}},
}


def fluid(density: float, repeat: tuple[int, int, int]) -> cuds.ParticleSystem:
    """A crystal of reduced density, which melts."""
    a = (4 / density) ** (1 / 3) * SIGMA
    return cuds.ParticleSystem.from_ase(ase.build.bulk("Ar", cubic=True, a=a) * repeat)


def lennard_jones(cutoff: float, truncation: str = "") -> cuds.Potential:
    return cuds.pair(
        "LennardJones", "Ar", "Ar", epsilon=(EPSILON, "eV"), sigma=(SIGMA, "angstrom"),
        cutoff=(cutoff * SIGMA, "angstrom"), truncation=truncation,
    )  # fmt: skip


@pytest.mark.turns(2)
@pytest.mark.parametrize("units", ["metal", "lj"])
def test_energy_and_pressure_are_those_of_nist(units: str, count: Count) -> None:
    """NIST Standard Reference Simulation Website: T* 0.85, rho* 0.776, cut off at 3 sigma with tail corrections."""
    system = fluid(0.776, (5, 5, 5))
    steps = count(8000, 200_000)
    job = cuds.MolecularDynamics(
        system, potential=lennard_jones(3, "TailCorrectedCutoff"), ensemble="NVT", temperature=(0.85 * KELVIN, "K"),
        initial_temperature=(1.7 * KELVIN, "K"), timestep=(10, "fs"), duration=(10 * steps, "fs"), every=(100, "fs"),
        thermostat_time=(1, "ps"), record=(), seed=1,
    )  # fmt: skip
    series = cuds.run(job, engine="lammps", options=SETS[units]).series
    energy = series["potential_energy"].mean(after=(20, "ps"))
    pressure = series["pressure"].mean(after=(20, "ps"))
    assert energy.value.in_unit("eV") / len(system) / EPSILON == pytest.approx(-5.5121, rel=2e-3)
    assert pressure.value.in_unit("eV/angstrom**3") * SIGMA**3 / EPSILON == pytest.approx(0.0068, abs=0.03)
    assert series["temperature"].mean(after=(20, "ps")).value.in_unit("K") == pytest.approx(0.85 * KELVIN, rel=0.01)


@pytest.mark.timeout(3000)  # in full they are 630 ps of 8 000 atoms
def test_reverse_nemd_is_that_of_the_example_of_lammps(count: Count) -> None:
    """LAMMPS, examples/KAPPA (Müller-Plathe): 3.45 in reduced units at rho* 0.6, T* 1.35, cutoff 2.5 sigma."""
    conductivity = cuds.derive(
        cuds.ThermalConductivity, fluid(0.6, (10, 10, 20) if count(0, 1) else (5, 5, 12)), potential=lennard_jones(2.5),
        engine="lammps", temperature=(1.35 * KELVIN, "K"), timestep=(10, "fs"), equilibration=(count(10, 30), "ps"),
        exchange=(100, "fs"), settling=(count(40, 200), "ps"), sampling=(count(80, 400), "ps"), seed=3,
    )  # fmt: skip
    run = conductivity.provenance
    assert run is not None
    reduced = SIGMA**2 * np.sqrt(MASS * factor("Da", "kg") / (EPSILON * factor("eV", "J"))) / float(BOLTZMANN)
    value = conductivity.value.in_unit("W/m/K") * reduced * factor("angstrom", "m") ** 2
    assert np.array_equal(value, np.eye(3) * value[0, 0])
    assert value[0, 0] == pytest.approx(3.45, rel=0.05)
    assert run.parameters["mean temperature [K]"] == pytest.approx(1.35 * KELVIN, rel=0.01)
    profile = np.array(run.parameters["temperature of the slabs [K]"])
    assert profile.argmin() == 0
    assert profile.argmax() == 10
    mirrored = np.roll(profile[::-1], 1)
    assert np.abs(profile - mirrored).max() < 0.15 * np.ptp(profile), "both ways are alike"


def test_what_was_derived_conducts_heat() -> None:
    """A wiring hands the conductivity on; the heat through a wall is then k A dT / L."""
    points = np.array([[x, y, z] for x in (0, 2) for y in (0, 1) for z in (0, 1)], dtype=float)
    wall = cuds.Mesh(
        points=(points, "nm"),
        blocks=(cuds.ElementBlock(shape="hexahedron", nodes=[[0, 4, 6, 2, 1, 5, 7, 3]]),),
        regions=(
            cuds.Region(name="cold", on="facets", members=[[0, 1, 3, 2]]),
            cuds.Region(name="warm", on="facets", members=[[4, 5, 7, 6]]),
        ),
    )
    w = cuds.Wiring("argon wall")
    md = w.add(
        "md", cuds.Derive(cuds.ThermalConductivity), engine="lammps", system=fluid(0.6, (3, 3, 6)),
        potential=lennard_jones(2.5), temperature=(1.35 * KELVIN, "K"), timestep=(10, "fs"), slabs=6,
        settling=(10, "ps"), sampling=(20, "ps"), seed=3,
    )  # fmt: skip
    fem = w.add(
        "fem", cuds.HeatConduction, engine="skfem", mesh=wall,
        conditions=[cuds.Temperature("cold", (300, "K")), cuds.Temperature("warm", (310, "K"))],
    )  # fmt: skip
    w.connect(md, fem)
    found = w.run()
    derived = found[cuds.ThermalConductivity]
    k = derived.value.in_unit("W/m/K")[0, 0]
    flux = found.field("heat_flux").values.in_unit("W/m**2")
    assert flux[..., 0] == pytest.approx(-k * 10 / 2e-9, rel=1e-9)
    assert Material(conductivity=derived).needed("conductivity") == derived


def test_settings_that_cannot_be_are_refused() -> None:
    given: dict[str, Any] = {
        "potential": lennard_jones(2.5), "engine": "lammps", "temperature": (100, "K"), "timestep": (10, "fs"),
    }  # fmt: skip
    wrong: tuple[tuple[str, Any], ...] = (
        ("exchange", (15, "fs")), ("sampling", (0.25, "ps")), ("sampling", (0.5, "ps")), ("slabs", 7), ("axis", 3),
    )  # fmt: skip
    settings: dict[str, Any]
    for name, value in wrong:
        settings = given | {name: value}
        with pytest.raises(InvalidError, match=name):
            cuds.derive(cuds.ThermalConductivity, fluid(0.6, (3, 3, 3)), **settings)
    with pytest.raises(InvalidError, match="one of them is empty"):
        cuds.derive(
            cuds.ThermalConductivity, fluid(0.6, (2, 2, 2)), **given, slabs=100, equilibration=(0.1, "ps"),
            settling=(1, "ps"), sampling=(2, "ps"), seed=1,
        )  # fmt: skip
