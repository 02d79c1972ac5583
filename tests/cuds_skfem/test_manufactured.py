"""A manufactured solution in a turned, fully anisotropic crystal: the error falls as theory says, for every shape."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cuds.model.condition import BodyForce, Displacement
from cuds.model.elements import NODES, SHAPES
from cuds.model.mesh import Mesh
from cuds.model.simulation import LinearElasticity
from cuds_skfem.mesh import body_of

AMPLITUDES = np.array([3e-3, -2e-3, 1e-3])  # mm
WAVES = np.array([[2.0, 1.0, -1.5], [-1.0, 2.5, 1.0], [1.5, -0.5, 2.0]])  # 1/mm, of each component
PHASES = np.array([0.3, 1.1, -0.7])


def displacement(x: np.ndarray) -> np.ndarray:
    """Return u_k = A_k sin(w_k . x + p_k) at places (..., d)."""
    d = x.shape[-1]
    return AMPLITUDES[:d] * np.sin(x @ WAVES[:d, :d].T + PHASES[:d])


def body_force(x: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Return f_i = -C_ijkl d2u_k / dx_j dx_l, which holds that displacement in equilibrium."""
    d = x.shape[-1]
    return np.einsum("ijkl,kj,kl,...k->...i", c[:d, :d, :d, :d], WAVES[:d, :d], WAVES[:d, :d], displacement(x))


def stresses(x: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Return xx, yy and xy, of a body in space all six components, at places (n, d)."""
    d = x.shape[-1]
    slope = WAVES[:d, :d] * (AMPLITUDES[:d] * np.cos(x @ WAVES[:d, :d].T + PHASES[:d]))[..., None]
    sigma = np.einsum("ijkl,ekl->eij", c[:d, :d, :d, :d], slope)
    return sigma[:, [0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]] if d == 3 else sigma[:, [0, 1, 0], [0, 1, 1]]


def in_a_plane(c: np.ndarray) -> np.ndarray:
    """Return the stiffness of plane stress: what is left when the stresses along z are relaxed, C - C_z C_zz^-1 C_z."""
    along = np.linalg.inv(c[:, 2, :, 2])  # from tractions on z to displacement gradients along z
    return c - np.einsum("ijm,mn,nkl->ijkl", c[:, :, :, 2], along, c[:, 2])


def errors(mesh: Mesh, found: dict[str, Any], c: np.ndarray) -> list[float]:
    """Return norms of errors: of u in L2, of the mean stress at the centres, and of the stress at the points."""
    body = body_of(mesh)
    d = body.dimension
    values, derivatives, weights = body.shapes(6)
    place = body.points[body.nodes]
    dx = np.linalg.det(place.transpose(0, 2, 1)[:, None] @ derivatives) * weights
    off = values @ found["displacement"][body.nodes][..., :d] - displacement(values @ place)
    six = [0, 1, 2, 3, 4, 5] if d == 3 else [0, 1, 5]
    centre = body.points[body.cells[:, : SHAPES[body.shape].corners]].mean(axis=1)
    mean = found["stress"][:, six] - stresses(centre, c)
    nodal = found["stress_points"][:, six] - stresses(body.points, c)
    return [
        float(np.sqrt((off**2 * dx[..., None]).sum())),
        float(np.sqrt((mean**2 * dx.sum(axis=1)[:, None]).sum())),
        float(np.sqrt((nodal**2).mean())),
    ]


CASES = [(shape, "strain") for shape in NODES] + [("triangle", "stress"), ("quad9", "stress")]


@pytest.mark.turns(3)
@pytest.mark.parametrize(("shape", "plane"), CASES)
def test_error_falls_as_theory_says(lab: SimpleNamespace, solve: Any, shape: str, plane: str) -> None:
    found = []
    order, d = SHAPES[shape].order, SHAPES[shape].dimension
    for n in {(1, 3): (4, 8, 16), (2, 3): (2, 4, 8), (1, 2): (8, 16, 32), (2, 2): (4, 8, 16)}[order, d]:
        mesh = lab.box(shape, (n, n, n), (1.0, 1.2, 0.9))
        given = lab.crystal(mesh, plane)
        c = lab.stiffness(given)
        if given.get("plane") == "stress":
            c = in_a_plane(c)
        x = mesh.points.in_unit("mm")[:, :d]
        u, f = (np.pad(v, ((0, 0), (0, 3 - d))) for v in (displacement(x), body_force(x, c)))
        held = Displacement("surface", field=lab.field(mesh, "Displacement", u, "mm"))
        force = BodyForce(field=lab.field(mesh, "BodyForceDensity", f, "N/mm**3"))
        found.append(errors(mesh, solve(LinearElasticity(mesh, **given, conditions=[held, force])), c))
    rates = np.log2(np.array(found[:-1]) / found[1:])
    assert rates[:, 0].min() >= order + 0.9, found
    assert rates[:, 1:].min() >= 0.95 * order, found
    assert found[-1][0] < 1e-2 * np.abs(AMPLITUDES).max()
