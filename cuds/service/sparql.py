"""SPARQL 1.1 over HTTP: queries and updates of what the library holds, as the protocol of the W3C has them."""

import json
from typing import Any

import pyoxigraph as ox
from fastapi import APIRouter, Request
from starlette.responses import Response

from cuds.errors import ForbiddenError, InvalidError, UnknownError
from cuds.service.conditional import etag
from cuds.service.forms import GRAPHS
from cuds.service.heard import Heard, heard
from cuds.service.negotiation import negotiate
from cuds.service.problems import Problem
from cuds.service.state import link, state, who
from cuds.store.apart import Asked
from cuds.store.protocol import Version

router = APIRouter(tags=["SPARQL"])
RESULTS = (
    "application/sparql-results+json",
    "application/sparql-results+xml",
    "text/csv",
    "text/tab-separated-values",
)
TRIPLES = tuple(media for media in GRAPHS if media not in ("application/n-quads", "application/trig"))
_UNREADABLE = {"Vary": "Accept", "Cache-Control": "private, no-cache"}
_SD = "http://www.w3.org/ns/sparql-service-description#"
_FORMATS = "http://www.w3.org/ns/formats/"
_TYPE = ox.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
_CAN = {
    "supportedLanguage": (_SD + "SPARQL11Query", _SD + "SPARQL11Update"),
    "feature": (_SD + "UnionDefaultGraph",),
    "resultFormat": tuple(
        _FORMATS + n
        for n in ("SPARQL_Results_JSON", "SPARQL_Results_XML", "SPARQL_Results_CSV", "SPARQL_Results_TSV", "Turtle",
                  "N-Triples", "RDF_XML", "JSON-LD")
    ),
    "inputFormat": tuple(_FORMATS + n for n in ("Turtle", "N-Triples", "RDF_XML", "JSON-LD", "N-Quads", "TriG")),
}  # fmt: skip


@router.get("/sparql")
async def ask(request: Request) -> Response:
    """Answer ``?query=``; without it, say what the service can do (SPARQL 1.1 Service Description)."""
    return await sparql(request)


@router.post("/sparql")
async def tell(request: Request) -> Response:
    """Answer a query, or change graphs by an update: all that it says, or nothing."""
    return await sparql(request)


@router.api_route("/sparql", methods=["HEAD", "QUERY"], include_in_schema=False)
async def sparql(request: Request) -> Response:
    """Do what a request asks."""
    asked = await heard(request, state(request).settings.graph)
    does = {"": described, "query": answered, "update": changed}[asked.kind]
    return await state(request).questions.run(who(request).name, does, request, asked)


def answered(request: Request, asked: Heard) -> Response:
    """Return the answer to a query, of what who asks may read."""
    here, by = state(request), who(request)
    if not by.may("read"):
        raise ForbiddenError(f"the key {by.name!r} may not read", hint="ask for one with the scope read")
    accept = ",".join(request.headers.getlist("accept"))
    longest = here.settings.query
    question = Asked(
        asked.text,
        results=_liked(accept, RESULTS),
        graph=_liked(accept, TRIPLES),
        base=_endpoint(request),
    )
    try:
        found = here.asking.answer(
            question,
            default=asked.default,
            named=asked.named,
            among=here.rights.readable(by),
            timeout=min(asked.timeout or longest, longest),
            by=by.name,
        )
    except (InvalidError, UnknownError) as error:
        raise Problem.of(error, status=400) from error
    if not found.media:
        negotiate(accept, TRIPLES if found.kind == "graph" else RESULTS)
    return Response(found.content, 200, _UNREADABLE, found.media)


def changed(request: Request, asked: Heard) -> Response:
    """Change graphs; return the versions that were made."""
    here, by = state(request), who(request)
    here.rights.writer(by)
    before = here.library.owners()
    try:
        made = here.asking.update(
            f"BASE <{_endpoint(request)}> {asked.text}",
            using=asked.default,
            using_named=asked.named,
            readable=here.rights.readable(by),
            writable=here.rights.writable(by),
            by=by.name,
            timeout=min(asked.timeout or here.settings.query, here.settings.query),
            most=here.settings.graph,
        )
    except UnknownError as error:
        raise Problem.of(error, status=400) from error
    for version in made:
        if version.name not in before and not version.deleted:
            here.rights.made(by, version.name)
    rows = [{"iri": v.iri, "version": v.number, "deleted": v.deleted, **_where(v)} for v in made]
    return Response(json.dumps({"changed": rows}), 200, {"Cache-Control": "no-store"}, "application/json")


def _where(version: Version) -> dict[str, str]:
    return {} if version.deleted else {"href": link("datasets", version.name), "etag": etag(version, "json")}


def described(request: Request, asked: Heard) -> Response:
    """Return what the service can do, and which graphs who asks may read (SPARQL 1.1 Service Description)."""
    here = state(request)
    media = negotiate(",".join(request.headers.getlist("accept")), TRIPLES)
    may = here.rights.readable(who(request))
    endpoint = ox.NamedNode(_endpoint(request))
    service, dataset, default = ox.BlankNode("service"), ox.BlankNode("dataset"), ox.BlankNode("default")
    said: list[Any] = [(service, _TYPE, _sd("Service")), (service, _sd("endpoint"), endpoint)]
    said += [(service, _sd(name), ox.NamedNode(value)) for name, values in _CAN.items() for value in values]
    said += [(service, _sd("defaultDataset"), dataset), (dataset, _TYPE, _sd("Dataset"))]
    said += [(dataset, _sd("defaultGraph"), default), (default, _TYPE, _sd("Graph"))]
    for n, version in enumerate(v for v in here.library.list() if may(v.iri)):
        graph = ox.BlankNode(f"graph{n}")
        said += [(dataset, _sd("namedGraph"), graph), (graph, _TYPE, _sd("NamedGraph"))]
        said.append((graph, _sd("name"), ox.NamedNode(version.iri)))
    form = ox.RdfFormat.from_media_type(media)
    content = ox.serialize([ox.Triple(*t) for t in said], format=form, prefixes=_prefixes(form))
    return Response(content, 200, _UNREADABLE, media)


def _prefixes(form: ox.RdfFormat | None) -> dict[str, str]:
    return {"sd": _SD, "formats": _FORMATS} if form == ox.RdfFormat.TURTLE else {}


def _endpoint(request: Request) -> str:
    return str(request.url.replace(query=""))


def _sd(name: str) -> ox.NamedNode:
    return ox.NamedNode(_SD + name)


def _liked(accept: str, offers: tuple[str, ...]) -> str:
    """Return the form that is liked best; empty where none of them is."""
    try:
        return negotiate(accept, offers)
    except Problem:
        return ""
