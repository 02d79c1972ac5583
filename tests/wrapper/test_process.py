"""Where an engine runs is not the caller's business: however either ends, nothing hangs and nothing is left."""

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import numpy as np
import pytest

import cuds
from cuds.errors import EngineDiedError
from cuds.testing.process import alive, gone

CRYSTAL = """
import ase.build, cuds, sys
cu = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True) * {repeat})
eam = cuds.potential("Cu_mishin1.eam.alloy")
"""
SHORT = (
    CRYSTAL.format(repeat=2) + 'print("energy", cuds.energy(cu, potential=eam, engine="lammps").value.in_unit("eV"))\n'
)
LONG = (
    CRYSTAL.format(repeat=20)
    + """
import numpy as np
shifts = 0.3 * np.random.default_rng(1).normal(size=(len(cu), 3))
rattled = cu.replace(positions=(cu.positions.value + shifts, "angstrom"))
from cuds.execution.session import Laboratory
job = cuds.EnergyMinimisation(rattled, potential=eam, force_tolerance=(1e-14, "eV/angstrom"), max_steps=100000)
with Laboratory("lammps").open(job) as opened:
    {before}
    print("running", flush=True)
    opened.session.advance()
    print("ended")
"""
)


def start(code: str, *, stdin: bool = False, **environment: str) -> "tuple[subprocess.Popen[str], str]":
    """Start a script; every process that comes of it bears a mark."""
    mark = uuid.uuid4().hex
    command = [sys.executable, *(["-"] if stdin else ["-c", code])]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "CUDS_CONTRACT_MARK": mark, **environment},
    )
    return process, mark


def until_running(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("running"):
            time.sleep(0.5)
            return
    raise AssertionError(process.communicate())


def test_a_script_without_a_main_guard_runs_once(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(f'print("here")\n{SHORT}')
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["here", "energy"]


def test_a_script_from_standard_input_works() -> None:
    process, mark = start("", stdin=True)
    out, err = process.communicate(SHORT)
    assert out.startswith("energy -113.28"), err
    assert gone(mark)


def test_a_thread_works() -> None:
    found: list[float] = []

    def work() -> None:
        here: dict[str, object] = {}
        exec(SHORT.replace("print(", "result = ("), here)
        found.append(here["result"][1])  # type: ignore[index]

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(120)
    assert found == pytest.approx([-113.2842519], abs=1e-6)


def test_the_worker_ends_when_its_caller_is_killed() -> None:
    process, mark = start(LONG.format(before="pass"))
    until_running(process)
    assert len(alive(mark)) == 2
    process.kill()
    process.communicate()
    assert gone(mark)


def test_the_worker_ends_even_when_a_child_of_the_caller_lives_on() -> None:
    """A forked child holds every descriptor of the caller, and so its end of the lifeline."""
    process, mark = start(
        LONG.format(before='import os, time; os.fork() or (os.environ.update(X="1"), time.sleep(60), os._exit(0))')
    )
    until_running(process)
    before = set(alive(mark))
    process.kill()
    process.wait()
    end = time.monotonic() + 10
    while len(alive(mark)) > 1 and time.monotonic() < end:
        time.sleep(0.1)
    left = alive(mark)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    process.communicate()
    assert len(before) == 3
    assert len(left) == 1


def test_an_interrupt_stops_a_long_run_at_once() -> None:
    """Also where the tests themselves run in the background of a shell, which has them ignore interrupts."""
    process, mark = start(LONG.format(before="import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"))
    until_running(process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in err
    assert "ended" not in out
    assert gone(mark)


def test_a_crash_is_told_in_the_engines_own_words(tmp_path: Path) -> None:
    """What the process printed before it died is in the error, and the caller goes on."""
    from cuds.wrapper.process import Worker
    from cuds_lammps import LammpsWrapper

    worker = Worker(LammpsWrapper, tmp_path)
    os.kill(worker.process.pid, signal.SIGABRT)
    with pytest.raises(EngineDiedError, match="SIGABRT"):
        worker.call("probe")


def test_nothing_is_left_in_shared_memory() -> None:
    before = set(os.listdir("/dev/shm"))
    subprocess.run([sys.executable, "-c", SHORT], capture_output=True, check=True)
    until = time.monotonic() + 20  # others that start meanwhile have theirs for a moment
    while (left := set(os.listdir("/dev/shm")) - before) and time.monotonic() < until:
        time.sleep(0.1)
    assert left == set()


def test_the_folder_of_a_failed_run_is_kept_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    import ase.build

    x = np.zeros((2, 3))
    base = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True))
    system = base.replace(positions=(x, "angstrom"), species=[0, 0], ids=None)
    with pytest.raises(cuds.CudsError, match="kept in") as caught:
        cuds.energy(system, potential=cuds.potential("Cu_mishin1.eam.alloy"), engine="lammps")
    folder = Path(str(caught.value).rpartition("kept in ")[2].splitlines()[0])
    assert (folder / "log.lammps").is_file()
    assert (folder / "Cu_mishin1.eam.alloy").is_file()


def test_the_folder_of_a_good_run_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    import ase.build

    cu = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True))
    cuds.energy(cu, potential=cuds.potential("Cu_mishin1.eam.alloy"), engine="lammps")
    assert list(tmp_path.iterdir()) == []
