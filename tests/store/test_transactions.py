"""Several graphs changed at once: all or none, whoever is killed; and many who write the same: no change is lost."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cuds
from cuds.errors import StaleError
from tests.store.test_processes import ROOT

KILLED = Path(__file__).with_name("killed.py")
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "wrappers")])}


def test_a_transaction_that_is_killed_anywhere_is_whole_or_not_there(
    tmp_path: Path, count: Callable[[int, int], int]
) -> None:
    """Killed at each touch of the file system in turn; in the reduced tier at every tenth."""
    step = 11 - count(1, 10)
    command = [sys.executable, str(KILLED), str(tmp_path / "library"), str(step)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) > 5
    number = 1
    for line in lines:
        assert line["damage"] == line["left"] == [], line
        assert set(line["files"]) == {str(line["index"][0])}, line
        assert len(line["index"]) == 1, line
        assert line["index"][0] in (number, number + 1), line
        number = line["index"][0]
    assert not lines[-1]["killed"]
    assert all(line["killed"] for line in lines[:-1])
    assert 2 < number < len(lines) + 1, "some were ended by who came next, some never began"


def test_of_many_who_expect_the_same_one_wins(tmp_path: Path) -> None:
    """200 threads, each of which adds one to a number: it is as many as were told that they did."""
    library = cuds.Library(tmp_path / "library")
    library.put_graph("urn:n", b"<urn:s> <urn:n> <urn:0> .\n")

    def add(_: int) -> bool:
        version = library.version("urn:n")
        number = int(library.graph_text("urn:n", version.number).split(b"<urn:")[-1].split(b">")[0])
        try:
            library.put_graph("urn:n", f"<urn:s> <urn:n> <urn:{number + 1}> .\n".encode(), expected=version.number)
        except StaleError:
            return False
        return True

    with ThreadPoolExecutor(200) as pool:
        told = sum(pool.map(add, range(200)))
    assert library.graph_text("urn:n") == f"<urn:s> <urn:n> <urn:{told}> .\n".encode()
    assert library.version("urn:n").number == told + 1
    assert 0 < told < 200, "they did meet"
    assert [w.after for w in library.history("urn:n")] == list(range(told + 1))


ADD = """
import cuds, sys
library = cuds.Library(sys.argv[1])
print("ready", flush=True)
for i in range(int(sys.argv[3])):
    library.update("DELETE { ?s <urn:n> ?n } INSERT { ?s <urn:n> ?m } WHERE { ?s <urn:n> ?n BIND(?n + 1 AS ?m) } ;"
                   f"INSERT DATA {{ GRAPH <urn:log> {{ <urn:{sys.argv[2]}> <urn:i> {i} }} }}", by=sys.argv[2])
"""


def test_updates_of_several_processes_are_as_if_one_after_the_other(
    tmp_path: Path, count: Callable[[int, int], int]
) -> None:
    folder, each = str(tmp_path / "library"), count(8, 40)
    library = cuds.Library(folder)
    library.update("INSERT DATA { <urn:s> <urn:n> 0 . GRAPH <urn:log> {} }")
    several: list[Any] = [
        subprocess.Popen([sys.executable, "-c", ADD, folder, who, str(each)], env=ENVIRONMENT, stdout=subprocess.PIPE)
        for who in "abcd"
    ]
    asked = "SELECT ?n (COUNT(?i) AS ?all) WHERE { ?s <urn:n> ?n OPTIONAL { ?x <urn:i> ?i } } GROUP BY ?n"
    while any(p.poll() is None for p in several):
        (row,) = library.query(asked)
        assert row["n"] == row["all"], "both graphs, or none"
    assert [p.wait() for p in several] == [0, 0, 0, 0]
    assert library.query(asked) == [{"n": 4 * each, "all": 4 * each}]
    assert library.owners()["urn:log"] in "abcd"
    assert library.verify() == []
    for process in several:
        process.stdout.close()


def test_a_library_whose_writer_was_killed_is_ended_by_who_reads(tmp_path: Path) -> None:
    """Where the one who died had said what is to be committed, and done some of it."""
    library = cuds.Library(tmp_path / "library")
    library.update("INSERT DATA { GRAPH <urn:a> { <urn:s> <urn:p> 1 } GRAPH <urn:b> { <urn:s> <urn:p> 1 } }")
    library.query("SELECT * WHERE { ?s ?p ?o }")
    draft = library.folder / "writing" / "dead"
    draft.mkdir()
    for name in "ab":
        (draft / f"{name}.nt").write_bytes(library.file(f"urn:{name}").read_bytes())
    first = library.file("urn:a")
    moves = [["urn:a", 2, "writing/dead/a.nt"], ["urn:b", 2, "writing/dead/b.nt"]]
    (library.folder / "intent").write_text(json.dumps(moves))
    (draft / "a.nt").rename(first.with_name("2.nt"))
    assert [v.number for v in library.versions("urn:b")] == [1, 2]
    assert not (library.folder / "intent").exists()
    assert {v.name: v.number for v in library.list()} == {"urn:a": 2, "urn:b": 2}
    cuds.Library(library.folder)
    assert list((library.folder / "writing").iterdir()) == []
    assert library.verify() == []
