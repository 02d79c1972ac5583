"""Supports that hold too little or contradict each other are refused before anything is solved, by name."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from cuds.errors import InvalidError
from cuds.model.condition import Displacement, Fixed, Pressure, Symmetry, Traction
from cuds.model.elements import SHAPES as SHAPES_OF
from cuds.model.material import ElasticTensor
from cuds.model.mesh import ElementBlock, Mesh, Region
from cuds.model.simulation import LinearElasticity

ZERO = (0.0, "mm")


@pytest.fixture
def refusal(lab: SimpleNamespace, solve: Any) -> Any:
    """Return a function that gives the words in which conditions on a mesh are refused."""

    def words(mesh: Mesh, *conditions: Any) -> str:
        flat: dict[str, Any] = {"plane": "stress", "thickness": (1, "mm")} if mesh.dimension == 2 else {}
        with pytest.raises(InvalidError) as caught:
            solve(LinearElasticity(mesh, material=lab.tensor, conditions=conditions, **flat))
        assert caught.value.fields["field"] == "conditions"
        return str(caught.value)

    return words


def joined(one: Mesh, shift: list[float], merge: bool) -> Mesh:
    """Return a mesh and a copy of it moved by `shift` mm; coincident points are made one, or not."""
    x, cells, n = one.points.in_unit("mm"), one.blocks[0].nodes, len(one.points)
    points, both = np.concatenate([x, x + shift]), np.concatenate([cells, cells + n])
    if merge:
        points, place = np.unique(points.round(9), axis=0, return_inverse=True)
        both = place[both]
        where = {tuple(p): i for i, p in enumerate(points.round(9).tolist())}
        number = np.array([where[tuple(p)] for p in x.round(9).tolist()])
    else:
        number = np.arange(n)
    x0 = number[one.region_points("x0")]
    regions = (
        Region(name="x0", on="points", members=x0),
        Region(name="far", on="points", members=np.argsort(points.sum(axis=1))[-3:]),
    )
    return Mesh(points=(points, "mm"), blocks=(ElementBlock(shape=one.blocks[0].shape, nodes=both),), regions=regions)


SHAPES = ("tetra", "hexahedron", "tetra10", "hexahedron27")


@pytest.mark.parametrize("shape", SHAPES)
def test_one_point_leaves_three_rotations(lab: SimpleNamespace, refusal: Any, shape: str) -> None:
    """They go through that point, (2, 0, 0); each is named with the point of its axis nearest to the centre."""
    said = refusal(lab.box(shape, size=(2.0, 3.0, 4.0)), Fixed("X"))
    axes = (("x", "(1, 0, 0)"), ("y", "(2, 1.5, 0)"), ("z", "(2, 0, 2)"))
    turns = ", ".join(f"rotation about {axis} through {point} mm" for axis, point in axes)
    assert said.splitlines()[0] == f"conditions: the body is free in {turns}"


@pytest.mark.parametrize("shape", SHAPES)
def test_two_points_leave_the_rotation_about_their_line(lab: SimpleNamespace, refusal: Any, shape: str) -> None:
    said = refusal(lab.box(shape, size=(2.0, 2.0, 2.0)), Fixed("X"), Fixed("Y"))
    assert said.splitlines()[0].endswith("is free in rotation about (0.7071, -0.7071, 0) through (1, 1, 0) mm")


@pytest.mark.parametrize("shape", SHAPES)
def test_a_face_that_slides(lab: SimpleNamespace, refusal: Any, shape: str) -> None:
    said = refusal(lab.box(shape), Displacement("x0", x=ZERO))
    assert "free in rotation about x through (0.5, 0.5, 0.5) mm, translation along y, translation along z\n" in said
    said = refusal(lab.box(shape), Displacement("x0", x=ZERO, y=ZERO))
    assert said.splitlines()[0] == "conditions: the body is free in translation along z"


def test_three_components_too_few_even_if_many_points_are_held(lab: SimpleNamespace, refusal: Any) -> None:
    faces = [Displacement(name, z=ZERO) for name in ("z0", "z1", "surface")]
    assert "rotation about z through (0.5, 0.5, 0.5) mm, translation along x, translation along y" in refusal(
        lab.box("hexahedron"), *faces
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_a_piece_that_nothing_holds(lab: SimpleNamespace, refusal: Any, shape: str) -> None:
    mesh = joined(lab.box(shape), [1.0, 0.0, 0.0], merge=False)
    n = len(mesh.blocks[0]) // 2
    said = refusal(mesh, Fixed("x0"))
    assert f"piece 2 of 2 ({n} elements about (1.5, 0.5, 0.5) mm) is free in rotation about x" in said
    assert "piece 1" not in said
    assert said.count("translation along") == 3
    assert "merge the coincident points" in said


@pytest.mark.parametrize("shape", SHAPES)
def test_a_hinge_along_an_edge(lab: SimpleNamespace, refusal: Any, solve: Any, shape: str) -> None:
    """Two boxes that share the points of one edge hang together, but turn about it."""
    mesh = joined(lab.box(shape), [1.0, 1.0, 0.0], merge=True)
    said = refusal(mesh, Fixed("x0"))
    n = len(mesh.blocks[0]) // 2
    where = f"piece 2 of 2 ({n} elements about (1.5, 1.5, 0.5) mm)"
    assert said.splitlines()[0] == f"conditions: {where} is free in rotation about z through (1, 1, 0.5) mm"
    far = [Fixed("x0"), Displacement("far", x=(1e-3, "mm"))]
    found = solve(LinearElasticity(mesh, material=lab.tensor, conditions=far))
    assert found["displacement"][mesh.region_points("far"), 0].tolist() == [1e-3] * 3


def test_a_joint_at_one_point(lab: SimpleNamespace, refusal: Any) -> None:
    said = refusal(joined(lab.box("hexahedron"), [1.0, 1.0, 1.0], merge=True), Fixed("x0"))
    assert said.count("rotation about") == 3
    assert "through" in said
    assert "translation" not in said


@pytest.mark.parametrize("shape", SHAPES)
def test_a_face_in_common_is_one_piece(lab: SimpleNamespace, solve: Any, shape: str) -> None:
    mesh = joined(lab.box(shape), [0.0, 0.0, 1.0], merge=True)
    job = LinearElasticity(mesh, material=lab.tensor, conditions=[Fixed("x0"), Displacement("far", z=(1e-3, "mm"))])
    assert solve(job)["displacement"][mesh.region_points("far"), 2].tolist() == [1e-3] * 3


def test_contradiction_names_both_regions(lab: SimpleNamespace, refusal: Any) -> None:
    said = refusal(lab.box("hexahedron"), Displacement("x0", x=(1, "mm")), Fixed("y0"))
    where = "at point 0 (0, 0, 0) mm: displacement along x 1 and 0 mm"
    assert said.splitlines()[0] == f"conditions: 'x0' and 'y0' contradict each other {where}"


def test_a_field_may_contradict_too(lab: SimpleNamespace, refusal: Any) -> None:
    mesh = lab.box("tetra")
    u = lab.field(mesh, "Displacement", np.full((len(mesh.points), 3), 0.25), "mm")
    assert "0.25 and 0 mm" in refusal(mesh, Displacement("surface", field=u), Displacement("z1", y=ZERO))


def test_the_same_twice_is_no_contradiction(lab: SimpleNamespace, solve: Any) -> None:
    mesh = lab.box("tetra")
    held = [Fixed("x0"), Displacement("y0", y=ZERO), Displacement("y0", y=(0.0, "m"))]
    found = solve(LinearElasticity(mesh, material=lab.tensor, conditions=[*held, Traction("x1", x=(1, "MPa"))]))
    assert not found["displacement"][mesh.region_points("y0"), 1].any()
    assert found["displacement"][mesh.region_points("y0"), 0].any()


def test_everything_held(lab: SimpleNamespace, solve: Any) -> None:
    mesh = lab.box("hexahedron", (1, 1, 1))
    u = lab.field(mesh, "Displacement", 1e-3 * mesh.points.in_unit("mm"), "mm")
    for solver in ("amg", "direct"):
        found = solve(
            LinearElasticity(mesh, material=lab.tensor, conditions=[Displacement("surface", field=u)]), solver=solver
        )
        np.testing.assert_allclose(found["strain"], [[1e-3, 1e-3, 1e-3, 0, 0, 0]], atol=1e-15)


def test_points_of_no_element_hold_nothing(lab: SimpleNamespace, refusal: Any, solve: Any) -> None:
    box = lab.box("tetra")
    points = np.concatenate([[[9.0, 9, 9]], box.points.in_unit("mm")])
    x0 = box.region_points("x0") + 1
    regions = tuple(Region(name=n, on="points", members=m) for n, m in (("stray", [0]), ("x0", x0), ("both", [0, *x0])))
    mesh = Mesh(
        points=(points, "mm"), blocks=(ElementBlock(shape="tetra", nodes=box.blocks[0].nodes + 1),), regions=regions
    )
    assert "no element has a point of region 'stray'" in refusal(mesh, Fixed("stray"))
    found = [
        solve(LinearElasticity(m, material=lab.tensor, conditions=[Fixed(r), lab.gravity]))
        for m, r in ((mesh, "both"), (box, "x0"))
    ]
    np.testing.assert_array_equal(found[0]["displacement"][1:], found[1]["displacement"])
    assert not found[0]["displacement"][0].any()


# --- in a plane ---

FLAT = ("triangle", "quad8", "quad9", "triangle6")


@pytest.mark.parametrize("shape", FLAT)
def test_one_point_of_a_plane_leaves_one_rotation(lab: SimpleNamespace, refusal: Any, shape: str) -> None:
    said = refusal(lab.box(shape, size=(2.0, 3.0)), Fixed("X"))
    assert said.splitlines()[0] == "conditions: the body is free in rotation about z through (2, 0) mm"
    said = refusal(lab.box(shape, size=(2.0, 3.0)), Displacement("y0", y=ZERO))
    assert said.splitlines()[0] == "conditions: the body is free in translation along x"
    said = refusal(lab.box(shape, size=(2.0, 3.0)), Displacement("O", x=ZERO))
    assert said.splitlines()[0].endswith("free in rotation about z through (1, 0) mm, translation along y")


@pytest.mark.parametrize("shape", FLAT)
def test_two_plates_that_share_one_point_are_hinged(lab: SimpleNamespace, refusal: Any, solve: Any, shape: str) -> None:
    mesh = joined(lab.box(shape, size=(1.0, 1.0)), [1.0, 1.0, 0.0], merge=True)
    n = len(mesh.blocks[0]) // 2
    said = refusal(mesh, Fixed("x0"))
    assert f"piece 2 of 2 ({n} elements about (1.5, 1.5) mm) is free in rotation about z through (1, 1) mm" in said
    one = joined(lab.box(shape, size=(1.0, 1.0)), [1.0, 0.0, 0.0], merge=True)
    held = [Fixed("x0"), Displacement("far", y=(1e-3, "mm"))]
    job = LinearElasticity(one, material=lab.tensor, conditions=held, plane="stress", thickness="1 mm")
    assert solve(job)["displacement"][one.region_points("far"), 1].tolist() == [1e-3] * 3


# --- planes of symmetry ---


def test_a_plane_of_symmetry_slides(lab: SimpleNamespace, refusal: Any) -> None:
    said = refusal(lab.box("hexahedron27"), Symmetry("x0"))
    assert "free in rotation about x through (0.5, 0.5, 0.5) mm, translation along y, translation along z\n" in said
    tilted = moved(lab.box("tetra10"), Rotation.from_rotvec([0, 0, 0.5]).as_matrix())
    said = refusal(tilted, Symmetry("x0"), Symmetry("z0"))
    assert said.splitlines()[0] == f"conditions: the body is free in translation along ({np.sin(0.5):.4g}, -0.8776, 0)"


def moved(mesh: Mesh, R: np.ndarray) -> Mesh:
    return mesh.replace(points=(mesh.points.in_unit("mm") @ R.T, "mm"))


@pytest.mark.parametrize("shape", ["tetra", "hexahedron20", "hexahedron27", "quad9", "triangle6"])
def test_a_turned_body_with_oblique_planes_moves_as_the_straight_one(
    lab: SimpleNamespace, solve: Any, shape: str
) -> None:
    """The planes meet in edges and in a corner, where two and three normals are held; turned, none is an axis."""
    mesh = lab.box(shape, wobble=0.1)
    d = mesh.dimension
    R = Rotation.from_rotvec([0.3, -0.5, 0.7] if d == 3 else [0, 0, 0.7]).as_matrix()
    given = lab.crystal(mesh, "stress")
    found = {}
    for name, turn in (("straight", np.eye(3)), ("turned", R)):
        conditions = [*(Symmetry(f"{axis}0") for axis in "xyz"[:d]), Pressure("x1", value=(100, "MPa"))]
        job = {**given, "orientation": turn @ given["orientation"], "conditions": conditions}
        found[name] = solve(LinearElasticity(moved(mesh, turn), **job, tolerance=1e-12))
    for name in ("displacement", "reaction"):
        wanted = found["straight"][name] @ R.T
        np.testing.assert_allclose(found["turned"][name], wanted, rtol=0, atol=1e-9 * np.abs(wanted).max())
    away = np.einsum("pi,i->p", found["turned"]["displacement"], R[:, 0])[mesh.region_points("x0")]
    assert np.abs(away).max() < 1e-15


@pytest.mark.parametrize("shape", ["quad", "hexahedron27"])
def test_a_half_with_symmetry_is_half_of_the_whole(lab: SimpleNamespace, solve: Any, shape: str) -> None:
    """An isotropic bar squeezed in its middle from both sides, and its upper half."""
    steel = ElasticTensor.isotropic("200 GPa", 0.3)
    half = lab.box(shape, (3, 2, 2), (3.0, 1.0, 1.0))
    x, n = half.points.in_unit("mm"), len(half.points)
    low = half.region_points("y0")
    mirror = np.arange(n) + n
    mirror[low] = low
    middles = [frozenset(m) for m in SHAPES_OF[shape].middles]
    back = {"quad": [1, 0, 3, 2], "hexahedron": [3, 2, 1, 0, 7, 6, 5, 4]}[SHAPES_OF[shape].first_order]
    order = [middles.index(frozenset(back[i] for i in m)) for m in middles]
    cells = np.vstack([half.blocks[0].nodes, mirror[half.blocks[0].nodes][:, order]])
    y1 = half.region("y1").members
    regions = (
        Region(name="x0", on="points", members=np.union1d(half.region_points("x0"), mirror[half.region_points("x0")])),
        Region(name="both", on="facets", members=np.vstack([y1, mirror[y1]])),
    )
    whole = Mesh(
        points=(np.vstack([x, x * [1, -1, 1]]), "mm"), blocks=(ElementBlock(shape=shape, nodes=cells),), regions=regions
    )
    flat: dict[str, Any] = {"plane": "strain", "thickness": (1, "mm")} if half.dimension == 2 else {}
    load = {"value": (100, "MPa")}
    one = solve(
        LinearElasticity(half, material=steel, conditions=[Fixed("x0"), Symmetry("y0"), Pressure("y1", **load)], **flat)
    )
    two = solve(LinearElasticity(whole, material=steel, conditions=[Fixed("x0"), Pressure("both", **load)], **flat))
    np.testing.assert_allclose(
        one["displacement"], two["displacement"][:n], rtol=0, atol=1e-8 * np.abs(two["displacement"]).max()
    )


def test_what_is_no_plane_of_symmetry(lab: SimpleNamespace, refusal: Any) -> None:
    mesh = lab.box("hexahedron20", (2, 2, 2), (1.0, 2.0, 3.0), curve=0.0)
    x = mesh.points.in_unit("mm")
    bulging = mesh.replace(points=(x + 0.02 * np.outer(x[:, 1] * (2 - x[:, 1]) * (x[:, 0] == 0), [1, 0, 0]), "mm"))
    assert "Symmetry on 'x0': it is not flat: its points lie up to 0.02 mm apart" in refusal(bulging, Symmetry("x0"))
    edge = Region(name="edge", on="points", members=np.flatnonzero((x[:, :2] == 0).all(axis=1)))
    assert "'edge': its 5 points fix no plane" in refusal(mesh.replace(regions=(*mesh.regions, edge)), Symmetry("edge"))
    assert "'O': its 1 points fix no line" in refusal(lab.box("quad8"), Symmetry("O"))
    slightly = mesh.replace(points=(x + np.random.default_rng(1).uniform(-1e-7, 1e-7, x.shape), "mm"))
    assert "free in" in refusal(slightly, Symmetry("x0"))  # coordinates of seven digits are flat enough


def test_symmetry_and_displacement_may_contradict(lab: SimpleNamespace, refusal: Any, solve: Any) -> None:
    mesh = lab.box("hexahedron")
    assert "'x0' and 'X' contradict" not in refusal(mesh, Symmetry("x0"), Displacement("X", x=(1, "mm")))
    assert "displacement along x 0 and 1 mm" in refusal(mesh, Symmetry("x0"), Displacement("O", x=(1, "mm")))
    R = Rotation.from_rotvec([0, 0, 0.5]).as_matrix()
    tilted = moved(mesh, R)
    pulled = Displacement("O", x=(1, "mm"), y=ZERO)
    assert "'O' and 'x0' contradict each other at point 0 (0, 0, 0) mm: displacement along (" in refusal(
        tilted, Symmetry("x0"), pulled
    )
    along = Displacement("O", x=(-np.sin(0.5), "mm"), y=(np.cos(0.5), "mm"), z=ZERO)
    held = [Symmetry("x0"), along, Displacement("Z", y=(np.cos(0.5), "mm")), Symmetry("z0")]
    found = solve(LinearElasticity(tilted, material=lab.tensor, conditions=held))
    np.testing.assert_allclose(found["displacement"] @ R, np.tile([0, 1.0, 0], (27, 1)), rtol=0, atol=1e-12)
