"""The node order of every shape of element is that of VTK, asked of VTK itself."""

from typing import Any

import numpy as np
import pytest
from vtkmodules import vtkCommonDataModel as vtk  # noqa: N813

from cuds.model.elements import FACES, NODES, SHAPES

CELLS = {
    "triangle": vtk.vtkTriangle,
    "triangle6": vtk.vtkQuadraticTriangle,
    "quad": vtk.vtkQuad,
    "quad8": vtk.vtkQuadraticQuad,
    "quad9": vtk.vtkBiQuadraticQuad,
    "tetra": vtk.vtkTetra,
    "tetra10": vtk.vtkQuadraticTetra,
    "hexahedron": vtk.vtkHexahedron,
    "hexahedron20": vtk.vtkQuadraticHexahedron,
    "hexahedron27": vtk.vtkTriQuadraticHexahedron,
}


def places(shape: str) -> np.ndarray:
    """Where VTK has the nodes of one element (a, 3)."""
    given = CELLS[shape]().GetParametricCoords()
    return np.array([given[i] for i in range(3 * NODES[shape])]).reshape(-1, 3)


def test_no_shape_is_left_out() -> None:
    assert set(CELLS) == set(NODES)
    assert {name: cell().GetNumberOfPoints() for name, cell in CELLS.items()} == NODES


@pytest.mark.parametrize("shape", CELLS)
def test_nodes_of_second_order_lie_in_the_middle_of_corners(shape: str) -> None:
    points = places(shape)
    for node, middle in enumerate(SHAPES[shape].middles):
        np.testing.assert_array_equal(points[node], points[list(middle)].mean(axis=0))


@pytest.mark.parametrize("shape", CELLS)
def test_facets_have_the_nodes_that_vtk_gives_them(shape: str) -> None:
    cell: Any = CELLS[shape]()
    for i in range(cell.GetNumberOfPoints()):
        cell.GetPointIds().SetId(i, i)
    edges = [ids(cell.GetEdge(i)) for i in range(cell.GetNumberOfEdges())]
    facets = [ids(cell.GetFace(i)) for i in range(cell.GetNumberOfFaces())] or edges
    assert sorted(map(sorted, facets)) == sorted(map(sorted, FACES[shape]))
    assert sorted(map(sorted, edges)) == sorted(map(sorted, SHAPES[shape].edges()))


def ids(cell: Any) -> list[int]:
    """The points of a cell; VTK lends the same one again and again."""
    return [cell.GetPointId(i) for i in range(cell.GetNumberOfPoints())]


@pytest.mark.parametrize("shape", CELLS)
def test_facets_look_outward_and_are_in_their_own_order(shape: str) -> None:
    points, facet = places(shape), SHAPES[SHAPES[shape].facet]
    for face in FACES[shape]:
        corners = points[list(face[: facet.corners])]
        along = corners[1] - corners[0]
        normal = np.cross(along, corners[-1] - corners[0] if facet.dimension == 2 else [0, 0, 1.0])
        assert normal @ (corners.mean(axis=0) - points.mean(axis=0)) > 0
        for node, middle in zip(face, facet.middles, strict=True):
            np.testing.assert_array_equal(points[node], points[[face[i] for i in middle]].mean(axis=0))
