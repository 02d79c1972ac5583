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
from cuds_lammps.styles import columns
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
    i, j = excluded.T
    products = _charges(system, units)[i] * _charges(system, units)[j]
    for term, energy in _acting(potential):
        places = _places(system, term)[system.species[i], system.species[j]]
        some = (places >= 0) & (products != 0)
        keys = list(zip(products[some].tolist(), places[some].tolist(), strict=True))
        numbers, ended = columns(term, units), expression("energy*step(cutoff-r)").put(energy=energy)
        known: dict[tuple[float, int], str] = {}
        for product, place in dict.fromkeys(keys):
            of_pair = {name: float(column[place]) for name, column in numbers.items()}
            known[product, place] = _written(ended, {"q1": product, "q2": 1.0, "K": units.coulomb, **of_pair})
        yield excluded[some], [known[key] for key in keys]


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
        places = np.diag(_places(system, term))
        numbers = {name: column[places] for name, column in columns(term, units).items()}
        each = energy({**numbers, "q1": 1.0, "q2": 1.0, "K": units.coulomb, "r": 0.0}) / 2
        found += np.where(places >= 0, each, 0.0)
    return found


def _acting(potential: Potential) -> Iterator[tuple[PotentialTerm, Expression]]:
    for term in potential.terms:
        energy = between_excluded(term.form, term.truncation)
        if energy is not None:
            yield term, energy


def _places(system: ParticleSystem, term: PotentialTerm) -> IntArray:
    """Return the place of each pair of species (n_kinds, n_kinds) in a term; -1 where it does not act."""
    symbols = [k.symbol for k in system.kinds]
    places = [[term.row(a, b) for b in symbols] for a in symbols]
    return np.array([[-1 if p is None else p for p in row] for row in places])


def _charges(system: ParticleSystem, units: Units) -> FloatArray:
    if system.charges is None:
        return np.zeros(len(system))
    return np.asarray(units.into("charge", system.charges))


def _written(energy: Expression, numbers: dict[str, Any]) -> str:
    put = {name: expression(f"({value!r})") for name, value in numbers.items()}
    return energy.put(**put).plain().text.replace(" ", "")
