"""Wrappers with one planted fault each, made from the real ones: what is wrong is in one place, all else works."""

import subprocess
from collections.abc import Callable
from typing import Any

import numpy as np

from cuds.errors import EngineError
from cuds.model.dynamics import MolecularDynamics
from cuds.model.entity import Entity
from cuds.model.field import Field
from cuds.model.particles import ParticleSystem
from cuds.model.series import TimeSeries
from cuds.model.simulation import EnergyMinimisation, LinearElasticity, Simulation, SinglePoint
from cuds.model.state import PotentialEnergy, Stress
from cuds.model.trajectory import Trajectory
from cuds.units import Quantity
from cuds_lammps import LammpsWrapper
from cuds_lammps.dynamics import LammpsDynamics
from cuds_lammps.session import LammpsSession
from cuds_skfem import SkfemWrapper
from cuds_skfem.body_session import BodySession
from cuds_skfem.session import SkfemSession


class Faulty(LammpsWrapper):
    """LAMMPS in the caller's process, with the faults of a subclass put into its session."""

    isolation = "none"

    def open(self, simulation: Simulation) -> LammpsSession:
        session = super().open(self.before(simulation))
        assert isinstance(session, LammpsSession)
        honest = session.pull

        def pull(kind: Any, name: str = "") -> Any:
            return self.after(session, honest(kind, name))

        session.pull = pull  # type: ignore[method-assign]
        return session

    def before(self, simulation: Simulation) -> Simulation:
        return simulation

    def after(self, session: LammpsSession, pulled: Entity) -> Entity:
        return pulled


def reordered(system: ParticleSystem, order: np.ndarray) -> ParticleSystem:
    """Return the system with the rows of every result in another order, but not its ids."""
    assert system.forces is not None
    return system.replace(positions=system.positions[order], forces=system.forces[order])


class EngineOrder(Faulty):
    """Results come in the order of ids."""

    def after(self, session: LammpsSession, pulled: Entity) -> Entity:
        return reordered(pulled, np.argsort(pulled.ids)) if isinstance(pulled, ParticleSystem) else pulled


class LocalIndex(Faulty):
    """Results come in the order in which the engine keeps many atoms: sorted by place."""

    def after(self, session: LammpsSession, pulled: Entity) -> Entity:
        if isinstance(pulled, ParticleSystem) and len(pulled) >= 100:
            return reordered(pulled, np.lexsort(pulled.positions.value.T))
        return pulled


class BoundaryIgnored(Faulty):
    """Everything is periodic."""

    def before(self, simulation: Simulation) -> Simulation:
        system = simulation.system  # type: ignore[attr-defined]
        return simulation if all(system.pbc) else simulation.replace(system=system.replace(pbc=(True, True, True)))


class LabelActs(Faulty):
    """An annotation freezes atoms: their force is taken away."""

    def after(self, session: LammpsSession, pulled: Entity) -> Entity:
        if isinstance(pulled, ParticleSystem) and pulled.annotations and pulled.forces is not None:
            return pulled.replace(forces=pulled.forces * 0.0)
        return pulled


class PushEchoed(Faulty):
    """Positions are those that were pushed, not those that the engine has."""

    def after(self, session: LammpsSession, pulled: Entity) -> Entity:
        return pulled.replace(positions=session.system.positions) if isinstance(pulled, ParticleSystem) else pulled


class StressSign(Faulty):
    """Stress is pressure."""

    def after(self, session: LammpsSession, pulled: Entity) -> Entity:
        if isinstance(pulled, Stress):
            return pulled.replace(value=-pulled.value)
        if isinstance(pulled, ParticleSystem) and pulled.atomic_stresses is not None:
            return pulled.replace(atomic_stresses=-pulled.atomic_stresses)
        return pulled


class VoigtOrder(Faulty):
    """Shear comes as xy, xz, yz."""

    def after(self, session: LammpsSession, pulled: Entity) -> Entity:
        order = [0, 1, 2, 5, 4, 3]
        if isinstance(pulled, Stress):
            return pulled.replace(value=pulled.value[order])
        if isinstance(pulled, ParticleSystem) and pulled.atomic_stresses is not None:
            return pulled.replace(atomic_stresses=Quantity(pulled.atomic_stresses.value[:, order], "eV"))
        return pulled


class UnitFactor(Faulty):
    """Stress is in atmospheres and called bar."""

    def after(self, session: LammpsSession, pulled: Entity) -> Entity:
        if isinstance(pulled, Stress):
            return pulled.replace(value=pulled.value * 1.01325)
        if isinstance(pulled, ParticleSystem) and pulled.atomic_stresses is not None:
            return pulled.replace(atomic_stresses=pulled.atomic_stresses * 1.01325)
        return pulled


class EngineFrame(Faulty):
    """Forces come in the frame of the engine."""

    def after(self, session: LammpsSession, pulled: Entity) -> Entity:
        if isinstance(pulled, ParticleSystem) and pulled.forces is not None:
            return pulled.replace(forces=Quantity(session.frame.into(pulled.forces.value), pulled.forces.unit))
        return pulled


class SharesLost(Faulty):
    """The last atom's share of the stress is missing."""

    def after(self, session: LammpsSession, pulled: Entity) -> Entity:
        if isinstance(pulled, ParticleSystem) and pulled.atomic_stresses is not None:
            values = np.array(pulled.atomic_stresses.value)
            values[-1] = 0
            return pulled.replace(atomic_stresses=Quantity(values, "eV"))
        return pulled


class Wrapped(Faulty):
    """Positions come back inside the cell."""

    def after(self, session: LammpsSession, pulled: Entity) -> Entity:
        if isinstance(pulled, ParticleSystem) and len(pulled) < 100:
            placed, images = session.frame.wrapped(session.frame.into(pulled.positions.value))
            if images is not None:
                return pulled.replace(positions=Quantity(session.frame.back(placed), "angstrom"))
        return pulled


class NanReturned(Faulty):
    """What the engine could not calculate is a zero."""

    simulates: type[Simulation] = SinglePoint

    def open(self, simulation: Simulation) -> LammpsSession:
        session = super().open(simulation)
        if not isinstance(simulation, self.simulates):
            return session
        advance = session.advance

        def swallowed(steps: int | None = None) -> None:
            try:
                advance(steps)
            except EngineError:
                session.library.dirty = False  # type: ignore[attr-defined]
                session.fresh = True  # type: ignore[attr-defined]

        session.advance = swallowed  # type: ignore[method-assign]
        return session

    def after(self, session: LammpsSession, pulled: Entity) -> Entity:
        return pulled


class BlowUpSwallowed(NanReturned):
    """A motion that blew up goes on."""

    simulates = MolecularDynamics


class NanMinimised(NanReturned):
    """What the engine could not minimise is as it was."""

    simulates = EnergyMinimisation


class MotionOrder(Faulty):
    """Frames come in the order of ids."""

    def after(self, session: LammpsSession, pulled: Entity) -> Entity:
        if not isinstance(pulled, Trajectory):
            return pulled
        order = np.argsort(pulled.system.ids)
        return with_rows(pulled, lambda rows: rows[:, order])


class MotionFrame(Faulty):
    """Frames come in the frame of the engine."""

    def after(self, session: LammpsSession, pulled: Entity) -> Entity:
        return with_rows(pulled, session.frame.into) if isinstance(pulled, Trajectory) else pulled


class MotionWrapped(Faulty):
    """Paths stay inside the cell."""

    def after(self, session: LammpsSession, pulled: Entity) -> Entity:
        if not isinstance(pulled, Trajectory) or not len(pulled):
            return pulled
        x = pulled.positions.value
        images = session.frame.wrapped(session.frame.into(x[0]))[1]
        moved = x if images is None else x - session.frame.back(images @ session.frame.cell)
        return pulled.replace(positions=Quantity(moved, "angstrom"))


class MotionSpeed(Faulty):
    """Velocities are in a unit of time that is two percent off."""

    def after(self, session: LammpsSession, pulled: Entity) -> Entity:
        if isinstance(pulled, Trajectory) and pulled.velocities is not None:
            return pulled.replace(velocities=pulled.velocities * 1.02)
        return pulled


class TemperatureCount(Faulty):
    """The total momentum counts as a degree of freedom."""

    def after(self, session: LammpsSession, pulled: Entity) -> Entity:
        n = len(session.system)
        return with_series(pulled, "temperature", (n - 1) / n)


class EnergyLeaks(Faulty):
    """A part of the kinetic energy is not in the total."""

    def after(self, session: LammpsSession, pulled: Entity) -> Entity:
        return with_series(pulled, "total_energy", 1.0001)


class StartLeftOut(Faulty):
    """The first sample is after the first steps."""

    def after(self, session: LammpsSession, pulled: Entity) -> Entity:
        if not isinstance(pulled, TimeSeries) or not len(pulled) or pulled.steps[0]:
            return pulled
        values = {s.quantity: s.values[1:] for s in pulled.series}
        return TimeSeries.of(pulled.times[1:], pulled.steps[1:].copy(), values)


class RestartForgets(Faulty):
    """A state that is restored is forgotten."""

    def open(self, simulation: Simulation) -> LammpsSession:
        session = super().open(simulation)
        session.restore = lambda state: None  # type: ignore[method-assign]
        return session


class BathRemembers(Faulty):
    """A thermostat goes on as it was when another state is pushed."""

    def open(self, simulation: Simulation) -> LammpsSession:
        session = super().open(simulation)
        if isinstance(session, LammpsDynamics):
            moving = session

            def move() -> None:
                LammpsSession._move(moving)
                moving._speed_up()
                moving.settled = False

            session._move = move  # type: ignore[method-assign]
        return session


def with_rows(pulled: Trajectory, change: Callable[[np.ndarray], np.ndarray]) -> Trajectory:
    """Return the trajectory with the rows of each frame changed."""
    columns = {n: getattr(pulled, n) for n in ("positions", "velocities", "forces")}
    return pulled.replace(**{n: Quantity(change(c.value), c.unit) for n, c in columns.items() if c is not None})


def with_series(pulled: Entity, name: str, factor: float) -> Entity:
    """Return the time series with one of its quantities multiplied."""
    if not isinstance(pulled, TimeSeries):
        return pulled
    values = {s.quantity: s.values * factor if s.name == name else s.values for s in pulled.series}
    return TimeSeries.of(pulled.times, pulled.steps, values)


class StaleHandedOut(Faulty):
    """What was calculated before a push is still handed out."""

    def open(self, simulation: Simulation) -> LammpsSession:
        session = super().open(simulation)
        assert isinstance(session, LammpsSession)
        honest = session.pull

        def pull(kind: Any, name: str = "") -> Any:
            session.fresh = session.fresh or (kind is PotentialEnergy and not session.script.rehearsing)
            return honest(kind, name)

        session.pull = pull  # type: ignore[method-assign]
        return session


class ProcessLeftBehind(LammpsWrapper):
    """Something that it started outlives it."""

    def open(self, simulation: Simulation) -> LammpsSession:
        subprocess.run(["setsid", "sh", "-c", "sleep 30 >/dev/null 2>&1 &"], check=True)
        return super().open(simulation)


class RehearsalComputes(Faulty):
    """A dry run is a run."""

    moving = False

    def rehearse(self, simulation: Simulation) -> LammpsSession:
        same = isinstance(simulation, MolecularDynamics) == self.moving
        return self.open(simulation) if same else super().rehearse(simulation)


class MotionRehearsalComputes(RehearsalComputes):
    """A dry run of a motion is a run."""

    moving = True


class FaultyBody(SkfemWrapper):
    """scikit-fem with the faults of a subclass put into its session."""

    def open(self, simulation: Simulation) -> SkfemSession:
        session = super().open(self.before(simulation))
        assert isinstance(session, SkfemSession)
        honest = session.pull

        def pull(kind: Any, name: str = "") -> Any:
            return self.after(honest(kind, name))

        session.pull = pull  # type: ignore[method-assign]
        return session

    def before(self, simulation: Simulation) -> Simulation:
        return simulation

    def after(self, pulled: Any) -> Any:
        return pulled

    def changed(self, pulled: Field, name: str, values: Any) -> Field:
        return pulled.replace(values=Quantity(values, pulled.values.unit)) if pulled.name == name else pulled


class BodyVoigtOrder(FaultyBody):
    """Shear stress comes as xy, xz, yz."""

    def after(self, pulled: Any) -> Any:
        return (
            self.changed(pulled, "stress", pulled.values.value[:, [0, 1, 2, 5, 4, 3]])
            if pulled.name == "stress"
            else pulled
        )


class BodyStressSign(FaultyBody):
    """Stress is negative in tension."""

    def after(self, pulled: Any) -> Any:
        return self.changed(pulled, "stress", -pulled.values.value)


class BodyUnitFactor(FaultyBody):
    """Stress is off by the factor from N/mm2 to psi, of a kind."""

    def after(self, pulled: Any) -> Any:
        return self.changed(pulled, "stress", pulled.values.value * 1.45)


class ReactionSign(FaultyBody):
    """Reactions are what the body does to its supports."""

    def after(self, pulled: Any) -> Any:
        return self.changed(pulled, "reaction", -pulled.values.value)


class TransposedRotation(FaultyBody):
    """v_crystal = R v_sample."""

    def before(self, simulation: Simulation) -> Simulation:
        assert isinstance(simulation, LinearElasticity)
        turned = {n: m.replace(orientation=m.orientation.T) for n, m in simulation.materials.items()}
        return simulation.replace(materials=turned)


class ShearHalved(FaultyBody):
    """Shear strain is not engineering strain."""

    def after(self, pulled: Any) -> Any:
        return (
            self.changed(pulled, "strain", pulled.values.value * [1, 1, 1, 0.5, 0.5, 0.5])
            if pulled.name == "strain"
            else pulled
        )


class BodyRehearsalComputes(SkfemWrapper):
    """A dry run is a run."""

    def rehearse(self, simulation: Simulation) -> BodySession[Any]:
        return self.open(simulation)


class PointsSorted(FaultyBody):
    """Displacements come in the order of the points' places."""

    def after(self, pulled: Any) -> Any:
        if pulled.name != "displacement":
            return pulled
        order = np.lexsort(pulled.mesh.points.value.T[::-1])
        return self.changed(pulled, "displacement", pulled.values.value[order])
