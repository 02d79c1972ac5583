"""A topology of GROMACS in terms of the model: every directive that acts, or a refusal that names it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cuds.arrays import AnyArray, FloatArray, IntArray, distinct_rows
from cuds.errors import UnsupportedError
from cuds.model.maps import TorsionMaps
from cuds.model.potential import ParameterColumn
from cuds.model.sites import VirtualSites
from cuds.model.topology import Role, TermGroup, Topology
from cuds.semantics.dictionary import EngineWords, Row, form
from cuds.semantics.reading import understood
from cuds.units import Quantity
from cuds_gromacs.codecs.records import MoleculeType, Terms, TopologyFile
from cuds_gromacs.maps import read_maps
from cuds_gromacs.sites import DIRECTIVE as SITES, read_sites, refuse_bonded_sites

Placed = tuple[Terms, IntArray]  # terms of a molecule type, and the ids (copies, atoms) of its molecules


@dataclass
class _Pile:
    """Terms of one word, gathered over all molecule types.

    Parameters
    ----------
    particles : list of array (n, k)
        Ids.
    values : list of array (n, m)
        The coefficients of each term.
    terms : list of Terms
        Where they are from.
    """

    particles: list[IntArray] = field(default_factory=list)
    values: list[FloatArray] = field(default_factory=list)
    terms: list[Terms] = field(default_factory=list)

    def add(self, terms: Terms, ids: IntArray) -> None:
        self.particles.append(ids[:, terms.atoms].reshape(-1, terms.atoms.shape[1]))
        self.values.append(np.tile(terms.parameters, (len(ids), 1)))
        self.terms.append(terms)

    def whole(self) -> tuple[IntArray, FloatArray]:
        """Return particles and coefficients of all terms."""
        return np.concatenate(self.particles), np.concatenate(self.values)

    def unique(self) -> tuple[IntArray, FloatArray, IntArray]:
        """Return particles, the rows of coefficients, each once, and which row each term has."""
        values = np.concatenate(self.values)
        first, row = distinct_rows(values)
        return np.concatenate(self.particles), values[first], row


def topology(file: TopologyFile, words: EngineWords) -> Topology:
    """Return what acts between the particles of a system; ids count from 1 in the order of the file.

    Raises
    ------
    UnsupportedError
        For a directive that acts and is not carried, for free-energy perturbations, with file, line and count.
    """
    placed = list(_placed(file))
    refuse_bonded_sites(file, placed)
    piles: dict[tuple[str, int, int], _Pile] = {}
    for terms, ids in placed:
        if len(terms) and len(ids):
            _check_states(file, terms)
            piles.setdefault((terms.directive, terms.function, terms.atoms.shape[1]), _Pile()).add(terms, ids)
    groups: list[TermGroup] = []
    constrained: list[tuple[IntArray, FloatArray]] = []
    maps: list[TorsionMaps] = []
    sites: list[VirtualSites] = []
    for (directive, function, _), pile in piles.items():
        if directive in ("pairs", "pairs_nb"):
            groups += _pairs(file, directive, function, pile)
        elif directive in ("constraints", "settles"):
            constrained.append(_rigid(directive, pile))
        elif directive == "cmap":
            maps.append(read_maps(file, *pile.whole()))
        elif directive.startswith(SITES):
            sites.append(read_sites(file, words, pile.terms, *pile.whole()))
        else:
            row = _row(file, words, directive, function, placed)
            groups.append(_group(row, pile, words.unit_sets["gromacs"]))
    excluded = [ids[:, m.exclusions].reshape(-1, 2) for m, ids in _molecules(file)]
    pairs = np.concatenate([p for p, _ in constrained] or [np.empty((0, 2), dtype=np.int64)])
    lengths = np.concatenate([x for _, x in constrained] or [np.empty(0)])
    return Topology(
        groups=tuple(groups),
        exclusions=np.concatenate([*excluded, np.empty((0, 2), dtype=np.int64)]),
        constrained=pairs,
        lengths=Quantity(lengths, "nm") if len(pairs) else None,
        maps=tuple(maps),
        sites=tuple(sites),
    )


def _molecules(file: TopologyFile) -> Iterator[tuple[MoleculeType, IntArray]]:
    """Yield each molecule type with the ids (copies, atoms) of its molecules, block by block."""
    start = 1
    for name, count in file.molecules:
        kind = file.molecule_types[name]
        yield kind, np.arange(start, start + count * len(kind)).reshape(count, len(kind))
        start += count * len(kind)


def _placed(file: TopologyFile) -> Iterator[Placed]:
    for kind, ids in _molecules(file):
        for terms in kind.terms:
            yield terms, ids


def _check_states(file: TopologyFile, terms: Terms) -> None:
    b = terms.b_parameters
    if b is not None and not np.array_equal(b, terms.parameters[:, : b.shape[1]], equal_nan=True):
        where = int(np.argmax((b != terms.parameters[:, : b.shape[1]]).any(axis=1)))
        raise UnsupportedError(
            f"{file.place(terms.origins[where])}: [ {terms.directive} ] has other numbers for state B",
            hint="free-energy perturbations are not carried; leave the columns of state B out",
            field="topology",
        )


def _row(file: TopologyFile, words: EngineWords, directive: str, function: int, placed: list[Placed]) -> Row:
    for row in words.rows:
        if row.role and (row.section, row.keyword) == (directive, str(function)):
            return row
    found = [(t, ids) for t, ids in placed if (t.directive, t.function) == (directive, function) and len(ids)]
    count = sum(len(t) * len(ids) for t, ids in found)
    terms, ids = found[0]
    raise UnsupportedError(
        f"{file.place(terms.origins[0])}: [ {directive} ] of function {function} is not carried ({count} of them, the "
        f"first between {', '.join(map(str, ids[0][terms.atoms[0]].tolist()))})",
        hint="without it the energy would be another one; leave it out of the topology if that is meant",
        field="topology",
    )


def _group(row: Row, pile: _Pile, units: Any) -> TermGroup:
    particles, values, which = pile.unique()
    columns = understood(row, values, units)
    role: Any = row.role
    which = which if columns else np.zeros_like(which)
    return TermGroup(role=role, form=row.realises, particles=particles, row=which, parameters=columns)


def _rigid(directive: str, pile: _Pile) -> tuple[IntArray, FloatArray]:
    """Return rigid distances; a settle has three: two of the first atom, and that of the others."""
    particles, values = np.concatenate(pile.particles), np.concatenate(pile.values)
    if directive == "constraints":
        return particles, values[:, 0]
    o, h, i = particles.T
    near, far = values[:, 0], values[:, 1]
    pairs = np.concatenate([np.stack(p, axis=1) for p in ((o, h), (o, i), (h, i))])
    return pairs, np.concatenate([near, near, far])


def _pairs(file: TopologyFile, directive: str, function: int, pile: _Pile) -> Iterator[TermGroup]:
    """Yield the van der Waals terms and the charges of pairs.

    Function 1 has a factor of the particles' charges; function 2 and ``pairs_nb`` have charges of their own.
    """
    particles, values, row = pile.unique()
    own = directive == "pairs_nb" or function == 2
    v, w = values[:, -2], values[:, -1]
    yield from van_der_waals(file, v, w, lambda name, columns, rows: _chosen(name, columns, rows, particles, row))
    if not own:
        scale = ParameterColumn(kind="Dimensionless", values=Quantity(np.array([file.defaults.fudge_qq]), "1"))
        yield _made("ScaledCoulomb", particles, np.zeros_like(row), {"scale": scale})
    else:
        factor = values[:, 0] if directive == "pairs" else np.ones(len(values))
        q = values[:, -4:-2]
        charges = {"c1": factor * q[:, 0], "c2": q[:, 1]}
        columns = {s: ParameterColumn(kind="ElectricCharge", values=Quantity(c, "e")) for s, c in charges.items()}
        yield _made("ChargePair", particles, row, columns)


Made = Callable[[str, dict[str, ParameterColumn], AnyArray], Any]


def van_der_waals(file: TopologyFile, v: FloatArray, w: FloatArray, make: Made) -> Iterator[Any]:
    """Yield what `make` makes of pairs of numbers: their form, its columns, and which of the pairs they are.

    By the combination rule the numbers are C6 and C12, or sigma and epsilon; of the latter a negative sigma means that
    there is no attraction.
    """
    if file.defaults.comb_rule == 1:
        plain = np.zeros(len(v), dtype=bool)
        powers = {"C6": (v, "kJ/mol*nm**6"), "C12": (w, "kJ/mol*nm**12")}
    else:
        plain = v >= 0
        sigma, epsilon = np.abs(v), w
        powers = {"C6": (np.zeros(len(v)), "kJ/mol*nm**6"), "C12": (4 * epsilon * sigma**12, "kJ/mol*nm**12")}
    usual = {"sigma": (v, "nm"), "epsilon": (w, "kJ/mol")}
    for name, columns, chosen in (("LennardJones", usual, plain), ("LennardJonesPowers", powers, ~plain)):
        if chosen.any():
            kinds = form(name).free
            yield make(
                name,
                {
                    s: ParameterColumn(kind=kinds[s].kind, values=Quantity(c[chosen], u))
                    for s, (c, u) in columns.items()
                },
                np.flatnonzero(chosen),
            )


def _chosen(
    name: str, columns: dict[str, ParameterColumn], rows: IntArray, particles: IntArray, row: IntArray
) -> TermGroup:
    """Return the terms whose rows are among some, with the rows counted anew."""
    place = np.full(int(row.max(initial=0)) + 1, -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    here = place[row] >= 0
    return _made(name, particles[here], place[row[here]], columns)


def _made(name: str, particles: IntArray, row: IntArray, columns: dict[str, ParameterColumn]) -> TermGroup:
    role: Role = "pair"
    return TermGroup(role=role, form=name, particles=particles, row=row, parameters=columns)
