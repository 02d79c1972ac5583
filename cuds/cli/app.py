"""The commands, put together."""

import json
import sys
from typing import Annotated, Any

import typer

from cuds import __version__
from cuds.cli import (
    cite,
    convert,
    doctor,
    energy,
    export,
    keys,
    potentials,
    rerun,
    results,
    run_file,
    serve,
    show,
    validate,
    verify,
)
from cuds.errors import CudsError, UnsupportedError

app = typer.Typer(
    name="cuds",
    help="One language for simulation engines.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("doctor")(doctor.doctor)
app.command("potentials")(potentials.potentials)
app.command("cache")(results.results)
app.command("energy")(energy.energy)
app.command("compare")(energy.compare)
app.command("convert")(convert.convert)
app.command("run")(run_file.run_file)
app.command("cite")(cite.cite)
app.command("export")(export.export)
app.command("rerun")(rerun.rerun)
app.command("show")(show.show)
app.command("validate")(validate.validate)
app.command("verify")(verify.verify)
app.command("serve")(serve.serve)
app.add_typer(keys.app)


@app.callback(invoke_without_command=True)
def version(
    version: Annotated[bool, typer.Option("--version", help="Say which version this is.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --version: as JSON.")] = False,
) -> None:
    """One language for simulation engines."""
    if version:
        print(json.dumps({"cuds": __version__}) if as_json else f"cuds {__version__}")
        raise typer.Exit


def run() -> None:
    """Run the command that the arguments name; exit with 2 where something cannot be expressed, with 1 otherwise."""
    try:
        app()
    except CudsError as error:
        if "--json" in sys.argv:
            print(json.dumps({"error": problem(error)}))
        else:
            print(f"cuds: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UnsupportedError) else 1)


def problem(error: CudsError) -> dict[str, Any]:
    """Return an error for programs."""
    fields = {n: v if isinstance(v, str | int | float | bool) else repr(v) for n, v in error.fields.items()}
    return {"kind": error.slug, "message": error.message, "hint": error.hint, **fields}
