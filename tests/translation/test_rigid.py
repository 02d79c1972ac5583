"""Rigid distances through files of LAMMPS and GROMACS: the same pairs at the same lengths, and the same energies."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import cuds
from cuds.codecs.translation import Carried
from cuds_gromacs.program import find
from cuds_gromacs.single_point import single_point
from cuds_lammps.files import LammpsFiles
from tests.cuds_lammps.test_read_rigid import HELD, SAID, molecules, moved_by, off_lengths, one_water
from tests.cuds_lammps.test_rigid import LARGER, NOTHING, SHAPES, gas
from tests.translation.cases import Case, case, judge
from tests.translation.test_cases import LMP, by_gromacs, run_lammps, said
from tests.waters import spce, waters

Count = Callable[[int, int], int]
Data = cuds.DataSet


def through_lammps(data: Data, folder: Path, name: str = "x") -> Data:
    cuds.write(data, folder / f"{name}.data", folder / f"{name}.in")
    return cuds.read(folder / f"{name}.in")


def written(data: Data, folder: Path) -> list[Carried]:
    """Write x.data and x.in, and return what became of each part."""
    return LammpsFiles().write(data, [folder / "x.data", folder / "x.in"])


def through_gromacs(data: Data, folder: Path, name: str = "x") -> Data:
    files = [folder / f"{name}.{end}" for end in ("gro", "top", "mdp")]
    cuds.write(data, *files)
    return cuds.read(*files)


def rigid(data: Data) -> dict[tuple[int, int], float]:
    """Rigid distances in angstrom by where the particles stand, lower first."""
    system = data[cuds.ParticleSystem]
    topology = system.topology
    if topology is None or topology.lengths is None:
        return {}
    order = np.argsort(system.ids)
    rows = np.sort(order[np.searchsorted(system.ids, topology.constrained, sorter=order)], axis=1)
    return dict(zip(map(tuple, rows.tolist()), topology.lengths.in_unit("angstrom").tolist(), strict=True))


def differ(one: Data, two: Data) -> list[str]:
    """Name the distances that one has and the other has not, or at another length."""
    a, b = rigid(one), rigid(two)
    found = [f"{p}: only in one" for p in sorted(a.keys() ^ b.keys())]
    return found + [f"{p}: {a[p]!r}, {b[p]!r}" for p in sorted(a.keys() & b.keys()) if abs(a[p] / b[p] - 1) > 1e-10]


def test_gromacs_to_lammps_and_back(tmp_path: Path) -> None:
    """A peptide with maps of its torsions and rigid bonds of its hydrogens."""
    conf, top, mdp = case("charmm27").files
    settings = tmp_path / "run.mdp"
    settings.write_text(mdp.read_text() + "constraints = h-bonds\n")
    there = single_point(find("double"), tmp_path, structure=conf, topology=top, settings=settings, warnings=20)
    wanted = Case((conf, top, settings), dict(there.terms), there.forces)
    data = cuds.read(*wanted.files)
    assert rigid(data)
    back = through_lammps(data, tmp_path)
    assert differ(back, data) == []
    again = through_gromacs(back, tmp_path)
    assert differ(again, data) == []
    assert by_gromacs(tmp_path, wanted) == []


@pytest.mark.filterwarnings("ignore:.*rigid, and without an energy")
def test_lammps_to_gromacs_and_back(tmp_path: Path, count: Count) -> None:
    _there_and_back(molecules(np.random.default_rng(1), tmp_path, "t 2 a 1 2 3"), tmp_path)
    if count(0, 1):
        _there_and_back(one_water(tmp_path, HELD), tmp_path)


def _there_and_back(script: Path, tmp_path: Path) -> None:
    data = cuds.read(script)
    assert rigid(data)
    back = through_gromacs(data, tmp_path)
    assert differ(back, data) == []
    again = through_lammps(back, tmp_path)
    assert differ(again, data) == []
    (energies, forces), (wanted, pulls) = said(again, "lammps"), said(data, "lammps")
    assert judge(energies, forces, Case((script, script, script), wanted, pulls)) == []
    printed = [
        subprocess.run([LMP, "-in", name, "-log", "none"], cwd=tmp_path, capture_output=True, text=True, check=True)
        for name in (script.name, "x.in")
    ]
    counts = [SAID.findall(done.stdout) for done in printed]
    assert len(counts[0]) == 4
    assert counts[0] == counts[1]


def test_a_script_of_water_moves_on_and_holds_it(tmp_path: Path, count: Count) -> None:
    """Its single point is that without rigid distances; 100 steps behind it keep them."""
    system = waters(6)
    potential = spce("0.8 nm", ewald=bool(count(0, 1)))
    assert system.topology is not None
    loose = system.replace(topology=system.topology.replace(constrained=np.empty((0, 2), dtype=int), lengths=None))
    fates = written(Data(system, potential), tmp_path)
    cuds.write(Data(loose, potential), tmp_path / "y.data", tmp_path / "y.in")
    assert Carried("648 rigid distances", "carried", "fix shake, behind the single point") in fates
    script, alone = ((tmp_path / name).read_text() for name in ("x.in", "y.in"))
    here, there = (moved_by(text, tmp_path, "", "fx fy fz xu yu zu") for text in (script, alone))
    np.testing.assert_allclose(here, there, rtol=0, atol=1e-10)
    assert run_lammps(tmp_path, "x.in") == pytest.approx(run_lammps(tmp_path, "y.in"), rel=1e-14)
    x = moved_by(script, tmp_path, "velocity all create 300 7\nfix 1 all nve\nrun 100", "xu yu zu")
    assert np.abs(x - here[:, 3:]).max() > 0.1
    assert np.abs(off_lengths(system, x)).max() < 1e-10


@pytest.mark.filterwarnings("ignore:.*rigid, and without an energy")
def test_what_shake_does_not_hold_is_left_out_and_said(tmp_path: Path, count: Count) -> None:
    """Of every shape; also of distances that are not excluded, and of three atoms on a line."""
    line = replace(SHAPES["a triangle of three lengths"], places=[[0, 0, 0], [1, 0, 0], [2, 0, 0]])
    system = gas(*SHAPES.values(), LARGER["four to one"], line, LARGER["a tetrahedron"])
    fates = {c.fate: c for c in written(Data(system, NOTHING), tmp_path) if "rigid" in c.what}
    assert (fates["carried"].what, fates["left out"].what) == ("9 rigid distances", "13 rigid distances")
    first = system.ids[12:17].tolist()
    assert fates["left out"].said.endswith(
        f"3 sets that SHAKE does not hold, the first between {', '.join(map(str, first))}"
    )
    back = cuds.read(tmp_path / "x.in")
    kept = rigid(Data(system, NOTHING))
    assert len(rigid(back)) == 9
    assert all(kept[pair] == pytest.approx(length, rel=1e-12) for pair, length in rigid(back).items())
    assert system.topology is not None
    free = system.replace(topology=system.topology.replace(exclusions=system.topology.exclusions[1:]))
    assert any(c.what == "14 rigid distances" for c in written(Data(free, NOTHING), tmp_path))
    if count(0, 1):
        beside = one_water(tmp_path, HELD)
        beside.write_text(beside.read_text().replace("special_bonds lj/coul 0 0 0", "special_bonds lj/coul 0 1 1"))
        interacting = cuds.read(beside)  # the outer atoms are held by an angle, which leaves nothing out
        assert differ(through_lammps(interacting, tmp_path, "z"), interacting) == []


@pytest.mark.parametrize("way", [through_lammps, through_gromacs])
def test_every_fault_is_noticed(way: Callable[[Data, Path], Data], tmp_path: Path, count: Count) -> None:
    """A distance left out, or of another length, is another system in files, too, and in what is read of them."""
    data = cuds.read(*case("rigid-water").files)
    system, potential = data[cuds.ParticleSystem], data[cuds.Potential]
    topology = system.topology
    assert topology is not None
    assert topology.lengths is not None
    rng = np.random.default_rng(5)
    for i in rng.choice(len(topology.constrained), count(1, 8), replace=False).tolist():
        lengths = topology.lengths.value * np.where(np.arange(len(topology.constrained)) == i, 1 + 1e-6, 1)
        unit = topology.lengths.unit
        dropped = topology.replace(constrained=np.delete(topology.constrained, i, axis=0),
                                   lengths=(np.delete(topology.lengths.value, i), unit))  # fmt: skip
        for other in (dropped, topology.replace(lengths=(lengths, unit)))[
            : 2 if way is through_gromacs else count(1, 2)
        ]:
            mutant = Data(system.replace(topology=other), potential)
            read = way(mutant, tmp_path)
            assert differ(read, mutant) == []
            assert len(differ(read, data)) == 1
