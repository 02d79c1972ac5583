"""ASE's calculators as an engine of cuds."""

from typing import TYPE_CHECKING

from cuds.errors import InvalidError, UnsupportedError
from cuds.model.dynamics import MolecularDynamics
from cuds.model.simulation import AtomisticSimulation, Simulation
from cuds.wrapper.capability import Engine
from cuds.wrapper.contract import Wrapper

if TYPE_CHECKING:
    from cuds_ase.session import AseSession

_PURE = ("emt", "lj", "morse")  # calculators that are ASE's own code and read no file


class AseWrapper(Wrapper):
    """A calculator of ASE, in the caller's process.

    A potential given by a file is calculated by the calculator that reads its format. A calculator that has a
    potential of its own is named by ``options={"calculator": "emt"}``, with ``"parameters"`` where it takes any.
    """

    name = "ase"
    isolation = "none"
    packages = ("ase", "numpy", "scipy")

    def outside(self) -> str:
        """Say of calculators that call a program or another package, and of parameters that may name a file."""
        own = str(self.options.get("calculator", "")).lower()
        if own and own not in _PURE:
            return f"the calculator {own!r} is more than ASE itself"
        named = [n for n, v in dict(self.options.get("parameters", {})).items() if not isinstance(v, int | float)]
        return f"the parameter {named[0]!r} may be anything" if named else ""

    def check(self, simulation: Simulation) -> None:
        """Refuse what ASE cannot express."""
        engine = self.describe()
        engine.check(simulation)
        assert isinstance(simulation, AtomisticSimulation)
        own = self.options.get("calculator")
        potential = simulation.potential
        if own is not None and potential is not None:
            raise UnsupportedError(
                f"the calculator {own!r} has its own potential and cannot take {potential.name}",
                hint="leave out potential=, or leave out the option calculator",
                engine="ase",
            )
        if own is None and potential is None:
            raise InvalidError(
                "potential: missing",
                hint="give potential=cuds.potential('...'), or options={'calculator': 'emt'}",
                field="potential",
            )
        if own is None and "parameters" in self.options:
            raise InvalidError(
                "options: parameters without a calculator", hint="name it: options={'calculator': ...}", field="options"
            )
        if not len(simulation.system):
            raise InvalidError("system: no particles", hint="give at least one", field="system")
        if potential is not None:
            self._check_term(simulation)
        if isinstance(simulation, MolecularDynamics):
            engine.words().scheme(simulation)

    def _check_term(self, simulation: AtomisticSimulation) -> None:
        potential = simulation.potential
        assert potential is not None
        if len(potential.terms) != 1:
            raise UnsupportedError(
                f"potential: a sum of {len(potential.terms)} terms",
                hint="a calculator of ASE has one",
                field="potential",
            )
        term, kinds = potential.terms[0], list(simulation.system.kinds_used())
        if term.between is not None and (len(kinds) != 1 or len(term.between) != 1):
            raise UnsupportedError(
                f"potential: {term.name} for {', '.join(k.symbol for k in kinds)}",
                hint="ASE's calculators of pairs treat all atoms alike: one species and one pair of it",
                engine="ase",
            )
        for kind in kinds:
            if term.files and term.element(kind.symbol) != kind.symbol:
                raise UnsupportedError(
                    f"species {kind.symbol!r} is mapped to {term.element(kind.symbol)!r}",
                    hint="ASE goes by chemical symbols; name the species as the file does",
                    engine="ase",
                )

    def probe(self) -> Engine:
        """Return the version of ASE, after calculating something with it."""
        import ase
        from ase.build import bulk
        from ase.calculators.emt import EMT

        atoms = bulk("Cu")
        atoms.calc = EMT()
        return self.describe().probed(ase.__version__, check=f"EMT energy of Cu {atoms.get_potential_energy():.4f} eV")

    def open(self, simulation: Simulation) -> "AseSession":
        """Return a session on particles at rest or in motion."""
        from cuds_ase.dynamics import AseDynamics
        from cuds_ase.session import AseSession

        self.check(simulation)
        assert isinstance(simulation, AtomisticSimulation)
        session = AseDynamics if isinstance(simulation, MolecularDynamics) else AseSession
        return session(simulation, self.folder, self.describe().words(), self.options)

    def rehearse(self, simulation: Simulation) -> "AseSession":
        """Return a session that has atoms and calculator, but computes nothing."""
        session = self.open(simulation)
        session.rehearsing = True
        return session
