"""What charges add besides their pairs in LAMMPS's words: between those that are excluded, and each by itself.

A reaction field acts there too. LAMMPS's pairs leave it out, so that of two excluded particles is a formula of the bond
between them, and what particles add by themselves, which no force follows from, is the energy of a fix without force.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from cuds.arrays import FloatArray, IntArray
from cuds.model.particles import ParticleSystem
from cuds.model.potential import Potential, PotentialTerm
from cuds.semantics.expression import Expression, expression
from cuds.semantics.pairs import between_excluded
from cuds_lammps.units import Units

SELF = "cuds_self"  # the fix with the energy that particles add by themselves


def between(
    system: ParticleSystem, potential: Potential, excluded: IntArray, units: Units
) -> Iterator[tuple[IntArray, list[str]]]:
    """Yield formulae of pairs of excluded particles.

    Parameters
    ----------
    system : ParticleSystem
        Its charges.
    potential : Potential
        Of its terms those act that say what they are between excluded particles.
    excluded : int array (n, 2)
        Places of the particles, from 0.
    units : Units
        In which numbers are written.

    Yields
    ------
    int array (m, 2)
        The pairs that have an energy.
    list of str
        It, of each: an expression of r.
    """
    for term, energy in _acting(potential):
        reach = _reach(system, term, units)
        i, j = excluded.T
        cutoffs = reach[system.species[i], system.species[j]]
        products = _charges(system, units)[i] * _charges(system, units)[j]
        some = np.isfinite(cutoffs) & (products != 0)
        known: dict[tuple[float, float], str] = {}
        texts: list[str] = []
        for key in zip(products[some].tolist(), cutoffs[some].tolist(), strict=True):
            if key not in known:
                numbers = {"q1": key[0], "q2": 1.0, "K": units.coulomb, "cutoff": key[1], **_plain(term)}
                known[key] = _written(expression("energy*step(cutoff-r)").put(energy=energy), numbers)
            texts.append(known[key])
        yield excluded[some], texts


def acting(potential: Potential) -> bool:
    """Whether a term acts between excluded particles, and of each on itself."""
    return any(True for _ in _acting(potential))


def by_themselves(system: ParticleSystem, potential: Potential, units: Units) -> FloatArray:
    """Return what each particle adds by itself (n,), in LAMMPS's unit."""
    return _squares(system, potential, units)[system.species] * _charges(system, units) ** 2


def commands(system: ParticleSystem, potential: Potential, units: Units) -> list[str]:
    """Return the commands that add what particles add by themselves; none where they add nothing."""
    if not acting(potential):
        return []
    squares = _squares(system, potential, units)
    used = {id(kind): number for number, kind in enumerate(system.kinds_used(), start=1)}
    numbers = [(used[id(kind)], float(squares[i])) for i, kind in enumerate(system.kinds) if id(kind) in used]
    force = f"v_{SELF}_force"
    return [
        f"variable {SELF} atom {'+'.join(f'(type=={number})*({size!r})*q*q' for number, size in numbers)}",
        f"variable {SELF}_force equal 0.0",
        f"fix {SELF} all addforce {force} {force} {force} energy v_{SELF}",
        f"fix_modify {SELF} energy yes",
    ]


def _squares(system: ParticleSystem, potential: Potential, units: Units) -> FloatArray:
    """Return what a particle of each species adds by itself for the square of its charge."""
    found = np.zeros(len(system.kinds))
    for term, energy in _acting(potential):
        cutoffs = np.diag(_reach(system, term, units))
        numbers = {"q1": 1.0, "q2": 1.0, "K": units.coulomb, "cutoff": cutoffs, "r": 0.0, **_plain(term)}
        found += np.nan_to_num(energy(numbers)) / 2
    return found


def _acting(potential: Potential) -> Iterator[tuple[PotentialTerm, Expression]]:
    for term in potential.terms:
        energy = between_excluded(term.form, term.truncation)
        if energy is not None:
            yield term, energy


def _reach(system: ParticleSystem, term: PotentialTerm, units: Units) -> FloatArray:
    """Return the cutoff of each pair of species (n_kinds, n_kinds); no number where the term does not act."""
    assert term.cutoff is not None
    cutoffs, symbols = units.into("length", term.cutoff), [k.symbol for k in system.kinds]
    places = [[term.row(a, b) for b in symbols] for a in symbols]
    return np.array([[np.nan if p is None else cutoffs[p] for p in row] for row in places])


def _charges(system: ParticleSystem, units: Units) -> FloatArray:
    if system.charges is None:
        return np.zeros(len(system))
    return np.asarray(units.into("charge", system.charges))


def _plain(term: PotentialTerm) -> dict[str, float]:
    given = {"accuracy": term.accuracy, "dielectric": term.dielectric}
    return {name: value for name, value in given.items() if value is not None}


def _written(energy: Expression, numbers: dict[str, Any]) -> str:
    put = {name: expression(f"({value!r})") for name, value in numbers.items()}
    return energy.put(**put).plain().text.replace(" ", "")
