"""Which pairs of atoms do not interact: those a few bonds apart."""

import numpy as np

from cuds.arrays import IntArray


def excluded(atoms: int, bonds: IntArray, nrexcl: int, more: IntArray) -> IntArray:
    """Return every pair (m, 2) of different atoms that are excluded, the lower number first, sorted.

    Parameters
    ----------
    atoms : int
        How many there are.
    bonds : array (b, 2)
        Those that exclusions follow.
    nrexcl : int
        Atoms that are at most so many bonds apart are excluded.
    more : array (e, 2)
        Pairs that are excluded beside these, in any order.
    """
    if not atoms:
        return np.empty((0, 2), dtype=np.int64)
    both = _distinct(_code(np.concatenate([bonds, bonds[:, ::-1]]), atoms))
    found = edge = np.arange(atoms) * (atoms + 1)  # each atom with itself
    degree = np.bincount(both // atoms, minlength=atoms)
    start = np.concatenate([[0], np.cumsum(degree)])
    for _ in range(nrexcl):
        first, middle = np.divmod(edge, atoms)
        count = degree[middle]
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        last = both[np.repeat(start[middle], count) + within] % atoms
        reached = _distinct(np.repeat(first, count) * atoms + last)
        edge = reached[found[np.searchsorted(found, reached).clip(max=len(found) - 1)] != reached]
        if not len(edge):
            break
        found = np.sort(np.concatenate([found, edge]))
    added = _code(np.concatenate([more, more[:, ::-1]]), atoms)
    pairs = np.stack(np.divmod(_distinct(np.concatenate([found, added])), atoms))
    return np.asarray(pairs.T[pairs[0] < pairs[1]], dtype=np.int64)


def _code(pairs: IntArray, atoms: int) -> IntArray:
    return np.asarray(pairs[:, 0] * atoms + pairs[:, 1], dtype=np.int64)


def _distinct(numbers: IntArray) -> IntArray:
    """Return each number once, sorted; numpy's own way is several times slower for so many."""
    ordered = np.sort(numbers)
    new = np.concatenate([np.ones(min(len(ordered), 1), dtype=bool), ordered[1:] != ordered[:-1]])
    return np.asarray(ordered[new], dtype=np.int64)
