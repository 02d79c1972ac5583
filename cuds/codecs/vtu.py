"""Meshes with their fields as VTU, for ParaView.

Lengths stay in the mesh's own unit; every array's name ends in its unit, and the array ``position`` says that of
the points. Tensors are written as VTK has them: the six components xx, yy, zz, xy, yz, xz of the symmetric tensor.
So the shear strains, which are engineering strains in cuds, are halved; the name of the array says it.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from cuds.arrays import FloatArray
from cuds.codecs.whole import replacing
from cuds.errors import InvalidError
from cuds.model.dataset import DataSet
from cuds.model.field import Field
from cuds.model.mesh import Mesh

_VTK = [0, 1, 2, 5, 3, 4]
_HALVED = np.array([1, 1, 1, 0.5, 0.5, 0.5])


def write(data: DataSet, path: Path) -> Path:
    """Write the one mesh of a data set with all its fields.

    Raises
    ------
    InvalidError
        When there is no mesh, or more than one.
    """
    import meshio

    meshes = {e.digest: e for e in data.closure() if isinstance(e, Mesh)}
    if len(meshes) != 1:
        listed = "; ".join(repr(m) for m in meshes.values())
        raise InvalidError(
            f"the data set holds {len(meshes)} meshes{listed and ': '}{listed}",
            hint="write a data set with one mesh: cuds.DataSet(field, ...)",
            field="mesh",
        )
    (mesh,) = meshes.values()
    points = np.array(mesh.points.value)
    data_of: dict[str, dict[str, Any]] = {"points": {f"position [{mesh.points.unit}]": points}, "elements": {}}
    starts = np.cumsum([len(b) for b in mesh.blocks])[:-1]
    for field in (e for e in data.closure() if isinstance(e, Field)):
        here = data_of[field.on]
        values = _as_vtk(field)
        here[_name(field, here)] = values if field.on == "points" else np.split(values, starts)
    cells: list[Any] = [(b.shape, np.array(b.nodes)) for b in mesh.blocks]
    made = meshio.Mesh(points, cells, point_data=data_of["points"], cell_data=data_of["elements"])
    with replacing(path) as partial:
        meshio.write(partial, made, file_format="vtu")
    return path


def _as_vtk(field: Field) -> FloatArray:
    values: FloatArray = np.array(field.values.value)
    if values.shape[1:] != (6,):
        return values
    return (values * _HALVED if field.quantity == "Strain" else values)[:, _VTK]


def _name(field: Field, taken: Iterable[str]) -> str:
    """Return the field's name with its unit, with a number where two bear the same."""
    unit = "1, tensor shear" if field.quantity == "Strain" else field.values.unit
    name, n = f"{field.name} [{unit}]", 1
    while name in taken:
        n += 1
        name = f"{field.name} {n} [{unit}]"
    return name
