"""``cuds doctor``: what works here, what does not, and what to do about it."""

import json
import platform
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cuds import __version__
from cuds.errors import CudsError
from cuds.registry import GROUPS, plugins
from cuds.semantics.dictionary import dictionary
from cuds.wrapper.discover import wrapper
from cuds.wrapper.process import probe

_LIBRARIES = ("numpy", "pydantic", "rdflib", "owlready2", "pyoxigraph", "ase", "meshio", "fastapi", "h5py", "pint")


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for an engine.")] = 60.0,
) -> None:
    """Open a real instance of every engine, draw a picture, and say what is missing."""
    engines = [_engine(name, timeout) for name in sorted({*plugins("cuds.wrappers").names(), *dictionary()["engines"]})]
    engines.append(_picture())
    broken = [{"group": g, "name": n, "says": why} for g in GROUPS for n, why in _broken(g).items()]
    if as_json:
        print(
            json.dumps(
                {"cuds": __version__, "python": platform.python_version(), "checks": engines, "broken plug-ins": broken}
            )
        )
    else:
        _draw(engines, broken)
    if broken or not all(e["works"] for e in engines):
        raise typer.Exit(1)


def _broken(group: str) -> dict[str, str]:
    found = plugins(group)
    for name in found.names():
        try:
            found.load(name)
        except CudsError as error:
            found.broken.setdefault(name, error.message)
    return found.broken


def _engine(name: str, timeout: float) -> dict[str, Any]:
    install = dictionary()["engines"].get(name, {}).get("install", "")
    try:
        with tempfile.TemporaryDirectory(prefix="cuds-doctor-") as folder:
            found = probe(wrapper(name), Path(folder), timeout)
    except CudsError as error:
        return {
            "name": name,
            "works": False,
            "version": "",
            "says": error.message.splitlines()[0],
            "do": install or error.hint,
        }
    can = ", ".join(c.simulation for c in found.capabilities)
    missing = found.details.get("missing styles")
    return {
        "name": name,
        "works": True,
        "version": found.version,
        "says": f"runs {can}" + (f"; lacks {', '.join(missing)}" if missing else ""),
        "do": "",
        "licence": found.licence,
    }


def _picture() -> dict[str, Any]:
    from cuds.view.picture import check_drawing

    try:
        says = check_drawing()
    except CudsError as error:
        return {
            "name": "pictures",
            "works": False,
            "version": "",
            "says": error.message.splitlines()[0],
            "do": error.hint,
        }
    return {"name": "pictures", "works": True, "version": version("pyvista"), "says": says, "do": ""}


def _draw(engines: list[dict[str, Any]], broken: list[dict[str, str]]) -> None:
    console = Console()
    console.print(f"cuds {__version__}, Python {platform.python_version()}")
    console.print(", ".join(f"{n} {_version(n)}" for n in _LIBRARIES))
    table = Table("", "", "version", "says", "to do")
    for e in engines:
        mark = "[green]works[/]" if e["works"] else "[red]missing[/]"
        table.add_row(e["name"], mark, e["version"], e["says"], e["do"])
    console.print(table)
    for b in broken:
        console.print(f"[red]broken plug-in {b['name']} ({b['group']}): {b['says']}[/]")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
