"""Five atoms at given torsions, and maps over them."""

from itertools import combinations
from typing import Any

import numpy as np

import cuds

CARBON = cuds.Species(symbol="C", atomic_number=6, mass="12.011 Da")
_LENGTH, _ANGLE = 1.5, np.radians(112.0)


def maps_over(rng: np.random.Generator, points: int = 24) -> cuds.TorsionMaps:
    """A random map over atoms 1 to 5."""
    return cuds.TorsionMaps(
        particles=[[1, 2, 3, 4, 5]], row=[0], energies=(rng.normal(0, 6, (1, points, points)), "kJ/mol")
    )


def chain_at(phi: float, psi: float, maps: cuds.TorsionMaps, **more: Any) -> cuds.ParticleSystem:
    """Five atoms in a row, the torsions in degrees, none of them interacting by distance, in a skew cell."""
    x = [np.zeros(3), np.array([_LENGTH, 0, 0])]
    x.append(x[1] + _LENGTH * np.array([-np.cos(_ANGLE), np.sin(_ANGLE), 0]))
    for torsion in np.radians([phi, psi]):
        b = (x[-1] - x[-2]) / _LENGTH
        n = np.cross(x[-2] - x[-3], b)
        n /= np.linalg.norm(n)
        step = [-np.cos(_ANGLE), np.sin(_ANGLE) * np.cos(torsion), np.sin(_ANGLE) * np.sin(torsion)]
        x.append(x[-1] + _LENGTH * (np.array(step) @ [b, np.cross(n, b), n]))
    given: dict[str, Any] = {
        "positions": (np.array(x) + 7.3, "angstrom"), "species": np.zeros(5, dtype=int), "kinds": (CARBON,),
        "cell": ([[30.0, 0, 0], [3, 31, 0], [-4, 2, 32]], "angstrom"), "pbc": (True,) * 3,
        "topology": cuds.Topology(maps=(maps,), exclusions=list(combinations(range(1, 6), 2))),
    }  # fmt: skip
    return cuds.ParticleSystem(**(given | more))
