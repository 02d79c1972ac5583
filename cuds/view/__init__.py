"""For people: pictures, tables, progress. Loaded when first used."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cuds.view.picture import plot
    from cuds.view.progress import progress_bar
    from cuds.view.text import report, table

_WHERE = {
    "plot": "cuds.view.picture",
    "report": "cuds.view.text",
    "table": "cuds.view.text",
    "progress_bar": "cuds.view.progress",
}
__all__ = ["plot", "progress_bar", "report", "table"]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'cuds.view' has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name]), name)
