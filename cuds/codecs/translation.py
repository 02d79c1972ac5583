"""What became of a data set in files of another kind: carried as it is, said in another way, or left out."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cuds.errors import FormatError
from cuds.model.dataset import DataSet
from cuds.model.particles import ParticleSystem
from cuds.model.potential import Potential
from cuds.model.topology import TermGroup
from cuds.semantics.bonded import Wording

Fate = Literal["carried", "converted", "left out"]
_RESULTS = ("forces", "energies", "atomic_stresses")


@dataclass(frozen=True)
class Carried:
    """What became of a part of a data set.

    Parameters
    ----------
    what : str
        The part, with its count.
    fate : {"carried", "converted", "left out"}
        Whether it is said as it was, in another way with the same meaning, or not at all.
    said : str
        In the words of the files; or why it is left out.
    """

    what: str
    fate: Fate
    said: str


def whole(data: DataSet, into: str) -> tuple[ParticleSystem, Potential]:
    """Return the one system and the one potential of a data set.

    Raises
    ------
    FormatError
        When it has not exactly one of each.
    """
    systems, potentials = data.all(ParticleSystem), data.all(Potential)
    if len(systems) != 1 or len(potentials) != 1:
        raise FormatError(
            f"files of {into} hold one system and one potential, not {len(systems)} and {len(potentials)}",
            hint="give a DataSet(system, potential) of the two that belong together",
            field="path",
        )
    return systems[0], potentials[0]


def group(given: TermGroup, said: Wording, words: str) -> Carried:
    """Return what became of a group of terms."""
    same = said.form == given.form and not said.row.offers
    how = "" if same else f", as {said.form}" if said.form != given.form else ", as its formula"
    return Carried(f"{len(given)} {given.role}s, {given.form}", "carried" if same else "converted", words + how)


def turned(rotation: np.ndarray) -> Iterator[Carried]:
    """Yield that the cell is turned, where it is."""
    angle = np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1)))
    if not np.array_equal(rotation, np.eye(3)):
        yield Carried("the frame", "converted", f"turned by {angle:.4g} degrees: the first cell vector along x")


def others(data: DataSet, system: ParticleSystem, holds: Collection[str]) -> Iterator[Carried]:
    """Yield what files do not hold of a data set with one system and one potential, but for `holds`."""
    if not np.array_equal(system.ids, np.arange(1, len(system) + 1)):
        yield Carried(f"{len(system)} ids", "converted", "numbered from 1 in the order of the particles")
    for name in (*_RESULTS, "velocities", "naming", "annotations", "columns"):
        value = getattr(system, name)
        if name not in holds and value is not None and (name not in ("annotations", "columns") or value):
            yield Carried(name.replace("_", " "), "left out", "the files have no place for them")
    for entity in data:
        if not isinstance(entity, ParticleSystem | Potential):
            yield Carried(repr(entity).splitlines()[0], "left out", "the files have no place for it")
