"""``cuds keys``: who may ask a service."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from cuds.errors import UnknownError
from cuds.view import table

app = typer.Typer(name="keys", help="Who may ask the service of a library.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="A library.")]


@app.command()
def add(
    folder: Folder,
    name: Annotated[str, typer.Argument(help="Whose it is: what its writes are signed with.")],
    scope: Annotated[list[str] | None, typer.Option(help="read, write or admin; read when none is given.")] = None,
    days: Annotated[float, typer.Option(min=0, help="After how many days it ends; 0 for never.")] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Make a key and print it: it is not to be had again."""
    from cuds.service.identity import Keys

    until = datetime.now(UTC) + timedelta(days=days) if days else None
    secret = Keys(_of(folder)).add(name, scope or ("read",), expires=until)
    print(json.dumps({"name": name, "key": secret}) if as_json else secret)


@app.command("list")
def listed(folder: Folder, as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """List keys: names, scopes, and when they end, not the keys themselves."""
    from cuds.service.identity import Keys

    found = Keys(_of(folder)).all()
    if as_json:
        rows = [{"name": k.name, "scopes": k.scopes, "made": k.made, "expires": k.expires} for k in found]
        print(json.dumps(rows))
    elif found:
        shown = [(k.name, " ".join(k.scopes), k.made[:16], k.expires[:16] or "never") for k in found]
        print(table(shown, columns=("name", "scopes", "made, UTC", "ends, UTC")))
    else:
        print("no keys: the first start of cuds serve makes one")


@app.command()
def remove(folder: Folder, name: Annotated[str, typer.Argument(help="Whose it is.")]) -> None:
    """Take a key away; a service that runs refuses it from now on."""
    from cuds.service.identity import Keys

    Keys(_of(folder)).remove(name)


def _of(folder: Path) -> Path:
    if not (folder / "library.json").is_file():
        raise UnknownError(f"{folder} is no library", hint="cuds serve FOLDER makes one", field="folder")
    return folder / "service"
