"""What an entity or a data set is, as a table: HTML for notebooks, rich for terminals. No array is read for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from cuds.model.dataset import DataSet
from cuds.model.entity import Component, Entity, Term
from cuds.units import Quantity

_FEW = 9  # numbers; so many are shown
_LONG = 120  # letters
_FIELDS = ("field", "value", "shape", "unit", "class")
_HELD = ("class", "label", "says", "from")
Line = tuple[str, ...]


@dataclass(frozen=True)
class Card:
    """A table with a title.

    Parameters
    ----------
    title : str
        The class, and the label.
    below : tuple of str
        Identity and origin.
    columns : tuple of str
        What each column is called.
    lines : tuple
        Text, a cell each.
    """

    title: str
    below: Line
    columns: Line
    lines: tuple[Line, ...]


def card(what: Component | DataSet) -> Card:
    """Return the table of a component, an entity or a data set."""
    if isinstance(what, DataSet):
        held: tuple[Line, ...] = tuple((type(e).__name__, e.label, _first(e), _origin(e)) for e in what)
        return Card(f"DataSet {what.label}".rstrip(), (f"{len(what)} entities",), _HELD, held)
    lines = tuple(line for name, term in what.bindings().items() for line in _lines(name, term, what))
    entity = isinstance(what, Entity)
    title = f"{type(what).__name__} {what.label}".rstrip() if isinstance(what, Entity) else type(what).__name__
    below = (what.id, _origin(what)) if isinstance(what, Entity) else ()
    return Card(title, tuple(filter(None, below)), _FIELDS, tuple(x for x in lines if not (entity and x[0] == "label")))


def html(what: Component | DataSet) -> str:
    """Return the table as HTML, for notebooks."""
    said = card(what)
    head = "".join(f"<th style='text-align:left'>{name}</th>" for name in said.columns)
    rows = ("".join(f"<td style='text-align:left'>{escape(cell)}</td>" for cell in line) for line in said.lines)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    below = "".join(f"<br><small>{escape(line)}</small>" for line in said.below)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if said.lines else ""
    return f"<div><b>{escape(said.title)}</b>{below}{table}</div>"


def rich(what: Component | DataSet) -> Any:
    """Return the table for rich, which draws it in a terminal."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    said = card(what)
    table = Table(title=Text(said.title), caption=Text("\n".join(said.below)), box=box.SIMPLE)
    for name in said.columns:
        table.add_column(name, overflow="fold")
    for line in said.lines:
        table.add_row(*map(Text, line))
    return table


def _lines(name: str, term: Term, of: Component) -> Iterator[Line]:
    """Yield the line of a field; none for what is not given."""
    value = getattr(of, name)
    if value is None or (isinstance(value, str | tuple | dict) and not value):
        return
    unit = value.unit if isinstance(value, Quantity) else ""
    plain = value.value if isinstance(value, Quantity) else value
    shape = str(plain.shape) if isinstance(plain, np.ndarray) else ""
    yield name, _short(_value(plain)), shape, unit, _class(term, of, plain)


def _value(value: Any) -> str:
    if isinstance(value, np.ndarray):
        few = value.size <= _FEW
        return np.array2string(value, separator=", ", precision=6).replace("\n", "") if few else str(value.dtype)
    if isinstance(value, Component):
        return _first(value)
    if isinstance(value, dict):
        return ", ".join(f"{k or 'everywhere'}: {_part(v)}" for k, v in value.items())
    if isinstance(value, tuple):
        return ", ".join(map(_part, value[: _FEW + 1]))
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return f"{value:.10g}" if isinstance(value, float) else str(value).partition("\n")[0]


def _part(value: Any) -> str:
    if not isinstance(value, Component):
        return _value(value)
    called = (getattr(value, name, "") for name in ("label", "name", "symbol"))
    return next(filter(None, called), type(value).__name__)


def _class(term: Term, of: Component, value: Any) -> str:
    """Return what a value is in the ontology, as far as its field or itself says."""
    if isinstance(value, Component):
        return type(value).__name__
    if isinstance(value, tuple | dict):
        held = list(value.values() if isinstance(value, dict) else value)
        kinds = sorted({type(v).__name__ for v in held if isinstance(v, Component)})
        return f"{len(held)} of {', '.join(kinds)}" if kinds else ""
    return term.means or term.kind or getattr(of, "quantity_kind", "")


def _first(value: Component) -> str:
    return _short(repr(value).partition("\n")[0])


def _origin(entity: Entity) -> str:
    run = entity.provenance
    return "" if run is None else f"{run.activity} by {run.engine} {run.version}".rstrip()


def _short(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[: _LONG - 3]}..."
