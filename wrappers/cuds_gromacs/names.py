"""Names as files of GROMACS can bear them: of atoms, residues, kinds of molecule and types."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from cuds.arrays import AnyArray, IntArray
from cuds.model.particles import ParticleSystem

_WIDTH = 5  # characters of a name in a .gro file


@dataclass(frozen=True)
class Names:
    """What is written for each particle.

    Parameters
    ----------
    atoms, residues, molecules : array (n,) of str
        Without blanks, the first two of at most five characters.
    numbers : int array (n,)
        Of residues.
    """

    atoms: AnyArray
    residues: AnyArray
    molecules: AnyArray
    numbers: IntArray

    def key(self, start: int, end: int) -> bytes:
        """Return what tells apart runs of particles that are called differently."""
        columns = (self.atoms[start:end], self.residues[start:end], self.molecules[start:end])
        return b"|".join([*(c.tobytes() for c in columns), self.residues_of(start, end).tobytes()])

    def residues_of(self, start: int, end: int) -> IntArray:
        """Return the numbers of residues of a run; that of a single one is 1, as GROMACS counts these itself."""
        numbers = self.numbers[start:end]
        single: IntArray = np.ones_like(numbers)
        return single if (numbers == numbers[:1]).all() else numbers


def names(system: ParticleSystem) -> Names:
    """Return the names of particles; those of their types, and ``MOL``, where they have none of their own."""
    n, naming = len(system), system.naming
    if naming is None:
        atoms = np.array(type_names([k.symbol for k in system.kinds]), dtype=np.str_)[system.species]
        other, first = np.full(n, "MOL"), np.ones(n, dtype=np.int64)
        return Names(atoms.astype(f"U{_WIDTH}"), other, np.full(n, ""), first)
    short, whole = _labels([x[:_WIDTH] for x in naming.labels]), _labels(naming.labels)
    return Names(short[naming.atom], short[naming.residue], whole[naming.molecule], naming.residue_number)


def shortened(system: ParticleSystem) -> list[str]:
    """Return the names that GROMACS's files cannot bear as they are."""
    if system.naming is None:
        return []
    labels = system.naming.labels
    used = np.unique(np.concatenate([system.naming.atom, system.naming.residue])).tolist()
    return [labels[i] for i in used if _plain(labels[i][:_WIDTH]) != labels[i]]


def unique(wanted: Iterable[str]) -> list[str]:
    """Return names, those that stand there again with a number behind."""
    found: list[str] = []
    for plain in wanted:
        number, name = 2, plain
        while name in found:
            name, number = f"{plain}_{number}", number + 1
        found.append(name)
    return found


def type_names(symbols: Iterable[str]) -> list[str]:
    """Return names of atom types that GROMACS can read, one for each symbol."""
    plain = ("".join(c if c.isalnum() or c in "_+-*'" else "_" for c in symbol) for symbol in symbols)
    return unique(p if p[:1].isalpha() else f"T{p}" for p in plain)


def _labels(labels: Sequence[str]) -> AnyArray:
    return np.array([_plain(x) for x in labels] or [""], dtype=np.str_)


def _plain(name: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() and c not in " ;#[]" else "_" for c in name)
