"""The client: a library at a service is used as one in a folder is, and says the same when something is wrong."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rdflib.compare import isomorphic
from rdflib.namespace import RDF

import cuds
from cuds.client import Remote
from cuds.errors import (
    CudsError,
    ForbiddenError,
    InvalidError,
    StaleError,
    StorageError,
    UnauthorisedError,
    UnitError,
    UnknownError,
)
from tests.server import Server
from tests.stories import STORIES, difference


@pytest.fixture
def remote(server: Server) -> Iterator[Remote]:
    with cuds.connect(server.url, key=server.key) as library:
        yield library


@pytest.fixture(params=["near", "far"])
def library(request: pytest.FixtureRequest, tmp_path: Path, server: Server) -> Iterator[Any]:
    """What is said of a library holds of both."""
    if request.param == "near":
        with cuds.Library(tmp_path / "library") as local:
            yield local
    else:
        with cuds.connect(server.url, key=server.key) as far:
            yield far


@pytest.mark.parametrize("told", STORIES)
def test_a_whole_story_comes_back(told: Any, library: Any, name: str) -> None:
    story = told()
    version = library.put(story, name)
    assert (version.name, version.number) == (name, 1)
    assert difference(story, library.get(name)) == ""
    assert isomorphic(library.graph(name), story.graph())


def test_versions_are_kept(library: Any, name: str) -> None:
    for i in (1, 2):
        assert library.put(cuds.Density(label="v", value=(i, "g/cm^3")), name).number == i
    assert library.get(name, 1)[cuds.Density].value.in_unit("g/cm^3") == pytest.approx(1)
    assert library.get(name)[cuds.Density].value.in_unit("g/cm^3") == pytest.approx(2)
    assert (name in library, [v.number for v in library.versions(name)]) == (True, [1, 2])
    gone = library.delete(name)
    assert (gone.number, gone.deleted, name in library) == (3, True, False)
    assert [(v.number, v.deleted) for v in library.versions(name)] == [(1, False), (2, False), (3, True)]
    assert library.get(name, 2)[cuds.Density].value.in_unit("g/cm^3") == pytest.approx(2)
    assert [(w.version, w.after) for w in library.history(name)] == [(1, 0), (2, 1), (3, 2)]
    assert library.put(cuds.Density(label="v", value="4 g/cm^3"), name, expected=0).number == 4


def test_things_are_found_by_what_they_are(library: Any, name: str) -> None:
    for i in range(3):
        library.put(cuds.Density(label=f"{name} {i}", value=(100 + i, "g/cm^3")), f"{name} {i}")
    found = library.find(cuds.Density, value=[(">", "100.5 g/cm^3"), ("<", cuds.Quantity(101.5, "g/cm^3"))])
    mine = [f for f in found if f.name == f"{name} 1"]
    assert [f.values["value"] for f in mine] == pytest.approx([101e3])
    assert mine[0].entity.label == f"{name} 1"
    assert [f.name for f in library.find("Density", label=f"{name} 2")] == [f"{name} 2"]


def test_questions_are_answered(library: Any, name: str) -> None:
    library.put(cuds.Density(label=f"asked {name}", value="3 g/cm^3"), name)
    label = "http://www.w3.org/2000/01/rdf-schema#label"
    rows = library.query(f'SELECT ?x ?l {{ ?x <{label}> ?l FILTER(STRSTARTS(?l, "asked")) }}')
    assert f"asked {name}" in [row["l"] for row in rows]
    iri = next(v.iri for v in library.list() if v.name == name)
    rows = library.query(f"SELECT (COUNT(*) AS ?n) FROM <{iri}> {{ ?s ?p ?o }}")
    assert isinstance(rows[0]["n"], int)


def test_graphs_are_changed(library: Any, name: str) -> None:
    iri = f"urn:changed:{abs(hash(name))}"
    library.update(f"INSERT DATA {{ GRAPH <{iri}> {{ <urn:a> <urn:b> 1, 2 }} }}")
    assert len(library.graph(iri)) == 2
    library.put_graph(iri, b"<urn:a> <urn:b> <urn:c> .\n")
    assert len(library.graph(iri)) == 1


ONE = cuds.Density(label="wrong", value="1 g/cm^3")
SAYS_LITTLE = f"<urn:a> <{RDF.type}> <https://w3id.org/cuds#Density> .\n".encode()
WRONG: dict[str, Any] = {
    "a name that is not there": (UnknownError, "there is no data set 'nobody'", lambda x: x.get("nobody")),
    "a version that is not there": (UnknownError, "version 9", lambda x: x.get("wrong", 9)),
    "no name": (InvalidError, "no label", lambda x: x.put(cuds.Density(value="1 g/cm^3"))),
    "a stale version": (StaleError, r"expected|newest", lambda x: x.put(ONE, expected=7)),
    "a query that cannot be read": (InvalidError, "query", lambda x: x.query("SELECT nonsense")),
    "no SELECT": (InvalidError, "SELECT", lambda x: x.query("ASK {}")),
    "another machine": (InvalidError, "SERVICE", lambda x: x.query("SELECT * { SERVICE <http://x/> { ?s ?p ?o } }")),
    "a graph that is not there": (UnknownError, "urn:no", lambda x: x.query("SELECT * FROM <urn:no> { ?s ?p ?o }")),
    "a class that is not there": (UnknownError, "Densty", lambda x: x.find("Densty")),
    "a property that is not there": (UnknownError, "valu", lambda x: x.find(cuds.Density, valu="1 g/cm^3")),
    "a unit that does not fit": (UnitError, "GPa", lambda x: x.find(cuds.Density, value="1 GPa")),
    "no unit": (UnitError, "value", lambda x: x.find(cuds.Density, value=1.0)),
    "an update that cannot be read": (InvalidError, "update", lambda x: x.update("INSERT nonsense")),
    "LOAD": (CudsError, "LOAD", lambda x: x.update("LOAD <file:///etc/passwd>")),
    "a graph against the shapes": (InvalidError, "is missing", lambda x: x.put_graph("urn:w", SAYS_LITTLE)),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_both_say_the_same_of_what_is_wrong(what: str, tmp_path: Path, remote: Remote) -> None:
    kind, said, do = WRONG[what]
    with cuds.Library(tmp_path / "library") as local:
        told = []
        for library in (local, remote):
            library.put(ONE)
            with pytest.raises(kind, match=said) as caught:
                do(library)
            told.append(type(caught.value))
            assert caught.value.hint
    assert told[0] is told[1]


def test_many_writers_lose_nothing(remote: Remote, name: str) -> None:
    """Each puts a version after the newest; all of them are there."""

    def put(i: int) -> int:
        return remote.put(cuds.Density(label="w", value=(i, "g/cm^3")), name).number

    with ThreadPoolExecutor(6) as pool:
        numbers = sorted(pool.map(put, range(1, 19)))
    assert numbers == list(range(1, 19))
    kept = sorted(float(remote.get(name, n)[cuds.Density].value.in_unit("g/cm^3")) for n in numbers)
    assert kept == pytest.approx(list(range(1, 19)))


def test_who_is_not_known_or_may_not_is_told(server: Server, name: str) -> None:
    one = cuds.Density(label="of erin", value="1 g/cm^3")
    for key in ("cuds_wrong", "", "cuds_" + "x" * 43):
        with pytest.raises(UnauthorisedError):
            cuds.connect(server.url, key=key)
    with (
        cuds.connect(server.url, key=server.key_of("reads", "read")) as library,
        pytest.raises(ForbiddenError, match="may not write"),
    ):
        library.put(one, name)
    with cuds.connect(server.url, key=server.key_of("erin")) as mine:
        mine.put(one, name)
    with cuds.connect(server.url, key=server.key_of("frank")) as library:
        assert name not in library
        with pytest.raises(UnknownError, match="there is no data set"):
            library.get(name)
        with pytest.raises(UnknownError, match="there is no data set"):  # as it may not know that there is one
            library.put(one, name)


def test_the_key_can_lie_in_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDS_KEY", server.key)
    with cuds.connect(server.url) as library:
        assert library.list() is not None


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "ftp://127.0.0.1", "nonsense", "http://", ""])
def test_where_there_is_no_service_is_said(url: str) -> None:
    with pytest.raises((StorageError, InvalidError)) as told:
        cuds.connect(url, key="cuds_x")
    assert told.value.hint


def test_long_arrays_come_back_bit_for_bit_and_are_read_where_they_are_touched(
    remote: Remote, name: str, count: Any
) -> None:
    n = count(20_000, 1_000_000)
    x = np.random.default_rng(0).normal(size=(n, 3))
    copper = cuds.Species(symbol="Cu", atomic_number=29, mass="63.546 Da")
    system = cuds.ParticleSystem(positions=(x, "angstrom"), kinds=(copper,), species=np.zeros(n, dtype=int))
    remote.put(system, name)
    found = remote.get(name)[cuds.ParticleSystem]
    assert np.array_equal(found.positions.value, x)
    assert found.digest == system.digest
