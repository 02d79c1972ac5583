"""What is public, and where it is; `__init__.py` loads from here when a name is first used."""

from cuds.client import connect as connect
from cuds.codecs import (
    read as read,
    write as write,
)
from cuds.coupling import (
    Derive as Derive,
    Wiring as Wiring,
)
from cuds.errors import (
    CudsError as CudsError,
)
from cuds.execution import (
    energy as energy,
    run as run,
)
from cuds.model import (
    BodyForce as BodyForce,
    Condition as Condition,
    Convection as Convection,
    DataSet as DataSet,
    Density as Density,
    Displacement as Displacement,
    ElasticBounds as ElasticBounds,
    ElasticTensor as ElasticTensor,
    ElementBlock as ElementBlock,
    EnergyMinimisation as EnergyMinimisation,
    Entity as Entity,
    EquationOfState as EquationOfState,
    Field as Field,
    Fixed as Fixed,
    HeatConduction as HeatConduction,
    HeatFlux as HeatFlux,
    HeatSource as HeatSource,
    Homogenisation as Homogenisation,
    LatticeParameters as LatticeParameters,
    LinearElasticity as LinearElasticity,
    Material as Material,
    Mesh as Mesh,
    MolecularDynamics as MolecularDynamics,
    Naming as Naming,
    ParticleSystem as ParticleSystem,
    Periodic as Periodic,
    Potential as Potential,
    PotentialEnergy as PotentialEnergy,
    Pressure as Pressure,
    Region as Region,
    Simulation as Simulation,
    SimulationRun as SimulationRun,
    SinglePoint as SinglePoint,
    Species as Species,
    SpecificHeat as SpecificHeat,
    Strain as Strain,
    Stress as Stress,
    Symmetry as Symmetry,
    Temperature as Temperature,
    TermGroup as TermGroup,
    ThermalConductivity as ThermalConductivity,
    ThermalExpansion as ThermalExpansion,
    TimeSeries as TimeSeries,
    Topology as Topology,
    TorsionMaps as TorsionMaps,
    Traction as Traction,
    Trajectory as Trajectory,
    VirtualSites as VirtualSites,
)
from cuds.model.cells import (
    laminate as laminate,
    polycrystal as polycrystal,
    voxels as voxels,
)
from cuds.model.fibres import (
    fibre_array as fibre_array,
)
from cuds.model.tensor import (
    orientation as orientation,
)
from cuds.recipes import (
    derive as derive,
    derive_all as derive_all,
)
from cuds.semantics.bonded import (
    bonded as bonded,
)
from cuds.semantics.pairs import (
    coulomb as coulomb,
    mixed as mixed,
    pair as pair,
)
from cuds.semantics.sites import (
    sites_placed as sites_placed,
    virtual_sites as virtual_sites,
)
from cuds.store import (
    Library as Library,
)
from cuds.units import (
    Quantity as Quantity,
)
from cuds.view import (
    plot as plot,
    progress_bar as progress_bar,
    report as report,
    table as table,
)
from cuds.wrapper.contract import (
    Progress as Progress,
    ProgressCallback as ProgressCallback,
    silent as silent,
)
from cuds.wrapper.potentials import (
    potential as potential,
)

__version__: str
__all__: list[str]
