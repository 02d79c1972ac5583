"""What every store does: data sets come back bit for bit, by name and version, and are found by what they mean."""

import gc
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import cuds
from cuds.errors import AmbiguousError, InvalidError, UnitError, UnknownError, UnsupportedError
from cuds.model.provenance import SimulationRun, Used
from cuds.store import Library, Memory, Store
from tests.stories import STORIES, data_sets, difference, moving_story, whole_story

PREFIXES = "PREFIX cuds: <https://w3id.org/cuds#> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#> "


@pytest.fixture(params=["memory", "folder", "endpoint"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "memory":
        return Memory()
    return Library(
        tmp_path / "library", endpoint=request.getfixturevalue("server") if request.param == "endpoint" else ""
    )


def computed(c11: float, label: str, *, engine: str = "an engine", symbol: str = "Cu") -> cuds.DataSet:
    """A tensor that a run made from a crystal which is not in the data set."""
    crystal = cuds.ParticleSystem(
        positions=(np.zeros((4, 3)), "nm"), species=[0] * 4, kinds=[cuds.Species(symbol=symbol, mass="63.5 Da")]
    )
    when = datetime(2026, 1, 2, tzinfo=UTC)
    run = SimulationRun(
        activity="ElasticConstants", engine=engine, version="1", started=when, ended=when, used=(Used.of(crystal),)
    )
    unsure = cuds.Quantity(np.full((6, 6), 0.5), "GPa")
    return cuds.DataSet(
        cuds.ElasticTensor.cubic((c11, "GPa"), "90 GPa", "70 GPa", uncertainty=unsure, label=label).made_by(run),
        label=label,
    )


@pytest.mark.parametrize("story", STORIES)
def test_what_is_put_comes_back(store: Store, story: Callable[[], cuds.DataSet]) -> None:
    told = story()
    version = store.put(told)
    assert (version.name, version.number) == (told.label, 1)
    assert difference(told, store.get(told.label)) == ""
    assert len(store.graph(told.label)) == len(told.graph())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=data_sets())
def test_anything_at_all_comes_back(tmp_path: Path, data: cuds.DataSet) -> None:
    library = Library(tmp_path / "library")
    version = library.put(data, "any")
    assert difference(data, library.get("any", version.number)) == ""
    assert library.query("SELECT (COUNT(*) AS ?n) WHERE { GRAPH ?g { ?s ?p ?o } }")[0]["n"] == len(data.graph()) + 3


def test_versions_stay_readable(store: Store) -> None:
    for i in (1, 2, 3):
        assert store.put(computed(100 + i, f"number {i}"), "copper").number == i
    assert [v.number for v in store.versions("copper")] == [1, 2, 3]
    assert store.get("copper").label == "number 3"
    assert store.get("copper", 1).label == "number 1"
    assert [v.number for v in store.list()] == [3]
    assert [f.values["C11"] for f in store.find(cuds.ElasticTensor, C11=(">", "0 GPa"))] == [103e9]


def test_what_is_deleted_is_not_asked_and_can_be_put_again(store: Store) -> None:
    store.put(computed(170, "copper"))
    store.put(computed(100, "aluminium", symbol="Al"))
    assert store.delete("copper").deleted
    assert [v.name for v in store.list()] == ["aluminium"]
    assert [f.name for f in store.find(cuds.ElasticTensor)] == ["aluminium"]
    with pytest.raises(UnknownError, match=r"version 2 says that it was deleted(.|\n)*there: 1"):
        store.get("copper")
    assert store.get("copper", 1).label == "copper"
    assert store.put(computed(171, "again"), "copper").number == 3
    assert store.get("copper").label == "again"
    with pytest.raises(UnknownError, match=r"copperr(.|\n)*did you mean 'copper'"):
        store.get("copperr")
    with pytest.raises(UnknownError, match=r"version 9 is not there(.|\n)*there: 1, 3"):
        store.get("copper", 9)
    with pytest.raises(UnknownError, match="'gold'"):
        store.delete("gold")


@pytest.mark.parametrize("name", ["a/b", "..", ".hidden", "ü 1 %2F", "x" * 200, "urn:uuid:1", "a\nb", "1.h5md"])
def test_any_text_is_a_name(store: Store, name: str) -> None:
    store.put(computed(170, "copper"), name)
    assert [v.name for v in store.list()] == [name]
    assert store.get(name).label == "copper"
    assert [f.name for f in store.find(cuds.ElasticTensor)] == [name]


def test_no_name_and_one_that_is_too_long_are_refused(store: Store) -> None:
    with pytest.raises(InvalidError, match=r"no label(.|\n)*give name="):
        store.put(cuds.DataSet())
    with pytest.raises(InvalidError, match="too long"):
        store.put(cuds.DataSet(), "ü" * 100)
    assert store.list() == []


def test_a_triple_leaves_with_the_last_data_set_that_says_it(store: Store) -> None:
    shared = cuds.ElasticTensor.isotropic("200 GPa", 0.3, label="shared")
    store.put(cuds.DataSet(shared), "one")
    store.put(cuds.DataSet(shared), "two")
    asked = PREFIXES + 'SELECT ?x WHERE { ?x rdfs:label "shared" }'
    assert len(store.query(asked)) == 1
    assert len(store.find(cuds.ElasticTensor)) == 2
    store.delete("one")
    assert len(store.query(asked)) == 1
    store.put(computed(170, "other"), "two")
    assert store.query(asked) == []


def test_a_query_is_asked_of_all_and_a_clause_chooses(store: Store) -> None:
    versions = [store.put(computed(170, "copper")), store.put(computed(100, "aluminium"))]
    what = "{ ?x cuds:C11 ?c }"
    assert {r["c"] for r in store.query(f"{PREFIXES} SELECT ?c WHERE {what}")} == {100e9, 170e9}
    by = store.query(f"{PREFIXES} SELECT ?g ?c WHERE {{ GRAPH ?g {what} }}")
    assert {(r["g"], r["c"]) for r in by} == {(versions[0].iri, 170e9), (versions[1].iri, 100e9)}
    one = versions[0].iri
    assert store.query(f"{PREFIXES} SELECT ?c FROM <{one}> WHERE {what}") == [{"c": 170e9}]
    assert store.query(f"{PREFIXES} SELECT ?c FROM NAMED <{one}> WHERE {{ GRAPH ?g {what} }}") == [{"c": 170e9}]
    assert store.query(f"{PREFIXES} SELECT ?c FROM NAMED <{one}> WHERE {what}") == []
    assert store.query('SELECT ?from WHERE { BIND("from" AS ?from) }') == [{"from": "from"}]
    assert len(store.query("SELECT ?g WHERE { ?g a <http://www.w3.org/ns/dcat#Dataset> }")) == 2


@pytest.mark.parametrize(
    ("query", "says"),
    [
        (
            "SELECT ?s FROM <file:///etc/passwd> WHERE { ?s ?p ?o }",
            "FROM file:///etc/passwd: there is no such data set",
        ),
        ("SELECT ?s FROM NAMED <file:///etc/passwd> { GRAPH ?g { ?s ?p ?o } }", "FROM file:///etc/passwd"),
        ("SELECT ?s FR\\u004FM <file:///etc/passwd> WHERE { ?s ?p ?o }", "FROM file:///etc/passwd"),
        ("PREFIX f: <file:///etc/> SELECT ?s FROM f:passwd WHERE { ?s ?p ?o }", "FROM file:///etc/passwd"),
        ("SELECT ?s FROM <https://example.org/x> WHERE { ?s ?p ?o }", "FROM https://example.org/x"),
        ("LOAD <file:///etc/passwd>", "query: error"),
        ("INSERT DATA { <urn:x> <urn:x> 1 }", "query: error"),
        ("DROP ALL", "query: error"),
        ("SELECT * WHERE { SERVICE <http://localhost:1/> { ?s ?p ?o } }", "SERVICE would ask another machine"),
        ("SELECT * WHERE { S\\u0045RVICE <http://localhost:1/> { ?s ?p ?o } }", "SERVICE"),
        ("ASK { ?s ?p ?o }", "only SELECT"),
        ("CONSTRUCT WHERE { ?s ?p ?o }", "only SELECT"),
        ("nonsense from nowhere", "cannot be read"),
    ],
)
def test_a_query_reaches_nothing_else(store: Store, query: str, says: str) -> None:
    store.put(computed(170, "copper"))
    with pytest.raises((InvalidError, UnknownError), match=says):
        store.query(query)
    assert [v.name for v in store.list()] == ["copper"]
    assert len(store.find(cuds.ElasticTensor)) == 1


def test_a_function_that_is_not_there_is_no_damage(store: Store) -> None:
    """A damaged index is made anew; what a query wants is no reason to."""
    for query in ("SELECT (<http://x>(1) AS ?y) WHERE {}", "SELECT * WHERE { ?s ?p ?o FILTER(<http://x>(?o)) }"):
        with pytest.raises(InvalidError, match="custom function <http://x> is not supported"):
            store.query(query)


def test_a_graph_that_is_elsewhere_says_nothing(store: Store) -> None:
    store.put(computed(170, "copper"))
    assert store.query("SELECT * WHERE { GRAPH <file:///etc/passwd> { ?s ?p ?o } }") == []


# --- find ---


def test_finding_by_range_and_by_what_it_was_made_from(store: Store) -> None:
    for c11, symbol, engine in ((150, "Cu", "a"), (170, "Cu", "b"), (180, "Al", "a"), (210, "Cu", "a")):
        store.put(computed(c11, f"{symbol} {c11}", engine=engine, symbol=symbol))

    def names(**conditions: Any) -> list[str]:
        return [f.name for f in store.find(cuds.ElasticTensor, **conditions)]

    assert names(material="Cu", C11=(">", "160 GPa")) == ["Cu 170", "Cu 210"]
    assert names(material="Cu", C11=[(">", "1600 kbar"), ("<", (2e11, "Pa"))]) == ["Cu 170"]
    assert names(C11="170 GPa") == ["Cu 170"]
    assert names(C11=("!=", "170 GPa")) == ["Al 180", "Cu 150", "Cu 210"]
    assert names(engine="a", material="Al") == ["Al 180"]
    assert names(label="Cu 150") == ["Cu 150"]
    assert names(uncertainty=("<=", "0.5 GPa")) == names()
    assert names(uncertainty=("<", "0.5 GPa")) == []
    assert names(material="Fe") == names(used="nothing") == []


def test_what_many_were_made_from_is_found_as_of_few(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(6):
        store.put(computed(150 + i, f"{i}", symbol="Cu" if i % 2 else "Al", engine=f"engine {i % 3}"))
    asked: list[dict[str, Any]] = [{"material": "Cu"}, {"engine": "engine 2"}, {"material": "Al", "engine": "engine 1"}]
    one_by_one = [[f.id for f in store.find(cuds.ElasticTensor, **a)] for a in asked]
    monkeypatch.setattr("cuds.store.index.Index.far", True)  # then it is traced forth
    assert [[f.id for f in store.find(cuds.ElasticTensor, **a)] for a in asked] == one_by_one
    assert [len(found) for found in one_by_one] == [3, 2, 1]


def test_a_class_counts_with_those_below_it(store: Store) -> None:
    store.put(whole_story())
    store.put(moving_story())
    kinds = {f.kind for f in store.find(cuds.Simulation)}
    assert kinds == {"LinearElasticity", "MolecularDynamics", "HeatConduction", "Homogenisation"}
    assert {f.kind for f in store.find("ContinuumSimulation")} == kinds - {"MolecularDynamics"}
    assert {f.kind for f in store.find("AtomisticSimulation", ensemble="NPT", seed=3)} == {"MolecularDynamics"}
    with pytest.raises(UnknownError, match=r"Symulation(.|\n)*did you mean 'Simulation'"):
        store.find("Symulation")
    with pytest.raises(UnknownError, match="no class of entities"):
        store.find(cuds.Quantity)


def test_scalars_are_compared_in_any_unit(store: Store) -> None:
    """Also those by mole with those by particle: -1/3 eV is -32.16 kJ/mol."""
    store.put(whole_story())
    molar = cuds.PotentialEnergy(value="-40 kJ/mol", label="molar")
    store.put(molar)
    assert [f.name for f in store.find(cuds.PotentialEnergy, value=("<", "-33 kJ/mol"))] == ["molar"]
    assert [f.name for f in store.find(cuds.PotentialEnergy, value=("<", "-0.34 eV"))] == ["molar"]
    assert [f.name for f in store.find(cuds.PotentialEnergy, value=(">", "-0.34 eV"))] == ["story"]
    assert [f.name for f in store.find(cuds.PotentialEnergy, value="-9.560229445506693 kcal/mol")] == ["molar"]
    assert len(store.find(cuds.PotentialEnergy, value=("<", "-32 kJ/mol"))) == 2


def test_references_are_found_by_content_and_by_label(store: Store) -> None:
    story = moving_story()
    store.put(story)
    argon = story[cuds.Trajectory].system
    assert len(store.find(cuds.MolecularDynamics, system=argon.replace(label="another"))) == 1
    assert len(store.find(cuds.MolecularDynamics, system="argon")) == 1
    assert store.find(cuds.MolecularDynamics, system="neon") == []
    assert [f.id for f in store.find(cuds.ParticleSystem, formula="Ar")] == [argon.id]
    assert [f.entity.label for f in store.find(cuds.Material, material="warm")] == ["warm"]
    assert store.find(cuds.Stress, von_mises=(">", "1 Pa")) == []
    (heat,) = store.find(cuds.ThermalConductivity, mean=("<", "3 W/m/K"))
    assert heat.values["mean"] == pytest.approx(2)


def test_what_is_found_reads_its_entity(store: Store) -> None:
    story = whole_story()
    store.put(story)
    (found,) = store.find(cuds.Stress, von_mises=(">", "1 Pa"))
    stress = story[cuds.Stress]
    assert (found.id, found.kind, found.name, found.version) == (stress.id, "Stress", "story", 1)
    assert found.values["von_mises"] == pytest.approx(stress.von_mises.in_unit("Pa"))
    store.put(computed(170, "another"), "story")
    assert difference(stress, found.entity) == "", "of the version that was found"


@pytest.mark.parametrize(
    ("conditions", "error", "says"),
    [
        ({"C1l": "1 GPa"}, UnknownError, "'C1l'(.|\n)*did you mean 'C1.'"),
        ({"C11": "300 K"}, UnitError, "C11: 'K' is no unit of Stress"),
        ({"C11": (">", 160)}, UnitError, "C11: 160 has no unit"),
        ({"C11": ("~", "160 GPa")}, UnknownError, "C11: '~' is no comparison"),
        ({"stiffness": "160 GPa"}, UnsupportedError, "compared by < or >"),
        ({"C11": ([1, 2], "GPa")}, InvalidError, "single number"),
        ({"material": 3}, InvalidError, "material: 3 is no text"),
        ({"label": 3.0j}, InvalidError, "label"),
    ],
)
def test_what_cannot_be_asked_is_said(store: Store, conditions: Any, error: type[Exception], says: str) -> None:
    store.put(computed(170, "copper"))
    with pytest.raises(error, match=says):
        store.find(cuds.ElasticTensor, **conditions)


def test_what_cannot_be_compared_is_said(store: Store) -> None:
    with pytest.raises(UnsupportedError, match="kinds: it cannot be compared by =="):
        store.find(cuds.ParticleSystem, kinds="Cu")
    with pytest.raises(UnsupportedError, match="system: it cannot be compared by <"):
        store.find(cuds.MolecularDynamics, system=("<", "a"))
    with pytest.raises(AmbiguousError, match="value: the classes mean different things"):
        store.find(cuds.Entity, value=(">", "1 GPa"))


@pytest.mark.parametrize("text", ['"', "\\", "'", "\n", '" } } DROP ALL #', "ü🙂", "\x00", "SERVICE from it"])
def test_text_is_no_part_of_the_query(store: Store, text: str) -> None:
    store.put(cuds.DataSet(cuds.ElasticTensor.isotropic("200 GPa", 0.3, label=text), label="steel"))
    assert len(store.find(cuds.ElasticTensor, label=text)) == 1
    assert store.find(cuds.ElasticTensor, label=text + "x") == []
    assert store.find(cuds.ElasticTensor, used=text + "x", material=text) == []


def test_a_query_that_joins_all_with_all_is_given_up(store: Store) -> None:
    for i in range(4):
        store.put(cuds.DataSet(cuds.ElasticTensor.isotropic("200 GPa", 0.3, label=f"steel {i}"), label=f"set {i}"))
    everything = "SELECT * WHERE { ?a ?p ?x . ?b ?q ?y . ?c ?r ?z }"
    start = time.monotonic()
    with pytest.raises(InvalidError, match=r"not answered after 0\.2 s, with [1-9]"):
        store.query(everything, timeout=0.2)
    assert time.monotonic() - start < 10, "of millions of solutions"
    assert len(store.query(everything + " LIMIT 5", timeout=10)) == 5
    assert len(store.find(cuds.ElasticTensor)) == 4


def test_an_error_of_another_thread_carries_no_answer_into_this_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers of pyoxigraph may be let go of by the thread that asked alone."""
    dropped: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", lambda what: dropped.append(what.exc_value))
    store.put(whole_story())
    every = "?a ?b ?c . ?d ?e ?f . ?g ?h ?i"
    with ThreadPoolExecutor(1) as pool:
        asked = [pool.submit(store.query, text, timeout=0) for text in (f"SELECT * {{ {every} }}", "ASK {}")]
        if isinstance(store, Library | Memory):
            forms = (f"CONSTRUCT {{ ?a ?b ?c }} WHERE {{ {every} }}", f"SELECT * {{ {every} }}")
            asked += [pool.submit(store.answer, text, timeout=0) for text in forms]
    said = [future.exception() for future in asked]
    assert all(isinstance(error, InvalidError | UnsupportedError) for error in said)
    said.clear()
    asked.clear()
    gc.collect()
    assert dropped == []


@pytest.mark.parametrize(
    "query", ["SELECT nonsense", "INSERT DATA {}", "ASK {}", "SERVICE <urn:x>", "SELECT * { ?a ?b ?c . ?d ?e ?f }"]
)
def test_an_error_keeps_nothing_of_who_asked(store: Store, query: str) -> None:
    """It lies in no ring: what the frames hold is let go of at once, and by their own thread."""

    def asked() -> "weakref.ref[Any]":
        held = type("Held", (), {})()
        with pytest.raises((InvalidError, UnsupportedError)):
            store.query(query, timeout=0)
        return weakref.ref(held)

    store.put(whole_story())
    asked()
    gc.collect()
    gc.disable()
    try:
        assert asked()() is None
    finally:
        gc.enable()
