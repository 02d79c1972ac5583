"""Problem documents (RFC 9457): every error as its class, what is wrong, and what to do now.

The type of a problem is a page of this service, ``/problems/<slug>``. Slugs are those of `cuds.errors`, so that a
client raises what local use would have raised; a few more belong to HTTP itself.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from cuds import errors
from cuds.errors import CudsError

MEDIA = "application/problem+json"


@dataclass(frozen=True)
class Kind:
    """A kind of problem.

    Parameters
    ----------
    status : int
        Of the answer.
    title : str
        What it is, in any case.
    says : str
        For its page: what to do about it in general.
    """

    status: int
    title: str
    says: str = "The hint of the problem says what to do."


_STATUS = {
    "error": 500,
    "unknown": 404,
    "ambiguous": 409,
    "not-installed": 501,
    "storage": 507,
    "stale": 412,
    "unauthorised": 401,
    "forbidden": 403,
    "too-large": 413,
    "too-many": 429,
    "engine": 500,
}
_OF_HTTP = {
    "malformed": Kind(400, "The request cannot be read", "Compare it with the description at /openapi.json."),
    "digest": Kind(400, "What came is not what was sent", "Send it again."),
    "no-route": Kind(404, "There is no such page", "The landing page at / says what there is."),
    "method": Kind(405, "The method is not offered there", "The header Allow lists those that are."),
    "not-acceptable": Kind(406, "No form that is offered is accepted", "Name one of those that the hint lists."),
    "slow": Kind(408, "The request came too slowly", "Send large bodies in parts: POST /uploads."),
    "taken": Kind(409, "The name is taken", "To replace what bears it, PUT there with If-Match."),
    "offset": Kind(409, "The part does not begin where the upload ends", "HEAD the upload for its offset."),
    "media-type": Kind(415, "The form of the body is not taken", "Name one of those that the hint lists."),
    "range": Kind(416, "The range lies outside", "The header Content-Range says how long the whole is."),
    "condition": Kind(428, "The request must say what it expects", "Send If-Match with the ETag you have seen."),
    "internal": Kind(500, "The service failed", "Its log has more under the id of the request."),
    "busy": Kind(503, "The service has too much to do", "Ask again after the seconds of Retry-After."),
}


def _kinds() -> dict[str, Kind]:
    found, waiting = dict(_OF_HTTP), [(CudsError, 422)]
    while waiting:
        cls, above = waiting.pop()
        status = _STATUS.get(cls.slug, above)
        if cls.__module__ == errors.__name__:
            found[cls.slug] = Kind(status, (cls.__doc__ or cls.slug).partition("\n")[0].rstrip("."))
        waiting += [(below, 422 if cls is CudsError else status) for below in cls.__subclasses__()]
    return dict(sorted(found.items()))


KINDS: Mapping[str, Kind] = _kinds()


class Problem(Exception):  # noqa: N818  # it is what RFC 9457 calls so
    """What a request gets instead of an answer.

    Parameters
    ----------
    slug : str
        Which of `KINDS`.
    detail : str
        What is wrong.
    hint : str
        What to do now.
    status : int, optional
        Another than that of the kind.
    headers : mapping, optional
        Of the answer.
    **fields
        The same facts for programs.
    """

    def __init__(
        self, slug: str, detail: str, *, hint: str, status: int = 0, headers: Mapping[str, str] = {}, **fields: Any
    ) -> None:
        super().__init__(detail)
        self.slug, self.detail, self.hint, self.fields = slug, detail, hint, fields
        self.status, self.headers = status or KINDS[slug].status, dict(headers)

    @classmethod
    def of(cls, error: CudsError, *, status: int = 0) -> "Problem":
        """Return the problem that an error is."""
        slugs = [str(getattr(c, "slug", "")) for c in type(error).__mro__]
        known = next(slug for slug in slugs if slug in KINDS)
        fields = {n: v for n, v in error.fields.items() if n not in _RESERVED}
        headers = {"WWW-Authenticate": 'Bearer realm="cuds"'} if KINDS[known].status == 401 else {}
        return cls(known, error.message, hint=error.hint, status=status, headers=headers, **fields)

    def document(self, request: str) -> dict[str, Any]:
        """Return it as RFC 9457 writes it; `request` is the id of the request."""
        return {
            "type": f"/problems/{self.slug}",
            "title": KINDS[self.slug].title,
            "status": self.status,
            "detail": self.detail,
            "hint": self.hint,
            "instance": f"urn:cuds:request:{quote(request, safe='')}",
            **{name: _plain(value) for name, value in self.fields.items()},
        }


_RESERVED = {"type", "title", "status", "detail", "hint", "instance", "slug", "headers"}


def _plain(value: Any) -> Any:
    if isinstance(value, str | int | float | bool | None):
        return value
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return repr(value)


def answer(problem: Problem, request: str, *, folder: str = "") -> Response:
    """Return a problem as a response; paths of this machine are nobody's business.

    Parameters
    ----------
    problem : Problem
        What went wrong.
    request : str
        The id of the request.
    folder : str
        Of the library.
    """
    text = json.dumps(problem.document(request), ensure_ascii=False)
    if folder:
        place = re.escape(json.dumps(folder, ensure_ascii=False)[1:-1])
        text = re.sub(rf"{place}/writing/[0-9a-f]{{32}}/[\w.-]+", "the body", text)
        text = re.sub(rf"{place}(/service/uploads/\w+/[\w.-]+)?", "the library", text)
    headers = {**problem.headers, "Cache-Control": "no-store"}
    return Response(text.encode(errors="replace"), problem.status, headers, MEDIA)


def of_status(status: int, detail: str, headers: Mapping[str, str]) -> Problem:
    """Return the problem that the framework means by a status; its headers are kept."""
    slug = next((s for s, kind in _OF_HTTP.items() if kind.status == status), "malformed")
    hint = KINDS[slug].says
    return Problem(slug, detail or HTTPStatus(status).phrase, hint=hint, status=status, headers=headers)


def page(slug: str) -> tuple[str, dict[str, Any]]:
    """Return what is behind the type of a problem, for people and for programs."""
    kind = KINDS[slug]
    said = {"type": f"/problems/{slug}", "title": kind.title, "status": kind.status, "says": kind.says}
    html = f"<!doctype html><title>{kind.title}</title><h1>{kind.title}</h1><p>{kind.says}</p><p>{kind.status}</p>"
    return html, said
