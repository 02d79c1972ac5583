"""What coefficients of LAMMPS mean: a style's word and its numbers to parameters of a form, with their units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cuds.arrays import FloatArray
from cuds.model.potential import ParameterColumn
from cuds.semantics.dictionary import EngineWords, Row, form
from cuds.semantics.dimension import ANGLE, dimension
from cuds.semantics.expression import Expression, expressions
from cuds.semantics.reading import understood, unit_of
from cuds.units import Quantity
from cuds_lammps.units import Units


@dataclass(frozen=True)
class Numbers:
    """Reads numbers of one unit set.

    Parameters
    ----------
    words : EngineWords
        LAMMPS's part of the dictionary.
    units : Units
        The unit set.
    """

    words: EngineWords
    units: Units

    def meant(self, row: Row, values: Sequence[Sequence[float]] | FloatArray) -> dict[str, ParameterColumn]:
        """Return the parameters that rows of coefficients mean; ``cutoff`` is none of them."""
        own = ", ".join(e.text for e in _own(row))
        columns = understood(replace(row, coefficients=own), np.asarray(values, dtype=np.float64), self._names)
        if self.units.keyword not in self.words.scaled:
            return columns
        return {s: self._sized(c, form(row.realises).free[s].dimension) for s, c in columns.items()}

    def column(self, name: str, symbol: str, values: Sequence[float] | FloatArray) -> ParameterColumn:
        """Return a parameter of a form from numbers in LAMMPS's units, an angle in radian."""
        parameter = form(name).free[symbol]
        unit = unit_of(dimension(parameter.dimension), self._names)
        made = ParameterColumn(kind=parameter.kind, values=Quantity(np.array(values, dtype=np.float64), unit))
        scaled = self.units.keyword in self.words.scaled
        return self._sized(made, parameter.dimension) if scaled else made

    def columns(self, name: str, rows: Sequence[Mapping[str, float]]) -> dict[str, ParameterColumn]:
        """Return the parameters of a form from numbers by symbol, a mapping a row."""
        return {s: self.column(name, s, [r[s] for r in rows]) for s in form(name).free}

    @property
    def _names(self) -> dict[str, str]:
        return self.words.unit_sets[self.units.keyword]

    def _sized(self, column: ParameterColumn, written: str) -> ParameterColumn:
        """Return a column whose numbers were multiples of the sizes of a scaled set."""
        found = dimension(written)
        if found == ANGLE:
            return column
        return column.replace(values=Quantity(column.values.value / self.units.coherent(found), column.values.unit))


def _own(row: Row) -> list[Expression]:
    return [e for e in expressions(row.coefficients) if e.text != "cutoff"] if row.coefficients else []


def names(row: Row) -> list[str]:
    """Return the coefficients of a row, as they are written."""
    return [e.text for e in expressions(row.coefficients)] if row.coefficients else []


def unfolded(row: Row, values: Sequence[float]) -> list[list[float]] | None:
    """Return rows of coefficients from those of a word that begins with a count of what follows.

    A count of 1 in the dictionary's row means that what follows may be repeated; a larger one, that the last may be
    left out. None where the count does not fit.
    """
    written = names(row)
    if not (written and written[0].isdigit() and len(written) > 1 and len(values) > 1):
        return [list(values)]
    count = int(written[0])
    size = (len(written) - 1) // count
    if size * count != len(written) - 1 or not size:
        return [list(values)]
    given, rest = int(values[0]), list(values[1:])
    if len(rest) != given * size:
        return None
    if count == 1:
        return [[1.0, *rest[i : i + size]] for i in range(0, len(rest), size)]
    missing = (count - given) * size
    cut = rest if missing >= 0 else rest[: count * size]
    return [[float(count), *cut, *[0.0] * missing]] if missing >= 0 or not any(rest[count * size :]) else None
