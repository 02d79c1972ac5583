"""Rigid distances of a script: what LAMMPS holds, at the lengths that its types of bond and angle have."""

from dataclasses import dataclass

import numpy as np

from cuds.arrays import FloatArray, IntArray
from cuds.errors import UnsupportedError
from cuds.semantics.dictionary import Row, form
from cuds.units import Quantity
from cuds_lammps.codecs.said import Said, Use
from cuds_lammps.codecs.set_up import Found
from cuds_lammps.codecs.styles import NOTHING
from cuds_lammps.coefficients import Numbers

_AT_REST = {"bond": "r0", "angle": "theta0"}  # the parameter of a form that is held


@dataclass(frozen=True)
class Rigid:
    """What is held.

    Parameters
    ----------
    pairs : int array (n, 2)
        Ids.
    lengths : array (n,)
        In Å.
    lost : list of str
        Types whose bonds or angles had an energy before they were held, in words.
    """

    pairs: IntArray
    lengths: FloatArray
    lost: list[str]


def rigid(found: Found, told: Said, numbers: Numbers) -> Rigid:
    """Return the distances that LAMMPS holds: of bonds, and of the outer atoms of angles between two of these.

    Raises
    ------
    UnsupportedError
        For a type that has no length, or no angle, of its own; with file, line and count.
    """
    pairs, lengths, lost = [np.empty((0, 2), dtype=np.int64)], [np.empty(0)], []
    known: dict[tuple[int, int], float] = {}
    for name, rows in found.held.items():
        kinds, which, counts = np.unique(rows[:, 0], return_inverse=True, return_counts=True)
        values = [_at_rest(found, told, name, int(k), int(n), numbers) for k, n in zip(kinds, counts, strict=True)]
        lost += [f"{n} {name}s of type {k}" for k, n, v in zip(kinds, counts, values, strict=True) if v[1]]
        own = np.array([v[0] for v in values], dtype=np.float64)[which.reshape(-1)]
        ends = rows[:, [1, -1]]
        if name == "bond":
            known = dict(zip(map(_pair, *ends.T.tolist()), own.tolist(), strict=True)) if len(ends) else {}
        else:
            own = _across(rows[:, 1:], own, known)
        pairs.append(ends)
        lengths.append(own)
    return Rigid(np.concatenate(pairs), np.concatenate(lengths), lost)


def _pair(one: int, two: int) -> tuple[int, int]:
    return min(one, two), max(one, two)


def _across(angles: IntArray, degrees: FloatArray, known: dict[tuple[int, int], float]) -> FloatArray:
    """Return distances between the outer atoms of angles."""
    sides = [[known[_pair(i, j)], known[_pair(j, k)]] for i, j, k in angles.tolist()]
    one, two = np.array(sides, dtype=np.float64).reshape(-1, 2).T
    return np.asarray(np.sqrt(one**2 + two**2 - 2 * one * two * np.cos(np.radians(degrees))))


def _at_rest(found: Found, told: Said, name: str, kind: int, count: int, numbers: Numbers) -> tuple[float, bool]:
    """Return the length (Å) or angle (degrees) of a type, and whether its terms had an energy."""
    use = next((u for u in told.styles[name].uses if (kind,) in u.coefficients), None)
    if use is None:
        raise _without(found, f"{count} {name}s of type {kind}, which has no coefficients")
    statement, texts = use.coefficients[kind,]
    symbol, row = _AT_REST[name], _row(name, use, numbers)
    if use.keyword in NOTHING:
        if not texts or not float(texts[0]):
            raise _without(found, f"{count} {name}s of type {kind}, of style {use.keyword} and without a size")
        value = float(texts[0])
        return (value if name == "angle" else float(numbers.units.back("length", value).in_unit("angstrom"))), False
    if row is None or row.offers or symbol not in form(row.realises).free:
        raise _without(found, f"{count} {name}s of type {kind}, of style {use.keyword} ({statement.place})")
    columns = numbers.meant(row, [[float(t) for t in texts]])
    at_rest = Quantity(columns[symbol].values.value[0], columns[symbol].values.unit)
    sizes = [columns[s].values.value[0] for s, p in form(row.realises).free.items() if p.kind.startswith("Energy")]
    return float(at_rest.in_unit("degree" if name == "angle" else "angstrom")), any(sizes)


def _row(name: str, use: Use, numbers: Numbers) -> Row | None:
    return next((r for r in numbers.words.rows if r.section == name and r.keyword == use.keyword), None)


def _without(found: Found, what: str) -> UnsupportedError:
    assert found.rigid is not None  # else nothing is held
    return found.rigid.refused(f"it holds {what}: cuds knows no size at rest of it", "take a harmonic style, or zero")
