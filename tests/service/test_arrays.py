"""Arrays over HTTP: whole, in part, in three forms; and uploads that resume."""

import base64
import hashlib
import io
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import numpy as np
import pytest
from hypothesis import given, strategies as st

import cuds
from cuds.service.arrays import selection
from tests.server import Server
from tests.service.sets import HDF5, JSON, as_file, copper, get, path, problem, put, steel

h5py: Any = __import__("h5py")  # its types say less than its documentation
NPY, RAW = "application/x-npy", "application/octet-stream"
WHERE = ("arrays", "particles/copper/position/value")


def digest(content: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


@pytest.fixture(scope="module")
def kept(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    with server.client() as client:
        put(client, "arrays/of copper", as_file(copper(12), tmp_path_factory.mktemp("kept")))
    return "arrays/of copper"


@pytest.mark.parametrize(
    ("part", "index"),
    [
        ("", np.s_[:]),
        ("0:100,:", np.s_[0:100, :]),
        ("5", 5),
        ("-3:", np.s_[-3:]),
        ("::2,1", np.s_[::2, 1]),
        (":,0:2", np.s_[:, 0:2]),
        ("10:20:3", np.s_[10:20:3]),
        ("7,2", np.s_[7, 2]),
        ("100:50", np.s_[100:50]),
        ("-1,-1", np.s_[-1, -1]),
    ],
)
def test_a_part_is_what_numpy_takes(admin: httpx2.Client, kept: str, part: str, index: Any) -> None:
    wanted = copper(12)[cuds.ParticleSystem].positions.value[index]
    where = path(kept, *WHERE)
    npy, raw, hdf5 = (
        admin.get(where, params={"slice": part} if part else {}, headers={"Accept": media})
        for media in (NPY, RAW, HDF5)
    )
    assert np.array_equal(np.load(io.BytesIO(npy.content), allow_pickle=False), wanted)
    shape = tuple(map(int, filter(None, raw.headers["cuds-shape"].split(","))))
    assert np.array_equal(np.frombuffer(raw.content, raw.headers["cuds-dtype"]).reshape(shape), wanted)
    assert raw.headers["cuds-unit"] == "http://qudt.org/vocab/unit/ANGSTROM"
    with h5py.File(io.BytesIO(hdf5.content)) as file:
        assert np.array_equal(file[WHERE[1]][()], wanted)
    assert len({a.headers["etag"] for a in (npy, raw, hdf5)}) == 3


AXES = st.one_of(
    st.integers(-20, 20).map(str),
    st.tuples(*[st.integers(-9, 9).map(str) | st.just("")] * 2).map(":".join),
    st.tuples(st.just(""), st.just("3"), st.integers(1, 9).map(str)).map(":".join),
)


@given(st.lists(AXES, min_size=1, max_size=4))
def test_slices_are_those_of_numpy(axes: list[str]) -> None:
    meant = [int(a) if ":" not in a else slice(*(int(e) if e else None for e in a.split(":"))) for a in axes]
    assert list(selection(",".join(axes))) == meant


def test_parts_of_arrays_with_digests(admin: httpx2.Client, kept: str) -> None:
    where, asked = path(kept, *WHERE), {"Accept": RAW, "Want-Repr-Digest": "sha-256=5"}
    whole = admin.get(where, headers=asked)
    assert whole.headers["repr-digest"] == whole.headers["content-digest"] == digest(whole.content)
    part = admin.get(where, headers={**asked, "Range": "bytes=24-47", "Want-Content-Digest": "sha-256=1"})
    assert (part.status_code, part.content) == (206, whole.content[24:48])
    assert part.headers["repr-digest"] == digest(whole.content)
    assert part.headers["content-digest"] == digest(part.content)
    assert admin.get(where, headers={"Accept": RAW, "If-None-Match": whole.headers["etag"]}).status_code == 304


def test_what_is_no_array_or_no_part(admin: httpx2.Client, kept: str) -> None:
    said = problem(admin.get(path(kept, "arrays", "particles/copper/positions/value")), 404, "unknown")
    assert "particles/copper/position/value" in said["hint"]
    for part in ("a", "1:2:0", "0,0,0", "99999", "...", "1;2"):
        problem(admin.get(path(kept, *WHERE), params={"slice": part}), 400, "malformed")
    problem(admin.get(path(kept, *WHERE), headers={"Accept": "image/png"}), 406, "not-acceptable")


def test_h5py_reads_over_http(admin: httpx2.Client, kept: str) -> None:
    """A program of HDF5 opens a data set where it lies, and reads parts of it by Range."""

    class Far(io.RawIOBase):
        def __init__(self) -> None:
            self.at, self.asked = 0, 0
            self.size = int(admin.head(path(kept), headers={"Accept": HDF5}).headers["content-length"])

        def seek(self, to: int, how: int = 0) -> int:
            self.at = (0, self.at, self.size)[how] + to
            return self.at

        def tell(self) -> int:
            return self.at

        def readable(self) -> bool:
            return True

        def seekable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            end = min(self.size, self.at + len(buffer))
            span = {"Accept": HDF5, "Range": f"bytes={self.at}-{end - 1}"}
            found = admin.get(path(kept), headers=span).content if end > self.at else b""
            buffer[: len(found)] = found
            self.at += len(found)
            self.asked += len(found)
            return len(found)

    far = Far()
    with h5py.File(far) as file:
        last = file[WHERE[1]][0, -1]
    assert np.array_equal(last, copper(12)[cuds.ParticleSystem].positions.value[-1])
    assert far.asked < far.size


def test_an_upload_resumes(server: Server, admin: httpx2.Client, name: str, tmp_path: Path) -> None:
    body = as_file(copper(), tmp_path)
    made = admin.post("/uploads", headers={"Upload-Length": str(len(body))})
    place, upload = made.headers["location"], made.json()["upload"]
    part = {"Content-Type": "application/partial-upload"}
    half = len(body) // 2
    assert admin.patch(place, content=body[:half], headers={**part, "Upload-Offset": "0"}).status_code == 204
    assert admin.head(place).headers["upload-offset"] == str(half)
    said = problem(admin.patch(place, content=body, headers={**part, "Upload-Offset": "0"}), 409, "offset")
    assert said["at"] == half
    named = {"upload": upload, "name": name}
    problem(admin.post("/datasets", json=named), 422, "invalid")
    rest = {**part, "Upload-Offset": str(half)}
    problem(admin.patch(place, content=body[half:], headers={**rest, "Content-Digest": digest(b"")}), 400, "digest")
    assert admin.head(place).headers["upload-offset"] == str(half)
    problem(admin.patch(place, content=body[half:] + b"x", headers=rest), 413, "too-large")
    done = admin.patch(place, content=body[half:], headers={**rest, "Content-Digest": digest(body[half:])})
    assert done.headers["upload-complete"] == "?1"
    problem(admin.post("/datasets", json=named, headers={"Repr-Digest": digest(b"")}), 400, "digest")
    with server.client("stranger") as stranger:
        problem(stranger.get(place), 404, "unknown")
        problem(stranger.post("/datasets", json=named), 404, "unknown")
    assert admin.post("/datasets", json=named, headers={"Repr-Digest": digest(body)}).status_code == 201
    problem(admin.get(place), 404, "unknown")
    assert get(admin, name, JSON).json()["entities"][0]["class"] == "ParticleSystem"


def test_an_upload_that_is_cut_off_goes_on(server: Server, admin: httpx2.Client, tmp_path: Path) -> None:
    place = admin.post("/uploads").headers["location"]
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port)) as wire:
        head = f"PATCH {place} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.key}\r\nUpload-Offset: 0\r\n"
        wire.sendall(f"{head}Content-Type: {RAW}\r\nContent-Length: 1000\r\n\r\n".encode() + b"a" * 600)
        time.sleep(1)  # it begins to be read
    until = time.monotonic() + 30
    while (offset := admin.head(place).headers["upload-offset"]) != "600" and time.monotonic() < until:
        time.sleep(0.05)
    assert offset == "600"
    assert admin.delete(place).status_code == 204


def test_a_graph_refers_to_the_numbers_of_an_upload(admin: httpx2.Client, name: str, tmp_path: Path) -> None:
    body = as_file(steel(), tmp_path)
    put(admin, name, body)
    graph = get(admin, name, "text/turtle").content.replace(b'"steel"', b'"iron"')
    upload = admin.post("/uploads").json()["upload"]
    part = {"Content-Type": RAW, "Upload-Offset": "0"}
    admin.patch(f"/uploads/{upload}", content=body, headers=part)
    turtle = {"Content-Type": "text/turtle"}
    problem(admin.put(path(name + "2"), content=graph, headers=turtle), 422, "format")
    answer = admin.put(path(name + "2"), content=graph, headers=turtle, params={"upload": upload})
    assert answer.status_code == 201, answer.text
    (tmp_path / "back.h5md").write_bytes(get(admin, name + "2", HDF5).content)
    assert cuds.read(tmp_path / "back.h5md", verify=True)["iron"].constants("GPa")["C11"] == pytest.approx(269.23, 1e-4)
