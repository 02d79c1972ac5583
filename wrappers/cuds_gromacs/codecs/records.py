"""What a topology says, in GROMACS's numbers: nm, kJ/mol, degrees, daltons, elementary charges; atoms from 0."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cuds.arrays import FloatArray, IntArray


class Origin(NamedTuple):
    """Where something stands: a file and a line of it, from 1."""

    file: Path
    number: int

    def __str__(self) -> str:
        return f"{self.file}:{self.number}"


@dataclass(frozen=True, slots=True)
class Defaults:
    """What ``[ defaults ]`` says.

    Parameters
    ----------
    nbfunc : int
        1, Lennard-Jones; GROMACS runs no other.
    comb_rule : int
        1: the numbers of types are C6 and C12, mixed geometrically; 2: sigma and epsilon, after Lorentz and Berthelot;
        3: sigma and epsilon, both mixed geometrically.
    gen_pairs : bool
        Whether 1-4 interactions that are not in ``[ pairtypes ]`` are made from those of the types.
    fudge_lj, fudge_qq : float
        Factors of 1-4 interactions: of those that are made, and of the Coulomb energy of all.
    """

    nbfunc: int
    comb_rule: int
    gen_pairs: bool
    fudge_lj: float
    fudge_qq: float


@dataclass(frozen=True, slots=True)
class AtomType:
    """A line of ``[ atomtypes ]``.

    Parameters
    ----------
    name, bonded : str
        What atoms call it, and what bonded interactions call it.
    atomic_number : int
        -1 where the line has none.
    mass, charge : float
        For atoms that say none, in Da and e.
    particle : str
        ``A`` for atoms, ``V`` for virtual sites, ``S``, ``B``, ``N`` for shells, bond shells and nuclei.
    v, w : float
        C6 (kJ/mol nm^6) and C12 (kJ/mol nm^12), or sigma (nm) and epsilon (kJ/mol), by the combination rule.
    origin : Origin
        Where it stands.
    """

    name: str
    bonded: str
    atomic_number: int
    mass: float
    charge: float
    particle: str
    v: float
    w: float
    origin: Origin


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """All interactions of one directive and one function.

    Parameters
    ----------
    directive : str
        ``bonds``, ``pairs``, ``position_restraints``, ..., by its present name.
    function : int
        Its number, as written; -3 and -4 for virtual sites that are mirrored.
    atoms : array (n, k)
        Of the molecule type, from 0. Of settles all three; of virtual sites, the site first. Lines of
        ``virtual_sitesn`` with different numbers of atoms are different Terms.
    parameters : array (n, m)
        In the order of the manual. A term of ``cmap`` has the number of its grid; one of ``virtual_sitesn`` the
        weights of its atoms, which add up to 1; a virtual site without numbers has NaN, and GROMACS works them out
        from its bonds.
    b_parameters : array (n, b), optional
        Of state B, where a line or a type has numbers of its own for it, or its atoms other types.
    origins : array (n, 2)
        Where they stand: number of the file in `TopologyFile.files`, line.
    """

    directive: str
    function: int
    atoms: IntArray
    parameters: FloatArray
    b_parameters: FloatArray | None
    origins: IntArray

    def __len__(self) -> int:
        return len(self.atoms)


@dataclass(frozen=True, slots=True, eq=False)
class MoleculeType:
    """A ``[ moleculetype ]`` with all its numbers found.

    Parameters
    ----------
    name : str
        As ``[ molecules ]`` calls it.
    nrexcl : int
        Atoms that are at most so many bonds apart do not interact.
    types : tuple of str
        The type of each atom.
    residues : array (n,)
        Numbers of residues, one for each atom.
    insertions : tuple of str
        Letters behind these numbers; mostly empty.
    residue_names, atom_names : tuple of str
        One for each atom.
    charge_groups : array (n,)
        As written; GROMACS uses them no more.
    charges, masses : array (n,)
        In e and Da.
    b_types, b_charges, b_masses : optional
        Of state B; None where no line has any.
    terms : tuple of Terms
        In the order of their first lines.
    exclusions : array (m, 2)
        Every pair that does not interact, the lower number first, sorted.
    origin : Origin
        Where it begins.
    """

    name: str
    nrexcl: int
    types: tuple[str, ...]
    residues: IntArray
    insertions: tuple[str, ...]
    residue_names: tuple[str, ...]
    atom_names: tuple[str, ...]
    charge_groups: IntArray
    charges: FloatArray
    masses: FloatArray
    b_types: tuple[str, ...] | None
    b_charges: FloatArray | None
    b_masses: FloatArray | None
    terms: tuple[Terms, ...]
    exclusions: IntArray
    origin: Origin

    def __len__(self) -> int:
        return len(self.types)


class NonbondParams(NamedTuple):
    """A line of ``[ nonbond_params ]``: numbers of a pair of types instead of mixed ones, as of `AtomType`."""

    function: int
    v: float
    w: float


@dataclass(frozen=True, slots=True, eq=False)
class TopologyFile:
    """A topology, with everything included and looked up.

    Parameters
    ----------
    title : str
        The name of the system.
    defaults : Defaults
        What holds for all types.
    atom_types : mapping of str to AtomType
        In the order of the file, also those that no atom has.
    nonbond_params : mapping of (str, str) to NonbondParams
        Each pair of types once, in the order of its first line.
    cmap_grids : tuple of array (g, g)
        Energies in kJ/mol, the first torsion along rows, both from -180 degrees on.
    molecule_types : mapping of str to MoleculeType
        Also those that are not in the system.
    molecules : tuple of (str, int)
        What the system consists of: name and count, in order.
    files : tuple of path
        All that was read and gave something.
    """

    title: str
    defaults: Defaults
    atom_types: Mapping[str, AtomType]
    nonbond_params: Mapping[tuple[str, str], NonbondParams]
    cmap_grids: tuple[FloatArray, ...]
    molecule_types: Mapping[str, MoleculeType]
    molecules: tuple[tuple[str, int], ...]
    files: tuple[Path, ...]

    def place(self, origin: IntArray) -> str:
        """Return where an origin of Terms lies, ``file:line``."""
        return f"{self.files[int(origin[0])]}:{int(origin[1])}"
