"""Read-only numpy arrays: freezing, checking, digests; what is different in large ones."""

import hashlib
import mmap
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from cuds.errors import InvalidError, ShapeError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
AnyArray = npt.NDArray[Any]

_PIECE = 1 << 23  # bytes that are measured at once: few enough to stay in the cache of a processor
_DENSE = 8  # so many times their count may the greatest of whole numbers be, for a table of all up to it
LARGE = 1 << 20  # bytes that are read in a millisecond: threads are worth their while
HASHERS = 2  # threads that read arrays while others do something else
_KEPT = 1 << 16  # bytes of the smallest array whose measure is kept
_FINITE: "weakref.WeakValueDictionary[int, AnyArray]" = weakref.WeakValueDictionary()  # nobody can write to them
_FROM_FILE: ContextVar[bool] = ContextVar("from a file", default=False)


class Mapped(np.memmap[Any, Any]):
    """An array that lies in a file and is read where it is touched.

    Attributes
    ----------
    sha256 : str
        Its digest as the file states it; slices have none.
    extremes : tuple of float
        Its least and its greatest number in SI, as the file states them; empty where it does not.
    """

    sha256: str = ""
    extremes: tuple[float, ...] = ()

    @classmethod
    def within(cls, whole: mmap.mmap, dtype: Any, shape: tuple[int, ...], offset: int) -> Self:
        """Return an array that lies in a part of a mapped file; many of them share one mapping."""
        return np.ndarray.__new__(cls, shape, dtype=dtype, buffer=whole, offset=offset)

    def __array_finalize__(self, parent: Any) -> None:
        super().__array_finalize__(parent)
        self.sha256, self.extremes = "", ()

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        """Return what is calculated as a plain array or a number: it lies in no file."""
        plain = np.asarray(array)
        return plain[()] if return_scalar else plain

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
    if finite and array.dtype.kind == "f" and not _known_finite(array) and not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise InvalidError(
            f"{field}: the value at index {where} is {array[where]}",
            hint="every number must be finite",
            field=field,
            index=where,
        )
    array.flags.writeable = False
    if finite and array.nbytes >= _KEPT:
        _FINITE[id(array)] = array
    return array


def _known_finite(array: AnyArray) -> bool:
    """Whether an array was looked through before: by us, or when it was stored in the file that it lies in."""
    return _FINITE.get(id(array)) is array or (isinstance(array, Mapped) and bool(array.sha256))


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


@contextmanager
def from_file() -> Iterator[None]:
    """Within it, what is made comes back from a file: the numbers were looked through when they were stored."""
    token = _FROM_FILE.set(True)
    try:
        yield
    finally:
        _FROM_FILE.reset(token)


def looked_through() -> bool:
    """Whether what is being made comes back from a file, so that its numbers need not be read to check them."""
    return _FROM_FILE.get()


@dataclass(frozen=True)
class Measure:
    """What the graph says of the numbers of an array.

    Parameters
    ----------
    sha256 : str
        Of its type, its shape and its bytes.
    least, greatest : float
        Of its numbers; 0 where there is none.
    """

    sha256: str
    least: float
    greatest: float


_MEASURED: dict[int, tuple["weakref.ref[AnyArray]", Measure]] = {}  # arrays that nobody can write to are read once


def measure(array: AnyArray, *, anew: bool = False) -> Measure:
    """Return digest and extremes of an array, from its bytes, read once; threads may measure side by side.

    Parameters
    ----------
    array : ndarray
        Also one that lies in a file: what that states is not asked.
    anew : bool
        Whether it is read even when it was before: a file may be changed by others.
    """
    key = id(array)
    known = None if anew else _MEASURED.get(key)
    if known is not None and known[0]() is array:
        return known[1]
    found = _measured(np.ascontiguousarray(array.view(np.ndarray)))
    if array.nbytes >= _KEPT and not _shared(array):
        _MEASURED[key] = weakref.ref(array, lambda _: _MEASURED.pop(key, None)), found
    return found


def _measured(whole: AnyArray) -> Measure:
    sha = hashlib.sha256(_form(whole))
    flat = whole.reshape(-1)
    step = max(1, _PIECE // whole.itemsize)
    extremes: list[float] = []
    for piece in (flat[i : i + step] for i in range(0, flat.size, step)):
        sha.update(piece.view(np.uint8).data)
        extremes += [float(piece.min()), float(piece.max())]
    least, greatest = (np.min(extremes), np.max(extremes)) if extremes else (0.0, 0.0)
    return Measure(sha.hexdigest(), float(least), float(greatest))


def digest(array: AnyArray) -> str:
    """Return the SHA-256 of an array: of its type, its shape and its bytes; of a mapped one as its file states it."""
    if isinstance(array, Mapped) and array.sha256:
        return array.sha256
    if array.nbytes >= _KEPT:
        return measure(array).sha256
    whole = np.ascontiguousarray(array)
    return hashlib.sha256(_form(whole) + whole.tobytes()).hexdigest()


def _form(whole: AnyArray) -> bytes:
    return f"{whole.dtype.str}{whole.shape}".encode()


def distinct(numbers: IntArray) -> IntArray:
    """Return each whole number of an array of any shape once, in order (k,); of many, without sorting them."""
    flat = numbers.reshape(-1)
    if not _dense(flat):
        return np.unique(flat)
    there = np.zeros(int(flat.max()) + 1, dtype=bool)
    there[flat] = True
    return np.flatnonzero(there)


def distinct_rows(rows: AnyArray) -> tuple[IntArray, IntArray]:
    """Return what is different among rows (n, m): the first of each (k,), and which of these each row is (n,).

    They are in the order of their numbers, those of the first column first, as of ``np.unique(rows, axis=0)``, which
    takes several times longer. The numbers must be finite.
    """
    which = np.zeros(len(rows), dtype=np.int64)
    for column in rows.T:
        if (column == column[:1]).all():
            continue
        rank = _ranks(column)
        which = _ranks(which * (int(rank.max()) + 1) + rank) if which.any() else rank
    first = np.empty(int(which.max(initial=-1)) + 1, dtype=np.int64)
    first[which[::-1]] = np.arange(len(rows))[::-1]  # what is written last stays
    return first, which


def repeating(rows: IntArray) -> AnyArray:
    """Return which rows (n, m) hold a number twice (n,)."""
    if rows.shape[1] > _DENSE:
        ordered = np.sort(rows, axis=1)
        return np.asarray((ordered[:, 1:] == ordered[:, :-1]).any(axis=1))
    found = np.zeros(len(rows), dtype=bool)
    for one, other in combinations(rows.T, 2):
        found |= one == other
    return found


def _dense(numbers: AnyArray) -> bool:
    """Whether numbers are whole, not negative, and many for their size."""
    whole = numbers.dtype.kind == "i" and len(numbers) > 0
    return whole and bool(numbers.min() >= 0) and bool(numbers.max() < _DENSE * len(numbers))


def _ranks(numbers: AnyArray) -> IntArray:
    """Return at which place each number (n,) stands among the different ones in order."""
    if not _dense(numbers):
        return np.unique(numbers, return_inverse=True)[1].reshape(-1)
    there = distinct(numbers)
    place = np.empty(int(numbers.max()) + 1, dtype=np.int64)
    place[there] = np.arange(len(there))
    return np.asarray(place[numbers], dtype=np.int64)
