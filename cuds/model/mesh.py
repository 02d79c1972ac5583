"""Finite-element meshes with named regions."""

from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from cuds import iris
from cuds.arrays import IntArray, looked_through
from cuds.errors import InvalidError, UnknownError, did_you_mean
from cuds.model.elements import FACES, NODES, SHAPES
from cuds.model.entity import Component, Entity, Term
from cuds.registry import service
from cuds.units import Quantity

__all__ = ["FACES", "NODES", "ElementBlock", "Mesh", "Region"]
ShapeName = Literal[
    "triangle", "quad", "triangle6", "quad8", "quad9",
    "tetra", "hexahedron", "tetra10", "hexahedron20", "hexahedron27",
]  # fmt: skip


class ElementBlock(Component):
    """Elements of one shape.

    Parameters
    ----------
    shape : {"triangle", "quad", "tetra", "hexahedron"} or of second order
        As meshio and VTK call it, with their node order: ``"triangle6"``, ``"quad8"``, ``"quad9"``, ``"tetra10"``,
        ``"hexahedron20"``, ``"hexahedron27"``. Triangles and quadrilaterals make up a body in a plane.
    nodes : int array (n_elements, n_nodes)
        Rows of `Mesh.points`.
    """

    shape: Annotated[ShapeName, Term(iris.elementShape)]
    nodes: Annotated[IntArray, Term(iris.nodes, shape=("n_elements", "n_nodes"), dtype="int64", means="Connectivity")]

    @model_validator(mode="after")
    def _right_count(self) -> Self:
        if self.nodes.shape[1] != NODES[self.shape]:
            raise InvalidError(
                f"nodes: {self.nodes.shape[1]} nodes an element",
                hint=f"a {self.shape} has {NODES[self.shape]}",
                field="nodes",
            )
        return self

    def __len__(self) -> int:
        return len(self.nodes)


class Region(Component):
    """A named part of a mesh.

    Parameters
    ----------
    name : str
        What conditions and materials call it.
    on : {"elements", "facets", "points"}
        What it consists of.
    members : int array (n,) or (n, n_nodes)
        Elements (numbered through all blocks) or points; for facets the nodes of each, in the node order of VTK: of
        a body in space surfaces, of a body in a plane lines.
    """

    name: Annotated[str, Term(iris.name)] = Field(min_length=1)
    on: Annotated[Literal["elements", "facets", "points"], Term(iris.on)]
    members: Annotated[IntArray, Term(iris.members, shape=("n_members", "..."), dtype="int64", means="Members")]

    @model_validator(mode="after")
    def _right_rank(self) -> Self:
        if self.members.ndim != (2 if self.on == "facets" else 1):
            raise InvalidError(
                f"members: {self.members.ndim} axes",
                hint="facets are rows of node numbers (n, n_nodes); elements and points are (n,)",
                field="members",
            )
        return self

    def points(self, blocks: tuple[ElementBlock, ...] = ()) -> IntArray:
        """Return the points of the region, each once."""
        if self.on == "elements":
            starts = np.cumsum([0, *(len(b) for b in blocks)])
            inside = [
                b.nodes[self.members[(self.members >= s) & (self.members < s + len(b))] - s]
                for s, b in zip(starts, blocks, strict=False)
            ]
            return np.unique(np.concatenate([x.ravel() for x in inside]))
        return np.unique(self.members)


class Mesh(Entity):
    """Points, elements, and named regions.

    Parameters
    ----------
    points : Quantity (n_points, 3)
        Length; of a body in a plane all with the same z.
    blocks : tuple of ElementBlock
        The elements, by shape; all of a body in space, or all of a body in a plane.
    regions : tuple of Region
        Names for parts of it.
    """

    points: Annotated[Quantity, Term(iris.points, "Length", ("n_points", 3), means="Position")]
    blocks: Annotated[tuple[ElementBlock, ...], Term(iris.blocks)] = Field(min_length=1)
    regions: Annotated[tuple[Region, ...], Term(iris.regions)] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if looked_through():
            return self
        n_points, n_elements = len(self.points), self.n_elements
        for block in self.blocks:
            _within(block.nodes, n_points, f"blocks: a node of a {block.shape}", "points")
        if len({SHAPES[b.shape].dimension for b in self.blocks}) > 1:
            raise InvalidError(
                f"blocks: {' and '.join(sorted({b.shape for b in self.blocks}))} in one mesh",
                hint="surfaces of a body in space are regions of facets: Region(on='facets', ...)",
                field="blocks",
            )
        names = [r.name for r in self.regions]
        if len(set(names)) != len(names):
            raise InvalidError(
                f"regions: a name occurs twice in {', '.join(names)}",
                hint="give each region its own name",
                field="regions",
            )
        for region in self.regions:
            on, limit = ("elements", n_elements) if region.on == "elements" else ("points", n_points)
            _within(region.members, limit, f"regions: a member of {region.name!r}", on)
        return self

    @property
    def n_elements(self) -> int:
        """How many elements there are in all blocks."""
        return sum(len(b) for b in self.blocks)

    @property
    def dimension(self) -> int:
        """3 for a body in space, 2 for a body in a plane."""
        return SHAPES[self.blocks[0].shape].dimension

    def region(self, name: str) -> Region:
        """Return a named region.

        Raises
        ------
        UnknownError
            When the mesh has none of that name.
        """
        for region in self.regions:
            if region.name == name:
                return region
        raise UnknownError(
            f"the mesh has no region {name!r}",
            hint=did_you_mean(name, [r.name for r in self.regions]),
            field="region",
            region=name,
        )

    def region_points(self, name: str) -> IntArray:
        """Return the points of a named region, each once."""
        return self.region(name).points(self.blocks)

    @classmethod
    def from_meshio(cls, mesh: Any, *, length: str) -> "Mesh":
        """Return the mesh that a meshio Mesh holds; the file has no unit, so `length` is needed."""
        made: Mesh = service("mesh.from_meshio")(mesh, length=length)
        return made

    def to_meshio(self, *, length: str = "m") -> Any:
        """Return a meshio Mesh with points in `length` and the regions as sets."""
        return service("mesh.to_meshio")(self, length=length)

    def __repr__(self) -> str:
        blocks = ", ".join(f"{len(b)} {b.shape}" for b in self.blocks)
        names = ", ".join(r.name for r in self.regions) or "none"
        return f"Mesh({len(self.points)} points in {self.points.unit}, {blocks}; regions {names})"


def _within(indices: IntArray, limit: int, what: str, of: str) -> None:
    if indices.size and not 0 <= indices.min() <= indices.max() < limit:
        worst = int(indices.max() if indices.max() >= limit else indices.min())
        raise InvalidError(f"{what} is {worst}, but there are {limit} {of}", hint="numbers start at 0")
