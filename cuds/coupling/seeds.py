"""Seeds that were drawn for nodes, kept beside their results: a run that goes on draws no others."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cuds.codecs.whole import replacing
from cuds.coupling.node import Node
from cuds.errors import FormatError
from cuds.execution.cache import log

FILE = "seeds.json"


def remembered(nodes: Mapping[str, Node], folder: Path) -> dict[str, Node]:
    """Return nodes with the seeds that were drawn for them when a wiring was first run in a folder; remember the rest.

    Raises
    ------
    FormatError
        When the file that holds them is damaged.
    """
    known = _read(folder / FILE)
    drawn = {name: known.get(name, node.seed) for name, node in nodes.items() if node.seed is not None}
    for name in drawn.keys() & known.keys():
        if nodes[name].seed != known[name]:
            log.info("%s: seed %d, as it was drawn for the first run in %s", name, known[name], folder)
    if drawn.keys() - known.keys():
        with replacing(folder / FILE) as partial:
            partial.write_text(json.dumps({**known, **drawn}, indent=1) + "\n")
    return {name: replace(node, seed=drawn.get(name)) for name, node in nodes.items()}


def _read(path: Path) -> dict[str, int]:
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text())
        if isinstance(found, dict) and all(type(seed) is int and 0 < seed < 2**31 for seed in found.values()):
            return found
    except ValueError:
        pass
    raise FormatError(
        f"{path}: damaged: no seeds by name", hint="remove it: what needs random numbers is then computed anew"
    )
