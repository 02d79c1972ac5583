"""What was computed is computed again, from its record: the same numbers, or a refusal that names what is missing."""

from pathlib import Path

import ase.build
import pytest

import cuds
from cuds.errors import AmbiguousError, UnknownError, UnsupportedError
from cuds.recipes.rerun import rerun, run_of


def copper() -> cuds.ParticleSystem:
    return cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True) * 2, label="copper")


def eam() -> cuds.Potential:
    return cuds.potential("Cu_mishin1.eam.alloy")


def again(data: cuds.DataSet, folder: Path) -> cuds.DataSet:
    return cuds.read(data.save(folder / "x.h5md"))


@pytest.mark.turns(2)
@pytest.mark.parametrize("engine", ["lammps", "ase"])
def test_a_motion_with_a_seed_that_was_drawn(engine: str, tmp_path: Path) -> None:
    job = cuds.MolecularDynamics(
        copper(), potential=eam(), ensemble="NVT", temperature="300 K", timestep="1 fs", duration="20 fs", every="10 fs"
    )
    found = rerun(again(cuds.run(job, engine=engine), tmp_path))
    assert {type(c.was).__name__ for c in found} == {"ParticleSystem", "TimeSeries", "Trajectory"}
    assert [(c.same, c.apart) for c in found] == [(True, 0.0)] * 3


def test_fields_of_a_body(tmp_path: Path) -> None:
    plate = cuds.LinearElasticity(
        cuds.laminate(([5.0], "mm")),
        material=cuds.ElasticTensor.isotropic("70 GPa", 0.33),
        conditions=[cuds.Fixed("zmin"), cuds.Traction("zmax", z=(100, "MPa"))],
    )
    found = rerun(again(cuds.run(plate, engine="skfem"), tmp_path))
    assert len(found) > 2
    assert all(c.same for c in found), [str(c) for c in found]


def test_a_recipe_asks_for_inputs_that_its_record_names_by_digest(tmp_path: Path) -> None:
    kept = again(cuds.derive_all(cuds.ElasticTensor, copper(), potential=eam(), engine="lammps"), tmp_path)
    with pytest.raises(UnsupportedError, match=r"ParticleSystem copper \(sha256:\w+\) is not there"):
        rerun(kept)
    stretched = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", a=3.7, cubic=True) * 2, label="copper")
    with pytest.raises(UnsupportedError, match="is not there"):
        rerun(kept, more=[cuds.DataSet(stretched, eam())])
    found = rerun(kept, kept[cuds.ElasticTensor].id, more=[cuds.DataSet(copper(), eam())])
    assert [type(c.was).__name__ for c in found] == ["ElasticTensor", "ParticleSystem"]
    assert all(c.same for c in found)


def test_numbers_that_are_others_are_told(tmp_path: Path) -> None:
    """A result that was put together by hand, with the record of another."""
    data = cuds.run(cuds.SinglePoint(copper(), potential=eam()), engine="lammps")
    energy = data[cuds.PotentialEnergy]
    forged = energy.replace(value=(energy.value.value * (1 + 1e-6), energy.value.unit)).made_by(energy.provenance)
    (job,) = data.all(cuds.SinglePoint)
    (found,) = rerun(cuds.DataSet(job, forged))
    assert not found.same
    assert found.apart == pytest.approx(1e-6, rel=1e-3)


def test_which_run_is_meant() -> None:
    one = cuds.run(cuds.SinglePoint(copper(), potential=eam()), engine="lammps")
    other = cuds.run(cuds.SinglePoint(copper(), potential=eam()), engine="ase")
    both = one + other
    with pytest.raises(AmbiguousError, match="2 runs are meant"):
        run_of(both)
    for data, engine in ((one, "lammps"), (other, "ase")):
        energy = data[cuds.PotentialEnergy]
        assert run_of(both, energy.id).engine == engine
        assert energy.provenance is not None
        assert run_of(both, energy.provenance.id.removeprefix("urn:uuid:")[:12]).engine == engine
    with pytest.raises(UnknownError, match="there is no run 'nonsense'"):
        run_of(both, "nonsense")
    with pytest.raises(UnknownError, match="says which run"):
        run_of(cuds.DataSet(copper()))
