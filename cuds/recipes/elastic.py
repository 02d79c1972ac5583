"""The elastic tensor at 0 K and at a temperature, and the stress of a strained crystal: all by straining one at rest.

References
----------
Wallace, Thermodynamics of Crystals (1972), ch. 1: stress-strain coefficients.
"""

from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field, model_validator

from cuds import iris
from cuds.arrays import FloatArray
from cuds.errors import InvalidError
from cuds.execution.record import now, run_record
from cuds.execution.session import Laboratory, Opened
from cuds.model.dataset import DataSet
from cuds.model.dynamics import whole_steps
from cuds.model.entity import Term
from cuds.model.material import ElasticTensor
from cuds.model.particles import ParticleSystem
from cuds.model.series import Mean, TimeSeries
from cuds.model.state import Strain, Stress
from cuds.model.tensor import rotation
from cuds.recipes.bulk import StaticRecipe, ThermalRecipe
from cuds.wrapper.contract import Progress


def _stress(opened: Opened, system: ParticleSystem) -> FloatArray:
    opened.session.push(system)
    opened.session.advance()
    stress: FloatArray = opened.session.pull(Stress).value.in_unit("GPa")
    return stress


class ElasticConstants(StaticRecipe):
    """The elastic tensor at 0 K, by central differences of the stress.

    Parameters
    ----------
    system : ParticleSystem
        A crystal, periodic in all directions, in any orientation and with a cell of any shape.
    potential : Potential, optional
        What acts between the atoms.
    strains : tuple of two float
        The sizes of strain. The tensor is that of the smaller; the difference is given as its uncertainty. A
        large difference says that the potential has a kink (a coarse table), or that the crystal is unstable.
    relax : {"full", "isotropic", "fixed"}
        What of the cell is relaxed before; the ions always are, here and at every strain.
    force_tolerance : Quantity
        To which the ions are relaxed.
    """

    gives = ElasticTensor
    strains: Annotated[tuple[float, float], Term(iris.strains)] = Field(default=(1e-4, 1e-5))

    @model_validator(mode="after")
    def _two_sizes(self) -> Self:
        if not all(0 < s < 0.05 for s in self.strains) or self.strains[0] == self.strains[1]:
            raise InvalidError(
                f"strains: {self.strains}", hint="give two different sizes between 0 and 0.05", field="strains"
            )
        return self

    def follow(self, laboratory: Laboratory) -> DataSet:
        """Relax, strain by each of six components, up and down, in two sizes."""
        started = now()
        relaxed, first, _ = self.relaxed(laboratory)
        large, small = sorted(self.strains, reverse=True)
        with laboratory.within("strain").open(self.minimisation(relaxed, "fixed")) as opened:
            found = {size: self._differences(opened, relaxed, size, laboratory) for size in (large, small)}
            transcript = f"{first}\n{opened.session.transcript()}"
        asymmetry = float(np.abs(found[small] - found[small].T).max())
        facts: list[tuple[str, Any]] = [
            ("asymmetry [GPa]", asymmetry),
            ("uncertainty", "difference of the two strain sizes"),
        ]
        record = run_record(self, opened.engine.name, opened.engine.version, started, transcript, facts)
        tensor = ElasticTensor(
            label=f"{self.system.label} elastic tensor",
            stiffness=(0.5 * (found[small] + found[small].T), "GPa"),
            uncertainty=(np.abs(found[large] - found[small]), "GPa"),
        )
        return DataSet(tensor.made_by(record), relaxed.made_by(record))

    def _differences(self, opened: Opened, relaxed: ParticleSystem, size: float, laboratory: Laboratory) -> FloatArray:
        C, done = np.zeros((6, 6)), 12 * (size == min(self.strains))
        for column in range(6):
            strain = np.zeros(6)
            strain[column] = size
            up, down = (_stress(opened, relaxed.strained(sign * strain)) for sign in (1, -1))
            C[:, column] = (up - down) / (2 * size)
            laboratory.progress(Progress(done + 2 * column + 2, 24, "strains", "straining the crystal"))
        return C


class StressUnderStrain(StaticRecipe):
    """The stress of a crystal under a given strain at 0 K.

    Parameters
    ----------
    system : ParticleSystem
        The crystal, in its own frame.
    strain : Strain
        In the frame of the sample.
    orientation : array (3, 3)
        The rotation R with v_sample = R v_crystal; the identity when not given.
    potential, relax, force_tolerance
        As for the elastic tensor; the cell is relaxed before the strain is applied.
    """

    gives = Stress
    strain: Annotated[Strain, Term(iris.strain)]
    orientation: Annotated[FloatArray, Term(iris.orientation, shape=(3, 3), means="Orientation")] = Field(
        default_factory=lambda: np.eye(3)
    )

    @model_validator(mode="after")
    def _proper(self) -> Self:
        rotation(self.orientation, "orientation")
        return self

    def follow(self, laboratory: Laboratory) -> DataSet:
        """Relax the crystal, turn it, strain it, relax the ions, read the stress."""
        started = now()
        relaxed, first, _ = self.relaxed(laboratory)
        strained = relaxed.rotated(self.orientation).strained(self.strain.value.in_unit("1"))
        with laboratory.within("strain").open(self.minimisation(strained, "fixed")) as opened:
            opened.session.advance()
            stress, state = opened.session.pull(Stress), opened.session.pull(ParticleSystem)
            transcript = f"{first}\n{opened.session.transcript()}"
        record = run_record(self, opened.engine.name, opened.engine.version, started, transcript)
        return DataSet(
            stress.replace(label=f"{self.system.label} stress under strain").made_by(record),
            state.replace(label=f"{self.system.label} strained").made_by(record),
        )


class ElasticConstantsAtTemperature(ThermalRecipe):
    """The isothermal elastic tensor at a temperature, by central differences of the mean stress.

    Parameters
    ----------
    system, potential
        A crystal, its cell repeated until it is large enough for the motion: some hundred atoms.
    temperature : Quantity
        Of the bath.
    pressure : Quantity
        Of the bath before the crystal is strained.
    strain : float
        The size of strain, up and down by each of six components. Differences of mean stresses are divided by it: a
        small one needs long sampling, a large one leaves the range where stress follows strain.
    timestep, equilibration, sampling, seed
        Of the motion; each of the thirteen states is left to settle and is then sampled.
    """

    gives = ElasticTensor
    strain: Annotated[float, Term(iris.strainSize)] = Field(default=0.01, gt=0, lt=0.05)

    def follow(self, laboratory: Laboratory) -> DataSet:
        """Find the cell at rest, strain it by each of six components, up and down, and average the stress."""
        started = now()
        state, run = self.at_rest(laboratory.within("rest"), self.temperature)
        with laboratory.within("strain").open(self.moving(state, temperature=self.temperature)) as opened:
            C, error = self._differences(opened, state, laboratory)
            transcript = f"{getattr(run.series.provenance, 'transcript', '')}\n{opened.session.transcript()}"
        facts: list[tuple[str, Any]] = [
            ("asymmetry [GPa]", float(np.abs(C - C.T).max())),
            ("uncertainty", "standard error of the mean stresses"),
        ]
        record = run_record(self, opened.engine.name, opened.engine.version, started, transcript, facts)
        tensor = ElasticTensor(
            label=f"{self.system.label} elastic tensor at {self.temperature!r}".strip(),
            stiffness=(0.5 * (C + C.T), "GPa"),
            uncertainty=(0.5 * np.hypot(error, error.T), "GPa"),
        )
        return DataSet(tensor.made_by(record), state.made_by(record), run.series)

    def _differences(
        self, opened: Opened, state: ParticleSystem, laboratory: Laboratory
    ) -> tuple[FloatArray, FloatArray]:
        C, error = np.zeros((6, 6)), np.zeros((6, 6))
        for column in range(6):
            strain = np.zeros(6)
            strain[column] = self.strain
            up, down = (self._mean_stress(opened, state, sign * strain) for sign in (1, -1))
            C[:, column] = (up.value.in_unit("GPa") - down.value.in_unit("GPa")) / (2 * self.strain)
            error[:, column] = np.hypot(up.error.in_unit("GPa"), down.error.in_unit("GPa")) / (2 * self.strain)
            laboratory.progress(Progress(2 * column + 2, 12, "strains", "straining the crystal in motion"))
        return C, error

    def _mean_stress(self, opened: Opened, state: ParticleSystem, strain: FloatArray) -> Mean:
        """Return the mean stress of a strained state, which goes on with the velocities it has."""
        opened.session.push(state.strained(strain).replace(velocities=state.velocities))
        for span in ("equilibration", "sampling"):
            opened.session.advance(whole_steps(getattr(self, span), self.timestep, span))
        return opened.session.pull(TimeSeries)["stress"].mean()
