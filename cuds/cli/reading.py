"""Files as they are given on the command line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from cuds.codecs import read
from cuds.model.dataset import DataSet

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
