"""GROMACS open on one system: files for grompp, and a rerun of mdrun at exactly the positions that are asked about."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from cuds.arrays import FloatArray
from cuds.errors import InvalidError, NotInstalledError, UnsupportedError
from cuds.model.dynamics import MolecularDynamics
from cuds.model.entity import Entity
from cuds.model.particles import ParticleSystem
from cuds.model.simulation import AtomisticSimulation
from cuds.model.state import EnergyContribution, PotentialEnergy
from cuds.model.tensor import triangular
from cuds.semantics.dictionary import EngineWords
from cuds.semantics.sites import displacement
from cuds.units import Quantity
from cuds.wrapper.contract import ProgressCallback, Session, silent, stale
from cuds_gromacs.codecs.structure import write_gro
from cuds_gromacs.parameters import parameters, settings_file
from cuds_gromacs.preparation import Inputs, read
from cuds_gromacs.program import Program, find
from cuds_gromacs.results import write_frame
from cuds_gromacs.single_point import SinglePointResult, commands, evaluate, rerun_settings
from cuds_gromacs.written import structure, topology_file

E = TypeVar("E", bound=Entity)
_DECIMALS = 12  # of the structure; the positions that are evaluated are in a file of doubles


def _unnamed(system: ParticleSystem) -> ParticleSystem:
    """Return a system without names and a label: what an engine is told does not depend on them."""
    return system.replace(naming=None, label="")


def program(options: Mapping[str, Any]) -> Program:
    """Return the program of the precision that is asked for; else that of double precision, if it is installed."""
    precision, threads = options.get("precision"), int(options.get("threads", 1))
    try:
        return find(precision or "double", threads=threads)
    except NotInstalledError:
        if precision:
            raise
        return find(threads=threads)


class GromacsSession(Session):
    """Single points with GROMACS.

    Parameters
    ----------
    simulation : AtomisticSimulation
        What is computed.
    folder : Path
        Where its files are written.
    words : EngineWords
        GROMACS's part of the dictionary.
    options : mapping
        Its own words, already checked.
    progress : callable
        Is told how far long work has come.
    """

    def __init__(
        self,
        simulation: AtomisticSimulation,
        folder: Path,
        words: EngineWords,
        options: Mapping[str, Any],
        progress: ProgressCallback = silent,
    ) -> None:
        assert simulation.potential is not None  # the wrapper refuses it before
        self.simulation, self.folder, self.words, self.options, self.progress = (
            simulation, folder, words, options, progress,
        )  # fmt: skip
        self.system = self._start()
        self.program = program(options)
        self.found: SinglePointResult | None = None
        self.rehearsing = False
        self.inputs = Inputs(folder / "conf.gro", folder / "topol.top", folder / "run.mdp", warnings=1)  # a net charge
        moving = isinstance(simulation, MolecularDynamics)
        told = topology_file(_unnamed(self.system), simulation.potential, words, moving=moving)
        self.inputs.topology.write_text(told, encoding="utf-8")
        self.inputs.settings.write_text(settings_file(parameters(self.system, simulation.potential)), encoding="utf-8")
        self._place()

    def _start(self) -> ParticleSystem:
        return self.simulation.system

    def _place(self) -> None:
        """Write where the particles are, in GROMACS's frame: its first cell vector is along x, the second in xy."""
        assert self.system.cell is not None
        self.rotation, cell = triangular(self.system.cell.in_unit("nm"))
        self.cell = cell
        x = self.system.positions.in_unit("nm") @ self.rotation.T
        write_gro(self.inputs.structure, structure(_unnamed(self.system), x, None, cell), _DECIMALS)
        write_frame(self.folder / "positions.trr", x, cell)

    def push(self, *what: Entity) -> None:
        """Replace the system by the same particles in another state."""
        for entity in what:
            if not isinstance(entity, ParticleSystem):
                raise UnsupportedError(
                    f"GROMACS takes no {type(entity).__name__} into a session", hint="push a ParticleSystem"
                )
            same = np.array_equal(entity.ids, self.system.ids) and entity.kinds == self.system.kinds
            if not (same and np.array_equal(entity.species, self.system.species)):
                raise InvalidError(
                    "ids: other particles than those of the session", hint="open a new session for them", field="ids"
                )
            if entity.topology != self.system.topology or entity.charges != self.system.charges:
                raise UnsupportedError(
                    "topology: another than that of the session", hint="open a new session for it", field="topology"
                )
            self.system = entity
            self._place()
            self.found = None

    def advance(self, steps: int | None = None) -> None:
        """Compute energy and forces at the positions as they are."""
        if not self.rehearsing:
            self.found = evaluate(self.program, self.folder, self.inputs, positions=self.folder / "positions.trr")

    def pull(self, kind: type[E], name: str = "") -> E:
        """Return the system with its forces, or its energy."""
        if self.found is None:
            raise stale()
        found: Entity
        if kind is ParticleSystem:
            forces: FloatArray = self.found.forces @ self.rotation
            found = self.system.replace(
                velocities=None, forces=Quantity(forces, "kJ/mol/nm"), energies=None, atomic_stresses=None
            )
        elif kind is PotentialEnergy:
            terms = dict(self.found.terms)
            total = Quantity(terms.pop("total"), "kJ/mol")
            parts = (EnergyContribution(name=n, value=Quantity(v, "kJ/mol")) for n, v in terms.items())
            found = PotentialEnergy(value=total, contributions=tuple(parts))
        else:
            raise UnsupportedError(
                f"GROMACS gives no {kind.__name__} of a single point", hint="it gives ParticleSystem, PotentialEnergy"
            )
        return found  # type: ignore[return-value]

    def transcript(self) -> str:
        """Return the commands, and the files but for the positions; run them in a folder that `keep=` kept."""
        told = commands(self.program, self.inputs, self.folder / "positions.trr")
        files = {"single_point.mdp": rerun_settings(self.inputs), "topol.top": read(self.inputs.topology)}
        return told + "".join(f"\n; --- {name} ---\n{text}" for name, text in files.items())

    def report(self) -> dict[str, Any]:
        """Return precision, what grompp warned of, and how far virtual sites are out of place."""
        facts: dict[str, Any] = {"precision": self.program.precision, **displacement(self.system)}
        return facts | ({"warnings": list(self.found.warnings)} if self.found and self.found.warnings else {})
