"""What a request asks of SPARQL, by the protocol of the W3C (SPARQL 1.1 Protocol, section 2)."""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from starlette.requests import Request

from cuds.service.negotiation import media_type
from cuds.service.problems import Problem
from cuds.service.receiving import small

FORM = "application/x-www-form-urlencoded"
BODIES = {"query": "application/sparql-query", "update": "application/sparql-update"}
_DATASET = {
    "query": ("default-graph-uri", "named-graph-uri"),
    "update": ("using-graph-uri", "using-named-graph-uri"),
}


@dataclass(frozen=True)
class Heard:
    """What is asked.

    Parameters
    ----------
    kind : {"query", "update", ""}
        Empty where nothing is, but what the service can do.
    text : str
        The query or the update.
    default, named : tuple of str
        The graphs that the request chooses, in place of what the text says.
    timeout : float
        Seconds, or 0.
    """

    kind: str
    text: str = ""
    default: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    timeout: float = field(default=0.0, kw_only=True)


async def heard(request: Request, most: int) -> Heard:
    """Return what a request asks; `most` bytes of it may come.

    Raises
    ------
    Problem
        When it asks nothing that can be read, or more than one thing (400), or in another form (415).
    TooLargeError
        When it is too long.
    """
    said = _pairs(request.url.query, "the address")
    if request.method in ("GET", "HEAD"):
        if not any(name in BODIES for name, _ in said):
            return Heard("")
        if any(name == "update" for name, _ in said):
            raise Problem("malformed", "an update came by GET", hint="POST it", field="update")
        return _one("query", said)
    media = str(media_type(request.headers.get("content-type", ""), (FORM, *BODIES.values())))
    text = _text(await small(request, most))
    if media == FORM:
        if any(name in BODIES for name, _ in said):
            hint = "put all of it into the body"
            raise Problem("malformed", "a form came with a query or an update in the address", hint=hint)
        said += _pairs(text, "the form")
        kinds = {name for name, _ in said if name in BODIES}
        if len(kinds) != 1 or (kinds == {"update"} and request.method == "QUERY"):
            raise Problem("malformed", "a form has either query or update, once", hint="query=SELECT...")
        return _one(kinds.pop(), said)
    kind = next(k for k, body in BODIES.items() if body == media)
    if request.method == "QUERY" and kind == "update":
        raise Problem("malformed", "an update came by QUERY", hint="POST it")
    return _one(kind, [*said, (kind, text)])


def _one(kind: str, said: list[tuple[str, str]]) -> Heard:
    texts = [value for name, value in said if name in BODIES]
    if len(texts) != 1:
        raise Problem("malformed", f"{len(texts)} queries and updates came", hint=f"give {kind} once", field=kind)
    if wrong := next((n for n, _ in said for k in _DATASET if k != kind and n in _DATASET[k]), None):
        raise Problem("malformed", f"{wrong} does not go with a {kind}", hint=f"give {', '.join(_DATASET[kind])}")
    default, named = (tuple(value for name, value in said if name == which) for which in _DATASET[kind])
    return Heard(kind, texts[0], default, named, timeout=_seconds(said))


def _seconds(said: list[tuple[str, str]]) -> float:
    given = [value for name, value in said if name == "timeout"]
    try:
        found = float(given[-1]) if given else 0.0
    except ValueError:
        found = -1.0
    if not 0 <= found < 1e6:
        raise Problem("malformed", f"timeout: {given[-1][:50]!r}", hint="seconds, like timeout=10", field="timeout")
    return found


def _pairs(text: str, where: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise Problem("malformed", f"{where} cannot be read: {error}", hint="percent-encode it in UTF-8") from None


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Problem("malformed", f"the body is no UTF-8: {error}", hint="send text in UTF-8") from None
