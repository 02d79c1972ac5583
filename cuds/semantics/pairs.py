"""Potentials of pairs: made from a functional form and its parameters, and calculated as the form is written down."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from cuds.arrays import AnyArray
from cuds.errors import InvalidError, UnknownError, did_you_mean
from cuds.model.potential import ParameterColumn, Potential, PotentialTerm
from cuds.semantics.derivative import derivative
from cuds.semantics.dictionary import Form, dictionary, form
from cuds.semantics.expression import Expression, assignments, expression
from cuds.units import Quantity, quantity, reference_unit

_AT_CUTOFF = ("Ec", "dEc", "ddEc")
_SHARP, _CONDUCTOR = "SharpCutoff", "ConductingReactionField"


def pair(
    name: str, first: str, second: str, *, cutoff: Any, inner: Any = None, truncation: str = "", **parameters: Any
) -> Potential:
    """Return the potential of one pair of species; add those of others with ``+``.

    Parameters
    ----------
    name : str
        The functional form: a name of the ontology, like ``"LennardJones"``, ``"Morse"``, ``"Buckingham"``, ``"ZBL"``.
    first, second : str
        The species.
    cutoff : Quantity
        The distance beyond which they do not interact.
    inner : Quantity, optional
        The distance from which the interaction is switched off.
    truncation : str
        How the energy ends at the cutoff; as it is (``"SharpCutoff"``) when not given, or in the form's own way where
        an inner distance is given. ``"ShiftedCutoff"`` makes it zero there, ``"TailCorrectedCutoff"`` adds what is
        cut off, for a uniform density.
    **parameters : Quantity
        By the symbols of the form.

    Raises
    ------
    UnknownError
        For a form, a truncation or a parameter that is not known.
    InvalidError
        For a parameter that is missing or cannot be.

    Examples
    --------
    >>> import cuds
    >>> cuds.pair("LennardJones", "Ar", "Ar", epsilon="0.0104 eV", sigma="3.4 angstrom", cutoff="8.5 angstrom")
    Potential(LennardJones Ar-Ar)
    """
    found = _pair_form(name)
    columns = {symbol: [q] for symbol, q in _checked(found, parameters, name).items()}
    elements = (first,) if first == second else (first, second)
    return _potential(found, elements, [(0, len(elements) - 1)], columns, (cutoff, inner, truncation, ""))


def mixed(
    name: str,
    species: Mapping[str, Mapping[str, Any]],
    *,
    rule: str,
    cutoff: Any,
    inner: Any = None,
    truncation: str = "",
) -> Potential:
    """Return the potential of all pairs of several species, those of unlike ones mixed by a rule.

    Parameters
    ----------
    name : str
        The functional form.
    species : mapping of str to mapping of str to Quantity
        The parameters of each species with its own kind, by symbol.
    rule : str
        A mixing rule of the ontology, like ``"LorentzBerthelot"`` or ``"Geometric"``.
    cutoff, inner, truncation
        As for `pair`, the same for all.

    Examples
    --------
    >>> import cuds
    >>> species = {"Ar": {"epsilon": "0.0104 eV", "sigma": "3.4 angstrom"},
    ...            "Kr": {"epsilon": "0.0140 eV", "sigma": "3.65 angstrom"}}
    >>> cuds.mixed("LennardJones", species, rule="LorentzBerthelot", cutoff="10 angstrom")
    Potential(LennardJones Ar-Ar, Ar-Kr, Kr-Kr)
    """
    found, rules = _pair_form(name), dictionary()["mixing"]
    fitting = [r for r, content in rules.items() if content["form"] == name]
    if rule not in fitting:
        raise UnknownError(
            f"rule: {rule!r} is no mixing rule of {name}", hint=did_you_mean(rule, fitting), field="rule", rule=rule
        )
    if not species:
        raise InvalidError(f"{name}: no species", hint="give the parameters of at least one", field="species")
    given = {s: _checked(found, p, f"{name} of {s}") for s, p in species.items()}
    elements = tuple(given)
    between = [(i, j) for i in range(len(elements)) for j in range(i, len(elements))]
    columns: dict[str, list[Quantity]] = {symbol: [] for symbol in found.free}
    for i, j in between:
        one, two = given[elements[i]], given[elements[j]]
        for symbol, q in (one if i == j else _mixture(rules[rule]["map"], one, two)).items():
            columns[symbol].append(q)
    return _potential(found, elements, between, columns, (cutoff, inner, truncation, rule))


def coulomb(
    species: Iterable[str],
    *,
    cutoff: Any,
    truncation: str = "",
    accuracy: float | None = None,
    dielectric: float | None = None,
    permittivity: float | None = None,
) -> Potential:
    """Return the interaction of the charges of the particles.

    Parameters
    ----------
    species : iterable of str
        Those between which it acts, all with all.
    cutoff : Quantity
        The distance beyond which it is summed over all periodic images, or left out.
    truncation : str
        ``"EwaldSum"`` where an accuracy is given, a reaction field where a dielectric is, else ``"SharpCutoff"``.
    accuracy : float, optional
        Of the Ewald sum: the relative strength of what real space leaves at the cutoff.
    dielectric : float, optional
        Of the reaction field: the relative permittivity of what lies beyond the cutoff; ``math.inf`` of a conductor.
    permittivity : float, optional
        The relative permittivity of the medium around all charges, like the 15 of coarse-grained force fields.

    Examples
    --------
    >>> import cuds
    >>> cuds.coulomb(["Na", "Cl"], cutoff="1 nm", accuracy=1e-6)
    Potential(Coulomb Na-Na, Na-Cl, Cl-Cl)
    """
    elements = tuple(dict.fromkeys(species))
    between = [(i, j) for i in range(len(elements)) for j in range(i, len(elements))]
    chosen = truncation or _usual(accuracy, dielectric)
    medium = {} if permittivity is None else {"permittivity": [_medium(permittivity)] * len(between)}
    found = form("ScreenedCoulomb" if medium else "Coulomb")
    made = _potential(found, elements, between, medium, (cutoff, None, chosen, ""))
    if dictionary()["truncations"][chosen]["summed"] != (accuracy is not None):
        raise InvalidError(
            f"accuracy: {accuracy} with {chosen}", hint="an Ewald sum has one, nothing else does", field="accuracy"
        )
    given = None if chosen == _CONDUCTOR and dielectric == math.inf else dielectric
    if ("dielectric" in expression(dictionary()["truncations"][chosen]["inside"]).symbols) != (given is not None):
        raise InvalidError(
            f"dielectric: {dielectric} with {chosen}", hint="a ReactionField has one, nothing else", field="dielectric"
        )
    return made.replace(terms=(made.terms[0].replace(accuracy=accuracy, dielectric=given),))


def _medium(permittivity: float) -> Quantity:
    if not permittivity > 0:
        raise InvalidError(f"permittivity: {permittivity}", hint="give a positive number", field="permittivity")
    return Quantity(permittivity, "1")


def _usual(accuracy: float | None, dielectric: float | None) -> str:
    if accuracy is not None:
        return "EwaldSum"
    if dielectric is not None:
        return _CONDUCTOR if dielectric == math.inf else "ReactionField"
    return _SHARP


def _pair_form(name: str) -> Form:
    forms = dictionary()["forms"]
    if name in forms and not forms[name]["energy"]:
        raise InvalidError(
            f"form: the parameters of {name} are a file",
            hint="give it: cuds.potential('name of the file')",
            field="form",
        )
    if name not in forms:
        known = [n for n, f in forms.items() if f["bodies"] == 2]
        raise UnknownError(f"form: {name!r} is not known", hint=did_you_mean(name, known), field="form", form=name)
    if forms[name]["bodies"] != 2:
        raise InvalidError(
            f"form: {name} is an energy of {forms[name]['bodies']} particles",
            hint="it belongs into a topology, between particular particles",
            field="form",
        )
    return form(name)


def _checked(found: Form, given: Mapping[str, Any], where: str) -> dict[str, Quantity]:
    """Return the parameters of a form as quantities, after refusing what is unknown, missing or impossible."""
    for symbol in given:
        if symbol not in found.free:
            raise UnknownError(
                f"{where}: no parameter is called {symbol!r}", hint=did_you_mean(symbol, found.free), field=symbol
            )
    missing = [symbol for symbol in found.free if symbol not in given]
    if missing:
        raise InvalidError(
            f"{where}: {', '.join(missing)} missing", hint=f"the energy is {found.energy}", field=missing[0]
        )
    checked = {}
    for symbol, parameter in found.free.items():
        q = quantity(given[symbol], parameter.kind, f"{where}: {symbol}")
        if np.ndim(q.value) or not np.isfinite(q.value) or (parameter.positive and q.value <= 0):
            raise InvalidError(
                f"{where}: {symbol} is {q!r}",
                hint="give one finite number" + (" greater than zero" if parameter.positive else ""),
                field=symbol,
            )
        checked[symbol] = q
    return checked


def _mixture(rule: str, one: Mapping[str, Quantity], two: Mapping[str, Quantity]) -> dict[str, Quantity]:
    """Return the parameters of an unlike pair, in the units of the first species."""
    names = {f"{symbol}1": q.value for symbol, q in one.items()}
    names |= {f"{symbol}2": two[symbol].in_unit(q.unit) for symbol, q in one.items()}
    return {symbol: Quantity(float(e(names)), one[symbol].unit) for symbol, e in assignments(rule).items()}


def _potential(
    found: Form,
    elements: tuple[str, ...],
    between: list[tuple[int, int]],
    columns: Mapping[str, list[Quantity]],
    ending: tuple[Any, Any, str, str],
) -> Potential:
    cutoff, inner, truncation, rule = ending
    n = len(between)
    term = PotentialTerm(
        form=found.name,
        elements=elements,
        unit_set="",
        between=between,
        parameters={s: ParameterColumn(kind=found.free[s].kind, values=_column(qs)) for s, qs in columns.items()},
        cutoff=_column([quantity(cutoff, "Length", "cutoff")] * n),
        inner=None if inner is None else _column([quantity(inner, "Length", "inner")] * n),
        truncation=_truncation(found, truncation, inner is not None),
        mixing=rule,
    )
    return Potential(terms=(term,), label=term.name)


def _column(quantities: list[Quantity]) -> Quantity:
    unit = quantities[0].unit
    return Quantity(np.array([q.in_unit(unit) for q in quantities], dtype=np.float64), unit)


def _truncation(found: Form, given: str, switched: bool) -> str:
    """Return the truncation that is meant; refuse one that does not fit an inner distance."""
    known = dictionary()["truncations"]
    chosen = given or (found.usual_truncation if switched else _SHARP)
    fitting = [name for name, content in known.items() if bool(content["switched"]) == switched]
    if given not in ("", *known):
        raise UnknownError(f"truncation: {given!r} is not known", hint=did_you_mean(given, known), field="truncation")
    if chosen not in fitting:
        what = f"{given} " + ("has no" if switched else "needs an") if given else f"not said for {found.name} with an"
        raise InvalidError(
            f"truncation: {what} inner distance", hint=f"give one of {', '.join(fitting)}", field="truncation"
        )
    return chosen


@dataclass(frozen=True)
class Curve:
    """The energy of one pair of species by their distance, as its form is written down.

    Parameters
    ----------
    term : PotentialTerm
        A term with parameters.
    first, second : str
        Two elements between which it acts.
    constants : mapping of str to float
        Other values for constants of the form, in eV and Å: those that an engine has.
    """

    term: PotentialTerm
    first: str
    second: str
    constants: Mapping[str, float]

    def energy(self, distance: Quantity) -> Quantity:
        """Return the energy at a distance, or at each of an array."""
        return Quantity(self._at(distance, 0), "eV")

    def force(self, distance: Quantity) -> Quantity:
        """Return the force at a distance; positive where the two repel."""
        return Quantity(-self._at(distance, 1), "eV/angstrom")

    def _at(self, distance: Quantity, order: int) -> AnyArray:
        r = np.asarray(distance.in_unit("angstrom"), dtype=np.float64)
        names = self._names()
        inside, switched = (p[order] for p in _pieces(self.term.form, self.term.truncation))
        near = np.broadcast_to(inside({**names, "r": r}), r.shape)
        if "inner" in names:
            near = np.where(r < names["inner"], near, switched({**names, "r": r}))
        return np.where(r < names["cutoff"], near, 0.0)

    def _names(self) -> dict[str, float]:
        """Return the values of all symbols, in eV and Å."""
        row = self.term.row(self.first, self.second)
        assert row is not None
        names = {s: c.values.value[row] * _to_reference(c.values.unit, c.kind) for s, c in self.term.parameters.items()}
        for symbol, parameter in form(self.term.form).parameters.items():
            if parameter.constant is not None:
                names[symbol] = parameter.constant.in_unit(reference_unit(parameter.kind))
        names |= self.constants
        names |= {n: v for n in ("accuracy", "dielectric") if (v := getattr(self.term, n)) is not None}
        for name in ("cutoff", "inner"):
            distance = getattr(self.term, name)
            if distance is not None:
                names[name] = distance.in_unit("angstrom")[row]
        return names | at_cutoff(self.term.form, names)


def curve(term: PotentialTerm, first: str, second: str, **constants: float) -> Curve:
    """Return the energy and the force of a pair of species by their distance."""
    return Curve(term, first, second, constants)


def _to_reference(unit: str, kind: str) -> float:
    found: float = Quantity(1.0, unit).in_unit(reference_unit(kind))
    return found


@cache
def _derivatives(name: str) -> tuple[Expression, Expression, Expression]:
    """Return the energy of a form and its first and second derivative by the distance."""
    energy = expression(form(name).energy)
    slope = derivative(energy, "r")
    return energy, slope, derivative(slope, "r")


@cache
def truncated(name: str, truncation: str) -> Expression:
    """Return the truncated energy of a form up to the cutoff, or up to where it is switched, by its symbols."""
    return _at_cutoff(name, dictionary()["truncations"][truncation]["inside"])


def at_cutoff(name: str, numbers: Mapping[str, float]) -> dict[str, float]:
    """Return the energy of a form and its two derivatives at the cutoff, by the symbols that truncations use."""
    there = {**numbers, "r": numbers["cutoff"]}
    return {n: float(e(there)) for n, e in zip(_AT_CUTOFF, _derivatives(name), strict=True)}


@cache
def between_excluded(name: str, truncation: str) -> Expression | None:
    """Return the energy of a form between two excluded particles, by its symbols and cutoff; None where there is none.

    At the distance zero, half of it is what a particle adds by itself.
    """
    text = dictionary()["truncations"][truncation]["excluded"] if truncation else ""
    return _at_cutoff(name, text) if text else None


def _at_cutoff(name: str, text: str) -> Expression:
    """Return an expression of E and its derivatives at the cutoff as one of the symbols of a form."""
    energy, cutoff = expression(form(name).energy), expression("cutoff")
    there = {n: e.put(r=cutoff) for n, e in zip(_AT_CUTOFF, _derivatives(name), strict=True)}
    return expression(text).put(E=energy, **there)


@cache
def _pieces(name: str, truncation: str) -> tuple[tuple[Expression, Expression], tuple[Expression, Expression]]:
    """Return the truncated energy and its derivative, up to the inner distance and behind it."""
    content, energy = dictionary()["truncations"][truncation], expression(form(name).energy)
    parts = [expression(content[part] or "0").put(E=energy) for part in ("inside", "switched")]
    first, second = ((p, derivative(p, "r")) for p in parts)
    return first, second
