"""Files as they are given on the command line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from cuds.codecs import read
from cuds.errors import FormatError, InvalidError
from cuds.model.dataset import DataSet
from cuds.store import Library
from cuds.wrapper.potentials import potential

Settings = Annotated[
    Path | None, typer.Option(help="Where the settings stand, if not among the files: run.mdp, or a script of LAMMPS.")
]
Scale = Annotated[
    str | None, typer.Option(help='For units lj: "epsilon=0.0104 eV, sigma=3.4 angstrom, mass=39.948 Da".')
]
Length = Annotated[str | None, typer.Option(help="The unit of length, for files that carry none.")]


def read_as_given(files: Sequence[Path], settings: Path | None, scale: str | None, length: str | None) -> DataSet:
    """Return what files hold, with settings from another one."""
    both = [*files, *([settings] if settings is not None else [])]
    return read(*both, length=length, scale=scale)


def data_set(place: Path, name: str = "") -> DataSet:
    """Return a data set of a library by its name, or what a file holds."""
    if (place / "library.json").is_file():
        library = Library(place)
        if not name:
            known = ", ".join(v.name for v in library.list()) or "none"
            raise InvalidError(f"{place} is a library", hint=f"say which data set with --name: {known}", field="name")
        return library.get(name)
    if name:
        raise InvalidError(f"--name: {place} is no library", hint="leave it out", field="name")
    return read(place)


def inputs(place: Path) -> DataSet:
    """Return what a file holds, or the potential that it is or that engines know by this name."""
    if not place.exists():
        return DataSet(potential(place.name if place.name == str(place) else place))
    try:
        return read(place)
    except FormatError:
        return DataSet(potential(place))
