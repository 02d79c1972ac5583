"""Properties of materials."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

import numpy as np
from pydantic import model_validator

from cuds import iris
from cuds.arrays import FloatArray
from cuds.errors import CudsError, InvalidError
from cuds.model import tensor
from cuds.model.entity import Entity, Term
from cuds.model.properties import Density, SpecificHeat, ThermalConductivity, ThermalExpansion
from cuds.units import Quantity


class ElasticTensor(Entity):
    """The elastic stiffness of a crystal, in the crystal's own frame.

    Parameters
    ----------
    stiffness : Quantity (6, 6)
        Stress by engineering strain in Voigt order xx, yy, zz, yz, xz, xy. Symmetric, positive definite.
    uncertainty : Quantity (6, 6), optional
        Of each entry; the class that derived it says of what kind.
    """

    stiffness: Annotated[Quantity, Term(iris.stiffness, "Stress", (6, 6), means="Stiffness")]
    uncertainty: Annotated[
        Quantity | None, Term(iris.uncertainty, "Stress", (6, 6), means="Uncertainty", physics=False)
    ] = None

    @model_validator(mode="after")
    def _stable(self) -> Self:
        C = self.stiffness.value
        if not np.allclose(C, C.T, rtol=0, atol=1e-6 * np.abs(C).max()):
            worst = np.unravel_index(np.abs(C - C.T).argmax(), C.shape)
            raise InvalidError(
                f"stiffness: not symmetric: C{worst[0] + 1}{worst[1] + 1} and C{worst[1] + 1}{worst[0] + 1} differ by "
                f"{np.abs(C - C.T).max():.3g} {self.stiffness.unit}",
                hint="give a symmetric 6x6 in Voigt order xx, yy, zz, yz, xz, xy",
                field="stiffness",
            )
        lowest = float(np.linalg.eigvalsh(C).min())
        if lowest <= 0:
            raise InvalidError(
                f"stiffness: not positive definite: the lowest eigenvalue is {lowest:.6g} {self.stiffness.unit}",
                hint="such a material is unstable; check order, sign and unit of the entries",
                field="stiffness",
            )
        return self

    @classmethod
    def cubic(cls, c11: Any, c12: Any, c44: Any, **fields: Any) -> "ElasticTensor":
        """Return the tensor of a cubic crystal from C11, C12 and C44, quantities each."""
        from cuds.units import quantity

        a, b, c = (quantity(v, "Stress", n).in_unit("GPa") for v, n in ((c11, "c11"), (c12, "c12"), (c44, "c44")))
        C = np.diag([a - b] * 3 + [c] * 3)
        C[:3, :3] += b
        return cls(stiffness=Quantity(C, "GPa"), **fields)

    @classmethod
    def isotropic(cls, youngs_modulus: Any, poisson_ratio: float, **fields: Any) -> "ElasticTensor":
        """Return the tensor of an isotropic material from Young's modulus and Poisson's ratio."""
        from cuds.units import quantity

        E, nu = quantity(youngs_modulus, "Stress", "youngs_modulus").in_unit("GPa"), poisson_ratio
        if not -1 < nu < 0.5:
            raise InvalidError(f"poisson_ratio: {nu}", hint="it lies between -1 and 0.5", field="poisson_ratio")
        lam, mu = E * nu / ((1 + nu) * (1 - 2 * nu)), E / (2 * (1 + nu))
        return cls.cubic((lam + 2 * mu, "GPa"), (lam, "GPa"), (mu, "GPa"), **fields)

    def to(self, unit: str) -> "ElasticTensor":
        """Return the same tensor in another unit: a new entity of the same origin."""
        unsure = None if self.uncertainty is None else self.uncertainty.to(unit)
        return self.replace(stiffness=self.stiffness.to(unit), uncertainty=unsure).made_by(self.provenance)

    def rotated(self, rotation: Any) -> "ElasticTensor":
        """Return the tensor of the crystal turned by a rotation, v_sample = R v_crystal.

        The uncertainty, which is not a tensor, is bounded by the sum of the moduli of its terms.
        """
        R = tensor.rotation(rotation)
        M = np.abs(tensor.stress_rotation(R))
        unsure = None if self.uncertainty is None else Quantity(M @ self.uncertainty.value @ M.T, self.uncertainty.unit)
        turned = tensor.rotate_stiffness(self.stiffness.value, R)
        return self.replace(stiffness=Quantity(0.5 * (turned + turned.T), self.stiffness.unit), uncertainty=unsure)

    def constants(self, unit: str = "GPa") -> dict[str, float]:
        """Return the named constants: C11, C12, C44 as means over the cubic axes, K and G of Voigt, Reuss and Hill.

        References
        ----------
        Hill, The elastic behaviour of a crystalline aggregate, Proc. Phys. Soc. A 65, 349 (1952).
        """
        C = self.stiffness.in_unit(unit)
        S = np.linalg.inv(C)
        voigt_k, voigt_g = _voigt(C)
        reuss_k = 1 / S[:3, :3].sum()
        reuss_g = 15 / (4 * np.trace(S[:3, :3]) - 4 * (S[0, 1] + S[0, 2] + S[1, 2]) + 3 * np.trace(S[3:, 3:]))
        return {
            "C11": float(np.trace(C[:3, :3]) / 3),
            "C12": float((C[0, 1] + C[0, 2] + C[1, 2]) / 3),
            "C44": float(np.trace(C[3:, 3:]) / 3),
            "K": float(0.5 * (voigt_k + reuss_k)),
            "G": float(0.5 * (voigt_g + reuss_g)),
        }

    def __str__(self) -> str:
        C, unit = self.stiffness.value, self.stiffness.unit
        rows = "\n".join("  " + " ".join(f"{v:10.3f}" for v in row) for row in np.where(np.abs(C) < 5e-4, 0.0, C))
        named = ", ".join(f"{n} {v:.2f}" for n, v in self.constants(unit).items())
        unsure = "" if self.uncertainty is None else f"; largest uncertainty {self.uncertainty.value.max():.2g}"
        return f"ElasticTensor in {unit} (Voigt xx yy zz yz xz xy)\n{rows}\n  {named}{unsure}"

    __repr__ = __str__


def _voigt(C: FloatArray) -> tuple[float, float]:
    diagonal, coupling = np.trace(C[:3, :3]), C[0, 1] + C[0, 2] + C[1, 2]
    return float((diagonal + 2 * coupling) / 9), float((diagonal - coupling + 3 * np.trace(C[3:, 3:])) / 15)


class Material(Entity):
    """What a region is made of: as many properties as are known, each with its unit and possibly its uncertainty.

    Parameters
    ----------
    elastic : ElasticTensor, optional
        In the frame of the crystal, as every tensor here.
    conductivity : ThermalConductivity, optional
        Or what makes one: ``"400 W/m/K"``, or a 3x3 with its unit. So also the three below.
    density : Density, optional
        Mass by volume.
    specific_heat : SpecificHeat, optional
        Heat by mass and temperature.
    thermal_expansion : ThermalExpansion, optional
        Strain by temperature.
    orientation : array (3, 3)
        The rotation R with v_sample = R v_crystal; the identity when not given.
    """

    elastic: Annotated[ElasticTensor | None, Term(iris.elastic)] = None
    conductivity: Annotated[ThermalConductivity | None, Term(iris.conductivity)] = None
    density: Annotated[Density | None, Term(iris.density)] = None
    specific_heat: Annotated[SpecificHeat | None, Term(iris.specificHeat)] = None
    thermal_expansion: Annotated[ThermalExpansion | None, Term(iris.thermalExpansion)] = None
    orientation: Annotated[FloatArray, Term(iris.orientation, shape=(3, 3), means="Orientation")]

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        made = {**data, "orientation": np.eye(3) if data.get("orientation") is None else data["orientation"]}
        for name, kind in _OF_A_VALUE.items():
            given = made.get(name)
            if given is not None and not isinstance(given, Entity):
                made[name] = _property(kind, name, given)
        return made

    @model_validator(mode="after")
    def _proper(self) -> Self:
        tensor.rotation(self.orientation, "orientation")
        return self

    def needed(self, name: str) -> Any:
        """Return a property that a simulation needs.

        Raises
        ------
        InvalidError
            When the material lacks it.
        """
        found = getattr(self, name)
        if found is None:
            raise InvalidError(
                f"material {self.label!r} has no {name}", hint=f"give it: Material({name}=...)", field=name
            )
        return found

    @property
    def stiffness(self) -> Quantity:
        """The 6x6 stiffness in the frame of the sample."""
        C = self.needed("elastic").stiffness
        return Quantity(tensor.rotate_stiffness(C.value, self.orientation), C.unit)


_OF_A_VALUE: dict[str, type[Entity]] = {
    "conductivity": ThermalConductivity,
    "density": Density,
    "specific_heat": SpecificHeat,
    "thermal_expansion": ThermalExpansion,
}


def _property(kind: type[Entity], name: str, value: Any) -> Entity:
    """Return the entity that a bare value stands for; what is wrong with it is said of the field."""
    try:
        return kind(value=value)
    except CudsError as error:
        raise error.within(name) from None
