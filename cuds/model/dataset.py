"""A set of entities with their provenance: what runs return, what files hold."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar, overload

from cuds.arrays import Mapped, measure
from cuds.errors import AmbiguousError, FormatError, InvalidError, UnknownError, did_you_mean
from cuds.model.entity import Component, Entity
from cuds.model.field import Field
from cuds.model.particles import ParticleSystem
from cuds.model.series import TimeSeries
from cuds.model.trajectory import Trajectory
from cuds.registry import service
from cuds.units import Quantity, quantity

E = TypeVar("E", bound=Entity)


class DataSet:
    """Entities, in order, each once.

    Parameters
    ----------
    *entities : Entity
        What it holds; what they refer to comes along.
    label : str
        A name for people.
    """

    def __init__(self, *entities: Entity, label: str = "") -> None:
        for entity in entities:
            if not isinstance(entity, Entity):
                raise InvalidError(
                    f"a {type(entity).__name__} is no entity", hint="give entities of cuds", value=repr(entity)
                )
        self.label = label
        held: dict[str, Entity] = {}
        for entity in entities:
            held[entity.id] = _same(held.get(entity.id, entity), entity)
        self.entities = tuple(held.values())

    def __iter__(self) -> Iterator[Entity]:
        return iter(self.entities)

    def __len__(self) -> int:
        return len(self.entities)

    def __add__(self, other: "DataSet") -> "DataSet":
        return DataSet(*self, *other, label=self.label or other.label)

    @overload
    def __getitem__(self, what: type[E]) -> E: ...
    @overload
    def __getitem__(self, what: Any) -> Any: ...
    def __getitem__(self, what: Any) -> Any:
        """Return the one entity of a class, or the one field of a quantity, or the one that bears a label.

        Raises
        ------
        UnknownError, AmbiguousError
            When there is none, or more than one.
        """
        return self._one(self.all(what), what if isinstance(what, str) else what.__name__)

    def all(self, what: Any) -> list[Any]:
        """Return all entities of a class or quantity, or with a label."""
        if isinstance(what, str):
            return [e for e in self if e.label == what or (isinstance(e, Field) and e.name == what)]
        found: list[Any] = [e for e in self if isinstance(e, what)] if issubclass(what, Entity) else []
        return found or [e for e in self if isinstance(e, Field) and e.quantity == what.__name__]

    def field(self, name: str, *, time: Any = None) -> Field:
        """Return the field of a name, like ``"von_mises"``; of several at different times that at `time`.

        Parameters
        ----------
        name : str
            Of the field.
        time : Quantity, optional
            When; needed where there are several.

        Raises
        ------
        UnknownError, AmbiguousError
            When there is none, or more than one; the times that there are, are listed.
        """
        named = [e for e in self if isinstance(e, Field) and e.name == name]
        if time is not None:
            named = _at(named, name, time)
        elif len(named) > 1 and all(e.time is not None for e in named):
            raise AmbiguousError(
                f"the data set holds {name!r} at {len(named)} times", hint=f"give time=, one of {_times(named)}"
            )
        found: Field = self._one(named, name)
        return found

    @property
    def series(self) -> TimeSeries:
        """What a run sampled: the one time series."""
        return self[TimeSeries]

    @property
    def trajectory(self) -> Trajectory:
        """The one trajectory."""
        return self[Trajectory]

    @property
    def final(self) -> ParticleSystem:
        """The state in which a run ended: the one system of particles."""
        return self[ParticleSystem]

    def _one(self, found: list[Any], name: str) -> Any:
        if len(found) == 1:
            return found[0]
        if found:
            listed = "; ".join(f"{e.label or e.id}" for e in found)
            raise AmbiguousError(
                f"the data set holds {len(found)} of {name!r}: {listed}", hint="take one of .all(...), or by its label"
            )
        known = {
            n
            for e in self
            for n in (type(e).__name__, e.label, getattr(e, "name", ""), getattr(e, "quantity", ""))
            if n
        }
        raise UnknownError(f"the data set holds no {name!r}", hint=did_you_mean(name, known), name=name)

    def closure(self) -> list[Entity]:
        """Return all entities, and all that they refer to, each once; what is referred to comes first."""
        seen: dict[str, Entity] = {}
        for entity in self:
            _collect(entity, seen)
        return list(seen.values())

    def verify(self) -> None:
        """Compare every array that lies in a file with the digest that was stored with it.

        Raises
        ------
        FormatError
            When one is not the one that was stored; it names it.
        """
        for entity in self:
            verify(entity)

    def graph(self) -> Any:
        """Return the meaning as an rdflib Graph; its size does not depend on the length of any array."""
        return service("dataset.graph")(self)

    def query(self, sparql: str) -> list[dict[str, Any]]:
        """Return the solutions of a SPARQL SELECT over the graph, a mapping each."""
        rows: list[dict[str, Any]] = service("dataset.query")(self, sparql)
        return rows

    def serialise(self, syntax: str = "turtle") -> str:
        """Return the graph as text in ``turtle``, ``json-ld``, ``n-triples``, ``n-quads``, ``trig`` or ``rdf-xml``."""
        text: str = service("dataset.serialise")(self, syntax)
        return text

    def save(self, path: str | Path) -> Path:
        """Write everything to one HDF5 file; nothing is left half-written."""
        written: Path = service("dataset.save")(self, Path(path))
        return written

    def __repr__(self) -> str:
        return "\n".join([f"DataSet({self.label or len(self)})", *(f"  {_line(e)}" for e in self)])

    def _repr_html_(self) -> str:
        """Show it in a notebook."""
        shown: str = service("shown.html")(self)
        return shown

    def __rich__(self) -> Any:
        """Show it in a terminal, by rich."""
        return service("shown.rich")(self)


def verify(component: Component) -> None:
    """Compare every array of a component, and of all that it refers to, with the digest that its file states.

    Raises
    ------
    FormatError
        When one is not the one that was stored; it names it.
    """
    seen: dict[str, Entity] = {}
    _collect(component, seen)
    for part in {id(e): e for e in (*seen.values(), component)}.values():
        for where, array in _mapped(part, type(part).__name__):
            if array.sha256 and measure(array, anew=True).sha256 != array.sha256:
                raise FormatError(
                    f"{where}{f' of {part.label or part.id}' if isinstance(part, Entity) else ''} is not the one that "
                    "was stored",
                    hint="the file was changed after it was saved; take a copy that was not",
                )


def _mapped(value: Any, where: str) -> Iterator[tuple[str, Mapped]]:
    """Yield the arrays of a component that lie in a file, but for those of other entities, each with its place."""
    found = getattr(value, "value", value) if isinstance(value, Quantity) else value
    if isinstance(found, Mapped):
        yield where, found
    elif isinstance(found, Component):
        for name in type(found).bindings():
            held = getattr(found, name)
            if not isinstance(held, Entity):
                yield from _mapped(held, f"{where}.{name}")
    elif isinstance(found, tuple | dict):
        for key, item in found.items() if isinstance(found, dict) else enumerate(found):
            if not isinstance(item, Entity):
                yield from _mapped(item, f"{where}[{key!r}]")


def _at(fields: list[Field], name: str, time: Any) -> list[Field]:
    """Return the fields at a time, to a billionth of it."""
    when = quantity(time, "Time", "time").in_unit("s")
    found = [e for e in fields if e.time is not None and math.isclose(e.time.in_unit("s"), when, abs_tol=1e-300)]
    if not found:
        raise UnknownError(f"the data set holds no {name!r} at {time}", hint=f"there are {_times(fields)}", name=name)
    return found


def _times(fields: list[Field]) -> str:
    listed = [repr(e.time) for e in fields if e.time is not None]
    return ", ".join(listed if len(listed) < 8 else [*listed[:3], "...", *listed[-2:]]) or "fields without a time"


def _line(entity: Entity) -> str:
    return repr(entity).splitlines()[0]


def _same(known: Entity, other: Entity) -> Entity:
    """Return whichever of two objects with one id says where it came from; refuse two that differ."""
    origins = {e.provenance.id for e in (known, other) if e.provenance is not None}
    if known is not other and (type(known) is not type(other) or known.digest != other.digest or len(origins) > 1):
        raise InvalidError(
            f"two different things bear the id {known.id}: {_line(known)} and {_line(other)}",
            hint="change copies with .replace(...), which gives them an id of their own",
            field="id",
        )
    return other if known.provenance is None else known


def _collect(value: Any, seen: dict[str, Entity]) -> None:
    if isinstance(value, Entity) and value.id in seen:
        if (kept := _same(seen[value.id], value)) is not seen[value.id]:
            seen[value.id] = kept
            _collect(kept.provenance, seen)
        return
    if isinstance(value, Component):
        for name in (*type(value).bindings(), *(("provenance",) if isinstance(value, Entity) else ())):
            _collect(getattr(value, name), seen)
    elif isinstance(value, tuple):
        for item in value:
            _collect(item, seen)
    elif isinstance(value, dict):
        for item in value.values():
            _collect(item, seen)
    if isinstance(value, Entity):
        seen[value.id] = value
