"""A system with its potential as a topology of GROMACS: nothing is left to be derived.

Molecule types have no exclusions but those that are listed, pairs of types have their own numbers, and every term
carries its parameters.
"""

from collections.abc import Iterable, Iterator, Mapping
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
from cuds_gromacs.rigid import settles

_ROLES = {"bond": ("bond",), "angle": ("angle",), "dihedral": ("dihedral", "improper"),
          "improper": ("improper", "dihedral")}  # fmt: skip


@dataclass(frozen=True)
class _Said:
    """A group in GROMACS's words: its directive, function, and the text of each row of parameters."""

    directive: str
    function: str
    rows: list[str]


def topology_file(system: ParticleSystem, potential: Potential, words: EngineWords, *, moving: bool = False) -> str:
    """Return the content of a ``.top`` file; of particles that are to move, rigid water is SETTLE's.

    Raises
    ------
    UnsupportedError
        For what GROMACS cannot express, by name, with the first particles.
    """
    return "\n".join(_lines(system, potential, words, moving)) + "\n"


def _lines(system: ParticleSystem, potential: Potential, words: EngineWords, moving: bool) -> Iterator[str]:
    topology = system.topology or Topology()
    names = type_names([k.symbol for k in system.kinds])
    kinds, counts = blocks(system)
    settled = settles(system, kinds, counts) if moving else None
    said = [None if g.role == "pair" else _said(g, words) for g in topology.groups]
    rule = 1 if _any_powers(potential, topology) else 2
    pairs = _pairs(topology, rule)
    yield from ("; written by cuds", "", "[ defaults ]", "; nbfunc comb-rule gen-pairs fudgeLJ fudgeQQ")
    yield from _types(system, potential, names, rule)
    for i, block in enumerate(kinds):
        yield from ("", "[ moleculetype ]", "; name nrexcl", f"{_name(i)} 0", "", "[ atoms ]")
        yield from _atoms(system, block, names)
        yield from _terms(block, said)
        yield from _pair_lines(block, system, topology, pairs)
        yield from _rigid(block) if i != settled else _settled(block)
        yield from _excluded(block)
    yield from ("", "[ system ]", "cuds", "", "[ molecules ]")
    yield from (f"{_name(kind)} {count}" for kind, count in counts)


def _name(number: int) -> str:
    return f"M{number + 1}"


def type_names(symbols: Iterable[str]) -> list[str]:
    """Return names of atom types that GROMACS can read, one for each symbol."""
    found: list[str] = []
    for symbol in symbols:
        plain = "".join(c if c.isalnum() or c in "_+-*'" else "_" for c in symbol)
        plain = plain if plain[:1].isalpha() else f"T{plain}"
        number = 2
        name = plain
        while name in found:
            name, number = f"{plain}_{number}", number + 1
        found.append(name)
    return found


def _said(group: TermGroup, words: EngineWords) -> _Said:
    found = wording(group, words, _ROLES[group.role])
    sizes: dict[str, Any] = {kind: in_si(unit) for kind, unit in words.unit_sets["gromacs"].items()}
    texts = told(found, scaling(sizes))
    return _Said(found.row.section, found.row.keyword, [" ".join(t[i] for t in texts) for i in range(found.rows)])


def _any_powers(potential: Potential, topology: Topology) -> bool:
    return "LennardJonesPowers" in {t.form for t in potential.terms} | {g.form for g in topology.groups}


def _types(system: ParticleSystem, potential: Potential, names: list[str], rule: int) -> Iterator[str]:
    """Yield the types, and the numbers of every pair of them."""
    numbers = _numbers(system, potential, rule)
    yield from (f"1 {rule} no 1.0 1.0", "", "[ atomtypes ]", "; name number mass charge particle " + _MEANT[rule])
    for i, kind in enumerate(system.kinds):
        v, w = numbers[i, i]
        mass = float(kind.mass.in_unit("Da"))
        yield f"{names[i]} {kind.atomic_number} {mass!r} 0.0 A {float(v)!r} {float(w)!r}"
    yield from ("", "[ nonbond_params ]", f"; i j function {_MEANT[rule]}")
    for i in range(len(names)):
        for j in range(i + 1, len(names)):
            yield f"{names[i]} {names[j]} 1 {float(numbers[i, j, 0])!r} {float(numbers[i, j, 1])!r}"


_POWERS = ("LennardJones", "LennardJonesPowers")
_MEANT = {1: "C6 C12", 2: "sigma epsilon"}


def _numbers(system: ParticleSystem, potential: Potential, rule: int) -> FloatArray:
    """Return the numbers of all pairs of types, (n, n, 2)."""
    n = len(system.kinds)
    terms = [t for t in potential.terms if t.form != "Coulomb"]
    for term in terms:
        if term.form not in _POWERS:
            raise UnsupportedError(
                f"potential: GROMACS has no word for the form {term.form}",
                hint="it has LennardJones, LennardJonesPowers and Coulomb",
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


def _atoms(system: ParticleSystem, block: Block, names: list[str]) -> Iterator[str]:
    yield "; number type residue name atom group charge mass"
    charges = _charges(system)
    for i in range(block.start, block.start + block.size):
        kind, n = system.species[i], i - block.start + 1
        mass = float(system.kinds[kind].mass.in_unit("Da"))
        yield f"{n} {names[kind]} 1 MOL {names[kind][:5]} {n} {float(charges[i])!r} {mass!r}"


def _terms(block: Block, said: list[_Said | None]) -> Iterator[str]:
    for place, words in enumerate(said):
        atoms, row = block.terms[place]
        if words is None or not len(atoms):
            continue
        yield from ("", f"[ {words.directive} ]")
        for term, kind in zip((atoms + 1).tolist(), row.tolist(), strict=True):
            yield f"{' '.join(map(str, term))} {words.function} {words.rows[kind]}".rstrip()


def _pairs(topology: Topology, rule: int) -> dict[int, FloatArray]:
    """Return the numbers (n_rows, 2) of each group of pairs: of van der Waals, or a factor and charges."""
    found: dict[int, FloatArray] = {}
    for i, group in enumerate(topology.groups):
        if group.role != "pair":
            continue
        numbers = columns(group)
        if group.form in _POWERS:
            rows = [{s: float(np.ravel(c)[k]) for s, c in numbers.items()} for k in range(group.rows)]
            found[i] = np.array([_pair(values, rule) for values in rows])
        elif group.form == "ChargePair":
            found[i] = np.stack([numbers["c1"], numbers["c2"]], axis=1)
        elif group.form == "ScaledCoulomb":
            found[i] = np.asarray(numbers["scale"])
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


def _settled(block: Block) -> Iterator[str]:
    lengths = {
        tuple(sorted(pair)): length for pair, length in zip(block.constrained.tolist(), block.lengths, strict=True)
    }
    yield from ("", "[ settles ]", f"1 1 {float(lengths[0, 1])!r} {float(lengths[1, 2])!r}")


def _excluded(block: Block) -> Iterator[str]:
    """Yield a line for each atom that has any, with those of higher numbers."""
    if not len(block.exclusions):
        return
    yield from ("", "[ exclusions ]")
    pairs = np.sort(block.exclusions, axis=1) + 1
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    for first in np.unique(pairs[:, 0]).tolist():
        yield f"{first} " + " ".join(map(str, pairs[pairs[:, 0] == first, 1].tolist()))
