"""Doing again what a record of provenance says, and comparing what it gives."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cuds.errors import AmbiguousError, UnknownError, UnsupportedError, did_you_mean
from cuds.execution.record import inputs
from cuds.execution.run import run_in
from cuds.execution.session import Laboratory
from cuds.model.dataset import DataSet
from cuds.model.entity import Component, Entity
from cuds.model.provenance import SimulationRun, Used
from cuds.model.simulation import Simulation
from cuds.recipes.recipe import Recipe
from cuds.registry import plugins
from cuds.units import Quantity

_OPTION = "option "  # how a record begins the names of an engine's own words


@dataclass(frozen=True)
class Compared:
    """An entity that was computed again.

    Parameters
    ----------
    was, now : Entity
        As it was kept, and as it is computed now.
    apart : float
        The largest difference between their numbers, relative to the largest number of each array.
    """

    was: Entity
    now: Entity
    apart: float

    @property
    def same(self) -> bool:
        """Whether every number is the same, bit for bit."""
        return self.was.digest == self.now.digest

    def __str__(self) -> str:
        said = "the same numbers" if self.same else f"apart by {self.apart:.2g}, relative to the largest number"
        return f"{type(self.was).__name__}{f' {self.was.label!r}' if self.was.label else ''}: {said}"


def run_of(data: DataSet, wanted: str = "") -> SimulationRun:
    """Return a run that something in a data set came from.

    Parameters
    ----------
    data : DataSet
        That holds it.
    wanted : str
        The id of the run or of an entity that came from it, its beginning, or a label; not needed where there is one.

    Raises
    ------
    UnknownError, AmbiguousError
        When there is none, or more than one.
    """
    made = [(e, e.provenance) for e in data.closure() if isinstance(e.provenance, SimulationRun)]
    named = [
        r for e, r in made
        if any(i.removeprefix("urn:uuid:").startswith(wanted.removeprefix("urn:uuid:")) for i in (r.id, e.id))
        or e.label == wanted
    ]  # fmt: skip
    found = {r.id: r for r in named}
    if len(found) == 1:
        return next(iter(found.values()))
    listed = [f"{r.id} ({r.activity} by {r.engine})" for r in {r.id: r for _, r in made}.values()]
    if found:
        raise AmbiguousError(
            f"{len(found)} runs are meant by {wanted!r}", hint=f"name one: {', '.join(listed)}", field="id"
        )
    hint = did_you_mean(wanted, listed) if listed else "nothing in it says which run it came from"
    raise UnknownError(f"there is no run {wanted!r}", hint=hint, field="id")


def rerun(data: DataSet, wanted: str = "", *, more: Iterable[DataSet] = ()) -> list[Compared]:
    """Compute anew what came from a run, by the engine it was computed by, and compare.

    Parameters
    ----------
    data : DataSet
        That holds what was computed.
    wanted : str
        Which run, as in `run_of`.
    more : iterable of DataSet
        Where inputs are that the data set does not hold: a record names those of recipes by their digests alone.

    Raises
    ------
    UnknownError, AmbiguousError
        When no run is meant, or more than one.
    UnsupportedError
        When an input is not there, or something was done that cannot be done from its record.
    """
    record = run_of(data, wanted)
    held = [e for part in (data, *more) for e in part.closure()]
    what = _simulation(record, held) or _recipe(record, held)
    if [u.sha256 for u in inputs(what)] != [u.sha256 for u in record.used]:
        raise UnsupportedError(
            f"{record.activity}: its inputs are not those of the record", hint="was the data set put together by hand?"
        )
    options = {n.removeprefix(_OPTION): v for n, v in record.parameters.items() if n.startswith(_OPTION)}
    laboratory = Laboratory(record.engine, options, fresh=True, ranks=int(record.parameters.get("ranks", 1)))
    now = what.follow(laboratory) if isinstance(what, Recipe) else run_in(laboratory, what)
    return _compared([e for e in data.closure() if e.provenance is not None and e.provenance.id == record.id], now)


def _simulation(record: SimulationRun, held: list[Entity]) -> Simulation | None:
    """Return the simulation of a record, told by the digests of its inputs and by its settings."""
    wanted = [u.sha256 for u in record.used]
    for one in (e for e in held if isinstance(e, Simulation) and type(e).__name__ == record.activity):
        if [u.sha256 for u in inputs(one)] == wanted and _agrees(one, record):
            return one
    return None


def _agrees(one: Simulation, record: SimulationRun) -> bool:
    seed = getattr(one, "seed", None)
    return seed is None or record.parameters.get("seed", seed) == seed


def _recipe(record: SimulationRun, held: list[Entity]) -> Recipe:
    recipes: dict[str, type[Recipe]] = {r.__name__: r for r in plugins("cuds.recipes").working().values()}
    kind = recipes.get(record.activity)
    if kind is None:
        raise UnsupportedError(
            f"{record.activity}: the data set does not hold what was run", hint="keep the simulation beside its result"
        )
    left = [_found(used, held) for used in record.used]
    given: dict[str, Any] = {n: v for n, v in record.parameters.items() if n in kind.bindings()}
    for port, classes in kind.ports().items():
        fitting = next((e for e in left if isinstance(e, classes)), None)
        if fitting is not None:
            left.remove(fitting)
            given[port] = fitting
    return kind(**given)


def _found(used: Used, held: list[Entity]) -> Entity:
    for one in held:
        if type(one).__name__ == used.kind and one.digest == used.sha256:
            return one
    raise UnsupportedError(
        f"{used.kind} {used.label or used.entity} (sha256:{used.sha256[:12]}) is not there",
        hint="give what it was read from: cuds rerun ... --with FILE; a record names inputs by their digests",
        entity=used.entity,
    )


def _compared(before: list[Entity], now: DataSet) -> list[Compared]:
    made = [e for e in now if e.provenance is not None]
    found = []
    for was in before:
        match = next((e for e in made if type(e) is type(was) and _part(e) == _part(was)), None)
        if match is None:
            raise UnsupportedError(
                f"{type(was).__name__} {was.label or was.id} did not come again", hint="is the engine another by now?"
            )
        made.remove(match)
        found.append(Compared(was, match, _apart(was, match)))
    return found


def _part(entity: Entity) -> tuple[Any, ...]:
    """Return what tells entities of one class apart that came from one run."""
    when: Quantity | None = getattr(entity, "time", None)
    return getattr(entity, "name", ""), getattr(entity, "quantity", ""), None if when is None else float(when.value)


def _apart(was: Component, now: Component) -> float:
    largest = 0.0
    for name in type(was).bindings():
        one, other = getattr(was, name), getattr(now, name)
        if isinstance(one, Component) and isinstance(other, Component):
            largest = max(largest, _apart(one, other))
        elif isinstance(one, Quantity) and isinstance(other, Quantity):
            largest = max(largest, _far(one.value, other.in_unit(one.unit)))
        elif isinstance(one, np.ndarray | float):
            largest = max(largest, _far(one, other))
    return largest


def _far(one: Any, other: Any) -> float:
    """Return the largest difference, relative to the largest number; infinite where there are more or fewer."""
    if np.shape(one) != np.shape(other):
        return float("inf")
    scale = float(np.max(np.abs(one), initial=0.0)) or 1.0
    return float(np.max(np.abs(np.subtract(one, other)), initial=0.0)) / scale
