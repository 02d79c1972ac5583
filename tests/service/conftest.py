"""One service for all tests that only ask it; those that end it start their own."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.server import Server, serving
from tests.service.asking import ONE, THREE, TWO, UPDATE


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("served") / "library") as running:
        yield running


@pytest.fixture
def admin(server: Server) -> Iterator[httpx2.Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return a name that no other test has; with what names may have in them."""
    return f"{request.node.name[:40]} {tmp_path.name}/é %2F"


@pytest.fixture(scope="module")
def graphs(server: Server) -> Iterator[None]:
    """Three graphs that say who they are."""
    with server.client() as client:
        for iri in (ONE, TWO, THREE):
            said = f"DROP SILENT GRAPH <{iri}> ; INSERT DATA {{ GRAPH <{iri}> {{ <{iri}> <http://is.it/a> 1 }} }}"
            assert client.post("/sparql", content=said, headers=UPDATE).status_code == 200
        yield
