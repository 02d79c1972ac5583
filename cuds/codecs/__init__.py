"""Files: engine-free formats, one module each; chosen by content and extension."""

import difflib
import json
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from cuds.codecs.translation import Carried
from cuds.errors import CudsError, FormatError, InvalidError, UnknownError, did_you_mean
from cuds.model.dataset import DataSet
from cuds.model.entity import Entity
from cuds.registry import plugins

_DATA_SETS = (".h5md", ".h5", ".hdf5")
_GRAPHS = (".ttl", ".jsonld", ".nt", ".rdf")
_HDF5 = b"\x89HDF\r\n\x1a\n"
# Extensions that meshio claims too, but which mean a mesh only when ASE cannot make anything of the file.
_SHARED = (".dat", ".xml")
_KNOWN = (
    f"data sets {' '.join(_DATA_SETS)}; meshes .msh .vtk .vtu .inp .med .xdmf and what else meshio reads; "
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


def read(path: str | Path, *more: str | Path, length: str | None = None, scale: Any = None) -> DataSet:
    """Return what one file or several hold.

    Parameters
    ----------
    path, *more : path
        A data set of cuds (``.h5md``), a mesh that meshio reads, or atoms that ASE reads; several frames of atoms
        become several systems. Files that belong together are read together where an installed package knows them:
        ``read("conf.gro", "topol.top", "run.mdp")``.
    length : str, optional
        The unit of length, for files that carry none.
    scale : str or mapping, optional
        What numbers without units are multiples of, for files that say so:
        ``"epsilon=0.0104 eV, sigma=3.4 angstrom, mass=39.948 Da"`` for ``units lj`` of LAMMPS.

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
    readers = [_reader(file, length) for file in files]
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


def _reader(file: Path, length: str | None) -> Callable[[Path, str | None], DataSet]:
    """Return what reads a file; a unit of length that is given hints at a mesh."""
    suffix = file.suffix.lower()
    if suffix in _GRAPHS:
        beside = [p.name for p in file.parent.glob(f"{file.stem}.*") if p.suffix in _DATA_SETS]
        raise FormatError(
            f"{file}: a graph holds no numbers",
            hint=f"read the data set that it describes: {', '.join(beside) or 'a file .h5md'}",
            field="path",
        )
    mesh = suffix in _meshio_extensions()
    if suffix in _DATA_SETS or (not mesh and _begins(file) == _HDF5):
        return _data_set
    if mesh and (suffix not in _SHARED or length is not None):
        return _mesh
    if _ase_format(file) is not None:
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


def _meshio_extensions() -> Iterable[str]:
    import meshio

    found: dict[str, Any] = meshio.extension_to_filetypes
    return found


def _ase_format(file: Path) -> str | None:
    """Return how ASE calls the format of a file, from its name and its content."""
    from ase.io.formats import UnknownFileTypeError, filetype, ioformats

    try:
        name = str(filetype(str(file), guess=True))
    except (UnknownFileTypeError, OSError):
        return None
    return name if name in ioformats and ioformats[name].can_read else None


def _data_set(file: Path, length: str | None) -> DataSet:
    from cuds.codecs import hdf5

    return hdf5.read(file)


def _mesh(file: Path, length: str | None) -> DataSet:
    import meshio

    from cuds.codecs.meshio_mesh import from_meshio

    try:
        found = meshio.read(file)
    except (Exception, SystemExit) as error:  # meshio ends the process for some formats
        raise FormatError(
            f"{file}: meshio cannot read it: {type(error).__name__}: {error}",
            hint="is it a mesh, and whole? Gmsh files are best saved as version 2.2 or 4.1",
            field="path",
        ) from error
    return DataSet(from_meshio(found, length=length, label=file.stem), label=file.stem)


def _atoms(file: Path, length: str | None) -> DataSet:
    import ase.io

    from cuds.codecs.ase_atoms import from_ase

    try:
        found: Any = ase.io.read(file, index=":")
    except Exception as error:  # each of ASE's readers raises what it likes
        raise FormatError(
            f"{file}: ASE cannot read it: {type(error).__name__}: {error}", hint="is it whole?", field="path"
        ) from error
    if not found:
        raise FormatError(f"{file}: it holds no atoms", hint="is it whole?", field="path")
    for atoms in found:
        atoms.info = {name: _remark(value) for name, value in atoms.info.items()}
    results = sorted({name for atoms in found if atoms.calc is not None for name in atoms.calc.results})
    if results:
        warnings.warn(f"{file}: the atoms are read without the results beside them: {', '.join(results)}", stacklevel=4)
    labels = [file.stem] if len(found) == 1 else [f"{file.stem} {i}" for i in range(1, len(found) + 1)]
    return DataSet(*(from_ase(a, label=name) for a, name in zip(found, labels, strict=True)), label=file.stem)


def _remark(value: Any) -> Any:
    """Return a file's own remark; what JSON cannot say, like a space group, as text."""
    if hasattr(value, "tolist"):
        return value.tolist()
    try:
        return value if json.loads(json.dumps(value)) == value else str(value)
    except (TypeError, ValueError):
        return str(value)


def write(what: DataSet | Entity, path: str | Path, *more: str | Path) -> Path:
    """Write a data set or an entity to a file, or to several that belong together: all of them, whole, or none.

    Parameters
    ----------
    what : DataSet or Entity
        To be written.
    path, *more : path
        ``.h5md`` holds everything; ``.ttl .jsonld .nt .rdf`` the graph; ``.vtu`` a mesh with its fields. A system with
        its potential is written where an installed package knows the files:
        ``write(data, "conf.gro", "topol.top", "run.mdp")``.

    Returns
    -------
    Path
        The first of them.

    Raises
    ------
    FormatError
        For other extensions.
    UnsupportedError
        For what the files cannot express, by name.
    """
    files = [Path(p) for p in (path, *more)]
    translate(what if isinstance(what, DataSet) else DataSet(what), files)
    return files[0]


def translate(data: DataSet, files: Sequence[Path]) -> list[Carried]:
    """Write a data set as `write` does, and return what became of each of its parts."""
    for codec in plugins("cuds.codecs").working().values():
        if (together := codec()).writes(files):
            return list(together.write(data, files))
    writer = writers().get(files[0].suffix.lower())
    if writer is None or len(files) > 1:
        named = ", ".join(str(f) for f in files)
        raise FormatError(
            f"{named}: cuds does not write {'these together' if len(files) > 1 else repr(files[0].suffix)}",
            hint=f"it writes {' '.join(writers())}; or conf.gro topol.top run.mdp; or x.data x.in of LAMMPS",
            field="path",
        )
    writer(data, files[0])
    return [Carried(repr(entity).splitlines()[0], "carried", files[0].suffix) for entity in data]


def together(files: Sequence[Path]) -> bool:
    """Return whether an installed package reads these files as one, by their names."""
    return any(codec().recognises(files) for codec in plugins("cuds.codecs").working().values())


def writes(files: Sequence[Path]) -> bool:
    """Return whether these files can be written, by their names."""
    codecs = plugins("cuds.codecs").working().values()
    return any(c().writes(files) for c in codecs) or (len(files) == 1 and files[0].suffix.lower() in writers())


def writers() -> dict[str, Callable[[DataSet, Path], Path]]:
    """Return what writes single files, by extension."""
    from cuds.codecs import hdf5, rdf, vtu

    return {
        **dict.fromkeys(_DATA_SETS, hdf5.write),
        **dict.fromkeys(_GRAPHS, rdf.write),
        ".vtu": vtu.write,
    }
