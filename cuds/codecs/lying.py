"""What lies in an HDF5 file: each array by its location, read or mapped, and nothing that lies elsewhere."""

import math
import mmap
from functools import cache, cached_property
from typing import Any

import numpy as np

from cuds.arrays import AnyArray, Mapped
from cuds.errors import FormatError
from cuds.semantics.places import is_column

_SMALL = 1 << 16  # bytes: what is no longer is read at once; a file all of whose arrays are short is not kept open


def lying(file: Any) -> dict[str, Any]:
    """Return the arrays of a file by location.

    Links and numbers that lie in another place are refused: HDF5 would fetch them from any file of this machine.
    """
    import h5py

    library: Any = h5py
    links: list[tuple[bytes, int, int]] = []  # no error may leave a visitor
    file.id.links.visit(lambda name, info: links.append((name, info.type, info.u)), info=True)
    if strange := next((name for name, kind, _ in links if kind != library.h5l.TYPE_HARD), b""):
        raise _elsewhere(strange)
    groups = {name.rpartition(b"/")[0] for name, _, _ in links}
    opened: dict[int, Any] = {}  # by address, as one array may have several names
    found = {}
    for name, _, address in links:
        if name not in groups and address not in opened:
            opened[address] = library.h5o.open(file.id, name)
        item: Any = opened.get(address)
        if isinstance(item, library.h5d.DatasetID):
            if item.get_offset() is None and not _within(item):
                raise _elsewhere(name)
            found["/" + name.decode()] = item
    return found


def _elsewhere(name: bytes) -> FormatError:
    place = name.decode()
    return FormatError(f"/{place} lies in another place", hint="cuds reads what cuds wrote", location=place)


def _within(dataset: Any) -> bool:
    """Whether an array that does not lie in one piece lies in this file."""
    import h5py

    made = dataset.get_create_plist()
    return bool(made.get_layout() != h5py.h5d.VIRTUAL and made.get_external_count() == 0)


def numbers(dataset: Any) -> AnyArray:
    """Return an array as it is read, without what h5py adds for parts of it, which takes longer than to read it."""
    import h5py

    if dataset.dtype.hasobject:
        read: AnyArray = h5py.Dataset(dataset)[()]
        return read
    array: AnyArray = np.empty(dataset.shape, dataset.dtype)
    if array.size:
        dataset.read(h5py.h5s.ALL, h5py.h5s.ALL, array)
    return array


class Loader:
    """Gives what lies in a file by its location: an array as it lies there, the content of a stored file as bytes.

    One mapping serves all arrays; it is of the file that is open, whatever bears its name by now.
    """

    def __init__(self, file: Any, lying: dict[str, Any]) -> None:
        self.lying = lying
        self.snapshot = cache(lambda name: bool(file[f"particles/{name}"].attrs["snapshot"]))
        self.descriptor = file.id.get_vfd_handle()

    @cached_property
    def whole(self) -> mmap.mmap:
        """The mapping."""
        return mmap.mmap(self.descriptor, 0, access=mmap.ACCESS_READ)

    def __call__(self, location: str) -> AnyArray | bytes:
        """Return what lies at a location."""
        if location not in self.lying:
            raise FormatError(f"it has no {location}", hint="the file was changed after it was saved")
        array = self.array(self.lying[location])
        if location.startswith("/files/"):
            return array.tobytes()
        return array[0] if is_column(location) and self.snapshot(location.split("/")[2]) else array

    def array(self, dataset: Any) -> AnyArray:
        """Return an array as it lies in the file, where it does so in one piece and can be calculated with there."""
        offset, shape, dtype = dataset.get_offset(), dataset.shape, dataset.dtype
        size = math.prod(shape) * dtype.itemsize
        whole = dataset.get_storage_size() == size
        if offset is None or not whole or size <= _SMALL or offset % dtype.alignment:
            return numbers(dataset)
        return Mapped.within(self.whole, dtype, shape, offset)
