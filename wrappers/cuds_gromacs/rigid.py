"""Distances that do not change while particles move: which of GROMACS's ways holds them."""

from collections.abc import Sequence

import numpy as np

from cuds.model.particles import ParticleSystem
from cuds_gromacs.blocks import Block, blocks

_ORDER, _ROUNDS = 24, 4  # of LINCS: speeds along a chain are below 1e-6 nm/ps; with the usual 4 and 1 energy is lost
_TOLERANCE = {"double": 1e-10, "mixed": 1e-6}  # of SHAKE, relative


def settles(system: ParticleSystem, kinds: Sequence[Block], counts: Sequence[tuple[int, int]]) -> int | None:
    """Return the kind of molecule that SETTLE holds rigid: the water of which there is most, if it stands together.

    GROMACS solves one geometry by SETTLE, and takes its molecules in one run.
    """
    runs = [kind for kind, _ in counts]
    found = [(n, kind) for kind, n in counts if runs.count(kind) == 1 and _is_water(system, kinds[kind])]
    return max(found)[1] if found else None


def _is_water(system: ParticleSystem, block: Block) -> bool:
    """Whether it is an isosceles triangle: first the atom at the top, then two of one mass."""
    at = block.at
    if block.size < 3 or at.keys() != {(0, 1), (0, 2), (1, 2)}:
        return False
    masses = system.masses.in_unit("Da")[block.start : block.start + 3]
    return bool(at[0, 1] == at[0, 2] and masses[1] == masses[2])


def constraint_settings(system: ParticleSystem, precision: str) -> dict[str, str]:
    """Return the run parameters that hold rigid distances while particles move, by name.

    Distances that form rings are SHAKE's: the expansion of LINCS converges badly for them.
    """
    if not held(system):
        return {}
    kinds, counts = blocks(system.replace(naming=None))  # as the topology is written
    settled = settles(system, kinds, counts)
    if any(_has_rings(block) for i, block in enumerate(kinds) if i != settled):
        return {"constraint-algorithm": "shake", "shake-tol": repr(_TOLERANCE[precision])}
    return {"constraint-algorithm": "lincs", "lincs-order": str(_ORDER), "lincs-iter": str(_ROUNDS)}


def held(system: ParticleSystem) -> int:
    """Return how many distances are rigid."""
    return 0 if system.topology is None else len(system.topology.constrained)


def _has_rings(block: Block) -> bool:
    """Whether there are as many distances as atoms in some part that they join."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = block.constrained
    if not len(pairs):
        return False
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(block.size, block.size))
    parts, _ = connected_components(graph, directed=False)
    return bool(len(pairs) > block.size - parts)
