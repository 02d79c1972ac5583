"""Uploads that resume: a body in parts, which becomes a data set when it is whole."""

import re
from pathlib import Path
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Path as InPath, Request
from starlette.responses import JSONResponse, Response

from cuds.errors import TooLargeError
from cuds.service.negotiation import media_type
from cuds.service.problems import Problem
from cuds.service.receiving import append, demand, stated
from cuds.service.state import link, state, who
from cuds.service.transfers import length_of, size_of

router = APIRouter(tags=["uploads"])
PARTS = ("application/partial-upload", "application/offset+octet-stream", "application/octet-stream")
Id = Annotated[str, InPath(alias="id", pattern="^[0-9a-f]{32}$", description="Of the upload.")]


@router.post("/uploads")
async def begin(request: Request) -> Response:
    """Begin an upload; Upload-Length says how long it will be, where that is known."""
    here, by = state(request), who(request)
    here.rights.writer(by)
    length = _number(request, "upload-length")
    made = await run_sync(here.uploads.begin, by, length)
    place = link("uploads", made)
    headers = {"Location": place, **_headers(here.uploads.folder / made)}
    return JSONResponse({"upload": made, "href": place}, 201, headers)


@router.get("/uploads/{id}")
def ask(request: Request, upload: Id) -> Response:
    """Say how much of an upload has come."""
    return Response(None, 204, _headers(state(request).uploads.of(who(request), upload)))


@router.patch("/uploads/{id}")
async def more(request: Request, upload: Id) -> Response:
    """Add a part where the upload ends; what came of one that was cut off stays, unless a digest was stated of it."""
    here, by = state(request), who(request)
    media_type(request.headers.get("content-type", ""), PARTS)
    offset = _number(request, "upload-offset")
    if offset is None:
        raise Problem("malformed", "Upload-Offset is missing", hint="HEAD the upload for it", field="upload-offset")
    checked = stated(request.headers, "content-digest") is not None
    with here.uploads.alone(by, upload) as place:
        now = size_of(place / "body")
        if offset != now:
            said = {"Upload-Offset": str(now)}
            raise Problem("offset", f"the upload ends at {now}, not {offset}", hint="go on there", headers=said, at=now)
        with await run_sync((place / "body").open, "ab") as file:
            try:
                found = await append(request, file, here.uploads.room(by, place))
                demand(request.headers, "content-digest", found.sha256)
            except BaseException as error:
                if checked or isinstance(error, TooLargeError):
                    file.flush()
                    file.truncate(now)
                raise
        return Response(None, 204, _headers(place))


@router.delete("/uploads/{id}")
def drop(request: Request, upload: Id) -> Response:
    """Forget an upload."""
    here = state(request)
    with here.uploads.alone(who(request), upload) as place:
        here.uploads.end(place)
    return Response(None, 204)


def _number(request: Request, name: str) -> int | None:
    """Return a number that a header says; None where it is not there."""
    text = request.headers.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise Problem("malformed", f"{name}: {text[:50]!r} is no number", hint="give a number of bytes", field=name)
    return int(text)


def _headers(place: Path) -> dict[str, str]:
    """Return how far an upload is."""
    size, length = size_of(place / "body"), length_of(place)
    said = {"Upload-Offset": str(size), "Cache-Control": "no-store", "Upload-Complete": f"?{int(size == length)}"}
    return said if length is None else {**said, "Upload-Length": str(length)}
