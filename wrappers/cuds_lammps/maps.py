"""Maps of torsions (CMAP) in LAMMPS's words: ``fix cmap``, its file of maps, and a section of the data file."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cuds.arrays import FloatArray, IntArray
from cuds.errors import UnsupportedError
from cuds.model.images import nearest
from cuds.model.particles import ParticleSystem
from cuds.model.potential import ParameterFile
from cuds.model.topology import Topology
from cuds.semantics.dictionary import EngineWords
from cuds_lammps.units import Units

FIX = "cuds_maps"
_POINTS, _MOST, _OF_AN_ATOM = 24, 6, 6  # of a map in each direction; maps; terms that an atom can be in
_FLAT = 1e-4  # Å^4, the square of a cross product of two bonds below which LAMMPS leaves a term out
_A_LINE = 8  # numbers


@dataclass(frozen=True)
class Crossterms:
    """What LAMMPS is told of maps.

    Parameters
    ----------
    file : ParameterFile
        The maps.
    rows : int array (n, 6)
        Map and atoms of each term, counted from 1.
    """

    file: ParameterFile
    rows: IntArray

    def commands(self, place: str) -> list[str]:
        """Return the commands that say the maps, before the atoms are there; they are in the file at a place."""
        return [f"fix {FIX} all cmap {place}", f"fix_modify {FIX} energy yes virial yes"]


def crossterms(system: ParticleSystem, words: EngineWords, units: Units) -> Crossterms | None:
    """Return what LAMMPS is told of the torsion maps of a system; None where it has none.

    Raises
    ------
    UnsupportedError
        For a unit set in which LAMMPS leaves out what it should not, for maps of another size than 24 x 24 points, for
        more than 6 of them, for an atom in more than 6 terms, and for three atoms on a line.
    """
    topology = system.topology or Topology()
    if not topology.maps:
        return None
    row = words.row("BicubicTorsionMap")
    if units.keyword not in row.unit_sets:
        raise _refused(f"torsion maps in units {units.keyword!r}", f"it takes {' or '.join(row.unit_sets)}: units=")
    for maps in topology.maps:
        if maps.points != _POINTS:
            raise _refused(f"torsion maps of {maps.points} x {maps.points} points", f"it takes {_POINTS} x {_POINTS}")
    grids = np.concatenate([units.into("energy", m.energies) for m in topology.maps])
    first = np.cumsum([0, *(len(m.energies.value) for m in topology.maps)])
    which = np.concatenate([m.row + f for m, f in zip(topology.maps, first[:-1].tolist(), strict=True)])
    different, of_map = np.unique(grids.reshape(len(grids), -1), axis=0, return_inverse=True)
    used, place = np.unique(of_map.reshape(-1)[which], return_inverse=True)
    if len(used) > _MOST:
        raise _refused(f"{len(used)} different torsion maps", f"it takes {_MOST}")
    order = np.argsort(system.ids)
    ids = np.concatenate([m.particles for m in topology.maps])
    atoms = order[np.searchsorted(system.ids, ids, sorter=order)]
    often = np.bincount(atoms.ravel(), minlength=1)
    if often.max(initial=0) > _OF_AN_ATOM:
        most = int(np.argmax(often))
        raise _refused(f"particle {system.ids[most]} in {often[most]} torsion maps", f"it takes {_OF_AN_ATOM}")
    _refuse_straight(system, atoms)
    content = _file(different[used])
    return Crossterms(
        ParameterFile(name="torsion.maps", content=content.encode()),
        np.column_stack([place.reshape(-1) + 1, atoms + 1]),
    )


def _refuse_straight(system: ParticleSystem, atoms: IntArray) -> None:
    """Refuse terms that LAMMPS leaves out: where three atoms in a row are nearly on a line, a torsion has no sense."""
    x = system.positions.in_unit("angstrom")
    steps = [nearest(system, x[atoms[:, i + 1]] - x[atoms[:, i]]) for i in range(4)]
    areas = [np.sum(np.cross(a, b) ** 2, axis=1) for a, b in pairwise(steps)]
    if (flat := np.min(areas, axis=0) < _FLAT).any():
        raise _refused(
            f"{int(flat.sum())} torsion maps over atoms on a line, the first of particles "
            f"{', '.join(map(str, system.ids[atoms[int(np.argmax(flat))]].tolist()))}",
            "it leaves them out: move an atom",
        )


def _refused(what: str, hint: str) -> UnsupportedError:
    return UnsupportedError(f"topology: LAMMPS cannot express {what}", hint=hint, field="topology", engine="lammps")


def _file(grids: FloatArray) -> str:
    """Return the content of a file of maps (n, points): six of them, those that are not needed zero."""
    lines = ["# torsion maps written by cuds"]
    for i in range(_MOST):
        values = grids[i] if i < len(grids) else np.zeros(_POINTS * _POINTS)
        texts = [repr(v) for v in values.tolist()]
        lines += ["", f"# map {i + 1}"]
        lines += [" ".join(texts[k : k + _A_LINE]) for k in range(0, len(texts), _A_LINE)]
    return "\n".join(lines) + "\n"
