"""GROMACS as an engine of cuds."""

from typing import TYPE_CHECKING

from cuds.errors import InvalidError, UnsupportedError
from cuds.model.dynamics import MolecularDynamics
from cuds.model.simulation import AtomisticSimulation, EnergyMinimisation, Simulation
from cuds.wrapper.capability import Engine
from cuds.wrapper.contract import Wrapper

if TYPE_CHECKING:
    from cuds_gromacs.session import GromacsSession


class GromacsWrapper(Wrapper):
    """The programs ``gmx_d`` or ``gmx``, as they are installed."""

    name = "gromacs"

    stretch = 10.0  # mdrun begins anew with each call

    def check(self, simulation: Simulation) -> None:
        """Refuse what GROMACS cannot express."""
        from cuds.semantics.sites import check_masses, refuse_moving, warn_of_displaced
        from cuds_gromacs.parameters import parameters
        from cuds_gromacs.written import topology_file

        engine = self.describe()
        engine.check(simulation)
        assert isinstance(simulation, AtomisticSimulation)
        self._check_numbers()
        if simulation.potential is None:
            raise InvalidError(
                "potential: missing; GROMACS has none of its own", hint="give potential=", field="potential"
            )
        if not len(simulation.system):
            raise InvalidError("system: no particles", hint="give at least one", field="system")
        check_masses(simulation.system)
        refuse_moving(simulation, self.name, "GROMACS")
        if isinstance(simulation, EnergyMinimisation):
            self._refuse_minimisation(simulation)
        if isinstance(simulation, MolecularDynamics):
            self._refuse_motion(simulation)
        parameters(simulation.system, simulation.potential)
        topology_file(simulation.system, simulation.potential, engine.words())
        warn_of_displaced(simulation.system)

    def _check_numbers(self) -> None:
        threads, kappa = self.options.get("threads", 1), self.options.get("compressibility", 1.0)
        if not isinstance(threads, int) or threads < 1:
            raise InvalidError(f"options: threads={threads!r}", hint="give a whole number, 1 or more", option="threads")
        if not isinstance(kappa, int | float) or not kappa > 0:
            raise InvalidError(
                f"options: compressibility={kappa!r}",
                hint="give a number of 1/bar, like 4.5e-5",
                option="compressibility",
            )

    def _refuse_minimisation(self, wanted: EnergyMinimisation) -> None:
        if wanted.cell != "fixed":
            raise UnsupportedError(
                f"cell: GROMACS minimises no cell ({wanted.cell!r})",
                hint="give cell='fixed', or take another engine",
                field="cell",
                engine=self.name,
            )
        topology = wanted.system.topology
        if topology is not None and len(topology.constrained):
            raise UnsupportedError(
                f"topology: {len(topology.constrained)} constrained distances, which GROMACS's l-bfgs cannot hold",
                hint="give stiff bonds in their place, or leave them out knowingly",
                field="topology",
                engine=self.name,
            )

    def _refuse_motion(self, wanted: MolecularDynamics) -> None:
        self.describe().words().scheme(wanted)
        topology = wanted.system.topology
        rigid = 0 if topology is None else len(topology.constrained)
        if rigid and wanted.scheme == "NoseHooverNPT":
            raise UnsupportedError(
                f"topology: {rigid} constrained distances, which GROMACS cannot hold with the barostat 'nose-hoover'",
                hint="take thermostat='stochastic-rescaling', barostat='stochastic-rescaling'",
                field="barostat",
                engine=self.name,
            )

    def probe(self) -> Engine:
        """Ask the program for its version and its precision."""
        from cuds_gromacs.session import program

        found = program(self.options)
        return self.describe().probed(found.version, precision=found.precision, program=str(found.path))

    def open(self, simulation: Simulation) -> "GromacsSession":
        """Return a session on particles at rest, on the way to it, or in motion."""
        from cuds_gromacs.dynamics import GromacsDynamics
        from cuds_gromacs.minimisation import GromacsMinimisation
        from cuds_gromacs.session import GromacsSession

        self.check(simulation)
        assert isinstance(simulation, AtomisticSimulation)
        kinds = {MolecularDynamics: GromacsDynamics, EnergyMinimisation: GromacsMinimisation}
        session = kinds.get(type(simulation), GromacsSession)
        return session(simulation, self.folder, self.describe().words(), self.options, self.progress)

    def rehearse(self, simulation: Simulation) -> "GromacsSession":
        """Return a session that writes the files that GROMACS would be given, and starts nothing."""
        session = self.open(simulation)
        session.rehearsing = True
        return session
