"""Data sets for tests of the service."""

from pathlib import Path
from urllib.parse import quote

import ase.build
import httpx2

import cuds

HDF5, TURTLE, JSON = "application/x-hdf5", "text/turtle", "application/json"


def steel(gpa: float = 200.0, label: str = "steel") -> cuds.DataSet:
    return cuds.DataSet(cuds.ElasticTensor.isotropic(f"{gpa} GPa", 0.3, label=label), label=label)


def copper(n: int = 2) -> cuds.DataSet:
    system = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True) * (n, n, n), label="copper")
    return cuds.DataSet(system, label="copper")


def as_file(data: cuds.DataSet, folder: Path) -> bytes:
    return data.save(folder / f"{len(list(folder.iterdir()))}.h5md").read_bytes()


def path(name: str, *more: str) -> str:
    return "/".join(["/datasets", quote(name, safe=""), *more])


def put(client: httpx2.Client, name: str, body: bytes, media: str = HDF5, **headers: str) -> httpx2.Response:
    said = {"Content-Type": media, **{n.replace("_", "-"): v for n, v in headers.items()}}
    return client.put(path(name), content=body, headers=said)


def get(client: httpx2.Client, name: str, media: str = "*/*", **headers: str) -> httpx2.Response:
    said = {"Accept": media, **{n.replace("_", "-"): v for n, v in headers.items()}}
    return client.get(path(name), headers=said)


def problem(answer: httpx2.Response, status: int, slug: str) -> dict[str, str]:
    """Return the problem that an answer is: one that a person can act on."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said: dict[str, str] = answer.json()
    assert (said["type"], said["status"]) == (f"/problems/{slug}", status)
    assert said["instance"].endswith(answer.headers["x-request-id"])
    assert said["title"]
    assert said["detail"]
    assert said["hint"]
    return said
