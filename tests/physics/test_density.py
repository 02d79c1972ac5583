"""The density of water, by one script for every engine that moves molecules."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import cuds
from cuds.model.dynamics import MolecularDynamics
from cuds.model.particles import ParticleSystem
from tests.waters import spce, waters

Count = Callable[[int, int], int]
Begun = Mapping[float, Sequence[Future[list[float]]]]
PUBLISHED = 0.998  # g/cm3 at 300 K and 1 bar (Berendsen, Grigera and Straatsma 1987)
ACCURACY = 1e-5  # of Ewald sums: pressures of one configuration are within 2 bar of those at 1e-6, at 1e-4 within 30
CORES = ThreadPoolExecutor(2)  # each run is a process of its own


def pressure(density: float, seed: int, repeat: int, cutoff: str, picoseconds: int, *, engine: str) -> list[float]:
    """The mean pressure at 300 K in bar, and its error, of rigid molecules; what is cut off of dispersion is added."""
    start = waters(repeat, rigid=True, seed=seed, density=density)
    potential = spce(cutoff, truncation="TailCorrectedCutoff", accuracy=ACCURACY)
    hot = MolecularDynamics(start, potential=potential, ensemble="NVT", temperature="300 K", thermostat="langevin",
                            thermostat_time="0.05 ps", duration=(max(1, picoseconds // 20), "ps"), seed=seed,
                            record=())  # fmt: skip
    warm = cuds.run(hot, engine=engine).all(ParticleSystem)[-1]
    job = MolecularDynamics(warm, potential=potential, ensemble="NVT", temperature="300 K", thermostat_time="0.2 ps",
                            initial_temperature="300 K", timestep="2 fs", duration=(picoseconds, "ps"), every="20 fs",
                            seed=seed, record=())  # fmt: skip
    mean = cuds.run(job, engine=engine).series["pressure"].mean(after=(picoseconds / 20, "ps"))
    return [float(mean.value.in_unit("bar")), float(mean.error.in_unit("bar"))]


def begun(tried: Mapping[float, tuple[int, int]], repeat: int, cutoff: str, *, engine: str) -> Begun:
    """Begin the runs at some densities, each with a number of starts and of picoseconds."""
    return {
        density: [
            CORES.submit(pressure, density, 2 + seed, repeat, cutoff, ps, engine=engine) for seed in range(starts)
        ]
        for density, (starts, ps) in tried.items()
    }


def of_starts(runs: Sequence[Future[list[float]]]) -> tuple[float, float]:
    """The mean pressure of several starts, and its error by what each says of its own and by their spread."""
    values, errors = np.array([run.result() for run in runs]).T
    spread = values.std(ddof=1) if len(runs) > 1 else 0.0
    return float(values.mean()), float(max(spread, np.sqrt((errors**2).mean())) / np.sqrt(len(runs)))


def density_at_one_bar(runs: Begun, *, engine: str) -> tuple[float, float]:
    """Between densities at which the pressure is known, and its error.

    It is that in the middle, nearly at 1 bar, which counts; the others give how stiff the liquid is.
    """
    values, errors = np.array([of_starts(several) for several in runs.values()]).T

    def between(pressures: np.ndarray) -> float:
        return float(np.polyval(np.polyfit(pressures, list(runs), 2), 1.0))

    found = between(values)
    spread = [between(values + e * one) - found for e, one in zip(errors, np.eye(3), strict=True)]
    print(f"{engine}: {found:.5f} +- {np.linalg.norm(spread):.5f} g/cm3; {np.round(values)} +- {np.round(errors)} bar")
    return found, float(np.linalg.norm(spread))


@pytest.mark.timeout(1200)
def test_the_pressure_is_that_of_the_other_engine_from_the_same_start(count: Count) -> None:
    """Sample by sample, before paths part: 10 bar are 0.0005 g/cm3, of which long runs would see nothing."""
    for seed in range(3, 3 + count(1, 4)):
        start = waters(6, rigid=True, seed=seed, density=PUBLISHED)
        potential = spce("0.9 nm", truncation="TailCorrectedCutoff", accuracy=ACCURACY)
        hot = MolecularDynamics(start, potential=potential, ensemble="NVT", temperature="300 K", thermostat="langevin",
                                thermostat_time="0.05 ps", duration="1 ps", seed=seed, record=())  # fmt: skip
        warm = cuds.run(hot, engine="lammps").all(ParticleSystem)[-1]
        job = MolecularDynamics(warm, potential=potential, timestep="2 fs", duration="200 fs", every="2 fs",
                                record=())  # fmt: skip
        one, two = (cuds.run(job, engine=engine).series for engine in ("lammps", "gromacs"))
        apart = one["pressure"].values.in_unit("bar") - two["pressure"].values.in_unit("bar")
        warmer = one["temperature"].values.in_unit("K") - two["temperature"].values.in_unit("K")
        print(f"start {seed}: LAMMPS has {apart.mean():.1f} bar and {warmer.mean():.4f} K more than GROMACS")
        assert abs(apart.mean()) < 10
        assert abs(warmer.mean()) < 0.05


@pytest.mark.timeout(7200)  # in full they are 408 ps of 648 atoms in each engine
def test_density_is_that_published_in_both_engines(count: Count) -> None:
    """SPC/E at 300 K and 1 bar, cut off at 0.9 nm with corrections; only the name of the engine differs.

    The middle has several starts: what is slow in a pressure takes longer than one of these runs.
    """
    deep, engines = bool(count(0, 1)), ("lammps", "gromacs")
    how: Any = ({0.98: (1, 24), 0.998: (5, 72), 1.016: (1, 24)}, 6, "0.9 nm")
    if not deep:
        how = ({0.9: (1, 1), 1.0: (1, 1), 1.1: (1, 1)}, 4, "0.6 nm")
    runs = {engine: begun(*how, engine=engine) for engine in engines}
    found = [density_at_one_bar(runs[engine], engine=engine) for engine in engines]
    (one, e1), (two, e2) = found
    assert abs(one - two) < 4 * np.hypot(e1, e2) + (0 if deep else 0.05)
    for value, error in found:
        assert abs(value - PUBLISHED) < 4 * error + (0.002 if deep else 0.05)
        assert error < (0.002 if deep else 0.05)
