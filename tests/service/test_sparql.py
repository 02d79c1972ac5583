"""SPARQL 1.1 over HTTP, as the protocol of the W3C asks for, and cut to what a key may read."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import httpx2
import pytest
from rdflib import Graph, URIRef

import cuds
from tests.server import Server
from tests.service.asking import ONE, QUERY, THREE, TWO, UPDATE, ask, change, has, names, told

pytestmark = pytest.mark.usefixtures("graphs")


# --- the ways to ask ---


def test_a_query_comes_in_three_ways(admin: httpx2.Client) -> None:
    assert told(admin.get("/sparql", params={"query": has(ONE)})) is True
    assert told(admin.post("/sparql", data={"query": has(ONE)})) is True
    assert told(admin.post("/sparql", content=has(ONE), headers=QUERY)) is True
    assert told(admin.request("QUERY", "/sparql", content=has(ONE), headers=QUERY)) is True


@pytest.mark.parametrize("way", ["get", "form", "body"])
def test_the_request_says_of_which_graphs_it_asks(admin: httpx2.Client, way: str) -> None:
    def asked(query: str, *dataset: tuple[str, str]) -> Any:
        pairs = [("query", query), *dataset]
        if way == "get":
            return told(admin.get(f"/sparql?{urlencode(pairs)}"))
        if way == "form":
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            return told(admin.post("/sparql", content=urlencode(pairs), headers=form))
        return told(admin.post(f"/sparql?{urlencode(dataset)}", content=query, headers=QUERY))

    default = [("default-graph-uri", g) for g in (ONE, TWO)]
    named = [("named-graph-uri", g) for g in (ONE, TWO)]
    assert asked(has(ONE, TWO), *default) is True
    assert asked(has(ONE, TWO), default[0]) is False
    assert asked(has(THREE), *default) is False
    assert asked(names(ONE, TWO), *named) is True
    assert asked(names(THREE), *named) is False
    assert asked(has(ONE), *named) is False  # its default graph is empty
    assert asked("ASK { GRAPH ?g { ?s ?p ?o } }", *default) is False
    assert asked(f"ASK {{ <{ONE}> ?p ?o . GRAPH ?g {{ <{TWO}> ?q ?r }} }}", default[0], named[1]) is True
    within = f"ASK FROM <{THREE}> FROM NAMED <{THREE}> {{ <{ONE}> ?p ?o . GRAPH <{TWO}> {{ ?s ?q ?r }} }}"
    assert asked(within, default[0], named[1]) is True  # the request wins
    assert asked("ASK { ?s ?p ?o }", ("default-graph-uri", "http://example.org/nothing/there")) is False


SELECT, CONSTRUCT = "SELECT ?s { ?s <http://is.it/a> 1 }", "CONSTRUCT WHERE { ?s <http://is.it/a> ?o }"


@pytest.mark.parametrize(
    ("query", "accept", "media"),
    [
        (SELECT, "*/*", "application/sparql-results+json"),
        (SELECT, "text/csv", "text/csv"),
        (SELECT, "text/tab-separated-values;q=0.5, application/sparql-results+xml", "application/sparql-results+xml"),
        (has(ONE), "application/sparql-results+xml", "application/sparql-results+xml"),
        (CONSTRUCT, "text/turtle, */*;q=0.1", "text/turtle"),
        (CONSTRUCT, "application/rdf+xml", "application/rdf+xml"),
        (f"DESCRIBE <{ONE}>", "application/n-triples", "application/n-triples"),
        (f"DESCRIBE <{ONE}>", "application/ld+json", "application/ld+json"),
        (SELECT, "image/png", None),
        (CONSTRUCT, "text/csv", None),
    ],
)
def test_the_form_of_an_answer_is_negotiated(admin: httpx2.Client, query: str, accept: str, media: str | None) -> None:
    answer = admin.post("/sparql", content=query, headers={**QUERY, "Accept": accept})
    if media is None:
        assert (answer.status_code, answer.json()["type"]) == (406, "/problems/not-acceptable")
    else:
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, media)
        assert "Accept" in answer.headers["vary"]


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
WITH = f"WITH <{ONE}> DELETE {{ ?s ?p ?o }} WHERE {{ ?s ?p ?o }}"
ADD = "INSERT DATA { <http://example.org/s> <http://example.org/p> 1 }"


@pytest.mark.parametrize(
    ("method", "address", "body", "headers", "status"),
    [
        ("PUT", "?query=ASK%20%7B%7D", None, {}, 405),
        ("GET", "?query=ASK%20%7B%7D&query=SELECT%20%2A%20%7B%7D", None, {}, 400),
        ("POST", "", "query=ASK%20%7B%7D&query=ASK%20%7B%7D", FORM, 400),
        ("POST", "", "ASK {}", {"Content-Type": "text/plain"}, 415),
        ("POST", "", "query=ASK%20%7B%7D", {"Content-Type": "text/plain"}, 415),
        ("POST", "", "query=ASK%20%7B%7D", {}, 415),
        ("POST", "", "ASK {}", FORM, 400),
        ("POST", "", "ASK {}".encode("utf-16"), {"Content-Type": "application/sparql-query; charset=UTF-16"}, 415),
        ("POST", "", "ASK {}".encode("utf-16"), QUERY, 400),
        ("GET", "?query=ASK%20%7B", None, {}, 400),
        ("GET", f"?update={quote(ADD)}", None, {}, 400),
        ("POST", "", f"update={quote(ADD)}&update={quote(ADD)}", FORM, 400),
        ("POST", "", f"update={quote(ADD)}&query=ASK%20%7B%7D", FORM, 400),
        ("POST", "?query=ASK%20%7B%7D", f"update={quote(ADD)}", FORM, 400),
        ("POST", "", f"update={quote(ADD)}", {"Content-Type": "text/plain"}, 415),
        ("POST", "", ADD, FORM, 400),
        ("POST", "", ADD.encode("utf-16"), UPDATE, 400),
        ("POST", "", "INSERT DATA { nonsense", UPDATE, 422),
        ("POST", "?using-graph-uri=http%3A%2F%2Fexample.org%2Fa", WITH, UPDATE, 422),
        ("POST", "?default-graph-uri=http%3A%2F%2Fexample.org%2Fa", ADD, UPDATE, 400),
        ("POST", "", "LOAD <http://127.0.0.1:1/x.ttl>", UPDATE, 422),
        ("POST", "", "LOAD SILENT <file:///etc/passwd>", UPDATE, 422),
        ("POST", "", "INSERT { ?s ?p ?o } WHERE { SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }", UPDATE, 422),
        ("POST", "", "SELECT * { SERVICE <http://127.0.0.1:1/> { ?s ?p ?o } }", QUERY, 400),
        ("POST", "", "SELECT * FROM <file:///etc/passwd> { ?s ?p ?o }", QUERY, 400),
        ("GET", "?query=ASK%20%7B%7D&timeout=never", None, {}, 400),
        ("GET", "?query=ASK%20%7B%7D&default-graph-uri=", None, {}, 400),
        ("GET", "?query=ASK%20%7B%7D&named-graph-uri=a%20b", None, {}, 400),
        ("POST", "?using-graph-uri=", ADD, UPDATE, 422),
        ("POST", "?using-named-graph-uri=relative", ADD, UPDATE, 422),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(
    admin: httpx2.Client, method: str, address: str, body: Any, headers: dict[str, str], status: int
) -> None:
    answer = admin.request(method, f"/sparql{address}", content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["hint"]
    assert told(admin.post("/sparql", content="ASK { <http://example.org/s> ?p ?o }", headers=QUERY)) is False


# --- updates ---


def test_an_update_comes_in_two_ways(admin: httpx2.Client) -> None:
    for n, send in enumerate((
        lambda text: admin.post("/sparql", data={"update": text}),
        lambda text: admin.post("/sparql", content=text, headers=UPDATE),
    )):  # fmt: skip
        g = f"http://example.org/way/{n}"
        made = send(f"INSERT DATA {{ GRAPH <{g}> {{ <{g}> <http://is.it/a> 1 }} }}")
        assert made.status_code == 200
        assert made.json()["changed"][0]["iri"] == g
        assert ask(admin, names(g)) is True


def test_the_request_says_of_which_graphs_an_update_asks(admin: httpx2.Client) -> None:
    to, add = "http://example.org/using", "INSERT { GRAPH <http://example.org/using> { ?s <http://is.it/a> ?o } }"
    here, there = f"{add} WHERE {{ ?s ?p ?o }}", f"{add} WHERE {{ GRAPH ?g {{ ?s ?p ?o }} }}"

    def copied(update: str, **more: Any) -> list[str]:
        change(admin, f"DROP SILENT GRAPH <{to}>")
        assert change(admin, update, **more).status_code == 200
        return sorted(ask(admin, f"SELECT ?s {{ GRAPH <{to}> {{ ?s ?p ?o }} }}"))

    assert copied(here, **{"using-graph-uri": ONE}) == [ONE]
    assert copied(here, **{"using-graph-uri": [ONE, TWO]}) == [ONE, TWO]
    assert copied(there, **{"using-named-graph-uri": [ONE, TWO]}) == [ONE, TWO]
    assert copied(there, **{"using-graph-uri": ONE, "using-named-graph-uri": TWO}) == [TWO]


def test_relative_addresses_are_of_the_endpoint(server: Server, admin: httpx2.Client) -> None:
    assert change(admin, "INSERT DATA { GRAPH <base> { <s> <http://is.it/a> 1 } }").status_code == 200
    assert ask(admin, f"ASK {{ GRAPH <{server.url}/base> {{ <{server.url}/s> ?p ?o }} }}") is True
    assert ask(admin, "ASK { GRAPH <base> { <s> ?p ?o } }") is True


def test_an_update_is_all_or_nothing(admin: httpx2.Client) -> None:
    """The second graph says that something is a density, and not which."""
    a, b = "http://example.org/all", "http://example.org/nothing"
    wrong = f"INSERT DATA {{ GRAPH <{b}> {{ <{b}> a <https://w3id.org/cuds#Density> }} }}"
    answer = change(admin, f"INSERT DATA {{ GRAPH <{a}> {{ <{a}> <http://is.it/a> 1 }} }} ; {wrong}")
    assert answer.status_code == 422
    assert "is missing" in answer.json()["detail"]
    assert ask(admin, f"ASK {{ {{ GRAPH <{a}> {{ ?s ?p ?o }} }} UNION {{ GRAPH <{b}> {{ ?s ?p ?o }} }} }}") is False


def test_what_an_update_says_of_a_data_set_is_read_by_every_route(server: Server, admin: httpx2.Client) -> None:
    with cuds.connect(server.url, key=server.key) as library:
        library.put(cuds.Density(label="told", value="8.9 g/cm^3"), "told by an update")
        iri = next(v.iri for v in library.list() if v.name == "told by an update")
        (node,) = ask(admin, f"SELECT ?x {{ GRAPH <{iri}> {{ ?x a <https://w3id.org/cuds#Density> }} }}")
        before = admin.get("/datasets/told%20by%20an%20update", headers={"Accept": "text/turtle"}).headers["etag"]
        refused = change(admin, f'INSERT DATA {{ GRAPH <{iri}> {{ <{node}> <http://is.it/a> "x" }} }}')
        assert refused.status_code == 422
        label = "http://www.w3.org/2000/01/rdf-schema#label"
        graph = library.graph("told by an update")
        changed = cuds.DataSet(cuds.Density(label="retold", id=node, value="8.9 g/cm^3")).graph()
        gone, new = (
            " ".join(f"{s.n3()} {p.n3()} {o.n3()} ." for s, p, o in g) for g in (graph - changed, changed - graph)
        )
        both = f"DELETE DATA {{ GRAPH <{iri}> {{ {gone} }} }} ; INSERT DATA {{ GRAPH <{iri}> {{ {new} }} }}"
        answer = change(admin, both)
        assert answer.status_code == 200, answer.text
        assert answer.json()["changed"][0]["version"] == 2
        assert library.get("told by an update")[cuds.Density].label == "retold"
        after = admin.get("/datasets/told%20by%20an%20update", headers={"Accept": "text/turtle"})
        assert (after.headers["etag"] != before, "retold" in after.text) == (True, True)
        assert ask(admin, f"SELECT ?l {{ <{node}> <{label}> ?l }}") == ["retold"]


# --- what a key may read ---


@pytest.fixture(scope="module")
def two(server: Server) -> Iterator[tuple[httpx2.Client, httpx2.Client]]:
    """Two keys with a graph and a data set each, of which the other may know nothing."""
    with server.client("alice") as alice, server.client("bob") as bob:
        for who, client in (("alice", alice), ("bob", bob)):
            said = f"INSERT DATA {{ GRAPH <urn:of:{who}> {{ <urn:{who}> <http://is.it/of> <urn:x> }} }}"
            assert change(client, said).status_code == 200
            with cuds.connect(server.url, key=server.key_of(who)) as library:
                library.put(cuds.Density(label=f"secret of {who}", value="1 g/cm^3"), f"set of {who}")
        yield alice, bob


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * { ?s ?p ?o }",
        "SELECT * { GRAPH ?g { ?s ?p ?o } }",
        "SELECT * { GRAPH <urn:of:bob> { ?s ?p ?o } }",
        "SELECT * { ?s <http://is.it/of>+ ?o }",
        "SELECT * { ?s (<http://is.it/of>|!<http://is.it/of>)* ?o }",
        "SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g",
        "SELECT * { { SELECT ?o { ?x ?p ?o } } }",
        "SELECT ?s { ?s a ?c OPTIONAL { GRAPH ?g { ?s ?p ?o } } }",
        "SELECT ?t { ?x a <http://www.w3.org/ns/dcat#Dataset> ; <http://purl.org/dc/terms/title> ?t }",
        "SELECT * { VALUES ?g { <urn:of:bob> } GRAPH ?g { ?s ?p ?o } }",
        "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }",
        "DESCRIBE <urn:bob>",
        "SELECT (EXISTS { <urn:bob> ?p ?o } AS ?b) (EXISTS { GRAPH <urn:of:bob> { ?s ?p ?o } } AS ?c) {}",
    ],
)
def test_nothing_of_others_is_seen(two: tuple[httpx2.Client, httpx2.Client], query: str) -> None:
    alice, _ = two
    answer = alice.post("/sparql", content=query, headers=QUERY)
    assert answer.status_code == 200
    assert "bob" not in answer.text
    assert "true" not in answer.text
    counted = "GROUP BY" in query or "EXISTS" in query or "DESCRIBE" in query or "bob" in query
    assert counted or "alice" in answer.text


def test_nothing_of_others_is_seen_by_dataset_parameters(two: tuple[httpx2.Client, httpx2.Client]) -> None:
    alice, bob = two
    both = ["urn:of:alice", "urn:of:bob"]
    assert ask(alice, "SELECT ?s { ?s ?p ?o }", **{"default-graph-uri": both}) == ["urn:alice"]
    assert ask(alice, "SELECT ?g { GRAPH ?g { ?s ?p ?o } }", **{"named-graph-uri": both}) == ["urn:of:alice"]
    for clause in ("FROM <urn:of:bob>", "FROM NAMED <urn:of:bob>"):
        refused = alice.post("/sparql", content=f"SELECT * {clause} {{ ?s ?p ?o }}", headers=QUERY)
        nothing = alice.post(
            "/sparql", content=f"SELECT * {clause.replace('bob', 'eve')} {{ ?s ?p ?o }}", headers=QUERY
        )
        assert (refused.status_code, nothing.status_code) == (400, 400)
        assert refused.json()["detail"].replace("bob", "eve") == nothing.json()["detail"]
        assert "bob" not in refused.json()["hint"]
    assert ask(bob, "SELECT ?s { ?s <http://is.it/of> ?o }") == ["urn:bob"]


def test_the_service_description_lists_what_may_be_read(two: tuple[httpx2.Client, httpx2.Client]) -> None:
    alice, _ = two
    answer = alice.get("/sparql", headers={"Accept": "text/turtle"})
    said = Graph().parse(data=answer.text, format="turtle")
    sd = "http://www.w3.org/ns/sparql-service-description#"
    named = {str(o) for o in said.objects(None, URIRef(f"{sd}name"))}
    assert {"urn:of:alice", "urn:cuds:dataset:set%20of%20alice"} <= named
    assert not [n for n in named if "bob" in n]
    assert str(next(said.objects(None, URIRef(f"{sd}endpoint")))).endswith("/sparql")


@pytest.mark.parametrize(
    "update",
    [
        "INSERT DATA { GRAPH <urn:of:bob> { <urn:s> <urn:p> <urn:o> } }",
        "DELETE WHERE { GRAPH <urn:of:bob> { ?s ?p ?o } }",
        "CLEAR GRAPH <urn:of:bob>",
        "DROP GRAPH <urn:of:bob>",
        "ADD <urn:of:alice> TO <urn:of:bob>",
    ],
)
def test_nothing_of_others_is_changed(two: tuple[httpx2.Client, httpx2.Client], update: str) -> None:
    alice, bob = two
    assert change(alice, update).status_code in (200, 400, 403)
    assert set(ask(bob, "SELECT * { GRAPH <urn:of:bob> { ?s ?p ?o } }")) == {"urn:bob", "http://is.it/of", "urn:x"}


def test_nothing_of_others_gets_out_by_an_update(two: tuple[httpx2.Client, httpx2.Client]) -> None:
    alice, bob = two
    for update in (
        "INSERT { GRAPH <urn:copy> { ?s ?p ?o } } WHERE { GRAPH <urn:of:bob> { ?s ?p ?o } }",
        "INSERT { GRAPH <urn:copy> { ?s ?p ?o } } WHERE { GRAPH ?g { ?s ?p ?o } }",
        "COPY SILENT <urn:of:bob> TO <urn:copy>",
        "DELETE { GRAPH ?g { ?s ?p ?o } } WHERE { GRAPH ?g { ?s ?p ?o } FILTER(?g = <urn:of:bob>) }",
    ):
        change(alice, update)
        assert "bob" not in alice.post("/sparql", content="SELECT * { GRAPH ?g { ?s ?p ?o } }", headers=QUERY).text
    assert ask(bob, names("urn:of:bob").replace("<urn:of:bob> ?p", "<urn:bob> ?p")) is True


def test_a_key_that_reads_does_not_write(server: Server) -> None:
    with server.client("reader", "read") as reader:
        answer = change(reader, "INSERT DATA { GRAPH <urn:of:reader> { <urn:s> <urn:p> <urn:o> } }")
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/forbidden")
    with httpx2.Client(base_url=server.url) as nobody:
        assert nobody.post("/sparql", content="ASK {}", headers=QUERY).status_code == 401
