"""What the wrapper costs beside mdrun alone; figures are printed, and nothing is asserted of them."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import cuds
from cuds_gromacs import GromacsWrapper
from cuds_gromacs.results import read_energies
from tests.cuds_gromacs.beads import beads
from tests.waters import spce, waters

Count = Callable[[int, int], int]
PLAIN = ["-ntmpi", "1", "-ntomp", "1", "-nb", "cpu", "-pin", "off"]


@contextmanager
def timed(into: list[np.ndarray]) -> Iterator[None]:
    """Add the seconds that something takes: by the clock, and of processors, of this process and its children."""
    begun, before = time.perf_counter(), os.times()
    yield
    into.append(np.array([time.perf_counter() - begun, sum(os.times()[:4]) - sum(before[:4])]))


def gmx(folder: Path, told: str) -> None:
    subprocess.run(["gmx", "-quiet", "-nobackup", *told.split()], cwd=folder, check=True, capture_output=True)


def prepare(folder: Path, name: str, settings: str) -> None:
    (folder / f"{name}.mdp").write_text(settings)
    gmx(folder, f"grompp -f {name}.mdp -c conf.gro -t start.trr -p topol.top -o {name}.tpr -maxwarn 3")


def test_coarse_grained_motion_costs_what_it_costs_mdrun(tmp_path: Path, count: Count) -> None:
    """5 000 beads, 20 fs: of the wrapper's own input, and of the leapfrog that is usual; the best of several turns.

    A whole run, with its start, preparation and checkpoints, is of ten turns: 2 ns.
    """
    steps, turns, edge, whole = count(500, 10_000), count(1, 3), count(10, 17), count(1, 10)
    system, potential = beads(edge)
    job = cuds.MolecularDynamics(
        system, potential=potential, ensemble="NVT", temperature="300 K", thermostat="stochastic-rescaling",
        thermostat_time="1 ps", timestep="20 fs", duration=(20 * steps * turns, "fs"), every=(20 * steps // 5, "fs"),
        seed=1, record=(),
    )  # fmt: skip
    options = {"precision": "mixed"}
    seconds: dict[str, list[np.ndarray]] = {name: [] for name in ("cuds", "same", "leapfrog", "run")}
    session = GromacsWrapper(tmp_path, options=options).open(job)
    session.advance(0)
    text = (tmp_path / "motion.mdp").read_text()
    prepare(tmp_path, "same", text)
    prepare(tmp_path, "leapfrog", text.replace("md-vv", "md").replace("nsttcouple ", "; nsttcouple "))
    for _ in range(turns):
        with timed(seconds["cuds"]):
            session.advance(steps)
        for name in ("same", "leapfrog"):
            with timed(seconds[name]):
                gmx(tmp_path, f"mdrun -s {name}.tpr -deffnm {name} -nsteps {steps} {' '.join(PLAIN)}")
    with timed(seconds["run"]):
        long = job.replace(duration=(20 * steps * whole, "fs"))
        series = cuds.run(long, engine="gromacs", options=options).series
    assert series.steps[-1] == steps * whole
    plain = read_energies(tmp_path / "same.edr")
    assert plain.steps[-1] == steps
    assert plain["Temperature"][-1] == pytest.approx(series["temperature"].values.in_unit("K")[-1], rel=0.1)
    best = {name: np.min(found, axis=0) for name, found in seconds.items()}
    best["run"] /= whole
    print(f"{steps} steps of {edge**3} beads; seconds by the clock, and of processors:")
    for name, found in best.items():
        print(f"{name:8}: {found.round(2)}; speed of mdrun's {(best['same'] / found).round(3)}, "
              f"of leapfrog's {(best['leapfrog'] / found).round(3)}")  # fmt: skip


def chain(folder: Path, atoms: int) -> Path:
    """One molecule, a chain whose every bond, pair, angle and torsion is a line of its topology."""
    folder.mkdir()
    edge = 12 * (atoms / 1e5) ** (1 / 3) + 3
    x = np.cumsum(np.random.default_rng(0).normal(size=(atoms, 3)) * 0.09, axis=0) % edge
    rows = [
        f"{(i // 10 + 1) % 100000:5}{'MOL':<5}{'C':>5}{(i + 1) % 100000:5}{a:8.3f}{b:8.3f}{c:8.3f}"
        for i, (a, b, c) in enumerate(x)
    ]
    (folder / "conf.gro").write_text("\n".join(["chain", str(atoms), *rows, f"{edge:.5f} {edge:.5f} {edge:.5f}", ""]))

    def lines(name: str, length: int, numbers: str) -> list[str]:
        found = (" ".join(map(str, range(i, i + length))) for i in range(1, atoms + 2 - length))
        return [f"[ {name} ]", *(f"{ids} {numbers}" for ids in found)]

    told = ["[ defaults ]", "1 2 yes 0.5 0.5", "[ atomtypes ]", "C 6 12.011 0.0 A 0.35 0.3", "[ moleculetype ]", "X 3"]
    told += ["[ atoms ]", *(f"{i} C {(i - 1) // 10 + 1} MOL C {i} 0.0 12.011" for i in range(1, atoms + 1))]
    told += lines("bonds", 2, "1 0.153 224262.4") + lines("angles", 3, "1 112.7 488.273")
    told += ["[ pairs ]", *(f"{i} {i + 3} 1" for i in range(1, atoms - 2))]
    told += lines("dihedrals", 4, "3 2.9 -1.1 0.8 -2.6 0.0 0.0")
    (folder / "topol.top").write_text("\n".join([*told, "[ system ]", "chain", "[ molecules ]", "X 1", ""]))
    cut = "rvdw = 1.0\nrcoulomb = 1.0\nvdw-modifier = none\ncoulomb-modifier = none\n"
    (folder / "run.mdp").write_text(f"cutoff-scheme = Verlet\ncoulombtype = cut-off\n{cut}")
    return folder


def water(folder: Path, atoms: int) -> Path:
    """So many molecules of water, of which the topology describes one."""
    folder.mkdir()
    files = [folder / name for name in ("conf.gro", "topol.top", "run.mdp")]
    cuds.write(cuds.DataSet(waters(round((atoms / 3) ** (1 / 3)), rigid=False), spce()), *files)
    return folder


@pytest.mark.parametrize("made", [water, chain])
def test_a_large_system_is_read_fast_and_in_little_memory(
    made: Callable[[Path, int], Path], tmp_path: Path, count: Count
) -> None:
    """A hundred thousand atoms; how much memory it takes beside what it holds is asserted."""
    atoms = count(10_000, 100_000)
    small, large = made(tmp_path / "small", 400), made(tmp_path / "large", atoms)
    told = [sys.executable, str(Path(__file__).with_name("reading.py")), str(small), str(large)]
    said = subprocess.run(told, check=True, capture_output=True, text=True).stdout.split()
    found, seconds, most, arrays = int(said[0]), *map(float, said[1:])
    print(f"{made.__name__}: {found} atoms in {seconds:.2f} s, at most {most / arrays:.1f} times the memory of arrays")
    assert found == pytest.approx(atoms, rel=0.05)
    assert most < 10 * arrays + (0 if atoms == 100_000 else 30e6)
