"""Voigt notation, rotations, small strain: the conventions for tensors, in one place.

Voigt order is xx, yy, zz, yz, xz, xy with engineering shear strain (Nye, Physical Properties of Crystals,
1985). A rotation turns vectors of the crystal into vectors of the sample: v_sample = R v_crystal.
"""

import re
from typing import Any

import numpy as np

from cuds.arrays import FloatArray, freeze
from cuds.errors import InvalidError, ShapeError

VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
NAMES = ("xx", "yy", "zz", "yz", "xz", "xy")
_I, _J = np.array(VOIGT).T


def strain_tensor(voigt: Any) -> FloatArray:
    """Return the symmetric (..., 3, 3) tensor of strains in Voigt order (..., 6)."""
    v = np.asarray(voigt, dtype=np.float64) * np.array([1, 1, 1, 0.5, 0.5, 0.5])
    return stress_tensor(v)


def stress_tensor(voigt: Any) -> FloatArray:
    """Return the symmetric (..., 3, 3) tensor of stresses in Voigt order (..., 6)."""
    v = np.asarray(voigt, dtype=np.float64)
    tensor = np.empty((*v.shape[:-1], 3, 3))
    tensor[..., _I, _J] = v
    tensor[..., _J, _I] = v
    return tensor


def stress_voigt(tensor: Any) -> FloatArray:
    """Return (..., 6) stresses in Voigt order of a symmetric (..., 3, 3) tensor."""
    t = np.asarray(tensor, dtype=np.float64)
    return np.array(0.5 * (t + np.swapaxes(t, -1, -2))[..., _I, _J])


def strain_voigt(tensor: Any) -> FloatArray:
    """Return (..., 6) strains in Voigt order, engineering shear, of a symmetric (..., 3, 3) tensor."""
    return np.array(stress_voigt(tensor) * [1, 1, 1, 2, 2, 2])


def rotation(matrix: Any, field: str = "rotation") -> FloatArray:
    """Return a proper rotation matrix, checked to 1e-9.

    Raises
    ------
    InvalidError
        When the matrix is not orthogonal, or mirrors.
    """
    R = freeze(matrix, field=field)
    if R.shape != (3, 3):
        raise ShapeError(f"{field}: the shape is {R.shape}", hint="it must be (3, 3)", field=field)
    if not np.allclose(R @ R.T, np.eye(3), atol=1e-9) or np.linalg.det(R) < 0:
        raise InvalidError(
            f"{field}: no proper rotation (|R R^T - 1| = {np.abs(R @ R.T - np.eye(3)).max():.2g}, "
            f"det = {np.linalg.det(R):.6g})",
            hint="its rows are orthonormal and its determinant is +1; cuds.orientation('[100]', '[011]') makes one",
            field=field,
        )
    return R


def deformation(strain: Any) -> FloatArray:
    """Return 1 + strain of a strain in Voigt order (6,) or as a tensor (3, 3)."""
    e = np.asarray(strain, dtype=np.float64)
    if e.shape == (6,):
        e = strain_tensor(e)
    if e.shape != (3, 3) or not np.allclose(e, e.T, rtol=0, atol=1e-14):
        raise ShapeError(
            f"strain: the shape is {np.shape(strain)}",
            hint="give 6 numbers in Voigt order or a symmetric (3, 3) tensor",
            field="strain",
        )
    return np.eye(3) + e


def triangular(vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the rotation R (3, 3) that makes cell vectors, given as rows, a lower triangular matrix, and that matrix.

    The first vector then lies along x and the second in the xy plane, as engines want it; x -> R x. Vectors that lie
    so already stay as they are, bit for bit.
    """
    if np.array_equal(vectors, np.tril(vectors)) and (np.diag(vectors) > 0).all():
        return np.eye(3), vectors
    Q, U = np.linalg.qr(vectors.T)
    signs = np.sign(np.diag(U))
    return (Q * signs).T, np.tril(U.T * signs)


def stress_rotation(R: FloatArray) -> FloatArray:
    """Return the 6x6 matrix that turns stresses in Voigt order (Bond 1943): sigma' = M sigma.

    Parameters
    ----------
    R : ndarray (3, 3)
        The rotation.
    """
    columns = [stress_voigt(R @ stress_tensor(unit) @ R.T) for unit in np.eye(6)]
    return np.stack(columns, axis=1)


def rotate_stiffness(C: FloatArray, R: FloatArray) -> FloatArray:
    """Return the 6x6 stiffness of a crystal that was turned by R (Bond 1943): C' = M C M^T."""
    M = stress_rotation(R)
    return np.array(M @ C @ M.T)


def orientation(x: Any, y: Any) -> FloatArray:
    """Return the rotation that lays a cubic crystal's directions along the sample's axes.

    Parameters
    ----------
    x, y : sequence of three int, or str
        Crystal directions along the x and y axis of the sample, like ``"[110]"`` or ``(1, 1, 0)``;
        perpendicular. The third axis follows. A minus in text stands before its digit: ``"[1-10]"``.

    Examples
    --------
    >>> orientation("[100]", "[010]")
    array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 1.]])
    """
    a, b = _direction(x, "x"), _direction(y, "y")
    if abs(a @ b) > 1e-9:
        raise InvalidError(
            f"y: {y} is not perpendicular to {x}", hint="choose directions whose product is 0", field="y"
        )
    return np.stack([a, b, np.cross(a, b)])


def _direction(given: Any, field: str) -> FloatArray:
    if isinstance(given, str):
        parts: list[Any] = re.findall(r"-?\d", given)
    else:
        parts = list(given)
    try:
        v = np.array([float(p) for p in parts])
        if v.shape != (3,) or not v.any():
            raise ValueError(given)
    except ValueError:
        raise InvalidError(
            f"{field}: {given!r} is no crystal direction", hint="write it like '[1-10]' or (1, -1, 0)", field=field
        ) from None
    return np.array(v / np.linalg.norm(v))
