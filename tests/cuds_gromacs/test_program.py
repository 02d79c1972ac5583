"""GROMACS as a program: found as it is; however a command or its caller ends, nothing hangs and nothing is left."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cuds.errors import EngineDiedError, EngineError, EngineTimeoutError, InvalidError, NotInstalledError
from cuds.testing.process import alive, gone
from cuds_gromacs.program import Program, find, remarks

TOPOLOGY = """
[ defaults ]
1 2 no 1.0 1.0
[ atomtypes ]
AR AR 18 39.948 0.0 A 0.34 1.0
[ moleculetype ]
AR 1
[ atoms ]
1 AR 1 AR AR 1 0.0 39.948
[ system ]
argon
[ molecules ]
AR 216
"""
SETTINGS = """
integrator = md
nsteps = {steps}
nstcalcenergy = 100
rvdw = 0.9
rcoulomb = 0.9
gen-vel = yes
gen-temp = 80
gen-seed = 1
"""
CALLER = """
import os, signal, sys, threading
from pathlib import Path
from cuds_gromacs.program import find
signal.signal(signal.SIGINT, signal.default_int_handler)  # what is started in the background ignores it
def said(done):
    print("running", flush=True)
{before}
find("double").run(["mdrun", "-s", "long.tpr", "-ntmpi", "1", "-v"], folder=Path({folder!r}), progress=said)
"""

FORKING = """
import signal
def said(done, told=[]):
    if not told and os.fork() == 0:
        signal.pause()
    told.append(done)
    print("running", flush=True)
"""


def argon(folder: Path, steps: int, name: str) -> None:
    """Write the input of a run."""
    (folder / "argon.top").write_text(TOPOLOGY)
    (folder / "argon.mdp").write_text(SETTINGS.format(steps=steps))
    places = [(0.4 * i, 0.4 * j, 0.4 * k) for i in range(6) for j in range(6) for k in range(6)]
    rows = [f"{i:5d}AR      AR{i:5d}{x:8.3f}{y:8.3f}{z:8.3f}" for i, (x, y, z) in enumerate(places, 1)]
    (folder / "argon.gro").write_text("\n".join(["argon", "216", *rows, "2.4 2.4 2.4", ""]))
    grompp = ["grompp", "-f", "argon.mdp", "-c", "argon.gro", "-p", "argon.top", "-o", name]
    find("double").run(grompp, folder=folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with long.tpr, which never ends, and short.tpr."""
    path = tmp_path_factory.mktemp("argon")
    argon(path, -1, "long.tpr")
    argon(path, 1000, "short.tpr")
    return path


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Mark all processes of a test; none may be left after it."""
    name = uuid.uuid4().hex
    monkeypatch.setenv("CUDS_CONTRACT_MARK", name)
    yield name
    assert gone(name), "a process is left behind"


def long_run(path: Path, **how: object) -> None:
    find("double").run(["mdrun", "-s", "long.tpr", "-ntmpi", "1"], folder=path, **how)  # type: ignore[arg-type]


def once_it_runs(what: Callable[[], object]) -> Callable[[int], None]:
    """Return a progress callback that does something once."""
    done = threading.Event()

    def told(_: int) -> None:
        if not done.is_set():
            done.set()
            what()

    return told


def mdrun_of(mark: str) -> int:
    return next(p for p in alive(mark) if commandline(p).startswith(b"/usr/bin/gmx_d"))


def commandline(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def test_it_is_found_as_it_is() -> None:
    double, mixed, any_one = find("double"), find("mixed"), find()
    assert (double.precision, mixed.precision) == ("double", "mixed")
    assert any_one == mixed
    assert double.version == mixed.version
    assert double.version[:4].isdigit()
    assert (double.force_fields / "oplsaa.ff").is_dir()
    assert find("double", threads=2).threads == 2


def test_it_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "gromacs here"
    script.write_text(f'#!/bin/sh\necho asked >> "{tmp_path}/log"\nexec {shutil.which("gmx_d")} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("CUDS_GMX", str(script))
    assert find().path == script
    assert find("double").precision == "double"
    assert (tmp_path / "log").read_text().count("asked") == 1
    os.utime(script, ns=(1, 1))
    find()
    assert (tmp_path / "log").read_text().count("asked") == 2


def test_what_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDS_GMX", str(shutil.which("gmx")))
    with pytest.raises(NotInstalledError, match=r"GROMACS in double precision.*is mixed"):
        find("double")
    monkeypatch.setenv("CUDS_GMX", "/nowhere/gmx")
    with pytest.raises(NotInstalledError, match="CUDS_GMX=/nowhere/gmx"):
        find()
    monkeypatch.setenv("CUDS_GMX", "/bin/true")
    with pytest.raises(NotInstalledError, match="/bin/true is not GROMACS"):
        find()
    monkeypatch.delenv("CUDS_GMX")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotInstalledError, match="apt install gromacs"):
        find()
    gone_since = Program(tmp_path / "gmx", "", "double", "", "", Path("/usr"))
    with pytest.raises(NotInstalledError, match="does not start"):
        gone_since.run(["-version"], folder=tmp_path)


def test_its_own_words_are_the_error(folder: Path, tmp_path: Path) -> None:
    gmx = find("double")
    with pytest.raises(
        EngineError, match=r"(?s)gmx mdrun: Error in user input:.*Unknown command-line option -foo"
    ) as e:
        gmx.run(["mdrun", "-foo"], folder=tmp_path)
    assert "For more information" not in e.value.message
    assert "Source file" not in e.value.message
    assert e.value.fields["command"][3:] == ["mdrun", "-foo"]
    assert "website" in e.value.fields["said"]
    shutil.copytree(folder, tmp_path / "a")
    (tmp_path / "a/argon.top").write_text(TOPOLOGY.replace("AR 216", "AR 216\nKR 3"))
    grompp = ["grompp", "-f", "argon.mdp", "-c", "argon.gro", "-p", "argon.top"]
    with pytest.raises(EngineError, match=r"ERROR 1 \[file argon.top, line \d+\]: No such moleculetype KR"):
        gmx.run(grompp, folder=tmp_path / "a")
    (tmp_path / "a/argon.mdp").write_text("integrator = none\nemtol = -1\n")
    with pytest.raises(EngineError, match=r"ERROR 1 \[file argon.mdp.*\]: Invalid enum 'none'"):
        gmx.run(grompp, folder=tmp_path / "a")
    with pytest.raises(InvalidError, match="does not exist"):
        gmx.run(grompp, folder=tmp_path / "b")


def test_warnings_that_are_too_many_are_told(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "argon.mdp").write_text(SETTINGS.format(steps=1) + "nonsense = 1\n")
    grompp = ["grompp", "-f", "argon.mdp", "-c", "argon.gro", "-p", "argon.top"]
    with pytest.raises(EngineError, match=r"WARNING 1 .*Unknown left-hand 'nonsense'"):
        find("double").run(grompp, folder=tmp_path)
    said = find("double").run([*grompp, "-maxwarn", "1"], folder=tmp_path)
    assert ["nonsense" in w for w in remarks(said, "WARNING")] == [True]
    assert any("nstlist" in n or "tcoupl" in n.lower() or "NVE" in n for n in remarks(said, "NOTE"))


def test_no_shell_reads_the_names(folder: Path, tmp_path: Path) -> None:
    name = "a b; touch c $HOME `id` ü.tpr"
    shutil.copy(folder / "short.tpr", tmp_path / name)
    find("double").run(["mdrun", "-s", tmp_path / name, "-ntmpi", "1", "-nsteps", "1"], folder=tmp_path)
    assert not (tmp_path / "c").exists()
    assert (tmp_path / "confout.gro").exists()


def test_the_environment_changes_nothing(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"OMP_NUM_THREADS": "1", "GMX_MAXBACKUP": "9", "LC_ALL": "de_DE", "GMX_VIRIAL": "x"}.items():
        monkeypatch.setenv(name, value)
    for threads in (1, 2, 2):
        find("double", threads=threads).run(
            ["mdrun", "-s", folder / "short.tpr", "-ntmpi", "1", "-ntomp", str(threads), "-nsteps", "1"],
            folder=tmp_path,
        )
        assert f"Using {threads} OpenMP thread" in (tmp_path / "md.log").read_text()
    assert list(tmp_path.glob("#*")) == []
    assert [k for k in find()._surroundings() if k.startswith("GMX")] == []


def test_what_it_asks_is_answered(folder: Path, tmp_path: Path) -> None:
    gmx = find("double")
    gmx.run(["mdrun", "-s", folder / "short.tpr", "-ntmpi", "1"], folder=tmp_path)
    said = gmx.run(["energy", "-f", "ener.edr", "-o", "e.xvg"], folder=tmp_path, stdin="Potential\n\n")
    assert "Potential " in said
    assert (tmp_path / "e.xvg").exists()


def test_progress_is_told(folder: Path, tmp_path: Path) -> None:
    steps: list[int] = []
    mdrun = ["mdrun", "-s", folder / "short.tpr", "-ntmpi", "1"]
    find("double").run(mdrun, folder=tmp_path, progress=steps.append)
    assert steps == sorted(set(steps))
    assert steps[-1] == 1000
    assert len(steps) > 3


def test_time_out_and_stop(folder: Path, mark: str) -> None:
    with pytest.raises(EngineTimeoutError, match="has not ended within 1 s"):
        long_run(folder, timeout=1)
    assert gone(mark)
    stop = threading.Event()
    begun = time.monotonic()
    with pytest.raises(EngineDiedError, match="stopped"):
        long_run(folder, stop=stop, progress=once_it_runs(stop.set))
    assert time.monotonic() - begun < 30


def test_a_hanging_command_is_killed(folder: Path, mark: str) -> None:
    with pytest.raises(EngineTimeoutError):
        long_run(folder, timeout=2, progress=once_it_runs(lambda: os.kill(mdrun_of(mark), signal.SIGSTOP)))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_a_killed_command_is_named(folder: Path, mark: str, how: signal.Signals) -> None:
    with pytest.raises(EngineDiedError, match=f"gmx mdrun was ended by {how.name}"):
        long_run(folder, progress=once_it_runs(lambda: os.kill(mdrun_of(mark), how)))


def test_a_run_that_was_told_to_stop_is_not_taken_for_a_whole_one(folder: Path, mark: str) -> None:
    with pytest.raises(EngineDiedError, match="was told to stop by SIGTERM"):
        long_run(folder, progress=once_it_runs(lambda: os.kill(mdrun_of(mark), signal.SIGTERM)))


def test_a_callback_that_raises_ends_the_command(folder: Path, mark: str) -> None:
    def fail() -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        long_run(folder, progress=once_it_runs(fail))
    assert gone(mark)


def caller(folder: Path, before: str = "") -> "subprocess.Popen[str]":
    """Start a script that runs GROMACS, and wait until that makes steps."""
    code = CALLER.format(folder=str(folder), before=before)
    paths = os.pathsep.join(p for p in sys.path if p)
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    return process


@pytest.mark.parametrize("whole_group", [False, True])
def test_it_dies_with_its_caller(folder: Path, mark: str, whole_group: bool) -> None:
    process = caller(folder)
    assert len(alive(mark)) == 3  # the script, the watcher, GROMACS
    (os.killpg if whole_group else os.kill)(process.pid, signal.SIGKILL)
    process.communicate()
    assert gone(mark, 3)


def test_it_dies_with_its_caller_though_a_copy_of_that_lives(folder: Path, mark: str) -> None:
    """A process forked while GROMACS runs holds both ends of the pipe."""
    process = caller(folder, FORKING)
    copy = next(
        p for p in alive(mark) if p != process.pid and b"long.tpr" in commandline(p) and b"-c" in commandline(p)
    )
    process.kill()
    process.wait()
    end = time.monotonic() + 5
    while len(alive(mark)) > 1 and time.monotonic() < end:
        time.sleep(0.05)
    left = alive(mark)
    os.kill(copy, signal.SIGKILL)
    process.communicate()
    assert left == [copy]


def test_it_ends_with_an_interrupt(folder: Path, mark: str) -> None:
    process = caller(folder)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in said
    assert gone(mark, 1)


def test_several_run_at_once_and_leave_nothing_open(folder: Path, tmp_path: Path, mark: str) -> None:
    def run(number: int) -> str:
        place = tmp_path / str(number)
        place.mkdir()
        if number % 2:
            with pytest.raises(EngineTimeoutError):
                find("double").run(["mdrun", "-s", folder / "long.tpr", "-ntmpi", "1"], folder=place, timeout=1)
        else:
            find("double").run(["mdrun", "-s", folder / "short.tpr", "-ntmpi", "1", "-nsteps", "50"], folder=place)
        return (place / "md.log").read_text()

    run(100)
    before = len(os.listdir("/proc/self/fd"))
    with ThreadPoolExecutor(4) as pool:
        logs = list(pool.map(run, range(8)))
    assert all("Finished mdrun" in log for log in logs[::2])
    assert len(os.listdir("/proc/self/fd")) == before
    assert gone(mark)
