"""Water, rigid and flexible, in every engine that moves molecules: energy is conserved and temperature is shared."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import cuds
from cuds.model.dynamics import MolecularDynamics
from cuds.model.particles import ParticleSystem
from cuds.units import BOLTZMANN
from tests.waters import off, spce, waters

Count = Callable[[int, int], int]
ENGINES = ["lammps", "gromacs"]
pytestmark = pytest.mark.xdist_group("water")  # in one process: they share what moved
MODELS: dict[str, tuple[bool, float]] = {"rigid": (True, 1.0), "flexible": (False, 0.5)}  # and the time step in fs


@cache
def liquid(repeat: int, cutoff: str, *, rigid: bool, seed: int = 1) -> ParticleSystem:
    """At about 300 K after half a picosecond."""
    step, start = MODELS["rigid" if rigid else "flexible"][1], waters(repeat, rigid=rigid, seed=2)
    job = MolecularDynamics(start, potential=spce(cutoff), ensemble="NVT", thermostat="langevin", seed=seed, record=(),
                            temperature="300 K", thermostat_time="0.02 ps", timestep=(step, "fs"),
                            duration="0.5 ps")  # fmt: skip
    return cuds.run(job, engine="gromacs").all(ParticleSystem)[-1]


@cache
def moved(engine: str, model: str, repeat: int, cutoff: str, femtoseconds: int, seed: int = 1) -> Any:
    """What a liquid does when it is left alone."""
    rigid, step = MODELS[model]
    job = MolecularDynamics(liquid(repeat, cutoff, rigid=rigid, seed=seed), potential=spce(cutoff), every="5 fs",
                            timestep=(step, "fs"), duration=(femtoseconds, "fs"), seed=1,
                            record=("positions", "velocities"))  # fmt: skip
    return cuds.run(job, engine=engine)


def blocks(values: np.ndarray, number: int = 5) -> tuple[float, float]:
    """The mean, and its error from the means of parts of the run."""
    means = [part.mean() for part in np.array_split(values, number)]
    return float(np.mean(means)), float(np.std(means, ddof=1) / np.sqrt(number))


@pytest.mark.turns(2)
@pytest.mark.timeout(3000)  # in full they are 20 000 steps of 648 atoms
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("engine", ENGINES)
def test_energy_is_conserved_and_temperature_is_shared(engine: str, model: str, count: Count) -> None:
    """No drift but what its error allows; centres of mass are as warm as all degrees of freedom together."""
    rigid = MODELS[model][0]
    repeat, cutoff = (6, "0.9 nm") if count(0, 1) else (4, "0.6 nm")
    start, femtoseconds = liquid(repeat, cutoff, rigid=rigid), count(600, 10_000)
    result = moved(engine, model, repeat, cutoff, femtoseconds)
    series, frames = result.series, result.trajectory
    total, t = series["total_energy"].values.in_unit("kJ/mol"), series.times.in_unit("ps")
    kelvin, error = blocks(series["temperature"].values.in_unit("K")[1:])
    per_atom = np.polyfit(t, total, 1)[0] / len(start)
    drift = abs(per_atom) / (float(BOLTZMANN) * 6.02214076e20 * kelvin)  # of kT, in a picosecond
    print(f"{engine} {model}: {len(start)} atoms, drift {per_atom:.2e} kJ/mol/ps/atom = {drift:.1e} kT/ps, "
          f"noise {np.std(total) / len(start):.1e} kJ/mol/atom, {kelvin:.1f} +- {error:.1f} K")  # fmt: skip
    assert drift < 2e-3 * np.sqrt(10_000 / femtoseconds)
    assert frames.velocities is not None
    v = frames.velocities.in_unit("m/s").reshape(len(t), -1, 3, 3)
    m = start.masses.in_unit("kg")[:3]
    centre = np.einsum("a,fmac->fmc", m, v) / m.sum()
    modes = 3 * v.shape[1] - 3
    warm, spread = blocks(m.sum() * (centre**2).sum(axis=(1, 2))[1:] / (modes * float(BOLTZMANN)))
    assert abs(warm - kelvin) < 5 * np.hypot(spread, error) + 0.03 * kelvin
    if rigid:
        assert off(frames).max() < 1e-9


@pytest.mark.timeout(3000)
@pytest.mark.parametrize("model", MODELS)
def test_both_engines_move_it_alike_from_the_same_starts(model: str, count: Count) -> None:
    """The same paths to begin with; then energies drift alike, and temperatures are the same within the noise.

    Energy goes to and fro between stretches and the rest for longer than a run takes, so that a run does not show how
    far others will be from it: several starts do.
    """
    repeat, cutoff = (6, "0.9 nm") if count(0, 1) else (4, "0.6 nm")
    drifts, kelvins = np.empty((2, 2, starts := count(2, 4), 2))  # of which engine and start: it and its error
    for k in range(starts):
        results = [moved(engine, model, repeat, cutoff, count(600, 10_000), k + 1) for engine in ENGINES]
        one, two = (r.trajectory.positions.in_unit("angstrom") for r in results)
        np.testing.assert_allclose(one[:5], two[:5], rtol=0, atol=1e-4)
        for e, result in enumerate(results):
            mean = result.series["temperature"].mean(after="0.1 ps")
            drifts[e, k] = drift(result.series, 3 * repeat**3)
            kelvins[e, k] = float(mean.value.in_unit("K")), float(mean.error.in_unit("K"))
    alike(f"{model}: drift in kJ/mol/ps/atom", drifts)
    alike(f"{model}: temperature in K", kelvins)


def alike(what: str, found: np.ndarray) -> None:
    """The means of two engines are the same within four standard errors, by the spread of starts and of each run."""
    values, errors = np.moveaxis(found, -1, 0)
    error = np.sqrt((values.var(axis=1, ddof=1) + (errors**2).mean(axis=1)) / values.shape[1])
    means = values.mean(axis=1)
    print(f"{what}: " + ", ".join(f"{e} {m:.4g} +- {s:.2g}" for e, m, s in zip(ENGINES, means, error, strict=True)))
    assert abs(means[0] - means[1]) < 4 * np.hypot(*error)


def drift(series: cuds.TimeSeries, atoms: int) -> tuple[float, float]:
    """How fast the total energy changes, in kJ/mol/ps/atom, and its error, with as many samples as are independent."""
    total, t = series["total_energy"], series.times.in_unit("ps")
    energy = total.values.in_unit("kJ/mol") / atoms
    slope, level = np.polyfit(t, energy, 1)
    noise = np.std(energy - slope * t - level) / (np.std(t) * np.sqrt(total.mean().effective))
    return float(slope), float(noise)
