"""Updates of SPARQL 1.1, beside what a bare store of triples makes of the same update.

They are computed in this process, and in one of their own: there of the graphs that they name, or of a copy of all.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from rdflib import BNode, Graph, Literal, URIRef
from rdflib.compare import isomorphic

import cuds
from cuds.store.apart import Asking
from cuds.store.askers import Askers
from cuds.store.protocol import Version
from tests.conftest import DEEP

START = """
PREFIX : <urn:x:>
INSERT DATA {
  :a :p 1 , 2 . :b :q "default" .
  GRAPH :g { :a :p 1 . :a :q :b . _:n :q "blank" }
  GRAPH :h { :a :p 3 . :c :p 1 , "x"@en }
  GRAPH :i { :c :p :a }
}
"""


class Apart(cuds.Library):
    """A library whose updates are computed in a process of their own."""

    def __init__(self, folder: Path, askers: Askers, near: int) -> None:
        super().__init__(folder)
        self.asking = Asking(self, askers, near=near)

    def update(self, sparql: str, **how: Any) -> list[Version]:
        return super().update(sparql, **how) if "apart" in how else self.asking.update(sparql, **how)


@pytest.fixture(scope="module")
def askers() -> Iterator[Askers]:
    made = Askers(1)
    yield made
    made.close()


@pytest.fixture(params=["here", "apart", "apart, of a copy"])
def library(request: pytest.FixtureRequest, tmp_path: Path, askers: Askers) -> Iterator[cuds.Library]:
    if request.param == "here":
        with cuds.Library(tmp_path / "library") as library:
            yield library
    else:
        with Apart(tmp_path / "library", askers, 10_000 if request.param == "apart" else -1) as apart:
            yield apart
            apart.asking._snapshots.close()


def held(library: cuds.Library) -> set[ox.Quad]:
    """What the files say."""
    found = set()
    for name in [*(v.name for v in library.list()), *(["urn:cuds:default"] if "urn:cuds:default" in library else [])]:
        place = ox.DefaultGraph() if name == "urn:cuds:default" else ox.NamedNode(name)
        for quad in ox.parse(library.graph_text(name), format=ox.RdfFormat.N_TRIPLES):
            found.add(ox.Quad(quad.subject, quad.predicate, quad.object, place))
    return found


def same(one: Any, other: Any) -> bool:
    """Whether quads are the same but for the names of blank nodes."""

    def graph(quads: Any) -> Graph:
        made = Graph()
        for n, quad in enumerate(sorted(quads, key=str)):
            node = BNode(f"statement{n}")
            for place, term in zip("spog", (quad.subject, quad.predicate, quad.object, quad.graph_name), strict=True):
                made.add((node, URIRef(f"urn:is:{place}"), _term(term)))
        return made

    return isomorphic(graph(one), graph(other))


def _term(term: Any) -> Any:
    if isinstance(term, ox.BlankNode):
        return BNode(term.value)
    return Literal(str(term)) if not isinstance(term, ox.NamedNode) else URIRef(term.value)


def compared(library: cuds.Library, *several: str | tuple[str, ...], start: str = START) -> ox.Store:
    """Do the same here and in a bare store; both must say the same, the files and the index."""
    bare = ox.Store()
    for update in (start, *several):
        for one in update if isinstance(update, tuple) else (update,):
            bare.update(one)
        library.update(" ; ".join(update) if isinstance(update, tuple) else update)
        assert same(held(library), set(bare)), update
    assert library.verify() == []
    listed = {v.name for v in library.list()}
    assert listed >= {g.value for g in bare.named_graphs() if any(bare.quads_for_pattern(None, None, None, g))}
    for name in listed:
        asked = library.query(f"SELECT ?s ?p ?o FROM <{name}> WHERE {{ ?s ?p ?o }}")
        assert len(asked) == len(list(bare.quads_for_pattern(None, None, None, ox.NamedNode(name))))
    return bare


P = "PREFIX : <urn:x:> "
FORMS = {
    "insert data": "INSERT DATA { :a :p 9 . GRAPH :new { :a :p 1 . :b :p 2 } }",
    "insert data again": "INSERT DATA { GRAPH :g { :a :p 1 } }",
    "blank nodes": "INSERT DATA { _:x :p _:x . GRAPH :g { _:x :q [ :r ( 1 2 ) ] } }",
    "delete data": "DELETE DATA { :a :p 1 . GRAPH :g { :a :p 1 } GRAPH :none { :a :p 1 } }",
    "delete where": "DELETE WHERE { GRAPH :g { :a ?p ?o } }",
    "delete where of the default graph": "DELETE WHERE { :a :p ?o }",
    "delete where over graphs": "DELETE WHERE { GRAPH ?g { ?s :p 1 } . GRAPH :i { ?s2 :p ?s } }",
    "delete insert": "DELETE { ?s :p ?o } INSERT { ?s :was ?o . GRAPH :log { ?s :p ?o } } WHERE { ?s :p ?o }",
    "delete alone": "DELETE { GRAPH ?g { ?s ?p ?o } } WHERE { GRAPH ?g { ?s ?p ?o FILTER(isLiteral(?o)) } }",
    "insert alone": "INSERT { GRAPH :all { ?s ?p ?o } } WHERE { GRAPH ?g { ?s ?p ?o } }",
    "with": "WITH :g DELETE { ?s :p ?o } INSERT { ?s :r ?o } WHERE { ?s :p ?o }",
    "with, and graphs": "WITH :g INSERT { ?s :seen ?g } WHERE { ?s :p ?x . GRAPH ?g { ?s :p ?y } }",
    "using": "INSERT { ?s :r ?o } USING :g WHERE { ?s :p ?o }",
    "using two": "DELETE { GRAPH :h { ?s :p ?o } } INSERT { [] :n ?n } USING :h USING :i "
    "WHERE { ?s :p ?o . BIND(STR(?o) AS ?n) }",
    "using named": "INSERT { GRAPH :u { ?s ?p ?g } } USING NAMED :h USING NAMED :i WHERE { GRAPH ?g { ?s ?p ?o } }",
    "using over with": "WITH :h DELETE { ?s :p ?o } USING :g WHERE { ?s :p ?o }",
    "using what is not there": "INSERT { :n :n :n } USING :none WHERE { ?s ?p ?o }",
    "clear": "CLEAR GRAPH :g",
    "clear default": "CLEAR DEFAULT",
    "clear named": "CLEAR NAMED",
    "clear all": "CLEAR ALL",
    "drop": "DROP GRAPH :g",
    "drop default": "DROP DEFAULT",
    "drop named": "DROP NAMED",
    "drop all": "DROP ALL",
    "silent": "DROP SILENT GRAPH :none ; CLEAR SILENT GRAPH :none ; CREATE SILENT GRAPH :g ; MOVE SILENT :none TO :n",
    "create": "CREATE GRAPH :new ; INSERT DATA { GRAPH :new { :a :b :c } }",
    "copy": "COPY :g TO :h",
    "copy to default": "COPY GRAPH :g TO DEFAULT",
    "copy from default": "COPY DEFAULT TO :new",
    "copy to itself": "COPY :g TO :g",
    "move": "MOVE :g TO :h",
    "move to itself": "MOVE :g TO :g",
    "move default": "MOVE DEFAULT TO :new",
    "add": "ADD :g TO :h",
    "add to default": "ADD :h TO DEFAULT",
    "later see earlier": "INSERT DATA { GRAPH :new { :a :p 5 } } ; INSERT { :found :in ?g } "
    "WHERE { GRAPH ?g { :a :p 5 } } ; DELETE WHERE { GRAPH :new { ?s ?p ?o } } ;"
    " INSERT { :then :in ?g } WHERE { GRAPH ?g { :a :p 5 } }",
    "later see what was dropped": "DROP GRAPH :g ; INSERT { :left :in ?g } WHERE { GRAPH ?g { ?s :p 1 } }",
    "later see the default graph": "INSERT DATA { :z :p 1 } ; INSERT { ?s :one true } WHERE { ?s :p 1 }",
    "keywords and braces in texts": """INSERT DATA {
      :a :p "} ; DROP ALL { GRAPH ?g {" , 'WHERE' , '''a'{'}\n''' . # } ; DROP ALL
      GRAPH <urn:x:a#;DROP> { :a :p "\\"}" } } ; # ; CLEAR ALL {
    INSERT { GRAPH <urn:x:WHERE;> { ?s ?p "{" } } # USING :g {
    WHERE { ?s ?p 1 FILTER(?p != <urn:x:using> && ?s<:z) }""",
    "words that look like keywords": "INSERT DATA { :where :using :with . :a :p \"1\"^^:insert , \"x\"@where }",
    "escaped names": r"INSERT DATA { :a\;b :p :c\#d , :e%7D , :f\~g }",
    "several at once": "INSERT DATA { :a :p 7 } ; DELETE DATA { :a :p 1 } ; COPY DEFAULT TO :c ; CLEAR DEFAULT ;"
    " INSERT { GRAPH :d { ?s ?p ?o } } WHERE { GRAPH :c { ?s ?p ?o } } ; ADD :d TO DEFAULT ; DROP GRAPH :c ;",
    "templates that make no triple": "INSERT { ?o :p ?s . ?s ?o ?s . GRAPH ?o { ?s :p ?s } } WHERE { ?s :p ?o }",
    "unbound": "INSERT { ?s :p ?none . ?s :r ?o . GRAPH ?x { ?s :p 1 } } "
    "WHERE { ?s :p ?o OPTIONAL { ?s :nope ?none } }",
    "blank nodes each": "INSERT { ?s :has [ :p ?o ] . _:b :q ?o } WHERE { ?s :p ?o }",
    "blank nodes found": "INSERT { GRAPH :k { ?n :again ?o } } WHERE { GRAPH :g { ?n :q ?o FILTER(isBlank(?n)) } }",
    "blank nodes deleted": "DELETE { GRAPH :g { ?n ?p ?o } } WHERE { GRAPH :g { ?n ?p ?o FILTER(isBlank(?n)) } }",
    "nothing found": "INSERT { GRAPH :none { ?s ?p ?o } } WHERE { GRAPH :nope { ?s ?p ?o } }",
    "no variables": "DELETE { :a :p 1 } INSERT { :b :p 1 . GRAPH :k { :b :p [] } } WHERE { :a :p 1 }",
    "subqueries, unions, values": "INSERT { ?s :max ?m } WHERE { { SELECT ?s (MAX(?o) AS ?m) WHERE { ?s :p ?o } "
    "GROUP BY ?s } UNION { GRAPH :h { ?s :p ?m } } VALUES ?s { :a :c } MINUS { ?s :q ?q } }",
    "exists and paths": "INSERT { ?x :reaches ?y } WHERE { GRAPH ?g { ?x (:p|:q)+ ?y } "
    "FILTER EXISTS { GRAPH ?h { ?y ?p ?o } } }",
    "empty": "",
    "no prologue's end": "INSERT DATA { :a :p 1 } ;",
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_does_what_a_bare_store_does(library: cuds.Library, form: str) -> None:
    compared(library, P + FORMS[form])


def test_prefixes_may_be_declared_anew_between_operations(library: cuds.Library) -> None:
    parts = (
        "PREFIX : <urn:x:> INSERT DATA { :x :p 1 }",
        "PREFIX : <urn:y:> BASE <urn:z:> INSERT DATA { :x :p <a> }",
        "PREFIX : <urn:y:> PREFIX z: <urn:z:> INSERT { ?x z:q ?y } WHERE { ?x :p ?y }",
    )
    compared(library, parts)


# --- any updates at all ---

_terms = st.sampled_from([":a", ":b", ":c", "1", '"x"@en', '"} ; DROP ALL"'])
_nodes = st.sampled_from([":a", ":b", ":c"])
_verbs = st.sampled_from([":p", ":q"])
_graphs = st.sampled_from([":g", ":h", ":i"])
_variables = st.sampled_from(["?x", "?y", "?z"])


@st.composite
def _data(draw: Any, *, blank: bool) -> str:
    subjects = st.one_of(_nodes, st.just("_:n")) if blank else _nodes
    said = [f"{draw(subjects)} {draw(_verbs)} {draw(_terms)} ." for _ in range(draw(st.integers(1, 3)))]
    return " ".join(f"GRAPH {draw(_graphs)} {{ {one} }}" if draw(st.booleans()) else one for one in said)


@st.composite
def _pattern(draw: Any, *, template: bool = False) -> str:
    def one() -> str:
        parts = [
            draw(st.one_of(_variables, _nodes)),
            draw(st.one_of(_variables, _verbs)),
            draw(st.one_of(_variables, _terms)),
        ]
        where = draw(
            st.sampled_from(["", f"GRAPH {draw(_graphs)}", f"GRAPH {draw(st.one_of(_graphs, st.just('?g')))}"])
        )
        return f"{where} {{ {' '.join(parts)} }}" if where else f"{' '.join(parts)} ."

    listed = [one() for _ in range(draw(st.integers(1, 2)))]
    if not template and draw(st.booleans()):
        listed[-1] = (
            f"OPTIONAL {{ {listed[-1]} }}" if draw(st.booleans()) else f"{{ {listed[-1]} }} UNION {{ ?x :p ?y }}"
        )
    return " ".join(listed)


@st.composite
def _operation(draw: Any) -> str:
    kind = draw(st.integers(0, 6))
    if kind == 0:
        return f"INSERT DATA {{ {draw(_data(blank=True))} }}"
    if kind == 1:
        return f"DELETE DATA {{ {draw(_data(blank=False))} }}"
    if kind == 2:
        return f"DELETE WHERE {{ {draw(_pattern(template=True))} }}"
    if kind == 3:
        what = draw(st.sampled_from(["GRAPH :g", "GRAPH :h", "DEFAULT", "NAMED", "ALL"]))
        return f"{draw(st.sampled_from(['CLEAR', 'DROP']))} SILENT {what}"
    if kind == 4:
        ends = [draw(st.sampled_from([":g", ":h", "DEFAULT"])) for _ in range(2)]
        return f"{draw(st.sampled_from(['COPY', 'MOVE', 'ADD']))} SILENT {ends[0]} TO {ends[1]}"
    begin = draw(st.sampled_from(["", "WITH :g ", "WITH :i "]))
    using = draw(
        st.sampled_from(["", "", "USING :g ", "USING :g USING :h ", "USING NAMED :h ", "USING :g USING NAMED :g "])
    )
    parts = [f"DELETE {{ {draw(_pattern(template=True))} }} ", f"INSERT {{ {draw(_pattern(template=True))} }} "]
    kept = draw(st.sampled_from([parts, parts[:1], parts[1:]]))
    return f"{begin}{''.join(kept)}{using}WHERE {{ {draw(_pattern())} }}"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200 if DEEP else 25)
@given(requests=st.lists(st.lists(_operation(), min_size=1, max_size=4), min_size=1, max_size=3))
def test_any_updates_do_what_a_bare_store_does(library: cuds.Library, requests: list[list[str]]) -> None:
    library.update("DROP ALL")
    compared(library, *[tuple(P + one.replace("_:n", f"_:n{n}") for n, one in enumerate(r)) for r in requests])


def test_later_operations_see_what_a_data_set_is_as_a_whole(library: cuds.Library) -> None:
    library.put(cuds.ElasticTensor.isotropic("200 GPa", 0.3, label="steel"))
    library.update(
        "INSERT { GRAPH ?g { ?x <http://www.w3.org/2000/01/rdf-schema#label> 'iron' } } "
        "WHERE { GRAPH ?g { ?x <http://www.w3.org/2000/01/rdf-schema#label> 'steel' } } ; "
        "DELETE WHERE { GRAPH ?g { ?x <http://www.w3.org/2000/01/rdf-schema#label> 'steel' } } ; "
        "INSERT { GRAPH <urn:x:log> { ?g <urn:x:of> ?t } } "
        "WHERE { GRAPH ?g { ?g <http://purl.org/dc/terms/title> ?t } }"
    )
    assert library.get("steel")[cuds.ElasticTensor].label == "iron"
    assert library.graph_text("urn:x:log") == b'<urn:cuds:dataset:steel> <urn:x:of> "steel" .\n'
    assert library.verify() == []
