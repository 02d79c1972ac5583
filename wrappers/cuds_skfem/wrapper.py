"""scikit-fem as an engine of cuds."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cuds.model.heat import HeatConduction
from cuds.model.homogenisation import Homogenisation
from cuds.model.simulation import Simulation
from cuds.registry import require
from cuds.wrapper.capability import Engine
from cuds.wrapper.contract import Wrapper

if TYPE_CHECKING:
    from cuds_skfem.body_session import BodySession


class SkfemWrapper(Wrapper):
    """Finite elements by scikit-fem and pyamg, in the caller's process."""

    name = "skfem"
    isolation = "none"
    packages = ("scikit-fem", "pyamg", "scipy", "numpy")

    def check(self, simulation: Simulation) -> None:
        """Refuse what scikit-fem cannot solve: everything but the solution is prepared to see."""
        deck_of, _ = self._parts(simulation)
        deck_of(simulation)

    def probe(self) -> Engine:
        """Assemble the volume of the unit cube and return the versions."""
        skfem, pyamg, scipy = (require(name, "skfem") for name in ("skfem", "pyamg", "scipy"))
        volume = float(skfem.Basis(skfem.MeshTet(), skfem.ElementTetP1()).dx.sum())
        return self.describe().probed(
            skfem.__version__,
            pyamg=pyamg.__version__,
            scipy=scipy.__version__,
            check=f"volume of a unit cube {volume:g}",
        )

    def open(self, simulation: Simulation) -> "BodySession[Any]":
        """Return a session on a body."""
        _, session = self._parts(simulation)
        opened: BodySession[Any] = session(simulation, self.folder, self.options, self.progress)
        return opened

    def rehearse(self, simulation: Simulation) -> "BodySession[Any]":
        """Return a session that has the arrays of a body, but solves nothing."""
        session = self.open(simulation)
        session.rehearsing = True
        return session

    def _parts(self, simulation: Simulation) -> tuple[Callable[[Any], Any], Callable[..., Any]]:
        """Return what prepares a kind of simulation, and its session."""
        self.describe().check(simulation)
        for name in ("skfem", "pyamg"):
            require(name, "skfem")
        if isinstance(simulation, HeatConduction):
            from cuds_skfem.heat import heat_deck_of
            from cuds_skfem.heat_session import HeatSession

            return heat_deck_of, HeatSession
        if isinstance(simulation, Homogenisation):
            from cuds_skfem.cell import cell_deck_of
            from cuds_skfem.cell_session import CellSession

            return cell_deck_of, CellSession
        from cuds_skfem.deck import deck_of
        from cuds_skfem.session import SkfemSession

        return deck_of, SkfemSession
