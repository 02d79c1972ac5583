"""What is stated of an entity beside its fields, so that it can be asked for: scalars that follow from its arrays."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cuds.model.entity import Entity
from cuds.model.material import ElasticTensor
from cuds.model.particles import ParticleSystem
from cuds.model.properties import ThermalConductivity, ThermalExpansion
from cuds.model.state import Stress, von_mises


@dataclass(frozen=True)
class Invariant:
    """A scalar that follows from an entity.

    Parameters
    ----------
    asked : str
        How people call it, like ``C11`` or ``von_mises``.
    name : str
        The property of the ontology, without its namespace.
    kind : str
        Its quantity kind; empty for text.
    of : callable
        Gives it, in the coherent unit of the SI.
    """

    asked: str
    name: str
    kind: str
    of: Callable[[Any], float | str]


def _constant(asked: str, name: str) -> Invariant:
    return Invariant(asked, name, "Stress", lambda tensor: tensor.constants("Pa")[asked])


def _mean(kind: str, unit: str) -> Invariant:
    """Return a third of the trace of a tensor of the second rank, (3, 3) or (6,)."""

    def of(entity: Any) -> float:
        value = entity.value.in_unit(unit)
        return float(np.trace(value) if value.ndim == 2 else value[:3].sum()) / 3

    return Invariant("mean", "isotropicPart", kind, of)


INVARIANTS: dict[type[Entity], tuple[Invariant, ...]] = {
    ElasticTensor: (
        *(_constant(name, name) for name in ("C11", "C12", "C44")),
        _constant("K", "bulkModulus"),
        _constant("G", "shearModulus"),
    ),
    ParticleSystem: (Invariant("formula", "formula", "", lambda system: system.formula),),
    Stress: (
        _mean("Stress", "Pa"),
        Invariant("von_mises", "equivalentStress", "Stress", lambda s: float(von_mises(s.value.in_unit("Pa")))),
    ),
    ThermalConductivity: (_mean("ThermalConductivity", "W/m/K"),),
    ThermalExpansion: (_mean("LinearExpansionCoefficient", "1/K"),),
}


def invariants(entity: Entity) -> dict[str, float | str]:
    """Return what is stated of an entity beside its fields, by property; nothing of what exceeds all numbers."""
    stated = (i for kind, several in INVARIANTS.items() if isinstance(entity, kind) for i in several)
    with np.errstate(over="ignore", invalid="ignore"):
        found = {i.name: i.of(entity) for i in stated}
    return {name: value for name, value in found.items() if isinstance(value, str) or np.isfinite(value)}
