"""The change of temperature in time against exact series; its order; where the heat goes; and planted faults."""

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import erfc

import cuds_skfem.bare
import cuds_skfem.bare_heat
import cuds_skfem.heat
from cuds.errors import InvalidError, NotConvergedError, UnsupportedError
from cuds.model.elements import SHAPES
from cuds.model.field import Field
from cuds.model.heat import HeatConduction
from cuds.model.material import Material
from cuds.model.thermal import Convection, HeatFlux, HeatSource, Temperature
from cuds.units import Quantity
from cuds.wrapper.contract import Progress
from cuds_skfem import SkfemWrapper

STEEL = Material(conductivity="50 W/m/K", density="7850 kg/m^3", specific_heat="460 J/kg/K", label="steel")
ALPHA = 50 / (7850 * 460)  # m^2/s
LONG = 0.02  # m
BODIES = [name for name, shape in SHAPES.items() if shape.dimension > 1]


def thick(mesh: Any) -> dict[str, Any]:
    return {"thickness": (4, "mm")} if mesh.dimension == 2 else {}


def bar(lab: SimpleNamespace, shape: str, n: int) -> Any:
    return lab.box(shape, (n, 1, 1), (20.0, 1.0, 1.0))


def sampled(folder: Path, job: HeatConduction, name: str = "temperature", **options: Any) -> list[Field]:
    with SkfemWrapper(folder, options=options).open(job) as session:
        session.advance()
        return session.pull_all(Field, name)


def root(f: Any, low: float, high: float) -> float:
    found: Any = brentq(f, low, high)
    return float(found)


# --- the checks ---------------------------------------------------------------------------------------------------


def decays(lab: SimpleNamespace, folder: Path, shape: str, steps: int = 32, n: int = 16) -> float:
    """Return the largest error of a sine between cold ends; it keeps its form and decays by exp(-alpha (pi/L)^2 t)."""
    mesh = bar(lab, shape, n)
    x = mesh.points.in_unit("m")[:, 0]
    begun = 300 + 100 * np.sin(np.pi * x / LONG)
    once = LONG**2 / (np.pi**2 * ALPHA)
    job = HeatConduction(
        mesh,
        material=STEEL,
        conditions=[Temperature("x0", "300 K"), Temperature("x1", "300 K")],
        initial=lab.field(mesh, "Temperature", begun, "K"),
        duration=(once, "s"),
        timestep=(once / steps, "s"),
        tolerance=1e-12,
        **thick(mesh),
    )
    (last,) = sampled(folder, job)
    return float(np.abs(last.in_unit("K") - 300 - (begun - 300) * np.exp(-1)).max())


def quenched(lab: SimpleNamespace, folder: Path) -> None:
    """A hot plate in a cold gas: the series over the roots of b tan b = Bi (Carslaw and Jaeger 1959, section 3.11).

    Half of it, from its middle at x = 0 to its surface.
    """
    h, biot = 2500.0, 2500.0 * LONG / 50
    mesh = bar(lab, "hexahedron20", 10)
    job = HeatConduction(
        mesh,
        material=STEEL,
        conditions=[Convection("x1", coefficient=(h, "W/m^2/K"), ambient="300 K")],
        initial="800 K",
        duration="20 s",
        timestep="0.1 s",
        every="5 s",
    )
    x = mesh.points.in_unit("m")[:, 0]
    roots = [root(lambda b: b * np.sin(b) - biot * np.cos(b), i * np.pi, (i + 0.5) * np.pi) for i in range(30)]
    for found in sampled(folder, job)[1:]:
        assert found.time is not None
        fourier = ALPHA * found.time.in_unit("s") / LONG**2
        wanted = 300 + 500 * sum(
            4 * np.sin(b) / (2 * b + np.sin(2 * b)) * np.cos(b * x / LONG) * np.exp(-(b**2) * fourier) for b in roots
        )
        np.testing.assert_allclose(found.in_unit("K"), wanted, rtol=0, atol=0.02)


def balanced(lab: SimpleNamespace, folder: Path, shape: str) -> None:
    """What all conditions put in is what is stored; sources and fluxes are known by hand."""
    mesh = lab.box(shape, (3, 3, 3), (2.0, 3.0, 4.0), wobble=0.15)
    last = "y" if mesh.dimension == 2 else "z"
    job = HeatConduction(
        mesh,
        material=STEEL,
        conditions=[
            Temperature("x0", "400 K"),
            HeatFlux(f"{last}1", "1e5 W/m^2"),
            HeatSource("above", "1e9 W/m^3"),
            Convection("x1", coefficient="1e3 W/m^2/K", ambient="280 K"),
        ],
        initial="300 K",
        duration="0.3 s",
        timestep="0.02 s",
        tolerance=1e-12,
        **thick(mesh),
    )
    with SkfemWrapper(folder).open(job) as session:
        session.advance()
        T, report = session.pull(Field, "temperature").in_unit("K"), session.report()
    into = report["heat into the body [J]"]
    side = 2e-3 * (4e-3 if mesh.dimension == 2 else 3e-3)
    volume = sum(1e-9 * v for v in volumes(mesh)) * (4.0 if mesh.dimension == 2 else 1.0)
    above = mesh.region("above").members
    upper = sum(1e-9 * v for v in volumes(mesh)[above]) * (4.0 if mesh.dimension == 2 else 1.0)
    assert into[f"HeatFlux {last}1"] == pytest.approx(1e5 * side * 0.3, rel=1e-10)
    assert into["HeatSource above"] == pytest.approx(1e9 * upper * 0.3, rel=1e-10)
    assert into["Temperature x0"] > 0 > into["Convection x1"]
    stored = report["stored [J]"]
    assert abs(report["imbalance [J]"]) < 1e-9 * abs(stored)
    if shape == "hexahedron":  # the mean of a trilinear field over parallelepipeds would be that of the corners
        assert stored == pytest.approx(7850 * 460 * volume * (T.mean() - 300), rel=0.3)
    steady = HeatConduction(mesh, material=STEEL, conditions=job.conditions, **thick(mesh))
    with SkfemWrapper(folder).open(steady) as session:
        session.advance()
        report = session.report()
    assert abs(report["imbalance [W]"]) < 1e-8 * 1e9 * upper


def volumes(mesh: Any) -> np.ndarray:
    from cuds_skfem.assembly import volumes as of
    from cuds_skfem.mesh import body_of

    return of(body_of(mesh))


# --- they hold ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["hexahedron27", "quad9", "quad8", "hexahedron20"])
def test_error_falls_with_the_square_of_the_step(lab: SimpleNamespace, tmp_path: Path, shape: str) -> None:
    found = [decays(lab, tmp_path, shape, steps, 24) for steps in (2, 4, 8, 16)]
    rates = np.log2(np.array(found[:-1]) / found[1:])
    assert rates.min() >= 1.9, found


@pytest.mark.parametrize("shape", BODIES)
def test_a_sine_decays(lab: SimpleNamespace, tmp_path: Path, shape: str) -> None:
    assert decays(lab, tmp_path, shape) < (0.02 if SHAPES[shape].order == 2 else 0.4)  # K of 37 K


def test_a_quenched_plate(lab: SimpleNamespace, tmp_path: Path) -> None:
    quenched(lab, tmp_path)


@pytest.mark.parametrize("shape", BODIES)
def test_heat_is_not_lost(lab: SimpleNamespace, tmp_path: Path, shape: str) -> None:
    balanced(lab, tmp_path, shape)


def test_long_steps_are_damped(lab: SimpleNamespace, tmp_path: Path) -> None:
    """A side that is suddenly cold, steps of a thousand times the time of an element: each is damped (L-stable).

    The trapezoidal rule would throw the temperature from side to side with hardly any damping.
    """
    mesh = bar(lab, "hexahedron", 20)
    job = HeatConduction(
        mesh,
        material=STEEL,
        conditions=[Temperature("x0", "300 K")],
        initial="900 K",
        duration=(8e3 * (1e-3) ** 2 / ALPHA, "s"),
        timestep=(1e3 * (1e-3) ** 2 / ALPHA, "s"),
        every=(1e3 * (1e-3) ** 2 / ALPHA, "s"),
    )
    far = [np.abs(f.in_unit("K") - 300).max() for f in sampled(tmp_path, job)]
    assert all(after < 0.3 * before for before, after in pairwise(far)), far


def test_a_half_space_takes_up_heat(lab: SimpleNamespace, tmp_path: Path) -> None:
    """A sudden temperature on the side of a body too long for it to be felt at the other: erfc(x / 2 sqrt(alpha t)).

    The heat that went in is 2 k (T1 - T0) sqrt(t / (pi alpha)) an area (Carslaw and Jaeger 1959, section 2.5).
    """
    mesh = bar(lab, "hexahedron20", 40)
    end = 0.02 * LONG**2 / ALPHA
    job = HeatConduction(
        mesh,
        material=STEEL,
        conditions=[Temperature("x0", "400 K")],
        initial="300 K",
        duration=(end, "s"),
        timestep=(end / 400, "s"),
    )
    with SkfemWrapper(tmp_path, options={"solver": "direct"}).open(job) as session:
        session.advance()
        found, into = session.pull(Field, "temperature").in_unit("K"), session.report()["heat into the body [J]"]
    x = mesh.points.in_unit("m")[:, 0]
    np.testing.assert_allclose(found, 300 + 100 * erfc(x / np.sqrt(4 * ALPHA * end)), rtol=0, atol=0.1)
    assert into["Temperature x0"] == pytest.approx(2 * 50 * 100 * np.sqrt(end / (np.pi * ALPHA)) * 1e-6, rel=5e-3)


# --- a session ----------------------------------------------------------------------------------------------------


def cooling(lab: SimpleNamespace, mesh: Any, **changes: Any) -> HeatConduction:
    wall = lab.field(mesh, "Temperature", np.full(len(mesh.points), 300.0), "K")
    return HeatConduction(
        mesh,
        **{
            "material": STEEL,
            "conditions": [Temperature("x0", field=wall)],
            "initial": "500 K",
            "duration": "2 s",
            "timestep": "0.1 s",
            "every": "0.5 s",
            **changes,
        },
    )


def test_times_are_those_asked_for(lab: SimpleNamespace, tmp_path: Path) -> None:
    mesh = bar(lab, "tetra", 8)
    found = sampled(tmp_path, cooling(lab, mesh))
    assert [f.time for f in found] == [Quantity(t, "s") for t in (0.0, 0.5, 1.0, 1.5, 2.0)]
    assert found[0].in_unit("K").max() == 500
    assert found[0].in_unit("K").min() == 300  # what is prescribed holds from the beginning
    assert [f.time for f in sampled(tmp_path, cooling(lab, mesh, every=None))] == [Quantity(2.0, "s")]
    assert len(sampled(tmp_path, cooling(lab, mesh), "heat_flux")) == 5


def test_steps_can_be_taken_one_by_one(lab: SimpleNamespace, tmp_path: Path) -> None:
    mesh = bar(lab, "tetra", 8)
    events: list[Progress] = []
    with SkfemWrapper(tmp_path, progress=events.append).open(cooling(lab, mesh)) as session:
        with pytest.raises(InvalidError, match="nothing was computed"):
            session.pull(Field, "temperature")
        with pytest.raises(UnsupportedError, match="nothing to go on from"):
            session.state()
        session.advance(7)
        kept, half = session.state(), session.pull(Field, "temperature")
        assert half.time == Quantity(7 * 0.1, "s")
        session.advance()
        whole, report = session.pull(Field, "temperature"), session.report()
        assert report["steps"] == 20
        with pytest.raises(InvalidError, match="0 of 20 are left"):
            session.advance(1)
        session.restore(kept)
        np.testing.assert_array_equal(session.pull(Field, "temperature").in_unit("K"), half.in_unit("K"))
        session.advance()
        np.testing.assert_array_equal(session.pull(Field, "temperature").in_unit("K"), whole.in_unit("K"))
        assert session.report()["heat into the body [J]"] == report["heat into the body [J]"]
    steps = [(e.done, e.total) for e in events if e.unit == "steps" and e.total]
    assert steps[:20] == [(i, 20) for i in range(1, 21)]


def test_the_wall_can_change_on_the_way(lab: SimpleNamespace, tmp_path: Path) -> None:
    """Heat that a change of the prescribed temperature puts in is counted."""
    mesh = bar(lab, "hexahedron", 8)
    warmer = lab.field(mesh, "Temperature", np.full(len(mesh.points), 700.0), "K")
    with SkfemWrapper(tmp_path).open(cooling(lab, mesh)) as session:
        session.advance(10)
        session.push(warmer)
        with pytest.raises(InvalidError, match="nothing was computed since"):
            session.pull(Field, "temperature")
        session.advance()
        assert session.pull(Field, "temperature").in_unit("K").max() == 700
        report = session.report()
        assert abs(report["imbalance [J]"]) < 1e-9 * abs(report["stored [J]"])
        session.push(cooling(lab, mesh))  # another job begins anew
        session.advance()
        again = session.pull(Field, "temperature").in_unit("K")
    np.testing.assert_array_equal(again, sampled(tmp_path, cooling(lab, mesh))[-1].in_unit("K"))


def test_not_converged(lab: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuds_skfem.bare, "MAX_ITERATIONS", 2)
    job = cooling(lab, lab.box("tetra", (6, 6, 6), wobble=0.2))
    with pytest.raises(NotConvergedError, match="left a relative residual of"), SkfemWrapper(tmp_path).open(job) as s:
        s.advance()


# --- a planted fault makes them fail --------------------------------------------------------------------------------


def mass_for_volume(m: pytest.MonkeyPatch) -> None:
    m.setattr(cuds_skfem.heat, "_capacity", lambda material: 1e-3 * material.density.value.in_unit("kg/m**3"))


def implicit_euler(m: pytest.MonkeyPatch) -> None:
    """Stable, but of first order."""

    def euler(K: Any, f: Any, u: Any, h: float, solve: Any) -> Any:
        end = u + h * solve(f - K @ u)
        return end, end

    m.setattr(cuds_skfem.bare_heat, "step_of", euler)
    m.setattr(cuds_skfem.bare_heat, "GAMMA", 1.0)


def trapezoidal(m: pytest.MonkeyPatch) -> None:
    """Of second order, but it does not damp."""

    def rule(K: Any, f: Any, u: Any, h: float, solve: Any) -> Any:
        end = u + h * solve(f - K @ u)
        return end, 0.5 * (u + end)

    m.setattr(cuds_skfem.bare_heat, "step_of", rule)
    m.setattr(cuds_skfem.bare_heat, "GAMMA", 0.5)


FAULTS = [
    (mass_for_volume, quenched),
    (implicit_euler, lambda lab, folder: test_error_falls_with_the_square_of_the_step(lab, folder, "quad9")),
    (trapezoidal, test_long_steps_are_damped),
]


@pytest.mark.parametrize(("fault", "check"), FAULTS, ids=[f.__name__ for f, _ in FAULTS])
def test_a_planted_fault_is_found(
    lab: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Any, check: Any
) -> None:
    fault(monkeypatch)
    with pytest.raises(AssertionError):
        check(lab, tmp_path)
