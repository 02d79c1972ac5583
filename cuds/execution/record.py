"""Provenance: what was run, by whom, from what."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from cuds.model.condition import Condition
from cuds.model.entity import Component, Entity
from cuds.model.provenance import SimulationRun, Used
from cuds.units import Quantity


def now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


def inputs(component: Component) -> list[Used]:
    """Return the entities that a simulation or a recipe refers to."""
    found: dict[str, Used] = {}
    for _, value in component.physics():
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else (value,):
            if isinstance(item, Entity):
                found.setdefault(item.id, Used.of(item))
    return list(found.values())


def settings(component: Component) -> dict[str, Any]:
    """Return every setting of a simulation or a recipe that is no entity, as text where it has a unit."""
    found: dict[str, Any] = {}
    for name, value in component.physics():
        if isinstance(value, Quantity):
            found[name] = repr(value)
        elif isinstance(value, str | int | float | bool):
            found[name] = value
        elif isinstance(value, tuple) and value and all(isinstance(v, Condition) for v in value):
            found[name] = [repr(v) for v in value]
        elif isinstance(value, tuple) and all(isinstance(v, str | int | float) for v in value):
            found[name] = list(value)
    return found


def run_record(
    what: Component, engine: str, version: str, started: datetime, transcript: str, more: Iterable[tuple[str, Any]] = ()
) -> SimulationRun:
    """Return the record of a run that just ended."""
    return SimulationRun(
        activity=type(what).__name__,
        engine=engine,
        version=version,
        started=started,
        ended=now(),
        used=tuple(inputs(what)),
        parameters={**settings(what), **dict(more)},
        transcript=transcript,
    )
