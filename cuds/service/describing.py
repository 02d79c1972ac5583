"""The description of all routes: OpenAPI 3.1, with what bodies hold, which problems there are, and examples."""

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from cuds import __version__
from cuds.codecs import rdf
from cuds.model.dataset import DataSet
from cuds.model.properties import Density
from cuds.service.arrays import NPY, RAW
from cuds.service.changing import PATCH
from cuds.service.forms import GRAPHS, HDF5, JSON, SENT, TAKEN
from cuds.service.heard import BODIES, FORM
from cuds.service.problems import KINDS, MEDIA, Problem
from cuds.service.sparql import RESULTS, TRIPLES
from cuds.service.uploads import PARTS

Described = dict[str, Any]
_OPEN = ("/health/", "/problems/")
_SIMPLE = (400, 401, 403, 404, 406, 412, 413, 416, 429, 500, 503, 507)
_WRITING = (*_SIMPLE, 408, 409, 415, 422, 428)
_NAMED = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
_LISTED = {
    "type": "object",
    "properties": {"datasets": {"type": "array", "items": _NAMED}, "next": {"type": "string"}},
    "required": ["datasets"],
}
_BYTES: Described = {}  # not JSON: OpenAPI 3.1 says no more of it
_UPLOAD: Described = {
    "schema": {
        "type": "object",
        "properties": {"upload": {"type": "string", "pattern": "^[0-9a-f]{32}$"}, "name": {"type": "string"}},
        "required": ["upload"],
        "additionalProperties": False,
    },
    "example": {"upload": "0123456789abcdef0123456789abcdef", "name": "copper constants"},
}
_RIGHTS = {
    "type": "object",
    "properties": {n: {"type": "array", "items": {"type": "string", "minLength": 1}} for n in ("readers", "writers")},
    "additionalProperties": False,
}
_LABEL = {
    "type": "object",
    "properties": {"label": {"type": ["string", "null"]}},
    "required": ["label"],
    "additionalProperties": False,
}


def _graphs() -> Described:
    steel = Density(value="7850 kg/m**3", label="steel", id="urn:example:steel")
    example = rdf.text(DataSet(steel), "turtle")
    return {**{media: dict(_BYTES) for media in GRAPHS}, "text/turtle": {"example": example}}


_BODY: Described = {**{media: dict(_BYTES) for media in TAKEN}, **_graphs(), JSON: _UPLOAD}
_BODIES: Mapping[tuple[str, str], Described] = {
    ("put", "/datasets/{id}"): _BODY,
    ("post", "/datasets"): _BODY,
    ("patch", "/datasets/{id}"): {PATCH: {"schema": _LABEL, "example": {"label": "copper at 300 K"}}},
    ("put", "/datasets/{id}/rights"): {JSON: {"schema": _RIGHTS, "example": {"readers": ["*"], "writers": []}}},
    ("patch", "/uploads/{id}"): {media: dict(_BYTES) for media in PARTS},
    ("post", "/validate"): {**_graphs(), HDF5: dict(_BYTES)},
    ("post", "/sparql"): {
        BODIES["query"]: dict(_BYTES),
        BODIES["update"]: dict(_BYTES),
        FORM: {"schema": {"type": "object"}, "example": {"query": "ASK { ?s ?p ?o }"}},
    },
    ("put", "/graphs"): _graphs(),
    ("post", "/graphs"): _graphs(),
}
_GRAPH = {"graph": "The IRI of the graph.", "default": "The default graph, in place of one with a name."}
_ASKED: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("get", "/sparql"): {
        "query": "A query; without one the service is described.",
        "default-graph-uri": "A graph that is asked, in place of what the query says.",
        "named-graph-uri": "A graph that the query may name, in place of what it says.",
        "timeout": "Seconds that the query has.",
    },
    **{(method, "/graphs"): _GRAPH for method in ("get", "put", "post", "delete")},
}
_JSON: Described = {JSON: {"schema": {"type": "object"}}}
_ANSWERS: Mapping[tuple[str, str], tuple[tuple[int, ...], Described]] = {
    ("get", "/"): ((200,), {"application/ld+json": {"schema": {"type": "object"}}, "text/html": dict(_BYTES), **_JSON}),
    ("get", "/catalog"): ((200,), _graphs()),
    ("get", "/datasets"): ((200,), {JSON: {"schema": _LISTED, "example": {"datasets": [{"name": "copper"}]}}}),
    ("post", "/datasets"): ((201,), {}),
    ("get", "/datasets/{id}"): ((200, 206), {m: dict(_BYTES) for m in SENT} | {JSON: {"schema": _NAMED}} | _graphs()),
    ("put", "/datasets/{id}"): ((201, 204), {}),
    ("patch", "/datasets/{id}"): ((204,), {}),
    ("delete", "/datasets/{id}"): ((204,), {}),
    ("put", "/datasets/{id}/rights"): ((204,), {}),
    ("get", "/datasets/{id}/arrays/{location}"): ((200, 206), {media: dict(_BYTES) for media in (NPY, RAW, HDF5)}),
    ("get", "/datasets/{id}/provenance"): ((200,), _graphs()),
    ("post", "/uploads"): ((201,), {JSON: {"schema": _UPLOAD["schema"] | {"additionalProperties": True}}}),
    ("get", "/uploads/{id}"): ((204,), {}),
    ("patch", "/uploads/{id}"): ((204,), {}),
    ("delete", "/uploads/{id}"): ((204,), {}),
    ("post", "/validate"): ((200,), {**_graphs(), JSON: {"schema": {"type": "object"}}}),
    ("get", "/ontology"): ((200,), _graphs()),
    ("get", "/shapes"): ((200,), _graphs()),
    ("get", "/context/v1.jsonld"): ((200,), {"application/ld+json": {"schema": {"type": "object"}}, **_JSON}),
    ("get", "/sparql"): ((200,), {media: dict(_BYTES) for media in (*RESULTS, *TRIPLES)}),
    ("post", "/sparql"): ((200,), {media: dict(_BYTES) for media in (*RESULTS, *TRIPLES)} | _JSON),
    ("get", "/graphs"): ((200, 206), _graphs()),
    ("put", "/graphs"): ((201, 204), {}),
    ("post", "/graphs"): ((201, 204), {}),
    ("delete", "/graphs"): ((204,), {}),
    ("get", "/metrics"): ((200,), {"text/plain": {"schema": {"type": "string"}}}),
    ("get", "/problems/{slug}"): ((200,), {**_JSON, "text/html": {"schema": {"type": "string"}}}),
}
_CONDITIONS = {
    "If-Match": "The ETag that is to be replaced, of any form; * for whatever is there.",
    "If-None-Match": "* to make it only where there is none.",
}
_HEADERS: Mapping[tuple[str, str], Mapping[str, str]] = {
    **{(method, "/datasets/{id}"): _CONDITIONS for method in ("put", "patch", "delete")},
    ("get", "/datasets/{id}"): {"If-None-Match": "ETags that are known.", "Range": "A part of it, in bytes."},
    ("post", "/uploads"): {"Upload-Length": "How long it will be, in bytes."},
    ("patch", "/uploads/{id}"): {"Upload-Offset": "Where the part begins.", "Content-Digest": "Of the part."},
}


def describe(app: FastAPI) -> Described:
    """Return the description of a service."""
    said = get_openapi(title="cuds", version=__version__, routes=app.routes, description=_SAYS)
    said["components"] = {
        "schemas": {"Problem": _problem()},
        "responses": {str(status): _refusal(status) for status in sorted({*_WRITING, 501})},
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer", "description": "A key, or a token of OpenID Connect."},
            "basic": {"type": "http", "scheme": "basic", "description": "A key as the password of any user."},
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        },
    }
    said["security"] = [{"bearer": []}, {"basic": []}, {"key": []}]
    for path, method, operation in _operations(said):
        _complete(path, method, operation)
    return said


_SAYS = "Semantic data sets over HTTP. Every error is a problem document (RFC 9457) with a hint."


def _operations(said: Described) -> Iterator[tuple[str, str, Described]]:
    said["paths"] = {path.replace(":path}", "}"): item for path, item in said["paths"].items()}
    for path, item in said["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def _complete(path: str, method: str, operation: Described) -> None:
    statuses, content = _ANSWERS.get((method, path), ((200,), _JSON))
    operation["operationId"] = f"{method}{path.replace('{', '').replace('}', '').replace('/', '_').replace('.', '_')}"
    answers: Described = {}
    for status in statuses:
        answers[str(status)] = {"description": _DONE[status], **({"content": content} if content else {})}
        if status == 206:
            answers["206"]["content"] = {media: dict(_BYTES) for media in (*content, "multipart/byteranges")}
    if method == "get":
        answers["304"] = {"description": "It is what If-None-Match says."}
    simple = method in ("get", "delete") and (method, path) not in _HEADERS and path != "/graphs"  # it takes an IRI
    refused = _SIMPLE if simple else _WRITING
    answers |= {str(status): {"$ref": f"#/components/responses/{status}"} for status in refused}
    operation["responses"] = answers
    if (method, path) in _BODIES:
        operation["requestBody"] = {"required": True, "content": _BODIES[method, path]}
    for name, says in _HEADERS.get((method, path), {}).items():
        kind = {"type": "string", **({"pattern": "^[0-9]{1,18}$"} if name.startswith("Upload-") else {})}
        must = name == "Upload-Offset"
        header = {"name": name, "in": "header", "required": must, "description": says, "schema": kind}
        operation.setdefault("parameters", []).append(header)
    for name, says in _ASKED.get((method, path), {}).items():
        asked = {"name": name, "in": "query", "required": False, "description": says, "schema": {"type": "string"}}
        operation.setdefault("parameters", []).append(asked)
    if path.startswith(_OPEN):
        operation["security"] = []


_DONE = {200: "It is here.", 201: "It was made.", 204: "It was done.", 206: "A part of it is here."}


def _problem() -> Described:
    text: Described = {"type": "string"}
    known = {"type": text, "title": text, "status": {"type": "integer"}, "detail": text, "hint": text, "instance": text}
    return {"type": "object", "properties": known, "required": sorted(known)}


def _refusal(status: int) -> Described:
    """Return how a status is described: by the kinds of problems that have it."""
    kinds = {slug: kind for slug, kind in KINDS.items() if kind.status == status}
    slug, kind = next(iter(kinds.items()))
    example = Problem(slug, kind.title, hint=kind.says).document("0123456789abcdef")
    content = {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}
    return {"description": "; ".join(k.title for k in kinds.values()), "content": content}
