"""Files of meshes that meshio reads and writes: Gmsh, VTK, Abaqus, MED, XDMF and many more.

None of them says its unit of length, so it must be given. They hold more or less of the regions of a mesh, and do not
say so: what was written is read back and compared before it gets its name. Gmsh files get regions as physical groups.
"""

import contextlib
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cuds.codecs.meshio_mesh import from_meshio, to_meshio
from cuds.codecs.translation import Carried
from cuds.codecs.whole import replacing
from cuds.errors import CudsError, FormatError, InvalidError, UnitError, UnsupportedError
from cuds.model.dataset import DataSet
from cuds.model.mesh import Mesh, Region
from cuds.units import fitting_units

# How meshio calls what it writes into one file: by what it reads it as, and with which settings it writes it.
WRITTEN: dict[str, tuple[str, dict[str, Any]]] = {
    ".msh": ("gmsh", {"file_format": "gmsh22", "binary": False}),  # the version that all read
    ".vtk": ("vtk", {"file_format": "vtk", "binary": True}),
    ".inp": ("abaqus", {"file_format": "abaqus"}),
    ".med": ("med", {"file_format": "med"}),
    ".bdf": ("nastran", {"file_format": "nastran", "point_format": "fixed-large"}),
    ".avs": ("avsucd", {"file_format": "avsucd"}),
}
_DIGITS = 1e-6  # of the largest coordinate: rounded in the file, not another point


def extensions() -> set[str]:
    """Return the extensions of files that meshio reads."""
    import meshio

    return set(meshio.extension_to_filetypes)


def read(file: Path, length: str | None) -> DataSet:
    """Return the mesh in a file.

    Raises
    ------
    FormatError
        When meshio cannot read it, or there is no mesh in it.
    UnitError
        When no unit of length is given.
    """
    return DataSet(_mesh(file, length, None), label=file.stem)


def _mesh(file: Path, length: str | None, kind: str | None) -> Mesh:
    import meshio

    try:
        found = meshio.read(file, kind)
    except (Exception, SystemExit) as error:  # meshio ends the process for some formats
        raise FormatError(
            f"{file}: meshio cannot read it: {type(error).__name__}: {error}",
            hint="is it a mesh, and whole? Gmsh files are best saved as version 2.2 or 4.1",
            field="path",
        ) from error
    return from_meshio(found, length=length, label=file.stem)


def write(data: DataSet, path: Path, length: str | None = None) -> list[Carried]:
    """Write the one mesh of a data set, and return what became of each part.

    Raises
    ------
    UnitError
        When no unit of length is given.
    InvalidError
        When there is no mesh, or more than one.
    UnsupportedError
        When the format does not give the elements back.
    """
    import meshio

    meshes = data.all(Mesh)
    if len(meshes) != 1:
        raise InvalidError(f"{path}: it holds one mesh, not {len(meshes)}", hint="give the one", field="mesh")
    mesh: Mesh = meshes[0]
    if length is None:
        raise UnitError(
            f"length: {path}: the file says no unit of length",
            hint=f"give one: length={mesh.points.unit!r}, one of {', '.join(fitting_units('m'))}",
            field="length",
        )
    kind, how = WRITTEN[path.suffix.lower()]
    made = _with_groups(mesh, length) if kind == "gmsh" else to_meshio(mesh, length=length)
    with replacing(path) as partial:
        _quietly(lambda: meshio.write(partial, made, **how), path)
        try:
            found: Mesh = _quietly(lambda: _mesh(partial, length, kind), path)
        except CudsError as error:
            raise _refused(path, f"it cannot be read back: {error.message}".replace(str(partial), path.name)) from error
        fates = list(_fates(mesh, found, path, length))
    others = [e for e in data if e is not mesh]
    return [*fates, *(Carried(repr(e).splitlines()[0], "left out", "the file is of a mesh") for e in others)]


def _quietly(what: Any, path: Path) -> Any:
    """Do something with meshio, which prints what it leaves out; that is found by comparing."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        try:
            return what()
        except CudsError:
            raise
        except (Exception, SystemExit) as error:
            raise _refused(path, f"{type(error).__name__}: {error}") from error


def _refused(path: Path, why: str) -> UnsupportedError:
    return UnsupportedError(
        f"{path}: meshio cannot write this mesh there: {why}", hint="take another format, like .msh", field="path"
    )


def _with_groups(mesh: Mesh, length: str) -> Any:
    """Return a meshio Mesh whose regions are physical groups; an element of several is there once for each."""
    import meshio

    made = to_meshio(mesh, length=length)
    tag = {region.name: i for i, region in enumerate(mesh.regions, start=1)}
    cells: list[Any] = [(b.shape, np.array(b.nodes)) for b in mesh.blocks]
    tags = [np.zeros(len(b), dtype=int) for b in mesh.blocks]
    groups: dict[str, Any] = {}
    for region in mesh.regions:
        dimension = {"points": 0, "facets": mesh.dimension - 1, "elements": mesh.dimension}[region.on]
        groups[region.name] = np.array([tag[region.name], dimension])
        if region.on == "points":
            parts = [("vertex", region.members[:, None])]
        else:
            sets = made.cell_sets[region.name]
            parts = [(block.type, block.data[chosen]) for block, chosen in zip(made.cells, sets, strict=True)]
        for shape, nodes in parts:
            if len(nodes):
                cells.append((shape, np.array(nodes)))
                tags.append(np.full(len(nodes), tag[region.name]))
    data: dict[str, Any] = {"gmsh:physical": tags, "gmsh:geometrical": tags}
    return meshio.Mesh(made.points, cells, cell_data=data, field_data=groups)


def _fates(mesh: Mesh, found: Mesh, path: Path, length: str) -> Iterator[Carried]:
    fmt = path.suffix
    if [b.shape for b in mesh.blocks] != [b.shape for b in found.blocks] or any(
        not np.array_equal(a.nodes, b.nodes) for a, b in zip(mesh.blocks, found.blocks, strict=True)
    ):
        raise _refused(path, "the elements would come back as others, or in another order")
    points, back = (np.asarray(m.points.in_unit(length)) for m in (mesh, found))
    off = float(np.abs(points - back).max(initial=0.0)) if points.shape == back.shape else np.inf
    if off > _DIGITS * np.abs(points).max(initial=0.0):
        raise _refused(path, f"points would come back up to {off:.3g} {length} from where they are")
    n = f"{len(points)} points"
    yield Carried(n, "converted" if off else "carried", f"in {length}" + (f", off by {off:.1e} at most" if off else ""))
    yield Carried(f"{mesh.n_elements} elements", "carried", ", ".join(dict.fromkeys(b.shape for b in mesh.blocks)))
    there = {r.name: r for r in found.regions}
    for region in mesh.regions:
        same = region.name in there and _members(region) == _members(there[region.name])
        said = "under its name" if same else f"{fmt} gives no such region back"
        yield Carried(f"region {region.name!r} of {region.on}", "carried" if same else "left out", said)


def _members(region: Region) -> tuple[str, frozenset[tuple[int, ...]]]:
    rows = np.sort(region.members.reshape(len(region.members), -1), axis=1)
    return region.on, frozenset(map(tuple, rows.tolist()))
