"""Molecules of a system: runs of atoms that nothing bonds to any other, and which of them are alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from cuds.arrays import AnyArray, FloatArray, IntArray
from cuds.model.particles import ParticleSystem
from cuds.model.topology import Topology
from cuds_gromacs.names import names


@dataclass(frozen=True)
class Block:
    """A run of atoms that nothing bonds to any other; one for all that are alike.

    Parameters
    ----------
    start, size : int
        Its first atom, counted from 0, and how many there are.
    terms : tuple of (array (n, k), array (n,))
        For each group of the topology: atoms counted from the start, and their rows of parameters.
    exclusions : array (n, 2)
        Counted from the start.
    constrained : array (n, 2)
        The same.
    lengths : array (n,)
        In nm.
    maps, sites : tuple of (array (n, k), array (n,))
        As the terms, for each group of torsion maps and of virtual sites.
    """

    start: int
    size: int
    terms: tuple[tuple[IntArray, IntArray], ...]
    exclusions: IntArray
    constrained: IntArray
    lengths: FloatArray
    maps: tuple[tuple[IntArray, IntArray], ...] = ()
    sites: tuple[tuple[IntArray, IntArray], ...] = ()

    @property
    def at(self) -> dict[tuple[int, int], float]:
        """Rigid distances in nm by the two atoms, the lower number first."""
        pairs = np.sort(self.constrained, axis=1).tolist()
        return {(i, j): float(d) for (i, j), d in zip(pairs, self.lengths, strict=True)}


def blocks(system: ParticleSystem) -> tuple[list[Block], list[tuple[int, int]]]:
    """Return the kinds of molecule, and of which kind and how many there are, in the order of the atoms."""
    topology = system.topology or Topology()
    order = np.argsort(system.ids)

    def placed(ids: IntArray) -> IntArray:
        return order[np.searchsorted(system.ids, ids, sorter=order)]

    terms = [(placed(g.particles), g.row) for g in topology.groups]
    terms += [(placed(m.particles), m.row) for m in topology.maps]
    terms += [(placed(s.particles), s.row) for s in topology.sites]
    exclusions, constrained = placed(topology.exclusions), placed(topology.constrained)
    lengths = np.empty(0) if topology.lengths is None else np.asarray(topology.lengths.in_unit("nm"))
    edges = [exclusions, constrained, *(t[:, [i, i + 1]] for t, _ in terms for i in range(t.shape[1] - 1))]
    starts = _starts(len(system), np.concatenate(edges))
    columns: list[tuple[IntArray, AnyArray]] = [*terms, (exclusions, np.zeros(len(exclusions))), (constrained, lengths)]
    cut = [_cut(atoms, more, starts) for atoms, more in columns]
    charges = np.zeros(len(system)) if system.charges is None else system.charges.in_unit("e")
    called = names(system)
    numbers = len(topology.groups), len(topology.maps), len(topology.sites)
    kinds: list[Block] = []
    known: dict[bytes, int] = {}
    counts: list[tuple[int, int]] = []
    ends = np.append(starts[1:], len(system))
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        parts = [next(p) for p in cut]
        parts = [(atoms - start, more) for atoms, more in parts]
        key = _key(system.species[start:end], charges[start:end], parts) + called.key(start, end)
        if key not in known:
            known[key] = len(kinds)
            *of_terms, (excluded, _), (rigid, at) = parts
            known_here = iter(of_terms)
            groups, maps, sites = (tuple(islice(known_here, n)) for n in numbers)
            kinds.append(Block(start, end - start, groups, excluded, rigid, at, maps, sites))
        if counts and counts[-1][0] == known[key]:
            counts[-1] = (known[key], counts[-1][1] + 1)
        else:
            counts.append((known[key], 1))
    return kinds, counts


def _starts(count: int, edges: IntArray) -> IntArray:
    """Return the first atoms of the runs: as short as they can be so that no bond leaves one."""
    farthest = np.arange(count)
    np.maximum.at(farthest, edges.min(axis=1), edges.max(axis=1))
    reach = np.maximum.accumulate(farthest)  # how far what begins up to here goes
    return np.flatnonzero(np.concatenate([[True], reach[:-1] < np.arange(1, count)])[:count])


def _cut(atoms: IntArray, more: AnyArray, starts: IntArray) -> Iterator[tuple[IntArray, AnyArray]]:
    """Yield, for each run, the rows that are in it."""
    block = np.searchsorted(starts, atoms[:, 0], side="right") - 1
    order = np.argsort(block, kind="stable")
    bounds = np.searchsorted(block[order], np.arange(len(starts) + 1))
    for begin, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        rows = order[begin:end]
        yield atoms[rows], more[rows]


def _key(species: IntArray, charges: FloatArray, parts: list[tuple[IntArray, AnyArray]]) -> bytes:
    return b"|".join([species.tobytes(), charges.tobytes(), *(a.tobytes() + b"," + m.tobytes() for a, m in parts)])
