"""Virtual sites of a system: made, put in their places, and freed of the forces on them."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from cuds.arrays import FloatArray, IntArray
from cuds.errors import InvalidError, ShapeError, UnknownError, UnsupportedError, did_you_mean
from cuds.model.images import nearest
from cuds.model.particles import ParticleSystem
from cuds.model.potential import ParameterColumn
from cuds.model.simulation import AtomisticSimulation, SinglePoint
from cuds.model.sites import VirtualSites
from cuds.semantics.bonded import numbers_of
from cuds.semantics.constructions import made
from cuds.semantics.dictionary import dictionary, form
from cuds.units import Quantity, quantity

_ROUNDING = 1e-7  # in Å: so far from its place a site may be without a word
_SUM = 1e-9  # so far from 1 the sum of weights may be


def virtual_sites(name: str, particles: Any, **parameters: Any) -> VirtualSites:
    """Return virtual sites of one construction, for a `cuds.Topology`.

    Parameters
    ----------
    name : str
        The construction: a name of the ontology, like ``"PlaneSite"``; `cuds.VirtualSites` has them all.
    particles : int array_like (n_sites, 1 + n_parents)
        The ids of each site and, behind it, of its parents.
    **parameters : Quantity
        By symbol: one for all sites, or one (n_sites,) for each.

    Raises
    ------
    InvalidError
        For a parameter that is missing, unknown or does not fit, and for weights that do not add up to 1.

    Examples
    --------
    >>> import cuds
    >>> cuds.virtual_sites("PlaneSite", [[4, 1, 2, 3]], a=0.128, b=0.128)
    VirtualSites(1: PlaneSite)
    """
    known = dictionary()["constructions"]
    if name not in known:
        raise UnknownError(
            f"construction: {name!r} is not known", hint=did_you_mean(name, known), field="construction", name=name
        )
    count, given = len(particles), {s: quantity(v, _kind(name, s), f"{name}: {s}") for s, v in parameters.items()}
    for symbol, value in given.items():
        if np.shape(value.value) not in ((), (count,)):
            raise ShapeError(
                f"{name}: {symbol} has the shape {np.shape(value.value)}",
                hint=f"give one value for all sites, or one for each of the {count}",
                field=symbol,
            )
    rows = count if any(np.ndim(q.value) for q in given.values()) else 1
    found = VirtualSites(
        construction=name,
        particles=particles,
        row=np.arange(count) if rows == count else np.zeros(count, dtype=np.int64),
        parameters={
            s: ParameterColumn(kind=_kind(name, s), values=Quantity(np.broadcast_to(q.value, rows), q.unit))
            for s, q in given.items()
        },
    )
    numbers(found)
    return found


def _kind(name: str, symbol: str) -> str:
    free = form(name).free
    found = free.get(symbol) or free.get(symbol.rstrip("0123456789"))
    return found.kind if found else "Dimensionless"


def numbers(group: VirtualSites) -> dict[str, FloatArray]:
    """Return the parameters (n_rows,) of sites by symbol, coherent, after refusing what does not fit.

    Raises
    ------
    InvalidError
        For another number of parents than the construction has, a parameter that is missing or unknown, and weights
        that do not add up to 1.
    """
    known = dictionary()["constructions"]
    if group.construction not in known:
        raise InvalidError(
            f"construction: {group.construction!r} is not known",
            hint=did_you_mean(group.construction, known),
            field="construction",
        )
    wanted, parents = form(group.construction).bodies - 1, group.parents.shape[1]
    if wanted and parents != wanted:
        raise ShapeError(f"{group.construction}: {parents} parents", hint=f"it is made of {wanted}", field="particles")
    if wanted:
        return dict(numbers_of(group.construction, group.parameters))
    names = [f"w{i}" for i in range(1, parents + 1)]
    if sorted(names) != sorted(group.parameters):
        raise InvalidError(
            f"{group.construction}: the parameters {', '.join(group.parameters) or 'none'}",
            hint=f"give {', '.join(names)}",
            field="parameters",
        )
    found = {s: group.parameters[s].values.in_unit("1") for s in names}
    if (wrong := np.abs(sum(found.values()) - 1) > _SUM).any():
        raise InvalidError(
            f"{group.construction}: weights add up to {float(np.array(sum(found.values()))[wrong][0])!r}",
            hint="divide them by their sum",
            field="parameters",
        )
    return found


def _each(system: ParticleSystem) -> Iterator[tuple[IntArray, FloatArray, FloatArray]]:
    """Yield, for each construction, rows of sites and parents, vectors (n, 3) in Å, and derivatives (n, k, 3, 3)."""
    x, order = system.positions.in_unit("angstrom"), np.argsort(system.ids)
    for group in system.topology.sites if system.topology is not None else ():
        rows = order[np.searchsorted(system.ids, group.particles, sorter=order)]
        parents = x[rows[:, 1:]]
        steps = nearest(system, (parents[:, 1:] - parents[:, :1]).reshape(-1, 3))
        values = {s: v[group.row] for s, v in numbers(group).items()}
        yield rows, *made(group.construction, steps.reshape(len(rows), -1, 3), values)


def sites_placed(system: ParticleSystem) -> ParticleSystem:
    """Return a system with every virtual site where its parents put it, at the image nearest to where it was."""
    x = np.array(system.positions.in_unit("angstrom"))
    moved = False
    for rows, vectors, _ in _each(system):
        site, first = rows[:, 0], rows[:, 1]
        x[site] += nearest(system, x[first] + vectors - x[site])
        moved = True
    return system.replace(positions=Quantity(x, "angstrom")) if moved else system


def distances(system: ParticleSystem) -> FloatArray:
    """Return how far in Å each particle is from where its parents put it, (n,); 0 for those that are no sites."""
    x, found = system.positions.in_unit("angstrom"), np.zeros(len(system))
    for rows, vectors, _ in _each(system):
        away = nearest(system, x[rows[:, 1]] + vectors - x[rows[:, 0]])
        found[rows[:, 0]] = np.sqrt(np.sum(away**2, axis=1))
    return found


def check_masses(system: ParticleSystem) -> None:
    """Refuse particles without mass that are no virtual sites: nothing says how they move.

    Raises
    ------
    InvalidError
        With the first of them.
    """
    sites = np.empty(0, dtype=np.int64) if system.topology is None else system.topology.site_ids
    if (wrong := (system.masses.value <= 0) & ~np.isin(system.ids, sites)).any():
        raise InvalidError(
            f"system: {int(wrong.sum())} particles without mass that are no virtual sites, the first "
            f"{system.ids[wrong][0]} ({system.symbols[int(np.argmax(wrong))]})",
            hint="give their species a mass, or say what they are made of: cuds.virtual_sites",
            field="kinds",
        )


def refuse_moving(simulation: AtomisticSimulation, engine: str, title: str) -> None:
    """Refuse sites where particles move, and these would not move with their parents.

    Raises
    ------
    UnsupportedError
        With how many there are, and the first.
    """
    topology = simulation.system.topology
    if topology is not None and topology.sites and not isinstance(simulation, SinglePoint):
        count, first = len(topology.site_ids), topology.site_ids[0]
        raise UnsupportedError(
            f"topology: {count} virtual sites, the first particle {first}, which {title} does not move with their "
            f"parents in a {type(simulation).__name__}",
            hint="it computes a SinglePoint with them",
            field="topology",
            engine=engine,
        )


def displacement(system: ParticleSystem) -> dict[str, float]:
    """Return, for a report, how far in Å the virtual sites are at most from where their parents put them."""
    if system.topology is None or not system.topology.sites:
        return {}
    away = float(distances(system).max())
    return {"virtual sites out of place by [angstrom]": away if away > _ROUNDING else 0.0}


def warn_of_displaced(system: ParticleSystem) -> None:
    """Warn of sites that are not where their parents put them: energies are those of the places that are given.

    Warns
    -----
    UserWarning
        With how many there are, and the largest distance.
    """
    if system.topology is None or not system.topology.sites:
        return
    away = distances(system)
    if (off := away > _ROUNDING).any():
        worst = int(np.argmax(away))
        warnings.warn(
            f"{int(off.sum())} of {len(system.topology.site_ids)} virtual sites are not where their parents put them, "
            f"particle {system.ids[worst]} by {away[worst]:.3g} angstrom; the energy is that of the places given: "
            "cuds.sites_placed(system) moves them",
            stacklevel=3,
        )


def spread(system: ParticleSystem, forces: FloatArray) -> FloatArray:
    """Return forces (n, 3) with those on virtual sites on their parents, by the chain rule, and none on the sites."""
    found = np.array(forces)
    for rows, _, slopes in _each(system):
        on_site = found[rows[:, 0]]
        np.add.at(found, rows[:, 1:], np.einsum("nkij,ni->nkj", slopes, on_site))
        found[rows[:, 0]] = 0.0
    return found


def virial_of_spreading(system: ParticleSystem, forces: FloatArray) -> FloatArray:
    """Return what spreading adds to the sum over all particles of force times place (3, 3), in Å times that of forces.

    Under a strain a site goes where its parents put it, which is where the strain puts it only if the construction is
    linear.

    Parameters
    ----------
    system : ParticleSystem
        Where the particles are.
    forces : array (n, 3)
        Before they are spread.
    """
    x, found = system.positions.in_unit("angstrom"), np.zeros((3, 3))
    for rows, _, slopes in _each(system):
        on_site = forces[rows[:, 0]]
        on_parents = np.einsum("nkij,ni->nkj", slopes, on_site)
        steps = nearest(system, (x[rows] - x[rows[:, 1:2]]).reshape(-1, 3)).reshape(*rows.shape, 3)
        found += np.einsum("nki,nkj->ij", on_parents, steps[:, 1:]) - np.einsum("ni,nj->ij", on_site, steps[:, 0])
    return found
