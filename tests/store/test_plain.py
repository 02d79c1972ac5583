"""Plain graphs beside data sets, who wrote what, and readers who may see only some of it."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import pyoxigraph as ox
import pytest
from rdflib import Graph
from rdflib.compare import isomorphic

import cuds
from cuds.errors import ForbiddenError, FormatError, InvalidError, StaleError, UnknownError, UnsupportedError
from cuds.store.naming import graph_name, iri, name_of
from tests.stories import difference, whole_story

PAGE = "https://example.org/page?x=%2531"
P = "PREFIX : <urn:x:> PREFIX dcat: <http://www.w3.org/ns/dcat#> PREFIX cuds: <https://w3id.org/cuds#> "


@pytest.fixture
def library(tmp_path: Path) -> Iterator[cuds.Library]:
    with cuds.Library(tmp_path / "library") as library:
        yield library


def steel(label: str = "steel") -> cuds.ElasticTensor:
    return cuds.ElasticTensor.isotropic("200 GPa", 0.3, label=label)


def only(*names: str) -> Callable[[str], bool]:
    allowed = {iri(name) for name in names}
    return lambda graph: graph in allowed


# --- names ---


@pytest.mark.parametrize("name", ["http://x/%31", PAGE, "urn:x:y", "steel", "a b", "ü", "urn:x:ü", "file:///etc", "urn:", "a:b", "http://a b", "%41"])  # fmt: skip
def test_a_name_has_one_iri_and_an_iri_one_name(name: str) -> None:
    assert name_of(iri(name)) == graph_name(iri(name)) == name
    assert ox.NamedNode(iri(name)).value == iri(name)


@pytest.mark.parametrize("graph", ["urn:cuds:dataset:%61", "file:///etc/passwd", "urn:cuds:dataset:http%3A%2F%2Fx"])
def test_what_is_no_ones_iri_names_no_graph(library: cuds.Library, graph: str) -> None:
    with pytest.raises(InvalidError, match="names no graph here"):
        library.update(f"INSERT DATA {{ GRAPH <{graph}> {{ <urn:x> <urn:x> 1 }} }}")
    assert library.list() == []


def test_a_data_set_may_be_called_by_its_iri(library: cuds.Library) -> None:
    assert library.put(steel(), "urn:cuds:dataset:a%20b").name == "a b"
    assert library.get("urn:cuds:dataset:a%20b").label == library.get("a b").label
    assert "urn:cuds:dataset:a%20b" in library
    with pytest.raises(InvalidError, match="default graph"):
        library.put(steel(), "urn:cuds:default")


# --- plain graphs ---


def test_a_plain_graph_comes_back(library: cuds.Library) -> None:
    given = Graph().parse(data=P + ':a :p 1, "x"@en, [ :q [ :r "} \\n" ] ] . <http://x/%31> :p <http://x/%2531> .')
    version = library.put_graph(PAGE, given)
    assert (version.name, version.number, version.plain, version.iri) == (PAGE, 1, True, PAGE)
    assert isomorphic(library.graph(PAGE), given)
    text = library.graph_text(PAGE)
    assert library.put_graph(PAGE, b"<urn:x> <urn:y> <urn:z> .\n").number == 2
    assert library.graph_text(PAGE) == b"<urn:x> <urn:y> <urn:z> .\n"
    assert library.graph_text(PAGE, 1) == text
    assert library.query(f"SELECT ?s WHERE {{ GRAPH <{PAGE}> {{ ?s ?p ?o }} }}") == [{"s": "urn:x"}]
    assert library.file(PAGE).suffix == ".nt"
    with pytest.raises(FormatError, match="plain graph"):
        library.get(PAGE)
    assert library.put_graph(PAGE, b"").number == 3
    library.close()
    assert library.query("SELECT ?g WHERE { GRAPH ?g {} }") == [{"g": PAGE}], "it is there, and says nothing"
    library.delete(PAGE)
    assert library.query("SELECT ?g WHERE { GRAPH ?g {} }") == []
    assert library.verify() == []


def test_blank_nodes_of_two_graphs_are_two(library: cuds.Library) -> None:
    for name in ("urn:one", "urn:two"):
        library.put_graph(name, b"_:b <urn:p> <urn:o> .\n")
    assert library.query("SELECT (COUNT(*) AS ?n) WHERE { ?s <urn:p> ?o }") == [{"n": 2}]


@pytest.mark.parametrize("text", [b"<urn:x> <urn:y> .", b"\xff", b"<x> <y> <z> .", b"<urn:x> <urn:y> 1 <urn:g> ."])
def test_what_is_no_graph_is_refused(library: cuds.Library, text: bytes) -> None:
    with pytest.raises(FormatError, match="no N-Triples"):
        library.put_graph("urn:x", text)
    assert library.list() == []


def test_what_is_of_a_class_of_cuds_must_conform(library: cuds.Library) -> None:
    bad = b"<urn:x> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://w3id.org/cuds#ElasticTensor> .\n"
    with pytest.raises(InvalidError, match="urn:x: stiffness is missing"):
        library.put_graph("urn:g", bad)
    with pytest.raises(InvalidError, match="urn:x: stiffness is missing"):
        library.update(P + "INSERT DATA { <urn:y> :p 1 } ; INSERT DATA { GRAPH :g { <urn:x> a cuds:ElasticTensor } }")
    assert library.list() == []
    assert "urn:cuds:default" not in library, "not half of it"
    library.put(steel())
    good = library.graph_text("steel")
    assert library.put_graph("urn:g", good).plain
    assert [f.name for f in library.find(cuds.ElasticTensor)] == ["steel"], "only data sets are looked at"


def test_a_file_of_a_plain_graph_that_was_changed_is_noticed(library: cuds.Library) -> None:
    library.put_graph("urn:g", b"<urn:x> <urn:y> <urn:z> .\n")
    file = library.file("urn:g")
    file.write_bytes(file.read_bytes().replace(b"urn:z", b"urn:w"))
    library.close()
    with pytest.raises(FormatError, match="not the one that was stored"):
        library.graph_text("urn:g")
    with pytest.warns(UserWarning, match="'urn:g' cannot be read"):
        assert library.query("SELECT ?s WHERE { GRAPH <urn:g> { ?s ?p ?o } }") == []


# --- data sets that say something else ---


def test_a_data_set_may_be_given_another_meaning(library: cuds.Library) -> None:
    story = whole_story()
    library.put(story, "story")
    text = library.graph_text("story")
    label = story[cuds.Stress].label
    assert f'"{label}"'.encode() in text
    version = library.put_graph("story", text.replace(f'"{label}"'.encode(), b'"another"'), by="ann")
    assert not version.plain
    assert library.get("story")[cuds.Stress].label == "another"
    assert difference(library.get("story", 1), story) == ""
    made = library.update(
        f'DELETE {{ GRAPH ?g {{ ?x ?p "another" }} }} INSERT {{ GRAPH ?g {{ ?x ?p "{label}" }} }} WHERE {{ GRAPH ?g {{ ?x ?p "another" }} }}'
    )
    assert [(v.name, v.number, v.plain) for v in made] == [("story", 3, False)]
    assert difference(library.get("story"), story) == ""
    assert library.verify() == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("INSERT DATA { GRAPH <urn:cuds:dataset:steel> { <urn:x> <urn:y> 1 } }", "class is not known|no property"),
        ("DELETE WHERE { GRAPH ?g { ?x cuds:checksum ?y } }", "checksum is missing|conform"),
        ("DELETE { GRAPH ?g { ?x ?p ?o } } INSERT { GRAPH ?g { ?x ?p 7.0e0 } } WHERE { GRAPH ?g { ?x ?p ?o FILTER(?p = cuds:C99) } } ; "
         "DELETE { GRAPH ?g { ?x cuds:stiffness ?o } } WHERE { GRAPH ?g { ?x cuds:stiffness ?o } }", "stiffness is missing"),
    ],
)  # fmt: skip
def test_a_data_set_holds_only_what_the_model_knows(library: cuds.Library, change: str, says: str) -> None:
    library.put(steel())
    with pytest.raises(InvalidError, match=says):
        library.update(P + change)
    assert [v.number for v in library.versions("steel")] == [1]
    assert library.verify() == []


def test_numbers_that_are_said_to_be_others_are_noticed(library: cuds.Library) -> None:
    library.put(steel())
    text = library.graph_text("steel")
    number = next(line for line in text.splitlines() if b"#checksum" in line and b"stiffness" in line)
    with pytest.raises(InvalidError, match="not the one that was stored"):
        library.put_graph("steel", text.replace(number, re.sub(rb"sha256:\w+", b"sha256:" + 64 * b"0", number)))


# --- files that somebody else wrote ---


def test_a_file_is_adopted_and_moved(library: cuds.Library, tmp_path: Path) -> None:
    path = tmp_path / "mine.h5md"
    story = whole_story()
    cuds.write(story, path)
    version = library.adopt(path, "story", by="ann")
    assert not path.exists()
    assert difference(library.get("story"), story) == ""
    assert (version.number, library.owners()) == (1, {"story": "ann"})
    assert library.history("story")[0].how == "adopt"


def _damaged(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        numbers: Any = next(v for v in _sets(file) if v.dtype.kind == "f" and v.size)
        numbers[...] = 1.5


def _bomb(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        name = next(v.name for v in _sets(file) if v.dtype.kind == "f" and v.size)
        del file[name]
        file.create_dataset(name, shape=(1 << 40,), dtype="f8", chunks=(1 << 20,), compression="gzip")


def _external(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["more"] = h5py.ExternalLink("/etc/passwd", "/")


def _sets(file: Any) -> list[Any]:
    found: list[Any] = []
    file.visititems(lambda _, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
    return found


@pytest.mark.parametrize("damage", [_damaged, _bomb, _external, lambda p: p.write_bytes(b"no")])
def test_a_file_that_is_not_whole_stays_where_it_is(library: cuds.Library, tmp_path: Path, damage: Any) -> None:
    path = tmp_path / "mine.h5md"
    cuds.write(whole_story(), path)
    damage(path)
    with pytest.raises(FormatError):
        library.adopt(path, "story")
    assert path.exists()
    assert library.list() == []
    cuds.write(whole_story(), path)
    library.put(steel(), "story")
    with pytest.raises(StaleError):
        library.adopt(path, "story", expected=7)
    assert path.exists()


# --- who wrote what, after what ---


def test_the_history_says_who_wrote_what_after_what(library: cuds.Library) -> None:
    before = datetime.now(UTC)
    library.put(steel(), by="ann")
    library.put(steel(), by="bob", expected=1)
    library.delete("steel", by="cat")
    library.put(steel(), by="dan")
    library.put_graph("steel", library.graph_text("steel"), by="eve")
    library.update("DROP GRAPH <urn:cuds:dataset:steel>", by="fay")
    found = library.history("steel")
    assert [(w.version, w.by, w.how, w.after) for w in found] == [
        (1, "ann", "put", 0), (2, "bob", "put", 1), (3, "cat", "delete", 2), (4, "dan", "put", 0),
        (5, "eve", "graph", 4), (6, "fay", "update", 5),
    ]  # fmt: skip
    assert all(before <= w.at <= datetime.now(UTC) for w in found)
    with pytest.raises(UnknownError):
        library.history("iron")


def test_a_name_belongs_to_who_made_it_first_or_anew(library: cuds.Library) -> None:
    library.put(steel(), by="ann")
    library.put(steel(), by="bob")
    library.put_graph("urn:g", b"", by="cat")
    library.put(steel("glass"))
    assert library.owners() == {"steel": "ann", "urn:g": "cat", "glass": ""}
    library.delete("steel", by="bob")
    assert "steel" not in library.owners()
    library.put(steel(), by="bob")
    library.put(steel(), by="ann")
    assert library.owners()["steel"] == "bob"
    library.purge("urn:g")
    library.put_graph("urn:g", b"", by="dan")
    assert library.owners()["urn:g"] == "dan"
    library.close()
    library.rebuild()
    assert library.owners() == {"steel": "bob", "urn:g": "dan", "glass": ""}


@pytest.mark.parametrize("kind", ["library", "memory"])
def test_what_is_stale_is_refused(tmp_path: Path, kind: str) -> None:
    store: Any = cuds.Library(tmp_path / "library") if kind == "library" else cuds.store.Memory()
    with pytest.raises(StaleError, match=r"newest version is none, not 1(.|\n)*read it again"):
        store.put(steel(), expected=1)
    assert store.put(steel(), expected=0).number == 1
    with pytest.raises(StaleError, match="newest version is 1, not none"):
        store.put(steel(), expected=0)
    assert store.put(steel(), expected=1).number == 2
    with pytest.raises(StaleError):
        store.delete("steel", expected=1)
    store.delete("steel", expected=2)
    assert store.put(steel(), expected=0).number == 4
    assert [w.after for w in store.history("steel")] == [0, 1, 2, 0]
    assert len({v.tag for v in store.versions("steel")}) == 4


def test_no_two_versions_have_the_same_tag(library: cuds.Library, tmp_path: Path) -> None:
    found = [library.put(steel(), name) for name in ("a", "b", "a")]
    other = cuds.Library(tmp_path / "other").put(steel(), "a")
    library.purge("a")
    found += [library.put(steel(), "a"), other]
    assert len({v.tag for v in found}) == 5
    assert library.version("b").tag == found[1].tag


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
    shared.put_graph(
        "urn:theirs",
        b"<urn:x:a> <urn:x:p> <urn:x:b> .\n<urn:x:a> <urn:x:p> <urn:x:z> .\n<urn:x:b> <urn:x:q> <urn:x:d> .\n<urn:x:a> <urn:x:secret> 'x' .\n".replace(
            b"'", b'"'
        ),
        by="them",
    )
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
    for chosen in ({"default": ["urn:cuds:dataset:theirs"]}, {"named": ["urn:cuds:dataset:theirs"]}):
        with pytest.raises(UnknownError, match="no such data set"):
            library.answer("SELECT * WHERE { ?s ?p ?o }", among=mine, **chosen)
    assert [f.name for f in library.find(cuds.ElasticTensor, among=mine)] == ["mine"]
    assert [f.name for f in library.find(cuds.ElasticTensor, C11=(">", "1 GPa"), among=mine)] == ["mine"]
    assert len(list(library.answer("DESCRIBE <urn:cuds:dataset:theirs>", among=mine))) == 0
    assert not library.answer("ASK { GRAPH <urn:cuds:dataset:theirs> { ?s ?p ?o } }", among=mine)


# --- any query ---


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
