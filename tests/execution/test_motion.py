"""A motion can be stopped, killed and resumed at any moment, and ends as the one that was left alone."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import ase.build
import pytest

import cuds
from cuds.errors import EngineError, FormatError, InvalidError
from tests.resumed import same, until

Count = Callable[[int, int], int]

SCRIPT = """
import ase.build, cuds, sys
cu = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True) * 4)
job = cuds.MolecularDynamics(
    cu, potential=cuds.potential("Cu_mishin1.eam.alloy"), ensemble="{ensemble}", {bath}
    timestep=(2, "fs"), duration=({steps} * 2, "fs"), every=(40, "fs"), checkpoint=(2, "ps"), seed=3,
)
def told(progress):
    if progress.unit == "steps":
        print("step", progress.done, flush=True)
result = cuds.run(job, engine="lammps", keep="{keep}", progress=told)
print("ended", flush=True)
"""
NVT = {"ensemble": "NVT", "bath": 'temperature=(900, "K"),'}


def job(steps: int, **settings: object) -> cuds.MolecularDynamics:
    return cuds.MolecularDynamics(
        cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True) * 4),
        potential=cuds.potential("Cu_mishin1.eam.alloy"),
        **{  # type: ignore[arg-type]
            "ensemble": "NVT",
            "temperature": (900, "K"),
            "timestep": (2, "fs"),
            "duration": (steps * 2, "fs"),
            "every": (40, "fs"),
            "checkpoint": (2, "ps"),
            "seed": 3,
            **settings,
        },
    )


def start(keep: Path, steps: int) -> "subprocess.Popen[str]":
    script = SCRIPT.format(keep=keep, steps=steps, **NVT)
    script = f"import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n{script}"
    return subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_a_run_that_is_killed_again_and_again_ends_as_the_one_left_alone(tmp_path: Path, count: Count) -> None:
    """At random moments, every process of it; nothing is lost but what came after the last checkpoint."""
    steps = count(4000, 20_000)
    alone = cuds.run(job(steps), engine="lammps")
    chance, keep, seen = random.Random(1), tmp_path / "kept", -1
    for _ in range(count(3, 20)):
        process = start(keep, steps)
        until(process, chance.randrange(seen + 1, seen + steps // 3))
        time.sleep(chance.random() * 0.2)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        said = json.loads((keep / "record" / "run.json").read_text())
        if said["complete"]:
            break
        seen = (said["checkpoint"] or {"step": -1})["step"]
    if not (keep / "result.h5md").exists():
        start(keep, steps).communicate()
    same(cuds.read(keep / "result.h5md"), alone)


def test_an_interrupt_leaves_what_was_computed(tmp_path: Path) -> None:
    keep = tmp_path / "kept"
    process = start(keep, 400_000)
    until(process, 1500)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in err
    assert "goes on from step" in err
    left = cuds.read(keep / "partial.h5md")
    assert len(left.series) == len(left.trajectory) > 10
    assert left.series.steps.tolist() == [20 * i for i in range(len(left.series))]
    assert not (keep / "result.h5md").exists()


@pytest.mark.turns(3)
@pytest.mark.parametrize("thermostat", ["nose-hoover", "langevin", "stochastic-rescaling"])
def test_a_run_that_was_resumed_is_the_same_with_every_thermostat(
    thermostat: str, tmp_path: Path, count: Count
) -> None:
    """Also where a restart is statistical: at each checkpoint the run left alone begins its random numbers anew too."""
    halfway = count(750, 1500)
    motion = job(2 * halfway, thermostat=thermostat, checkpoint=(count(400, 1000), "fs"))

    def stop(progress: cuds.Progress) -> None:
        if progress.unit == "steps" and progress.done >= halfway:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cuds.run(motion, engine="lammps", keep=tmp_path / "kept", progress=stop)
    resumed = cuds.run(motion, engine="lammps", keep=tmp_path / "kept")
    assert resumed.final.provenance.parameters["resumed at step"] >= halfway // 3
    same(resumed, cuds.run(motion, engine="lammps"))


def test_a_run_without_a_folder_says_where_it_left_things_when_it_fails() -> None:
    """The engine dies: its files and what was recorded are kept, and the error says where."""

    def kill(progress: cuds.Progress) -> None:
        if progress.unit == "steps" and progress.done > 200:
            for path in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
                    if parent == os.getpid() and b"cuds.wrapper.worker" in (path / "cmdline").read_bytes():
                        os.kill(int(path.name), signal.SIGKILL)

    with pytest.raises(EngineError, match="SIGKILL") as caught:
        cuds.run(job(100_000), engine="lammps", progress=kill)
    assert "partial.h5md" in str(caught.value)
    folder = Path(str(caught.value).split("keep='")[1].split("'")[0])
    left = cuds.read(folder / "partial.h5md")
    assert len(left.series) > 5


def test_a_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    cuds.run(job(1200), engine="lammps", keep=tmp_path / "kept")
    with pytest.raises(InvalidError, match=r"the run in .* is complete") as caught:
        cuds.run(job(1200), engine="lammps", keep=tmp_path / "kept")
    assert "result.h5md" in caught.value.hint
    with pytest.raises(InvalidError, match="another run") as caught:
        cuds.run(job(1200, seed=4), engine="lammps", keep=tmp_path / "kept")
    assert "seed=3" in caught.value.hint


def test_a_damaged_record_is_refused(tmp_path: Path) -> None:
    keep = tmp_path / "kept"
    process = start(keep, 400_000)
    until(process, 2500)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    (state,) = (keep / "record").glob("state-*")
    state.write_bytes(state.read_bytes()[:-1] + b"?")
    with pytest.raises(FormatError, match="not the state that was written"):
        cuds.run(job(400_000), engine="lammps", keep=keep)
    (keep / "record" / "run.json").write_text("{")
    with pytest.raises(FormatError, match="damaged"):
        cuds.run(job(400_000), engine="lammps", keep=keep)


def test_checkpoints_do_not_change_where_blocks_end(tmp_path: Path) -> None:
    """How fast the machine is decides where progress is told, and nothing else: two runs are told the same."""
    one, two = (cuds.run(job(2000), engine="lammps") for _ in range(2))
    assert one.final.provenance.transcript == two.final.provenance.transcript
    same(one, two)


def test_frames_lie_in_files_that_are_gone_when_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a folder to keep, nothing stays behind, and the trajectory can be read all the same."""
    from cuds.arrays import Mapped

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    result = cuds.run(job(200), engine="lammps")
    assert list(tmp_path.iterdir()) == []
    assert isinstance(result.trajectory.positions.value, Mapped)
    assert result.trajectory[-1].positions == result.trajectory[len(result.trajectory) - 1].positions
    result.save(tmp_path / "result.h5md")
    back = cuds.read(tmp_path / "result.h5md")
    same(result, back)
    assert isinstance(back.trajectory.positions.value, Mapped)
