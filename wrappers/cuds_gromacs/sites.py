"""Virtual sites, read from a topology of GROMACS and written into one."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from cuds.arrays import FloatArray, IntArray
from cuds.errors import UnsupportedError
from cuds.model.potential import ParameterColumn
from cuds.model.sites import VirtualSites
from cuds.model.topology import TermGroup, Topology
from cuds.semantics.bonded import Wording, scaling, told
from cuds.semantics.dictionary import EngineWords, Row, form
from cuds.semantics.reading import understood
from cuds.semantics.sites import numbers
from cuds.units import Quantity, in_si
from cuds_gromacs.codecs.records import Terms, TopologyFile

DIRECTIVE = "virtual_sites"


def read_sites(
    file: TopologyFile, words: EngineWords, terms: Sequence[Terms], particles: IntArray, values: FloatArray
) -> VirtualSites:
    """Return the virtual sites of one directive and function.

    Parameters
    ----------
    file : TopologyFile
        Where they stand.
    words : EngineWords
        GROMACS's part of the dictionary.
    terms : sequence of Terms
        Their lines, for errors.
    particles : int array (n, 1 + k)
        Ids of each site and its parents.
    values : array (n, m)
        Their numbers; NaN where there are none.

    Raises
    ------
    UnsupportedError
        For a construction without a row in the dictionary, and sites whose numbers GROMACS would work out from bonds.
    """
    row = _row(file, words, terms, particles)
    if np.isnan(values).any():
        raise _refused(file, terms, particles, "without numbers")
    kinds, which = np.unique(values, axis=0, return_inverse=True)
    if form(row.realises).bodies == 1:  # of any number of parents
        columns = {f"w{i}": _number(w) for i, w in enumerate(kinds.T, start=1)}
    else:
        columns = understood(row, kinds, words.unit_sets["gromacs"])
    which = which.reshape(-1) if columns else np.zeros(len(particles), dtype=np.int64)
    return VirtualSites(construction=row.realises, particles=particles, row=which, parameters=columns)


def _number(values: FloatArray) -> ParameterColumn:
    return ParameterColumn(kind="Dimensionless", values=Quantity(np.array(values), "1"))


def _row(file: TopologyFile, words: EngineWords, terms: Sequence[Terms], particles: IntArray) -> Row:
    directive, function = terms[0].directive, str(abs(terms[0].function))  # a sign counts only without numbers
    for row in words.rows:
        if (row.section, row.keyword) == (directive, function):
            return row
    raise _refused(file, terms, particles, f"of function {function}")


def _refused(file: TopologyFile, terms: Sequence[Terms], particles: IntArray, what: str) -> UnsupportedError:
    count, first = len(particles), ", ".join(map(str, particles[0].tolist()))
    return UnsupportedError(
        f"{file.place(terms[0].origins[0])}: [ {terms[0].directive} ] {what} is not carried ({count} of them, the "
        f"first of the atoms {first})",
        hint="write a construction that cuds.VirtualSites has, with its numbers",
        field="topology",
    )


def refuse_bonded_sites(file: TopologyFile, placed: Sequence[tuple[Terms, IntArray]]) -> None:
    """Refuse bonds, angles and torsions of virtual sites: grompp leaves out those that do not change.

    Raises
    ------
    UnsupportedError
        With file, line and count.
    """
    sites = [ids[:, t.atoms[:, 0]].ravel() for t, ids in placed if t.directive.startswith(DIRECTIVE) and len(ids)]
    if not sites:
        return
    known = np.concatenate(sites)
    for terms, ids in placed:
        if terms.directive not in ("bonds", "angles", "dihedrals", "constraints", "cmap") or not len(ids):
            continue
        if (on := np.isin(ids[:, terms.atoms], known).any(axis=2)).any():
            copy, line = (int(i) for i in np.argwhere(on)[0])
            atoms = ", ".join(map(str, ids[copy, terms.atoms[line]].tolist()))
            raise UnsupportedError(
                f"{file.place(terms.origins[line])}: [ {terms.directive} ] of virtual sites are not carried "
                f"({int(on.sum())} of them, the first between {atoms})",
                hint="grompp leaves out those that do not change, by a rule of its own; leave them out of the topology",
                field="topology",
            )


def refuse_sites_in_terms(topology: Topology) -> None:
    """Refuse what grompp might leave out of a topology that is written.

    Raises
    ------
    UnsupportedError
        With role, form and count.
    """
    if not topology.sites:
        return
    for group in topology.groups:
        if group.role != "pair" and (on := np.isin(group.particles, topology.site_ids).any(axis=1)).any():
            raise _in_terms(group, group.particles[on], f"the {group.role} {group.form}")
    for maps in topology.maps:
        if (on := np.isin(maps.particles, topology.site_ids).any(axis=1)).any():
            raise _in_terms(maps, maps.particles[on], "torsion maps")
    if (on := np.isin(topology.constrained, topology.site_ids).any(axis=1)).any():
        raise _in_terms(topology, topology.constrained[on], "constrained distances")


def _in_terms(group: TermGroup | Any, particles: IntArray, what: str) -> UnsupportedError:
    return UnsupportedError(
        f"topology: GROMACS leaves out some terms of virtual sites, and {what} has them "
        f"({len(particles)}, the first between {', '.join(map(str, particles[0].tolist()))})",
        hint="let them act on the parents",
        field="topology",
        engine="gromacs",
    )


def site_lines(group: VirtualSites, atoms: IntArray, row: IntArray, words: EngineWords) -> Iterator[str]:
    """Yield the directive of sites and their lines.

    Parameters
    ----------
    group : VirtualSites
        Whose they are.
    atoms : int array (n, 1 + k)
        Sites and parents, counted from 0.
    row : int array (n,)
        Their rows of parameters.
    words : EngineWords
        GROMACS's part of the dictionary.
    """
    if not len(atoms):
        return
    group = _expressed(group)
    rows = [r for r in words.rows if r.realises == group.construction and not r.refusal]
    word = max(rows, key=lambda r: len(r.coefficients))  # with weights, rather than one that has them worked out
    yield from ("", f"[ {word.section} ]")
    texts = _texts(group, word, words)
    for term, kind in zip((atoms + 1).tolist(), row.tolist(), strict=True):
        if word.coefficients == "weights":
            pairs = " ".join(f"{atom} {w}" for atom, w in zip(term[1:], texts[kind], strict=True))
            yield f"{term[0]} {word.keyword} {pairs}"
        else:
            yield f"{' '.join(map(str, term))} {word.keyword} {' '.join(texts[kind])}".rstrip()


def _expressed(group: VirtualSites) -> VirtualSites:
    """Return the same sites by a construction that GROMACS has a word for."""
    if group.construction != "CoincidentSite":
        return group
    one = {"w1": _number(np.ones(1))}
    return group.replace(construction="WeightedSite", row=np.zeros(len(group), dtype=np.int64), parameters=one)


def _texts(group: VirtualSites, word: Row, words: EngineWords) -> list[list[str]]:
    """Return the numbers of each row, as GROMACS reads them."""
    found = numbers(group)
    if word.coefficients == "weights":
        columns = [found[f"w{i}"] for i in range(1, group.parents.shape[1] + 1)]
        if min(float(c.min()) for c in columns) < 0:
            raise UnsupportedError(
                f"topology: GROMACS has no negative weights, and {group!r} has some",
                hint="sites of two or three parents may be a LineSite or a PlaneSite, whose numbers may be negative",
                field="topology",
                engine="gromacs",
            )
        return [[repr(float(c[i])) for c in columns] for i in range(len(columns[0]))]
    sizes: dict[str, Any] = {kind: in_si(unit) for kind, unit in words.unit_sets["gromacs"].items()}
    said = Wording(word, group.construction, found)
    texts = told(said, scaling(sizes))
    return [[t[i] for t in texts] for i in range(said.rows)]
