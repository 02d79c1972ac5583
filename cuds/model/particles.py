"""Atoms and beads."""

import math
import weakref
from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from cuds import iris
from cuds.arrays import AnyArray, FloatArray, IntArray, freeze, looked_through
from cuds.errors import InvalidError
from cuds.model.entity import Component, Entity, Term
from cuds.model.naming import Naming
from cuds.model.plain import Json
from cuds.model.tensor import deformation, rotation
from cuds.model.topology import Topology
from cuds.registry import service
from cuds.units import Quantity

_CHECKED: "weakref.WeakValueDictionary[int, IntArray]" = weakref.WeakValueDictionary()  # ids that were looked through


def _check_ids(ids: IntArray) -> None:
    """Refuse ids that are not unique and positive; an array that nobody can write to is looked through once."""
    if _CHECKED.get(id(ids)) is ids:
        return
    rising = bool((ids[1:] > ids[:-1]).all())
    if (not rising and len(np.unique(ids)) != len(ids)) or (len(ids) and ids.min() < 1):
        raise InvalidError(
            "ids: not unique and positive", hint="give each particle an id of its own, from 1", field="ids"
        )
    _CHECKED[id(ids)] = ids


class Species(Component):
    """A kind of particle.

    Parameters
    ----------
    symbol : str
        Of the chemical element, or the name of a bead.
    atomic_number : int
        0 for a bead.
    mass : Quantity
        Of one particle.
    """

    symbol: Annotated[str, Term(iris.symbol)] = Field(min_length=1)
    atomic_number: Annotated[int, Term(iris.atomicNumber)] = Field(default=0, ge=0)
    mass: Annotated[Quantity, Term(iris.mass, "Mass", means="Mass")]


class ParticleSystem(Entity):
    """Atoms or beads in a cell.

    Parameters
    ----------
    ids : int array (n,)
        Who is who: unique, positive, in any order. 1..n when not given.
    positions : Quantity (n, 3)
        Length; unwrapped.
    species : int array (n,)
        Index into `kinds`.
    kinds : tuple of Species
        The kinds of particle.
    cell : Quantity (3, 3), optional
        Length; its rows are the cell vectors, right-handed, of any orientation.
    pbc : tuple of three bool
        Which cell vectors are periodic.
    velocities, forces, charges : Quantity, optional
        By particle.
    energies : Quantity (n,), optional
        Potential energy, divided among the particles as the engine does it.
    atomic_stresses : Quantity (n, 6), optional
        A particle's share of stress times volume, an energy: xx, yy, zz, yz, xz, xy, positive in tension.
        Their sum divided by the volume of the cell is the stress.
    topology : Topology, optional
        What acts between particular particles: bonds, angles, torsions, exclusions.
    naming : Naming, optional
        What the particles are called, and the residues and molecules that they are part of.
    columns : mapping of str to array
        Further arrays by particle whose meaning is not declared.
    annotations : mapping
        Anything that JSON can say. None of naming, columns and annotations ever changes a result.
    """

    ids: Annotated[IntArray, Term(iris.ids, shape=("n_particles",), dtype="int64", means="Identifier")]
    positions: Annotated[Quantity, Term(iris.positions, "Length", ("n_particles", 3), means="Position")]
    species: Annotated[IntArray, Term(iris.speciesIndex, shape=("n_particles",), dtype="int64", means="SpeciesIndex")]
    kinds: Annotated[tuple[Species, ...], Term(iris.kinds)]
    cell: Annotated[Quantity | None, Term(iris.cell, "Length", (3, 3), means="CellVectors")] = None
    pbc: Annotated[tuple[bool, bool, bool], Term(iris.periodic)] = (False, False, False)
    velocities: Annotated[Quantity | None, Term(iris.velocities, "Velocity", ("n_particles", 3), means="Velocity")] = (
        None
    )
    forces: Annotated[Quantity | None, Term(iris.forces, "Force", ("n_particles", 3), means="Force")] = None
    charges: Annotated[Quantity | None, Term(iris.charges, "ElectricCharge", ("n_particles",), means="Charge")] = None
    energies: Annotated[Quantity | None, Term(iris.energies, "Energy", ("n_particles",), means="AtomicEnergy")] = None
    atomic_stresses: Annotated[
        Quantity | None, Term(iris.atomicStresses, "Energy", ("n_particles", 6), means="AtomicStress")
    ] = None
    topology: Annotated[Topology | None, Term(iris.topology)] = None
    naming: Annotated[Naming | None, Term(iris.naming, physics=False)] = None
    columns: Annotated[dict[str, Any], Term(iris.columns, physics=False)] = Field(default_factory=dict)
    annotations: Annotated[dict[str, Any], Term(iris.annotations, physics=False), Json] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _default_ids(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("ids") is None and "species" in data:
            return {**data, "ids": np.arange(1, len(data["species"]) + 1)}
        return data

    @field_validator("columns")
    @classmethod
    def _freeze_columns(cls, columns: dict[str, Any]) -> dict[str, AnyArray]:
        return {name: freeze(column, str(np.asarray(column).dtype), name) for name, column in columns.items()}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if looked_through():
            return self
        _check_ids(self.ids)
        if len(self.species) and not 0 <= self.species.min() <= self.species.max() < len(self.kinds):
            raise InvalidError(
                f"species: an index outside 0..{len(self.kinds) - 1}",
                hint=f"there are {len(self.kinds)} kinds",
                field="species",
            )
        if len({k.symbol for k in self.kinds}) != len(self.kinds):
            raise InvalidError(
                "kinds: two bear the same symbol", hint="give each kind a symbol of its own", field="kinds"
            )
        if any(self.pbc) and self.cell is None:
            raise InvalidError(
                "cell is missing, but a direction is periodic", hint="give cell=, or pbc=False", field="cell"
            )
        if self.cell is not None and np.linalg.det(self.cell.value) <= 0:
            raise InvalidError(
                f"cell: the vectors span {np.linalg.det(self.cell.value):.6g}: they are left-handed or in one plane",
                hint="rows are the cell vectors, right-handed",
                field="cell",
            )
        if self.topology is not None and not (known := np.isin(self.topology.particles, self.ids)).all():
            raise InvalidError(
                f"topology: there is no particle {self.topology.particles[~known][0]}",
                hint="it names particles by their ids",
                field="topology",
            )
        if self.naming is not None and len(self.naming) != len(self.ids):
            raise InvalidError(
                f"naming: of {len(self.naming)} particles, there are {len(self.ids)}", hint="name each particle"
            )
        self._sites_are_massless()
        for name, column in self.columns.items():
            if len(column) != len(self.ids):
                raise InvalidError(
                    f"columns[{name!r}]: {len(column)} rows for {len(self.ids)} particles", hint="one row a particle"
                )
        return self

    def _sites_are_massless(self) -> None:
        """Refuse virtual sites with a mass: nothing moves them but their parents."""
        if self.topology is None or not self.topology.sites:
            return
        heavy = (self.masses.value != 0) & np.isin(self.ids, self.topology.site_ids)
        if heavy.any():
            raise InvalidError(
                f"topology: the virtual site {self.ids[heavy][0]} has the mass {self.masses.value[heavy][0]:g} Da",
                hint="give its species the mass 0; that of the whole is on its parents",
                field="topology",
            )

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def symbols(self) -> list[str]:
        """The symbol of every particle, in order."""
        names = [k.symbol for k in self.kinds]
        return [names[i] for i in self.species]

    @property
    def masses(self) -> Quantity:
        """The mass of every particle in Da, in order."""
        return Quantity(np.array([k.mass.in_unit("Da") for k in self.kinds])[self.species], "Da")

    @property
    def volume(self) -> Quantity:
        """The volume of the cell."""
        if self.cell is None:
            raise InvalidError("a system without a cell has no volume", hint="give cell=")
        return Quantity(float(np.linalg.det(self.cell.in_unit("angstrom"))), "angstrom**3")

    @classmethod
    def from_ase(cls, atoms: Any, *, label: str = "") -> "ParticleSystem":
        """Return the system that ASE `atoms` hold; what cannot be carried is refused by name."""
        made: ParticleSystem = service("particles.from_ase")(atoms, label=label)
        return made

    def to_ase(self) -> Any:
        """Return ASE Atoms (Å, eV, ASE's velocities) with the same particles in the same order."""
        return service("particles.to_ase")(self)

    def mapped(self, tensor: FloatArray) -> "ParticleSystem":
        """Return the system with cell and positions mapped by a 3x3 matrix about the origin.

        Velocities, forces and other results belong to the old state and are left out.
        """
        changes: dict[str, Any] = {"positions": Quantity(self.positions.value @ tensor.T, self.positions.unit)}
        if self.cell is not None:
            changes["cell"] = Quantity(self.cell.value @ tensor.T, self.cell.unit)
        return self.replace(**changes, velocities=None, forces=None, energies=None, atomic_stresses=None)

    def strained(self, strain: Any) -> "ParticleSystem":
        """Return the system under a homogeneous small strain: x -> (1 + strain) x.

        Parameters
        ----------
        strain : array_like (6,) or (3, 3)
            Voigt order xx, yy, zz, yz, xz, xy with engineering shear, or the symmetric tensor.
        """
        return self.mapped(deformation(strain))

    def rotated(self, rotation_matrix: Any) -> "ParticleSystem":
        """Return the system turned by a proper rotation: x -> R x.

        Raises
        ------
        InvalidError
            When the matrix is no proper rotation.
        """
        return self.mapped(rotation(rotation_matrix))

    def kinds_used(self) -> Iterable[Species]:
        """Return the kinds of which there is at least one particle."""
        counts = np.bincount(self.species, minlength=len(self.kinds))
        return [kind for kind, count in zip(self.kinds, counts.tolist(), strict=True) if count]

    @cached_property
    def formula(self) -> str:
        """What it is made of: symbols with the smallest whole numbers, C and H first (Hill), the others by name."""
        counts = np.bincount(self.species, minlength=len(self.kinds))
        held: dict[str, int] = {}
        for kind, count in zip(self.kinds, counts.tolist(), strict=True):
            if count:
                held[kind.symbol] = held.get(kind.symbol, 0) + count
        of_all = math.gcd(*held.values())
        first = [s for s in ("C", "H") if "C" in held and s in held]
        ordered = [*first, *sorted(held.keys() - set(first))]
        return "".join(f"{s}{held[s] // of_all if held[s] > of_all else ''}" for s in ordered)

    def __repr__(self) -> str:
        names, counts = np.unique(self.species, return_counts=True)
        symbols = [self.kinds[i].symbol for i in names]
        formula = " ".join(f"{s}{'*' * s[-1].isdigit()}{n}" for s, n in zip(symbols, counts, strict=True))
        pbc = "".join("pf"[not p] for p in self.pbc)
        return f"ParticleSystem({self.label + ': ' if self.label else ''}{len(self)} particles, {formula}, pbc {pbc})"
