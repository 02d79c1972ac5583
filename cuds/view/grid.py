"""Meshes and parts of them as VTK takes cells: for each the number of its points, then the points, and its type."""

from collections.abc import Iterable

import numpy as np

from cuds.arrays import IntArray
from cuds.model.elements import SHAPES
from cuds.model.mesh import Mesh, Region

# The VTK file format's numbers of the shapes of cells (vtkCellType.h).
VTK_CELLS = {
    **{"line": 3, "triangle": 5, "quad": 9, "tetra": 10, "hexahedron": 12},
    **{"line3": 21, "triangle6": 22, "quad8": 23, "quad9": 28},
    **{"tetra10": 24, "hexahedron20": 25, "hexahedron27": 29},
}


def cells_of(parts: Iterable[tuple[str, IntArray]]) -> tuple[IntArray, IntArray]:
    """Return the cells and their types, of shapes with their nodes (n, n_nodes)."""
    cells, types = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for shape, nodes in parts:
        cells.append(np.hstack([np.full((len(nodes), 1), nodes.shape[1]), nodes]).ravel())
        types.append(np.full(len(nodes), VTK_CELLS[shape]))
    return np.concatenate(cells), np.concatenate(types)


def elements_of(mesh: Mesh) -> tuple[IntArray, IntArray]:
    """Return the elements of a mesh."""
    return cells_of((b.shape, b.nodes) for b in mesh.blocks)


def facets_of(mesh: Mesh, region: Region | None) -> tuple[IntArray, IntArray]:
    """Return the facets of a region; none where it consists of something else, or of what no facet looks like."""
    if region is None or region.on != "facets":
        return cells_of([])
    width, dimension = region.members.shape[1], mesh.dimension - 1
    fitting = [s.name for s in SHAPES.values() if s.dimension == dimension and len(s.middles) == width]
    return cells_of((shape, region.members) for shape in fitting)
