"""The units in which LAMMPS is spoken to: one of its sets, each kind of number converted by one cached factor."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Self

from cuds.errors import InvalidError, UnknownError, UnsupportedError, did_you_mean
from cuds.model.potential import Potential
from cuds.semantics.bonded import scaling
from cuds.semantics.dictionary import EngineWords
from cuds.semantics.dimension import Dimension, dimension, powers
from cuds.units import Quantity, factor, in_si, quantity

# CODATA 2022: Boltzmann's constant in J/K, and 4 pi times the electric constant in C^2/(J m).
_BOLTZMANN = 1.380649e-23
_FOUR_PI_EPSILON_0 = 4 * math.pi * 8.8541878188e-12

# Coulomb's constant in eV Å/e^2.
_COULOMB = 14.399645468667815

# The kinds of what a scaled set is multiples of.
_SCALE = {"epsilon": "Energy", "sigma": "Length", "mass": "Mass"}

# Kinds that are products of a set's own, and the unit in which they come back.
_PRODUCTS: dict[str, tuple[dict[str, int], str]] = {
    "volume": ({"length": 3}, "angstrom**3"),
    "virial": ({"stress": 1, "length": 3}, "eV"),
}


class Units:
    """A unit set of LAMMPS.

    Kinds are energy, length, force, mass, velocity, charge, stress, time, temperature, volume, and virial (stress
    times volume, an energy).

    Parameters
    ----------
    words : EngineWords
        LAMMPS's part of the dictionary.
    keyword : str
        The set, as the command ``units`` names it.
    scale : mapping, optional
        Energy ``epsilon``, length ``sigma`` and ``mass``, of which the numbers of a scaled set are multiples.

    Raises
    ------
    InvalidError
        When a scaled set has no whole scale, or another set has one.

    References
    ----------
    LAMMPS documentation, command units.
    """

    def __init__(self, words: EngineWords, keyword: str, scale: Mapping[str, Any] | None = None) -> None:
        self.keyword = keyword
        self._units = words.unit_sets[keyword]
        self._sizes: dict[str, Any] = {kind: in_si(unit) for kind, unit in self._units.items()}
        self._factors: dict[tuple[str, str], float] = {}
        self._coulomb = words.coulomb_constants.get(keyword, 0.0)
        if keyword in words.scaled:
            self._sizes |= self._scaled(scale or {})
        elif scale is not None:
            raise InvalidError(
                f"options: a scale for the units {keyword!r}",
                hint=f"only {', '.join(words.scaled)} has one; leave it out",
                field="scale",
            )
        for kind, (parts, _) in _PRODUCTS.items():
            self._sizes[kind] = math.prod(self._sizes[part] ** power for part, power in parts.items())

    @classmethod
    def of(cls, potential: Potential, words: EngineWords, options: Mapping[str, Any]) -> Self:
        """Return the set for a potential: that of its files, else the one that was asked for, else metal.

        Raises
        ------
        UnsupportedError
            When the files are in several sets, or in another one than was asked for.
        """
        asked = options.get("units")
        wanted = {t.unit_set: t.name for t in potential.terms if t.files}
        chosen = str(asked or next(iter(wanted), "metal"))
        for name, file in wanted.items():
            if name != chosen:
                other = "it was asked for" if asked else f"that of {wanted[chosen]}"
                raise UnsupportedError(
                    f"potential: {file} is written in units {name!r} and cannot be used in {chosen!r}, {other}",
                    hint=f"leave out the option units, or take files written in {chosen!r}",
                    field="potential",
                    engine="lammps",
                )
        for term in potential.terms:
            row = words.row(term.form, term.truncation)
            if row.unit_sets and chosen not in row.unit_sets:
                raise UnsupportedError(
                    f"potential: {term.name} is in units {chosen!r}, which LAMMPS's {row.keyword} does not take",
                    hint=f"it takes {' or '.join(map(repr, row.unit_sets))}",
                    field="potential",
                    engine="lammps",
                )
        return cls(words, chosen, options.get("scale"))

    def _scaled(self, given: Mapping[str, Any]) -> dict[str, float]:
        """Return what each kind of number is a multiple of, in SI units."""
        for name in given:
            if name not in _SCALE:
                raise UnknownError(f"scale: {name!r}", hint=did_you_mean(name, _SCALE), field="scale")
        missing = [name for name in _SCALE if name not in given]
        if missing:
            raise InvalidError(
                f"options: the units {self.keyword!r} are multiples of epsilon, sigma and mass; "
                f"{', '.join(missing)} not declared",
                hint="give scale={'epsilon': (0.0104, 'eV'), 'sigma': (3.4, 'angstrom'), 'mass': (39.948, 'Da')}",
                field="scale",
            )
        found = {name: quantity(given[name], kind, f"scale: {name}") for name, kind in _SCALE.items()}
        for name, q in found.items():
            if not (math.isfinite(q.value) and q.value > 0):
                raise InvalidError(f"scale: {name} is {q!r}", hint="it must be positive", field="scale")
        energy, length, mass = (q.value * float(in_si(q.unit)) for q in found.values())
        return {
            "energy": energy,
            "length": length,
            "mass": mass,
            "force": energy / length,
            "velocity": math.sqrt(energy / mass),
            "time": length * math.sqrt(mass / energy),
            "stress": energy / length**3,
            "temperature": energy / _BOLTZMANN,
            "charge": math.sqrt(_FOUR_PI_EPSILON_0 * energy * length),
        }

    def into(self, kind: str, given: Quantity) -> Any:
        """Return the bare number or array that LAMMPS is told.

        Raises
        ------
        UnitError
            When the quantity is of another kind.
        """
        one = self._factor(kind, given.unit)
        return given.value if one == 1.0 else given.value * one

    def coefficient(self, written: str, given: Quantity) -> Any:
        """Return the bare number or array for a parameter, whose dimension is written like ``"E L^6"``."""
        key = (written, given.unit)
        if key not in self._factors:
            one = math.prod(self._sizes[part] ** int(power) for part, power in powers(dimension(written)).items())
            self._factors[key] = float(in_si(given.unit) / one)
        return given.value * self._factors[key]

    @property
    def coherent(self) -> Callable[[Dimension], float]:
        """What a number in eV, Å, radian and e is multiplied by to be one of LAMMPS's, by its dimension."""
        return scaling(self._sizes)

    @property
    def coulomb(self) -> float:
        """What LAMMPS multiplies the product of two charges by, over their distance, to have an energy."""
        return self._coulomb or _COULOMB * self.coherent(dimension("E L Q^-2"))

    def back(self, kind: str, value: Any) -> Quantity:
        """Return a number or an array of LAMMPS with its unit."""
        unit = self._shown(kind)
        one = self._factor(kind, unit)
        return Quantity(value if one == 1.0 else value / one, unit)

    def _shown(self, kind: str) -> str:
        return _PRODUCTS[kind][1] if kind in _PRODUCTS else self._units[kind]

    def _factor(self, kind: str, unit: str) -> float:
        """Return what a number in `unit` is multiplied by, computed once."""
        found = self._factors.get((kind, unit))
        if found is None:
            factor(unit, self._shown(kind))  # refuses another dimension
            found = self._factors[kind, unit] = float(in_si(unit) / self._sizes[kind])
        return found
