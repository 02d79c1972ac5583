"""``cuds verify``: whether a library is what was kept in it."""

import json
from pathlib import Path
from typing import Annotated

import typer

from cuds.errors import UnknownError
from cuds.store import Library


def verify(
    folder: Annotated[Path, typer.Argument(help="A library.")],
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make its index anew from the files first.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Read every number of every version, and say what is not as it was kept; exit with 1 when anything is."""
    if not (folder / "library.json").is_file():
        raise UnknownError(f"{folder} is no library", hint="name the folder given to cuds.Library", field="folder")
    library = Library(folder)
    if rebuild:
        library.rebuild()
    found = library.verify()
    if as_json:
        listed = [{"path": str(d.path), "says": d.says, "hint": d.hint} for d in found]
        print(json.dumps({"data sets": len(library), "damage": listed}))
    else:
        last = f"{len(library)} data sets, {f'{len(found)} damaged' if found else 'nothing damaged'}"
        print("\n".join([*map(str, found), last]))
    if found:
        raise typer.Exit(1)
