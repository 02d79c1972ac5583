"""Everything that scikit-fem is given for a job, as bare arrays in mm, N and MPa."""

from dataclasses import dataclass

import numpy as np

from cuds.arrays import AnyArray, FloatArray, IntArray
from cuds.model.plane import Plane, reduced
from cuds.model.simulation import LinearElasticity
from cuds_skfem.conditions import Loads, loads
from cuds_skfem.mesh import Body, body_of
from cuds_skfem.motions import refuse_free_motions
from cuds_skfem.supports import Supports, supports
from cuds_skfem.thermal import Thermal, thermal_of, thermal_stress


@dataclass(frozen=True, eq=False)
class Deck:
    """A job for scikit-fem.

    Parameters
    ----------
    body : Body
        The mesh.
    stiffness : ndarray (k, 6, 6)
        In MPa, in the frame of the sample.
    plane : {"strain", "stress"}, optional
        Of a body in a plane.
    thickness : float
        Of a body in a plane, in mm; else 1. The matrix, and so the solution, is that of a thickness of 1 mm.
    material : ndarray (m,)
        The stiffness of each element.
    supports : Supports
        What is held.
    loads : Loads
        What acts.
    thermal : Thermal, optional
        A rise of temperature.
    tolerance : float
        On the relative residual.
    solver : {"amg", "direct"}
        How it is solved.
    """

    body: Body
    stiffness: FloatArray
    plane: Plane | None
    thickness: float
    material: IntArray
    supports: Supports
    loads: Loads
    thermal: Thermal | None
    tolerance: float
    solver: str

    @property
    def law(self) -> FloatArray:
        """The stiffness (k, 6, 6) that the matrix is made of: of a body in a plane what is left of it there."""
        return self.stiffness if self.plane is None else np.array([reduced(C, self.plane) for C in self.stiffness])

    @property
    def thermal_stress(self) -> FloatArray:
        """The stress (k, 6) in MPa/K that holds back the strain by one kelvin; (0,) where no temperature rises."""
        return np.zeros(0) if self.thermal is None else thermal_stress(self.thermal, self.stiffness, self.plane)

    def same_matrix(self, other: "Deck") -> bool:
        """Whether both have the same stiffness matrix."""
        return (
            self.body is other.body
            and self.plane == other.plane
            and np.array_equal(self.stiffness, other.stiffness)
            and np.array_equal(self.material, other.material)
        )

    def same_supports(self, other: "Deck") -> bool:
        """Whether both hold the same components, wherever they hold them."""
        mine, others = self.supports, other.supports
        pairs = ((getattr(mine, name), getattr(others, name)) for name in ("held", "turned", "frames"))
        return self.solver == other.solver and all(np.array_equal(*pair) for pair in pairs)

    def arrays(self) -> dict[str, AnyArray]:
        """Return the arrays that the transcript reads."""
        loads = self.loads
        return {
            "shape": np.array(self.body.shape),
            "points": self.body.points,
            "cells": self.body.cells,
            "stiffness": self.law,
            "thickness": np.array(self.thickness),
            "material": self.material,
            "turned": self.supports.turned,
            "frames": self.supports.frames,
            "held": self.supports.held,
            "prescribed": self.supports.values,
            "facets": self.body.facet_nodes(loads.facets),
            "traction": loads.traction,
            "pressure": loads.pressure,
            "body_force": loads.body_force,
            "thermal_stress": self.thermal_stress,
            "rise": np.zeros(0) if self.thermal is None else self.thermal.rise,
            "tolerance": np.array(self.tolerance),
            "solver": np.array(self.solver),
        }


def deck_of(job: LinearElasticity, solver: str = "amg") -> Deck:
    """Return the deck of a job; what scikit-fem could not solve is refused here, by name.

    Raises
    ------
    InvalidError, UnsupportedError
        See `body_of`, `supports`, `loads` and `refuse_free_motions`.
    """
    body = body_of(job.mesh)
    held, acting = supports(job, body), loads(job, body)
    refuse_free_motions(body, held)
    materials, index = job.material_of_elements()
    heat = thermal_of(job, body)
    stiffness = np.array([m.stiffness.in_unit("MPa") for m in materials])
    thickness = 1.0 if job.thickness is None else job.thickness.in_unit("mm")
    return Deck(body, stiffness, job.plane, thickness, index, held, acting, heat, job.tolerance, solver)
