"""Energies over two torsions, in maps."""

from typing import Annotated, Self

from pydantic import model_validator

from cuds import iris
from cuds.arrays import IntArray, looked_through
from cuds.errors import ShapeError
from cuds.model import rows
from cuds.model.entity import Component, Term
from cuds.units import Quantity

_BODIES = 5


class TorsionMaps(Component):
    """Terms of five particles in a row whose energy stands in a map over their two torsions: CMAP.

    The first torsion is that of particles 1 to 4, the second that of 2 to 5. Between its points a map is bicubic,
    with the slopes that cubic splines through all points have there.

    Parameters
    ----------
    particles : int array (n_terms, 5)
        The ids of the particles.
    row : int array (n_terms,)
        Which of the maps each term has.
    energies : Quantity (n_maps, n_points, n_points)
        An energy for each map at each point. The first torsion goes along rows, the second along columns, both as
        -180 degrees, -180 + 360/n_points degrees and so on; maps are periodic.
    """

    particles: Annotated[
        IntArray, Term(iris.bondedParticles, shape=("n_terms", _BODIES), dtype="int64", means="BondedParticles")
    ]
    row: Annotated[IntArray, Term(iris.parameterRow, shape=("n_terms",), dtype="int64", means="ParameterRow")]
    energies: Annotated[
        Quantity, Term(iris.mapEnergies, "Energy", ("n_maps", "n_points", "n_points"), means="TorsionMapEnergies")
    ]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if looked_through():
            return self
        if self.points < 1:
            raise ShapeError("energies: a map without points", hint="give n by n energies", field="energies")
        rows.check_distinct(self.particles, "map")
        rows.check_row(self.row, len(self.energies.value), "maps")
        return self

    @property
    def points(self) -> int:
        """How many points a map has in each direction."""
        return int(self.energies.value.shape[-1])

    def __len__(self) -> int:
        return len(self.particles)

    def __repr__(self) -> str:
        return f"TorsionMaps({len(self)} in {len(self.energies.value)} maps of {self.points} x {self.points})"
