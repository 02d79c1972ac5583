"""Files: engine-free formats, one module each; chosen by content and extension."""

import difflib
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from cuds.codecs.translation import Carried
from cuds.errors import CudsError, FormatError, InvalidError, UnknownError, did_you_mean
from cuds.model.dataset import DataSet
from cuds.model.entity import Entity
from cuds.model.mesh import Mesh
from cuds.model.particles import ParticleSystem
from cuds.registry import plugins

_DATA_SETS = (".h5md", ".h5", ".hdf5")
_GRAPHS = (".ttl", ".jsonld", ".nt", ".nq", ".trig", ".rdf")
_SHOWN = (".vtu", ".xdmf")
_HDF5 = b"\x89HDF\r\n\x1a\n"
# Extensions that meshio claims too, but which mean a mesh only when ASE cannot make anything of the file.
_SHARED = (".dat", ".xml")
_KNOWN = (
    f"data sets {' '.join(_DATA_SETS)}; graphs {' '.join(_GRAPHS)}; "
    "meshes .msh .vtk .vtu .inp .med .xdmf and what else meshio reads; "
    "atoms .cif .xyz .extxyz POSCAR .pdb and what else ASE reads"
)


class Codec(Protocol):
    """Files of an engine that belong together: what a package offers in the entry-point group ``cuds.codecs``."""

    name: str

    def recognises(self, files: Sequence[Path]) -> bool:
        """Return whether it reads these files, by their names."""
        ...

    def read(self, files: Sequence[Path]) -> DataSet:
        """Return what they hold. One that lists ``scale`` in an attribute ``takes`` is given it too."""
        ...

    def writes(self, files: Sequence[Path]) -> bool:
        """Return whether it writes these files, by their names."""
        ...

    def write(self, data: DataSet, files: Sequence[Path]) -> list[Carried]:
        """Write them, all or none, and return what became of each part of the data."""
        ...


def read(
    path: str | Path, *more: str | Path, length: str | None = None, scale: Any = None, verify: bool = False
) -> DataSet:
    """Return what one file or several hold.

    Parameters
    ----------
    path, *more : path
        A data set of cuds (``.h5md``), its graph (``.ttl .jsonld .nt .nq .trig .rdf``) with the numbers beside it, a
        mesh that meshio reads, or atoms that ASE reads; several frames of atoms become several systems. Files that
        belong together are read together where an installed package knows them:
        ``read("conf.gro", "topol.top", "run.mdp")``.
    length : str, optional
        The unit of length, for files that carry none.
    scale : str or mapping, optional
        What numbers without units are multiples of, for files that say so:
        ``"epsilon=0.0104 eV, sigma=3.4 angstrom, mass=39.948 Da"`` for ``units lj`` of LAMMPS.
    verify : bool
        Whether the arrays of data sets are read now and compared with their digests, not where they are touched.

    Raises
    ------
    UnknownError
        When there is no such file.
    FormatError
        When the format is not known, or the content is not what it should be.
    UnitError
        When a unit is needed.
    InvalidError
        When a unit is given, but every file carries its own.
    """
    files = [Path(p) for p in (path, *more)]
    if missing := next((f for f in files if not f.is_file()), None):
        raise _no_such(missing)
    for codec in plugins("cuds.codecs").working().values():
        if (together := codec()).recognises(files):
            return _checked(together, files, length, scale)
    if scale is not None:
        raise InvalidError(f"scale: {files[0].name} has sizes of its own", hint="leave scale= out", field="scale")
    readers = [_reader(file, length, verify) for file in files]
    if length is not None and _mesh not in readers:
        raise InvalidError(
            f"length: {', '.join(f.name for f in files)}: the file says its own units",
            hint="leave length= out",
            field="length",
        )
    found = [_named(file, reader, length) for reader, file in zip(readers, files, strict=True)]
    return sum(found[1:], found[0])


def _checked(codec: Codec, files: list[Path], length: str | None, scale: Any) -> DataSet:
    if length is not None:
        raise InvalidError(f"length: files of {codec.name} say their units", hint="leave length= out", field="length")
    if scale is None:
        return codec.read(files)
    if "scale" not in getattr(codec, "takes", ()):
        raise InvalidError(f"scale: files of {codec.name} say their units", hint="leave scale= out", field="scale")
    told: Any = codec
    found: DataSet = told.read(files, scale=scale)
    return found


def _named(file: Path, reader: Callable[[Path, str | None], DataSet], length: str | None) -> DataSet:
    """Read a file; what goes wrong names it."""
    try:
        return reader(file, length)
    except CudsError as error:
        raise (error if str(file) in error.message else error.within(str(file))) from error


def _reader(file: Path, length: str | None, verify: bool) -> Callable[[Path, str | None], DataSet]:
    """Return what reads a file; a unit of length that is given hints at a mesh."""
    from cuds.codecs import ase_files, meshio_files

    suffix = file.suffix.lower()
    if suffix in _GRAPHS:
        return _graph
    if suffix in _DATA_SETS:
        return _verified if verify else _data_set
    mesh = suffix in meshio_files.extensions()
    if not mesh and _begins(file) == _HDF5:
        return _verified if verify else _data_set
    if mesh and (suffix not in _SHARED or length is not None):
        return _mesh
    if ase_files.format_of(file) is not None:
        return _atoms
    if mesh:
        return _mesh
    raise FormatError(f"{file}: the format {suffix or file.name!r} is not known", hint=f"known: {_KNOWN}", field="path")


def _no_such(file: Path) -> UnknownError:
    """Say what is missing, and what there is instead."""
    if file.is_dir():
        what, asked, among = f"{str(file)!r} is a folder", "", file
    elif file.parent.is_dir():
        what, asked, among = f"there is no file {str(file)!r}", file.name, file.parent
    else:
        what, asked, among = f"there is no folder {str(file.parent)!r}", file.parent.name, file.parent.parent
    there = sorted(p.name for p in among.iterdir()) if among.is_dir() else []
    return UnknownError(
        what, hint=did_you_mean(asked, difflib.get_close_matches(asked, there) or there[:12]), field="path"
    )


def _begins(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(len(_HDF5))


def _data_set(file: Path, length: str | None) -> DataSet:
    from cuds.codecs import hdf5

    return hdf5.read(file)


def _verified(file: Path, length: str | None) -> DataSet:
    from cuds.codecs import hdf5

    return hdf5.read(file, verify=True)


def _graph(file: Path, length: str | None) -> DataSet:
    from cuds.codecs import rdf

    return rdf.read(file)


def _mesh(file: Path, length: str | None) -> DataSet:
    from cuds.codecs import meshio_files

    return meshio_files.read(file, length)


def _atoms(file: Path, length: str | None) -> DataSet:
    from cuds.codecs import ase_files

    return ase_files.read(file)


def write(what: DataSet | Entity, path: str | Path, *more: str | Path, length: str | None = None) -> Path:
    """Write a data set or an entity to a file, or to several that belong together: all of them, whole, or none.

    Parameters
    ----------
    what : DataSet or Entity
        To be written.
    path, *more : path
        ``.h5md`` holds everything; ``.ttl .jsonld .nt .nq .trig .rdf`` the graph, without the numbers of arrays but
        for those of a data set that is written beside it: ``write(data, "x.jsonld", "x.h5md")``; ``.vtu .xdmf`` a mesh
        with its fields; what else ASE and meshio write, systems or a mesh. A system with its potential is written where
        an installed package knows the files: ``write(data, "conf.gro", "topol.top", "run.mdp")``.
    length : str, optional
        The unit of length, for files of meshes, which carry none.

    Returns
    -------
    Path
        The first of them.

    Warns
    -----
    UserWarning
        For what files of ASE and meshio do not hold.

    Raises
    ------
    FormatError
        For other extensions.
    UnitError
        When a unit of length is needed.
    UnsupportedError
        For what the files cannot express, by name.
    """
    files = [Path(p) for p in (path, *more)]
    data = what if isinstance(what, DataSet) else DataSet(what)
    fates = translate(data, files, length=length)
    lost = [f.what for f in fates if f.fate == "left out"]
    if lost and _of_strangers(data, files):
        warnings.warn(f"{files[0]}: written without {', '.join(lost)}", stacklevel=2)
    return files[0]


def translate(data: DataSet, files: Sequence[Path], *, length: str | None = None) -> list[Carried]:
    """Write a data set as `write` does, and return what became of each of its parts."""
    for codec in plugins("cuds.codecs").working().values():
        if (together := codec()).writes(files):
            _no_length(length, files[0])
            return list(together.write(data, files))
    if _beside(files):
        _no_length(length, files[0])
        for file in sorted(files, key=lambda f: f.suffix.lower() in _GRAPHS):  # a graph without its numbers is no use
            _writer(data, file, None)
        return [Carried(repr(e).splitlines()[0], "carried", "the graph, and the numbers beside it") for e in data]
    if len(files) > 1:
        raise _no_writer(files)
    return _writer(data, files[0], length)


def _writer(data: DataSet, file: Path, length: str | None) -> list[Carried]:
    """Write one file in the format that its name and the data say."""
    from cuds.codecs import ase_files, hdf5, meshio_files, rdf, vtu

    suffix = file.suffix.lower()
    if suffix in meshio_files.WRITTEN and data.all(Mesh):
        return meshio_files.write(data, file, length)
    _no_length(length, file)
    if suffix in _DATA_SETS:
        hdf5.write(data, file)
        return [Carried(repr(entity).splitlines()[0], "carried", suffix) for entity in data]
    if suffix in _GRAPHS:
        return rdf.write(data, file)
    if suffix in _SHOWN:
        return vtu.write(data, file)
    if data.all(ParticleSystem) and ase_files.format_of(file, written=True) is not None:
        return ase_files.write(data, file)
    raise _no_writer([file])


def _no_length(length: str | None, file: Path) -> None:
    if length is not None:
        raise InvalidError(f"length: {file}: the file says its own units", hint="leave length= out", field="length")


def _no_writer(files: Sequence[Path]) -> FormatError:
    from cuds.codecs import meshio_files

    named = ", ".join(str(f) for f in files)
    single = " ".join((*_DATA_SETS, *_GRAPHS, *_SHOWN))
    return FormatError(
        f"{named}: cuds does not write {'these together' if len(files) > 1 else repr(files[0].suffix)}",
        hint=f"it writes {single}; a mesh as {' '.join(meshio_files.WRITTEN)}; systems as .extxyz .cif .pdb and what "
        "else ASE writes; or conf.gro topol.top run.mdp; or x.data x.in of LAMMPS",
        field="path",
    )


def _beside(files: Sequence[Path]) -> bool:
    """Whether files are a graph and, beside it, a data set with its numbers."""
    kinds = [next((k for k in (_GRAPHS, _DATA_SETS) if f.suffix.lower() in k), ()) for f in files]
    return (
        len(files) == 2 and set(kinds) == {_GRAPHS, _DATA_SETS} and files[0].with_suffix("") == files[1].with_suffix("")
    )


def _of_strangers(data: DataSet, files: Sequence[Path]) -> bool:
    """Whether other libraries wrote a file, which say nothing of what they leave out."""
    ours = (*_DATA_SETS, *_GRAPHS, *_SHOWN)
    named = plugins("cuds.codecs").working().values()
    return files[0].suffix.lower() not in ours and not any(codec().writes(files) for codec in named)


def together(files: Sequence[Path]) -> bool:
    """Return whether an installed package reads these files as one, by their names."""
    return any(codec().recognises(files) for codec in plugins("cuds.codecs").working().values())


def writes(files: Sequence[Path]) -> bool:
    """Return whether these files can be written, by their names."""
    from cuds.codecs import ase_files, meshio_files

    if any(codec().writes(files) for codec in plugins("cuds.codecs").working().values()) or _beside(files):
        return True
    ours = (*_DATA_SETS, *_GRAPHS, *_SHOWN, *meshio_files.WRITTEN)
    return len(files) == 1 and (
        files[0].suffix.lower() in ours or ase_files.format_of(files[0], written=True) is not None
    )
