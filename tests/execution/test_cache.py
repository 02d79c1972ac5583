"""A result that is kept is taken instead of being computed again: only where it is the same, and never unseen."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import ase.build
import numpy as np
import pytest

import cuds
from cuds.codecs import hdf5
from cuds.errors import CudsError
from cuds.execution import cache, engines
from cuds.execution.key import key_of, why_not
from cuds.execution.session import Laboratory

EAM = cuds.potential("Cu_mishin1.eam.alloy")
FROM_CACHE = "from cache, computed on 20"


def copper(**changes: Any) -> cuds.ParticleSystem:
    made = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True), label="copper")
    return made.replace(**changes) if changes else made


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CUDS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_pruned", [-1e9])
    return tmp_path / "cache"


@contextmanager
def nothing_computed() -> Iterator[None]:
    """No laboratory may open an engine."""

    def refused(*_: Any) -> Any:
        raise AssertionError("an engine was opened")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Laboratory, "open", refused)
        yield


def files(folder: Path) -> list[Path]:
    return sorted((folder / "results").glob("*/*.h5md"))


def single(engine: str) -> cuds.DataSet:
    return cuds.run(cuds.SinglePoint(copper(), potential=EAM), engine=engine)


def derived(engine: str) -> cuds.DataSet:
    return cuds.derive_all(cuds.ElasticTensor, copper(), potential=EAM, engine=engine)


def wired(engine: str) -> cuds.DataSet:
    w = cuds.Wiring("one")
    w.add("relaxed", cuds.EnergyMinimisation, engine=engine, system=copper(), potential=EAM)
    w.add("energy", cuds.SinglePoint, engine=engine, potential=EAM)
    w.connect("relaxed", "energy")
    return w.run()


def energy(engine: str) -> cuds.DataSet:
    return cuds.DataSet(cuds.energy(copper(), potential=EAM, engine=engine))


@pytest.mark.parametrize("way", [single, derived, energy, wired])
@pytest.mark.parametrize("engine", ["ase", "lammps"])
def test_the_second_time_nothing_is_computed(
    way: Callable[[str], cuds.DataSet], engine: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = way(engine)
    assert caplog.text == ""
    with nothing_computed():
        again = way(engine)
    assert [(type(e), e.whole_digest) for e in again] == [(type(e), e.whole_digest) for e in first]
    of_runs = [e.provenance for e in again if e.provenance is not None]
    assert of_runs
    assert all(FROM_CACHE in str(run) and f" UTC by {engine} {run.version}; taken on" in str(run) for run in of_runs)
    assert all(run.version for run in of_runs)
    assert all(e.provenance is None or e.provenance.retrieved is None for e in first)
    assert FROM_CACHE in caplog.text
    assert len(files(folder)) == len({r.id for r in of_runs})


def test_it_is_seen_wherever_one_looks(folder: Path, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    job = cuds.SinglePoint(copper(), potential=EAM)
    cuds.run(job, engine="ase")
    events: list[cuds.Progress] = []
    found = cuds.run(job, engine="ase", progress=events.append)
    assert FROM_CACHE in events[-1].text
    assert FROM_CACHE in caplog.text
    assert all(r.levelno >= logging.WARNING for r in caplog.records), "seen without any set-up"
    assert FROM_CACHE in str(found[cuds.PotentialEnergy].provenance)
    assert FROM_CACHE in cuds.report(found)
    stored = cuds.read(found.save(tmp_path / "found.h5md"))
    assert FROM_CACHE in cuds.report(stored)
    query = "SELECT ?when WHERE { ?run <https://w3id.org/cuds#retrieved> ?when }"
    assert len(stored.query(query)) == 1


def test_fresh_computes_anew_and_replaces_what_was_kept(folder: Path) -> None:
    first = cuds.energy(copper(), potential=EAM, engine="ase")
    again = cuds.energy(copper(), potential=EAM, engine="ase", fresh=True)
    assert again.provenance.retrieved is None
    assert again.provenance.id != first.provenance.id
    assert len(files(folder)) == 1
    assert cuds.energy(copper(), potential=EAM, engine="ase").provenance.started == again.provenance.started


def test_off_keeps_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDS_CACHE", "off")
    assert cuds.energy(copper(), potential=EAM, engine="ase").provenance.retrieved is None
    assert cuds.energy(copper(), potential=EAM, engine="ase").provenance.retrieved is None
    assert not folder.exists()


def test_the_folder_of_the_user_is_that_of_the_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CUDS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert engines.cache_folder() == tmp_path / "cuds"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert engines.cache_folder() == tmp_path / "home" / ".cache" / "cuds"


# --- what a key is made of ---

ASE = Laboratory("ase")


def relaxation(system: cuds.ParticleSystem | None = None, **changes: Any) -> cuds.EnergyMinimisation:
    return cuds.EnergyMinimisation(system or copper(), **{"potential": EAM, "cell": "full", **changes})


def nudged() -> cuds.ParticleSystem:
    x = np.array(copper().positions.value)
    x[2, 1] = np.nextafter(x[2, 1], 9)
    return copper(positions=(x, "angstrom"))


OTHERS: dict[str, Callable[[], tuple[Laboratory, Any]]] = {
    "a position in its last bit": lambda: (ASE, relaxation(nudged())),
    "the unit of the positions": lambda: (ASE, relaxation(copper(positions=copper().positions.to("nm")))),
    "the boundary": lambda: (ASE, relaxation(copper(pbc=(True, True, False)), cell="fixed")),
    "the label of the system": lambda: (ASE, relaxation(copper(label="another"))),
    "an annotation": lambda: (ASE, relaxation(copper(annotations={"a": 1}))),
    "a column": lambda: (ASE, relaxation(copper(columns={"tags": np.arange(4)}))),
    "the label of the job": lambda: (ASE, relaxation(label="another")),
    "a setting": lambda: (ASE, relaxation(force_tolerance=(2e-8, "eV/angstrom"))),
    "another setting": lambda: (ASE, relaxation(cell="isotropic")),
    "the kind": lambda: (ASE, cuds.SinglePoint(copper(), potential=EAM)),
    "the species map": lambda: (ASE, relaxation(potential=EAM.with_species(Cu1="Cu"))),
    "the engine": lambda: (Laboratory("lammps"), relaxation()),
}


def test_the_same_of_new_things_has_the_same_key(folder: Path) -> None:
    """Ids are no part of it: two that are read from one file are the same."""
    assert key_of(ASE, relaxation()).digest == key_of(ASE, relaxation()).digest
    patient = Laboratory("ase", timeout=9, progress=print, isolation="worker", fresh=True, name="x")
    assert key_of(patient, relaxation()).digest == key_of(ASE, relaxation()).digest


@pytest.mark.parametrize("what", OTHERS)
def test_another_has_another_key(what: str, folder: Path) -> None:
    assert key_of(*OTHERS[what]()).digest != key_of(ASE, relaxation()).digest


def test_options_version_and_code_are_in_the_key(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job, digests = relaxation(), []
    lammps = Laboratory("lammps")
    digests += [key_of(lammps, job).digest, key_of(Laboratory("lammps", {"suffix": "off"}), job).digest]
    wrapper = lammps.wrapper(job)
    known = engines.engine_of(wrapper)
    monkeypatch.setitem(engines._known, wrapper, replace(known, version="20990101"))
    digests.append(key_of(lammps, job).digest)
    monkeypatch.setitem(engines._known, wrapper, replace(known, details={**known.details, "packages": ["MANYBODY"]}))
    digests.append(key_of(lammps, job).digest)
    monkeypatch.setattr("cuds.__version__", "99")
    digests.append(key_of(lammps, job).digest)
    honest = engines._source
    monkeypatch.setattr(engines, "_source", lambda package: honest(package) + package[: package == "cuds_lammps"])
    digests.append(key_of(lammps, job).digest)
    assert len(set(digests)) == len(digests)


# --- whose results they are ---


def test_a_result_that_is_taken_is_of_the_things_that_were_asked_about(folder: Path) -> None:
    def job() -> cuds.LinearElasticity:
        from cuds.testing.continuum import brick

        conditions = [cuds.Fixed("left"), cuds.Traction("right", x="1 MPa")]
        return cuds.LinearElasticity(
            brick(), material=cuds.ElasticTensor.isotropic("1 GPa", 0.3), conditions=conditions
        )

    one, two = job(), job()
    first = cuds.run(one, engine="skfem")
    with nothing_computed():
        again, other = cuds.run(one, engine="skfem"), cuds.run(two, engine="skfem")
    assert [e.id for e in again] == [e.id for e in first], "of the same things they are the same"
    assert not {e.id for e in other} & {e.id for e in first}, "of others they are others"
    assert other[cuds.LinearElasticity] is two
    assert all(f.mesh is two.mesh for f in other if isinstance(f, cuds.Field))
    run = other.field("stress").provenance
    assert {u.entity for u in run.used} >= {two.mesh.id}
    assert run.id != first.field("stress").provenance.id
    whole = first + again + other
    assert len(whole) == 2 * len(first), "what is the same is there once"
    whole.serialise()


def test_what_is_kept_can_be_used_on(folder: Path) -> None:
    """A tensor from the cache goes into a job like one that was computed; and the job's result is found again."""
    tensors = [cuds.derive(cuds.ElasticTensor, copper(), potential=EAM, engine="ase") for _ in range(2)]
    assert tensors[0].id != tensors[1].id
    assert tensors[1].provenance.retrieved is not None
    assert tensors[0].whole_digest == tensors[1].whole_digest
    for tensor in tensors:
        (back,) = cuds.read(cuds.DataSet(tensor).save(folder.parent / "tensor.h5md"))
        assert (back.whole_digest, back.provenance.used) == (tensor.whole_digest, tensor.provenance.used)


# --- damage, company, and what is not kept ---


def spoil(path: Path, how: str, seed: int) -> None:
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    if how == "cut":
        content = content[: int(rng.integers(0, len(content)))]
    elif how == "flipped":
        for place in rng.integers(0, len(content), 40):
            content[place] ^= 1 << int(rng.integers(8))
    elif how == "zeroed":
        start = int(rng.integers(0, len(content)))
        content[start:] = bytes(len(content) - start)
    path.write_bytes(content)


def test_a_damaged_entry_is_computed_anew(folder: Path, count: Callable[[int, int], int]) -> None:
    """It is repaired, too. Damage that touches nothing that is read may go unnoticed, but never changes a result."""
    wanted = cuds.energy(copper(), potential=EAM, engine="ase")
    (path,) = files(folder)
    whole, noticed = path.read_bytes(), 0
    for seed in range(count(6, 200)):
        path.write_bytes(whole)
        spoil(path, ("cut", "flipped", "zeroed")[seed % 3], seed)
        damaged = path.read_bytes()
        with pytest.MonkeyPatch.context() as patch:
            told: list[str] = []
            patch.setattr("warnings.warn", lambda text, *_, told=told, **__: told.append(str(text)))
            found = cuds.energy(copper(), potential=EAM, engine="ase")
        assert found.digest == wanted.digest
        if found.provenance.retrieved is None:
            noticed += 1
            assert any("damaged and computed anew" in t for t in told)
            assert path.read_bytes() != damaged, "repaired"
    assert noticed >= count(4, 130)


def test_a_damaged_entry_is_warned_of(folder: Path) -> None:
    cuds.energy(copper(), potential=EAM, engine="ase")
    (path,) = files(folder)
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.warns(UserWarning, match="is damaged and computed anew"):
        cuds.energy(copper(), potential=EAM, engine="ase")
    assert cuds.energy(copper(), potential=EAM, engine="ase").provenance.retrieved is not None


def test_the_result_of_something_else_is_not_taken(folder: Path) -> None:
    cuds.energy(copper(), potential=EAM, engine="ase")
    (one,) = files(folder)
    cuds.energy(nudged(), potential=EAM, engine="ase")
    (two,) = set(files(folder)) - {one}
    one.write_bytes(two.read_bytes())
    with pytest.warns(UserWarning, match="the result of something else"):
        found = cuds.energy(copper(), potential=EAM, engine="ase")
    assert found.provenance.retrieved is None


ONE_OF_MANY = """
import ase.build, cuds, sys
cu = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True))
sys.stdin.readline()
for fresh in (False, True, True, False):
    print(cuds.energy(cu, potential=cuds.potential("Cu_mishin1.eam.alloy"), engine="ase", fresh=fresh).value)
"""


def test_many_that_write_the_same_do_no_harm(folder: Path) -> None:
    start = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    many = [subprocess.Popen([sys.executable, "-W", "error", "-c", ONE_OF_MANY], **start) for _ in range(4)]
    said = [process.communicate("\n") for process in many]
    assert all(process.returncode == 0 for process in many), said
    assert len({line for out, _ in said for line in out.splitlines()}) == 1
    (path,) = files(folder)
    assert [p.name for p in path.parent.iterdir()] == [path.name], "nothing half-written is left"
    hdf5.read(path)


def test_what_is_no_function_of_the_key_is_not_kept(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "cuds")
    job = cuds.SinglePoint(copper(), potential=EAM)
    cuds.run(job, engine="ase", keep=tmp_path / "kept")
    assert "neither taken from the cache nor kept there: keep= asks for the engine's files" in caplog.text
    assert files(folder) == []

    lj = {"calculator": "lj", "parameters": {"sigma": 2.3}}
    assert why_not(Laboratory("ase", lj), cuds.SinglePoint(copper())) == ""
    for options, reason in (
        ({"calculator": "mopac"}, "more than ASE itself"),
        ({"calculator": "emt", "parameters": {"command": "rm"}}, "'command' may be anything"),
        ({"calculator": object()}, "JSON cannot say"),
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("cuds.wrapper.contract.Wrapper._check_options", lambda self: None)
            assert reason in why_not(Laboratory("ase", options), cuds.SinglePoint(copper()))

    assert why_not(Laboratory("ase"), job) == ""


def test_a_cache_that_cannot_be_written_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CUDS_CACHE", str(tmp_path / "file" / "cache"))
    assert cuds.energy(copper(), potential=EAM, engine="ase").value.unit == "eV"
    assert "not kept in the cache" in caplog.text


def test_what_was_not_used_for_longest_goes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def at(strain: float) -> cuds.PotentialEnergy:
        monkeypatch.setattr(cache, "_pruned", [-1e9])
        return cuds.energy(copper().strained([strain, 0, 0, 0, 0, 0]), potential=EAM, engine="ase")

    for i in range(3):
        at(i / 1000)
        for age, path in enumerate(sorted(files(folder), key=lambda p: p.stat().st_mtime)):
            os.utime(path, (age, age))
    assert at(0.0).provenance.retrieved is not None  # the oldest, and used again
    size = max(p.stat().st_size for p in files(folder))
    monkeypatch.setenv("CUDS_CACHE_LIMIT", str(3.2 * size / 1e9))
    at(0.003)
    assert len(files(folder)) == 3
    kept = [at(i / 1000).provenance.retrieved is not None for i in (0, 2, 3)]
    assert kept == [True, True, True]
    monkeypatch.setenv("CUDS_CACHE_LIMIT", "much")
    at(0.004)
    assert len(files(folder)) == 4


def test_an_engine_is_not_started_to_ask_for_its_version_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as neither its packages nor our code change."""
    wrapper = Laboratory("lammps").wrapper(relaxation())
    monkeypatch.setattr(engines, "_known", {})
    asked = engines.engine_of(wrapper)
    monkeypatch.setattr(engines, "_known", {})
    monkeypatch.setattr(engines, "_asked", lambda *_: pytest.fail("it was started"))
    assert engines.engine_of(wrapper) == asked
    monkeypatch.setattr(engines, "_known", {})
    monkeypatch.setattr(engines, "version", lambda name: "99")
    with pytest.raises(pytest.fail.Exception):
        engines.engine_of(wrapper)
    (note,) = (folder / "engines").iterdir()
    note.write_text("{")
    monkeypatch.setattr(engines, "_asked", lambda *_: asked)
    assert engines.engine_of(wrapper) == asked


def test_an_engine_says_the_same_where_its_libraries_are_loaded_already(tmp_path: Path) -> None:
    """As in a process in which something else runs LAMMPS."""
    from cuds_lammps import LammpsWrapper

    first, second = (LammpsWrapper(tmp_path).probe() for _ in range(2))
    assert first == second
    assert Path(first.details["mpi"]).is_file()


def test_an_error_is_not_kept(folder: Path) -> None:
    x = np.array(copper().positions.value)
    x[1] = x[0]
    for _ in range(2):
        with pytest.raises(CudsError):
            cuds.energy(copper(positions=(x, "angstrom")), potential=EAM, engine="ase")
    assert files(folder) == []
