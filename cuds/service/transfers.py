"""What is being uploaded, until it is whole."""

import hashlib
import json
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any

from starlette.datastructures import Headers

from cuds.errors import InvalidError, TooLargeError, TooManyError, UnknownError
from cuds.service.identity import Principal, replaced
from cuds.service.problems import Problem
from cuds.service.receiving import demand, stated
from cuds.service.settings import Settings

_ID = re.compile(r"[0-9a-f]{32}")


class Uploads:
    """What is being uploaded to a library: a folder each, with the body so far and whose it is.

    Parameters
    ----------
    folder : Path
        ``service/uploads`` in the library.
    settings : Settings
        How many, how large, how long.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder, self.settings = folder, settings
        self._busy, self._lock = set[str](), Lock()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def begin(self, by: Principal, length: int | None) -> str:
        """Make an upload, and return its id.

        Raises
        ------
        TooManyError, TooLargeError
            When its maker has too many, or too much.
        """
        self.sweep()
        own = [p for p in self.folder.iterdir() if self._owner(p) == by.name]
        if len(own) >= self.settings.uploads:
            raise TooManyError(f"{len(own)} uploads are open", hint="end some of them: DELETE /uploads/{id}")
        held = sum(max(size_of(p / "body"), length_of(p) or 0) for p in own) + (length or 0)
        if held > self.settings.quota or (length or 0) > self.settings.body:
            most = min(self.settings.quota, self.settings.body)
            raise TooLargeError(f"uploads of {held} bytes", hint=f"at most {most}", most=most)
        made = secrets.token_hex(16)
        (self.folder / made).mkdir()
        (self.folder / made / "body").touch()
        replaced(self.folder / made / "about.json", {"by": by.name, "length": length})
        return made

    def of(self, by: Principal, upload: str) -> Path:
        """Return the folder of an upload.

        Raises
        ------
        UnknownError
            When it is not there, or of somebody else.
        """
        place = self.folder / upload
        if not _ID.fullmatch(upload) or not place.is_dir() or self._owner(place) != by.name:
            raise UnknownError(f"there is no upload {upload[:64]!r}", hint="POST /uploads begins one", field="upload")
        return place

    @contextmanager
    def alone(self, by: Principal, upload: str) -> Iterator[Path]:
        """Yield the folder of an upload that nobody else may touch meanwhile."""
        place = self.of(by, upload)
        with self._lock:
            if upload in self._busy:
                hint = "wait for the other request to end, and HEAD the upload"
                raise Problem("busy", "another request writes to the upload", hint=hint, headers={"Retry-After": "1"})
            self._busy.add(upload)
        try:
            yield place
        finally:
            with self._lock:
                self._busy.discard(upload)

    def end(self, place: Path) -> None:
        """Remove an upload."""
        shutil.rmtree(place, ignore_errors=True)

    def room(self, by: Principal, place: Path) -> int:
        """Return how many bytes may still come to an upload."""
        own = [p for p in self.folder.iterdir() if self._owner(p) == by.name]
        length, size = length_of(place), size_of(place / "body")
        left = self.settings.quota - sum(size_of(p / "body") for p in own)
        return max(0, min(left, (self.settings.body if length is None else length) - size))

    def sweep(self) -> None:
        """Remove what nobody has touched for long."""
        for place in self.folder.iterdir():
            with suppress(OSError):
                if time.time() - (place / "body").stat().st_mtime > self.settings.kept and place.name not in self._busy:
                    self.end(place)

    def _owner(self, place: Path) -> str | None:
        return _about(place).get("by")


def _about(place: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((place / "about.json").read_text()))
    except (OSError, ValueError):
        return {}


def length_of(place: Path) -> int | None:
    """Return how long an upload will be; None where that is not known."""
    length: int | None = _about(place).get("length")
    return length


def size_of(body: Path) -> int:
    """Return how much has come."""
    try:
        return body.stat().st_size
    except FileNotFoundError:
        return 0


def whole(place: Path, headers: Headers) -> Path:
    """Return the body of an upload that is whole, and has the digest that a request states (Repr-Digest).

    Raises
    ------
    InvalidError
        When some of it is still to come.
    """
    body, length = place / "body", length_of(place)
    if length is not None and size_of(body) != length:
        raise InvalidError(
            f"upload: {size_of(body)} of {length} bytes came", hint="send the rest first", field="upload"
        )
    if stated(headers, "repr-digest") is not None:
        with body.open("rb") as file:
            demand(headers, "repr-digest", hashlib.file_digest(file, "sha256").digest())
    return body
