"""Which data sets there are: page by page, by class, and by what they hold."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from cuds.errors import CudsError
from cuds.service.conditional import etag
from cuds.service.problems import Problem
from cuds.service.state import State, link, state, who
from cuds.store.protocol import Found, Version

router = APIRouter(tags=["data sets"])
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]
Cursor = Annotated[str, Query(max_length=2000, description="Where a page begins, as the page before says.")]
_COMPARED = re.compile(r"(<=|>=|==|!=|<|>)?\s*(.*)", re.DOTALL)
_OWN = ("cursor", "limit", "class", "q")


@router.get("/datasets")
def listed(
    request: Request,
    cursor: Cursor = "",
    limit: Limit = 100,
    kind: Annotated[str, Query(alias="class", description="A class of cuds; those below it count.")] = "",
    q: Annotated[str, Query(max_length=200, description="A part of the name.")] = "",
) -> Response:
    """Return data sets by name, those that may be read; any other parameter is a condition on a property."""
    here = state(request)
    conditions = {n: v for n, v in request.query_params.multi_items() if n not in _OWN}
    found = _found(here, request, kind, conditions) if kind or conditions else None
    versions, following = page(request, cursor, limit, lambda n: q.casefold() in n.casefold() and _in(n, found))
    said: dict[str, Any] = {"datasets": [_row(v, found) for v in versions]}
    headers = {"Cache-Control": "private, no-cache"}
    if following:
        said["next"] = following
        headers["Link"] = f'<{following}>; rel="next"'
    return Response(json.dumps(said, ensure_ascii=False).encode(), 200, headers, "application/json")


def page(
    request: Request, cursor: str, limit: int, wanted: Callable[[str], bool] = lambda name: True
) -> tuple[list[Version], str]:
    """Return a page of what who asks may read, by name, and where the next one is; nothing when this is the last.

    Parameters
    ----------
    request : Request
        The path and the other parameters of the next page are its own.
    cursor : str
        Where the page begins; names that are made and deleted meanwhile change no other page.
    limit : int
        How many at most.
    wanted : callable
        Whether a name is meant.

    Raises
    ------
    Problem
        When the cursor is none (400).
    """
    here, after, found = state(request), _begin(cursor), list[Version]()
    here.rights.reader(who(request))
    may = here.rights.readable(who(request))
    for version in here.library.list():
        if version.name > after and wanted(version.name) and may(version.iri):
            found.append(version)
        if len(found) > limit:
            following = request.url.include_query_params(cursor=_cursor(found[limit - 1].name)).query
            return found[:limit], f"{request.url.path}?{following}"
    return found, ""


def _in(name: str, found: Mapping[str, list[Found]] | None) -> bool:
    return found is None or name in found


def _row(version: Version, found: Mapping[str, list[Found]] | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": version.name,
        "iri": version.iri,
        "href": link("datasets", version.name),
        "version": version.number,
        "plain": version.plain,
        "bytes": version.bytes,
        "written": version.written,
        "etag": etag(version, "json"),
    }
    if found is not None:
        row["found"] = [{"id": f.id, "class": f.kind, "values": dict(f.values)} for f in found[version.name]]
    return row


def _found(here: State, request: Request, kind: str, conditions: Mapping[str, str]) -> dict[str, list[Found]]:
    """Return what fulfils the conditions, by the names of data sets."""
    found: dict[str, list[Found]] = {}
    wanted: dict[str, Any] = {name: [c for c in _conditions(request, name)] for name in conditions}
    given = {name: values[0] if len(values) == 1 else values for name, values in wanted.items()}
    try:
        several = here.library.find(kind or "Entity", among=here.rights.readable(who(request)), **given)
    except CudsError as error:
        raise Problem.of(error, status=400) from error
    for one in several:
        found.setdefault(one.name, []).append(one)
    return found


def _conditions(request: Request, name: str) -> Iterator[Any]:
    """Yield what is asked of a property: ``C11=>160 GPa`` is a comparison, ``C11=160 GPa`` an equality."""
    for given in request.query_params.getlist(name):
        matched = _COMPARED.fullmatch(given)
        assert matched is not None
        yield (matched[1] or "==", _value(matched[2].strip()))


def _value(text: str) -> Any:
    """Return what a text means: a number, true or false, or itself; between quotes it is always itself."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    if text in ("true", "false"):
        return text == "true"
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def _cursor(name: str) -> str:
    return base64.urlsafe_b64encode(json.dumps({"after": name}).encode()).decode().rstrip("=")


def _begin(cursor: str) -> str:
    """Return the name after which a page begins; it need not be there any more."""
    if not cursor:
        return ""
    try:
        said = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        after = said["after"]
    except (binascii.Error, ValueError, KeyError, TypeError):
        after = None
    if not isinstance(after, str):
        raise Problem("malformed", f"cursor: {cursor[:100]!r}", hint="follow next of the page before", field="cursor")
    return after
