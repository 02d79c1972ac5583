"""What an engine can do, in terms of the ontology."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cuds.errors import UnsupportedError
from cuds.model.simulation import Simulation
from cuds.model.topology import Topology
from cuds.semantics.dictionary import EngineWords, engine_words


@dataclass(frozen=True)
class Capability:
    """One kind of simulation that an engine can run.

    Parameters
    ----------
    simulation : str
        Its class, like ``"SinglePoint"``.
    needs, provides : tuple of str
        Classes of the ontology: what must be given, what comes back.
    forms : tuple of str
        The functional forms it can realise, where it needs a potential.
    """

    simulation: str
    needs: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Engine:
    """An engine as its wrapper describes it.

    Parameters
    ----------
    name : str
        What ``engine=`` says.
    title, licence, install : str
        For people: its name, its licence, and the command that installs it.
    capabilities : tuple of Capability
        What it can do.
    potentials : Path, optional
        A folder of potential files that come with it.
    version : str
        Of the engine itself; empty before it was probed.
    details : dict
        What else the probe found.
    """

    name: str
    title: str
    licence: str
    install: str
    capabilities: tuple[Capability, ...]
    potentials: Path | None = None
    version: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, **more: Any) -> "Engine":
        """Return the description of the engine that the dictionary holds under `name`."""
        words = engine_words(name)
        capabilities = tuple(
            Capability(
                c["simulates"],
                tuple(c["needs"]),
                tuple(c["provides"]),
                words.forms if "Potential" in c["needs"] else (),
            )
            for c in words.capabilities
        )
        return cls(name, words.title, words.licence, words.install, capabilities, **more)

    def probed(self, version: str, **details: Any) -> "Engine":
        """Return the description with what a probe found."""
        return replace(self, version=version, details=details)

    def capability(self, kind: type[Simulation] | str) -> Capability | None:
        """Return the capability for a kind of simulation, if the engine has it."""
        name = kind if isinstance(kind, str) else kind.__name__
        return next((c for c in self.capabilities if c.simulation == name), None)

    def check(self, simulation: Simulation) -> Capability:
        """Refuse, by name, what the engine cannot do.

        Raises
        ------
        UnsupportedError
            When it has no capability for the kind of simulation, or no word for a form.
        """
        name = type(simulation).__name__
        found = self.capability(name)
        if found is None:
            can = [c.simulation for c in self.capabilities]
            raise UnsupportedError(
                f"{self.title} cannot run {name}", hint=f"it runs {', '.join(can)}", engine=self.name
            )
        self._check_topology(getattr(getattr(simulation, "system", None), "topology", None))
        potential = getattr(simulation, "potential", None)
        for term in potential.terms if potential is not None else ():
            if not found.forms:
                raise UnsupportedError(
                    f"{self.title} takes no potential ({term.name})",
                    hint="it has a potential of its own",
                    engine=self.name,
                )
            try:
                self.words().row(term.form, term.truncation)
                self.words().corrects(term.correction)
            except UnsupportedError as error:
                raise error.within(f"potential: {term.name}") from None
        return found

    def _check_topology(self, topology: Topology | None) -> None:
        if topology is not None and not any(r.role for r in self.words().rows):
            raise UnsupportedError(
                f"topology: {self.title} knows nothing of bonds ({topology!r})",
                hint="take an engine for molecules, or leave it out knowingly: system.replace(topology=None)",
                field="topology",
                engine=self.name,
            )

    def words(self) -> EngineWords:
        """Return the engine's part of the dictionary."""
        return engine_words(self.name)
