"""Whether something would be taken, without keeping it."""

from pathlib import Path

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from cuds.codecs import hdf5, rdf
from cuds.errors import FormatError, TooLargeError
from cuds.service.forms import GRAPHS, HDF5, JSON, SUFFIXES
from cuds.service.negotiation import media_type, negotiate
from cuds.service.receiving import draft, receive
from cuds.service.screening import screen, screen_text
from cuds.service.state import State, state, who

router = APIRouter(tags=["validation"])
OFFERS = (JSON, *GRAPHS)


@router.post("/validate")
async def validate(request: Request) -> Response:
    """Say what the shapes have against a graph, or against a data set and its digests; nothing is kept."""
    here = state(request)
    here.rights.reader(who(request))
    media = str(media_type(request.headers.get("content-type", ""), (*GRAPHS, HDF5)))
    wanted = negotiate(",".join(request.headers.getlist("accept")), OFFERS)
    async with draft(here.library.draft()) as folder:
        file = folder / f"body{SUFFIXES[media]}"
        await receive(request, file, here.settings.graph if media in GRAPHS else here.settings.body)
        found, said = await run_sync(_looked_through, here, who(request).name, file, media)
    headers = {"Vary": "Accept", "Cache-Control": "no-store"}
    if wanted != JSON and found:
        made = await run_sync(rdf.serialised, found.encode(), GRAPHS[wanted])
        return Response(made, 200, headers, wanted)
    return JSONResponse({"conforms": not said, "complaints": said}, headers=headers)


def _looked_through(here: State, by: str, file: Path, media: str) -> tuple[str, list[str]]:
    """Return the report of the shapes, and all complaints; of what cannot be read there is no report."""
    try:
        if media == HDF5:
            screen(file, graph=here.settings.graph)
            graph = hdf5.stored_graph(file)
        else:
            screen_text(file)
            graph = rdf.triples(file)
        said, found = here.asking.inspect(graph, by, timeout=here.settings.query)
        if media == HDF5 and not said:
            hdf5.read(file, verify=True)
        return found, said
    except TooLargeError:
        raise
    except FormatError as error:
        return "", [error.message.replace(str(file), "the body")]
    except RecursionError:
        return "", ["the body is nested too deeply"]
