"""Rigid distances in LAMMPS's words: clusters of up to four atoms that its SHAKE holds.

SHAKE holds bonds of some types at the length of the type, and the outer distance of angles of some types between two
such bonds. So a rigid distance is a harmonic bond without stiffness, and the third one of a triangle such an angle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cuds.arrays import AnyArray, FloatArray, IntArray
from cuds.errors import InvalidError, UnsupportedError
from cuds.model.particles import ParticleSystem
from cuds.model.potential import ParameterColumn
from cuds.model.topology import TermGroup
from cuds.semantics.dictionary import EngineWords, form
from cuds.units import Quantity
from cuds_lammps.units import Units

_LARGEST = 4  # atoms that SHAKE holds together
_SHOWN = 10
_FLAT = 1e-4  # relative: SHAKE does not come to an end for three atoms that are so near to a line
_HELD = Quantity(1e-12, "Da")  # SHAKE ends when its multipliers, which are masses, change by less


@dataclass(frozen=True)
class _Clusters:
    """Which atoms rigid distances hold together.

    Parameters
    ----------
    pairs : int array (n, 2)
        Rows of the atoms.
    lengths : array (n,)
        In Å.
    cluster : int array (n_atoms,)
        Of each atom.
    """

    pairs: IntArray
    lengths: FloatArray
    cluster: IntArray

    @property
    def others(self) -> IntArray:
        """The clusters that SHAKE does not hold."""
        of_pair = self.cluster[self.pairs[:, 0]]
        atoms = np.bincount(self.cluster)
        pairs = np.bincount(of_pair, minlength=len(atoms))
        most = np.zeros(len(atoms), dtype=np.int64)
        np.maximum.at(most, self.cluster, np.bincount(self.pairs.ravel(), minlength=len(self.cluster)))
        star = (most == atoms - 1) & (pairs == atoms - 1)
        return np.flatnonzero((pairs > 0) & ~((atoms <= _LARGEST) & (star | (atoms == 3))))

    @property
    def triangles(self) -> IntArray:
        """The rows of the pairs (n, 3) of clusters in which three atoms have three distances."""
        of_pair = self.cluster[self.pairs[:, 0]]
        order = np.argsort(of_pair, kind="stable")
        atoms, pairs = np.bincount(self.cluster), np.bincount(of_pair, minlength=int(self.cluster.max()) + 1)
        closed: IntArray = order[((atoms == 3) & (pairs == 3))[of_pair[order]]].reshape(-1, 3)
        return closed


def held(system: ParticleSystem) -> tuple[TermGroup, ...]:
    """Return the bonds and angles, without energy, whose lengths are the rigid distances of a system.

    Raises
    ------
    UnsupportedError
        For clusters that SHAKE does not hold: of more than four atoms, or of four that are not all bonded to one.
    """
    found = _clusters(system)
    if found is None:
        return ()
    _refuse_others(system, found)
    outer, angles = _angles(system, found)
    kept = np.setdiff1d(np.arange(len(found.pairs)), outer)
    lengths, row = np.unique(found.lengths[kept], return_inverse=True)
    bonds = _without_energy("HarmonicBond", system.ids[found.pairs[kept]], row, r0=Quantity(lengths, "angstrom"))
    return (bonds, angles) if len(outer) else (bonds,)


def holdable(system: ParticleSystem) -> tuple[ParticleSystem, str]:
    """Return a system with those of its rigid distances that SHAKE holds, and in words the others.

    Others are those of larger clusters, of triangles on a line, and of atoms that interact: LAMMPS leaves out what acts
    by distance between bonded atoms.
    """
    topology, found = system.topology, _clusters(system)
    if topology is None or topology.lengths is None or found is None:
        return system, ""
    n = len(system.ids) + int(system.ids.max()) + 1
    excluded = np.sort(topology.exclusions, axis=1) @ [n, 1]
    loose = ~np.isin(np.sort(topology.constrained, axis=1) @ [n, 1], excluded)
    triples, _, opposite = _middles(system, found)
    loose[triples[opposite]] = False  # an angle, no bond, holds it
    longest = found.lengths[triples].max(axis=1, initial=0.0)
    flat = triples[2 * longest >= found.lengths[triples].sum(axis=1) * (1 - _FLAT)]
    of_pair = found.cluster[found.pairs[:, 0]]
    others = np.isin(of_pair, np.concatenate([found.others, of_pair[loose], of_pair[flat.ravel()]]))
    kept = system.replace(
        topology=topology.replace(
            constrained=topology.constrained[~others],
            lengths=None if others.all() else Quantity(topology.lengths.value[~others], topology.lengths.unit),
        )
    )
    if not others.any():
        return system, ""
    number = len(np.unique(of_pair[others]))
    return (
        kept,
        f"{number} sets that SHAKE does not hold, the first between {_named(system, found, of_pair[others][0])}",
    )


def fix(held_types: Mapping[str, Sequence[int]], words: EngineWords, units: Units) -> str:
    """Return the fix that holds bonds and angles of some types, as the dictionary words it."""
    types = " ".join(f"{name[0]} {' '.join(map(str, t))}" for name, t in held_types.items() if t)
    values = {"tolerance": repr(units.into("mass", _HELD)), "types": types}
    said = next(r.coefficients for r in words.rows if r.realises == "RigidDistances")
    return " ".join(values.get(word, word) for word in said.split())


def _clusters(system: ParticleSystem) -> _Clusters | None:
    topology = system.topology
    if topology is None or not len(topology.constrained):
        return None
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    assert topology.lengths is not None  # there are as many as pairs
    order = np.argsort(system.ids)
    pairs = order[np.searchsorted(system.ids, topology.constrained, sorter=order)]
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(system),) * 2)
    return _Clusters(pairs, topology.lengths.in_unit("angstrom"), connected_components(links, directed=False)[1])


def _refuse_others(system: ParticleSystem, found: _Clusters) -> None:
    wrong = found.others
    if len(wrong):
        raise UnsupportedError(
            f"topology: LAMMPS's SHAKE holds two to four atoms, one of them bonded to all others, or a triangle; "
            f"{len(wrong)} sets of rigid distances are larger or other ones, the first between "
            f"{_named(system, found, wrong[0])}",
            hint="take an engine that holds them, or rigid bonds of hydrogens only",
            field="topology",
            engine="lammps",
        )


def _named(system: ParticleSystem, found: _Clusters, cluster: int) -> str:
    atoms = system.ids[found.cluster == cluster].tolist()
    more = f" and {len(atoms) - _SHOWN} more" if len(atoms) > _SHOWN else ""
    return ", ".join(map(str, atoms[:_SHOWN])) + more


def _middles(system: ParticleSystem, found: _Clusters) -> tuple[IntArray, IntArray, AnyArray]:
    """Return rows of the pairs of triangles (n, 3), the heaviest atom of each (n, 1), and which pair is opposite."""
    triples = found.triangles
    ends = found.pairs[triples]  # (n, 3 pairs, 2)
    masses = system.masses.in_unit("Da")
    middle = np.take_along_axis(ends.reshape(-1, 6), masses[ends.reshape(-1, 6)].argmax(axis=1)[:, None], axis=1)
    opposite = ~(ends == middle[:, :, None]).any(axis=2)
    return triples, middle, opposite


def _angles(system: ParticleSystem, found: _Clusters) -> tuple[IntArray, TermGroup]:
    """Return which pairs are the outer ones of triangles, and the angles that hold them; the heaviest is the middle."""
    triples, middle, opposite = _middles(system, found)
    outer = triples[opposite]
    sides = found.lengths[triples[~opposite].reshape(-1, 2)]
    cosine = (np.sum(sides**2, axis=1) - found.lengths[outer] ** 2) / (2 * sides[:, 0] * sides[:, 1])
    if (flat := ~(np.abs(cosine) < 1)).any():
        named = ", ".join(map(str, np.unique(system.ids[found.pairs[triples[np.argmax(flat)]]]).tolist()))
        raise InvalidError(
            f"topology: {flat.sum()} triangles of rigid distances that do not close, the first between {named}",
            hint="no distance is as long as the two others together",
            field="topology",
        )
    particles = np.column_stack([found.pairs[outer][:, 0], middle[:, 0], found.pairs[outer][:, 1]])
    # a type of angle belongs to two lengths of bonds
    kinds = np.column_stack([np.sort(sides, axis=1), found.lengths[outer]])
    _, one, row = np.unique(kinds, axis=0, return_index=True, return_inverse=True)
    theta = np.degrees(np.arccos(cosine[one]))
    return outer, _without_energy("HarmonicAngle", system.ids[particles], row, theta0=Quantity(theta, "degree"))


def _without_energy(name: str, particles: IntArray, row: IntArray, **reference: Quantity) -> TermGroup:
    """Return harmonic terms of no stiffness."""
    ((symbol, values),) = reference.items()
    free = form(name).free
    given = {"k": Quantity(np.zeros(len(values)), "eV/angstrom**2" if symbol == "r0" else "eV/radian**2")}
    return TermGroup(
        role="bond" if symbol == "r0" else "angle",
        form=name,
        particles=particles,
        row=row.ravel(),
        parameters={s: ParameterColumn(kind=free[s].kind, values=v) for s, v in (given | reference).items()},
    )
