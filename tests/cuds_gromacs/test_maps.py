"""Torsion maps (CMAP) of GROMACS's files, read and written, and the same in both engines."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cuds
from cuds.errors import UnsupportedError
from cuds.semantics.coordinates import internal
from tests.cuds_gromacs.test_system import agree, cluster, molecule, said, wrote
from tests.maps import chain_at, maps_over

FIVES = {"B A B A B": [(1, 5), (3, 7)], "A B A B A": [(2, 6), (4, 8)]}


def grid_lines(types: str, grid: np.ndarray[Any, Any]) -> str:
    rows = "\\\n".join(" ".join(map(repr, row)) for row in grid.tolist())
    return f"{types} 1 {len(grid)} {len(grid)}\\\n{rows}\n"


def text_of(rng: np.random.Generator, points: int = 24) -> str:
    """A chain of eight atoms with a map over every torsion and the next; two maps, found by the types."""
    grids = "".join(grid_lines(types, rng.normal(0, 6, (points, points))) for types in FIVES)
    lines = "".join(f"{' '.join(map(str, range(a, b + 1)))} 1\n" for ends in FIVES.values() for a, b in ends)
    return molecule(f"[ cmap ]\n{lines}", types=f"[ cmaptypes ]\n{grids}")


@pytest.mark.turns(2)
@pytest.mark.parametrize("seed", range(4))
def test_both_ways(seed: int, tmp_path: Path) -> None:
    """Random maps, torsions of both signs: what GROMACS says of the files, both engines say of what is read."""
    files = wrote(tmp_path, text_of(np.random.default_rng(seed)), cluster(8, seed=seed))
    data = agree(files, tmp_path)
    system = data[cuds.ParticleSystem]
    assert system.topology is not None
    (maps,) = system.topology.maps
    assert (len(maps), maps.points, maps.row.tolist()) == (4, 24, [0, 0, 1, 1])
    one, two = (said(data, engine)[0]["cmap"] for engine in ("gromacs", "lammps"))
    assert two == pytest.approx(one, rel=1e-11)
    assert abs(one) > 0.1
    phi = [internal(system, maps.particles[:, i : i + 4])["phi"] for i in (0, 1)]
    assert seed != 0 or set(np.sign(phi).ravel().tolist()) == {-1.0, 1.0}
    cuds.run(cuds.SinglePoint(data, potential=data), engine="gromacs", keep=tmp_path / "kept")
    again = cuds.read(*(tmp_path / "kept" / f.name for f in files))[cuds.ParticleSystem]
    assert again.topology is not None
    (same,) = again.topology.maps
    assert same.particles.tolist() == maps.particles.tolist()
    np.testing.assert_array_equal(same.energies.in_unit("kJ/mol")[same.row], maps.energies.in_unit("kJ/mol")[maps.row])


@pytest.mark.turns(3)
@pytest.mark.parametrize("points", [5, 12, 24])
def test_at_its_points_a_map_is_what_it_says(points: int, tmp_path: Path) -> None:
    """At points of both signs and at the ends; a map of 24 x 24 in both engines."""
    rng = np.random.default_rng(points)
    maps = maps_over(rng, points)
    grid = np.asarray(maps.energies.in_unit("kJ/mol"))[0]
    for i, j in [(0, 0), (1, points - 1), (points - 1, 2), (points // 2, points // 3), (3, 1)]:
        phi, psi = (-180 + 360 / points * np.array([i, j])).tolist()
        system = chain_at(phi, psi, maps)
        for engine in ("gromacs", "lammps") if points == 24 else ("gromacs",):
            found = said(cuds.DataSet(system, NOTHING), engine)[0]
            assert found["cmap"] == pytest.approx(grid[i, j], rel=1e-9, abs=1e-9), (engine, i, j)
            assert found["total"] == pytest.approx(grid[i, j], rel=1e-9, abs=1e-9)


NOTHING = cuds.pair("LennardJones", "C", "C", epsilon="0 eV", sigma="3 angstrom", cutoff="9 angstrom")


def chains(maps: cuds.TorsionMaps) -> cuds.DataSet:
    """Two chains of one species, far from each other, with a map each."""
    alone = maps_over(np.random.default_rng(0))
    one, two = chain_at(-63.1, -41.7, alone), chain_at(57.3, 128.4, alone)
    x = np.concatenate([one.positions.in_unit("angstrom"), np.add(two.positions.in_unit("angstrom"), [0, 0, 12.0])])
    topology = cuds.Topology(maps=(maps,), exclusions=one.topology and one.topology.exclusions)
    system = one.replace(positions=(x, "angstrom"), species=np.zeros(10, dtype=int), ids=None, topology=topology)
    return cuds.DataSet(system, NOTHING)


def test_maps_that_types_do_not_tell_apart() -> None:
    """GROMACS looks maps up by types; the energies are those of LAMMPS, which does not, all the same."""
    rng = np.random.default_rng(8)
    grids = rng.normal(0, 6, (2, 24, 24))
    given = cuds.TorsionMaps(particles=[range(1, 6), range(6, 11)], row=[1, 0], energies=(grids, "kJ/mol"))
    data = chains(given)
    one, two = (said(data, engine) for engine in ("gromacs", "lammps"))
    assert one[0]["cmap"] == pytest.approx(two[0]["cmap"], rel=1e-11)
    np.testing.assert_allclose(one[1], two[1], atol=1e-8 * np.abs(one[1]).max())
    swapped, _ = said(chains(given.replace(row=[0, 1])), "gromacs")
    assert abs(swapped["cmap"] - one[0]["cmap"]) > 0.1


def test_what_gromacs_cannot_express_is_refused() -> None:
    rng = np.random.default_rng(9)
    grids = (rng.normal(0, 6, (2, 24, 24)), "kJ/mol")
    both = cuds.TorsionMaps(particles=[range(1, 6), range(1, 6)], row=[0, 1], energies=grids)
    with pytest.raises(UnsupportedError, match="several torsion maps for the types C C C_map"):
        said(chains(both), "gromacs")
    data = chains(both.replace(row=[0, 0]))
    system = data[cuds.ParticleSystem]
    assert system.topology is not None
    sizes = (*system.topology.maps, maps_over(rng, 12))
    other = system.replace(topology=system.topology.replace(maps=sizes))
    with pytest.raises(UnsupportedError, match="maps of 12 x 12, 24 x 24 points"):
        said(cuds.DataSet(other, NOTHING), "gromacs")
