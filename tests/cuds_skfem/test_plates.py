"""Plates with holes and curved edges against published values and Kirsch's closed form, for every shape of element."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cuds.model.condition import Displacement, Pressure, Symmetry, Traction
from cuds.model.elements import NODES, SHAPES
from cuds.model.material import ElasticTensor
from cuds.model.mesh import Mesh, Region
from cuds.model.simulation import LinearElasticity

PLANAR = [shape for shape in NODES if SHAPES[shape].dimension == 2]
ZERO = (0.0, "mm")
STEEL = ElasticTensor.isotropic("210 GPa", 0.3)


def mapped(mesh: Mesh, place: Callable[[np.ndarray], np.ndarray], unit: str) -> Mesh:
    """Return a box with its points, those of second order too, moved to places (n, 3)."""
    return mesh.replace(points=(place(mesh.points.in_unit("mm")), unit))


# --- NAFEMS, The Standard NAFEMS Benchmarks, TNSB rev. 3 (1990): LE1 and LE10 ----------------------------------------


def ellipses(x: np.ndarray) -> np.ndarray:
    """Take y to the angle from D to A, and x to the way from the inner ellipse to the outer; both finer near D."""
    s, t = 0.5 * (x[:, 0] + x[:, 0] ** 2), 0.25 * np.pi * (x[:, 1] + x[:, 1] ** 2)
    inner = np.stack([2 * np.cos(t), np.sin(t)], axis=1)
    outer = np.stack([3.25 * np.cos(t), 2.75 * np.sin(t)], axis=1)
    return np.column_stack([inner + s[:, None] * (outer - inner), x[:, 2]])


@pytest.mark.parametrize("shape", PLANAR)
def test_the_elliptic_membrane(lab: SimpleNamespace, solve: Any, shape: str) -> None:
    """NAFEMS LE1: plane stress, 10 MPa outward along the outer edge; sigma_yy at D, (2, 0) m, is 92.7 MPa."""
    n = (160,) * 2 if shape == "triangle" else (40,) * 2 if shape == "quad" else (10,) * 2
    mesh = mapped(lab.box(shape, n, (1.0, 1.0)), ellipses, "m")
    conditions = [Symmetry("y0"), Symmetry("y1"), Pressure("x1", value="-10 MPa")]
    found = solve(LinearElasticity(mesh, material=STEEL, conditions=conditions, plane="stress", thickness="0.1 m"))
    at_D = mesh.region("O").members
    np.testing.assert_allclose(mesh.points.in_unit("m")[at_D], [[2, 0, 0]], atol=1e-15)
    assert abs(found["stress_points"][at_D, 1].item() - 92.7) < 0.01 * 92.7
    # What presses the outer edge presses its shadows: p times 2.75 m and 3.25 m, times the thickness.
    np.testing.assert_allclose(found["report"]["sum of loads [N]"], [2.75e6, 3.25e6], rtol=1e-12)


@pytest.mark.turns(2)
@pytest.mark.parametrize("shape", ["hexahedron20", "tetra10"])
def test_the_thick_plate(lab: SimpleNamespace, solve: Any, shape: str) -> None:
    """NAFEMS LE10: 1 MPa on top, the outer side held in its middle; sigma_yy at D, (2, 0, 0.6) m, is -5.38 MPa."""
    mesh = mapped(lab.box(shape, (10, 10, 8), (1.0, 1.0, 0.6)), ellipses, "m")
    x1 = mesh.region_points("x1")
    middle = x1[np.isclose(mesh.points.in_unit("m")[x1, 2], 0.3)]
    mesh = mesh.replace(regions=(*mesh.regions, Region(name="E", on="points", members=middle)))
    conditions = [
        Symmetry("y0"),
        Symmetry("y1"),
        Displacement("x1", x=ZERO, y=ZERO),
        Displacement("E", z=ZERO),
        Pressure("z1", value="1 MPa"),
    ]
    found = solve(LinearElasticity(mesh, material=STEEL, conditions=conditions))
    at_D = mesh.region("Z").members
    np.testing.assert_allclose(mesh.points.in_unit("m")[at_D], [[2, 0, 0.6]], atol=1e-15)
    assert abs(found["stress_points"][at_D, 1].item() + 5.38) < 0.02 * 5.38


# --- Kirsch, Z. VDI 42, 797 (1898): a hole of radius 1 in an infinite plate that is pulled along x --------------------

PULL = 100.0  # MPa
EDGE = 4.0  # where the plate is cut, with the tractions of the closed form


def quarter(x: np.ndarray) -> np.ndarray:
    """Take y to the angle, and x to the way from the hole to the edge of a square."""
    t = 0.5 * np.pi * x[:, 1]
    ray = np.stack([np.cos(t), np.sin(t)], axis=1)
    r = (EDGE / ray.max(axis=1)) ** (x[:, 0])
    return np.column_stack([r[:, None] * ray, x[:, 2]])


def kirsch(x: np.ndarray) -> np.ndarray:
    """Return xx, yy, xy in MPa at places (n, 2)."""
    r2, angle = (x**2).sum(axis=1), np.arctan2(x[:, 1], x[:, 0])
    q, c, s = 1 / r2, np.cos(2 * angle), np.sin(2 * angle)
    rr = 0.5 * PULL * (1 - q + (1 - 4 * q + 3 * q**2) * c)
    tt = 0.5 * PULL * (1 + q - (1 + 3 * q**2) * c)
    rt = -0.5 * PULL * (1 + 2 * q - 3 * q**2) * s
    mean, half = 0.5 * (rr + tt), 0.5 * (rr - tt)
    return np.stack([mean + half * c - rt * s, mean - half * c + rt * s, half * s + rt * c], axis=1)


def hoop_error(lab: SimpleNamespace, solve: Any, shape: str, n: int, plane: str) -> float:
    """Return the largest error of the hoop stress round the hole, over three times the pull."""
    d = SHAPES[shape].dimension
    mesh = mapped(lab.box(shape, (n, 2 * n, 1), (1.0, 1.0, 0.3)), quarter, "mm")
    x = mesh.points.in_unit("mm")
    xx, yy, xy = kirsch(x[:, :2]).T
    on = {"right": (xx, xy), "top": (xy, yy)}
    outer = mesh.region("x1").members
    low = x[outer, 1].max(axis=1) <= EDGE * (1 - 1e-9)
    low |= np.isclose(x[outer, 0], EDGE).all(axis=1)
    parts = [Region(name=k, on="facets", members=outer[w]) for k, w in (("right", low), ("top", ~low))]
    mesh = mesh.replace(regions=(*mesh.regions, *parts))
    pulls = [
        Traction(name, field=lab.field(mesh, "Traction", np.column_stack([*t, 0 * xx]), "MPa"))
        for name, t in on.items()
    ]
    sides = [Symmetry(s) for s in ("y0", "y1", "z0", "z1")[: 2 * (d - 1)]]
    flat = {"plane": plane, "thickness": "1 mm"} if d == 2 else {}
    found = solve(LinearElasticity(mesh, material=STEEL, conditions=[*sides, *pulls], **flat))
    hole = mesh.region_points("x0")
    c, s = x[hole, :2].T
    np.testing.assert_allclose(np.hypot(c, s), 1, atol=1e-12)
    sigma = found["stress_points"][hole]
    hoop = sigma[:, 0] * s**2 + sigma[:, 1] * c**2 - 2 * sigma[:, 5] * s * c
    exact = PULL * (1 - 2 * (c**2 - s**2))
    return float(np.abs(hoop - exact).max() / (3 * PULL))


COUNTS = {(2, 1): (64, 128), (2, 2): (4, 8, 16), (3, 2): (4, 8)}
CASES = [(shape, "strain") for shape in ("triangle6", "quad", "quad8", "tetra10", "hexahedron20", "hexahedron27")]
CASES += [(shape, "stress") for shape in ("triangle", "triangle6", "quad8", "quad9")]


@pytest.mark.turns(3)
@pytest.mark.parametrize(("shape", "plane"), CASES)
def test_a_hole_in_a_pulled_plate(lab: SimpleNamespace, solve: Any, shape: str, plane: str) -> None:
    """Curved edges, tractions that vary along them, and the stress at the points, where it peaks."""
    counts = COUNTS[SHAPES[shape].dimension, SHAPES[shape].order]
    errors = np.array([hoop_error(lab, solve, shape, n, plane) for n in counts])
    assert errors[-1] < 0.02, errors
    if SHAPES[shape].order == 2:
        assert (errors[1:] <= 0.5 * errors[:-1]).all(), errors
    else:  # what is of first order halves in the limit
        assert np.log2(errors[0] / errors[1]) >= 0.9, errors
