"""Dimensions over energy E, length L, angle A, charge Q, mass M and time T, each a base of its own.

Engines have units for each of these that need not be coherent (eV, Å, ps and g/mol), so a mass is not taken apart
into an energy, a length and a time; and an angle counts, so that degrees and radian can be told apart.
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from functools import cache

from cuds.errors import InvalidError

BASES = "ELAQMT"
KINDS = {"E": "energy", "L": "length", "A": "angle", "Q": "charge", "M": "mass", "T": "time"}
Dimension = tuple[Fraction, ...]

_FACTOR = re.compile(rf"([{BASES}])(?:\^(-?\d+))?$")


@cache
def dimension(text: str) -> Dimension:
    """Return a dimension that is written like ``"E L^-2"``; an empty text is that of a pure number.

    Raises
    ------
    InvalidError
        When it cannot be read.
    """
    powers = dict.fromkeys(BASES, Fraction(0))
    for word in text.split():
        found = _FACTOR.match(word)
        if not found:
            raise InvalidError(
                f"dimension {text!r}: {word!r}",
                hint=f"write powers of {', '.join(BASES)} like 'E L^-2'",
                field="dimension",
            )
        powers[found[1]] += Fraction(found[2] or 1)
    return tuple(powers.values())


NONE = dimension("")
ANGLE = dimension("A")
ENERGY = dimension("E")


def times(one: Dimension, two: Dimension, sign: int = 1) -> Dimension:
    """Return the dimension of a product, or with a negative sign of a quotient."""
    return tuple(a + sign * b for a, b in zip(one, two, strict=True))


def scaled(found: Dimension, power: float) -> Dimension:
    """Return the dimension of a power."""
    exact = Fraction(power).limit_denominator(60)
    return tuple(a * exact for a in found)


def text(found: Dimension) -> str:
    """Return a dimension as it is written."""
    return " ".join(b if p == 1 else f"{b}^{p}" for b, p in zip(BASES, found, strict=True) if p)


def powers(found: Dimension) -> Mapping[str, Fraction]:
    """Return the power of each base that has one, by the name that a unit set has for it."""
    return {KINDS[b]: p for b, p in zip(BASES, found, strict=True) if p}
