"""The cases for engines that move atoms. Each tests one thing, so that a fault fails the case that names it."""

from typing import Any

import numpy as np

from cuds.errors import EngineError
from cuds.model.dynamics import MolecularDynamics
from cuds.model.particles import ParticleSystem
from cuds.model.series import TimeSeries
from cuds.model.trajectory import Trajectory
from cuds.testing.atomistic import refused
from cuds.testing.bench import SHEARED, TURN, Bench
from cuds.units import BOLTZMANN, Quantity, factor
from cuds.wrapper.contract import Session

_STEPS = 40


class MotionContract(Bench):
    """What every engine that moves atoms must do."""

    def motion(self, system: ParticleSystem | None = None, **settings: Any) -> MolecularDynamics:
        """Return a short motion of a crystal, every step of it recorded."""
        usual: dict[str, Any] = {
            "duration": (_STEPS, "fs"),
            "every": (1, "fs"),
            "record": ("positions", "velocities"),
            "initial_temperature": (900, "K"),
            "seed": 7,
        }
        start = self.crystal() if system is None else system
        return MolecularDynamics(start, potential=self.potential(), **{**usual, **settings})

    def recorded(self, job: MolecularDynamics) -> tuple[TimeSeries, Trajectory]:
        """Return what is recorded of a motion."""
        with self.open(job) as session:
            session.advance()
            return session.pull(TimeSeries), session.pull(Trajectory)

    def test_motion_conserves_energy(self) -> None:
        """Potential and kinetic energy change by electronvolts, their sum by less than a thousandth of that."""
        series, _ = self.recorded(self.motion())
        potential, kinetic, total = (
            series[n].values.in_unit("eV") for n in ("potential_energy", "kinetic_energy", "total_energy")
        )
        np.testing.assert_allclose(potential + kinetic, total, rtol=1e-12)
        assert np.ptp(total) < 1e-3 * np.ptp(potential)
        assert np.ptp(potential) > 0.1

    def test_a_rehearsal_of_a_motion_writes_down_the_same_and_computes_nothing(self) -> None:
        """Every step is in it; nothing can be pulled from it."""
        job = self.motion()
        assert self.told(job, rehearsing=True) == self.told(job, rehearsing=False)
        with self.open(job, rehearsing=True) as session:
            session.advance()
            for kind in (ParticleSystem, TimeSeries, Trajectory):
                refused(session.pull, kind)

    def test_temperature_counts_the_modes_that_are_left(self) -> None:
        """3 N less the total momentum; and the velocities drawn have the temperature that was asked for."""
        job = self.motion()
        series, _ = self.recorded(job)
        boltzmann = float(BOLTZMANN) * factor("J", "eV")
        kelvin = 2 * series["kinetic_energy"].values.in_unit("eV") / (job.degrees_of_freedom * boltzmann)
        np.testing.assert_allclose(series["temperature"].values.in_unit("K"), kelvin, rtol=1e-5)
        assert job.degrees_of_freedom == 3 * len(job.system) - 3

    def test_velocities_are_how_positions_change(self) -> None:
        """By central differences over two steps; units, frames and unwrapping must be right for that."""
        system = self.crystal().strained(SHEARED).rotated(TURN)
        _, frames = self.recorded(self.motion(system))
        assert frames.velocities is not None
        x, v = frames.positions.in_unit("angstrom"), frames.velocities.in_unit("angstrom/fs")
        np.testing.assert_allclose((x[2:] - x[:-2]) / 2, v[1:-1], rtol=0, atol=1e-3 * np.abs(v).max())

    def test_a_turned_system_moves_turned(self) -> None:
        """The path of each particle turns along."""
        system = self.motion(self.crystal().strained(SHEARED)).start()
        assert system.velocities is not None
        speeds = Quantity(system.velocities.value @ TURN.T, system.velocities.unit)
        turned = system.rotated(TURN).replace(velocities=speeds)
        paths = [self.recorded(self.motion(s, initial_temperature=None))[1].positions for s in (system, turned)]
        straight, back = (p.in_unit("angstrom") for p in paths)
        np.testing.assert_allclose(back, straight @ TURN.T, rtol=0, atol=1e-8)

    def test_moving_particles_stay_who_they_are(self) -> None:
        """With ids in any order, each particle has its own path."""
        start = self.motion().start()
        order = np.random.default_rng(5).permutation(len(start))
        assert start.velocities is not None
        shuffled = start.replace(
            ids=3 * order + 7, positions=start.positions[order], velocities=start.velocities[order]
        )
        _, straight = self.recorded(self.motion(start, initial_temperature=None))
        _, back = self.recorded(self.motion(shuffled, initial_temperature=None))
        assert back.system.ids.tolist() == (3 * order + 7).tolist()
        wanted = straight.positions.in_unit("angstrom")[:, order]
        np.testing.assert_allclose(back.positions.in_unit("angstrom"), wanted, rtol=0, atol=1e-8)

    def test_paths_that_leave_the_cell_are_not_wrapped(self) -> None:
        """They begin where the particles are, images applied, and have no jumps."""
        system = self.crystal()
        assert system.cell is not None
        images = np.random.default_rng(4).integers(-2, 3, (len(system), 3))
        outside = system.replace(positions=(system.positions.value + images @ system.cell.value, "angstrom"))
        _, frames = self.recorded(self.motion(outside))
        x = frames.positions.in_unit("angstrom")
        np.testing.assert_allclose(x[0], outside.positions.value, rtol=0, atol=1e-11)
        assert np.abs(np.diff(x, axis=0)).max() < 0.1

    def test_what_is_recorded_is_that_of_the_last_advance(self) -> None:
        """The start is part of the first; nothing comes twice, nothing is left out."""
        with self.open(self.motion(every=(4, "fs"))) as session:
            steps = []
            for count in (6, 2, 12):
                session.advance(count)
                steps.append(session.pull(TimeSeries).steps.tolist())
                assert session.pull(Trajectory).steps.tolist() == steps[-1]
        assert steps == [[0, 4], [8], [12, 16, 20]]

    def test_a_restart_goes_on_as_the_run_left_alone(self) -> None:
        """To the last digit, where the engine's dictionary does not say that its restarts are statistical."""
        words = self.wrapper.describe().words()
        baths: list[dict[str, Any]] = [{}]
        baths += [
            {"ensemble": "NVT", "temperature": (300, "K"), "thermostat": t}
            for t in ("nose-hoover", "stochastic-rescaling", "langevin")
        ]
        baths.append({"ensemble": "NPT", "temperature": (300, "K"), "pressure": (1, "GPa")})
        for bath in baths:
            job = self.motion(**bath)
            if not any(r.realises == job.scheme for r in words.rows) or words.scheme(job).restart == "statistical":
                continue
            with self.open(job) as session:
                session.advance(_STEPS // 2)
                state = session.state()
                alone = self._ended(session)
            with self.open(job) as session:
                session.restore(state)
                resumed = self._ended(session)
            assert np.array_equal(alone[0], resumed[0]), f"{job.scheme}: positions"
            assert np.array_equal(alone[1], resumed[1]), f"{job.scheme}: velocities"

    def test_a_state_pushed_into_a_motion_moves_on_like_a_start(self) -> None:
        """Velocities are those that were pushed, and a thermostat has forgotten what was before."""
        words = self.wrapper.describe().words()
        heated: dict[str, Any] = {"ensemble": "NVT", "temperature": (300, "K"), "thermostat": "nose-hoover"}
        for bath in ({}, heated):
            job = self.motion(**bath)
            if not any(r.realises == job.scheme for r in words.rows):
                continue
            other = self.motion(self.crystal(rattled=0.2).strained(SHEARED), seed=8).start()
            with self.open(job) as session:
                session.advance(_STEPS // 4)
                session.push(other)
                pushed = self._ended(session)
            with self.open(job.replace(system=other, initial_temperature=None)) as session:
                started = self._ended(session)
            for a, b, what in zip(pushed, started, ("positions", "velocities"), strict=True):
                np.testing.assert_allclose(a, b, rtol=0, atol=1e-9, err_msg=f"{job.scheme}: {what}")

    def _ended(self, session: Session) -> tuple[np.ndarray, np.ndarray]:
        session.advance(_STEPS // 2)
        frames = session.pull(Trajectory)
        assert frames.velocities is not None
        return frames.positions.value[-1], frames.velocities.value[-1]

    def test_a_motion_that_blows_up_is_an_error(self) -> None:
        """Its time step is named; and the session can be used again."""
        job = self.motion(duration=(200, "ps"), timestep=(1, "ps"), every=(1, "ps"), initial_temperature=(3000, "K"))
        with self.open(job) as session:
            error = refused(session.advance)
            assert isinstance(error, EngineError)
            assert "timestep" in error.hint
            session.push(job.start())
            session.advance(0)
            assert np.isfinite(session.pull(ParticleSystem).positions.value).all()

    def test_a_bath_it_does_not_know_is_refused_by_name(self) -> None:
        """Before it is opened."""
        words = self.wrapper.describe().words()
        for heat in ("nose-hoover", "stochastic-rescaling", "langevin"):
            for volume in ("nose-hoover", "stochastic-rescaling"):
                job = self.motion(
                    ensemble="NPT", temperature=(300, "K"), pressure=(0, "bar"), thermostat=heat, barostat=volume
                )
                if not any(r.realises == job.scheme for r in words.rows):
                    assert volume in str(refused(lambda j=job: self.open(j).__enter__()))
