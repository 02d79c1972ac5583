"""What it costs to keep a data set, beside h5py alone, and to say and check what it means; figures are printed."""

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import cuds
from cuds.semantics.conformance import complaints
from tests.benchmarks.growth import drawn

Count = Callable[[int, int], int]


def atoms(n: int, seed: int = 0) -> cuds.ParticleSystem:
    """Particles with positions, velocities, species and a cell; no two of them share an array."""
    rng = np.random.default_rng(seed)
    return cuds.ParticleSystem(
        positions=(rng.random((n, 3)), "angstrom"),
        velocities=(rng.random((n, 3)), "angstrom/fs"),
        species=np.zeros(n, dtype=int),
        kinds=[cuds.Species(symbol="Cu", atomic_number=29, mass="63.5 Da")],
        cell=(np.eye(3) * 10, "angstrom"),
        pbc=(True, True, True),
        label="copper",
    )


def plain(system: cuds.ParticleSystem) -> dict[str, Any]:
    cell = system.cell
    assert cell is not None
    assert system.velocities is not None
    both = {"positions": system.positions, "velocities": system.velocities, "cell": cell}
    return {**{name: q.value for name, q in both.items()}, "species": system.species, "ids": system.ids}


def by_hand(columns: dict[str, Any], path: Path) -> None:
    """Write as cuds does: to the disk, then under its name."""
    partial = path.with_suffix(".partial")
    with h5py.File(partial, "w") as file:
        for name, column in columns.items():
            file[name] = column
    with partial.open("rb") as written:
        os.fsync(written.fileno())
    partial.replace(path)


def milliseconds(*what: Callable[[int], Any], times: int) -> list[float]:
    """Return the least time of each, by turns; each is told how often it was called."""
    taken: list[list[float]] = [[] for _ in what]
    for i in range(times + 1):
        for one, found in zip(what, taken, strict=True):
            begun = time.perf_counter()
            one(i)
            found.append(time.perf_counter() - begun)
    return [1e3 * min(found[1:]) for found in taken]


def loaded(path: Path) -> dict[str, Any]:
    with h5py.File(path) as opened:
        file: Any = opened
        return {name: file[name][()] for name in file}


def test_a_data_set_is_written_opened_and_read(tmp_path: Path, count: Count) -> None:
    n, times = count(10**5, 10**6), 5
    systems = [atoms(n, seed) for seed in range(times + 1)]  # each is hashed for the first time
    file, raw = tmp_path / "x.h5md", tmp_path / "raw.h5"
    write, bare = milliseconds(
        lambda i: cuds.DataSet(systems[i]).save(file), lambda i: by_hand(plain(systems[i]), raw), times=times
    )

    def everything(_: int) -> dict[str, Any]:
        return {name: np.array(a) for name, a in plain(cuds.read(file)[cuds.ParticleSystem]).items()}

    opened, read, raw_read = milliseconds(lambda _: cuds.read(file), everything, lambda _: loaded(raw), times=50)
    verified, resaved = milliseconds(
        lambda _: cuds.read(file, verify=True), lambda _: cuds.read(file).save(tmp_path / "y.h5md"), times=3
    )
    size = sum(a.nbytes for a in plain(systems[0]).values()) / 1e6
    print(f"\n{n} atoms, {size:.1f} MB, in ms, and their ratio to h5py alone")
    print(f"write with digests {write:8.2f}  h5py {bare:8.2f}  {write / bare:5.2f}")
    print(f"open               {opened:8.2f}")
    print(f"open, read all     {read:8.2f}  h5py {raw_read:8.2f}  {read / raw_read:5.2f}")
    print(f"read and verify    {verified:8.2f}; open and save again {resaved:8.2f}")
    back = everything(0)
    assert all(back[name].tobytes() == column.tobytes() for name, column in plain(systems[-1]).items())


@pytest.mark.parametrize("n", [10**2, 10**4, 10**6])
def test_what_a_data_set_means_costs_the_same_for_any_number_of_atoms(n: int, tmp_path: Path, count: Count) -> None:
    n = min(n, count(10**5, 10**6))
    system = atoms(n)
    data = cuds.DataSet(system)
    file = data.save(tmp_path / "x.h5md")
    (opened,) = milliseconds(lambda _: cuds.read(file), times=50)
    again = cuds.read(file)
    said, asked, shapes = milliseconds(
        lambda _: data.serialise(), lambda _: again.graph(), lambda _: complaints(data.graph()), times=50
    )
    print(f"\n{n} atoms: {len(data.graph())} triples; open {opened:.2f} ms, graph of what was opened {asked:.2f} ms, "
          f"Turtle {said:.2f} ms, SHACL {shapes:.2f} ms")  # fmt: skip
    assert complaints(data.graph()) == []
    assert len(data.graph()) <= 60


def test_atoms_are_made_read_and_exported(tmp_path: Path) -> None:
    """What took SimPhoNy 4.0.0 7.7 s to make, 2.2 s to read and 59 s to export: 10 000 atoms."""
    rng = np.random.default_rng(1)
    columns = [(rng.random((10_000, 3)), np.zeros(10_000, dtype=int)) for _ in range(21)]
    kinds = [cuds.Species(symbol="Cu", mass="63.5 Da")]
    digest = ""
    times: dict[str, list[float]] = {"make": [], "read": [], "export": [], "export with its arrays": []}
    for positions, species in columns:
        marks = [time.perf_counter()]
        system = cuds.ParticleSystem(positions=(positions, "angstrom"), species=species, kinds=kinds)
        marks.append(time.perf_counter())
        found = np.array(system.positions.in_unit("nm"))
        marks.append(time.perf_counter())
        cuds.write(system, tmp_path / "x.jsonld")
        marks.append(time.perf_counter())
        cuds.write(system, tmp_path / "x.jsonld", tmp_path / "x.h5md")
        marks.append(time.perf_counter())
        for name, a, b in zip(times, marks, marks[1:], strict=False):
            times[name].append(1e3 * (b - a))
        assert np.allclose(found * 10, positions, rtol=1e-15)
        digest = system.digest
    print("\n10 000 atoms, median in ms: " + ", ".join(f"{n} {statistics.median(t):.2f}" for n, t in times.items()))
    assert cuds.read(tmp_path / "x.jsonld")[cuds.ParticleSystem].digest == digest


def test_what_the_model_and_the_shapes_look_at(count: Count) -> None:
    """The model looks through every number, the shapes at none."""
    for n in (10**2, 10**4, count(10**5, 10**6)):
        columns = atoms(n)
        fields = {name: getattr(columns, name) for name in ("positions", "velocities", "species", "cell", "kinds")}
        graph = cuds.DataSet(columns).graph()
        model, shapes = milliseconds(
            lambda _, f=fields: cuds.ParticleSystem(**f), lambda _, g=graph: complaints(g), times=50
        )
        print(f"\n{n} atoms: model {model:.2f} ms, shapes {shapes:.2f} ms")


def test_how_it_grows(tmp_path: Path, count: Count) -> None:
    """Writing and reading grow with the numbers; opening, and what is said and looked at in the graph, do not."""
    file = tmp_path / "x.h5md"
    curves: dict[str, dict[int, float]] = {}
    for n in (10**2, 10**3, 10**4, 10**5, count(10**5, 10**6)):
        systems = [atoms(n, seed) for seed in range(6)]
        graph = cuds.DataSet(systems[0]).graph()
        steps: dict[str, Callable[[int], Any]] = {
            "write": lambda i, s=systems: cuds.DataSet(s[i]).save(file),
            "open": lambda _: cuds.read(file),
            "open, read all": lambda _: [np.array(a) for a in plain(cuds.read(file)[cuds.ParticleSystem]).values()],
            "Turtle": lambda i, s=systems: cuds.DataSet(s[i]).serialise(),
            "SHACL": lambda _, g=graph: complaints(g),
        }
        for name, step in steps.items():
            curves.setdefault(name, {})[n] = milliseconds(step, times=5)[0]
    for name, points in curves.items():
        print(f"\n{name}: " + ", ".join(f"{n} atoms {ms:.2f} ms" for n, ms in points.items()))
    assert drawn(curves, "atoms", tmp_path / "storage.svg").stat().st_size > 0
    first, last = min(curves["open"]), max(curves["open"])
    for name in ("open", "SHACL"):
        assert curves[name][last] < 5 * curves[name][first], f"{name} does not grow"
