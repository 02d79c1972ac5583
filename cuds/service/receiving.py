"""Bodies of requests, to the disk as they come: none is held in memory."""

import asyncio
import base64
import binascii
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import anyio
from anyio.to_thread import run_sync
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request

from cuds.errors import TooLargeError
from cuds.service.problems import Problem

_PIECE = 1 << 20  # bytes that are written at once
_LENGTH = 32  # bytes of a SHA-256
_DIGEST = re.compile(r"\s*([a-z0-9-]+)\s*=\s*:([A-Za-z0-9+/=]*):\s*")


@dataclass(frozen=True)
class Received:
    """What came: how long it is, and its SHA-256, where the request states one."""

    size: int
    sha256: bytes


@asynccontextmanager
async def draft(made: AbstractContextManager[Path]) -> AsyncIterator[Path]:
    """Enter and leave a folder for drafts without holding others up."""
    folder = await run_sync(made.__enter__)
    try:
        yield folder
    finally:
        with anyio.CancelScope(shield=True):
            await run_sync(partial(made.__exit__, None, None, None))


async def receive(request: Request, path: Path, most: int) -> Received:
    """Write a body to a new file, and compare it with its digest, where it states one.

    Parameters
    ----------
    request : Request
        Whose body it is.
    path : Path
        Of the file.
    most : int
        Bytes that may come.

    Raises
    ------
    TooLargeError
        When more come.
    Problem
        When the digest is another, or the connection ends before the body does.
    """
    with await run_sync(path.open, "wb") as file:
        found = await append(request, file, most)
    demand(request.headers, "content-digest", found.sha256)
    demand(request.headers, "repr-digest", found.sha256)
    return found


async def append(request: Request, file: IO[Any], most: int) -> Received:
    """Write a body to an open file; while some of it is written and hashed, more comes."""
    sha, size, waiting, held = hashlib.sha256(), 0, list[bytes](), 0
    wanted = any(name in request.headers for name in ("content-digest", "repr-digest"))
    writing: asyncio.Future[None] | None = None

    def written(several: list[bytes]) -> None:
        for some in several if wanted else ():
            sha.update(some)
        file.write(b"".join(several))  # at once: to come back from the kernel for each would wait for the loop

    try:
        async for some in request.stream():
            size += len(some)
            if size > most:
                raise TooLargeError(f"the body has more than {most} bytes", hint="send less", most=most)
            waiting.append(some)
            held += len(some)
            if held >= _PIECE:
                if writing is not None:
                    await writing
                writing, waiting, held = asyncio.ensure_future(run_sync(written, waiting)), [], 0
    except ClientDisconnect:
        raise Problem("malformed", "the connection ended before the body did", hint="send it again") from None
    finally:
        if writing is not None:
            await asyncio.shield(writing)
        await run_sync(written, waiting)
    return Received(size, sha.digest())


async def small(request: Request, most: int) -> bytes:
    """Return a body that is to be short.

    Raises
    ------
    TooLargeError
        When it is not.
    """
    found = bytearray()
    async for some in request.stream():
        found += some
        if len(found) > most:
            raise TooLargeError(f"the body has more than {most} bytes", hint="send less", most=most)
    return bytes(found)


def stated(headers: Headers, name: str) -> bytes | None:
    """Return the SHA-256 that a header states (RFC 9530); None where it states none.

    Raises
    ------
    Problem
        When it cannot be read (400).
    """
    for said in headers.get(name, "").split(","):
        matched = _DIGEST.fullmatch(said)
        if matched is not None and matched[1] != "sha-256":
            continue
        try:
            found = base64.b64decode(matched[2], validate=True) if matched is not None else b""
        except binascii.Error:
            found = b""
        if len(found) == _LENGTH:
            return found
        if said.strip():
            hint = "write sha-256=:<base64 of 32 bytes>:"
            raise Problem("malformed", f"{name}: {said[:100]!r} is no digest", hint=hint, field=name)
    return None


def demand(headers: Headers, name: str, sha256: bytes) -> None:
    """Demand that a digest that a header states is that of what came."""
    wanted = stated(headers, name)
    if wanted is not None and wanted != sha256:
        raise Problem(
            "digest",
            f"{name}: what came has the SHA-256 {sha256.hex()}, not {wanted.hex()}",
            hint="send it again: it was changed on the way",
            field=name,
        )
