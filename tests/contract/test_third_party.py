"""A stranger's plug-in is found as ours are, and a broken one harms nobody."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOY = '''
from cuds_ase import AseWrapper

class ToyWrapper(AseWrapper):
    """The effective-medium potential of ASE, as an engine of its own."""

    name = "toy"

    def __init__(self, folder, *, options=None, progress=lambda event: None):
        super().__init__(folder, options=options, progress=progress)
        self.options.setdefault("calculator", "emt")
'''
DICTIONARY = """
@prefix cuds: <https://w3id.org/cuds#> .
@prefix toy: <https://example.org/toy#> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
toy:Engine a cuds:Engine ; rdfs:label "Toy"@en ; cuds:keyword "toy" ; dcterms:license "MIT" ;
    cuds:install "pip install toy" ;
    cuds:capability [ a cuds:Capability ; cuds:simulates cuds:SinglePoint ; cuds:needs cuds:ParticleSystem ;
        cuds:provides cuds:ParticleSystem , cuds:PotentialEnergy , cuds:Stress ] .
"""
CONTRACT = """
from cuds.testing import WrapperContract
from toy_engine import ToyWrapper

class TestToy(WrapperContract):
    wrapper = ToyWrapper

    def potential(self):
        return None
"""


def install(folder: Path, distribution: str, wrappers: str, ontologies: str = "") -> None:
    """Make a distribution that the import system takes for an installed one."""
    info = folder / f"{distribution}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    points = f"[cuds.wrappers]\n{wrappers}\n" + (f"[cuds.ontologies]\n{ontologies}\n" if ontologies else "")
    (info / "entry_points.txt").write_text(points)


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    package = tmp_path / "toy_engine"
    package.mkdir()
    (package / "__init__.py").write_text(TOY)
    (package / "dictionary.ttl").write_text(DICTIONARY)
    install(tmp_path, "toy-engine", "toy = toy_engine:ToyWrapper", "toy = toy_engine")
    return tmp_path


def run(folder: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    path = os.pathsep.join([str(folder), *(p for p in sys.path if p)])
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, **environment},
        check=False,
    )


ENERGY = """
import ase.build, cuds
copper = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True))
print(cuds.energy(copper, engine="toy"))
"""


def test_it_is_found_and_used_by_name(toy: Path) -> None:
    done = run(toy, "-c", ENERGY)
    assert done.stdout.startswith("PotentialEnergy(-0.02"), done.stderr


def test_it_passes_the_contract(toy: Path) -> None:
    (toy / "test_toy.py").write_text(CONTRACT)
    done = run(toy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_toy.py")
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


def test_a_plug_in_that_raises_is_one_warning_and_the_others_work(toy: Path) -> None:
    (toy / "bad_engine.py").write_text("raise RuntimeError('no licence found')\n")
    install(toy, "bad-engine", "bad = bad_engine:BadWrapper")
    listing = "from cuds.wrapper.discover import wrappers\nprint(sorted(wrappers()), sorted(wrappers()))\n"
    done = run(toy, "-W", "always", "-c", listing)
    assert done.stdout.count("['ase', 'gromacs', 'lammps', 'skfem', 'toy']") == 2
    assert done.stderr.count("no licence found") == 1
    assert "no licence found" in run(toy, "-m", "cuds", "doctor", "--json").stdout


def test_two_claims_to_one_name_name_both(toy: Path) -> None:
    install(toy, "other-engine", "toy = other_engine:Other")
    done = run(toy, "-c", ENERGY)
    assert "toy-engine" in done.stderr
    assert "other-engine" in done.stderr


def test_the_environment_restricts_plug_ins(toy: Path) -> None:
    listing = "from cuds.wrapper.discover import wrappers\nprint(sorted(wrappers()))\n"
    assert run(toy, "-c", listing, CUDS_PLUGINS="toy,ase").stdout.strip() == "['ase', 'toy']"
    assert run(toy, "-c", listing, CUDS_PLUGINS="").stdout.strip() == "[]"


def test_what_is_no_wrapper_is_refused(toy: Path) -> None:
    install(toy, "odd-engine", "odd = os.path:join")
    done = run(toy, "-c", "from cuds.wrapper.discover import wrapper\nwrapper('odd')\n")
    assert "subclass of Wrapper" in done.stderr
