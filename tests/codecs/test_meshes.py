"""Meshes come in with their names and go out with their numbers."""

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import meshio
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st

import cuds
from cuds.codecs.meshio_mesh import from_meshio, to_meshio
from cuds.errors import CudsError, FormatError, InvalidError, UnitError, UnknownError, UnsupportedError
from cuds.model.elements import FACES, NODES, SHAPES
from tests.model.test_elements import places
from tests.stories import fields

POINTS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]], dtype=float)
TETRAHEDRA = np.array([[0, 1, 2, 3], [1, 2, 3, 4]])


def gmsh(path: Path) -> Path:
    """Write what a mesher leaves: physical groups of points, surfaces and volumes, one of them without a name."""
    cells: Any = [("vertex", [[4]]), ("triangle", [[0, 1, 2], [0, 1, 3]]), ("tetra", TETRAHEDRA)]
    tags = [np.array([1]), np.array([2, 9]), np.array([3, 4])]
    names = {"tip": [1, 0], "foot": [2, 2], "soft": [3, 3], "hard": [4, 3]}
    data: Any = {"gmsh:physical": tags, "gmsh:geometrical": tags}
    mesh = meshio.Mesh(POINTS, cells, cell_data=data, field_data={n: np.array(v) for n, v in names.items()})
    meshio.write(path, mesh, file_format="gmsh22", binary=False)
    return path


def test_physical_groups_are_named_regions(tmp_path: Path) -> None:
    mesh = cuds.read(gmsh(tmp_path / "x.msh"), length="mm")[cuds.Mesh]
    assert {r.name: (r.on, r.members.tolist()) for r in mesh.regions} == {
        "tip": ("points", [4]),
        "foot": ("facets", [[0, 1, 2]]),
        "9": ("facets", [[0, 1, 3]]),
        "soft": ("elements", [0]),
        "hard": ("elements", [1]),
    }
    assert mesh.points.unit == "mm"
    assert mesh.region_points("hard").tolist() == [1, 2, 3, 4]


def test_there_and_back_nothing_is_lost(tmp_path: Path) -> None:
    mesh = cuds.read(gmsh(tmp_path / "x.msh"), length="mm")[cuds.Mesh]
    back = from_meshio(to_meshio(mesh, length="mm"), length="mm")
    assert np.array_equal(back.points.value, mesh.points.value)
    assert [b.nodes.tolist() for b in back.blocks] == [b.nodes.tolist() for b in mesh.blocks]
    assert {r.name: (r.on, r.members.tolist()) for r in back.regions} == {
        r.name: (r.on, r.members.tolist()) for r in mesh.regions
    }


def test_two_shapes_are_two_blocks_counted_through() -> None:
    hexahedron = [[0, 1, 2, 3, 4, 5, 6, 7]]
    points = np.random.default_rng(1).normal(size=(9, 3))
    cells: Any = [("tetra", [[0, 1, 2, 3]]), ("hexahedron", hexahedron), ("tetra", [[1, 2, 3, 8]])]
    sets: Any = {"last": [np.array([], int), np.array([], int), np.array([0])]}
    mesh = from_meshio(meshio.Mesh(points, cells, cell_sets=sets), length="m")
    assert [(b.shape, len(b)) for b in mesh.blocks] == [("tetra", 1), ("hexahedron", 1), ("tetra", 1)]
    assert mesh.region("last").members.tolist() == [2]


def test_a_mesh_without_a_unit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnitError, match="length"):
        cuds.read(gmsh(tmp_path / "x.msh"))
    with pytest.raises(UnitError, match="GPa"):
        cuds.read(gmsh(tmp_path / "x.msh"), length="GPa")


def test_other_elements_are_refused_by_name() -> None:
    cells: Any = [("wedge", np.arange(6)[None])]
    with pytest.raises(UnsupportedError, match="wedge"):
        from_meshio(meshio.Mesh(np.zeros((6, 3)), cells), length="m")
    lines: Any = [("line", [[0, 1]])]
    with pytest.raises(FormatError, match="no volume or surface elements"):
        from_meshio(meshio.Mesh(POINTS, lines), length="m")


def one(shape: str, curve: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """The points and the nodes of one element, numbered from the end; further nodes moved, so that it is curved."""
    points = places(shape)
    moved = np.random.default_rng(3).uniform(-curve, curve, points.shape)
    moved[: SHAPES[shape].corners] = 0
    if SHAPES[shape].dimension == 2:
        moved[:, 2] = 0
    return (points + moved)[::-1], np.arange(len(points))[::-1][None]


@pytest.mark.parametrize("shape", NODES)
def test_every_shape_comes_back_from_gmsh_and_from_vtu(shape: str, tmp_path: Path) -> None:
    """With its regions and its curved sides; Gmsh has another node order, which meshio translates."""
    points, cells = one(shape, 0.05)
    facets = cells[:, list(FACES[shape][1])]
    tags: Any = [np.array([7]), np.array([3])]
    names = {"side": np.array([7, SHAPES[shape].dimension - 1]), "body": np.array([3, SHAPES[shape].dimension])}
    data: Any = {"gmsh:physical": tags, "gmsh:geometrical": tags}
    given = meshio.Mesh(points, [(SHAPES[shape].facet, facets), (shape, cells)], cell_data=data, field_data=names)
    meshio.write(tmp_path / "x.msh", given, file_format="gmsh22", binary=False)
    mesh = cuds.read(tmp_path / "x.msh", length="mm")[cuds.Mesh]
    assert [(b.shape, b.nodes.tolist()) for b in mesh.blocks] == [(shape, cells.tolist())]
    np.testing.assert_array_equal(mesh.points.value, points)
    assert mesh.region("side").members.tolist() == facets.tolist()
    assert mesh.region("body").members.tolist() == [0]
    again = from_meshio(to_meshio(mesh, length="mm"), length="mm")
    assert again.digest == mesh.replace(regions=again.regions).digest
    assert {(r.name, r.on, str(r.members)) for r in again.regions} == {
        (r.name, r.on, str(r.members)) for r in mesh.regions
    }
    with pytest.warns(UserWarning, match=r"without its fields: position \[mm\]"):
        vtu = cuds.read(cuds.write(mesh, tmp_path / "x.vtu"), length="mm")[cuds.Mesh]
    assert (vtu.blocks, vtu.points) == (mesh.blocks, mesh.points)
    saved = cuds.read(cuds.DataSet(mesh).save(tmp_path / "x.h5md"))[cuds.Mesh]
    assert saved == mesh


def test_meshio_knows_the_same_order_as_gmsh(tmp_path: Path) -> None:
    """What Gmsh itself writes of a ten-node tetrahedron: its last two nodes are the other way round in VTK."""
    nodes = "\n".join(f"{i + 1} {x} {y} {z}" for i, (x, y, z) in enumerate(places("tetra10")))
    text = f"$MeshFormat\n2.2 0 8\n$EndMeshFormat\n$Nodes\n10\n{nodes}\n$EndNodes\n"
    text += "$Elements\n1\n1 11 2 1 1 1 2 3 4 5 6 7 8 10 9\n$EndElements\n"
    (tmp_path / "x.msh").write_text(text)
    mesh = cuds.read(tmp_path / "x.msh", length="mm")[cuds.Mesh]
    assert mesh.blocks[0].nodes.tolist() == [list(range(10))]


def test_a_plane_mesh_may_have_two_coordinates() -> None:
    cells: Any = [("triangle", [[0, 1, 2]]), ("line", [[0, 1]])]
    sets: Any = {"edge": [np.array([], int), np.array([0])], "all": [np.array([0]), np.array([], int)]}
    mesh = from_meshio(meshio.Mesh([[0, 0], [1, 0], [0, 1]], cells, cell_sets=sets), length="mm")
    assert mesh.dimension == 2
    assert mesh.points.value[:, 2].tolist() == [0, 0, 0]
    assert {r.name: (r.on, r.members.tolist()) for r in mesh.regions} == {
        "edge": ("facets", [[0, 1]]),
        "all": ("elements", [0]),
    }


def test_edges_of_a_body_in_space_are_named_in_a_warning() -> None:
    cells: Any = [("tetra", TETRAHEDRA), ("line", [[0, 1]]), ("line3", [[0, 1, 2]])]
    nothing = np.array([], int)
    sets: Any = {"edge": [nothing, np.array([0]), nothing], "arc": [nothing, nothing, np.array([0])]}
    with pytest.warns(UserWarning, match="without its groups of lines: arc, edge"):
        from_meshio(meshio.Mesh(POINTS, cells, cell_sets=sets), length="mm")


def solved() -> cuds.DataSet:
    block = cuds.ElementBlock(shape="tetra", nodes=TETRAHEDRA)
    mesh = cuds.Mesh(points=(POINTS, "mm"), blocks=(block,))
    stress = np.arange(12.0).reshape(2, 6)
    return cuds.DataSet(
        cuds.Field(
            name="displacement", quantity="Displacement", mesh=mesh, on="points", values=cuds.Quantity(POINTS, "um")
        ),
        cuds.Field(name="stress", quantity="Stress", mesh=mesh, on="elements", values=cuds.Quantity(stress, "MPa")),
        cuds.Field(name="strain", quantity="Strain", mesh=mesh, on="elements", values=cuds.Quantity(stress, "1")),
    )


def test_vtu_holds_every_field_with_its_unit(tmp_path: Path) -> None:
    found = meshio.read(cuds.write(solved(), tmp_path / "x.vtu"))
    assert np.array_equal(found.points, POINTS)
    assert np.array_equal(found.point_data["displacement [um]"], POINTS)
    in_vtks_order = np.arange(12.0).reshape(2, 6)[:, [0, 1, 2, 5, 3, 4]]
    assert np.array_equal(found.cell_data["stress [MPa]"][0], in_vtks_order)
    assert np.array_equal(found.cell_data["strain [1, tensor shear]"][0], in_vtks_order * [1, 1, 1, 0.5, 0.5, 0.5])
    assert np.array_equal(found.point_data["position [mm]"], POINTS)
    assert set(found.point_data) == {"displacement [um]", "position [mm]"}


def test_vtu_is_for_one_mesh(tmp_path: Path) -> None:
    other = cuds.Mesh(points=(POINTS * 2, "mm"), blocks=(cuds.ElementBlock(shape="tetra", nodes=TETRAHEDRA),))
    with pytest.raises(InvalidError, match="2 meshes"):
        cuds.write(solved() + cuds.DataSet(other), tmp_path / "x.vtu")
    with pytest.raises(InvalidError, match="0 meshes"):
        cuds.write(cuds.Stress(value=(np.zeros(6), "GPa")), tmp_path / "x.vtu")


@pytest.mark.parametrize("name", ["x.docx", "x", "x.ttl"])
def test_unknown_formats_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("x")
    with pytest.raises(FormatError):
        cuds.read(tmp_path / name)


@pytest.mark.parametrize("name", ["x.msh", "x.vtk", "x.inp", "x.cif", "x.xyz"])
@pytest.mark.filterwarnings("ignore")
def test_damaged_files_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\x00garbage\xff\n1 2 3\n")
    with pytest.raises(CudsError):
        cuds.read(tmp_path / name, length="mm")


def test_atoms_are_read_by_ase(tmp_path: Path) -> None:
    import ase.build
    import ase.io

    atoms = ase.build.bulk("NaCl", "rocksalt", a=5.64)
    ase.io.write(tmp_path / "salt.cif", atoms)
    system = cuds.read(tmp_path / "salt.cif")[cuds.ParticleSystem]
    assert (system.label, sorted(system.symbols), system.pbc) == ("salt", ["Cl", "Na"], (True, True, True))


def test_a_missing_region_names_the_nearest(tmp_path: Path) -> None:
    mesh = cuds.read(gmsh(tmp_path / "x.msh"), length="mm")[cuds.Mesh]
    with pytest.raises(UnknownError, match="did you mean 'foot'"):
        mesh.region("fot")


XDMF = {  # the types of cells, as its specification numbers and calls them
    "triangle": (4, "Triangle"), "quad": (5, "Quadrilateral"), "tetra": (6, "Tetrahedron"),
    "hexahedron": (9, "Hexahedron"), "triangle6": (36, "Triangle_6"), "quad8": (37, "Quadrilateral_8"),
    "quad9": (35, "Quadrilateral_9"), "tetra10": (38, "Tetrahedron_10"), "hexahedron20": (48, "Hexahedron_20"),
    "hexahedron27": (50, "Hexahedron_27"),
}  # fmt: skip


def in_vtu(path: Path) -> tuple[list[tuple[str, list[int]]], dict[str, np.ndarray]]:
    """Elements with their nodes, and arrays by name."""
    found = meshio.read(path)
    cells = [(block.type, row) for block in found.cells for row in block.data.tolist()]
    return cells, {**found.point_data, **{n: np.concatenate(v) for n, v in found.cell_data.items()}}


def in_xdmf(path: Path) -> tuple[list[tuple[str, list[int]]], dict[str, np.ndarray]]:
    """The same, by the specification: meshio cannot read all that it writes."""
    grid = ET.parse(path).getroot().find("Domain/Grid")
    assert grid is not None
    topology = next(iter(grid.iter("Topology")))
    numbers = [int(n) for n in str(topology.findtext("DataItem")).split()]
    by_number = {number: shape for shape, (number, _) in XDMF.items()}
    by_name = {name: shape for shape, (_, name) in XDMF.items()}
    cells: list[tuple[str, list[int]]] = []
    while numbers:
        shape = by_name.get(topology.get("TopologyType", "")) or by_number[numbers.pop(0)]
        cells.append((shape, [numbers.pop(0) for _ in range(NODES[shape])]))
    arrays = {}
    for attribute in grid.iter("Attribute"):
        item = attribute.find("DataItem")
        assert item is not None
        shape_of = [int(n) for n in item.get("Dimensions", "").split()]
        arrays[attribute.get("Name", "")] = np.array([float(n) for n in str(item.text).split()]).reshape(shape_of)
    return cells, arrays


@pytest.mark.parametrize(("ending", "read"), [("vtu", in_vtu), ("xdmf", in_xdmf)])
@given(field=fields(), name=st.text("abc xyz_ü<&>\"'", min_size=1, max_size=8).map(str.strip).filter(bool))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much], deadline=None)
def test_any_field_comes_back_from_what_paraview_reads(
    ending: str, read: Any, tmp_path: Path, field: cuds.Field, name: str
) -> None:
    field, mesh = field.replace(name=name), field.mesh
    assume(mesh.n_elements)
    cells, arrays = read(cuds.write(field, tmp_path / f"x.{ending}"))
    assert cells == [(block.shape, row) for block in mesh.blocks for row in block.nodes.tolist()]
    assert np.array_equal(arrays[f"position [{mesh.points.unit}]"], mesh.points.value)
    (values,) = (v for n, v in arrays.items() if n.startswith(f"{name} ["))
    expected = np.array(field.values.value)
    if expected.shape[1:] == (6,):  # VTK has xy, yz, xz, and halves of engineering strains
        expected = expected[:, [0, 1, 2, 5, 3, 4]] * ([1, 1, 1, 0.5, 0.5, 0.5] if field.quantity == "Strain" else 1)
    assert np.array_equal(values.reshape(expected.shape), expected)


def test_a_mesh_without_elements_is_not_shown(tmp_path: Path) -> None:
    none = cuds.ElementBlock(shape="tetra", nodes=np.empty((0, 4), dtype=int))
    with pytest.raises(InvalidError, match="no elements"):
        cuds.write(cuds.Mesh(points=(POINTS, "mm"), blocks=(none,)), tmp_path / "x.vtu")
    assert not (tmp_path / "x.vtu").exists()
