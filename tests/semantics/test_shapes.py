"""The shapes accept what lifting makes, and reject planted faults; a misspelt key of JSON-LD is no term."""

import json
from collections.abc import Callable
from pathlib import Path

import ase.build
import numpy as np
import pyoxigraph
import pyshacl
import pytest
from rdflib import Graph, Literal, Namespace, URIRef
from rdflib.namespace import RDF, XSD

import cuds
from cuds import iris
from cuds.registry import generated, ontology_folder
from tests.stories import STORIES

CUDS = Namespace(iris.CUDS)
QUDT = Namespace("http://qudt.org/schema/qudt/")


def copper() -> cuds.DataSet:
    return cuds.DataSet(
        cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True)), cuds.potential("Cu_mishin1.eam.alloy")
    )


def conforms(graph: Graph) -> bool:
    shapes = Graph().parse(Path(ontology_folder()) / "generated" / "shapes.ttl")
    return bool(pyshacl.validate(graph, shacl_graph=shapes)[0])


def positions(graph: Graph) -> URIRef:
    node = graph.value(predicate=RDF.type, object=CUDS.Position)
    assert isinstance(node, URIRef)
    return node


def unit_as_text(graph: Graph) -> None:
    graph.set((positions(graph), QUDT.hasUnit, Literal("angstrom")))


def no_positions(graph: Graph) -> None:
    graph.remove((None, CUDS.positions, None))


def number_as_text(graph: Graph) -> None:
    species = graph.value(predicate=RDF.type, object=CUDS.Species)
    graph.set((species, CUDS.atomicNumber, Literal("29")))  # type: ignore[arg-type]


def no_unit(graph: Graph) -> None:
    graph.remove((positions(graph), QUDT.hasUnit, None))


def two_units(graph: Graph) -> None:
    graph.add((positions(graph), QUDT.hasUnit, URIRef("http://qudt.org/vocab/unit/M")))


def wrong_kind_of_array(graph: Graph) -> None:
    graph.set((positions(graph), RDF.type, CUDS.Velocity))


def location_as_text(graph: Graph) -> None:
    graph.set((positions(graph), CUDS.location, Literal("here", datatype=XSD.string)))


def no_content(graph: Graph) -> None:
    graph.remove((None, CUDS.content, None))


FAULTS = [
    unit_as_text,
    no_positions,
    number_as_text,
    no_unit,
    two_units,
    wrong_kind_of_array,
    location_as_text,
    no_content,
]


@pytest.mark.parametrize("told", [copper, *STORIES])
def test_what_lifting_makes_conforms(told: Callable[[], cuds.DataSet]) -> None:
    assert conforms(told().graph())


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.__name__)
def test_a_planted_fault_is_rejected(fault: Callable[[Graph], None]) -> None:
    graph = copper().graph()
    fault(graph)
    assert not conforms(graph)


def parsed(json_ld: str) -> Graph:
    """Read JSON-LD by another library than the one that wrote it."""
    store = pyoxigraph.Store()
    store.load(json_ld.encode(), format=pyoxigraph.RdfFormat.JSON_LD)
    written = store.dump(format=pyoxigraph.RdfFormat.N_TRIPLES, from_graph=pyoxigraph.DefaultGraph())
    assert written is not None
    return Graph().parse(data=written, format="nt")


@pytest.mark.parametrize("told", [copper, *STORIES])
def test_json_ld_says_the_same_as_turtle(told: Callable[[], cuds.DataSet]) -> None:
    data = told()
    assert set(parsed(data.serialise("json-ld"))) == set(data.graph())


def test_a_misspelt_key_is_no_term() -> None:
    """The context has no @vocab: a key that it does not know becomes no triple at all, and the shapes miss it."""
    document = {**generated("context.jsonld"), "@id": "urn:x", "@type": "Species", "symbol": "Cu", "atomicNumer": 29}
    found = parsed(json.dumps(document))
    assert len(found) == 2
    assert not conforms(found)


def test_the_schema_accepts_the_units_that_fit_only() -> None:
    definitions = generated("schema.json")["$defs"]
    assert definitions["ParticleSystem"]["properties"]["positions"] == {"$ref": "#/$defs/Quantity.Length"}
    assert "angstrom" in definitions["Quantity.Length"]["properties"]["unit"]["enum"]
    assert "GPa" not in definitions["Quantity.Length"]["properties"]["unit"]["enum"]


@pytest.mark.parametrize("repeat", [1, 2, 10])
def test_the_graph_does_not_grow_with_the_atoms(repeat: int) -> None:
    system = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True) * repeat)
    assert len(cuds.DataSet(system).graph()) == len(
        cuds.DataSet(cuds.ParticleSystem.from_ase(ase.build.bulk("Cu"))).graph()
    )


def test_least_and_greatest_are_in_si_units() -> None:
    system = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True))
    (row,) = cuds.DataSet(system).query(
        "PREFIX cuds: <https://w3id.org/cuds#> "
        "SELECT ?most WHERE { ?s cuds:positions [ cuds:maximum ?most ] FILTER(?most < 1e-9) }"
    )
    assert row["most"] == pytest.approx(np.max(system.positions.in_unit("m")), rel=1e-12)
