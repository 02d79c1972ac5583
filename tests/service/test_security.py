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
from urllib.parse import quote

import h5py
import httpx2
import numpy as np
import pytest

from tests.server import Server
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
