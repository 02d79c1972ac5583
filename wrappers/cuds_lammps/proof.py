"""Whether what was read of a script has the energies that LAMMPS itself has after it: asked at every reading."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cuds.arrays import FloatArray
from cuds.errors import EngineError, InvalidError
from cuds.model.particles import ParticleSystem
from cuds.model.potential import PotentialTerm
from cuds.model.rigid import settled
from cuds.model.topology import Topology
from cuds.semantics.bonded import coherent, energy
from cuds.semantics.coordinates import internal
from cuds.semantics.crossed import energies
from cuds.semantics.dictionary import form
from cuds.semantics.dimension import dimension
from cuds.semantics.pairs import curve
from cuds.units import Quantity
from cuds_lammps.reading import Reading

_MOST = 300  # pairs of types that are looked at
_CLOSE, _OF_MAPS = 1e-8, 1e-6  # relative; splines of maps are LAMMPS's own
_OF_LENGTHS = 1e-8  # relative, what is seen of a length
_MOST_IMAGES = 4.01  # how often LAMMPS may count a cluster that lies across a boundary
_STEP, _STEPS = 0.08, 100  # by what part of a length particles are moved at once, and how often
_AT = np.array([0.3, 0.5, 0.7, 0.9])  # of the cutoff
Ask = Callable[..., Any]


def prove(read: Reading, ask: Ask, script: Path) -> None:
    """Compare energies of pairs of types, and of bonds, angles and torsions, with LAMMPS's own.

    Parameters
    ----------
    read : Reading
        What was read.
    ask : callable
        Calls a method of the `SetUp` that is open.
    script : path
        For errors.

    Raises
    ------
    EngineError
        Where they differ: nothing that was read is given out.
    """
    _pairs(read, ask, script)
    _sections(read, ask, script)
    _lengths(read, ask, script)


def _pairs(read: Reading, ask: Ask, script: Path) -> None:
    terms = [t for t in read.acting.terms if not t.files]
    covered = sorted(read.acting.covered)
    if len(terms) < len(read.acting.terms) or not covered:
        return
    symbols = [k.symbol for k in read.system.kinds]
    asked, wanted = [], []
    for i, j in covered[:: 1 + len(covered) // _MOST]:
        acting = [t for t in terms if t.row(symbols[i - 1], symbols[j - 1]) is not None]
        cutoff = min(_cutoff(t, symbols[i - 1], symbols[j - 1]) for t in acting)
        at = Quantity(_AT * cutoff, "angstrom")
        low, high = (float(read.units.into("length", Quantity(x * cutoff, "angstrom"))) for x in (_AT[0], _AT[-1]))
        for charge in _charges(acting):
            asked.append((i, j, low, high, charge))
            wanted.append(list(_energies(read, acting, symbols[i - 1], symbols[j - 1], at, charge)))
    found = ask("pair_energies", asked)
    for question, ours, theirs in zip(asked, wanted, found, strict=True):
        parts = np.array(ours)
        _compare(parts.sum(axis=0), theirs, np.abs(parts).sum(axis=0), f"types {question[0]} and {question[1]}", script)


def _cutoff(term: PotentialTerm, one: str, two: str) -> float:
    assert term.cutoff is not None
    return float(term.cutoff.in_unit("angstrom")[term.row(one, two) or 0])


def _charges(terms: list[PotentialTerm]) -> tuple[float, ...]:
    """Return charges of both atoms that are asked about; what an Ewald sum leaves in real space is not."""
    return (0.0, 1.0) if any(t.form == "Coulomb" and t.accuracy is None for t in terms) else (0.0,)


def _energies(
    read: Reading, terms: list[PotentialTerm], one: str, two: str, at: Quantity, charge: float
) -> Iterator[FloatArray]:
    for term in terms:
        if term.form == "Coulomb":
            r = read.units.into("length", at)
            yield charge**2 * read.units.coulomb / r
        else:
            yield read.units.into("energy", curve(term, one, two).energy(at))


def _sections(read: Reading, ask: Ask, script: Path) -> None:
    groups = {name: section.groups for name, section in read.bonded.items()}
    crossed = () if read.system.topology is None else read.system.topology.maps
    if not any(groups.values()) and not crossed:
        return
    theirs = ask("bonded_energies")
    for maps in crossed:
        ours, size = (read.units.into("energy", e) for e in (energies(read.system, maps), maps.energies))
        _compare(
            ours.sum(keepdims=True),
            np.array([theirs["map"]]),
            np.full(1, np.abs(size).max()) * len(maps),
            "torsion maps",
            script,
            _OF_MAPS,
        )
    for name, there in groups.items():
        of_terms = [read.units.into("energy", energy(read.system, g)) * _constant(read, g.form) for g in there]
        ours = np.concatenate([*of_terms, np.zeros(1)])
        _compare(np.array([ours.sum()]), np.array([theirs[name]]), np.array([np.abs(ours).sum()]), f"{name}s", script)


def _lengths(read: Reading, ask: Ask, script: Path) -> None:
    """Have LAMMPS look at atoms that are at the rigid distances as they were read: to it they are so, too."""
    topology = read.system.topology
    if topology is None or topology.lengths is None:
        return
    given, into = read.system.replace(velocities=None), read.units.into
    placed = _at_lengths(given, topology)
    there = Quantity(internal(placed, topology.constrained)["r"], "angstrom")
    lengths = into("length", topology.lengths)
    ours = float(np.sum((into("length", there) - lengths) ** 2))
    theirs = ask("rigidity", into("length", placed.positions) - into("length", given.positions))
    seen = _OF_LENGTHS**2 * float(np.sum(lengths**2))
    if not ours * (1 - _CLOSE) - seen <= theirs <= _MOST_IMAGES * ours + seen:
        raise EngineError(
            f"{script}: rigid distances are off by {ours!r} (squares, summed) as they were read, {theirs!r} in LAMMPS",
            hint="this is a fault of the reader: report it, with the script",
            engine="lammps",
        )


def _at_lengths(system: ParticleSystem, topology: Topology) -> ParticleSystem:
    """Return a system with its particles at their rigid distances; nearer to them where they are not to be had."""
    assert topology.lengths is not None  # asked before
    lengths = topology.lengths.in_unit("angstrom")
    try:
        for _ in range(_STEPS):
            r = internal(system, topology.constrained)["r"]
            near = np.clip(lengths, (1 - _STEP) * r, (1 + _STEP) * r)
            system = settled(system.replace(topology=topology.replace(lengths=Quantity(near, "angstrom"))))
            if np.array_equal(near, lengths):
                break
    except InvalidError:  # particles on a line, or on top of each other
        pass
    return system


def _constant(read: Reading, name: str) -> float:
    """Return what LAMMPS's Coulomb constant is of that of a form: each program has another last digit."""
    constant = form(name).parameters.get("K")
    if constant is None or constant.constant is None:
        return 1.0
    exact = coherent(constant.constant, constant.dimension) * read.units.coherent(dimension(constant.dimension))
    return float(read.units.coulomb / exact)


def _compare(
    ours: FloatArray, theirs: FloatArray, size: FloatArray, what: str, script: Path, close: float = _CLOSE
) -> None:
    """Refuse differences, but where neither is a number: atoms on top of each other have no energy."""
    wrong = np.abs(ours - theirs) > close * size + 1e-12
    if (wrong & np.isfinite(theirs)).any():
        where = int(np.argmax(wrong))
        raise EngineError(
            f"{script}: the energy of {what} was read as {float(ours[where])!r}, LAMMPS has {float(theirs[where])!r}",
            hint="this is a fault of the reader: report it, with the script",
            engine="lammps",
        )
