"""The ontology, the context of JSON-LD, and the shapes: what everything here is said in."""

import hashlib
from functools import cache
from pathlib import Path

import pyoxigraph as ox
from fastapi import APIRouter, Request
from starlette.responses import Response

from cuds.codecs import rdf
from cuds.registry import ontology_folder
from cuds.service.conditional import unchanged
from cuds.service.forms import GRAPHS
from cuds.service.negotiation import negotiate
from cuds.service.sending import Content

router = APIRouter(tags=["vocabulary"])
_DAY = {"Cache-Control": "private, max-age=86400", "Vary": "Accept"}


@router.get("/ontology")
def ontology(request: Request) -> Response:
    """Return the ontology and its alignments."""
    return _said(request, "ontology")


@router.get("/shapes")
def shapes(request: Request) -> Response:
    """Return the shapes of SHACL to which every data set conforms."""
    return _said(request, "shapes")


@router.get("/context/v1.jsonld")
def context(request: Request) -> Response:
    """Return the context of JSON-LD in which data sets are written."""
    media = negotiate(request.headers.get("accept", ""), ("application/ld+json", "application/json"))
    return _sent(request, (ontology_folder() / "generated" / "context.jsonld").read_bytes(), media)


def _said(request: Request, what: str) -> Response:
    media = negotiate(request.headers.get("accept", ""), tuple(GRAPHS))
    return _sent(request, _serialised(what, GRAPHS[media]), media)


def _sent(request: Request, content: bytes, media: str) -> Response:
    tag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
    if unchanged(request.headers, tag):
        return Response(None, 304, {"ETag": tag, **_DAY})
    return Content([content], media, tag, _DAY)


@cache
def _serialised(what: str, syntax: str) -> bytes:
    """Return Turtle of the ontology's folder in a syntax; the nodes without names of each file are its own."""
    folder = ontology_folder()
    hand = sorted([*folder.glob("*.ttl"), *folder.glob("alignments/*.ttl")])
    files: list[Path] = hand if what == "ontology" else [folder / "generated" / "shapes.ttl"]
    quads = (q for f in files for q in ox.parse(path=str(f), format=ox.RdfFormat.TURTLE, rename_blank_nodes=True))
    return rdf.serialised("".join(f"{q.triple} .\n" for q in quads).encode(), syntax).encode()
