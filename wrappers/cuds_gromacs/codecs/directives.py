"""The directives of a topology: their order, and the functions of each with how many numbers they take.

References
----------
GROMACS manual 2022, tables 14 and 15; the numbers and the order are those that grompp 2022.5 names in its errors.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cuds.errors import did_you_mean
from cuds_gromacs.codecs.lines import Line


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a directive.

    Parameters
    ----------
    name : str
        What people call it.
    a, b : int
        How many numbers it takes in state A, and in state B on top of them.
    bond : bool
        Whether it is a chemical bond: exclusions follow those.
    fixed : int, optional
        Which of its numbers must be the same in both states.
    """

    name: str
    a: int
    b: int = 0
    bond: bool = False
    fixed: int | None = None


@dataclass(frozen=True, slots=True)
class Directive:
    """A directive of a molecule type whose lines are atoms, a function and numbers.

    Parameters
    ----------
    atoms : int
        How many atoms a line has; of virtual sites, the site is the first.
    functions : mapping of int to Function
        By number.
    types : str
        The directive that holds the numbers of lines that have none.
    any_number : bool
        Whether every number stands for the one function.
    """

    atoms: int
    functions: Mapping[int, Function] = field(hash=False)
    types: str = ""
    any_number: bool = False

    def function(self, number: int) -> Function | None:
        """Return the function of a number; of one that is negative, that of the mirrored virtual site."""
        if self.any_number:
            return self.functions[1]
        mirrored = self.atoms == 4 and not self.types and number in (-3, -4)
        return self.functions.get(abs(number) if mirrored else number)


BONDS = Directive(
    atoms=2,
    types="bondtypes",
    functions={
        1: Function("harmonic", 2, 2, bond=True),
        2: Function("G96", 2, 2, bond=True),
        3: Function("Morse", 3, 3, bond=True),
        4: Function("cubic", 3, bond=True),
        5: Function("connection", 0, bond=True),
        6: Function("harmonic without exclusions", 2, 2),
        7: Function("FENE", 2, bond=True),
        8: Function("tabulated", 2, 2, bond=True, fixed=0),
        9: Function("tabulated without exclusions", 2, 2, fixed=0),
        10: Function("restraint", 4, 4),
    },
)
ANGLES = Directive(
    atoms=3,
    types="angletypes",
    functions={
        1: Function("harmonic", 2, 2),
        2: Function("G96", 2, 2),
        3: Function("cross bond-bond", 3),
        4: Function("cross bond-angle", 4),
        5: Function("Urey-Bradley", 4, 4),
        6: Function("quartic", 6),
        8: Function("tabulated", 2, 2, fixed=0),
        9: Function("linear", 2, 2),
        10: Function("restricted bending", 2, 2),
    },
)
DIHEDRALS = Directive(
    atoms=4,
    types="dihedraltypes",
    functions={
        1: Function("proper", 3, 3, fixed=2),
        2: Function("harmonic improper", 2, 2),
        3: Function("Ryckaert-Bellemans", 6, 6),
        4: Function("periodic improper", 3, 3),
        5: Function("Fourier", 4, 4),
        8: Function("tabulated", 2, 2, fixed=0),
        9: Function("multiple proper", 3, 3, fixed=2),
        10: Function("restricted", 2, 2),
        11: Function("combined bending-torsion", 6, 6),
    },
)
PAIRS = Directive(
    atoms=2, types="pairtypes", functions={1: Function("1-4 Lennard-Jones", 2, 2), 2: Function("1-4 with charges", 5)}
)
CONSTRAINTS = Directive(
    atoms=2,
    types="constrainttypes",
    functions={1: Function("constraint", 1, 1, bond=True), 2: Function("constraint without exclusions", 1, 1)},
)


def _only(atoms: int, name: str, a: int, b: int = 0, fixed: int | None = None) -> Directive:
    return Directive(atoms, {1: Function(name, a, b, fixed=fixed)}, any_number=True)


# Those of a molecule type that hold interactions of a fixed number of atoms.
INTERACTIONS: dict[str, Directive] = {
    "bonds": BONDS,
    "pairs": PAIRS,
    "pairs_nb": _only(2, "Lennard-Jones and Coulomb pair", 4),
    "angles": ANGLES,
    "dihedrals": DIHEDRALS,
    "constraints": CONSTRAINTS,
    "settles": _only(3, "settle", 2),
    "virtual_sites1": Directive(2, {1: Function("on an atom", 0)}),
    "virtual_sites2": Directive(3, {1: Function("2", 1), 2: Function("2fd", 1)}),
    "virtual_sites3": Directive(
        4, {1: Function("3", 2), 2: Function("3fd", 2), 3: Function("3fad", 2), 4: Function("3out", 3)}
    ),
    "virtual_sites4": Directive(5, {1: Function("4fd", 3), 2: Function("4fdn", 3)}),
    "polarization": Directive(
        2, {1: Function("polarization", 1, bond=True), 2: Function("anharmonic polarization", 3, bond=True)}
    ),
    "water_polarization": _only(5, "water polarization", 6),
    "thole_polarization": _only(4, "Thole polarization", 3),
    "position_restraints": Directive(1, {1: Function("harmonic", 3, 3), 2: Function("flat-bottomed", 3)}),
    "distance_restraints": _only(2, "distance restraint", 6),
    "orientation_restraints": _only(2, "orientation restraint", 6),
    "angle_restraints": _only(4, "angle restraint", 3, 3, fixed=2),
    "angle_restraints_z": _only(2, "angle restraint to z", 3, 3, fixed=2),
    "dihedral_restraints": _only(4, "dihedral restraint", 3, 3),
}
# The directives whose numbers lines of the others look for, and the directive whose lines do.
TYPES: dict[str, Directive] = {d.types: d for d in INTERACTIONS.values() if d.types}
FORCE_FIELD = (
    "defaults", "atomtypes", "bondtypes", "constrainttypes", "pairtypes", "angletypes", "dihedraltypes",
    "nonbond_params", "implicit_genborn_params", "implicit_surface_params", "cmaptypes",
)  # fmt: skip
OF_MOLECULES = ("atoms", *INTERACTIONS, "virtual_sitesn", "cmap", "exclusions")
KNOWN = (*FORCE_FIELD, "moleculetype", *OF_MOLECULES, "system", "molecules", "intermolecular_interactions")
_OLD = {f"dummies{n}": f"virtual_sites{n}" for n in "1234n"}
_BY_NAME = {name.replace("_", ""): name for name in KNOWN} | _OLD

# Of each directive, those of which one must stand somewhere before it.
AFTER: dict[str, tuple[str, ...]] = {
    "defaults": (),
    "atomtypes": ("defaults",),
    **dict.fromkeys((*FORCE_FIELD[2:], "moleculetype"), ("atomtypes",)),
    "atoms": ("moleculetype",),
    **dict.fromkeys(OF_MOLECULES[1:], ("atoms",)),
    "exclusions": ("bonds", "constraints", "settles"),
    "system": ("moleculetype",),
    "molecules": ("system",),
    "intermolecular_interactions": ("molecules",),
}


def directive_named(line: Line) -> str:
    """Return the directive of a line ``[ name ]`` by its present name.

    Raises
    ------
    FormatError
        When GROMACS knows none of that name.
    """
    name = line.text[1:].partition("]")[0].strip()
    known = _BY_NAME.get(name.lower().replace("-", "").replace("_", ""))
    if known is None:
        raise line.error(f"[ {name} ]: not a directive of GROMACS", hint=did_you_mean(name, KNOWN), directive=name)
    return known


def check_order(line: Line, name: str, seen: set[str]) -> None:
    """Refuse a directive that stands where GROMACS does not take it.

    Raises
    ------
    FormatError
        When what must come before is missing, or a molecule type stands before a part of the force field.
    """
    if name in FORCE_FIELD and "moleculetype" in seen:
        raise line.error(
            f"[ {name} ] after a [ moleculetype ]: GROMACS takes no more of the force field there",
            hint="put it before the first [ moleculetype ]; files with both are included first",
            directive=name,
        )
    needed = AFTER[name]
    if needed and seen.isdisjoint(needed):
        raise line.error(
            f"[ {name} ] before any [ {' ], [ '.join(needed)} ]",
            hint=f"GROMACS takes [ {name} ] only after [ {' ] or [ '.join(needed)} ]",
            directive=name,
        )
