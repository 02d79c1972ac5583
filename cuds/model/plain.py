"""Values without a declared meaning: what JSON can say, so that a graph can keep them exactly."""

import math
from typing import Any

import numpy as np
from pydantic import AfterValidator, ValidationInfo

from cuds.errors import InvalidError


def plain(value: Any, info: ValidationInfo) -> Any:
    """Return text, whole and finite numbers, booleans, None, lists and mappings by text; refuse all else.

    Tuples become lists, numpy's single numbers Python's.

    Raises
    ------
    InvalidError
        When JSON cannot say the value.
    """
    return as_plain(value, info.field_name or "value")


# Marks a field that holds such values.
Json = AfterValidator(plain)


def as_plain(value: Any, where: str) -> Any:
    """Return what `plain` does; `where` is how an error calls the value."""
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: as_plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, np.generic):
        return as_plain(value.item(), where)
    if value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise InvalidError(
        f"{where}: JSON cannot say {value!r}",
        hint="give text, finite numbers, booleans, lists, or mappings by text",
        field=where.partition("[")[0],
    )
