"""``cuds cache``: which results are kept, and how to be rid of them."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cuds.execution.cache import clear, entries
from cuds.execution.engines import cache_folder
from cuds.view import table


def results(
    keys: Annotated[
        list[str] | None, typer.Argument(help="Beginnings of keys; all results when none is given.")
    ] = None,
    remove: Annotated[bool, typer.Option("--clear", help="Remove them.")] = False,
    older: Annotated[float, typer.Option(min=0, help="Only those that were not used for so many days.")] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List the results that are kept and taken instead of being computed again, or remove them."""
    folder = str(cache_folder() or "off")
    if remove:
        count, size = clear(*(keys or []), older=older)
        said = {"folder": folder, "removed": count, "bytes": size}
        print(json.dumps(said) if as_json else f"{count} results, {size / 1e6:.1f} MB, removed from {folder}")
        return
    found = [e for e in entries(older=older) if not keys or e["key"].startswith(tuple(keys))]
    if as_json:
        print(json.dumps({"folder": folder, "results": found}))
        return
    if found:
        print(table([_row(e) for e in found], columns=("key", "MB", "last used, UTC", "of", "by", "label")))
    print(f"{len(found)} results, {sum(e['bytes'] for e in found) / 1e6:.1f} MB, in {folder}")


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    used = datetime.fromtimestamp(entry["used"], UTC)
    by = f"{entry.get('engine', '')} {entry.get('version', '')}".strip()
    what = "damaged" if "damaged" in entry else entry.get("activity", "")
    return entry["key"][:12], f"{entry['bytes'] / 1e6:.2f}", f"{used:%Y-%m-%d %H:%M}", what, by, entry.get("label", "")
