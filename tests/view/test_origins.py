"""What a data set says of where it came from, and what is to be cited for it."""

import re

import ase.build
import pytest

import cuds
from cuds.view.citations import citations
from cuds.view.origins import origin_chart, origins


@pytest.fixture(scope="module")
def plate() -> cuds.DataSet:
    """A plate whose stiffness comes from atoms."""
    copper = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True) * 2, label='copper "A"')
    eam = cuds.potential("Cu_mishin1.eam.alloy")
    stiffness = cuds.derive(cuds.ElasticTensor, copper, potential=eam, engine="lammps")
    job = cuds.LinearElasticity(
        cuds.laminate(([5.0], "mm")),
        material=stiffness,
        conditions=[cuds.Fixed("zmin"), cuds.Traction("zmax", z=(100, "MPa"))],
    )
    return cuds.run(job, engine="skfem")


def test_text_goes_back_to_the_potential_file(plate: cuds.DataSet) -> None:
    lines = origins(plate).splitlines()
    assert any(re.search("computed by LinearElasticity by skfem", line) for line in lines)
    at = next(i for i, line in enumerate(lines) if "ElasticConstants by lammps" in line)
    assert any("file Cu_mishin1.eam.alloy sha256:213fbe42" in line for line in lines[at:])
    assert origins(cuds.DataSet()) == ""


def test_the_chart_joins_runs_by_what_one_gave_and_the_next_used(plate: cuds.DataSet) -> None:
    chart = origin_chart(plate)
    assert chart.startswith("flowchart LR\n")
    boxes = dict(re.findall(r'^  (n\d+)[\[(]+"(.*)"[\])]+$', chart, re.MULTILINE))
    arrows = re.findall(r"^  (n\d+) --> (n\d+)$", chart, re.MULTILINE)
    assert len(boxes) + len(arrows) + 1 == len(chart.splitlines()), "every line is a box or an arrow"
    told = {(boxes[a].split()[0], boxes[b].split()[0]) for a, b in arrows}
    assert {("ParticleSystem", "ElasticConstants"), ("ElasticConstants", "ElasticTensor")} <= told
    assert {("ElasticTensor", "Material"), ("Material", "LinearElasticity"), ("LinearElasticity", "Field")} <= told
    assert "copper #34;A#34;" in chart, "a quote would end the label"


def test_what_has_no_origin_is_drawn_too() -> None:
    glass = cuds.DataSet(cuds.ElasticTensor.isotropic("70 GPa", 0.3, label="glass"))
    assert origins(glass) == "ElasticTensor glass"
    assert origin_chart(glass) == 'flowchart LR\n  n0("ElasticTensor glass")'


def test_both_engines_and_the_potential_are_cited(plate: cuds.DataSet) -> None:
    found = "\n".join(citations(plate))
    assert "https://doi.org/10.1016/j.cpc.2021.108171" in found
    assert "https://doi.org/10.21105/joss.02369" in found
    assert "Cu_mishin1.eam.alloy (sha256:213fbe42" in found
    assert found.endswith(f"cuds {cuds.__version__}")
    held = cuds.DataSet(cuds.potential("Cu_mishin1.eam.alloy"))
    assert "Phys Rev B, 63, 224106 (2001)" in citations(held)[0]
