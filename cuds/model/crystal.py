"""What a crystal is like: the shape of its cell, and its energy by volume.

References
----------
Birch, Finite elastic strain of cubic crystals, Phys. Rev. 71, 809 (1947).
"""

from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field as Option, model_validator

from cuds import iris
from cuds.arrays import FloatArray
from cuds.errors import InvalidError
from cuds.model.entity import Entity, Term
from cuds.model.particles import ParticleSystem
from cuds.registry import service
from cuds.units import Quantity, quantity

_FEWEST = 5  # volumes that fix the four numbers of an equation of state and leave something to judge them by
_SAME = 1e-3  # angstrom: as far apart as two places of a lattice may be and count as one


class LatticeParameters(Entity):
    """The lengths and angles of the smallest cell that repeats along the edges of the one that was given.

    Parameters
    ----------
    lengths : Quantity (3,)
        a, b, c.
    angles : Quantity (3,)
        alpha between b and c, beta between a and c, gamma between a and b.
    uncertainty : Quantity (3,), optional
        Of the lengths: the standard error of a mean over time.
    """

    lengths: Annotated[Quantity, Term(iris.latticeLengths, "Length", (3,), means="LatticeLengths")]
    angles: Annotated[Quantity, Term(iris.latticeAngles, "Angle", (3,), means="LatticeAngles")]
    uncertainty: Annotated[
        Quantity | None, Term(iris.uncertainty, "Length", (3,), means="Uncertainty", physics=False)
    ] = None

    @classmethod
    def of_cell(cls, cell: Quantity, repeats: tuple[int, int, int] = (1, 1, 1), **fields: Any) -> "LatticeParameters":
        """Return those of a cell, rows its vectors, that holds so many smaller ones."""
        lengths, angles = shape_of(cell.value)
        return cls(
            lengths=Quantity(lengths / repeats, cell.unit),
            angles=Quantity(np.degrees(angles), "degree"),
            **fields,
        )

    def __repr__(self) -> str:
        unsure = [""] * 3 if self.uncertainty is None else [f" ± {u:.2g}" for u in self.uncertainty.value]
        edges = ", ".join(f"{n} {v:.6g}{u}" for n, v, u in zip("abc", self.lengths.value, unsure, strict=True))
        corners = ", ".join(f"{n} {v:.6g}" for n, v in zip(("alpha", "beta", "gamma"), self.angles.value, strict=True))
        return f"LatticeParameters({edges} {self.lengths.unit}; {corners} {self.angles.unit})"


def shape_of(cells: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return lengths (..., 3) and angles in radian (..., 3) of cells (..., 3, 3)."""
    lengths = np.linalg.norm(cells, axis=-1)
    one, two = cells[..., [1, 0, 0], :], cells[..., [2, 2, 1], :]
    cosines = (one * two).sum(axis=-1) / (lengths[..., [1, 0, 0]] * lengths[..., [2, 2, 1]])
    return lengths, np.arccos(np.clip(cosines, -1, 1))


def repeats(system: ParticleSystem) -> tuple[int, int, int]:
    """Return how often the smallest equal part of a crystal follows itself along each edge of its cell."""
    assert system.cell is not None  # asked of crystals
    cell = system.cell.in_unit("angstrom")
    places = system.positions.in_unit("angstrom") @ np.linalg.inv(cell) % 1.0 % 1.0
    found = [_along(places, system.species, axis, _SAME / float(np.linalg.norm(cell[axis]))) for axis in range(3)]
    return found[0], found[1], found[2]


def _along(places: FloatArray, species: Any, axis: int, same: float) -> int:
    from scipy.spatial import KDTree

    tree = KDTree(places, boxsize=1.0)
    for n in range(len(places), 1, -1):
        if len(places) % n == 0:
            apart, which = tree.query((places + np.eye(3)[axis] / n) % 1.0 % 1.0, distance_upper_bound=2 * same)
            if (apart < 2 * same).all() and np.array_equal(species[which], species):
                return n
    return 1


class EquationOfState(Entity):
    """The energy of a crystal by its volume, and the third-order Birch-Murnaghan equation fitted to it.

    Parameters
    ----------
    volumes, energies : Quantity (n_volumes,)
        Of the whole system.
    n_particles : int
        In the system.
    volume : Quantity
        Of the whole system where the energy is least.
    energy : Quantity
        The least.
    bulk_modulus : Quantity
        There.
    bulk_modulus_derivative : float
        By pressure, there.
    residual : Quantity
        The root mean square of what the fit leaves.
    """

    volumes: Annotated[Quantity, Term(iris.volumes, "Volume", ("n_volumes",), means="VolumeSamples")]
    energies: Annotated[Quantity, Term(iris.volumeEnergies, "Energy", ("n_volumes",), means="EnergySamples")]
    n_particles: Annotated[int, Term(iris.particleCount)] = Option(gt=0)
    volume: Annotated[Quantity, Term(iris.equilibriumVolume, "Volume", means="VolumeValue")]
    energy: Annotated[Quantity, Term(iris.equilibriumEnergy, "Energy", means="EnergyValue")]
    bulk_modulus: Annotated[Quantity, Term(iris.equilibriumBulkModulus, "Stress", means="ModulusValue")]
    bulk_modulus_derivative: Annotated[float, Term(iris.bulkModulusDerivative)]
    residual: Annotated[Quantity, Term(iris.fitResidual, "Energy", means="EnergyValue", physics=False)]

    @model_validator(mode="after")
    def _solid(self) -> Self:
        for field in ("volume", "bulk_modulus"):
            if getattr(self, field).value <= 0:
                raise InvalidError(f"{field}: {getattr(self, field)!r}", hint="it must be positive", field=field)
        return self

    @classmethod
    def fitted(cls, volumes: Any, energies: Any, n_particles: int, **fields: Any) -> "EquationOfState":
        """Return the equation that fits energies at volumes best, by least squares.

        In x = V^(-2/3) the equation is a polynomial of third degree, so the fit needs no start values.

        Raises
        ------
        InvalidError
            For fewer than five volumes, or when the energy has no minimum between them.
        """
        V = quantity(volumes, "Volume", "volumes").in_unit("angstrom**3")
        E = quantity(energies, "Energy", "energies").in_unit("eV")
        if len(np.unique(V)) < _FEWEST:
            raise InvalidError(
                f"volumes: {len(np.unique(V))} different ones",
                hint=f"give at least {_FEWEST}, below and above equilibrium",
                field="volumes",
            )
        x = V ** (-2 / 3)
        p = np.polynomial.Polynomial.fit(x, E, 3).convert(domain=[-1, 1])
        rest = [float(r.real) for r in p.deriv().roots() if abs(r.imag) < 1e-9 and p.deriv(2)(r.real) > 0]
        inside = [r for r in rest if x.min() < r < x.max()]
        if not inside:
            raise InvalidError(
                f"energies: no minimum between {V.min():.6g} and {V.max():.6g} angstrom**3",
                hint="choose volumes on both sides of equilibrium",
                field="energies",
            )
        x0 = inside[0]
        V0, d2, d3 = x0**-1.5, p.deriv(2)(x0), p.deriv(3)(x0)
        B = 4 / 9 * x0**2 * d2 / V0
        slope = 4 + 2 / 3 * x0 * d3 / d2
        return cls(
            volumes=Quantity(V, "angstrom**3"), energies=Quantity(E, "eV"), n_particles=n_particles,
            volume=Quantity(V0, "angstrom**3"), energy=Quantity(float(p(x0)), "eV"),
            bulk_modulus=Quantity(float(B), "eV/angstrom**3").to("GPa"), bulk_modulus_derivative=float(slope),
            residual=Quantity(float(np.sqrt(np.mean((p(x) - E) ** 2))), "eV"), **fields,
        )  # fmt: skip

    def energy_at(self, volumes: Any) -> Quantity:
        """Return the energy of the fitted equation at volumes of the whole system."""
        V0, B = self.volume.in_unit("angstrom**3"), self.bulk_modulus.in_unit("eV/angstrom**3")
        slope = self.bulk_modulus_derivative
        f = (V0 / quantity(volumes, "Volume", "volumes").in_unit("angstrom**3")) ** (2 / 3) - 1
        return Quantity(self.energy.in_unit("eV") + 9 / 16 * V0 * B * f**2 * (2 + (slope - 4) * f), "eV")

    def plot(self, path: Any = None, **more: Any) -> Any:
        """Draw the energies and the equation; return where the picture is."""
        return service("equation.plot")(self, path, **more)

    def __repr__(self) -> str:
        n = self.n_particles
        return (
            f"EquationOfState({self.label + ': ' if self.label else ''}volume {self.volume.value / n:.6g} and energy "
            f"{self.energy.value / n:.6g} {self.energy.unit} a particle ({self.volume.unit}), bulk modulus "
            f"{self.bulk_modulus.to('GPa')!r}, its derivative {self.bulk_modulus_derivative:.4g}, "
            f"{len(self.volumes)} volumes)"
        )
