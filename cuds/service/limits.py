"""How much may be asked at once, how often, and how slowly."""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cuds.errors import TooLargeError, TooManyError
from cuds.service.problems import Problem
from cuds.service.settings import Settings

WIRE = "cuds.wire"  # in the scope of a request: its connection
_GRACE = 5.0  # seconds in which a body may be as slow as it likes
_KNOWN = 10_000  # who are remembered
_CLOSE = {"Connection": "close"}  # what is still to come of the body is not awaited


class _GoneError(Exception):
    """Who asked is gone."""


class Limits:
    """Looks at each request before it is read, and at its body while it is.

    Parameters
    ----------
    app : ASGI application
        What answers.
    settings : Settings
        The limits.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings, self.running = app, settings, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        _encoding(headers)
        self._declared(headers)
        if self.running >= self.settings.concurrent:
            hint = "ask again in a second"
            raise Problem(
                "busy", f"{self.running} requests are being answered", hint=hint, headers={"Retry-After": "1"}
            )
        wire = scope.get(WIRE)

        async def sending(message: Message) -> None:
            await send(message)
            if wire is not None and wire.lost:
                raise _GoneError

        self.running += 1
        try:
            await self.app(scope, _Body(receive, self.settings), sending)
        except _GoneError:
            pass  # nobody is there to read the rest
        finally:
            self.running -= 1

    def _declared(self, headers: Headers) -> None:
        said = headers.get("content-length", "0")
        if not (said.isascii() and said.isdigit()):
            raise Problem("malformed", f"Content-Length: {said[:50]!r}", hint="give a number", headers=_CLOSE)
        if int(said) > self.settings.body:
            raise _too_large(self.settings.body)


class Turns:
    """How many requests of each key are answered at the same time: one alone does not keep the others out.

    Parameters
    ----------
    most : int
        Of one key.
    """

    def __init__(self, most: int) -> None:
        self.most, self._running = most, Counter[str]()

    @contextmanager
    def one(self, who: str) -> Iterator[None]:
        """Have one of somebody answered.

        Raises
        ------
        Problem
            When there are as many as there may be.
        """
        if self._running[who] >= self.most:
            raise _later(f"{self.most} requests of this key are being answered", 1)
        self._running[who] += 1
        try:
            yield
        finally:
            self._running[who] -= 1
            if not self._running[who]:
                del self._running[who]


def _later(what: str, wait: int) -> Problem:
    problem = Problem.of(TooManyError(what, hint=f"ask again in {wait} s", wait=wait))
    problem.headers["Retry-After"] = str(wait)
    return problem


def _encoding(headers: Headers) -> None:
    """Refuse compressed bodies: what they unpack to, nobody knows before."""
    if (said := headers.get("content-encoding", "identity").strip().lower()) not in ("identity", ""):
        raise Problem(
            "media-type",
            f"Content-Encoding: {said[:50]} is not taken",
            hint="send it as it is",
            headers={**_CLOSE, "Accept-Encoding": "identity"},
        )


class _Body:
    """The body of one request, as it comes."""

    def __init__(self, receive: Receive, settings: Settings) -> None:
        self.receive, self.settings = receive, settings
        self.begun, self.size, self.ended = 0.0, 0, False

    async def __call__(self) -> Message:
        if self.ended:
            return await self.receive()
        self.begun = self.begun or time.monotonic()
        try:
            async with asyncio.timeout(self.settings.pause):
                message = await self.receive()
        except TimeoutError:
            raise self._slow(f"nothing came for {self.settings.pause:g} s") from None
        self.size += len(message.get("body", b""))
        self.ended = not message.get("more_body", False)
        if self.size > self.settings.body:
            raise _too_large(self.settings.body)
        took = time.monotonic() - self.begun
        if not self.ended and took > _GRACE and self.size < self.settings.slowest * (took - _GRACE):
            raise self._slow(f"{self.size} bytes came in {took:.0f} s")
        return message

    def _slow(self, detail: str) -> Problem:
        return Problem("slow", detail, hint="send large bodies in parts: POST /uploads", headers=_CLOSE)


def _too_large(most: int) -> Problem:
    error = TooLargeError(f"the body has more than {most} bytes", hint="send less, or in several data sets", most=most)
    problem = Problem.of(error)
    problem.headers.update(_CLOSE)
    return problem


class Buckets:
    """A bucket of tokens for each who asks: `rate` a second, `burst` at once.

    Parameters
    ----------
    rate, burst : float
        How many.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst = rate, burst
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, who: str) -> None:
        """Take a token.

        Raises
        ------
        Problem
            When there is none (429).
        """
        now = time.monotonic()
        left, at = self._left.pop(who, (self.burst, now))
        left = min(self.burst, left + (now - at) * self.rate)
        self._left[who] = (max(left - 1, 0) if left >= 1 else left, now)
        while len(self._left) > _KNOWN:
            self._left.popitem(last=False)
        if left < 1:
            wait = max(1, round((1 - left) / self.rate))
            raise _later(f"more than {self.rate:g} requests a second", wait)
