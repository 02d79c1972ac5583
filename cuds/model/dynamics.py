"""Motion of particles, as it is asked for."""

import secrets
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field as Option, model_validator

from cuds import iris
from cuds.errors import InvalidError
from cuds.model.entity import Term
from cuds.model.particles import ParticleSystem
from cuds.model.rigid import rigid_velocities, settled
from cuds.model.simulation import AtomisticSimulation
from cuds.units import BOLTZMANN, Quantity, factor

Column = Literal["positions", "velocities", "forces"]
_WHOLE = 1e-6  # how far a number of time steps may be from whole


def drawn_seed() -> int:
    """Return a seed that nobody chose."""
    return 1 + secrets.randbelow(2**31 - 1)


def whole_steps(value: Quantity, timestep: Quantity, field: str) -> int:
    """Return how many time steps a span of time is.

    Raises
    ------
    InvalidError
        When they are not a whole number, or none.
    """
    ratio = float(value.value / timestep.in_unit(value.unit))
    count = round(ratio)
    if count < 1 or abs(ratio - count) > _WHOLE * max(1.0, ratio):
        near = max(1, count) * timestep.in_unit(value.unit)
        raise InvalidError(
            f"{field}: {value!r} is {ratio:.8g} time steps of {timestep!r}",
            hint=f"give a whole number of steps, like {near:.10g} {value.unit}",
            field=field,
        )
    return count


class MolecularDynamics(AtomisticSimulation):
    """The motion of particles, alone or coupled to a bath.

    Parameters
    ----------
    system : ParticleSystem
        Where it starts; with its velocities, or they are drawn. Its rigid distances stay as they are.
    potential : Potential, optional
        What acts between the particles; left out for an engine that has its own.
    ensemble : {"NVE", "NVT", "NPT"}
        What is constant.
    duration : Quantity
        How long; a whole number of time steps.
    timestep : Quantity
        1 fs when not given.
    temperature, pressure : Quantity, optional
        Of the bath; pressure is positive in compression.
    initial_temperature : Quantity, optional
        At which velocities are drawn; that of the bath when not given.
    thermostat : {"nose-hoover", "langevin", "stochastic-rescaling"}
        How the bath exchanges heat: Nosé-Hoover chains (Martyna, Klein and Tuckerman 1992), Langevin dynamics, or
        stochastic velocity rescaling (Bussi, Donadio and Parrinello 2007).
    barostat : {"nose-hoover", "stochastic-rescaling"}
        How the bath exchanges volume: Martyna, Tobias and Klein (1994), or Bernetti and Bussi (2020).
    thermostat_time, barostat_time : Quantity
        How fast: 0.1 ps and 1 ps when not given.
    coupling : {"isotropic", "anisotropic", "full"}
        What a barostat changes of the cell: its volume, its three lengths, or all six components.
    every : Quantity, optional
        After how long samples and frames are taken; a thousandth of the duration, at least 10 steps.
    record : tuple of {"positions", "velocities", "forces"}
        What is kept of the particles in each frame; nothing: no frames.
    checkpoint : Quantity, optional
        After how long the state is kept, from which a run can go on; a tenth of the duration, at least 1000 steps. The
        engine goes on from that state itself, so that a run that was resumed is the same to the last digit.
    seed : int, optional
        Of every random number. Drawn when it is needed and not given; it can be read here.
    """

    duration: Annotated[Quantity, Term(iris.duration, "Time", means="DurationValue")]
    ensemble: Annotated[Literal["NVE", "NVT", "NPT"], Term(iris.ensemble)] = "NVE"
    timestep: Annotated[Quantity, Term(iris.timestep, "Time", means="DurationValue")] = Quantity(1.0, "fs")
    temperature: Annotated[
        Quantity | None, Term(iris.temperature, "ThermodynamicTemperature", means="TemperatureValue")
    ] = None
    pressure: Annotated[Quantity | None, Term(iris.bathPressure, "Stress", means="PressureValue")] = None
    initial_temperature: Annotated[
        Quantity | None, Term(iris.initialTemperature, "ThermodynamicTemperature", means="TemperatureValue")
    ] = None
    thermostat: Annotated[Literal["nose-hoover", "langevin", "stochastic-rescaling"], Term(iris.thermostat)] = (
        "nose-hoover"
    )
    barostat: Annotated[Literal["nose-hoover", "stochastic-rescaling"], Term(iris.barostat)] = "nose-hoover"
    thermostat_time: Annotated[Quantity, Term(iris.thermostatTime, "Time", means="DurationValue")] = Quantity(0.1, "ps")
    barostat_time: Annotated[Quantity, Term(iris.barostatTime, "Time", means="DurationValue")] = Quantity(1.0, "ps")
    coupling: Annotated[Literal["isotropic", "anisotropic", "full"], Term(iris.pressureCoupling)] = "isotropic"
    every: Annotated[Quantity | None, Term(iris.every, "Time", means="DurationValue")] = None
    record: Annotated[tuple[Column, ...], Term(iris.recordedColumns)] = ("positions",)
    checkpoint: Annotated[Quantity | None, Term(iris.checkpointEvery, "Time", means="DurationValue")] = None
    seed: Annotated[int | None, Term(iris.seed)] = Option(default=None, gt=0, lt=2**31)

    @model_validator(mode="before")
    @classmethod
    def _draw_seed(cls, data: Any) -> Any:
        if not isinstance(data, dict) or data.get("seed") is not None:
            return data
        still = getattr(data.get("system"), "velocities", None) is None
        random = data.get("thermostat", "nose-hoover") != "nose-hoover" and data.get("ensemble", "NVE") != "NVE"
        return {**data, "seed": drawn_seed()} if still or random else data

    @model_validator(mode="after")
    def _bath(self) -> Self:
        for field, needed in (("temperature", self.ensemble != "NVE"), ("pressure", self.ensemble == "NPT")):
            given = getattr(self, field) is not None
            if given != needed:
                raise InvalidError(
                    f"{field}: {'missing' if needed else 'given'} in the ensemble {self.ensemble}",
                    hint=f"give {field}=" if needed else "leave it out; velocities are drawn at initial_temperature=",
                    field=field,
                )
        if self.ensemble == "NPT" and not all(self.system.pbc):
            raise InvalidError(
                f"ensemble: NPT with pbc {self.system.pbc}",
                hint="only a cell periodic in all directions has a pressure; take NVT",
                field="ensemble",
            )
        return self

    @model_validator(mode="after")
    def _positive(self) -> Self:
        for field in ("duration", "timestep", "temperature", "initial_temperature", "thermostat_time", "barostat_time"):
            value = getattr(self, field)
            if value is not None and value.value <= 0 and not (field == "initial_temperature" and value.value == 0):
                raise InvalidError(f"{field}: {value!r}", hint="it must be positive", field=field)
        if self.velocities_drawn and self._drawn_at is None:
            raise InvalidError(
                "system: no velocities",
                hint="give them, or initial_temperature= at which they are drawn",
                field="initial_temperature",
            )
        return self

    @model_validator(mode="after")
    def _frames_have_positions(self) -> Self:
        if self.record and "positions" not in self.record:
            raise InvalidError(
                f"record: {self.record} without positions", hint="add 'positions', or record=()", field="record"
            )
        return self

    @model_validator(mode="after")
    def _whole_steps(self) -> Self:
        for field in ("duration", "every", "checkpoint"):
            value = getattr(self, field)
            if value is not None:
                self._steps(value, field)
        if self.checkpoint is not None and self.checkpoint_steps % self.sample_steps:
            raise InvalidError(
                f"checkpoint: {self.checkpoint!r} is no multiple of every ({self.sample_steps} steps)",
                hint="choose a multiple of every=",
                field="checkpoint",
            )
        return self

    def _steps(self, value: Quantity, field: str) -> int:
        return whole_steps(value, self.timestep, field)

    @property
    def n_steps(self) -> int:
        """How many time steps the duration is."""
        return self._steps(self.duration, "duration")

    @property
    def sample_steps(self) -> int:
        """After how many steps samples and frames are taken."""
        if self.every is not None:
            return self._steps(self.every, "every")
        return min(self.n_steps, max(10, self.n_steps // 1000))

    @property
    def checkpoint_steps(self) -> int:
        """After how many steps the state is kept; a multiple of `sample_steps`."""
        if self.checkpoint is not None:
            return self._steps(self.checkpoint, "checkpoint")
        wish = max(1000, self.n_steps // 10)
        return -(-wish // self.sample_steps) * self.sample_steps

    @property
    def scheme(self) -> str:
        """The class of integration in the dictionary of engines, like ``NoseHooverNVT``."""
        if self.ensemble == "NVE":
            return "VerletNVE"
        heat = self.thermostat.title().replace("-", "")
        volume = self.barostat.title().replace("-", "")
        return heat + self.ensemble if self.ensemble == "NVT" or heat == volume else f"{heat}{volume}NPT"

    @property
    def removed_modes(self) -> int:
        """How many modes are removed: the total momentum, which only Langevin dynamics changes."""
        return 0 if self.ensemble != "NVE" and self.thermostat == "langevin" else 3

    @property
    def degrees_of_freedom(self) -> int:
        """3 N less the rigid distances and the modes that are removed.

        N are the particles that have a mass; virtual sites go where their parents put them.
        """
        topology = self.system.topology
        rigid = 0 if topology is None else len(topology.constrained)
        return max(1, 3 * int(np.count_nonzero(self.system.masses.value)) - rigid - self.removed_modes)

    @property
    def velocities_drawn(self) -> bool:
        """Whether velocities are drawn at the start."""
        return self.system.velocities is None or self.initial_temperature is not None

    @property
    def _drawn_at(self) -> Quantity | None:
        return self.initial_temperature if self.initial_temperature is not None else self.temperature

    def start(self) -> ParticleSystem:
        """Return the system with the velocities that it starts with, the same for every engine.

        Drawn ones are those of Maxwell and Boltzmann, without total momentum, scaled to the exact temperature.
        Particles are set at their rigid distances, which rounded positions are not, and no velocity changes them.

        Raises
        ------
        InvalidError
            For positions or velocities that are not those of the rigid molecules.
        """
        if not self.velocities_drawn:
            return settled(self.system)
        system = settled(self.system.replace(velocities=None))
        assert self._drawn_at is not None  # refused when the simulation was made
        masses = system.masses.in_unit("kg")[:, None]
        energy = float(BOLTZMANN) * self._drawn_at.in_unit("K")  # J
        square = np.divide(energy, masses, out=np.zeros_like(masses), where=masses > 0)  # virtual sites stay at rest
        v = np.random.default_rng(self.seed).normal(size=(len(masses), 3)) * np.sqrt(square)
        v = rigid_velocities(system, v)
        v -= (masses > 0) * (masses * v).sum(axis=0) / masses.sum()
        twice = float((masses * v**2).sum())
        if twice > 0:
            v *= np.sqrt(self.degrees_of_freedom * energy / twice)
        return system.replace(velocities=Quantity(v * factor("m/s", "angstrom/ps"), "angstrom/ps"))
