"""What schemathesis cannot know of this service; it is loaded by the test that runs it."""

from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, Response
from schemathesis.specs.openapi.checks import use_after_free


@schemathesis.check
def deleted_is_gone(ctx: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """Demand what `use_after_free` does, but of the past: a deletion is a version, and those before it stay.

    They are asked for by their number, or are listed.
    """
    past = "version" in (case.query or {}) or case.path.endswith("/versions")
    return None if past else use_after_free(ctx, response, case)
