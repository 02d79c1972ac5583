"""Torsion maps and virtual sites as parts of a topology: refused, said, counted in the digest, kept and read back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyshacl
import pytest
from rdflib import Graph

import cuds
from cuds.errors import CudsError, InvalidError, ShapeError
from cuds.registry import ontology_folder
from cuds.semantics.lift import lift
from cuds.semantics.lower import lower
from tests.maps import chain_at
from tests.sites import PARENTS, SITE, one_site

GRIDS = np.random.default_rng(1).normal(size=(2, 6, 6))


def maps(**more: Any) -> cuds.TorsionMaps:
    given: dict[str, Any] = {
        "particles": [[1, 2, 3, 4, 5], [5, 4, 3, 2, 1]],
        "row": [1, 0],
        "energies": (GRIDS, "kcal/mol"),
    }
    return cuds.TorsionMaps(**(given | more))


def everything() -> cuds.ParticleSystem:
    """A chain with maps of two sizes and sites of two constructions."""
    small = maps(particles=[[1, 2, 3, 4, 5]], row=[0], energies=(GRIDS[:1, :4, :4], "eV"))
    line = cuds.virtual_sites("LineDistanceSite", [[6, 1, 2], [7, 3, 4]], d=([0.3, -0.4], "angstrom"))
    weights = cuds.virtual_sites("WeightedSite", [[8, 1, 2, 5]], w1=0.2, w2=0.3, w3=0.5)
    chain = chain_at(-60, 40, maps())
    x = np.concatenate([chain.positions.in_unit("angstrom"), np.full((3, 3), 9.0)])
    system = chain.replace(
        positions=(x, "angstrom"), species=[0] * 5 + [1] * 3, ids=None, kinds=(*chain.kinds, SITE),
        topology=cuds.Topology(maps=(maps(), small), sites=(line, weights)),
    )  # fmt: skip
    return cuds.sites_placed(system)


def test_they_are_said() -> None:
    topology = everything().topology
    assert topology is not None
    assert repr(topology) == "Topology(3 torsion maps, 3 virtual sites)"
    assert repr(topology.maps[0]) == "TorsionMaps(2 in 2 maps of 6 x 6)"
    assert repr(topology.sites[1]) == "VirtualSites(1: WeightedSite)"
    assert topology.site_ids.tolist() == [6, 7, 8]
    assert topology.particles.tolist() == list(range(1, 9))
    assert topology.sites[0].parents.tolist() == [[1, 2], [3, 4]]


def test_they_are_kept_and_read_back(tmp_path: Path) -> None:
    """In a file, and as a graph with arrays beside it, to the last bit; the graph is of the shapes."""
    system = everything()
    cuds.DataSet(system).save(tmp_path / "all.h5md")
    back = cuds.read(tmp_path / "all.h5md")[cuds.ParticleSystem]
    lifted = lift(cuds.DataSet(system))
    assert pyshacl.validate(lifted.graph, shacl_graph=Graph().parse(ontology_folder() / "generated" / "shapes.ttl"))[0]
    (again,) = lower(lifted.triples, lambda location: np.array(lifted.arrays[location]))
    for found in (back, again):
        assert isinstance(found, cuds.ParticleSystem)
        assert found.topology is not None
        assert found == system
        np.testing.assert_array_equal(found.topology.maps[0].energies.value, GRIDS)
        assert found.topology.sites[0].parameters["d"].values.value.tolist() == [0.3, -0.4]


@pytest.mark.parametrize("name", PARENTS)
def test_every_construction_is_kept(name: str, tmp_path: Path) -> None:
    system = one_site(name, np.random.default_rng(2))
    cuds.DataSet(system).save(tmp_path / "one.h5md")
    assert cuds.read(tmp_path / "one.h5md")[cuds.ParticleSystem] == system


def test_every_number_counts_in_the_digest() -> None:
    system = everything()
    topology = system.topology
    assert topology is not None
    (first, small), (line, weights) = topology.maps, topology.sites
    bent = np.array(GRIDS)
    bent[1, 2, 3] += 1e-12
    others = [
        {"maps": (first,)},
        {"maps": (first.replace(row=[0, 0]), small)},
        {"maps": (first.replace(energies=(bent, "kcal/mol")), small)},
        {"maps": (first.replace(particles=[[1, 2, 3, 4, 5], [2, 4, 3, 5, 1]]), small)},
        {"sites": (line,)},
        {"sites": (line.replace(row=[1, 1]), weights)},
        {"sites": (line.replace(construction="LineSite"), weights)},
        {"sites": (line.replace(particles=[[6, 1, 2], [7, 4, 3]]), weights)},
    ]
    digests = {system.replace(topology=topology.replace(**change)).digest for change in others}
    assert len({system.digest, *digests}) == len(others) + 1


WRONG: dict[str, tuple[Callable[[], Any], type[CudsError], str]] = {
    "four particles": (lambda: maps(particles=[[1, 2, 3, 4]], row=[0]), ShapeError, "particles"),
    "a particle twice": (lambda: maps(particles=[[1, 2, 3, 4, 1]], row=[0]), InvalidError, "[1, 2, 3, 4, 1]"),
    "a map that is not there": (lambda: maps(row=[0, 2]), InvalidError, "rows of the maps"),
    "an oblong map": (lambda: maps(energies=(GRIDS[:, :4], "eV")), ShapeError, "n_points"),
    "an empty map": (lambda: maps(energies=(np.zeros((2, 0, 0)), "eV")), ShapeError, "without points"),
    "no energy": (lambda: maps(energies=(GRIDS, "nm")), CudsError, "nm"),
    "a site without parents": (lambda: cuds.VirtualSites(construction="LineSite", particles=[[1]], row=[0]), ShapeError,
                               "without parents"),
    "a row that is not there": (lambda: cuds.VirtualSites(construction="LineSite", particles=[[3, 1, 2]], row=[1]),
                                InvalidError, "outside 0..0"),
    "a map of nobody": (lambda: chain_at(0, 0, maps(particles=[[1, 2, 3, 4, 9]], row=[0])), InvalidError,
                        "no particle 9"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_refused(case: str) -> None:
    ask, kind, says = WRONG[case]
    with pytest.raises(kind) as caught:
        ask()
    assert says in f"{caught.value} {caught.value.hint}"
