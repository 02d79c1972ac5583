"""A cutoff with a long-range correction, as GROMACS has it: where its mean over pairs is that over all particles.

GROMACS takes the mean of the powers of Lennard-Jones over the pairs that are not excluded, and no particle is a pair
with itself. Of one kind of particle, and of one kind of molecule with one that interacts, that is the mean over all.
"""

import numpy as np

from cuds.arrays import FloatArray
from cuds.errors import UnsupportedError
from cuds.model.particles import ParticleSystem
from cuds.model.potential import Potential
from cuds_gromacs.written import pair_numbers

_TAIL = "TailCorrectedCutoff"
_ALIKE = 1e-9  # relative


def with_tails(system: ParticleSystem, potential: Potential) -> Potential:
    """Return a potential whose corrected cutoffs are sharp ones with GROMACS's correction.

    Raises
    ------
    UnsupportedError
        Where that is another correction.
    """
    if not any(t.truncation == _TAIL for t in potential.terms):
        return potential
    powers = pair_numbers(system, potential, rule=1)
    count = np.bincount(system.species, minlength=len(system.kinds)).astype(np.float64)
    everyone, theirs = np.outer(count, count), _pairs(system, count)
    off = np.abs(_mean(powers, theirs) - (wanted := _mean(powers, everyone))) / np.maximum(np.abs(wanted), 1e-300)
    if (off > _ALIKE).any():
        raise UnsupportedError(
            f"potential: GROMACS corrects for what is cut off by a mean over the pairs that are not excluded, which is "
            f"{off.max():.2g} (relative) from the {_TAIL} of this system",
            hint="for GROMACS's own give truncation='SharpCutoff', correction='AverageLennardJones'",
            field="truncation",
            engine="gromacs",
        )
    return potential.replace(terms=tuple(
        t.replace(truncation="SharpCutoff", correction="AverageLennardJones") if t.truncation == _TAIL else t
        for t in potential.terms
    ))  # fmt: skip


def _pairs(system: ParticleSystem, count: FloatArray) -> FloatArray:
    """Return how many ordered pairs of two kinds are not excluded."""
    found = np.outer(count, count) - np.diag(count)
    if system.topology is not None and len(system.topology.exclusions):
        order = np.argsort(system.ids)
        ids = np.unique(np.sort(system.topology.exclusions, axis=1), axis=0)
        one, two = system.species[order[np.searchsorted(system.ids, ids, sorter=order)]].T
        np.subtract.at(found, (one, two), 1.0)
        np.subtract.at(found, (two, one), 1.0)
    return found


def _mean(powers: FloatArray, pairs: FloatArray) -> FloatArray:
    """Return the means of both powers, (2,)."""
    return np.asarray(np.einsum("ij,ijp->p", pairs, powers) / max(1.0, pairs.sum()))
