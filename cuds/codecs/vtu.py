"""Meshes with their fields as VTU or XDMF, for ParaView.

Lengths stay in the mesh's own unit; every array's name ends in its unit, and the array ``position`` says that of
the points. Tensors are written as VTK has them: the six components xx, yy, zz, xy, yz, xz of the symmetric tensor.
So the shear strains, which are engineering strains in cuds, are halved; the name of the array says it.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from cuds.arrays import FloatArray
from cuds.codecs.translation import Carried, Fate
from cuds.codecs.whole import replacing
from cuds.errors import InvalidError
from cuds.model.dataset import DataSet
from cuds.model.entity import Entity
from cuds.model.field import Field
from cuds.model.mesh import Mesh

_VTK = [0, 1, 2, 5, 3, 4]
_HALVED = np.array([1, 1, 1, 0.5, 0.5, 0.5])


def write(data: DataSet, path: Path) -> list[Carried]:
    """Write the one mesh of a data set with all its fields; return what becomes of each entity.

    Raises
    ------
    InvalidError
        When there is no mesh, or more than one, or it has no elements.
    """
    from xml.sax.saxutils import escape

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
    if not mesh.n_elements:
        raise InvalidError("the mesh has no elements: nothing would be shown", hint="mesh the body", field="blocks")
    data_of: dict[str, dict[str, Any]] = {"points": {f"position [{mesh.points.unit}]": points}, "elements": {}}
    filled = groupby((b for b in mesh.blocks if len(b)), key=lambda b: b.shape)  # meshio stumbles over empty ones
    cells: list[Any] = [(shape, np.concatenate([b.nodes for b in blocks])) for shape, blocks in filled]
    starts = np.cumsum([len(nodes) for _, nodes in cells])[:-1]
    for field in (e for e in data.closure() if isinstance(e, Field)):
        here = data_of[field.on]
        values = _as_vtk(field)
        here[_name(field, here)] = values if field.on == "points" else np.split(values, starts)
    xdmf = path.suffix.lower() == ".xdmf"
    if not xdmf:  # meshio writes names into VTU as they are
        data_of = {on: {escape(name, {'"': "&quot;"}): v for name, v in here.items()} for on, here in data_of.items()}
    made = meshio.Mesh(points, cells, point_data=data_of["points"], cell_data=data_of["elements"])
    how = {"file_format": "xdmf", "data_format": "XML"} if xdmf else {"file_format": "vtu"}  # its numbers inside
    with replacing(path) as partial:
        meshio.write(partial, made, **how)
    return list(_fates(data, mesh))


def _fates(data: DataSet, mesh: Mesh) -> Iterator[Carried]:
    shown = [e for e in data.closure() if isinstance(e, Field)]
    for entity in [mesh, *shown]:
        halved = isinstance(entity, Field) and entity.quantity == "Strain"
        fate: Fate = "converted" if halved else "carried"
        yield Carried(_line(entity), fate, "tensor shear strains" if halved else "its unit is in the name of the array")
    if mesh.regions:
        yield Carried(f"{len(mesh.regions)} regions", "left out", "the file has no place for them")
    for entity in data:
        if entity not in shown and not isinstance(entity, Mesh):
            yield Carried(_line(entity), "left out", "the file is of a mesh and its fields")


def _line(entity: Entity) -> str:
    return repr(entity).splitlines()[0]


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
