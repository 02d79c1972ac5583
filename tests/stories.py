"""Data sets to try things on: one of everything, and anything at all; and how to tell two of them apart."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import cuds
from cuds.model.condition import Conditions
from cuds.model.elements import NODES, SHAPES
from cuds.model.entity import Component
from cuds.model.field import QUANTITIES
from cuds.model.potential import ParameterFile, PotentialTerm
from cuds.model.provenance import SimulationRun, Used
from cuds.model.series import SAMPLED
from cuds.units import Quantity, fitting_units, reference_unit

CONTENT = b"\x00\xff\n"
TRANSCRIPT = "units metal\nrun 0\n"


def brick() -> cuds.Mesh:
    points = np.array([[x, y, z] for z in (0, 1) for y, x in ((0, 0), (0, 1), (1, 1), (1, 0))], dtype=float)
    block = cuds.ElementBlock(shape="hexahedron", nodes=[range(8)])
    regions = (
        cuds.Region(name="left", on="facets", members=[[0, 3, 7, 4]]),
        cuds.Region(name="a body/1", on="elements", members=[0]),
        cuds.Region(name="tip", on="points", members=[6]),
    )
    return cuds.Mesh(points=(points, "mm"), blocks=(block,), regions=regions, label="brick")


def whole_story() -> cuds.DataSet:
    """One of everything, with provenance."""
    mesh = brick()
    values = cuds.Quantity(mesh.points.value * 1e-3, "mm")
    field = cuds.Field(name="u", quantity="Displacement", mesh=mesh, on="points", values=values)
    traction = cuds.Field(
        name="t", quantity="Traction", mesh=mesh, on="points", values=cuds.Quantity(np.eye(8, 3), "MPa")
    )
    steel = cuds.Material(elastic=cuds.ElasticTensor.isotropic("200 GPa", 0.3, label="steel"))
    conditions: list[Conditions] = [
        cuds.Fixed("left"),
        cuds.Displacement("tip", z="0.1 um"),
        cuds.Displacement("tip", field=field),
        cuds.Traction("left", y=(1 / 3, "MPa")),
        cuds.Pressure("left", value="3 bar"),
        cuds.BodyForce(z="-7.8e-5 N/mm**3"),
        cuds.Symmetry("left"),
        cuds.Traction("left", field=traction),
    ]
    job = cuds.LinearElasticity(
        mesh, material=steel, materials={"a body/1": steel}, conditions=conditions, tolerance=1e-9
    )
    term = PotentialTerm(
        form="EmbeddedAtomSetfl",
        files=(ParameterFile(name="x y.eam", content=CONTENT),),
        elements=("Cu",),
        unit_set="real",
        species={"A": "Cu"},
    )
    potential = cuds.Potential(terms=(term, term), label="twice")
    run = SimulationRun(
        activity="SinglePoint",
        engine="an engine",
        version="1.0 beta",
        started=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        ended=datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC),
        used=(Used.of(potential), Used.of(mesh)),
        parameters={"b": [1, 2.5, None], "a": "ü"},
        transcript=TRANSCRIPT,
    )
    stress = cuds.Stress(value=(np.arange(6.0) / 3, "GPa"), label="σ").made_by(run)
    energy = cuds.PotentialEnergy(value=(-1 / 3, "eV")).made_by(run)
    strain = cuds.Strain(value=(np.arange(6.0), "percent"), point=(np.ones(3), "mm"))
    return cuds.DataSet(job, field, potential, stress, energy, strain, label="story")


def moving_story() -> cuds.DataSet:
    """One of everything else: motion, crystals, heat and cells; no setting is the one that it has when not given."""
    mesh, grid = brick(), np.arange(18.0).reshape(2, 3, 3)
    crystal = cuds.ParticleSystem(
        positions=(grid[0], "angstrom"),
        species=[0, 0, 0],
        kinds=[cuds.Species(symbol="Ar", atomic_number=18, mass="39.948 Da")],
        cell=(np.eye(3) * 9, "angstrom"),
        pbc=(True, True, True),
        label="argon",
    )
    motion = cuds.MolecularDynamics(
        crystal,
        ensemble="NPT",
        duration="1 ns",
        timestep="2 fs",
        temperature="300 K",
        pressure="1 bar",
        initial_temperature="600 K",
        thermostat="stochastic-rescaling",
        barostat="stochastic-rescaling",
        thermostat_time="0.2 ps",
        barostat_time="2 ps",
        coupling="full",
        every="20 fs",
        record=("positions", "velocities", "forces"),
        checkpoint="2 ps",
        seed=3,
    )
    times = cuds.Quantity(np.array([0.0, 0.02]), "ps")
    series = cuds.TimeSeries.of(
        times,
        [0, 10],
        {
            "Temperature": cuds.Quantity(np.array([1 / 3, 2.0]), "K"),
            "Stress": cuds.Quantity(np.arange(12.0).reshape(2, 6), "GPa"),
            "CellVectors": cuds.Quantity(grid + 1, "nm"),
        },
        label="series",
    )
    trajectory = cuds.Trajectory(
        system=crystal,
        times=times,
        steps=[0, 10],
        positions=(grid, "angstrom"),
        cell=(np.array([np.eye(3), np.eye(3) * 1.1]), "nm"),
        velocities=(-grid, "nm/ps"),
        forces=(grid / 3, "eV/angstrom"),
        label="argon",
    )
    lattice = cuds.LatticeParameters(
        lengths=([1.0, 2.0, 3.0], "angstrom"),
        angles=([90.0, 90.0, 120.0], "degree"),
        uncertainty=([0.1, 0.2, 1 / 3], "angstrom"),
    )
    volumes = np.linspace(90, 110, 7)
    equation = cuds.EquationOfState.fitted(
        (volumes, "angstrom**3"), (1e-3 * (volumes - 100) ** 2 - 3, "eV"), 8, label="equation"
    )
    steel = cuds.ElasticTensor.isotropic("200 GPa", 0.3, label="steel")
    warm = cuds.Material(
        conductivity=cuds.ThermalConductivity(value=(np.diag([1.0, 2.0, 3.0]), "W/m/K"), uncertainty="0.1 W/m/K"),
        density=cuds.Density(value="7.85 g/cm^3", uncertainty="10 kg/m^3"),
        specific_heat=cuds.SpecificHeat(value="460 J/kg/K", uncertainty="1 J/kg/K"),
        thermal_expansion=cuds.ThermalExpansion(value="12e-6 1/K", uncertainty="1e-7 1/K"),
        label="warm",
    )
    later = cuds.Field(
        name="temperature",
        quantity="Temperature",
        mesh=mesh,
        on="points",
        values=cuds.Quantity(np.arange(8.0), "K"),
        time="5 s",
    )
    heat = cuds.HeatConduction(
        mesh,
        material=warm,
        conditions=[
            cuds.Temperature("tip", "27 degC"),
            cuds.Temperature("tip", field=later),
            cuds.HeatFlux("left", (1 / 3, "W/m^2")),
            cuds.HeatSource("a body/1", "1e6 W/m^3"),
            cuds.Convection("left", coefficient="10 W/m^2/K", ambient="300 K"),
        ],
        initial=later,
        duration="10 s",
        timestep="0.1 s",
        every="5 s",
        tolerance=1e-9,
    )
    cell = cuds.Homogenisation(
        mesh,
        material=steel,
        conditions=[cuds.Periodic("left", "tip")] * 3,
        load_cases=("xx", "yz"),
        tolerance=1e-9,
    )
    bounds = cuds.ElasticBounds(
        lower=steel, upper=steel, methods=("Reuss",), constants=("K", "G"), moduli=([[1.0, 2.0]], "GPa")
    )
    return cuds.DataSet(motion, series, trajectory, lattice, equation, heat, cell, bounds, label="moving story")


STORIES = (whole_story, moving_story)


# --- anything at all ---

numbers = st.floats(allow_nan=False, allow_infinity=False, width=64)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = texts.filter(bool)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
json_maps = st.dictionaries(texts, json_values, max_size=3)
_COLUMNS = ("bool", "int8", "uint64", ">i4", "float16", "float32", "float64", ">f8")


def some(draw: st.DrawFn, kind: str, shape: tuple[int, ...] | None = None, elements: Any = numbers) -> Quantity:
    """A quantity of a kind, in any unit that fits."""
    unit = draw(st.sampled_from(fitting_units(reference_unit(kind))))
    value = draw(elements) if shape is None else draw(arrays(np.float64, shape, elements=elements))
    return Quantity(value, unit)


@st.composite
def columns(draw: st.DrawFn, n: int) -> Any:
    dtype = np.dtype(draw(st.sampled_from(_COLUMNS)))
    finite = {"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else {}
    return draw(arrays(dtype, (n, *draw(st.lists(st.integers(0, 3), max_size=2))), elements=finite))


@st.composite
def systems(draw: st.DrawFn) -> cuds.ParticleSystem:
    n, kinds = draw(st.integers(0, 8)), draw(st.integers(1, 3))
    cell = None
    if draw(st.booleans()):
        cell = Quantity(np.tril(draw(arrays(np.float64, (3, 3), elements=st.floats(0.1, 9)))), "nm")
    columns_of = {"velocities": ("Velocity", (n, 3)), "forces": ("Force", (n, 3)), "charges": ("ElectricCharge", (n,))}
    columns_of |= {"energies": ("Energy", (n,)), "atomic_stresses": ("Energy", (n, 6))}
    given = draw(st.sets(st.sampled_from(sorted(columns_of))))
    symbols = draw(st.lists(names, min_size=kinds, max_size=kinds, unique=True))
    return cuds.ParticleSystem(
        label=draw(texts),
        ids=draw(st.lists(st.integers(1, 2**63 - 1), min_size=n, max_size=n, unique=True)),
        positions=some(draw, "Length", (n, 3)),
        species=draw(st.lists(st.integers(0, kinds - 1), min_size=n, max_size=n)),
        kinds=[
            cuds.Species(symbol=s, atomic_number=draw(st.integers(0, 118)), mass=some(draw, "Mass")) for s in symbols
        ]
        if n or draw(st.booleans())
        else [],
        cell=cell,
        pbc=(False,) * 3 if cell is None else draw(st.tuples(st.booleans(), st.booleans(), st.booleans())),
        columns=draw(st.dictionaries(texts, columns(n), max_size=3)),
        annotations=draw(json_maps),
        **{name: some(draw, *columns_of[name]) for name in given},
    )


@st.composite
def meshes(draw: st.DrawFn) -> cuds.Mesh:
    n = draw(st.integers(1, 9))
    node = st.integers(0, n - 1)
    dimension = draw(st.sampled_from([2, 3]))
    fitting = sorted(s for s in NODES if SHAPES[s].dimension == dimension)
    shapes = draw(st.lists(st.sampled_from(fitting), min_size=1, max_size=3))
    blocks = [
        cuds.ElementBlock(shape=s, nodes=draw(arrays(np.int64, (draw(st.integers(0, 4)), NODES[s]), elements=node)))
        for s in shapes
    ]
    n_elements = sum(len(b) for b in blocks)
    regions = []
    for name in draw(st.lists(names, max_size=4, unique=True)):
        on = draw(st.sampled_from(["facets", "points", *(["elements"] if n_elements else [])]))
        limit = n_elements if on == "elements" else n
        shape = (draw(st.integers(0, 4)), *([draw(st.integers(2, 9))] if on == "facets" else []))
        members = draw(arrays(np.int64, shape, elements=st.integers(0, limit - 1)))
        regions.append(cuds.Region(name=name, on=on, members=members))
    return cuds.Mesh(label=draw(texts), points=some(draw, "Length", (n, 3)), blocks=blocks, regions=regions)


@st.composite
def fields(draw: st.DrawFn) -> cuds.Field:
    mesh = draw(meshes())
    on = draw(st.sampled_from(["points", "elements"]))
    quantity = draw(st.sampled_from(sorted(QUANTITIES)))
    kind, one = QUANTITIES[quantity]
    rows = len(mesh.points) if on == "points" else mesh.n_elements
    values = some(draw, kind, (rows, *one))
    return cuds.Field(label=draw(texts), name=draw(texts), quantity=quantity, mesh=mesh, on=on, values=values)


@st.composite
def runs(draw: st.DrawFn) -> SimulationRun:
    zones = st.sampled_from([UTC, timezone(timedelta(hours=-3, minutes=-30))])
    times = st.datetimes(timezones=zones)
    return SimulationRun(
        label=draw(texts),
        activity=draw(texts),
        engine=draw(texts),
        version=draw(texts),
        started=draw(times),
        ended=draw(times),
        used=[Used.of(e) for e in draw(st.lists(systems() | potentials(), max_size=2))],
        parameters=draw(json_maps),
        transcript=draw(texts),
    )


@st.composite
def potentials(draw: st.DrawFn) -> cuds.Potential:
    elements = draw(st.lists(names, max_size=3, unique=True))
    term = PotentialTerm(
        form=draw(texts),
        files=[ParameterFile(name=draw(texts), content=c) for c in draw(st.lists(st.binary(max_size=20), max_size=2))],
        elements=elements,
        unit_set=draw(texts),
        species=draw(st.dictionaries(texts, st.sampled_from(elements), max_size=2)) if elements else {},
    )
    return cuds.Potential(terms=[term] * draw(st.integers(1, 2)), label=draw(texts))


@st.composite
def states(draw: st.DrawFn) -> cuds.Entity:
    made: list[cuds.Entity] = [
        cuds.PotentialEnergy(value=some(draw, "Energy"), label=draw(texts)),
        cuds.Stress(value=some(draw, "Stress", (6,))),
        cuds.Strain(value=some(draw, "Strain", (6,)), point=draw(st.none() | st.just(some(draw, "Length", (3,))))),
        cuds.ElasticTensor.cubic("170 GPa", "122 GPa", "75 GPa", uncertainty=some(draw, "Stress", (6, 6))),
    ]
    return draw(st.sampled_from(made) | properties())


@st.composite
def properties(draw: st.DrawFn) -> cuds.Entity:
    """Properties of crystals and materials, with and without how sure they are."""
    positive = st.floats(1e-3, 1e3)

    def unsure(kind: str, shape: tuple[int, ...] | None = None) -> Quantity | None:
        return some(draw, kind, shape) if draw(st.booleans()) else None

    makers = [
        lambda: cuds.LatticeParameters(
            lengths=some(draw, "Length", (3,)),
            angles=some(draw, "Angle", (3,)),
            uncertainty=unsure("Length", (3,)),
            label=draw(texts),
        ),
        lambda: cuds.EquationOfState(
            volumes=some(draw, "Volume", (n := draw(st.integers(0, 4)),)),
            energies=some(draw, "Energy", (n,)),
            n_particles=draw(st.integers(1, 2**40)),
            volume=some(draw, "Volume", elements=positive),
            energy=some(draw, "Energy"),
            bulk_modulus=some(draw, "Stress", elements=positive),
            bulk_modulus_derivative=draw(numbers),
            residual=some(draw, "Energy"),
        ),
        lambda: cuds.ThermalConductivity(
            value=some(draw, "ThermalConductivity", elements=positive),
            uncertainty=unsure("ThermalConductivity", (3, 3)),
        ),
        lambda: cuds.ThermalExpansion(
            value=some(draw, "LinearExpansionCoefficient", elements=st.floats(-1, 1)),
            uncertainty=unsure("LinearExpansionCoefficient", (3, 3)),
        ),
        lambda: cuds.Density(value=some(draw, "Density", elements=positive), uncertainty=unsure("Density")),
        lambda: cuds.SpecificHeat(
            value=some(draw, "SpecificHeatCapacity", elements=positive), uncertainty=unsure("SpecificHeatCapacity")
        ),
    ]
    return draw(st.sampled_from(makers))()


@st.composite
def motions(draw: st.DrawFn) -> cuds.Entity:
    """What is asked for and recorded of moving particles; also no samples, no frames, no particles."""
    n = draw(st.integers(0, 3))
    times, steps = some(draw, "Time", (n,)), draw(arrays(np.int64, n))
    if draw(st.booleans()):
        sampled = draw(st.lists(st.sampled_from(sorted(SAMPLED)), unique=True))
        values = {q: some(draw, SAMPLED[q][0], (n, *SAMPLED[q][1])) for q in sampled}
        return cuds.TimeSeries.of(times, steps, values, label=draw(texts))
    system = draw(systems())
    shape = (n, len(system), 3)
    kinds = {"velocities": "Velocity", "forces": "Force"}
    given = draw(st.sets(st.sampled_from(sorted(kinds))))
    trajectory = cuds.Trajectory(
        system=system,
        times=times,
        steps=steps,
        positions=some(draw, "Length", shape),
        cell=some(draw, "Length", (n, 3, 3)) if draw(st.booleans()) else None,
        label=draw(texts),
        **{name: some(draw, kinds[name], shape) for name in given},
    )
    job = cuds.MolecularDynamics(
        system,
        duration="1 ps",
        timestep=draw(st.sampled_from(["1 fs", "0.5 fs"])),
        ensemble="NVT",
        temperature=some(draw, "ThermodynamicTemperature", elements=st.floats(1, 1e3)),
        thermostat=draw(st.sampled_from(["nose-hoover", "langevin", "stochastic-rescaling"])),
        record=draw(st.sampled_from([(), ("positions",), ("positions", "forces")])),
        seed=draw(st.none() | st.integers(1, 2**31 - 1)),
    )
    return draw(st.sampled_from([trajectory, job]))


@st.composite
def data_sets(draw: st.DrawFn) -> cuds.DataSet:
    entities = draw(st.lists(systems() | fields() | potentials() | states() | motions(), max_size=4))
    run = draw(st.none() | runs())
    made = [e if run is None or draw(st.booleans()) else e.made_by(run) for e in entities]
    return cuds.DataSet(*made, label=draw(texts))


# --- how to tell two apart ---


def difference(one: Any, other: Any, where: str = "") -> str:
    """Where two things first differ, bit for bit and in every field, what is no physics included; else nothing.

    Whether an array lies in a file or in memory is no difference.
    """
    if type(one) is not type(other) and not (isinstance(one, np.ndarray) and isinstance(other, np.ndarray)):
        return f"{where}: {type(one).__name__} and {type(other).__name__}"
    pairs = parts(one, other)
    if pairs is None:
        return "" if exactly(one) == exactly(other) else f"{where}: {one!r} and {other!r}"
    return next((found for name, a, b in pairs if (found := difference(a, b, where + name))), "")


def parts(one: Any, other: Any) -> list[tuple[str, Any, Any]] | None:
    """What two things of one type consist of, pair by pair; nothing where they have no parts."""
    if isinstance(one, cuds.DataSet):
        return [(" label", one.label, other.label), ("", tuple(one), tuple(other))]
    if isinstance(one, Component):
        names = [*one.bindings(), *(("id", "provenance") if isinstance(one, cuds.Entity) else ())]
        return [(f".{n}", getattr(one, n), getattr(other, n)) for n in names]
    if isinstance(one, Quantity):
        return [(" unit", one.unit, other.unit), ("", one.value, other.value)]
    if isinstance(one, tuple | list):
        both = [(f"[{i}]", a, b) for i, (a, b) in enumerate(zip(one, other, strict=False))]
        return [(" length", len(one), len(other)), *both]
    if isinstance(one, dict):
        ordered = list if any(isinstance(v, Component) for v in one.values()) else sorted  # of JSON order is nothing
        return [(" keys", ordered(one), ordered(other)), *((f"[{k!r}]", one[k], other.get(k)) for k in one)]
    return None


def exactly(value: Any) -> Any:
    """What two values without parts must share to be the same, bit for bit."""
    if isinstance(value, np.ndarray):
        return value.dtype, value.shape, value.tobytes()
    return value.isoformat() if isinstance(value, datetime) else repr(value)
