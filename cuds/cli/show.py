"""``cuds show``: what is in a file."""

import json
from pathlib import Path
from typing import Annotated

import typer

from cuds.codecs import read
from cuds.model.dataset import DataSet
from cuds.model.provenance import SimulationRun
from cuds.view.origins import origin_chart, origins
from cuds.view.text import report, table


def show(
    file: Annotated[Path, typer.Argument(help="Anything that cuds.read takes: a data set, a mesh, a structure.")],
    query: Annotated[str, typer.Option(help="A SPARQL query, or a file that holds one.")] = "",
    syntax: Annotated[
        str, typer.Option("--as", help="The graph instead: turtle, json-ld, n-triples, n-quads, trig or rdf-xml.")
    ] = "",
    transcript: Annotated[bool, typer.Option("--transcript", help="Exactly what each engine was told.")] = False,
    provenance: Annotated[bool, typer.Option("--provenance", help="What each thing was computed from.")] = False,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="With --provenance: as a chart for Mermaid.")] = False,
    length: Annotated[str | None, typer.Option(help="The unit of length, for files that carry none.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show what a file holds, where it came from, or the answer to a query."""
    data = read(file, length=length)
    if query:
        _answers(data, Path(query).read_text() if query.endswith(".rq") else query, as_json)
    elif syntax:
        print(data.serialise(syntax))
    elif provenance or mermaid:
        print(origin_chart(data) if mermaid else origins(data))
    elif transcript:
        for run in (e for e in data.closure() if isinstance(e, SimulationRun) and e.transcript):
            print(f"# {run.activity} by {run.engine} {run.version}\n{run.transcript}")
    elif as_json:
        print(
            json.dumps(
                [
                    {"id": e.id, "class": type(e).__name__, "label": e.label, "sha256": e.digest, "says": repr(e)}
                    for e in data
                ]
            )
        )
    else:
        print(report(data))


def _answers(data: DataSet, query: str, as_json: bool) -> None:
    rows = data.query(query)
    if as_json:
        print(json.dumps(rows, default=str))
    elif rows:
        print(table([tuple(str(v) for v in row.values()) for row in rows], columns=tuple(rows[0])))
    else:
        print("no answer")
