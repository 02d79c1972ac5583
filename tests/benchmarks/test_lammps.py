"""What the exchange costs beside LAMMPS alone; figures are printed, and nothing is asserted of them."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import ase.build
import numpy as np
import pytest

import cuds
from cuds.execution.session import Laboratory

SCRIPT = Path(__file__).with_name("exchange.py")
EAM = cuds.potential("Cu_mishin1.eam.alloy")
Count = Callable[[int, int], int]


@pytest.mark.timeout(3000)  # what LAMMPS computes in between is not timed, and takes minutes
def test_atoms_into_lammps_and_back(tmp_path: Path, count: Count) -> None:
    n = count(15, 63)
    seconds = {}
    for way in ("raw", "cuds"):
        path = tmp_path / f"{way}.npy"
        command = [sys.executable, str(SCRIPT), way, str(n), str(path)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        seconds[way] = [float(s) for s in said]
        off = np.load(path)
        assert len(off) == 4 * n**3
        assert np.abs(off).max() < 1e-9, "what came back is what went in"
    for i, what in enumerate(("push", "pull")):
        raw, ours = seconds["raw"][i], seconds["cuds"][i]
        print(f"{what} {4 * n**3} atoms: LAMMPS alone {raw:.3f} s, cuds {ours:.3f} s, ratio {ours / raw:.2f}")
    raw, ours = (sum(seconds[way]) for way in ("raw", "cuds"))
    print(f"both: LAMMPS alone {raw:.3f} s, cuds {ours:.3f} s, ratio {ours / raw:.2f}")


def test_motion_costs_what_it_costs_lammps(tmp_path: Path, count: Count) -> None:
    """The same transcript in plain lmp; the loop alone, as LAMMPS times it, and as the caller of cuds waits for it."""
    n, steps = count(8, 20), count(200, 1000)
    job = cuds.MolecularDynamics(
        cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True) * n), potential=EAM, seed=1, record=(),
        duration=(steps, "fs"), every=(steps // 10, "fs"), initial_temperature=(600, "K"),
    )  # fmt: skip
    with Laboratory("lammps", keep=tmp_path / "kept").open(job) as opened:
        opened.session.advance(0)
        start = time.perf_counter()
        opened.session.advance(steps)
        ours = time.perf_counter() - start
        energy = opened.session.pull(cuds.TimeSeries)["total_energy"].values.in_unit("eV")
        lines = opened.session.transcript().splitlines()
    run = [line for line in lines if line.startswith("run ")]
    assert len(run) >= 1
    told = [line for line in lines if not line.startswith(("run ", "variable cuds_", "label ", "next ", "jump "))]
    (tmp_path / "kept" / "in.txt").write_text(
        "\n".join([*told, f"thermo {steps // 10}", "run 0", f"run {steps}"]) + "\n"
    )
    lmp = [str(Path(sys.executable).with_name("lmp")), "-sf", "opt", "-in", "in.txt", "-log", "none"]
    said = subprocess.run(lmp, cwd=tmp_path / "kept", capture_output=True, text=True, check=True).stdout
    loops = [float(line.split()[3]) for line in said.splitlines() if line.startswith("Loop time of")]
    rows = [line.split() for line in said.splitlines() if line.split()[:1] == [str(steps)]]
    assert energy[-1] == float(rows[-1][4]), "the same motion"
    size, plain = f"{steps} steps of {4 * n**3} atoms", loops[-1]
    print(f"{size}: lmp -sf opt {plain:.2f} s, cuds {ours:.2f} s, ratio {ours / plain:.3f}")
