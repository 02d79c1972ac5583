"""``cuds energy``, ``cuds compare`` and ``cuds convert`` on files of GROMACS, as a user has them."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.test_commands import run
from tests.translation.cases import TERMS, case, judge
from tests.translation.test_cases import by_gromacs, run_lammps

CROSS = """
[ defaults ]
1 2 no 1.0 1.0
[ atomtypes ]
A 18 39.948 0.0 A 0.34 0.9
[ moleculetype ]
M 3
[ atoms ]
1 A 1 M X 1 0.0
2 A 1 M Y 1 0.0
3 A 1 M Z 1 0.0
[ bonds ]
1 2 1 0.15 200000
2 3 1 0.15 200000
[ angles ]
1 2 3 4 0.15 0.15 0.24 1000
[ system ]
cross
[ molecules ]
M 1
"""


@pytest.fixture
def cross(tmp_path: Path) -> list[Path]:
    """Files with a term that LAMMPS has no word for."""
    (tmp_path / "conf.gro").write_text(
        "cross\n3\n    1M        X    1   1.000   1.000   1.000\n    1M        Y    2   1.160   1.000   1.000\n"
        "    1M        Z    3   1.200   1.150   1.000\n3.0 3.0 3.0\n"
    )
    (tmp_path / "topol.top").write_text(CROSS)
    (tmp_path / "run.mdp").write_text(
        "cutoff-scheme=verlet\ncoulombtype=cut-off\ncoulomb-modifier=none\nrcoulomb=1.2\nvdw-modifier=none\nrvdw=1.2\n"
    )
    return [tmp_path / n for n in ("conf.gro", "topol.top", "run.mdp")]


def test_energy_says_terms_and_writes_forces(tmp_path: Path) -> None:
    wanted = case("amber99sb-ildn")
    file = tmp_path / "f.npy"
    found = json.loads(run("energy", *wanted.files, "--engine", "gromacs", "--json", "--forces", file))
    assert list(found["energy_kJ_mol"]) == [*TERMS, "total"]
    assert judge(found["energy_kJ_mol"], np.load(file), wanted) == []
    shown = run("energy", *wanted.files[:2], "--settings", wanted.files[2], "--engine", "gromacs")
    assert f"{found['energy_kJ_mol']['angle']:.6f}" in shown


def test_settings_come_from_the_input_or_nowhere() -> None:
    said = run("energy", *case("argon").files[:2], "--engine", "gromacs", code=1)
    assert "run.mdp is missing" in said
    assert "--settings" in said


def test_compare_shows_two_engines_side_by_side() -> None:
    found = json.loads(run("compare", *case("argon").files, "--json"))
    assert found["relative"]["total"] < 1e-6
    assert found["forces"] < 1e-5
    assert found["energy_kJ_mol"].keys() == {"gromacs", "lammps"}


def test_convert_prints_what_became_of_each_part(tmp_path: Path) -> None:
    wanted = case("amber99sb-ildn")
    said = run("convert", *wanted.files, tmp_path / "x.data", tmp_path / "x.in")
    assert "bonds, HarmonicBond" in said
    assert "bond_style harmonic" in said
    assert "left out" in said
    total = run_lammps(tmp_path, "x.in")["PotEng"] * 4.184
    assert abs(total - wanted.terms["total"]) < 1e-6 * sum(abs(wanted.terms[n]) for n in TERMS)
    found = json.loads(run("convert", *wanted.files, *(tmp_path / f"x.{e}" for e in ("gro", "top", "mdp")), "--json"))
    assert {p["fate"] for p in found["parts"]} == {"carried"}
    assert by_gromacs(tmp_path, wanted) == []


def test_convert_replaces_nothing_unasked(tmp_path: Path) -> None:
    (tmp_path / "x.in").write_text("mine")
    out = (tmp_path / "x.data", tmp_path / "x.in")
    assert "--force" in run("convert", *case("argon").files, *out, code=1)
    assert (tmp_path / "x.in").read_text() == "mine"
    assert not (tmp_path / "x.data").exists()
    run("convert", *case("argon").files, *out, "--force")
    assert "read_data" in (tmp_path / "x.in").read_text()


def test_what_cannot_be_said_is_refused_by_name_and_nothing_is_written(cross: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for arguments in (["convert", *cross, out / "x.data", out / "x.in"], ["energy", *cross, "--engine", "lammps"]):
        said = run(*arguments, code=2)
        assert "CrossBondAngle" in said
        assert "1 of them, the first between 1, 2, 3" in said
    assert list(out.iterdir()) == []
    assert json.loads(run("compare", *cross, "--json", code=2))["error"]["kind"] == "unsupported"


def test_files_that_do_not_say_which_to_write(tmp_path: Path) -> None:
    assert "first those that belong together to read" in run("convert", *case("argon").files, code=1)
    assert "first those" in run("convert", *case("argon").files, tmp_path / "x.txt", code=1)
