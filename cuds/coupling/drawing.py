"""A wiring as a picture: a flow chart for Mermaid, or an SVG that needs no other program."""

from collections.abc import Iterator
from html import escape
from itertools import groupby, pairwise
from pathlib import Path

from cuds.codecs.whole import replacing
from cuds.coupling.diagram import Connection, Diagram
from cuds.errors import FormatError

_LINE, _CHAR, _PAD = 15.0, 6.4, 10.0  # px: a line of text, the width of a letter, the space around text
_GAP = 14.0  # px between rows
_STYLE = (
    "text{font:11px sans-serif;fill:#1a1a1a}.name{font-weight:bold}"
    "rect{fill:#eef3fa;stroke:#41648f}path{fill:none;stroke:#41648f}.label,.back{fill:#fff;stroke:none}.label{opacity:.9}"
)


def mermaid(wiring: Diagram) -> str:
    """Return a flow chart: nodes with their engines, ports on the edges, and what flows."""
    number = {name: f"n{i}" for i, name in enumerate(wiring.nodes)}
    lines = ["flowchart LR"]
    for name, node in wiring.nodes.items():
        lines.append(f'  {number[name]}["{"<br/>".join(map(_quoted, _box(str(node))))}"]')
    for (source, target), label in _edges(wiring):
        text = "<br/>".join(map(_quoted, label))
        lines.append(f'  {number[source]} -- "{text}" --> {number[target]}')
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Return text for a label of Mermaid, which has entities of its own."""
    return "".join(c if c.isalnum() or c in " .,:()[]/*+-_" else f"#{ord(c)};" for c in text)


def picture(wiring: Diagram, path: Path) -> Path:
    """Draw a wiring to an SVG file.

    Raises
    ------
    FormatError
        When the file is to be another.
    """
    if path.suffix.lower() != ".svg":
        raise FormatError(
            f"{path}: wirings are drawn as SVG", hint=f"name it {path.stem}.svg; any browser shows it", field="path"
        )
    text = svg(wiring)
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return path


def svg(wiring: Diagram) -> str:
    """Return a wiring as SVG, from left to right."""
    labels = dict(_edges(wiring))
    columns = _columns(wiring, list(labels))
    ways = {ends: _way(ends, columns) for ends in labels}
    said = {name: _box(str(node)) for name, node in wiring.nodes.items()}
    said |= {way[1]: labels[ends] for ends, way in ways.items() if len(way) > 2}
    beside = [labels[ends] for ends, way in ways.items() if len(way) == 2]  # the others have a slot
    gap = 20 + max(map(_wide, beside), default=0.0)
    row = _GAP + _PAD + _LINE * max(map(len, [*said.values(), *beside]), default=0)
    boxes, places, x = [], {}, _PAD
    for column in columns:
        width = max(_wide(said.get(slot, [])) for slot in column)
        for i, slot in enumerate(column):
            y, half = _PAD + (i + 0.5) * row, _wide(said.get(slot, [])) / 2
            places[slot] = (x + width / 2 - half, x + width / 2 + half, y)
            if slot in wiring.nodes:
                boxes += [_rect(said[slot], x + width / 2, y), *_text(said[slot], x + width / 2, y, "name")]
        x += width + gap
    arrows = [_arrow([places[slot] for slot in way]) for way in ways.values()]
    texts = [t for ends, way in ways.items() for t in _label([places[s] for s in way], labels[ends])]
    height = 2 * _PAD + row * max(map(len, columns), default=0)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{x - gap + _PAD:g}" height="{height:g}">'
    title = f"<title>{escape(wiring.name)}</title><style>{_STYLE}</style>"
    back = '<rect class="back" width="100%" height="100%"/>'
    return f"{head}{title}{back}{''.join([*arrows, *boxes, *texts])}</svg>\n"


def _wide(lines: list[str]) -> float:
    return _CHAR * max(map(len, lines), default=0) + 2 * _PAD


def _box(text: str) -> list[str]:
    """Return the lines of a node: its name, what is run, by whom."""
    name, _, rest = text.partition(": ")
    what, _, engine = rest.partition(" by ")
    return [name, what, *([f"by {engine}"] if engine else [])]


def _edges(wiring: Diagram) -> Iterator[tuple[tuple[str, str], list[str]]]:
    """Yield each pair of nodes that are connected, with a line for each connection and one for what flows."""

    def ends(c: Connection) -> tuple[str, str]:
        return c.source.name, c.target.name

    for pair, connections in groupby(sorted(wiring.connections, key=ends), key=ends):
        yield pair, [text for c in connections for text in (f"{c.output.name} → {c.input.name}", c.carries)]


def _slot(ends: tuple[str, str], column: int) -> str:
    return f"{ends[0]}\0{ends[1]}\0{column}"


def _columns(wiring: Diagram, edges: list[tuple[str, str]]) -> list[list[str]]:
    """Return nodes column by column, each right of all that it waits for, and slots for edges that pass a column."""
    column: dict[str, int] = {}
    before = wiring.before()
    for name in wiring.order():
        column[name] = max((column[b] + 1 for b in before[name]), default=0)
    columns: list[list[str]] = [[] for _ in range(max(column.values(), default=-1) + 1)]
    for name, i in column.items():
        columns[i].append(name)
    for ends in edges:
        for i in range(column[ends[0]] + 1, column[ends[1]]):
            columns[i].append(_slot(ends, i))
    return columns


def _way(ends: tuple[str, str], columns: list[list[str]]) -> list[str]:
    """Return the slots that an edge goes through, its two nodes included."""
    passed = [_slot(ends, i) for i, column in enumerate(columns) if _slot(ends, i) in column]
    return [ends[0], *passed, ends[1]]


def _arrow(way: list[tuple[float, float, float]]) -> str:
    """Return an arrow through places: left end, right end, middle height."""
    path = f"M{way[0][1]:g} {way[0][2]:g}"
    for (_, x1, y1), (x2, right, y2) in pairwise(way):
        middle = (x1 + x2) / 2
        path += f"C{middle:g} {y1:g} {middle:g} {y2:g} {x2:g} {y2:g}" + (f"H{right:g}" if x2 != way[-1][0] else "")
    x, y = way[-1][0], way[-1][2]
    return f'<path d="{path}M{x - 7:g} {y - 4:g}L{x:g} {y:g}L{x - 7:g} {y + 4:g}"/>'


def _label(way: list[tuple[float, float, float]], lines: list[str]) -> list[str]:
    """Return the label of an arrow: in the gap between its ends, or in the first slot that it goes through."""
    (left, right, y), (x2, _, y2) = (way[1], way[1]) if len(way) > 2 else way
    x, y = ((left + right) / 2, y) if len(way) > 2 else ((right + x2) / 2, (y + y2) / 2)
    width, tall = _wide(lines) - 2 * _PAD, len(lines) * _LINE
    back = f'<rect class="label" x="{x - width / 2:g}" y="{y - tall / 2:g}" width="{width:g}" height="{tall:g}"/>'
    return [back, *_text(lines, x, y)]


def _rect(lines: list[str], x: float, y: float) -> str:
    width, tall = _wide(lines), len(lines) * _LINE + _PAD
    return f'<rect x="{x - width / 2:g}" y="{y - tall / 2:g}" width="{width:g}" height="{tall:g}" rx="5"/>'


def _text(lines: list[str], x: float, y: float, first: str = "") -> Iterator[str]:
    """Yield lines of text about a place; the first of a class of its own."""
    top = y - len(lines) * _LINE / 2
    for i, line in enumerate(lines):
        kind = f' class="{first}"' if first and i == 0 else ""
        yield f'<text{kind} x="{x:g}" y="{top + (i + 0.75) * _LINE:g}" text-anchor="middle">{escape(line)}</text>'
