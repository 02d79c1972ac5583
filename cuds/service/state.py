"""What the routes of a service share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar
from urllib.parse import quote, unquote

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import Path, Query
from pydantic import AfterValidator
from starlette.requests import HTTPConnection

from cuds.errors import InvalidError
from cuds.service.answers import Answers
from cuds.service.identity import Keys, Principal
from cuds.service.limits import Buckets
from cuds.service.observing import Metrics
from cuds.service.rights import Rights
from cuds.service.settings import Settings
from cuds.service.tokens import Tokens
from cuds.service.transfers import Uploads
from cuds.store import Library
from cuds.store.apart import Asking
from cuds.store.askers import Askers
from cuds.store.naming import called

_PROCESSES, _EACH = 4, 2  # that answer SPARQL: all, and of one who asks
_QUESTIONS = 16, 4  # threads that wait for them: all, and of one who asks; others are not held up by them
T = TypeVar("T")


@dataclass
class State:
    """The library, and who may do what with it, how often."""

    library: Library
    settings: Settings
    keys: Keys = field(init=False)
    rights: Rights = field(init=False)
    tokens: Tokens | None = field(init=False)
    answers: Answers = field(init=False)
    buckets: Buckets = field(init=False)
    metrics: Metrics = field(init=False)
    uploads: Uploads = field(init=False)
    asking: Asking = field(init=False)
    questions: "Questions" = field(init=False)

    def __post_init__(self) -> None:
        folder = self.library.folder / "service"
        self.keys = Keys(folder)
        self.rights = Rights(folder, self.library, self.settings.share)
        self.tokens = None if self.settings.oidc is None else Tokens(self.settings.oidc)
        self.answers = Answers(self.settings.cache)
        self.buckets = Buckets(self.settings.rate, self.settings.burst)
        self.metrics = Metrics()
        self.asking = Asking(self.library, Askers(_PROCESSES, each=_EACH))
        self.questions = Questions()
        self.library.inspected(self.complaints)
        self.uploads = Uploads(folder / "uploads", self.settings)

    def complaints(self, graph: bytes, by: str) -> list[str]:
        """Return what the shapes have against N-Triples that somebody wrote."""
        return self.asking.inspect(graph, by, timeout=self.settings.query)[0]


class Questions:
    """Threads for questions: one who asks much leaves some to others."""

    def __init__(self) -> None:
        self._all, self._each = CapacityLimiter(_QUESTIONS[0]), dict[str, CapacityLimiter]()

    async def run(self, who: str, does: Callable[..., T], *given: Any) -> T:
        """Return what a function returns that waits for an answer."""
        mine = self._each.setdefault(who, CapacityLimiter(_QUESTIONS[1]))
        try:
            async with mine:
                return await run_sync(does, *given, limiter=self._all)
        finally:
            if not mine.statistics().tasks_waiting and not mine.borrowed_tokens:
                self._each.pop(who, None)


def state(request: HTTPConnection) -> State:
    """Return what the routes share."""
    found: State = request.app.state.cuds
    return found


def who(request: HTTPConnection) -> Principal:
    """Return who asks."""
    found: Principal = request.state.who
    return found


def decoded(text: str) -> str:
    """Return a part of a path, whose percent-encoding is undone here and only here.

    Raises
    ------
    ValueError
        When it is no text in UTF-8.
    """
    found = unquote(text, errors="strict")
    if not found or any(c < " " or c == "\x7f" for c in found):
        raise ValueError("a name is a text without control characters")
    return found


def known_as(text: str) -> str:
    """Return the name that a part of a path means."""
    try:
        return called(decoded(text))
    except InvalidError as error:
        raise ValueError(error.message) from None


NAMED = r"^[^\x00-\x1f\x7f]+$"  # what a name is, as a pattern
Name = Annotated[
    str,
    Path(
        alias="id",
        description="The name of the data set, percent-encoded.",
        pattern=NAMED,
        examples=["copper constants"],
    ),
    AfterValidator(known_as),
]


Beside = Annotated[
    str, Query(alias="upload", max_length=64, description="Of a graph: the upload that holds its numbers, as HDF5.")
]


def link(*parts: str) -> str:
    """Return the path of something, from the root of the service."""
    return "/" + "/".join(quote(p, safe="") for p in parts)


class Paths:
    """Leaves paths percent-encoded for the routes, as ``a%2Fb`` is one name; and answers HEAD as GET without a body.

    Parameters
    ----------
    app : ASGI application
        What answers.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        raw = scope.get("raw_path") or quote(scope["path"]).encode()
        head = scope["method"] == "HEAD"
        inner = {**scope, "path": scope.get("root_path", "") + raw.partition(b"?")[0].decode("latin-1")}
        if head:
            inner |= {"method": "GET", "cuds.head": True}

        async def sending(message: Any) -> None:
            await send({**message, "body": b""} if head and message["type"] == "http.response.body" else message)

        try:
            await self.app(inner, receive, sending)
        finally:
            scope["route"] = inner.get("route")
            scope["state"] = inner.get("state", {})
