"""Ports: what goes into a node, and what comes out of one, by its meaning."""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from cuds.errors import UnitError, WiringError
from cuds.model.dataset import DataSet
from cuds.model.entity import Entity
from cuds.model.field import QUANTITIES, Field
from cuds.units import fitting_units, reference_unit


@dataclass(frozen=True)
class Port:
    """Something that goes into a node, or comes out of it.

    Parameters
    ----------
    name : str
        Of the input; of an output its class or its quantity.
    types : tuple of type
        The classes that it takes or is.
    quantity : str
        Of a field: what it is a field of.
    """

    name: str
    types: tuple[type[Entity], ...]
    quantity: str = ""

    def fits(self, target: "Port") -> bool:
        """Whether this output can go into that input."""
        same = any(issubclass(mine, wanted) for mine in self.types for wanted in target.types)
        return same and (not target.quantity or target.quantity == self.quantity)

    def take(self, found: DataSet) -> Entity:
        """Return this output of a node from what the node gave: of a field at several times the last.

        Raises
        ------
        WiringError
            When it gave none, or more than one.
        """
        taken = [e for e in found.entities if isinstance(e, self.types) and self._of_quantity(e)]
        if len(taken) > 1:
            taken = _latest(taken)
        if len(taken) != 1:
            raise WiringError(
                f"{self}: {len(taken)} of it came out",
                hint="does this engine give it for such an input?",
                port=self.name,
            )
        return taken[0]

    def check(self, value: Entity) -> Entity:
        """Return what comes in here, after looking at its class, its quantity and its unit.

        Raises
        ------
        WiringError
            When it is something else.
        UnitError
            When its unit is not one of its quantity.
        """
        if not isinstance(value, self.types) or not self._of_quantity(value):
            raise WiringError(f"{self}: {value!r} came", hint="connect an output that fits", port=self.name)
        kind: Any = type(value)
        for name, units in _units(kind, self.quantity):
            unit = getattr(value, name).unit
            if unit not in units:
                raise UnitError(f"{self}: {name} came in {unit!r}", hint=f"it is in {', '.join(units)}", port=self.name)
        return value

    def _of_quantity(self, value: Entity) -> bool:
        return not self.quantity or (isinstance(value, Field) and value.quantity == self.quantity)

    @cached_property
    def carries(self) -> str:
        """What flows here: shape, kind and unit, like ``stiffness (6, 6) Stress [GPa]``."""
        if self.quantity:
            kind, one = QUANTITIES[self.quantity]
            return f"values {_shape(('n', *one))} {_kind(kind)}"
        kind_of: Any = self.types[0]
        bound = kind_of.bindings()
        return ", ".join(
            f"{name} {_shape(bound[name].shape or ())} {_kind(bound[name].kind)}".replace("  ", " ")
            for name in _quantities(kind_of)
        )

    def __str__(self) -> str:
        what = f"field of {self.quantity}" if self.quantity else " or ".join(t.__name__ for t in self.types)
        return f"{self.name} ({what})"


def _latest(fields: list[Entity]) -> list[Entity]:
    """Return those at the last of several times."""
    when = [f.time.in_unit("s") if isinstance(f, Field) and f.time is not None else None for f in fields]
    known = [t for t in when if t is not None]
    return [f for f, t in zip(fields, when, strict=True) if not known or t == max(known)]


@cache
def _quantities(cls: Any) -> tuple[str, ...]:
    """Return the fields of a class that hold numbers with a unit and are always there."""
    return tuple(n for n, term in cls.bindings().items() if term.kind and cls.model_fields[n].is_required())


@cache
def _units(cls: Any, quantity: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    kinds = (
        [("values", QUANTITIES[quantity][0])] if quantity else [(n, cls.bindings()[n].kind) for n in _quantities(cls)]
    )
    return tuple((name, tuple(fitting_units(reference_unit(kind)))) for name, kind in kinds)


def _shape(shape: tuple[str | int, ...]) -> str:
    return f"({', '.join(str(n) for n in shape)}{',' if len(shape) == 1 else ''})" if shape else ""


def _kind(kind: str) -> str:
    unit = reference_unit(kind)
    return f"{kind} [{unit}]" if unit != "1" else kind
