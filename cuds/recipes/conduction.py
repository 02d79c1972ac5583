"""Thermal conductivity by reverse non-equilibrium molecular dynamics.

References
----------
Müller-Plathe, A simple nonequilibrium molecular dynamics method for calculating the thermal conductivity, J. Chem.
Phys. 106, 6082 (1997); for unequal masses Nieto-Draghi and Avalos, Mol. Phys. 101, 2303 (2003).
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field as Option, model_validator

from cuds import iris
from cuds.arrays import FloatArray, IntArray
from cuds.errors import InvalidError
from cuds.execution.record import now, run_record
from cuds.execution.session import Laboratory, Opened
from cuds.model.dataset import DataSet
from cuds.model.dynamics import MolecularDynamics, whole_steps
from cuds.model.entity import Term
from cuds.model.particles import ParticleSystem
from cuds.model.properties import ThermalConductivity
from cuds.recipes.bulk import ThermalRecipe
from cuds.units import BOLTZMANN, Quantity, factor
from cuds.wrapper.contract import Progress

_BLOCKS = 10  # parts of the sampling whose spread is the uncertainty
_KELVIN = float(BOLTZMANN) * factor("J", "eV")  # eV by K
_KINETIC = factor("Da", "kg") * factor("angstrom/ps", "m/s") ** 2 * factor("J", "eV")  # eV by Da (angstrom/ps)²

_WATT = factor("eV", "J") / factor("ps", "s") / factor("angstrom", "m")  # W/m/K by eV/ps/Å/K


class ConductivityByExchange(ThermalRecipe):
    """The thermal conductivity along an edge of the cell: heat is carried by hand, and the gradient is measured.

    At regular times the fastest particle of the first slab and the slowest of the middle one collide as if they met:
    energy and momentum of the whole are as before, and the slabs differ in temperature until what is carried one way
    flows back the other.

    Parameters
    ----------
    system, potential
        A cell that is long in one direction.
    temperature : Quantity
        The mean, held by a slow thermostat; the method itself neither heats nor cools.
    axis : {0, 1, 2}, optional
        Which cell vector heat flows along: across the planes of the two others. The longest when not given.
    slabs : int
        Into how many the cell is cut; even.
    exchange : Quantity
        The time between exchanges.
    settling : Quantity
        How long the gradient builds up before it is sampled; it needs the time in which heat crosses half the cell.
    timestep, equilibration, sampling, seed
        Of the motion; equilibration is without exchange.

    Notes
    -----
    One direction is measured and taken for all: the answer is that of an isotropic or cubic material.
    """

    gives = ThermalConductivity
    with_it = (ParticleSystem,)
    axis: Annotated[int | None, Term(iris.conductionAxis)] = Option(default=None, ge=0, le=2)
    slabs: Annotated[int, Term(iris.slabCount)] = Option(default=20, ge=6, multiple_of=2)
    exchange: Annotated[Quantity, Term(iris.exchangeEvery, "Time", means="DurationValue")] = Quantity(0.1, "ps")
    settling: Annotated[Quantity, Term(iris.settling, "Time", means="DurationValue")] = Quantity(100.0, "ps")
    sampling: Annotated[Quantity, Term(iris.sampling, "Time", means="DurationValue")] = Quantity(200.0, "ps")

    @model_validator(mode="after")
    def _whole_exchanges(self) -> Self:
        whole_steps(self.exchange, self.timestep, "exchange")
        for name in ("settling", "sampling"):
            whole_steps(getattr(self, name), self.exchange, name)
        if whole_steps(self.sampling, self.exchange, "sampling") < _BLOCKS:
            raise InvalidError(
                f"sampling: {self.sampling!r} is less than {_BLOCKS} exchanges", hint="give more", field="sampling"
            )
        return self

    def follow(self, laboratory: Laboratory) -> DataSet:
        """Equilibrate, carry heat until the profile is steady, go on and measure it."""
        started = now()
        with laboratory.open(self._motion()) as opened:
            opened.session.advance(whole_steps(self.equilibration, self.timestep, "equilibration"))
            state, profile = self._carried(opened, laboratory)
            transcript = opened.session.transcript()
        value, error, facts = profile.conductivity(self.sampling.in_unit("ps"))
        record = run_record(self, opened.engine.name, opened.engine.version, started, transcript, facts)
        conductivity = ThermalConductivity(
            label=f"{self.system.label} thermal conductivity at {self.temperature!r}".strip(),
            value=Quantity(value * _WATT, "W/m/K"),
            uncertainty=Quantity(error * _WATT, "W/m/K"),
        )
        return DataSet(conductivity.made_by(record), state.made_by(record))

    def _motion(self) -> MolecularDynamics:
        total = sum(getattr(self, n).in_unit("ps") for n in ("equilibration", "settling", "sampling"))
        return MolecularDynamics(
            self.system, potential=self.potential, ensemble="NVT", temperature=self.temperature,
            thermostat_time=Quantity(1.0, "ps"), timestep=self.timestep, duration=(total, "ps"), every=self.exchange,
            record=(), seed=self.seed,
        )  # fmt: skip

    def _carried(self, opened: Opened, laboratory: Laboratory) -> tuple[ParticleSystem, "Profile"]:
        settling = whole_steps(self.settling, self.exchange, "settling")
        total = settling + whole_steps(self.sampling, self.exchange, "sampling")
        steps, profile = (
            whole_steps(self.exchange, self.timestep, "exchange"),
            Profile.of(self.system, self.axis, self.slabs),
        )
        told, state = max(1, total // 200), self.system
        for done in range(total):
            opened.session.advance(steps)
            state = opened.session.pull(ParticleSystem)
            swapped, energy = profile.exchange(state)
            if done >= settling:
                profile.sample(state, energy)
            opened.session.push(swapped)
            if done % told == 0 or done == total - 1:
                laboratory.progress(Progress(done + 1, total, "exchanges", "carrying heat"))
        return state, profile


@dataclass
class Profile:
    """Temperatures of slabs, and the heat that was carried from the first to the middle one.

    Parameters
    ----------
    masses : array (n,)
        In Da.
    normal : array (3,)
        What positions are multiplied with to count slabs.
    slabs : int
        How many.
    area, thickness : float
        Of a slab, in Å² and Å.
    """

    masses: FloatArray
    normal: FloatArray
    slabs: int
    area: float
    thickness: float
    temperatures: list[FloatArray] = field(default_factory=list)
    means: list[float] = field(default_factory=list)
    energies: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, system: ParticleSystem, axis: int | None, slabs: int) -> "Profile":
        """Return an empty one for a cell that is cut across one of its vectors."""
        assert system.cell is not None  # a bulk material has one
        cell = system.cell.in_unit("angstrom")
        along = int(np.linalg.norm(cell, axis=1).argmax()) if axis is None else axis
        others = [cell[i] for i in range(3) if i != along]
        area = float(np.linalg.norm(np.cross(*others)))
        volume = abs(float(np.linalg.det(cell)))
        normal = np.linalg.inv(cell)[:, along] * slabs
        return cls(system.masses.in_unit("Da"), normal, slabs, area, volume / area / slabs)

    def _slab(self, state: ParticleSystem) -> IntArray:
        slab: IntArray = np.floor(state.positions.in_unit("angstrom") @ self.normal).astype(np.int64) % self.slabs
        return slab

    def _kinetic(self, state: ParticleSystem) -> tuple[FloatArray, FloatArray]:
        assert state.velocities is not None  # in motion
        v: FloatArray = state.velocities.in_unit("angstrom/ps")
        return v, 0.5 * _KINETIC * self.masses * (v**2).sum(axis=1)

    def exchange(self, state: ParticleSystem) -> tuple[ParticleSystem, float]:
        """Return the state after the collision, and the energy in eV that left the first slab.

        The partners are the fastest particle of the first slab and the slowest of its species in the middle one.
        """
        slab, (v, energy) = self._slab(state), self._kinetic(state)
        first, middle = np.flatnonzero(slab == 0), np.flatnonzero(slab == self.slabs // 2)
        if not len(first) or not len(middle):
            raise InvalidError(
                f"slabs: {self.slabs}, and one of them is empty", hint="take fewer, or a larger system", field="slabs"
            )
        fast, slow = first[energy[first].argmax()], middle[energy[middle].argmin()]
        m, n = self.masses[fast], self.masses[slow]
        twice = 2 * (m * v[fast] + n * v[slow]) / (m + n)
        new = v.copy()
        new[fast], new[slow] = twice - v[fast], twice - v[slow]
        carried = float(energy[fast]) - 0.5 * _KINETIC * float(m * (new[fast] ** 2).sum())
        return state.replace(velocities=Quantity(new, "angstrom/ps")), carried

    def sample(self, state: ParticleSystem, energy: float) -> None:
        """Add the temperatures of the slabs as they are, and what was carried."""
        slab, (_, kinetic) = self._slab(state), self._kinetic(state)
        counts = np.bincount(slab, minlength=self.slabs)
        free = 1 - 1 / len(self.masses)  # the momentum of the whole is fixed
        temperature = np.bincount(slab, kinetic, self.slabs) / np.maximum(counts, 1) / (1.5 * _KELVIN * free)
        self.temperatures.append(temperature)
        self.means.append(float(kinetic.mean()) / (1.5 * _KELVIN * free))
        self.energies.append(energy)

    def conductivity(self, duration: float) -> tuple[float, float, list[tuple[str, Any]]]:
        """Return conductivity and standard error in eV/ps/Å/K, and what they come from; `duration` in ps."""
        T, E = np.array(self.temperatures), np.array(self.energies)
        across = duration / len(T) * 2 * self.area  # what a heat is divided by: it leaves on both sides of a slab
        parts = [np.arange(len(T)), *np.array_split(np.arange(len(T)), _BLOCKS)]
        flux, *_ = fluxes = [float(E[part].mean()) / across for part in parts]
        gradient, *_ = gradients = [self._gradient(T[part].mean(axis=0)) for part in parts]
        value, *each = np.divide(fluxes, gradients)
        profile = T.mean(axis=0)
        facts: list[tuple[str, Any]] = [
            ("temperature of the slabs [K]", [round(float(t), 4) for t in profile]),
            ("mean temperature [K]", float(np.mean(self.means))),
            ("gradient [K/angstrom]", gradient),
            ("heat flux [eV/ps/angstrom**2]", flux),
            ("uncertainty", f"standard error of the mean of {_BLOCKS} parts of the sampling"),
        ]
        return float(value), float(np.std(each, ddof=1) / np.sqrt(_BLOCKS)), facts

    def _gradient(self, profile: FloatArray) -> float:
        """Return the slope from the first to the middle slab, in K/Å; those two are left out."""
        half = self.slabs // 2
        up, down = profile[1:half], profile[:half:-1]
        return float(np.polyfit(np.arange(1, half), 0.5 * (up + down), 1)[0]) / self.thickness
