"""The data model: frozen classes, each bound to a class of the ontology, each field to a property."""

from cuds.model.bounds import ElasticBounds
from cuds.model.condition import BodyForce, Condition, Displacement, Fixed, Pressure, Symmetry, Traction
from cuds.model.crystal import EquationOfState, LatticeParameters
from cuds.model.dataset import DataSet
from cuds.model.dynamics import MolecularDynamics
from cuds.model.entity import Component, Entity
from cuds.model.field import Field
from cuds.model.heat import HeatConduction
from cuds.model.homogenisation import Homogenisation, Periodic
from cuds.model.maps import TorsionMaps
from cuds.model.material import ElasticTensor, Material
from cuds.model.mesh import ElementBlock, Mesh, Region
from cuds.model.naming import Naming
from cuds.model.particles import ParticleSystem, Species
from cuds.model.potential import ParameterFile, Potential, PotentialTerm
from cuds.model.properties import Density, SpecificHeat, ThermalConductivity, ThermalExpansion
from cuds.model.provenance import SimulationRun, Used, UsedFile
from cuds.model.series import Series, TimeSeries
from cuds.model.simulation import (
    AtomisticSimulation,
    ContinuumSimulation,
    EnergyMinimisation,
    LinearElasticity,
    Simulation,
    SinglePoint,
)
from cuds.model.sites import VirtualSites
from cuds.model.state import PotentialEnergy, Strain, Stress
from cuds.model.thermal import Convection, HeatFlux, HeatSource, Temperature
from cuds.model.topology import TermGroup, Topology
from cuds.model.trajectory import Trajectory

__all__ = [
    "AtomisticSimulation",
    "BodyForce",
    "Component",
    "Condition",
    "ContinuumSimulation",
    "Convection",
    "DataSet",
    "Density",
    "Displacement",
    "ElasticBounds",
    "ElasticTensor",
    "ElementBlock",
    "EnergyMinimisation",
    "Entity",
    "EquationOfState",
    "Field",
    "Fixed",
    "HeatConduction",
    "HeatFlux",
    "HeatSource",
    "Homogenisation",
    "LatticeParameters",
    "LinearElasticity",
    "Material",
    "Mesh",
    "MolecularDynamics",
    "Naming",
    "ParameterFile",
    "ParticleSystem",
    "Periodic",
    "Potential",
    "PotentialEnergy",
    "PotentialTerm",
    "Pressure",
    "Region",
    "Series",
    "Simulation",
    "SimulationRun",
    "SinglePoint",
    "Species",
    "SpecificHeat",
    "Strain",
    "Stress",
    "Symmetry",
    "Temperature",
    "TermGroup",
    "ThermalConductivity",
    "ThermalExpansion",
    "TimeSeries",
    "Topology",
    "TorsionMaps",
    "Traction",
    "Trajectory",
    "Used",
    "UsedFile",
    "VirtualSites",
]


def classes() -> dict[str, type[Component]]:
    """Return every class of the data model that is bound to the ontology, by name."""
    found: dict[str, type[Component]] = {}
    waiting: list[type[Component]] = [Component]
    while waiting:
        for cls in waiting.pop().__subclasses__():
            waiting.append(cls)
            if not cls.__name__.startswith("_"):
                found[cls.__name__] = cls
    return dict(sorted(found.items()))
