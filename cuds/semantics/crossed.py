"""The energy of two torsions that stands in a map, as it is defined: by cubic splines through the points of the map."""

from collections.abc import Iterator

import numpy as np
from scipy.interpolate import CubicSpline

from cuds.arrays import FloatArray
from cuds.model.maps import TorsionMaps
from cuds.model.particles import ParticleSystem
from cuds.semantics.coordinates import internal
from cuds.units import Quantity


def energies(system: ParticleSystem, maps: TorsionMaps) -> Quantity:
    """Return the energy (n_terms,) of every term.

    Source: Mackerell, Feig and Brooks, J. Comput. Chem. 25 (2004) 1400. Splines are periodic here; programs fit them
    over two periods, which differs by 1e-7 of the energies of a map.
    """
    one, two = (internal(system, maps.particles[:, i : i + 4])["phi"] for i in (0, 1))
    grids = maps.energies.in_unit("eV")
    found = np.zeros(len(maps))
    for which in np.unique(maps.row).tolist():
        mine = np.flatnonzero(maps.row == which)
        found[mine] = list(_on(grids[which], one[mine], two[mine]))
    return Quantity(found, "eV")


def _on(grid: FloatArray, one: FloatArray, two: FloatArray) -> Iterator[float]:
    """Yield a map's values at angles in radian."""
    at = np.linspace(-np.pi, np.pi, len(grid) + 1)
    along = CubicSpline(at, np.vstack([grid, grid[:1]]), bc_type="periodic")(one)
    closed = np.hstack([along, along[:, :1]])
    for values, angle in zip(closed, two, strict=True):
        yield float(CubicSpline(at, values, bc_type="periodic")(angle))
