"""cuds: one language for simulation engines.

An ontology says what things mean, a typed data model carries the numbers, and one wrapper per engine
translates. Everything public is here, loaded when it is first used.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "cuds.model": (
        "BodyForce Condition Convection DataSet Density Displacement ElasticBounds ElasticTensor ElementBlock "
        "EnergyMinimisation Entity EquationOfState Field Fixed HeatConduction HeatFlux HeatSource "
        "Homogenisation LatticeParameters LinearElasticity Material Mesh MolecularDynamics ParticleSystem "
        "Periodic Potential PotentialEnergy Pressure Region Simulation SimulationRun SinglePoint Species "
        "SpecificHeat Strain Stress Symmetry Temperature ThermalConductivity ThermalExpansion TimeSeries "
        "Traction Trajectory"
    ),
    "cuds.model.cells": "laminate polycrystal voxels",
    "cuds.model.fibres": "fibre_array",
    "cuds.model.tensor": "orientation",
    "cuds.units": "Quantity",
    "cuds.errors": "CudsError",
    "cuds.codecs": "read write",
    "cuds.wrapper.potentials": "potential",
    "cuds.semantics.pairs": "mixed pair",
    "cuds.execution": "run energy",
    "cuds.wrapper.contract": "Progress ProgressCallback silent",
    "cuds.recipes": "derive derive_all",
    "cuds.coupling": "Derive Wiring",
    "cuds.view": "plot progress_bar report table",
}
_WHERE = {name: module for module, names in _PUBLIC.items() for name in names.split()}
__all__ = sorted([*_WHERE, "__version__"])  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'cuds' has no attribute {name!r}")
    value = getattr(importlib.import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
