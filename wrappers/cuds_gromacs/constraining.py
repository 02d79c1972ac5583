"""What the run parameter ``constraints`` makes of a topology: bonds and angles become rigid as grompp makes them so."""

from dataclasses import dataclass, field, replace

import numpy as np

from cuds.arrays import AnyArray, FloatArray, IntArray
from cuds.errors import UnsupportedError
from cuds_gromacs.codecs.records import MoleculeType, Terms, TopologyFile

_BONDS = (1, 2, 3, 4)  # functions that grompp makes rigid; their first number is the length
_ANGLES = (1, 2, 5, 6, 10)  # those whose first number is an angle


@dataclass
class _Rigid:
    """Rigid distances: atoms, lengths in nm, those of state B, where they stand."""

    atoms: list[IntArray] = field(default_factory=list)
    lengths: list[FloatArray] = field(default_factory=list)
    origins: list[IntArray] = field(default_factory=list)

    def add(self, atoms: IntArray, lengths: FloatArray, origins: IntArray) -> None:
        self.atoms.append(atoms)
        self.lengths.append(lengths)
        self.origins.append(origins)

    def terms(self) -> tuple[Terms, ...]:
        if not sum(map(len, self.atoms)):
            return ()
        lengths = np.concatenate(self.lengths)[:, None]
        atoms, origins = np.concatenate(self.atoms), np.concatenate(self.origins)
        return (Terms("constraints", 1, atoms, lengths, None, origins),)


def constrained(file: TopologyFile, choice: str) -> TopologyFile:
    """Return a topology with bonds, and angles, made rigid; what becomes rigid has no energy of its own.

    Parameters
    ----------
    file : TopologyFile
        Hydrogens are the atoms whose names begin with H.
    choice : str
        ``none``, ``h-bonds``, ``all-bonds``; ``h-angles`` also takes angles with two hydrogens, or of one at an atom
        whose name begins with O; ``all-angles`` all of them.

    Raises
    ------
    UnsupportedError
        For an angle between bonds that are not harmonic, with which grompp does not end; for another state B.
    """
    if choice == "none":
        return file
    kinds = {name: _rigid(kind, file, choice) for name, kind in file.molecule_types.items()}
    return replace(file, molecule_types=kinds)


def _rigid(kind: MoleculeType, file: TopologyFile, choice: str) -> MoleculeType:
    initials = np.array([name[:1].upper() for name in kind.atom_names])
    found, kept = _Rigid(), []
    for terms in kind.terms:
        chosen = _chosen(terms, initials, choice)
        if not chosen.any():
            kept.append(terms)
            continue
        rigid, rest = _cut(terms, chosen), _cut(terms, ~chosen)
        kept += [rest] * bool(len(rest))
        _refuse_states(rigid, file)
        if terms.directive == "bonds":
            found.add(rigid.atoms, rigid.parameters[:, 0], rigid.origins)
        else:
            found.add(rigid.atoms[:, [0, 2]], _across(rigid, kind, file, choice), rigid.origins)
    return replace(kind, terms=(*kept, *found.terms()))


def _chosen(terms: Terms, initials: AnyArray, choice: str) -> AnyArray:
    """Return which terms become rigid (n,)."""
    hydrogens = (initials[terms.atoms] == "H").sum(axis=1)
    if terms.directive == "bonds" and terms.function in _BONDS:
        return np.asarray((hydrogens > 0) | (choice != "h-bonds"))
    if terms.directive == "angles" and choice.endswith("angles"):
        of_oxygen = (hydrogens == 1) & (initials[terms.atoms[:, 1]] == "O")
        return np.asarray((hydrogens > 1) | of_oxygen | (choice == "all-angles"))
    return np.zeros(len(terms), dtype=bool)


def _cut(terms: Terms, rows: AnyArray) -> Terms:
    b = None if terms.b_parameters is None else terms.b_parameters[rows]
    return replace(
        terms, atoms=terms.atoms[rows], parameters=terms.parameters[rows], b_parameters=b, origins=terms.origins[rows]
    )


def _refuse_states(terms: Terms, file: TopologyFile) -> None:
    b = terms.b_parameters
    if b is not None and (changed := b[:, 0] != terms.parameters[:, 0]).any():
        place = file.place(terms.origins[int(np.argmax(changed))])
        raise UnsupportedError(
            f"{place}: [ {terms.directive} ] has another length for state B",
            hint="free-energy perturbations are not carried; leave the columns of state B out",
            field="topology",
        )


def _across(terms: Terms, kind: MoleculeType, file: TopologyFile, choice: str) -> FloatArray:
    """Return the distances (n,) of the outer atoms of angles, by the lengths of their bonds."""
    harmonic = [t for t in kind.terms if (t.directive, t.function) == ("bonds", 1)]
    lengths: dict[tuple[int, int], float] = {}
    for bonds in harmonic:
        pairs = np.sort(bonds.atoms, axis=1).tolist()
        lengths |= {(i, j): x for (i, j), x in zip(pairs, bonds.parameters[:, 0].tolist(), strict=True)}
    found = []
    for (i, j, k), angle, origin in zip(terms.atoms.tolist(), terms.parameters[:, 0], terms.origins, strict=True):
        one, two = lengths.get((min(i, j), max(i, j))), lengths.get((min(j, k), max(j, k)))
        if one is None or two is None or terms.function not in _ANGLES:
            raise UnsupportedError(
                f"constraints = {choice}: {file.place(origin)}: the angle of function {terms.function} between atoms "
                f"{i + 1}, {j + 1} and {k + 1} cannot become rigid",
                hint="only angles between two bonds of function 1 can; with others grompp 2022 does not end",
                field="constraints",
            )
        found.append(np.sqrt(one**2 + two**2 - 2 * one * two * np.cos(np.radians(angle))))
    return np.array(found)
