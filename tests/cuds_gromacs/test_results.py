"""What GROMACS writes is read in all its digits; what is cut short gives what is whole; what is damaged is refused."""

import contextlib
import os
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cuds.errors import CudsError, EngineError, FormatError, InvalidError, UnknownError, UnsupportedError
from cuds_gromacs.energies import booked
from cuds_gromacs.program import Precision, find
from cuds_gromacs.results import Energies, Trajectory, checkpoint, read_energies, write_frame

RNG = np.random.default_rng(7)
BOX = np.array([[2.4, 0, 0], [0.3, 2.2, 0], [-0.4, 0.7, 2.1]])
TOPOLOGY = """
#include "oplsaa.ff/forcefield.itp"
#include "oplsaa.ff/spce.itp"
[ system ]
water
[ molecules ]
SOL 216
"""
# Energies at more steps than are written, so that sums are; blocks beside them; frames of differing content.
SETTINGS = """
integrator = md
nsteps = 60
nstcalcenergy = 5
nstenergy = 20
nstxout = 20
nstvout = 30
nstfout = 40
coulombtype = PME
rcoulomb = 0.85
rvdw = 0.85
fourierspacing = 0.16
tcoupl = v-rescale
tc-grps = System
tau-t = 0.1
ref-t = 300
ld-seed = 2
pcoupl = c-rescale
ref-p = 1
tau-p = 1
compressibility = 4e-5
gen-vel = yes
gen-seed = 1
free-energy = yes
init-lambda-state = 1
fep-lambdas = 0 0.5 1
couple-moltype = SOL
couple-lambda1 = vdw
nstdhdl = 10
separate-dhdl-file = no
energygrps = System
"""

READERS: dict[str, Callable[[Path], Any]] = {"t.edr": read_energies, "t.trr": Trajectory}


@pytest.fixture(scope="module", params=["double", "mixed"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Precision, Path]:
    """Return a folder with the results of a run, named after its precision."""
    precision: Precision = request.param
    folder, gmx = tmp_path_factory.mktemp(precision), find(precision)
    (folder / "t.top").write_text(TOPOLOGY)
    (folder / "t.mdp").write_text(SETTINGS)
    water = gmx.force_fields / "spc216.gro"
    gmx.run(["grompp", "-f", "t.mdp", "-c", water, "-p", "t.top", "-o", "t.tpr", "-maxwarn", "2"], folder=folder)
    gmx.run(["mdrun", "-s", "t.tpr", "-deffnm", "t", "-reprod", *gmx.one_rank], folder=folder)
    return precision, folder


def test_energies_are_those_of_gmx_energy(run: tuple[Precision, Path]) -> None:
    precision, folder = run
    found = read_energies(folder / "t.edr")
    assert found.double == (precision == "double")
    assert not found.truncated
    assert found.steps.tolist() == [0, 20, 40, 60]
    assert found.times == pytest.approx(found.steps * 0.001, rel=1e-15)
    assert dict(zip(found.names, found.units, strict=True))["Pressure"] == "bar"
    words = "\n".join(str(i + 1) for i in range(len(found.names))) + "\n\n"
    find(precision).run(["energy", "-f", "t.edr", "-o", "t.xvg", "-dp"], folder=folder, stdin=words)
    printed = np.loadtxt(folder / "t.xvg", comments=["#", "@"])[:, 1:]
    printed = printed[:, : len(found.names)]  # gmx energy adds a column for the sum of what is asked
    assert np.abs(found.values - printed).max() < 2e-12 * np.abs(printed).max()
    assert np.abs(found.values - printed).max() < 2e-9  # it prints twelve decimals; pressures are of 1e4
    assert (np.abs(found["Potential"] - printed[:, found.names.index("Potential")]) < 1e-11).all()


def test_a_row_that_is_not_there(run: tuple[Precision, Path]) -> None:
    with pytest.raises(UnknownError, match="no row 'Potentiel'"):
        read_energies(run[1] / "t.edr")["Potentiel"]


def test_all_of_a_run_is_booked(run: tuple[Precision, Path]) -> None:
    found = read_energies(run[1] / "t.edr")
    terms = booked(found).terms
    assert (terms["vdw"] == found["LJ (SR)"]).all()
    assert (terms["coulomb"] == found["Coulomb (SR)"] + found["Coul. recip."]).all()
    assert (terms["total"] == found["Potential"]).all()
    assert "Pressure" in booked(found).other
    assert not terms["bond"].any()


def row(**rows: float) -> Energies:
    names = tuple(name.replace("_", " ") for name in rows)
    values = np.array([list(rows.values())])
    return Energies(names, ("kJ/mol",) * len(names), np.zeros(1, int), np.zeros(1), values, True, False)


def test_no_energy_is_dropped() -> None:
    assert booked(row(Bond=1.0, Polarization=0.0, Potential=1.0)).terms["bond"] == 1.0
    with pytest.raises(UnsupportedError, match="'Polarization' is none of the terms"):
        booked(row(Bond=1.0, Polarization=2.0, Potential=3.0))
    with pytest.raises(UnsupportedError, match="'Something New'"):
        booked(row(Bond=1.0, Something_New=1e-300, Potential=1.0))
    with pytest.raises(EngineError, match=r"add up to 1\.0 kJ/mol, the potential energy is 1\.1"):
        booked(row(Bond=1.0, Potential=1.1))
    with pytest.raises(UnknownError, match="no row 'Potential'"):
        booked(row(Bond=1.0))
    apart = booked(row(Bond=1.0, **{"Position Rest.": 0.5, "Pressure": 7.0, "Potential": 1.5}))
    assert apart.restraints["Position Rest."] == 0.5
    assert apart.other["Pressure"] == 7.0


def test_frames_are_those_of_gmx_traj(run: tuple[Precision, Path]) -> None:
    precision, folder = run
    frames = Trajectory(folder / "t.trr")
    assert not frames.truncated
    assert frames.steps.tolist() == [0, 20, 30, 40, 60]
    assert frames.times == pytest.approx(frames.steps * 0.001, rel=1e-6)
    assert [(f.positions is None, f.velocities is None, f.forces is None) for f in frames] == [
        (False, False, False),
        (False, True, True),
        (True, False, True),
        (False, True, False),
        (False, False, True),
    ]
    assert all(f.double == (precision == "double") and f.coupling == 0.5 for f in frames)
    for option, what, name in (("-ox", "positions", "x"), ("-ov", "velocities", "v"), ("-of", "forces", "f")):
        find(precision).run(
            ["traj", "-f", "t.trr", "-s", "t.tpr", option, f"{name}.xvg", "-fp", "-nopbc"], folder=folder, stdin="0\n"
        )
        printed = np.loadtxt(folder / f"{name}.xvg", comments=["#", "@"])[:, 1:]
        read = [getattr(f, what) for f in frames]
        ours = np.array([r.ravel() for r in read if r is not None])
        assert np.abs(ours - printed).max() < 1e-6 * np.abs(ours).max()
    box = frames[-1].box
    assert box is not None
    assert np.abs(box - np.diag(np.diag(box))).max() == 0
    assert frames[4].step == frames[-1].step == 60
    with pytest.raises(IndexError):
        frames[5]


def test_cut_anywhere_the_whole_frames_are_read(run: tuple[Precision, Path], tmp_path: Path) -> None:
    for name, read in READERS.items():
        data, whole = (run[1] / name).read_bytes(), read(run[1] / name)
        cut = tmp_path / name
        for size in sorted({1, len(data) - 1, *RNG.integers(1, len(data), 200).tolist()}):
            cut.write_bytes(data[:size])
            try:
                part = read(cut)
            except FormatError:
                assert size < 3000  # within the names
                assert name == "t.edr"
                continue
            n = len(part.steps)
            assert n < len(whole.steps)
            assert part.steps.tolist() == whole.steps[:n].tolist()
            if name == "t.edr":
                assert (part.values == whole.values[:n]).all()
            elif n:
                assert (part[-1].box == whole[n - 1].box).all()
                assert part.truncated or size == frame_end(whole, n)


def frame_end(frames: Trajectory, n: int) -> int:
    return int(frames._starts[n])


def test_a_frame_without_an_end_is_flagged(run: tuple[Precision, Path], tmp_path: Path) -> None:
    for name, read in READERS.items():
        data = (run[1] / name).read_bytes()
        (tmp_path / name).write_bytes(data[:-1])
        assert read(tmp_path / name).truncated
        assert len(read(tmp_path / name).steps) == len(read(run[1] / name).steps) - 1


def test_what_is_damaged_or_no_such_file_is_refused(run: tuple[Precision, Path], tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    for data in (b"some text that is long enough to hold a header" * 9, (run[1] / "t.tpr").read_bytes()):
        wrong.write_bytes(data)
        with pytest.raises(FormatError, match="wrong: no frame at byte 0"):
            Trajectory(wrong)
        with pytest.raises(FormatError, match="not an energy file"):
            read_energies(wrong)
    data = bytearray((run[1] / "t.trr").read_bytes())
    second = frame_end(Trajectory(run[1] / "t.trr"), 1)
    data[second : second + 4] = b"\0\0\0\0"
    wrong.write_bytes(data)
    with pytest.raises(FormatError, match=f"no frame at byte {second}"):
        Trajectory(wrong)
    for _ in range(300):  # whatever is in it: an error of cuds, or numbers
        data = bytearray((run[1] / "t.edr").read_bytes())
        data[RNG.integers(len(data))] = RNG.integers(256)
        wrong.write_bytes(data)
        with contextlib.suppress(CudsError):
            read_energies(wrong)
    wrong.write_bytes(b"")
    assert len(Trajectory(wrong)) == 0
    with pytest.raises(FormatError, match="within its list of names"):
        read_energies(wrong)


def test_a_frame_comes_back_bit_by_bit(tmp_path: Path) -> None:
    x, v = RNG.normal(size=(216, 3)), RNG.normal(size=(216, 3)) * 1e-3
    write_frame(tmp_path / "a.trr", x, BOX, v, step=12, time=0.1)
    find("double").run(["trjconv", "-f", "a.trr", "-o", "b.trr"], folder=tmp_path)
    for name in ("a.trr", "b.trr"):
        (frame,) = Trajectory(tmp_path / name)
        assert frame.double
        assert (frame.step, frame.time) == (12, 0.1)
        assert frame.forces is None
        for ours, theirs in ((x, frame.positions), (v, frame.velocities), (BOX, frame.box)):
            assert theirs is not None
            assert (ours == theirs).all()
    with pytest.raises(InvalidError, match="above its diagonal"):
        write_frame(tmp_path / "c.trr", x, BOX.T)


def test_a_run_starts_from_a_frame_bit_by_bit(run: tuple[Precision, Path], tmp_path: Path) -> None:
    """Even where the structure has three decimals."""
    precision, folder = run
    gmx, before = find(precision), Trajectory(folder / "t.trr")[0]
    assert before.positions is not None
    assert before.box is not None
    x = before.positions + RNG.normal(size=(648, 3)) * 1e-3
    v = RNG.normal(size=(648, 3))
    if precision == "mixed":
        x, v = x.astype(np.float32).astype(float), v.astype(np.float32).astype(float)
    write_frame(tmp_path / "start.trr", x, before.box, v)
    (tmp_path / "t.mdp").write_text(
        "integrator=md\nnsteps=0\ncontinuation=yes\ndefine=-DFLEXIBLE\ncoulombtype=PME\nrcoulomb=0.9\nrvdw=0.9\n"
        "nstxout=1\nnstvout=1\ncomm-mode=none\n"
    )
    start = ["-c", gmx.force_fields / "spc216.gro", "-t", "start.trr", "-p", folder / "t.top"]
    gmx.run(["grompp", "-f", "t.mdp", *start, "-o", "t.tpr", "-maxwarn", "3"], folder=tmp_path)
    gmx.run(["mdrun", "-s", "t.tpr", "-deffnm", "t", *gmx.one_rank], folder=tmp_path)
    frame = Trajectory(tmp_path / "t.trr")[0]
    assert frame.positions is not None
    assert frame.velocities is not None
    inside = ((x > 0) & (x < np.diag(before.box))).all(axis=1)  # the others come back there
    assert inside.mean() > 0.5
    assert (frame.positions == x)[inside].all()
    assert (frame.velocities == v).all()


def test_frames_are_read_one_by_one(tmp_path: Path) -> None:
    """A file may be larger than memory, and none is left open."""
    x = RNG.normal(size=(20000, 3))
    write_frame(tmp_path / "one.trr", x, BOX)
    frame = (tmp_path / "one.trr").read_bytes()
    with open(tmp_path / "many.trr", "wb") as file:
        for _ in range(100):
            file.write(frame)
    before = len(os.listdir("/proc/self/fd"))
    tracemalloc.start()
    frames = Trajectory(tmp_path / "many.trr")
    assert tracemalloc.get_traced_memory()[1] < 1e6
    assert len(frames) == 100
    assert all((f.positions == x).all() for f in frames)
    assert tracemalloc.get_traced_memory()[1] < 4 * len(frame)
    tracemalloc.stop()
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_newest_whole_checkpoint(run: tuple[Precision, Path], tmp_path: Path) -> None:
    assert checkpoint(run[1], "t") == run[1] / "t.cpt"
    assert checkpoint(tmp_path, "t") is None
    data = (run[1] / "t.cpt").read_bytes()
    (tmp_path / "t.cpt").write_bytes(data[:-5])
    assert checkpoint(tmp_path, "t") is None
    (tmp_path / "t_prev.cpt").write_bytes(data)
    assert checkpoint(tmp_path, "t") == tmp_path / "t_prev.cpt"
    (tmp_path / "t.cpt").write_bytes(data)
    assert checkpoint(tmp_path, "t") == tmp_path / "t.cpt"


def test_a_frame_of_energies_may_be_empty() -> None:
    none = replace(row(Bond=1.0, Potential=1.0), steps=np.zeros(0, int), values=np.zeros((0, 2)))
    assert booked(none).terms["total"].shape == (0,)
