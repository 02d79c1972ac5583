"""What acts between particular particles: bonds, angles, torsions, pairs without interaction, rigid distances.

Maps of torsions and virtual sites, which are parts of a topology, too, are in modules of their own.
"""

from functools import cached_property
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from cuds import iris
from cuds.arrays import IntArray, distinct, distinct_rows, looked_through
from cuds.errors import InvalidError, ShapeError
from cuds.model import rows
from cuds.model.entity import Component, Term
from cuds.model.maps import TorsionMaps
from cuds.model.potential import ParameterColumn
from cuds.model.sites import VirtualSites, check_sites
from cuds.units import Quantity

Role = Literal["bond", "angle", "dihedral", "improper", "pair"]
BODIES: dict[str, int] = {"bond": 2, "angle": 3, "dihedral": 4, "improper": 4, "pair": 2}


def _none() -> IntArray:
    return np.empty((0, 2), dtype=np.int64)


def _are_different(pairs: IntArray) -> bool:
    """Whether no pair (n, 2) is there twice, in either order."""
    low, high = np.minimum(*pairs.T), np.maximum(*pairs.T)
    rising = (low[1:] > low[:-1]) | ((low[1:] == low[:-1]) & (high[1:] > high[:-1]))
    return bool(rising.all()) or len(distinct_rows(np.stack([low, high], axis=1))[0]) == len(pairs)


class TermGroup(Component):
    """Terms of one functional form, each between particular particles.

    Parameters
    ----------
    role : {"bond", "angle", "dihedral", "improper", "pair"}
        What the terms are in a molecule. A pair acts between two particles beside, or in place of, what acts between
        all particles by distance: the 1-4 interactions of force fields.
    form : str
        The functional form: a name of the ontology, like ``"HarmonicBond"``.
    particles : int array (n_terms, n_bodies)
        The ids of the particles, in the order in which the coordinates of the form count them.
    row : int array (n_terms,)
        Which row of the parameters each term has.
    parameters : dict of str to ParameterColumn
        By the symbols of the form, a value a row.
    """

    role: Annotated[Role, Term(iris.bondedRole)]
    form: Annotated[str, Term(iris.form)]
    particles: Annotated[
        IntArray, Term(iris.bondedParticles, shape=("n_terms", "n_bodies"), dtype="int64", means="BondedParticles")
    ]
    row: Annotated[IntArray, Term(iris.parameterRow, shape=("n_terms",), dtype="int64", means="ParameterRow")]
    parameters: Annotated[dict[str, ParameterColumn], Term(iris.parameterColumns)] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if looked_through():
            return self
        bodies = BODIES[self.role]
        if self.particles.shape[1] != bodies:
            raise ShapeError(
                f"particles: {self.particles.shape[1]} a term", hint=f"a {self.role} has {bodies}", field="particles"
            )
        rows.check_distinct(self.particles, self.role)
        rows.check_columns(self.parameters)
        rows.check_row(self.row, self.rows)
        return self

    @property
    def rows(self) -> int:
        """How many rows of parameters there are; 1 for a form without parameters."""
        return rows.count(self.parameters)

    def __len__(self) -> int:
        return len(self.particles)

    def __repr__(self) -> str:
        return f"TermGroup({len(self)} {self.role}s: {self.form})"


class Topology(Component):
    """What acts between particular particles of a system, by their ids.

    Parameters
    ----------
    groups : tuple of TermGroup
        The terms.
    exclusions : int array (n_excluded, 2)
        Every pair of particles between which no term of the potential acts, but for what a reaction field does there;
        a `TermGroup` may act there instead.
    constrained : int array (n_constrained, 2)
        Pairs of particles whose distance does not change when they move.
    lengths : Quantity (n_constrained,), optional
        At which distance.
    maps : tuple of TorsionMaps
        Energies over two torsions.
    sites : tuple of VirtualSites
        Particles without mass whose places follow from those of others.
    """

    groups: Annotated[tuple[TermGroup, ...], Term(iris.groups)] = ()
    exclusions: Annotated[
        IntArray, Term(iris.exclusions, shape=("n_excluded", 2), dtype="int64", means="BondedParticles")
    ] = Field(default_factory=_none)
    constrained: Annotated[
        IntArray, Term(iris.constrained, shape=("n_constrained", 2), dtype="int64", means="BondedParticles")
    ] = Field(default_factory=_none)
    lengths: Annotated[
        Quantity | None, Term(iris.constrainedLengths, "Length", ("n_constrained",), means="ConstrainedLength")
    ] = None
    maps: Annotated[tuple[TorsionMaps, ...], Term(iris.torsionMaps)] = ()
    sites: Annotated[tuple[VirtualSites, ...], Term(iris.virtualSites)] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if looked_through():
            return self
        check_sites(self.sites)
        for name in ("exclusions", "constrained"):
            pairs = getattr(self, name)
            if (pairs[:, 0] == pairs[:, 1]).any():
                raise InvalidError(f"{name}: a particle with itself", hint="name two particles", field=name)
            if not _are_different(pairs):
                raise InvalidError(f"{name}: a pair stands there twice", hint="name each pair once", field=name)
        if len(self.constrained) != (0 if self.lengths is None else len(self.lengths)):
            raise ShapeError(
                f"lengths: {0 if self.lengths is None else len(self.lengths)} for {len(self.constrained)} pairs",
                hint="give each constrained pair a length",
                field="lengths",
            )
        return self

    @cached_property
    def particles(self) -> IntArray:
        """The ids of all particles that it names, each once, in order."""
        named = [self.exclusions, self.constrained, *(g.particles for g in self.groups)]
        named += [*(m.particles for m in self.maps), *(s.particles for s in self.sites)]
        return distinct(np.concatenate([x.ravel() for x in named]))

    @cached_property
    def site_ids(self) -> IntArray:
        """The ids of all virtual sites, in order."""
        return np.sort(np.concatenate([np.empty(0, dtype=np.int64), *(s.sites for s in self.sites)]))

    def of_role(self, role: Role) -> tuple[TermGroup, ...]:
        """Return the groups of one role."""
        return tuple(g for g in self.groups if g.role == role)

    def __repr__(self) -> str:
        counts = {role: sum(len(g) for g in self.groups if g.role == role) for role in BODIES}
        said = [f"{n} {role}s" for role, n in counts.items() if n]
        said += [f"{n} torsion maps" for n in [sum(map(len, self.maps))] if n]
        said += [f"{n} virtual sites" for n in [len(self.site_ids)] if n]
        said += [f"{len(self.exclusions)} exclusions"] * bool(len(self.exclusions))
        said += [f"{len(self.constrained)} constraints"] * bool(len(self.constrained))
        return f"Topology({', '.join(said)})"
