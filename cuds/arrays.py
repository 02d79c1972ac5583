"""Read-only numpy arrays: freezing, checking, digests."""

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from cuds.errors import InvalidError, ShapeError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
AnyArray = npt.NDArray[Any]


class Mapped(np.memmap[Any, Any]):
    """An array that lies in a file and is read where it is touched.

    Attributes
    ----------
    sha256 : str
        Its digest as the file states it; slices have none.
    """

    sha256: str = ""

    def __array_finalize__(self, parent: Any) -> None:
        super().__array_finalize__(parent)
        self.sha256 = ""

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Be pickled as the numbers alone: where they are read again, the file may be gone."""
        return self.view(np.ndarray).__reduce_ex__(protocol)


def freeze(values: Any, dtype: str = "float64", field: str = "array", *, finite: bool = True) -> AnyArray:
    """Return `values` as a contiguous read-only array that nobody else can write to.

    Parameters
    ----------
    values : array_like
        Numbers; integers must be whole and fit.
    dtype : str
        The type wanted.
    field : str
        How an error calls it.
    finite : bool
        Whether to look for numbers that are not.

    Raises
    ------
    ShapeError
        When the values are no array of that type.
    InvalidError
        When a floating-point value is NaN or infinite.
    """
    try:
        given = values if isinstance(values, Mapped) else np.asarray(values)
        if given.dtype.kind not in "biuf" and given.size:
            raise TypeError(f"holds {given.dtype}")
        array = given.astype(dtype, order="C", copy=_shared(given))
    except (TypeError, ValueError) as error:
        raise ShapeError(
            f"{field}: not an array of {dtype}: {error}",
            hint=f"give numbers that numpy makes a {dtype} array",
            field=field,
        ) from None
    if given.dtype != array.dtype and given.size and not np.array_equal(given, array):
        raise ShapeError(f"{field}: {given.dtype} values do not fit {dtype}", hint=f"give {dtype} values", field=field)
    if finite and array.dtype.kind == "f" and not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise InvalidError(
            f"{field}: the value at index {where} is {array[where]}",
            hint="every number must be finite",
            field=field,
            index=where,
        )
    array.flags.writeable = False
    return array


def _shared(array: AnyArray) -> bool:
    """Whether somebody could still write to the memory of `array`."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            return True
        if owner.base is None:
            return False
        owner = owner.base
    return not memoryview(owner).readonly if owner is not None else False


def digest(array: AnyArray) -> str:
    """Return the SHA-256 of an array: of its type, its shape and its bytes; of a mapped one as its file states it."""
    if isinstance(array, Mapped) and array.sha256:
        return array.sha256
    whole = np.ascontiguousarray(array)
    sha = hashlib.sha256(f"{whole.dtype.str}{whole.shape}".encode())
    sha.update(whole.reshape(-1).view(np.uint8).data)
    return sha.hexdigest()
