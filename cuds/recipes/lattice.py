"""The lattice of a crystal at rest and at a temperature, and its energy by volume."""

from typing import Annotated, Self

import numpy as np
from pydantic import Field as Option, model_validator

from cuds import iris
from cuds.errors import InvalidError
from cuds.execution.record import now, run_record
from cuds.execution.session import Laboratory
from cuds.model.crystal import EquationOfState, LatticeParameters, repeats, shape_of
from cuds.model.dataset import DataSet
from cuds.model.entity import Term
from cuds.model.series import Sampled
from cuds.recipes.bulk import StaticRecipe, ThermalRecipe
from cuds.units import Quantity
from cuds.wrapper.contract import Progress


class LatticeConstants(StaticRecipe):
    """The lattice parameters of a crystal at 0 K and no stress.

    Parameters
    ----------
    system : ParticleSystem
        A crystal. When its cell holds several equal ones along an edge, the parameters are those of one.
    potential, relax, force_tolerance
        As for the elastic tensor.
    """

    gives = LatticeParameters

    def follow(self, laboratory: Laboratory) -> DataSet:
        """Relax the cell and look at it."""
        started, n = now(), repeats(self.system)
        relaxed, transcript, opened = self.relaxed(laboratory)
        assert relaxed.cell is not None
        record = run_record(
            self, opened.engine.name, opened.engine.version, started, transcript, [("cells along the edges", list(n))]
        )
        lattice = LatticeParameters.of_cell(relaxed.cell, n, label=f"{self.system.label} lattice".strip())
        return DataSet(lattice.made_by(record), relaxed.made_by(record))


class LatticeConstantsAtTemperature(ThermalRecipe):
    """The mean lattice parameters of a crystal at a temperature and a pressure.

    Parameters
    ----------
    system, potential, temperature, pressure, timestep, equilibration, sampling, seed
        As for the elastic tensor at a temperature.
    """

    gives = LatticeParameters

    def follow(self, laboratory: Laboratory) -> DataSet:
        """Let the cell breathe, and average it."""
        started, n = now(), repeats(self.system)
        state, run = self.at_rest(laboratory, self.temperature)
        cell, made = run.series["cell"], run.series.provenance
        assert state.cell is not None
        lengths = Quantity(shape_of(cell.values.value)[0] / n, cell.values.unit)
        error = Sampled("lengths", cell.times, lengths).mean(after=self.equilibration).error
        assert made is not None
        record = run_record(
            self, made.engine, made.version, started, made.transcript,
            [("cells along the edges", list(n)), ("uncertainty", "standard error of the mean lengths")],
        )  # fmt: skip
        label = f"{self.system.label} lattice at {self.temperature!r}".strip()
        lattice = LatticeParameters.of_cell(state.cell, n, uncertainty=error, label=label)
        return DataSet(lattice.made_by(record), state.made_by(record), run.series)


class EnergyByVolume(StaticRecipe):
    """The equation of state at 0 K: the energies of a crystal at several volumes, ions relaxed.

    Parameters
    ----------
    system : ParticleSystem
        A crystal.
    span : float
        How far the volumes go below and above that at rest, as a share of it.
    n_volumes : int
        How many, evenly spaced.
    potential, relax, force_tolerance
        As for the elastic tensor; the cell is relaxed before, and then keeps its shape.
    """

    gives = EquationOfState
    span: Annotated[float, Term(iris.span)] = Option(default=0.04, gt=0, lt=0.3)
    n_volumes: Annotated[int, Term(iris.volumeCount)] = Option(default=11, ge=5)

    @model_validator(mode="after")
    def _around_rest(self) -> Self:
        if self.relax == "fixed":
            raise InvalidError(
                "relax: 'fixed'", hint="take 'full' or 'isotropic': volumes are around that at rest", field="relax"
            )
        return self

    def follow(self, laboratory: Laboratory) -> DataSet:
        """Relax, scale to each volume, relax the ions, fit."""
        started = now()
        relaxed, first, _ = self.relaxed(laboratory)
        scales = np.linspace(1 - self.span, 1 + self.span, self.n_volumes)
        energies = []
        with laboratory.within("volumes").open(self.minimisation(relaxed, "fixed")) as opened:
            for done, scale in enumerate(scales, start=1):
                energies.append(self.energy(opened, relaxed.mapped(np.eye(3) * scale ** (1 / 3))))
                laboratory.progress(Progress(done, len(scales), "volumes", "scaling the crystal"))
            transcript = f"{first}\n{opened.session.transcript()}"
        record = run_record(self, opened.engine.name, opened.engine.version, started, transcript)
        equation = EquationOfState.fitted(
            Quantity(scales * relaxed.volume.value, relaxed.volume.unit),
            Quantity(np.array([e.in_unit("eV") for e in energies]), "eV"),
            len(relaxed),
            label=f"{self.system.label} equation of state".strip(),
        )
        return DataSet(equation.made_by(record), relaxed.made_by(record))
