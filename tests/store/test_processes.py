"""Several processes, and processes that are killed: nothing committed is lost, nothing is half written."""

import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cuds
from cuds.errors import StorageError
from cuds.store.shelf import Shelf
from tests.store.writer import tensor
from tests.stories import whole_story

WRITER = Path(__file__).with_name("writer.py")
ROOT = WRITER.parents[2]


def writer(folder: Path, who: str, start: int, kind: str, *count: int) -> "subprocess.Popen[str]":
    command = [sys.executable, str(WRITER), str(folder), who, str(start), kind, *map(str, count)]
    paths = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "wrappers")])}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **paths})


def said(process: "subprocess.Popen[str]") -> list[tuple[str, int, str]]:
    """What a writer has put before it ended: name, version and label."""
    lines = [line.rstrip("\n").split("|") for line in process.communicate()[0].splitlines(keepends=True)]
    return [(words[0], int(words[1]), f"{words[2]} {words[3]}") for words in lines if len(words) == 4]


def started(process: "subprocess.Popen[str]") -> "subprocess.Popen[str]":
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def everything(library: cuds.Library) -> dict[tuple[str, int], str]:
    """The label of every version; each is read whole."""
    found = {}
    for newest in library.list():
        for version in library.versions(newest.name):
            data = library.get(version.name, version.number)
            who, i = data.label.rsplit(" ", 1)
            assert [e.digest for e in data] == [e.digest for e in tensor(who, int(i))]
            found[version.name, version.number] = data.label
    return found


def test_kills_lose_nothing_and_leave_nothing_half_written(tmp_path: Path, count: Callable[[int, int], int]) -> None:
    folder, chance = tmp_path / "library", random.Random(1)
    known: dict[tuple[str, int], str] = {}
    written, library = 0, cuds.Library(folder)
    for i in range(count(12, 200)):
        process = started(writer(folder, "a", 1000 * i, "index" if i % 2 else "files"))
        time.sleep(chance.uniform(0, 0.4))
        os.kill(process.pid, signal.SIGKILL)
        told = said(process)
        assert process.returncode == -signal.SIGKILL
        written += len(told)
        library = cuds.Library(folder)
        assert list((folder / "writing").iterdir()) == [], "what the killed one left is swept"
        assert not [p for p in (folder / "sets").rglob("*") if p.is_file() and p.suffix != ".h5md"]
        shelf = Shelf(folder)
        now = {(v.name, v.number): v.mark for name in shelf.names() for v in shelf.versions(name)}
        assert known.items() <= now.items(), "what was there is what it was"
        assert {(name, number) for name, number, _ in told} <= now.keys(), "what was said to be there is"
        assert len(now) - len(known) - len(told) in (0, 1), "and at most the one that it was about to say"
        known = now
        newest = {v.name: library.get(v.name).label for v in library.list()}
        found = {f.name: f.entity.label for f in library.find(cuds.Strain)}
        assert found == newest
        library.close()
    assert written > 0
    assert library.verify() == []
    assert len(everything(library)) == len(known)


def test_two_writers_at_once(tmp_path: Path) -> None:
    """They write versions of the same names; a third asks meanwhile and finds at last what both wrote."""
    folder = tmp_path / "library"
    with cuds.Library(folder) as library:
        library.put(tensor("c", 0), "set 0")
        assert len(library.find(cuds.Strain)) == 1
        highest = {"set 0": 1}
        both = [started(writer(folder, who, 0, "files", 20)) for who in "ab"]
        while any(p.poll() is None for p in both):
            seen = library.find(cuds.Strain)
            assert {f.entity.label[0] for f in seen} <= set("abc"), "what is found can be read"
            now = {f.name: f.version for f in seen}
            assert all(now[name] >= number for name, number in highest.items()), "and never becomes an older one"
            highest = now
        told = [entry for process in both for entry in said(process)]
        assert [p.returncode for p in both] == [0, 0]
        versions = everything(library)
        assert versions == {("set 0", 1): "c 0"} | {(name, number): label for name, number, label in told}
        assert len(told) == len({entry[:2] for entry in told}) == 40
        assert sorted(versions) == [(f"set {i}", n) for i in range(4) for n in range(1, 12 if i == 0 else 11)]
        newest = {name: number for name, number in sorted(versions)}
        assert {f.name: f.version for f in library.find(cuds.Strain)} == newest
        assert library.verify() == []


ASK = "SELECT ?t WHERE { ?s <http://purl.org/dc/terms/title> ?t } ORDER BY ?t"


def other(folder: Path, code: str) -> str:
    """What another process prints."""
    script = f"import cuds\nlibrary = cuds.Library({str(folder)!r})\nask = {ASK!r}\n{code}"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "wrappers")])}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_second_process_reads_and_writes_without_the_index(tmp_path: Path) -> None:
    folder = tmp_path / "library"
    library = cuds.Library(folder)
    library.put(whole_story(), "first")
    assert library.query(ASK) == [{"t": "first"}]
    code = """
print(library.query(ask), library._upkeep.own)
library.put(library.get("first"), "second")
library.delete("first")
print(library.query(ask))
"""
    assert other(folder, code) == "[{'t': 'first'}] False\n[{'t': 'second'}]\n"
    assert library.query(ASK) == [{"t": "second"}]
    assert other(folder, "try: library.rebuild()\nexcept cuds.CudsError as e: print(type(e).__name__, e)").startswith(
        "StorageError"
    )
    library.close()
    assert other(folder, "print(library.query(ask), library._upkeep.own)") == "[{'t': 'second'}] True\n"


def test_who_was_forked_does_not_touch_the_index_of_its_parent(tmp_path: Path) -> None:
    code = """
import os
library.put(cuds.ElasticTensor.isotropic("200 GPa", 0.3, label="steel"))
library.query(ask)
child = os.fork()
if child == 0:
    library.put(cuds.ElasticTensor.isotropic("70 GPa", 0.3, label="glass"))
    found = library.query(ask)
    os._exit(0 if [r["t"] for r in found] == ["glass", "steel"] and not library._upkeep.own else 1)
print(os.waitpid(child, 0)[1], library.query(ask), library._upkeep.own)
"""
    assert other(tmp_path / "library", code) == "0 [{'t': 'glass'}, {'t': 'steel'}] True\n"


def test_threads_share_a_library(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    library, same = cuds.Library(tmp_path / "library"), cuds.Library(tmp_path / "library")

    def work(i: int) -> int:
        (library, same)[i % 2].put(tensor("t", i), f"set {i % 3}")
        return len((library, same)[i % 2].find(cuds.Strain))

    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(work, range(24)))
    assert max(counts) == 3
    assert len(everything(library)) == 24
    assert library.verify() == []


# --- no room ---


@contextmanager
def small(limit: int) -> Iterator[None]:
    """No file of this process may become longer."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


@pytest.mark.parametrize("limit", [0, 100, 4096, 20_000])
def test_a_file_that_may_not_grow_is_a_clear_error(tmp_path: Path, limit: int) -> None:
    library = cuds.Library(tmp_path / "library")
    library.put(whole_story(), "first")
    before = contents(library)
    with small(limit), pytest.raises(StorageError, match="cannot be written to"):
        library.put(whole_story(), "first")
    assert contents(library) == before
    assert [f.name for f in library.find(cuds.Stress)] == ["first"]
    assert library.put(whole_story(), "first").number == 2
    assert library.verify() == []


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[tuple[Path, AbstractContextManager[None]]]:
    """A file system of two megabytes; for whoever may not mount one, a folder and a limit to the length of files."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        yield place, small(400_000)
        return
    try:
        yield place, nullcontext()
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_keeps_what_was_kept(disk: tuple[Path, AbstractContextManager[None]]) -> None:
    place, limit = disk
    library = cuds.Library(place / "library")
    with limit, pytest.raises(StorageError, match=r"cannot be written to(.|\n)*full"):
        fill(library)
    kept = len(library)
    assert kept > 5
    assert {v.name for v in library.list()} == {f"set {i}" for i in range(kept)}
    assert list((library.folder / "writing").iterdir()) == []
    for version in library.list():
        assert len(library.get(version.name)) == 1 + len(whole_story())
    library.purge("set 0")
    library.purge("set 1")
    library.put(whole_story(), "after")
    assert len(library) == kept - 1


def fill(library: cuds.Library) -> None:
    """Put data sets, each longer than the one before, until one does not fit."""
    for i in range(1000):
        longer = cuds.ParticleSystem(
            positions=(np.zeros((1000 * i, 3)), "nm"),
            species=[0] * (1000 * i),
            kinds=[cuds.Species(symbol="B", mass="1 Da")],
        )
        library.put(whole_story() + cuds.DataSet(longer), f"set {i}")


def contents(library: cuds.Library) -> dict[str, Any]:
    """Every file of every version, and what is being written."""
    places = (library.folder / "sets", library.folder / "writing")
    return {str(p): p.read_bytes() for place in places for p in place.rglob("*") if p.is_file()}
