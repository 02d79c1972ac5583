"""What was given to nodes, as JSON: entities by their id, everything else by its value."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cuds import model
from cuds.errors import FormatError, InvalidError, UnknownError, did_you_mean
from cuds.model.entity import Component, Entity
from cuds.units import Quantity, symbol

_CHANGED = "take a wiring as Wiring.save wrote it"


@dataclass
class Given:
    """The entities that were given, by id."""

    entities: dict[str, Entity] = field(default_factory=dict)


def encoded(value: Any, where: str, given: Given) -> Any:
    """Return what was given as JSON can say it.

    Raises
    ------
    InvalidError
        When it is nothing of the model.
    """
    if isinstance(value, Entity):
        given.entities[value.id] = value
        return {"entity": value.id, "class": type(value).__name__, "sha256": value.digest}
    if isinstance(value, Component):
        said = {n: getattr(value, n) for n in type(value).bindings() if n in value.model_fields_set}
        return {
            "class": type(value).__name__,
            "fields": {n: encoded(v, f"{where}.{n}", given) for n, v in said.items()},
        }
    if isinstance(value, list | tuple):
        return [encoded(item, f"{where}[{i}]", given) for i, item in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"map": {key: encoded(item, f"{where}[{key!r}]", given) for key, item in value.items()}}
    return _number_or_text(value, where)


def _number_or_text(value: Any, where: str) -> Any:
    if isinstance(value, Quantity):
        return {"quantity": np.asarray(value.value, dtype=np.float64).tolist(), "unit": value.unit}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return {"array": value.tolist(), "dtype": str(value.dtype)}
    plain = value.item() if isinstance(value, np.generic) else value
    if plain is None or isinstance(plain, str | bool | int) or (isinstance(plain, float) and math.isfinite(plain)):
        return plain
    raise InvalidError(
        f"{where}: {value!r} cannot be saved",
        hint="give entities, quantities, conditions, finite numbers, text, or lists of them",
        field=where,
    )


def decoded(value: Any, where: str, entities: dict[str, Entity], asked: set[str]) -> Any:
    """Return what `encoded` was given.

    Parameters
    ----------
    value : object
        As JSON was read.
    where : str
        How an error calls it.
    entities : dict
        Those beside it, by id.
    asked : set
        The ids that were asked for are added.

    Raises
    ------
    FormatError, UnknownError
        When it says something else.
    """
    if isinstance(value, list):
        return [decoded(item, f"{where}[{i}]", entities, asked) for i, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    said = value.keys()
    if said == {"entity", "class", "sha256"}:
        asked.add(str(value["entity"]))
        return _entity(value, where, entities)
    if said == {"quantity", "unit"}:
        array = _array(value["quantity"], "float64", where)
        return Quantity(array if array.ndim else float(array), symbol(str(value["unit"])))
    if said == {"array", "dtype"}:
        return _array(value["array"], str(value["dtype"]), where)
    inside = value.get("map", value.get("fields"))
    if said not in ({"map"}, {"class", "fields"}) or not isinstance(inside, dict):
        raise FormatError(
            f"{where}: {', '.join(sorted(said)[:5])}: no entity, quantity, array, map or class",
            hint=_CHANGED,
            field=where,
        )
    items = {key: decoded(item, f"{where}.{key}", entities, asked) for key, item in inside.items()}
    return items if "map" in said else _component(str(value["class"]), items, where)


def _entity(said: dict[str, Any], where: str, entities: dict[str, Entity]) -> Entity:
    found = entities.get(str(said["entity"]))
    if found is None:
        raise FormatError(f"{where}: the inputs hold no {said['class']} {said['entity']}", hint=_CHANGED, field=where)
    if (type(found).__name__, found.digest) != (said["class"], said["sha256"]):
        raise FormatError(f"{where}: the {said['class']} among the inputs is another one", hint=_CHANGED, field=where)
    return found


def _array(numbers: Any, dtype: str, where: str) -> Any:
    try:
        kind = np.dtype(dtype)
        array = np.array(numbers, dtype=kind)
    except (TypeError, ValueError, SyntaxError, OverflowError) as error:
        raise FormatError(f"{where}: no array of {dtype!r}: {error}", hint=_CHANGED, field=where) from None
    if kind.kind not in "biuf" or (kind.kind == "f" and not np.isfinite(array).all()):
        raise FormatError(f"{where}: no array of finite numbers", hint=_CHANGED, field=where)
    array.flags.writeable = False
    return array


def _component(name: str, fields: dict[str, Any], where: str) -> Component:
    known = {
        n: c for n, c in model.classes().items() if not issubclass(c, Entity) and c.__module__.startswith("cuds.model.")
    }
    if name not in known:
        raise UnknownError(
            f"{where}: there is no part of an input called {name!r}", hint=did_you_mean(name, known), name=name
        )
    if unknown := fields.keys() - known[name].bindings().keys():
        field_ = sorted(unknown)[0]
        raise UnknownError(
            f"{where}: {name} has no field {field_!r}", hint=did_you_mean(field_, known[name].bindings()), field=field_
        )
    return known[name](**fields)
