"""Particles without mass, whose places follow from those of others."""

from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator

from cuds import iris
from cuds.arrays import IntArray, looked_through
from cuds.errors import InvalidError, ShapeError
from cuds.model import rows
from cuds.model.entity import Component, Term
from cuds.model.potential import ParameterColumn


class VirtualSites(Component):
    """Virtual sites of one construction: their places follow from those of their parents.

    A site has charge and interactions like any particle, but no mass; the forces on it act on its parents. With
    r1, r2 ... the places of the parents, r12 = r2 - r1 and u(v) = v/|v|, the constructions are

    ========================== ================================================================== =================
    name                       place                                                              words of GROMACS
    ========================== ================================================================== =================
    `CoincidentSite`           r1                                                                 sites1
    `LineSite`                 r1 + a r12                                                         sites2, 1
    `LineDistanceSite`         r1 + d u(r12)                                                      sites2, 2 (2fd)
    `PlaneSite`                r1 + a r12 + b r13                                                 sites3, 1
    `PlaneDistanceSite`        r1 + d u(r12 + a r23)                                              sites3, 2 (3fd)
    `PlaneAngleSite`           r1 + d cos(theta) u(r12) + d sin(theta) u(r23 - (r23.u(r12))       sites3, 3 (3fad)
                               u(r12))
    `OutOfPlaneSite`           r1 + a r12 + b r13 + c (r12 x r13)                                 sites3, 4 (3out)
    `FourParticleDistanceSite` r1 + d u((a r13 - r12) x (b r14 - r12))                            sites4, 2 (4fdn)
    `WeightedSite`             w1 r1 + w2 r2 + ..., w1 + w2 + ... = 1                             sitesn
    ========================== ================================================================== =================

    a, b and w are numbers, d is a length, theta an angle, c of `OutOfPlaneSite` an inverse length.

    Parameters
    ----------
    construction : str
        A name of the ontology, as above.
    particles : int array (n_sites, 1 + n_parents)
        The ids of a site and, behind it, of its parents, none of them a site.
    row : int array (n_sites,)
        Which row of the parameters each site has.
    parameters : dict of str to ParameterColumn
        By symbol, a value a row.

    References
    ----------
    GROMACS reference manual 2022, section Virtual interaction sites.
    """

    construction: Annotated[str, Term(iris.construction)]
    particles: Annotated[
        IntArray, Term(iris.bondedParticles, shape=("n_sites", "n_bodies"), dtype="int64", means="BondedParticles")
    ]
    row: Annotated[IntArray, Term(iris.parameterRow, shape=("n_sites",), dtype="int64", means="ParameterRow")]
    parameters: Annotated[dict[str, ParameterColumn], Term(iris.parameterColumns)] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if looked_through():
            return self
        if self.particles.shape[1] < 2:
            raise ShapeError("particles: a site without parents", hint="name them behind it", field="particles")
        rows.check_distinct(self.particles, "site")
        rows.check_columns(self.parameters)
        rows.check_row(self.row, rows.count(self.parameters))
        return self

    @property
    def sites(self) -> IntArray:
        """The ids of the sites."""
        return self.particles[:, 0]

    @property
    def parents(self) -> IntArray:
        """The ids (n_sites, n_parents) of what each is made of."""
        return self.particles[:, 1:]

    def __len__(self) -> int:
        return len(self.particles)

    def __repr__(self) -> str:
        return f"VirtualSites({len(self)}: {self.construction})"


def check_sites(groups: tuple[VirtualSites, ...]) -> None:
    """Refuse sites that are made twice, or of other sites.

    Raises
    ------
    InvalidError
        With the first of them.
    """
    if not groups:
        return
    sites, counts = np.unique(np.concatenate([g.sites for g in groups]), return_counts=True)
    if (counts > 1).any():
        raise InvalidError(f"sites: {sites[counts > 1][0]} is made twice", hint="make each site once", field="sites")
    parents = np.concatenate([g.parents.ravel() for g in groups])
    if (made := np.isin(parents, sites)).any():
        raise InvalidError(
            f"sites: one is made of {parents[made][0]}, which is a site itself",
            hint="make sites of particles with mass",
            field="sites",
        )
