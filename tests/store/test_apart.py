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
from cuds.errors import ForbiddenError, InvalidError, StorageError, TooLargeError, UnknownError
from cuds.store.apart import Asked, Asking
from cuds.store.askers import Answer, Askers

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


# --- updates ---

JOIN = "?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n ?o . FILTER(?a = ?none)"
HOSTILE = {
    "the default graph": f"DELETE {{ ?a ?b ?c }} INSERT {{ ?a ?b ?c }} WHERE {{ {JOIN} }}",
    "any graph": f"INSERT {{ <urn:x> <urn:x> ?a }} WHERE {{ GRAPH ?x {{ {JOIN} }} }}",
    "after another": f"INSERT DATA {{ <urn:x> <urn:y> 1 }} ; INSERT {{ ?a ?b ?c }} WHERE {{ {JOIN} }}",
    "to read": "INSERT { ?s ?p 1 } WHERE { ?s <urn:x>" + "/<urn:x>" * 3000 + " ?p }",
}


@pytest.fixture
def filled(library: cuds.Library) -> None:
    """A default graph, and another, of which joins have no end."""
    said = " . ".join(f"<urn:s{n}> <urn:p> {n}" for n in range(400))
    library.update(f"INSERT DATA {{ {said} GRAPH <urn:g> {{ {said} }} }}")


@pytest.mark.turns(2)
@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("hostile", HOSTILE)
def test_an_update_without_end_is_stopped_and_holds_nobody_up(
    library: cuds.Library, asking: Asking, hostile: str
) -> None:
    before = {v.name: v.number for v in library.list()}
    with ThreadPoolExecutor(1) as pool:
        begun = time.monotonic()
        waiting = pool.submit(asking.update, HOSTILE[hostile], timeout=4)
        while not children(os.getpid()) and not waiting.done():
            time.sleep(0.01)
        library.update("INSERT DATA { GRAPH <urn:other> { <urn:s> <urn:p> 1 } }")
        asking.update("INSERT DATA { GRAPH <urn:another> { <urn:s> <urn:p> 1 } }")
        assert len(rows(ask(asking, LABELS))) == 5
        assert not waiting.done()
        with pytest.raises(InvalidError, match="update: not answered after 4 s"):
            waiting.result()
        assert time.monotonic() - begun < 30
    after = {v.name: v.number for v in library.list()}
    assert after == {**before, "urn:other": 1, "urn:another": 1}
    assert library.verify() == []
    assert not list((library.folder / "writing").glob("*/[0-9a-f]*"))


@pytest.mark.usefixtures("filled")
def test_an_update_that_makes_too_much_is_stopped(library: cuds.Library, asking: Asking) -> None:
    grown = "INSERT { GRAPH <urn:big> { ?a ?b ?d } } WHERE { ?a ?b ?c . ?d ?e ?f }"
    with pytest.raises(InvalidError, match="longer than 65536 bytes"):
        asking.update(grown)
    with pytest.raises(TooLargeError, match="more than 1000"):
        asking.update("INSERT { GRAPH <urn:big> { ?a ?b 1 } } WHERE { ?a ?b ?c }", most=1000)
    copies = " ; ".join(f"COPY <urn:g> TO <urn:copy:{n}>" for n in range(6000))
    with pytest.raises(TooLargeError, match="2000000 triples at once"):
        asking.update(copies)
    assert "urn:big" not in library


@pytest.mark.parametrize(
    "update",
    [
        "INSERT { ?s ?p 1 } WHERE { FILTER(" + "(" * 50_000 + "1" + ")" * 50_000 + ") }",
        "INSERT { ?s ?p 1 } WHERE { FILTER(1" + "+1" * 50_000 + ") }",
        "INSERT DATA { <urn:x> <urn:x> " + "(" * 50_000 + ")" * 50_000 + " }",
        "DELETE WHERE { <urn:x> <urn:x> " + "[<urn:x> " * 50_000 + "1" + "]" * 50_000 + " }",
        "INSERT DATA { <urn:x> <urn:x> " + "<<( <urn:x> <urn:x> " * 50_000 + "1" + ")>>" * 50_000 + " }",
        "WITH <urn:x> DELETE { ?s ?p ?o } USING <urn:y> WHERE " + "{" * 50_000 + "}" * 50_000,
    ],
    ids=["brackets", "sums", "lists", "nodes", "triples", "groups"],
)
def test_what_is_nested_without_end_ends_no_process_of_ours(asking: Asking, update: str) -> None:
    with pytest.raises(InvalidError, match="nested"):
        asking.update(update)
    asking.update("INSERT DATA { <urn:x> <urn:x> ((((1)))) }")


def test_updates_that_overtake_each_other_lose_nothing(library: cuds.Library, asking: Asking) -> None:
    """Counters in one graph, and a sum over all of them in another."""
    library.update("INSERT DATA { GRAPH <urn:n> { <urn:n> <urn:is> 0 } GRAPH <urn:m> { <urn:m> <urn:is> 0 } }")
    one = "DELETE { GRAPH <%s> { ?x <urn:is> ?n } } INSERT { GRAPH <%s> { ?x <urn:is> ?m } } "
    one += "WHERE { GRAPH %s { ?x <urn:is> ?n } BIND(?n + 1 AS ?m) FILTER(?x = <%s>) }"

    def count(n: int) -> None:
        graph = ("urn:n", "urn:m")[n % 2]
        asking.update(one % (graph, graph, "?any" if n % 4 < 2 else f"<{graph}>", graph))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, range(40)))
    counted = {r["x"]: r["n"] for r in library.query("SELECT ?x ?n { ?x <urn:is> ?n }")}
    assert counted == {"urn:n": 20, "urn:m": 20}
    assert library.verify() == []


def test_an_update_sees_and_changes_what_it_may(library: cuds.Library, asking: Asking) -> None:
    library.update("INSERT DATA { GRAPH <urn:of:ann> { <urn:s> <urn:p> 1 } GRAPH <urn:of:bob> { <urn:s> <urn:p> 2 } }")
    mine = {"urn:of:ann", "urn:copy", "urn:cuds:default"}.__contains__
    for where in ("GRAPH ?g { ?s ?p ?o }", "GRAPH <urn:of:bob> { ?s ?p ?o }"):
        asking.update(f"INSERT {{ GRAPH <urn:copy> {{ ?s ?p ?o }} }} WHERE {{ {where} }}", readable=mine)
    using = "INSERT { GRAPH <urn:copy> { ?s ?p ?o } } USING <urn:of:bob> USING NAMED <urn:of:bob> WHERE "
    asking.update(using + "{ { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } }", readable=mine)
    asking.update("COPY SILENT <urn:of:bob> TO <urn:copy2>", readable=mine)
    assert library.graph_text("urn:copy").count(b"\n") == 1
    with pytest.raises(ForbiddenError):
        asking.update("CLEAR GRAPH <urn:of:bob>", writable=mine)
    with pytest.raises(ForbiddenError):
        asking.update("INSERT { GRAPH ?g { ?s ?p 3 } } WHERE { GRAPH ?g { ?s ?p ?o } }", writable=mine)
    assert b"2" in library.graph_text("urn:of:bob")


def test_one_who_asks_without_end_leaves_a_process_to_others(library: cuds.Library) -> None:
    asking = Asking(library, Askers(2, each=1))
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(asking.answer, Asked(ENDLESS), timeout=4, by="eve") for _ in range(3)]
        while not children(os.getpid()):
            time.sleep(0.01)
        assert len(rows(asking.answer(Asked(LABELS), by="ann", timeout=60))) == 5
        assert not any(one.done() for one in waiting)
        for one in waiting:
            with pytest.raises(InvalidError, match="not answered"):
                one.result()
    asking.close()


def test_a_query_that_is_nested_without_end_is_refused(asking: Asking) -> None:
    for clause in ("", "FROM <urn:cuds:dataset:d1> "):
        with pytest.raises(InvalidError, match="nested too deeply"):
            ask(asking, f"SELECT * {clause}{{ FILTER({'(' * 50_000}1{')' * 50_000}) }}")
    begun = time.monotonic()
    assert rows(
        ask(asking, f"SELECT ?l FROM <urn:cuds:dataset:d1> {{ ?x ?p ?l FILTER({'(' * 30}?l = 'd1'{')' * 30}) }}")
    )
    assert time.monotonic() - begun < 20


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
from cuds.store.apart import Asked, Asking
from cuds.store.askers import Askers
askers = Askers(1)
asking = Asking(cuds.Library({str(library.folder)!r}), askers)
threading.Thread(target=asking.answer, args=(Asked({ENDLESS!r}),), kwargs=dict(timeout=600)).start()
time.sleep(3)
print(len(askers._free), flush=True)
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
