"""Graphs over HTTP by their IRIs (SPARQL 1.1 Graph Store HTTP Protocol): ``?graph=``, ``?default``, or by path."""

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from starlette.datastructures import Headers, UploadFile
from starlette.responses import Response

from cuds.codecs import rdf
from cuds.errors import StaleError, TooLargeError
from cuds.service.conditional import etag, expected, unchanged
from cuds.service.forms import GRAPHS, SUFFIXES, Stored, short
from cuds.service.negotiation import media_type, negotiate
from cuds.service.problems import Problem
from cuds.service.receiving import draft, receive
from cuds.service.screening import screen_text
from cuds.service.sending import Content
from cuds.service.state import State, state, who
from cuds.store.naming import DEFAULT, graph_name
from cuds.store.protocol import Version

router = APIRouter(tags=["graphs"])
MULTIPART = "multipart/form-data"
_TRIES = 20  # to add to a graph that others write to
_HEADERS = {"Vary": "Accept", "Cache-Control": "private, no-cache"}


@dataclass(frozen=True)
class Chosen:
    """The graph that a request is about.

    Parameters
    ----------
    iri, name : str
        Of it.
    fresh : bool
        Whether the request has the service choose the IRI.
    """

    iri: str
    name: str
    fresh: bool = False


def chosen(request: Request) -> Chosen:
    """Return which graph is meant.

    Raises
    ------
    Problem
        When it is none, or more than one (400).
    InvalidError
        When no graph can be kept under its IRI.
    """
    asked = request.query_params
    base, inside = str(request.url.replace(query="")), request.scope["path"].removeprefix("/graphs").strip("/")
    given = [value for name, value in asked.multi_items() if name == "graph"]
    if len(given) + ("default" in asked) + bool(inside) > 1:
        raise Problem("malformed", "several graphs are named", hint="name one: ?graph=IRI, ?default, or a path")
    if "default" in asked:
        return Chosen(DEFAULT, DEFAULT)
    fresh = request.method == "POST" and not given and not inside
    if not (given or inside or fresh):
        raise Problem("malformed", "no graph is named", hint="name one: ?graph=IRI, ?default, or a path")
    iri = given[0] if given else f"{base.rstrip('/')}/{secrets.token_hex(8)}" if fresh else base
    if iri == DEFAULT:
        raise Problem("malformed", "the default graph has no name here", hint="ask for ?default", field="graph")
    return Chosen(iri, graph_name(iri), fresh)


@router.get("/graphs")
def read(request: Request) -> Response:
    """Return the graph that ``?graph=`` names, or the default graph (``?default``)."""
    return read_at(request)


@router.put("/graphs")
async def replace(request: Request) -> Response:
    """Make a graph say this and nothing else."""
    return await write(request)


@router.post("/graphs")
async def add(request: Request) -> Response:
    """Add to a graph; without a name, make one and say where."""
    return await write(request)


@router.delete("/graphs")
def remove(request: Request) -> Response:
    """Remove a graph."""
    return remove_at(request)


@router.api_route("/graphs", methods=["HEAD"], include_in_schema=False)
@router.api_route("/graphs/{path:path}", methods=["GET", "HEAD"], include_in_schema=False)
def read_at(request: Request) -> Response:
    """Return the graph whose IRI is the address."""
    here, graph = state(request), chosen(request)
    there = _there(here, graph.name)
    if there is None and graph.name == DEFAULT:
        here.rights.reader(who(request))
    else:
        here.rights.read(who(request), graph.name)
    media = negotiate(",".join(request.headers.getlist("accept")), tuple(GRAPHS))
    if there is None:
        return Response(b"", 200, _HEADERS, media)
    tag = etag(there, short(media))
    if unchanged(request.headers, tag):
        return Response(None, 304, {"ETag": tag, **_HEADERS})
    return Content([Stored(here, there).text(media)], media, tag, _HEADERS)


@router.api_route("/graphs/{path:path}", methods=["PUT", "POST"], include_in_schema=False)
async def write(request: Request) -> Response:
    """Replace a graph (PUT), or add to it (POST)."""
    graph = await run_sync(_writable, request)
    async with draft(state(request).library.draft()) as folder:
        files = await _received(request, folder)
        return await run_sync(_written, request, graph, files)


@router.delete("/graphs/{path:path}", include_in_schema=False)
def remove_at(request: Request) -> Response:
    """Remove the graph whose IRI is the address."""
    here, graph = state(request), _writable(request)
    here.rights.read(who(request), graph.name)
    there = here.library.version(graph.name)
    here.library.delete(graph.name, expected=_expected(request.headers, there), by=who(request).name)
    here.rights.gone(graph.name)
    return Response(None, 204)


def _writable(request: Request) -> Chosen:
    graph = chosen(request)
    state(request).rights.write(who(request), graph.name)
    return graph


def _there(here: State, name: str) -> Version | None:
    return here.library.version(name) if name in here.library else None


def _expected(headers: Headers, there: Version | None) -> int | None:
    """Return which version must be the newest, where the request says it: this protocol knows no conditions."""
    return expected(headers, there) if "if-match" in headers or "if-none-match" in headers else None


async def _received(request: Request, folder: Path) -> list[Path]:
    """Write what came to files, each with the extension of its form."""
    most = state(request).settings.graph
    media = str(media_type(request.headers.get("content-type", ""), (*GRAPHS, MULTIPART)))
    if media != MULTIPART:
        file = folder / f"body{SUFFIXES[media]}"
        await receive(request, file, most)
        return [file]
    files, size = list[Path](), 0
    async with request.form(max_files=100, max_fields=100, max_part_size=most) as form:
        for n, (_, part) in enumerate(form.multi_items()):
            content = await part.read() if isinstance(part, UploadFile) else part.encode()
            size += len(content)
            if size > most:
                raise TooLargeError(f"the body has more than {most} bytes", hint="send less", most=most)
            said = part.content_type if isinstance(part, UploadFile) else None
            kind = str(media_type(said or "text/turtle", tuple(GRAPHS)))
            files.append(folder / f"part{n}{SUFFIXES[kind]}")
            await run_sync(files[-1].write_bytes, content)
    return files


def _written(request: Request, graph: Chosen, files: list[Path]) -> Response:
    here, by = state(request), who(request)
    for file in files:
        screen_text(file)
    came = b"".join(rdf.triples(file, graph.iri) for file in files)

    def once() -> tuple[Version, bool]:
        there = _there(here, graph.name)
        only = _expected(request.headers, there)
        text = came
        if request.method == "POST" and there is not None:
            only = there.number
            text = here.library.graph_text(graph.name, there.number) + came
        return here.library.put_graph(graph.name, text, expected=only, by=by.name), there is not None

    conditional = _expected(request.headers, _there(here, graph.name)) is not None
    version, was = _tried(once, 1 if conditional else _TRIES)
    if not was:
        here.rights.made(by, graph.name)
    new = not was and graph.name != DEFAULT
    headers = {"ETag": etag(version, "turtle"), "Cuds-Version": str(version.number)}
    return Response(None, 201 if new else 204, {**headers, **({"Location": graph.iri} if new else {})})


def _tried(once: Callable[[], tuple[Version, bool]], times: int) -> tuple[Version, bool]:
    """Do something again while others come first."""
    for _ in range(times - 1):
        with suppress(StaleError):
            return once()
    return once()
