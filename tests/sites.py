"""Virtual sites with random numbers, of every construction."""

from typing import Any

import numpy as np

import cuds

ATOM = cuds.Species(symbol="A", atomic_number=6, mass="12.011 Da")
SITE = cuds.Species(symbol="V", mass="0 Da")
PARENTS = {
    "CoincidentSite": 1, "LineSite": 2, "LineDistanceSite": 2, "PlaneSite": 3, "PlaneDistanceSite": 3,
    "PlaneAngleSite": 3, "OutOfPlaneSite": 3, "FourParticleDistanceSite": 4, "WeightedSite": 4,
}  # fmt: skip
_NUMBERS = {
    "CoincidentSite": "", "LineSite": "a", "LineDistanceSite": "d", "PlaneSite": "ab", "PlaneDistanceSite": "ad",
    "PlaneAngleSite": "td", "OutOfPlaneSite": "abc", "FourParticleDistanceSite": "abd",
}  # fmt: skip


def numbers_of(name: str, rng: np.random.Generator) -> dict[str, float]:
    """Random numbers in Å and radian, none of them zero, of both signs."""
    if name == "WeightedSite":
        w = rng.uniform(0.2, 1.0, PARENTS[name])
        return {f"w{i}": float(v) for i, v in enumerate(w / w.sum(), start=1)}
    symbols = ["theta" if s == "t" else s for s in _NUMBERS[name]]
    return {s: float(rng.uniform(0.3, 1.3) * rng.choice([-1, 1])) for s in symbols}


def units_of(name: str) -> dict[str, str]:
    """The unit of each of these numbers."""
    known = {"d": "angstrom", "theta": "radian", "c": "1/angstrom"}
    return {s: known.get(s, "1") for s in numbers_of(name, np.random.default_rng(0))}


def one_site(name: str, rng: np.random.Generator, **more: Any) -> cuds.ParticleSystem:
    """Its parents, and a site a little away from its place."""
    k, units = PARENTS[name], units_of(name)
    x = np.array([[0, 0, 0], [1.3, 0.2, 0.1], [0.3, 1.4, 0.2], [-0.6, -0.4, 1.3]])[:k] + rng.normal(0, 0.1, (k, 3))
    given = {s: (v, units[s]) for s, v in numbers_of(name, rng).items()}
    sites = cuds.virtual_sites(name, [[k + 1, *(rng.permutation(k) + 1)]], **given)
    made = cuds.ParticleSystem(
        positions=(np.vstack([x, [0, 0, 0]]), "angstrom"), species=[0] * k + [1], kinds=(ATOM, SITE),
        topology=cuds.Topology(sites=(sites,)), **more,
    )  # fmt: skip
    place = np.array(cuds.sites_placed(made).positions.in_unit("angstrom"))
    place[-1] += 0.02 * rng.normal(size=3)
    return made.replace(positions=(place, "angstrom"))
