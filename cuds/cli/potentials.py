"""``cuds potentials``: which potential files are there, and for which elements."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cuds.wrapper.potentials import listing


def potentials(
    element: Annotated[str, typer.Argument(help="Only those for this element.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List the potential files that cuds finds and recognises."""
    found = listing(element)
    if as_json:
        print(json.dumps(found))
        return
    table = Table("name", "form", "elements", "units", "engines", "source")
    for f in found:
        table.add_row(
            f["name"], f["form"], " ".join(f["elements"]), f["units"], " ".join(f["engines"]), f["source"][:60]
        )
    console = Console()
    console.print(table)
    console.print(f"{len(found)} potential files" + (f" for {element}" if element else ""))
