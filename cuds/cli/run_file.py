"""``cuds run``: run the simulation that a data set holds, or a wiring that was saved in a folder."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cuds.codecs import read
from cuds.errors import FormatError, InvalidError
from cuds.execution import run
from cuds.model.dataset import DataSet
from cuds.model.simulation import Simulation
from cuds.view import progress_bar, report


def run_file(
    job: Annotated[
        Path, typer.Argument(help="A data set with one simulation (DataSet.save), or a folder of Wiring.save.")
    ],
    engine: Annotated[
        str | None, typer.Option(help="Which engine runs it; the only one that can when not given.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where the result goes; beside the job when not given.")
    ] = None,
    keep: Annotated[Path | None, typer.Option(help="A new folder in which the engine's files stay.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="A word of the engine's own, as name=value; not portable.")
    ] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds of silence after which the engine is stopped.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Compute nothing: print what would be told.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Compute anew what is kept.")] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Of a wiring: how many nodes run at the same time.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Report as JSON.")] = False,
) -> None:
    """Run a simulation or a wiring, and save what it gives. A wiring that was stopped goes on."""
    if job.is_dir():
        own = {"--engine": engine, "--option": option, "--timeout": timeout, "--output": output}
        _run_wiring(job, [name for name, value in own.items() if value], keep, dry_run, fresh, jobs, as_json)
        return
    if jobs > 1:
        raise InvalidError("jobs: a simulation is one", hint="only nodes of a wiring run at the same time")
    simulation = read(job)[Simulation]
    target = output or job.with_name(f"{job.stem}-result.h5md")
    how: dict[str, Any] = {"options": own_words(option or []), "keep": keep, "timeout": timeout}
    with progress_bar() as bar:
        result = run(simulation, engine=engine, progress=bar, fresh=fresh, dry_run=dry_run, **how)
    if not dry_run:
        _say(result, result.save(target), as_json)


def _run_wiring(
    folder: Path, own: list[str], keep: Path | None, dry_run: bool, fresh: bool, jobs: int, as_json: bool
) -> None:
    from cuds.coupling import Wiring

    if own:
        raise InvalidError(f"{own[0]}: the nodes of a wiring say it themselves", hint="leave it out", field=own[0])
    wiring, results = Wiring.load(folder), folder / "results"
    with progress_bar() as bar:
        result = wiring.run(
            folder=results, executor=jobs if jobs > 1 else None, fresh=fresh, dry_run=dry_run, keep=keep, progress=bar
        )
    if not dry_run:
        _say(result, results, as_json)


def _say(result: DataSet, saved: Path, as_json: bool) -> None:
    if as_json:
        entities = [{"id": e.id, "class": type(e).__name__, "label": e.label, "sha256": e.digest} for e in result]
        print(json.dumps({"saved": str(saved), "entities": entities}))
    else:
        print(report(result))
        print(f"saved: {saved}")


def own_words(given: list[str]) -> dict[str, Any]:
    """Return an engine's own words, given as name=value."""
    pairs = [g.partition("=") for g in given]
    for name, equals, _ in pairs:
        if not equals:
            raise FormatError(f"option: {name!r} has no value", hint="write --option name=value", field="option")
    return {name: value for name, _, value in pairs}
