"""A topology in LAMMPS's words: types of bond, angle, dihedral and improper, and who has which.

LAMMPS knows exclusions by its bonds only. So every pair that the model excludes becomes a bond, one without energy
where there is none, and ``special_bonds`` then leaves out exactly the bonded pairs. What acts between an excluded pair,
like the 1-4 interactions of force fields, is the energy of that bond, or of a dihedral (`cuds_lammps.apart`).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from cuds.arrays import IntArray
from cuds.errors import UnsupportedError
from cuds.model.particles import ParticleSystem
from cuds.model.potential import ParameterColumn, Potential
from cuds.model.topology import TermGroup, Topology
from cuds.semantics.bonded import Wording, of_particles, told, wording
from cuds.semantics.coordinates import internal
from cuds.semantics.dictionary import EngineWords, Row, form
from cuds.semantics.dimension import ANGLE, dimension
from cuds.semantics.expression import assignments, expression
from cuds.units import Quantity
from cuds_lammps.apart import apart
from cuds_lammps.fields import between
from cuds_lammps.rigid import held
from cuds_lammps.units import Units

SECTIONS = ("bond", "angle", "dihedral", "improper")
# In which sections a role may be said, best first; the energy of a torsion is the same in either.
SAID = {
    "bond": ("bond",),
    "pair": ("bond",),
    "angle": ("angle",),
    "dihedral": ("dihedral", "improper"),
    "improper": ("improper", "dihedral"),
}


@dataclass
class Section:
    """What stands in one section of LAMMPS.

    Parameters
    ----------
    words : list of tuple of Row and str
        The word and the coefficients of each type, in order.
    books : list of str
        What the energy of each type is booked as, where the section does not say it: that of a pair.
    rows : list of int array (n, 1 + n_bodies)
        Type and atoms, both counted from 1.
    held : list of int
        The types whose lengths do not change when atoms move.
    """

    words: list[tuple[Row, str]] = field(default_factory=list)
    books: list[str] = field(default_factory=list)
    rows: list[IntArray] = field(default_factory=list)
    held: list[int] = field(default_factory=list)

    @property
    def pairs(self) -> dict[int, str]:
        """Of the types that are pairs in the model, what their energy is booked as."""
        return {i: book for i, book in enumerate(self.books, start=1) if book}

    @property
    def styles(self) -> list[str]:
        """The words with their arguments, each once."""
        return list(dict.fromkeys(f"{row.keyword} {row.arguments}".strip() for row, _ in self.words))

    def commands(self, name: str) -> list[str]:
        """Return the commands that say the types."""
        hybrid = len({row.keyword for row, _ in self.words}) > 1
        lines = [f"{name}_style {'hybrid ' if hybrid else ''}{' '.join(self.styles)}"] if self.words else []
        for number, (row, text) in enumerate(self.words, start=1):
            lines.append(f"{name}_coeff {number} {row.keyword + ' ' if hybrid else ''}{text}".strip())
        return lines


def sections(
    system: ParticleSystem,
    words: EngineWords,
    units: Units,
    potential: Potential | None = None,
    *,
    moving: bool = False,
) -> dict[str, Section]:
    """Return what LAMMPS is told of the topology of a system, and of what a potential does between excluded particles.

    Rigid distances are there only where it moves.

    Raises
    ------
    UnsupportedError
        For a form that it cannot express, a bond that excludes nothing, or rigid distances that it does not hold.
    """
    topology = system.topology
    found = {name: Section() for name in SECTIONS}
    if topology is None:
        return found
    order = np.argsort(system.ids)

    def numbered(ids: IntArray) -> IntArray:
        return order[np.searchsorted(system.ids, ids, sorter=order)] + 1

    joined = [np.empty((0, 2), dtype=np.int64)]
    rigid = held(system) if moving else ()
    ends = apart(system, words, units)
    others = [g for g in topology.groups if ends is None or not any(g is e for e in ends.groups)]
    # rigid ones first: of several bonds between two atoms SHAKE finds the first
    for number, given in enumerate((*rigid, *others)):
        group = of_charges(system, given, words, units)
        said = wording(group, words, SAID[group.role])
        section, atoms = found[said.row.role], numbered(group.particles)
        if said.row.role == "bond":
            atoms = np.sort(atoms, axis=1)  # LAMMPS keeps a bond with its first atom, where SHAKE looks for it
        texts = list(coefficients(said, units))
        # a type of rigid angle belongs to two lengths, whatever else has the same angle
        kinds, of_row = (texts, np.arange(len(texts))) if number < len(rigid) else _unique(texts)
        first = len(section.words) + 1
        section.words += [(said.row, text) for text in kinds]
        section.books += [_booked(given)] * len(kinds)
        section.rows.append(np.column_stack([of_row[group.row] + first, atoms]))
        if number < len(rigid):
            section.held += range(first, first + len(kinds))
        if said.row.role == "bond":
            joined.append(atoms)
    if ends is not None:
        section = found["dihedral"]
        section.rows.append(np.column_stack([ends.row + len(section.words) + 1, numbered(ends.particles)]))
        section.words += ends.words
    if potential is not None:
        joined += _fields(found["bond"], system, potential, words, units)
    _exclude(found["bond"], np.concatenate(joined), numbered(topology.exclusions), system, words)
    return found


def _fields(
    section: Section, system: ParticleSystem, potential: Potential, words: EngineWords, units: Units
) -> Iterator[IntArray]:
    """Join excluded particles that have an energy all the same; yield the pairs, counted from 1."""
    assert system.topology is not None
    order = np.argsort(system.ids)
    excluded = order[np.searchsorted(system.ids, system.topology.exclusions, sorter=order)]
    for pairs, formulae in between(system, potential, excluded, units):
        row = next(r for r in words.rows if r.role == "bond" and "r" in r.offers.split(", "))
        kinds, of_pair = _unique([_placed(row, f) for f in formulae])
        section.rows.append(np.column_stack([of_pair + len(section.words) + 1, pairs + 1]))
        section.words += [(row, text) for text in kinds]
        section.books += ["coulomb"] * len(kinds)
        yield pairs + 1


def _booked(group: TermGroup) -> str:
    if group.role != "pair":
        return ""
    return "coulomb" if "K" in form(group.form).parameters else "vdw"


def _unique(texts: list[str]) -> tuple[list[str], IntArray]:
    """Return texts, each once, and for each of those given its place among them."""
    place = {text: i for i, text in enumerate(dict.fromkeys(texts))}
    return list(place), np.array([place[text] for text in texts], dtype=np.int64)


def _exclude(
    section: Section, bonded: IntArray, excluded: IntArray, system: ParticleSystem, words: EngineWords
) -> None:
    """Join what is excluded and not bonded; refuse what is bonded and not excluded."""
    n = len(system) + 1
    have, want = (np.unique(np.sort(pairs, axis=1) @ [n, 1]) for pairs in (bonded, excluded))
    if len(too_many := np.setdiff1d(have, want, assume_unique=True)):
        first = [int(system.ids[i - 1]) for i in divmod(int(too_many[0]), n)]
        raise UnsupportedError(
            f"topology: LAMMPS leaves out what acts by distance between bonded atoms; {len(too_many)} bonds or pairs "
            f"are not excluded, the first between {first[0]} and {first[1]}",
            hint="exclude them, or give this energy to the pair in the potential",
            field="topology",
            engine="lammps",
        )
    if len(missing := np.setdiff1d(want, have, assume_unique=True)):
        row = next(r for r in words.rows if r.role == "bond" and r.realises == "Connection")
        section.words.append((row, ""))
        section.books.append("")
        pairs = np.column_stack(np.divmod(missing, n))
        section.rows.append(np.column_stack([np.full(len(pairs), len(section.words)), pairs]))


def of_charges(system: ParticleSystem, group: TermGroup, words: EngineWords, units: Units) -> TermGroup:
    """Return a group whose form takes the charges of its particles as pairs of given charges."""
    if group.form != "ScaledCoulomb":
        return group
    charges, scale = of_particles(system, group), group.parameters["scale"].values.in_unit("1")[group.row]
    products, row = np.unique(scale * charges["q1"] * charges["q2"], return_inverse=True)
    one = ParameterColumn(kind="ElectricCharge", values=Quantity(np.ones(len(products)), "e"))
    product = ParameterColumn(kind="ElectricCharge", values=Quantity(products, "e"))
    return TermGroup(role=group.role, form="ChargePair", particles=group.particles, row=row,
                     parameters={"c1": product, "c2": one})  # fmt: skip


def coefficients(said: Wording, units: Units) -> Iterable[str]:
    """Yield the coefficients of each row of parameters, as LAMMPS reads them."""
    if said.row.offers:
        yield from _formulas(said, units)
    else:
        columns = told(said, units.coherent)
        yield from (" ".join(column[i] for column in columns) for i in range(said.rows))


def _formulas(said: Wording, units: Units) -> Iterable[str]:
    """Yield the energy itself, with numbers in the place of parameters."""
    parameters = form(said.form).parameters
    numbers: dict[str, list[float]] = {}
    for symbol, column in said.columns.items():
        found = dimension(parameters[symbol].dimension)
        values = np.broadcast_to(column, said.rows) * (1.0 if found == ANGLE else units.coherent(found))
        numbers[symbol] = [units.coulomb] * said.rows if symbol == "K" else values.tolist()
    spelled = assignments(said.row.variables) if said.row.variables else {}
    energy = expression(form(said.form).energy).put(**spelled).plain().text.replace(" ", "")
    text = said.row.coefficients.replace(",", "").replace("energy", f'"{energy}"')
    parts = re.split(r"\b([A-Za-z_]\w*)\b", text)  # every other one is a name
    for i in range(said.rows):
        yield "".join(f"({numbers[part][i]!r})" if part in numbers else part for part in parts)


def _placed(row: Row, formula: str) -> str:
    """Return the coefficients of a word that takes the energy itself."""
    return row.coefficients.replace(",", "").replace("energy", f'"{formula}"')


def reach(system: ParticleSystem) -> float:
    """Return the largest distance in Å of two particles of one term, of the nearest images."""
    topology = system.topology or Topology()
    pairs = [topology.exclusions, topology.constrained]
    for particles in (*(g.particles for g in topology.groups), *(m.particles for m in topology.maps)):
        pairs += [particles[:, [i, j]] for j in range(1, particles.shape[1]) for i in range(j)]
    return float(internal(system, np.concatenate(pairs))["r"].max(initial=0.0))
