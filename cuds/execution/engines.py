"""What engines say of themselves: asked once, and not again as long as nothing that is installed changes."""

import contextlib
import hashlib
import importlib
import json
import os
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cuds.codecs.whole import replacing
from cuds.registry import ontology_folder
from cuds.wrapper.capability import Engine
from cuds.wrapper.contract import Wrapper
from cuds.wrapper.process import probe

_known: dict[type[Wrapper], Engine] = {}


def cache_folder() -> Path | None:
    """Return the folder of everything that is kept: ``$CUDS_CACHE``, else that of the user; None when it is off."""
    given = os.environ.get("CUDS_CACHE", "").strip()
    if given.lower() == "off":
        return None
    if given:
        return Path(given).expanduser().absolute()
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "cuds"
    except RuntimeError:  # nobody's home
        return None


def engine_of(chosen: type[Wrapper], ask: Callable[[], Engine] | None = None) -> Engine:
    """Return an engine as it is here: its version and what else a probe finds.

    Parameters
    ----------
    chosen : type of Wrapper
        Whose engine.
    ask : callable, optional
        Probes an instance that is open already.
    """
    if chosen not in _known:
        _known[chosen] = _remembered(chosen) or _asked(chosen, ask)
    return _known[chosen]


def _asked(chosen: type[Wrapper], ask: Callable[[], Engine] | None) -> Engine:
    if ask is not None:
        found = ask()
    else:
        with tempfile.TemporaryDirectory(prefix=f"cuds-{chosen.name}-") as folder:
            found = probe(chosen, Path(folder))
    note = _note(chosen)
    if note is not None:
        with contextlib.suppress(OSError, TypeError):  # it is asked again
            note.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            said = json.dumps({"version": found.version, "details": found.details})
            with replacing(note) as partial:
                partial.write_text(said)
    return found


def _remembered(chosen: type[Wrapper]) -> Engine | None:
    note = _note(chosen)
    try:
        said = json.loads(note.read_text()) if note is not None else {}
        return chosen.describe().probed(str(said["version"]), **dict(said["details"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _note(chosen: type[Wrapper]) -> Path | None:
    """Return where the answer of an engine is kept, by all that it depends on; None where that is not known."""
    folder = cache_folder()
    if folder is None or not chosen.packages:
        return None
    try:
        installed = {name: version(name) for name in chosen.packages}
    except PackageNotFoundError:
        return None
    parts = [chosen.__module__, chosen.__qualname__, installed, sys.prefix, sys.version, source_digest(chosen)]
    return folder / "engines" / f"{chosen.name}-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]}.json"


def source_digest(*classes: type) -> str:
    """Return the digest of the code that computes: of cuds, and of the packages that classes come from.

    A version alone does not tell two states of a checkout apart. Empty where code cannot be read, like that of a
    class made in a notebook.
    """
    packages = sorted({"cuds", *(c.__module__.partition(".")[0] for c in classes)})
    found = [_source(name) for name in packages]
    return hashlib.sha256("".join(found).encode()).hexdigest() if all(found) else ""


@cache
def _source(package: str) -> str:
    file = getattr(importlib.import_module(package), "__file__", None)
    if file is None:
        return ""
    folder = Path(file).parent
    files = folder.rglob("*.py") if Path(file).name == "__init__.py" else [Path(file)]
    more = (ontology_folder() / "generated").glob("*.json") if package == "cuds" else folder.glob("*.ttl")
    sha = hashlib.sha256(package.encode())
    for path in sorted([*files, *more]):
        sha.update(path.name.encode() + b"\0" + path.read_bytes())
    return sha.hexdigest()
