"""The formats of cuds itself, each offered as any package offers one; they are asked after those of packages.

What reads and writes a file is loaded when that happens.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from cuds.codecs.translation import Carried
from cuds.errors import CudsError
from cuds.model.dataset import DataSet
from cuds.model.entity import Entity
from cuds.model.mesh import Mesh
from cuds.model.particles import ParticleSystem

DATA_SETS = (".h5md", ".h5", ".hdf5")
_HDF5 = b"\x89HDF\r\n\x1a\n"
# Extensions that meshio claims too, but which mean a mesh only when ASE cannot make anything of the file.
_SHARED = (".dat", ".xml")


class Single:
    """One file, told by its extension."""

    name: ClassVar[str]
    extensions: ClassVar[tuple[str, ...]] = ()
    rank = 1
    takes: ClassVar[tuple[str, ...]] = ()
    holds: ClassVar[tuple[type[Entity], ...]] = ()
    warns = False

    def recognises(self, files: Sequence[Path]) -> bool:
        """Whether it reads a file."""
        return len(files) == 1 and self._reads(files[0])

    def read(self, files: Sequence[Path], **given: Any) -> DataSet:
        """Return what a file holds; what goes wrong names it."""
        (file,) = files
        try:
            return self._read(file, **given)
        except CudsError as error:
            raise (error if str(file) in error.message else error.within(str(file))) from error

    def writes(self, files: Sequence[Path]) -> bool:
        """Whether it writes a file of such a name."""
        return len(files) == 1 and files[0].suffix.lower() in self.extensions

    def write(self, data: DataSet, files: Sequence[Path], **given: Any) -> list[Carried]:
        """Write a file, whole or not at all."""
        return self._write(data, files[0], **given)

    def _reads(self, file: Path) -> bool:
        return file.suffix.lower() in self.extensions

    def _read(self, file: Path, **given: Any) -> DataSet:
        raise NotImplementedError

    def _write(self, data: DataSet, file: Path, **given: Any) -> list[Carried]:
        raise NotImplementedError


class _Graph(Single):
    """The graph, with the numbers of arrays in a data set beside it."""

    def _read(self, file: Path, **given: Any) -> DataSet:
        from cuds.codecs import rdf

        return rdf.read(file)

    def _write(self, data: DataSet, file: Path, **given: Any) -> list[Carried]:
        from cuds.codecs import rdf

        return rdf.write(data, file)


class Turtle(_Graph):
    """Turtle."""

    name, extensions = "turtle", (".ttl",)


class JsonLd(_Graph):
    """JSON-LD, whose context is its own."""

    name, extensions = "json-ld", (".jsonld",)


class NTriples(_Graph):
    """N-Triples."""

    name, extensions = "n-triples", (".nt",)


class NQuads(_Graph):
    """N-Quads."""

    name, extensions = "n-quads", (".nq",)


class TriG(_Graph):
    """TriG."""

    name, extensions = "trig", (".trig",)


class RdfXml(_Graph):
    """RDF/XML."""

    name, extensions = "rdf-xml", (".rdf",)


GRAPHS = tuple(suffix for kind in _Graph.__subclasses__() for suffix in kind.extensions)


class Hdf5(Single):
    """A data set, whole: told by its extension, or by how it begins."""

    name, extensions, takes = "hdf5", DATA_SETS, ("verify",)

    def _reads(self, file: Path) -> bool:
        if super()._reads(file):
            return True
        with file.open("rb") as opened:
            return opened.read(len(_HDF5)) == _HDF5 and not _of_a_mesh(file)

    def _read(self, file: Path, **given: Any) -> DataSet:
        from cuds.codecs import hdf5

        return hdf5.read(file, verify=bool(given.get("verify")))

    def _write(self, data: DataSet, file: Path, **given: Any) -> list[Carried]:
        from cuds.codecs import hdf5

        hdf5.write(data, file)
        return [Carried(repr(entity).splitlines()[0], "carried", file.suffix.lower()) for entity in data]


class Beside(Single):
    """A graph and, beside it, a data set with its numbers; each is read on its own."""

    name = "graph with numbers"

    def recognises(self, files: Sequence[Path]) -> bool:
        """Whether it reads files as one: never."""
        return False

    def writes(self, files: Sequence[Path]) -> bool:
        """Whether files are a graph and a data set of one name."""
        kinds = [next((k for k in (GRAPHS, DATA_SETS) if f.suffix.lower() in k), ()) for f in files]
        return len(files) == 2 and set(kinds) == {GRAPHS, DATA_SETS} and len({f.with_suffix("") for f in files}) == 1

    def write(self, data: DataSet, files: Sequence[Path], **given: Any) -> list[Carried]:
        """Write both, the numbers first: a graph without them is no use."""
        graph, numbers = sorted(files, key=lambda f: f.suffix.lower() in DATA_SETS)
        Hdf5().write(data, [numbers])
        _Graph().write(data, [graph])
        return [Carried(repr(e).splitlines()[0], "carried", "the graph, and the numbers beside it") for e in data]


class Shown(Single):
    """A mesh with its fields, for ParaView; it is read as any mesh."""

    name, extensions = "vtu", (".vtu", ".xdmf")

    def recognises(self, files: Sequence[Path]) -> bool:
        """Whether it reads a file: never."""
        return False

    def _write(self, data: DataSet, file: Path, **given: Any) -> list[Carried]:
        from cuds.codecs import vtu

        return vtu.write(data, file)


class AseAtoms(Single):
    """Atoms, as ASE reads and writes them."""

    name, rank, holds, warns = "ase", 2, (ParticleSystem,), True

    def _reads(self, file: Path) -> bool:
        from cuds.codecs import ase_files

        alone = file.suffix.lower() in _SHARED or not _of_a_mesh(file)
        return alone and ase_files.format_of(file) is not None

    def _read(self, file: Path, **given: Any) -> DataSet:
        from cuds.codecs import ase_files

        return ase_files.read(file)

    def writes(self, files: Sequence[Path]) -> bool:
        """Whether ASE writes a file of such a name."""
        from cuds.codecs import ase_files

        return len(files) == 1 and ase_files.format_of(files[0], written=True) is not None

    def _write(self, data: DataSet, file: Path, **given: Any) -> list[Carried]:
        from cuds.codecs import ase_files

        return ase_files.write(data, file)


class MeshioMesh(Single):
    """A mesh, as meshio reads and writes it."""

    name, rank, holds, warns, takes = "meshio", 2, (Mesh,), True, ("length",)

    def _reads(self, file: Path) -> bool:
        return _of_a_mesh(file)

    def _read(self, file: Path, **given: Any) -> DataSet:
        from cuds.codecs import meshio_files

        return meshio_files.read(file, given.get("length"))

    def writes(self, files: Sequence[Path]) -> bool:
        """Whether meshio writes a file of such a name, and only one."""
        from cuds.codecs import meshio_files

        return len(files) == 1 and files[0].suffix.lower() in meshio_files.WRITTEN

    def _write(self, data: DataSet, file: Path, **given: Any) -> list[Carried]:
        from cuds.codecs import meshio_files

        return meshio_files.write(data, file, given.get("length"))


def _of_a_mesh(file: Path) -> bool:
    """Whether meshio claims the extension of a file."""
    from cuds.codecs import meshio_files

    return file.suffix.lower() in meshio_files.extensions()
