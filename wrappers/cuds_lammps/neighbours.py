"""First, second and third neighbours along bonds, and what LAMMPS's three factors for them mean.

A pair with factors 0 is excluded; one with factors 1 is like any other; anything between is excluded and has a part of
its interaction as terms of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array

from cuds.arrays import FloatArray, IntArray
from cuds.errors import UnsupportedError
from cuds.model.particles import ParticleSystem
from cuds.model.potential import ParameterColumn, PotentialTerm
from cuds.model.topology import Role, TermGroup
from cuds.semantics.coordinates import internal
from cuds.semantics.dictionary import dictionary, form
from cuds.semantics.dimension import dimension, powers
from cuds.units import Quantity

_PAIR: Role = "pair"


def neighbours(count: int, bonds: IntArray) -> list[IntArray]:
    """Return pairs (n, 2) of atoms, counted from 0, that are one, two and three bonds apart at least."""
    one, two = bonds.T
    ends = np.concatenate([one, two]), np.concatenate([two, one])
    joined: Any = csr_array(coo_array((np.ones(len(ends[0]), dtype=np.int64), ends), shape=(count, count)))
    near = [_pairs(joined, count)]
    second: Any = joined @ joined
    second.setdiag(0)
    second.eliminate_zeros()
    near.append(np.setdiff1d(_pairs(second, count), near[0], assume_unique=True))
    third = np.setdiff1d(_pairs(joined @ second, count), np.concatenate(near), assume_unique=True)
    return [np.column_stack(np.divmod(keys, count)) for keys in (*near, third)]


def _pairs(matrix: Any, count: int) -> IntArray:
    """Return the places above the diagonal that are not zero, as row * count + column."""
    found = coo_array(matrix)
    row, column = (np.asarray(c, dtype=np.int64) for c in found.coords)
    above = row < column
    return np.unique(row[above] * count + column[above])


@dataclass(frozen=True)
class Weighed:
    """Pairs that interact in part.

    Parameters
    ----------
    pairs : int array (n, 2)
        Ids.
    of_distance, of_charges : float
        Which part of what acts between all particles, and of the charges.
    """

    pairs: IntArray
    of_distance: float
    of_charges: float


def weighed(
    system: ParticleSystem,
    bonds: IntArray,
    special: tuple[tuple[float, ...], tuple[float, ...]],
    terms: tuple[PotentialTerm, ...],
    ends: IntArray | None = None,
) -> tuple[IntArray, list[Weighed]]:
    """Return the excluded pairs of ids, and those that interact in part.

    Parameters
    ----------
    system : ParticleSystem
        Its ids are in order.
    bonds : int array (n, 2)
        Ids.
    special : tuple
        Factors of what acts by distance, and of charges, for first, second and third neighbours.
    terms : tuple of PotentialTerm
        What acts between all.
    ends : int array (n, 2), optional
        Ids of the only pairs that count as third neighbours.
    """
    excluded, parts = [np.empty((0, 2), dtype=np.int64)], []
    if len(bonds):
        charges = any(t.form == "Coulomb" for t in terms)
        others = any(t.form != "Coulomb" for t in terms)
        near = neighbours(len(system), np.searchsorted(system.ids, bonds))
        if ends is not None:
            wanted = np.sort(np.searchsorted(system.ids, ends), axis=1) @ [len(system), 1]
            near[2] = near[2][np.isin(near[2] @ [len(system), 1], wanted)]
        for pairs, lj, coul in zip(near, *special, strict=True):
            acting = {f for f, acts in ((lj, others), (coul, charges)) if acts}
            if acting and acting != {1.0} and len(pairs):
                excluded.append(system.ids[pairs])
                if acting != {0.0}:
                    parts.append(Weighed(system.ids[pairs], lj * others, coul * charges))
    return np.concatenate(excluded), parts


def partial(system: ParticleSystem, part: Weighed, terms: tuple[PotentialTerm, ...]) -> Iterator[TermGroup]:
    """Yield what acts between pairs that interact in part, as terms of their own.

    Raises
    ------
    UnsupportedError
        Where the truncation of the potential would matter in such a pair.
    """
    for term in terms:
        factor = part.of_charges if term.form == "Coulomb" else part.of_distance
        if not factor:
            continue
        rows, pairs = _rows(system, part.pairs, term)
        _refuse_truncated(system, pairs, rows, term, factor)
        if term.form == "Coulomb":
            yield charged(pairs, factor)
        else:
            yield _scaled(pairs, rows, term, factor)


def charged(pairs: IntArray, factor: float) -> TermGroup:
    """Return a part of the interaction of the charges of pairs."""
    scale = ParameterColumn(kind="Dimensionless", values=Quantity(np.array([factor]), "1"))
    return TermGroup(
        role=_PAIR, form="ScaledCoulomb", particles=pairs, row=np.zeros(len(pairs)), parameters={"scale": scale}
    )


def _rows(system: ParticleSystem, pairs: IntArray, term: PotentialTerm) -> tuple[IntArray, IntArray]:
    """Return the row of parameters of each pair between which a term acts, and these pairs."""
    symbols = [k.symbol for k in system.kinds]
    place = np.array([[-1 if (r := term.row(a, b)) is None else r for b in symbols] for a in symbols])
    kinds = system.species[np.searchsorted(system.ids, pairs)]
    rows = place[kinds[:, 0], kinds[:, 1]]
    return rows[rows >= 0], pairs[rows >= 0]


def _scaled(pairs: IntArray, rows: IntArray, term: PotentialTerm, factor: float) -> TermGroup:
    """Return terms with that part of the energy: all parameters that are energies are multiplied."""
    energies = {s for s, p in form(term.form).free.items() if powers(dimension(p.dimension)).get("energy") == 1}
    if not energies or term.files:
        raise UnsupportedError(
            f"special_bonds: a part ({factor:g}) of {term.name} between {len(pairs)} pairs, the first "
            f"{'-'.join(map(str, pairs[0].tolist()))}",
            hint="cuds says parts of energies that are multiples of a parameter; factors 0 and 1 are fine",
            field="topology",
        )
    used, row = np.unique(rows, return_inverse=True)
    columns = {
        s: c.replace(values=Quantity(c.values.value[used] * (factor if s in energies else 1.0), c.values.unit))
        for s, c in term.parameters.items()
    }
    return TermGroup(role=_PAIR, form=term.form, particles=pairs, row=row.reshape(-1), parameters=columns)


def _refuse_truncated(
    system: ParticleSystem, pairs: IntArray, rows: IntArray, term: PotentialTerm, factor: float
) -> None:
    """Refuse pairs whose partial interaction the cutoff, a shift or a switch would change."""
    known = dictionary()["truncations"][term.truncation]
    ends = term.inner if known["switched"] else term.cutoff
    assert ends is not None
    distances: FloatArray = internal(system, pairs)["r"]
    far = np.flatnonzero(distances >= ends.in_unit("angstrom")[rows])
    why = f"{len(far)} of them lie beyond {'where it is switched off' if known['switched'] else 'its cutoff'}"
    first = far[0] if len(far) else 0
    if not len(far) and (known["inside"] == "E" or not len(pairs)):
        return
    if not len(far):
        why = f"and its truncation, {term.truncation}, adds to each of them"
    raise UnsupportedError(
        f"special_bonds: a part ({factor:g}) of {term.form} between {len(pairs)} pairs, {why}, the first "
        f"{'-'.join(map(str, pairs[first].tolist()))}",
        hint="pair_modify shift no, or a larger cutoff; factors 0 and 1 are fine",
        field="topology",
    )
