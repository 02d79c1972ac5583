"""The stiffness of composites and of polycrystals, from that of what they are made of; and its bounds."""

import secrets
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from cuds import iris
from cuds.errors import InvalidError
from cuds.execution.record import now, run_record
from cuds.execution.session import Laboratory
from cuds.model.bounds import ElasticBounds
from cuds.model.cells import polycrystal
from cuds.model.dataset import DataSet
from cuds.model.entity import Term
from cuds.model.homogenisation import Homogenisation
from cuds.model.material import ElasticTensor, Material
from cuds.model.mesh import Mesh
from cuds.model.regions import as_material
from cuds.recipes import bounds
from cuds.recipes.recipe import Recipe
from cuds.units import Quantity

Arrangement = Literal["unknown", "isotropic", "fibre"]


class _Aggregate(Recipe):
    gives = ElasticTensor
    with_it = (ElasticBounds,)
    runs = (Homogenisation,)
    tolerance: Annotated[float, Term(iris.tolerance)] = Field(default=1e-10, gt=0, lt=1)

    def cell(self) -> Homogenisation:
        """Return the cell."""
        raise NotImplementedError

    def table(self, parts: list[ElasticTensor], shares: np.ndarray) -> bounds.Table:
        """Return what is known beforehand."""
        raise NotImplementedError

    def follow(self, laboratory: Laboratory) -> DataSet:
        """Strain the cell in six ways, and compare what comes out with the bounds.

        There are none of a cell of which a part is empty.
        """
        started = now()
        job = self.cell()
        with laboratory.open(job) as opened:
            opened.session.advance()
            found = opened.session.pull(ElasticTensor)
            transcript, report = opened.session.transcript(), opened.session.report()
        record = run_record(self, opened.engine.name, opened.engine.version, started, transcript, report.items())
        tensor = found.replace(label=f"{job.label or job.mesh.label} effective stiffness".strip()).made_by(record)
        shares = np.array([report["shares of the cell"].get(name, 0.0) for name in job.materials])
        if not np.isclose(shares.sum(), 1.0, rtol=0, atol=1e-6):
            return DataSet(tensor, job)
        return DataSet(tensor, self._bounds(job, shares, tensor).made_by(record), job)

    def _bounds(self, job: Homogenisation, shares: np.ndarray, tensor: ElasticTensor) -> ElasticBounds:
        parts = [m.needed("elastic").rotated(m.orientation) for m in job.materials.values()]
        stiffness = np.array([p.stiffness.in_unit("GPa") for p in parts])
        methods, constants, moduli = bounds.as_quantity(self.table(parts, shares), tensor)
        lower, upper = (
            ElasticTensor(stiffness=Quantity(0.5 * (C + C.T), "GPa"), label=name)
            for name, C in (
                ("Reuss", bounds.reuss(stiffness, shares)),
                ("Voigt", bounds.voigt(stiffness, shares)),
            )
        )
        return ElasticBounds(
            label="bounds", lower=lower, upper=upper, methods=methods, constants=constants, moduli=moduli
        )


class CompositeConstants(_Aggregate):
    """The effective stiffness of a composite, from a periodic cell of it.

    Parameters
    ----------
    mesh : Mesh
        The cell, with the regions of facets xmin, xmax, ymin, ymax, zmin and zmax: `cuds.fibre_array`,
        `cuds.laminate`, `cuds.voxels`, or a mesh of your own whose opposite sides match.
    materials : dict of Material or ElasticTensor
        By region of elements.
    arrangement : {"unknown", "isotropic", "fibre"}
        What the phases look like at large, which decides the bounds given beside those of Voigt and Reuss. For two
        phases or more that are isotropic, all of them: ``"isotropic"`` gives those of Hashin and Shtrikman; of two,
        ``"fibre"`` those of Hill and Hashin for fibres along x.
    tolerance : float
        Relative residual at which the solver stops.
    """

    mesh: Annotated[Mesh, Term(iris.mesh)]
    materials: Annotated[dict[str, Material], Term(iris.materials)]
    arrangement: Annotated[Arrangement, Term(iris.arrangement)] = "unknown"

    @model_validator(mode="before")
    @classmethod
    def _of_a_property(cls, data: Any) -> Any:
        given = data.get("materials") if isinstance(data, Mapping) else None
        if not isinstance(given, Mapping):
            return data
        return {**data, "materials": {name: as_material(m, None) for name, m in given.items()}}

    def cell(self) -> Homogenisation:
        """Return the cell that was given."""
        return Homogenisation(self.mesh, materials=self.materials, tolerance=self.tolerance)

    def table(self, parts: list[ElasticTensor], shares: np.ndarray) -> bounds.Table:
        """Return the bounds for the arrangement, or along the axes when that is unknown."""
        if self.arrangement == "unknown":
            stiffness = np.array([p.stiffness.in_unit("GPa") for p in parts])
            both = {"Reuss": bounds.reuss(stiffness, shares), "Voigt": bounds.voigt(stiffness, shares)}
            return {name: bounds.engineering(C) for name, C in both.items()}
        phases = bounds.phases_of(parts, shares)
        if not phases or (self.arrangement == "fibre" and len(phases) != 2):
            raise InvalidError(
                f"arrangement: {self.arrangement!r} of {len(parts)} materials, not all of them isotropic"
                if not phases
                else f"arrangement: 'fibre' of {len(phases)} different materials",
                hint="these bounds are for isotropic phases, for fibres of two; leave arrangement= out",
                field="arrangement",
            )
        return bounds.of_isotropic_phases(phases) if self.arrangement == "isotropic" else bounds.of_fibres(phases)


class PolycrystalConstants(_Aggregate):
    """The effective stiffness of a polycrystal without texture: of a periodic cube of Voronoi grains.

    Parameters
    ----------
    crystal : ElasticTensor
        In the frame of the crystal.
    grains : int
        How many there are in the cube, each in a random orientation.
    divisions : int
        Elements along each edge of the cube.
    seed : int
        Of the random numbers; drawn when not given, and recorded.
    tolerance : float
        Relative residual at which the solver stops.
    """

    crystal: Annotated[ElasticTensor, Term(iris.crystal)]
    grains: Annotated[int, Term(iris.grains)] = Field(default=100, gt=0)
    divisions: Annotated[int, Term(iris.divisions)] = Field(default=24, gt=0)
    seed: Annotated[int, Term(iris.seed)] = Field(default_factory=lambda: secrets.randbits(32), ge=0)

    def cell(self) -> Homogenisation:
        """Return the cube, with an orientation for each grain."""
        mesh, materials = polycrystal(self.crystal, grains=self.grains, divisions=self.divisions, seed=self.seed)
        return Homogenisation(mesh, materials=materials, tolerance=self.tolerance)

    def table(self, parts: list[ElasticTensor], shares: np.ndarray) -> bounds.Table:
        """Return the bounds of a large polycrystal of such crystals, without texture."""
        return bounds.of_crystals(self.crystal)
