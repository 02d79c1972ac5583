"""Conditions on properties, as patterns of SPARQL: by the bindings of the model, in the units of the graph."""

import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np

from cuds import iris
from cuds.errors import AmbiguousError, InvalidError, UnknownError, UnsupportedError, did_you_mean
from cuds.model.entity import Component, Entity, Term, entity_type
from cuds.semantics.invariants import INVARIANTS
from cuds.semantics.lift import si
from cuds.units import Quantity, fitting_units, quantity, reference_unit, table

_OPERATORS = ("<", "<=", ">", ">=", "==", "!=")
_XSD = "http://www.w3.org/2001/XMLSchema#"
_QUDT = "http://qudt.org/schema/qudt/"
_SAME = 1e-9  # relative; of numbers that went through a unit


@dataclass(frozen=True)
class Condition:
    """One condition: a pattern that binds the entity ``?x`` and the value ``?v``, and a test of them."""

    name: str
    pattern: str
    test: str


@dataclass(frozen=True)
class Wanted:
    """All conditions."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class _Property:
    """A property that can be asked for: where it stands, and what form it has."""

    iri: str
    form: str  # scalar, array, stated (a number in SI on the node itself), plain, entity, or other
    kind: str = ""


def wanted(classes: Iterable[type[Component]], given: Mapping[str, Any], beside: tuple[str, ...]) -> Wanted:
    """Return the conditions that are meant.

    Parameters
    ----------
    classes : iterable of type
        A class and those below it.
    given : mapping
        Values and comparisons by property.
    beside : tuple of str
        What else can be asked for.

    Raises
    ------
    UnknownError, AmbiguousError
        When no class has such a property, or two mean different things by it.
    UnitError
        When a unit is missing or does not fit.
    UnsupportedError
        When a property cannot be compared so.
    """
    known = _properties(list(classes))
    made = []
    for name, values in given.items():
        if name not in known:
            listed = [*known, *beside]
            raise UnknownError(f"there is no property {name!r} to find by", hint=did_you_mean(name, listed), field=name)
        if len(known[name]) > 1:
            raise AmbiguousError(
                f"{name}: the classes mean different things by it", hint="name the class more narrowly", field=name
            )
        (meant,) = known[name]
        made += [_condition(name, meant, *_split(name, value)) for value in (values if _several(values) else [values])]
    return Wanted(tuple(made))


def _several(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(v, tuple) and v and v[0] in _OPERATORS for v in values)


def _split(name: str, value: Any) -> tuple[str, Any]:
    if not (isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str)):
        return "==", value
    if value[0] not in _OPERATORS:
        raise UnknownError(f"{name}: {value[0]!r} is no comparison", hint=f"one of {' '.join(_OPERATORS)}", field=name)
    return value[0], value[1]


def _properties(classes: list[type[Component]]) -> dict[str, set[_Property]]:
    found: dict[str, set[_Property]] = {}
    for cls in classes:
        for name, term in cls.bindings().items():
            found.setdefault(name, set()).add(_Property(term.iri, _form(cls, name, term), term.kind))
        for kind, stated in INVARIANTS.items():
            for invariant in stated if issubclass(cls, kind) else ():
                form = "stated" if invariant.kind else "plain"
                found.setdefault(invariant.asked, set()).add(
                    _Property(iris.CUDS + invariant.name, form, invariant.kind)
                )
    return found


def _form(cls: type[Component], name: str, term: Term) -> str:
    annotation = cls.model_fields[name].annotation
    inner = [a for a in get_args(annotation) if a is not type(None)]
    plain = inner[0] if get_origin(annotation) in (Union, types.UnionType) and len(inner) == 1 else annotation
    if plain is Quantity and term.kind:
        return "scalar" if term.shape is None else "array"
    if np.ndarray in (plain, get_origin(plain)):
        return "array"
    if entity_type(cls, name) is not None:
        return "entity"
    return "plain" if plain in (str, int, float, bool, datetime) or get_origin(plain) is Literal else "other"


def _condition(name: str, meant: _Property, operator: str, value: Any) -> Condition:
    where = f"<{meant.iri}>"
    if meant.form == "stated":
        (number,) = {n for _, n in _thresholds(name, meant.kind, value)[:1]}
        return Condition(name, f"?x {where} ?v .", _compared("?v", operator, number))
    if meant.form == "scalar":
        pattern = f"?x {where} ?n . ?n <{iris.siValue}> ?v ; <{_QUDT}hasUnit> ?u ."
        return Condition(name, pattern, _by_unit("?v", operator, _thresholds(name, meant.kind, value)))
    if meant.form == "array":
        return _of_all(name, meant, operator, value)
    if meant.form == "plain":
        return _plain(name, where, operator, value)
    if meant.form == "entity" and operator in ("==", "!="):
        pattern, said = _entity(name, where, value)
        return Condition(name, pattern, f"?v {_sparql(operator)} {_text(said)}")
    raise UnsupportedError(
        f"{name}: it cannot be compared by {operator}", hint="ask in SPARQL: library.query(...)", field=name
    )


def _of_all(name: str, meant: _Property, operator: str, value: Any) -> Condition:
    """Compare an array, all entries at once: the least is greater, or the greatest is less."""
    if operator not in ("<", "<=", ">", ">="):
        raise UnsupportedError(
            f"{name}: an array is compared by < or >, all entries at once", hint='give (">", value)', field=name
        )
    extreme = iris.minimum if operator.startswith(">") else iris.maximum
    pattern = f"?x <{meant.iri}> ?n . ?n <{extreme}> ?v ."
    if not meant.kind:
        return Condition(name, pattern, _compared("?v", operator, _number(name, value)))
    unit = f" ?n <{_QUDT}hasUnit> ?u ."
    return Condition(name, pattern + unit, _by_unit("?v", operator, _thresholds(name, meant.kind, value)))


def _plain(name: str, where: str, operator: str, value: Any) -> Condition:
    pattern = f"?x {where} ?v ."
    if isinstance(value, bool):
        return Condition(name, pattern, f'?v {_sparql(operator)} "{str(value).lower()}"^^<{_XSD}boolean>')
    if isinstance(value, int | float):
        return Condition(name, pattern, _compared("?v", operator, _number(name, value)))
    if isinstance(value, datetime):
        return Condition(name, pattern, f'?v {_sparql(operator)} "{value.isoformat()}"^^<{_XSD}dateTime>')
    if isinstance(value, str):
        return Condition(name, pattern, f"?v {_sparql(operator)} {_text(value)}")
    raise InvalidError(f"{name}: {value!r} is no number, text or time", hint="give one of these", field=name)


def _entity(name: str, where: str, value: Any) -> tuple[str, str]:
    """Return how an entity is told that a property refers to: by its content, or by its label."""
    if isinstance(value, Entity):
        return f"?x {where} ?y . ?y <{iris.checksum}> ?v .", f"sha256:{value.digest}"
    if isinstance(value, str):
        return f"?x {where} ?y . ?y <{iris.LABEL}> ?v .", value
    raise InvalidError(f"{name}: {value!r} is no entity", hint="give an entity, or its label", field=name)


def _thresholds(name: str, kind: str, value: Any) -> list[tuple[list[str], float]]:
    """Return a value in SI, for units of particles and for units of moles: the graph keeps per mole per mole."""
    given = quantity(value, kind, name)
    if given.shape:
        raise InvalidError(f"{name}: an array of shape {given.shape}", hint="give a single number", field=name)
    found: dict[str, tuple[list[str], float]] = {}
    for unit in [reference_unit(kind), *fitting_units(reference_unit(kind))]:
        row = table()["units"][unit]
        if row["dimension"] not in found:
            found[row["dimension"]] = ([], float(given.in_unit(unit)) * si(unit))
        found[row["dimension"]][0].append(row["iri"])
    return list(found.values())


def _by_unit(variable: str, operator: str, thresholds: list[tuple[list[str], float]]) -> str:
    if len(thresholds) == 1:
        return _compared(variable, operator, thresholds[0][1])
    listed = [(", ".join(f"<{u}>" for u in sorted(set(units))), number) for units, number in thresholds]
    return " || ".join(f"(?u IN ({units}) && {_compared(variable, operator, n)})" for units, n in listed)


def _compared(variable: str, operator: str, number: float) -> str:
    if operator in ("==", "!="):
        width = abs(number) * _SAME
        inside = f"{variable} >= {_double(number - width)} && {variable} <= {_double(number + width)}"
        return f"({inside})" if operator == "==" else f"!({inside})"
    return f"{variable} {operator} {_double(number)}"


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidError(f"{name}: {value!r} is no number", hint="give a number", field=name)
    return float(value)


def _double(number: float) -> str:
    return f'"{number!r}"^^<{_XSD}double>'


def _sparql(operator: str) -> str:
    return "=" if operator == "==" else operator


def _text(text: str) -> str:
    """Return text as SPARQL writes it."""
    plain = "".join(c if c.isalnum() or c in " ._-:/#" else f"\\U{ord(c):08X}" for c in text)
    return f'"{plain}"'
