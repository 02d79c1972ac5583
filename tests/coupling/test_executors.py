"""Any executor of `concurrent.futures` runs a wiring: threads, processes, Dask, Parsl; with the same numbers."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import ase.build
import numpy as np
import pytest

import cuds
from cuds.errors import CudsError, InvalidError

pytestmark = pytest.mark.xdist_group("executors")  # in one process: they share two clusters
EAM = cuds.potential("Cu_mishin1.eam.alloy")


def copper(strain: float = 0.0) -> cuds.ParticleSystem:
    made = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True) * 2, label="copper")
    return made.strained([strain, 0, 0, 0, 0, 0])


def fan() -> cuds.Wiring:
    """One node, three that wait for it, and one in motion that waits for one of them."""
    w = cuds.Wiring("fan")
    w.add("relaxed", cuds.EnergyMinimisation, engine="lammps", system=copper(), potential=EAM, cell="full")
    w.add("ase", cuds.SinglePoint, engine="ase", potential=EAM)
    w.add("lammps", cuds.SinglePoint, engine="lammps", potential=EAM)
    w.add("tensor", cuds.Derive(cuds.ElasticTensor), engine="lammps", potential=EAM)
    w.add("hot", cuds.MolecularDynamics, engine="lammps", potential=EAM, initial_temperature=(300, "K"),
          duration=(0.2, "ps"), every=(0.01, "ps"), seed=4)  # fmt: skip
    for name in ("ase", "lammps", "tensor"):
        w.connect("relaxed", name)
    w.connect("lammps", "hot")
    return w


@pytest.fixture(scope="module")
def alone() -> list[tuple[str, str]]:
    return numbers(fan().run())


def numbers(found: cuds.DataSet) -> list[tuple[str, str]]:
    return [(type(e).__name__, e.whole_digest) for e in found]


@contextmanager
def dask() -> Iterator[Executor]:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):  # type: ignore[no-untyped-call]
        yield client.get_executor()


@contextmanager
def parsl() -> Iterator[Executor]:
    from parsl import Config, HighThroughputExecutor
    from parsl.concurrent import ParslPoolExecutor
    from parsl.providers import LocalProvider

    local = HighThroughputExecutor(
        address="127.0.0.1", max_workers_per_node=2, provider=LocalProvider(init_blocks=1, max_blocks=1)
    )
    with ParslPoolExecutor(Config(executors=[local], strategy="none", usage_tracking=0)) as executor:
        yield executor


EXECUTORS: dict[str, Callable[[], AbstractContextManager[Executor]]] = {
    "threads": lambda: ThreadPoolExecutor(3),
    "processes": lambda: ProcessPoolExecutor(2),
    "dask": dask,
    "parsl": parsl,
}


@pytest.mark.filterwarnings("ignore")  # of Dask and Parsl, about their own ports and files
@pytest.mark.parametrize("name", EXECUTORS)
def test_numbers_are_those_of_a_run_without_one(
    name: str, alone: list[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Progress of every node is heard, arrays that come back can only be read, and results are kept on the way."""
    monkeypatch.chdir(tmp_path)
    scripts = Path(sys.executable).parent  # Parsl starts its own by name
    monkeypatch.setenv("PATH", f"{scripts}{os.pathsep}{os.environ['PATH']}")
    events: list[cuds.Progress] = []
    with EXECUTORS[name]() as executor:
        found = fan().run(executor=executor, folder=tmp_path / "run", progress=events.append)
    assert numbers(found) == alone
    assert not found.all(cuds.ParticleSystem)[0].positions.value.flags.writeable
    assert not found.trajectory.positions.value.flags.writeable
    heard = {e.text.partition(":")[0] for e in events}
    assert heard >= {"tensor", "hot", "fan"}
    assert {p.stem for p in (tmp_path / "run").glob("*.h5md")} == set(fan().nodes)


def test_nodes_run_at_the_same_time() -> None:
    """Two that wait for each other: each is told of progress only while the other is under way."""
    both = threading.Barrier(2, timeout=60)
    w = cuds.Wiring("two")
    for name in ("one", "two"):
        w.add(name, cuds.Derive(cuds.ElasticTensor), engine="lammps", system=copper(), potential=EAM)
    met: set[str] = set()
    waiting: list[threading.Thread] = []

    def told(event: cuds.Progress) -> None:
        node = event.text.partition(":")[0]
        if node in w.nodes and node not in met:
            met.add(node)
            waiting.append(threading.Thread(target=both.wait))
            waiting[-1].start()

    w.run(executor=2, progress=told)
    for thread in waiting:
        thread.join()
    assert met == {"one", "two"}
    assert not both.broken


@pytest.mark.parametrize("executor", [None, 2])
def test_a_failure_leaves_what_does_not_wait_for_it(executor: int | None, tmp_path: Path) -> None:
    """It says which node failed and what became of the others; what was done is kept, and a rerun takes it."""
    x = np.array(copper().positions.value)
    x[1] = x[0]
    w = cuds.Wiring("half")
    w.add("bad", cuds.SinglePoint, engine="lammps", system=copper().replace(positions=(x, "angstrom")),
          potential=EAM)  # fmt: skip
    w.add("after", cuds.SinglePoint, engine="lammps", potential=EAM)
    w.add("good", cuds.SinglePoint, engine="lammps", system=copper(), potential=EAM)
    w.connect("bad", "after")
    with pytest.raises(CudsError) as caught:
        w.run(folder=tmp_path, executor=executor)
    assert caught.value.message.startswith("bad: ")
    assert "not run: after; done: good" in str(caught.value)
    assert [p.name for p in tmp_path.glob("*.h5md")] == ["good.h5md"]


KILLED = """
import sys
from concurrent.futures import ProcessPoolExecutor
sys.path.insert(0, {here!r})
import test_executors as t
if __name__ == "__main__":
    w = t.cuds.Wiring("long")
    w.add("long", t.cuds.MolecularDynamics, engine="lammps", system=t.copper(), potential=t.EAM,
          initial_temperature=(300, "K"), duration=(4000, "ps"), every=(1, "ps"))
    with ProcessPoolExecutor(1) as pool:
        w.run(executor=pool, folder=sys.argv[1], progress=lambda p: print(p, flush=True))
"""


def workers(folder: Path) -> list[str]:
    """The engines that run in a folder, by what they have open."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if "cuds.wrapper.worker" in (process / "cmdline").read_text():
                opened = [os.readlink(f) for f in (process / "fd").iterdir()]
                found += [process.name] * any(str(folder) in name for name in opened)
        except OSError:
            continue
    return found


def test_engines_end_when_the_run_is_killed(tmp_path: Path) -> None:
    """In another process of a pool, which nobody ends: what it was told to compute ends."""
    script = tmp_path / "killed.py"
    script.write_text(KILLED.format(here=str(Path(__file__).parent)))
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path / "run")], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "molecular dynamics" in line and "done=0" not in line:
                break
        assert workers(tmp_path)
        process.kill()
        until = time.monotonic() + 20
        while workers(tmp_path) and time.monotonic() < until:
            time.sleep(0.1)
        assert workers(tmp_path) == []
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_a_stop_is_heard_by_every_node(tmp_path: Path) -> None:
    """A callback that raises ends the run; engines in threads and processes are stopped."""

    class Enough(BaseException):
        pass

    def told(event: cuds.Progress) -> None:
        if event.text.startswith("long") and event.done:
            raise Enough

    w = cuds.Wiring("long")
    for name in ("long", "other"):
        w.add(name, cuds.MolecularDynamics, engine="lammps", system=copper(), potential=EAM,
              initial_temperature=(300, "K"), duration=(4000, "ps"), every=(1, "ps"))  # fmt: skip
    begun = time.monotonic()
    with pytest.raises((Enough, CudsError)):
        w.run(executor=2, folder=tmp_path / "run", progress=told)
    assert time.monotonic() - begun < 60
    assert workers(tmp_path) == []


def test_an_executor_that_is_none_is_refused() -> None:
    with pytest.raises((InvalidError, AttributeError, TypeError)):
        fan().run(executor="threads")  # type: ignore[arg-type]


@pytest.mark.parametrize("executor", ["threads", 0, -2, True, 1.5, object()])
def test_what_is_no_executor_is_refused(executor: Any) -> None:
    with pytest.raises(InvalidError, match="executor: ") as refused:
        fan().run(executor=executor)
    assert "get_executor" in str(refused.value.hint)
