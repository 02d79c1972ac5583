"""A wiring that is killed goes on: nothing that was finished is computed again, and every number is the same."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cuds
from cuds.errors import FormatError, InvalidError
from cuds.execution.lock import alone

pytestmark = pytest.mark.xdist_group("resume")  # in one process: they share what was left alone
Count = Callable[[int, int], int]
NODES = ("relaxed", "hot", "quenched", "tensor", "body")

# Runs in a folder, and dies at the n-th event that begins with a text and has come so far.
SCRIPT = """
import os, signal, sys
import ase.build, cuds
from cuds.testing.continuum import brick

cu = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True) * 2)
eam = cuds.potential("Cu_mishin1.eam.alloy")
w = cuds.Wiring("copper")
w.add("relaxed", cuds.EnergyMinimisation, engine="lammps", system=cu, potential=eam, cell="full")
w.add("hot", cuds.MolecularDynamics, engine="lammps", potential=eam, ensemble="NVT", temperature=(600, "K"),
      timestep=(2, "fs"), duration=(4, "ps"), every=(40, "fs"), checkpoint=(1, "ps"))
w.add("quenched", cuds.SinglePoint, engine="ase", potential=eam)
w.add("tensor", cuds.Derive(cuds.ElasticTensor), engine="lammps", potential=eam)
w.add("body", cuds.LinearElasticity, engine="skfem", mesh=brick(),
      conditions=[cuds.Fixed("left"), cuds.Traction("right", x=(100, "MPa"))])
w.connect("relaxed", "hot")
w.connect("hot", "quenched")
w.connect("quenched", "tensor", output="ParticleSystem")
w.connect("tensor", "body")
folder, text, number, far = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
seen = 0
def told(event):
    global seen
    said = f"{event.text} {event.done}/{event.total}"
    print(said, flush=True)
    seen += said.startswith(text) and event.done >= far
    if seen > number:
        os.kill(os.getpid(), signal.SIGKILL)
w.run(folder=folder, progress=told)
"""


def run(folder: Path, text: str = "never", number: int = 0, far: int = 0) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", SCRIPT, str(folder), text, str(number), str(far)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def killed(folder: Path, text: str, number: int = 0, far: int = 0) -> str:
    done = run(folder, text, number, far)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return done.stderr


def finished(folder: Path) -> dict[str, bytes]:
    return {p.stem: p.read_bytes() for p in folder.glob("*.h5md")}


def numbers(folder: Path) -> dict[str, list[tuple[str, str]]]:
    """Everything that is in the results but ids and provenance, of trajectories every frame."""
    found = {}
    for name in NODES:
        result = cuds.read(folder / f"{name}.h5md")
        found[name] = [(type(e).__name__, e.whole_digest) for e in result]
    return found


@pytest.fixture(scope="module")
def alone_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same wiring, left alone."""
    folder = tmp_path_factory.mktemp("alone")
    done = run(folder)
    assert done.returncode == 0, done.stderr
    return folder


def begun(alone_in: Path, tmp_path: Path) -> Path:
    """A folder in which the seeds are those of the run that was left alone, and nothing else."""
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(alone_in / "seeds.json", folder)
    return folder


AT: list[tuple[Any, ...]] = [
    ("copper 0/5", 0),  # before anything
    ("copper 1/5", 0),
    ("hot: molecular dynamics by lammps", 1),  # before a checkpoint
    ("hot: molecular dynamics by lammps", 0, 500),  # behind one
    ("hot: molecular dynamics by lammps", 1, 1000),  # behind another, after it went on
    ("copper 2/5", 0),
    ("copper 3/5", 0),
    ("tensor: straining the crystal", 3),
    ("copper 4/5", 0),
    ("body: ", 2),
    ("copper 5/5", 0),  # everything is there
]


def test_killed_at_every_node_it_ends_as_the_one_left_alone(alone_in: Path, tmp_path: Path, count: Count) -> None:
    """One run, killed again and again, at each of its nodes and between them."""
    folder, done = begun(alone_in, tmp_path), set()
    for at in [*AT[3:8:2], AT[-1]] if count(4, len(AT)) < len(AT) else AT:
        before = finished(folder)
        said = killed(folder, *at)
        after = finished(folder)
        assert before.items() <= after.items(), "what was finished is as it was"
        assert {name for name in NODES if f"{name}: from {folder}" in said} == before.keys(), said
        done |= after.keys()
    assert done == set(NODES)
    assert run(folder).returncode == 0
    assert numbers(folder) == numbers(alone_in)
    assert sorted(p.name for p in folder.iterdir()) == sorted([*(f"{n}.h5md" for n in NODES), "lock", "seeds.json"])


def test_a_motion_goes_on_from_its_checkpoint(alone_in: Path, tmp_path: Path) -> None:
    folder = begun(alone_in, tmp_path)
    killed(folder, "hot: molecular dynamics by lammps", far=1000)
    assert run(folder).returncode == 0
    resumed = cuds.read(folder / "hot.h5md").final.provenance.parameters["resumed at step"]
    assert resumed >= 1000
    assert numbers(folder) == numbers(alone_in)


def test_killed_at_random_moments_it_ends_as_the_one_left_alone(alone_in: Path, tmp_path: Path, count: Count) -> None:
    """From outside, whatever it is doing, also while it writes; and the process alone, so that engines must notice."""
    chance, folder = random.Random(5), begun(alone_in, tmp_path)
    for _ in range(count(2, 40)):
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(folder), "never", "0", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.random() * 4)
        process.kill()
        process.communicate()
    assert run(folder).returncode == 0
    assert numbers(folder) == numbers(alone_in)


def hot(duration: float = 2.0, **settings: object) -> cuds.Wiring:
    import ase.build

    eam = cuds.potential("Cu_mishin1.eam.alloy")
    w = cuds.Wiring("hot")
    cu = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True) * 2)
    usual = {"system": cu, "initial_temperature": (300, "K"), "duration": (duration, "ps"), "every": (0.1, "ps")}
    w.add("hot", cuds.MolecularDynamics, engine="lammps", potential=eam, **{**usual, **settings})  # type: ignore[arg-type]
    return w


def test_a_seed_is_drawn_once(tmp_path: Path) -> None:
    """When a node is added; a saved wiring keeps it, a folder in which it ran goes on with its own."""
    w = hot()
    seed = w.nodes["hot"].seed
    assert seed is not None
    assert f"seed {seed} drawn" in w.check()
    assert hot().nodes["hot"].seed != seed
    assert cuds.Wiring.load(w.save(tmp_path / "saved")).nodes["hot"].seed == seed
    first = w.run(folder=tmp_path / "run")
    assert first[cuds.MolecularDynamics].seed == seed
    again = hot().run(folder=tmp_path / "run")
    assert again[cuds.MolecularDynamics].seed == seed
    assert again.final.provenance.retrieved is not None
    own = hot(seed=3).run(folder=tmp_path / "run")
    assert own[cuds.MolecularDynamics].seed == 3
    assert own.final.provenance.retrieved is None


def test_the_seed_of_a_motion_that_has_no_random_numbers_does_not_count(tmp_path: Path) -> None:
    start = hot().run()[cuds.MolecularDynamics].start()
    w = hot(system=start, initial_temperature=None)
    assert w.run()[cuds.MolecularDynamics].seed is None


@pytest.mark.parametrize("damage", ["{", "[]", '{"hot": -1}', '{"hot": "1"}', '{"hot": true}'])
def test_damaged_seeds_are_refused(damage: str, tmp_path: Path) -> None:
    (tmp_path / "seeds.json").write_text(damage)
    with pytest.raises(FormatError, match="no seeds by name"):
        hot().run(folder=tmp_path)


def test_two_runs_in_one_folder_at_once_are_refused(tmp_path: Path) -> None:
    """Of this process and of another one; the lock of one that died does not count."""
    with alone(tmp_path, "folder"), pytest.raises(InvalidError, match="another run is writing to"):
        hot().run(folder=tmp_path)
    waits = "import sys\nfrom cuds.execution.lock import alone\nfrom pathlib import Path\n"
    waits += "with alone(Path(sys.argv[1]), 'folder'):\n    print(1, flush=True)\n    sys.stdin.readline()"
    command = [sys.executable, "-c", waits, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(InvalidError, match="another run is writing to"):
            hot().run(folder=tmp_path)
        other.kill()
    assert len(hot(0.2).run(folder=tmp_path)) > 2


def test_one_that_waits_gets_the_folder_when_the_other_ends(tmp_path: Path) -> None:
    order = []

    def first() -> None:
        with alone(tmp_path, "x"):
            order.append("first")
            ready.set()
            time.sleep(0.2)
            order.append("first ends")

    ready = threading.Event()
    thread = threading.Thread(target=first)
    thread.start()
    ready.wait()
    with alone(tmp_path, "x", patience=10):
        order.append("second")
    thread.join()
    assert order == ["first", "first ends", "second"]


def test_a_changed_setting_is_computed_anew_with_all_that_waits_for_it(tmp_path: Path) -> None:
    hot(0.2, seed=1).run(folder=tmp_path)
    before = (tmp_path / "hot.h5md").read_bytes()
    found = hot(0.3, seed=1).run(folder=tmp_path)
    assert found.final.provenance.retrieved is None
    assert (tmp_path / "hot.h5md").read_bytes() != before


# A shell's background ignores interrupts.
_INTERRUPTED = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"


def test_an_interrupt_says_how_to_go_on(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", f"{_INTERRUPTED}{SCRIPT}", str(tmp_path), "never", "0", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("hot: molecular dynamics") and int(line.split()[-1].split("/")[0]) > 500:
            break
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in said
    assert "the same run in the same folder goes on from step" in said
    (record,) = (tmp_path / "unfinished" / "hot").glob("*/*/record/run.json")
    assert json.loads(record.read_text())["checkpoint"]["step"] >= 500
    assert not [p for p in os.listdir(tmp_path) if p == "hot.h5md"]
