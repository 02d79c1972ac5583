"""Periodic cells: which points are one, and by which translations."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.spatial import KDTree

from cuds.arrays import FloatArray, IntArray
from cuds.errors import InvalidError
from cuds.model.homogenisation import Periodic
from cuds.model.mesh import Mesh
from cuds_skfem.mesh import Body

_SAME = 1e-6  # of the size of the cell: how far a point may be from where its partner says
_FLAT = 1e-9  # of the product of the translations: below it they span no volume


@dataclass(frozen=True, eq=False)
class Cell:
    """A periodic cell.

    Parameters
    ----------
    master : ndarray (n,)
        For each point of the body the number of what it is one with.
    first : ndarray (k,)
        For each of these numbers one of its points.
    ties : ndarray (t, 2)
        Pairs of points that are one.
    translations : ndarray (3, 3)
        As rows, in mm.
    """

    master: IntArray
    first: IntArray
    ties: IntArray
    translations: FloatArray

    @property
    def volume(self) -> float:
        """Of the cell, in mm^3, what is empty included."""
        return abs(float(np.linalg.det(self.translations)))


def cell_of(mesh: Mesh, body: Body, conditions: Iterable[Periodic]) -> Cell:
    """Return the cell that periodic conditions make of a body.

    Raises
    ------
    InvalidError
        When the points of two regions do not match by a translation, or the translations span no cell.
    """
    pairs, moves = zip(*(_matched(mesh, body, c) for c in conditions), strict=True)
    ties, translations = np.concatenate(pairs), np.array(moves)
    lengths = np.linalg.norm(translations, axis=1)
    if abs(np.linalg.det(translations)) <= _FLAT * np.prod(lengths):
        listed = "; ".join(_vector(t) for t in translations)
        raise InvalidError(
            f"conditions: the translations {listed} mm span no cell",
            hint="pair regions along three different directions",
            field="conditions",
        )
    n = len(body.points)
    links = sp.coo_matrix((np.ones(len(ties), dtype=bool), tuple(ties.T)), shape=(n, n))
    master = sp.csgraph.connected_components(links, directed=False)[1].astype(np.int64)
    first = np.unique(master, return_index=True)[1]
    cell = Cell(master, first, ties, translations)
    _refuse_crooked(body, cell)
    return cell


def _matched(mesh: Mesh, body: Body, condition: Periodic) -> tuple[IntArray, FloatArray]:
    """Return pairs of points, and the translation from the first region to the second."""
    one, two = (_points(mesh, body, name) for name in (condition.region, condition.partner))
    a, b = body.points[one], body.points[two]
    names = f"{condition.region!r} and {condition.partner!r}"
    if len(one) != len(two):
        raise InvalidError(
            f"conditions: Periodic on {names}: {len(one)} and {len(two)} points",
            hint="mesh both sides alike, so that one is the other moved",
            field="conditions",
        )
    move = b.mean(axis=0) - a.mean(axis=0)
    size = float(np.ptp(body.points, axis=0).max())
    distance, nearest = KDTree(b).query(a + move)
    worst = int(distance.argmax())
    if distance[worst] > _SAME * size or len(np.unique(nearest)) < len(one):
        raise InvalidError(
            f"conditions: Periodic on {names}: moved by {_vector(move)} mm, point {body.given[one[worst]]} at "
            f"{_vector(a[worst])} mm has no partner nearer than {distance[worst]:.4g} mm",
            hint="mesh both sides alike, so that one is the other moved",
            field="conditions",
        )
    return np.stack([one, two[nearest]], axis=1), move


def _points(mesh: Mesh, body: Body, name: str) -> IntArray:
    local = body.local[mesh.region_points(name)] if len(mesh.region(name).members) else np.zeros(0, dtype=np.int64)
    used: IntArray = local[local >= 0]
    if not len(used):
        raise InvalidError(
            f"conditions: no element has a point of region {name!r}",
            hint="name regions on the sides of the cell, to which what carries load must reach",
            field="conditions",
        )
    return used


def _refuse_crooked(body: Body, cell: Cell) -> None:
    """Refuse points that are one, but not whole translations apart."""
    apart = (body.points - body.points[cell.first[cell.master]]) @ np.linalg.inv(cell.translations)
    off = np.abs(apart - np.round(apart)).max(axis=1)
    worst = int(off.argmax())
    if off[worst] > 10 * _SAME:
        raise InvalidError(
            f"conditions: point {body.given[worst]} at {_vector(body.points[worst])} mm is paired with one that is no "
            "whole number of translations away",
            hint="each pair of regions is one translation; name each side once",
            field="conditions",
        )


def _vector(vector: FloatArray) -> str:
    return f"({', '.join(f'{x:.6g}' for x in vector)})"
