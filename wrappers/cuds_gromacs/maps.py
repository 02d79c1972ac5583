"""Maps of torsions (CMAP), read from a topology of GROMACS and written into one.

GROMACS looks a map up by the bonded types of the five atoms. Where this does not tell two maps apart, the middle atoms
get types of their own.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cuds.arrays import FloatArray, IntArray
from cuds.errors import UnsupportedError
from cuds.model.maps import TorsionMaps
from cuds.model.particles import ParticleSystem
from cuds.model.topology import Topology
from cuds.units import Quantity
from cuds_gromacs.codecs.records import TopologyFile

_A_LINE = 8  # numbers


def read_maps(file: TopologyFile, particles: IntArray, values: FloatArray) -> TorsionMaps:
    """Return the terms of ``[ cmap ]``, whose numbers (n, 1) say which grid each has."""
    used, row = np.unique(values[:, 0].astype(np.int64), return_inverse=True)
    grids = np.stack([file.cmap_grids[i] for i in used.tolist()])
    return TorsionMaps(particles=particles, row=row.reshape(-1), energies=Quantity(grids, "kJ/mol"))


@dataclass(frozen=True)
class Lookup:
    """How maps are found by types.

    Parameters
    ----------
    types : int array (n_particles,)
        The type of each particle: below the number of species, that species; from there on the copies.
    copies : tuple of int
        Of which species each further type is one.
    lines : tuple of str
        ``[ cmaptypes ]``, empty where there are no maps.
    """

    types: IntArray
    copies: tuple[int, ...]
    lines: tuple[str, ...]


def lookup(system: ParticleSystem, names: list[str]) -> Lookup:
    """Return types by which every term finds its map.

    Parameters
    ----------
    system : ParticleSystem
        With its topology.
    names : list of str
        Of the types of its species.

    Raises
    ------
    UnsupportedError
        For maps of several sizes, and for terms that no types tell apart.
    """
    topology, species = system.topology or Topology(), np.asarray(system.species)
    if not topology.maps:
        return Lookup(species, (), ())
    sizes = sorted({m.points for m in topology.maps})
    if len(sizes) > 1:
        raise UnsupportedError(
            f"topology: torsion maps of {', '.join(f'{n} x {n}' for n in sizes)} points",
            hint="GROMACS has one size for all",
            field="topology",
            engine="gromacs",
        )
    order = np.argsort(system.ids)
    atoms = order[np.searchsorted(system.ids, np.concatenate([m.particles for m in topology.maps]), sorter=order)]
    first = np.cumsum([0, *(len(m.energies.value) for m in topology.maps)])
    which = np.concatenate([m.row + f for m, f in zip(topology.maps, first[:-1].tolist(), strict=True)])
    grids = np.concatenate([np.asarray(m.energies.in_unit("kJ/mol")) for m in topology.maps])
    types, copies = _told_apart(species, atoms, which, len(names))
    named = [*names, *copy_names(names, copies)]
    found: dict[tuple[int, ...], int] = {}
    for five, grid in zip(types[atoms].tolist(), which.tolist(), strict=True):
        if found.setdefault(tuple(five), grid) != grid:
            raise UnsupportedError(
                f"topology: several torsion maps for the types {' '.join(named[t] for t in five)}",
                hint="GROMACS finds a map by types, the middle one at most by the atom; name the species apart",
                field="topology",
                engine="gromacs",
            )
    return Lookup(types, copies, tuple(_lines(found, grids, named)))


def copy_names(names: list[str], copies: tuple[int, ...]) -> list[str]:
    """Return names for types that are copies of others."""
    return [f"{names[kind]}_map{i}" for i, kind in enumerate(copies, start=1)]


def _told_apart(species: IntArray, atoms: IntArray, which: IntArray, n_types: int) -> tuple[IntArray, tuple[int, ...]]:
    """Return the types of all particles, with other ones for middle atoms where several maps have the same types."""
    fives, place = np.unique(species[atoms], axis=0, return_inverse=True)
    place = place.reshape(-1)
    several = [i for i in range(len(fives)) if len(np.unique(which[place == i])) > 1]
    types, copies = np.array(species), list[int]()
    made: dict[tuple[int, int], int] = {}
    for term in np.flatnonzero(np.isin(place, several)).tolist():
        middle = int(atoms[term, 2])
        key = (int(species[middle]), int(which[term]))
        if key not in made:
            made[key] = n_types + len(copies)
            copies.append(key[0])
        types[middle] = made[key]
    return types, tuple(copies)


def _lines(found: dict[tuple[int, ...], int], grids: FloatArray, named: list[str]) -> Iterator[str]:
    yield from ("", "[ cmaptypes ]")
    for five, grid in found.items():
        yield f"{' '.join(named[t] for t in five)} 1 {grids.shape[1]} {grids.shape[2]}\\"
        texts = [repr(v) for v in grids[grid].ravel().tolist()]
        rows = [" ".join(texts[i : i + _A_LINE]) for i in range(0, len(texts), _A_LINE)]
        yield from (f"{row}\\" for row in rows[:-1])
        yield rows[-1]


def map_lines(atoms: IntArray) -> Iterator[str]:
    """Yield ``[ cmap ]`` with its lines; the atoms (n, 5) are counted from 0."""
    if len(atoms):
        yield from ("", "[ cmap ]")
    for five in (atoms + 1).tolist():
        yield f"{' '.join(map(str, five))} 1"
