"""LAMMPS as several ranks: the same answers, the same atoms, the same errors, and nothing left behind."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import ase.build
import numpy as np
import pytest

import cuds
from cuds.errors import EngineDiedError, EngineError, InvalidError, UnsupportedError
from cuds.execution.session import Laboratory
from cuds.model.particles import ParticleSystem

pytestmark = [pytest.mark.xdist_group("ranks"), pytest.mark.usefixtures("marked")]
MARK = f"CUDS_TEST_CALLER={os.getpid()}"
EAM = cuds.potential("Cu_mishin1.eam.alloy")


def crystal(repeat: int = 4) -> cuds.ParticleSystem:
    """Sheared and shaken, its atoms in any order."""
    atoms = ase.build.bulk("Cu", cubic=True) * repeat
    atoms.rattle(0.05, seed=2)
    order = np.random.default_rng(1).permutation(len(atoms))
    return cuds.ParticleSystem.from_ase(atoms[order]).strained([0.01, 0, -0.01, 0.02, 0, 0.03])


def motion(**more: Any) -> cuds.MolecularDynamics:
    given: dict[str, Any] = {
        "duration": (0.4, "ps"),
        "timestep": (2, "fs"),
        "initial_temperature": (600, "K"),
        "seed": 1,
    }
    return cuds.MolecularDynamics(crystal(), potential=EAM, **(given | more))


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process starts inherits a mark: other tests may run beside it, with ranks of their own."""
    monkeypatch.setenv(*MARK.split("="))


def ranks_alive() -> set[int]:
    """Processes of ours that joined others: their last argument is the place where."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().rstrip(b"\0").split(b"\0")
            ours = MARK.encode() in path.with_name("environ").read_bytes().split(b"\0")
            if ours and words[0].endswith(b"python") and b"cuds.wrapper.worker" in words and words[-1].endswith(b"/s"):
                found.add(int(path.parent.name))
    return found


def shared() -> set[str]:
    return {p.name for p in Path("/dev/shm").glob("mpich_shm_*")}


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_give_what_one_process_gives(ranks: int) -> None:
    job, before = cuds.SinglePoint(crystal(), potential=EAM), shared()
    one, several = cuds.run(job, engine="lammps"), cuds.run(job, engine="lammps", ranks=ranks)
    a, b = one[ParticleSystem], several[ParticleSystem]
    assert np.array_equal(a.ids, b.ids)
    for name in ("positions", "forces", "energies", "atomic_stresses"):
        x, y = getattr(a, name), getattr(b, name)
        assert np.allclose(x.value, y.in_unit(x.unit), rtol=0, atol=1e-11 * np.abs(x.value).max()), name
    assert several[cuds.PotentialEnergy].value.value == pytest.approx(one[cuds.PotentialEnergy].value.value, rel=1e-13)
    assert several[cuds.Stress].value.value == pytest.approx(one[cuds.Stress].value.value, rel=1e-9, abs=1e-11)
    run = several[cuds.Stress].provenance
    assert run is not None
    assert run.parameters["ranks"] == ranks
    assert run.transcript.startswith(f"# told to {ranks} ranks: mpiexec -n {ranks} lmp")
    assert shared() <= before, "the memory in which ranks met is gone"


def test_a_crystal_is_relaxed_and_strained_by_ranks() -> None:
    """A push to several ranks builds the system anew; the tensor is that of one process."""
    cell = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True) * 2)
    one, two = (cuds.derive(cuds.ElasticTensor, cell, potential=EAM, engine="lammps", ranks=n) for n in (1, 2))
    assert two.stiffness.in_unit("GPa") == pytest.approx(one.stiffness.in_unit("GPa"), rel=1e-4, abs=1e-3)


def test_motion_by_ranks_is_the_same_motion_and_goes_on_from_its_state() -> None:
    """Atoms move from rank to rank; sums in another order part two motions after a while, not in 0.1 ps."""
    one, two = (cuds.run(motion(), engine="lammps", ranks=n) for n in (1, 2))
    early = one.series.steps <= 50
    energy = [r.series["potential_energy"].values.in_unit("eV")[early] for r in (one, two)]
    assert np.allclose(energy[0], energy[1], rtol=1e-10)
    assert np.allclose(one.trajectory.positions[1].value, two.trajectory.positions[1].value, atol=1e-9)
    with Laboratory("lammps", ranks=2).open(motion()) as opened:
        session = opened.session
        session.advance(100)
        state = session.state()
        session.advance(100)
        left_alone = session.pull(ParticleSystem)
        session.restore(state)
        session.advance(100)
        assert session.pull(ParticleSystem) == left_alone


def test_an_error_of_the_engine_is_one_error() -> None:
    blown = motion(timestep=(100, "fs"), duration=(100, "ps"), initial_temperature=(90000, "K"))
    with pytest.raises(EngineError, match="LAMMPS"):
        cuds.run(blown, engine="lammps", ranks=2)
    _until(lambda: not ranks_alive())


def test_a_rank_that_is_killed_ends_all() -> None:
    with Laboratory("lammps", ranks=2).open(motion(duration=(1, "ns"))) as opened:
        mine = ranks_alive()
        assert len(mine) == 2
        os.kill(max(mine), signal.SIGKILL)
        with pytest.raises(EngineDiedError, match="lammps: the process"):
            opened.session.advance()
    _until(lambda: not ranks_alive())


def test_ranks_end_with_their_caller(tmp_path: Path) -> None:
    """However it ends: here by SIGKILL, in the middle of a run."""
    script = tmp_path / "caller.py"
    script.write_text(
        textwrap.dedent("""
        import ase.build, cuds
        cu = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True) * 4)
        eam = cuds.potential("Cu_mishin1.eam.alloy")
        job = cuds.MolecularDynamics(cu, potential=eam, duration="1 us", every="1 ps", initial_temperature="300 K",
                                     seed=1, record=())
        cuds.run(job, engine="lammps", ranks=2, progress=lambda p: print(p.done, flush=True))
        """)
    )
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as caller:
        assert caller.stdout is not None
        caller.stdout.readline()
        caller.kill()
    _until(lambda: not ranks_alive())


def _until(holds: Any, patience: float = 20.0) -> None:
    limit = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.1)


def test_what_cannot_be_is_refused() -> None:
    job = cuds.SinglePoint(crystal(2), potential=EAM)
    with pytest.raises(UnsupportedError, match="ranks: 2, but ase is one process"):
        cuds.run(job, engine="ase", ranks=2)
    for ranks, isolation in ((0, None), (2, "none")):
        with pytest.raises(InvalidError, match=f"ranks: {ranks}"):
            cuds.run(job, engine="lammps", ranks=ranks, isolation=isolation)  # type: ignore[arg-type]
