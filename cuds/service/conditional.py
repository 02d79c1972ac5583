"""ETags and what requests say of them (RFC 9110, 8.8.3 and 13).

The ETag of a form of a version is ``"<tag of the version>-<form>"``, strong. To write, any form of the current version
will do: who has read the Turtle may replace the HDF5.
"""

import re
from collections.abc import Sequence
from typing import Protocol

from starlette.datastructures import Headers

from cuds.errors import StaleError
from cuds.service.problems import Problem

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


class Tagged(Protocol):
    """What has a version: `cuds.store.Version`."""

    @property
    def tag(self) -> str:
        """Tells it from any other."""
        ...

    @property
    def number(self) -> int:
        """From 1, rising."""
        ...


def etag(version: Tagged, form: str) -> str:
    """Return the ETag of a form of a version."""
    return f'"{version.tag}-{form}"'


def tags(header: str) -> list[tuple[bool, str]] | None:
    """Return the tags that a header lists, each whether it is weak and what it says; None for ``*``, which is any.

    Raises
    ------
    Problem
        When it is no list of tags (400).
    """
    text = header.strip()
    if text == "*":
        return None
    found, place = list[tuple[bool, str]](), 0
    while place < len(text):
        matched = _TAG.match(text, place)
        if matched is not None:
            found.append((matched[1] is not None, matched[2]))
            place = matched.end()
        after = re.compile(r"[ \t]*(,[ \t]*)*").match(text, place)
        assert after is not None
        if (matched is None and after.end() == place) or (after.end() < len(text) and "," not in after[0]):
            raise Problem("malformed", f"{text[:100]!r} is no list of ETags", hint='write "one", "another", or *')
        place = after.end()
    return found


def unchanged(headers: Headers, current: str) -> bool:
    """Whether who reads has already what there is (If-None-Match), compared weakly: the answer is 304.

    Parameters
    ----------
    headers : Headers
        Of the request.
    current : str
        The ETag of what would be sent.
    """
    given = ",".join(headers.getlist("if-none-match"))
    if not given:
        return False
    listed = tags(given)
    return listed is None or current[1:-1] in [tag for _, tag in listed]


def still(headers: Headers, current: str) -> bool:
    """Whether what is read is what If-Match or If-Range expects, compared strongly."""
    if given := ",".join(headers.getlist("if-match")):
        listed = tags(given)
        if listed is not None and (False, current[1:-1]) not in listed:
            raise StaleError(f"it is not {given[:100]} any more", hint=f"it is {current} now", current=current)
    return headers.get("if-range", current).strip() == current


def expected(headers: Headers, current: Tagged | None, *, forms: Sequence[str] = ()) -> int:
    """Return the number of the version that must be the newest when something is written; 0 for none.

    Parameters
    ----------
    headers : Headers
        Of the request.
    current : Version, optional
        The newest version, when there is one.
    forms : sequence of str
        Of which its ETags may be; of any when none is given.

    Raises
    ------
    StaleError
        When it is another (412).
    Problem
        When the request does not say which, though there is one (428).
    """
    match, none = (",".join(headers.getlist(n)) for n in ("if-match", "if-none-match"))
    if match:
        _match(match, current, forms)
    if none:
        listed = tags(none)
        if current is not None and (listed is None or any(_is(t, current, forms) for _, t in listed)):
            raise StaleError(
                f"version {current.number} is there already", hint="replace it with If-Match", current=current.number
            )
    if current is None:
        return 0
    if not match and not none:
        raise Problem(
            "condition",
            f"version {current.number} is there, and the request does not say that it is to be replaced",
            hint=f"read it, and send If-Match with its ETag, like {etag(current, 'json')}; or * for whatever is there",
        )
    return current.number


def _match(given: str, current: Tagged | None, forms: Sequence[str]) -> None:
    listed = tags(given)
    if current is None:
        raise StaleError(f"If-Match: {given[:100]}: there is nothing", hint="leave it out to make it anew", current=0)
    if listed is not None and not any(_is(t, current, forms) for weak, t in listed if not weak):
        raise StaleError(
            f"If-Match: {given[:100]}: it was changed meanwhile, to version {current.number}",
            hint="read it again, change that, and send its ETag",
            current=current.number,
        )


def _is(tag: str, current: Tagged, forms: Sequence[str]) -> bool:
    """Whether a tag is one of a form of a version."""
    version, dash, form = tag.partition("-")
    return bool(dash) and version == current.tag and (not forms or form in forms)
