"""``cuds rerun``: compute anew what a data set says how it was computed, and compare."""

import json
from pathlib import Path
from typing import Annotated

import typer

from cuds.cli.reading import data_set, inputs
from cuds.recipes.rerun import rerun as again


def rerun(
    place: Annotated[Path, typer.Argument(help="A data set, or a library.")],
    run: Annotated[str, typer.Argument(help="The id of a run, or of what came from it, or its beginning.")] = "",
    name: Annotated[str, typer.Option(help="Of the data set, where the place is a library.")] = "",
    more: Annotated[
        list[Path] | None, typer.Option("--with", help="What holds inputs: a data set, a potential.")
    ] = None,
    tolerance: Annotated[float, typer.Option(help="How far numbers may be apart, relative to the largest.")] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Compute anew, and say whether the numbers are the same; exit with 1 where they are not."""
    found = again(data_set(place, name), run, more=[inputs(p) for p in more or ()])
    if as_json:
        print(json.dumps([{"id": c.was.id, "same": c.same, "apart": c.apart} for c in found]))
    else:
        print("\n".join(map(str, found)))
    if any(not c.same and not c.apart <= tolerance for c in found):
        raise typer.Exit(1)
