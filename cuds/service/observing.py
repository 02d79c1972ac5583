"""What happens, for those who run a service: ids of requests, a log in JSON, metrics."""

import json
import logging
import re
import secrets
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cuds.registry import require

REQUEST: ContextVar[str] = ContextVar("id of the request", default="")
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
log = logging.getLogger("cuds.service")


class Metrics:
    """Counters of one service, as Prometheus reads them."""

    def __init__(self) -> None:
        client = require("prometheus_client", "serve")
        self.registry = client.CollectorRegistry()
        of = ["method", "route", "status"]
        self.requests = client.Counter("cuds_requests", "Requests answered.", of, registry=self.registry)
        self.seconds = client.Histogram(
            "cuds_request_seconds", "Seconds to answer.", ["route"], buckets=_SECONDS, registry=self.registry
        )
        self.received = client.Counter("cuds_received_bytes", "Bytes of bodies received.", registry=self.registry)
        self.sent = client.Counter("cuds_sent_bytes", "Bytes of bodies sent.", registry=self.registry)
        self.running = client.Gauge("cuds_requests_running", "Requests being answered.", registry=self.registry)
        self._text = client.generate_latest

    def text(self) -> bytes:
        """Return all of them as text."""
        return bytes(self._text(self.registry))


class Observing:
    """Gives each request an id, counts it, and logs it when it is answered.

    Parameters
    ----------
    app : ASGI application
        What answers.
    metrics : Metrics
        What is counted in.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request = given if _ID.fullmatch(given) else secrets.token_hex(8)
        token, seen = REQUEST.set(request), {"status": 500, "sent": 0, "received": 0}

        async def receiving() -> Message:
            message = await receive()
            seen["received"] += len(message.get("body", b""))
            return message

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                headers["X-Request-ID"] = request
                headers["X-Content-Type-Options"] = "nosniff"
            else:
                seen["sent"] += len(message.get("body", b""))
            await send(message)

        begun = time.perf_counter()
        self.metrics.running.inc()
        try:
            await self.app(scope, receiving, sending)
        finally:
            self.metrics.running.dec()
            self._count(scope, request, seen, time.perf_counter() - begun)
            REQUEST.reset(token)

    def _count(self, scope: Scope, request: str, seen: dict[str, int], took: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self.metrics.requests.labels(method, route, str(seen["status"])).inc()
        self.metrics.seconds.labels(route).observe(took)
        self.metrics.received.inc(seen["received"])
        self.metrics.sent.inc(seen["sent"])
        who = scope.get("state", {}).get("who")
        said = {"request": request, "method": scope["method"], "path": scope["path"], "route": route, **seen}
        log.info("answered", extra={"said": {**said, "ms": round(took * 1e3, 2), "by": getattr(who, "name", "")}})


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY")


class Lines(logging.Formatter):
    """A line of JSON for each event."""

    def format(self, record: logging.LogRecord) -> str:
        """Return an event as a line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        said: dict[str, Any] = {"at": at, "level": record.levelname.lower(), "event": record.getMessage()}
        said |= getattr(record, "said", {})
        if request := REQUEST.get():
            said.setdefault("request", request)
        if record.exc_info:
            said["trace"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=True, default=str)


def logging_settings(level: str) -> dict[str, Any]:
    """Return what `logging.config` and uvicorn are told: everything as lines of JSON on standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": Lines}},
        "handlers": {"error": {"class": "logging.StreamHandler", "formatter": "lines", "stream": "ext://sys.stderr"}},
        "loggers": {
            name: {"handlers": ["error"], "level": level.upper(), "propagate": False}
            for name in ("cuds.service", "uvicorn", "uvicorn.error", "py.warnings")
        },
    }
