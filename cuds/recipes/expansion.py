"""Thermal expansion, from the mean cells at two temperatures."""

from typing import Annotated, Any, Self

import numpy as np
from pydantic import model_validator

from cuds import iris
from cuds.arrays import FloatArray
from cuds.errors import InvalidError
from cuds.execution.record import now, run_record
from cuds.execution.session import Laboratory
from cuds.model.crystal import shape_of
from cuds.model.dataset import DataSet
from cuds.model.entity import Term
from cuds.model.particles import ParticleSystem
from cuds.model.properties import ThermalExpansion
from cuds.model.series import Sampled
from cuds.recipes.bulk import ThermalRecipe
from cuds.units import Quantity
from cuds.wrapper.contract import Progress


class ExpansionByHeating(ThermalRecipe):
    """The thermal expansion at a temperature, by the central difference of the mean cells below and above.

    Parameters
    ----------
    system, potential, pressure, timestep, equilibration, sampling, seed
        As for every property from motion.
    temperature : Quantity
        Of the expansion.
    difference : Quantity
        From there to the temperature below, and to the one above.
    """

    gives = ThermalExpansion
    with_it = (ParticleSystem,)
    difference: Annotated[
        Quantity, Term(iris.temperatureDifference, "ThermodynamicTemperature", means="TemperatureValue")
    ] = Quantity(100.0, "K")

    @model_validator(mode="after")
    def _above_zero(self) -> Self:
        if not 0 < self.difference.in_unit("K") < self.temperature.in_unit("K"):
            raise InvalidError(
                f"difference: {self.difference!r} at {self.temperature!r}",
                hint="it must be positive, and smaller than the temperature",
                field="difference",
            )
        return self

    def follow(self, laboratory: Laboratory) -> DataSet:
        """Let the cell breathe at both temperatures and compare."""
        started, states, runs = now(), [], []
        for number, sign in enumerate((-1, 1)):
            laboratory.progress(Progress(number, 2, "temperatures", "heating the crystal"))
            temperature = self.temperature + sign * self.difference
            state, run = self.at_rest(laboratory.within("cold" if sign < 0 else "warm"), temperature)
            states.append(state)
            runs.append(run)
        laboratory.progress(Progress(2, 2, "temperatures", "heating the crystal"))
        span = 2 * self.difference.in_unit("K")
        F = np.linalg.solve(_edges(states[0]), _edges(states[1])).T
        error = float(np.hypot(self._error(runs[0]), self._error(runs[1])))
        made = [run.series.provenance for run in runs]
        stretch = 0.5 * (F + F.T) - np.eye(3)
        facts: list[tuple[str, Any]] = [("uncertainty", "standard error of the mean edge that is known worst")]
        transcript = "\n".join(m.transcript for m in made if m is not None)
        assert made[1] is not None  # a run has a record
        record = run_record(self, made[1].engine, made[1].version, started, transcript, facts)
        expansion = ThermalExpansion(
            label=f"{self.system.label} thermal expansion at {self.temperature!r}".strip(),
            value=Quantity(stretch / span, "1/K"),
            uncertainty=Quantity(np.full((3, 3), error / span), "1/K"),
        )
        return DataSet(expansion.made_by(record), states[1].made_by(record))

    def _error(self, run: DataSet) -> float:
        """Return the relative standard error of the length of the edge that is known worst."""
        cell = run.series["cell"]
        lengths = Quantity(shape_of(cell.values.value)[0], cell.values.unit)
        mean = Sampled("lengths", cell.times, lengths).mean(after=self.equilibration)
        return float((mean.error.value / mean.value.value).max())


def _edges(state: ParticleSystem) -> FloatArray:
    assert state.cell is not None
    edges: FloatArray = state.cell.in_unit("angstrom")
    return edges
