"""What a run has recorded so far, on the disk: samples, frames, and the last state that it can go on from.

::

    record/run.json          what is being run, how far it has come, which files hold how many rows
    record/samples-*.bin     a column of the time series, row behind row
    record/frames-*.bin      a column of the trajectory
    record/state-<step>      the engine's own state at a checkpoint

Rows count once ``run.json`` says so, and it is replaced by one rename: a run that is killed at any moment can be
resumed from its last checkpoint.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from cuds.arrays import Mapped
from cuds.codecs.whole import replacing
from cuds.errors import FormatError, InvalidError
from cuds.execution.session import RECORD
from cuds.model.dynamics import MolecularDynamics
from cuds.model.particles import ParticleSystem
from cuds.model.series import TimeSeries
from cuds.model.trajectory import Trajectory
from cuds.units import Quantity

_LAYOUT = 1
_DAMAGED = "start the run anew in another folder"


class Recorder:
    """The record of one run.

    Parameters
    ----------
    folder : Path
        Of the run; the record is a folder in it.
    job : MolecularDynamics
        What is run.
    engine, version : str
        By whom.

    Raises
    ------
    InvalidError
        When there is a record of another run, or of one that is complete.
    FormatError
        When the record is damaged.
    """

    def __init__(self, folder: Path, job: MolecularDynamics, engine: str, version: str) -> None:
        self.folder = folder / RECORD
        self.job = job
        self.folder.mkdir(exist_ok=True)
        self.said: dict[str, Any] = {
            "layout": _LAYOUT,
            "simulation": job.digest,
            "seed": job.seed,
            "engine": engine,
            "version": version,
            "step": 0,
            "complete": False,
            "columns": {},
            "rows": {"samples": 0, "frames": 0},
            "checkpoint": None,
        }
        if (self.folder / "run.json").exists():
            self._go_on(_read(self.folder / "run.json"))

    def _go_on(self, found: dict[str, Any]) -> None:
        """Take over a record of the same run, as it was at its last checkpoint."""
        where = self.folder.parent
        for key in ("simulation", "engine", "version"):
            if found[key] != self.said[key]:
                seed = found["seed"] != self.said["seed"] and key == "simulation"
                raise InvalidError(
                    f"keep: {where} holds another run: its {key} is {found[key][:16]}, not {self.said[key][:16]}",
                    hint=f"to go on with it, give seed={found['seed']} as it had" if seed else "name a new folder",
                    field="keep",
                )
        if found["complete"]:
            raise InvalidError(
                f"keep: the run in {where} is complete",
                hint=f"read it: cuds.read({str(where / 'result.h5md')!r}), or name a new folder",
                field="keep",
            )
        last = found["checkpoint"] or {"step": 0, "rows": {"samples": 0, "frames": 0}}
        self.said |= {"columns": found["columns"], "checkpoint": found["checkpoint"]}
        self.said |= {"rows": dict(last["rows"]), "step": last["step"]}
        for name, column in self.said["columns"].items():
            with (self.folder / column["file"]).open("r+b") as file:
                file.truncate(self._bytes(name))

    def _bytes(self, name: str) -> int:
        column = self.said["columns"][name]
        row: int = int(np.prod(column["shape"], dtype=np.int64)) * np.dtype(column["dtype"]).itemsize
        return row * int(self.said["rows"][name.partition("-")[0]])

    @property
    def step(self) -> int:
        """How far the run has come."""
        return int(self.said["step"])

    def state(self) -> bytes | None:
        """Return the state at the last checkpoint; None at the start.

        Raises
        ------
        FormatError
            When it is not what was written.
        """
        last = self.said["checkpoint"]
        if last is None:
            return None
        content: bytes = (self.folder / last["file"]).read_bytes()
        if hashlib.sha256(content).hexdigest() != last["sha256"]:
            raise FormatError(f"{self.folder / last['file']}: not the state that was written", hint=_DAMAGED)
        return content

    def add(self, step: int, series: TimeSeries, frames: Trajectory | None) -> None:
        """Append what was recorded up to a step."""
        self._append("samples", {"steps": series.steps, "times": series.times})
        self._append("samples", {s.quantity: s.values for s in series.series})
        self.said["rows"]["samples"] += len(series)
        if frames is not None:
            columns = ("steps", "times", "positions", "velocities", "forces", "cell")
            self._append("frames", {n: getattr(frames, n) for n in columns if getattr(frames, n) is not None})
            self.said["rows"]["frames"] += len(frames)
        self.said["step"] = step
        self._commit()

    def _append(self, table: str, columns: dict[str, Any]) -> None:
        for name, given in columns.items():
            key = f"{table}-{name}"
            values, unit = (given.value, given.unit) if isinstance(given, Quantity) else (given, "")
            known = self.said["columns"].setdefault(
                key, {"file": f"{key}.bin", "unit": unit, "dtype": values.dtype.str, "shape": list(values.shape[1:])}
            )
            if known["unit"] != unit:
                values = Quantity(values, unit).in_unit(known["unit"])
            with (self.folder / known["file"]).open("ab") as file:
                file.write(np.ascontiguousarray(values).data)

    def checkpoint(self, state: bytes) -> None:
        """Keep the state that belongs to what was recorded so far."""
        before = self.said["checkpoint"]
        name = f"state-{self.step}"
        with replacing(self.folder / name) as partial:
            partial.write_bytes(state)
        sha = hashlib.sha256(state).hexdigest()
        self.said["checkpoint"] = {"file": name, "sha256": sha, "step": self.step, "rows": dict(self.said["rows"])}
        self._commit()
        if before is not None and before["file"] != name:
            (self.folder / before["file"]).unlink(missing_ok=True)

    def complete(self) -> None:
        """Say that the run is complete and its result kept elsewhere; its rows are removed."""
        self.said["complete"] = True
        self._commit()
        for path in self.folder.iterdir():
            if path.name not in ("run.json", "lock"):
                path.unlink()

    def _commit(self) -> None:
        path = self.folder / "run.json"
        partial = path.with_suffix(".new")
        partial.write_text(json.dumps(self.said, indent=1))
        os.replace(partial, path)

    def _column(self, name: str) -> Any:
        column = self.said["columns"][name]
        shape = (self.said["rows"][name.partition("-")[0]], *column["shape"])
        path = self.folder / column["file"]
        array = Mapped(path, dtype=column["dtype"], mode="r", shape=shape) if shape[0] else np.zeros(shape)
        return Quantity(array, column["unit"]) if column["unit"] else array

    def _columns(self, table: str) -> dict[str, Any]:
        return {n.partition("-")[2]: self._column(n) for n in self.said["columns"] if n.startswith(table)}

    def series(self) -> TimeSeries:
        """Return what was sampled so far."""
        columns = {n: _loaded(v) for n, v in self._columns("samples").items()}
        return TimeSeries.of(columns.pop("times"), columns.pop("steps"), columns)

    def trajectory(self, system: ParticleSystem) -> Trajectory | None:
        """Return the frames so far, where they lie; None where none are recorded."""
        columns = self._columns("frames")
        return Trajectory(system=system, **columns) if columns else None


def _loaded(given: Any) -> Any:
    if isinstance(given, Quantity):
        return Quantity(np.array(given.value), given.unit)
    return np.array(given)


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        if found["layout"] > _LAYOUT:
            raise FormatError(f"{path}: layout {found['layout']}", hint="install a newer cuds")
        return found
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path}: damaged: {error}", hint=_DAMAGED, field="keep") from error
