"""The density of water, by one script for every engine that moves molecules."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import cuds
from cuds.model.dynamics import MolecularDynamics
from cuds.model.particles import ParticleSystem
from tests.waters import spce, waters

Count = Callable[[int, int], int]
PUBLISHED = 0.998  # g/cm3 at 300 K and 1 bar (Berendsen, Grigera and Straatsma 1987)


def pressure(density: float, repeat: int, cutoff: str, picoseconds: int, *, engine: str) -> tuple[float, float]:
    """The mean pressure at 300 K in bar, and its error, of rigid molecules; what is cut off of dispersion is added."""
    start = waters(repeat, rigid=True, seed=2, density=density)
    potential = spce(cutoff, truncation="TailCorrectedCutoff")
    hot = MolecularDynamics(start, potential=potential, ensemble="NVT", temperature="300 K", thermostat="langevin",
                            thermostat_time="0.05 ps", duration=(max(1, picoseconds // 20), "ps"), seed=1,
                            record=())  # fmt: skip
    warm = cuds.run(hot, engine=engine).all(ParticleSystem)[-1]
    job = MolecularDynamics(warm, potential=potential, ensemble="NVT", temperature="300 K", thermostat_time="0.2 ps",
                            initial_temperature="300 K", timestep="2 fs", duration=(picoseconds, "ps"), every="10 fs",
                            seed=1, record=())  # fmt: skip
    mean = cuds.run(job, engine=engine).series["pressure"].mean(after=(picoseconds / 20, "ps"))
    return float(mean.value.in_unit("bar")), float(mean.error.in_unit("bar"))


def density_at_one_bar(tried: Sequence[float], *how: Any, engine: str) -> tuple[float, float]:
    """Between densities at which the pressure is known, and its error."""
    values, errors = np.array([pressure(d, *how, engine=engine) for d in tried]).T

    def between(pressures: np.ndarray) -> float:
        return float(np.polyval(np.polyfit(pressures, tried, 2), 1.0))

    found = between(values)
    spread = [between(values + e * one) - found for e, one in zip(errors, np.eye(3), strict=True)]
    print(f"{engine}: {found:.5f} +- {np.linalg.norm(spread):.5f} g/cm3; {np.round(values)} +- {np.round(errors)} bar")
    return found, float(np.linalg.norm(spread))


@pytest.mark.timeout(14400)  # in full they are 720 ps of 648 atoms in each engine
def test_density_is_that_published_in_both_engines(count: Count) -> None:
    """SPC/E at 300 K and 1 bar, cut off at 0.9 nm with corrections; only the name of the engine differs."""
    deep = bool(count(0, 1))
    how = ((0.98, 0.998, 1.016), 6, "0.9 nm", 240) if deep else ((0.9, 1.0, 1.1), 4, "0.6 nm", 2)
    found = {engine: density_at_one_bar(*how, engine=engine) for engine in ("lammps", "gromacs")}
    (one, e1), (two, e2) = found.values()
    assert abs(one - two) < 4 * np.hypot(e1, e2) + (0 if deep else 0.05)
    for value, error in found.values():
        assert abs(value - PUBLISHED) < 4 * error + (0.002 if deep else 0.05)
        assert error < (0.002 if deep else 0.05)
