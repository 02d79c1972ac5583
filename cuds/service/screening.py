"""Files of strangers, looked at before anything in them is read: what they declare must lie in them, plainly.

HDF5 can unpack, fetch from other files, and refer in circles. A data set of cuds does none of it.
"""

from pathlib import Path
from typing import Any

from cuds.errors import FormatError, TooLargeError

_OBJECTS = 100_000
_DEPTH = 20
_ATTRIBUTE = 1 << 16  # bytes
_TEXTS = ("graph", "contents")  # they are read whole
_HINT = "send a file that cuds.write made"


def screen(path: Path, *, graph: int) -> None:
    """Refuse an HDF5 file that is more, or other, than it seems.

    Parameters
    ----------
    path : Path
        Of the file.
    graph : int
        The most bytes of its graph.

    Raises
    ------
    FormatError
        For links out of the file, filters, numbers that lie elsewhere or nowhere, and types that hold others.
    TooLargeError
        When a graph is longer, or there are too many things.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            _Screen(graph).group(file.id, "", 0)
    except (FormatError, TooLargeError):
        raise
    except (OSError, RuntimeError, ValueError, TypeError, LookupError, SystemError, MemoryError) as error:
        raise FormatError(f"the body is no whole HDF5 file: {error}", hint=_HINT) from None


def screen_text(path: Path) -> None:
    """Refuse text that is not in UTF-8, and XML that declares entities: what they stand for may be anything.

    Parameters
    ----------
    path : Path
        Of the file, which is short.

    Raises
    ------
    FormatError
        When it is so.
    """
    content = path.read_bytes()
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise FormatError(f"the body is no text in UTF-8: {error}", hint="write it so") from None
    if path.suffix == ".rdf" and (b"<!ENTITY" in content or b"<!DOCTYPE" in content):
        hint = "write each IRI in full, or send it as Turtle"
        raise FormatError("the body declares a type of document, which may hold entities", hint=hint)


class _Screen:
    def __init__(self, graph: int) -> None:
        self.graph, self.seen, self.count = graph, set[Any](), 0

    def group(self, group: Any, place: str, depth: int) -> None:
        import h5py

        low: Any = h5py
        if depth > _DEPTH:
            raise FormatError(f"{place}: groups in more than {_DEPTH} groups", hint=_HINT)
        self.attributes(group, place or "/")
        for name in group:
            here = f"{place}/{name.decode(errors='replace')}"
            self.count += 1
            if self.count > _OBJECTS:
                raise TooLargeError(f"more than {_OBJECTS} things are in the file", hint="send several files")
            if group.links.get_info(name).type != low.h5l.TYPE_HARD:
                raise FormatError(f"{here} lies in another place", hint=_HINT, location=here)
            item = low.h5o.open(group, name)
            info = low.h5o.get_info(item)
            if isinstance(item, low.h5d.DatasetID):
                self.dataset(item, here)
            elif isinstance(item, low.h5g.GroupID):
                if (info.fileno, info.addr) in self.seen:
                    raise FormatError(f"{here}: a group within itself, or in two places", hint=_HINT, location=here)
                self.seen.add((info.fileno, info.addr))
                self.group(item, here, depth + 1)
            else:
                raise FormatError(f"{here} is no array", hint=_HINT, location=here)

    def dataset(self, item: Any, here: str) -> None:
        import h5py

        low: Any = h5py
        made, size = item.get_create_plist(), item.get_space().get_select_npoints() * item.get_type().get_size()
        if made.get_nfilters():
            raise FormatError(f"{here} is compressed or filtered", hint="cuds writes arrays as they are", location=here)
        if made.get_layout() == low.h5d.VIRTUAL or made.get_external_count():
            raise FormatError(f"{here} lies in another place", hint=_HINT, location=here)
        if not isinstance(item.get_type(), low.h5t.TypeIntegerID | low.h5t.TypeFloatID | low.h5t.TypeEnumID):
            raise FormatError(f"{here} holds no numbers", hint=_HINT, location=here)
        if made.get_layout() != low.h5d.COMPACT and item.get_storage_size() != size:
            kept = item.get_storage_size()
            raise FormatError(f"{here} declares {size} bytes and holds {kept}", hint=_HINT, location=here)
        if here.removeprefix("/") in _TEXTS and size > self.graph:
            raise TooLargeError(
                f"{here} has {size} bytes, more than {self.graph}",
                hint="describe less in one data set",
                most=self.graph,
            )
        self.attributes(item, here)

    def attributes(self, item: Any, here: str) -> None:
        import h5py

        low: Any = h5py
        for n in range(low.h5a.get_num_attrs(item)):
            found = low.h5a.open(item, index=n)
            if found.get_storage_size() > _ATTRIBUTE:
                raise TooLargeError(f"{here}: an attribute has {found.get_storage_size()} bytes", hint=_HINT)
