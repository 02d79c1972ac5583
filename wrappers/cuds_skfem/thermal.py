"""Thermal strain: what a rise of temperature strains where nothing holds, and the loads that stand for it."""

from dataclasses import dataclass

import numpy as np

from cuds.arrays import FloatArray, IntArray
from cuds.model.plane import Plane, reduced
from cuds.model.properties import stress_free_strain
from cuds.model.simulation import LinearElasticity
from cuds.model.tensor import stress_tensor
from cuds_skfem import bare
from cuds_skfem.assembly import chunks
from cuds_skfem.mesh import Body


@dataclass(frozen=True, eq=False)
class Thermal:
    """A rise of temperature.

    Parameters
    ----------
    expansion : ndarray (k, 6)
        The strain by kelvin of each material in the frame of the sample, Voigt, engineering shear, in 1/K.
    rise : ndarray (m, a)
        Above the reference in K, at the nodes of each element in the order of VTK.
    """

    expansion: FloatArray
    rise: FloatArray

    def strain_at(self, body: Body, values: FloatArray, chunk: slice, material: IntArray) -> FloatArray:
        """Return the stress-free strain (e, q, 6) of some elements where the shape functions have values (q, a)."""
        at: FloatArray = self.rise[chunk][:, body.order] @ values.T
        return at[..., None] * self.expansion[material[chunk], None]


def thermal_of(job: LinearElasticity, body: Body) -> Thermal | None:
    """Return the rise of temperature of a job; None when it has none."""
    if job.temperature is None or job.reference_temperature is None:
        return None
    rise = job.temperature.in_unit("K") - job.reference_temperature.in_unit("K")
    at_nodes = rise[body.given[body.cells]] if job.temperature.on == "points" else rise[:, None]
    materials, _ = job.material_of_elements()
    expansion = [stress_free_strain(m.needed("thermal_expansion"), m.orientation) for m in materials]
    return Thermal(np.array(expansion), np.ascontiguousarray(np.broadcast_to(at_nodes, body.cells.shape)))


def thermal_stress(thermal: Thermal, stiffness: FloatArray, plane: Plane | None) -> FloatArray:
    """Return the stress (k, 6) in MPa/K that holds back the strain by one kelvin; in a plane that in it."""
    if plane == "stress":
        stiffness = np.array([reduced(C, plane) for C in stiffness])
    found: FloatArray = (stiffness @ thermal.expansion[:, :, None])[..., 0]
    return found


def mean_strain(body: Body, thermal: Thermal, material: IntArray) -> FloatArray:
    """Return the mean stress-free strain of each element (m, 6)."""
    values, derivatives, weights = body.shapes(bare.degree_of_loads(body.shape))
    found = np.empty((len(body.cells), 6))
    for chunk in chunks(body):
        dx = np.linalg.det(body.points[body.nodes[chunk]].transpose(0, 2, 1)[:, None] @ derivatives) * weights
        inside = thermal.strain_at(body, values, chunk, material)
        found[chunk] = np.einsum("eqi,eq->ei", inside, dx) / dx.sum(axis=1)[:, None]
    return found


def thermal_load(body: Body, thermal: Thermal, stress: FloatArray, material: IntArray) -> FloatArray:
    """Return the forces on the points (n, d) in N that strain a free body as the rise of temperature does.

    Parameters
    ----------
    body : Body
        The mesh.
    thermal : Thermal
        The rise.
    stress : ndarray (k, 6)
        As `thermal_stress` gives it.
    material : ndarray (m,)
        Which of them each element has.
    """
    values, derivatives, weights = body.shapes(bare.degree_of_loads(body.shape))
    d, force = body.dimension, np.zeros_like(body.points)
    push = stress_tensor(stress)[:, :d, :d]
    for chunk in chunks(body):
        J = body.points[body.nodes[chunk]].transpose(0, 2, 1)[:, None] @ derivatives
        grad, dx = derivatives @ np.linalg.inv(J), np.linalg.det(J) * weights
        rise = thermal.rise[chunk][:, body.order] @ values.T
        np.add.at(force, body.nodes[chunk], np.einsum("eqak,eq->eak", grad, rise * dx) @ push[material[chunk]])
    return force


def held_back_energy(body: Body, thermal: Thermal, stress: FloatArray, material: IntArray) -> float:
    """Return the strain energy in mJ of a body in which nothing of the thermal strain is let happen."""
    values, derivatives, weights = body.shapes(bare.degree_of_loads(body.shape))
    by_square, total = 0.5 * np.einsum("ki,ki->k", stress, thermal.expansion), 0.0
    for chunk in chunks(body):
        J = body.points[body.nodes[chunk]].transpose(0, 2, 1)[:, None] @ derivatives
        rise = thermal.rise[chunk][:, body.order] @ values.T
        total += float(((rise**2 * np.linalg.det(J) * weights).sum(axis=1) * by_square[material[chunk]]).sum())
    return total
