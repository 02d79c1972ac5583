"""What the cases share: opening a wrapper where it would run, and things to calculate."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from cuds.arrays import FloatArray
from cuds.errors import UnsupportedError
from cuds.model.particles import ParticleSystem, Species
from cuds.model.potential import Potential
from cuds.model.simulation import Simulation, SinglePoint
from cuds.model.state import PotentialEnergy, Stress
from cuds.units import Quantity
from cuds.wrapper.contract import Session, Wrapper
from cuds.wrapper.potentials import potential
from cuds.wrapper.process import Worker, WorkerSession

# A rotation about no axis of any crystal, and a strain with six different components.
TURN: FloatArray = np.linalg.qr(np.array([[0.9, 0.2, -0.4], [-0.1, 0.8, 0.6], [0.5, -0.3, 0.7]]))[0]
TURN *= np.sign(np.linalg.det(TURN))
SHEARED = np.array([0.010, -0.020, 0.005, 0.030, -0.012, 0.021])
COPPER = Species(symbol="Cu", atomic_number=29, mass=Quantity(63.546, "Da"))


@dataclass(frozen=True)
class Found:
    """What a wrapper says of one state: energy in eV, stress in GPa, and the particles."""

    energy: float
    stress: FloatArray
    system: ParticleSystem

    @property
    def positions(self) -> FloatArray:
        """In Å."""
        return np.array(self.system.positions.in_unit("angstrom"))

    @property
    def forces(self) -> FloatArray:
        """In eV/Å."""
        assert self.system.forces is not None
        return np.array(self.system.forces.in_unit("eV/angstrom"))


class Bench:
    """Opens the wrapper under test.

    Class attributes
    ----------------
    wrapper : type of Wrapper
        Under test.
    options : mapping
        The engine's own words with which it is opened.
    """

    wrapper: ClassVar[type[Wrapper]]
    options: ClassVar[Mapping[str, Any]] = {}
    isolation: ClassVar[str] = ""

    def potential(self) -> Potential | None:
        """Return a potential of copper that the wrapper knows; None for an engine that has its own."""
        return potential("Cu_mishin1.eam.alloy")

    @contextmanager
    def open(self, simulation: Simulation, *, rehearsing: bool = False) -> Iterator[Session]:
        """Open the wrapper on a simulation, where it would run; or have it rehearse."""
        with tempfile.TemporaryDirectory(prefix="cuds-contract-") as name:
            folder = Path(name).resolve()
            if (self.isolation or self.wrapper.isolation) == "none":
                here = self.wrapper(folder, options=self.options)
                session: Session = here.rehearse(simulation) if rehearsing else here.open(simulation)
            else:
                worker = Worker(self.wrapper, folder, self.options, timeout=300)
                session = WorkerSession(worker, simulation, rehearsing=rehearsing)
            with session:
                yield session

    def told(self, simulation: Simulation, *, rehearsing: bool) -> str:
        """Return what the engine is told when a simulation is run, or rehearsed."""
        with self.open(simulation, rehearsing=rehearsing) as session:
            session.advance()
            return session.transcript()

    def single(self, *systems: ParticleSystem) -> list[Found]:
        """Return what one session says of several states of the same particles."""
        with self.open(SinglePoint(systems[0], potential=self.potential())) as session:
            return [self.look(session, s, first=i == 0) for i, s in enumerate(systems)]

    def look(self, session: Session, system: ParticleSystem, *, first: bool = True) -> Found:
        """Push a state, compute, and pull everything."""
        if not first:
            session.push(system)
        session.advance()
        return found(session)

    def crystal(self, repeat: int = 2, *, rattled: float = 0.05) -> ParticleSystem:
        """Return 4 n^3 atoms of copper, periodic, each moved a little from its place."""
        corners = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
        cells = np.stack(np.meshgrid(*[np.arange(repeat)] * 3, indexing="ij"), axis=-1).reshape(-1, 1, 3)
        places = 3.615 * (cells + corners).reshape(-1, 3)
        x = places + rattled * np.random.default_rng(1).uniform(-1, 1, places.shape) + 0.2
        return ParticleSystem(
            positions=(x, "angstrom"),
            species=np.zeros(len(x), int),
            kinds=(COPPER,),
            cell=(3.615 * repeat * np.eye(3), "angstrom"),
            pbc=(True,) * 3,
        )

    def sheared(self) -> ParticleSystem:
        """Return a crystal with six different stress components, turned about no axis of its own."""
        return self.crystal().strained(SHEARED).rotated(TURN)


def found(session: Session) -> Found:
    """Pull everything from a session that has advanced."""
    energy = session.pull(PotentialEnergy).value.in_unit("eV")
    try:
        stress = session.pull(Stress).value.in_unit("GPa")
    except UnsupportedError:
        stress = np.full(6, np.nan)  # of an engine that gives none; nothing compares equal to it
    return Found(float(energy), stress, session.pull(ParticleSystem))
