"""cuds: one language for simulation engines.

An ontology says what things mean, a typed data model carries the numbers, and one wrapper per engine
translates. Everything public is here, loaded when it is first used.
"""

import ast
import importlib
import sys
from pathlib import Path
from typing import Any

__version__ = "0.1.0"


def _public() -> dict[str, str]:
    """Return the module of each public name: the stub that tells type checkers tells Python too."""
    stub = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    return {a.name: str(n.module) for n in stub.body if isinstance(n, ast.ImportFrom) for a in n.names}


_WHERE = _public()


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return __dir__()
    if name not in _WHERE:
        raise AttributeError(f"module 'cuds' has no attribute {name!r}", name=name, obj=sys.modules[__name__])
    value = getattr(importlib.import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*_WHERE, "__version__"])
