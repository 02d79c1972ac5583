"""Clients that others wrote, and servers, ask by SPARQL."""

import contextlib
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from rdflib import Graph, URIRef
from rdflib.plugins.stores.sparqlstore import SPARQLStore, SPARQLUpdateStore

import cuds
from tests.server import Server, serving
from tests.service.asking import IN_JSON, ONE, QUERY, THREE, TWO, UPDATE, change, told

pytestmark = pytest.mark.usefixtures("graphs")


def test_rdflib_asks_it(server: Server) -> None:
    """Its SPARQLStore, with the key in a header."""
    store = SPARQLStore(f"{server.url}/sparql", headers={"Authorization": f"Bearer {server.key}"})
    graph = Graph(store, identifier=URIRef(ONE))
    assert [(str(s), str(o)) for s, _, o in graph.triples((None, URIRef("http://is.it/a"), None))] == [(ONE, "1")]


def test_rdflib_asks_and_changes_with_a_password(server: Server) -> None:
    """The key is the password of anybody; as one of two credentials that differ it is none."""
    store = SPARQLUpdateStore(f"{server.url}/sparql", f"{server.url}/sparql", auth=("anybody", server.key))
    graph = Graph(store, identifier=URIRef("http://example.org/by/rdflib"))
    graph.add((URIRef("urn:s"), URIRef("http://is.it/a"), URIRef("urn:o")))
    assert list(graph.objects(URIRef("urn:s"))) == [URIRef("urn:o")]
    for password in (server.key[:-1], "", server.key + "x"):
        assert httpx2.get(f"{server.url}/sparql", auth=("admin", password)).status_code == 401
    both = {"X-API-Key": server.key_of("alice")}
    assert httpx2.get(f"{server.url}/sparql", auth=("admin", server.key), headers=both).status_code == 401


def test_the_server_of_oxigraph_asks_it_by_service(tmp_path: Path) -> None:
    """It joins what it holds with what is here; of a data set, and of a plain graph."""
    with (
        serving(tmp_path / "library", "--insecure-no-auth") as server,
        server.client() as ours,
        oxigraph() as theirs,
        httpx2.Client(base_url=theirs) as other,
    ):
        with cuds.connect(server.url) as library:
            library.put(cuds.Density(label="of copper", value="8.9 g/cm^3"), "copper")
        said = "INSERT DATA { GRAPH <urn:ours> { <urn:a> <urn:p> 1 . <urn:b> <urn:p> 2 } }"
        assert change(ours, said).status_code == 200
        said = 'INSERT DATA { <urn:b> <urn:q> "theirs" . <urn:c> <urn:named> "of copper" }'
        assert other.post("/update", content=said, headers=UPDATE).status_code == 204

        def found(where: str) -> list[str]:
            return sorted(told(other.post("/query", content=f"SELECT * {{ {where} }}", headers={**QUERY, **IN_JSON})))

        here = f"SERVICE <{server.url}/sparql>"
        assert found(f"?x <urn:q> ?q {here} {{ ?x <urn:p> ?n }}").count("2") == 1
        assert found(f"{here} {{ GRAPH <urn:ours> {{ ?x <urn:p> ?n }} }} FILTER(?n < 2)") == ["1", "urn:a"]
        label = "<http://www.w3.org/2000/01/rdf-schema#label>"
        assert "urn:c" in found(f"?c <urn:named> ?l {here} {{ ?x {label} ?l }}")
        back = f"SELECT * {{ SERVICE <{theirs}/query> {{ ?s ?p ?o }} }}"
        refused = ours.post("/sparql", content=back, headers=QUERY)
        assert (refused.status_code, "SERVICE" in refused.json()["detail"]) == (400, True)


@contextmanager
def oxigraph() -> Iterator[str]:
    """Yield the address of a server of Oxigraph."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{free.getsockname()[1]}"
    program = Path(sysconfig.get_path("scripts")) / "oxigraph"
    process = subprocess.Popen([program, "serve", "--bind", where], stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 30
        while True:
            with contextlib.suppress(httpx2.TransportError):
                httpx2.get(f"http://{where}/")
                break
            assert time.monotonic() < until, "it does not come up"
            time.sleep(0.05)
        yield f"http://{where}"
    finally:
        process.kill()
        process.wait()


def test_curl_asks_it(server: Server) -> None:
    told = ["curl", "-sS", "-H", f"Authorization: Bearer {server.key}", "-H", "Accept: text/csv", "--data-urlencode"]
    found = subprocess.run(
        [*told, "query=SELECT ?s { ?s <http://is.it/a> 1 } ORDER BY ?s", f"{server.url}/sparql"],
        check=True,
        capture_output=True,
    )
    assert found.stdout.decode().splitlines()[0] == "s"
    assert {ONE, TWO, THREE} <= set(found.stdout.decode().splitlines())
