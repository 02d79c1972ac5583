"""A motion as it is asked for: what is refused, and where every engine starts."""

from typing import Any

import ase.build
import numpy as np
import pytest

import cuds
from cuds.errors import InvalidError, UnitError
from cuds.units import BOLTZMANN, Quantity

EAM = cuds.potential("Cu_mishin1.eam.alloy")


def copper(repeat: int = 2) -> cuds.ParticleSystem:
    return cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True) * repeat)


def motion(**settings: Any) -> cuds.MolecularDynamics:
    usual: dict[str, Any] = {"duration": (1, "ps"), "initial_temperature": (300, "K")}
    return cuds.MolecularDynamics(copper(), potential=EAM, **{**usual, **settings})


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"ensemble": "NVT"}, "temperature: missing in the ensemble NVT"),
        ({"ensemble": "NPT", "temperature": (300, "K")}, "pressure: missing"),
        ({"temperature": (300, "K")}, "temperature: given in the ensemble NVE"),
        ({"initial_temperature": None}, "no velocities"),
        ({"duration": (1.5, "fs")}, "1.5 time steps"),
        ({"duration": (0, "fs")}, "duration: 0 fs"),
        ({"timestep": (-1, "fs")}, "timestep"),
        ({"every": (0.5, "fs")}, "every"),
        ({"every": (3, "fs"), "checkpoint": (100, "fs")}, "no multiple of every"),
        ({"record": ("velocities",)}, "without positions"),
        ({"record": ("colours",)}, "record"),
        ({"thermostat": "berendsen"}, "thermostat"),
        ({"seed": 0}, "seed"),
        ({"initial_temperature": (-5, "K")}, "initial_temperature"),
    ],
)
def test_what_cannot_be_is_refused_by_name(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidError, match="MolecularDynamics") as caught:
        motion(**settings)
    assert says in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("settings", [{"duration": 1000}, {"timestep": (1, "K")}, {"initial_temperature": (1, "eV")}])
def test_a_wrong_or_missing_unit_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(UnitError, match=next(iter(settings))):
        motion(**settings)


def test_a_pressure_needs_a_periodic_cell() -> None:
    free = copper().replace(pbc=(True, True, False))
    with pytest.raises(InvalidError, match="NPT with pbc"):
        cuds.MolecularDynamics(
            free, potential=EAM, duration=(1, "ps"), ensemble="NPT", temperature=(300, "K"), pressure=(0, "bar")
        )


def test_velocities_are_drawn_at_the_exact_temperature_without_momentum() -> None:
    job = motion(seed=5)
    start = job.start()
    assert start.velocities is not None
    v, m = start.velocities.in_unit("m/s"), start.masses.in_unit("kg")[:, None]
    kelvin = float((m * v**2).sum()) / (job.degrees_of_freedom * float(BOLTZMANN))
    assert kelvin == pytest.approx(300, rel=1e-12)
    assert np.abs((m * v).sum(axis=0)).max() < 1e-12 * np.abs(m * v).max() * len(m)
    assert np.array_equal(motion(seed=5).start().velocities.value, start.velocities.value)  # type: ignore[union-attr]
    assert not np.array_equal(motion(seed=6).start().velocities.value, start.velocities.value)  # type: ignore[union-attr]


def test_velocities_follow_maxwell_and_boltzmann() -> None:
    from scipy.stats import kstest

    start = cuds.MolecularDynamics(
        copper(8), potential=EAM, duration=(1, "ps"), initial_temperature=(300, "K"), seed=1
    ).start()
    assert start.velocities is not None
    width = np.sqrt(float(BOLTZMANN) * 300 / start.masses.in_unit("kg")[0])
    assert kstest(start.velocities.in_unit("m/s").ravel() / width, "norm").pvalue > 0.01


def test_velocities_that_were_given_are_kept() -> None:
    moving = copper().replace(velocities=(np.ones((32, 3)), "angstrom/ps"))
    job = cuds.MolecularDynamics(moving, potential=EAM, duration=(1, "ps"))
    assert job.start() is job.system
    assert job.seed is None


def test_a_seed_is_drawn_when_it_is_needed_and_can_be_read() -> None:
    one, two = motion(), motion()
    assert one.seed is not None
    assert one.seed != two.seed
    assert one.digest != two.digest
    assert motion(seed=1).digest == motion(seed=1).digest


def test_steps_are_whole_whatever_the_units() -> None:
    job = motion(duration=(0.3, "ns"), timestep=(0.003, "ps"), every=(30, "fs"))
    assert (job.n_steps, job.sample_steps, job.checkpoint_steps) == (100_000, 10, 10_000)
    assert motion().sample_steps == 10
    assert motion(duration=(5, "fs")).sample_steps == 5


def test_a_trajectory_gives_frames_and_parts() -> None:
    system = copper()
    x = np.stack([system.positions.value + i for i in range(4)])
    times, steps = Quantity(np.arange(4.0), "ps"), np.arange(4) * 10
    frames = cuds.Trajectory(system=system, times=times, steps=steps, positions=(x, "angstrom"))
    assert np.array_equal(frames[2].positions.value, x[2])
    assert np.array_equal(frames[-1].positions.value, x[3])
    assert len(frames[1:3]) == 2
    assert frames[1:3].steps.tolist() == [10, 20]
    assert [len(f) for f in frames] == [32] * 4
    with pytest.raises(LookupError, match="no frame 4"):
        frames[4]
    with pytest.raises(InvalidError, match="particles"):
        frames.replace(positions=(x[:, :5], "angstrom"))
