"""Wiring by meaning: what fits is connected, what fits twice or not at all is refused with the candidates."""

import ase.build
import numpy as np
import pytest

import cuds
from cuds.errors import UnknownError, WiringError

EAM = cuds.potential("Cu_mishin1.eam.alloy")
STRAIN = cuds.Strain(value=(np.array([1e-4, 0, 0, 0, 0, 0]), "1"))


def copper() -> cuds.ParticleSystem:
    return cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True))


def test_two_recipes_run_in_order_and_give_what_they_give_alone() -> None:
    w = cuds.Wiring("copper")
    down = w.add("down", cuds.Derive(cuds.Stress), engine="ase", potential=EAM, strain=STRAIN)
    up = w.add("up", cuds.Derive(cuds.ElasticTensor), engine="lammps", system=copper(), potential=EAM)
    (made,) = w.connect(up, down)
    assert str(made) == "up.ParticleSystem -> down.system"
    assert w.check().splitlines()[1:3] == ["  up: ElasticConstants by lammps", "    system given"]
    found = w.run()
    wanted = found[cuds.ElasticTensor].stiffness.in_unit("GPa")[:, 0] * 1e-4
    np.testing.assert_allclose(found[cuds.Stress].value.in_unit("GPa"), wanted, atol=1e-3 * wanted.max())


def test_nothing_fits() -> None:
    w = cuds.Wiring("x")
    one = w.add("one", cuds.Derive(cuds.ElasticTensor), engine="ase", system=copper(), potential=EAM)
    two = w.add("two", cuds.SinglePoint, engine="ase", system=copper(), potential=EAM)
    with pytest.raises(WiringError, match=r"nothing of one fits two: outputs ElasticTensor .*; open inputs none"):
        w.connect(one, two)


def test_several_fit_and_all_are_listed() -> None:
    w = cuds.Wiring("x")
    one = w.add("one", cuds.EnergyMinimisation, engine="ase", system=copper(), potential=EAM)
    two = w.add("two", cuds.EnergyMinimisation, engine="ase", system=copper(), potential=EAM)
    target = w.add("target", cuds.SinglePoint, engine="ase", potential=EAM)
    w.connect(one, target)
    with pytest.raises(WiringError, match="nothing of two fits target"):
        w.connect(two, target)


def test_an_output_that_fits_two_inputs_is_refused() -> None:
    w = cuds.Wiring("x")
    job = w.add("job", cuds.LinearElasticity, engine="skfem")
    hot = w.add("hot", cuds.Derive(cuds.Strain))
    assert sorted(map(str, w.connect(job, hot))) == [
        "job.strain -> hot.strain_field",
        "job.stress -> hot.stress_field",
        "job.von_mises -> hot.loading",
    ]
    with pytest.raises(UnknownError, match=r"did you mean|known"):
        w.connect(job, hot, output="strian")


def test_open_inputs_are_named() -> None:
    w = cuds.Wiring("x")
    w.add("md", cuds.Derive(cuds.ElasticTensor), engine="lammps")
    with pytest.raises(WiringError, match=r"open inputs: md\.system"):
        w.run()


def test_a_circle_is_refused() -> None:
    w = cuds.Wiring("x")
    one = w.add("one", cuds.EnergyMinimisation, engine="ase", potential=EAM)
    two = w.add("two", cuds.EnergyMinimisation, engine="ase", potential=EAM)
    w.connect(one, two)
    with pytest.raises(WiringError, match="circle"):
        w.connect(two, one)


def test_names_are_checked() -> None:
    w = cuds.Wiring("x")
    w.add("one", cuds.SinglePoint, engine="ase")
    with pytest.raises(WiringError, match="already"):
        w.add("one", cuds.SinglePoint)
    with pytest.raises(UnknownError, match="no input 'sytem'"):
        w.add("two", cuds.SinglePoint, sytem=copper())
    with pytest.raises(UnknownError, match="no node 'three'"):
        w.connect("three", "one")
    with pytest.raises(WiringError, match="cannot be run"):
        w.add("four", 4)
