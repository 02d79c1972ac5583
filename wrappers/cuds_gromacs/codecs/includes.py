"""Where included files are looked for, and where they may lie."""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from cuds.errors import did_you_mean
from cuds_gromacs.codecs.lines import Line

_USUAL = Path("/usr/share/gromacs/top")


def library_folders() -> tuple[Path, ...]:
    """Return the folders of GROMACS's own topology files that exist.

    They are those of ``GMXLIB``, then ``share/gromacs/top`` beside the programs ``gmx`` and ``gmx_d`` on the PATH, then
    ``/usr/share/gromacs/top``.
    """
    found = [Path(p) for p in os.environ.get("GMXLIB", "").split(os.pathsep) if p]
    programs = [Path(p).resolve() for name in ("gmx", "gmx_d") if (p := shutil.which(name)) is not None]
    found += [program.parent.parent / "share" / "gromacs" / "top" for program in programs]
    return tuple(folder for folder in dict.fromkeys([*found, _USUAL]) if folder.is_dir())


class IncludePath:
    """The folders in which included files are looked for.

    Parameters
    ----------
    main : path
        The file that is read; its folder comes after that of the file with the ``#include``.
    folders : sequence of path
        More folders, as ``-I`` gives them to GROMACS; its own come last.
    """

    def __init__(self, main: Path, folders: Sequence[Path]) -> None:
        self.folders = (main.parent, *folders, *library_folders())
        self._allowed = tuple(folder.resolve() for folder in self.folders)

    def find(self, name: str, line: Line) -> Path:
        """Return the file that an ``#include`` means.

        Raises
        ------
        FormatError
            When there is none, or when it lies outside the folders.
        """
        searched = tuple(dict.fromkeys((line.file.parent, *self.folders)))
        file = next((folder / name for folder in searched if os.path.isfile(folder / name)), None)
        if file is None:
            near = sorted(set(_near(name, searched)))
            raise line.error(
                f"#include: there is no file {name!r}",
                hint=f"{did_you_mean(name, near[:200])}; looked in {', '.join(map(str, searched))}",
                include=name,
            )
        if not any(file.resolve().is_relative_to(folder) for folder in self._allowed):
            raise line.error(
                f"#include: {name!r} lies outside the folders that may be read: {file.resolve()}",
                hint=f"name its folder in folders; those now are {', '.join(map(str, self.folders))}",
                include=name,
            )
        return file


def _near(name: str, folders: Sequence[Path]) -> Iterator[str]:
    """Yield what could be meant: files of the same folder, and of the same name in other folders."""
    wanted = Path(name)
    for folder in folders:
        if (folder / wanted.parent).is_dir():
            there = (folder / wanted.parent).iterdir()
            yield from (str(wanted.parent / p.name) for p in there if p.suffix in (".itp", ".top"))
        if folder.is_dir():
            yield from (f"{p.name}/{wanted.name}" for p in folder.iterdir() if os.path.isfile(p / wanted.name))
