"""What recipes for bulk materials share: at rest, and in motion at a temperature."""

import secrets
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field as Option, model_validator

from cuds import iris
from cuds.arrays import FloatArray
from cuds.errors import InvalidError
from cuds.execution.run import run_in
from cuds.execution.session import Laboratory, Opened
from cuds.model.crystal import shape_of
from cuds.model.dataset import DataSet
from cuds.model.dynamics import MolecularDynamics, whole_steps
from cuds.model.entity import Entity, Term
from cuds.model.particles import ParticleSystem
from cuds.model.potential import Potential
from cuds.model.series import TimeSeries
from cuds.model.simulation import EnergyMinimisation
from cuds.model.state import PotentialEnergy
from cuds.recipes.recipe import Recipe
from cuds.units import Quantity
from cuds.wrapper.contract import Progress

_COUPLED = Quantity(0.2, "ps")  # in which the vibrations of a crystal forget how they were
_SAMPLE = 10  # steps between samples: their correlation is what costs, not the number of them


class BulkRecipe(Recipe):
    """A property of a bulk material.

    Parameters
    ----------
    system : ParticleSystem
        A cell of it, periodic in all directions, of any shape and in any orientation.
    potential : Potential, optional
        What acts between the atoms; left out for an engine that has its own.
    """

    system: Annotated[ParticleSystem, Term(iris.system)]
    potential: Annotated[Potential | None, Term(iris.potential)] = None

    @model_validator(mode="after")
    def _periodic(self) -> Self:
        if not all(self.system.pbc):
            raise InvalidError(
                f"system: pbc {self.system.pbc}",
                hint="a bulk material is periodic in all three directions",
                field="system",
            )
        return self


class StaticRecipe(BulkRecipe):
    """A property of a crystal at 0 K.

    Parameters
    ----------
    system, potential
        A crystal, in any orientation.
    relax : {"full", "isotropic", "fixed"}
        What of the cell is relaxed before; the ions always are.
    force_tolerance : Quantity
        To which the ions are relaxed.
    """

    runs = (EnergyMinimisation,)
    with_it = (ParticleSystem,)
    relax: Annotated[Literal["fixed", "isotropic", "full"], Term(iris.cellRelaxation)] = "full"
    force_tolerance: Annotated[Quantity, Term(iris.forceTolerance, "Force", means="Tolerance")] = Quantity(
        1e-10, "eV/angstrom"
    )

    def minimisation(self, system: ParticleSystem, cell: Literal["fixed", "isotropic", "full"]) -> EnergyMinimisation:
        """Return the relaxation of a state of the crystal."""
        return EnergyMinimisation(system, potential=self.potential, cell=cell, force_tolerance=self.force_tolerance)

    def relaxed(self, laboratory: Laboratory) -> tuple[ParticleSystem, str, Opened]:
        """Return the crystal at its own minimum, what the engine was told, and which engine it was."""
        laboratory.progress(Progress(0, 1, "crystals", "relaxing the crystal"))
        with laboratory.within("relax").open(self.minimisation(self.system, self.relax)) as opened:
            opened.session.advance()
            relaxed, transcript = opened.session.pull(ParticleSystem), opened.session.transcript()
        laboratory.progress(Progress(1, 1, "crystals", "relaxing the crystal"))
        plain = relaxed.replace(forces=None, energies=None, atomic_stresses=None)
        return plain.replace(label=f"{self.system.label} relaxed".strip()), transcript, opened

    def energy(self, opened: Opened, system: ParticleSystem) -> Quantity:
        """Return the energy of a state with its ions relaxed."""
        opened.session.push(system)
        opened.session.advance()
        return opened.session.pull(PotentialEnergy).value


class ThermalRecipe(BulkRecipe):
    """A property of a bulk material at a temperature, from the motion of its particles.

    Parameters
    ----------
    system, potential
        A cell repeated until it is large enough for the motion: some hundred particles.
    temperature : Quantity
        Of the bath.
    pressure : Quantity
        Of the bath, positive in compression.
    timestep : Quantity
        Of the motion.
    equilibration, sampling : Quantity
        How long each state is left to settle, and is then sampled.
    seed : int, optional
        Of every random number; drawn when not given, and then to be read here.
    """

    runs = (MolecularDynamics,)
    with_it: ClassVar[tuple[type[Entity], ...]] = (ParticleSystem, TimeSeries)
    temperature: Annotated[Quantity, Term(iris.temperature, "ThermodynamicTemperature", means="TemperatureValue")]
    pressure: Annotated[Quantity, Term(iris.bathPressure, "Stress", means="PressureValue")] = Quantity(0.0, "bar")
    timestep: Annotated[Quantity, Term(iris.timestep, "Time", means="DurationValue")] = Quantity(1.0, "fs")
    equilibration: Annotated[Quantity, Term(iris.equilibration, "Time", means="DurationValue")] = Quantity(5.0, "ps")
    sampling: Annotated[Quantity, Term(iris.sampling, "Time", means="DurationValue")] = Quantity(20.0, "ps")
    seed: Annotated[int, Term(iris.seed)] = Option(
        default_factory=lambda: 1 + secrets.randbelow(2**31 - 1), gt=0, lt=2**31
    )

    @model_validator(mode="after")
    def _can_be_run(self) -> Self:
        """Have the simulations checked before anything is run."""
        for span in ("equilibration", "sampling"):
            whole_steps(getattr(self, span), self.timestep, span)
        self.moving(self.system, temperature=self.temperature)
        return self

    def moving(
        self, system: ParticleSystem, *, temperature: Quantity, pressure: Quantity | None = None
    ) -> MolecularDynamics:
        """Return the motion of a state: in its own cell, or in one that a pressure shapes.

        In its own cell every particle has its own bath. One bath for all hardly moves energy between the vibrations of
        a crystal, so that a strained one settles slowly and its mean stress looks surer than it is.
        """
        total = self.equilibration.in_unit("ps") + self.sampling.in_unit("ps")
        bath: dict[str, Any] = {"thermostat": "langevin", "thermostat_time": _COUPLED}
        if pressure is not None:
            bath = {"pressure": pressure, "coupling": _coupling(system)}
        return MolecularDynamics(
            system, potential=self.potential, ensemble="NVT" if pressure is None else "NPT", temperature=temperature,
            timestep=self.timestep, duration=(total, "ps"), every=self.timestep * _SAMPLE, record=(), seed=self.seed,
            **bath,
        )  # fmt: skip

    def at_rest(self, laboratory: Laboratory, temperature: Quantity) -> tuple[ParticleSystem, DataSet]:
        """Return the material in the mean cell that it takes up at a temperature, and the run that says so."""
        found = run_in(laboratory, self.moving(self.system, temperature=temperature, pressure=self.pressure))
        mean = found.series["cell"].mean(after=self.equilibration).value
        return in_cell(found.final, mean).replace(label=f"{self.system.label} at {temperature!r}".strip()), found


def _coupling(system: ParticleSystem) -> Literal["anisotropic", "full"]:
    """Return what a barostat may change, so that the mean stress vanishes in every component that symmetry leaves."""
    assert system.cell is not None
    right = np.abs(shape_of(system.cell.value)[1] - np.pi / 2).max() < 1e-9
    return "anisotropic" if right else "full"


def in_cell(system: ParticleSystem, cell: Quantity) -> ParticleSystem:
    """Return a state stretched into another cell; its velocities are kept."""
    assert system.cell is not None
    F: FloatArray = np.linalg.solve(system.cell.in_unit("angstrom"), cell.in_unit("angstrom")).T
    return system.mapped(F).replace(velocities=system.velocities)
