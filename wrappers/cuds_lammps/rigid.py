"""Rigid distances in LAMMPS's words: clusters of up to four atoms that its SHAKE holds.

SHAKE holds bonds of some types at the length of the type, and the outer distance of angles of some types between two
such bonds. So a rigid distance is a harmonic bond without stiffness, and the third one of a triangle such an angle.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cuds.arrays import FloatArray, IntArray
from cuds.errors import InvalidError, UnsupportedError
from cuds.model.particles import ParticleSystem
from cuds.model.potential import ParameterColumn
from cuds.model.topology import TermGroup
from cuds.semantics.dictionary import form
from cuds.units import Quantity

_LARGEST = 4  # atoms that SHAKE holds together
_SHOWN = 10


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
    topology = system.topology
    if topology is None or not len(topology.constrained):
        return ()
    assert topology.lengths is not None  # there are as many as pairs
    order = np.argsort(system.ids)
    pairs = order[np.searchsorted(system.ids, topology.constrained, sorter=order)]
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(system),) * 2)
    found = _Clusters(pairs, topology.lengths.in_unit("angstrom"), connected_components(links, directed=False)[1])
    _refuse_others(system, found)
    outer, angles = _angles(system, found)
    kept = np.setdiff1d(np.arange(len(pairs)), outer)
    lengths, row = np.unique(found.lengths[kept], return_inverse=True)
    bonds = _without_energy("HarmonicBond", system.ids[pairs[kept]], row, r0=Quantity(lengths, "angstrom"))
    return (bonds, angles) if len(outer) else (bonds,)


def _refuse_others(system: ParticleSystem, found: _Clusters) -> None:
    of_pair = found.cluster[found.pairs[:, 0]]
    atoms = np.bincount(found.cluster)
    pairs = np.bincount(of_pair, minlength=len(atoms))
    most = np.zeros(len(atoms), dtype=np.int64)
    np.maximum.at(most, found.cluster, np.bincount(found.pairs.ravel(), minlength=len(system)))
    star = (most == atoms - 1) & (pairs == atoms - 1)
    wrong = np.flatnonzero((pairs > 0) & ~((atoms <= _LARGEST) & (star | (atoms == 3))))
    if len(wrong):
        first = system.ids[found.cluster == wrong[0]].tolist()
        named = ", ".join(map(str, first[:_SHOWN])) + (
            f" and {len(first) - _SHOWN} more" if len(first) > _SHOWN else ""
        )
        raise UnsupportedError(
            f"topology: LAMMPS's SHAKE holds two to four atoms, one of them bonded to all others, or a triangle; "
            f"{len(wrong)} sets of rigid distances are larger or other ones, the first between {named}",
            hint="take an engine that holds them, or rigid bonds of hydrogens only",
            field="topology",
            engine="lammps",
        )


def _angles(system: ParticleSystem, found: _Clusters) -> tuple[IntArray, TermGroup]:
    """Return which pairs are the outer ones of triangles, and the angles that hold them; the heaviest is the middle."""
    triples = found.triangles
    ends = found.pairs[triples]  # (n, 3 pairs, 2)
    masses = system.masses.in_unit("Da")
    middle = np.take_along_axis(ends.reshape(-1, 6), masses[ends.reshape(-1, 6)].argmax(axis=1)[:, None], axis=1)
    opposite = ~(ends == middle[:, :, None]).any(axis=2)
    outer = triples[opposite]
    sides = found.lengths[triples[~opposite].reshape(-1, 2)]
    cosine = (np.sum(sides**2, axis=1) - found.lengths[outer] ** 2) / (2 * sides[:, 0] * sides[:, 1])
    if (flat := ~(np.abs(cosine) < 1)).any():
        named = ", ".join(map(str, np.unique(system.ids[ends[np.argmax(flat)]]).tolist()))
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
