"""Running a simulation."""

from functools import partial
from pathlib import Path
from typing import Any, Literal

from cuds import model
from cuds.errors import InvalidError
from cuds.execution.dynamics import Motion, told_where
from cuds.execution.lock import alone
from cuds.execution.perform import performed, told
from cuds.execution.record import now, run_record
from cuds.execution.session import RECORD, Laboratory, Opened
from cuds.model.dataset import DataSet
from cuds.model.dynamics import MolecularDynamics
from cuds.model.entity import Entity
from cuds.model.field import FIELDS, Field
from cuds.model.particles import ParticleSystem
from cuds.model.potential import Potential
from cuds.model.simulation import Simulation, SinglePoint
from cuds.model.state import PotentialEnergy
from cuds.wrapper.contract import ProgressCallback, silent


def run(  # noqa: PLR0913  how a run is done is said by name
    simulation: Simulation,
    *,
    engine: str | None = None,
    options: dict[str, Any] | None = None,
    keep: str | Path | None = None,
    progress: ProgressCallback = silent,
    timeout: float | None = None,
    isolation: Literal["worker", "none"] | None = None,
    ranks: int = 1,
    fresh: bool = False,
    dry_run: bool = False,
) -> DataSet:
    """Run a simulation and return what it gives, with its provenance.

    A result that is kept from before is taken, and said to be. ``CUDS_CACHE`` names another folder to keep results in
    than that of the user, or ``off``.

    Parameters
    ----------
    simulation : Simulation
        What to compute.
    engine : str, optional
        Which engine computes it; the only one that can when not given.
    options : dict, optional
        The engine's own words; recorded, and not portable.
    keep : path, optional
        A new folder in which the engine's files stay.
    progress : callable
        Is told how far long work has come.
    timeout : float, optional
        Seconds of silence after which an engine in a process of its own is stopped.
    isolation : {"worker", "none"}, optional
        Where the engine runs; as its wrapper says when not given.
    ranks : int
        How many processes the engine is, each with a part of the system, where its wrapper can start several: LAMMPS
        by the ``mpiexec`` of its environment.
    fresh : bool
        Compute anew what is kept.
    dry_run : bool
        Compute nothing: print what the engine would be told, and return the record of it.

    Returns
    -------
    DataSet
        The simulation and what the engine provides: for atoms the system, its energy and its stress; for a
        body its fields. Of a dry run a `SimulationRun` alone, with its transcript.

    Raises
    ------
    UnsupportedError
        What the engine cannot express, by name.
    EngineError
        What the engine said when it failed.
    """
    if not isinstance(simulation, Simulation):
        raise InvalidError(
            f"a {type(simulation).__name__} is no simulation",
            hint="give a SinglePoint, a LinearElasticity, a HeatConduction or another kind of cuds.Simulation",
        )
    place = Path(keep) if keep else None
    laboratory = Laboratory(engine, options or {}, place, progress, timeout, isolation, fresh, dry_run, ranks=ranks)
    found = performed(laboratory, simulation, partial(run_in, simulation=simulation))
    if dry_run:
        print(told(found))
    return found


def run_in(laboratory: Laboratory, simulation: Simulation) -> DataSet:
    """Run a simulation as a laboratory says."""
    started = now()
    with laboratory.open(simulation) as opened:
        found, report, motion = _followed(opened, simulation, laboratory)
        transcript = opened.session.transcript()
        if laboratory.keep is not None:
            (opened.folder / "transcript.txt").write_text(transcript)
        facts = [*report.items(), *(("option " + n, v) for n, v in laboratory.options.items())]
        facts += [("ranks", laboratory.ranks)] if laboratory.ranks > 1 else []
        record = run_record(simulation, opened.engine.name, opened.engine.version, started, transcript, facts)
        result = DataSet(simulation, *(e.made_by(record) for e in found), label=simulation.label)
        if motion is not None and laboratory.keep is not None:
            result.save(opened.folder / "result.h5md")
            motion.record.complete()
    return result


def _followed(
    opened: Opened, simulation: Simulation, laboratory: Laboratory
) -> tuple[list[Entity], dict[str, Any], Motion | None]:
    """Compute; return what the engine provides, its report, and of a motion how it was followed."""
    if laboratory.rehearsing or not isinstance(simulation, MolecularDynamics):
        opened.session.advance()
        return provided(opened, simulation), opened.session.report(), None
    with alone(opened.folder / RECORD, "keep", patience=10.0):
        motion = Motion(opened, simulation, laboratory)
        with told_where(motion):
            return motion.follow(), motion.report(), motion


def provided(opened: Opened, simulation: Simulation) -> list[Entity]:
    """Pull everything that the engine declares to provide for a simulation."""
    capability = opened.engine.capability(type(simulation))
    assert capability is not None  # checked before the engine was opened
    found: list[Entity] = []
    for name in capability.provides:
        if "Mesh" in capability.needs and name in FIELDS:
            found += opened.session.pull_all(Field, FIELDS[name])
        elif name != "Stress" or _has_cell(simulation):
            kind: type[Entity] = getattr(model, name)
            found.append(opened.session.pull(kind))
    return found


def _has_cell(simulation: Simulation) -> bool:
    return getattr(getattr(simulation, "system", None), "cell", None) is not None


def energy(
    system: ParticleSystem | DataSet,
    *,
    potential: Potential | None = None,
    engine: str | None = None,
    options: dict[str, Any] | None = None,
    fresh: bool = False,
) -> PotentialEnergy:
    """Return the potential energy of a system as it is.

    Parameters
    ----------
    system : ParticleSystem or DataSet
        The particles; of a data set with one system, and with its potential if it has one.
    potential : Potential, optional
        What acts between them.
    engine : str, optional
        Which engine computes it.
    options : dict, optional
        The engine's own words.
    fresh : bool
        Compute anew what is kept.
    """
    particles = system[ParticleSystem] if isinstance(system, DataSet) else system
    if potential is None and isinstance(system, DataSet) and system.all(Potential):
        potential = system[Potential]
    found = run(SinglePoint(particles, potential=potential), engine=engine, options=options, fresh=fresh)
    return found[PotentialEnergy]
