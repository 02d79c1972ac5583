"""Scripts that are refused: by name, with file and line, before anything else happens than setting up."""

import os
from pathlib import Path

import numpy as np
import pytest

import cuds
from cuds.errors import CudsError, EngineError, EngineTimeoutError, FormatError, InvalidError, UnsupportedError
from tests.cuds_lammps.scripts import Molecules

SCRIPT = """units real
atom_style full
pair_style lj/cut/coul/cut 9.0003217
bond_style harmonic
angle_style harmonic
dihedral_style charmm
read_data data.m
pair_coeff 1 1 0.1 3.4
pair_coeff 2 2 0.02 2.6
bond_coeff * 300 1.4
angle_coeff * 50 110
dihedral_coeff * 0.2 3 0 0.0
special_bonds lj/coul 0 0 0.5
"""
AFTER = {
    "a shell": ("shell touch made", "15: shell touch made: it runs programs"),
    "python": ('python f source "import os"', "it runs programs"),
    "a plug-in": ("plugin load x.so", "it runs programs"),
    "a condition": ('if "1 > 0" then "shell touch made"', "depend on it"),
    "a loop": ("variable i loop 3\nlabel again\nnext i\njump SELF again", "depend on it"),
    "a restart": ("read_restart x.restart", "restart file is not text"),
    "quit": ("quit", "ends the script"),
    "clear": ("clear", "one system"),
    "a second data file": ("read_data data.m", "a second data file"),
    "atoms added": ("read_data data.m add append", "second data file"),
    "the environment": ("variable home getenv HOME", "reads the environment"),
    "a variable of a shell": ("variable x shell 'touch made'", "runs a program"),
    "a variable of python": ("variable x python f", "runs a program"),
    "a variable of a file": ("variable x file data.m", "reads a file"),
    "a variable that is not there": ("mass 1 ${nothing}", "define the variable"),
    "a formula that asks the disc": ("mass 1 $(is_file(/etc/passwd))", "more than arithmetic"),
    "python in a formula": ("mass 1 $(py_f(1))", "more than arithmetic"),
    "a force": ("fix 1 all addforce 1.0 0 0", "15: fix 1 all addforce .*changes energy or forces"),
    "a wall": ("fix w all wall/lj93 zlo EDGE 1.0 1.0 2.5", "changes energy or forces"),
    "a field": ("fix e all efield 0 0 1", "changes energy or forces"),
    "a fix nobody knows": ("fix e all something 0 0 1", "does not know it"),
    "python in a fix": ("fix p all python/invoke 10 end_of_step f", "does not know it"),
    "pairs left out": ("neigh_modify exclude type 1 1", "leaves out interactions"),
    "a dielectric": ("dielectric 80.0", "it carries 1"),
    "a slab": ("kspace_modify slab 3.0", "another geometry"),
    "two dimensions": ("dimension 2", "it carries 3"),
    "labels": ("labelmap atom 1 C", "labels of types"),
    "a command nobody knows": ("frobnicate all", "no such command"),
    "another style": ("pair_style lj/cut 8.0", "a second pair_style"),
    "styles after a run": ("run 10\npair_coeff 1 2 0.1 3.0", r"after the first run, .*in.m:15"),
    "special angle": ("special_bonds lj/coul 0 0 0.5 angle yes", "other than no"),
    "a shift of a part": ("pair_modify shift yes", "ShiftedCutoff, adds to each of them"),
    "shift and tail": ("special_bonds lj/coul 0 0 0\npair_modify shift yes tail yes", "tail yes is not carried"),
    "quotes": ('mass 1 "12', "quotes do not match"),
    "letters that are none": ("mass 1 1２", "plain letters"),
    "a weight without its pairs": ("dihedral_coeff 1 0.2 3 0 0.5", "pair style has none"),
    "a script that includes itself": ("include again", "include each other"),
    "lost syntax": ("bond_coeff 1 300", "LAMMPS: .*[Ii]ncorrect args"),
}  # fmt: skip
REPLACED = {
    "units": ("units real", "units cgs", "1: units cgs: cuds does not carry"),
    "lj": ("units real", "units lj", "multiples"),
    "TIP4P": ("lj/cut/coul/cut 9.0003217", "lj/cut/tip4p/cut 1 2 1 1 0.15 9.0", "no meaning for this pair style"),
    "charmmfsw": ("lj/cut/coul/cut 9.0003217", "lj/charmmfsw/coul/charmmfsh 8.0 9.0", "no meaning for this pair style"),
    "a table": ("lj/cut/coul/cut 9.0003217", "table linear 1000", "no meaning for this pair style"),
    "a python style": ("lj/cut/coul/cut 9.0003217", "python 9.0", "no meaning for this pair style"),
    "a style in a hybrid": ("lj/cut/coul/cut 9.0003217", "hybrid lj/cut 9.0 table linear 9", "table: cuds has no"),
    "class2 angles": ("angle_style harmonic", "angle_style class2", "no meaning for this angle style"),
    "helix": ("dihedral_style charmm", "dihedral_style helix", "no meaning for this dihedral style"),
    "charges without a sum": ("coul/cut", "coul/long", "Pair style requires a KSpace style|no kspace_style"),
    "atoms of another style": ("atom_style full", "atom_style sphere", "atom_style sphere: cuds does not carry it"),
    "a file above": ("read_data data.m", "read_data ../data.m", "outside the folder"),
    "a file of the system": ("read_data data.m", "read_data /etc/passwd", "outside the folder"),
    "a file by a variable": ("read_data data.m", "variable f string /etc/passwd\nread_data ${f}", "outside the folder"),
    "a script of the system": ("read_data data.m", "include /etc/passwd", "outside the folder"),
    "a link": ("read_data data.m", "read_data link", "outside the folder"),
    "a packed file": ("read_data data.m", "read_data data.m.gz", "is packed"),
    "a pipe": ("read_data data.m", "read_data pipe", "there is no file 'pipe'"),
    "no such file": ("read_data data.m", "read_data data.n", "in.m:7: there is no file 'data.n'"),
    "no box": ("read_data data.m", "", "before simulation box is defined|it makes no box"),
    "a formula": ("dihedral_style charmm", "dihedral_style lepton", "in.m:.*dihedral_coeff"),
}  # fmt: skip


def folder(tmp_path: Path, script: str, data: str = "") -> Path:
    types = {"Bonds": 1, "Angles": 1, "Dihedrals": 1}
    (tmp_path / "data.m").write_text(data or Molecules(np.random.default_rng(0), count=1).data(types))
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "again").write_text("mass 1 12.0\ninclude again\n")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "in.m").write_text(script)
    return tmp_path / "in.m"


def refused(tmp_path: Path, script: str, says: str) -> None:
    file = folder(tmp_path, script)
    before = {p.name for p in tmp_path.iterdir()}
    with pytest.raises(CudsError, match=says) as caught:
        cuds.read(file)
    assert isinstance(caught.value, UnsupportedError | InvalidError | EngineError)
    assert caught.value.hint
    assert {p.name for p in tmp_path.iterdir()} == before


@pytest.mark.turns(2)
@pytest.mark.parametrize("case", AFTER)
def test_a_command_is_refused(case: str, tmp_path: Path) -> None:
    line, says = AFTER[case]
    refused(tmp_path, SCRIPT + "\n" + line + "\n", says)


@pytest.mark.turns(2)
@pytest.mark.parametrize("case", REPLACED)
def test_what_a_script_says_otherwise_is_refused(case: str, tmp_path: Path) -> None:
    old, new, says = REPLACED[case]
    assert old in SCRIPT
    refused(tmp_path, SCRIPT.replace(old, new), says)


def test_what_is_not_refused_is_read(tmp_path: Path) -> None:
    """The script of the refusals alone is fine; so each of them is for what was changed."""
    assert cuds.read(folder(tmp_path, SCRIPT))[cuds.ParticleSystem].topology is not None


@pytest.mark.parametrize("part", [0.2, 0.5, 0.8, 0.97])
def test_a_data_file_that_is_cut_off(part: float, tmp_path: Path) -> None:
    data = Molecules(np.random.default_rng(0), count=1).data({"Bonds": 1, "Angles": 1, "Dihedrals": 1})
    file = folder(tmp_path, SCRIPT, data[: int(part * len(data))])
    with pytest.raises((EngineError, InvalidError), match=r"in.m:7: read_data data.m: LAMMPS"):
        cuds.read(file)


@pytest.mark.parametrize("count", ["99999999999", "-3", "2147483647"])
def test_a_data_file_that_promises_too_much(count: str, tmp_path: Path) -> None:
    data = Molecules(np.random.default_rng(0), count=1).data({"Bonds": 1, "Angles": 1, "Dihedrals": 1})
    file = folder(tmp_path, SCRIPT, data.replace("8 atoms\n", f"{count} atoms\n"))
    with pytest.raises(CudsError):
        cuds.read(file)


def test_a_lammps_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process is stopped, and the caller has an error."""
    monkeypatch.setattr("cuds_lammps.files._PATIENCE", 1e-3)
    with pytest.raises(EngineTimeoutError):
        cuds.read(folder(tmp_path, SCRIPT))


def test_a_data_file_alone_is_refused(tmp_path: Path) -> None:
    file = folder(tmp_path, SCRIPT).with_name("data.m")
    with pytest.raises(InvalidError, match="a script: none") as caught:
        cuds.read(file)
    assert "--settings" in caught.value.hint


def test_scales_are_for_files_without_sizes(tmp_path: Path) -> None:
    file = folder(tmp_path, SCRIPT)
    with pytest.raises(UnsupportedError, match="sizes of their own"):
        cuds.read(file, scale="epsilon=1 eV, sigma=1 angstrom, mass=1 Da")
    with pytest.raises(InvalidError, match="scale: 'epsilon'"):
        cuds.read(file, scale="epsilon")
    (tmp_path / "a.xyz").write_text("1\n\nH 0 0 0\n")
    with pytest.raises(InvalidError, match=r"scale: a.xyz"):
        cuds.read(tmp_path / "a.xyz", scale="epsilon=1 eV, sigma=1 angstrom, mass=1 Da")
    with pytest.raises(InvalidError, match="length"):
        cuds.read(file, length="mm")


def test_what_is_no_script_is_left_to_others(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("just words\n")
    with pytest.raises(FormatError):
        cuds.read(tmp_path / "in.txt")
