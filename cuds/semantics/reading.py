"""The parameters that an engine's coefficients mean: the dictionary's rows, read from right to left."""

from collections.abc import Mapping, Sequence

import numpy as np

from cuds.arrays import AnyArray, FloatArray
from cuds.errors import InvalidError
from cuds.model.potential import ParameterColumn
from cuds.semantics.dictionary import Parameter, Row, form
from cuds.semantics.dimension import ANGLE, Dimension, dimension, powers
from cuds.semantics.expression import Expression, assignments, expressions
from cuds.units import Quantity


def understood(row: Row, values: AnyArray, units: Mapping[str, str]) -> dict[str, ParameterColumn]:
    """Return the parameters that coefficients mean, in the engine's own units.

    Parameters
    ----------
    row : Row
        The word behind which they stand.
    values : array (n, n_coefficients)
        As the engine has them: reference angles in degrees, everything else that has an angle per radian.
    units : mapping of str to str
        The engine's units of energy, length and so on.

    Raises
    ------
    InvalidError
        Where no parameters give these coefficients.
    """
    found, written = form(row.realises), expressions(row.coefficients) if row.coefficients else ()
    given = np.asarray(values, dtype=np.float64).reshape(len(values), len(written))
    dimensions = {s: dimension(p.dimension) for s, p in found.parameters.items()}
    numbers = np.array(given)
    for i, e in enumerate(written):
        if not e.text.lstrip("-").isdigit() and e.dimension(dimensions) == ANGLE:
            numbers[:, i] = np.radians(given[:, i])
    read = _parameters(row, written, numbers)
    checked = written and not row.inverse  # an inverse may mean the same by several coefficients
    again = np.stack([np.broadcast_to(e(read), len(given)) for e in written], axis=1) if checked else numbers
    if (wrong := ~np.isclose(again, numbers, rtol=1e-9, atol=1e-12)).any():
        where = given[int(np.argmax(wrong.any(axis=1)))].tolist()
        raise InvalidError(
            f"{row.section} {row.keyword}: the coefficients {where} are no {row.realises}",
            hint=f"they would be {row.coefficients}",
            field="coefficients",
        )
    plain = {e.text: given[:, i] for i, e in enumerate(written)}
    return {s: _column(p, plain.get(s), read[s], units) for s, p in found.free.items()}


def _column(found: Parameter, plain: FloatArray | None, read: AnyArray, units: Mapping[str, str]) -> ParameterColumn:
    """Return a column; an angle that is a coefficient itself keeps its degrees, to the last digit."""
    angle = dimension(found.dimension) == ANGLE
    unit = ("radian" if plain is None else "degree") if angle else unit_of(dimension(found.dimension), units)
    values = plain if angle and plain is not None else read
    return ParameterColumn(kind=found.kind, values=Quantity(np.array(values, dtype=np.float64), unit))


def unit_of(found: Dimension, units: Mapping[str, str]) -> str:
    """Return the unit of a dimension, as products of an engine's units: ``"kJ/mol/nm**2"``."""
    text = ""
    for kind, power in powers(found).items():
        name, size = "radian" if kind == "angle" else units[kind], abs(int(power))
        text += ("*" if power > 0 else "/") * bool(text or power < 0) + name + (f"**{size}" if size > 1 else "")
    return ("1" if text.startswith("/") else "") + text or "1"


def _parameters(row: Row, written: Sequence[Expression], given: FloatArray) -> dict[str, AnyArray]:
    symbols = list(form(row.realises).free)
    if row.inverse:
        numbered = {f"c{i}": given[:, i - 1] for i in range(1, len(written) + 1)}
        return {s: np.broadcast_to(e(numbered), len(given)) for s, e in assignments(row.inverse).items()}
    nothing = {s: 0.0 for s in symbols}
    origin = np.array([float(e(nothing)) for e in written])
    slopes = np.array([[float(e(nothing | {s: 1.0})) for s in symbols] for e in written]) - origin[:, None]
    read: dict[str, AnyArray] = {}
    for j, symbol in enumerate(symbols):
        alone = [i for i in range(len(written)) if slopes[i, j] and np.count_nonzero(slopes[i]) == 1]
        if alone:
            read[symbol] = (given[:, alone[0]] - origin[alone[0]]) / slopes[alone[0], j]
        else:
            read[symbol] = np.linalg.lstsq(slopes, (given - origin).T, rcond=None)[0][j]
    return read
