"""Which version a request is about, and whether who asks may read it."""

from typing import Annotated

from fastapi import Query, Request

from cuds.service.forms import Stored
from cuds.service.rights import missing
from cuds.service.state import state, who
from cuds.store.protocol import Version, chosen

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
    return Stored(here, chosen(visible(request, name), name, number, []))


def visible(request: Request, name: str) -> list[Version]:
    """Return the versions of a name that who asks may read, the first one first; deletions too.

    Raises
    ------
    UnknownError
        When there is none.
    """
    here, by = state(request), who(request)
    seen = here.rights.seen(by, name)
    if not seen:
        raise missing(name, here.rights.known(by))
    return seen
