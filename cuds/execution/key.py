"""By what a result is kept: everything that it is a function of."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cuds.errors import InvalidError
from cuds.execution.choose import choose
from cuds.execution.engines import engine_of, source_digest
from cuds.execution.session import Laboratory
from cuds.model.entity import Component
from cuds.model.plain import as_plain
from cuds.wrapper.contract import Wrapper

LAYOUT = 1


@dataclass(frozen=True)
class Key:
    """What a result is a function of.

    Parameters
    ----------
    text : str
        All of it as JSON: what was run, by which engine in which version with which options, by which code.
    """

    text: str

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of all of it."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def wrappers_of(laboratory: Laboratory, what: Component) -> list[type[Wrapper]]:
    """Return the wrappers of the engines that a simulation or a recipe needs."""
    kind: Any = type(what)
    kinds: Iterable[Any] = getattr(what, "runs", (kind,))
    return list(dict.fromkeys(choose(kind, laboratory.engine, what) for kind in kinds))


def why_not(laboratory: Laboratory, what: Component) -> str:
    """Return why a result is not kept, or may not be taken from what is kept; empty when it may."""
    if not getattr(what, "runs", True):
        return "it needs no engine, and is derived sooner than it is looked up"
    if laboratory.keep is not None:
        return "keep= asks for the engine's files"
    try:
        as_plain(dict(laboratory.options), "options")
    except InvalidError as error:
        return error.message
    wrappers = wrappers_of(laboratory, what)
    if not source_digest(type(what), *wrappers):
        return "its code lies in no file"
    return next(filter(None, (w(Path(), options=laboratory.options).outside() for w in wrappers)), "")


def key_of(laboratory: Laboratory, what: Component) -> Key:
    """Return the key of a result."""
    from cuds import __version__

    wrappers = wrappers_of(laboratory, what)
    engines = [(w.name, e.version, e.details) for w in wrappers for e in [engine_of(w)]]
    facts = {
        "layout": LAYOUT,
        "what": type(what).__name__,
        "digest": what.whole_digest,
        "engines": engines,
        "options": dict(laboratory.options),
        "cuds": __version__,
        "code": source_digest(type(what), *wrappers),
    }
    if laboratory.ranks > 1:  # sums are taken in another order
        facts["ranks"] = laboratory.ranks
    return Key(json.dumps(facts, sort_keys=True, default=str))
