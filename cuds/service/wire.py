"""The wire: who sends half a head, headers without end, or reads an answer drop by drop, is hung up on.

What a request says once its head is there is looked at by `cuds.service.limits`.
"""

import array
import asyncio
import contextlib
import fcntl
import json
import termios
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cuds.service.limits import WIRE
from cuds.service.observing import log
from cuds.service.problems import KINDS, MEDIA
from cuds.service.settings import Settings

_HEAD = 1 << 16  # bytes of a head, and of whatever else is no body
_FRAMING = 16  # bytes beside each byte of a body: it may come in chunks of one


class Counted:
    """A transport that knows how much was written to it.

    Parameters
    ----------
    transport : asyncio.Transport
        It.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport, self.written = transport, 0

    def pending(self) -> int:
        """Return how many bytes the other side has not taken: those that wait here, and those in the kernel."""
        there = self.transport.get_extra_info("socket")
        queued = array.array("i", [0])
        with contextlib.suppress(OSError, AttributeError):
            fcntl.ioctl(there.fileno(), termios.TIOCOUTQ, queued)
        return self.transport.get_write_buffer_size() + queued[0]

    def write(self, data: bytes) -> None:
        """Write, and count."""
        self.written += len(data)
        self.transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)


class Wire(HttpToolsProtocol):
    """One connection."""

    pause = 30.0
    slowest = 1000

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        self.lost, self.beside, self.body = False, 0, 0
        self.counted = Counted(transport)
        super().connection_made(self.counted)  # type: ignore[arg-type]  # it is one in all but name
        self.head_since: float | None = self.loop.time()
        self.sent, self.waiting = 0, 0
        self.looking = self.loop.call_later(self.pause / 2, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self.lost = True
        self.looking.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what came."""
        if self.head_since is None and (self.cycle is None or self.cycle.response_complete):
            self.head_since = self.loop.time()
        self.beside += len(data)
        super().data_received(data)
        if self.beside > _HEAD + _FRAMING * self.body and not self.transport.is_closing():
            self.send_400_response("there is more beside the body than a head may have")

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.beside = self.body = 0
        cast(dict[str, Any], self.scope)[WIRE] = self

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or a trailer."""
        self.beside += len(name) + len(value)
        if self.beside > 2 * _HEAD:
            raise ValueError("too many headers")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self.head_since = None
        self.beside = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body; one that nothing waits before is passed on as it is, instead of copied twice."""
        self.beside -= len(body)
        self.body += len(body)
        if not self.cycle.body:
            self.cycle.body, body = cast(bytearray, body), b""
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request of HTTP, and hang up."""
        kind = KINDS["malformed"]
        said = {"type": "/problems/malformed", "title": kind.title, "status": 400, "detail": msg, "hint": kind.says}
        text = json.dumps(said).encode()
        head = f"HTTP/1.1 400 Bad Request\r\nContent-Type: {MEDIA}\r\nContent-Length: {len(text)}\r\nConnection: close"
        self.transport.write(f"{head}\r\n\r\n".encode() + text)
        self.transport.close()

    def _look(self) -> None:
        """Hang up on who takes too long to say what it wants, or to take what it asked for."""
        now, pending = self.loop.time(), self.counted.pending()
        sent = self.counted.written - pending
        stuck = self.waiting > sent and sent - self.sent < self.slowest * self.pause / 2
        if stuck or (self.head_since is not None and now - self.head_since > self.pause):
            log.warning("hung up on who %s", "does not read" if stuck else "does not say what it wants")
            self.counted.transport.abort()
            return
        self.sent, self.waiting = sent, self.counted.written if pending else 0
        self.looking = self.loop.call_later(self.pause / 2, self._look)


def wire(settings: Settings) -> type[Wire]:
    """Return the protocol of connections with some limits."""
    return type("Wire", (Wire,), {"pause": settings.pause, "slowest": settings.slowest})
