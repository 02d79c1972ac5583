"""What users of LAMMPS have: a script, and the data file that it reads."""

from collections.abc import Sequence
from pathlib import Path

from cuds.codecs.translation import Carried
from cuds.errors import UnsupportedError
from cuds.model.dataset import DataSet

_SCRIPTS, _DATA = ("in", "lmp", "lammps"), ("data",)


class LammpsFiles:
    """``x.data x.in``: a system with its potential."""

    name = "lammps"

    def recognises(self, files: Sequence[Path]) -> bool:
        """Whether a script of LAMMPS is among the files, by their names."""
        return "script" in map(_kind, files) and all(map(_kind, files))

    def read(self, files: Sequence[Path]) -> DataSet:
        """Refuse: what a script sets up is not read yet."""
        raise UnsupportedError(
            f"{', '.join(map(str, files))}: scripts of LAMMPS are written, not read",
            hint="read the files that the script was made from",
            field="path",
        )

    def writes(self, files: Sequence[Path]) -> bool:
        """Whether these are a data file and a script, by the beginnings or ends of their names."""
        return len(files) == 2 and sorted(map(_kind, files)) == ["data", "script"]

    def write(self, data: DataSet, files: Sequence[Path]) -> list[Carried]:
        """Write a data file and a script of a system with its potential, and return what became of each part.

        Raises
        ------
        UnsupportedError
            For what LAMMPS cannot express, by name; then nothing is written.
        """
        from cuds_lammps.output import write_files

        file, script = sorted(files, key=_kind)
        return write_files(data, file, script, {})


def _kind(file: Path) -> str:
    ends = {file.name.lower().partition(".")[0], file.name.lower().rpartition(".")[2]}
    return "data" if ends & set(_DATA) else "script" if ends & set(_SCRIPTS) else ""
