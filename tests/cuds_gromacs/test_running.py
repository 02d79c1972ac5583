"""Motion by cuds.run with GROMACS: stopped, killed, out of time, resumed; and how far it is while mdrun works."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cuds
from cuds.errors import EngineError, EngineTimeoutError
from tests.cuds_gromacs.liquids import argon
from tests.cuds_gromacs.test_dynamics import running
from tests.resumed import same, until

Count = Callable[[int, int], int]
SCRIPT = """
import sys, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, {root!r})
import cuds
from tests.cuds_gromacs.test_running import job
def told(progress):
    if progress.unit == "steps":
        print("step", progress.done, flush=True)
cuds.run(job({steps}), engine="gromacs", keep={keep!r}, progress=told)
print("ended", flush=True)
"""


def job(steps: int, **more: Any) -> cuds.MolecularDynamics:
    """Argon in a bath; a state is kept after each 1000 steps."""
    system, potential = argon()
    usual: dict[str, Any] = {
        "ensemble": "NVT", "temperature": (120, "K"), "timestep": (4, "fs"), "duration": (steps * 4, "fs"),
        "every": (80, "fs"), "checkpoint": (4, "ps"), "seed": 3,
    }  # fmt: skip
    return cuds.MolecularDynamics(system, potential=potential, **{**usual, **more})


def start(keep: Path, steps: int) -> "subprocess.Popen[str]":
    script = SCRIPT.format(root=str(Path(__file__).parents[2]), keep=str(keep), steps=steps)
    return subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            start_new_session=True)  # fmt: skip


def nothing_runs(keep: Path, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while (left := running(str(keep))) and time.monotonic() < end:
        time.sleep(0.1)
    return not left


def test_a_run_that_is_killed_and_resumed_ends_as_the_one_left_alone(tmp_path: Path, count: Count) -> None:
    """With its worker and mdrun; nothing is lost but what came after the last checkpoint."""
    steps, keep, chance = 6000, tmp_path / "kept", np.random.default_rng(1)
    alone = cuds.run(job(steps), engine="gromacs")
    for _ in range(count(1, 8)):
        process = start(keep, steps)
        until(process, int(chance.integers(1500, 5000)))
        os.kill(process.pid, signal.SIGKILL)  # nobody tells the others
        process.communicate()
        assert nothing_runs(keep)
    said = json.loads((keep / "record" / "run.json").read_text())
    resumed = cuds.run(job(steps), engine="gromacs", keep=keep)
    assert resumed.final.provenance is not None
    assert resumed.final.provenance.parameters["resumed at step"] == said["checkpoint"]["step"] >= 1000
    same(resumed, alone)


def test_an_interrupt_leaves_what_was_computed_and_no_process(tmp_path: Path) -> None:
    """In the middle of a run of mdrun; the message says how to go on."""
    keep = tmp_path / "kept"
    process = start(keep, 4_000_000)
    until(process, 2500)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in err
    assert "goes on from step" in err
    assert nothing_runs(keep)
    left = cuds.read(keep / "partial.h5md")
    assert len(left.series) == len(left.trajectory) > 10
    assert left.series.steps.tolist() == [20 * i for i in range(len(left.series))]


def test_progress_comes_while_mdrun_works() -> None:
    """Not only between its runs, and with what it takes to say how much time is left."""
    heard: list[tuple[float, cuds.Progress]] = []
    cuds.run(job(6000, record=()), engine="gromacs", progress=lambda p: heard.append((time.monotonic(), p)))
    steps = [p.done for _, p in heard if p.unit == "steps"]
    assert {p.total for _, p in heard if p.unit == "steps"} == {6000}
    assert steps == sorted(steps)
    assert len(set(steps)) > 50
    assert steps[-1] == 6000


def test_a_silent_mdrun_is_out_of_time(tmp_path: Path) -> None:
    """It stands still in the middle; the error says what is left, and no process is."""

    def hold(progress: cuds.Progress) -> None:
        if progress.unit == "steps" and progress.done > 1500:
            for process in running(str(tmp_path / "kept")):
                os.kill(process, signal.SIGSTOP)

    with pytest.raises(EngineTimeoutError, match="goes on from step") as caught:
        cuds.run(job(400_000), engine="gromacs", keep=tmp_path / "kept", timeout=3, progress=hold)
    assert "timeout" in caught.value.hint
    assert "partial.h5md" in str(caught.value)
    assert nothing_runs(tmp_path / "kept")


def test_the_words_of_gromacs_are_in_the_error() -> None:
    """A cell below twice the cutoff is refused by grompp; nothing is computed."""
    system, potential = argon(4)
    small = system.replace(cell=(1.4 * np.eye(3), "nm"))
    with pytest.raises(EngineError, match="longer than half the shortest box vector"):
        cuds.run(job(100).replace(system=small, potential=potential), engine="gromacs")
