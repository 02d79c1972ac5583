"""Following a motion to its end, block by block: it can be watched, stopped and resumed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from cuds.errors import CudsError, EngineError
from cuds.execution.recorder import Recorder
from cuds.execution.session import Laboratory, Opened
from cuds.model.dataset import DataSet
from cuds.model.dynamics import MolecularDynamics
from cuds.model.entity import Entity
from cuds.model.particles import ParticleSystem
from cuds.model.series import TimeSeries
from cuds.model.trajectory import Trajectory
from cuds.wrapper.contract import Progress

STRIDE = 1000  # steps: runs are taken apart at multiples of it and of the sampling, and nowhere else


class Motion:
    """A simulation of motion as it is run.

    Parameters
    ----------
    opened : Opened
        The session that is open on it.
    job : MolecularDynamics
        What is run.
    laboratory : Laboratory
        How.
    """

    def __init__(self, opened: Opened, job: MolecularDynamics, laboratory: Laboratory) -> None:
        self.session, self.job, self.progress = opened.session, job, laboratory.progress
        self.text = f"molecular dynamics by {opened.engine.name}"
        self.record = Recorder(opened.folder, job, opened.engine.name, opened.engine.version)
        self.resumed_at = self.record.step
        self.again = f"the same call with keep={str(opened.folder)!r} and seed={job.seed}"
        if laboratory.records is not None and laboratory.keep is None:
            self.again = "the same run in the same folder"
        self._stretch = laboratory.wrapper(job).stretch
        self._pace = 0.0  # seconds a step, of the last block
        state = self.record.state()
        if state is not None:
            self.session.restore(state)

    def follow(self) -> list[Entity]:
        """Go on to the end; return the final state, the time series and the trajectory."""
        for steps in self._blocks():
            begun = time.monotonic()
            self.session.advance(steps)
            self._keep(self.record.step + steps)
            self._pace = (time.monotonic() - begun) / steps
        final = self.session.pull(ParticleSystem)
        return [final.replace(label=f"{self.job.system.label} after {self.job.duration!r}".strip()), *self.found()]

    def _blocks(self) -> Iterator[int]:
        """Yield numbers of steps up to the next sample, checkpoint, or as long as the engine is to work at once."""
        job, unit = self.job, min(self.job.sample_steps, STRIDE)
        while (step := self.record.step) < job.n_steps:
            self.progress(Progress(step, job.n_steps, "steps", self.text))
            wish = unit * max(1, int(self._stretch / self._pace / unit) if self._pace else 1)
            end = min(job.n_steps, step - step % unit + wish, step - step % job.checkpoint_steps + job.checkpoint_steps)
            yield end - step
            if end % job.checkpoint_steps == 0 and end < job.n_steps:
                self.record.checkpoint(self.session.state())
        self.progress(Progress(job.n_steps, job.n_steps, "steps", self.text))

    def _keep(self, step: int) -> None:
        frames = self.session.pull(Trajectory) if self.job.record else None
        self.record.add(step, self.session.pull(TimeSeries), frames)

    def found(self) -> list[Entity]:
        """Return what was recorded so far."""
        label = self.job.system.label
        series = self.record.series().replace(label=f"{label} time series".strip())
        trajectory = self.record.trajectory(self.job.start())
        return [series, *([] if trajectory is None else [trajectory.replace(label=f"{label} trajectory".strip())])]

    def report(self) -> dict[str, object]:
        """Return facts for the provenance."""
        resumed = {"resumed at step": self.resumed_at} if self.resumed_at else {}
        return {**self.session.report(), **resumed}


@contextmanager
def told_where(motion: Motion) -> Iterator[None]:
    """Say, when a run is stopped or fails, how far it came and how it can go on."""
    try:
        yield
    except (KeyboardInterrupt, EngineError) as stop:
        folder = motion.record.folder.parent
        left = "nothing was recorded"
        if motion.record.said["rows"]["samples"]:
            left = f"what was recorded is in {DataSet(motion.job, *motion.found()).save(folder / 'partial.h5md')}"
        last = motion.record.said["checkpoint"]
        goes_on = f"step {last['step']}" if last else "the start"
        note = (
            f"stopped after {motion.record.step} of {motion.job.n_steps} steps; {left}; "
            f"{motion.again} goes on from {goes_on}"
        )
        if isinstance(stop, CudsError):
            stop.message += f"\n  {note}"
        else:
            stop.add_note(note)
        raise
