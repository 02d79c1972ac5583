"""A wiring in a folder: it comes back as it was, and nothing in it can lead anywhere else."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase.build
import pytest

import cuds
from cuds.errors import CudsError, FormatError, InvalidError, UnknownError
from cuds.testing.continuum import brick

EAM = cuds.potential("Cu_mishin1.eam.alloy")


def wiring() -> cuds.Wiring:
    cu = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True), label="copper")
    w = cuds.Wiring("copper")
    w.add("tensor", cuds.Derive(cuds.ElasticTensor, "elastic"), engine="lammps", system=cu, potential=EAM, timeout=60.0)
    w.add("body", cuds.LinearElasticity, engine="skfem", mesh=brick(), options={"solver": "direct"},
          conditions=[cuds.Fixed("left"), cuds.Traction("right", x=(100, "MPa"))])  # fmt: skip
    w.add("hot", cuds.MolecularDynamics, engine="ase", potential=EAM, ensemble="NVT", temperature="300 K",
          duration=(0.1, "ps"))  # fmt: skip
    w.add("warm", cuds.Derive(cuds.ElasticTensor), engine="lammps", system=cu, potential=EAM, temperature="300 K")
    w.connect("tensor", "body")
    w.connect("tensor", "hot", output="ParticleSystem")
    return w


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    """Twice saved it is the same, byte for byte; and it names no path, no module, no code."""
    w = wiring()
    back = cuds.Wiring.load(w.save(tmp_path / "one"))
    assert str(back) == str(w)
    assert back.mermaid() == w.mermaid()
    assert [n.seed for n in back.nodes.values()] == [n.seed for n in w.nodes.values()]
    assert {n: v.made().digest for n, v in back.nodes.items() if n in ("tensor", "warm")} == {
        n: v.made().digest for n, v in w.nodes.items() if n in ("tensor", "warm")
    }
    back.save(tmp_path / "two")
    one, two = ((tmp_path / n / "wiring.json").read_text() for n in ("one", "two"))
    assert one == two
    assert str(tmp_path) not in one
    assert "import" not in one


def test_one_that_is_loaded_gives_the_same_numbers(tmp_path: Path) -> None:
    w = cuds.Wiring("one")
    w.add("energy", cuds.SinglePoint, engine="ase", potential=EAM,
          system=cuds.ParticleSystem.from_ase(ase.build.bulk("Cu")))  # fmt: skip
    back = cuds.Wiring.load(w.save(tmp_path / "saved")).run()
    assert [e.whole_digest for e in back] == [e.whole_digest for e in w.run()]


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(InvalidError, match="holds something else"):
        wiring().save(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_results_go_beside_a_saved_wiring(tmp_path: Path) -> None:
    w = wiring()
    w.save(tmp_path / "saved")
    with pytest.raises(InvalidError, match="a wiring is saved"):
        w.run(folder=tmp_path / "saved")


def changed(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(said: dict[str, Any]) -> None:
        place: Any = said
        *way, last = key.split("/")
        for step in way:
            place = place[int(step) if isinstance(place, list) else step]
        place[last] = value

    return change


ABSENT = {"entity": "urn:x", "class": "ParticleSystem", "sha256": ""}
HOSTILE: dict[str, tuple[Callable[[dict[str, Any]], None], type[CudsError]]] = {
    "a class to import": (changed("nodes/hot/simulation", "os.system"), UnknownError),
    "no class at all": (changed("nodes/hot/simulation", None), FormatError),
    "an engine to import": (changed("nodes/hot/engine", "../evil"), CudsError),
    "a property without a recipe": (changed("nodes/tensor/derive", "Mesh"), UnknownError),
    "a recipe of another property": (changed("nodes/tensor/recipe", "stress"), UnknownError),
    "inputs elsewhere": (changed("inputs", "../../etc/passwd"), FormatError),
    "inputs by an absolute path": (changed("inputs", "/etc/passwd"), FormatError),
    "an unknown key": (changed("nodes/hot/command", "rm"), FormatError),
    "a program as an option": (changed("nodes/hot/options", {"calculator": "vasp"}), CudsError),
    "an input that is not there": (changed("nodes/hot/given/system", ABSENT), CudsError),
    "a port that is not there": (changed("connections/0/output", "X"), UnknownError),
    "a later version": (changed("version", 99), FormatError),
    "another format": (changed("format", "pickle"), FormatError),
    "a seed that is none": (changed("nodes/hot/seed", -1), FormatError),
    "a name that leads out": (lambda said: said["nodes"].update({"../x": said["nodes"].pop("warm")}), CudsError),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_hostile_is_refused_by_name(what: str, tmp_path: Path) -> None:
    folder = wiring().save(tmp_path / "saved")
    said = json.loads((folder / "wiring.json").read_text())
    change, error = HOSTILE[what]
    change(said)
    (folder / "wiring.json").write_text(json.dumps(said))
    with pytest.raises(error) as caught:
        cuds.Wiring.load(folder)
    assert caught.value.hint


@pytest.mark.parametrize("damage", [lambda c: c[:-40], lambda c: b"", lambda c: b"\xff" + c, lambda c: b"[]"])
def test_what_is_damaged_is_refused(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = wiring().save(tmp_path / "saved") / "wiring.json"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(FormatError):
        cuds.Wiring.load(path.parent)


def test_inputs_that_were_exchanged_are_refused(tmp_path: Path) -> None:
    """Those of another wiring, and none."""
    one = wiring().save(tmp_path / "one")
    two = wiring().save(tmp_path / "two")
    (one / "inputs.h5md").write_bytes((two / "inputs.h5md").read_bytes())
    with pytest.raises(CudsError, match=r"the inputs hold no|nobody asks for"):
        cuds.Wiring.load(one)
    (one / "inputs.h5md").unlink()
    with pytest.raises(FormatError, match="no file"):
        cuds.Wiring.load(one)
