"""Which version a request is about, and whether who asks may read it."""

from typing import Annotated

from fastapi import Query, Request

from cuds.errors import UnknownError
from cuds.service.forms import Stored
from cuds.service.identity import Principal
from cuds.service.rights import Rights, missing
from cuds.service.state import state, who
from cuds.store import Library
from cuds.store.protocol import Version

Number = Annotated[int | None, Query(ge=1, le=10**9, description="Which version; the newest when none is given.")]


def found(request: Request, name: str, number: int | None) -> Stored:
    """Return the version that is asked for.

    Raises
    ------
    UnknownError
        When it is not there, or may not be read.
    """
    here, by = state(request), who(request)
    if number is None:
        return Stored(here, here.rights.read(by, name))
    if not _seen(here.rights, by, name, number):
        raise missing(name, here.rights.known(by))
    return Stored(here, here.library.version(name, number))


def _seen(rights: Rights, by: Principal, name: str, number: int) -> bool:
    try:
        return rights.may_see(by, name, number)
    except UnknownError:  # there never was one
        return False


def visible(request: Request, name: str) -> list[Version]:
    """Return the versions of a name that who asks may read, the first one first; deletions too.

    Raises
    ------
    UnknownError
        When there is none.
    """
    here, by = state(request), who(request)
    there = here.library.versions(name) if _ever(here.library, name) else []
    seen = [v for v in there if _seen(here.rights, by, name, v.number)]
    if not seen:
        raise missing(name, here.rights.known(by))
    return seen


def _ever(library: Library, name: str) -> bool:
    try:
        return bool(library.versions(name))
    except UnknownError:
        return False
