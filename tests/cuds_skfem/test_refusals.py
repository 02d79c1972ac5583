"""What scikit-fem cannot carry is refused before it starts, naming the part, the place and the fix."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cuds.errors import InvalidError, NotConvergedError, UnknownError, UnsupportedError
from cuds.model.condition import BodyForce, Displacement, Fixed, Pressure, Traction
from cuds.model.elements import FACES, NODES, SHAPES as ELEMENTS
from cuds.model.material import ElasticTensor
from cuds.model.mesh import ElementBlock, Mesh, Region
from cuds.model.simulation import LinearElasticity
from cuds_skfem import SkfemWrapper
from cuds_skfem.mesh import body_of


def with_cells(mesh: Mesh, cells: np.ndarray, *more: Region) -> Mesh:
    block = ElementBlock(shape=mesh.blocks[0].shape, nodes=cells)
    return mesh.replace(blocks=(block,), regions=(*mesh.regions, *more))


@pytest.fixture
def refuse(lab: SimpleNamespace, tmp_path: Path) -> Any:
    """Return a function that gives the words in which a check refuses a job on a mesh."""

    def words(mesh: Mesh, *conditions: Any, error: type[Exception] = InvalidError) -> str:
        flat: dict[str, Any] = {"plane": "stress", "thickness": (1, "mm")} if mesh.dimension == 2 else {}
        job = LinearElasticity(mesh, material=lab.tensor, conditions=[Fixed("x0"), *conditions], **flat)
        with pytest.raises(error) as caught:
            SkfemWrapper(tmp_path).check(job)
        return str(caught.value)

    return words


def test_mixed_shapes(lab: SimpleNamespace, refuse: Any) -> None:
    hexahedra = lab.box("hexahedron")
    tetra = ElementBlock(shape="tetra", nodes=np.array([[0, 9, 3, 1]]))
    mesh = hexahedra.replace(blocks=(*hexahedra.blocks, tetra))
    assert "one shape of element, not hexahedron and tetra" in refuse(mesh, error=UnsupportedError)


def test_several_blocks_of_one_shape_are_one_body(lab: SimpleNamespace, solve: Any) -> None:
    whole = lab.box("hexahedron")
    cells = whole.blocks[0].nodes
    parts = whole.replace(blocks=tuple(ElementBlock(shape="hexahedron", nodes=c) for c in (cells[:3], cells[3:])))
    held = [Fixed("x0"), lab.gravity]
    one, two = (solve(LinearElasticity(m, material=lab.tensor, conditions=held)) for m in (whole, parts))
    for name in ("displacement", "stress"):
        np.testing.assert_array_equal(one[name], two[name])


MIRRORED = {  # the corners as seen from behind
    "triangle": [0, 2, 1],
    "quad": [0, 3, 2, 1],
    "tetra": [0, 2, 1, 3],
    "hexahedron": [4, 5, 6, 7, 0, 1, 2, 3],
}


@pytest.mark.parametrize("shape", NODES)
def test_elements_turned_inside_out(lab: SimpleNamespace, refuse: Any, shape: str) -> None:
    """All nodes mirrored, those of second order with their corners."""
    mesh = lab.box(shape)
    cells = mesh.blocks[0].nodes.copy()
    swap = MIRRORED[ELEMENTS[shape].first_order]
    middles = [frozenset(m) for m in ELEMENTS[shape].middles]
    cells[3] = cells[3][[middles.index(frozenset(swap[i] for i in m)) for m in middles]]
    said = refuse(with_cells(mesh, cells))
    assert f"the {shape} 3 about (" in said
    assert f"has no volume or is turned inside out; 1 of {len(cells)} elements do" in said
    assert "in region '" in said
    assert "order of VTK" in said


GMSH = {  # where Gmsh has VTK's further nodes (Gmsh reference manual, "Node ordering")
    "tetra10": [0, 1, 2, 3, 4, 5, 6, 7, 9, 8],
    "hexahedron20": [*range(8), 8, 11, 13, 9, 16, 18, 19, 17, 10, 12, 14, 15],
    "hexahedron27": [*range(8), 8, 11, 13, 9, 16, 18, 19, 17, 10, 12, 14, 15, 22, 23, 21, 24, 20, 25, 26],
}


@pytest.mark.parametrize("shape", GMSH)
def test_nodes_in_the_order_of_gmsh(lab: SimpleNamespace, refuse: Any, shape: str) -> None:
    mesh = lab.box(shape)
    said = refuse(with_cells(mesh, mesh.blocks[0].nodes[:, np.argsort(GMSH[shape])]))
    assert "turned inside out" in said or "but not its other nodes" in said


@pytest.mark.parametrize("shape", [s for s in NODES if ELEMENTS[s].order == 2])
def test_a_node_of_second_order_too_near_to_a_corner(lab: SimpleNamespace, refuse: Any, shape: str) -> None:
    """The corners are where they should be. A quarter of an edge away is meant, and turns nothing inside out yet.

    Henshell and Shaw, Int. J. Numer. Methods Eng. 9, 495 (1975): there the strain grows as at the tip of a crack.
    """
    mesh = lab.box(shape, (1, 1, 1))
    x, cell = mesh.points.in_unit("mm"), mesh.blocks[0].nodes[0]
    node = ELEMENTS[shape].corners
    one, other = (x[cell[i]] for i in ELEMENTS[shape].middles[node])
    for share, bad in ((0.4, False), (0.25, False), (0.2, True), (-0.1, True)):
        moved = x.copy()
        moved[cell[node]] = one + share * (other - one)
        if bad:
            assert f"the {shape} 0 about (" in refuse(mesh.replace(points=(moved, "mm")))
        else:
            body_of(mesh.replace(points=(moved, "mm")))


@pytest.mark.parametrize("shape", [s for s in NODES if ELEMENTS[s].order == 2])
def test_neighbours_with_other_nodes_between_the_same_corners(lab: SimpleNamespace, refuse: Any, shape: str) -> None:
    mesh = lab.box(shape)
    cells, x = mesh.blocks[0].nodes.copy(), mesh.points.value
    inner = np.flatnonzero((x[:, 0] == 0.5) & np.isin(np.arange(len(x)), cells[0, ELEMENTS[shape].corners :]))[0]
    cells[0][cells[0] == inner] = len(x)
    torn = with_cells(mesh.replace(points=(np.vstack([x, x[inner]]), "mm")), cells)
    assert "shares the corners of a facet with another, but not its other nodes" in refuse(torn)


def test_a_tetrahedron_without_volume(lab: SimpleNamespace, refuse: Any) -> None:
    mesh = lab.box("tetra")
    x = mesh.points.in_unit("mm").copy()
    flat = mesh.blocks[0].nodes[0]
    x[flat[3]] = x[flat[:3]].mean(axis=0)
    assert "the tetra 0 about (" in refuse(mesh.replace(points=(x, "mm")))


def test_a_hexahedron_with_a_corner_pushed_through(lab: SimpleNamespace, refuse: Any) -> None:
    """Its volume is still positive; one corner is not."""
    mesh = lab.box("hexahedron", (1, 1, 1))
    x = mesh.points.in_unit("mm").copy()
    x[np.all(x == 1, axis=1)] = 0.3
    assert "turned inside out" in refuse(mesh.replace(points=(x, "mm")))


def test_a_node_named_twice(lab: SimpleNamespace, refuse: Any) -> None:
    mesh = lab.box("hexahedron")
    cells = mesh.blocks[0].nodes.copy()
    cells[2, 6] = cells[2, 5]
    assert "the hexahedron 2 about" in (said := refuse(with_cells(mesh, cells)))
    assert "names a node twice" in said


def test_three_elements_on_a_facet(lab: SimpleNamespace, refuse: Any) -> None:
    mesh = lab.box("tetra")
    cells = np.concatenate([mesh.blocks[0].nodes, mesh.blocks[0].nodes[7:8]])
    assert "shares a facet with two others" in refuse(with_cells(mesh, cells))


@pytest.mark.parametrize("load", [Traction("odd", x=(1, "MPa")), Pressure("odd", value=(1, "MPa"))])
@pytest.mark.parametrize("shape", NODES)
def test_facets_that_cannot_be_loaded(lab: SimpleNamespace, refuse: Any, shape: str, load: Any) -> None:
    mesh = lab.box(shape)
    what, x1 = type(load).__name__, mesh.region("x1").members
    cells, x = mesh.blocks[0].nodes, mesh.points.value

    def said(facets: np.ndarray) -> str:
        odd = Region(name="odd", on="facets", members=facets)
        return refuse(with_cells(mesh, cells, odd), load)

    sides = np.concatenate([cells[:, list(face)] for face in FACES[shape]])
    inner = sides[(x[sides, 0] == 0.5).all(axis=1)][:1]
    assert f"{what} on 'odd': facet {inner[0].tolist()} lies inside the body" in said(np.concatenate([x1, inner]))
    foreign = x1[:1] + 0
    foreign[0, -1] = cells[0, 0]
    assert f"1 facets of which the mesh has 0: facet {foreign[0].tolist()} is none of any element" in said(foreign)
    other = np.arange(x1.shape[1] + 1)[None]
    assert f"facets are the {x1.shape[1]} nodes of a side" in said(other)
    assert f"facet {x1[0].tolist()} is listed twice" in said(np.concatenate([x1, x1[:1]]))
    assert "a region of 0 facets" in said(x1[:0])


def test_supports_on_facets_that_are_not_there(lab: SimpleNamespace, refuse: Any) -> None:
    mesh = lab.box("tetra")
    odd = Region(name="odd", on="facets", members=np.array([[0, 1, 26]]))
    assert "Fixed on 'odd'" in refuse(with_cells(mesh, mesh.blocks[0].nodes, odd), Fixed("odd"))
    nothing = Region(name="odd", on="points", members=np.zeros(0, dtype=np.int64))
    empty = with_cells(mesh, mesh.blocks[0].nodes, nothing)
    assert "no element has a point of region 'odd'" in refuse(empty, Fixed("odd"))


def test_facets_are_found_whatever_node_comes_first(lab: SimpleNamespace, solve: Any) -> None:
    mesh = lab.box("hexahedron")
    x1 = mesh.region("x1").members
    turned = Region(name="turned", on="facets", members=np.roll(x1, 1, axis=1)[::-1, ::-1])
    both = with_cells(mesh, mesh.blocks[0].nodes, turned)
    one, two = (
        solve(LinearElasticity(both, material=lab.tensor, conditions=[Fixed("x0"), Pressure(r, value=(1, "MPa"))]))
        for r in ("x1", "turned")
    )
    np.testing.assert_array_equal(one["displacement"], two["displacement"])


def test_components_and_a_field(lab: SimpleNamespace, refuse: Any) -> None:
    mesh = lab.box("tetra")
    zero = np.zeros((len(mesh.points), 3))
    u, f = (lab.field(mesh, q, zero, unit) for q, unit in (("Displacement", "mm"), ("BodyForceDensity", "N/mm**3")))
    assert "has both components and a field" in refuse(mesh, Displacement("x1", x=(1, "mm"), field=u))
    assert "has both components and a field" in refuse(mesh, BodyForce(x=(1, "N/mm**3"), field=f))


def test_not_converged(lab: SimpleNamespace, solve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    held = [Fixed("x0"), lab.gravity]
    job = LinearElasticity(lab.box("tetra", (6, 6, 6)), material=lab.tensor, conditions=held)
    monkeypatch.setattr("cuds_skfem.bare.MAX_ITERATIONS", 5)
    with pytest.raises(NotConvergedError, match=r"5 iterations of .* left a relative residual of \d") as caught:
        solve(job)
    assert caught.value.fields["iterations"] == 5
    assert 1e-10 < caught.value.fields["residual"] < 1
    monkeypatch.setattr("cuds_skfem.bare.factorised", lambda A: lambda rest: rest / A.diagonal())
    with pytest.raises(NotConvergedError, match="the factorisation left"):
        solve(job, solver="direct")


def test_a_slender_beam_is_as_exact_as_rounding_allows(lab: SimpleNamespace, solve: Any) -> None:
    """Its stiffness along is so much greater than across that rounding leaves a residual: that is said, not refused.

    The tip sinks by F L^3 / 3 E I (1 + (2 + nu) h^2 / 2 L^2), Timoshenko and Goodier, Theory of Elasticity, art. 21.
    """
    mesh = lab.box("quad9", (200, 2), (400.0, 1.0))
    steel = ElasticTensor.isotropic("200 GPa", 0.3)
    conditions = [Fixed("x0"), Traction("x1", y=(1e-3, "MPa"))]
    job = LinearElasticity(mesh, material=steel, conditions=conditions, plane="stress", thickness="1 mm")
    for solver in ("amg", "direct"):
        with pytest.warns(UserWarning, match="rounding leaves a relative residual of"):
            found = solve(job, solver=solver)
        assert found["report"]["relative residual"] < 1e-4
        tip = found["displacement"][mesh.region_points("x1"), 1]
        np.testing.assert_allclose(tip, 1e-3 * 400**3 / (3 * 200e3 / 12), rtol=1e-3)


def test_options_are_those_of_the_dictionary(tmp_path: Path) -> None:
    with pytest.raises(UnknownError, match="no option 'solvers'"):
        SkfemWrapper(tmp_path, options={"solvers": "amg"})
    with pytest.raises(InvalidError, match="solver='cholesky'"):
        SkfemWrapper(tmp_path, options={"solver": "cholesky"})
