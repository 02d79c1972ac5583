"""Whole systems of three force fields and of water: what plain GROMACS says of its files, every other way must say."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cuds
from cuds.errors import UnsupportedError
from cuds_gromacs.program import find
from cuds_gromacs.single_point import single_point
from tests.translation.cases import CASES, TERMS, Case, case, judge
from tests.translation.peptide import Floats

# The water that comes with GROMACS has its sites 0.003 nm off; a single point takes them as they lie, and says so.
pytestmark = pytest.mark.filterwarnings("ignore:173 of 173 virtual sites are not where")
KCAL, ANGSTROM = 4.184, 0.1  # kJ/mol, nm
LMP = str(Path(sys.executable).with_name("lmp"))
FORCES = "\nwrite_dump all custom forces.txt id fx fy fz modify sort id format float %.17g\n"


def said(data: cuds.DataSet, engine: str) -> tuple[dict[str, float], Floats]:
    """Return energies by terms and forces of a system, by an engine."""
    job = cuds.SinglePoint(data[cuds.ParticleSystem], potential=data[cuds.Potential])
    done = cuds.run(job, engine=engine)
    energy, forces = done[cuds.PotentialEnergy], done.all(cuds.ParticleSystem)[-1].forces
    parts = {n: float(q.in_unit("kJ/mol")) for n, q in energy.parts.items()}
    terms = {n: parts.get(n, 0.0) for n in TERMS} | {"total": float(energy.value.in_unit("kJ/mol"))}
    assert forces is not None
    return terms, np.asarray(forces.in_unit("kJ/mol/nm"))


def by_gromacs(folder: Path, wanted: Case) -> list[str]:
    """Return what is off in files named x.* of GROMACS, as it takes them itself."""
    conf, top, mdp = (folder / f"x.{end}" for end in ("gro", "top", "mdp"))
    found = single_point(find("double"), folder, structure=conf, topology=top, settings=mdp, warnings=1)
    return judge(found.terms, found.forces, wanted)


@pytest.mark.turns(2)
@pytest.mark.parametrize("engine", ["gromacs", "lammps"])
@pytest.mark.parametrize("name", CASES)
def test_an_engine_says_the_same_of_the_files(name: str, engine: str) -> None:
    assert judge(*said(cuds.read(*case(name).files), engine), case(name)) == []


@pytest.mark.parametrize("name", CASES)
def test_files_of_gromacs_come_out_as_they_went_in(name: str, tmp_path: Path) -> None:
    data = cuds.read(*case(name).files)
    cuds.write(data, *(tmp_path / f"x.{end}" for end in ("gro", "top", "mdp")))
    assert by_gromacs(tmp_path, case(name)) == []
    again = cuds.read(*(tmp_path / f"x.{end}" for end in ("gro", "top", "mdp")))
    assert again[cuds.ParticleSystem].naming == data[cuds.ParticleSystem].naming


def test_a_script_that_would_move_virtual_sites_as_atoms_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="173 virtual sites, the first 4"):
        cuds.write(cuds.read(*case("tip4p").files), tmp_path / "x.data", tmp_path / "x.in")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.turns(2)
@pytest.mark.parametrize("name", [n for n in CASES if n != "tip4p"])
def test_plain_lammps_says_the_same_of_files_made_for_it(name: str, tmp_path: Path) -> None:
    """Its own sums: energies by the command thermo, forces by a dump; what acts in a pair is a bond to it."""
    wanted = case(name)
    cuds.write(cuds.read(*wanted.files), tmp_path / "x.data", tmp_path / "x.in")
    script = (tmp_path / "x.in").read_text()
    (tmp_path / "forces.in").write_text(script + FORCES)
    printed = [run_lammps(tmp_path, "x.in"), run_lammps(tmp_path, "forces.in")]
    assert printed[0] == printed[1]
    scale = KCAL if "units real" in script else 96.48533212331
    total = printed[0]["PotEng"] * scale
    sizes = sum(abs(wanted.terms[n]) for n in TERMS)
    assert abs(total - wanted.terms["total"]) <= 1e-6 * (sizes + len(wanted.forces))
    rows = np.loadtxt(tmp_path / "forces.txt", skiprows=9)
    assert rows[:, 0].tolist() == list(range(1, len(wanted.forces) + 1))
    forces = rows[:, 1:] * scale / ANGSTROM
    assert np.sqrt(np.sum((forces - wanted.forces) ** 2) / np.sum(wanted.forces**2)) < 1e-5


def run_lammps(folder: Path, script: str) -> dict[str, float]:
    """Return what plain lmp prints of a single point."""
    done = subprocess.run([LMP, "-in", script, "-log", "none"], cwd=folder, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    at = next(i for i, line in enumerate(lines) if line.split()[:1] == ["Step"])
    return dict(zip(lines[at].split(), map(float, lines[at + 1].split()), strict=True))


@pytest.mark.turns(2)
@pytest.mark.parametrize("name", [n for n in CASES if n != "tip4p"])
def test_through_files_of_lammps_and_back(name: str, tmp_path: Path) -> None:
    """GROMACS to LAMMPS to GROMACS; and LAMMPS's own files to GROMACS's to LAMMPS's, which plain lmp runs."""
    wanted = case(name)
    cuds.write(cuds.read(*wanted.files), tmp_path / "x.data", tmp_path / "x.in")
    back = cuds.read(tmp_path / "x.in")
    cuds.write(back, *(tmp_path / f"x.{end}" for end in ("gro", "top", "mdp")))
    assert by_gromacs(tmp_path, wanted) == []
    again = cuds.read(*(tmp_path / f"x.{end}" for end in ("gro", "top", "mdp")))
    (tmp_path / "again").mkdir()
    cuds.write(again, tmp_path / "again" / "y.data", tmp_path / "again" / "y.in")
    first, second = run_lammps(tmp_path, "x.in")["PotEng"], run_lammps(tmp_path / "again", "y.in")["PotEng"]
    assert abs(second - first) * KCAL <= 1e-6 * sum(abs(wanted.terms[n]) for n in TERMS)
