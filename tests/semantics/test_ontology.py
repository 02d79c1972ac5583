"""The ontology and the model say the same; the reasoner finds it consistent; what is generated is up to date."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import owlready2
import pytest
from rdflib import Graph, Literal, Namespace, URIRef
from rdflib.collection import Collection
from rdflib.namespace import DCTERMS, OWL, RDF, RDFS, SKOS, XSD

from cuds import iris, model
from cuds.model.entity import Component, Term, entity_type
from cuds.registry import plugins
from cuds.units import Quantity, table

pytestmark = pytest.mark.xdist_group("ontology")  # in one process: they share a graph
ROOT = Path(__file__).resolve().parents[2]
CUDS = Namespace(iris.CUDS)
TURTLE = sorted([*ROOT.glob("ontology/**/*.ttl"), *ROOT.glob("wrappers/*/dictionary.ttl")])
HAND_WRITTEN = [p for p in TURTLE if "generated" not in p.parts]
RECIPES = tuple(plugins("cuds.recipes").working().values())
CLASSES = {n: c for n, c in model.classes().items() if c.__module__.startswith(("cuds.model.", "cuds.recipes."))}


@pytest.fixture(scope="module")
def ontology() -> Graph:
    graph = Graph()
    for path in HAND_WRITTEN:
        graph.parse(path)
    return graph


def ancestors(graph: Graph, node: URIRef) -> set[URIRef]:
    return set(graph.transitive_objects(node, RDFS.subClassOf))  # type: ignore[arg-type]


def allowed(graph: Graph, property_: URIRef, which: URIRef) -> set[URIRef]:
    """The classes of a domain or a range, a union taken apart."""
    stated = graph.value(property_, which)
    union = graph.value(stated, OWL.unionOf)
    return set(Collection(graph, union)) if union is not None else {stated}  # type: ignore[arg-type]


def bindings() -> list[tuple[type[Component], str, Term]]:
    return [(c, f, t) for c in CLASSES.values() for f, t in c.bindings().items() if t.iri.startswith(iris.CUDS)]


def test_every_binding_has_a_property_with_a_fitting_domain(ontology: Graph) -> None:
    wrong = []
    for cls, field, term in bindings():
        domain = allowed(ontology, URIRef(term.iri), RDFS.domain)
        if not domain & ancestors(ontology, CUDS[cls.__name__]):
            wrong.append(f"{cls.__name__}.{field}: {term.iri}")
    assert wrong == []


def test_every_array_and_quantity_has_a_fitting_range_and_kind(ontology: Graph) -> None:
    wrong = []
    for cls, field, term in bindings():
        if not term.means or entity_type(cls, field) is not None:
            continue
        meant = CUDS[term.means]
        if not allowed(ontology, URIRef(term.iri), RDFS.range) & ancestors(ontology, meant):
            wrong.append(f"{cls.__name__}.{field}: range")
        kind = ontology.value(meant, CUDS.hasKind)
        if kind is not None and term.kind and table()["kinds"][term.kind]["iri"] != str(kind):
            wrong.append(f"{cls.__name__}.{field}: kind {kind}")
        above = CUDS.QuantityValue if term.shape is None else CUDS.DataArray
        if above not in ancestors(ontology, meant):
            wrong.append(f"{cls.__name__}.{field}: {term.means} is no {above}")
    assert wrong == []


def test_plain_fields_have_the_datatype_of_the_ontology(ontology: Graph) -> None:
    datatypes = {str: XSD.string, int: XSD.integer, float: XSD.double}
    wrong = [
        f"{cls.__name__}.{field}"
        for cls, field, term in bindings()
        if (wanted := datatypes.get(cls.model_fields[field].annotation)) is not None  # type: ignore[arg-type]
        and field != "transcript"
        and ontology.value(URIRef(term.iri), RDFS.range) != wanted
    ]
    assert wrong == []


def test_data_classes_and_python_classes_are_the_same(ontology: Graph) -> None:
    marked = {str(c).removeprefix(iris.CUDS) for c in ontology.subjects(CUDS.isData, Literal(True))}
    assert marked == set(CLASSES) | {"Component"}


def test_python_and_ontology_agree_who_inherits_from_whom(ontology: Graph) -> None:
    wrong = [
        f"{name} <- {parent.__name__}"
        for name, cls in CLASSES.items()
        for parent in cls.__mro__[1:]
        if parent.__name__ in CLASSES and CUDS[parent.__name__] not in ancestors(ontology, CUDS[name])
    ]
    assert wrong == []


def own_terms(graph: Graph) -> list[URIRef]:
    kinds = (OWL.Class, OWL.ObjectProperty, OWL.DatatypeProperty, OWL.AnnotationProperty)
    return sorted({s for k in kinds for s in graph.subjects(RDF.type, k) if str(s).startswith(iris.CUDS)})  # type: ignore[type-var]


def test_every_own_term_has_label_definition_and_source(ontology: Graph) -> None:
    lacking = {
        str(t): p
        for t in own_terms(ontology)
        for p in (RDFS.label, SKOS.definition, DCTERMS.source)
        if (t, p, None) not in ontology
    }
    assert lacking == {}


def test_every_own_term_is_used(ontology: Graph) -> None:
    """In the model, in a dictionary, by lifting, or as what others are made from."""
    code = "".join(p.read_text() for p in [*ROOT.glob("cuds/**/*.py"), *ROOT.glob("scripts/*")])
    rows = "".join(p.read_text() for p in HAND_WRITTEN if p.name != "cuds.ttl")
    means = {t.means for _, _, t in bindings()}
    parents = {
        str(o).removeprefix(iris.CUDS)
        for o in [*ontology.objects(None, RDFS.subClassOf), *ontology.objects(None, RDFS.subPropertyOf)]
    }
    unused = []
    for term in own_terms(ontology):
        name = str(term).removeprefix(iris.CUDS)
        spoken = (None, term, None) in ontology or any(
            f"{before}{name}" in code for before in ("iris.", "CUDS.", 'CUDS["', '"', "'")
        )
        if not (name in CLASSES or name in means or name in parents or f"cuds:{name}" in rows or spoken):
            unused.append(name)
    assert unused == []


def test_every_term_of_the_dictionaries_is_declared(ontology: Graph) -> None:
    declared = set(own_terms(ontology)) | set(ontology.subjects(RDF.type, None))
    spoken = {t for triple in ontology for t in triple if isinstance(t, URIRef) and str(t).startswith(iris.CUDS)}
    assert sorted(spoken - declared) == []


def as_ntriples(graph: Graph, path: Path) -> Path:
    """owlready2 reads no Turtle."""
    graph.serialize(path, format="nt", encoding="utf-8")
    return path


def inconsistent(path: Path) -> list[str]:
    """Reason with HermiT; return what cannot exist. A reasoner that did not run is an error, not an empty list."""
    world = owlready2.World()
    world.get_ontology(path.as_uri()).load()
    try:
        owlready2.sync_reasoner_hermit(world, debug=0)
    except owlready2.OwlReadyInconsistentOntologyError:
        return ["the ontology itself"]
    assert any(world.classes())
    return [str(c.iri) for c in world.inconsistent_classes() if c is not owlready2.Nothing]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_hermit_finds_the_ontology_consistent(ontology: Graph, tmp_path: Path) -> None:
    assert inconsistent(as_ntriples(ontology, tmp_path / "all.nt")) == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_hermit_finds_a_planted_contradiction(ontology: Graph, tmp_path: Path) -> None:
    both = Graph() + ontology
    both.add((CUDS.Absurd, RDF.type, OWL.Class))
    both.add((CUDS.Absurd, RDFS.subClassOf, CUDS.Mesh))
    both.add((CUDS.Absurd, RDFS.subClassOf, CUDS.Potential))
    assert inconsistent(as_ntriples(both, tmp_path / "absurd.nt")) == [str(CUDS.Absurd)]
    both.add((CUDS.nothing, RDF.type, CUDS.Absurd))
    assert inconsistent(as_ntriples(both, tmp_path / "worse.nt")) == ["the ontology itself"]


def test_generated_files_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "generate", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_ontology_folder_holds_data_only() -> None:
    assert list((ROOT / "ontology").rglob("*.py")) == []


def test_dimensions_of_units_agree_with_pint() -> None:
    import pint

    registry = pint.UnitRegistry()
    letters = {
        "A": "[substance]",
        "E": "[current]",
        "L": "[length]",
        "M": "[mass]",
        "H": "[temperature]",
        "T": "[time]",
    }
    for name, unit in table()["units"].items():
        found = registry.Quantity(1.0, "" if name == "1" else name).dimensionality
        stated = {letter: int(number) for letter, number in re.findall(r"([AELIMHTD])(-?\d+)", unit["dimension"])}
        assert {letter: stated[letter] for letter in letters} == {
            letter: found.get(d, 0) for letter, d in letters.items()
        }, name


def test_an_si_value_is_the_value_in_si() -> None:
    from cuds.semantics.lift import si

    assert Quantity(np.float64(2.0), "GPa").in_unit("Pa") == 2.0 * si("GPa")
