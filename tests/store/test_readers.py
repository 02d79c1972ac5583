"""Readers who may see only some graphs, writers who may change only some, and every form of query."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest
from rdflib import Graph

import cuds
from cuds.errors import ForbiddenError, InvalidError, UnknownError, UnsupportedError
from cuds.store.naming import iri

P = "PREFIX : <urn:x:> PREFIX dcat: <http://www.w3.org/ns/dcat#> PREFIX cuds: <https://w3id.org/cuds#> "


def steel(label: str = "steel") -> cuds.ElasticTensor:
    return cuds.ElasticTensor.isotropic("200 GPa", 0.3, label=label)


def only(*names: str) -> Callable[[str], bool]:
    allowed = {iri(name) for name in names}
    return lambda graph: graph in allowed


# --- who may read some of it ---

LOOKS = {
    "the union": "SELECT ?o WHERE { ?s :p ?o }",
    "a count": "SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }",
    "graphs": "SELECT ?g WHERE { GRAPH ?g { ?s :p ?o } }",
    "empty graphs": "SELECT ?g WHERE { GRAPH ?g {} }",
    "graphs by name": "SELECT * WHERE { GRAPH <urn:theirs> { ?s ?p ?o } }",
    "a path": "SELECT ?y WHERE { :a :p/:q* ?y }",
    "a path out": "SELECT ?y WHERE { ?x (:p|:q)+ ?y }",
    "any path": "SELECT ?y WHERE { :a (!:none)* ?y }",
    "the catalogue": "SELECT ?d WHERE { ?d a dcat:Dataset }",
    "titles": "SELECT ?t WHERE { ?d <http://purl.org/dc/terms/title> ?t }",
    "a subquery": "SELECT ?n WHERE { { SELECT (COUNT(?o) AS ?n) WHERE { GRAPH ?g { ?s :p ?o } } } }",
    "exists": "SELECT ?s WHERE { ?s :p ?o FILTER EXISTS { GRAPH ?g { ?x :q ?y } } }",
    "not exists": "SELECT ?o WHERE { ?s :p ?o FILTER NOT EXISTS { ?o :q ?y } }",
    "minus": "SELECT ?s WHERE { ?s :p ?o MINUS { GRAPH ?g { ?s :secret ?y } } }",
    "optional": "SELECT ?s ?y WHERE { ?s :p ?o OPTIONAL { ?o :q ?y } }",
    "classes": "SELECT ?c WHERE { ?c <http://www.w3.org/2000/01/rdf-schema#subClassOf> ?d }",
    "what the index notes": "SELECT ?s ?o WHERE { ?s <urn:cuds:owner>|<urn:cuds:file> ?o }",
}


def _two(library: cuds.Library) -> None:
    library.put_graph("urn:mine", b"<urn:x:a> <urn:x:p> <urn:x:b> .\n<urn:x:a> <urn:x:p> <urn:x:c> .\n", by="me")
    library.put(steel("mine"), by="me")


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("before", [True, False])
def test_what_may_not_be_read_is_as_if_it_were_not_there(tmp_path: Path, look: str, before: bool) -> None:
    """Asked of a library that others use too, and of one that holds nothing else."""
    alone, shared = cuds.Library(tmp_path / "alone"), cuds.Library(tmp_path / "shared")
    mine = only("urn:mine", "mine")
    _two(alone)
    if before:
        _two(shared)
        shared.query("SELECT * WHERE { ?s ?p ?o }", among=mine)
    secret = b'<urn:x:a> <urn:x:p> <urn:x:b> , <urn:x:z> ; <urn:x:secret> "x" . <urn:x:b> <urn:x:q> <urn:x:d> .'
    shared.put_graph("urn:theirs", Graph().parse(data=secret), by="them")
    shared.put(steel("theirs"), by="them")
    shared.put_graph("urn:empty", b"", by="them")
    shared.update("INSERT DATA { <urn:x:b> <urn:x:q> <urn:x:e> }", by="them")
    if not before:
        _two(shared)

    def rows(library: cuds.Library, **among: Any) -> list[str]:
        return sorted(map(str, library.query(P + LOOKS[look], **among)))

    assert rows(shared, among=mine) == rows(alone)
    assert rows(shared) != rows(alone) or look in ("classes", "what the index notes")
    assert rows(shared, among=lambda _: True) == rows(shared)
    assert len(shared.answer(P + LOOKS[look].replace("SELECT", "SELECT", 1), among=mine).variables) > 0


def test_a_reader_follows_what_is_written(library: cuds.Library) -> None:
    mine = only("urn:a", "urn:b")
    asked = "SELECT ?o WHERE { ?s <urn:p> ?o } ORDER BY ?o"
    for n, name in enumerate(["urn:a", "urn:c", "urn:b", "urn:a"]):
        library.put_graph(name, f"<urn:s> <urn:p> <urn:o{n}> .\n<urn:s> <urn:p> <urn:o9> .\n".encode())
        wanted = {0: ["0", "9"], 1: ["0", "9"], 2: ["0", "2", "9"], 3: ["2", "3", "9"]}[n]
        assert library.query(asked, among=mine) == [{"o": f"urn:o{o}"} for o in wanted]
    library.delete("urn:b")
    assert library.query(asked, among=mine) == [{"o": "urn:o3"}, {"o": "urn:o9"}]
    assert library.query(asked, among=only()) == []
    assert library.query(asked, among=only("urn:c")) == [{"o": "urn:o1"}, {"o": "urn:o9"}]


def test_clauses_and_find_reach_nothing_of_others(library: cuds.Library) -> None:
    _two(library)
    library.put(steel("theirs"), by="them")
    mine = only("urn:mine", "mine")
    for clause in ("FROM", "FROM NAMED"):
        with pytest.raises(UnknownError, match="no such data set") as caught:
            library.query(f"SELECT * {clause} <urn:cuds:dataset:theirs> WHERE {{ ?s ?p ?o }}", among=mine)
        assert "theirs" not in caught.value.hint
    ways: list[dict[str, Any]] = [{"default": ["urn:cuds:dataset:theirs"]}, {"named": ["urn:cuds:dataset:theirs"]}]
    for chosen in ways:
        asked = "SELECT * WHERE { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } }"
        assert list(library.answer(asked, among=mine, **chosen)) == []
        assert len(list(library.answer(asked, **chosen))) > 10
    assert [f.name for f in library.find(cuds.ElasticTensor, among=mine)] == ["mine"]
    assert [f.name for f in library.find(cuds.ElasticTensor, C11=(">", "1 GPa"), among=mine)] == ["mine"]
    assert len(list(library.answer("DESCRIBE <urn:cuds:dataset:theirs>", among=mine))) == 0
    assert not library.answer("ASK { GRAPH <urn:cuds:dataset:theirs> { ?s ?p ?o } }", among=mine)


# --- any query ---


@pytest.mark.parametrize(
    "name", ["?g", "$g", "?\u200dg", "?g\u200c", "?\u00b7g", "?\U00010400", "# {\n ?g", "?g # }\n"]
)
def test_no_variable_shows_what_the_index_notes(library: cuds.Library, name: str) -> None:
    _two(library)
    library.update("INSERT DATA { <urn:x:a> <urn:x:q> <urn:x:b> }")
    try:
        found = library.answer(f"SELECT * WHERE {{ GRAPH {name} {{ ?s ?p ?o }} }}")
    except InvalidError:
        assert name in ("?\u00b7g", "?\U00010400"), "with which the parser lets no variable begin"
        return
    place = next(v.value for v in found.variables if v.value not in "spo")
    assert {row[place].value for row in found} == {"urn:mine", "urn:cuds:dataset:mine"}


def test_every_form_of_query_is_answered(library: cuds.Library) -> None:
    _two(library)
    assert bool(library.answer(P + "ASK { :a :p :b }"))
    assert len(list(library.answer(P + "CONSTRUCT { ?o :of ?s } WHERE { ?s :p ?o }"))) == 2
    assert len(list(library.answer(P + "DESCRIBE :a"))) == 2
    found = library.answer(P + "SELECT ?o WHERE { :a :p ?o } ORDER BY ?o")
    assert found.serialize(format=ox.QueryResultsFormat.CSV) == b"o\r\nurn:x:b\r\nurn:x:c\r\n"
    for query in ("SELECT * WHERE { SERVICE <http://x/> { ?s ?p ?o } }", "INSERT DATA {}", "SELECT nonsense"):
        with pytest.raises(InvalidError):
            library.answer(query)
    with pytest.raises(InvalidError, match="not answered after"):
        library.answer("SELECT * WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }", timeout=0.2)


def test_a_chosen_dataset_wins_and_says_everything_once(library: cuds.Library) -> None:
    for name in ("urn:a", "urn:b"):
        library.put_graph(name, f"<urn:s> <urn:p> <urn:o> .\n<urn:s> <urn:p> <{name}> .\n".encode())
    library.update("INSERT DATA { <urn:s> <urn:p> <urn:default> }")
    count = "SELECT (COUNT(*) AS ?n) {} WHERE {{ ?s <urn:p> ?o }}"

    def number(clauses: str, **chosen: Any) -> int:
        return int(next(iter(library.answer(count.format(clauses), **chosen)))["n"].value)

    assert number("") == 4
    assert number("FROM <urn:a> FROM <urn:b>") == 3, "a triple that both say is one"
    assert number("", default=["urn:a", "urn:b"]) == 3
    assert number("FROM <urn:a> FROM <urn:b>", default=["urn:a"]) == 2
    assert number("", default=["urn:cuds:default"]) == 1
    assert number("", named=["urn:a"]) == 0
    assert {str(r["g"].value) for r in library.answer("SELECT ?g WHERE { GRAPH ?g { ?s ?p ?o } }")} == {
        "urn:a",
        "urn:b",
    }
    both = "SELECT DISTINCT ?g ?o WHERE { GRAPH ?g { ?s ?p ?o } }"
    assert len(list(library.answer(both, default=["urn:a", "urn:b"], named=["urn:b"]))) == 2


# --- who may write ---


def test_who_may_not_write_changes_nothing(library: cuds.Library) -> None:
    _two(library)
    library.put_graph("urn:theirs", b"<urn:x:a> <urn:x:p> <urn:x:z> .\n", by="them")
    mine = only("urn:mine", "mine", "urn:new", "urn:cuds:default")
    may = {"readable": mine, "writable": mine, "by": "me"}
    for update in (
        "INSERT DATA { GRAPH <urn:new> { :a :b :c } } ; INSERT DATA { GRAPH <urn:theirs> { :a :b :c } }",
        "DELETE DATA { GRAPH <urn:theirs> { :a :p :z } }",
        "COPY <urn:mine> TO <urn:theirs>",
        "INSERT { GRAPH <urn:theirs> { ?s ?p ?o } } WHERE { GRAPH <urn:mine> { ?s ?p ?o } }",
        "CREATE SILENT GRAPH <urn:theirs>",
    ):
        with pytest.raises(ForbiddenError, match="urn:theirs"):
            library.update(P + update, **may)
    for update in ("DROP GRAPH <urn:theirs>", "COPY <urn:theirs> TO <urn:mine>", "MOVE <urn:theirs> TO <urn:mine>"):
        with pytest.raises(UnknownError, match="no graph <urn:theirs>"):
            library.update(update, **may)
    assert len(library.list()) == 3
    library.update(P + "INSERT { GRAPH <urn:new> { ?s :q ?o } } WHERE { GRAPH ?g { ?s :p ?o } }", **may)
    assert b"urn:x:z" not in library.graph_text("urn:new")
    library.update(P + "INSERT { GRAPH <urn:new> { ?s :r ?o } } USING <urn:theirs> WHERE { ?s :p ?o }", **may)
    assert b"urn:x:r" not in library.graph_text("urn:new")
    library.update("DROP ALL", **may)
    assert [v.name for v in library.list()] == ["urn:theirs"]


@pytest.mark.parametrize(
    ("update", "error", "says"),
    [
        ("LOAD <file:///etc/passwd>", UnsupportedError, "LOAD would fetch"),
        ("INSERT { ?s ?p ?o } WHERE { SERVICE <http://x/> { ?s ?p ?o } }", UnsupportedError, "SERVICE would fetch"),
        ("load silent <http://x/> into graph <urn:g>", UnsupportedError, "LOAD"),
        ("SELECT * WHERE { ?s ?p ?o }", InvalidError, r"update: error at 1:"),
        ("INSERT DATA { <urn:a> <urn:b> 1 } ;\n  INSERT DATA { nonsense }", InvalidError, r"error at 2:\d\d:"),
        ("INSERT DATA { _:b <urn:b> 1 } ; INSERT DATA { _:b <urn:b> 1 }", InvalidError, "_:b stands in two"),
        ("INSERT DATA { <urn:a> <urn:b> 1 } ;; DROP ALL", InvalidError, "nothing before ;"),
        ("INSERT DATA { <urn:a> <urn:b> 1 } } ; DROP ALL", InvalidError, "error"),
        ('INSERT DATA { <urn:a> <urn:b> "1 } ; DROP ALL', InvalidError, "error"),
        ("DROP GRAPH <urn:none>", UnknownError, "no graph <urn:none>"),
        ("CLEAR GRAPH <urn:none>", UnknownError, "no graph <urn:none>"),
        ("COPY <urn:none> TO <urn:mine>", UnknownError, "no graph <urn:none>"),
        ("CREATE GRAPH <urn:mine>", InvalidError, "there already"),
        ("INSERT DATA { GRAPH <urn:cuds:default> { <urn:a> <urn:b> 1 } }", InvalidError, "leave GRAPH out"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_done(
    library: cuds.Library, update: str, error: Any, says: str
) -> None:
    _two(library)
    for text in (update, f"INSERT DATA {{ GRAPH <urn:new> {{ <urn:a> <urn:b> 2 }} }} ;\n{update}"):
        with pytest.raises(error, match=says if text == update else None):
            library.update(text)
    assert [v.name for v in library.list()] == ["mine", "urn:mine"]
    assert library.query("SELECT ?s WHERE { ?s <urn:b> ?o }") == []


def test_a_failure_leaves_the_index_as_it_was(library: cuds.Library) -> None:
    _two(library)
    before = sorted(map(str, library.query("SELECT ?g ?s ?p ?o WHERE { GRAPH ?g { ?s ?p ?o } }")))
    with pytest.raises(UnknownError):
        library.update(
            P + "INSERT DATA { :new :p 1 . GRAPH :new { :a :p 1 } } ; DELETE WHERE { GRAPH <urn:mine> { ?s ?p ?o } } ;"
            " INSERT { GRAPH :more { ?s ?p ?o } } WHERE { GRAPH :new { ?s ?p ?o } } ; DROP GRAPH :none ;"
            " DELETE WHERE { ?s ?p ?o }"
        )
    assert sorted(map(str, library.query("SELECT ?g ?s ?p ?o WHERE { GRAPH ?g { ?s ?p ?o } }"))) == before
    assert library.verify() == []


def test_graphs_beside_the_update_are_those_of_using(library: cuds.Library) -> None:
    library.put_graph("urn:a", b"<urn:s> <urn:p> <urn:a> .\n")
    library.put_graph("urn:b", b"<urn:s> <urn:p> <urn:b> .\n")
    library.update("INSERT { <urn:i> <urn:i> ?o } WHERE { ?s <urn:p> ?o }", using=["urn:a"])
    assert library.graph_text("urn:cuds:default") == b"<urn:i> <urn:i> <urn:a> .\n"
    library.update("INSERT { ?g <urn:j> ?o } WHERE { GRAPH ?g { ?s <urn:p> ?o } }", using_named=["urn:b"])
    assert b"<urn:b> <urn:j> <urn:b>" in library.graph_text("urn:cuds:default")
    for clause in ("WITH <urn:a> INSERT { ?s ?p ?o }", "INSERT { ?s ?p ?o } USING <urn:a>"):
        with pytest.raises(InvalidError, match="chosen twice"):
            library.update(f"{clause} WHERE {{ ?s ?p ?o }}", using=["urn:b"])


def test_a_library_at_an_endpoint_is_not_updated(tmp_path: Path, server: str) -> None:
    library = cuds.Library(tmp_path / "library", endpoint=server)
    library.put_graph("urn:g", b"<urn:s> <urn:p> <urn:o> .\n", by="ann")
    assert library.query("SELECT ?g WHERE { GRAPH ?g { ?s ?p ?o } }") == [{"g": "urn:g"}]
    assert library.owners() == {"urn:g": "ann"}
    for call in (
        lambda: library.update("DROP ALL"),
        lambda: library.query("SELECT * WHERE { ?s ?p ?o }", among=only("urn:g")),
        lambda: library.answer("ASK { ?s ?p ?o }"),
    ):
        with pytest.raises(UnsupportedError, match="endpoint"):
            call()
    assert len(library.list()) == 1
