"""Queries in processes of their own: they are stopped in time, and whatever they do, the next one is answered."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import cuds
from cuds.errors import InvalidError, StorageError, UnknownError
from cuds.store.apart import Answer, Asked, Askers, Asking

COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
LABELS = "SELECT ?l { ?x <http://www.w3.org/2000/01/rdf-schema#label> ?l } ORDER BY ?l"
ENDLESS = f"SELECT (COUNT(*) AS ?n) {{ {' '.join(f'?a{i} ?b{i} ?c{i} .' for i in range(6))} }}"


def rows(answer: Answer) -> list[str]:
    found = json.loads(answer.content)["results"]["bindings"]
    return [value["value"] for row in found for value in row.values()]


@pytest.fixture
def library(tmp_path: Path) -> Iterator[cuds.Library]:
    with cuds.Library(tmp_path / "library") as made:
        for i in range(5):
            made.put(cuds.Density(label=f"d{i}", value=(1 + i, "g/cm^3")))
        yield made


@pytest.fixture
def asking(library: cuds.Library) -> Iterator[Asking]:
    made = Asking(library, Askers(2, memory=1 << 30, longest=1 << 16))
    yield made
    made.close()


def ask(asking: Asking, query: str, timeout: float = 60.0, **more: str) -> Answer:
    return asking.answer(Asked(query, **more), timeout=timeout)


def test_every_kind_of_query_is_answered(asking: Asking) -> None:
    assert rows(ask(asking, LABELS)) == [f"d{i}" for i in range(5)]
    asked = ask(asking, "ASK { ?s ?p ?o }", results="application/sparql-results+xml")
    assert (asked.kind, b"<boolean>true</boolean>" in asked.content) == ("boolean", True)
    built = ask(asking, "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o } LIMIT 3")
    assert (built.kind, built.media, built.content.count(b"\n")) == ("graph", "application/n-triples", 3)
    assert ask(asking, LABELS, results="").content == b""


def test_what_was_kept_meanwhile_is_asked_too(library: cuds.Library, asking: Asking) -> None:
    copies = library.folder / "writing"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask, asking, ENDLESS, 2.0)
        while not list(copies.glob("*/index")):
            time.sleep(0.01)
        library.put(cuds.Density(label="d5", value="9 g/cm^3"))
        assert len(rows(ask(asking, LABELS))) == 6
        assert len(list(copies.glob("*/index"))) == 2  # that which is asked without end, and the new one
        with pytest.raises(InvalidError, match="2 s"):
            waiting.result()
    assert len(list(copies.glob("*/index"))) == 1
    assert len(rows(ask(asking, LABELS))) == 6
    asking.close()
    assert not list(copies.glob("*/index"))


def test_who_may_read_little_is_answered_of_that(library: cuds.Library, asking: Asking) -> None:
    """Also in a library whose index belongs to another process; and of graphs that the request chooses."""
    mine = {"urn:cuds:dataset:d1", "urn:cuds:dataset:d3"}

    def labels(**how: Any) -> list[str]:
        return rows(asking.answer(Asked(LABELS), among=mine.__contains__, **how))

    assert labels() == ["d1", "d3"]
    assert labels(default=["urn:cuds:dataset:d3"]) == ["d3"]
    assert labels(default=sorted(mine)) == ["d1", "d3"]
    assert labels(named=sorted(mine)) == []
    assert labels(default=["urn:cuds:dataset:d2"]) == labels(default=["urn:of:nobody"]) == []
    with pytest.raises(UnknownError, match="d2"):
        asking.answer(Asked(LABELS.replace("{", "FROM <urn:cuds:dataset:d2> {", 1)), among=mine.__contains__)
    library.put(cuds.Density(label="new", value="9 g/cm^3"), "d1")
    assert labels() == ["d3", "new"]
    named = "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } } ORDER BY ?g"
    assert rows(asking.answer(Asked(named), among=mine.__contains__)) == sorted(mine)
    assert len(rows(asking.answer(Asked(named)))) == 5


def test_a_query_without_end_is_stopped_and_the_next_is_answered(asking: Asking) -> None:
    begun = time.monotonic()
    with pytest.raises(InvalidError, match="not answered after 1 s"):
        ask(asking, ENDLESS, timeout=1)
    assert time.monotonic() - begun < 60
    assert len(rows(ask(asking, LABELS))) == 5


def test_who_finds_nobody_free_waits_no_longer_than_its_time(asking: Asking) -> None:
    def tried(_: int) -> str:
        with pytest.raises(InvalidError) as told:
            ask(asking, ENDLESS, timeout=1)
        return told.value.message

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(tried, range(6))) == {"query: not answered after 1 s"}
    assert len(rows(ask(asking, LABELS))) == 5


def test_many_are_answered_at_once(asking: Asking) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: rows(ask(asking, LABELS)), range(40)))
    assert found == [[f"d{i}" for i in range(5)]] * 40


def test_a_query_that_eats_memory_ends_alone(asking: Asking) -> None:
    x = "BIND(CONCAT(?x, ?x, ?x, ?x, ?x, ?x, ?x, ?x) AS ?y)"
    grown = 'SELECT * { BIND("0123456789abcdef" AS ?v0) ' + " ".join(
        x.replace("?x", f"?v{i}").replace("?y", f"?v{i + 1}") for i in range(10)
    )
    with pytest.raises(InvalidError, match=r"more memory|longer than"):
        ask(asking, grown + " }")
    assert len(rows(ask(asking, LABELS))) == 5


def test_an_answer_that_is_too_long_is_cut_off_by_an_error(asking: Asking) -> None:
    with pytest.raises(InvalidError, match="longer than 65536 bytes"):
        ask(asking, "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }")
    assert len(rows(ask(asking, LABELS))) == 5


def test_what_cannot_be_read_is_said_and_the_process_goes_on(asking: Asking) -> None:
    ask(asking, LABELS)
    before = children(os.getpid())
    with pytest.raises(InvalidError, match="query"):
        ask(asking, "SELECT nonsense")
    with pytest.raises(InvalidError, match="SERVICE"):
        ask(asking, "SELECT * { SERVICE <http://localhost/> { ?s ?p ?o } }")
    assert len(rows(ask(asking, LABELS))) == 5
    assert children(os.getpid()) == before


def test_a_process_that_is_killed_is_replaced(asking: Asking) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask, asking, ENDLESS, 60)
        while not (found := children(os.getpid())):
            time.sleep(0.01)
        time.sleep(0.3)
        os.kill(found[0], signal.SIGKILL)
        with pytest.raises(StorageError, match="ended"):
            waiting.result()
    assert len(rows(ask(asking, LABELS))) == 5


def children(parent: int) -> list[int]:
    """The processes that answer for one."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            mine = int((place / "stat").read_text().rpartition(")")[2].split()[1]) == parent
            if mine and b"asker.py" in (place / "cmdline").read_bytes():
                found.append(int(place.name))
    return found


def test_it_ends_with_who_asked_it(library: cuds.Library, tmp_path: Path) -> None:
    """Killed in the middle of a query without end: the process that answers goes too."""
    script = f"""
import cuds, threading, time
from cuds.store.apart import Asked, Askers, Asking
askers = Askers(1)
asking = Asking(cuds.Library({str(library.folder)!r}), askers)
threading.Thread(target=asking.answer, args=(Asked({ENDLESS!r}),), kwargs=dict(timeout=600)).start()
time.sleep(3)
print(askers._free.qsize(), flush=True)
time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "0\n"
    (asker,) = children(parent.pid)
    parent.kill()
    parent.communicate()
    until = time.monotonic() + 60
    while Path(f"/proc/{asker}/stat").exists() and Path(f"/proc/{asker}/stat").read_text().split()[2] != "Z":
        assert time.monotonic() < until
        time.sleep(0.02)
