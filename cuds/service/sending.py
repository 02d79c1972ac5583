"""Sending what lies in files, whole or in parts, without holding it in memory."""

import base64
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from anyio.to_thread import run_sync
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cuds.service.conditional import still
from cuds.service.ranges import Part, parts

_PIECE = 1 << 20  # bytes that are read at once
_SMALL = 1 << 16  # bytes of which a digest costs nothing


@dataclass(frozen=True)
class Stretch:
    """A part of an open file."""

    file: BinaryIO
    begin: int
    length: int


Piece = bytes | Stretch


class Content(Response):
    """Bytes and stretches of files, one after the other; Range takes parts of them.

    Files are read by their descriptors: who removes or replaces them does not change what is sent.

    Parameters
    ----------
    pieces : sequence of bytes or Stretch
        What is sent.
    media_type : str
        What it is.
    etag : str
        Its ETag.
    headers : mapping, optional
        More of them.
    """

    def __init__(self, pieces: Sequence[Piece], media_type: str, etag: str, headers: Mapping[str, str] = {}) -> None:
        super().__init__(None, 200, {"ETag": etag, "Accept-Ranges": "bytes", **headers}, media_type)
        self.pieces, self.etag = list(pieces), etag
        self.size = sum(_length(p) for p in self.pieces)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        try:
            await self._send(scope, send)
        finally:
            for piece in self.pieces:
                if isinstance(piece, Stretch):
                    piece.file.close()

    async def _send(self, scope: Scope, send: Send) -> None:
        asked = Headers(scope=scope)
        same = still(asked, self.etag)
        wanted = parts(asked["range"], self.size) if "range" in asked and same and "cuds.head" not in scope else None
        await self._digests(asked, wanted)
        if wanted is None:
            pieces = self.pieces
        elif len(wanted) == 1:
            (begin, end) = wanted[0]
            self.status_code = 206
            self.headers["Content-Range"] = f"bytes {begin}-{end - 1}/{self.size}"
            pieces = list(_within(self.pieces, begin, end))
        else:
            self.status_code = 206
            pieces = self._several(wanted)
        self.headers["Content-Length"] = str(sum(map(_length, pieces)))
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if "cuds.head" not in scope:
            async for some in _read(pieces):
                await send({"type": "http.response.body", "body": some, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _digests(self, asked: Headers, wanted: Sequence[Part] | None) -> None:
        """State digests (RFC 9530) where they are wanted, or cost nothing; the whole must be read for them."""
        if "sha-256" in asked.get("want-repr-digest", "") or self.size <= _SMALL:
            self.headers["Repr-Digest"] = await run_sync(digest, self.pieces)
        if wanted is None and "Repr-Digest" in self.headers:
            self.headers["Content-Digest"] = self.headers["Repr-Digest"]
        elif wanted is not None and len(wanted) == 1 and "sha-256" in asked.get("want-content-digest", ""):
            self.headers["Content-Digest"] = await run_sync(digest, list(_within(self.pieces, *wanted[0])))

    def _several(self, wanted: Sequence[Part]) -> list[Piece]:
        """Return parts as multipart/byteranges."""
        boundary, pieces = secrets.token_hex(16), list[Piece]()
        for begin, end in wanted:
            said = f"Content-Type: {self.headers['content-type']}\r\nContent-Range: bytes {begin}-{end - 1}/{self.size}"
            pieces += [f"\r\n--{boundary}\r\n{said}\r\n\r\n".encode("latin-1"), *_within(self.pieces, begin, end)]
        self.headers["Content-Type"] = f"multipart/byteranges; boundary={boundary}"
        return [*pieces, f"\r\n--{boundary}--\r\n".encode()]


def whole(file: BinaryIO) -> Stretch:
    """Return all of an open file."""
    return Stretch(file, 0, os.fstat(file.fileno()).st_size)


def digest(pieces: Sequence[Piece]) -> str:
    """Return the SHA-256 of what is sent, as RFC 9530 writes it."""
    sha = hashlib.sha256()
    for piece in pieces:
        for some in _some(piece):
            sha.update(some)
    return written(sha.digest())


def written(sha256: bytes) -> str:
    """Return a digest as RFC 9530 writes it."""
    return f"sha-256=:{base64.b64encode(sha256).decode()}:"


def _length(piece: Piece) -> int:
    return len(piece) if isinstance(piece, bytes) else piece.length


def _within(pieces: Sequence[Piece], begin: int, end: int) -> Iterator[Piece]:
    """Yield a part of pieces."""
    place = 0
    for piece in pieces:
        length = _length(piece)
        first, last = max(begin - place, 0), min(end - place, length)
        if first < last:
            yield (
                piece[first:last]
                if isinstance(piece, bytes)
                else Stretch(piece.file, piece.begin + first, last - first)
            )
        place += length


def _some(piece: Piece) -> Iterator[bytes]:
    if isinstance(piece, bytes):
        yield piece
        return
    for place in range(0, piece.length, _PIECE):
        yield _pread(piece, place)


async def _read(pieces: Sequence[Piece]) -> AsyncIterator[bytes]:
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
            continue
        for place in range(0, piece.length, _PIECE):
            yield await run_sync(_pread, piece, place)


def _pread(piece: Stretch, place: int) -> bytes:
    wanted = min(_PIECE, piece.length - place)
    found = os.pread(piece.file.fileno(), wanted, piece.begin + place)
    if len(found) < wanted:
        raise OSError("a file is shorter than it was")
    return found
