"""Where virtual sites are, and how their places move with those of their parents.

Every construction gives the vector from the first parent to the site as a function of the vectors from it to the
others, and its derivatives by them. All numbers are coherent: Å and radian.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from cuds.arrays import FloatArray

Made = tuple[FloatArray, Sequence[FloatArray]]  # vectors (n, 3), and their derivatives (n, 3, 3) by each given vector
Numbers = Mapping[str, FloatArray]


def _eye(scale: FloatArray) -> FloatArray:
    found: FloatArray = scale[:, None, None] * np.eye(3)
    return found


def _outer(one: FloatArray, two: FloatArray) -> FloatArray:
    found: FloatArray = one[:, :, None] * two[:, None, :]
    return found


def _dot(one: FloatArray, two: FloatArray) -> FloatArray:
    found: FloatArray = np.sum(one * two, axis=1)
    return found


def _unit(vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return vectors (n, 3) of length 1, and their derivatives (n, 3, 3)."""
    length = np.sqrt(_dot(vectors, vectors))
    unit = vectors / length[:, None]
    return unit, (np.eye(3) - _outer(unit, unit)) / length[:, None, None]


def _cross(vectors: FloatArray) -> FloatArray:
    """Return the matrices (n, 3, 3) that multiply by a cross product from the left."""
    x, y, z = vectors.T
    o = np.zeros(len(vectors))
    found: FloatArray = np.array([[o, -z, y], [z, o, -x], [-y, x, o]]).transpose(2, 0, 1)
    return found


def _coincident(v: Sequence[FloatArray], p: Numbers) -> Made:
    return np.zeros((1, 3)), []


def _line(v: Sequence[FloatArray], p: Numbers) -> Made:
    return p["a"][:, None] * v[0], [_eye(p["a"])]


def _line_distance(v: Sequence[FloatArray], p: Numbers) -> Made:
    unit, slope = _unit(v[0])
    return p["d"][:, None] * unit, [p["d"][:, None, None] * slope]


def _plane(v: Sequence[FloatArray], p: Numbers) -> Made:
    return p["a"][:, None] * v[0] + p["b"][:, None] * v[1], [_eye(p["a"]), _eye(p["b"])]


def _plane_distance(v: Sequence[FloatArray], p: Numbers) -> Made:
    a = p["a"][:, None]
    unit, slope = _unit((1 - a) * v[0] + a * v[1])
    slope = p["d"][:, None, None] * slope
    return p["d"][:, None] * unit, [(1 - a[:, :, None]) * slope, a[:, :, None] * slope]


def _plane_angle(v: Sequence[FloatArray], p: Numbers) -> Made:
    along, turn = _unit(v[0])
    other = v[1] - v[0]  # from the second parent to the third
    part = _dot(other, along)[:, None]
    across = other - part * along
    flat = np.eye(3) - _outer(along, along)  # the derivative of `across` by `other`
    tilt = -(part[:, :, None] * turn + _outer(along, np.einsum("nj,nji->ni", other, turn)))  # and by the first vector
    side, swing = _unit(across)
    near, far = (p["d"] * np.cos(p["theta"]))[:, None], (p["d"] * np.sin(p["theta"]))[:, None]
    swing = far[:, :, None] * swing
    return near * along + far * side, [near[:, :, None] * turn + swing @ (tilt - flat), swing @ flat]


def _out_of_plane(v: Sequence[FloatArray], p: Numbers) -> Made:
    a, b, c = (p[s][:, None] for s in "abc")
    place = a * v[0] + b * v[1] + c * np.cross(v[0], v[1])
    c = c[:, :, None]
    return place, [_eye(p["a"]) - c * _cross(v[1]), _eye(p["b"]) + c * _cross(v[0])]


def _four_distance(v: Sequence[FloatArray], p: Numbers) -> Made:
    a, b = p["a"][:, None], p["b"][:, None]
    one, two = a * v[1] - v[0], b * v[2] - v[0]
    unit, slope = _unit(np.cross(one, two))
    slope = p["d"][:, None, None] * slope
    by_one, by_two = -slope @ _cross(two), slope @ _cross(one)
    return p["d"][:, None] * unit, [-by_one - by_two, a[:, :, None] * by_one, b[:, :, None] * by_two]


def _weighted(v: Sequence[FloatArray], p: Numbers) -> Made:
    weights = [p[f"w{i}"] for i in range(2, len(v) + 2)]
    place = sum((w[:, None] * x for w, x in zip(weights, v, strict=True)), start=np.zeros((len(p["w1"]), 3)))
    return place, [_eye(w) for w in weights]


_MADE: dict[str, Callable[[Sequence[FloatArray], Numbers], Made]] = {
    "CoincidentSite": _coincident,
    "LineSite": _line,
    "LineDistanceSite": _line_distance,
    "PlaneSite": _plane,
    "PlaneDistanceSite": _plane_distance,
    "PlaneAngleSite": _plane_angle,
    "OutOfPlaneSite": _out_of_plane,
    "FourParticleDistanceSite": _four_distance,
    "WeightedSite": _weighted,
}


def made(name: str, vectors: FloatArray, parameters: Numbers) -> tuple[FloatArray, FloatArray]:
    """Return where sites are, and how that moves with each of their parents.

    Parameters
    ----------
    name : str
        The construction.
    vectors : array (n, k - 1, 3)
        In Å, from the first parent to each of the others.
    parameters : mapping of str to array (n,)
        By symbol.

    Returns
    -------
    array (n, 3)
        In Å, from the first parent to the site.
    array (n, k, 3, 3)
        The derivative of the place of the site by that of each parent: [site, parent, component of the site,
        component of the parent].
    """
    n, others = vectors.shape[:2]
    place, slopes = _MADE[name]([vectors[:, i] for i in range(others)], parameters)
    first = np.eye(3) - sum(slopes, start=np.zeros((n, 3, 3)))
    return np.broadcast_to(place, (n, 3)), np.stack([first, *slopes], axis=1)
