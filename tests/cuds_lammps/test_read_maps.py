"""Torsion maps in scripts of LAMMPS that are read: the same energies and terms, or a refusal."""

from pathlib import Path

import numpy as np
import pytest

import cuds
from cuds.errors import CudsError, FormatError
from cuds.semantics.crossed import energies
from tests.maps import chain_at, maps_over

NOTHING = cuds.pair("LennardJones", "C", "C", epsilon="0 eV", sigma="3 angstrom", cutoff="9 angstrom")
MADE = "fix cuds_maps all cmap"


def chains(rng: np.random.Generator) -> cuds.ParticleSystem:
    """Two chains with a map each."""
    torsions = rng.uniform(-180, 180, (2, 2)).tolist()
    one, two = (chain_at(phi, psi, maps_over(rng)) for phi, psi in torsions)
    x = np.concatenate([one.positions.in_unit("angstrom"), np.add(two.positions.in_unit("angstrom"), [0, 0, 12.0])])
    maps = cuds.TorsionMaps(
        particles=[range(1, 6), range(6, 11)], row=[1, 0], energies=(rng.normal(0, 6, (2, 24, 24)), "kJ/mol")
    )
    return one.replace(
        positions=(x, "angstrom"), species=np.zeros(10, dtype=int), ids=None, topology=cuds.Topology(maps=(maps,))
    )


def written(folder: Path, seed: int = 1) -> cuds.ParticleSystem:
    system = chains(np.random.default_rng(seed))
    cuds.write(cuds.DataSet(system, NOTHING), folder / "x.data", folder / "x.in")
    return system


def test_the_definition_and_both_engines(tmp_path: Path) -> None:
    for seed in range(5):
        system = chains(np.random.default_rng(seed))
        assert system.topology is not None
        (maps,) = system.topology.maps
        ours = energies(system, maps).in_unit("eV").sum()
        size = np.abs(maps.energies.in_unit("eV")).max()
        for engine in ("lammps", "gromacs"):
            theirs = cuds.energy(system, potential=NOTHING, engine=engine).value.in_unit("eV")
            assert ours == pytest.approx(theirs, abs=1e-6 * size)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    system = written(tmp_path)
    again = cuds.read(tmp_path / "x.in")[cuds.ParticleSystem]
    assert system.topology is not None
    assert again.topology is not None
    (one,), (two,) = system.topology.maps, again.topology.maps
    assert two.particles.tolist() == one.particles.tolist()
    grids = [m.energies.in_unit("eV")[m.row] for m in (one, two)]
    np.testing.assert_allclose(grids[1], grids[0], rtol=1e-12)


CHANGED = {
    "no energy": ("energy yes", "energy no", "takes the energy of torsion maps away"),
    "undone": ("read_data", "unfix cuds_maps\nread_data", "takes the energy of torsion maps away"),
    "undone by a variable": ("read_data", "variable f string maps\nunfix cuds_${f}\nread_data", "takes the energy"),
    "twice": ("read_data", "fix other all cmap torsion.maps\nread_data", "a second fix cmap, after cuds_maps"),
    "for a group": (MADE, "fix cuds_maps some cmap", "fix ID all cmap FILE"),
    "a file above": ("torsion.maps", "../torsion.maps", "outside the folder"),
    "no such file": ("torsion.maps", "none.maps", "there is no file 'none.maps'"),
    "of another fix": ("fix cuds_maps crossterm CMAP", "fix other crossterm CMAP", "fix: cuds does not carry it"),
    "after a run": ("run 0", f"run 10\n{MADE} torsion.maps", "after the first run"),
}


@pytest.mark.turns(3)
@pytest.mark.parametrize("case", CHANGED)
def test_refused(case: str, tmp_path: Path) -> None:
    old, new, says = CHANGED[case]
    written(tmp_path)
    script = (tmp_path / "x.in").read_text()
    assert old in script
    (tmp_path / "x.in").write_text(script.replace(old, new, 1))
    with pytest.raises(CudsError, match=says) as caught:
        cuds.read(tmp_path / "x.in")
    assert caught.value.hint


@pytest.mark.parametrize("count", [100, 6 * 576 + 8])
def test_a_file_of_another_size(count: int, tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "torsion.maps").write_text("\n".join(["1 2 3 4 5 6 7 8"] * (count // 8)) + "\n")
    with pytest.raises(CudsError, match=r"LAMMPS: .*CMAP|numbers") as caught:
        cuds.read(tmp_path / "x.in")
    assert count == 100 or isinstance(caught.value, FormatError)
