"""Tables and reports with units, as plain text."""

from collections.abc import Iterable, Sequence
from typing import Any

from cuds.model.dataset import DataSet
from cuds.model.entity import Entity
from cuds.model.provenance import SimulationRun


def table(rows: Iterable[Sequence[Any]], *, columns: Sequence[str]) -> str:
    """Return a table that reads well in a terminal and is Markdown.

    Parameters
    ----------
    rows : iterable of sequences
        What each line says; numbers stand to the right.
    columns : sequence of str
        What each column is called.

    Examples
    --------
    >>> print(table([("C11", "169.88", "GPa")], columns=("", "value", "unit")))
    |     | value  | unit |
    |-----|--------|------|
    | C11 | 169.88 | GPa  |
    """
    lines = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(line[i]) for line in [list(columns), *lines]) for i in range(len(columns))]
    right = [bool(lines) and all(_is_number(line[i]) for line in lines) for i in range(len(columns))]

    def drawn(line: Sequence[str]) -> str:
        cells = (c.rjust(w) if r else c.ljust(w) for c, w, r in zip(line, widths, right, strict=True))
        return f"| {' | '.join(cells)} |"

    return "\n".join([drawn(columns), f"|{'|'.join('-' * (w + 2) for w in widths)}|", *(drawn(line) for line in lines)])


def _is_number(text: str) -> bool:
    try:
        float(text.rstrip("%"))
    except ValueError:
        return False
    return True


def report(data: DataSet) -> str:
    """Return what a data set holds, entity by entity, and where each came from."""
    runs: dict[str, SimulationRun] = {}
    lines = [f"data set {data.label}".rstrip() + f": {len(data)} entities"]
    for entity in data:
        lines.append(_entry(entity))
        if isinstance(entity.provenance, SimulationRun):
            runs.setdefault(entity.provenance.id, entity.provenance)
            lines[-1] += f"   [run {list(runs).index(entity.provenance.id) + 1}]"
    for number, run in enumerate(runs.values(), start=1):
        lines += ["", f"run {number}: {run}"]
    return "\n".join(lines)


def _entry(entity: Entity) -> str:
    label = f" ({entity.label})" if entity.label else ""
    text = repr(entity).splitlines()
    body = "\n".join(f"    {line}" for line in text[1:])
    return f"  {text[0][:160]}{label if entity.label not in text[0] else ''}" + (f"\n{body}" if body else "")
