"""Graphs by their IRIs, as the Graph Store HTTP Protocol of the W3C asks for."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2
import pytest
from rdflib import Graph
from rdflib.compare import isomorphic

import cuds
from tests.server import Server

TURTLE = {"Content-Type": "text/turtle"}
JANE = '@prefix foaf: <http://xmlns.com/foaf/0.1/> . [] a foaf:Person ; foaf:name "Jane Doe" .'
JOHN = '@prefix foaf: <http://xmlns.com/foaf/0.1/> . [] a foaf:Person ; foaf:name "John Doe" .'


def same(answer: httpx2.Response, *texts: str) -> bool:
    """Whether an answer is a graph that says what some texts say together."""
    found, wanted = Graph().parse(data=answer.text, format="turtle"), Graph()
    for text in texts:
        wanted.parse(data=text, format="turtle")
    return isomorphic(found, wanted)


@pytest.fixture(params=["by IRI", "by path", "percent-encoded"])
def place(request: pytest.FixtureRequest, name: str) -> str:
    """The address of a graph that is not there yet."""
    own = re.sub(r"\W", "-", name)
    if request.param == "by path":
        return f"/graphs/person/{own}.ttl"
    iri = f"http://example.org/{own}" + ("/%2531" if request.param == "percent-encoded" else "")
    return f"/graphs?graph={quote(iri, safe='')}"


def test_a_graph_is_put_read_and_removed(admin: httpx2.Client, place: str) -> None:
    assert admin.get(place).status_code == 404
    assert admin.put(place, content=JOHN, headers=TURTLE).status_code == 201
    found = admin.get(place, headers={"Accept": "text/turtle"})
    assert found.headers["content-type"].startswith("text/turtle")
    assert same(found, JOHN)
    head = admin.head(place, headers={"Accept": "text/turtle"})
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(found.content)))
    assert admin.put(place, content=JANE, headers=TURTLE).status_code == 204
    assert same(admin.get(place, headers={"Accept": "text/turtle"}), JANE)
    assert admin.delete(place).status_code == 204
    assert (admin.get(place).status_code, admin.delete(place).status_code) == (404, 404)


def test_post_adds_to_what_is_there(admin: httpx2.Client, place: str) -> None:
    assert admin.post(place, content=JOHN, headers=TURTLE).status_code == 201
    assert admin.post(place, content=JANE, headers=TURTLE).status_code == 204
    assert same(admin.get(place, headers={"Accept": "text/turtle"}), JOHN, JANE)
    files = {
        "a": ("a.ttl", JANE, "text/turtle"),
        "b": ("b.nt", b"<urn:a> <urn:b> <urn:c> .\n", "application/n-triples"),
    }
    assert admin.post(place, files=files).status_code == 204
    assert same(admin.get(place, headers={"Accept": "text/turtle"}), JOHN, JANE, JANE, "<urn:a> <urn:b> <urn:c> .")


def test_names_that_differ_in_percent_encoding_are_two(admin: httpx2.Client) -> None:
    one, other = (f"/graphs?graph={quote(f'http://example.org/two/{n}', safe='')}" for n in ("%31", "1"))
    admin.put(one, content=JOHN, headers=TURTLE)
    admin.put(other, content=JANE, headers=TURTLE)
    assert same(admin.get(one, headers={"Accept": "text/turtle"}), JOHN)
    assert same(admin.get(other, headers={"Accept": "text/turtle"}), JANE)


def test_post_without_a_name_makes_a_graph_and_says_where(server: Server, admin: httpx2.Client) -> None:
    made = admin.post("/graphs", content=JOHN, headers=TURTLE)
    assert made.status_code == 201
    place = urlsplit(made.headers["location"])
    assert made.headers["location"].startswith(f"{server.url}/graphs/")
    assert same(admin.get(place.path, headers={"Accept": "text/turtle"}), JOHN)
    assert admin.post(place.path, content=JANE, headers=TURTLE).status_code == 204
    assert same(admin.get(place.path, headers={"Accept": "text/turtle"}), JOHN, JANE)


def test_an_empty_graph_is_one(admin: httpx2.Client, place: str) -> None:
    assert admin.put(place, content=b"", headers=TURTLE).status_code == 201
    found = admin.get(place, headers={"Accept": "text/turtle"})
    assert (found.status_code, len(Graph().parse(data=found.text, format="turtle"))) == (200, 0)


def test_the_default_graph_is_always_there(admin: httpx2.Client) -> None:
    assert admin.put("/graphs?default", content=JOHN, headers=TURTLE).status_code == 204
    assert same(admin.get("/graphs?default", headers={"Accept": "text/turtle"}), JOHN)
    assert admin.post("/graphs?default", content=JANE, headers=TURTLE).status_code == 204
    assert same(admin.get("/graphs?default", headers={"Accept": "text/turtle"}), JOHN, JANE)
    asked = {"query": 'ASK { ?x ?p "Jane Doe" } ', "default-graph-uri": "urn:cuds:default"}
    assert admin.get("/sparql", params=asked).json()["boolean"] is True
    assert admin.delete("/graphs?default").status_code == 204
    assert admin.get("/graphs?default").status_code == 200
    assert admin.get("/sparql", params=asked).json()["boolean"] is False


@pytest.mark.parametrize("media", ["application/n-triples", "application/rdf+xml", "application/ld+json"])
def test_every_form_goes_in_and_out(admin: httpx2.Client, place: str, media: str) -> None:
    admin.put(place, content=JOHN, headers=TURTLE)
    found = admin.get(place, headers={"Accept": media})
    assert found.headers["content-type"].partition(";")[0] == media
    assert admin.put(place, content=found.content, headers={"Content-Type": media}).status_code == 204
    assert same(admin.get(place, headers={"Accept": "text/turtle"}), JOHN)


@pytest.mark.parametrize(
    ("method", "place", "body", "headers", "status"),
    [
        ("GET", "/graphs", None, {}, 400),
        ("PUT", "/graphs", JOHN, TURTLE, 400),
        ("GET", "/graphs?default&graph=urn%3Ax", None, {}, 400),
        ("GET", "/graphs?graph=urn%3Ax&graph=urn%3Ay", None, {}, 400),
        ("GET", "/graphs?graph=relative", None, {}, 422),
        ("GET", "/graphs?graph=urn%3Acuds%3Adefault", None, {}, 400),
        ("PUT", "/graphs?graph=urn%3Ax", "nonsense", TURTLE, 422),
        ("PUT", "/graphs?graph=urn%3Ax", JOHN, {"Content-Type": "text/plain"}, 415),
        ("PUT", "/graphs?graph=urn%3Ax", JOHN, {}, 415),
        ("PUT", "/graphs?graph=urn%3Ax", "<urn:a> <urn:b> <urn:c> <urn:g> .\n<urn:a> <urn:b> <urn:c> <urn:h> .\n",
         {"Content-Type": "application/n-quads"}, 422),
        ("PUT", "/graphs?graph=urn%3Ax", '{"@context": "http://127.0.0.1:1/c", "@id": "urn:a", "urn:b": "c"}',
         {"Content-Type": "application/ld+json"}, 422),
        ("PUT", "/graphs?graph=urn%3Ax", "<urn:a> a <https://w3id.org/cuds#Density> .", TURTLE, 422),
        ("PATCH", "/graphs?graph=urn%3Ax", JOHN, TURTLE, 405),
        ("GET", "/graphs?default", None, {"Accept": "image/png"}, 406),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(
    admin: httpx2.Client, method: str, place: str, body: Any, headers: dict[str, str], status: int
) -> None:
    answer = admin.request(method, place, content=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    assert answer.json()["hint"]
    assert admin.get("/graphs?graph=urn%3Ax").status_code == 404


def test_conditions_hold_where_they_are_given(admin: httpx2.Client, place: str) -> None:
    made = admin.put(place, content=JOHN, headers={**TURTLE, "If-None-Match": "*"})
    assert made.status_code == 201
    assert admin.put(place, content=JANE, headers={**TURTLE, "If-None-Match": "*"}).status_code == 412
    read = admin.get(place, headers={"Accept": "text/turtle"})
    assert admin.get(place, headers={"Accept": "text/turtle", "If-None-Match": read.headers["etag"]}).status_code == 304
    assert admin.put(place, content=JANE, headers={**TURTLE, "If-Match": read.headers["etag"]}).status_code == 204
    assert admin.post(place, content=JOHN, headers={**TURTLE, "If-Match": read.headers["etag"]}).status_code == 412
    assert admin.delete(place, headers={"If-Match": read.headers["etag"]}).status_code == 412
    assert same(admin.get(place, headers={"Accept": "text/turtle"}), JANE)


def test_what_is_added_at_once_is_all_there(admin: httpx2.Client, place: str) -> None:
    admin.put(place, content=b"", headers=TURTLE)

    def add(n: int) -> int:
        return admin.post(place, content=f"<urn:a> <urn:b> {n} .", headers=TURTLE).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(add, range(24))) == {204}
    assert len(Graph().parse(data=admin.get(place, headers={"Accept": "text/turtle"}).text, format="turtle")) == 24


def test_a_data_set_is_a_graph_and_a_graph_is_listed(server: Server, admin: httpx2.Client, name: str) -> None:
    iri = f"urn:of:{re.sub(r'[^a-z0-9]', '-', name)}"
    admin.put(f"/graphs?graph={quote(iri)}", content=JOHN, headers=TURTLE)
    with cuds.connect(server.url, key=server.key) as library:
        version = library.put(cuds.Density(label="of a graph", value="2 g/cm^3"), name)
        assert {iri, name} <= {v.name for v in library.list()}
        read = admin.get(f"/graphs?graph={quote(version.iri, safe='')}", headers={"Accept": "application/n-triples"})
        assert isomorphic(Graph().parse(data=read.text, format="nt"), library.graph(name))
        assert isomorphic(library.graph(iri), Graph().parse(data=JOHN, format="turtle"))
        assert admin.delete(f"/graphs?graph={quote(version.iri, safe='')}").status_code == 204
        assert name not in library


def test_what_is_of_others_is_not_there(server: Server) -> None:
    with server.client("carol") as carol, server.client("dave") as dave:
        place = "/graphs?graph=urn%3Aof%3Acarol"
        assert carol.put(place, content=JOHN, headers=TURTLE).status_code == 201
        nothing = dave.get("/graphs?graph=urn%3Aof%3Anobody").json()
        found = dave.get(place)
        assert (found.status_code, found.json()["title"]) == (404, nothing["title"])
        assert found.json()["detail"].replace("carol", "nobody") == nothing["detail"]
        assert [dave.request(m, place, content=JANE, headers=TURTLE).status_code for m in ("PUT", "POST")] == [404, 404]
        assert dave.delete(place).status_code == 404
        assert same(carol.get(place, headers={"Accept": "text/turtle"}), JOHN)
