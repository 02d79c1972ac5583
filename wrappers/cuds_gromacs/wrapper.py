"""GROMACS as an engine of cuds."""

from typing import TYPE_CHECKING

from cuds.errors import InvalidError
from cuds.model.simulation import AtomisticSimulation, Simulation
from cuds.wrapper.capability import Engine
from cuds.wrapper.contract import Wrapper

if TYPE_CHECKING:
    from cuds_gromacs.session import GromacsSession


class GromacsWrapper(Wrapper):
    """The programs ``gmx_d`` or ``gmx``, as they are installed."""

    name = "gromacs"

    def check(self, simulation: Simulation) -> None:
        """Refuse what GROMACS cannot express."""
        from cuds.semantics.sites import check_masses, warn_of_displaced
        from cuds_gromacs.parameters import parameters
        from cuds_gromacs.written import topology_file

        engine = self.describe()
        engine.check(simulation)
        assert isinstance(simulation, AtomisticSimulation)
        if simulation.potential is None:
            raise InvalidError(
                "potential: missing; GROMACS has none of its own", hint="give potential=", field="potential"
            )
        if not len(simulation.system):
            raise InvalidError("system: no particles", hint="give at least one", field="system")
        check_masses(simulation.system)
        parameters(simulation.system, simulation.potential)
        topology_file(simulation.system, simulation.potential, engine.words())
        warn_of_displaced(simulation.system)

    def probe(self) -> Engine:
        """Ask the program for its version and its precision."""
        from cuds_gromacs.session import program

        found = program(self.options.get("precision"))
        return self.describe().probed(found.version, precision=found.precision, program=str(found.path))

    def open(self, simulation: Simulation) -> "GromacsSession":
        """Return a session on particles at rest."""
        from cuds_gromacs.session import GromacsSession

        self.check(simulation)
        assert isinstance(simulation, AtomisticSimulation)
        return GromacsSession(simulation, self.folder, self.describe().words(), self.options)

    def rehearse(self, simulation: Simulation) -> "GromacsSession":
        """Return a session that writes the files that GROMACS would be given, and starts nothing."""
        session = self.open(simulation)
        session.rehearsing = True
        return session
