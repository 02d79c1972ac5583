"""The steady temperature against what is known exactly; and that a planted fault makes each of these checks fail."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import skfem

import cuds.model.properties
import cuds_skfem.bare
import cuds_skfem.heat
import cuds_skfem.heat_assembly
import cuds_skfem.mesh
from cuds.errors import CudsError
from cuds.model.elements import SHAPES
from cuds.model.field import Field
from cuds.model.heat import HeatConduction
from cuds.model.material import Material
from cuds.model.mesh import Mesh
from cuds.model.thermal import Convection, HeatFlux, HeatSource, Temperature
from cuds_skfem import SkfemWrapper, bare
from cuds_skfem.mesh import body_of

BODIES = [name for name, shape in SHAPES.items() if shape.dimension > 1]
CRYSTAL = np.diag([3.0, 8.0, 20.0]) + 0.5  # W/m/K, of no symmetry
THICK = 2.5  # mm


def close(found: Any, wanted: Any, relative: float) -> None:
    """Compare with what is wanted everywhere, to a share of its largest value."""
    wanted = np.broadcast_to(wanted, np.shape(found))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=relative * np.abs(wanted).max())


def thick(mesh: Mesh) -> dict[str, Any]:
    return {"thickness": (THICK, "mm")} if mesh.dimension == 2 else {}


def area(mesh: Mesh, over: float) -> float:
    """Return the area of a side in m^2, whose extent in a plane, or area in space, is given in mm."""
    return over * (THICK if mesh.dimension == 2 else 1.0) * 1e-6


@pytest.fixture
def heated(tmp_path: Any) -> Any:
    """Return a function that solves a job and gives temperature in K, heat flux in W/m^2, and the report."""

    def solved(job: HeatConduction, **options: Any) -> SimpleNamespace:
        with SkfemWrapper(tmp_path, options=options).open(job) as session:
            session.advance()
            T, q = session.pull(Field, "temperature"), session.pull(Field, "heat_flux")
            return SimpleNamespace(T=T.in_unit("K"), q=q.in_unit("W/m**2"), report=session.report())

    return solved


# --- the checks ---------------------------------------------------------------------------------------------------


def patch(lab: SimpleNamespace, heated: Any, shape: str) -> None:
    """A uniform gradient is reproduced exactly, whatever the elements look like; so is the heat through the sides."""
    curve = 0.03 if SHAPES[shape].order == 2 else 0.0
    mesh = lab.box(shape, (3, 3, 3), (3.0, 1.0, 2.0), wobble=0.15, curve=curve)
    g = np.array([20.0, -35.0, 15.0]) * ([1, 1, 0] if mesh.dimension == 2 else [1, 1, 1])  # K/mm
    k = lab.rotation @ CRYSTAL @ lab.rotation.T
    x = mesh.points.in_unit("mm")
    wanted = 300 + x @ g
    held = Temperature("surface", field=lab.field(mesh, "Temperature", wanted, "K"))
    material = Material(conductivity=(CRYSTAL, "W/m/K"), orientation=lab.rotation)
    found = heated(HeatConduction(mesh, material=material, conditions=[held], tolerance=1e-11, **thick(mesh)))
    close(found.T, wanted, 1e-10)
    close(found.q, -k @ g * 1e3, 1e-9)
    assert abs(found.report["imbalance [W]"]) < 1e-9


def wall(lab: SimpleNamespace, heated: Any, shape: str) -> None:
    """Two layers between a gas and a heated side: resistances in series (Carslaw and Jaeger 1959, section 3.2).

    The layers part the last direction, x_n from 0 to 4 mm; the flux enters at the end and leaves into the gas.
    """
    mesh = lab.box(shape, (2, 4, 4) if SHAPES[shape].dimension == 2 else (2, 2, 4), (1.0, 4.0, 4.0))
    last = "y" if mesh.dimension == 2 else "z"
    layers = {"below": Material(conductivity="2 W/m/K"), "above": Material(conductivity="50 W/m/K")}
    conditions = [
        Convection(f"{last}0", coefficient="500 W/m^2/K", ambient="20 degC"),
        HeatFlux(f"{last}1", "3000 W/m^2"),
    ]
    found = heated(HeatConduction(mesh, materials=layers, conditions=conditions, tolerance=1e-11, **thick(mesh)))
    d = mesh.points.in_unit("m")[:, "xyz".index(last)]
    cold = 293.15 + 3000 / 500
    wanted = cold + 3000 * np.where(d < 2e-3, d / 2, 2e-3 / 2 + (d - 2e-3) / 50)
    np.testing.assert_allclose(found.T, wanted, rtol=0, atol=1e-7)
    close(found.q[:, "xyz".index(last)], -3000.0, 1e-9)
    through = 3000 * area(mesh, 1.0 if mesh.dimension == 2 else 4.0)
    into = found.report["heat into the body [W]"]
    assert into[f"HeatFlux {last}1"] == pytest.approx(through, rel=1e-12)
    assert into[f"Convection {last}0"] == pytest.approx(-through, rel=1e-9)


def source(lab: SimpleNamespace, heated: Any, shape: str) -> None:
    """A bar with sources, both ends at one temperature: a parabola, exact at the nodes of a regular mesh."""
    mesh = lab.box(shape, (8, 2, 2), (8.0, 1.0, 1.0))
    ends = [Temperature("x0", "300 K"), Temperature("x1", "300 K"), HeatSource(value="5e6 W/m^3")]
    material = Material(conductivity="15 W/m/K")
    found = heated(HeatConduction(mesh, material=material, conditions=ends, tolerance=1e-11, **thick(mesh)))
    x = mesh.points.in_unit("m")[:, 0]
    np.testing.assert_allclose(found.T, 300 + 5e6 / (2 * 15) * x * (8e-3 - x), rtol=0, atol=1e-8)
    into = found.report["heat into the body [W]"]
    made = 5e6 * 8e-3 * area(mesh, 1.0)
    assert into["HeatSource"] == pytest.approx(made, rel=1e-12)
    assert into["Temperature x0"] == pytest.approx(-made / 2, rel=1e-9)


# --- they hold ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", BODIES)
def test_patch(lab: SimpleNamespace, heated: Any, shape: str) -> None:
    patch(lab, heated, shape)


@pytest.mark.parametrize("shape", BODIES)
def test_wall_of_two_layers(lab: SimpleNamespace, heated: Any, shape: str) -> None:
    wall(lab, heated, shape)


@pytest.mark.parametrize("shape", [s for s in BODIES if SHAPES[s].first_order != "tetra" or s == "tetra10"])
def test_bar_with_sources(lab: SimpleNamespace, heated: Any, shape: str) -> None:
    source(lab, heated, shape)


@pytest.mark.parametrize("shape", ["triangle6", "hexahedron"])
def test_direct_and_multigrid_agree(lab: SimpleNamespace, heated: Any, shape: str) -> None:
    mesh = lab.box(shape, (8, 8, 8), wobble=0.2)
    gas = Convection("x1", coefficient="30 W/m^2/K", ambient="250 K")
    job = HeatConduction(
        mesh,
        material=Material(conductivity=(CRYSTAL, "W/m/K"), orientation=lab.rotation),
        conditions=[Temperature("y0", "300 K"), gas, HeatSource("above", "1e8 W/m^3")],
        tolerance=1e-12,
        **thick(mesh),
    )
    amg, direct = heated(job), heated(job, solver="direct")
    np.testing.assert_allclose(amg.T, direct.T, rtol=0, atol=1e-9)
    assert 0 < amg.report["iterations"] < 40
    assert direct.report["iterations"] == 0


# --- a manufactured solution ----------------------------------------------------------------------------------------

WAVE, PHASE, SIZE = np.array([2.0, 1.0, -1.5]), 0.3, 40.0  # 1/mm, 1, K


def errors(mesh: Mesh, found: SimpleNamespace, k: np.ndarray, w: np.ndarray) -> tuple[float, float]:
    """Return the L2 norms of the errors of the temperature, and of the mean flux against that at the centres."""
    body = body_of(mesh)
    plain, number = bare.make_mesh(body.shape, body.points, body.cells)
    basis = skfem.Basis(plain, bare.element_of(body.shape)[0], intorder=6)
    x = np.asarray(basis.global_coordinates()).transpose(1, 2, 0)
    off = np.asarray(basis.interpolate(found.T[number])) - (300 + SIZE * np.sin(x @ w[: x.shape[-1]] + PHASE))
    centre = body.points[body.cells[:, : SHAPES[body.shape].corners]].mean(axis=1)
    flux = -1e3 * SIZE * np.cos(centre @ w[: x.shape[-1]] + PHASE)[:, None] * (k @ w)
    volume = basis.dx.sum(axis=1)
    return (
        float(np.sqrt((off**2 * basis.dx).sum())),
        float(np.sqrt(((found.q - flux) ** 2 * volume[:, None]).sum())),
    )


@pytest.mark.turns(3)
@pytest.mark.parametrize("shape", BODIES)
def test_error_falls_as_theory_says(lab: SimpleNamespace, heated: Any, shape: str) -> None:
    """In a turned crystal without symmetry, on a regular mesh.

    Of second order the temperature gains a power; the mean flux of an element is exact at its centre to the second.
    """
    two = SHAPES[shape].order == 2
    material = Material(conductivity=(CRYSTAL, "W/m/K"), orientation=lab.rotation)
    k = lab.rotation @ CRYSTAL @ lab.rotation.T
    found = []
    for n in (3, 6, 12) if two else (4, 8, 16):
        mesh = lab.box(shape, (n, n, n), (1.0, 1.2, 0.9))
        w = WAVE * ([1, 1, 0] if mesh.dimension == 2 else [1, 1, 1])
        values = np.sin(mesh.points.in_unit("mm") @ w + PHASE)
        heat = 1e6 * SIZE * (w @ k @ w) * values  # W/m^3, w in 1/mm
        conditions = [
            Temperature("surface", field=lab.field(mesh, "Temperature", 300 + SIZE * values, "K")),
            HeatSource(field=lab.field(mesh, "HeatSourceDensity", heat, "W/m**3")),
        ]
        job = HeatConduction(mesh, material=material, conditions=conditions, **thick(mesh))
        found.append(errors(mesh, heated(job), k, w))
    rates = np.log2(np.array(found[:-1]) / found[1:])
    assert rates[:, 0].min() >= (2.85 if two else 1.9), found
    assert rates[:, 1].min() >= (1.85 if two else 0.95), found


# --- a planted fault makes them fail --------------------------------------------------------------------------------


def transposed(m: pytest.MonkeyPatch) -> None:
    right = cuds.model.properties.ThermalConductivity.turned
    m.setattr(cuds.model.properties.ThermalConductivity, "turned", lambda self, R, unit: right(self, R.T, unit))


def flux_from_cold_to_warm(m: pytest.MonkeyPatch) -> None:
    right = cuds_skfem.heat_assembly.heat_flux
    m.setattr(cuds_skfem.heat_assembly, "heat_flux", lambda *given: -right(*given))


def metres_for_millimetres(m: pytest.MonkeyPatch) -> None:
    m.setattr(cuds_skfem.heat, "MM", 1.0)


def surroundings_take_no_heat(m: pytest.MonkeyPatch) -> None:
    right = cuds_skfem.heat_assembly.Inflow
    m.setattr(cuds_skfem.heat_assembly, "Inflow", lambda i, constant, loss: right(i, constant, 0 * loss))


def two_nodes_swapped(m: pytest.MonkeyPatch) -> None:
    """In the order of VTK: the elements are no longer what the mesh says."""
    wrong = [list(cuds_skfem.bare.HEXAHEDRON[i]) for i in (0, 3, 2, 1, 4, 7, 6, 5)]
    wrong = (*cuds_skfem.bare.SHAPES["hexahedron"][:3], [tuple(p) for p in wrong], [])
    m.setitem(cuds_skfem.bare.SHAPES, "hexahedron", wrong)
    m.setattr(cuds_skfem.mesh, "_bodies", {})  # equal meshes are one body as long as it is there


FAULTS = [
    (transposed, patch, "tetra"),
    (transposed, patch, "quad9"),
    (flux_from_cold_to_warm, patch, "triangle"),
    (metres_for_millimetres, wall, "hexahedron"),
    (metres_for_millimetres, source, "quad"),
    (surroundings_take_no_heat, wall, "tetra10"),
    (two_nodes_swapped, patch, "hexahedron"),
]


@pytest.mark.parametrize(("fault", "check", "shape"), FAULTS, ids=[f"{f.__name__}-{s}" for f, _, s in FAULTS])
def test_a_planted_fault_is_found(
    lab: SimpleNamespace, heated: Any, monkeypatch: pytest.MonkeyPatch, fault: Any, check: Any, shape: str
) -> None:
    check(lab, heated, shape)
    fault(monkeypatch)
    with pytest.raises((AssertionError, CudsError)):
        check(lab, heated, shape)
