"""Bonds, angles and torsions of LAMMPS as groups of terms: every style that acts, or a refusal that names it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from cuds.arrays import IntArray
from cuds.errors import CudsError
from cuds.model.topology import BODIES, Role, TermGroup
from cuds.semantics.dictionary import Row, form
from cuds_lammps.codecs.said import Styles, Use, cannot
from cuds_lammps.codecs.script import Statement
from cuds_lammps.codecs.styles import NOTHING
from cuds_lammps.coefficients import Numbers, names, unfolded
from cuds_lammps.formulas import recognised

# Of styles, the coefficient that adds a part of the interaction of the outer atoms.
_WEIGHTS = {("dihedral", "charmm"): 3}


@dataclass
class Bonded:
    """What acts in one section.

    Parameters
    ----------
    groups : list of TermGroup
        The terms.
    weighted : list of tuple of int array (n, 2) and float
        Outer atoms of torsions, and which part of their interaction is added.
    """

    groups: list[TermGroup] = field(default_factory=list)
    weighted: list[tuple[IntArray, float]] = field(default_factory=list)


def bonded(said: Styles, terms: IntArray, numbers: Numbers) -> Bonded:
    """Return the terms of a section.

    Parameters
    ----------
    said : Styles
        Its styles with their coefficients.
    terms : int array (n, 1 + n_bodies)
        Type and ids.
    numbers : Numbers
        Reads them.

    Raises
    ------
    UnsupportedError
        For a style, or coefficients, that no form has; with file, line and count.
    """
    found = Bonded()
    present = np.unique(terms[:, 0]).tolist()
    for use in said.uses:
        if use.keyword in NOTHING:
            found.groups += _nothing(said, use, terms, numbers)
            continue
        types = [t for t in present if (t,) in use.coefficients]
        if types:
            _add(found, said, use, terms[np.isin(terms[:, 0], types)], numbers)
    return found


def _nothing(said: Styles, use: Use, terms: IntArray, numbers: Numbers) -> Iterator[TermGroup]:
    """Yield bonds without an energy; angles and torsions without one are none."""
    row = next((r for r in numbers.words.rows if (r.section, r.keyword) == (said.kind, use.keyword)), None)
    chosen = np.isin(terms[:, 0], [t for (t,) in use.coefficients]) if said.hybrid else np.ones(len(terms), dtype=bool)
    if row is not None and chosen.any():
        particles = terms[chosen, 1:]
        yield TermGroup(role=_role(said.kind), form=row.realises, particles=particles, row=np.zeros(len(particles)))


def _role(kind: str) -> Role:
    role: Role = kind  # type: ignore[assignment]
    return role


def _add(found: Bonded, said: Styles, use: Use, terms: IntArray, numbers: Numbers) -> None:
    row = next(r for r in numbers.words.rows if r.section == said.kind and r.keyword == use.keyword)
    types = np.unique(terms[:, 0]).tolist()
    if row.offers:
        found.groups += _of_formulas(said.kind, use, row, terms, numbers)
        return
    rows: list[list[float]] = []
    of_type: dict[int, list[int]] = {}
    for kind in types:
        statement, texts = use.coefficients[kind,]
        values = _floats(statement, texts)
        if (place := _WEIGHTS.get((said.kind, use.keyword))) is not None and len(values) > place and values[place]:
            found.weighted.append((terms[terms[:, 0] == kind][:, [1, -1]], values[place]))
            values[place] = 0.0
            if not values[0]:
                continue  # it stands there for its ends only
        made = unfolded(row, values)
        if made is None or any(len(m) != len(names(row)) for m in made):
            raise statement.refused(
                f"it has {len(values)} numbers", f"cuds reads {said.kind} {row.keyword} as {row.coefficients}"
            )
        of_type[kind] = list(range(len(rows), len(rows) + len(made)))
        rows += made
        _check(row, made, statement, len(terms), numbers)
    if not rows:
        return
    particles, which = _spread(terms, of_type)
    columns = numbers.meant(row, rows)
    found.groups.append(
        TermGroup(role=_role(said.kind), form=row.realises, particles=particles, row=which, parameters=columns)
    )


def _floats(statement: Statement, texts: list[str]) -> list[float]:
    try:
        return [float(t) for t in texts]
    except ValueError:
        raise statement.refused("a coefficient that is no number", "cuds reads numbers only") from None


def _check(row: Row, rows: list[list[float]], statement: Statement, count: int, numbers: Numbers) -> None:
    """Refuse numbers that the form does not have, and say where they stand."""
    try:
        numbers.meant(row, rows)
    except CudsError as error:
        raise statement.refused(f"{error.message} ({count} terms)", error.hint) from None


def _spread(terms: IntArray, of_type: dict[int, list[int]]) -> tuple[IntArray, IntArray]:
    """Return particles and rows; a type with several rows gives several terms."""
    particles, which = [], []
    for kind, rows in of_type.items():
        mine = terms[terms[:, 0] == kind][:, 1:]
        for row in rows:
            particles.append(mine)
            which.append(np.full(len(mine), row, dtype=np.int64))
    return np.concatenate(particles), np.concatenate(which)


def _of_formulas(kind: str, use: Use, row: Row, terms: IntArray, numbers: Numbers) -> Iterator[TermGroup]:
    """Yield groups of terms whose energy is a formula, one for each form."""
    if row.arguments and row.arguments not in use.arguments:
        raise cannot(use, f"without {row.arguments} its energies are shifted")
    rows: dict[str, list[dict[str, float]]] = {}
    of_type: dict[str, dict[int, list[int]]] = {}
    for number in np.unique(terms[:, 0]).tolist():
        statement, texts = use.coefficients[number,]
        known = None
        if len(texts) == len(names(row)) and all(float(t) == 0 for t in texts[:-1]):
            known = recognised(texts[-1], row, BODIES[kind], numbers.units)
        if known is None:
            count = int((terms[:, 0] == number).sum())
            raise statement.refused(
                f"a formula that cuds does not know ({count} {kind}s)",
                "it knows the energies of its forms, with numbers",
            )
        name, values = known
        place = rows.setdefault(name, [])
        of_type.setdefault(name, {})[number] = [len(place)]
        place.append(dict(values))
    for name, found in rows.items():
        particles, which = _spread(terms, of_type[name])
        role: Role = "pair" if kind == "bond" and _by_distance(name, numbers) else _role(kind)
        yield TermGroup(role=role, form=name, particles=particles, row=which, parameters=numbers.columns(name, found))


def _by_distance(name: str, numbers: Numbers) -> bool:
    """Whether a form is one of pairs at any distance, or of charges: what acts where all others are left out."""
    return "K" in form(name).parameters or name in numbers.words.forms
