"""How a library grows: each thing at most in proportion to its size; figures are printed."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import cuds
from cuds.model.provenance import SimulationRun, Used
from tests.benchmarks.growth import drawn

JOIN = """
PREFIX cuds: <https://w3id.org/cuds#>
PREFIX prov: <http://www.w3.org/ns/prov#>
SELECT ?tensor ?C11 ?engine WHERE {
  ?used cuds:formula "Ag" . ?run cuds:used ?used ; cuds:engineName ?engine .
  ?tensor prov:wasGeneratedBy ?run ; cuds:C11 ?C11 .
}
"""
SILVER = 50  # each so many is of silver
TIMES = 30


def measured(i: int) -> cuds.DataSet:
    symbol = "Cu" if i % SILVER else "Ag"
    crystal = cuds.ParticleSystem(
        positions=(np.zeros((4, 3)), "nm"), species=[0] * 4, kinds=[cuds.Species(symbol=symbol, mass="63.5 Da")]
    )
    when = datetime(2026, 1, 2, tzinfo=UTC)
    run = SimulationRun(
        activity="ElasticConstants", engine="lammps", version="1", started=when, ended=when, used=(Used.of(crystal),)
    )
    tensor = cuds.ElasticTensor.cubic((150 + 50 * ((i * 0.618) % 1), "GPa"), "90 GPa", "70 GPa", label=f"tensor {i}")
    return cuds.DataSet(tensor.made_by(run), label=f"set {i}")


def seconds(what: Callable[[], Any], times: int = TIMES) -> float:
    """The least of several, as whatever else runs on the machine adds."""

    def once() -> float:
        start = time.perf_counter()
        what()
        return time.perf_counter() - start

    return min(once() for _ in range(times))


def test_nothing_grows_faster_than_the_library(tmp_path: Path, count: Callable[[int, int], int]) -> None:
    most = count(240, 10_000)
    found: dict[int, dict[str, float]] = {}
    with cuds.Library(tmp_path / "library") as library:
        library.find(cuds.ElasticTensor)
        for i in range(most):
            library.put(measured(i))
            if (size := i + 1) in (most // 8, most // 4, most):
                assert len(library.query(JOIN)) == -(-size // SILVER)
                near = library.find(cuds.ElasticTensor, material="Cu", C11=(">", "198 GPa"))
                assert 0 < len(near) < 0.1 * size
                extra, again = ([measured(k) for k in some] for some in (range(most, most + TIMES), [0] * TIMES))
                found[size] = {
                    "add": seconds(lambda put=library.put, some=extra: put(some.pop())),
                    "replace": seconds(lambda put=library.put, some=again: put(some.pop())),
                    "join": seconds(lambda: library.query(JOIN)),
                    "find": seconds(lambda: library.find(cuds.ElasticTensor, material="Cu", C11=(">", "198 GPa"))),
                }
                for k in range(most, most + TIMES):
                    library.purge(f"set {k}")
        found[most]["rebuild"] = seconds(library.rebuild, 1)
    curves = {what: {n: 1e3 * each[what] for n, each in found.items()} for what in ("add", "join", "find")}
    assert drawn(curves, "data sets in the library", tmp_path / "library.svg").stat().st_size > 0
    for size, each in found.items():
        print(f"{size} data sets: " + ", ".join(f"{what} {1e3 * s:.2f} ms" for what, s in each.items()))
    small, large = found[most // 4], found[most]
    floor = 0.005  # of what is too quick to compare
    assert large["add"] < 3 * max(small["add"], floor), "adding one does not grow"
    for what in ("join", "find"):
        assert large[what] < 3 * 4 * max(small[what], floor), f"{what} grows in proportion at most"
