"""The service, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from anyio.to_thread import run_sync
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from cuds import __version__
from cuds.service import (
    arrays,
    catalogue,
    changing,
    datasets,
    graphs,
    health,
    listing,
    provenance,
    sparql,
    uploads,
    validation,
    vocabulary,
)
from cuds.service.describing import describe
from cuds.service.guard import Guard, Problems, raised
from cuds.service.limits import Limits
from cuds.service.observing import Observing
from cuds.service.settings import Settings
from cuds.service.state import Paths, State
from cuds.store import Library

_ROOMS = (
    catalogue,
    listing,
    datasets,
    changing,
    arrays,
    provenance,
    uploads,
    validation,
    sparql,
    graphs,
    vocabulary,
    health,
)
_ROUTERS = tuple(room.router for room in _ROOMS)


def create_app(library: Library | str | Path, settings: Settings | None = None) -> FastAPI:
    """Return the service over a library, as an ASGI application.

    Parameters
    ----------
    library : Library or path
        What it serves.
    settings : Settings, optional
        Limits and doors.
    """
    opened = library if isinstance(library, Library) else Library(library)
    state = State(opened, settings or Settings())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await run_sync(state.asking.close)
        await run_sync(opened.close)

    app = FastAPI(
        title="cuds",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        exception_handlers={HTTPException: raised, RequestValidationError: raised},
        middleware=[
            Middleware(Observing, metrics=state.metrics),
            Middleware(Problems, folder=str(opened.folder)),
            Middleware(Paths),
            Middleware(Limits, settings=state.settings),
            Middleware(Guard, state=state),
        ],
    )
    app.state.cuds = state
    for router in _ROUTERS:
        app.include_router(router)
    app.openapi = partial(_described, app)  # type: ignore[method-assign]  # as the framework says to do
    return app


def _described(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = describe(app)
    return app.openapi_schema
