"""Plain graphs beside data sets, and who wrote what after what."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import pyoxigraph as ox
import pytest
from rdflib import Graph
from rdflib.compare import isomorphic

import cuds
from cuds.errors import FormatError, InvalidError, StaleError, UnknownError
from cuds.store import Memory
from cuds.store.naming import graph_name, iri, name_of
from tests.stories import difference, whole_story

PAGE = "https://example.org/page?x=%2531"
P = "PREFIX : <urn:x:> PREFIX dcat: <http://www.w3.org/ns/dcat#> PREFIX cuds: <https://w3id.org/cuds#> "


def steel(label: str = "steel") -> cuds.ElasticTensor:
    return cuds.ElasticTensor.isotropic("200 GPa", 0.3, label=label)


# --- names ---


NAMES = [
    "http://x/%31",
    PAGE,
    "urn:x:y",
    "steel",
    "a b",
    "ü",
    "urn:x:ü",
    "file:///etc",
    "urn:",
    "a:b",
    "http://a b",
    "%41",
]


@pytest.mark.parametrize("name", NAMES)
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
    said = 'GRAPH ?g { ?x ?p "another" }'
    made = library.update(f"DELETE {{ {said} }} INSERT {{ {said.replace('another', label)} }} WHERE {{ {said} }}")
    assert [(v.name, v.number, v.plain) for v in made] == [("story", 3, False)]
    assert difference(library.get("story"), story) == ""
    assert library.verify() == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("INSERT DATA { GRAPH <urn:cuds:dataset:steel> { <urn:x> <urn:y> 1 } }", "class is not known|no property"),
        ("DELETE WHERE { GRAPH ?g { ?x cuds:checksum ?y } }", "checksum is missing|conform"),
        ("DELETE WHERE { GRAPH ?g { ?x cuds:stiffness ?o } }", "stiffness is missing"),
        ("CLEAR GRAPH <urn:cuds:dataset:steel> ; INSERT DATA { GRAPH <urn:cuds:dataset:steel> { :a :b :c } }", "known"),
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
    store: Any = cuds.Library(tmp_path / "library") if kind == "library" else Memory()
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
