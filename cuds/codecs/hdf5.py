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

Opening a file reads no long array: each is mapped, and read where it is touched. What was opened stays what it was when
the file is replaced, for a rename leaves the old file to whoever has it open. As long as arrays lie in a file, HDF5's
lock keeps others from writing into it; of a program that does so without HDF5, `DataSet.verify` finds the trace.
"""

import fcntl
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyoxigraph as ox

from cuds.arrays import AnyArray
from cuds.codecs.lying import Loader, lying, numbers
from cuds.codecs.patient import writing
from cuds.codecs.whole import replacing, to_disk
from cuds.errors import CudsError, FormatError
from cuds.model.dataset import DataSet
from cuds.model.particles import ParticleSystem
from cuds.model.trajectory import Trajectory
from cuds.semantics.lift import Lifted, Lifting
from cuds.semantics.nesting import refuse_deep
from cuds.semantics.places import is_column

LAYOUT = 1
_PARTS = ("graph", "contents", "meta")
_ALIGNED = 64  # bytes: where arrays begin in a file, so that they can be calculated with where they lie
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
    target = Path(path)
    with replacing(target) as partial:
        _whole(data, partial, notes or {})
    return target


def draft(data: DataSet, path: Path, notes: Mapping[str, str]) -> Path:
    """Write a data set to a file that nobody else looks at; it is on the disk, its name in the folder may not be."""
    _whole(data, path, notes)
    to_disk(path)
    return path


def _whole(data: DataSet, path: Path, notes: Mapping[str, str]) -> None:
    lifting = Lifting(data)
    aligned: dict[str, Any] = {"alignment_threshold": _ALIGNED, "alignment_interval": _ALIGNED}
    with writing(path, **aligned) as file:
        with _meanwhile(lifting.measure) if lifting.large else nullcontext():
            _arrays(file, lifting)
        _meaning(file, data, lifting.finished(read=True))
        file["meta"].attrs.update(notes)


@contextmanager
def _meanwhile(work: Callable[[], None]) -> Iterator[None]:
    """Do something in another thread; whatever goes wrong in it is found when the same is asked for again."""

    def attempt() -> None:
        with suppress(Exception):
            work()

    thread = threading.Thread(target=attempt, name="cuds-digests")
    thread.start()
    try:
        yield
    finally:
        thread.join()


def notes(path: str | Path) -> dict[str, Any]:
    """Return the attributes of ``/meta``, without reading the rest.

    Raises
    ------
    FormatError
        When the file is no data set of cuds.
    """
    with _opened(Path(path)) as file:
        return dict(file["meta"].attrs)


def _arrays(file: Any, lifting: Lifting) -> None:
    """Write the numbers, and what H5MD wants beside them."""
    systems = [e for e in lifting.entities if isinstance(e, ParticleSystem | Trajectory)]
    lifted = lifting.found
    for system in systems:
        group = file.require_group(f"particles/{lifted.names[system.id]}")
        group.attrs["snapshot"] = isinstance(system, ParticleSystem)
    snapshots = {lifted.names[e.id] for e in systems if isinstance(e, ParticleSystem)}
    for location, content in sorted(lifted.arrays.items()):
        _put(file, location, content, lifted.units.get(location, ""), snapshots)
    if systems:
        _h5md(file, systems, lifted)


def _meaning(file: Any, data: DataSet, lifted: Lifted) -> None:
    """Write the graph, which entities were given, and who wrote it."""
    from cuds import __version__

    graph = lifted.n_triples()
    contents = json.dumps({"label": data.label, "entities": [e.id for e in data]}, indent=1).encode()
    for name, text in (("graph", graph), ("contents", contents)):
        file.create_dataset(name, data=np.frombuffer(text, dtype=np.uint8))
    file.create_group("meta").attrs.update(
        creator="cuds",
        creator_version=__version__,
        written=datetime.now(UTC).isoformat(),
        layout=LAYOUT,
        checksum=checksum(graph, contents),
    )


def checksum(graph: bytes, contents: bytes) -> str:
    """Return the digest of what a file says."""
    return "sha256:" + hashlib.sha256(hashlib.sha256(graph).digest() + contents).hexdigest()


def stored_graph(path: Path) -> bytes:
    """Return the graph in a file as N-Triples; no number is read.

    Raises
    ------
    FormatError
        When the file is no data set of cuds, is damaged, or its graph was changed after it was written.
    """
    return stored(path)[0]


def stored(path: Path, note: str = "") -> tuple[bytes, str]:
    """Return the graph in a file as N-Triples, and a remark on the file; nothing where it has none of that name.

    Raises
    ------
    FormatError
        When the file is no data set of cuds, is damaged, or its graph was changed after it was written.
    """
    with _opened(path) as file:
        return _said(file)[0], str(file["meta"].attrs.get(note, ""))


def _said(file: Any) -> tuple[bytes, bytes]:
    """Return graph and contents, when they are those that were stored."""
    import h5py

    graph, contents = (numbers(h5py.h5d.open(file.id, name)).tobytes() for name in (b"graph", b"contents"))
    if file["meta"].attrs["checksum"] != checksum(graph, contents):
        raise FormatError("its graph is not the one that was stored", hint="the file was changed after it was saved")
    refuse_deep(graph)
    return graph, contents


def _put(file: Any, location: str, content: AnyArray | bytes, unit: str, snapshots: set[str]) -> None:
    array = np.frombuffer(content, dtype=np.uint8) if isinstance(content, bytes) else content
    framed = is_column(location) and location.split("/")[2] in snapshots  # a trajectory counts its own frames
    made = file[location] = file.create_dataset(None, data=array[None] if framed else array)  # all groups at once
    if unit:
        made.attrs["unit"] = _h5md_unit(unit) if location.startswith("/particles/") else unit


def _h5md_unit(unit: str) -> str:
    """Return a unit as H5MD writes it: factors with their powers, side by side."""
    plain = unit.replace("angstrom", "Angstrom").replace("**", "+")
    return re.sub(r"/([A-Za-z]+)\+?(\d*)", lambda m: f" {m[1]}-{m[2] or 1}", plain)


def _h5md(file: Any, systems: list[ParticleSystem | Trajectory], lifted: Lifted) -> None:
    """Add what H5MD wants beside the numbers: its header, a step and a time of each column, the box."""
    from cuds import __version__

    header = file.create_group("h5md")
    header.attrs["version"] = np.array([1, 1])
    header.create_group("author").attrs["name"] = "cuds"
    header.create_group("creator").attrs.update(name="cuds", version=__version__)
    for entity in systems:
        group = file["particles"][lifted.names[entity.id]]
        box = group.require_group("box")
        box.attrs["dimension"] = 3
        system = entity.system if isinstance(entity, Trajectory) else entity
        box.attrs["boundary"] = ["periodic" if p else "none" for p in system.pbc]
        own = f"{group.name}/"
        columns = [place.rpartition("/")[0] for place in lifted.arrays if place.startswith(own) and is_column(place)]
        if isinstance(entity, Trajectory) and entity.cell is None and system.cell is not None:
            same = np.broadcast_to(system.cell.value, (len(entity), 3, 3))  # readers of H5MD want one a frame
            box.create_dataset("edges/value", data=same).attrs["unit"] = _h5md_unit(system.cell.unit)
            columns.append(f"{group.name}/box/edges")
        _frames(group, columns)


def _frames(group: Any, columns: Iterable[str]) -> None:
    """Give the columns of a system their steps and times, which are the same for all of them."""
    shared = group["position"]
    if "step" not in shared:
        shared.create_dataset("step", data=np.array([0]))
        shared.create_dataset("time", data=np.array([0.0])).attrs["unit"] = "ps"
    step, time = shared["step"], shared["time"]
    for column in columns:
        if column != shared.name:
            group[f"{column}/step"], group[f"{column}/time"] = step, time


def read(path: str | Path, *, verify: bool = False) -> DataSet:
    """Return the data set in a file.

    Parameters
    ----------
    path : path
        Of the file. Its graph is compared with its digest; long arrays are not read before they are
        touched, and taken for those that were stored.
    verify : bool
        Whether every array is read now, compared with its digest, and looked through as if newly made.

    Raises
    ------
    FormatError
        When the file is no data set of cuds, is damaged, or was changed after it was written; it names what is
        missing or changed.
    """
    with _opened(Path(path)) as file, _unlocked(file):
        return _content(file, _loader(file), verify)


@contextmanager
def _unlocked(file: Any) -> Iterator[None]:
    """When anything goes wrong inside, leave the file to whoever would repair it: a mapping would hold its lock."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            fcntl.flock(file.id.get_vfd_handle(), fcntl.LOCK_UN)
        raise


@contextmanager
def opened(path: Path) -> Iterator[tuple[Callable[[str], AnyArray | bytes], dict[str, Any]]]:
    """Yield what gives the numbers of a data set by their location, and its label and entities.

    Raises
    ------
    FormatError
        When the file is no data set of cuds, or is damaged.
    """
    with _opened(path) as file:
        yield _loader(file), json.loads(file["contents"][()].tobytes())


def _loader(file: Any) -> Loader:
    missing = [f"/{part}" for part in _PARTS if part not in file]
    if missing:
        raise FormatError(
            f"no data set of cuds: it has no {', '.join(missing)}", hint="cuds reads what cuds wrote", field="path"
        )
    return Loader(file, lying(file))


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


def _content(file: Any, load: Loader, verify: bool) -> DataSet:
    from cuds.semantics.lower import lower

    layout = int(file["meta"].attrs["layout"])
    if layout > LAYOUT:
        creator = file["meta"].attrs["creator_version"]
        raise FormatError(
            f"its layout is {layout}, of cuds {creator}; this cuds reads up to {LAYOUT}", hint="install a newer cuds"
        )
    graph, contents = _said(file)
    triples = ox.parse(graph, format=ox.RdfFormat.N_TRIPLES)
    made = {e.id: e for e in lower(triples, load, trusted=not verify)}
    listed = json.loads(contents)
    return DataSet(*(made[i] for i in listed["entities"]), label=listed["label"])
