"""What there is, for machines that look for data: a catalogue in DCAT 3, and the page one lands on."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape

import pyoxigraph as ox
from fastapi import APIRouter, Request
from starlette.responses import Response

from cuds import __version__
from cuds.codecs import rdf
from cuds.semantics.triples import TYPE, XSD
from cuds.service.forms import GRAPHS, HDF5
from cuds.service.listing import Cursor, Limit, page
from cuds.service.negotiation import negotiate
from cuds.service.state import link, state, who
from cuds.store.protocol import Version

router = APIRouter(tags=["catalogue"])
_DCAT, _TERMS = "http://www.w3.org/ns/dcat#", "http://purl.org/dc/terms/"
_PLACES = {
    "datasets": "data sets, page by page, by class and by value",
    "catalog": "the catalogue, DCAT 3",
    "uploads": "uploads that resume: POST",
    "validate": "whether a graph would be taken: POST",
    "ontology": "the ontology",
    "shapes": "the shapes of SHACL",
    "context/v1.jsonld": "the context of JSON-LD",
    "openapi.json": "every route, OpenAPI 3.1",
    "health/ready": "whether the service is ready",
    "metrics": "what it counted, for Prometheus",
}


@router.get("/")
def landing(request: Request) -> Response:
    """Say what there is here."""
    state(request).rights.reader(who(request))
    media = negotiate(request.headers.get("accept", ""), ("application/ld+json", "text/html", "application/json"))
    links = ", ".join(f'</{place}>; rel="{_relation(place)}"' for place in _PLACES)
    headers = {"Vary": "Accept", "Link": links}
    if media == "text/html":
        rows = "".join(f'<li><a href="/{p}">/{p}</a> {escape(s)}</li>' for p, s in _PLACES.items())
        html = f"<!doctype html><html lang=en><title>cuds</title><h1>cuds {__version__}</h1><ul>{rows}</ul></html>"
        return Response(html, 200, headers, media)
    said = {
        "@context": {"dcat": _DCAT, "dcterms": _TERMS},
        "@id": "/",
        "@type": "dcat:DataService",
        "dcterms:title": f"cuds {__version__}",
        "dcat:servesDataset": {"@id": "/catalog"},
        "dcat:endpointDescription": {"@id": "/openapi.json"},
        "dcterms:hasPart": [{"@id": f"/{p}", "dcterms:description": s} for p, s in _PLACES.items()],
    }
    return Response(json.dumps(said).encode(), 200, headers, media)


def _relation(place: str) -> str:
    return {"openapi.json": "service-desc", "catalog": "service-meta", "health/ready": "status"}.get(place, "item")


@router.get("/catalog")
def catalogue(request: Request, cursor: Cursor = "", limit: Limit = 1000) -> Response:
    """Return what may be read, as a catalogue of DCAT 3; a long one page by page."""
    media = negotiate(request.headers.get("accept", ""), tuple(GRAPHS))
    found, following = page(request, cursor, limit)
    base = str(request.base_url).rstrip("/")
    triples = [t for version in found for t in _dataset(version, base)]
    catalog = ox.NamedNode(f"{base}/catalog")
    triples += [ox.Triple(catalog, ox.NamedNode(TYPE), ox.NamedNode(_DCAT + "Catalog"))]
    triples += [ox.Triple(catalog, ox.NamedNode(_TERMS + "title"), ox.Literal("cuds"))]
    triples += [ox.Triple(catalog, ox.NamedNode(_DCAT + "dataset"), ox.NamedNode(v.iri)) for v in found]
    headers = {"Vary": "Accept", "Cache-Control": "private, no-cache"}
    if following:
        headers["Link"] = f'<{following}>; rel="next"'
    text = "".join(f"{t} .\n" for t in triples).encode()
    return Response(rdf.serialised(text, GRAPHS[media]).encode(), 200, headers, media)


def _dataset(version: Version, base: str) -> Iterator[ox.Triple]:
    """Yield what the catalogue says of a data set, and of the forms in which it is had."""
    own, place = ox.NamedNode(version.iri), f"{base}{link('datasets', version.name)}"

    def say(node: ox.NamedNode, name: str, value: ox.NamedNode | ox.Literal) -> ox.Triple:
        return ox.Triple(node, ox.NamedNode(name), value)

    at = datetime.fromtimestamp(version.written, UTC).isoformat()
    yield say(own, TYPE, ox.NamedNode(_DCAT + "Dataset"))
    yield say(own, _TERMS + "title", ox.Literal(version.name))
    yield say(own, _TERMS + "modified", ox.Literal(at, datatype=ox.NamedNode(XSD + "dateTime")))
    yield say(own, _DCAT + "version", ox.Literal(str(version.number)))
    yield say(own, _DCAT + "landingPage", ox.NamedNode(place))
    for media in ("text/turtle",) if version.plain else ("text/turtle", HDF5):
        form = ox.NamedNode(f"{place}#{media.rpartition('/')[2]}")
        yield say(own, _DCAT + "distribution", form)
        yield say(form, TYPE, ox.NamedNode(_DCAT + "Distribution"))
        yield say(form, _DCAT + "accessURL", ox.NamedNode(place))
        yield say(form, _DCAT + "mediaType", ox.NamedNode(f"https://www.iana.org/assignments/media-types/{media}"))
        if media == HDF5:
            size = ox.Literal(str(version.bytes), datatype=ox.NamedNode(XSD + "nonNegativeInteger"))
            yield say(form, _DCAT + "byteSize", size)
