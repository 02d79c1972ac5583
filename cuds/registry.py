"""What is found at run time: the ontology's folder, optional libraries, plug-ins, services of higher rooms.

Entry-point groups, used by ours and by strangers alike::

    [project.entry-points."cuds.wrappers"]     # an engine
    myengine = "my_package:MyWrapper"          # a subclass of cuds.wrapper.contract.Wrapper
    [project.entry-points."cuds.codecs"]       # a file format
    [project.entry-points."cuds.ontologies"]   # Turtle that a package ships
    [project.entry-points."cuds.recipes"]      # a way to derive a property

Entry points are collected at the first need and loaded on use. A plug-in that fails to import is one
warning; the others work.
"""

import importlib
import json
import os
import warnings
from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from cuds.errors import AmbiguousError, NotInstalledError, UnknownError, did_you_mean

# What a model class offers from a higher room, by name; loaded when first used.
_SERVICES = {
    "particles.from_ase": "cuds.codecs.ase_atoms:from_ase",
    "particles.to_ase": "cuds.codecs.ase_atoms:to_ase",
    "mesh.from_meshio": "cuds.codecs.meshio_mesh:from_meshio",
    "mesh.to_meshio": "cuds.codecs.meshio_mesh:to_meshio",
    "trajectory.to_mdanalysis": "cuds.codecs.universe:universe",
    "series.plot": "cuds.view.chart:plot",
    "equation.plot": "cuds.view.chart:plot_equation",
    "dataset.graph": "cuds.semantics.lift:graph",
    "dataset.query": "cuds.semantics.lift:query",
    "dataset.serialise": "cuds.codecs.rdf:text",
    "dataset.save": "cuds.codecs.hdf5:write",
    "dataset.write": "cuds.codecs:write",
    "shown.html": "cuds.view.card:html",
    "shown.rich": "cuds.view.card:rich",
}

GROUPS = ("cuds.wrappers", "cuds.codecs", "cuds.ontologies", "cuds.recipes")


@cache
def service(name: str) -> Callable[..., Any]:
    """Return the callable that a higher room offers under `name`."""
    module, _, attribute = _SERVICES[name].partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return found


@cache
def ontology_folder() -> Path:
    """Return the folder of the ontology: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "_ontology"
    return installed if installed.is_dir() else package.parent / "ontology"


@cache
def generated(name: str) -> Any:
    """Return the content of a JSON file that `scripts/generate` made from the ontology."""
    return json.loads((ontology_folder() / "generated" / name).read_text(encoding="utf-8"))


def require(module: str, extra: str) -> ModuleType:
    """Import an optional library, or say which extra brings it.

    Raises
    ------
    NotInstalledError
        When the library, or something it needs, is missing.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise NotInstalledError(
            f"the library {module!r} cannot be imported: {error}",
            hint=f'pip install "cuds[{extra}]"',
            module=module,
            extra=extra,
        ) from error


class Plugins:
    """The plug-ins of one entry-point group.

    Parameters
    ----------
    group : str
        One of `GROUPS`. The environment variable ``CUDS_PLUGINS`` restricts them to a comma-separated
        list of names (empty: none), but for the formats of cuds itself, which are always there.
    """

    def __init__(self, group: str) -> None:
        self.group = group
        self.broken: dict[str, str] = {}
        self._loaded: dict[str, Any] = {}
        self._entries: dict[str, list[EntryPoint]] | None = None

    @property
    def entries(self) -> dict[str, list[EntryPoint]]:
        """Entry points by name; more than one under a name is a conflict."""
        if self._entries is None:
            allowed = os.environ.get("CUDS_PLUGINS")
            names = None if allowed is None else {n.strip() for n in allowed.split(",")}
            found: dict[str, list[EntryPoint]] = {}
            for entry in dict.fromkeys(entry_points(group=self.group)):
                ours = self.group == "cuds.codecs" and entry.module.startswith("cuds.")
                if names is None or ours or entry.name in names:
                    found.setdefault(entry.name, []).append(entry)
            self._entries = found  # whole, since another thread may look
        return self._entries

    def names(self) -> list[str]:
        """Return the names under which plug-ins are registered, broken ones included."""
        return sorted(self.entries)

    def load(self, name: str) -> Any:
        """Return the plug-in `name`.

        Raises
        ------
        UnknownError
            When nothing bears the name.
        AmbiguousError
            When two distributions claim it.
        NotInstalledError
            When it fails to import.
        """
        if name in self._loaded:
            return self._loaded[name]
        found = self.entries.get(name)
        what = self.group.removeprefix("cuds.").rstrip("s")
        if not found:
            raise UnknownError(f"no {what} is called {name!r}", hint=did_you_mean(name, self.names()), name=name)
        if len(found) > 1:
            owners = ", ".join(sorted(f"{e.value} of {e.dist.name if e.dist else '?'}" for e in found))
            raise AmbiguousError(f"{what} {name!r} is offered twice: {owners}", hint="uninstall one of them", name=name)
        try:
            self._loaded[name] = found[0].load()
        except Exception as error:  # a stranger's module may raise anything
            self.broken[name] = f"{type(error).__name__}: {error}"
            raise NotInstalledError(
                f"the {what} {name!r} ({found[0].value}) does not import: {self.broken[name]}",
                hint="cuds doctor shows every plug-in; repair or uninstall this one",
                name=name,
            ) from error
        return self._loaded[name]

    def working(self) -> dict[str, Any]:
        """Return all plug-ins that load; a broken one is one warning."""
        good = {}
        for name in self.names():
            known_broken = name in self.broken
            try:
                good[name] = self.load(name)
            except (NotInstalledError, AmbiguousError) as error:
                if not known_broken:
                    self.broken.setdefault(name, error.message)
                    warnings.warn(error.message, stacklevel=2)
        return good


@cache
def plugins(group: str) -> Plugins:
    """Return the plug-ins of an entry-point group."""
    return Plugins(group)
