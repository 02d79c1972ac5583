"""Arrays of data sets: sent from where they lie, whole or a part of them."""

import hashlib
import io
import re
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Query, Request
from pydantic import AfterValidator
from starlette.responses import Response

from cuds.arrays import AnyArray, Mapped
from cuds.codecs import hdf5
from cuds.errors import TooLargeError, UnknownError, did_you_mean
from cuds.service.conditional import etag, unchanged
from cuds.service.forms import HDF5, Stored
from cuds.service.negotiation import negotiate
from cuds.service.problems import Problem
from cuds.service.reading import Number, found
from cuds.service.sending import Content, Piece, Stretch, whole
from cuds.service.state import NAMED, Name, decoded
from cuds.service.summary import arrays

router = APIRouter(tags=["arrays"])
NPY, RAW = "application/x-npy", "application/octet-stream"
_AXIS = re.compile(r"(-?\d{1,15})|(-?\d{1,15})?:(-?\d{1,15})?(?::([1-9]\d{0,14}))?", re.ASCII)
Location = Annotated[str, Path(alias="location", description="Where it lies.", pattern=NAMED), AfterValidator(decoded)]
Part = Annotated[
    str, Query(alias="slice", max_length=500, description="A part, as numpy writes it.", examples=["0:100,:"])
]


@router.get("/datasets/{id}/arrays/{location:path}")
def read(request: Request, name: Name, location: Location, part: Part = "", version: Number = None) -> Response:
    """Return an array, or a part of it, as .npy, as bytes in C order with the least significant first, or as HDF5."""
    stored = found(request, name, version)
    place = f"/{location.lstrip('/')}"
    stated = {} if stored.version.plain else arrays(stored.graph())
    if place not in stated:
        near = did_you_mean(location, [p.lstrip("/") for p in stated])
        raise UnknownError(f"data set {name!r} has no array {location!r}", hint=near, field="location")
    media = negotiate(",".join(request.headers.getlist("accept")), (NPY, RAW, HDF5))
    tag = etag(stored.version, hashlib.sha256(f"{media} {place} {part}".encode()).hexdigest()[:12])
    headers = {"Vary": "Accept", "Cache-Control": "private, no-cache", "Cuds-Version": str(stored.version.number)}
    if unchanged(request.headers, tag):
        return Response(None, 304, {"ETag": tag, **headers})
    return Lying(stored, place, stated[place]).sent(media, selection(part), tag, headers)


class Lying:
    """An array in the file of a version.

    Parameters
    ----------
    stored : Stored
        The version.
    place : str
        Where it lies in the file.
    stated : mapping
        What the graph says of it.
    """

    def __init__(self, stored: Stored, place: str, stated: dict[str, Any]) -> None:
        self.stored, self.place, self.stated = stored, place, stated
        self.path = stored.state.library.file(stored.version.name, stored.version.number)

    def sent(self, media: str, part: tuple[int | slice, ...], tag: str, headers: dict[str, str]) -> Content:
        """Return it, or a part, as a response."""
        with hdf5.opened(self.path) as (load, _):
            content = load(self.place)
            array: AnyArray = np.frombuffer(content, np.uint8) if isinstance(content, bytes) else content
            chosen = _chosen(array, part)
            if media == HDF5:
                return Content([self._alone(chosen)], media, tag, headers)
            pieces = [self._bytes(chosen, load)]
        headers |= {"Cuds-Shape": ",".join(map(str, chosen.shape)), "Cuds-Dtype": _little(chosen.dtype).str}
        if unit := self.stated.get("unit"):
            headers["Cuds-Unit"] = unit
        return Content([_header(chosen), *pieces] if media == NPY else pieces, media, tag, headers)

    def _bytes(self, chosen: AnyArray, load: Any) -> Piece:
        """Return the numbers: a stretch of the file where they lie in one piece, else a copy of not too many."""
        straight = chosen.flags.c_contiguous and chosen.dtype == _little(chosen.dtype)
        if isinstance(chosen, Mapped) and straight and chosen.size:
            begin = chosen.ctypes.data - np.frombuffer(load.whole, np.uint8).ctypes.data
            return Stretch(self.path.open("rb"), begin, chosen.nbytes)
        self._limited(chosen)
        return np.ascontiguousarray(chosen).astype(_little(chosen.dtype), copy=False).tobytes()

    def _alone(self, chosen: AnyArray) -> Stretch:
        """Return a file of its own with the numbers."""
        import h5py

        self._limited(chosen)
        with self.stored.state.library.draft() as folder:
            with h5py.File(folder / "array.h5", "w") as file:
                made = file.create_dataset(self.place, data=np.asarray(chosen))
                made.attrs.update({n: v for n, v in self.stated.items() if n in ("unit", "quantity kind")})
            return whole((folder / "array.h5").open("rb"))

    def _limited(self, chosen: AnyArray) -> None:
        most = self.stored.state.settings.selection
        if chosen.nbytes > most and isinstance(chosen, Mapped) and not chosen.flags.c_contiguous:
            hint = "ask for a part that lies in one piece, like 0:1000, or for less"
            raise TooLargeError(f"slice: {chosen.nbytes} bytes, more than {most}", hint=hint, most=most)


def selection(part: str) -> tuple[int | slice, ...]:
    """Return what a slice means, as an index of numpy.

    Raises
    ------
    Problem
        When it cannot be read (400).
    """
    found: list[int | slice] = []
    for axis in part.split(",") if part.strip() else ():
        matched = _AXIS.fullmatch(axis.strip())
        if matched is None:
            hint = "write it like 0:100,: or 5 or ::2"
            raise Problem("malformed", f"slice: {axis[:50]!r} is none", hint=hint, field="slice")
        alone, *ends = (None if end is None else int(end) for end in matched.groups())
        found.append(slice(*ends) if alone is None else alone)
    return tuple(found)


def _chosen(array: AnyArray, part: tuple[int | slice, ...]) -> AnyArray:
    """Return a part of an array; of a mapped one it is mapped too."""
    try:
        return array[(*part, ...)]
    except IndexError as error:
        hint = f"the shape is {list(array.shape)}"
        raise Problem("malformed", f"slice: {error}", hint=hint, field="slice", shape=list(array.shape)) from None


def _header(array: AnyArray) -> bytes:
    """Return how a file .npy of an array begins."""
    made = io.BytesIO()
    said = {"descr": _little(array.dtype).str, "fortran_order": False, "shape": array.shape}
    np.lib.format.write_array_header_1_0(made, said)
    return made.getvalue()


def _little(dtype: Any) -> Any:
    return dtype.newbyteorder("<")
