"""``cuds cite``: what to cite for a data set."""

import json
from pathlib import Path
from typing import Annotated

import typer

from cuds.cli.reading import data_set
from cuds.view.citations import citations


def cite(
    place: Annotated[Path, typer.Argument(help="A data set, or a library.")],
    name: Annotated[str, typer.Option(help="Of the data set, where the place is a library.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Print what to cite: the engines that computed it, the potentials that it rests on."""
    found = citations(data_set(place, name))
    print(json.dumps(found) if as_json else "\n".join(found))
