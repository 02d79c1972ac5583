"""Whether the service lives, whether it is ready, and what it counted."""

import os

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from cuds.errors import CudsError
from cuds.service.negotiation import negotiate
from cuds.service.problems import KINDS, Problem, page
from cuds.service.state import state, who

router = APIRouter(tags=["service"])


@router.get("/health/live")
async def live() -> Response:
    """Say that the process answers."""
    return JSONResponse({"status": "live"})


@router.get("/health/ready")
def ready(request: Request) -> Response:
    """Say whether the library can be read, written and asked."""
    library = state(request).library
    wrong = "" if os.access(library.folder, os.W_OK) else "the library cannot be written to"
    try:
        library.query("SELECT ?x WHERE { ?x a <urn:cuds:nothing> } LIMIT 1")
    except CudsError:
        wrong = "the library cannot be asked"
    if wrong:
        raise Problem("busy", wrong, hint="its log says more", headers={"Retry-After": "10"})
    return JSONResponse({"status": "ready"})


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """Return what was counted, for Prometheus."""
    if not who(request).may("read"):
        raise Problem("forbidden", "the key may not read", hint="ask for one with the scope read")
    return Response(state(request).metrics.text(), media_type="text/plain; version=0.0.4")


@router.get("/problems/{slug}")
def problem(request: Request, slug: str) -> Response:
    """Say what a kind of problem is, and what to do about it."""
    if slug not in KINDS:
        raise Problem("no-route", f"there is no kind of problem {slug!r}", hint=f"there are {', '.join(KINDS)}")
    html, said = page(slug)
    media = negotiate(request.headers.get("accept", ""), ("application/json", "text/html"))
    headers = {"Vary": "Accept", "Cache-Control": "max-age=86400"}
    return HTMLResponse(html, headers=headers) if media == "text/html" else JSONResponse(said, headers=headers)
