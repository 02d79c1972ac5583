"""Molecular dynamics with GROMACS: a run of mdrun for each `advance`, which goes on from the checkpoint of the last."""

import io
import os
from pathlib import Path
from typing import TypeVar

import numpy as np

from cuds.arrays import FloatArray
from cuds.errors import EngineDiedError, EngineError, FormatError, InvalidError, UnsupportedError
from cuds.model.dynamics import MolecularDynamics
from cuds.model.entity import Entity
from cuds.model.particles import ParticleSystem
from cuds.model.rigid import deviation, settled
from cuds.model.series import TimeSeries
from cuds.model.state import PotentialEnergy, Stress
from cuds.model.trajectory import Trajectory
from cuds.units import Quantity
from cuds.wrapper.contract import Progress, stale
from cuds_gromacs.motion import KT, Motion, commands, motion
from cuds_gromacs.parameters import settings_file
from cuds_gromacs.paths import Paths, frames
from cuds_gromacs.preparation import Inputs, Prepared, prepared, with_settings
from cuds_gromacs.results import Energies, read_energies, write_frame
from cuds_gromacs.rigid import constraint_settings, held
from cuds_gromacs.samples import UNITS, Samples, State, half_kick
from cuds_gromacs.session import GromacsSession
from cuds_gromacs.single_point import UNDIVIDED, evaluate
from cuds_gromacs.stall import EVERY, Stall
from cuds_gromacs.trouble import blown_up, complaint

E = TypeVar("E", bound=Entity)

_EVERY: dict[str, str | None] = dict.fromkeys(("nstxout", "nstvout", "nstfout", "nstenergy", "nstcalcenergy"), "1")
_AT_ITS_END = "1000000"  # minutes: mdrun shall write no checkpoint but that of the last step
_AT_REST = 1e-3  # kT that the total momentum may have where GROMACS takes it away
_STATE = ("conf.gro", "start.trr", "motion.mdp", "state.cpt")


class GromacsDynamics(GromacsSession):
    """Molecular dynamics with GROMACS; `advance` records, and what it recorded is pulled afterwards."""

    simulation: MolecularDynamics

    def _start(self) -> ParticleSystem:
        start, given = self.simulation.start(), self.simulation.system.positions
        self._set_right = float(np.abs(start.positions.in_unit("angstrom") - given.in_unit("angstrom")).max(initial=0))
        return start

    def _place(self) -> None:
        """Write down where the particles start, and how they move from there."""
        self._refuse_drift()
        super()._place()
        self._step = getattr(self, "_step", 0)
        self._begun = self._step
        self.row = self.words.scheme(self.simulation)
        self.stochastic = self.row.keyword == "sd"
        self.told: Motion = motion(
            self.simulation, self.system, self.row, self.options, step=self._step, precision=self.program.precision
        )
        text = settings_file(self.told.settings)
        (self.folder / "motion.mdp").write_text(text, encoding="utf-8")
        every = with_settings(text, {**_EVERY, "init-step": str(self._step)})
        (self.folder / "instant.mdp").write_text(every, encoding="utf-8")
        self.checkpoint = self.folder / "state.cpt"
        self.checkpoint.unlink(missing_ok=True)
        self._set_off()
        self.paths = Paths(self._x(), self.cell)
        self.warnings: tuple[str, ...] = ()
        self._forget()
        self.fresh = False

    def _x(self) -> FloatArray:
        return np.asarray(self.system.positions.in_unit("nm") @ self.rotation.T)

    def _v(self) -> FloatArray:
        assert self.system.velocities is not None  # drawn by the model, and refused in a push
        return np.asarray(self.system.velocities.in_unit("nm/ps") @ self.rotation.T)

    def _set_off(self, forces: FloatArray | None = None) -> None:
        """Write the start in all digits; the stochastic integrator wants velocities of half a step before."""
        v = self._v()
        if forces is not None:
            v = half_kick(self.simulation, State(self._step, self._x(), v, forces, self.cell), -1)
        write_frame(self.folder / "start.trr", self._x(), self.cell, v)

    def _refuse_drift(self) -> None:
        """Refuse a total momentum where a thermostat would take it for heat: GROMACS takes it away."""
        job = self.simulation
        if job.temperature is None or job.thermostat == "langevin":
            return
        assert self.system.velocities is not None
        masses, v = self.system.masses.in_unit("Da"), self.system.velocities.in_unit("nm/ps")
        energy = float(((masses @ v) ** 2).sum() / masses.sum() / 2)
        if energy > _AT_REST * KT * job.temperature.in_unit("K"):
            raise InvalidError(
                f"velocities: the system as a whole moves with {energy:.3g} kJ/mol, which GROMACS takes away in a bath",
                hint="take the mean velocity, weighted by mass, away from all; or run it without a bath",
                field="velocities",
            )

    def push(self, *what: Entity) -> None:
        """Replace the state of the particles and go on from there; thermostats and barostats forget."""
        for entity in what:
            if isinstance(entity, ParticleSystem) and entity.velocities is None:
                raise InvalidError("velocities: none", hint="push a system with velocities", field="velocities")
            super().push(settled(entity) if isinstance(entity, ParticleSystem) else entity)

    def advance(self, steps: int | None = None) -> None:
        """Move on by so many steps, or to the end, and record on the way; earlier records are forgotten."""
        job, begin = self.simulation, self._step
        end = job.n_steps if steps is None else begin + steps
        self._forget()
        if self.rehearsing:
            self._step = end
            return
        if end > begin or not self.checkpoint.exists():
            self._run(begin, end, first=begin == 0 and not self.fresh)
        self.fresh = True

    def _run(self, begin: int, end: int, *, first: bool) -> None:
        """Have mdrun make the steps, and read what it wrote; nothing has happened where it fails."""
        at = self.paths.at
        try:
            said = self._mdrun("motion", end - begin)
            trouble = complaint(said)
            if trouble:
                raise EngineError(f"gromacs: gmx mdrun: {trouble}", hint="", engine="gromacs")
            self._read(begin, end, first=first)
        except EngineError as error:
            self.paths.at = at
            self._forget()
            raise blown_up(error, self._heard(error), self.system.ids, begin, self.simulation.timestep) from None
        os.replace(self.folder / "next.cpt", self.checkpoint)
        self._step = end

    def _heard(self, error: EngineError) -> str:
        logs = sorted(self.folder.glob("motion*.log"))
        return "\n".join([error.message, *(p.read_text(encoding="utf-8", errors="replace")[-20000:] for p in logs)])

    def _prepared(self, name: str) -> Prepared:
        if self.stochastic and self._begun == self._step and not self.checkpoint.exists():
            forces = evaluate(self.program, self.folder, self.inputs, positions=self.folder / "positions.trr").forces
            self._set_off(forces)
        settings, start = self.folder / f"{name}.mdp", self.folder / "start.trr"
        inputs = Inputs(self.inputs.structure, self.inputs.topology, settings, {"-t": start}, warnings=1)
        return prepared(self.program, self.folder, inputs)

    def _mdrun(self, name: str, steps: int) -> str:
        """Run a part of the motion from where it is; its files are called by the name."""
        ready = self._prepared(name)
        self.warnings = ready.warnings
        for old in self.folder.glob(f"{name}*"):
            if old.suffix != ".mdp":
                old.unlink()
        goes_on: list[str | Path] = ["-cpi", self.checkpoint, "-noappend"] if self.checkpoint.exists() else []
        lists = ["-nstlist", str(self.told.list_steps)] if self.told.bath else []
        told = [
            "mdrun", "-s", ready.path, "-deffnm", name, "-nsteps", str(steps), *goes_on, *lists,
            "-cpo", "next.cpt", "-c", f"{name}-end.gro", "-cpt", _AT_ITS_END, "-stepout", str(EVERY),
            *self.program.one_rank, "-reprod", "-nb", "cpu", "-pin", "off",
        ]  # fmt: skip
        program = self.program.with_environment({**UNDIVIDED, "GMX_SUPPRESS_DUMP": "1"})
        with Stall(len(self.system), self._tell) as stall:
            try:
                return program.run(told, folder=self.folder, progress=stall.heard, stop=stall.stop)
            except EngineDiedError:
                if not stall.stop.is_set():
                    raise
                raise EngineError(
                    f"gromacs: gmx mdrun was stopped: it made no step for {stall.limit:.0f} s after step {stall.step}, "
                    "as it does when atoms have flown far away",
                    hint="",
                    engine="gromacs",
                ) from None

    def _tell(self, step: int) -> None:
        job = self.simulation
        if step > self._step:
            self.progress(Progress(min(step, job.n_steps), job.n_steps, "steps", "molecular dynamics by gromacs"))

    def _written(self, name: str, suffix: str) -> Path:
        return max(self.folder.glob(f"{name}*{suffix}"))

    def _read(self, begin: int, end: int, *, first: bool) -> None:
        """Take in frames and energies; where the last step is no sample, its state is read when it is asked for."""
        self.energies: Energies = read_energies(self._written("motion", ".edr"))
        self._refuse_wild()
        every = self.simulation.sample_steps
        for frame, positions in frames(self._written("motion", ".trr"), self.paths, begin):
            if frame.step % every:
                continue
            assert frame.velocities is not None  # as the settings say
            assert frame.forces is not None
            assert frame.box is not None
            state = self._instant(State(frame.step, positions, frame.velocities, frame.forces, frame.box))
            self.last: State | None = state
            if frame.step > begin or first:
                self._record(state)

    def _instant(self, state: State) -> State:
        """Return the state with the velocities of its instant."""
        if not self.stochastic:
            return state
        return State(state.step, state.positions, half_kick(self.simulation, state, 1), state.forces, state.cell)

    def _refuse_wild(self) -> None:
        if not np.isfinite(self.energies.values).all():
            step = int(self.energies.steps[~np.isfinite(self.energies.values).all(axis=1)][0])
            raise EngineError(f"gromacs: an energy of step {step} is no number", hint="", engine="gromacs")

    def _forget(self) -> None:
        self.samples = Samples(self.simulation, self.rotation)
        self._kept: dict[str, list[FloatArray]] = {name: [] for name in self.simulation.record}
        self.last = None

    def _record(self, state: State) -> None:
        self.samples.add(self.energies, state, own_kinetic=self.stochastic)
        for name, rows in self._kept.items():
            rows.append(getattr(state, name) @ self.rotation)

    def _now(self) -> State:
        """Return the state at the last step; mdrun is asked for it where it was not written."""
        if self.last is None or self.last.step != self._step:
            self._mdrun("instant", 0)
            self.energies = read_energies(self._written("instant", ".edr"))
            (frame, positions), *_ = frames(self._written("instant", ".trr"), self.paths, self._step)
            assert frame.velocities is not None
            assert frame.forces is not None
            assert frame.box is not None
            self.last = self._instant(State(frame.step, positions, frame.velocities, frame.forces, frame.box))
        return self.last

    def pull(self, kind: type[E], name: str = "") -> E:
        """Return the state, or what the last `advance` recorded: a time series, a trajectory."""
        if not self.fresh:
            raise stale()
        found: Entity
        if kind is ParticleSystem:
            found = self._snapshot()
        elif kind is TimeSeries:
            found = TimeSeries.of(self._times(), self.samples.steps, self.samples.columns())
        elif kind is Trajectory:
            found = self._trajectory()
        elif kind in (PotentialEnergy, Stress):
            state = self._now()
            value = self.samples.of(self.energies, state, own_kinetic=self.stochastic)[kind.__name__]
            found = kind(value=Quantity(value, UNITS[kind.__name__]))
        else:
            gives = "ParticleSystem, TimeSeries, Trajectory, PotentialEnergy, Stress"
            raise UnsupportedError(f"GROMACS gives no {kind.__name__} of a motion", hint=f"it gives {gives}")
        return found  # type: ignore[return-value]

    def _snapshot(self) -> ParticleSystem:
        state = self._now()
        found = {n: Quantity(getattr(state, n) @ self.rotation, unit) for n, unit in _COLUMNS.items()}
        if self.simulation.ensemble == "NPT":
            found["cell"] = Quantity(state.cell @ self.rotation, "nm")
        return self.system.replace(**found, energies=None, atomic_stresses=None)

    def _times(self) -> Quantity:
        steps = np.array(self.samples.steps, dtype=np.int64)
        return Quantity(steps * self.simulation.timestep.in_unit("ps"), "ps")

    def _trajectory(self) -> Trajectory:
        """Return the frames; who the particles are is said by the system at the start."""
        if not self.simulation.record:
            raise UnsupportedError("no frames were recorded", hint="ask for them: record=('positions',)")
        shape = (len(self.samples.steps), len(self.system), 3)
        columns = {n: Quantity(np.array(rows).reshape(shape), _COLUMNS[n]) for n, rows in self._kept.items()}
        if self.simulation.ensemble == "NPT":
            columns["cell"] = self.samples.columns()["CellVectors"]
        return Trajectory(system=self.system, times=self._times(), steps=self.samples.steps, **columns)

    def state(self) -> bytes:
        """Return GROMACS's own checkpoint, with the files that it belongs to."""
        files = {n: self.folder / n for n in _STATE}
        content = {n: np.frombuffer(p.read_bytes(), np.uint8) for n, p in files.items() if p.exists()}
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, step=self._step, begun=self._begun, at=self.paths.at, **content)
        return buffer.getvalue()

    def restore(self, state: bytes) -> None:
        """Go back to a state of the same simulation."""
        try:
            with np.load(io.BytesIO(state), allow_pickle=False) as found:
                files = {n: found[n].tobytes() for n in _STATE if n in found.files}
                self._step, self._begun, self.paths.at = int(found["step"]), int(found["begun"]), found["at"]
        except (ValueError, OSError, KeyError) as error:
            raise FormatError(f"the state is damaged: {error}", hint="start again from the model") from None
        self.checkpoint.unlink(missing_ok=True)
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
        text = files["motion.mdp"].decode()
        (self.folder / "instant.mdp").write_text(with_settings(text, _EVERY), encoding="utf-8")
        self._forget()
        self.fresh = False

    def transcript(self) -> str:
        """Return the commands, and the files but for the particles; run them in a folder that `keep=` kept."""
        told = commands(self.told, self._step - self._begun, self.program)
        files = (self.folder / "motion.mdp", self.inputs.topology)
        return told + "".join(f"\n; --- {f.name} ---\n{f.read_text(encoding='utf-8')}" for f in files)

    def report(self) -> dict[str, object]:
        """Return degrees of freedom, how far it came, what a restart is, and what holds distances."""
        job = self.simulation
        facts: dict[str, object] = {"precision": self.program.precision, "integrator": self.row.keyword}
        facts |= {
            "degrees of freedom": job.degrees_of_freedom,
            "steps": self._step,
            "restart": self.row.restart or "exact",
        }
        if held(self.system):
            facts["constraints"] = constraint_settings(self.system, self.program.precision)
            facts["set at rigid distances by up to [angstrom]"] = self._set_right
            if self.last is not None and self.last.step == self._step:
                here = self.system.replace(positions=Quantity(self.last.positions @ self.rotation, "nm"))
                facts["rigid distances kept to [relative]"] = deviation(here)
        return facts | ({"warnings": list(self.warnings)} if self.warnings else {})


_COLUMNS = {"positions": "nm", "velocities": "nm/ps", "forces": "kJ/mol/nm"}
