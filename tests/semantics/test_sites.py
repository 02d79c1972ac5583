"""Virtual sites: where they are, how that moves with their parents, and what is refused."""

from typing import Any

import numpy as np
import pytest

import cuds
from cuds.errors import CudsError, InvalidError, ShapeError, UnknownError
from cuds.semantics.constructions import made
from cuds.semantics.dictionary import dictionary
from cuds.semantics.sites import distances, spread, virial_of_spreading
from tests.sites import ATOM, PARENTS, SITE, numbers_of, one_site

NAMES = sorted(dictionary()["constructions"])


def test_every_construction_is_tried() -> None:
    assert sorted(PARENTS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_slopes_are_those_of_differences(name: str) -> None:
    """Of 200 random sites at once, by each component of each parent."""
    rng, k, h = np.random.default_rng(3), PARENTS[name], 1e-4
    x = rng.normal(0, 1.0, (200, k, 3)) + np.arange(k)[:, None] * [1.2, 0.5, 0]
    columns = [numbers_of(name, rng) for _ in range(200)]
    p = {s: np.array([c[s] for c in columns]) for s in columns[0]}

    def place(y: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return y[:, 0] + made(name, y[:, 1:] - y[:, :1], p)[0]

    slopes = made(name, x[:, 1:] - x[:, :1], p)[1]
    assert slopes.shape == (200, k, 3, 3)
    for parent in range(k):
        for axis in range(3):
            step = np.zeros_like(x)
            step[:, parent, axis] = h
            ends = [place(x + n * step) for n in (-2, -1, 1, 2)]
            found = (ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * h)
            size = np.abs(slopes).max(axis=(1, 2, 3))[:, None]
            assert (np.abs(slopes[:, parent, :, axis] - found) / np.maximum(size, 1)).max() < 1e-6
    np.testing.assert_allclose(slopes.sum(axis=1), np.tile(np.eye(3), (200, 1, 1)), atol=1e-12)  # moved as a whole


def test_places_are_those_of_the_formulae() -> None:
    """Of parents along the axes, by hand."""
    x = [[0.0, 0, 0], [2, 0, 0], [1, 3, 0], [0, 0, 4]]
    wanted: dict[str, tuple[dict[str, Any], list[float]]] = {
        "CoincidentSite": ({}, [0, 0, 0]),
        "LineSite": ({"a": 0.25}, [0.5, 0, 0]),
        "LineDistanceSite": ({"d": "0.5 angstrom"}, [0.5, 0, 0]),
        "PlaneSite": ({"a": 0.25, "b": 0.5}, [1, 1.5, 0]),
        "PlaneDistanceSite": ({"a": 1.0, "d": "1 angstrom"}, [1 / 10**0.5, 3 / 10**0.5, 0]),
        "PlaneAngleSite": ({"theta": "90 degree", "d": "1 angstrom"}, [0, 1, 0]),
        "OutOfPlaneSite": ({"a": 0.0, "b": 0.0, "c": "0.5 1/angstrom"}, [0, 0, 3]),
        "FourParticleDistanceSite": ({"a": 0.0, "b": 0.0, "d": "1 angstrom"}, [0, 0, 0]),
        "WeightedSite": ({"w1": 0.25, "w2": 0.25, "w3": 0.25, "w4": 0.25}, [0.75, 0.75, 1]),
    }
    wanted["FourParticleDistanceSite"] = ({"a": 2.0, "b": 1.0, "d": "1 angstrom"}, [])
    normal = np.cross([2 - 2, 6, 0], [0 - 2, 0, 4])
    for name, (parameters, place) in wanted.items():
        k = PARENTS[name]
        system = cuds.ParticleSystem(
            positions=([*x, [9, 9, 9]], "angstrom"), species=[0, 0, 0, 0, 1], kinds=(ATOM, SITE),
            topology=cuds.Topology(sites=(cuds.virtual_sites(name, [[5, *range(1, k + 1)]], **parameters),)),
        )  # fmt: skip
        found = cuds.sites_placed(system).positions.in_unit("angstrom")[4]
        np.testing.assert_allclose(found, place or normal / np.linalg.norm(normal), atol=1e-14, err_msg=name)


@pytest.mark.parametrize("name", NAMES)
def test_a_site_keeps_to_its_image_and_forces_balance(name: str) -> None:
    """Parents and site in any images of a skew cell; forces and their torque are the same on the parents."""
    rng = np.random.default_rng(4)
    whole = one_site(name, rng)
    cell = np.array([[21.0, 1, 0], [2, 22, -1], [-1, 3, 23]])
    torn = whole.positions.in_unit("angstrom") + rng.integers(-2, 3, (len(whole), 3)) @ cell
    system = whole.replace(positions=(torn, "angstrom"), cell=(cell, "angstrom"), pbc=(True,) * 3)
    np.testing.assert_allclose(distances(system), distances(whole), atol=1e-12)
    placed = cuds.sites_placed(whole)
    assert distances(placed).max() < 1e-14
    away = cuds.sites_placed(system).positions.in_unit("angstrom") - placed.positions.in_unit("angstrom")
    np.testing.assert_allclose(away - np.round(away @ np.linalg.inv(cell)) @ cell, 0, atol=1e-12)
    assert np.abs(cuds.sites_placed(system).positions.in_unit("angstrom") - torn).max() < 12  # not another image
    forces = rng.normal(size=(len(whole), 3))
    on_parents, x = spread(placed, forces), np.asarray(placed.positions.in_unit("angstrom"))
    assert not on_parents[-1].any()
    np.testing.assert_allclose(on_parents.sum(axis=0), forces.sum(axis=0), atol=1e-12)
    torque = np.cross(x, on_parents).sum(axis=0) - np.cross(x, forces).sum(axis=0)
    np.testing.assert_allclose(torque, 0, atol=1e-11)
    virial = virial_of_spreading(placed, forces)
    np.testing.assert_allclose(virial, on_parents.T @ x - forces.T @ x, atol=1e-11)
    linear = name in ("CoincidentSite", "LineSite", "PlaneSite", "WeightedSite")
    assert bool(np.abs(virial).max() < 1e-12) == linear


WRONG: dict[str, tuple[Any, type[CudsError], str]] = {
    "an unknown one": (lambda: cuds.virtual_sites("PlaneSites", [[4, 1, 2, 3]]), UnknownError, "PlaneSite"),
    "too few parents": (lambda: cuds.virtual_sites("PlaneSite", [[4, 1, 2]], a=0.1, b=0.1), ShapeError, "2 parents"),
    "a missing number": (lambda: cuds.virtual_sites("PlaneSite", [[4, 1, 2, 3]], a=0.1), InvalidError, "b is missing"),
    "one too many": (lambda: cuds.virtual_sites("LineSite", [[3, 1, 2]], a=0.1, b=1), InvalidError, "called 'b'"),
    "weights": (lambda: cuds.virtual_sites("WeightedSite", [[3, 1, 2]], w1=0.5, w2=0.6), InvalidError, "add up to 1.1"),
    "a missing weight": (lambda: cuds.virtual_sites("WeightedSite", [[3, 1, 2]], w1=1.0), InvalidError, "w1, w2"),
    "a parent twice": (lambda: cuds.virtual_sites("LineSite", [[3, 1, 1]], a=0.1), InvalidError, "[3, 1, 1]"),
    "a wrong shape": (lambda: cuds.virtual_sites("LineSite", [[3, 1, 2]], a=[0.1, 0.2]), ShapeError, "(2,)"),
    "made twice": (
        lambda: cuds.Topology(sites=(cuds.virtual_sites("LineSite", [[3, 1, 2], [3, 1, 4]], a=0.1),)),
        InvalidError,
        "3 is made twice",
    ),
    "a site of a site": (
        lambda: cuds.Topology(sites=(cuds.virtual_sites("LineSite", [[3, 1, 2], [4, 3, 2]], a=0.1),)),
        InvalidError,
        "made of 3",
    ),
    "a site with a mass": (
        lambda: one_site("LineSite", np.random.default_rng(0)).replace(species=[0, 0, 0]),
        InvalidError,
        "site 3 has the mass",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_refused(case: str) -> None:
    ask, kind, says = WRONG[case]
    with pytest.raises(kind) as caught:
        ask()
    assert says in f"{caught.value} {caught.value.hint}"
