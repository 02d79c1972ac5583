"""Wirings as folders: ``wiring.json`` says what is run and how it hangs together, ``inputs.h5md`` holds what was given.

It names kinds of simulation, properties, engines and ports, and nothing that Python could import or a shell could run.
Everything is checked when it is read. ``wiring.json`` is written last, and by one rename: whoever reads it finds the
old wiring or the new one, each with its own inputs.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cuds import model
from cuds.codecs import hdf5
from cuds.codecs.whole import replacing
from cuds.coupling.diagram import Diagram
from cuds.coupling.given import Given, decoded, encoded
from cuds.coupling.node import Derive, Node
from cuds.errors import CudsError, FormatError, InvalidError, UnknownError, did_you_mean
from cuds.execution.session import Laboratory
from cuds.model.dataset import DataSet
from cuds.model.entity import Entity
from cuds.model.plain import as_plain
from cuds.model.simulation import Simulation
from cuds.recipes.recipe import Recipe
from cuds.registry import plugins

D = TypeVar("D", bound=Diagram)
VERSION = 1
WIRING = "wiring.json"
_INPUTS = ("inputs.h5md", "inputs-2.h5md")  # by turns, so that the old ones last until the new wiring is there
_CHANGED = "take a wiring as Wiring.save wrote it"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Node(_Strict):
    simulation: str | None = None
    derive: str | None = None
    recipe: str = ""
    engine: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    timeout: float | None = None
    isolation: Literal["worker", "none"] | None = None
    ranks: int = 1
    given: dict[str, Any] = Field(default_factory=dict)
    seed: Annotated[int, Field(gt=0, lt=2**31)] | None = None


class _Connection(_Strict):
    source: str
    output: str
    target: str
    input: str


class _Wiring(_Strict):
    format: Literal["cuds wiring"]
    version: Annotated[int, Field(ge=1)]
    written_by: str = ""
    name: str
    inputs: str | None
    nodes: dict[str, _Node]
    connections: list[_Connection]


def write(wiring: Diagram, folder: Path) -> Path:
    """Write a wiring to a folder; see `Wiring.save`."""
    from cuds import __version__

    given = Given()
    nodes = {name: _saved(node, given) for name, node in wiring.nodes.items()}
    new = not folder.exists()
    inputs = _free(folder) if given.entities else None
    content = _Wiring(
        format="cuds wiring",
        version=VERSION,
        written_by=f"cuds {__version__}",
        name=wiring.name,
        inputs=inputs,
        nodes=nodes,
        connections=[
            _Connection(source=c.source.name, output=c.output.name, target=c.target.name, input=c.input.name)
            for c in wiring.connections
        ],
    )
    text = json.dumps(content.model_dump(exclude_defaults=True), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if inputs is not None:
            hdf5.write(DataSet(*given.entities.values(), label=wiring.name), folder / inputs)
        with replacing(folder / WIRING) as partial:
            partial.write_text(text, encoding="utf-8")
    except BaseException:
        if inputs is not None:
            (folder / inputs).unlink(missing_ok=True)
        if new:
            folder.rmdir()
        raise
    for old in {*_INPUTS} - {inputs}:
        (folder / old).unlink(missing_ok=True)
    return folder


def _saved(node: Node, given: Given) -> _Node:
    laboratory, what = node.laboratory, node.what
    try:
        return _Node(
            simulation=None if issubclass(what, Recipe) else what.__name__,
            derive=what.gives.__name__ if issubclass(what, Recipe) else None,
            recipe=next((name for name, recipe in _recipes().items() if recipe is what), ""),
            engine=laboratory.engine,
            options=as_plain(dict(laboratory.options), "options"),
            timeout=laboratory.timeout,
            isolation=laboratory.isolation,
            ranks=laboratory.ranks,
            given={name: encoded(value, name, given) for name, value in node.given.items()},
            seed=node.seed,
        )
    except CudsError as error:
        raise error.within(node.name) from None


def _free(folder: Path) -> str:
    """Return the name for new inputs: not that of inputs which a wiring in the folder needs."""
    there = {p.name for p in folder.iterdir()} if folder.is_dir() else set()
    if there and WIRING not in there and there - {*_INPUTS}:
        raise InvalidError(
            f"folder: {folder} holds something else: {', '.join(sorted(there)[:3])}",
            hint="name a new folder, or one in which a wiring was saved",
            field="folder",
        )
    if WIRING not in there:
        return _INPUTS[0]
    try:
        taken = _parsed(folder).inputs
    except FormatError:  # it needs none that can be read
        taken = None
    return next(name for name in _INPUTS if name != taken)


def read(folder: Path, make: type[D]) -> D:
    """Return the wiring in a folder; see `Wiring.load`."""
    if not (folder / WIRING).is_file():
        near = [p.parent.name for p in folder.parent.glob(f"*/{WIRING}")] if folder.parent.is_dir() else []
        raise UnknownError(
            f"there is no wiring in {str(folder)!r}: it has no {WIRING}",
            hint=did_you_mean(folder.name, near),
            field="folder",
        )
    content = _parsed(folder)
    try:
        return _built(content, _entities(folder, content.inputs), make)
    except CudsError as error:
        raise error.within(str(folder / WIRING)) from error


def _parsed(folder: Path) -> _Wiring:
    path = _inside(folder, WIRING)
    try:
        said = json.loads(path.read_bytes(), parse_constant=_no_number)
        newer = said.get("version") if isinstance(said, dict) else None
        if isinstance(newer, int) and newer > VERSION:
            by = str(said.get("written_by"))[:80]
            raise FormatError(
                f"{path}: written in version {newer} by {by}; this cuds reads {VERSION}", hint="install a newer cuds"
            )
        return _Wiring.model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(p) for p in first["loc"]) or "all of it"
        raise FormatError(f"{path}: {where}: {first['msg']}", hint=_CHANGED, field=where) from None
    except (ValueError, RecursionError, OSError) as error:
        if isinstance(error, CudsError):
            raise
        raise FormatError(f"{path}: no JSON: {error}", hint=_CHANGED, field="path") from None


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _inside(folder: Path, name: str) -> Path:
    """Return a file of the folder; refuse what leads out of it, by its name or by a link."""
    path = folder / name
    if Path(name).name != name or path.resolve().parent != folder.resolve():
        raise FormatError(f"{name!r} leads out of the folder {folder}", hint=_CHANGED, field="path")
    return path


def _entities(folder: Path, name: str | None) -> dict[str, Entity]:
    if name is None:
        return {}
    path = _inside(folder, name)
    if not path.is_file():
        raise FormatError(f"inputs: there is no file {name!r}", hint="copy the whole folder", field="inputs")
    return {e.id: e for e in hdf5.read(path)}


def _built(content: _Wiring, entities: dict[str, Entity], make: type[D]) -> D:
    wiring = make(content.name)
    asked: set[str] = set()
    for name, node in content.nodes.items():
        try:
            given = {n: decoded(v, n, entities, asked) for n, v in node.given.items()}
            laboratory = Laboratory(
                node.engine, node.options, timeout=node.timeout, isolation=node.isolation, ranks=node.ranks
            )
            wiring.put(name, _what(node), laboratory, given, node.seed)
            _refuse_outside(wiring.nodes[name])
        except CudsError as error:
            raise (error if error.message.startswith(f"{name}: ") else error.within(name)) from error
    if left := entities.keys() - asked:
        raise FormatError(f"inputs: nobody asks for {', '.join(sorted(left))}", hint=_CHANGED, field="inputs")
    for c in content.connections:
        if not (c.output and c.input):
            raise FormatError(
                f"connections: {c.source} -> {c.target} names no port", hint=_CHANGED, field="connections"
            )
        wiring.connect(c.source, c.target, output=c.output, input=c.input)
    return wiring


def _what(node: _Node) -> Any:
    """Return what a node runs: a kind of simulation, or the recipe for a property, by its name."""
    if (node.simulation is None) == (node.derive is None):
        raise FormatError("it must say simulation or derive", hint=_CHANGED)
    if node.simulation is not None:
        kinds = {n: c for n, c in model.classes().items() if issubclass(c, Simulation) and c is not Simulation}
        return _named(node.simulation, kinds, "kind of simulation")
    gives = {r.gives.__name__: r.gives for r in _recipes().values()}
    return Derive(_named(str(node.derive), gives, "property with a recipe"), node.recipe)


def _recipes() -> dict[str, type[Recipe]]:
    return plugins("cuds.recipes").working()


def _named(name: str, known: dict[str, Any], what: str) -> Any:
    if name not in known:
        raise UnknownError(f"there is no {what} {name!r}", hint=did_you_mean(name, known), name=name)
    return known[name]


def _refuse_outside(node: Node) -> None:
    """Refuse options with which an engine would call a program or read a file of this machine."""
    if node.engine:
        wrapper = node.wrapper()(Path(), options=node.laboratory.options)
        if outside := wrapper.outside():
            raise FormatError(
                f"options: {outside}; a wiring from a file may not ask for it",
                hint="add the node yourself: Wiring.add(..., options=...)",
                field="options",
            )
