"""At the door: who asks, and whether not too often; and what becomes of what goes wrong behind it."""

from contextlib import nullcontext

from anyio.to_thread import run_sync
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cuds.errors import CudsError, UnauthorisedError
from cuds.service.identity import EVERYBODY, Principal, credentials, is_key, principal
from cuds.service.limits import Turns
from cuds.service.observing import REQUEST, log
from cuds.service.problems import Problem, answer, of_status
from cuds.service.state import State

OPEN = ("/health/", "/problems/")  # what needs no key
_NOBODY = Principal("", frozenset())


class Guard:
    """Lets nobody in who is not known.

    Parameters
    ----------
    app : ASGI application
        What answers.
    state : State
        Keys, tokens, and buckets.
    """

    def __init__(self, app: ASGIApp, state: State) -> None:
        self.app, self.state, self.turns = app, state, Turns(state.settings.each)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        who = scope.setdefault("state", {})["who"] = await self._who(scope)
        with self.turns.one(who.name) if who.name else nullcontext():
            await self.app(scope, receive, send)

    async def _who(self, scope: Scope) -> Principal:
        if self.state.settings.open_to_all:
            return EVERYBODY
        if scope["path"].startswith(OPEN):
            return _NOBODY
        try:
            found = await self._known(credentials(Headers(scope=scope)))
        except UnauthorisedError:
            self.state.buckets.take(f"from {(scope.get('client') or ('',))[0]}")
            raise
        self.state.buckets.take(found.name)
        return found

    async def _known(self, secret: str) -> Principal:
        if is_key(secret):
            return principal(self.state.keys.known(secret))
        if self.state.tokens is None:
            raise UnauthorisedError("the key is not known", hint="keys of this service begin with cuds_")
        return await run_sync(self.state.tokens.known, secret)


class Problems:
    """Answers with a problem document where something goes wrong.

    Parameters
    ----------
    app : ASGI application
        What may raise.
    folder : str
        Of the library: no answer names it.
    """

    def __init__(self, app: ASGIApp, folder: str) -> None:
        self.app, self.folder = app, folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, sending)
        except Exception as error:
            if begun or scope["type"] != "http":
                log.exception("broken off")
                raise
            problem = meant(error)
            if problem.status >= 500:
                log.exception("failed")
            await answer(problem, REQUEST.get(), folder=self.folder)(scope, receive, send)


def meant(error: Exception) -> Problem:
    """Return the problem that an error is to who asks."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, CudsError):
        return Problem.of(error)
    if isinstance(error, ClientDisconnect):
        return Problem("malformed", "the connection ended before the body did", hint="send it again")
    if isinstance(error, HTTPException):
        return of_status(error.status_code, str(error.detail), error.headers or {})
    if isinstance(error, RequestValidationError):
        said = [f"{'.'.join(map(str, e['loc'][1:]))}: {e['msg']}" for e in error.errors()]
        return Problem("malformed", "; ".join(said), hint="GET /openapi.json says what is taken", errors=said)
    return Problem("internal", "the service failed", hint="its log has more under the id of the request")


async def raised(request: Request, error: Exception) -> Response:
    """Pass an error on to `Problems`: the framework would answer in words of its own."""
    raise error
