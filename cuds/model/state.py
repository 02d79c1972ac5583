"""What a calculation says of a homogeneous state: energy, stress, strain."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from cuds import iris
from cuds.arrays import FloatArray
from cuds.model import tensor
from cuds.model.entity import Component, Entity, Term
from cuds.units import Quantity


class EnergyContribution(Component):
    """What the terms of one kind add to a potential energy.

    Parameters
    ----------
    name : {"bond", "angle", "dihedral", "improper", "cmap", "vdw", "coulomb"}
        Of which terms. ``vdw`` is all that acts by distance but charges, ``coulomb`` all of charges; those of pairs
        three bonds apart and of reciprocal space are in them.
    value : Quantity
        An energy.
    """

    name: Annotated[Literal["bond", "angle", "dihedral", "improper", "cmap", "vdw", "coulomb"], Term(iris.name)]
    value: Annotated[Quantity, Term(iris.value, "Energy", means="EnergyValue")]


class PotentialEnergy(Entity):
    """The potential energy of a whole system.

    Parameters
    ----------
    value : Quantity
        An energy.
    contributions : tuple of EnergyContribution
        What it is the sum of, where an engine says so.
    """

    value: Annotated[Quantity, Term(iris.value, "Energy", means="EnergyValue")]
    contributions: Annotated[tuple[EnergyContribution, ...], Term(iris.contributions)] = ()

    @property
    def parts(self) -> dict[str, Quantity]:
        """The contributions by name."""
        return {c.name: c.value for c in self.contributions}

    def __repr__(self) -> str:
        return f"PotentialEnergy({self.value!r})"


class Stress(Entity):
    """Cauchy stress of a homogeneous state.

    Parameters
    ----------
    value : Quantity (6,)
        xx, yy, zz, yz, xz, xy; positive in tension.
    """

    value: Annotated[Quantity, Term(iris.value, "Stress", (6,), means="StressComponents")]

    @property
    def tensor(self) -> Quantity:
        """The symmetric 3x3 tensor."""
        return Quantity(tensor.stress_tensor(self.value.value), self.value.unit)

    @property
    def von_mises(self) -> Quantity:
        """The equivalent stress of von Mises."""
        return Quantity(float(von_mises(self.value.value)), self.value.unit)

    def rotated(self, rotation: FloatArray) -> "Stress":
        """Return the stress of the state turned by a rotation."""
        turned = tensor.stress_rotation(tensor.rotation(rotation)) @ self.value.value
        return self.replace(value=Quantity(turned, self.value.unit))

    def __repr__(self) -> str:
        return f"Stress({_by_name(self.value)})"


class Strain(Entity):
    """Small strain of a homogeneous state.

    Parameters
    ----------
    value : Quantity (6,)
        xx, yy, zz, yz, xz, xy with engineering shear strain.
    """

    value: Annotated[Quantity, Term(iris.value, "Strain", (6,), means="StrainComponents")]
    point: Annotated[Quantity | None, Term(iris.point, "Length", (3,), means="Position", physics=False)] = Field(
        default=None
    )

    @property
    def tensor(self) -> FloatArray:
        """The symmetric 3x3 tensor."""
        return tensor.strain_tensor(self.value.in_unit("1"))

    @property
    def largest(self) -> float:
        """The principal strain that is largest in magnitude, with its sign."""
        principal = np.linalg.eigvalsh(self.tensor)
        return float(principal[np.abs(principal).argmax()])

    def __repr__(self) -> str:
        return f"Strain({_by_name(self.value)})"


def von_mises(stress: FloatArray) -> FloatArray:
    """Return the equivalent stress (von Mises 1913) of stresses (..., 6) in Voigt order."""
    xx, yy, zz, yz, xz, xy = (stress[..., i] for i in range(6))
    deviatoric = (xx - yy) ** 2 + (yy - zz) ** 2 + (zz - xx) ** 2
    result: FloatArray = (0.5 * deviatoric + 3 * (yz**2 + xz**2 + xy**2)) ** 0.5
    return result


def _by_name(value: Quantity) -> str:
    listed = ", ".join(f"{n} {v:.6g}" for n, v in zip(tensor.NAMES, value.value, strict=True))
    return listed if value.unit == "1" else f"{listed} {value.unit}"
