"""What strangers may try: nothing is fetched, opened, unpacked or run because a request says so."""

import contextlib
import gzip
import json
import pickle
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote, urlsplit

import h5py
import httpx2
import numpy as np
import pytest

from tests.server import Server, serving
from tests.service.sets import HDF5, JSON, TURTLE, as_file, copper, get, path, problem, put, steel


@pytest.fixture
def trap() -> Iterator[tuple[str, list[bytes]]]:
    """A server that nobody is to ask: its address, and who did."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    wire, _ = listening.accept()
                    asked.append(wire.recv(1000))
                    wire.close()

        Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", asked
        listening.shutdown(socket.SHUT_RDWR)


def test_contexts_and_entities_are_not_fetched(
    admin: httpx2.Client, name: str, tmp_path: Path, trap: tuple[str, list[bytes]]
) -> None:
    url, asked = trap
    secret = tmp_path / "secret"
    secret.write_text("the secret")
    documents = [("application/ld+json", json.dumps({"@context": c, "@id": "urn:x", "a": "b"}))
                 for c in (f"{url}/c", f"file://{secret}", [f"{url}/c"], {"@import": f"{url}/c"})]  # fmt: skip
    head = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:x="urn:x#"><rdf:Description '
    rest = 'rdf:about="urn:a"><x:b>&e;</x:b></rdf:Description></rdf:RDF>'
    laughs = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha" * 100}">' for n in range(9))
    for declared in (
        f'<!ENTITY e SYSTEM "file://{secret}">',
        f'<!ENTITY e SYSTEM "{url}/e">',
        f'{laughs}<!ENTITY e "&e8;">',
    ):
        documents.append(("application/rdf+xml", f"<?xml version='1.0'?><!DOCTYPE r [{declared}]>{head}{rest}"))
    documents.append(("application/rdf+xml", f'<!DOCTYPE r SYSTEM "{url}/dtd">{head}{rest}'))
    for media, document in documents:
        begun = time.monotonic()
        for answer in (put(admin, name, document.encode(), media),
                       admin.put("/graphs?graph=urn%3Agrown", content=document, headers={"Content-Type": media}),
                       admin.post("/validate", content=document, headers={"Content-Type": media})):  # fmt: skip
            assert answer.status_code in (200, 422)
            assert "the secret" not in answer.text
            assert answer.status_code == 422 or not answer.json()["conforms"]
        assert time.monotonic() - begun < 5
    assert asked == []
    problem(get(admin, name), 404, "unknown")


def test_bodies_are_not_unpacked(admin: httpx2.Client, name: str) -> None:
    body = gzip.compress(b"0" * 10**7)
    for encoding in ("gzip", "deflate", "br", "zstd", "GZIP", "identity, gzip"):
        headers = {"Content-Type": TURTLE, "Content-Encoding": encoding}
        problem(admin.put(path(name), content=body, headers=headers), 415, "media-type")


def bombs(folder: Path, whole: bytes) -> dict[str, Path]:
    """Return files of HDF5 that are more than they seem; all but one are data sets of cuds but for that."""
    secret = folder / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["numbers"] = np.arange(10)

    def changed(what: str, change: Any) -> Path:
        made = folder / f"{what}.h5"
        made.write_bytes(whole)
        with h5py.File(made, "a") as file:
            change(file)
        return made

    place = "/particles/copper/position/value"

    def replaced(file: Any, **how: Any) -> None:
        del file[place]
        file.create_dataset(place, **how)

    def external(file: Any) -> None:
        del file[place]
        file[place] = h5py.ExternalLink(str(secret), "/numbers")

    def virtual(file: Any) -> None:
        del file[place]
        layout = h5py.VirtualLayout((10,), "i8")
        layout[:] = h5py.VirtualSource(str(secret), "numbers", (10,))
        file.create_virtual_dataset(place, layout)

    def soft(file: Any) -> None:
        del file[place]
        file[place] = h5py.SoftLink("/graph")

    def many(file: Any) -> None:
        file.create_group("deep")
        node = file["deep"]
        for _ in range(50):
            node = node.create_group("x")

    deflated = {"data": np.zeros((1, 10**6, 3)), "compression": "gzip", "compression_opts": 9}
    return {
        "compressed": changed("compressed", lambda f: replaced(f, **deflated)),
        "declared": changed("declared", lambda f: replaced(f, shape=(1, 10**12, 3), dtype="f8", chunks=(1, 10**6, 3))),
        "late": changed("late", lambda f: replaced(f, shape=(1, 10**12, 3), dtype="f8")),
        "objects": changed("objects", lambda f: replaced(f, data=np.array(["x"], dtype=h5py.string_dtype()))),
        "raw": changed("raw", lambda f: replaced(f, shape=(10,), dtype="u1", external=[("/etc/hostname", 0, 10)])),
        "external": changed("external", external),
        "virtual": changed("virtual", virtual),
        "soft": changed("soft", soft),
        "circle": changed("circle", lambda f: f["particles"].__setitem__("again", f["/particles"])),
        "deep": changed("deep", many),
    }


def test_files_of_hdf5_hold_what_they_declare(admin: httpx2.Client, name: str, tmp_path: Path) -> None:
    for what, file in bombs(tmp_path, as_file(copper(), tmp_path)).items():
        said = problem(put(admin, name, file.read_bytes()), 422, "format")
        assert "/etc" not in said["detail"], what
        assert str(tmp_path) not in json.dumps(said), what
    problem(get(admin, name), 404, "unknown")


def test_pickles_are_not_loaded(admin: httpx2.Client, name: str, tmp_path: Path) -> None:
    """A .npy of objects is a pickle: it is in no form that is taken, whatever it is called."""
    touched = tmp_path / "touched"

    class Bomb:
        def __reduce__(self) -> Any:
            return Path.touch, (touched,)

    file = tmp_path / "x.npy"
    np.save(file, np.array([Bomb()], dtype=object), allow_pickle=True)
    for body in (file.read_bytes(), pickle.dumps(Bomb())):
        for media in ("application/x-npy", "application/octet-stream"):
            problem(put(admin, name, body, media), 415, "media-type")
        for media in (HDF5, TURTLE, "chemical/x-extxyz", "application/ld+json"):
            problem(put(admin, name, body, media), 422, "format")
    assert not touched.exists()


def test_no_path_leads_out(server: Server, admin: httpx2.Client, tmp_path: Path) -> None:
    body = as_file(steel(), tmp_path)
    outside = {p for p in server.folder.parent.iterdir()}
    for n, name in enumerate(
        ["..", "../../x", "/etc/passwd", "a/../../b", ".", "..%2f", "\\..\\x", "service/keys.json"]
    ):
        target = f"{server.url}/datasets/{quote(name, safe='').replace('.', '%2E')}"
        made = admin.put(target, content=body, headers={"Content-Type": HDF5})
        assert made.status_code == 201, (n, made.text)
        assert admin.get(target, headers={"Accept": JSON}).json()["name"] == name
        for location in ("../../../library.json", "%2E%2E/%2E%2E/service/keys.json", "/etc/passwd", "graph", "meta"):
            assert admin.get(f"{target}/arrays/{location.replace('..', '%2E%2E')}").status_code == 404
    assert {p for p in server.folder.parent.iterdir()} == outside
    for upload in ("..", "../service", "%2E%2E%2Fkeys"):
        problem(admin.get(f"/uploads/{quote(upload, safe='').replace('.', '%2E')}"), 400, "malformed")
        answer = admin.post("/datasets", json={"upload": upload, "name": "x"})
        problem(answer, 404, "unknown")


def test_names_that_are_none(admin: httpx2.Client) -> None:
    for raw in ("%00", "a%0ab", "%ff", "%7f", "x" * 300):
        problem(admin.get(f"/datasets/{raw}"), 400, "malformed")


def test_answers_name_no_place_of_this_machine(server: Server, admin: httpx2.Client, name: str) -> None:
    for body, media in (
        (b"x", HDF5),
        (b"\x89HDF\r\n\x1a\nxx", HDF5),
        (b"<a", TURTLE),
        (b"3\n\nx", "chemical/x-extxyz"),
        (b"{", "application/ld+json"),
    ):
        answer = put(admin, name, body, media)
        assert str(server.folder.parent) not in answer.text
        assert "writing" not in answer.text
        assert not re.search(r"/(tmp|root|home|usr)/", answer.text), answer.text


def test_json_that_is_nested_is_refused(admin: httpx2.Client, name: str) -> None:
    deep = b"[" * 30_000 + b"]" * 30_000
    problem(put(admin, name, deep, "application/ld+json"), 422, "format")
    problem(admin.post("/datasets", content=deep, headers={"Content-Type": JSON}), 422, "invalid")


def _deep(levels: int) -> dict[str, tuple[str, bytes]]:
    """Graphs in which things stand in each other: their media types and texts."""
    n, rdf = levels, 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:x="urn:x#"'
    triples = f"<urn:a> <urn:b> {'<<( <urn:a> <urn:b> ' * n}<urn:c>{' )>>' * n} ."
    hidden = "<urn:a> <urn:b> " + "<<( <urn:a> <urn:b> # )>> \n" * n + "<urn:c>" + " )>>" * n + " ."
    chain = {f"a{i}": f"a{i + 1}:x" for i in range(n)}
    texts = {
        "triples": ("application/n-triples", triples),
        "triples in Turtle": (TURTLE, triples),
        "triples behind comments": (TURTLE, hidden),
        "triples in TriG": ("application/trig", triples),
        "elements": (
            "application/rdf+xml",
            f"<rdf:RDF {rdf}>{'<rdf:Description><x:p>' * n}{'</x:p></rdf:Description>' * n}</rdf:RDF>",
        ),
        "objects": ("application/ld+json", '{"@id":"urn:a","urn:p":' * n + "1" + "}" * n),
        "lists": ("application/ld+json", '{"@id":"urn:a","urn:p":' + '{"@list":[' * n + "1" + "]}" * n + "}"),
        "contexts": ("application/ld+json", json.dumps({"@context": chain, "@id": "urn:a", "a0:z": "1"})),
    }
    return {what: (media, text.encode()) for what, (media, text) in texts.items()}


@pytest.mark.parametrize("what", _deep(1))
def test_graphs_that_are_nested_without_end_are_refused(admin: httpx2.Client, name: str, what: str) -> None:
    """The readers of triples call themselves for each level: the process would be gone."""
    begun = time.monotonic()
    media, text = _deep(30_000)[what]
    problem(put(admin, name, text, media), 422, "format")
    problem(admin.put("/graphs?graph=urn%3Adeep", content=text, headers={"Content-Type": media}), 422, "format")
    assert not admin.post("/validate", content=text, headers={"Content-Type": media}).json()["conforms"]
    assert time.monotonic() - begun < 10
    media, text = _deep(20)[what]
    assert admin.put("/graphs?graph=urn%3Adeep", content=text, headers={"Content-Type": media}).status_code < 300
    admin.delete("/graphs?graph=urn%3Adeep")


def test_triples_do_not_grow_into_each_other(admin: httpx2.Client) -> None:
    headers = {"Content-Type": "application/sparql-update"}
    begin = "INSERT DATA { GRAPH <urn:growing> { <urn:a> <urn:b> <urn:c> } }"
    assert admin.post("/sparql", content=begin, headers=headers).status_code == 200
    for n in (50, 40, 40):
        grown = "?o" if n == 0 else f"{'<<( <urn:a> <urn:b> ' * n}?o{' )>>' * n}"
        grow = f"DELETE {{ GRAPH <urn:growing> {{ ?s ?p ?o }} }} INSERT {{ GRAPH <urn:growing> {{ ?s ?p {grown} }} }}"
        answer = admin.post(
            "/sparql", content=f"{grow} WHERE {{ GRAPH <urn:growing> {{ ?s ?p ?o }} }}", headers=headers
        )
    problem(answer, 422, "format")
    assert admin.get("/graphs?graph=urn%3Agrowing", headers={"Accept": TURTLE}).status_code == 200
    admin.delete("/graphs?graph=urn%3Agrowing")


def test_what_cannot_be_written_in_a_form_is_said(admin: httpx2.Client) -> None:
    """A chain of blank nodes stands within itself in RDF/XML and JSON-LD."""
    chain = f"<urn:a> <urn:b> {'[ <urn:b> ' * 3000}1{']' * 3000} ."
    where = "/graphs?graph=urn%3Achain"
    assert admin.put(where, content=chain, headers={"Content-Type": TURTLE}).status_code == 201
    for media in ("application/rdf+xml", "application/ld+json"):
        assert "nested" in problem(admin.get(where, headers={"Accept": media}), 422, "invalid")["detail"]
    assert admin.get(where, headers={"Accept": TURTLE}).status_code == 200
    admin.delete(where)


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service with tight limits."""
    folder = tmp_path_factory.mktemp("narrow")
    limits = {
        "body": 100_000,
        "graph": 10_000,
        "selection": 1000,
        "pause": 1.0,
        "rate": 50,
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
