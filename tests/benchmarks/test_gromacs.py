"""What the wrapper costs beside mdrun alone; figures are printed, and nothing is asserted of them."""

import os
import subprocess
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
    """5 000 beads, 20 fs: of the wrapper's own input, and of the leapfrog that is usual; the best of several turns."""
    steps, turns, edge = count(500, 10_000), count(1, 3), count(10, 17)
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
        series = cuds.run(job, engine="gromacs", options=options).series
    assert series.steps[-1] == steps * turns
    plain = read_energies(tmp_path / "same.edr")
    assert plain.steps[-1] == steps
    assert plain["Temperature"][-1] == pytest.approx(series["temperature"].values.in_unit("K")[-1], rel=0.1)
    best = {name: np.min(found, axis=0) for name, found in seconds.items()}
    best["run"] /= turns
    print(f"{steps} steps of {edge**3} beads; seconds by the clock, and of processors:")
    for name, found in best.items():
        print(f"{name:8}: {found.round(2)}; speed of mdrun's {(best['same'] / found).round(3)}, "
              f"of leapfrog's {(best['leapfrog'] / found).round(3)}")  # fmt: skip
