"""A potential in LAMMPS's words: which pair styles, with which arguments and coefficients, for which types of atom.

Which word means what are rows of the dictionary. Every pair of types is said; nothing is left to LAMMPS's own mixing
or to its defaults. A sum of terms is ``hybrid/overlay``.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cuds.errors import UnsupportedError
from cuds.model.potential import ParameterFile, Potential, PotentialTerm
from cuds.semantics.dictionary import EngineWords, Row, dictionary, form
from cuds.semantics.expression import Expression, assignments, expression, expressions
from cuds.semantics.pairs import at_cutoff, truncated
from cuds_lammps.units import Units

_TRIMMED = 3  # styles whose lists of neighbours, each cut to its own reach, LAMMPS can still put in order
_MANY = 3000  # atoms from which a mesh is faster than plain sums
Place = Callable[[ParameterFile], str]


@dataclass
class Style:
    """One use of a pair style.

    Parameters
    ----------
    row : Row
        Its word.
    arguments : str
        What stands behind it; ``{reach}`` is still to be filled in.
    modifier : str
        How it ends at the cutoff, in words of ``pair_modify``.
    corrected : bool
        Whether what is cut off is added.
    coefficients : dict of str to str
        By types, like ``"1 2"`` or ``"* *"``.
    reach : float
        The largest cutoff.
    """

    row: Row
    arguments: str
    modifier: str = ""
    corrected: bool = False
    coefficients: dict[str, str] = field(default_factory=dict)
    reach: float = 0.0

    @property
    def text(self) -> str:
        """The word and its arguments."""
        return f"{self.row.keyword} {self.arguments.replace('{reach}', repr(self.reach))}".strip()


def styles(potential: Potential, words: EngineWords, units: Units, symbols: list[str], place: Place) -> list[Style]:
    """Return the pair styles of a potential.

    Parameters
    ----------
    potential : Potential
        Its terms.
    words : EngineWords
        LAMMPS's part of the dictionary.
    units : Units
        In which numbers are written.
    symbols : list of str
        The species of the types of atom, in order.
    place : callable
        Puts a file where LAMMPS finds it and returns its name.

    Raises
    ------
    UnsupportedError
        For a form, a truncation or a sum that LAMMPS cannot express.
    """
    found: list[Style] = []
    for term in (part for whole in potential.terms for part in _parts(whole)):
        words.corrects(term.correction)
        row = words.row(term.form, term.truncation)
        if term.between is None:
            found.append(_of_files(term, row, symbols, place))
        else:
            _of_pairs(term, row, words, units, symbols, found)
    return found


def _parts(term: PotentialTerm) -> list[PotentialTerm]:
    """Return a term; of a shifted Ewald sum the sum too, as LAMMPS has one word for that and another for the shift."""
    return [term.replace(truncation="EwaldSum"), term] if term.truncation == "ShiftedEwaldSum" else [term]


def commands(found: list[Style]) -> list[str]:
    """Return the commands that say the pair styles of a potential."""
    if len(found) == 1:
        (only,) = found
        lines = [f"pair_style {only.text}"]
        lines += [f"pair_coeff {types} {text}".strip() for types, text in only.coefficients.items()]
        return lines + [f"pair_modify {only.modifier}"] * bool(only.modifier)
    lines = ["pair_style hybrid/overlay " + " ".join(style.text for style in found)]
    if len(found) > _TRIMMED:
        lines.append("pair_modify neigh/trim no")
    named = list(zip(_names(found), found, strict=True))
    for name, style in named:
        lines += [f"pair_coeff {types} {name} {text}".strip() for types, text in style.coefficients.items()]
    # hybrid/overlay adds what its styles cut off when the last of them that was modified does
    modified = sorted(((n, s) for n, s in named if s.modifier), key=lambda pair: pair[1].corrected)
    return lines + [f"pair_modify pair {name} {style.modifier}" for name, style in modified]


def charged(potential: Potential) -> bool:
    """Whether a potential takes the charges of the atoms."""
    return any(p.of_particle == "charges" for t in potential.terms for p in form(t.form).parameters.values())


def beyond(potential: Potential, words: EngineWords, count: int) -> list[str]:
    """Return the commands that sum what lies beyond the cutoff: on a mesh where there are many atoms.

    Raises
    ------
    UnsupportedError
        When two terms want two accuracies.
    """
    summed = [t for t in potential.terms if t.accuracy is not None]
    if not summed:
        return []
    if len({t.accuracy for t in summed}) > 1:
        raise UnsupportedError(
            f"potential: LAMMPS sums to one accuracy, not to {', '.join(str(t.accuracy) for t in summed)}",
            hint="give all terms the same accuracy",
            field="potential",
            engine="lammps",
        )
    row = next(r for r in words.rows if r.section == "kspace" and r.keyword == ("pppm" if count > _MANY else "ewald"))
    return [f"kspace_style {row.keyword} {summed[0].accuracy!r}", *row.alongside]


def _names(found: list[Style]) -> Iterable[str]:
    """Yield how hybrid/overlay calls each style: by its word, numbered where there are several of it."""
    words = [style.row.keyword for style in found]
    for i, word in enumerate(words):
        yield f"{word} {words[: i + 1].count(word)}" if words.count(word) > 1 else word


def _of_files(term: PotentialTerm, row: Row, symbols: list[str], place: Place) -> Style:
    files = dict(zip(("file", "companion"), map(place, term.files), strict=False))
    described = [term.describes(s) for s in symbols]
    values = {
        **files,
        "elements": " ".join(term.element(s) if known else "NULL" for s, known in zip(symbols, described, strict=True)),
        "all": " ".join(term.elements),
    }
    types = "* *"
    if "elements" not in row.coefficients and not all(described):
        if sum(described) != 1:
            raise UnsupportedError(
                f"potential: LAMMPS's {row.keyword} ({term.name}) cannot leave out some of the species",
                hint="take a file that describes all of them",
                field="potential",
                engine="lammps",
            )
        types = f"{described.index(True) + 1} {described.index(True) + 1}"
    text = " ".join(values[c.strip()] for c in row.coefficients.split(",") if c.strip())
    return Style(row, _filled(row.arguments, values), coefficients={types: text})


def _of_pairs(
    term: PotentialTerm, row: Row, words: EngineWords, units: Units, symbols: list[str], found: list[Style]
) -> None:
    """Add each pair of types to the first style with the same arguments that does not have it yet, or to a new one."""
    known = columns(term, units)
    spelled = assignments(row.variables) if row.variables else {}
    ends = {r.realises: r.keyword for r in words.rows if r.section == "pair_modify"}
    written = "truncated" in row.coefficients  # the end is in the formula
    modifier, corrected = (
        "" if written else ends.get(term.truncation, ""),
        dictionary()["truncations"][term.truncation]["corrected"],
    )
    for j, second in enumerate(symbols, start=1):
        for i, first in enumerate(symbols[:j], start=1):
            place = term.row(first, second)
            if place is None:
                continue
            numbers = {name: float(column[place]) for name, column in known.items()}
            arguments, types = _computed(row.arguments, numbers), f"{i} {j}"
            fitting = (s for s in found if (s.row, s.arguments, s.modifier) == (row, arguments, modifier))
            style = next((s for s in fitting if types not in s.coefficients), None)
            if style is None:
                style = Style(row, arguments, modifier, corrected)
                found.append(style)
            texts = (_coefficient(e, numbers, term, spelled) for e in expressions(row.coefficients))
            style.coefficients[types] = " ".join(texts)
            style.reach = max(style.reach, numbers["cutoff"])


def _coefficient(
    written: Expression, numbers: Mapping[str, float], term: PotentialTerm, spelled: Mapping[str, Expression]
) -> str:
    """Return a number; or an energy itself, with numbers in the place of parameters, where a word takes any."""
    if written.text == "energy":
        return f'"{formula(numbers, term.form, term.truncation)}"'
    energies = {"energy": expression(form(term.form).energy)}
    if "truncated" in written.symbols:
        energies["truncated"] = truncated(term.form, term.truncation)
    if not written.symbols & energies.keys():
        return _number(written(numbers))
    energy = written.put(**energies)
    put = {name: expression(f"({value!r})") for name, value in numbers.items() if name in energy.symbols}
    return f'"{energy.put(**put).put(**spelled).plain().text.replace(" ", "")}"'


def formula(numbers: Mapping[str, float], name: str, truncation: str) -> str:
    """Return the energy of a form for LEPTON, with numbers in the place of parameters, cutoff and inner distance."""
    energy, content = expression(form(name).energy), dictionary()["truncations"][truncation]
    if not content["switched"]:
        return _put(energy, numbers)
    ending = {**numbers, **at_cutoff(name, numbers)}
    inside, switched = (_put(expression(content[part]).put(E=energy), ending) for part in ("inside", "switched"))
    return f"select(step(r-{numbers['inner']!r}),{switched},{inside})"


def _put(energy: Expression, numbers: Mapping[str, float]) -> str:
    """Return an energy with numbers in the place of its symbols."""
    put = {symbol: expression(f"({numbers[symbol]!r})") for symbol in energy.symbols & numbers.keys()}
    return energy.put(**put).plain().text.replace(" ", "")


def columns(term: PotentialTerm, units: Units) -> Mapping[str, Any]:
    """Return the parameters of a term, its cutoff and its inner distance as LAMMPS is told them."""
    parameters = form(term.form).parameters
    found = {s: units.coefficient(parameters[s].dimension, c.values) for s, c in term.parameters.items()}
    distances = {"cutoff": term.cutoff, "inner": term.inner}
    found |= {name: units.into("length", d) for name, d in distances.items() if d is not None}
    plain = {"accuracy": term.accuracy, "dielectric": term.dielectric}
    return found | {name: np.full(len(term.pairs), value) for name, value in plain.items() if value is not None}


def _computed(arguments: str, numbers: Mapping[str, float]) -> str:
    """Return arguments with the values of the expressions in braces; reach stays."""

    def value(match: re.Match[str]) -> str:
        return match[0] if match[1] == "reach" else _number(expression(match[1])(numbers))

    return re.sub(r"\{([^}]*)\}", value, arguments)


def _filled(arguments: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{([^}]*)\}", lambda match: values[match[1]], arguments)


def _number(value: Any) -> str:
    return repr(float(value))
