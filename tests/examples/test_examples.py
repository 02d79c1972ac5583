"""Every example runs, and gives what it says."""

import hashlib
import importlib.util
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from rdflib import Graph

import cuds

FOLDER = Path(__file__).resolve().parents[2] / "examples"
# Mishin et al., Phys. Rev. B 63, 224106 (2001).
MISHIN = {"C11": 169.9, "C12": 122.6, "C44": 76.2}


def load(name: str) -> ModuleType:
    sys.path.insert(0, str(FOLDER))
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.turns(2)
@pytest.mark.parametrize("engine", ["lammps", "ase"])
def test_copper_plate(engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example = load("01_copper_plate")
    result = example.main(engine, tmp_path)
    constants = result[cuds.ElasticTensor].constants("GPa")
    assert all(abs(constants[n] - v) < 0.2 for n, v in MISHIN.items())

    printed = capsys.readouterr().out
    differences = [
        float(line.split("|")[-2].strip().rstrip("%"))
        for line in printed.splitlines()
        if "stress" in line and "%" in line
    ]
    assert len(differences) == 12
    assert max(map(abs, differences[:6])) < 1.0, "at 0.1 % strain the atoms and the continuum agree"
    assert 1.0 < max(map(abs, differences[6:])) < 10.0, "at 1 % they cannot"

    picture = example.visualize(result, tmp_path)
    assert picture.stat().st_size > 50_000
    left = {p.name for p in tmp_path.iterdir()}
    assert {"plate.h5md", "plate.ttl", "plate.jsonld", "plate.vtu", "plate.png"} <= left
    back = cuds.read(tmp_path / "plate.h5md")
    assert [e.digest for e in back] == [e.digest for e in result]
    assert len(Graph().parse(tmp_path / "plate.ttl")) == len(back.graph())

    rows = back.query((FOLDER / "where_from.rq").read_text())
    sha = hashlib.sha256(cuds.potential("Cu_mishin1.eam.alloy").files[0].content).hexdigest()
    assert {(r["engine"], r["file"], r["file_sha256"]) for r in rows} == {(engine, "Cu_mishin1.eam.alloy", sha)}


def test_the_script_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load("plate_mesh").write_plate(tmp_path / "plate.msh")
    monkeypatch.chdir(tmp_path)
    readme = (FOLDER.parent / "README.md").read_text()
    script = readme.split("```python\n")[1].split("```")[0]
    assert len([line for line in script.splitlines() if line.strip()]) == 11, "an import and ten lines"
    here: dict[str, Any] = {}
    exec(script, here)
    tensor, part = here["C"], here["part"]
    assert isinstance(tensor, cuds.ElasticTensor)
    assert isinstance(part, cuds.DataSet)
    assert np.isfinite(part.field("von_mises").magnitude()).all()


def test_the_script_on_finite_elements_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load("plate_mesh").write_plate(tmp_path / "plate.msh")
    monkeypatch.chdir(tmp_path)
    page = (FOLDER.parent / "docs" / "how-to" / "finite_elements.md").read_text()
    here: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], here)
    # Heywood's stress concentration of a plate with a central hole of a third of its width: 2 + (1 - 1/3)^3, times
    # the nominal stress of the narrowest section (Pilkey, Peterson's Stress Concentration Factors, chart 4.1).
    peak = (2 + (2 / 3) ** 3) * 100 / (2 / 3)
    stress = here["result"].field("stress_points").in_unit("MPa")
    assert abs(stress[:, 0].max() - peak) < 0.1 * peak
    assert {p.name for p in tmp_path.iterdir()} >= {"job.png", "result.png"}


def run_page(name: str, percent: int = 100) -> dict[str, Any]:
    """Run the blocks of a page one after the other, with a part of their sampling; return the names that they leave."""
    here: dict[str, Any] = {}

    def shorter(found: re.Match[str]) -> str:
        return f'sampling="{int(found[1]) * percent / 100} ps"'

    for block in (FOLDER.parent / "docs" / "how-to" / name).read_text().split("```python\n")[1:]:
        exec(re.sub(r'sampling="(\d+) ps"', shorter, block.split("```")[0]), here)
    return here


def test_the_page_on_dynamics_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it prints is what it says, but for the noise that it says it has."""
    monkeypatch.chdir(tmp_path)
    here = run_page("dynamics.md")
    for name, unit, said in (("temperature", "K", 299.3), ("pressure", "GPa", 2.479)):
        mean = here[name]
        assert mean.reliable
        assert abs(mean.value.in_unit(unit) - said) < 6 * mean.error.in_unit(unit)
    assert (here["free"].ensemble, here["free"].seed) == ("NPT", 1)
    assert len(here["universe"].trajectory) == len(here["again"].trajectory) == 501
    assert here["middle"].positions == here["again"].trajectory[250].positions
    assert {p.name for p in tmp_path.iterdir()} == {"warm", "pressure.png"}


def test_the_page_on_molecules_runs(capsys: pytest.CaptureFixture[str]) -> None:
    here = run_page("molecules.md")
    printed = dict(line.split()[:2] for line in capsys.readouterr().out.splitlines())
    assert list(printed) == ["bond", "angle", "dihedral", "improper", "vdw", "coulomb"]
    parts = {n: float(v) for n, v in printed.items()}
    # 345000/2 * (0.1004988 - 0.1)^2 + 345000/2 * (0.0970824 - 0.1)^2, and 383/2 * (96.1781 - 109.47 degrees)^2
    assert parts["bond"] == pytest.approx(1.5112, abs=2e-4)
    assert parts["angle"] == pytest.approx(10.3062, abs=2e-4)
    assert parts["dihedral"] == parts["improper"] == 0
    assert sum(parts.values()) == pytest.approx(here["found"].value.in_unit("kJ/mol"), abs=1e-3)


def test_the_page_on_properties_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: Callable[[int, int], int]
) -> None:
    """At rest to the digits that it prints; in motion within the noise."""
    monkeypatch.chdir(tmp_path)
    here = run_page("properties.md", percent=count(25, 100))
    assert here["lattice"].lengths.in_unit("angstrom") == pytest.approx([3.61493] * 3, abs=1e-5)
    assert here["equation"].bulk_modulus.in_unit("GPa") == pytest.approx(138.72, abs=0.01)
    assert here["tensor"].constants("GPa") == pytest.approx(
        {"C11": 169.88, "C12": 122.59, "C44": 76.21, "K": 138.35, "G": 47.76}, abs=0.01
    )
    warm = here["hot"].constants("GPa")
    assert [warm[n] for n in ("C11", "C12", "C44")] == pytest.approx([165, 120, 73], rel=0.08)
    mean = here["mean"]
    assert np.abs(mean.lengths.in_unit("angstrom") - 3.632).max() < 5 * mean.uncertainty.in_unit("angstrom").max()
    expansion = here["expansion"]
    error = expansion.uncertainty.in_unit("1/K")[0, 0]
    assert abs(expansion.value.in_unit("1/K").trace() / 3 - 16.5e-6) < 4 * error / np.sqrt(3)
    k = here["conductivity"].value.in_unit("W/m/K")[0, 0]
    assert k == pytest.approx(0.0617, rel=0.1)
    assert here["found"].field("heat_flux").values.in_unit("W/m**2")[0] == pytest.approx([0, 0, -k * 1e8], abs=1)
    computed = here["grains"][cuds.ElasticBounds].of("computed")
    assert computed == pytest.approx({"K": 138.350, "G": 49.854, "E": 133.525}, abs=0.01)
    assert (tmp_path / "equation.png").exists()


def test_the_page_on_libraries_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = run_page("library.md")
    listed = {v.name: v.plain for v in here["library"].list()}
    assert listed == {
        "copper constants": False,
        "glass": False,
        "https://example.org/people": True,
        "urn:x:notes": True,
    }
    assert [v.number for v in here["library"].versions("glass")] == [1, 2, 3]
    assert [w.by for w in here["library"].history("copper constants")] == ["", "ann"]
    assert b"<urn:x:uses> <urn:cuds:dataset:glass>" in here["library"].graph_text("https://example.org/people")
    assert here["first"][cuds.ElasticTensor].constants("GPa")["C11"] < 108
    assert here["found"][0].values["C11"] == pytest.approx(169.88e9, rel=1e-4)
    assert here["tensor"].label == here["constants"][cuds.ElasticTensor].label
    assert [(r["title"], r["engine"]) for r in here["rows"]] == [("copper constants", "lammps")]
    assert here["library"].verify() == []


def test_the_page_on_files_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = run_page("files.md")
    assert [e.digest for e in here["same"]] == [e.digest for e in here["data"]]
    assert here["back"][cuds.Mesh].points == here["mesh"].points
    assert np.allclose(here["atoms"][cuds.ParticleSystem].positions.value, here["copper"].positions.value)
    assert here["row"].shape == (10, 3)


def test_every_example_is_tested() -> None:
    assert {p.name for p in FOLDER.glob("[0-9]*.py")} == {"01_copper_plate.py", "02_warped_laminate.py"}


def test_the_example_converts_nothing_and_speaks_no_engines_language() -> None:
    """No factor of a unit, no order of atoms, no command."""
    text = (FOLDER / "01_copper_plate.py").read_text()
    for word in ("1e9", "1e-9", "160.2", "1e4", "pair_", "units metal", "argsort", "minimize", "run 0"):
        assert word not in text


def test_warped_laminate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It warms up as long as it is heated, and warps into a saddle: up along one ply, down along the other."""
    example = load("02_warped_laminate")
    result = example.main(tmp_path)
    printed = capsys.readouterr().out
    tops = [float(line.split()[-2]) for line in printed.splitlines() if "the top is at" in line]
    assert len(tops) == 5
    assert tops == sorted(tops)
    assert tops[0] == pytest.approx(20, abs=0.1)
    assert 70 < tops[-1] < 80
    moved = result.field("displacement")
    x, u = moved.mesh.points.in_unit("mm"), moved.in_unit("mm")
    along_x, along_y = (u[np.abs(x - np.array(corner)).max(axis=1).argmin(), 2] for corner in ([40, 0, 0], [0, 40, 0]))
    assert along_x * along_y < 0
    assert abs(along_x + along_y) < 0.1 * abs(along_x)
    assert example.visualize(result, tmp_path).stat().st_size > 30_000
    assert len(cuds.read(tmp_path / "laminate.h5md")) == len(result)
