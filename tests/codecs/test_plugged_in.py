"""A format that a package brings is read, written and converted as those of cuds are, which come the same way."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from threading import Thread

import pytest

import cuds
from cuds.registry import Plugins
from tests.contract.test_third_party import run

TOY = '''
import json
from cuds import DataSet, ElasticTensor
from cuds.codecs.translation import Carried
from cuds.errors import FormatError

class Constants:
    """Elastic constants of an isotropic solid, two numbers a file."""

    name = "toy-constants"

    def recognises(self, files):
        return len(files) == 1 and files[0].suffix == ".toy"

    def read(self, files):
        try:
            young, poisson = json.loads(files[0].read_text())
        except ValueError as error:
            raise FormatError(f"{files[0]}: {error}", hint="two numbers", field="path") from None
        return DataSet(ElasticTensor.isotropic((young, "GPa"), poisson, label=files[0].stem))

    writes = recognises

    def write(self, data, files):
        c = data[ElasticTensor].constants("GPa")
        young = (c["C11"] - c["C12"]) * (c["C11"] + 2 * c["C12"]) / (c["C11"] + c["C12"])
        files[0].write_text(json.dumps([young, c["C12"] / (c["C11"] + c["C12"])]))
        return [Carried("ElasticTensor", "converted", "to two numbers")]
'''
THERE_AND_BACK = """
import cuds
steel = cuds.read("steel.toy")
print(steel[cuds.ElasticTensor].label)
print(cuds.write(steel, "again.toy"))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "toy_format.py").write_text(TOY)
    info = tmp_path / "toy_format-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-format\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[cuds.codecs]\ntoy = toy_format:Constants\n")
    (tmp_path / "steel.toy").write_text("[200.0, 0.25]")
    return tmp_path


def printed(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_a_package_brings_is_read_and_written(folder: Path) -> None:
    assert printed(run(folder, "-c", THERE_AND_BACK)) == "steel\nagain.toy\n"
    assert (folder / "again.toy").read_text().startswith("[200.0")


def test_it_is_converted_to_and_from_ours(folder: Path) -> None:
    for names in (("steel.toy", "steel.h5md"), ("steel.h5md", "back.toy"), ("back.toy", "back.ttl")):
        printed(run(folder, "-m", "cuds", "convert", *names))
    assert (folder / "back.toy").read_text().startswith(("[200.0", "[199.99"))
    assert "C11" in (folder / "back.ttl").read_text()


def test_what_it_refuses_is_said(folder: Path) -> None:
    (folder / "steel.toy").write_text("steel")
    done = run(folder, "-m", "cuds", "convert", "steel.toy", "steel.h5md")
    assert done.returncode != 0
    assert "two numbers" in done.stderr + done.stdout
    assert not (folder / "steel.h5md").exists()


def test_it_may_be_left_out_but_ours_stay(folder: Path) -> None:
    done = run(folder, "-c", "import cuds\ncuds.read('steel.toy')", CUDS_PLUGINS="ase")
    assert "the format '.toy' is not known" in done.stderr
    text = (
        "import cuds\ncuds.write(cuds.ElasticTensor.isotropic('1 GPa', 0.3), 'x.h5md')\nprint(len(cuds.read('x.h5md')))"
    )
    assert printed(run(folder, "-c", text, CUDS_PLUGINS="")) == "1\n"


def test_ours_are_found_as_those_of_packages_are() -> None:
    ours = {"turtle", "json-ld", "n-quads", "trig", "hdf5", "vtu", "ase", "meshio", "gromacs", "lammps"}
    assert ours <= set(Plugins("cuds.codecs").names())


def test_who_asks_beside_another_sees_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads that ask first: neither may find what the other has only begun to gather."""
    known, seen = Plugins("cuds.wrappers"), list[list[str]]()

    def slowly(*, group: str) -> Iterator[EntryPoint]:
        yield from entry_points(group=group)
        if not seen:
            seen.append([])
            asks = Thread(target=lambda: seen.append(known.names()))
            asks.start()
            asks.join()

    monkeypatch.setattr("cuds.registry.entry_points", slowly)
    assert known.names() == seen[1] == sorted(e.name for e in entry_points(group="cuds.wrappers"))


def test_listing_formats_loads_none_of_their_libraries() -> None:
    code = "from cuds.registry import plugins\nplugins('cuds.codecs').working()\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {m.split(".")[0] for m in done.stdout.split()} & {"ase", "meshio", "h5py", "rdflib", "pyoxigraph"} == set()


def test_to_read_a_data_set_no_other_format_is_asked(tmp_path: Path) -> None:
    file = cuds.write(cuds.ElasticTensor.isotropic("1 GPa", 0.3), tmp_path / "x.h5md")
    code = f"import cuds, sys\ncuds.read({str(file)!r})\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {m.split(".")[0] for m in done.stdout.split()} & {"ase", "meshio"} == set()
