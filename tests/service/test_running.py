"""A service from its start to its end: the first key, its log, its counters, kills and graceful stops."""

import contextlib
import json
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

import cuds
from tests.server import Server, serving, start
from tests.service.sets import HDF5, JSON, TURTLE, as_file, copper, get, path, problem, put, steel


def test_the_first_start_prints_a_key_once_and_not_in_the_log(tmp_path: Path) -> None:
    with serving(tmp_path / "library") as first:
        assert re.fullmatch(r"cuds_[\w-]{43}", first.key)
        assert httpx2.get(f"{first.url}/datasets", headers={"X-API-Key": first.key}).status_code == 200
    assert first.key not in first.log.read_text()
    with serving(tmp_path / "library") as second:
        assert second.key == ""
        assert httpx2.get(f"{second.url}/datasets", headers={"X-API-Key": first.key}).status_code == 200


def test_without_keys_on_this_machine_alone(tmp_path: Path) -> None:
    with serving(tmp_path / "library", "--insecure-no-auth") as server:
        assert server.key == ""
        with server.client() as client:
            assert put(client, "steel", as_file(steel(), tmp_path)).status_code == 201
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.org"):
        command = [sys.executable, "-m", "cuds", "serve", str(tmp_path / "library"), "--host", host]
        done = subprocess.run([*command, "--insecure-no-auth"], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "open to other machines" in done.stderr


def test_wrong_settings_are_named(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"bodies": 3}')
    command = [sys.executable, "-m", "cuds", "serve", str(tmp_path / "library"), "--settings", "settings.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert "bodies" in done.stderr


def test_what_is_new_is_shared_where_the_service_says_so(tmp_path: Path) -> None:
    with (
        serving(tmp_path / "library", "--share", "read") as server,
        server.client("ann") as ann,
        server.client("bob") as bob,
    ):
        body = as_file(steel(), tmp_path)
        put(ann, "steel", body)
        assert get(bob, "steel").status_code == 200
        problem(put(bob, "steel", body, If_Match="*"), 403, "forbidden")


def test_health_log_and_counters(tmp_path: Path) -> None:
    with serving(tmp_path / "library") as server:
        assert httpx2.get(f"{server.url}/health/live").json() == {"status": "live"}
        assert httpx2.get(f"{server.url}/health/ready").json() == {"status": "ready"}
        with server.client("ann") as ann:
            put(ann, "steel", as_file(steel(), tmp_path))
            answer = ann.get("/datasets/steel", headers={"X-Request-ID": "mine-1"})
            assert answer.headers["x-request-id"] == "mine-1"
            assert ann.get("/datasets", headers={"X-Request-ID": "a b"}).headers["x-request-id"] != "a b"
            counted = ann.get("/metrics").text
        assert 'cuds_requests_total{method="PUT",route="/datasets/{id}",status="201"} 1.0' in counted
        assert "steel" not in counted
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    (said,) = [line for line in lines if line.get("request") == "mine-1"]
    assert (said["route"], said["status"], said["by"]) == ("/datasets/{id}", 200, "ann")
    assert server.keys["ann"] not in server.log.read_text()


def test_a_request_that_is_being_answered_ends_before_the_service_does(tmp_path: Path) -> None:
    server = start(tmp_path / "library")
    body = as_file(copper(20), tmp_path)
    half, ended = threading.Event(), {}

    def slowly():  # type: ignore[no-untyped-def]
        yield body[: len(body) // 2]
        half.set()
        time.sleep(1)
        yield body[len(body) // 2 :]

    def write() -> None:
        with server.client() as client:
            ended["status"] = client.put(path("x"), content=slowly(), headers={"Content-Type": HDF5}).status_code

    thread = threading.Thread(target=write)
    thread.start()
    assert half.wait(30)
    server.stop(signal.SIGTERM)
    thread.join()
    assert ended == {"status": 201}
    assert "x" in cuds.Library(tmp_path / "library")


@pytest.mark.timeout(3600)  # in full each part is 250 starts
@pytest.mark.parametrize("part", range(4))  # side by side
def test_nothing_is_lost_when_it_is_killed(part: int, tmp_path: Path, count: Callable[[int, int], int]) -> None:
    """Whatever was acknowledged is there after any kill, and nothing that is served is half written."""
    folder, acknowledged = tmp_path / "library", dict[str, float]()
    bodies = {gpa: as_file(steel(gpa), tmp_path) for gpa in (100.0, 150.0, 200.0)}
    key, dice, kills = "", random.Random(part), count(8, 250)
    for _ in range(kills):
        server = start(folder)
        key = server.key or key
        server.key = key

        def write(server: Server = server) -> None:
            with server.client() as client:
                for n in range(10_000):
                    name, gpa = f"s{n % 5}", dice.choice(list(bodies))
                    try:
                        answer = put(client, name, bodies[gpa], If_Match="*")
                        if answer.status_code == 412:
                            answer = put(client, name, bodies[gpa])
                    except httpx2.TransportError:
                        return
                    assert answer.status_code in (201, 204), answer.text
                    acknowledged[f"{name} {answer.headers['cuds-version']}"] = gpa

        thread = threading.Thread(target=write)
        thread.start()
        time.sleep(dice.uniform(0.2, 1.0))
        server.stop(signal.SIGKILL)
        thread.join()
    library = cuds.Library(folder)
    assert library.verify() == []
    assert len(acknowledged) > kills
    for place, gpa in acknowledged.items():
        name, number = place.split()
        tensor = library.get(name, int(number))[cuds.ElasticTensor]
        assert tensor.digest == steel(gpa)[cuds.ElasticTensor].digest


def test_who_goes_away_in_the_middle_is_no_failure_of_the_service(tmp_path: Path) -> None:
    with serving(tmp_path / "library") as server:
        address = urlsplit(server.url)
        for where, media in (
            ("POST /sparql", "application/sparql-query"),
            ("PUT /datasets/x", HDF5),
            ("POST /datasets", JSON),
            ("POST /validate", TURTLE),
            ("PUT /graphs?default", TURTLE),
        ):
            with socket.create_connection((address.hostname, address.port)) as wire:
                head = f"{where} HTTP/1.1\r\nHost: x\r\nX-API-Key: {server.key}\r\nContent-Type: {media}\r\n"
                wire.sendall(f"{head}Content-Length: 100\r\n\r\nhalf".encode())
                time.sleep(0.2)
        with server.client() as client:
            assert client.get("/datasets").json() == {"datasets": []}
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert [line for line in lines if line["level"] == "error"] == []
    assert [line["status"] for line in lines if line.get("method") in ("PUT", "POST")] == [400] * 5


def test_an_upload_goes_on_after_a_kill(tmp_path: Path) -> None:
    body, key = as_file(copper(30), tmp_path), ""
    folder, where, offset = tmp_path / "library", "", 0
    for n in range(4):
        server = start(folder)
        server.key = key = server.key or key
        with contextlib.ExitStack() as ended:
            ended.callback(server.stop)
            client = ended.enter_context(server.client())
            if not where:
                where = client.post("/uploads", headers={"Upload-Length": str(len(body))}).headers["location"]
            there = int(client.head(where).headers["upload-offset"])
            assert offset <= there <= len(body)
            offset = there

            def some(end: int, begin: int = offset, server: Server = server) -> Iterator[bytes]:
                for at in range(begin, end, 100_000):
                    yield body[at : min(end, at + 100_000)]
                if end < len(body):
                    server.process.kill()
                yield b""

            end = len(body) * (n + 1) // 4
            sent = {"Upload-Offset": str(offset), "Content-Type": "application/octet-stream"}
            with contextlib.suppress(httpx2.TransportError):
                client.patch(where, content=some(end), headers=sent)
            if end == len(body):
                assert int(client.head(where).headers["upload-offset"]) == len(body)
                made = client.post("/datasets", json={"upload": where.rpartition("/")[2], "name": "after kills"})
                assert made.status_code == 201, made.text
    library = cuds.Library(folder)
    assert library.verify() == []
    assert library.get("after kills")[cuds.ParticleSystem].digest == copper(30)[cuds.ParticleSystem].digest


def test_what_is_written_locally_is_served(server: Server, admin: httpx2.Client, name: str) -> None:
    library = cuds.Library(server.folder)
    library.put(steel(), name)
    library.put_graph("https://example.org/a", b"<urn:a> <urn:b> <urn:c> .\n")
    assert get(admin, name, JSON).json()["version"] == 1
    said = get(admin, "https://example.org/a", JSON).json()
    assert (said["plain"], said["triples"]) == (True, 1)
    assert "<urn:a>" in get(admin, "https://example.org/a", TURTLE).text
    problem(get(admin, "https://example.org/a", HDF5), 406, "not-acceptable")


@pytest.mark.parametrize("media", ["text/html", "application/ld+json"])
def test_where_one_lands(admin: httpx2.Client, media: str) -> None:
    answer = admin.get("/", headers={"Accept": media})
    assert answer.headers["content-type"].startswith(media)
    assert '</openapi.json>; rel="service-desc"' in answer.headers["link"]


def test_the_vocabulary_is_served(admin: httpx2.Client) -> None:
    from rdflib import DCAT, RDF, SH, Graph, URIRef

    ontology = Graph().parse(data=admin.get("/ontology", headers={"Accept": TURTLE}).text, format="turtle")
    assert (URIRef("https://w3id.org/cuds#ElasticTensor"), None, None) in ontology
    shapes = Graph().parse(data=admin.get("/shapes", headers={"Accept": TURTLE}).text, format="turtle")
    assert len(set(shapes.subjects(RDF.type, SH.NodeShape))) > 50
    context = admin.get("/context/v1.jsonld")
    assert "@context" in context.json()
    assert admin.get("/context/v1.jsonld", headers={"If-None-Match": context.headers["etag"]}).status_code == 304
    catalogue = Graph().parse(data=admin.get("/catalog", headers={"Accept": TURTLE}).text, format="turtle")
    assert len(set(catalogue.subjects(RDF.type, DCAT.Catalog))) == 1


def test_validation_keeps_nothing(admin: httpx2.Client, name: str, tmp_path: Path) -> None:
    from rdflib import RDF, SH, Graph

    wrong = b"<urn:x> a <https://w3id.org/cuds#ElasticTensor> ."
    said = admin.post("/validate", content=wrong, headers={"Content-Type": TURTLE}).json()
    assert said == {"conforms": False, "complaints": ["urn:x: stiffness is missing"]}
    report = admin.post("/validate", content=wrong, headers={"Content-Type": TURTLE, "Accept": TURTLE}).text
    assert len(set(Graph().parse(data=report, format="turtle").subjects(RDF.type, SH.ValidationResult))) == 1
    body = as_file(copper(), tmp_path)
    whole = admin.post("/validate", content=body, headers={"Content-Type": HDF5}).json()
    assert whole == {"conforms": True, "complaints": []}
    assert "<urn:x>" not in admin.get("/catalog").text
