"""What users of LAMMPS have: a script, with its data file beside it."""

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from cuds.codecs.translation import Carried
from cuds.errors import InvalidError
from cuds.model.dataset import DataSet
from cuds.wrapper.process import Worker
from cuds_lammps.codecs.script import Statement

_NAMES = (".in", ".lmp", ".lammps", ".lmps", ".lmpin", ".inp")
_COMMAND = re.compile(r"^\s*(units|atom_style|pair_style|read_data|create_box|boundary|read_restart)\s", re.MULTILINE)
_DATA = re.compile(r"^\s*\d+\s+atoms\s*(#.*)?$.*?^\s*\d+\s+atom types", re.MULTILINE | re.DOTALL)
_LOOKED = 8192  # characters of a file's beginning
_PATIENCE, _SLOWEST = 120.0, 1e-5  # seconds without an answer, and for each byte beside the script


class LammpsFiles:
    """``in.script``: a system with its potential, as LAMMPS itself sets it up."""

    name = "lammps"
    takes = ("scale",)

    def recognises(self, files: Sequence[Path]) -> bool:
        """Whether files are a script of LAMMPS, or its data file: by name, and by how they begin."""
        return all(_script(f) or _data(f) for f in files)

    def read(self, files: Sequence[Path], scale: str | Mapping[str, str] | None = None) -> DataSet:
        """Return the system and its potential.

        Parameters
        ----------
        files : sequence of path
            A script; its data file may be named beside it.
        scale : str or mapping, optional
            What numbers of ``units lj`` are multiples of: ``"epsilon=0.0104 eV, sigma=3.4 angstrom, mass=39.948 Da"``.

        Raises
        ------
        InvalidError
            Without a script.
        UnsupportedError
            For a command that is not taken, or that the model cannot say, with file and line.
        EngineError
            Where LAMMPS refuses, ends or hangs.
        """
        from cuds_lammps.codecs.allowed import refuse_at_sight
        from cuds_lammps.codecs.set_up import Job, SetUpWrapper
        from cuds_lammps.proof import prove
        from cuds_lammps.reading import reading

        script = self._one([f for f in files if not _data(f)], files)
        refuse_at_sight(script)
        sizes = _sizes(scale)
        patience = _PATIENCE + _SLOWEST * sum(f.stat().st_size for f in script.parent.iterdir() if f.is_file())
        with tempfile.TemporaryDirectory(prefix="cuds-lammps-") as folder:
            worker = Worker(SetUpWrapper, Path(folder), timeout=patience)
            try:
                worker.call("open", Job(script.resolve(), scaled=sizes is not None))
                found = worker.call("call", "read")
                self._refuse_others([f for f in files if _data(f)], found.told, script)
                read = reading(found, script, sizes)
                prove(read, lambda method, *args: worker.call("call", method, *args), script)
            finally:
                worker.kill()
        return DataSet(read.system, read.potential, label=script.stem)

    def writes(self, files: Sequence[Path]) -> bool:
        """Whether these are a data file and a script, by the beginnings or ends of their names."""
        return len(files) == 2 and sorted(map(_named, files)) == ["data", "script"]

    def write(self, data: DataSet, files: Sequence[Path]) -> list[Carried]:
        """Write a data file and a script of a system with its potential, and return what became of each part.

        Raises
        ------
        UnsupportedError
            For what LAMMPS cannot express, by name; then nothing is written.
        """
        from cuds_lammps.output import write_files

        file, script = sorted(files, key=_named)
        return write_files(data, file, script, {})

    def _refuse_others(self, given: Sequence[Path], told: Sequence[Statement], script: Path) -> None:
        """Refuse a data file that the script does not read."""
        names = [s.words[1] for s in told if s.words[0] == "read_data"]
        for file in given:
            if not any((script.parent / n).samefile(file) for n in names):
                raise InvalidError(
                    f"{file}: {script} reads {', '.join(names) or 'no data file'}", hint="leave it out", field="path"
                )

    def _one(self, scripts: Sequence[Path], files: Sequence[Path]) -> Path:
        if len(scripts) == 1:
            return scripts[0]
        raise InvalidError(
            f"a script: {', '.join(map(str, scripts)) or 'none'}, for {', '.join(map(str, files))}",
            hint="a data file says neither units nor what acts by distance: give the script that reads it, or settings "
            "(--settings)",
            field="path",
        )


def _begins(file: Path) -> str:
    with file.open("rb") as opened:
        begun = opened.read(_LOOKED)
    return "" if b"\0" in begun else begun.decode("utf-8", errors="replace")  # what is no text is not looked through


def _named(file: Path) -> str:
    """Return what a file would be by its name."""
    name = file.name.lower()
    if name.startswith("data.") or file.suffix.lower() == ".data":
        return "data"
    return "script" if name.startswith("in.") or file.suffix.lower() in _NAMES else ""


def _script(file: Path) -> bool:
    return (
        _named(file) == "script" and not _data(file) and _COMMAND.search(file.read_text(errors="replace")) is not None
    )


def _data(file: Path) -> bool:
    return _DATA.search(_begins(file)) is not None


def _sizes(scale: str | Mapping[str, str] | None) -> dict[str, str] | None:
    """Return the sizes by name."""
    if scale is None or isinstance(scale, Mapping):
        return None if scale is None else dict(scale)
    parts = [p.partition("=") for p in scale.split(",")]
    if not all(name.strip() and equal and value.strip() for name, equal, value in parts):
        raise InvalidError(
            f"scale: {scale!r}",
            hint="write it like 'epsilon=0.0104 eV, sigma=3.4 angstrom, mass=39.948 Da'",
            field="scale",
        )
    return {name.strip(): value.strip() for name, _, value in parts}
