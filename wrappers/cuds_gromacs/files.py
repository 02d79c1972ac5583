"""What users of GROMACS have: a structure, a topology and run parameters, read together."""

import warnings
from collections.abc import Sequence
from pathlib import Path

from cuds.codecs.translation import Carried
from cuds.errors import InvalidError
from cuds.model.dataset import DataSet
from cuds.semantics.dictionary import engine_words
from cuds_gromacs.codecs.settings import Settings, read_mdp
from cuds_gromacs.codecs.structure import read_gro
from cuds_gromacs.codecs.structure_g96 import read_g96
from cuds_gromacs.codecs.topology import read_topology
from cuds_gromacs.system import system

_STRUCTURES = (".gro", ".g96")


class GromacsFiles:
    """``conf.gro topol.top run.mdp``: a system with its potential."""

    name = "gromacs"
    extensions = (".top", ".mdp", *_STRUCTURES)

    def recognises(self, files: Sequence[Path]) -> bool:
        """Whether files are those of GROMACS: a topology is among them, or run parameters."""
        suffixes = [f.suffix.lower() for f in files]
        return {".top", ".mdp"} & set(suffixes) != set() and all(s in self.extensions for s in suffixes)

    def read(self, files: Sequence[Path]) -> DataSet:
        """Return the system and its potential.

        Raises
        ------
        InvalidError
            When one of the three is missing, or there are two of a kind.
        UnsupportedError
            For what the model cannot say, with file, line and count.
        """
        topology = self._one(files, (".top",), "a topology", "topol.top")
        structure = self._one(files, _STRUCTURES, "a structure", "conf.gro")
        parameters = self._one(files, (".mdp",), "run parameters", "run.mdp")
        settings: Settings = read_mdp(parameters)
        read = read_g96 if structure.suffix.lower() == ".g96" else read_gro
        folders = [parameters.parent / folder for folder in settings.folders]
        file, atoms = read_topology(topology, defines=settings.defines, folders=folders), read(structure)
        if atoms.more:
            warnings.warn(f"{structure}: it has several frames; the first is read", stacklevel=4)
        return DataSet(*system(file, atoms, settings, engine_words("gromacs")), label=file.title)

    def writes(self, files: Sequence[Path]) -> bool:
        """Whether these are a structure, a topology and run parameters."""
        return sorted(f.suffix.lower() for f in files) == [".gro", ".mdp", ".top"]

    def write(self, data: DataSet, files: Sequence[Path]) -> list[Carried]:
        """Write the three files of a system with its potential, and return what became of each part.

        Raises
        ------
        UnsupportedError
            For what GROMACS cannot express, by name; then nothing is written.
        """
        from cuds_gromacs.output import write_files

        conf, mdp, top = sorted(files, key=lambda f: f.suffix.lower())
        return write_files(data, conf, top, mdp)

    def _one(self, files: Sequence[Path], suffixes: tuple[str, ...], what: str, like: str) -> Path:
        found = [f for f in files if f.suffix.lower() in suffixes]
        if len(found) == 1:
            return found[0]
        raise InvalidError(
            f"{what}: {', '.join(str(f) for f in found) or 'none'}",
            hint=f"give one of each: conf.gro topol.top run.mdp; {like} is "
            + ("given twice" if found else "missing, and no default stands in for it")
            + " (on the command line also as --settings run.mdp)" * (like == "run.mdp"),
            field=like,
        )
