"""Where a result came from."""

import hashlib
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from cuds import iris
from cuds.model.entity import Component, Entity, Term
from cuds.model.plain import Json


class UsedFile(Component):
    """A file whose content an input holds.

    Parameters
    ----------
    name : str
        What it was called.
    sha256 : str
        The digest of its content, as sha256sum prints it.
    """

    name: Annotated[str, Term(iris.fileName)]
    sha256: Annotated[str, Term(iris.usedDigest)]


class Used(Component):
    """An input of a run, by identity and digest.

    Parameters
    ----------
    entity : str
        Its IRI.
    kind : str
        Its class.
    sha256 : str
        The digest of everything in it that can change a result.
    label : str
        What people call it.
    files : tuple of UsedFile
        The files whose content it holds.
    formula : str
        What it is made of, where it is a system of particles.
    """

    entity: Annotated[str, Term(iris.usedEntity)]
    kind: Annotated[str, Term(iris.usedClass)]
    sha256: Annotated[str, Term(iris.usedDigest)]
    label: Annotated[str, Term(iris.LABEL)] = ""
    files: Annotated[tuple[UsedFile, ...], Term(iris.usedFiles)] = ()
    formula: Annotated[str, Term(iris.formula, physics=False)] = ""

    @classmethod
    def of(cls, entity: Entity) -> "Used":
        """Return the record of an entity."""
        files = tuple(UsedFile(name=f.name, sha256=f.sha256) for f in getattr(entity, "files", ()))
        return cls(
            entity=entity.id,
            kind=type(entity).__name__,
            sha256=entity.digest,
            label=entity.label,
            files=files,
            formula=getattr(entity, "formula", ""),
        )


class SimulationRun(Entity):
    """One run of one engine (a PROV activity), or of a recipe made of such runs.

    Parameters
    ----------
    activity : str
        What was done: the class of the simulation, or the name of the recipe.
    engine, version : str
        Who did it.
    started, ended : datetime
        When, in UTC.
    used : tuple of Used
        From what.
    parameters : dict
        Every setting that JSON can say, defaults included.
    transcript : str
        Exactly what the engine was told; it runs in the bare engine.
    retrieved : datetime, optional
        When the results were taken from where they are kept, instead of being computed again.
    """

    activity: Annotated[str, Term(iris.activity)]
    engine: Annotated[str, Term(iris.engineName)]
    version: Annotated[str, Term(iris.engineVersion)]
    started: Annotated[datetime, Term(iris.started)]
    ended: Annotated[datetime, Term(iris.ended)]
    used: Annotated[tuple[Used, ...], Term(iris.used)] = ()
    parameters: Annotated[dict[str, Any], Term(iris.parameters), Json] = Field(default_factory=dict)
    transcript: Annotated[str, Term(iris.transcript)] = Field(default="", repr=False)
    retrieved: Annotated[datetime | None, Term(iris.retrieved, physics=False)] = None

    @property
    def kept(self) -> str:
        """By whom it was computed and when, for results that were not computed again."""
        return f"computed on {self.ended:%Y-%m-%d %H:%M:%S} UTC by {self.engine} {self.version}".rstrip()

    @property
    def transcript_sha256(self) -> str:
        """The digest of the transcript."""
        return hashlib.sha256(self.transcript.encode()).hexdigest()

    def __str__(self) -> str:
        seconds = (self.ended - self.started).total_seconds()
        lines = [
            f"{self.activity} by {self.engine} {self.version}, {self.started:%Y-%m-%d %H:%M:%S} UTC, {seconds:.2f} s"
        ]
        if self.retrieved is not None:
            lines.append(f"  from cache, {self.kept}; taken on {self.retrieved:%Y-%m-%d %H:%M:%S} UTC")
        for used in self.used:
            lines.append(f"  used {used.kind} {used.label or used.entity} sha256:{used.sha256[:12]}")
            lines += [f"    file {f.name} sha256:{f.sha256}" for f in used.files]
        lines += [f"  {name} = {value}" for name, value in sorted(self.parameters.items())]
        if self.transcript:
            lines.append(
                f"  transcript sha256:{self.transcript_sha256[:12]}, {len(self.transcript.splitlines())} lines"
            )
        return "\n".join(lines)

    __repr__ = __str__
