"""Results taken from where they are kept, told of the things that were asked about now."""

from typing import Any

from cuds.execution.record import inputs, now
from cuds.model.dataset import DataSet
from cuds.model.entity import Component, Entity, new_id
from cuds.model.provenance import SimulationRun, Used


def adopted(found: DataSet, what: Component) -> DataSet:
    """Return a result that was kept as the result of `what`: with the provenance it had, marked as retrieved.

    Kept from these very inputs, it consists of these very entities. Kept from others that are the same but for their
    ids, it is a copy: it refers to the inputs of now, and has ids of its own.
    """
    used = tuple(inputs(what))
    runs = {e.provenance.id: e.provenance for e in found if isinstance(e.provenance, SimulationRun)}
    mine = {i: r for i, r in runs.items() if r.activity == type(what).__name__}
    same = all([u.entity for u in r.used] == [u.entity for u in used] for r in mine.values())
    if same and (not isinstance(what, Entity) or any(e.id == what.id for e in found)):
        marked = {i: r.model_copy(update={"retrieved": now()}) for i, r in runs.items()}
        return DataSet(*(_of_run(e, marked) for e in found), label=found.label)
    marked = {i: _retold(r, used if i in mine else r.used) for i, r in runs.items()}
    known = {(type(e), e.whole_digest): e for e in DataSet(*_entities(what)).closure()}
    copy = _Copy(known, marked)
    return DataSet(*(copy.of(e) for e in found), label=found.label)


def _retold(run: SimulationRun, used: tuple[Used, ...]) -> SimulationRun:
    """Return the record of a run, told of other inputs that are the same."""
    told = run.model_copy(update={"retrieved": now(), "id": new_id(), "used": used})
    told.__dict__.pop("digest", None)  # kept by the copy, but of what was used before
    return told


def _entities(what: Component) -> list[Entity]:
    """Return the entities that a simulation or a recipe is, or holds."""
    if isinstance(what, Entity):
        return [what]
    return [v for _, v in what.physics() if isinstance(v, Entity)]


def _of_run(entity: Entity, marked: dict[str, SimulationRun]) -> Entity:
    run = entity.provenance
    return entity.made_by(marked[run.id]) if isinstance(run, SimulationRun) and run.id in marked else entity


class _Copy:
    """Copies entities, each once, with ids of their own; what is known already stands for itself."""

    def __init__(self, known: dict[Any, Entity], marked: dict[str, SimulationRun]) -> None:
        self.known, self.marked = known, marked
        self.made: dict[str, Entity] = {}

    def of(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(self.of(item) for item in value)
        if isinstance(value, dict):
            return {name: self.of(item) for name, item in value.items()}
        if isinstance(value, Entity):
            if value.id not in self.made:
                result = isinstance(value.provenance, SimulationRun) and value.provenance.id in self.marked
                found = None if result else self.known.get((type(value), value.whole_digest))
                self.made[value.id] = found or _of_run(self._with_parts(value, id=new_id()), self.marked)
            return self.made[value.id]
        return self._with_parts(value) if isinstance(value, Component) else value

    def _with_parts(self, value: Any, **update: Any) -> Any:
        parts = {name: self.of(getattr(value, name)) for name in type(value).bindings()}
        return value.model_copy(update={**parts, **update})
