"""Which version a request is about, and whether who asks may read it."""

from typing import Annotated

from fastapi import Query, Request

from cuds.service.forms import Stored
from cuds.service.state import state, who

Number = Annotated[int | None, Query(ge=1, le=10**9, description="Which version; the newest when none is given.")]


def found(request: Request, name: str, number: int | None) -> Stored:
    """Return the version that is asked for.

    Raises
    ------
    UnknownError
        When it is not there, or may not be read.
    """
    here = state(request)
    here.rights.read(who(request), name)
    return Stored(here, here.library.version(name, number))
