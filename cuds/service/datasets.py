"""Data sets, one at a time: read, made, replaced, changed, deleted."""

from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from cuds.service.conditional import etag, expected, unchanged
from cuds.service.forms import Stored, short
from cuds.service.negotiation import negotiate
from cuds.service.state import Name, State, link, state, who
from cuds.service.writing import take
from cuds.store.protocol import Version

router = APIRouter(tags=["data sets"])
Number = Annotated[int | None, Query(ge=1, description="Which version; the newest when none is given.")]


@router.api_route("/datasets/{id}", methods=["GET", "HEAD"], name="read")
def read(request: Request, name: Name, version: Number = None) -> Response:
    """Return a data set in the form that is liked best."""
    here = state(request)
    here.rights.read(who(request), name)
    found = Stored(here, here.library.version(name, version))
    media = negotiate(",".join(request.headers.getlist("accept")), found.offers())
    tag = etag(found.version, short(media))
    headers = {"Vary": "Accept", "Cache-Control": "private, no-cache", "Cuds-Version": str(found.version.number)}
    if unchanged(request.headers, tag):
        return Response(None, 304, {"ETag": tag, **headers})
    return found.sent(media, tag, headers)


@router.put("/datasets/{id}")
async def replace(request: Request, name: Name) -> Response:
    """Make a data set, or a new version of it."""
    here = state(request)

    def before() -> tuple[int, bool]:
        here.rights.write(who(request), name)
        current = newest(here, name)
        return expected(request.headers, current), current is not None and current.plain

    number, plain = await run_sync(before)
    version = await take(request, here, name, number, plain=plain)
    return written(here, request, version, new=number == 0)


def newest(here: State, name: str) -> Version | None:
    """Return the newest version of a name; None when there is nothing."""
    return here.library.version(name) if name in here.library else None


def written(here: State, request: Request, version: Version, *, new: bool) -> Response:
    """Return the answer to who wrote a version."""
    if new:
        here.rights.made(who(request), version.name)
    headers = {"ETag": etag(version, "json"), "Cuds-Version": str(version.number)}
    place: dict[str, Any] = {"Location": link("datasets", version.name)} if new else {}
    return Response(None, 201 if new else 204, {**headers, **place})
