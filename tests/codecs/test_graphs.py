"""Graphs are read back from every syntax, with their numbers beside them; what cannot be right is refused by name."""

import http.server
import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import cuds
from cuds.codecs import rdf, translate
from cuds.errors import FormatError, InvalidError
from tests.stories import STORIES, brick, data_sets, difference, properties

ENDINGS = sorted(rdf.SYNTAXES.values())
NOT_XML = [e for e in ENDINGS if e != ".rdf"]  # which cannot hold every text
alone = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
Told = Callable[[], cuds.DataSet]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("told", STORIES)
def test_a_story_comes_back_from_its_graph_and_its_numbers(told: Told, ending: str, tmp_path: Path) -> None:
    story = told()
    written = cuds.write(story, tmp_path / f"story{ending}", tmp_path / "story.h5md")
    assert written.name == f"story{ending}"
    assert difference(story, cuds.read(written)) == ""
    assert difference(story, cuds.read(written, tmp_path / "story.h5md")) == ""


@given(data_sets().filter(len), st.sampled_from(NOT_XML))
@alone
def test_anything_comes_back_from_its_graph_and_its_numbers(tmp_path: Path, data: cuds.DataSet, ending: str) -> None:
    written = cuds.write(data, tmp_path / f"any{ending}", tmp_path / "any.h5md")
    assert difference(data, cuds.read(written)) == ""


@given(properties(), st.sampled_from(NOT_XML))
@alone
def test_what_has_no_arrays_comes_back_from_its_graph_alone(tmp_path: Path, entity: Any, ending: str) -> None:
    folder = tmp_path / "alone"
    folder.mkdir(exist_ok=True)
    written = cuds.write(entity, folder / f"any{ending}")
    if any(isinstance(getattr(getattr(entity, n), "value", None), np.ndarray) for n in entity.bindings()):
        with pytest.raises(FormatError, match=r"(?s)a graph holds no numbers: /.*any\.h5md"):
            cuds.read(written)
    else:
        (found,) = cuds.read(written)
        assert (found.id, found.label, found.digest) == (entity.id, entity.label, entity.digest)


def test_what_a_graph_leaves_out_is_listed(tmp_path: Path) -> None:
    data = cuds.DataSet(brick(), label="bricks")
    fates = {f.what: (f.fate, f.said) for f in translate(data, [tmp_path / "x.ttl"])}
    assert {what: fate for what, (fate, _) in fates.items()} == {
        "Mesh(8 points in mm, 1 hexahedron; regions left, a body/1, tip)": "carried",
        "the numbers of 5 arrays and files, 0.000304 MB": "left out",
        "the label 'bricks' of the data set": "left out",
    }
    assert "x.h5md" in fates["the numbers of 5 arrays and files, 0.000304 MB"][1]


def test_numbers_beside_a_graph_are_those_that_it_states(tmp_path: Path) -> None:
    written = cuds.write(cuds.DataSet(brick()), tmp_path / "x.ttl", tmp_path / "x.h5md")
    with h5py.File(tmp_path / "x.h5md", "a") as file:
        points: Any = file["meshes/brick/points"]
        points[0, 0] = 0.5
    with pytest.raises(FormatError, match="the array /meshes/brick/points is not the one that was stored"):
        cuds.read(written)


def test_a_graph_beside_another_data_set_is_refused(tmp_path: Path) -> None:
    cuds.write(cuds.DataSet(brick()), tmp_path / "x.ttl")
    cuds.write(cuds.Density(value="1 g/cm^3"), tmp_path / "x.h5md")
    with pytest.raises(FormatError, match=r"it has no /meshes/brick/"):
        cuds.read(tmp_path / "x.ttl")


# --- bad text ---


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_was_cut_off_is_refused(ending: str, tmp_path: Path, count: Callable[[int, int], int]) -> None:
    """Wherever it is cut: either the text is malformed, or something is missing that is referred to."""
    data = cuds.DataSet(cuds.Density(value="1 g/cm^3", uncertainty="1 kg/m^3"))
    path = cuds.write(data, tmp_path / f"x{ending}")
    whole = path.read_bytes().rstrip()
    for size in np.linspace(1, len(whole) - 2, count(20, 400)).astype(int):
        path.write_bytes(whole[:size])
        with pytest.raises(FormatError, match=rf"x\{ending}"):
            cuds.read(path)


@pytest.mark.parametrize(
    ("ending", "text", "words"),
    [
        (".ttl", "<urn:x> a <urn:Y", r"x\.ttl: no Turtle: .*line 1"),
        (".ttl", "<urn:x> cuds:label 'x' .", r"no Turtle: .*cuds:"),
        (".nt", "<urn:x> <urn:p> .", r"no N-Triples: .*line 1"),
        (".nq", "<urn:x> <urn:p> <urn:y> <urn:g>", r"no N-Quads"),
        (".trig", "<urn:g> { <urn:x> <urn:p> 1 ", r"no TriG"),
        (".rdf", "<rdf>", r"no RDF/XML"),
        (".jsonld", "{'a': 1}", r"x\.jsonld: no JSON"),
        (".jsonld", '{"@id": 3}', r"no JSON-LD"),
        (".ttl", "<urn:x> a <urn:Y> .", r"urn:x: its class is not known: urn:Y"),
        (".ttl", "[] a <https://w3id.org/cuds#Stres> .", r"its class is not known: Stres.*Stress"),
        (
            ".trig",
            "<urn:g> { <urn:x> a <urn:Y> } <urn:h> { <urn:x> a <urn:Y> }",
            r"holds 2 graphs: <urn:g> \(1 triples",
        ),
    ],
)
def test_malformed_text_is_refused_with_its_place(ending: str, text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{ending}"
    path.write_text(text)
    with pytest.raises(FormatError, match=f"(?s){words}"):
        cuds.read(path)


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine, and what it was asked."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/x", asked
        server.shutdown()


@pytest.mark.parametrize(
    "context",
    [
        "URL",
        ["URL"],
        [{"a": "urn:a"}, "URL"],
        {"@import": "URL"},
        {"a": {"@id": "urn:a", "@context": "URL"}},
        "context.jsonld",
    ],
    ids=str,
)
@pytest.mark.parametrize("nested", [False, True])
def test_a_context_that_lies_elsewhere_is_not_fetched(
    context: Any, nested: bool, listener: tuple[str, list[str]], tmp_path: Path
) -> None:
    url, asked = listener
    (tmp_path / "context.jsonld").write_text('{"@context": {}}')
    node = {"@context": context, "@id": "urn:x", "@type": "urn:Y"}
    text = json.dumps({"@id": "urn:z", "urn:p": node} if nested else node).replace("URL", url)
    (tmp_path / "x.jsonld").write_text(text)
    elsewhere = "context.jsonld" if context == "context.jsonld" else re.escape(url)
    with pytest.raises(FormatError, match=rf"x\.jsonld: its context lies at {elsewhere}, and nothing is fetched"):
        cuds.read(tmp_path / "x.jsonld")
    assert asked == []


@pytest.mark.parametrize(
    "document", ['<!DOCTYPE r [<!ENTITY e SYSTEM "URL">]><r>&e;</r>', '<?xml-stylesheet href="URL"?>']
)
def test_xml_fetches_nothing(document: str, listener: tuple[str, list[str]], tmp_path: Path) -> None:
    url, asked = listener
    (tmp_path / "x.rdf").write_text(document.replace("URL", url))
    with pytest.raises(FormatError, match=r"x\.rdf: (no RDF/XML|it says nothing)"):
        cuds.read(tmp_path / "x.rdf")
    assert asked == []


def changed(path: Path, old: str, new: str) -> Path:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


def test_a_misspelt_key_is_named(tmp_path: Path) -> None:
    """JSON-LD itself would drop it in silence."""
    path = cuds.write(cuds.Density(value="1 g/cm^3", uncertainty="1 kg/m^3"), tmp_path / "x.jsonld")
    with pytest.raises(FormatError, match=r"'uncertainti' is no term of its context\n.*'uncertainty'"):
        cuds.read(changed(path, '"uncertainty": "urn', '"uncertainti": "urn'))


def test_an_unknown_unit_is_named(tmp_path: Path) -> None:
    path = cuds.write(cuds.Density(value="1 g/cm^3"), tmp_path / "x.ttl")
    with pytest.raises(FormatError, match=r"the unit http://qudt.org/vocab/unit/GM-PER-FOOT3 is not known"):
        cuds.read(changed(path, "unit:GM-PER-CentiM3", "unit:GM-PER-FOOT3"))


def test_a_changed_number_is_named(tmp_path: Path) -> None:
    path = cuds.write(cuds.Density(value="1.5 g/cm^3", id="urn:x:d"), tmp_path / "x.ttl")
    with pytest.raises(FormatError, match=r"urn:x:d \(Density\): its digest is not the one that was stored"):
        cuds.read(changed(path, 'numericValue "1.5', 'numericValue "1.6'))


def test_nothing_is_not_described(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="nothing to describe"):
        cuds.write(cuds.DataSet(), tmp_path / "x.ttl")
    (tmp_path / "x.ttl").write_text("@prefix cuds: <https://w3id.org/cuds#> .")
    with pytest.raises(FormatError, match=r"x\.ttl: it says nothing of anything"):
        cuds.read(tmp_path / "x.ttl")


def test_text_that_xml_cannot_hold_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="XML cannot hold"):
        cuds.write(cuds.Density(value="1 g/cm^3", label="\x00"), tmp_path / "x.rdf")
    assert list(tmp_path.iterdir()) == []


def test_entities_that_grow_without_end_are_refused(tmp_path: Path) -> None:
    grown = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha" * 100}">' for n in range(9))
    head = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:x="urn:x#">'
    said = '<rdf:Description rdf:about="urn:a"><x:b>&e8;</x:b></rdf:Description></rdf:RDF>'
    (tmp_path / "x.rdf").write_text(f"<!DOCTYPE r [{grown}]>{head}{said}")
    with pytest.raises(FormatError, match="amplification"):
        cuds.read(tmp_path / "x.rdf")
