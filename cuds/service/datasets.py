"""Data sets, one at a time: read, made, replaced, changed, deleted."""

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from starlette.responses import Response

from cuds.service.conditional import etag, expected, unchanged
from cuds.service.forms import short
from cuds.service.negotiation import negotiate
from cuds.service.reading import Number, found
from cuds.service.state import Beside, Name, link, state, who
from cuds.service.writing import Target, take
from cuds.store.protocol import Version

router = APIRouter(tags=["data sets"])


@router.get("/datasets/{id}")
def read(request: Request, name: Name, version: Number = None) -> Response:
    """Return a data set in the form that is liked best."""
    stored = found(request, name, version)
    media = negotiate(",".join(request.headers.getlist("accept")), stored.offers())
    tag = etag(stored.version, short(media))
    headers = {"Vary": "Accept", "Cache-Control": "private, no-cache", "Cuds-Version": str(stored.version.number)}
    if unchanged(request.headers, tag):
        return Response(None, 304, {"ETag": tag, **headers})
    return stored.sent(media, tag, headers)


@router.put("/datasets/{id}")
async def replace(request: Request, name: Name, upload: Beside = "") -> Response:
    """Make a data set, or a new version of it."""

    def before() -> Target:
        here = state(request)
        here.rights.write(who(request), name)
        current = here.library.version(name) if name in here.library else None
        return Target(name, expected(request.headers, current), current is not None and current.plain)

    target = await run_sync(before)
    version = await take(request, target, upload)
    return await run_sync(lambda: written(request, version, new=not target.expected))


def written(request: Request, version: Version, *, new: bool) -> Response:
    """Return the answer to who wrote a version."""
    headers = {"ETag": etag(version, "json"), "Cuds-Version": str(version.number)}
    if not new:
        return Response(None, 204, headers)
    state(request).rights.made(who(request), version.name)
    return Response(None, 201, {**headers, "Location": link("datasets", version.name)})
