"""Pairs three bonds apart as LAMMPS computes them itself: CHARMM's dihedrals add what acts between their ends.

Lennard-Jones of its ends is that of their two types, with parameters of its own, and Coulomb is that of their charges;
a weight stands before both. So pairs are told in this way where those of two types are alike but for their weight, as
in most force fields. Else they are formulas, which LAMMPS translates anew in every step.
"""

from dataclasses import dataclass, replace

import numpy as np

from cuds.arrays import AnyArray, IntArray
from cuds.model.particles import ParticleSystem
from cuds.model.topology import TermGroup, Topology
from cuds.semantics.bonded import Wording, columns, told
from cuds.semantics.dictionary import EngineWords, Row
from cuds.units import Quantity
from cuds_lammps.styles import Style
from cuds_lammps.units import Units

# Only its parameters for the ends of dihedrals are wanted, so it ends where no atoms are.
_INNER, _CUTOFF = Quantity(0.01, "angstrom"), Quantity(0.02, "angstrom")
# CHARMM's dihedrals ask for the third zero, which is for the ends of dihedrals: `apart` sees that they are excluded.
SPECIAL = "special_bonds lj/coul 0.0 1.0 0.0 dihedral yes"
_SAME = 1e-15  # relative: so much a weight that is divided out and put back may change a parameter


@dataclass(frozen=True)
class Apart:
    """How pairs are told.

    Parameters
    ----------
    groups : tuple of TermGroup
        Which groups of the topology they are.
    words : list of tuple of Row and str
        The types of dihedrals.
    row : int array (n,)
        Of which of them each pair is.
    particles : int array (n, 4)
        Ids, the pair at the ends.
    style : Style
        The pair style that has the parameters.
    """

    groups: tuple[TermGroup, ...]
    words: list[tuple[Row, str]]
    row: IntArray
    particles: IntArray
    style: Style


@dataclass(frozen=True)
class _Pairs:
    """Terms between two particles.

    Parameters
    ----------
    keys : int array (n,)
        One number for each two particles, in order.
    values : mapping of str to array (n,)
        Parameters in eV, Å and e.
    """

    keys: IntArray
    values: dict[str, AnyArray]

    @property
    def once(self) -> bool:
        """Whether no two particles have two terms."""
        return len(np.unique(self.keys)) == len(self.keys)


def apart(system: ParticleSystem, words: EngineWords, units: Units) -> Apart | None:
    """Return how the pairs of a system are told; None where some of them cannot be told like this."""
    topology = system.topology
    known = {
        r.realises: r for r in words.rows if r.role == "pair" and units.keyword in (r.unit_sets or [units.keyword])
    }
    if topology is None or system.charges is None or not {"LennardJones", "ScaledCoulomb"} <= known.keys():
        return None
    groups = tuple(g for g in topology.of_role("pair") if g.form in known)
    near, charged = (_pairs(system, [g for g in groups if g.form == f]) for f in ("LennardJones", "ScaledCoulomb"))
    ends, particles = _dihedrals(system, topology, charged.keys)
    scale = charged.values.get("scale", np.empty(0))
    fits = len(charged.keys) and near.once and charged.once and np.isin(near.keys, charged.keys).all()
    fits = fits and bool((scale > 0).all() and (scale <= 1).all()) and np.isin(charged.keys, ends).all()
    if not (fits and np.isin(ends, _keys(system, topology.exclusions)).all()):
        return None  # between the ends of dihedrals LAMMPS leaves out also what is not excluded
    coefficients = _by_types(system, near, charged, Wording(known["LennardJones"], "LennardJones", {}), units)
    if coefficients is None:
        return None
    weights, row = np.unique(scale, return_inverse=True)
    spelled = told(Wording(known["ScaledCoulomb"], "ScaledCoulomb", {"scale": weights}), units.coherent)
    arguments = " ".join(repr(units.into("length", d)) for d in (_INNER, _CUTOFF))
    return Apart(
        groups=groups,
        words=[(known["ScaledCoulomb"], " ".join(c[i] for c in spelled)) for i in range(len(weights))],
        row=row.ravel(),
        particles=particles[np.searchsorted(ends, charged.keys)],
        style=Style(known["LennardJones"], arguments, coefficients=coefficients),
    )


def _keys(system: ParticleSystem, pairs: IntArray) -> IntArray:
    order = np.argsort(system.ids)
    rows = np.sort(order[np.searchsorted(system.ids, pairs, sorter=order)].reshape(-1, 2), axis=1)
    return np.asarray(rows @ [len(system), 1], dtype=np.int64)


def _pairs(system: ParticleSystem, groups: list[TermGroup]) -> _Pairs:
    """Return the terms of some groups of one form, in the order of their keys."""
    if not groups:
        return _Pairs(np.empty(0, dtype=np.int64), {})
    keys = np.concatenate([_keys(system, g.particles) for g in groups])
    found = [{s: np.broadcast_to(c, g.rows)[g.row] for s, c in columns(g).items() if s in g.parameters} for g in groups]
    order = np.argsort(keys, kind="stable")
    return _Pairs(keys[order], {s: np.concatenate([f[s] for f in found])[order] for s in found[0]})


def _dihedrals(system: ParticleSystem, topology: Topology, pairs: IntArray) -> tuple[IntArray, IntArray]:
    """Return the keys of the ends of dihedrals, each once, in order, and the ids of one of each (n, 4).

    They are those of the topology, and for pairs that are the ends of none two particles between them: which does not
    matter, as long as they are so near that LAMMPS has all four at hand.
    """
    found = [g.particles for g in topology.groups if g.particles.shape[1] == 4]
    particles = np.concatenate([np.empty((0, 4), dtype=np.int64), *found])
    missing = np.setdiff1d(pairs, _keys(system, particles[:, [0, 3]]))
    if len(missing):
        particles = np.concatenate([particles, _between(system.ids[np.column_stack(np.divmod(missing, len(system)))],
                                                        topology.exclusions)])  # fmt: skip
    keys, first = np.unique(_keys(system, particles[:, [0, 3]]), return_index=True)
    return keys, particles[first]


def _between(ends: IntArray, exclusions: IntArray) -> IntArray:
    """Return dihedrals (n, 4) whose particles are all excluded from each other; none for ends that have none."""
    near: dict[int, set[int]] = {}
    for one, two in exclusions.tolist():
        near.setdefault(one, set()).add(two)
        near.setdefault(two, set()).add(one)
    made = []
    for one, two in ends.tolist():
        both = near.get(one, set()) & near.get(two, set())
        middle = next(((a, b) for a in sorted(both) for b in sorted(both & near[a])), None)
        if middle:
            made.append([one, *middle, two])
    return np.array(made, dtype=np.int64).reshape(-1, 4)


def _by_types(
    system: ParticleSystem, near: _Pairs, charged: _Pairs, said: Wording, units: Units
) -> dict[str, str] | None:
    """Return the parameters of each two types of atom as they are told; None where some have several."""
    place = {id(k): i for i, k in enumerate(system.kinds_used(), start=1)}
    types = np.array([place.get(id(k), 0) for k in system.kinds])[system.species]
    both = np.sort(types[np.column_stack(np.divmod(charged.keys, len(system)))], axis=1)
    epsilon, sigma = np.zeros(len(both)), np.ones(len(both))
    where = np.searchsorted(charged.keys, near.keys)
    if len(where):
        epsilon[where] = near.values["epsilon"] / charged.values["scale"][where]
        sigma[where] = near.values["sigma"]
    kinds, first, of = np.unique(both, axis=0, return_index=True, return_inverse=True)
    for values in (epsilon, sigma):
        if (np.abs(values - values[first][of.ravel()]) > _SAME * np.abs(values)).any():
            return None
    said = replace(said, columns={"epsilon": epsilon[first], "sigma": sigma[first]})
    spelled = told(said, units.coherent)
    return {f"{i} {j}": " ".join(c[n] for c in spelled) for n, (i, j) in enumerate(kinds.tolist())}
