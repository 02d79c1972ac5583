"""What acts on a body is drawn on it, where it acts and in its direction, and said in words."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import cuds
from cuds.errors import UnknownError, UnsupportedError
from cuds.model.elements import NODES, SHAPES
from cuds.view.marks import Mark, mark_of
from tests.cuds_skfem.conftest import box, field

STEEL = cuds.ElasticTensor.isotropic("210 GPa", 0.3, label="steel")
SIZE = (600, 300)
OUTWARD = {"x0": (-1, 0, 0), "x1": (1, 0, 0), "y0": (0, -1, 0), "y1": (0, 1, 0), "z0": (0, 0, -1), "z1": (0, 0, 1)}


def job(mesh: cuds.Mesh, *conditions: Any, **more: Any) -> cuds.LinearElasticity:
    flat = {"plane": "stress", "thickness": "1 mm"} if mesh.dimension == 2 else {}
    more.setdefault("material", STEEL)
    return cuds.LinearElasticity(mesh, conditions=conditions, **{**flat, **more})


def said(path: Path) -> dict[str, str]:
    with Image.open(path) as image:
        return {str(k): str(v) for k, v in image.info.items()}


def near(path: Path, colour: tuple[int, int, int]) -> int:
    """How many pixels have nearly the hue of a colour, whatever the light on them."""
    with Image.open(path) as image:
        rgb = np.asarray(image.convert("RGB"), dtype=float)
    dark, wanted = rgb - rgb.min(axis=2, keepdims=True), np.array(colour, dtype=float) - min(colour)
    size = np.linalg.norm(dark, axis=2)
    along = dark @ wanted / np.linalg.norm(wanted) / np.maximum(size, 1)
    return int(((along > 0.995) & (size > 40)).sum())


@pytest.mark.parametrize("shape", NODES)
def test_pressure_pushes_and_suction_pulls(shape: str) -> None:
    """Whichever way the nodes of the facets run."""
    mesh = box(shape, wobble=0.1)
    draw = np.random.default_rng(3)
    for name in [n for n in OUTWARD if n[0] in "xyz"[: mesh.dimension]]:
        region = mesh.region(name)
        mixed = [m[::-1] if draw.random() < 0.5 and SHAPES[shape].order == 1 else m for m in region.members]
        one = mesh.replace(regions=(cuds.Region(name=name, on="facets", members=mixed),))
        for value, push in ((3, True), (-3, False)):
            mark = mark_of(one, cuds.Pressure(name, value=(value, "bar")))
            assert len(mark.arrows) == min(30, len(mixed))
            np.testing.assert_allclose(mark.arrows, np.tile(OUTWARD[name], (len(mark.arrows), 1)) * -np.sign(value))
            assert mark.pushing.tolist() == [push] * len(mark.arrows)
            assert mark.text == f"Pressure on {name}: {value} bar"


def test_arrows_are_as_long_as_their_loads() -> None:
    mesh = box("quad8", (4, 3), (4.0, 3.0))
    x = mesh.points.in_unit("mm")
    t = np.zeros_like(x)
    t[:, 1] = -x[:, 1]  # MPa
    mark = mark_of(mesh, cuds.Traction("x1", field=field(mesh, "Traction", t, "MPa")))
    height = mark.places[:, 1]
    assert sorted(height.tolist()) == [0.5, 1.5, 2.5]
    np.testing.assert_allclose(mark.arrows, np.outer(height / 2.5, [0, -1, 0]))
    assert mark.text == "Traction on x1: field Traction up to 3 MPa"
    body = mark_of(mesh, cuds.BodyForce("above", x=(1, "N/mm**3"), y=(-1e-3, "N/cm**3")))
    np.testing.assert_allclose(body.arrows, np.tile([1, -1e-6, 0], (4, 1)), rtol=1e-12)
    assert (body.places[:, 1] > 1.5).all()
    nothing = mark_of(mesh, cuds.Traction("x1", x=(0, "MPa")))
    assert len(nothing.arrows) == 0
    assert len(nothing.types) == 3


def test_supports_are_cones_along_what_they_hold() -> None:
    mesh = box("hexahedron", (2, 2, 2))

    def held(mark: Mark) -> set[tuple[float, ...]]:
        return {tuple(np.abs(c).round(9)) for c in mark.cones.tolist()}

    x, y, z = map(tuple, np.eye(3))
    assert held(mark_of(mesh, cuds.Fixed("x0"))) == {x, y, z}
    assert len(mark_of(mesh, cuds.Fixed("x0")).tips) == 27
    assert held(mark_of(mesh, cuds.Symmetry("y1"))) == {y}
    assert (mark_of(mesh, cuds.Symmetry("y1")).cones[:, 1] == -1).all(), "from outside"
    moved = mark_of(mesh, cuds.Displacement("O", x=(1, "mm"), z=(0, "mm")))
    assert held(moved) == {z}
    assert moved.arrows.tolist() == [[1, 0, 0]]
    assert moved.text == "Displacement on O: x 1 mm, z 0 mm"
    tilted = mesh.replace(points=(mesh.points.value @ [[0.6, 0.8, 0], [-0.8, 0.6, 0], [0, 0, 1.0]], "mm"))
    assert held(mark_of(tilted, cuds.Symmetry("x0"))) == {(0.6, 0.8, 0)}
    points = mark_of(mesh, cuds.Fixed("surface"))
    assert len(points.dots) == 26
    assert len(points.types) == 0


@pytest.mark.turns(4)
@pytest.mark.parametrize("shape", NODES)
def test_a_body_is_drawn_before_it_is_solved(shape: str, tmp_path: Path) -> None:
    mesh = box(shape, (2, 2, 2), (3.0, 2.0, 1.0), curve=0.05)
    held, load = cuds.Fixed("x0"), cuds.Traction("x1", x=(100, "MPa"))
    path = cuds.plot(job(mesh, held, load, label="bar"), path=tmp_path / "x.png", size=SIZE)
    size = " x ".join("321"[: mesh.dimension])
    assert said(path)["title"] == "LinearElasticity bar"
    assert said(path)["caption"] == f"{size} mm, {mesh.n_elements} elements"
    assert said(path)["marks"] == "Fixed on x0; Traction on x1: x 100 MPa"
    blue, orange = (0, 114, 178), (213, 94, 0)
    assert near(path, blue) > 50
    assert near(path, orange) > 50
    alone = cuds.plot(job(mesh, held), path=tmp_path / "y.png", size=SIZE)
    assert near(alone, blue) > 50
    assert near(alone, orange) == 0


def test_materials_and_regions_have_colours(tmp_path: Path) -> None:
    mesh = box("triangle6")
    two = {"below": STEEL, "above": cuds.Material(elastic=STEEL)}
    path = cuds.plot(job(mesh, cuds.Fixed("x0"), material=None, materials=two), path=tmp_path / "x.png", size=SIZE)
    assert said(path)["parts"] == "below: steel; above: Material"
    assert near(path, (253, 174, 107)) > 1000
    path = cuds.plot(mesh, path=tmp_path / "y.png", size=SIZE)
    assert said(path)["parts"] == "below; above"
    assert said(path)["marks"].startswith("surface: 16 points; x0: 2 facets; ")


def test_heat_and_cells_are_drawn_too(tmp_path: Path) -> None:
    mesh = box("quad")
    ice, sun = cuds.Temperature("x0", "273 K"), cuds.HeatFlux("x1", "1 kW/m**2")
    copper = cuds.ThermalConductivity(value="400 W/m/K")
    heat = cuds.HeatConduction(mesh, material=copper, conditions=[ice, sun], thickness="1 mm")
    path = cuds.plot(heat, path=tmp_path / "x.png", size=SIZE)
    assert said(path)["marks"].startswith("Temperature on x0: 273 K; HeatFlux on x1: ")
    assert near(path, (0, 114, 178)) > 50
    sides = [cuds.Periodic(f"{axis}0", f"{axis}1") for axis in "xyz"]
    path = cuds.plot(
        cuds.Homogenisation(box("hexahedron"), material=STEEL, conditions=sides), path=tmp_path / "y.png", size=SIZE
    )
    assert said(path)["marks"].startswith("Periodic on x0: partner x1; ")


def test_what_an_engine_would_refuse_is_drawn_all_the_same(tmp_path: Path) -> None:
    """To see what is wrong is what the picture is for: facets that no element has, no facets, a point off the plane."""
    mesh = box("hexahedron")
    inside = cuds.Region(name="inside", on="facets", members=[[0, 4, 8, 26], [0, 9, 12, 3]])
    empty = cuds.Region(name="empty", on="facets", members=np.zeros((0, 4), dtype=int))
    odd = cuds.Region(name="odd", on="facets", members=[[0, 1, 2]])
    mesh = mesh.replace(regions=(*mesh.regions, inside, empty, odd))
    loads = [cuds.Pressure(n, value=(1, "MPa")) for n in ("inside", "empty", "odd")]
    path = cuds.plot(job(mesh, cuds.Symmetry("surface"), *loads), path=tmp_path / "x.png", size=SIZE)
    assert said(path)["marks"].count("Pressure") == 3


def test_what_has_no_body_is_refused(tmp_path: Path) -> None:
    import ase.build

    atoms = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu"))
    with pytest.raises(UnsupportedError, match="no body in SinglePoint"):
        cuds.plot(cuds.SinglePoint(atoms), path=tmp_path / "x.png")
    with pytest.raises(UnknownError):
        mark_of(box("quad"), cuds.Fixed("nowhere"))


@pytest.mark.turns(2)
@pytest.mark.parametrize("shape", ["triangle", "quad9", "tetra10", "hexahedron27"])
def test_results_on_every_shape_are_drawn(shape: str, tmp_path: Path) -> None:
    result = cuds.run(job(box(shape), cuds.Fixed("x0"), cuds.Traction("x1", y=(100, "MPa"))), engine="skfem")
    for name, component in (("von_mises", ""), ("stress_points", "xy")):
        path = cuds.plot(result, field=name, component=component, path=tmp_path / "x.png", size=SIZE)
        with Image.open(path) as image:
            assert len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)) > 100
