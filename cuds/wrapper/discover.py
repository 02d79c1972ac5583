"""Which wrappers are there."""

import importlib.util
from pathlib import Path

from cuds.errors import FormatError
from cuds.registry import plugins
from cuds.wrapper.contract import Wrapper


def wrappers() -> dict[str, type[Wrapper]]:
    """Return the wrappers that load, by name; a broken one is one warning."""
    return {name: _checked(name, found) for name, found in plugins("cuds.wrappers").working().items()}


def wrapper(name: str) -> type[Wrapper]:
    """Return a wrapper by the name of its engine.

    Raises
    ------
    UnknownError, AmbiguousError, NotInstalledError
        When there is none, or two, or it does not import.
    """
    return _checked(name, plugins("cuds.wrappers").load(name))


def _checked(name: str, found: object) -> type[Wrapper]:
    if not (isinstance(found, type) and issubclass(found, Wrapper)):
        raise FormatError(
            f"the wrapper {name!r} is a {found!r}", hint="its entry point must name a subclass of Wrapper", name=name
        )
    return found


def installed_folder(module: str, *inside: str) -> Path | None:
    """Return a folder inside an installed package without importing it; None where there is none."""
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]).joinpath(*inside)
    return folder if folder.is_dir() else None
