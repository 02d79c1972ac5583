"""What LAMMPS has after a script, in terms of the model: particles with their topology, and a potential."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase.data import atomic_numbers

from cuds.codecs.potential_files import term as of_files
from cuds.errors import UnsupportedError
from cuds.model.maps import TorsionMaps
from cuds.model.particles import ParticleSystem, Species
from cuds.model.potential import ParameterFile, Potential
from cuds.model.topology import TermGroup, Topology
from cuds.semantics.dictionary import engine_words
from cuds.units import Quantity
from cuds_lammps.bonds import Bonded, bonded
from cuds_lammps.codecs.said import BONDED, Said, said
from cuds_lammps.codecs.set_up import Found
from cuds_lammps.codecs.styles import parts, plain
from cuds_lammps.coefficients import Numbers, names
from cuds_lammps.constrained import Rigid, rigid
from cuds_lammps.field import Acting, acting, file_arguments
from cuds_lammps.neighbours import charged, partial, weighed
from cuds_lammps.units import Units

_HOLD = ("rigid", "shake", "rattle")  # how the styles of fixes begin that make distances rigid


@dataclass(frozen=True)
class Reading:
    """A script in terms of the model.

    Parameters
    ----------
    system : ParticleSystem
        The particles, ids in order.
    potential : Potential
        What acts between all of them.
    acting : Acting
        The same, by pairs of types.
    bonded : dict of str to Bonded
        What LAMMPS has in its sections of bonds, angles, dihedrals, impropers.
    units : Units
        LAMMPS's.
    """

    system: ParticleSystem
    potential: Potential
    acting: Acting
    bonded: dict[str, Bonded]
    units: Units


def reading(found: Found, script: Path, scale: dict[str, str] | None) -> Reading:
    """Return the system that a script sets up, with its potential.

    Raises
    ------
    UnsupportedError, InvalidError
        For what the model cannot say, with file, line and count.
    """
    words = engine_words("lammps")
    counts = {"pair": len(found.masses)} | {k: int(found.every(k)[:, 0].max(initial=0)) for k in BONDED}
    told = said(found.told, counts)
    units = Units(words, told.units, scale)
    numbers = Numbers(words, units)
    elements = _elements(told, len(found.masses), script.parent)
    symbols = _symbols(elements)
    field = acting(told, symbols, elements, numbers, script.parent)
    potential = Potential(terms=tuple(field.terms), label=script.name)
    sections = {k: bonded(told.styles[k], found.terms[k], numbers) for k in BONDED}
    kinds = tuple(
        Species(symbol=s, atomic_number=atomic_numbers.get(e, 0), mass=units.back("mass", float(m)))
        for s, e, m in zip(symbols, elements, found.masses, strict=True)
    )
    moving = bool(found.velocities.any())
    system = ParticleSystem(
        ids=found.ids,
        positions=units.back("length", found.positions),
        velocities=units.back("velocity", found.velocities) if moving else None,
        species=found.types - 1,
        kinds=kinds,
        charges=None if found.charges is None else units.back("charge", found.charges),
        cell=units.back("length", found.cell),
        pbc=found.pbc,
        label=script.name,
    )
    if found.maps is not None or any(len(found.every(k)) for k in BONDED):
        system = system.replace(topology=_topology(system, found, told, field, sections, numbers))
    _say_what_was_left(found, script)
    return Reading(system, potential, field, sections, units)


def _topology(
    system: ParticleSystem, found: Found, told: Said, field: Acting, sections: dict[str, Bonded], numbers: Numbers
) -> Topology:
    terms = tuple(field.terms)
    ends = found.terms["dihedral"][:, [1, -1]] if told.ends else None
    excluded, parts_of = weighed(system, found.every("bond")[:, 1:], told.special, terms, ends)
    groups = [g for section in sections.values() for g in section.groups]
    for part in parts_of:
        groups += partial(system, part, terms)
    for pairs, weight in sections["dihedral"].weighted:
        groups += _fourteen(system, pairs, weight, field, numbers)
    held = rigid(found, told, numbers)
    if held.lost:
        _say_what_is_rigid(found, held)
    return Topology(
        groups=tuple(groups),
        exclusions=excluded,
        constrained=held.pairs,
        lengths=Quantity(held.lengths, "angstrom") if len(held.pairs) else None,
        maps=_maps(found, numbers),
    )


def _maps(found: Found, numbers: Numbers) -> tuple[TorsionMaps, ...]:
    """Return torsion maps, those that are used."""
    if found.maps is None or not len(found.maps.terms):
        return ()
    units = numbers.units
    if units.keyword not in (fine := numbers.words.row("BicubicTorsionMap").unit_sets):
        raise UnsupportedError(
            f"fix cmap in units {units.keyword}", hint=f"LAMMPS has it in units {' or '.join(fine)}", field="topology"
        )
    used, row = np.unique(found.maps.terms[:, 0], return_inverse=True)
    energies = units.back("energy", found.maps.energies[used - 1])
    return (TorsionMaps(particles=found.maps.terms[:, 1:], row=row.reshape(-1), energies=energies),)


def _fourteen(
    system: ParticleSystem, pairs: np.ndarray, weight: float, field: Acting, numbers: Numbers
) -> list[TermGroup]:
    """Return what a weighted torsion adds between its outer atoms."""
    types = np.sort(system.species[np.searchsorted(system.ids, pairs)] + 1, axis=1)
    kinds, row = np.unique(types, axis=0, return_inverse=True)
    rows = [field.fourteen.get((i, j)) for i, j in kinds.tolist()]
    if None in rows:
        raise UnsupportedError(
            f"dihedral_coeff: the weight {weight:g} of {len(pairs)} torsions, the first between "
            f"{pairs[0, 0]} and {pairs[0, 1]}, is of 1-4 parameters, and the pair style has none",
            hint="LAMMPS takes such weights with lj/charmm/coul/... only",
            field="topology",
        )
    values = [{"epsilon": weight * r[0], "sigma": r[1]} for r in rows if r is not None]
    near = TermGroup(
        role="pair",
        form="LennardJones",
        particles=pairs,
        row=row.reshape(-1),
        parameters=numbers.columns("LennardJones", values),
    )
    return [near, charged(pairs, weight)]


def _elements(told: Said, count: int, folder: Path) -> list[str]:
    """Return the element of a file that each type is; empty where no file says it."""
    found = [""] * count
    for use in told.styles["pair"].uses:
        rows = parts(use.keyword)
        if len(rows) != 1 or "file" not in names(rows[0]):
            continue
        given = file_arguments(use, rows[0], count)
        said_there = given["elements"]
        if "elements" not in names(rows[0]):
            name = given["file"][0]
            said_there = [
                of_files([ParameterFile(name=name, content=(folder / name).read_bytes())]).elements[0]
            ] * count
        found = [("" if e == "NULL" else e) or old for e, old in zip(said_there, found, strict=True)]
    return found


def _symbols(elements: list[str]) -> list[str]:
    """Return a name for each type: its element, numbered where several types are one; else its number."""
    made: list[str] = []
    for number, element in enumerate(elements, start=1):
        made.append(f"{element}:{number}" if element in made else element or str(number))
    return made


def _say_what_was_left(found: Found, script: Path) -> None:
    if found.left:
        listed = ", ".join(f"{name} (line {line})" for name, line in found.left)
        styles = [plain(name.split()[1]) for name, _ in found.left if name.startswith("fix ")]
        soft = "; molecules are flexible in what was read" if any(s.startswith(_HOLD) for s in styles) else ""
        if "shake" in styles or "rattle" in styles:
            soft += ", as at the start of the script: put the fix before what moves atoms to have them rigid"
        warnings.warn(f"{script}: left out, as the system at rest does not need it: {listed}{soft}", stacklevel=5)


def _say_what_is_rigid(found: Found, held: Rigid) -> None:
    assert found.rigid is not None  # else nothing is held
    listed = ", ".join(held.lost)
    warnings.warn(f"{found.rigid.place}: rigid, and without an energy, as in LAMMPS: {listed}", stacklevel=6)
