"""Meshes of meshio to ours and back: physical groups and sets are named regions.

The cells of the highest dimension are the elements, those of one less the facets: of a body in space volumes and
surfaces, of a body in a plane surfaces and lines. Groups of them become regions, as do vertices and point sets. What
a mesh file never holds is its unit of length. What has no place in a mesh of ours is named in a warning.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from cuds.arrays import IntArray
from cuds.errors import FormatError, UnitError, UnsupportedError
from cuds.model.elements import SHAPES
from cuds.model.mesh import ElementBlock, Mesh, Region
from cuds.units import fitting_units

_DIMENSION = {"vertex": 0, **{name: shape.dimension for name, shape in SHAPES.items()}}


@dataclass
class _Part:
    """What bears a name in one block of cells, or in the points."""

    name: str
    kind: str  # of cell, as meshio calls it
    members: IntArray


def from_meshio(mesh: Any, *, length: str | None, label: str = "") -> Mesh:
    """Return the mesh that a meshio Mesh holds.

    Parameters
    ----------
    mesh : meshio.Mesh
        Elements of first or second order. An element that is there more than once (as MSH 2 writes those of several
        groups) is taken once. Points without an element are kept.
    length : str
        The unit of its points.
    label : str
        A name for people.

    Warns
    -----
    UserWarning
        For what is left out (groups of edges of a body in space, fields, empty sets), and for points without an
        element.

    Raises
    ------
    UnitError
        When no unit is given.
    UnsupportedError
        For cells of other kinds.
    FormatError
        When there are neither volumes nor surfaces.
    """
    if length is None:
        raise UnitError(
            "length: a mesh file says no unit of length",
            hint=f"give one: length='mm', one of {', '.join(fitting_units('m'))}",
            field="length",
        )
    for block in mesh.cells:
        if block.type not in _DIMENSION:
            raise UnsupportedError(
                f"the mesh has {len(block.data)} cells of the kind {block.type!r}",
                hint=f"mesh with elements of first or second order: {', '.join(_DIMENSION)}",
                field="cells",
            )
    top = max((_DIMENSION[block.type] for block in mesh.cells), default=0)
    if top < 2:
        raise FormatError(
            "the mesh has no volume or surface elements",
            hint="mesh the volume of a body in space, or the surface of a body in a plane",
            field="cells",
        )
    blocks, renumbered = _elements(mesh, top)
    parts = [*_physical(mesh, renumbered), *_cell_sets(mesh, renumbered), *_point_sets(mesh)]
    _tell(mesh, blocks, parts, top)
    flat = ((0, 0), (0, 3 - mesh.points.shape[1]))
    regions = tuple(_regions(parts, top))
    return Mesh(label=label, points=(np.pad(mesh.points, flat), length), blocks=blocks, regions=regions)


def _elements(mesh: Any, top: int) -> tuple[tuple[ElementBlock, ...], list[IntArray]]:
    """Return the blocks of elements, each element once, and for each block of cells the numbers of its elements."""
    volumes = [b for b in mesh.cells if _DIMENSION[b.type] == top]
    first = _firsts([(b.type, b.data) for b in volumes])
    kept = first == np.arange(len(first))
    number = (np.cumsum(kept) - 1)[first]
    starts = np.cumsum([0, *(len(b.data) for b in volumes)])
    chosen = [b.data[kept[a : a + len(b.data)]] for a, b in zip(starts, volumes, strict=False)]
    blocks = tuple(ElementBlock(shape=b.type, nodes=n) for b, n in zip(volumes, chosen, strict=True) if len(n))
    of_volume = iter(np.split(number, starts[1:-1]))
    nothing = np.array([], dtype=np.int64)
    return blocks, [next(of_volume) if _DIMENSION[b.type] == top else nothing for b in mesh.cells]


def _firsts(blocks: list[tuple[str, Any]]) -> IntArray:
    """Return, for each cell through all blocks, the first that has the same kind and the same points."""
    first = np.arange(sum(len(data) for _, data in blocks))
    starts = np.cumsum([0, *(len(data) for _, data in blocks)])
    for kind in dict.fromkeys(kind for kind, _ in blocks):
        where = [np.arange(a, a + len(d)) for a, (k, d) in zip(starts, blocks, strict=False) if k == kind]
        rows = np.sort(np.concatenate([d for k, d in blocks if k == kind]), axis=1)
        first[np.concatenate(where)] = np.concatenate(where)[_first_rows(rows)]
    return first


def _first_rows(rows: IntArray) -> IntArray:
    """Return, for each row, the number of the first one that equals it."""
    weights = np.random.default_rng(0).integers(1, 2**62, rows.shape[1]) | 1
    with np.errstate(over="ignore"):
        hashes = (rows.astype(np.int64) * weights).sum(axis=1)
    if len(np.unique(hashes)) == len(rows):  # equal rows have equal hashes, which are fast to compare
        return np.arange(len(rows))
    _, index, inverse = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    return np.asarray(index[inverse.ravel()])


def _physical(mesh: Any, renumbered: list[IntArray]) -> Iterator[_Part]:
    """Yield the physical groups of Gmsh; a group without a name is called by its number."""
    names = {(int(tag), int(dim)): name for name, (tag, dim) in mesh.field_data.items()}
    tags_of = mesh.cell_data.get("gmsh:physical", [])
    for block, tags, numbers in zip(mesh.cells, tags_of, renumbered, strict=False):
        for tag in np.unique(tags):
            if tag != 0:
                name = names.get((int(tag), _DIMENSION[block.type]), str(tag))
                yield _part(name, block, np.flatnonzero(tags == tag), numbers)


def _cell_sets(mesh: Any, renumbered: list[IntArray]) -> Iterator[_Part]:
    for name, sets in mesh.cell_sets.items():
        if not name.startswith("gmsh:"):
            for block, chosen, numbers in zip(mesh.cells, sets, renumbered, strict=True):
                if chosen is not None and len(chosen):
                    yield _part(name, block, np.asarray(chosen, dtype=np.int64), numbers)


def _part(name: str, block: Any, chosen: IntArray, numbers: IntArray) -> _Part:
    """Return a group of cells: elements by number, others by their points."""
    return _Part(name, block.type, numbers[chosen] if len(numbers) else np.asarray(block.data[chosen], np.int64))


def _point_sets(mesh: Any) -> Iterator[_Part]:
    for name, chosen in mesh.point_sets.items():
        if len(chosen):
            yield _Part(name, "vertex", np.asarray(chosen, dtype=np.int64))


def _tell(mesh: Any, blocks: tuple[ElementBlock, ...], parts: list[_Part], top: int) -> None:
    """Warn of what is left out, and of what an engine may stumble over."""
    lines = sorted({p.name for p in parts if 0 < _DIMENSION[p.kind] < top - 1})
    sets = {n for n in (*mesh.cell_sets, *mesh.point_sets) if not n.startswith("gmsh:")}
    empty = sorted(sets - {p.name for p in parts})
    fields = sorted({*mesh.point_data, *mesh.cell_data} - {"gmsh:physical", "gmsh:geometrical", "gmsh:dim_tags"})
    for what, names in (("groups of lines", lines), ("empty sets", empty), ("fields", fields)):
        if names:
            warnings.warn(f"the mesh is read without its {what}: {', '.join(names)}", stacklevel=3)
    used = np.zeros(len(mesh.points), dtype=bool)
    for block in blocks:
        used[block.nodes] = True
    if not used.all():
        warnings.warn(
            f"{np.count_nonzero(~used)} points belong to no element, the first is {np.flatnonzero(~used)[0]}; "
            "they are kept",
            stacklevel=3,
        )


def _regions(parts: list[_Part], top: int) -> list[Region]:
    """Join what bears one name and is of one kind; different kinds under one name are told apart."""
    on_what = {0: "points", top - 1: "facets", top: "elements"}
    groups: dict[tuple[str, str], list[_Part]] = {}
    for part in parts:
        dimension = _DIMENSION[part.kind]
        if dimension in on_what:
            groups.setdefault((part.name, "elements" if dimension == top else part.kind), []).append(part)
    names = [name for name, _ in groups]
    regions = []
    for (name, kind), joined in groups.items():
        rows = np.concatenate([p.members.reshape(len(p.members), -1) for p in joined])
        once = rows[np.unique(_first_rows(np.sort(rows, axis=1)))]
        on = on_what[_DIMENSION.get(kind, top)]
        called = name if names.count(name) == 1 else f"{name} ({'points' if kind == 'vertex' else kind})"
        regions.append(Region(name=called, on=on, members=once if on == "facets" else once.ravel()))
    return regions


def to_meshio(mesh: Mesh, *, length: str = "m") -> Any:
    """Return a meshio Mesh: elements first, then the facets of regions; regions are sets.

    Parameters
    ----------
    mesh : Mesh
        What is to be handed over.
    length : str
        The unit that its points get.

    Raises
    ------
    UnitError
        When `length` is no unit of length.
    UnsupportedError
        For facets that have as many points as no facet has.
    """
    import meshio

    cells: list[Any] = [(b.shape, np.array(b.nodes)) for b in mesh.blocks]
    facets = [r for r in mesh.regions if r.on == "facets"]
    cells += [(_facet(r, mesh.dimension), np.array(r.members)) for r in facets]
    starts = np.cumsum([0, *(len(b) for b in mesh.blocks)])
    sets: dict[str, list[Any]] = {}
    for region in mesh.regions:
        if region.on != "points":
            sets[region.name] = [np.array([], dtype=np.int64) for _ in cells]
        if region.on == "elements":
            for i, (a, b) in enumerate(pairwise(starts)):
                sets[region.name][i] = region.members[(region.members >= a) & (region.members < b)] - a
    for k, region in enumerate(facets, start=len(mesh.blocks)):
        sets[region.name][k] = np.arange(len(region.members))
    points: dict[str, Any] = {r.name: np.array(r.members) for r in mesh.regions if r.on == "points"}
    return meshio.Mesh(np.array(mesh.points.in_unit(length)), cells, cell_sets=sets, point_sets=points)


def _facet(region: Region, dimension: int) -> str:
    width = region.members.shape[1]
    known = {len(s.middles): s.name for s in SHAPES.values() if s.dimension == dimension - 1}
    if width not in known:
        raise UnsupportedError(
            f"the facets of {region.name!r} have {width} points",
            hint=f"facets have {', '.join(map(str, known))} points",
            field="regions",
        )
    return known[width]
