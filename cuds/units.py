"""Numbers with units: `Quantity`, conversion by one cached factor, the table compiled from ``ontology/quantities.ttl``.

Units in the table need no unit library at run time. Any other unit that pint can read is accepted and
converted, once, to the reference unit of its quantity kind.
"""

import numbers
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from cuds.errors import ShapeError, UnitError, did_you_mean
from cuds.registry import generated

# Unit libraries count moles as a dimension of their own; engines that mean "per particle" say "per mole".
AVOGADRO = Fraction(602214076 * 10**15)
BOLTZMANN = Fraction(1380649, 10**29)  # J/K, exact since 2019


_LONGEST, _FEW = 200, 3  # letters of a unit; powers in words
_HIGH = "\u2070\u00b9\u00b2\u00b3\u2074-\u2079"
_POWER = re.compile(rf"\*\*|\^|\u207b?[{_HIGH}]+")
_NUMBER = r"[-+]?\d{1,2}(?:\.\d{1,6})?(?:/\d{1,2})?"
_PLAIN_POWER = re.compile(
    rf"(?:(?:\*\*|\^)\s*(?:{_NUMBER}(?![\d.])|\(\s*{_NUMBER}\s*\))|\u207b?[{_HIGH}]{{1,2}}(?![{_HIGH}]))"
    rf"(?!\s*(?:\*\*|\^|\u207b|[{_HIGH}]))"
)
_OF_BRACKETS = re.compile(rf"\)\s*(?:\*\*|\^|\u207b?[{_HIGH}])")
_SAID = re.compile(r"\b(?:squared?|cubed?|cubic|sq|cu)\b", re.IGNORECASE)
_SMALL = 1e-3  # the largest entry of an array below which it is printed with powers of ten


@cache
def table() -> dict[str, Any]:
    """Return the compiled table: ``units`` by symbol, ``aliases`` to symbols, ``kinds`` by name."""
    found: dict[str, Any] = generated("units.json")
    return found


@cache
def symbol(unit: str) -> str:
    """Return the symbol under which a unit stands in the table.

    Raises
    ------
    UnitError
        When it does not stand there.
    """
    stripped = unit.strip()
    if stripped in table()["units"]:
        return stripped
    if stripped in table()["aliases"]:
        return str(table()["aliases"][stripped])
    known = [*table()["units"], *table()["aliases"]]
    raise UnitError(f"the unit {unit!r} is not known", hint=did_you_mean(unit, [k for k in known if k]), unit=unit)


@cache
def factor(source: str, target: str) -> float:
    """Return the number by which a value in `source` is multiplied to give it in `target`.

    Per-mole energies count as energies of one particle.

    Raises
    ------
    UnitError
        When the dimensions differ.

    Examples
    --------
    >>> factor("GPa", "MPa")
    1000.0
    """
    one, two = (table()["units"][symbol(u)] for u in (source, target))
    if _per_particle(one["dimension"]) != _per_particle(two["dimension"]):
        raise UnitError(
            f"{source!r} cannot be converted to {target!r}: their dimensions differ",
            hint=f"give a unit like {', '.join(fitting_units(target))}",
            source=source,
            target=target,
        )
    return float(in_si(source) / in_si(target))


@cache
def in_si(unit: str) -> Fraction:
    """Return the exact factor from a unit to the coherent SI unit; what is per mole becomes per particle.

    Examples
    --------
    >>> in_si("kJ/mol") == 1000 / AVOGADRO
    True
    """
    found = table()["units"][symbol(unit)]
    return Fraction(found["factor"]) * AVOGADRO ** int(_moles(found["dimension"]))


def _moles(dimension: str) -> int:
    return int(dimension[1 : dimension.index("E")])


def _per_particle(dimension: str) -> str:
    return dimension[dimension.index("E") :]


def fitting_units(unit: str) -> list[str]:
    """Return the symbols of all units of the table with the dimension of `unit`."""
    dimension = _per_particle(table()["units"][symbol(unit)]["dimension"])
    return sorted(s for s, u in table()["units"].items() if _per_particle(u["dimension"]) == dimension)


def reference_unit(kind: str) -> str:
    """Return the unit in which a quantity kind is shown when none is asked for."""
    return str(table()["kinds"][kind]["unit"])


@dataclass(frozen=True, eq=False, slots=True)
class Quantity:
    """A number or a read-only array with a unit.

    Parameters
    ----------
    value : float or ndarray
        The magnitude.
    unit : str
        A symbol of the table.
    """

    value: Any
    unit: str

    def to(self, unit: str) -> "Quantity":
        """Return the same quantity in another unit."""
        f = factor(self.unit, unit)
        return Quantity(_readonly(self.value * f) if f != 1.0 else self.value, symbol(unit))

    def in_unit(self, unit: str) -> Any:
        """Return the bare magnitude in `unit`."""
        return self.to(unit).value

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the magnitude; empty for a number."""
        return tuple(np.shape(self.value))

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator["Quantity"]:
        return (Quantity(v, self.unit) for v in self.value)

    def __getitem__(self, index: Any) -> "Quantity":
        return Quantity(_readonly(self.value[index]), self.unit)

    def __neg__(self) -> "Quantity":
        return Quantity(_readonly(-self.value), self.unit)

    def __mul__(self, number: float) -> "Quantity":
        if not isinstance(number, numbers.Real):
            raise UnitError(
                f"a Quantity is multiplied by a number, not by {number!r}",
                hint="calculate with .in_unit(...) and give the unit again",
            )
        return Quantity(_readonly(self.value * number), self.unit)

    __rmul__ = __mul__

    def __truediv__(self, number: float) -> "Quantity":
        return self * (1 / number)

    def __add__(self, other: "Quantity") -> "Quantity":
        return Quantity(_readonly(self.value + other.in_unit(self.unit)), self.unit)

    def __sub__(self, other: "Quantity") -> "Quantity":
        return self + -other

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.unit == other.unit and bool(np.array_equal(self.value, other.value))

    __hash__ = None  # type: ignore[assignment]

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise UnitError(
            f"a Quantity in {self.unit} has no bare numbers", hint="ask for them in a unit: .in_unit('...')"
        )

    def __float__(self) -> float:
        if self.unit != "1":
            raise UnitError(
                f"a Quantity in {self.unit} is no bare number", hint="ask for it in a unit: .in_unit('...')"
            )
        return float(self.value)

    def to_pint(self) -> Any:
        """Return the same as a pint Quantity (of pint's application registry)."""
        return _pint().Quantity(
            np.array(self.value) if self.shape else self.value, "" if self.unit == "1" else self.unit
        )

    def __repr__(self) -> str:
        if self.shape:
            plain = bool(np.abs(self.value).max(initial=0) >= _SMALL)
            text = np.array2string(self.value, precision=6, suppress_small=plain, threshold=60)
        else:
            text = f"{self.value:.10g}"
        return text if self.unit == "1" else f"{text} {self.unit}"


def _readonly(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.ndim:
        value.flags.writeable = False
        return value
    return float(value)


@cache
def _pint() -> Any:
    import pint

    return pint.get_application_registry()  # type: ignore[no-untyped-call]


def quantity(value: Any, kind: str, field: str = "value") -> Quantity:
    """Return what a user gave as a `Quantity` of the kind wanted.

    Parameters
    ----------
    value : Quantity, pint Quantity, pair or str
        ``Quantity``, ``(100, "MPa")`` or ``"100 MPa"``. A bare number is accepted when the kind has no
        dimension, and a bare zero always.
    kind : str
        A quantity kind of the table, like ``"Stress"``.
    field : str
        How an error calls it.

    Raises
    ------
    UnitError
        When the unit is missing, unknown or of the wrong dimension.
    """
    magnitude, unit = _split(value, kind, field)
    reference = reference_unit(kind)
    try:
        name = symbol(unit)
    except UnitError:
        magnitude, name = _by_pint(magnitude, unit, reference, kind, field), reference
    wanted, got = (table()["units"][u]["dimension"] for u in (reference, name))
    if _per_particle(wanted) != _per_particle(got):
        raise UnitError(
            f"{field}: {unit!r} is no unit of {kind}",
            hint=f"give it in {', '.join(fitting_units(reference))}",
            field=field,
            unit=unit,
            kind=kind,
        )
    return Quantity(magnitude, name)


def _split(value: Any, kind: str, field: str) -> tuple[Any, str]:
    """Take what a user gave apart into its number and its unit."""
    if isinstance(value, Quantity):
        return value.value, value.unit
    if isinstance(value, str):
        number, _, unit = value.strip().partition(" ")
        try:
            return float(number), unit or _bare(float(number), kind, field)
        except ValueError as error:
            if isinstance(error, UnitError):
                raise
            raise UnitError(
                f"{field}: {value!r} is no number with a unit",
                hint=f"write it like '1.5 {reference_unit(kind)}'",
                field=field,
            ) from None
    if isinstance(value, tuple | list) and len(value) == 2 and isinstance(value[1], str):
        return value[0], value[1]
    magnitude, units = getattr(value, "magnitude", None), getattr(value, "units", None)
    if units is not None:
        return magnitude, str(units)
    return value, _bare(value, kind, field)


def _bare(value: Any, kind: str, field: str) -> str:
    reference = reference_unit(kind)
    if reference == "1" or (isinstance(value, numbers.Real) and value == 0):
        return reference
    raise UnitError(
        f"{field}: {_short(value)} has no unit",
        hint=f"give a pair like (value, {reference!r}), one of {', '.join(fitting_units(reference))}",
        field=field,
        kind=kind,
    )


def _short(value: Any) -> str:
    return repr(value) if np.ndim(value) == 0 else f"an array of shape {np.shape(value)}"


def _is_tower(unit: str) -> bool:
    """Whether a unit has powers of powers, which may be numbers that no machine writes down, or is no unit at all."""
    raised = len(_POWER.findall(unit)) - len(_PLAIN_POWER.findall(unit))
    return len(unit) > _LONGEST or raised > 0 or len(_OF_BRACKETS.findall(unit)) > 1 or len(_SAID.findall(unit)) > _FEW


def _by_pint(value: Any, unit: str, reference: str, kind: str, field: str) -> Any:
    """Convert from a unit that is not in the table."""
    import pint

    try:
        if _is_tower(unit):
            raise LookupError
        number = value if isinstance(value, numbers.Real) else np.asarray(value, dtype=np.float64)
        return _pint().Quantity(number, unit).to("" if reference == "1" else reference).magnitude
    except pint.DimensionalityError:
        raise UnitError(
            f"{field}: {unit!r} is no unit of {kind}",
            hint=f"give it in {', '.join(fitting_units(reference))}",
            field=field,
            unit=unit,
        ) from None
    except (ValueError, TypeError) as error:
        raise ShapeError(
            f"{field}: {_short(value)} is no number or array: {error}", hint="give numbers", field=field
        ) from None
    except Exception:  # pint raises several unrelated types for text it cannot read
        raise UnitError(
            f"{field}: the unit {unit!r} is not known",
            hint=did_you_mean(unit, [k for k in (*table()["units"], *table()["aliases"]) if k]),
            field=field,
            unit=unit,
        ) from None
