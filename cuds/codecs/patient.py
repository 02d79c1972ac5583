"""HDF5 files on disks that may be full: HDF5 cannot close a file that it cannot write to, and may end the process."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class _Patient:
    """A file whose writing never fails: what the system refuses is remembered, and from then on nothing is written."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.refused: OSError | None = None
        self.at = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.at}.get(whence)
        self.at = offset + (os.fstat(self.descriptor).st_size if start is None else start)
        return self.at

    def tell(self) -> int:
        return self.at

    def read(self, size: int) -> bytes:
        buffer = bytearray(size)
        self.readinto(buffer)
        return bytes(buffer)

    def readinto(self, buffer: Any) -> int:
        """Read; where nothing was written there are zeros."""
        view = memoryview(buffer).cast("B")
        found = os.pread(self.descriptor, len(view), self.at)
        view[:] = found.ljust(len(view), b"\0")
        return len(view)

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        done = 0
        while done < len(view) and self.refused is None:
            try:
                done += os.pwrite(self.descriptor, view[done:], self.at + done)
            except OSError as error:
                self.refused = error
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        wanted = self.at if size is None else size
        if self.refused is None:
            try:
                os.ftruncate(self.descriptor, wanted)
            except OSError as error:
                self.refused = error
        return wanted

    def flush(self) -> None:
        """Leave it to the system; `writing` has it on the disk when it is closed."""


@contextmanager
def writing(path: Path, *, anew: bool = True, **options: Any) -> Iterator[Any]:
    """Yield an HDF5 file to write to.

    Parameters
    ----------
    path : Path
        Of the file.
    anew : bool
        Whether it takes the place of one that is there.
    **options
        As ``h5py.File`` takes them.

    Raises
    ------
    OSError
        When the system refused to write some of it, after the file was closed.
    """
    import h5py

    descriptor = os.open(path, os.O_RDWR | (os.O_CREAT | os.O_TRUNC if anew else 0), 0o666)
    try:
        patient = _Patient(descriptor)
        with h5py.File(patient, "w" if anew else "r+", **options) as file:
            yield file
        if patient.refused is not None:
            raise patient.refused
    finally:
        os.close(descriptor)
