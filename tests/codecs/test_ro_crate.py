"""An RO-Crate holds a data set whole, and every reference in it leads somewhere."""

import json
from pathlib import Path
from typing import Any

import ase.build
import pytest

import cuds
from cuds.codecs import ro_crate
from cuds.errors import CudsError, InvalidError, UnknownError
from cuds.model.provenance import SimulationRun


@pytest.fixture(scope="module")
def computed() -> cuds.DataSet:
    copper = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True), label="copper")
    job = cuds.SinglePoint(copper, potential=cuds.potential("Cu_mishin1.eam.alloy"))
    return cuds.run(job, engine="lammps")


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [value["@id"]] if list(value) == ["@id"] else [r for v in value.values() for r in references(v)]
    return [r for v in value for r in references(v)] if isinstance(value, list) else []


def test_a_crate_says_who_computed_what_from_what(computed: cuds.DataSet, tmp_path: Path) -> None:
    folder = ro_crate.write(computed, tmp_path / "crate")
    said = json.loads((folder / "ro-crate-metadata.json").read_text())
    nodes = {node["@id"]: node for node in said["@graph"]}
    assert len(nodes) == len(said["@graph"]), "nothing is said twice"
    known = {*nodes, "https://w3id.org/ro/crate/1.1"}
    assert set(references(said["@graph"])) <= known, "what is referred to is there"
    files = {i for i, node in nodes.items() if node["@type"] == "File"}
    there = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert files | {"ro-crate-metadata.json"} == there
    (action,) = [node for node in nodes.values() if node["@type"] == "CreateAction"]
    assert nodes[action["instrument"]["@id"]]["name"] == "LAMMPS"
    run = computed[cuds.PotentialEnergy].provenance
    assert isinstance(run, SimulationRun)
    assert {u.entity for u in run.used} <= {o["@id"] for o in action["object"]}
    assert (folder / "told" / "1.txt").read_text() == run.transcript
    for name in ("data.h5md", "data.ttl"):
        assert [e.digest for e in cuds.read(folder / name)] == [e.digest for e in computed]


def test_a_crate_is_whole_or_not_there(computed: cuds.DataSet, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(InvalidError, match="is there already"):
        ro_crate.write(computed, tmp_path / "there")
    with pytest.raises(UnknownError, match="there is no folder"):
        ro_crate.write(computed, tmp_path / "gone" / "crate")
    with pytest.raises(CudsError, match="nothing to describe"):
        ro_crate.write(cuds.DataSet(), tmp_path / "crate")
    assert [p.name for p in tmp_path.iterdir()] == ["there"]
