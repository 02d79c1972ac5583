"""The model to RDF and back: the form of the graph, what it can be asked, nothing dropped, nothing changed."""

import hashlib
import http.server
import json
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyoxigraph as ox
import pytest
from hypothesis import given
from rdflib import Graph, Literal, Namespace, URIRef
from rdflib.namespace import PROV, RDF, RDFS, XSD

import cuds
from cuds import iris, model
from cuds.arrays import digest
from cuds.errors import FormatError, InvalidError, UnknownError
from cuds.model.provenance import SimulationRun
from cuds.semantics.invariants import INVARIANTS
from cuds.semantics.lift import WHERE_FROM, graph, lift
from cuds.semantics.lower import lower
from tests.stories import CONTENT, STORIES, TRANSCRIPT, brick, data_sets, difference, moving_story, systems, whole_story

CUDS = Namespace(iris.CUDS)
QUDT = Namespace("http://qudt.org/schema/qudt/")
UNIT = Namespace("http://qudt.org/vocab/unit/")
KIND = Namespace("http://qudt.org/vocab/quantitykind/")
DERIVED = {
    *(CUDS[n] for n in ("siValue", "minimum", "maximum", "count")),
    *(CUDS[i.name] for stated in INVARIANTS.values() for i in stated),
    *(PROV.used, PROV.startedAtTime, PROV.endedAtTime, PROV.wasAssociatedWith, QUDT.hasQuantityKind),
}


def copper(n: int = 4, **fields: Any) -> cuds.ParticleSystem:
    given = {"positions": (np.arange(3.0 * n).reshape(n, 3), "angstrom"), "species": np.zeros(n, dtype=int)}
    return cuds.ParticleSystem(**{**given, "kinds": [cuds.Species(symbol="Cu", mass="63.5 Da")], **fields})


def back(data: cuds.DataSet, change: Callable[[Graph], Any] = lambda found: None) -> list[cuds.Entity]:
    """Lift, change the graph, and lower again."""
    lifted = lift(data)
    change(lifted.graph)
    changed = ox.parse(lifted.graph.serialize(format="nt"), format=ox.RdfFormat.N_TRIPLES)
    return lower(changed, copies(lifted.arrays).__getitem__)


def copies(arrays: dict[str, Any]) -> dict[str, Any]:
    """As a file gives them: nobody else's, writeable."""
    return {place: a.copy() if isinstance(a, np.ndarray) else a for place, a in arrays.items()}


# --- the form ---


def said(found: Graph, node: str) -> dict[str, Any]:
    """What is said of a node, by the name of the property."""
    return {str(p).rpartition("#")[2].rpartition("/")[2]: o for p, o in found.predicate_objects(URIRef(node))}


def test_an_array_is_one_node_that_says_what_and_where_it_is() -> None:
    system = copper(id="https://example.org/cu", label="my copper")
    found = graph(cuds.DataSet(system))
    assert found.value(URIRef(system.id), CUDS.positions) == URIRef(system.id + "#positions")
    assert said(found, system.id + "#positions") == {
        "type": CUDS.Position,
        "hasQuantityKind": KIND.Length,
        "hasUnit": UNIT.ANGSTROM,
        "dtype": Literal("float64"),
        "shape": Literal("[4, 3]"),
        "checksum": Literal("sha256:" + digest(system.positions.value)),
        "location": Literal("/particles/my_copper/position/value", datatype=XSD.anyURI),
        "count": Literal(12),
        "minimum": Literal(0.0),
        "maximum": Literal(11 * 1e-10),
    }
    assert said(found, system.id + "#ids").keys().isdisjoint({"hasUnit", "hasQuantityKind"})
    assert {str(o) for o in found.objects(URIRef(system.id), RDF.type)} == {iris.CUDS + "ParticleSystem"}
    assert found.value(URIRef(system.id), CUDS.checksum) == Literal(f"sha256:{system.digest}")
    assert found.value(URIRef(system.id), CUDS.periodic) == Literal("[false, false, false]")


def test_a_number_with_a_unit_is_a_node_with_its_value_in_si() -> None:
    found = graph(cuds.DataSet(cuds.PotentialEnergy(id="urn:x:e", value=(-1 / 3, "eV"))))
    node = said(found, "urn:x:e#value")
    assert (node["type"], node["hasUnit"], node["hasQuantityKind"]) == (CUDS.EnergyValue, UNIT.EV, KIND.Energy)
    assert (float(node["numericValue"]), node["numericValue"].datatype) == (-1 / 3, XSD.double)
    assert float(node["siValue"]) == pytest.approx(-1.602176634e-19 / 3, rel=1e-15)


def test_parts_of_tuples_and_mappings_have_a_place_and_a_key() -> None:
    story = whole_story()
    found = graph(story)
    job = story[cuds.LinearElasticity]
    assert said(found, f"{job.id}#conditions/1")["type"] == CUDS.Displacement
    assert said(found, f"{job.id}#conditions/1")["index"] == Literal(1)
    assert said(found, f"{job.id}#conditions/1/z")["hasUnit"] == UNIT.MicroM
    entry = said(found, f"{job.id}#materials/a%20body%2F1")
    material = job.materials["a body/1"]
    assert (entry["type"], entry["key"], entry["entry"]) == (CUDS.Entry, Literal("a body/1"), URIRef(material.id))
    column = said(graph(cuds.DataSet(copper(id="urn:x:c", columns={"a/b.": np.ones(4)}))), "urn:x:c#columns/a%2Fb.")
    assert (column["type"], column["key"], column["dtype"]) == (CUDS.DataArray, Literal("a/b."), Literal("float64"))


def test_a_field_has_the_kind_of_its_quantity() -> None:
    story = whole_story()
    assert said(graph(story), story[cuds.Field].id + "#values")["hasQuantityKind"] == KIND.Length


def test_files_and_transcripts_are_not_in_the_graph() -> None:
    story = whole_story()
    found = graph(story)
    content = said(found, story[cuds.Potential].id + "#terms/0/files/0/content")
    sha = hashlib.sha256(CONTENT).hexdigest()
    assert content["location"] == Literal(f"/files/{sha}", datatype=XSD.anyURI)
    assert (content["checksum"], content["byteSize"]) == (Literal(f"sha256:{sha}"), Literal(3))
    assert not any("run 0" in str(o) for o in found.objects())


def test_a_tensor_says_its_constants_in_pascal() -> None:
    tensor = cuds.ElasticTensor.cubic("170 GPa", "122 GPa", "76 GPa", id="urn:x:t")
    node = said(graph(cuds.DataSet(tensor)), "urn:x:t")
    wanted = tensor.constants("Pa")
    names = {"C11": "C11", "C12": "C12", "C44": "C44", "bulkModulus": "K", "shearModulus": "G"}
    assert {n: float(node[n]) for n in names} == {n: wanted[short] for n, short in names.items()}


def test_provenance_is_said_in_the_words_of_prov() -> None:
    story = whole_story()
    found = graph(story)
    stress = story[cuds.Stress]
    run = URIRef(stress.provenance.id)
    assert found.value(URIRef(stress.id), PROV.wasGeneratedBy) == run
    assert set(found.objects(run, PROV.used)) == {URIRef(u.entity) for u in stress.provenance.used}
    engine = found.value(run, PROV.wasAssociatedWith)
    assert engine == URIRef("urn:cuds:engine:an%20engine:1.0%20beta")
    assert set(found.objects(engine, RDF.type)) == {CUDS.Engine, PROV.SoftwareAgent}
    assert (found.value(engine, RDFS.label), found.value(engine, CUDS.engineVersion)) == (
        Literal("an engine"),
        Literal("1.0 beta"),
    )
    assert str(found.value(run, PROV.startedAtTime)) == "2026-01-02T03:04:05.678901+00:00"


@pytest.mark.parametrize("n", [0, 1, 100])
def test_the_graph_has_the_same_size_for_any_number_of_atoms(n: int, count: Callable[[int, int], int]) -> None:
    def moving(n: int) -> cuds.DataSet:
        cell = (np.eye(3), "nm")
        return cuds.DataSet(
            copper(n, velocities=(np.ones((n, 3)), "nm/ps"), cell=cell, pbc=(True,) * 3, label="copper")
        )

    many = len(graph(moving(count(10**5, 10**6))))
    extremes = 0 if n else 2 * 2  # an empty array has no least and no greatest number
    assert len(graph(moving(n))) == many - extremes
    assert many <= 60


def test_only_columns_of_numbers_have_a_least_and_a_greatest() -> None:
    """Not labels of things, as ids are, nor the entries of a tensor."""
    found = graph(cuds.DataSet(copper(id="urn:x:c", cell=(np.eye(3), "nm"), columns={"w": np.ones(4)})))
    have = {str(s).rpartition("#")[2] for s in found.subjects(CUDS.minimum)}
    assert have == {"positions", "columns/w"}


# --- questions ---


def test_the_graph_says_where_a_stress_came_from() -> None:
    story = whole_story()
    rows = story.query(WHERE_FROM)
    answers = {(r["engine"], r["version"], r["file"], r["file_sha256"], r["transcript_sha256"]) for r in rows}
    file, transcript = (hashlib.sha256(c).hexdigest() for c in (CONTENT, TRANSCRIPT.encode()))
    assert answers == {("an engine", "1.0 beta", "x y.eam", file, f"sha256:{transcript}")}
    assert {r["stress"] for r in rows} == {story[cuds.Stress].id}


def test_answers_are_values_of_python() -> None:
    (row,) = whole_story().query("""
        PREFIX cuds: <https://w3id.org/cuds#>
        PREFIX prov: <http://www.w3.org/ns/prov#>
        SELECT ?ended ?tolerance ?place ?size ?nothing WHERE {
            ?run prov:endedAtTime ?ended . ?job cuds:tolerance ?tolerance .
            ?mesh cuds:points [ cuds:location ?place ; cuds:count ?size ]
            OPTIONAL { ?mesh cuds:nothing ?nothing } }""")
    assert row == {
        "ended": whole_story()[cuds.Stress].provenance.ended,
        "tolerance": 1e-9,
        "place": "/meshes/brick/points",
        "size": 24,
        "nothing": None,
    }


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        ("SELEKT ?x", "expected"),
        ("SELECT ?x WHERE { ?x a cuds:Stress }", "prefix"),
        ("ASK { ?s ?p ?o }", "only SELECT"),
        ("CONSTRUCT WHERE { ?s ?p ?o }", "only SELECT"),
        ("DROP ALL", "expected"),
    ],
)
def test_a_bad_query_is_refused(bad: str, word: str) -> None:
    with pytest.raises(InvalidError, match=f"(?i)query: .*{word}"):
        whole_story().query(bad)


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine, and what it was asked."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/x", asked
        server.shutdown()


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * WHERE { SERVICE <URL> { ?s ?p ?o } }",
        "SELECT * WHERE { ?s ?p ?o . sErViCe SILENT <URL> { ?a ?b ?c } }",
        "SELECT * WHERE { ?s ?p ?o FILTER(?s<?p#>'''\n) SERVICE <URL> { ?a ?b ?c } #'''\n }",
        "PREFIX e: <URL> SELECT * WHERE { ?s <https://w3id.org/cuds#index> 1SERVICEe:{ ?a ?b ?c } }",
        r"SELECT * WHERE { \u0053ERVICE <URL> { ?s ?p ?o } }",
        r"SELECT * WHERE { \U00000053ERVICE <URL> { ?s ?p ?o } }",
    ],
)
def test_a_query_asks_no_other_machine(query: str, listener: tuple[str, list[str]]) -> None:
    url, asked = listener
    with pytest.raises(InvalidError, match="another machine"):
        whole_story().query(query.replace("URL", url))
    assert asked == []


def test_the_store_itself_would_have_asked(listener: tuple[str, list[str]]) -> None:
    """So the refusal is needed; should the store learn not to, it can go."""
    import pyoxigraph

    url, asked = listener
    with pytest.raises(OSError, match="404"):
        list(pyoxigraph.Store().query(f"SELECT * WHERE {{ SERVICE <{url}> {{ ?s ?p ?o }} }}"))  # type: ignore[arg-type]
    assert asked == ["/x"]


def test_a_query_reads_no_file_and_fetches_nothing(tmp_path: Path, listener: tuple[str, list[str]]) -> None:
    url, asked = listener
    (tmp_path / "x.nt").write_text("<urn:a> <urn:b> <urn:c> .\n")
    for source in ((tmp_path / "x.nt").as_uri(), url):
        with pytest.raises(InvalidError):
            whole_story().query(f"LOAD <{source}>")
        for clause in ("FROM", "FROM NAMED"):
            with pytest.raises(UnknownError, match=f"{clause.split()[0]} {source}: there is no such data set"):
                whole_story().query(f"SELECT ?s {clause} <{source}> WHERE {{ GRAPH ?g {{ ?s ?p ?o }} }}")
    assert asked == []


# --- and back ---


@given(data_sets())
def test_everything_comes_back(data: cuds.DataSet) -> None:
    made = {e.id: e for e in back(data)}
    assert difference(data, cuds.DataSet(*(made[e.id] for e in data), label=data.label)) == ""
    assert made.keys() == {e.id for e in data.closure()}


@pytest.mark.parametrize("told", STORIES)
def test_a_whole_story_comes_back(told: Callable[[], cuds.DataSet]) -> None:
    story = told()
    made = {e.id: e for e in back(story)}
    assert difference(story, cuds.DataSet(*(made[e.id] for e in story), label=story.label)) == ""


def test_what_two_things_share_is_shared_again() -> None:
    story = whole_story()
    made = {e.id: e for e in back(story)}
    assert list(made[story[cuds.LinearElasticity].id].materials) == ["", "a body/1"]  # type: ignore[attr-defined]
    assert made[story[cuds.Stress].id].provenance is made[story[cuds.PotentialEnergy].id].provenance


def test_the_order_of_materials_is_kept() -> None:
    """Where regions overlap, the later one wins: order is physics."""
    a, b = (cuds.Material(elastic=cuds.ElasticTensor.isotropic(f"{e} GPa", 0.3)) for e in (1, 2))
    job = (
        cuds.LinearElasticity(brick(), materials={"z": a, "a body/1": b}, conditions=[cuds.Fixed("left")])
        if False
        else None
    )
    mesh = brick()
    more = mesh.replace(regions=[*mesh.regions, cuds.Region(name="z", on="elements", members=[0])])
    mesh = brick()
    more = mesh.replace(regions=[*mesh.regions, cuds.Region(name="z", on="elements", members=[0])])
    job = cuds.LinearElasticity(more, materials={"z": a, "a body/1": b}, conditions=[cuds.Fixed("left")])
    (again,) = (e for e in back(cuds.DataSet(job)) if isinstance(e, cuds.LinearElasticity))
    assert list(again.materials) == ["z", "a body/1"]


@pytest.mark.parametrize(("told", "share"), [(whole_story, 1), (moving_story, 6)])
def test_every_triple_counts(told: Callable[[], cuds.DataSet], share: int, count: Callable[[int, int], int]) -> None:
    """Without any one of them, lowering fails, or only what is derived from others or never was physics is gone.

    The stories give no setting the value that it has when it is not given: that one may be left out.
    """
    story = told()
    silent, said = set(), sorted(graph(story))
    for triple in random.Random(1).sample(said, count(len(said) // share, len(said))):
        try:
            made = {e.id: e for e in back(story, lambda found, t=triple: found.remove(t))}  # type: ignore[misc]
            again = cuds.DataSet(*(made[e.id] for e in story if e.id in made), label=story.label)
        except FormatError:
            continue
        if difference(story, again):
            silent.add(triple[1])
        else:
            meaning = triple[1] == RDF.type and str(triple[2]).removeprefix(iris.CUDS) not in model.classes()
            assert triple[1] in DERIVED or meaning or str(triple[0]).startswith("urn:cuds:engine:"), triple
    assert silent <= {RDFS.label, PROV.wasGeneratedBy, CUDS.point, CUDS.fileName, CUDS.uncertainty}


@pytest.mark.parametrize(
    ("subject", "predicate", "value", "words"),
    [
        ("urn:x:new", RDF.type, CUDS.Stres, "urn:x:new.*Stres.*Stress"),
        ("urn:x:new", RDF.type, URIRef("urn:x:Thing"), "urn:x:new.*urn:x:Thing"),
        ("urn:x:new", CUDS.value, Literal(1), "urn:x:new.*none"),
        ("urn:x:new", RDF.type, CUDS.Species, "nothing refers to this Species"),
        ("urn:x:s", CUDS.chargess, Literal(1), "urn:x:s: ParticleSystem has no property chargess.*charges"),
        ("urn:x:s", URIRef("urn:x:p"), Literal(1), "urn:x:s: ParticleSystem has no property urn:x:p"),
        ("urn:x:s#kinds/0", CUDS.colour, Literal("red"), "kinds/0: Species has no property colour"),
        ("urn:x:s#positions", CUDS.colour, Literal("red"), "an array has no property colour"),
        ("urn:x:s#kinds/0/mass", CUDS.colour, Literal("red"), "mass: a value with a unit has no property colour"),
        ("urn:x:s#kinds/0/mass", QUDT.numericValue, Literal(2.0), "numericValue is said 2 times"),
        ("urn:x:s#kinds/0", CUDS.symbol, Literal("Ag"), "symbol is said 2 times"),
        ("urn:x:s", CUDS.charges, URIRef("urn:x:gone"), "urn:x:gone: it is referred to, but nothing is said of it"),
        ("urn:x:s", CUDS.kinds, URIRef("urn:x:s"), "kinds"),
    ],
)
def test_what_the_model_does_not_know_is_named(subject: str, predicate: URIRef, value: Any, words: str) -> None:
    with pytest.raises(FormatError, match=f"(?s){words}"):
        back(cuds.DataSet(copper(id="urn:x:s")), lambda found: found.add((URIRef(subject), predicate, value)))


@pytest.mark.parametrize(
    ("node", "predicate", "value", "words"),
    [
        ("urn:x:s#positions", QUDT.hasUnit, UNIT.MilliX, "MilliX is not known"),
        ("urn:x:s#positions", QUDT.hasUnit, UNIT.GigaPA, "GPa"),
        ("urn:x:s#positions", QUDT.hasUnit, UNIT.NanoM, "urn:x:s.*digest is not the one"),
        ("urn:x:s#positions", CUDS["shape"], Literal("[3, 4]"), "/particles/ParticleSystem_1/position/value is not"),
        ("urn:x:s#positions", CUDS.dtype, Literal("int64"), "/particles/ParticleSystem_1/position/value is not"),
        ("urn:x:s#kinds/0", CUDS["index"], Literal(1), "kinds has gaps"),
        ("urn:x:s#kinds/0", CUDS["index"], Literal("first"), "damaged"),
        ("urn:x:s#kinds/0", CUDS.atomicNumber, Literal("many", datatype=XSD.integer), "atomic_number is 'many'"),
        ("urn:x:s#kinds/0", CUDS.symbol, Literal("Ag"), "urn:x:s .*digest is not the one"),
        ("urn:x:s", CUDS.periodic, Literal("[true"), "pbc is '\\[true'"),
        ("urn:x:s", CUDS.periodic, Literal("[1, 2]"), "pbc"),
    ],
)
def test_what_was_changed_is_named(node: str, predicate: URIRef, value: Any, words: str) -> None:
    with pytest.raises(FormatError, match=f"(?s){words}"):
        back(cuds.DataSet(copper(id="urn:x:s")), lambda found: found.set((URIRef(node), predicate, value)))


def test_what_refers_to_itself_is_refused() -> None:
    story = whole_story()
    run = story[cuds.Stress].provenance.id
    with pytest.raises(FormatError, match="SimulationRun refers to itself"):
        back(story, lambda found: found.add((URIRef(run), PROV.wasGeneratedBy, URIRef(run))))


@pytest.mark.parametrize("told", STORIES)
def test_changed_numbers_are_named(told: Callable[[], cuds.DataSet]) -> None:
    lifted = lift(told())
    for location, content in lifted.arrays.items():
        if isinstance(content, np.ndarray):
            changed: Any = content.copy()
            changed.reshape(-1).view(np.uint8)[-1] ^= 1
        else:
            changed = content + b"x"
        arrays = {**copies(lifted.arrays), location: changed}
        with pytest.raises(FormatError, match=f"{location} is not the one that was stored"):
            lower(lifted.triples, arrays.__getitem__)


# --- what cannot be said ---


def test_an_id_must_be_an_iri() -> None:
    for bad in ("copper", "urn:a b", "http://x/<y>", ""):
        with pytest.raises(InvalidError, match=r"id: .* is no IRI"):
            graph(cuds.DataSet(copper(id=bad)))


@pytest.mark.parametrize("good", ["https://example.org/data#cu", "urn:x:Å", "file:///a/b?c#d/e"])
def test_an_id_may_be_any_iri(good: str) -> None:
    (again,) = back(cuds.DataSet(copper(id=good)))
    assert again.id == good


def test_two_different_things_of_one_id_are_refused() -> None:
    tensor = cuds.ElasticTensor.cubic("170 GPa", "122 GPa", "76 GPa")
    other = cuds.ElasticTensor.cubic("171 GPa", "122 GPa", "76 GPa", id=tensor.id)
    for data in (
        lambda: cuds.DataSet(tensor, other),
        lambda: cuds.DataSet(cuds.Material(elastic=tensor), other).graph(),
    ):
        with pytest.raises(InvalidError, match=f"two different things bear the id {tensor.id}"):
            data()
    with pytest.raises(InvalidError, match="two things bear the IRI"):
        graph(cuds.DataSet(copper(id="urn:x"), copper(id="urn:x#positions")))


def test_a_tensor_in_another_unit_is_another_entity_of_the_same_origin() -> None:
    run = whole_story()[cuds.Stress].provenance
    tensor = cuds.ElasticTensor.cubic("170 GPa", "122 GPa", "76 GPa", label="C").made_by(run)
    assert tensor.digest != tensor.to("MPa").digest
    data = cuds.DataSet(tensor, tensor.to("MPa"))
    made = {e.id: e for e in back(data)}
    assert [made[e.id].digest for e in data] == [e.digest for e in data]
    assert (data.all(cuds.ElasticTensor)[1].provenance.id, data.all(cuds.ElasticTensor)[1].label) == (run.id, "C")


def test_of_two_objects_of_one_id_the_one_with_its_origin_is_kept() -> None:
    run = whole_story()[cuds.Stress].provenance
    tensor = cuds.ElasticTensor.cubic("170 GPa", "122 GPa", "76 GPa")
    material = cuds.Material(elastic=tensor)
    assert isinstance(run, SimulationRun)
    for data in (cuds.DataSet(material, tensor.made_by(run)), cuds.DataSet(tensor, tensor.made_by(run), material)):
        found = graph(data)
        assert found.value(URIRef(tensor.id), PROV.wasGeneratedBy) == URIRef(run.id)
        assert (URIRef(run.id), RDF.type, CUDS.SimulationRun) in found
        assert len({e.id for e in back(data)}) == 3


@pytest.mark.parametrize("bad", [float("nan"), object(), {1: "a"}, b"x", np.ones(2), {"a": [1 + 2j]}])
def test_remarks_are_what_json_can_say(bad: Any) -> None:
    with pytest.raises(InvalidError, match=r"annotations.*JSON cannot say"):
        copper(annotations={"x": bad})
    system = copper()
    system.annotations["x"] = bad  # a mapping can be changed behind the model's back
    with pytest.raises(InvalidError, match="JSON cannot say"):
        graph(cuds.DataSet(system))


def test_numpys_numbers_and_tuples_become_pythons() -> None:
    system = copper(annotations={"a": (1, np.float64(0.1)), "b": np.int64(3), "c": np.bool_(True)})
    assert json.dumps(system.annotations) == '{"a": [1, 0.1], "b": 3, "c": true}'


def test_text_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidError, match="surrogates"):
        graph(cuds.DataSet(copper(label="\ud800")))


@given(systems())
def test_names_and_places_do_not_collide(system: cuds.ParticleSystem) -> None:
    columns = {k: np.ones(len(system)) for k in ("", ".", "..", "%2E", "value", "a/b", "a%2Fb", "%e2%88%85", "∅")}
    labels = ("", "x", "x_2", "x", ".", "..", "a/b", "a_b", "Mesh_1")
    data = cuds.DataSet(*(system.replace(columns=columns, label=label) for label in labels))
    lifted = lift(data)
    assert len(set(lifted.names.values())) == len(labels)
    stored = [o for o in lifted.graph.objects(None, CUDS.location) if not str(o).startswith("/files/")]
    assert len(set(stored)) == len(stored) == len(lifted.arrays)
