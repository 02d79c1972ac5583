"""Particles at successive times, read frame by frame from where they lie."""

from collections.abc import Iterator
from typing import Annotated, Any, Self

import numpy as np
from pydantic import model_validator

from cuds import iris
from cuds.arrays import IntArray
from cuds.errors import InvalidError, UnknownError
from cuds.model.entity import Entity, Term
from cuds.model.particles import ParticleSystem
from cuds.model.series import span
from cuds.registry import service
from cuds.units import Quantity

_FRAMES = ("n_frames", "n_particles", 3)


class Trajectory(Entity):
    """The particles of a system at successive times.

    The arrays may lie in a file; a frame is read when it is asked for.

    Parameters
    ----------
    system : ParticleSystem
        Who the particles are; its state is where the run started.
    times : Quantity (n_frames,)
        Counted from the start of the run.
    steps : int array (n_frames,)
        The same in time steps.
    positions : Quantity (n_frames, n_particles, 3)
        Unwrapped, in the order of the system's particles.
    cell : Quantity (n_frames, 3, 3), optional
        The cell vectors of each frame, as rows; that of the system where not given.
    velocities, forces : Quantity (n_frames, n_particles, 3), optional
        Where they were recorded.
    """

    system: Annotated[ParticleSystem, Term(iris.system)]
    times: Annotated[Quantity, Term(iris.times, "Time", ("n_frames",), means="SampleTimes")]
    steps: Annotated[IntArray, Term(iris.steps, shape=("n_frames",), dtype="int64", means="StepNumbers")]
    positions: Annotated[Quantity, Term(iris.positions, "Length", _FRAMES, means="Position", lazy=True)]
    cell: Annotated[Quantity | None, Term(iris.cell, "Length", ("n_frames", 3, 3), means="CellVectors")] = None
    velocities: Annotated[Quantity | None, Term(iris.velocities, "Velocity", _FRAMES, means="Velocity", lazy=True)] = (
        None
    )
    forces: Annotated[Quantity | None, Term(iris.forces, "Force", _FRAMES, means="Force", lazy=True)] = None

    @model_validator(mode="after")
    def _of_the_system(self) -> Self:
        if self.positions.shape[1] != len(self.system):
            raise InvalidError(
                f"positions: {self.positions.shape[1]} particles, but the system has {len(self.system)}",
                hint="give a position for each particle of the system",
                field="positions",
            )
        return self

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, frame: int | slice) -> Any:
        """Return the system at one frame, or a trajectory of some."""
        if isinstance(frame, slice):
            chosen = {n: getattr(self, n)[frame] for n in self._columns}
            return self.replace(steps=np.array(self.steps[frame]), **chosen)
        count = len(self)
        if not -count <= frame < count:
            raise UnknownError(f"no frame {frame}", hint=f"there are {count}, from 0 to {count - 1}", frame=frame)
        state: dict[str, Any] = {
            name: Quantity(np.array(getattr(self, name).value[frame]), getattr(self, name).unit)
            for name in self._columns
            if name != "times"
        }
        t = self.times.value[frame]
        label = f"{self.system.label} at {t:.6g} {self.times.unit}".strip()
        return self.system.replace(
            **{"velocities": None, "forces": None, **state}, energies=None, atomic_stresses=None, label=label
        )

    @property
    def _columns(self) -> list[str]:
        named = ("times", "positions", "cell", "velocities", "forces")
        return [name for name in named if getattr(self, name) is not None]

    def __iter__(self) -> Iterator[ParticleSystem]:
        return (self[i] for i in range(len(self)))

    def to_mdanalysis(self) -> Any:
        """Return an MDAnalysis Universe (Å, ps, Å/ps, kJ/mol/Å) whose frames are read when they are asked for."""
        return service("trajectory.to_mdanalysis")(self)

    def to_ase(self) -> list[Any]:
        """Return ASE Atoms, one a frame."""
        return [frame.to_ase() for frame in self]

    def __repr__(self) -> str:
        return f"Trajectory({len(self)} frames over {span(self.times)} of {len(self.system)} particles)"
