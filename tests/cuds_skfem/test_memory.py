"""A solver that runs out of memory says so, and the session goes on; each in a process that may have little of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import resource, sys
from pathlib import Path
import numpy as np
import cuds
from cuds_skfem import SkfemWrapper, bare, session
from tests.cuds_skfem.conftest import box

solver, spare, kind = sys.argv[1], int(sys.argv[2]), sys.argv[4]
mesh, steel = box("hexahedron", (18, 18, 18)), cuds.ElasticTensor.isotropic("210 GPa", 0.3)
jobs = {
    "elasticity": lambda: cuds.LinearElasticity(
        mesh, material=steel, conditions=[cuds.Fixed("x0"), cuds.Pressure("x1", value="1 MPa")]
    ),
    "cell": lambda: cuds.Homogenisation(
        mesh, material=steel, conditions=[cuds.Periodic(f"{a}0", f"{a}1") for a in "xyz"]
    ),
    "heat": lambda: cuds.HeatConduction(
        mesh,
        material=cuds.ThermalConductivity(value="400 W/m/K"),
        conditions=[cuds.Temperature("x0", "300 K"), cuds.HeatFlux("x1", "1 kW/m**2")],
    ),
}
job = jobs[kind]()
name = {"elasticity": "displacement", "cell": "strain_xx", "heat": "temperature"}[kind]
with SkfemWrapper(Path(sys.argv[3]), options={"solver": solver}).open(job) as opened:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + spare * 10**6, resource.RLIM_INFINITY))
    try:
        opened.advance()
    except MemoryError as error:
        assert isinstance(error, cuds.errors.OutOfMemoryError), error
        print(error)
    try:
        opened.pull(cuds.Field, name)
    except ValueError as error:
        print("no result:", error.message)
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
    opened.advance()
    opened.pull(cuds.Field, name)
    print("solved")
"""


@pytest.mark.turns(3)
@pytest.mark.parametrize(
    ("kind", "solver", "spare", "doing", "hint"),
    [
        ("elasticity", "amg", 10, "assembling 20577 degrees of freedom", "take a coarser mesh"),
        ("elasticity", "direct", 120, "factorising 20577 degrees of freedom", "take options={'solver': 'amg'}"),
        ("elasticity", "direct", 135, "factorising 20577 degrees of freedom", "take options={'solver': 'amg'}"),
        ("elasticity", "direct", 150, "factorising 20577 degrees of freedom", "take options={'solver': 'amg'}"),
        ("cell", "amg", 10, "assembling 17496 degrees of freedom", "take a coarser mesh"),
        ("heat", "direct", 5, "assembling 6859 degrees of freedom", "take options={'solver': 'amg'}"),
    ],
)
def test_out_of_memory(kind: str, solver: str, spare: int, doing: str, hint: str, tmp_path: Path) -> None:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "wrappers")])
    environment = {**os.environ, "PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", SCRIPT, solver, str(spare), str(tmp_path), kind]
    said = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=120)
    assert said.returncode == 0, said.stderr
    lines = said.stdout.splitlines()
    first = next(line for line in lines if line.startswith("scikit-fem: "))
    assert first.startswith(f"scikit-fem: out of memory while {doing}")
    assert any(line.startswith(f"  hint: {hint}") for line in lines)
    after = [line for line in lines if line.startswith(("no result: ", "solved"))]  # SuperLU may say a word at the end
    assert [line.partition(": ")[0] for line in after] == ["no result", "solved"]
