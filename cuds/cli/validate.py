"""``cuds validate``: whether a file says all that it must, and its numbers are the ones that were stored."""

import json
from pathlib import Path
from typing import Annotated

import typer

from cuds.cli.reading import Length
from cuds.codecs import rdf, read
from cuds.errors import FormatError
from cuds.semantics.conformance import complaints


def validate(
    file: Annotated[Path, typer.Argument(help="Anything that cuds.read takes: a data set, its graph, a structure.")],
    length: Length = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Look through a file: its graph by the shapes of the ontology, its numbers by their digests.

    What is wrong is listed in plain words; then the exit code is 1.
    """
    found = _complaints(file, length)
    if as_json:
        print(json.dumps({"file": str(file), "conforms": not found, "complaints": found}))
    else:
        print("\n".join(found) or f"{file}: nothing is wrong with it")
    if found:
        raise typer.Exit(1)


def _complaints(file: Path, length: str | None) -> list[str]:
    """Return what the shapes have against a graph; of what they accept, what the model has against it."""
    if file.is_file() and file.suffix.lower() in rdf.SYNTAXES.values() and (said := complaints(rdf.graph(file))):
        return said
    try:
        data = read(file, length=length, verify=True)
    except FormatError as error:
        return [str(error)]
    return complaints(data.graph())
