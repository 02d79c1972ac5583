"""A system with its potential as a topology of GROMACS: nothing is left to be derived.

Molecule types have no exclusions but those that are listed, pairs of types have their own numbers, and every term
carries its parameters.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np

from cuds.arrays import FloatArray
from cuds.errors import UnsupportedError
from cuds.model.particles import ParticleSystem
from cuds.model.potential import Potential
from cuds.model.topology import TermGroup, Topology
from cuds.semantics.bonded import coherent, columns, scaling, told, wording
from cuds.semantics.dictionary import EngineWords
from cuds.units import factor, in_si
from cuds_gromacs.blocks import Block, blocks
from cuds_gromacs.codecs.structure import Structure
from cuds_gromacs.endings import of_charges, permittivity
from cuds_gromacs.maps import Lookup, copy_names, lookup, map_lines
from cuds_gromacs.names import Names, names, type_names, unique
from cuds_gromacs.sites import refuse_sites_in_terms, site_lines

ROLES = {"bond": ("bond",), "angle": ("angle",), "dihedral": ("dihedral", "improper"),
          "improper": ("improper", "dihedral")}  # fmt: skip


@dataclass(frozen=True)
class _Said:
    """A group in GROMACS's words: its directive, function, and the text of each row of parameters."""

    directive: str
    function: str
    rows: list[str]


def topology_file(system: ParticleSystem, potential: Potential, words: EngineWords) -> str:
    """Return the content of a ``.top`` file.

    Raises
    ------
    UnsupportedError
        For what GROMACS cannot express, by name, with the first particles.
    """
    return "\n".join(_lines(system, potential, words)) + "\n"


def _lines(system: ParticleSystem, potential: Potential, words: EngineWords) -> Iterator[str]:
    topology = system.topology or Topology()
    types, called = type_names([k.symbol for k in system.kinds]), names(system)
    found = lookup(system, types)
    refuse_sites_in_terms(topology)
    kinds, counts = blocks(system)
    titles = unique(str(called.molecules[k.start]) or f"M{i}" for i, k in enumerate(kinds, start=1))
    said = [None if g.role == "pair" else _said(g, words) for g in topology.groups]
    rule = 1 if _any_powers(potential, topology) else 2
    pairs = _pairs(topology, rule, permittivity(potential.terms))
    charges = _charges(system) if _interact(system, potential) else np.zeros(len(system))
    yield from ("; written by cuds", "", "[ defaults ]", "; nbfunc comb-rule gen-pairs fudgeLJ fudgeQQ")
    yield from _types(system, potential, types, rule, found)
    named = [*types, *copy_names(types, found.copies)]
    for title, block in zip(titles, kinds, strict=True):
        yield from ("", "[ moleculetype ]", "; name nrexcl", f"{title} 0", "", "[ atoms ]")
        yield from _atoms(system, block, (named, found, called), charges)
        yield from _terms(block, said)
        yield from map_lines(np.concatenate([np.empty((0, 5), dtype=np.int64), *(atoms for atoms, _ in block.maps)]))
        yield from _pair_lines(block, system, topology, pairs)
        yield from _rigid(block)
        for sites, (atoms, row) in zip(topology.sites, block.sites, strict=True):
            yield from site_lines(sites, atoms, row, words)
        yield from _excluded(block, said)
    yield from ("", "[ system ]", title_of(system), "", "[ molecules ]")
    yield from (f"{titles[kind]} {count}" for kind, count in counts)


def _said(group: TermGroup, words: EngineWords) -> _Said:
    found = wording(group, words, ROLES[group.role])
    sizes: dict[str, Any] = {kind: in_si(unit) for kind, unit in words.unit_sets["gromacs"].items()}
    texts = told(found, scaling(sizes))
    return _Said(found.row.section, found.row.keyword, [" ".join(t[i] for t in texts) for i in range(found.rows)])


def _any_powers(potential: Potential, topology: Topology) -> bool:
    return "LennardJonesPowers" in {t.form for t in potential.terms} | {g.form for g in topology.groups}


def _types(system: ParticleSystem, potential: Potential, names: list[str], rule: int, found: Lookup) -> Iterator[str]:
    """Yield the types, the numbers of every pair of them, and what is found by types."""
    of_kind = [*range(len(names)), *found.copies]
    numbers = _numbers(system, potential, rule)[np.ix_(of_kind, of_kind)]
    names = [*names, *copy_names(names, found.copies)]
    yield from (f"1 {rule} no 1.0 1.0", "", "[ atomtypes ]", "; name number mass charge particle " + _MEANT[rule])
    for i, kind in enumerate(system.kinds[k] for k in of_kind):
        v, w = numbers[i, i]
        mass = float(kind.mass.in_unit("Da"))
        yield f"{names[i]} {kind.atomic_number} {mass!r} 0.0 {'A' if mass else 'V'} {float(v)!r} {float(w)!r}"
    yield from ("", "[ nonbond_params ]", f"; i j function {_MEANT[rule]}")
    for i in range(len(names)):
        for j in range(i + 1, len(names)):
            yield f"{names[i]} {names[j]} 1 {float(numbers[i, j, 0])!r} {float(numbers[i, j, 1])!r}"
    yield from found.lines


_POWERS = ("LennardJones", "LennardJonesPowers")
_MEANT = {1: "C6 C12", 2: "sigma epsilon"}


def _numbers(system: ParticleSystem, potential: Potential, rule: int) -> FloatArray:
    """Return the numbers of all pairs of types, (n, n, 2)."""
    n = len(system.kinds)
    terms = [t for t in potential.terms if not of_charges(t)]
    for term in terms:
        if term.form not in _POWERS:
            raise UnsupportedError(
                f"potential: GROMACS has no word for the form {term.form}",
                hint="it has LennardJones, LennardJonesPowers, Coulomb and ScreenedCoulomb",
                field="potential",
                form=term.form,
            )
    found = np.zeros((n, n, 2))
    taken = np.zeros((n, n), dtype=bool)
    for term in terms:
        values = {s: coherent(c.values, _DIMENSIONS[s]) for s, c in term.parameters.items()}
        for i, one in enumerate(system.kinds):
            for j, two in enumerate(system.kinds):
                place = term.row(one.symbol, two.symbol)
                if place is None:
                    continue
                if taken[i, j]:
                    raise UnsupportedError(
                        f"potential: two terms act between {one.symbol} and {two.symbol}",
                        hint="GROMACS has one Lennard-Jones interaction for a pair of types; add their powers",
                        field="potential",
                    )
                taken[i, j] = True
                found[i, j] = _pair({s: float(v[place]) for s, v in values.items()}, rule)
    return found


_DIMENSIONS = {"sigma": "L", "epsilon": "E", "C6": "E L^6", "C12": "E L^12"}
_KJ, _NM = factor("eV", "kJ/mol"), factor("angstrom", "nm")


def _pair(values: Mapping[str, float], rule: int) -> tuple[float, float]:
    """Return the numbers of a pair in kJ/mol and nm, from those in eV and Å."""
    if rule == 2:
        return values["sigma"] * _NM, values["epsilon"] * _KJ
    if "sigma" in values:
        sixth, sigma = 4 * values["epsilon"] * _KJ * (values["sigma"] * _NM) ** 6, values["sigma"] * _NM
        return sixth, sixth * sigma**6
    return values["C6"] * _KJ * _NM**6, values["C12"] * _KJ * _NM**12


def _interact(system: ParticleSystem, potential: Potential) -> bool:
    """Whether charges act between all particles; charges of which nothing is said do not.

    Raises
    ------
    UnsupportedError
        Where they act between some species only, or by two terms.
    """
    used = [k.symbol for k in system.kinds_used()]
    acting = [t for t in potential.terms if of_charges(t)]
    for i, one in enumerate(used):
        for two in used[i:]:
            if acting and (count := sum(t.row(one, two) is not None for t in acting)) != 1:
                raise UnsupportedError(
                    f"potential: {count} terms of charges act between {one} and {two}",
                    hint="in GROMACS charges act between all particles alike",
                    field="potential",
                    engine="gromacs",
                )
    return bool(acting)


def title_of(system: ParticleSystem) -> str:
    """Return the name of a system in one line."""
    return " ".join(system.label.replace(";", ",").split()) or "cuds"


def structure(system: ParticleSystem, x: FloatArray, v: FloatArray | None, cell: FloatArray) -> Structure:
    """Return what a ``.gro`` file holds: names, and positions (n, 3), velocities and cell in GROMACS's frame, in nm."""
    called, count = names(system), np.arange(1, len(x) + 1)
    return Structure(title_of(system), called.numbers, called.residues, called.atoms, count, x, v, cell)


def _atoms(
    system: ParticleSystem, block: Block, words: tuple[list[str], Lookup, Names], charges: FloatArray
) -> Iterator[str]:
    types, found, called = words
    yield "; number type residue name atom group charge mass"
    end = block.start + block.size
    numbers = called.residues_of(block.start, end).tolist()
    for i, number in zip(range(block.start, end), numbers, strict=True):
        mass = float(system.kinds[system.species[i]].mass.in_unit("Da"))
        named, n = f"{number} {called.residues[i]} {called.atoms[i]}", i - block.start + 1
        yield f"{n} {types[found.types[i]]} {named} {n} {float(charges[i])!r} {mass!r}"


def _terms(block: Block, said: list[_Said | None]) -> Iterator[str]:
    for place, words in enumerate(said):
        atoms, row = block.terms[place]
        if words is None or not len(atoms):
            continue
        yield from ("", f"[ {words.directive} ]")
        for term, kind in zip((atoms + 1).tolist(), row.tolist(), strict=True):
            yield f"{' '.join(map(str, term))} {words.function} {words.rows[kind]}".rstrip()


def _pairs(topology: Topology, rule: int, around: float) -> dict[int, FloatArray]:
    """Return the numbers (n_rows, 2) of each group of pairs: of van der Waals, or a factor and charges.

    GROMACS divides what it is told of charges by the permittivity.
    """
    found: dict[int, FloatArray] = {}
    for i, group in enumerate(topology.groups):
        if group.role != "pair":
            continue
        numbers = columns(group)
        if group.form in _POWERS:
            rows = [{s: float(np.ravel(c)[k]) for s, c in numbers.items()} for k in range(group.rows)]
            found[i] = np.array([_pair(values, rule) for values in rows])
        elif group.form == "ChargePair":
            found[i] = np.stack([numbers["c1"] * around, numbers["c2"]], axis=1)
        elif group.form == "ScaledCoulomb":
            found[i] = np.asarray(numbers["scale"] * around)
        else:
            raise UnsupportedError(
                f"topology: GROMACS has no word for pairs of the form {group.form} ({len(group)} of them)",
                hint=f"it has {', '.join(_POWERS)}, ScaledCoulomb and ChargePair",
                field="topology",
                form=group.form,
            )
    return found


def _pair_lines(
    block: Block, system: ParticleSystem, topology: Topology, numbers: dict[int, FloatArray]
) -> Iterator[str]:
    """Yield the pairs with numbers of their own; charges and van der Waals of one pair share a line."""
    near: dict[tuple[int, int], list[str]] = {}
    charged: dict[tuple[int, int], list[str]] = {}
    charges = _charges(system)[block.start : block.start + block.size]
    for place, values in numbers.items():
        group, (atoms, row) = topology.groups[place], block.terms[place]
        into = near if group.form in _POWERS else charged
        for (i, j), kind in zip(atoms.tolist(), row.tolist(), strict=True):
            if group.form == "ScaledCoulomb":
                text = f"{float(values[kind])!r} {float(charges[i])!r} {float(charges[j])!r}"
            else:
                pair = " ".join(map(repr, values[kind].tolist()))
                text = f"1.0 {pair}" if into is charged else pair
            into.setdefault((i, j) if i < j else (j, i), []).append(text)
    if near or charged:
        yield from ("", "[ pairs ]", "; i j function factor qi qj and as above")
    for i, j in sorted(near.keys() | charged.keys()):
        for both in zip_longest(charged.get((i, j), []), near.get((i, j), [])):
            yield f"{i + 1} {j + 1} 2 {both[0] or '1.0 0.0 0.0'} {both[1] or '0.0 0.0'}"


def _charges(system: ParticleSystem) -> FloatArray:
    return np.zeros(len(system)) if system.charges is None else np.asarray(system.charges.in_unit("e"))


def _rigid(block: Block) -> Iterator[str]:
    if len(block.constrained):
        yield from ("", "[ constraints ]")
    for (i, j), length in zip((block.constrained + 1).tolist(), block.lengths.tolist(), strict=True):
        yield f"{i} {j} 2 {length!r}"


def _excluded(block: Block, said: list[_Said | None]) -> Iterator[str]:
    """Yield a line for each atom that has any, with those of higher numbers; grompp wants bonds before, or none."""
    if not len(block.exclusions):
        return
    bonded = any(s and s.directive == "bonds" and len(atoms) for s, (atoms, _) in zip(said, block.terms, strict=True))
    yield from () if bonded or len(block.constrained) else ("", "[ bonds ]")
    yield from ("", "[ exclusions ]")
    pairs = np.sort(block.exclusions, axis=1) + 1
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    for first in np.unique(pairs[:, 0]).tolist():
        yield f"{first} " + " ".join(map(str, pairs[pairs[:, 0] == first, 1].tolist()))
