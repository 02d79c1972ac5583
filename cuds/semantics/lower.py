"""The graph back to the model, with the numbers it refers to.

Nothing is dropped: a class, a property or a node that the model does not know is an error that names it.
"""

import functools
import hashlib
import json
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import nullcontext
from datetime import datetime
from typing import Any, get_args, get_origin

import numpy as np
import pyoxigraph as ox

from cuds import iris, model
from cuds.arrays import HASHERS, LARGE, AnyArray, Mapped, Measure, digest, from_file, measure
from cuds.errors import CudsError, FormatError, did_you_mean
from cuds.model.entity import Component, Entity
from cuds.model.particles import ParticleSystem
from cuds.model.provenance import SimulationRun
from cuds.semantics.invariants import INVARIANTS
from cuds.semantics.triples import PROV, QUDT, RDFS, TYPE, XSD, Said, by_subject
from cuds.units import Quantity, table

Load = Callable[[str], AnyArray | bytes]
Node = dict[str, list[str | Said]]

_NUMBER = QUDT + "numericValue"
_UNIT = QUDT + "hasUnit"
_QUANTITY_KIND = QUDT + "hasQuantityKind"
_GENERATED = PROV + "wasGeneratedBy"
_ASSOCIATED = PROV + "wasAssociatedWith"

# What lifting states of a node beside its fields.
_PART = {TYPE, iris.key, iris.index}
_ENTITY = {TYPE, iris.checksum, _GENERATED}
_BESIDE: dict[type[Entity], set[str]] = {
    **{kind: {iris.CUDS + i.name for i in stated} for kind, stated in INVARIANTS.items()},
    SimulationRun: {_ASSOCIATED, PROV + "startedAtTime", PROV + "endedAtTime", PROV + "used"},
}
_ENGINE = {TYPE, RDFS + "label", iris.engineVersion}
_STORED = {TYPE, iris.location, iris.checksum, iris.byteSize}
_SCALAR = {TYPE, _NUMBER, _UNIT, _QUANTITY_KIND, iris.siValue}
_ARRAY = {
    *_PART,
    *(_UNIT, _QUANTITY_KIND, iris.location, iris.checksum, iris.dtype),
    *(iris.shape, iris.count, iris.minimum, iris.maximum),
}
_READ: dict[str, Callable[[str], Any]] = {
    XSD + "integer": int,
    XSD + "double": float,
    XSD + "boolean": lambda text: {"true": True, "false": False}[text],
    XSD + "dateTime": datetime.fromisoformat,
}
_CHANGED = "the file was changed after it was saved; take a copy that was not"


@functools.cache
def _unit_symbols() -> dict[str, str]:
    return {u["iri"]: s for s, u in table()["units"].items()}


def lower(triples: Iterable[ox.Triple | ox.Quad], load: Load, *, trusted: bool = False) -> list[Entity]:
    """Return the entities that a graph describes; what is referred to comes first.

    Parameters
    ----------
    triples : iterable of Triple or Quad
        As `lift` makes it.
    load : callable
        From a location to the array or the bytes that lie there.
    trusted : bool
        Whether `Mapped` arrays are taken for those that were stored, which were looked through then: none is read.

    Raises
    ------
    FormatError
        For a class, a property or a node that the model does not know, for something missing or said twice, and
        for numbers or entities whose digest is another.
    """
    try:
        with from_file() if trusted else nullcontext(), ThreadPoolExecutor(HASHERS) as pool:
            return _Lowerer(triples, load, None if trusted else pool).all()
    except (KeyError, TypeError, ValueError, AssertionError) as error:
        if isinstance(error, CudsError):
            raise
        raise FormatError(f"the graph is damaged: {type(error).__name__}: {error}", hint=_CHANGED) from error


class _Lowerer:
    def __init__(self, triples: Iterable[ox.Triple | ox.Quad], load: Load, hashers: Executor | None) -> None:
        self.load = load
        self.trusted = hashers is None
        self.hashers = hashers
        self.loaded: dict[str, AnyArray | bytes] = {}
        self.hashing: dict[str, Future[Measure]] = {}
        self.classes = model.classes()
        self.made: dict[str, Entity] = {}
        self.begun: set[str] = set()
        self.nodes = by_subject(triples)

    def all(self) -> list[Entity]:
        self.hash()
        for node in sorted(self.nodes):
            found = self.known(node)
            if found is not None and issubclass(found, Entity):
                self.entity(node)
        for node in sorted(self.nodes.keys() - self.begun):
            self.refuse(node)
        return list(self.made.values())

    def types(self, node: Any) -> list[str]:
        return sorted(str(t).removeprefix(iris.CUDS) for t in self.nodes.get(node, {}).get(TYPE, ()))

    def known(self, node: Any) -> type[Component] | None:
        """Return the class of the model that a node is of, if it is of one."""
        found = [self.classes[name] for name in self.types(node) if name in self.classes]
        return found[0] if len(found) == 1 else None

    def refuse(self, node: Any) -> None:
        names = ", ".join(self.types(node)) or "none"
        if node not in self.nodes:
            raise FormatError(f"{node}: it is referred to, but nothing is said of it", hint=_CHANGED)
        if self.known(node) is not None:
            raise FormatError(f"{node}: nothing refers to this {names}", hint=_CHANGED)
        raise FormatError(f"{node}: its class is not known: {names}", hint=did_you_mean(names, self.classes))

    def begin(self, node: Any, allowed: set[str], what: str) -> Node:
        """Return what is said of a node, after refusing what may not be."""
        self.begun.add(node)
        for predicate in sorted(self.nodes[node].keys() - allowed):
            known = [str(p).removeprefix(iris.CUDS) for p in allowed]
            name = str(predicate).removeprefix(iris.CUDS)
            raise FormatError(f"{node}: {what} has no property {name}", hint=did_you_mean(name, known))
        return self.nodes[node]

    def one(self, node: Any, predicate: str) -> Any:
        """Return the only value of a property."""
        found = self.nodes[node].get(predicate, [])
        if len(found) != 1:
            name = str(predicate).removeprefix(iris.CUDS)
            raise FormatError(f"{node}: {name} is said {len(found)} times", hint=f"it must be said once; {_CHANGED}")
        return found[0]

    def text(self, node: Any, predicate: str) -> str:
        return str(self.one(node, predicate))

    def entity(self, node: Any) -> Entity:
        if node in self.made:
            return self.made[node]
        cls = self.known(node)
        if cls is None or not issubclass(cls, Entity):
            self.refuse(node)
            raise AssertionError(node)
        if node in self.begun:
            raise FormatError(f"{node}: this {cls.__name__} refers to itself", hint=_CHANGED)
        beside = set().union(_ENTITY, *(p for kind, p in _BESIDE.items() if issubclass(cls, kind)))
        values = {"id": str(node), **self.fields(node, cls, beside)}
        if _GENERATED in self.nodes[node]:
            values["provenance"] = self.entity(self.one(node, _GENERATED))
        for engine in self.nodes[node].get(_ASSOCIATED, ()):
            self.begin(engine, _ENGINE, "an engine")
        entity = self.build(node, cls, values)
        assert isinstance(entity, Entity)
        if self.text(node, iris.checksum) != f"sha256:{entity.digest}":
            raise FormatError(f"{node} ({cls.__name__}): its digest is not the one that was stored", hint=_CHANGED)
        if self.trusted and isinstance(entity, ParticleSystem) and iris.formula in self.nodes[node]:
            vars(entity)["formula"] = self.text(node, iris.formula)  # else saying it again would read the species
        self.made[node] = entity
        return entity

    def build(self, node: Any, cls: type[Component], values: dict[str, Any]) -> Component:
        try:
            return cls(**values)
        except CudsError as error:
            raise FormatError(f"{node}: {error.message}", hint=_CHANGED) from error

    def fields(self, node: Any, cls: type[Component], beside: set[str]) -> dict[str, Any]:
        """Return the values of the fields of a component; a collection of which nothing is said is empty."""
        by_iri = {term.iri: name for name, term in cls.bindings().items()}
        said = self.begin(node, by_iri.keys() | beside, cls.__name__)
        values = {by_iri[p]: self.value(node, p, cls, by_iri[p]) for p in said if p in by_iri}
        for name in by_iri.values():
            unsaid = name not in values and cls.model_fields[name].default is not None
            if unsaid and (kind := _collection(cls, name)):
                values[name] = kind()
        return values

    def value(self, node: Any, predicate: str, cls: type[Component], name: str) -> Any:
        objects: list[Any] = self.nodes[node][predicate]
        if isinstance(objects[0], Said):
            return self.plain(node, self.one(node, predicate), cls, name)
        if not all(iris.index in self.nodes.get(o, {}) for o in objects):
            return self.thing(self.one(node, predicate), name)
        ordered = sorted(objects, key=lambda o: int(self.text(o, iris.index)))
        if [int(self.text(o, iris.index)) for o in ordered] != list(range(len(ordered))):
            raise FormatError(f"{node}: {name} has gaps", hint=_CHANGED)
        if not any(iris.key in self.nodes[o] for o in objects):
            return tuple(self.thing(o) for o in ordered)
        keyed = {self.text(o, iris.key): self.thing(o) for o in ordered}
        if len(keyed) != len(ordered):
            raise FormatError(f"{node}: two of {name} have the same key", hint=_CHANGED)
        return keyed

    def thing(self, node: Any, name: str = "") -> Any:
        """Return what a node stands for: numbers, bytes, an entity, a component."""
        said = self.nodes.get(node, {})
        if iris.byteSize in said:
            content = self.stored(node)
            return content.decode() if name == "transcript" else content
        if iris.location in said:
            return self.array(node)
        if _NUMBER in said:
            self.begin(node, _SCALAR, "a value with a unit")
            return Quantity(float(self.text(node, _NUMBER)), self.unit(node))
        if iris.entry in said:
            self.begin(node, {*_PART, iris.entry}, "an entry")
            return self.entity(self.one(node, iris.entry))
        found = self.known(node)
        if found is None or issubclass(found, Entity):
            return self.entity(node)
        return self.build(node, found, self.fields(node, found, _PART))

    def unit(self, node: Any) -> str:
        iri = self.text(node, _UNIT)
        if iri not in _unit_symbols():
            raise FormatError(f"{node}: the unit {iri} is not known", hint="units are those of ontology/quantities.ttl")
        return _unit_symbols()[iri]

    def hash(self) -> None:
        """Begin to read large arrays in threads, which hash without Python's lock; what is wrong is said later."""
        if self.hashers is None:
            return
        for node in [n for n, said in self.nodes.items() if iris.dtype in said]:
            location = self.text(node, iris.location)
            array = self.loaded[location] = self.load(location)
            if isinstance(array, Mapped) and array.nbytes > LARGE:
                self.hashing[location] = self.hashers.submit(measure, array, anew=True)

    def sha256(self, location: str, array: AnyArray) -> str:
        if self.trusted:
            return digest(array)
        begun = self.hashing.get(location)
        return (begun.result() if begun else measure(array, anew=True)).sha256

    def array(self, node: Any) -> Any:
        said = self.begin(node, _ARRAY, "an array")
        location = self.text(node, iris.location)
        array = self.loaded[location] if location in self.loaded else self.load(location)
        assert isinstance(array, np.ndarray)
        stated = (self.text(node, iris.dtype), json.loads(self.text(node, iris.shape)), self.checksum(node))
        if isinstance(array, Mapped):
            array.sha256 = stated[-1]
            array.extremes = tuple(float(self.text(node, p)) for p in (iris.minimum, iris.maximum) if p in said)
        if (str(array.dtype), list(array.shape), self.sha256(location, array)) != stated:
            raise FormatError(
                f"the array {location} is not the one that was stored", hint=_CHANGED, location=location, node=str(node)
            )
        array.flags.writeable = False
        return Quantity(array, self.unit(node)) if _UNIT in said else array

    def stored(self, node: Any) -> bytes:
        self.begin(node, _STORED, "a stored file")
        location = self.text(node, iris.location)
        content = self.load(location)
        assert isinstance(content, bytes)
        if hashlib.sha256(content).hexdigest() != self.checksum(node):
            raise FormatError(f"the file {location} is not the one that was stored", hint=_CHANGED, location=location)
        return content

    def checksum(self, node: Any) -> str:
        return self.text(node, iris.checksum).removeprefix("sha256:")

    def plain(self, node: Any, literal: Any, cls: type[Component], name: str) -> Any:
        """Return the value of a literal; tuples and mappings were written as JSON."""
        text = str(literal)
        try:
            if literal.datatype in _READ:
                return _READ[literal.datatype](text)
            kind = _collection(cls, name)
            return text if kind is None else kind(json.loads(text))
        except (KeyError, ValueError, TypeError) as error:
            raise FormatError(f"{node}: {name} is {text!r}: {error}", hint=_CHANGED) from None


def _collection(cls: type[Component], name: str) -> Any:
    """Return `tuple` or `dict` for a field that holds one."""
    annotation = cls.model_fields[name].annotation
    origins = [get_origin(a) for a in (annotation, *get_args(annotation))]
    return next((o for o in origins if o in (tuple, dict)), None)
