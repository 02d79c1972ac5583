"""Data sets made under a name, changed in a part, deleted; and who may do so."""

from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from cuds.errors import InvalidError, UnsupportedError
from cuds.model.dataset import DataSet
from cuds.service.conditional import expected
from cuds.service.datasets import written
from cuds.service.forms import JSON
from cuds.service.negotiation import media_type
from cuds.service.receiving import small
from cuds.service.state import Beside, Name, state, who
from cuds.service.writing import Target, as_object, free, take
from cuds.store.protocol import Version

router = APIRouter(tags=["data sets"])
PATCH = "application/merge-patch+json"
_SMALL = 1 << 16  # bytes


@router.post("/datasets")
async def make(
    request: Request,
    name: Annotated[str, Query(max_length=200, description="Its label when none is given.")] = "",
    upload: Beside = "",
) -> Response:
    """Make a data set of a body, or of an upload: ``{"upload": "...", "name": "..."}``."""
    state(request).rights.writer(who(request))
    if name:
        await run_sync(free, request, name)
    version = await take(request, Target(name), upload)
    return await run_sync(lambda: written(request, version, new=True))


@router.patch("/datasets/{id}")
async def change(request: Request, name: Name) -> Response:
    """Change the label of a data set: ``{"label": "..."}``; everything else is changed by PUT of a graph."""
    media_type(request.headers.get("content-type", ""), (PATCH,))
    said = as_object(await small(request, _SMALL))

    def changed() -> Version:
        here, by = state(request), who(request)
        here.rights.writer(by)
        here.rights.read(by, name)
        here.rights.write(by, name)
        current = here.library.version(name)
        number = expected(request.headers, current)
        label = said.get("label", "")
        if strange := sorted(set(said) - {"label"}):
            hint = "only label; PUT a graph to change what is said of entities, PUT .../rights to share"
            raise UnsupportedError(f"{strange[0]!r} cannot be changed so", hint=hint, field=strange[0])
        if current.plain:
            raise UnsupportedError(f"{name!r} is a graph, which has no label", hint="PUT it", field="label")
        if "label" not in said or not (label is None or isinstance(label, str)):
            raise InvalidError(f"label: {label!r}", hint="give a text, or null for none", field="label")
        data = here.library.get(name, number)
        return here.library.put(DataSet(*data, label=label or ""), name, expected=number, by=by.name)

    version = await run_sync(changed)
    return written(request, version, new=False)


@router.delete("/datasets/{id}")
def delete(request: Request, name: Name) -> Response:
    """Delete a data set: a version that says that there is nothing; earlier ones stay."""
    here, by = state(request), who(request)
    here.rights.writer(by)
    here.rights.read(by, name)
    here.rights.write(by, name)
    number = expected(request.headers, here.library.version(name))
    version = here.library.delete(name, expected=number, by=by.name)
    here.rights.gone(name)
    return Response(None, 204, {"Cuds-Version": str(version.number)})


@router.get("/datasets/{id}/rights")
def rights(request: Request, name: Name) -> Response:
    """Say whose a data set is, and with whom it is shared; to its owner."""
    return JSONResponse(state(request).rights.of(who(request), name), headers={"Cache-Control": "no-store"})


@router.put("/datasets/{id}/rights")
async def share(request: Request, name: Name) -> Response:
    """Say who may read and write a data set: ``{"readers": ["*"], "writers": ["name of a key"]}``."""
    media_type(request.headers.get("content-type", ""), (JSON,))
    said = as_object(await small(request, _SMALL))
    await run_sync(state(request).rights.share_with, who(request), name, said)
    return Response(None, 204)
