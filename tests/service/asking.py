"""Questions and changes in SPARQL, for tests of the service."""

from typing import Any

import httpx2

QUERY, UPDATE = {"Content-Type": "application/sparql-query"}, {"Content-Type": "application/sparql-update"}
IN_JSON = {"Accept": "application/sparql-results+json"}
ONE, TWO, THREE = (f"http://example.org/protocol/{n}" for n in ("one", "two", "three"))  # see the fixture graphs


def told(answer: httpx2.Response) -> Any:
    """Return what an answer says: true or false, or values."""
    assert answer.status_code == 200, answer.text
    said = answer.json()
    return (
        said["boolean"] if "boolean" in said else [v["value"] for r in said["results"]["bindings"] for v in r.values()]
    )


def ask(client: httpx2.Client, query: str, **more: Any) -> Any:
    return told(client.post("/sparql", content=query, headers=QUERY, params=more))


def has(*iris: str) -> str:
    return "ASK { " + " ".join(f"<{i}> <http://is.it/a> 1 ." for i in iris) + " }"


def names(*iris: str) -> str:
    return "ASK { " + " ".join(f"GRAPH <{i}> {{ <{i}> ?p ?o }}" for i in iris) + " }"


def change(client: httpx2.Client, update: str, **more: Any) -> httpx2.Response:
    return client.post("/sparql", content=update, headers=UPDATE, params=more)
