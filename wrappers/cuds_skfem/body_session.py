"""What every session of scikit-fem on one body shares: the job, its mesh, and who is told."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from cuds.errors import InvalidError, UnsupportedError
from cuds.model.condition import Condition
from cuds.model.entity import Entity
from cuds.model.field import Field
from cuds.model.simulation import ContinuumSimulation
from cuds.wrapper.contract import Progress, ProgressCallback, Session
from cuds_skfem.memory import hold_workspace

J = TypeVar("J", bound=ContinuumSimulation)


class BodySession(Session, Generic[J]):
    """A session on one body.

    Parameters
    ----------
    job : ContinuumSimulation
        What is computed.
    folder : Path
        Where the transcript's arrays are written.
    options : mapping
        ``solver``.
    progress : callable
        Is told of each stage and each iteration.
    """

    takes: ClassVar[type[ContinuumSimulation]]  # what can be pushed
    prescribes: ClassVar[type[Condition] | None] = None  # the condition whose field can be pushed
    rehearsing = False

    def __init__(self, job: J, folder: Path, options: Mapping[str, Any], progress: ProgressCallback) -> None:
        hold_workspace()
        self.folder, self.progress, self.job = folder, progress, job
        self.solver = str(options.get("solver", "amg"))
        self.doing = "starting"
        self._mesh = job.mesh  # as long as it is there, its body is

    def _pushed(self, entity: Entity) -> J:
        """Return the job that something pushed makes of the one there was.

        Raises
        ------
        InvalidError
            When the mesh is another one.
        UnsupportedError
            For anything but a job of the same kind, or a field that exactly one of its conditions takes.
        """
        job: Any = self._with_field(entity) if self.prescribes is not None and isinstance(entity, Field) else entity
        if not isinstance(job, self.takes):
            field = f", or a Field of {self.prescribes.__name__}" if self.prescribes is not None else ""
            raise UnsupportedError(
                f"scikit-fem takes no {type(entity).__name__} into a running session",
                hint=f"push a {self.takes.__name__} on the same mesh{field}",
            )
        if job.mesh != self.job.mesh:
            raise InvalidError("mesh: not that of the session", hint="open a session for it", field="mesh")
        return job  # type: ignore[return-value]

    def _with_field(self, field: Field) -> J:
        assert self.prescribes is not None
        job: Any = self.job  # every kind that prescribes a field has conditions
        wanted, known = self.prescribes.__name__, job.conditions
        takers = [c for c in known if isinstance(c, self.prescribes) and getattr(c, "field", None) is not None]
        if field.quantity != wanted or len(takers) != 1:
            raise UnsupportedError(
                f"scikit-fem cannot take the field {field.name!r} of {field.quantity}: "
                f"{len(takers)} conditions of the job prescribe a field of {wanted}",
                hint=f"push it where exactly one {wanted}(region, field=...) is, or push a new {self.takes.__name__}",
            )
        changed = tuple(c.replace(field=field) if c is takers[0] else c for c in known)
        return self.job.replace(conditions=changed)

    def _iteration(self, number: int) -> None:
        self.progress(Progress(number, 0, "iterations", "conjugate gradients"))
