"""Files of GROMACS to a system of particles with its potential: structure, topology, run parameters."""

import numpy as np

from cuds.errors import InvalidError, UnsupportedError
from cuds.model.particles import ParticleSystem, Species
from cuds.model.potential import Potential
from cuds.semantics.dictionary import EngineWords
from cuds.units import Quantity
from cuds_gromacs.bonds import topology
from cuds_gromacs.codecs.records import TopologyFile
from cuds_gromacs.codecs.settings import Settings
from cuds_gromacs.codecs.structure import Structure
from cuds_gromacs.field import potential


def system(
    file: TopologyFile, structure: Structure, settings: Settings, words: EngineWords
) -> tuple[ParticleSystem, Potential]:
    """Return the particles, in the order of the files with ids from 1, and what acts between them.

    Raises
    ------
    InvalidError
        Where the files do not fit each other.
    UnsupportedError
        For what the model cannot say, with file, line and count.
    """
    kinds = [file.molecule_types[name] for name, count in file.molecules for _ in range(count)]
    counted = sum(map(len, kinds))
    if counted != len(structure.positions):
        raise InvalidError(
            f"the topology has {counted} atoms, the structure {len(structure.positions)}",
            hint="count the molecules in [ molecules ]",
            field="topology",
        )
    for kind in {k.name: k for k in kinds}.values():
        if kind.b_types or kind.b_charges is not None or kind.b_masses is not None:
            raise UnsupportedError(
                f"{kind.origin}: atoms of {kind.name} have a state B",
                hint="free-energy perturbations are not carried; leave its columns out",
                field="topology",
            )
    species, index, types = _species(file)
    if (pbc := settings.choice("pbc")) != "xyz":
        raise UnsupportedError(f"pbc = {pbc}: cuds does not carry it", hint="it carries pbc = xyz", field="pbc")
    charges = np.concatenate([np.tile(file.molecule_types[n].charges, c) for n, c in file.molecules])
    found = ParticleSystem(
        positions=Quantity(structure.positions, "nm"),
        velocities=None if structure.velocities is None else Quantity(structure.velocities, "nm/ps"),
        species=index,
        kinds=species,
        charges=Quantity(charges, "e"),
        cell=Quantity(structure.box, "nm"),
        pbc=(True, True, True),
        topology=topology(file, words),
        label=structure.title,
    )
    return found, potential(file, types, settings)


def _species(file: TopologyFile) -> tuple[tuple[Species, ...], np.ndarray, dict[str, str]]:
    """Return the species, that of each atom, and the type of each species.

    A species is a type with a mass; where atoms of one type have several masses, the later ones are numbered.
    """
    found: dict[tuple[str, float], str] = {}
    made: list[Species] = []
    index: list[np.ndarray] = []
    for name, count in file.molecules:
        kind = file.molecule_types[name]
        of_kind = []
        for symbol, mass in zip(kind.types, kind.masses.tolist(), strict=True):
            if (symbol, mass) not in found:
                same = sum(t == symbol for t, _ in found)
                found[symbol, mass] = f"{symbol}:{same + 1}" if same else symbol
                number = max(0, file.atom_types[symbol].atomic_number)
                made.append(Species(symbol=found[symbol, mass], atomic_number=number, mass=Quantity(mass, "Da")))
            of_kind.append(list(found).index((symbol, mass)))
        index.append(np.tile(np.array(of_kind, dtype=np.int64), count))
    return tuple(made), np.concatenate(index), {name: symbol for (symbol, _), name in found.items()}
