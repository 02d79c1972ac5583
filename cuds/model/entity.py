"""What every class of the data model is: frozen, checked when made, bound to the ontology term by term."""

import hashlib
import json
import types
import uuid
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, Union, get_args, get_origin

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

from cuds import iris
from cuds.arrays import digest as array_digest, freeze
from cuds.errors import CudsError, InvalidError, ShapeError, UnknownError, did_you_mean
from cuds.registry import service
from cuds.units import Quantity, quantity

Shape = tuple[str | int, ...]


@dataclass(frozen=True)
class Term:
    """The binding of a field to a property of the ontology.

    Parameters
    ----------
    iri : str
        The property.
    kind : str
        The quantity kind of a `Quantity` field; empty where the field says it itself.
    shape : tuple of str or int
        Of an array: a number is exact, a name must be the same length wherever the class uses it, ``"..."``
        last stands for any further axes. None: a single number.
    dtype : str
        Of an array.
    means : str
        The ontology class of an array or a quantity, where it is more than its kind.
    physics : bool
        False for what never changes a result: it is left out of the digest.
    lazy : bool
        Of an array that may be larger than memory: it is not looked through for numbers that are not finite.
    """

    iri: str
    kind: str = ""
    shape: Shape | None = None
    dtype: str = "float64"
    means: str = ""
    physics: bool = True
    lazy: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        plain, optional = _unwrap(source)
        if plain is Quantity:
            check = self._quantity
        elif get_origin(plain) is np.ndarray or plain is np.ndarray:
            check = self._array
        else:
            return handler(source)
        schema = core_schema.with_info_plain_validator_function(check)
        return core_schema.nullable_schema(schema) if optional else schema

    def _quantity(self, value: Any, info: core_schema.ValidationInfo) -> Quantity:
        field = info.field_name or "value"
        if not self.kind:
            if not isinstance(value, Quantity):
                raise InvalidError(
                    f"{field}: {type(value).__name__} is no Quantity", hint="give a cuds.Quantity", field=field
                )
            found = value
        else:
            found = quantity(value, self.kind, field)
        array = self._array(found.value, info)
        return Quantity(float(array) if self.shape is None else array, found.unit)

    def _array(self, value: Any, info: core_schema.ValidationInfo) -> Any:
        field = info.field_name or "value"
        array = freeze(value, self.dtype, field, finite=not self.lazy)
        shape = self.shape or ()
        open_end = shape[-1:] == ("...",)
        fixed = shape[:-1] if open_end else shape
        fits = array.ndim >= len(fixed) if open_end else array.ndim == len(fixed)
        if not fits or any(isinstance(n, int) and n != m for n, m in zip(fixed, array.shape, strict=False)):
            raise ShapeError(
                f"{field}: the shape is {array.shape}",
                hint=f"it must be {_show(shape)}" if shape else "it must be a single number",
                field=field,
                shape=array.shape,
            )
        return array


def _from_data_set(cls: type[Any], name: str, value: Any) -> Any:
    """Take the one entity that fits a field out of a data set that was given for it."""
    wanted = entity_type(cls, name)
    return value[wanted] if wanted is not None and type(value).__name__ == "DataSet" else value


def entity_type(cls: type[Any], name: str) -> Any:
    """Return the class of entity that a field holds, or None where it holds something else."""
    info = cls.model_fields.get(name)
    plain = None if info is None else _unwrap(info.annotation)[0]
    return plain if isinstance(plain, type) and issubclass(plain, Entity) else None


def _show(shape: Shape) -> str:
    return f"({', '.join(str(n) for n in shape)}{',' if len(shape) == 1 else ''})"


def _unwrap(source: Any) -> tuple[Any, bool]:
    if get_origin(source) in (Union, types.UnionType):
        inner = [a for a in get_args(source) if a is not type(None)]
        if len(inner) == 1:
            return inner[0], True
    return source, False


def new_id() -> str:
    """Return a fresh IRI for an individual."""
    return f"urn:uuid:{uuid.uuid4()}"


if TYPE_CHECKING:  # what a field takes is wider than what it keeps, so no __init__ is made up from the fields

    class _Frozen:
        model_fields: ClassVar[dict[str, FieldInfo]]
        __pydantic_complete__: ClassVar[bool]
        model_fields_set: set[str]

        def __init__(self, /, *args: Any, **data: Any) -> None: ...
        def model_copy(self, *, update: dict[str, Any]) -> Self: ...

else:
    _Frozen = BaseModel


_BOUND: "weakref.WeakKeyDictionary[type[Component], Mapping[str, Term]]" = weakref.WeakKeyDictionary()


class Component(_Frozen):
    """A frozen part of an entity, without an identity of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    if not TYPE_CHECKING:

        def __init__(self, /, **data: Any) -> None:
            try:
                super().__init__(**{n: _from_data_set(type(self), n, v) for n, v in data.items()})
            except ValidationError as error:
                raise _translate(type(self), error) from None

    @classmethod
    def bindings(cls) -> Mapping[str, Term]:
        """Return the fields that are bound to the ontology, with their terms."""
        bound = _BOUND.get(cls)
        if bound is None:
            firsts = (
                (n, next((m for m in i.metadata if isinstance(m, Term)), None)) for n, i in cls.model_fields.items()
            )
            bound = MappingProxyType({name: term for name, term in firsts if term is not None})
            if cls.__pydantic_complete__:  # else an annotation is still to be resolved
                _BOUND[cls] = bound
        return bound

    @classmethod
    def iri(cls) -> str:
        """Return the ontology class that this class is bound to."""
        return iris.CUDS + cls.__name__

    @model_validator(mode="after")
    def _shapes_agree(self) -> Self:
        seen: dict[str, tuple[int, str]] = {}
        for name, term in self.bindings().items():
            value = getattr(self, name)
            if value is None or not term.shape:
                continue
            for axis, length in zip(term.shape, np.shape(getattr(value, "value", value)), strict=False):
                if not isinstance(axis, str) or axis == "...":
                    continue
                known, where = seen.setdefault(axis, (length, name))
                if known != length:
                    raise ShapeError(
                        f"{name}: {length} rows, but {where} has {known}",
                        hint=f"both must have {axis} rows",
                        field=name,
                        axis=axis,
                    )
        return self

    def physics(self) -> Iterator[tuple[str, Any]]:
        """Yield the fields that can change a result, with their values."""
        for name, term in self.bindings().items():
            if term.physics:
                yield name, getattr(self, name)

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of everything that can change a result: not of id, label, annotations, provenance."""
        sha = hashlib.sha256(type(self).__name__.encode())
        for name, value in self.physics():
            sha.update(f"\n{name}=".encode())
            _feed(sha, value)
        return sha.hexdigest()

    @property
    def whole_digest(self) -> str:
        """The SHA-256 of everything but ids and provenance: also of labels, annotations and columns."""
        sha = hashlib.sha256(self.digest.encode())
        _feed_remarks(sha, self)
        return sha.hexdigest()

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed; it is checked as if newly made."""
        kept = {n: getattr(self, n) for n in type(self).model_fields if n in self.model_fields_set}
        return type(self)(**{**kept, **changes})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Component) and type(self) is type(other) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        """Show it in a notebook."""
        shown: str = service("shown.html")(self)
        return shown

    def __rich__(self) -> Any:
        """Show it in a terminal, by rich."""
        return service("shown.rich")(self)


def _feed(sha: Any, value: Any) -> None:
    if isinstance(value, Component):
        sha.update(value.digest.encode())
    elif isinstance(value, Quantity):
        _feed(sha, value.unit)
        _feed(sha, value.value if isinstance(value.value, np.ndarray) else np.asarray(value.value))
    elif isinstance(value, np.ndarray):
        sha.update(array_digest(value).encode())
    elif isinstance(value, bytes):
        sha.update(hashlib.sha256(value).digest())
    elif isinstance(value, tuple | list):
        sha.update(f"[{len(value)}".encode())
        for item in value:
            _feed(sha, item)
    elif isinstance(value, Mapping):
        sha.update(f"{{{len(value)}".encode())
        for key in sorted(value):
            _feed(sha, str(key))
            _feed(sha, value[key])
    else:
        sha.update(json.dumps(value, default=str).encode())


def _feed_remarks(sha: Any, value: Any) -> None:
    """Feed what can change no result, of a component and of all that it holds."""
    if isinstance(value, Component):
        for name, term in value.bindings().items():
            sha.update(f"\n{name}=".encode())
            (_feed_remarks if term.physics else _feed)(sha, getattr(value, name))
    elif isinstance(value, tuple | list):
        for item in value:
            _feed_remarks(sha, item)
    elif isinstance(value, Mapping):
        for key in sorted(value):
            _feed_remarks(sha, value[key])


class Entity(Component):
    """A thing with an identity: it can be stored, linked, and asked where it came from.

    Parameters
    ----------
    id : str
        Its IRI; made when not given.
    label : str
        A name for people. It never changes a result.
    """

    id: str = Field(default_factory=new_id)
    label: Annotated[str, Term(iris.LABEL, physics=False)] = ""
    provenance: Any = None
    own: ClassVar[frozenset[str]] = frozenset({"id", "provenance"})

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed: a new entity, with an id of its own and no provenance."""
        kept = {
            n: getattr(self, n) for n in type(self).model_fields if n in self.model_fields_set and n not in self.own
        }
        return type(self)(**{**kept, **changes})

    def made_by(self, provenance: Any) -> Self:
        """Return the same entity (same id) with its provenance."""
        return self.model_copy(update={"provenance": provenance})


def _translate(cls: type[Component], error: ValidationError) -> CudsError:
    """Turn the first complaint of pydantic into an error that names field, value and fix."""
    complaints = error.errors()
    first = next((c for c in complaints if c["type"] == "extra_forbidden"), complaints[0])
    field = ".".join(str(p) for p in first["loc"])
    own = first.get("ctx", {}).get("error")
    if isinstance(own, CudsError):
        return own.within(cls.__name__)
    where = f"{cls.__name__}.{field}" if field else cls.__name__
    fields = [n for n in cls.model_fields if n not in Entity.own]
    if first["type"] == "extra_forbidden":
        return UnknownError(f"{cls.__name__} has no field {field!r}", hint=did_you_mean(field, fields), field=field)
    if first["type"] == "missing":
        return InvalidError(
            f"{where} is missing", hint=f"give {field}=; {cls.__name__} takes {', '.join(fields)}", field=field
        )
    value = repr(first["input"])
    return InvalidError(
        f"{where}: {value if len(value) < 80 else type(first['input']).__name__}: {first['msg']}",
        hint=f"see the docstring of {cls.__name__}",
        field=field,
    )
