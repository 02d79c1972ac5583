"""Planted faults: whatever changes a result must not be overlooked, and motions are kept like anything else."""

from pathlib import Path

import ase.build
import numpy as np
import pytest

import cuds
from cuds.execution import cache
from cuds.execution.session import Laboratory

EAM = cuds.potential("Cu_mishin1.eam.alloy")


def copper() -> cuds.ParticleSystem:
    return cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True) * 2, label="copper")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CUDS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_pruned", [-1e9])
    return tmp_path / "cache"


def kept(folder: Path) -> list[Path]:
    return sorted((folder / "results").glob("*/*.h5md"))


def test_a_file_whose_content_changed_under_the_same_name(folder: Path, tmp_path: Path) -> None:
    """A remark in it, and half of all its numbers: not the energy that is kept of the same name and label."""
    path, content = tmp_path / "Cu.eam.alloy", EAM.terms[0].files[0].content
    energies = []
    for text in (content, b"#" + content, _halved(content)):
        path.write_bytes(text)
        found = cuds.energy(copper(), potential=cuds.potential(str(path)), engine="ase")
        assert found.provenance.retrieved is None
        energies.append(found.value.in_unit("eV"))
    assert energies[2] != energies[0]
    assert len(kept(folder)) == 3
    path.write_bytes(content)
    again = cuds.energy(copper(), potential=cuds.potential(str(path)), engine="ase")
    assert again.provenance.retrieved is not None
    assert again.value.in_unit("eV") == energies[0]


def _halved(content: bytes) -> bytes:
    """Half of every tabulated number."""
    lines = content.decode().splitlines()
    rows = [" ".join(repr(0.5 * float(n)) for n in line.split()) for line in lines[6:]]
    return ("\n".join([*lines[:6], *rows]) + "\n").encode()


def test_another_option_is_another_result(folder: Path) -> None:
    for suffix in ("opt", "off"):
        found = cuds.energy(copper(), potential=EAM, engine="lammps", options={"suffix": suffix})
        assert found.provenance.retrieved is None
    assert len(kept(folder)) == 2


def job(seed: int | None = 5) -> cuds.MolecularDynamics:
    return cuds.MolecularDynamics(
        copper(), potential=EAM, initial_temperature=(300, "K"), duration=(0.2, "ps"), every=(0.01, "ps"), seed=seed,
        record=("positions", "velocities"),
    )  # fmt: skip


def test_a_motion_is_kept_with_its_series_and_its_frames(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = cuds.run(job(), engine="lammps")
    monkeypatch.setattr(Laboratory, "open", lambda *_: pytest.fail("an engine was opened"))
    again = cuds.run(job(), engine="lammps")
    assert [(type(e), e.whole_digest) for e in again] == [(type(e), e.whole_digest) for e in first]
    assert np.array_equal(again.trajectory.positions.value, first.trajectory.positions.value)
    assert again.series.provenance.retrieved is not None
    back = cuds.read(again.save(folder.parent / "again.h5md"))
    assert [e.whole_digest for e in back] == [e.whole_digest for e in first]


def test_another_seed_is_another_result(folder: Path) -> None:
    found = [cuds.run(job(seed), engine="lammps") for seed in (5, 6, None)]
    assert all(f.final.provenance.retrieved is None for f in found)
    assert len(kept(folder)) == 3


def test_a_frame_that_was_damaged_is_seen_though_nobody_looks_at_it(folder: Path) -> None:
    """A velocity of the last frame but one (the last is also the final state), in its last bit."""
    first = cuds.run(job(), engine="lammps")
    assert first.trajectory.velocities is not None
    (path,) = kept(folder)
    content = bytearray(path.read_bytes())
    row = np.ascontiguousarray(first.trajectory.velocities.value[-2]).tobytes()
    place = bytes(content).index(row) + len(row) - 8
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="/velocity/value is not the one that was stored"):
        again = cuds.run(job(), engine="lammps")
    assert again.final.provenance.retrieved is None
    velocities = again.trajectory.velocities, first.trajectory.velocities
    assert velocities[0] is not None
    assert velocities[0] == velocities[1]
