"""Data sets over HTTP: what one reads is what was written, and nobody overwrites what they have not seen."""

import threading
from collections import Counter
from pathlib import Path

import httpx2
import pytest

import cuds
from tests.server import Server
from tests.service.sets import HDF5, JSON, TURTLE, as_file, copper, get, path, problem, put, steel

FORMS = ("text/turtle", "application/ld+json", "application/n-triples", "application/n-quads", "application/trig")


def test_what_is_put_is_got_bit_for_bit(admin: httpx2.Client, name: str, tmp_path: Path) -> None:
    data = copper()
    made = put(admin, name, as_file(data, tmp_path))
    assert (made.status_code, made.headers["location"]) == (201, path(name))
    (tmp_path / "back.h5md").write_bytes(get(admin, name, HDF5).content)
    back = cuds.read(tmp_path / "back.h5md", verify=True)
    assert back[cuds.ParticleSystem].digest == data[cuds.ParticleSystem].digest
    said = get(admin, name, JSON).json()
    assert (said["name"], said["version"], said["entities"][0]["class"]) == (name, 1, "ParticleSystem")


@pytest.mark.parametrize("media", [*FORMS, "application/rdf+xml"])
def test_a_graph_is_the_same_in_every_form(admin: httpx2.Client, name: str, tmp_path: Path, media: str) -> None:
    put(admin, name, as_file(steel(), tmp_path))
    answer = get(admin, name, media)
    assert answer.headers["content-type"].partition(";")[0] == media
    assert answer.headers["vary"] == "Accept"
    changed = put(
        admin,
        name,
        answer.content.replace(b'"steel"', b'"iron"').replace(b">steel<", b">iron<"),
        media,
        If_Match=answer.headers["etag"],
    )
    assert changed.status_code == 204, changed.text
    assert get(admin, name, JSON).json()["entities"][0]["label"] == "iron"
    assert b'"steel"' in admin.get(path(name), params={"version": 1}, headers={"Accept": TURTLE}).content


def test_a_form_that_cannot_be_is_not_offered(admin: httpx2.Client, name: str, tmp_path: Path) -> None:
    put(admin, name, as_file(steel(), tmp_path))
    said = problem(get(admin, name, "chemical/x-extxyz"), 406, "not-acceptable")
    assert "text/turtle" in said["hint"]
    put(admin, name + "2", as_file(copper(), tmp_path))
    xyz = get(admin, name + "2", "chemical/x-extxyz")
    assert xyz.text.splitlines()[0] == "32"
    assert put(admin, name + "3", xyz.content, "chemical/x-extxyz").status_code == 201
    assert get(admin, name + "3", JSON).json()["entities"][0]["class"] == "ParticleSystem"


def test_a_body_in_a_wrong_form_is_refused(admin: httpx2.Client, name: str, tmp_path: Path) -> None:
    problem(put(admin, name, b"x", "text/plain"), 415, "media-type")
    problem(put(admin, name, b"x"), 422, "format")
    problem(put(admin, name, b"<a> <b>", TURTLE), 422, "format")
    problem(put(admin, name, as_file(steel(), tmp_path)[:-100]), 422, "format")
    body = as_file(copper(), tmp_path)
    changed = bytearray(body)
    changed[body.index(bytes(copper()[cuds.ParticleSystem].positions.value[1].tobytes()))] ^= 1
    assert "is not the one that was stored" in problem(put(admin, name, bytes(changed)), 422, "format")["detail"]
    said = problem(put(admin, name, b"<urn:x> a <https://w3id.org/cuds#ElasticTensor> .", TURTLE), 422, "invalid")
    assert said["complaints"] == ["urn:x: stiffness is missing"]
    problem(get(admin, name), 404, "unknown")


def test_a_digest_that_is_another_is_refused(admin: httpx2.Client, name: str, tmp_path: Path) -> None:
    body = as_file(steel(), tmp_path)
    wrong = "sha-256=:" + "A" * 43 + "=:"
    problem(put(admin, name, body, Content_Digest=wrong), 400, "digest")
    problem(put(admin, name, body, Content_Digest="sha-256=:abc:"), 400, "malformed")
    assert put(admin, name, body, Content_Digest="md5=:AAAA:").status_code == 201
    tag = get(admin, name, HDF5).headers["etag"]
    whole = get(admin, name, HDF5, Want_Repr_Digest="sha-256=9").headers["repr-digest"]
    got = get(admin, name, HDF5).content
    assert put(admin, name, got, Content_Digest=whole, If_Match=tag).status_code == 204


def test_conditions(admin: httpx2.Client, name: str, tmp_path: Path) -> None:
    body = as_file(steel(), tmp_path)
    problem(put(admin, name, body, If_Match="*"), 412, "stale")
    assert put(admin, name, body, If_None_Match="*").status_code == 201
    problem(put(admin, name, body, If_None_Match="*"), 412, "stale")
    problem(put(admin, name, body), 428, "condition")
    problem(admin.delete(path(name)), 428, "condition")
    turtle, whole = (get(admin, name, media).headers["etag"] for media in (TURTLE, HDF5))
    assert turtle != whole
    for given in (turtle, f'"x", W/{turtle}', "*"):
        answer = get(admin, name, TURTLE, If_None_Match=given)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", turtle)
    assert get(admin, name, TURTLE, If_None_Match=whole).status_code == 200
    problem(get(admin, name, TURTLE, If_Match=whole), 412, "stale")
    assert put(admin, name, as_file(steel(210), tmp_path), If_Match=turtle).status_code == 204
    problem(put(admin, name, body, If_Match=turtle), 412, "stale")
    assert admin.head(path(name)).headers["etag"] == get(admin, name).headers["etag"]
    assert admin.delete(path(name), headers={"If-Match": "*"}).status_code == 204
    problem(get(admin, name), 404, "unknown")
    assert put(admin, name, body).status_code == 201


def test_parts_of_a_file(admin: httpx2.Client, name: str, tmp_path: Path) -> None:
    put(admin, name, as_file(copper(4), tmp_path))
    whole = get(admin, name, HDF5)
    part = get(admin, name, HDF5, Range="bytes=1000-1999", If_Range=whole.headers["etag"])
    assert (part.status_code, part.content) == (206, whole.content[1000:2000])
    assert part.headers["content-range"] == f"bytes 1000-1999/{len(whole.content)}"
    several = get(admin, name, HDF5, Range="bytes=0-9,-10")
    assert several.headers["content-type"].startswith("multipart/byteranges; boundary=")
    assert whole.content[:10] in several.content
    assert whole.content[-10:] in several.content
    assert get(admin, name, HDF5, Range="bytes=0-9", If_Range='"other"').status_code == 200
    problem(get(admin, name, HDF5, Range=f"bytes={len(whole.content)}-"), 416, "range")


def test_the_label_is_changed_and_nothing_else(admin: httpx2.Client, name: str, tmp_path: Path) -> None:
    put(admin, name, as_file(steel(), tmp_path))
    patch = {"Content-Type": "application/merge-patch+json", "If-Match": "*"}
    assert admin.patch(path(name), json={"label": "new"}, headers=patch).status_code == 204
    (tmp_path / "x.h5md").write_bytes(get(admin, name, HDF5).content)
    assert cuds.read(tmp_path / "x.h5md").label == "new"
    said = problem(admin.patch(path(name), json={"entities": []}, headers=patch), 422, "unsupported")
    assert said["field"] == "entities"
    problem(admin.patch(path(name), json={"label": 3}, headers=patch), 422, "invalid")
    problem(admin.patch(path(name), json={"label": "x"}, headers=patch | {"Content-Type": JSON}), 415, "media-type")


def test_what_is_made_bears_its_label_or_the_name_that_is_given(
    admin: httpx2.Client, name: str, tmp_path: Path
) -> None:
    headers = {"Content-Type": HDF5}
    body = as_file(steel(label=name), tmp_path)
    made = admin.post("/datasets", content=body, headers=headers)
    assert (made.status_code, made.headers["location"]) == (201, path(name))
    problem(admin.post("/datasets", content=body, headers=headers), 409, "taken")
    other = admin.post("/datasets", params={"name": name + "2"}, content=body, headers=headers)
    assert other.headers["location"] == path(name + "2")


def test_versions_and_provenance(server: Server, admin: httpx2.Client, name: str, tmp_path: Path) -> None:
    from rdflib import PROV, Graph, URIRef

    put(admin, name, as_file(steel(), tmp_path))
    put(admin, name, as_file(steel(210), tmp_path), If_Match="*")
    rows = admin.get(path(name, "versions")).json()["versions"]
    assert [(r["version"], r["by"], r["how"], r["after"]) for r in rows] == [
        (1, "admin", "adopt", 0),
        (2, "admin", "adopt", 1),
    ]
    graph = Graph().parse(data=admin.get(path(name, "provenance")).text, format="turtle")
    assert len(set(graph.subjects(PROV.wasGeneratedBy))) == 2
    assert set(graph.objects(None, PROV.wasAssociatedWith)) == {URIRef("urn:cuds:agent:admin")}
    assert len(set(graph.subject_objects(PROV.wasRevisionOf))) == 1


def test_pages_are_stable_while_others_write(server: Server, tmp_path: Path) -> None:
    with server.client("lister") as client:
        body = as_file(steel(), tmp_path)
        names = [f"page {n:02}" for n in range(7)]
        for one in names:
            assert put(client, one, body).status_code == 201
        first = client.get("/datasets", params={"limit": 3, "q": "PAGE"})
        assert [d["name"] for d in first.json()["datasets"]] == names[:3]
        assert f'<{first.json()["next"]}>; rel="next"' == first.headers["link"]
        client.delete(path(names[2]), headers={"If-Match": "*"})
        put(client, "page 000", body)
        rest = client.get(first.json()["next"]).json()
        assert [d["name"] for d in rest["datasets"]] == names[3:6]
        last = client.get(rest["next"]).json()
        assert [d["name"] for d in last["datasets"]] == names[6:]
        assert "next" not in last
        problem(client.get("/datasets", params={"cursor": "nonsense"}), 400, "malformed")


def test_data_sets_are_found_by_class_and_by_value(server: Server, tmp_path: Path) -> None:
    with server.client("finder") as client:
        put(client, "of finder, soft", as_file(steel(70), tmp_path))
        put(client, "of finder, hard", as_file(steel(300), tmp_path))
        put(client, "of finder, atoms", as_file(copper(), tmp_path))

        def found(**given: str) -> list[str]:
            answer = client.get("/datasets", params={"q": "of finder", **given})
            assert answer.status_code == 200, answer.text
            return [d["name"] for d in answer.json()["datasets"]]

        assert found(**{"class": "ElasticTensor"}) == ["of finder, hard", "of finder, soft"]
        assert found(**{"class": "Entity"}) == ["of finder, atoms", "of finder, hard", "of finder, soft"]
        assert found(**{"class": "ElasticTensor", "C11": ">200000 MPa"}) == ["of finder, hard"]
        assert found(**{"class": "ElasticTensor", "label": "steel", "K": "<100 GPa"}) == ["of finder, soft"]
        (row,) = client.get("/datasets", params={"q": "of finder", "class": "ElasticTensor", "C11": ">200 GPa"}).json()[
            "datasets"
        ]
        assert row["found"][0]["values"]["C11"] == pytest.approx(403.8e9, rel=1e-3)
        for given, slug in [
            ({"class": "Elastic"}, "unknown"),
            ({"class": "ElasticTensor", "C11": ">200"}, "unit"),
            ({"class": "ElasticTensor", "C11": ">200 kg"}, "unit"),
            ({"class": "ElasticTensor", "C99": ">200 GPa"}, "unknown"),
        ]:
            problem(client.get("/datasets", params=given), 400, slug)


def test_no_update_is_lost(server: Server, admin: httpx2.Client, name: str, tmp_path: Path, count) -> None:  # type: ignore[no-untyped-def]
    """Many write one data set at once; each that is told it was written has a version of its own."""
    bodies = [as_file(steel(100 + n), tmp_path) for n in range(4)]
    put(admin, name, bodies[0])
    said: Counter[int] = Counter()
    writers, times = count(8, 200), count(4, 20)
    lock = threading.Lock()

    def write(n: int) -> None:
        with server.client() as client:
            for _ in range(times):
                tag = get(client, name, JSON).headers["etag"]
                status = put(client, name, bodies[n % 4], If_Match=tag).status_code
                with lock:
                    said[status] += 1

    threads = [threading.Thread(target=write, args=(n,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(said) <= {204, 412}
    versions = admin.get(path(name, "versions")).json()["versions"]
    assert len(versions) == 1 + said[204]
    assert [v["after"] for v in versions] == list(range(len(versions)))
