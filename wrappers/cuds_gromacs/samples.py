"""What a motion is asked for at a step: energies, temperature, stress, of the very instant."""

from dataclasses import dataclass

import numpy as np

from cuds.arrays import FloatArray
from cuds.model.dynamics import MolecularDynamics
from cuds.model.rigid import rigid_velocities
from cuds.model.tensor import VOIGT
from cuds.units import Quantity
from cuds_gromacs.motion import BAR, KT
from cuds_gromacs.results import Energies

_I, _J = np.array(VOIGT).T
_TO_GPA = 1e-4  # from bar
_CUBE = 1e3  # Å^3 in nm^3
_FORCE = 1.0  # kJ/mol/nm is Da nm/ps^2


@dataclass(frozen=True)
class State:
    """The particles at a step, in GROMACS's frame and units, in the order of the model.

    Attributes
    ----------
    step : int
    positions, velocities, forces : float arrays (n, 3)
        Positions as they are followed through the sides of the cell.
    cell : float array (3, 3)
        Its vectors as rows.
    """

    step: int
    positions: FloatArray
    velocities: FloatArray
    forces: FloatArray
    cell: FloatArray


def half_kick(job: MolecularDynamics, state: State, sign: float) -> FloatArray:
    """Return velocities half a time step on, or back: those of GROMACS's stochastic integrator and of the instant."""
    masses = job.system.masses.in_unit("Da")[:, None]
    pushed = np.divide(state.forces, masses, out=np.zeros_like(state.forces), where=masses > 0)
    kicked = state.velocities + sign * _FORCE * pushed * (job.timestep.in_unit("ps") / 2)
    here = job.system.replace(
        positions=Quantity(state.positions, "nm"), cell=Quantity(state.cell, "nm"), velocities=None, forces=None
    )
    return rigid_velocities(here, kicked)


class Samples:
    """Samples of a motion, one behind the other.

    Parameters
    ----------
    job : MolecularDynamics
    rotation : float array (3, 3)
        From the frame of the model to that of GROMACS.
    """

    def __init__(self, job: MolecularDynamics, rotation: FloatArray) -> None:
        self.job = job
        self.rotation = rotation
        self.steps: list[int] = []
        self.rows: list[dict[str, FloatArray]] = []

    def add(self, energies: Energies, state: State, *, own_kinetic: bool) -> None:
        """Take in what an energy file says of the step of a state.

        Parameters
        ----------
        energies : Energies
        state : State
            With the velocities of that instant.
        own_kinetic : bool
            Whether the kinetic part is taken from them: GROMACS's own is an average over two half steps.
        """
        self.steps.append(state.step)
        self.rows.append(self.of(energies, state, own_kinetic=own_kinetic))

    def of(self, energies: Energies, state: State, *, own_kinetic: bool) -> dict[str, FloatArray]:
        """Return the quantities at the step of a state, by the ontology's names, in kJ/mol, GPa, K, nm and Å^3."""
        frame = int(np.searchsorted(energies.steps, state.step))
        row = dict(zip(energies.names, energies.values[frame], strict=True))
        volume = float(np.linalg.det(state.cell))
        kinetic, pressure = row["Kinetic En."], _tensor(row, "Pres")
        if own_kinetic:
            masses = self.job.system.masses.in_unit("Da")
            tensor = (masses[:, None] * state.velocities).T @ state.velocities / 2
            kinetic = np.trace(tensor)
            pressure = 2 * BAR / volume * (tensor - _tensor(row, "Vir"))
        found = {"PotentialEnergy": row["Potential"], "KineticEnergy": kinetic}
        found["TotalEnergy"] = row["Potential"] + kinetic
        found["Temperature"] = 2 * kinetic / (self.job.degrees_of_freedom * KT)
        if self.job.ensemble == "NVE":
            found["ConservedEnergy"] = found["TotalEnergy"]
        elif conserves(self.job):
            found["ConservedEnergy"] = row["Conserved En."]
        stress = -_TO_GPA * (self.rotation.T @ pressure @ self.rotation)
        found["Stress"] = ((stress + stress.T) / 2)[_I, _J]
        found["HydrostaticPressure"] = -np.trace(stress) / 3
        found["CellVolume"] = volume * _CUBE
        if self.job.ensemble == "NPT":
            found["CellVectors"] = state.cell @ self.rotation
        return {name: np.asarray(value, dtype=np.float64) for name, value in found.items()}

    def columns(self) -> dict[str, Quantity]:
        """Return them by the ontology's names, a row for each sample."""
        return {name: Quantity(self._column(name), unit) for name, unit in UNITS.items() if self._has(name)}

    def _has(self, name: str) -> bool:
        if name == "CellVectors":
            return self.job.ensemble == "NPT"
        return name != "ConservedEnergy" or conserves(self.job)

    def _column(self, name: str) -> FloatArray:
        shape = {"Stress": (6,), "CellVectors": (3, 3)}.get(name, ())
        return np.array([row[name] for row in self.rows], dtype=np.float64).reshape(-1, *shape)


def conserves(job: MolecularDynamics) -> bool:
    """Whether GROMACS has a conserved energy: none of the instant in Langevin dynamics; that of C-rescale drifts."""
    return job.ensemble == "NVE" or (
        job.thermostat != "langevin" and not (job.ensemble == "NPT" and job.barostat == "stochastic-rescaling")
    )


def _tensor(row: dict[str, float], name: str) -> FloatArray:
    return np.array([[row[f"{name}-{i}{j}"] for j in "XYZ"] for i in "XYZ"])


UNITS = {
    "PotentialEnergy": "kJ/mol",
    "KineticEnergy": "kJ/mol",
    "TotalEnergy": "kJ/mol",
    "ConservedEnergy": "kJ/mol",
    "Temperature": "K",
    "HydrostaticPressure": "GPa",
    "Stress": "GPa",
    "CellVolume": "angstrom**3",
    "CellVectors": "nm",
}
