"""``cuds export``: a data set for archives and other programs."""

from pathlib import Path
from typing import Annotated

import typer

from cuds.cli.reading import data_set
from cuds.codecs import ro_crate


def export(
    place: Annotated[Path, typer.Argument(help="A data set, or a library.")],
    crate: Annotated[Path, typer.Option("--ro-crate", help="A new folder, which becomes an RO-Crate 1.1.")],
    name: Annotated[str, typer.Option(help="Of the data set, where the place is a library.")] = "",
) -> None:
    """Write a data set with what it means, what engines were told, and who computed what, as an RO-Crate."""
    print(ro_crate.write(data_set(place, name), crate))
