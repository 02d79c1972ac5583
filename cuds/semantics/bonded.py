"""Terms between particular particles: their energy as it is written down, and an engine's word for them.

All numbers here are coherent: eV, Å, radian, elementary charges.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cuds.arrays import AnyArray, FloatArray
from cuds.errors import InvalidError, ShapeError, UnknownError, UnsupportedError, did_you_mean
from cuds.model.particles import ParticleSystem
from cuds.model.potential import ParameterColumn
from cuds.model.topology import TermGroup
from cuds.semantics.condition import condition
from cuds.semantics.coordinates import internal
from cuds.semantics.dictionary import EngineWords, Row, dictionary, form
from cuds.semantics.dimension import ANGLE, Dimension, dimension, powers
from cuds.semantics.expression import Expression, assignments, expression, expressions
from cuds.units import Quantity, in_si, quantity

_UNITS = {"energy": "eV", "length": "angstrom", "angle": "radian", "charge": "e", "mass": "Da", "time": "ps"}
_WHOLE = 1e-9  # so far from a whole number a number may be
_SIZES = {kind: float(in_si(unit)) for kind, unit in _UNITS.items()}


def bonded(name: str, particles: Any, *, role: str = "", **parameters: Any) -> TermGroup:
    """Return terms of one form between particular particles, for a `cuds.Topology`.

    Parameters
    ----------
    name : str
        The functional form: a name of the ontology, like ``"HarmonicBond"`` or ``"PeriodicTorsion"``.
    particles : int array_like (n_terms, n_bodies)
        The ids of the particles of each term.
    role : {"bond", "angle", "dihedral", "improper", "pair"}
        What they are in a molecule; bond, angle or dihedral by the number of particles when not given.
    **parameters : Quantity
        By the symbols of the form: one for all terms, or one (n_terms,) for each.

    Raises
    ------
    InvalidError
        For a parameter that is missing, unknown or does not fit.

    Examples
    --------
    >>> import cuds
    >>> cuds.bonded("HarmonicBond", [[1, 2], [1, 3]], k="1000 kcal/mol/angstrom**2", r0="1 angstrom")
    TermGroup(2 bonds: HarmonicBond)
    """
    if name not in dictionary()["forms"]:
        known = [n for n, f in dictionary()["forms"].items() if f["bodies"]]
        raise UnknownError(f"form: {name!r} is not known", hint=did_you_mean(name, known), field="form", form=name)
    found, given = form(name), {}
    for symbol, value in parameters.items():
        kind = found.free[symbol].kind if symbol in found.free else "Dimensionless"
        given[symbol] = quantity(value, kind, f"{name}: {symbol}")
        if np.shape(given[symbol].value) not in ((), (len(particles),)):
            raise ShapeError(
                f"{name}: {symbol} has the shape {np.shape(given[symbol].value)}",
                hint=f"give one value for all terms, or one for each of the {len(particles)}",
                field=symbol,
            )
    many = any(np.ndim(q.value) for q in given.values())
    count = len(particles)
    group = TermGroup(
        role=role or {2: "bond", 3: "angle", 4: "dihedral"}.get(found.bodies, ""),
        form=name,
        particles=particles,
        row=np.arange(count) if many else np.zeros(count, dtype=np.int64),
        parameters={
            s: ParameterColumn(kind=found.free[s].kind if s in found.free else "Dimensionless",
                               values=Quantity(np.broadcast_to(q.value, count if many else 1), q.unit))
            for s, q in given.items()
        },
    )  # fmt: skip
    columns(group)
    return group


def energy(system: ParticleSystem, group: TermGroup) -> Quantity:
    """Return the energy (n_terms,) of every term of a group, as its form is written down."""
    names: dict[str, Any] = {
        s: column[group.row] if np.ndim(column) else column for s, column in columns(group).items()
    }
    names |= {**internal(system, group.particles), **of_particles(system, group)}
    found = np.broadcast_to(expression(form(group.form).energy)(names), len(group))
    return Quantity(np.array(found, dtype=np.float64), "eV")


def columns(group: TermGroup) -> dict[str, FloatArray]:
    """Return the parameters (n_rows,) of a group by symbol, after refusing what does not fit its form.

    Raises
    ------
    InvalidError
        For a parameter that is missing, or that the form does not have.
    """
    return numbers_of(group.form, group.parameters)


def numbers_of(name: str, parameters: Mapping[str, ParameterColumn]) -> dict[str, FloatArray]:
    """Return the parameters (n_rows,) of a form by symbol, after refusing what does not fit it; see `columns`."""
    found = form(name)
    for symbol in parameters.keys() - found.free.keys():
        raise InvalidError(
            f"{name}: no parameter is called {symbol!r}", hint=did_you_mean(symbol, found.free), field=symbol
        )
    for symbol in found.free.keys() - parameters.keys():
        hint = f"the energy is {found.energy}" if found.energy else f"it has {', '.join(found.free)}"
        raise InvalidError(f"{name}: {symbol} is missing", hint=hint, field=symbol)
    numbers = {s: coherent(c.values, found.free[s].dimension) for s, c in parameters.items()}
    constants = {s: p for s, p in found.parameters.items() if p.constant is not None}
    return numbers | {s: coherent(p.constant, p.dimension) for s, p in constants.items() if p.constant is not None}


def coherent(given: Quantity, written: str) -> Any:
    """Return the number or array of a quantity of a dimension that is written like ``"E L^-2"``."""
    one = float(in_si(given.unit))
    for kind, power in powers(dimension(written)).items():
        one /= _SIZES[kind] ** int(power)
    return given.value * one


def scaling(sizes: Mapping[str, Any]) -> Callable[[Dimension], float]:
    """Return what a coherent number is multiplied by for an engine, by its dimension.

    A plain angle is told in degrees, as all engines do; in anything else that has an angle it is in radian.

    Parameters
    ----------
    sizes : mapping of str to number
        In SI units what the engine's numbers of each kind are multiples of: energy, length, charge, mass, time.
    """

    def scale(found: Dimension) -> float:
        if found == ANGLE:
            return 180 / np.pi
        known = {kind: int(power) for kind, power in powers(found).items() if kind != "angle"}
        return float(np.prod([(_SIZES[kind] / float(sizes[kind])) ** power for kind, power in known.items()]))

    return scale


def of_particles(system: ParticleSystem, group: TermGroup) -> dict[str, FloatArray]:
    """Return what a form takes from the particles (n_terms,): q1 is the charge of the first.

    Raises
    ------
    InvalidError
        When the system has none.
    """
    taken = {s: p.of_particle for s, p in form(group.form).parameters.items() if p.of_particle}
    if not taken:
        return {}
    if system.charges is None:
        raise InvalidError(f"charges: missing, and {group.form} needs them", hint="give charges=", field="charges")
    order = np.argsort(system.ids)
    rows = order[np.searchsorted(system.ids, group.particles, sorter=order)]
    charges = system.charges.in_unit("e")
    return {symbol: charges[rows[:, int(symbol[-1]) - 1]] for symbol in taken}


@dataclass(frozen=True)
class Wording:
    """How an engine says a group: its word, and the parameters that its coefficients are computed from.

    Parameters
    ----------
    row : Row
        The word; one that offers coordinates takes the energy itself.
    form : str
        The form in which it is said, which may be another than that of the group.
    columns : mapping of str to array (n_rows,)
        Its parameters.
    """

    row: Row
    form: str
    columns: Mapping[str, AnyArray]

    @property
    def rows(self) -> int:
        """How many rows of parameters there are; 1 for a form without parameters."""
        return max((len(c) for c in self.columns.values() if np.ndim(c)), default=1)


def wording(group: TermGroup, words: EngineWords, roles: tuple[str, ...]) -> Wording:
    """Return an engine's word for a group.

    Parameters
    ----------
    group : TermGroup
        All of its rows are said by one word.
    words : EngineWords
        The engine's part of the dictionary.
    roles : tuple of str
        In which sections it may be said, best first.

    Raises
    ------
    UnsupportedError
        When there is none; it says what was tried.
    """
    tried: list[str] = []
    for name, numbers in _alike(group.form, columns(group)):
        for role in roles:
            for row in (r for r in words.rows if r.role == role and r.realises == name and not r.refusal):
                if not row.when or np.all(condition(row.when)(numbers)):
                    return Wording(row, name, numbers)
                tried.append(f"{row.section} {row.keyword} takes only {row.when}")
    numbers, symbols = columns(group), expression(form(group.form).energy).symbols
    for role in roles:
        for row in (r for r in words.rows if r.role == role and r.offers):
            coordinates = {c.strip() for c in row.offers.split(",")}
            if symbols - form(group.form).parameters.keys() <= coordinates and not _needs_particles(group):
                return Wording(row, group.form, numbers)
    known = sorted({r.realises for r in words.rows if r.role in roles and r.realises and not r.refusal})
    raise UnsupportedError(
        f"topology: {words.title} cannot express the {group.role} {group.form} "
        f"({len(group)} of them, the first between {', '.join(map(str, group.particles[0].tolist()))})"
        + (f": {'; '.join(tried)}" if tried else ""),
        hint=f"for a {group.role} it has {', '.join(known)}" if known else f"it has no {group.role}s",
        field="topology",
        form=group.form,
    )


def _needs_particles(group: TermGroup) -> bool:
    return any(p.of_particle for p in form(group.form).parameters.values())


def _alike(name: str, numbers: Mapping[str, AnyArray]) -> Iterator[tuple[str, Mapping[str, AnyArray]]]:
    """Yield a form with its parameters, then every other that gives the same energy with these parameters."""
    yield name, numbers
    for way in dictionary()["equivalences"]:
        if way["source"] == name and (not way["when"] or np.all(condition(way["when"])(numbers))):
            rows = len(next(iter(numbers.values())))
            yield way["target"], {s: np.broadcast_to(e(numbers), rows) for s, e in assignments(way["map"]).items()}


def told(said: Wording, scale: Callable[[Dimension], float]) -> list[list[str]]:
    """Return what stands behind a word: for each coefficient the text of every row of parameters.

    Parameters
    ----------
    said : Wording
        A word that has coefficients.
    scale : callable
        What a number in eV, Å, radian and e is multiplied by for the engine, by its dimension.

    Raises
    ------
    UnsupportedError
        Where the engine takes whole numbers only and a parameter is none.
    """
    written = expressions(said.row.coefficients) if said.row.coefficients else ()
    return [_told(e, said, scale) for e in written]


def _told(written: Expression, said: Wording, scale: Callable[[Dimension], float]) -> list[str]:
    if written.text.lstrip("-").isdigit():
        return [written.text] * said.rows
    values = np.broadcast_to(written(said.columns), said.rows)
    if written.text.startswith("int("):
        exact = np.broadcast_to(expression(written.text[3:])(said.columns), said.rows)
        if (broken := np.abs(values - exact) > _WHOLE).any():
            raise UnsupportedError(
                f"topology: {said.row.section} {said.row.keyword} takes a whole {written.text[4:-1]}, "
                f"not {exact[np.argmax(broken)]:g}",
                hint="the engine has no other word for it",
                field="topology",
                form=said.form,
            )
        return [str(int(v)) for v in values]
    parameters = {s: dimension(p.dimension) for s, p in form(said.form).parameters.items()}
    return [repr(float(v)) for v in values * scale(written.dimension(parameters))]
