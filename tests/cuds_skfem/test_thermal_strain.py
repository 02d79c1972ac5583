"""Thermal strain against closed forms; refusals; that transcripts run alone; and planted faults."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import cuds
import cuds_skfem.recover
import cuds_skfem.thermal
from cuds.errors import InvalidError
from cuds.model.condition import Displacement, Pressure, Symmetry, Traction
from cuds.model.elements import SHAPES
from cuds.model.field import Field
from cuds.model.heat import HeatConduction
from cuds.model.homogenisation import Homogenisation, Periodic
from cuds.model.material import ElasticTensor, Material
from cuds.model.mesh import Mesh
from cuds.model.simulation import LinearElasticity
from cuds.model.thermal import Convection, HeatFlux, HeatSource, Temperature
from cuds_skfem import SkfemWrapper

BODIES = [name for name, shape in SHAPES.items() if shape.dimension > 1]
EXPANSION = np.array([[14.0, 1.0, -2.0], [1.0, 9.0, 3.0], [-2.0, 3.0, 7.0]]) * 1e-6  # 1/K, of no symmetry
STEEL = {"elastic": ElasticTensor.isotropic("200 GPa", 0.3), "thermal_expansion": "12e-6 1/K"}
RISE = 80.0


def close(found: Any, wanted: Any, relative: float) -> None:
    wanted = np.broadcast_to(wanted, np.shape(found))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=relative * np.abs(wanted).max())


def plane(mesh: Mesh, kind: str = "stress") -> dict[str, Any]:
    return {"plane": kind, "thickness": (2.5, "mm")} if mesh.dimension == 2 else {}


# --- the checks -----------------------------------------------------------------------------------------------------


def free_expansion(lab: SimpleNamespace, solve: Any, shape: str) -> None:
    """A crystal that nothing holds is strained by expansion times rise, and not stressed."""
    mesh = lab.box(shape, (3, 2, 2), wobble=0.15)
    R = lab.rotation
    material = Material(elastic=lab.tensor, thermal_expansion=(EXPANSION, "1/K"), orientation=R)
    job = LinearElasticity(
        mesh,
        material=material,
        conditions=lab.statically(mesh),
        temperature=(300 + RISE, "K"),
        reference_temperature="300 K",
        tolerance=1e-12,
        **plane(mesh),
    )
    found = solve(job)
    a = R @ EXPANSION @ R.T * RISE
    wanted = np.array([a[0, 0], a[1, 1], a[2, 2], 2 * a[1, 2], 2 * a[0, 2], 2 * a[0, 1]])
    close(found["strain"], wanted, 1e-8)
    held_back = 1e5 * np.abs(a).max()
    assert np.abs(found["stress"]).max() < 1e-8 * held_back
    assert np.abs(found["stress_points"]).max() < 1e-7 * held_back
    assert abs(found["report"]["strain energy [mJ]"]) < 1e-8 * held_back


def clamped_bar(lab: SimpleNamespace, solve: Any, shape: str) -> None:
    """Held along x and free across it: -E alpha dT; a bar that is warmer on one half lets the other give way."""
    mesh = lab.box(shape, (4, 2, 2), (8.0, 1.0, 1.0))
    conditions = [Symmetry("x0"), Displacement("x1", x=(0, "mm")), Symmetry("y0")]
    if mesh.dimension == 3:
        conditions.append(Symmetry("z0"))
    job = LinearElasticity(
        mesh,
        material=Material(**STEEL),
        conditions=conditions,
        temperature=(300 + RISE, "K"),
        reference_temperature="300 K",
        tolerance=1e-12,
        **plane(mesh),
    )
    found = solve(job)
    push = 200e3 * 12e-6 * RISE
    close(found["stress"][:, 0], -push, 1e-8)
    area = 2.5 if mesh.dimension == 2 else 1.0
    ends = found["reaction"][mesh.region_points("x1"), 0].sum()
    assert ends == pytest.approx(-push * area, rel=1e-8)
    assert found["report"]["strain energy [mJ]"] == pytest.approx(push**2 / (2 * 200e3) * area * 8, rel=1e-8)
    strain = found["strain"]
    close(strain[:, 1], 1.3 * 12e-6 * RISE, 1e-8)


def bimetal(lab: SimpleNamespace, solve: Any, shape: str) -> None:
    """Timoshenko, Analysis of bi-metal thermostats, J. Opt. Soc. Am. 11, 233 (1925): the curvature of a strip.

    Equal thickness, no Poisson's ratio, so that the theory of beams is exact between the ends; the strip is long.
    """
    n = 60 if SHAPES[shape].order == 2 else 120
    mesh = lab.box(shape, (n, 4, 1) if SHAPES[shape].dimension == 2 else (n, 1, 4), (30.0, 1.0, 1.0))
    up = "y" if mesh.dimension == 2 else "z"
    one, two = 200.0, 100.0
    materials = {
        "below": Material(elastic=ElasticTensor.isotropic((one, "GPa"), 0.0), thermal_expansion="12e-6 1/K"),
        "above": Material(elastic=ElasticTensor.isotropic((two, "GPa"), 0.0), thermal_expansion="23e-6 1/K"),
    }
    held = [Symmetry("x0"), Displacement("O", **{up: (0, "mm")})]
    if mesh.dimension == 3:
        held.append(Symmetry("y0"))
    job = LinearElasticity(
        mesh,
        materials=materials,
        conditions=held,
        temperature=(300 + RISE, "K"),
        reference_temperature="300 K",
        **plane(mesh),
    )
    found = solve(job)
    ratio = one / two
    curvature = 24 * (23e-6 - 12e-6) * RISE / (14 + ratio + 1 / ratio)
    x = mesh.points.in_unit("mm")
    at = np.flatnonzero((np.abs(x[:, 0] - 15) < 1e-9) & (np.abs(x[:, "xyz".index(up)]) < 1e-9))
    wanted = -curvature * 15.0**2 / 2
    close(found["displacement"][at, "xyz".index(up)], wanted, 0.01)


# --- they hold ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", BODIES)
def test_free_expansion(lab: SimpleNamespace, solve: Any, shape: str) -> None:
    free_expansion(lab, solve, shape)


@pytest.mark.parametrize("shape", BODIES)
def test_clamped_bar(lab: SimpleNamespace, solve: Any, shape: str) -> None:
    clamped_bar(lab, solve, shape)


@pytest.mark.parametrize("shape", ["quad8", "triangle6", "hexahedron20"])
def test_bimetal(lab: SimpleNamespace, solve: Any, shape: str) -> None:
    bimetal(lab, solve, shape)


def test_plane_strain_holds_back_along_z(lab: SimpleNamespace, solve: Any) -> None:
    """Free in the plane: stressed along z by -E alpha dT, strained in the plane by (1 + nu) alpha dT."""
    mesh = lab.box("quad")
    job = LinearElasticity(
        mesh,
        material=Material(**STEEL),
        conditions=lab.statically(mesh),
        temperature=(300 + RISE, "K"),
        reference_temperature="300 K",
        tolerance=1e-12,
        **plane(mesh, "strain"),
    )
    found = solve(job)
    close(found["stress"][:, 2], -200e3 * 12e-6 * RISE, 1e-8)
    close(found["strain"][:, :2], 1.3 * 12e-6 * RISE, 1e-8)


def test_heat_conduction_feeds_thermal_strain(lab: SimpleNamespace, solve: Any) -> None:
    """A linear temperature strains a free body without stress; wired by meaning, the last of several times is taken."""
    mesh = lab.box("hexahedron20", (4, 2, 2), (8.0, 1.0, 1.0))
    steel = Material(**STEEL, conductivity="50 W/m/K", density="7850 kg/m^3", specific_heat="460 J/kg/K")
    wiring = cuds.Wiring("heated bar")
    heat = wiring.add(
        "heat",
        HeatConduction,
        engine="skfem",
        mesh=mesh,
        material=steel,
        conditions=[Temperature("x0", "300 K"), Temperature("x1", "400 K")],
        initial="300 K",
        duration="60 s",
        timestep="2 s",
        every="20 s",
        tolerance=1e-12,
    )
    strain = wiring.add(
        "strain",
        LinearElasticity,
        engine="skfem",
        mesh=mesh,
        material=steel,
        conditions=lab.statically(mesh),
        reference_temperature="300 K",
    )
    wiring.connect(heat, strain)
    result = wiring.run()
    x = mesh.points.in_unit("mm")[:, 0]
    taken = result[LinearElasticity].temperature
    assert taken is not None
    assert taken.time == cuds.Quantity(60.0, "s")
    close(taken.in_unit("K"), 300 + 12.5 * x, 1e-6)
    stress = result.field("stress").in_unit("MPa")
    assert np.abs(stress).max() < 1e-3  # of 240 MPa that would hold it back


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"temperature": "300 K"}, "temperature: given alone"),
        ({"reference_temperature": "300 K"}, "reference_temperature: given alone"),
        ({"temperature": "-4 K", "reference_temperature": "300 K"}, "below absolute zero"),
        ({"temperature": "300 K", "reference_temperature": "300 K"}, "has no thermal_expansion"),
    ],
)
def test_temperatures_that_make_no_sense(lab: SimpleNamespace, given: dict[str, Any], why: str) -> None:
    mesh = lab.box("tetra")
    with pytest.raises(InvalidError, match=why):
        LinearElasticity(mesh, material=STEEL["elastic"], conditions=lab.statically(mesh), **given)


def test_a_field_on_another_mesh(lab: SimpleNamespace) -> None:
    mesh, other = lab.box("tetra"), lab.box("tetra", (3, 3, 3))
    field = lab.field(other, "Temperature", np.full(len(other.points), 300.0), "K")
    with pytest.raises(InvalidError, match=r"temperature: the field 'Temperature' .* does not fit"):
        LinearElasticity(
            mesh,
            material=Material(**STEEL),
            conditions=lab.statically(mesh),
            temperature=field,
            reference_temperature="300 K",
        )


def test_a_crystal_that_leaves_the_plane(lab: SimpleNamespace) -> None:
    mesh = lab.box("quad")
    with pytest.raises(InvalidError, match=r"expands by -?\S+ 1/K in [xy]z in the frame of the sample"):
        LinearElasticity(
            mesh,
            material=Material(elastic=STEEL["elastic"], thermal_expansion=(EXPANSION, "1/K")),
            conditions=lab.statically(mesh),
            temperature="400 K",
            reference_temperature="300 K",
            **plane(mesh, "strain"),
        )


# --- transcripts ----------------------------------------------------------------------------------------------------

# Runs a script where nothing can import cuds.
ALONE = """
import runpy, sys
sys.modules.update(cuds=None, cuds_skfem=None)
runpy.run_path(sys.argv.pop(1), run_name="__main__")
"""


def alone(folder: Path, job: Any, kind: type[Any], name: str, **options: Any) -> tuple[Any, Any]:
    """Return what the wrapper gives, and what its transcript leaves when it runs without cuds."""
    with SkfemWrapper(folder, options=options).open(job) as session:
        session.advance()
        found = session.pull(kind, name)
        (folder / "transcript.py").write_text(session.transcript())
    command = [sys.executable, "-I", "-c", ALONE, str(folder / "transcript.py")]
    subprocess.run(command, capture_output=True, text=True, check=True)
    return found, np.load(folder / "solution.npz")


@pytest.mark.parametrize("shape", ["tetra10", "hexahedron", "quad8"])
def test_transcript_of_thermal_strain(lab: SimpleNamespace, tmp_path: Path, shape: str) -> None:
    mesh = lab.box(shape, (3, 3, 3), wobble=0.2)
    values = 300 + 50 * np.sin(mesh.points.value @ np.array([1.0, 2.0, 3.0]))
    job = LinearElasticity(
        mesh,
        materials={
            "below": Material(elastic=lab.tensor, thermal_expansion=(EXPANSION, "1/K"), orientation=lab.rotation),
            "above": Material(**STEEL),
        },
        conditions=[*lab.statically(mesh), Traction("x1", y=(1, "MPa")), Pressure("y1", value="2 MPa")],
        temperature=lab.field(mesh, "Temperature", values, "K"),
        reference_temperature="290 K",
        tolerance=1e-12,
        **plane(mesh),
    )
    field, found = alone(tmp_path, job, Field, "displacement")
    d = mesh.dimension
    close(found["displacement"], field.in_unit("mm")[:, :d], 1e-8)


@pytest.mark.turns(4)
@pytest.mark.parametrize("shape", ["tetra", "hexahedron27", "triangle6", "quad"])
@pytest.mark.parametrize("solver", ["amg", "direct"])
def test_transcript_of_heat(lab: SimpleNamespace, tmp_path: Path, shape: str, solver: str) -> None:
    """Steady, and some steps in time."""
    mesh = lab.box(shape, (3, 3, 3), wobble=0.2)
    crystal = np.diag([3.0, 8.0, 20.0])
    material = Material(
        conductivity=(crystal, "W/m/K"), density="3 g/cm^3", specific_heat="800 J/kg/K", orientation=lab.rotation
    )
    source = lab.field(mesh, "HeatSourceDensity", 1e8 * np.cos(mesh.points.value[:, 0]), "W/m**3")
    conditions = [
        Temperature("x0", "400 K"),
        HeatFlux("y1", "1e4 W/m^2"),
        Convection("x1", coefficient="200 W/m^2/K", ambient="280 K"),
        HeatSource("below", field=source),
    ]
    thick = {"thickness": (2, "mm")} if mesh.dimension == 2 else {}
    steady = HeatConduction(mesh, material=material, conditions=conditions, tolerance=1e-11, **thick)
    moving = HeatConduction(
        mesh,
        material=material,
        conditions=conditions,
        tolerance=1e-11,
        initial="300 K",
        duration="0.05 s",
        timestep="0.01 s",
        **thick,
    )
    for job in (steady, moving):
        field, found = alone(tmp_path, job, Field, "temperature", solver=solver)
        np.testing.assert_allclose(found["temperature"], field.in_unit("K"), rtol=0, atol=1e-7)


@pytest.mark.parametrize("shape", ["tetra", "hexahedron20"])
def test_transcript_of_a_cell(lab: SimpleNamespace, tmp_path: Path, shape: str) -> None:
    mesh = lab.box(shape, (3, 3, 4), wobble=0.2, inside=True)
    job = Homogenisation(
        mesh,
        materials={"below": Material(elastic=lab.tensor, orientation=lab.rotation), "above": STEEL["elastic"]},
        conditions=tuple(Periodic(f"{a}0", f"{a}1") for a in "xyz"),
        tolerance=1e-11,
    )
    tensor, found = alone(tmp_path, job, ElasticTensor, "")
    close(found["stiffness"], tensor.stiffness.in_unit("MPa"), 1e-9)


# --- a planted fault makes them fail --------------------------------------------------------------------------------


def strain_not_taken_off(m: pytest.MonkeyPatch) -> None:
    m.setattr(cuds_skfem.thermal, "mean_strain", lambda *given: None)


def load_of_the_wrong_sign(m: pytest.MonkeyPatch) -> None:
    right = cuds_skfem.thermal.thermal_load
    m.setattr(cuds_skfem.thermal, "thermal_load", lambda *given: -right(*given))


def tensor_shear_for_engineering(m: pytest.MonkeyPatch) -> None:
    right = cuds_skfem.thermal.stress_free_strain
    halves = np.array([1, 1, 1, 0.5, 0.5, 0.5])
    m.setattr(cuds_skfem.thermal, "stress_free_strain", lambda *given: halves * right(*given))


FAULTS = [
    (strain_not_taken_off, clamped_bar, "hexahedron"),
    (load_of_the_wrong_sign, clamped_bar, "quad"),
    (load_of_the_wrong_sign, bimetal, "quad8"),
    (tensor_shear_for_engineering, free_expansion, "tetra"),
]


@pytest.mark.parametrize(("fault", "check", "shape"), FAULTS, ids=[f"{f.__name__}-{s}" for f, _, s in FAULTS])
def test_a_planted_fault_is_found(
    lab: SimpleNamespace, solve: Any, monkeypatch: pytest.MonkeyPatch, fault: Any, check: Any, shape: str
) -> None:
    fault(monkeypatch)
    with pytest.raises(AssertionError):
        check(lab, solve, shape)
