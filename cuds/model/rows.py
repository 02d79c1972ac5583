"""What terms between particular particles have in common: whom they name, and which row of parameters each has."""

from collections.abc import Mapping

import numpy as np

from cuds.arrays import IntArray, repeating
from cuds.errors import InvalidError, ShapeError
from cuds.model.potential import ParameterColumn


def count(parameters: Mapping[str, ParameterColumn]) -> int:
    """Return how many rows of parameters there are; 1 for a form without parameters."""
    return len(next(iter(parameters.values())).values) if parameters else 1


def check_distinct(particles: IntArray, what: str) -> None:
    """Refuse a row (n, k) that names a particle twice.

    Raises
    ------
    InvalidError
        With the first such row.
    """
    if (twice := repeating(particles)).any():
        where = int(np.argmax(twice))
        raise InvalidError(
            f"particles: {what} {where} is between {particles[where].tolist()}",
            hint="name each particle once",
            field="particles",
        )


def check_columns(parameters: Mapping[str, ParameterColumn]) -> None:
    """Refuse columns of different lengths.

    Raises
    ------
    ShapeError
        With the first of another length.
    """
    rows = count(parameters)
    for symbol, column in parameters.items():
        if len(column.values) != rows:
            raise ShapeError(
                f"parameters[{symbol!r}]: {len(column.values)} values, others have {rows}",
                hint="give one a row",
                field="parameters",
            )


def check_row(row: IntArray, rows: int, what: str = "parameters") -> None:
    """Refuse rows that are not there.

    Raises
    ------
    InvalidError
        When one is.
    """
    if len(row) and not 0 <= row.min() <= row.max() < rows:
        raise InvalidError(f"row: outside 0..{rows - 1}", hint=f"count rows of the {what} from 0", field="row")
