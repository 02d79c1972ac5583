"""Data sets as one HDF5 file: numbers in arrays, meaning in the graph beside them.

::

    /particles/<name>/position/{step,time,value}   H5MD 1.1 (de Buyl, Colberg and Höfling,
                      box, species, velocity ...   Comput. Phys. Commun. 185, 1546 (2014))
    /meshes/<name>  /fields/<name>  /materials/<name>  /entities/<name>  /files/<sha256>
    /graph            the graph as N-Triples, which are N-Quads of the default graph
    /contents         label and entities, in order, as JSON
    /meta             who wrote it, when, in which layout; the digest of graph and contents

Arrays are contiguous and not compressed. In /particles, units are written as H5MD has them. A file is written
under another name, flushed to the disk, and renamed: it is whole or not there.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from cuds.arrays import AnyArray, Mapped
from cuds.codecs.patient import writing
from cuds.codecs.whole import replacing
from cuds.errors import CudsError, FormatError
from cuds.model.dataset import DataSet
from cuds.model.particles import ParticleSystem
from cuds.model.trajectory import Trajectory
from cuds.semantics.lift import Lifted, lift
from cuds.semantics.places import is_column

LAYOUT = 1
_PARTS = ("graph", "contents", "meta")
# What h5py, rdflib and we are seen to raise over damaged files; a SystemError is h5py's lock that trips over an error.
_DAMAGE = (
    *(LookupError, RuntimeError, TypeError, ValueError),
    *(SyntaxError, ArithmeticError, MemoryError, SystemError),
)


def write(data: DataSet, path: str | Path, notes: Mapping[str, str] | None = None) -> Path:
    """Write a data set.

    Parameters
    ----------
    data : DataSet
        Everything in it is written, and what it refers to.
    path : path
        Replaced as a whole when it exists.
    notes : mapping, optional
        Remarks on the file itself, kept as attributes of ``/meta``; `notes` reads them.

    Raises
    ------
    UnknownError
        When the folder is not there.
    InvalidError
        When something in it cannot be written.
    """
    lifted = lift(data)
    target = Path(path)
    with replacing(target) as partial, writing(partial) as file:
        _fill(file, data, lifted)
        file["meta"].attrs.update(notes or {})
    return target


def notes(path: str | Path) -> dict[str, Any]:
    """Return the attributes of ``/meta``, without reading the rest.

    Raises
    ------
    FormatError
        When the file is no data set of cuds.
    """
    with _opened(Path(path)) as file:
        return dict(file["meta"].attrs)


def _fill(file: Any, data: DataSet, lifted: Lifted) -> None:
    from cuds import __version__

    for system in (e for e in data.closure() if isinstance(e, ParticleSystem | Trajectory)):
        group = file.require_group(f"particles/{lifted.names[system.id]}")
        group.attrs["snapshot"] = isinstance(system, ParticleSystem)
    for location, content in sorted(lifted.arrays.items()):
        _put(file, location, content, lifted.units.get(location, ""))
    if "particles" in file:
        _h5md(file, data, lifted)
    triples = lifted.graph.serialize(format="nt", encoding="utf-8")
    graph = b"".join(sorted(triples.splitlines(keepends=True)))
    contents = json.dumps({"label": data.label, "entities": [e.id for e in data]}, indent=1).encode()
    for name, text in (("graph", graph), ("contents", contents)):
        file.create_dataset(name, data=np.frombuffer(text, dtype=np.uint8))
    file.create_group("meta").attrs.update(
        creator="cuds",
        creator_version=__version__,
        written=datetime.now(UTC).isoformat(),
        layout=LAYOUT,
        checksum=_checksum(graph, contents),
    )


def _checksum(graph: bytes, contents: bytes) -> str:
    return "sha256:" + hashlib.sha256(hashlib.sha256(graph).digest() + contents).hexdigest()


def stored_graph(path: Path) -> bytes:
    """Return the graph in a file as N-Triples; no number is read.

    Raises
    ------
    FormatError
        When the file is no data set of cuds, is damaged, or its graph was changed after it was written.
    """
    with _opened(path) as file:
        graph, contents = (file[name][()].tobytes() for name in ("graph", "contents"))
        if file["meta"].attrs["checksum"] != _checksum(graph, contents):
            raise FormatError("its graph is not the one that was stored", hint="it was changed after it was saved")
        return bytes(graph)


def _put(file: Any, location: str, content: AnyArray | bytes, unit: str) -> None:
    array = np.frombuffer(content, dtype=np.uint8) if isinstance(content, bytes) else content
    made = file.create_dataset(location, data=array[None] if _snapshot(file, location) else array)
    if unit:
        made.attrs["unit"] = _h5md_unit(unit) if location.startswith("/particles/") else unit


def _snapshot(file: Any, location: str) -> bool:
    """Whether an array is a column of a system, which H5MD writes as one frame; a trajectory counts its own."""
    return is_column(location) and bool(file["/".join(location.split("/")[:3])].attrs["snapshot"])


def _h5md_unit(unit: str) -> str:
    """Return a unit as H5MD writes it: factors with their powers, side by side."""
    plain = unit.replace("angstrom", "Angstrom").replace("**", "+")
    return re.sub(r"/([A-Za-z]+)\+?(\d*)", lambda m: f" {m[1]}-{m[2] or 1}", plain)


def _h5md(file: Any, data: DataSet, lifted: Lifted) -> None:
    """Add what H5MD wants beside the numbers: its header, a step and a time of each column, the box."""
    from cuds import __version__

    header = file.create_group("h5md")
    header.attrs["version"] = np.array([1, 1])
    header.create_group("author").attrs["name"] = "cuds"
    header.create_group("creator").attrs.update(name="cuds", version=__version__)
    for entity in (e for e in data.closure() if isinstance(e, ParticleSystem | Trajectory)):
        group = file["particles"][lifted.names[entity.id]]
        box = group.require_group("box")
        box.attrs["dimension"] = 3
        system = entity.system if isinstance(entity, Trajectory) else entity
        box.attrs["boundary"] = ["periodic" if p else "none" for p in system.pbc]
        if isinstance(entity, Trajectory) and entity.cell is None and system.cell is not None:
            same = np.broadcast_to(system.cell.value, (len(entity), 3, 3))  # readers of H5MD want one a frame
            edges = box.create_group("edges")
            edges.create_dataset("value", data=same).attrs["unit"] = _h5md_unit(system.cell.unit)
            edges["step"], edges["time"] = (group["position"][n] for n in ("step", "time"))
    for column in sorted(file[location].parent.name for location in lifted.arrays if is_column(location)):
        _frames(file, file[column])


def _frames(file: Any, column: Any) -> None:
    """Give a column of H5MD its steps and times; those of a trajectory are the same for all its columns."""
    if _snapshot(file, column["value"].name):
        column.create_dataset("step", data=np.array([0]))
        column.create_dataset("time", data=np.array([0.0])).attrs["unit"] = "ps"
    elif "step" not in column:
        shared = file["/".join(column.name.split("/")[:3])]["position"]
        column["step"], column["time"] = shared["step"], shared["time"]


def read(path: str | Path) -> DataSet:
    """Return the data set in a file.

    Raises
    ------
    FormatError
        When the file is no data set of cuds, is damaged, or was changed after it was written; it names what is
        missing or changed.
    """
    source = Path(path)
    with _opened(source) as file:
        missing = [f"/{part}" for part in _PARTS if part not in file]
        if missing:
            raise FormatError(
                f"no data set of cuds: it has no {', '.join(missing)}", hint="cuds reads what cuds wrote", field="path"
            )
        _refuse_elsewhere(file)
        return _content(file)


def _refuse_elsewhere(file: Any) -> None:
    """Refuse links and numbers that lie in another place: HDF5 would fetch them from any file of this machine."""
    import h5py

    links: dict[str, Any] = {}
    file.visititems_links(links.__setitem__)  # an exception in a visitor would be lost in h5py
    for name, link in links.items():
        item = file[name] if isinstance(link, h5py.HardLink) else None
        if item is None or (isinstance(item, h5py.Dataset) and (item.external or item.is_virtual)):
            raise FormatError(f"/{name} lies in another place", hint="cuds reads what cuds wrote", location=name)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a file; whatever goes wrong inside is an error that names it."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            yield file
    except CudsError as error:
        raise error.within(str(path)) from error
    except OSError as error:
        raise FormatError(
            f"{path}: no whole HDF5 file: {error}", hint="was it cut off, or is it another format?", field="path"
        ) from error
    except _DAMAGE as error:
        raise FormatError(
            f"{path}: damaged: {type(error).__name__}: {error}", hint="take a copy that is whole", field="path"
        ) from error


def _content(file: Any) -> DataSet:
    from rdflib import Graph

    from cuds.semantics.lower import lower

    layout = int(file["meta"].attrs["layout"])
    if layout > LAYOUT:
        creator = file["meta"].attrs["creator_version"]
        raise FormatError(
            f"its layout is {layout}, of cuds {creator}; this cuds reads up to {LAYOUT}", hint="install a newer cuds"
        )
    graph, contents = (file[name][()].tobytes() for name in ("graph", "contents"))
    if file["meta"].attrs["checksum"] != _checksum(graph, contents):
        raise FormatError("its graph is not the one that was stored", hint="the file was changed after it was saved")

    def load(location: str) -> AnyArray | bytes:
        if location not in file:
            raise FormatError(f"it has no {location}", hint="the file was changed after it was saved")
        if is_column(location) and not _snapshot(file, location):
            return _mapped(file[location])
        array: AnyArray = file[location][()]
        if location.startswith("/files/"):
            return array.tobytes()
        return np.ascontiguousarray(array[0]) if is_column(location) else array

    made = {e.id: e for e in lower(Graph().parse(data=graph, format="nt"), load)}
    listed = json.loads(contents)
    return DataSet(*(made[i] for i in listed["entities"]), label=listed["label"])


def _mapped(dataset: Any) -> AnyArray:
    """Return an array of a trajectory that is read where it is touched; one frame of it may be all that fits."""
    offset = dataset.id.get_offset()
    if offset is None or dataset.id.get_storage_size() == 0:
        array: AnyArray = dataset[()]
        return array
    return Mapped(dataset.file.filename, dtype=dataset.dtype, mode="r", offset=offset, shape=dataset.shape)
