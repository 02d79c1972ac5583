"""Which rigid motions the supports leave free.

A body is singular exactly in the motions that move each of its pieces (elements that hang together facet by facet)
rigidly, agree where pieces share a point, and vanish where a component is held.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

from cuds.arrays import FloatArray, IntArray
from cuds.errors import InvalidError
from cuds_skfem.bare import rigid_modes
from cuds_skfem.mesh import Body
from cuds_skfem.supports import Supports

_FREE = 1e-10  # of the largest singular value of the constraints: how small a support may be
_ROWS = 10_000  # constraints taken at a time
_NOTHING = 1e-6


def refuse_free_motions(body: Body, supports: Supports, ties: IntArray | None = None) -> None:
    """Refuse supports that leave a motion without strain.

    Parameters
    ----------
    body : Body
        The mesh.
    supports : Supports
        What is held.
    ties : ndarray (t, 2), optional
        Pairs of points that move alike.

    Raises
    ------
    InvalidError
        Naming the pieces of the body that can move, and how.
    """
    found = list(_free(body, supports, np.zeros((0, 2), dtype=np.int64) if ties is None else ties))
    if not found:
        return
    n_pieces = int(body.pieces.max()) + 1
    lines = []
    for piece, motions in found[:5]:
        elements = np.flatnonzero(body.pieces == piece)
        centre = body.points[np.unique(body.cells[elements])].mean(axis=0)
        where = f"piece {piece + 1} of {n_pieces} ({len(elements)} elements about {_vector(centre)} mm)"
        lines.append(f"{'the body' if n_pieces == 1 else where} is free in {', '.join(motions)}")
    more = f"; and {len(found) - 5} more pieces" if len(found) > 5 else ""
    apart = " or merge the coincident points of pieces that are one" if n_pieces > 1 else ""
    hint = "hold more points or components with Fixed(...) or Displacement(...)," if ties is None else "leave them out,"
    raise InvalidError(
        f"conditions: {'; '.join(lines)}{more}", hint=(hint + apart).removesuffix(","), field="conditions"
    )


def _free(body: Body, supports: Supports, ties: IntArray) -> Iterator[tuple[int, list[str]]]:
    """Yield the pieces that can move, with the names of the motions."""
    points, pieces = _memberships(body)
    n_pieces = int(pieces.max()) + 1
    first = np.flatnonzero(np.r_[True, np.diff(points) > 0])
    again = np.setdiff1d(np.arange(len(points)), first)
    owner = first[points[again]]  # every point occurs, so the k-th first membership is that of point k
    again, owner = np.concatenate([again, first[ties[:, 0]]]), np.concatenate([owner, first[ties[:, 1]]])
    count = np.bincount(pieces, minlength=n_pieces)
    centres = np.stack([np.bincount(pieces, x) / count for x in body.points[points].T], axis=1)
    sizes = np.zeros(n_pieces)
    np.maximum.at(sizes, pieces, np.abs(body.points[points] - centres[pieces]).max(axis=1))
    modes = rigid_modes((body.points[points] - centres[pieces]) / sizes[pieces, None])
    own, axis = np.nonzero(supports.held)
    along = modes[first]
    along[supports.turned] = supports.frames.transpose(0, 2, 1) @ along[supports.turned]
    parts = [_rows(along[own, axis], pieces[first[own]], n_pieces)]
    for i in range(body.dimension):
        parts += [_rows(modes[again, i], pieces[again], n_pieces) - _rows(modes[owner, i], pieces[owner], n_pieces)]
    rows: Any = sp.vstack(parts).tocsc()
    touching = sp.coo_matrix((np.ones(len(again)), (pieces[again], pieces[owner])), shape=(n_pieces, n_pieces))
    group = sp.csgraph.connected_components(touching, directed=False)[1]
    for g in range(int(group.max()) + 1):
        members = np.flatnonzero(group == g)
        width = modes.shape[2]
        columns = (width * members[:, None] + np.arange(width)).ravel()
        null = _null_space(rows[:, columns])
        for piece, part in zip(members, null.reshape(len(members), width, -1), strict=True):
            if part.size and np.abs(part).max() > _NOTHING:
                yield int(piece), list(_names(part.T, centres[piece], sizes[piece]))


def _memberships(body: Body) -> tuple[IntArray, IntArray]:
    """Return which point belongs to which piece: pairs, sorted by point."""
    n_pieces = int(body.pieces.max()) + 1
    if n_pieces == 1:
        return np.arange(len(body.points)), np.zeros(len(body.points), dtype=np.int64)
    pairs = np.unique(body.cells * n_pieces + body.pieces[:, None])
    return pairs // n_pieces, pairs % n_pieces


def _null_space(rows: Any) -> FloatArray:
    """Return an orthonormal basis (columns) of what the rows leave free, taking them in portions."""
    own, place = np.unique(rows.indices, return_inverse=True)
    few: Any = sp.csc_matrix((rows.data, place, rows.indptr), shape=(len(own), rows.shape[1])).tocsr()
    R: FloatArray = np.zeros((1, rows.shape[1]))
    for start in range(0, len(own), _ROWS):
        R = np.asarray(np.linalg.qr(np.vstack([R, few[start : start + _ROWS].toarray()]), mode="r"))
    _, found, vectors = np.linalg.svd(R)
    values = np.zeros(rows.shape[1])
    values[: len(found)] = found
    null: FloatArray = vectors[values <= _FREE * max(values[0], 1.0)].T
    return null


def _rows(modes: FloatArray, pieces: IntArray, n_pieces: int) -> sp.csr_matrix:
    m, width = modes.shape
    columns = (width * pieces[:, None] + np.arange(width)).ravel()
    return sp.csr_matrix((modes.ravel(), columns, width * np.arange(m + 1)), shape=(m, width * n_pieces))


def _names(motions: FloatArray, centre: FloatArray, size: float) -> Iterator[str]:
    """Name the motions (k, 6) of a piece, in a plane (k, 3): shifts, then turns about the centre by 1 / size."""
    flat = len(centre)
    if flat == 2:
        motions = np.insert(motions, [2, 2, 2], 0, axis=1)
        centre = np.append(centre, 0)
    for row in _echelon(np.hstack([motions[:, 3:], motions[:, :3]])):
        turn, shift = row[:3] / size, row[3:]
        if np.abs(row[:3]).max() < _NOTHING:
            yield f"translation along {_direction(shift)}"
            continue
        through = centre + np.cross(turn, shift) / (turn @ turn)
        yield f"rotation about {_direction(turn)} through {_vector(through[:flat])} mm"


def _echelon(rows: FloatArray) -> FloatArray:
    """Return the reduced row echelon form, without rows of zeros."""
    rows, rank = rows.copy(), 0
    for column in range(rows.shape[1]):
        pivot = rank + int(np.abs(rows[rank:, column]).argmax()) if rank < len(rows) else rank
        if rank == len(rows) or abs(rows[pivot, column]) < _NOTHING:
            continue
        rows[[rank, pivot]] = rows[[pivot, rank]]
        rows[rank] /= rows[rank, column]
        others = np.arange(len(rows)) != rank
        rows[others] -= np.outer(rows[others, column], rows[rank])
        rank += 1
    return rows[:rank]


def _direction(vector: FloatArray) -> str:
    unit = vector / np.linalg.norm(vector)
    axis = int(np.abs(unit).argmax())
    return "xyz"[axis] if abs(unit[axis]) > 1 - _NOTHING else _vector(unit)


def _vector(vector: FloatArray) -> str:
    return f"({', '.join(f'{x:.4g}' for x in np.where(np.abs(vector) < 1e-9 * np.abs(vector).max(), 0.0, vector))})"
