"""Files: engine-free formats, one module each; chosen by content and extension."""

import difflib
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol, TypeVar

from cuds.codecs.formats import DATA_SETS, GRAPHS, Shown
from cuds.codecs.translation import Carried
from cuds.errors import FormatError, InvalidError, UnknownError, did_you_mean
from cuds.model.dataset import DataSet
from cuds.model.entity import Entity
from cuds.registry import plugins

T = TypeVar("T")
_KNOWN = (
    f"data sets {' '.join(DATA_SETS)}; graphs {' '.join(GRAPHS)}; "
    "meshes .msh .vtk .vtu .inp .med .xdmf and what else meshio reads; "
    "atoms .cif .xyz .extxyz POSCAR .pdb and what else ASE reads"
)


class Codec(Protocol):
    """A format, of one file or of several that belong together: what a package offers in the group ``cuds.codecs``.

    It may say more in attributes: ``takes``, the options it is given as keywords (``length``, ``scale``, ``verify``);
    ``holds``, the classes of which there must be one for it to be written; ``warns``, whether what it leaves out is a
    warning of `write`; ``rank``, after which others it is asked: 0 for packages, 1 and 2 for the formats of cuds.
    """

    name: str

    def recognises(self, files: Sequence[Path]) -> bool:
        """Return whether it reads these files, by their names."""
        ...

    def read(self, files: Sequence[Path]) -> DataSet:
        """Return what they hold."""
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
    given = {name: value for name, value in (("length", length), ("scale", scale)) if value is not None}
    whole = _reader(files, given)
    readers = [(whole, files)] if whole is not None else [(_reader([f], given), [f]) for f in files]
    for codec, (file, *_) in readers:
        if codec is None:
            raise FormatError(
                f"{file}: the format {file.suffix.lower() or file.name!r} is not known",
                hint=f"known: {_KNOWN}",
                field="path",
            )
    for name in given:
        if not any(name in _takes(codec) for codec, _ in readers):
            raise _not_taken(name, files)
    given |= {"verify": verify}
    found = [_told(codec.read, codec, given)(some) for codec, some in readers if codec is not None]
    return sum(found[1:], found[0])


def _codecs() -> list[Codec]:
    """Return all formats, in the order in which they are asked."""
    made = [kind() for kind in plugins("cuds.codecs").working().values()]
    return sorted(made, key=lambda codec: (_rank(codec), codec.name))


def _reader(files: Sequence[Path], given: Iterable[str]) -> Codec | None:
    """Return what reads files: the first that does, but that among its equals which takes what is given."""
    for _, equal in groupby(_codecs(), _rank):  # to look into a file takes a while: others are not asked
        if found := [codec for codec in equal if codec.recognises(files)]:
            return next((c for c in found if set(given) <= set(_takes(c))), found[0])
    return None


def _rank(codec: Codec) -> int:
    return getattr(codec, "rank", 0)


def _takes(codec: Codec | None) -> tuple[str, ...]:
    return getattr(codec, "takes", ())


def _told(what: Callable[..., T], codec: Codec, given: Mapping[str, Any]) -> Callable[..., T]:
    """Return a method of a format that is given what it takes."""
    return partial(what, **{name: value for name, value in given.items() if name in _takes(codec)})


def _not_taken(name: str, files: Sequence[Path]) -> InvalidError:
    named = ", ".join(f.name for f in files)
    said = "has sizes of its own" if name == "scale" else "says its own units"
    return InvalidError(f"{name}: {named}: the file {said}", hint=f"leave {name}= out", field=name)


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
    codec, fates = _written(data, files, length)
    lost = [f.what for f in fates if f.fate == "left out"]
    if lost and getattr(codec, "warns", False):
        warnings.warn(f"{files[0]}: written without {', '.join(lost)}", stacklevel=2)
    return files[0]


def translate(data: DataSet, files: Sequence[Path], *, length: str | None = None) -> list[Carried]:
    """Write a data set as `write` does, and return what became of each of its parts."""
    return _written(data, files, length)[1]


def _written(data: DataSet, files: Sequence[Path], length: str | None) -> tuple[Codec, list[Carried]]:
    """Write files in the format that their names and the data say."""
    for codec in _codecs():
        holds: tuple[type[Entity], ...] = getattr(codec, "holds", ())
        if codec.writes(files) and (not holds or any(data.all(kind) for kind in holds)):
            if length is not None and "length" not in _takes(codec):
                raise _not_taken("length", files[:1])
            return codec, list(_told(codec.write, codec, {"length": length})(data, files))
    raise _no_writer(files)


def _no_writer(files: Sequence[Path]) -> FormatError:
    from cuds.codecs import meshio_files

    named = ", ".join(str(f) for f in files)
    single = " ".join((*DATA_SETS, *GRAPHS, *Shown.extensions))
    return FormatError(
        f"{named}: cuds does not write {'these together' if len(files) > 1 else repr(files[0].suffix)}",
        hint=f"it writes {single}; a mesh as {' '.join(meshio_files.WRITTEN)}; systems as .extxyz .cif .pdb and what "
        "else ASE writes; or conf.gro topol.top run.mdp; or x.data x.in of LAMMPS",
        field="path",
    )


def together(files: Sequence[Path]) -> bool:
    """Return whether these files are read as one, by their names."""
    return any(codec.recognises(files) for codec in _codecs())


def writes(files: Sequence[Path]) -> bool:
    """Return whether these files can be written, by their names."""
    return any(codec.writes(files) for codec in _codecs())
