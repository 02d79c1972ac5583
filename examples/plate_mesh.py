"""A plate with a round hole as a mesh of hexahedra, written as a Gmsh file like a mesher would leave it.

Lengths in the file are millimetres; as with every mesh file, the file does not say so.
"""

from pathlib import Path

import meshio
import numpy as np


def quarter(side: int, width: float, radius: float, along: int, around: int) -> np.ndarray:
    """Return the nodes (along + 1, around + 1, 2) between the hole and one side of the square about it."""
    t = np.linspace(-1, 1, around + 1)
    angle = np.pi / 4 * t
    hole = radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    edge = width / 2 * np.stack([np.ones_like(t), t], axis=-1)
    s = (np.linspace(0, 1, along + 1) ** 1.5)[:, None, None]  # finer near the hole
    turn = np.pi / 2 * side
    R = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return ((1 - s) * hole + s * edge) @ R.T


def strip(x0: float, x1: float, width: float, along: int, across: int) -> np.ndarray:
    """Return the nodes (along + 1, across + 1, 2) of a rectangle that lengthens the square."""
    x, y = np.meshgrid(np.linspace(x0, x1, along + 1), np.linspace(-width / 2, width / 2, across + 1), indexing="ij")
    return np.stack([x, y], axis=-1)


def write_plate(  # noqa: PLR0913  the sizes of a plate
    path: Path, *, length=120.0, width=60.0, thickness=6.0, radius=10.0, around=12, along=10, layers=3
) -> Path:
    """Write the mesh, with its ends named ``left`` and ``right`` and its elements named ``plate``."""
    blocks = [quarter(side, width, radius, along, around) for side in range(4)]
    blocks += [strip(a, b, width, along, around) for a, b in ((-length / 2, -width / 2), (width / 2, length / 2))]
    flat, cells = [], []
    for block in blocks:
        n, m = block.shape[:2]
        index = np.arange(n * m).reshape(n, m) + sum(len(f) for f in flat)
        flat.append(block.reshape(-1, 2))
        cells.append(np.stack([index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]], axis=-1).reshape(-1, 4))
    plane, merged = np.unique(np.concatenate(flat).round(9), axis=0, return_inverse=True)
    quads = merged[np.concatenate(cells)]
    levels = np.linspace(-thickness / 2, thickness / 2, layers + 1)
    points = np.concatenate([np.column_stack([plane, np.full(len(plane), z)]) for z in levels])
    hexahedra = np.concatenate(
        [np.hstack([quads + k * len(plane), quads + (k + 1) * len(plane)]) for k in range(layers)]
    )
    ends = {name: _end_faces(hexahedra, points, x) for name, x in (("left", -length / 2), ("right", length / 2))}
    tags = [np.full(len(faces), i) for i, faces in enumerate(ends.values(), start=1)] + [np.full(len(hexahedra), 3)]
    mesh = meshio.Mesh(
        points,
        [("quad", ends["left"]), ("quad", ends["right"]), ("hexahedron", hexahedra)],
        cell_data={"gmsh:physical": tags, "gmsh:geometrical": tags},
        field_data={"left": np.array([1, 2]), "right": np.array([2, 2]), "plate": np.array([3, 3])},
    )
    meshio.write(path, mesh, file_format="gmsh22", binary=False)
    return path


def _end_faces(hexahedra: np.ndarray, points: np.ndarray, x: float) -> np.ndarray:
    faces = hexahedra[:, [[0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7]]].reshape(-1, 4)
    return faces[np.isclose(points[faces, 0], x).all(axis=1)]
