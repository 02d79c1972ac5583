"""``cuds convert``: files of one engine to files of another, exactly or not at all."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cuds.cli.reading import Length, Scale, Settings, read_as_given
from cuds.codecs import together, translate, writes
from cuds.errors import InvalidError

Files = Annotated[
    list[Path], typer.Argument(help="What to read and then what to write: conf.gro topol.top run.mdp x.data x.in")
]


def convert(
    files: Files,
    settings: Settings = None,
    scale: Scale = None,
    length: Length = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say a system in the files of another engine, and print what became of each part of it.

    What the other cannot express is refused by name with exit code 2, and nothing is written.
    """
    given, wanted = _split(files)
    there = [str(f) for f in wanted if f.exists()]
    if there and not force:
        raise InvalidError(f"{', '.join(there)}: there already", hint="name other files, or give --force", field="path")
    fates = translate(read_as_given(given, settings, scale, length), wanted)
    written = [str(f) for f in wanted]
    if as_json:
        print(json.dumps({"written": written, "parts": [vars(f) for f in fates]}))
        return
    table = Table("what", "", "how")
    for fate in fates:
        table.add_row(fate.what, fate.fate, fate.said)
    console = Console()
    console.print(table)
    console.print(f"written: {' '.join(written)}")


def _split(files: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Return what is read and what is written: where the first belong together, and so do the last."""
    cuts = [k for k in range(1, len(files)) if writes(files[k:])]
    there = [k for k in cuts if all(f.is_file() for f in files[:k]) and (k == 1 or together(files[:k]))]
    fitting = there or (cuts if len(cuts) == 1 else [])  # what is missing is said when it is read
    if len(fitting) == 1:
        return list(files[: fitting[0]]), list(files[fitting[0] :])
    raise InvalidError(
        f"files: {' '.join(map(str, files))}: which of them are to be "
        + ("written can be seen in several ways" if there else "read, and which written?"),
        hint="first those that belong together to read, then those to write: conf.gro topol.top run.mdp x.data x.in",
        field="files",
    )
