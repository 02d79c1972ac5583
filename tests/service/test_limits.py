"""What takes too much: of time, of memory, of room. It is refused, and others are answered."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from rdflib import RDF

import cuds
from tests.server import Server, serving
from tests.service.asking import ONE, QUERY, UPDATE, ask, change
from tests.service.sets import HDF5, TURTLE, as_file, copper, get, path, problem, put

ENDLESS = f"SELECT (COUNT(*) AS ?n) {{ {' '.join(f'?a{i} ?b{i} ?c{i} .' for i in range(8))} }}"


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service with tight limits."""
    folder = tmp_path_factory.mktemp("narrow")
    limits = {
        "body": 100_000,
        "graph": 10_000,
        "selection": 1000,
        "pause": 1.0,
        "rate": 10,
        "burst": 100,
        "quota": 150_000,
    }
    (folder / "settings.json").write_text(json.dumps({**limits, "uploads": 2, "concurrent": 4}))
    with serving(folder / "library", "--settings", str(folder / "settings.json")) as running:
        yield running


def test_too_large_by_what_is_declared_and_by_what_comes(narrow: Server, tmp_path: Path) -> None:
    with narrow.client("large") as client:
        problem(put(client, "x", b"0" * 100_001), 413, "too-large")

        def endless() -> Iterator[bytes]:
            for _ in range(200):
                yield b"0" * 1000

        answer = client.put(path("x"), content=endless(), headers={"Content-Type": HDF5})
        problem(answer, 413, "too-large")
        problem(put(client, "x", b"# " + b"0" * 20_000, TURTLE), 413, "too-large")
        problem(client.post("/uploads", headers={"Upload-Length": "100001"}), 413, "too-large")
        assert client.post("/uploads", headers={"Upload-Length": "90000"}).status_code == 201
        problem(client.post("/uploads", headers={"Upload-Length": "90000"}), 413, "too-large")
        assert client.post("/uploads").status_code == 201
        problem(client.post("/uploads"), 429, "too-many")
        assert put(client, "x", as_file(copper(3), tmp_path)).status_code == 201
        where = path("x", "arrays", "particles/copper/position/value")
        assert client.get(where).status_code == 200


def test_slow_bodies_are_not_awaited(narrow: Server) -> None:
    address = urlsplit(narrow.url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as wire:
        head = f"PUT /datasets/slow HTTP/1.1\r\nHost: x\r\nX-API-Key: {narrow.key_of('slow')}\r\n"
        wire.sendall(f"{head}Content-Type: {HDF5}\r\nContent-Length: 1000\r\n\r\nxx".encode())
        found = wire.recv(10_000)
        assert b" 408 " in found.partition(b"\r\n")[0]
        while wire.recv(10_000):
            pass  # it is closed
    with narrow.client("slow") as client:
        assert client.get("/datasets").status_code == 200


def test_one_key_does_not_keep_others_out(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(json.dumps({"each": 3}))
    with (
        serving(tmp_path / "library", "--settings", str(tmp_path / "settings.json")) as server,
        server.client("greedy") as greedy,
        server.client("modest") as modest,
    ):

        def becomes(status: int) -> httpx2.Response:
            until = time.monotonic() + 20
            while (answer := greedy.get("/datasets")).status_code != status:
                assert time.monotonic() < until, answer.text
            return answer

        address = urlsplit(server.url)
        head = f"PUT /datasets/x HTTP/1.1\r\nHost: x\r\nX-API-Key: {server.key_of('greedy')}\r\n"
        with contextlib.ExitStack() as held:
            for _ in range(3):
                wire = held.enter_context(socket.create_connection((address.hostname, address.port), timeout=20))
                wire.sendall(f"{head}Content-Type: {HDF5}\r\nContent-Length: 1000\r\n\r\nxx".encode())
            said = becomes(429)
            assert "3 requests of this key" in problem(said, 429, "too-many")["detail"]
            assert said.headers["retry-after"] == "1"
            assert modest.get("/datasets").status_code == 200
        becomes(200)


def _asked(server: Server, path: str, key: str) -> socket.socket:
    """Ask, with a window for the answer as small as it goes."""
    address = urlsplit(server.url)
    wire = socket.socket()
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    wire.connect((address.hostname, address.port))
    said = f"Accept: application/x-npy, {HDF5};q=0.9\r\nX-API-Key: {server.key_of(key)}"
    wire.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{said}\r\n\r\n".encode())
    return wire


def _open_files(server: Server, *words: str) -> list[str]:
    """Return what a service has open, by what its name holds."""
    found = []
    for place in Path(f"/proc/{server.process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(str(place.readlink()))
    return [name for name in found if all(word in name for word in words)]


@pytest.mark.turns(2)
@pytest.mark.parametrize("drops", [0, 1])
def test_who_does_not_read_is_hung_up_on(tmp_path: Path, drops: int) -> None:
    """Never, or a byte a tenth of a second, of a whole data set and of an array."""
    (tmp_path / "settings.json").write_text(json.dumps({"pause": 1.0, "concurrent": 4}))
    with serving(tmp_path / "library", "--settings", str(tmp_path / "settings.json")) as server:
        with server.client("slow") as client:
            put(client, "large", as_file(copper(80), tmp_path))
        where = path("large", "arrays", "particles/copper/position/value")
        wires = [_asked(server, w, "slow") for w in (path("large"), where, path("large"), where)]
        time.sleep(0.5)
        assert len(_open_files(server, ".h5md")) == 4
        until = time.monotonic() + 20
        while _open_files(server, ".h5md") and time.monotonic() < until:
            for wire in wires if drops else ():
                with contextlib.suppress(OSError):
                    wire.recv(1)
            time.sleep(0.1)
        assert _open_files(server, ".h5md") == []
        with server.client("slow") as client:
            assert len(get(client, "large", HDF5).content) > 10**7
        for wire in wires:
            wire.close()


def test_who_reads_slowly_but_reads_gets_all_of_it(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(json.dumps({"pause": 1.0}))
    with serving(tmp_path / "library", "--settings", str(tmp_path / "settings.json")) as server:
        body = as_file(copper(30), tmp_path)
        with server.client("slow") as client:
            put(client, "large", body)
        with _asked(server, path("large"), "slow") as wire:
            found = bytearray()
            begun = time.monotonic()
            while len(found) < len(body):
                some = wire.recv(1 << 16)
                assert some, f"hung up after {len(found)} of {len(body)} bytes"
                found += some
                time.sleep(len(some) / 8e5)
            assert time.monotonic() - begun > 3


def test_who_says_nothing_or_too_much_is_hung_up_on(narrow: Server) -> None:
    address = urlsplit(narrow.url)

    def said(*parts: bytes, gap: float = 0.0) -> bytes:
        """Return what is answered to what is sent, until the connection ends."""
        found = bytearray()
        with socket.create_connection((address.hostname, address.port), timeout=20) as wire:
            with contextlib.suppress(ConnectionError):
                for part in parts:
                    wire.sendall(part)
                    time.sleep(gap)
            with contextlib.suppress(ConnectionError):
                while some := wire.recv(1 << 16):
                    found += some
        return bytes(found)

    begun = time.monotonic()
    assert said() == said(b"GET / HT") == b""
    assert said(*[b"GET / HTTP/1.1\r\n", *[b"X: y\r\n"] * 30], gap=0.1) == b""
    assert said(*[b"\r\n"] * 30, gap=0.1) == b""
    assert time.monotonic() - begun < 30
    line = b"X-Long: " + b"x" * 5000 + b"\r\n"
    for many in (line * 1000, b"X: " + b"x" * 10**7, (b"X: y\r\n" * 100_000)):
        assert b" 400 " in said(b"GET / HTTP/1.1\r\n", many).partition(b"\r\n")[0]
    chunked = f"PUT /datasets/x HTTP/1.1\r\nHost: x\r\nX-API-Key: {narrow.key_of('trailing')}\r\n"
    chunked += f"Content-Type: {HDF5}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
    assert b"HTTP/1.1 4" in said(chunked.encode(), line * 1000)
    assert b"HTTP/1.1 4" in said(chunked.encode()[:-5], b"1;" + b"x" * 10**6)


def test_too_often(narrow: Server) -> None:
    with narrow.client("often") as often, narrow.client("seldom") as seldom:
        answers = [often.get("/datasets") for _ in range(250)]
        assert {a.status_code for a in answers} == {200, 429}
        said = next(a for a in answers if a.status_code == 429)
        problem(said, 429, "too-many")
        assert int(said.headers["retry-after"]) >= 1
        assert seldom.get("/datasets").status_code == 200
        with httpx2.Client(base_url=narrow.url) as nobody:
            guesses = [nobody.get("/datasets", headers={"X-API-Key": f"cuds_{n}"}) for n in range(150)]
        assert {a.status_code for a in guesses} <= {401, 429}


def test_a_query_without_end_is_stopped_and_others_are_answered(admin: httpx2.Client) -> None:
    answer = admin.post("/sparql", content=ENDLESS, headers=QUERY, params={"timeout": 1})
    assert answer.status_code == 400
    assert "not answered after 1 s" in answer.json()["detail"]
    assert ask(admin, "ASK { }") is True


def test_many_queries_without_end_hold_nobody_else_up(server: Server, admin: httpx2.Client) -> None:
    def endless(_: int) -> int:
        with server.client() as client:
            return client.post("/sparql", content=ENDLESS, headers=QUERY, params={"timeout": 4}).status_code

    with ThreadPoolExecutor(12) as pool:
        waiting = [pool.submit(endless, n) for n in range(12)]
        while not any(future.running() for future in waiting):
            time.sleep(0.01)
        time.sleep(0.5)
        for _ in range(5):
            assert admin.get("/datasets", params={"limit": 1}).status_code == 200
        assert not any(future.done() for future in waiting)
        assert {future.result() for future in waiting} <= {400, 503}


def test_updates_without_end_hold_nobody_else_up(server: Server, admin: httpx2.Client) -> None:
    """Of one key; the others read, ask and write as if they were not there."""
    said = " . ".join(f"<urn:s{n}> <urn:p> {n}" for n in range(300))
    with server.client("eve") as eve:
        assert change(eve, f"INSERT DATA {{ {said} GRAPH <urn:endless> {{ {said} }} }}").status_code == 200
    join = "?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n ?o . FILTER(?a = ?x)"

    def endless(n: int) -> tuple[int, str]:
        where = f"GRAPH ?w {{ {join} }}" if n % 2 else join
        with server.client("eve") as client:
            answer = change(client, f"DELETE {{ ?a ?b ?c }} INSERT {{ ?a ?b ?c }} WHERE {{ {where} }}", timeout=8)
            return answer.status_code, answer.json()["detail"]

    with ThreadPoolExecutor(12) as pool:
        waiting = [pool.submit(endless, n) for n in range(12)]
        time.sleep(1.5)
        begun = time.monotonic()
        for n in range(3):
            assert admin.get("/datasets", params={"limit": 1}).status_code == 200
            assert ask(admin, "ASK { }") is True
            assert change(admin, f"INSERT DATA {{ GRAPH <urn:beside> {{ <urn:s> <urn:p> {n} }} }}").status_code == 200
            again = (
                f"INSERT {{ GRAPH <urn:beside> {{ <urn:t> ?p {n} }} }} WHERE {{ GRAPH <urn:beside> {{ ?s ?p ?o }} }}"
            )
            assert change(admin, again).status_code == 200
        assert time.monotonic() - begun < 6
        assert not any(future.done() for future in waiting)
        assert {future.result() for future in waiting} == {(422, "update: not answered after 8 s")}
    change(admin, "DROP DEFAULT ; DROP GRAPH <urn:endless>")


@pytest.mark.usefixtures("graphs")
def test_what_is_nested_without_end_does_not_end_the_service(admin: httpx2.Client) -> None:
    deep = f"{'(' * 200_000}1{')' * 200_000}"
    for text, headers in (
        (f"SELECT * {{ FILTER({deep}) }}", QUERY),
        (f"SELECT * FROM <{ONE}> {{ FILTER({deep}) }}", QUERY),
        (f"INSERT {{ ?s ?p ?o }} WHERE {{ ?s ?p ?o FILTER({deep}) }}", UPDATE),
        (f"INSERT DATA {{ <urn:s> <urn:p> {deep} }}", UPDATE),
    ):
        answer = admin.post("/sparql", content=text, headers=headers)
        assert answer.status_code in (400, 422)
        assert "nested" in answer.json()["detail"]
    assert ask(admin, "ASK { }") is True


def test_a_graph_that_takes_too_long_holds_nobody_up(tmp_path: Path) -> None:
    """To hold it against the shapes would take minutes: it is refused by every route, and others are answered."""
    (tmp_path / "settings.json").write_text(json.dumps({"query": 3.0, "graph": 10**7}))
    lines = (f"<urn:{n}> <{RDF.type}> <{cuds.ElasticTensor.iri()}> .\n" for n in range(60_000))
    graph, form = "".join(lines).encode(), {"Content-Type": "application/n-triples"}
    with serving(tmp_path / "library", "--settings", str(tmp_path / "settings.json")) as server:
        server.key_of("eve")

        def sent(route: str) -> tuple[int, str]:
            with server.client("eve") as eve:
                body = b"INSERT DATA { GRAPH <urn:long> {" + graph + b"} }" if route == "/sparql" else graph
                how = {"Content-Type": "application/sparql-update"} if route == "/sparql" else form
                does = eve.post if route in ("/sparql", "/validate") else eve.put
                answer = does(route, content=body, headers=how)
                return answer.status_code, answer.json()["detail"]

        with ThreadPoolExecutor(4) as pool, server.client() as admin:
            routes = (path("long"), "/graphs?graph=urn%3Along", "/sparql", "/validate")
            waiting, answered = [pool.submit(sent, route) for route in routes], 0
            while not all(future.done() for future in waiting):
                assert admin.get("/datasets").status_code == 200
                answered += 1
            said = [future.result() for future in waiting]
        assert {status for status, _ in said} == {422}, said
        assert all("after 3 s" in detail for _, detail in said)
        assert answered > 20
