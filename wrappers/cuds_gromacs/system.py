"""Files of GROMACS to a system of particles with its potential: structure, topology, run parameters."""

import numpy as np

from cuds.arrays import IntArray
from cuds.errors import InvalidError, UnsupportedError
from cuds.model.naming import Naming
from cuds.model.particles import ParticleSystem, Species
from cuds.model.potential import Potential
from cuds.semantics.dictionary import EngineWords
from cuds.units import Quantity
from cuds_gromacs.bonds import topology
from cuds_gromacs.codecs.records import MoleculeType, TopologyFile
from cuds_gromacs.codecs.settings import Settings
from cuds_gromacs.codecs.structure import Structure
from cuds_gromacs.constraining import constrained
from cuds_gromacs.field import potential, screened


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
    counted = sum(count * len(file.molecule_types[name]) for name, count in file.molecules)
    if counted != len(structure.positions):
        raise InvalidError(
            f"the topology has {counted} atoms, the structure {len(structure.positions)}",
            hint="count the molecules in [ molecules ]",
            field="topology",
        )
    for kind in (file.molecule_types[name] for name, _ in file.molecules):
        if _changes(kind):
            raise UnsupportedError(
                f"{kind.origin}: atoms of {kind.name} have a state B",
                hint="free-energy perturbations are not carried; leave its columns out",
                field="topology",
            )
    if (pbc := settings.choice("pbc")) != "xyz":
        raise UnsupportedError(
            f"pbc = {pbc}: cuds does not carry it",
            hint="it carries pbc = xyz; GROMACS 2022 itself takes others only between two walls",
            field="pbc",
        )
    file = screened(constrained(file, settings.choice("constraints")), settings.real("epsilon-r"))
    species, index, types = _species(file)
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
        naming=_naming(file, structure),
        label=structure.title,
    )
    return found, potential(file, types, settings)


def _naming(file: TopologyFile, structure: Structure) -> Naming:
    """Return the names that the topology gives, as grompp takes them; residues count as in the structure."""
    kinds = {name: file.molecule_types[name] for name, _ in file.molecules}
    words = {name: (k.atom_names, k.residue_names, (name,) * len(k)) for name, k in kinds.items()}
    labels = tuple(sorted(set().union(*(names for three in words.values() for names in three))))
    place = {label: i for i, label in enumerate(labels)}
    of_kind = {name: [np.array([place[x] for x in names]) for names in three] for name, three in words.items()}
    atom, residue, molecule = (
        np.concatenate([np.tile(of_kind[name][i], count) for name, count in file.molecules]).astype(np.int64)
        for i in range(3)
    )
    return Naming(
        labels=labels, atom=atom, residue=residue, residue_number=structure.residue_numbers, molecule=molecule
    )


def _changes(kind: MoleculeType) -> bool:
    """Whether atoms of a molecule type have a state B that is another than A."""
    b = (kind.b_charges, kind.charges), (kind.b_masses, kind.masses)
    return kind.b_types not in (None, kind.types) or any(x is not None and not np.array_equal(x, a) for x, a in b)


def _species(file: TopologyFile) -> tuple[tuple[Species, ...], IntArray, dict[str, str]]:
    """Return the species, that of each atom, and the type of each species.

    A species is a type with a mass; where atoms of one type have several masses, the later ones are numbered.
    """
    made: list[Species] = []
    types: dict[str, str] = {}
    place: dict[tuple[str, float], int] = {}
    index: list[IntArray] = []
    for name, count in file.molecules:
        kind = file.molecule_types[name]
        masses = kind.masses.tolist()
        for symbol, mass in dict.fromkeys(zip(kind.types, masses, strict=True)):
            if (symbol, mass) in place:
                continue
            same = sum(t == symbol for t in types.values())
            named = f"{symbol}:{same + 1}" if same else symbol
            number = max(0, file.atom_types[symbol].atomic_number)
            place[symbol, mass], types[named] = len(made), symbol
            made.append(Species(symbol=named, atomic_number=number, mass=Quantity(mass, "Da")))
        of_atom = [place[pair] for pair in zip(kind.types, masses, strict=True)]
        index.append(np.tile(np.array(of_atom, dtype=np.int64), count))
    return tuple(made), np.concatenate(index), types
