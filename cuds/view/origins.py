"""Where things came from, in the words of PROV: as a tree of text, or as a chart for Mermaid."""

from cuds.model.dataset import DataSet
from cuds.model.entity import Entity
from cuds.model.provenance import SimulationRun, Used


def origins(data: DataSet) -> str:
    """Return what each entity was computed by and from, and so on, until nothing more is known."""
    held = {e.id: e for e in data.closure()}
    lines: list[str] = []
    for entity in data:
        _tree(_called(entity), entity, held, "", lines)
    return "\n".join(lines)


def _tree(what: str, entity: Entity | None, held: dict[str, Entity], indent: str, lines: list[str]) -> None:
    lines.append(f"{indent}{what}")
    run = entity.provenance if entity is not None else None
    if isinstance(run, SimulationRun):
        lines.append(f"{indent}  computed by {_done(run)}")
        if run.retrieved is not None:
            lines.append(f"{indent}  taken from the cache on {run.retrieved:%Y-%m-%d %H:%M:%S} UTC")
        for used in run.used:
            _tree(f"from {_input(used)}", held.get(used.entity), held, f"{indent}    ", lines)
            lines += [f"{indent}      file {f.name} sha256:{f.sha256}" for f in used.files]
    for part in _parts(entity):
        _tree(f"holds {_called(part)}", part, held, f"{indent}  ", lines)


def _parts(entity: Entity | None) -> list[Entity]:
    """Return what an entity refers to that was computed, like the stiffness of a material."""
    whole = DataSet() if entity is None else DataSet(entity.made_by(None))
    return [e for e in whole.closure() if entity is not None and e.id != entity.id and e.provenance is not None]


def origin_chart(data: DataSet) -> str:
    """Return a flow chart: inputs, the runs that used them, and what these gave."""
    names: dict[str, str] = {}
    boxes: list[str] = []
    arrows: dict[tuple[str, str], None] = {}
    held = {e.id: e for e in data.closure()}

    def number(node: str, text: str, left: str, right: str) -> str:
        if node not in names:
            names[node] = f"n{len(names)}"
            boxes.append(f'{names[node]}{left}"{text}"{right}')
        return names[node]

    for entity in held.values():
        run = entity.provenance
        if isinstance(run, SimulationRun):
            did = number(run.id, _quoted(_done(run)), "[[", "]]")
            for used in run.used:
                source = number(used.entity, _quoted(_input(used)), "(", ")")
                arrows[source, did] = None
                for part in _parts(held.get(used.entity)):
                    arrows[number(part.id, _quoted(_called(part)), "(", ")"), source] = None
            arrows[did, number(entity.id, _quoted(_called(entity)), "(", ")")] = None
    if not boxes:
        boxes = [f'n{i}("{_quoted(_called(e))}")' for i, e in enumerate(data)]
    return "\n".join(["flowchart LR", *(f"  {b}" for b in boxes), *(f"  {a} --> {b}" for a, b in arrows)])


def _called(entity: Entity) -> str:
    return f"{type(entity).__name__}{f' {entity.label}' if entity.label else ''}"


def _input(used: Used) -> str:
    return f"{used.kind} {used.label or used.entity} sha256:{used.sha256[:12]}"


def _done(run: SimulationRun) -> str:
    return f"{run.activity} by {run.engine} {run.version}, {run.started:%Y-%m-%d %H:%M:%S} UTC"


def _quoted(text: str) -> str:
    """Return text for a label of Mermaid, which has entities of its own."""
    return "".join(c if c.isalnum() or c in " .,:-_/" else f"#{ord(c)};" for c in text)
