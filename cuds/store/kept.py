"""The files of versions: a data set is HDF5, a plain graph N-Triples, and a tombstone says that there is nothing.

Each says who wrote it, when, how, and after which version, as JSON: in the attribute ``write`` of ``/meta``, in a
comment in the first line (with the digest of all that follows), or as a file of nothing else.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from cuds.codecs import hdf5
from cuds.errors import FormatError
from cuds.store.protocol import Version, Write

Notes = Mapping[str, str]
_COMMENT, _ATTRIBUTE = b"# ", "write"
_LINE = 1 << 16  # bytes: no note is longer


def remarks(by: str, how: str, after: int) -> dict[str, str]:
    """Return what a file says of how it came about."""
    return {"by": by, "at": datetime.now(UTC).isoformat(), "how": how, "after": str(after)}


def attribute(notes: Notes) -> Notes:
    """Return what is remarked on the file of a data set."""
    return {_ATTRIBUTE: json.dumps(dict(notes))}


def write_plain(path: Path, graph: bytes, notes: Notes) -> Path:
    """Write a plain graph, to the disk."""
    said = json.dumps({**notes, "sha256": hashlib.sha256(graph).hexdigest()})
    return _to_disk(path, _COMMENT + said.encode() + b"\n" + graph)


def write_tombstone(path: Path, notes: Notes) -> Path:
    """Write that there is nothing, to the disk."""
    return _to_disk(path, json.dumps(dict(notes)).encode())


def _to_disk(path: Path, content: bytes) -> Path:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return path


def graph_in(path: Path) -> bytes:
    """Return the graph of a version as N-Triples; no number is read, nothing is parsed.

    Raises
    ------
    FormatError
        When the file is damaged.
    """
    return graph_and_author(path)[0]


def graph_and_author(path: Path) -> tuple[bytes, str]:
    """Return the graph of a version as N-Triples, and who wrote it.

    Raises
    ------
    FormatError
        When the file is damaged.
    """
    if path.suffix != ".nt":
        graph, said = hdf5.stored(path, _ATTRIBUTE)
        return graph, _author(said)
    try:
        first, _, graph = path.read_bytes().partition(b"\n")
        said = json.loads(first.removeprefix(_COMMENT))
        digest, by = said["sha256"], str(said.get("by", ""))
    except FileNotFoundError as error:
        raise FormatError(f"{path}: it is not there", hint="was it purged?", field="path") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"{path}: damaged: {error}", hint="take a copy that is whole", field="path") from error
    if hashlib.sha256(graph).hexdigest() != digest:
        raise FormatError(f"{path}: its graph is not the one that was stored", hint="take a copy that is whole")
    return graph, by


def _author(said: str) -> str:
    try:
        return str(json.loads(said or "{}").get("by", ""))
    except (ValueError, AttributeError):
        return ""


def _said(path: Path) -> dict[str, Any]:
    if path.suffix == ".h5md":
        notes = hdf5.notes(path)
        return {"written": notes["written"], **json.loads(notes.get(_ATTRIBUTE) or "{}")}
    with path.open("rb") as file:
        first = file.readline(_LINE).removeprefix(_COMMENT)
    found = json.loads(first or b"{}")
    return found if isinstance(found, dict) else {}


@lru_cache(maxsize=4096)  # a version does not change, and its mark tells it from another
def written(version: Version, path: Path) -> Write:
    """Return how a version came about; one that does not say so was put by nobody who had a name.

    Raises
    ------
    FormatError
        When the file is damaged.
    """
    try:
        said = _said(path)
        before = datetime.fromtimestamp(version.written, UTC)
        at = datetime.fromisoformat(str(said.get("at") or said.get("written") or before.isoformat()))
        how = str(said.get("how", "delete" if version.deleted else "put"))
        after = int(said.get("after", version.number - 1))
    except (ValueError, TypeError, KeyError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{path}: damaged: {error}", hint="take a copy that is whole", field="path") from error
    return Write(version.number, str(said.get("by", "")), at, how, after)


def author(version: Version, path: Path) -> str:
    """Return who wrote a version; nobody when its file does not say so, or cannot be read."""
    try:
        return written(version, path).by
    except (FormatError, OSError):
        return ""
