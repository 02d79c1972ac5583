"""A library, and a server of SPARQL 1.1, empty for each test."""

import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import cuds
from cuds.errors import StorageError
from cuds.store.sparql import Endpoint


class Server:
    """The server of Oxigraph, with its triples in memory."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.where = f"127.0.0.1:{free.getsockname()[1]}"
        self.start()

    def start(self) -> None:
        program = Path(sysconfig.get_path("scripts")) / "oxigraph"
        self.process = subprocess.Popen([program, "serve", "--bind", self.where], stderr=subprocess.DEVNULL)
        until = time.monotonic() + 30
        while not self.empty():
            assert time.monotonic() < until, "it does not come up"
            time.sleep(0.02)

    @property
    def url(self) -> str:
        return f"http://{self.where}"

    def empty(self) -> bool:
        try:
            Endpoint(self.url).update("DROP ALL")
        except StorageError:
            return False
        return True

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="session")
def running() -> Iterator[Server]:
    server = Server()
    yield server
    server.kill()


@pytest.fixture
def library(tmp_path: Path) -> Iterator[cuds.Library]:
    with cuds.Library(tmp_path / "library") as library:
        yield library


@pytest.fixture
def server(running: Server) -> str:
    running.empty()
    return running.url
