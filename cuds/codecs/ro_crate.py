"""A data set as an RO-Crate 1.1: a folder of files that archives and other programs know how to read.

It holds the data set itself, its graph, and what each engine was told. What was done stands in
``ro-crate-metadata.json``, each run as a CreateAction. See https://w3id.org/ro/crate/1.1.
"""

import json
import shutil
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cuds.codecs import hdf5, rdf
from cuds.errors import InvalidError, UnknownError
from cuds.model.dataset import DataSet
from cuds.model.entity import Entity
from cuds.model.provenance import SimulationRun
from cuds.semantics.dictionary import engine_words

_DATA, _GRAPH, _SAID = "data.h5md", "data.ttl", "ro-crate-metadata.json"
Node = dict[str, Any]


def write(data: DataSet, folder: Path) -> Path:
    """Write a data set as a new folder, whole or not at all.

    Raises
    ------
    InvalidError
        When there is something already, or nothing to describe.
    UnknownError
        When the folder that it is to be in is not there.
    """
    if folder.exists():
        raise InvalidError(f"{folder} is there already", hint="name a new folder", field="folder")
    if not folder.absolute().parent.is_dir():
        raise UnknownError(f"there is no folder {str(folder.parent)!r}", hint="make it first", field="folder")
    partial = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:12]}")
    partial.mkdir()
    try:
        hdf5.write(data, partial / _DATA)
        rdf.write(data, partial / _GRAPH)
        runs = [e for e in data.closure() if isinstance(e, SimulationRun)]
        told = {run.id: f"told/{i}.txt" for i, run in enumerate((r for r in runs if r.transcript), start=1)}
        if told:
            (partial / "told").mkdir()
        for run in runs:
            if run.id in told:
                (partial / told[run.id]).write_text(run.transcript, encoding="utf-8")
        said = {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": _graph(data, runs, told, partial)}
        (partial / _SAID).write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _graph(data: DataSet, runs: list[SimulationRun], told: dict[str, str], folder: Path) -> list[Node]:
    label = data.label or ", ".join(dict.fromkeys(type(e).__name__ for e in data))
    names = {_DATA: "all numbers and what they mean, as HDF5", _GRAPH: "what they mean, as Turtle"}
    types = {_DATA: "application/x-hdf5", _GRAPH: "text/turtle"}
    names |= {told[r.id]: f"what {r.engine} was told" for r in runs if r.id in told}
    files = [
        {
            "@id": path,
            "@type": "File",
            "name": name,
            "encodingFormat": types.get(path, "text/plain"),
            "contentSize": str((folder / path).stat().st_size),
        }
        for path, name in names.items()
    ]
    entities = [e for e in data.closure() if not isinstance(e, SimulationRun)]
    used = {u.entity: _thing(u.entity, u.kind, u.label) for r in runs for u in r.used}
    things = {e.id: _thing(e.id, type(e).__name__, e.label) for e in entities}
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": label,
        "description": "; ".join(repr(e).splitlines()[0] for e in data),
        "datePublished": f"{datetime.now(UTC):%Y-%m-%d}",
        "license": {"@id": "#licence"},
        "hasPart": _links(f["@id"] for f in files),
        "mentions": _links([*(r.id for r in runs), *things]),
    }
    licence = {"@id": "#licence", "@type": "CreativeWork", "name": "not stated: say it before it is published"}
    about = {
        "@id": _SAID,
        "@type": "CreativeWork",
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        "about": {"@id": "./"},
    }
    actions = [_action(run, entities, told) for run in runs]
    engines = {node["@id"]: node for node in map(_engine, runs)}
    return [about, root, licence, *files, *engines.values(), *(used | things).values(), *actions]


def _thing(iri: str, kind: str, label: str) -> Node:
    return {
        "@id": iri,
        "@type": "CreativeWork",
        "additionalType": f"https://w3id.org/cuds#{kind}",
        "name": label or kind,
    }


def _engine(run: SimulationRun) -> Node:
    node: Node = {"@id": _of(run), "@type": "SoftwareApplication", "name": run.engine, "softwareVersion": run.version}
    try:
        words = engine_words(run.engine)
    except UnknownError:
        return node
    more = {"citation": _plain(list(words.citations))} if words.citations else {}
    return {**node, "name": words.title, "license": f"https://spdx.org/licenses/{words.licence}", **more}


def _links(iris: Iterable[str]) -> Any:
    return _plain([{"@id": iri} for iri in dict.fromkeys(iris)])


def _plain(several: list[Any]) -> Any:
    """Return the one of several where there is no other: RO-Crate 1.1 wants no lists of one."""
    return several[0] if len(several) == 1 else several


def _of(run: SimulationRun) -> str:
    return f"#{run.engine}-{run.version}".replace(" ", "-")


def _action(run: SimulationRun, entities: list[Entity], told: dict[str, str]) -> Node:
    made = [e.id for e in entities if e.provenance is not None and e.provenance.id == run.id]
    inputs = [u.entity for u in run.used] + ([told[run.id]] if run.id in told else [])
    return {
        "@id": run.id,
        "@type": "CreateAction",
        "name": f"{run.activity} by {run.engine} {run.version}",
        "startTime": run.started.isoformat(),
        "endTime": run.ended.isoformat(),
        "instrument": {"@id": _of(run)},
        "object": _links(inputs),
        "result": _links(made),
    }
