"""Nothing is lost in silence: whatever term is left out or given another number, the comparison notices it.

One term at a time is changed in a system that was read from files, and GROMACS says the energies and forces of what is
left. Particles are moved a little first: in the places that pdb2gmx gives, some terms are at rest.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

import numpy as np
import pytest

import cuds
from cuds.model.potential import ParameterColumn, PotentialTerm
from cuds.semantics.bonded import energy
from cuds.units import Quantity
from tests.translation.cases import FIELDS, Case, case, judge
from tests.translation.test_cases import said

Count = Callable[[int, int], int]
CASES = ("water", *FIELDS)
BY = 1.05  # what a number is multiplied by
SEEN = 10  # times what the rule lets pass: where a term changes the energy by less, it may pass


@dataclass(frozen=True)
class Mutant:
    """A system with one fault.

    Parameters
    ----------
    name : str
        What was done.
    data : DataSet
        The system and its potential.
    effect : float
        By how much its energy must differ, in kJ/mol, as computed here; infinite where that is not computed.
    """

    name: str
    data: cuds.DataSet
    effect: float = np.inf


@cache
def moved(name: str) -> tuple[cuds.ParticleSystem, cuds.Potential, Case]:
    """Return a case with its particles moved, and what GROMACS says of it."""
    data = cuds.read(*case(name).files)
    system, potential = data[cuds.ParticleSystem], data[cuds.Potential]
    x = system.positions.in_unit("nm")
    system = system.replace(positions=(x + np.random.default_rng(4).normal(scale=0.004, size=x.shape), "nm"))
    terms, forces = said(cuds.DataSet(system, potential), "gromacs")
    return system, potential, Case(case(name).files, terms, forces)


def mutants(name: str, size: int) -> Iterator[Mutant]:
    """Yield so many faults of every kind."""
    system, potential, _ = moved(name)
    rng = np.random.default_rng(sum(map(ord, name)))
    topology = system.topology
    assert topology is not None
    for place, group in enumerate(topology.groups):
        for i in rng.choice(len(group), min(size, len(group)), replace=False).tolist():
            others = np.arange(len(group)) != i
            left = group.replace(particles=group.particles[others], row=group.row[others])
            yield _with_group(system, potential, place, left, f"{group!r}: without {i}")
            for symbol in group.parameters:
                yield _with_group(system, potential, place, _changed(group, i, symbol), f"{group!r}: {symbol} of {i}")
    for i in rng.choice(len(topology.exclusions), min(size, len(topology.exclusions)), replace=False).tolist():
        left = np.delete(topology.exclusions, i, axis=0)
        yield Mutant(f"exclusion {i}", _replaced(system, potential, exclusions=left))
    assert system.charges is not None
    charges = system.charges.in_unit("e")
    for i in rng.choice(np.flatnonzero(charges), size, replace=False).tolist():
        other = np.where(np.arange(len(charges)) == i, BY * charges, charges)
        yield Mutant(f"charge {i}", cuds.DataSet(system.replace(charges=(other, "e")), potential))
    yield from _of_pairs(system, potential, rng, size)


def _of_pairs(
    system: cuds.ParticleSystem, potential: cuds.Potential, rng: np.random.Generator, size: int
) -> Iterator[Mutant]:
    """Yield pairs of species with other numbers, where they have any that act."""
    for place, term in enumerate(potential.terms):
        for symbol, column in term.parameters.items():
            acting = np.all([c.values.value for c in term.parameters.values()], axis=0)
            for i in rng.choice(np.flatnonzero(acting), min(size, int(acting.sum())), replace=False).tolist():
                values = column.values.value.copy()
                values[i] *= BY
                other = {**term.parameters, symbol: column.replace(values=Quantity(values, column.values.unit))}
                terms = [t.replace(parameters=other) if k == place else t for k, t in enumerate(potential.terms)]
                mutant = potential.replace(terms=tuple(terms))
                effect = abs(_of_pair(system, terms[place], i) - _of_pair(system, term, i))
                yield Mutant(f"{symbol} between {'-'.join(term.pairs[i])}", cuds.DataSet(system, mutant), effect)


def _of_pair(system: cuds.ParticleSystem, term: PotentialTerm, i: int) -> float:
    """Return the Lennard-Jones energy in kJ/mol of all particles of a pair of species, of the nearest images."""
    assert system.topology is not None
    assert system.cell is not None
    assert term.cutoff is not None
    symbols = np.array(system.symbols)
    first, second = (np.flatnonzero(symbols == name) for name in term.pairs[i])
    pairs = {(min(a, b), max(a, b)) for a in first.tolist() for b in second.tolist() if a != b}
    pairs -= {(min(a, b) - 1, max(a, b) - 1) for a, b in system.topology.exclusions.tolist()}
    if not pairs:
        return 0.0
    a, b = np.array(sorted(pairs)).T
    x, cell = system.positions.in_unit("nm"), system.cell.in_unit("nm")
    fractions = (x[a] - x[b]) @ np.linalg.inv(cell)
    r = np.linalg.norm((fractions - np.rint(fractions)) @ cell, axis=1)
    r = r[r < term.cutoff.in_unit("nm")[i]]
    sigma, epsilon = (
        float(term.parameters[s].values.in_unit(u)[i]) for s, u in (("sigma", "nm"), ("epsilon", "kJ/mol"))
    )
    return float(np.sum(4 * epsilon * ((sigma / r) ** 12 - (sigma / r) ** 6)))


def _replaced(system: cuds.ParticleSystem, potential: cuds.Potential, **changes: Any) -> cuds.DataSet:
    assert system.topology is not None
    return cuds.DataSet(system.replace(topology=system.topology.replace(**changes)), potential)


def _with_group(
    system: cuds.ParticleSystem, potential: cuds.Potential, place: int, group: cuds.TermGroup, name: str
) -> Mutant:
    assert system.topology is not None
    groups = system.topology.groups
    before, after = (np.sum(energy(system, g).in_unit("kJ/mol")) for g in (groups[place], group))
    changed = tuple(group if k == place else g for k, g in enumerate(groups))
    return Mutant(name, _replaced(system, potential, groups=changed), float(abs(after - before)))


def _changed(group: cuds.TermGroup, i: int, symbol: str) -> cuds.TermGroup:
    """Return the group with another number for one of its terms, which gets a row of its own."""
    columns = {}
    for name, column in group.parameters.items():
        own = column.values.value[group.row[i]]
        if name == symbol == "n":
            own += 1  # a whole number
        elif name == symbol:
            own = own * BY if own else 0.05 * (np.abs(column.values.value).max() or 1.0)
        columns[name] = ParameterColumn(
            kind=column.kind, values=Quantity(np.append(column.values.value, own), column.values.unit)
        )
    row = np.where(np.arange(len(group)) == i, group.rows, group.row)
    return group.replace(row=row, parameters=columns)


@pytest.mark.turns(2)
@pytest.mark.parametrize("name", CASES)
def test_every_fault_is_noticed(name: str, count: Count) -> None:
    """A fault may pass only if its own energy, computed here, is below what the rule can see."""
    wanted = moved(name)[2]
    visible = SEEN * 1e-6 * (max(abs(v) for v in wanted.terms.values()) + len(wanted.forces))
    missed, tried, every = [], 0, 1 if count(0, 1) else 3  # of three faults one is tried, or each
    for mutant in islice(mutants(name, count(1, 8)), 0, None, every):
        tried += 1
        if judge(*said(mutant.data, "gromacs"), wanted) == [] and mutant.effect > visible:
            missed.append(f"{mutant.name} ({mutant.effect:.2g} kJ/mol)")
    assert missed == []
    assert tried >= (30 if every == 1 else 3)
    assert judge(*said(cuds.DataSet(*moved(name)[:2]), "gromacs"), wanted) == [], "without a fault nothing is noticed"
