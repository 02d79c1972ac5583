"""scikit-fem open on a periodic cell."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from cuds.arrays import FloatArray
from cuds.errors import InvalidError, NotConvergedError, UnsupportedError
from cuds.model.entity import Entity
from cuds.model.field import Field
from cuds.model.homogenisation import Homogenisation
from cuds.model.material import ElasticTensor
from cuds.model.tensor import NAMES
from cuds.units import Quantity
from cuds.wrapper.contract import Progress, ProgressCallback, stale
from cuds_skfem import assembly, bare_cell, recover
from cuds_skfem.body_session import BodySession
from cuds_skfem.cell import cell_deck_of
from cuds_skfem.memory import naming_memory
from cuds_skfem.transcripts import transcript_of

E = TypeVar("E", bound=Entity)
DECK = "cell.npz"
_PULLED = {
    "displacement": ("Displacement", "points", "mm"),
    "strain": ("Strain", "elements", "1"),
    "stress": ("Stress", "elements", "MPa"),
}
_NOTHING = 1e-6  # of a strain: components below it are not named
_SOFT = 1e-9  # of the largest eigenvalue: below it a cell has no stiffness against a strain


@dataclass(frozen=True, eq=False)
class CellSolution:
    """What came out.

    Parameters
    ----------
    displacements : ndarray (6, n, 3)
        Under the macroscopic unit strains, in mm.
    strains, stresses : ndarray (6, m, 6)
        Means over the elements; stresses in MPa.
    stiffness : ndarray (6, 6)
        From the energies, in MPa.
    by_stress : ndarray (6, 6)
        From the mean stresses, a column for each strain; where the solution is exact it is the same.
    iterations : tuple of int
        For each strain.
    residual : float
        The largest.
    """

    displacements: FloatArray
    strains: FloatArray
    stresses: FloatArray
    stiffness: FloatArray
    by_stress: FloatArray
    iterations: tuple[int, ...]
    residual: float


class CellSession(BodySession[Homogenisation]):
    """A periodic cell with scikit-fem and pyamg.

    Parameters
    ----------
    job : Homogenisation
        What is computed.
    folder, options, progress
        As for every session on a body.
    """

    takes = Homogenisation

    def __init__(
        self, job: Homogenisation, folder: Path, options: Mapping[str, Any], progress: ProgressCallback
    ) -> None:
        super().__init__(job, folder, options, progress)
        self.deck = cell_deck_of(job, self.solver)
        self._found: CellSolution | None = None

    def push(self, *what: Entity) -> None:
        """Replace the job by another on the same mesh.

        Raises
        ------
        InvalidError
            When the mesh is another one; and whatever is refused when a session is opened.
        UnsupportedError
            For anything else.
        """
        for entity in what:
            job = self._pushed(entity)
            self.deck = cell_deck_of(job, self.solver)
            self.job, self._found = job, None

    @naming_memory
    def advance(self, steps: int | None = None) -> None:
        """Assemble, and solve for six macroscopic strains.

        Raises
        ------
        NotConvergedError
            When the tolerance is not reached.
        OutOfMemoryError
            Naming what was being done.
        """
        if steps not in (None, 1):
            raise UnsupportedError(
                f"steps: {steps}, but all strains are applied at once", hint="leave out steps", field="steps"
            )
        self._found = None
        if self.rehearsing:
            return
        deck, body = self.deck, self.deck.body
        self._stage(0, f"assembling {3 * len(deck.cell.first)} degrees of freedom")
        K = assembly.stiffness_matrix(body, deck.stiffness, deck.material)
        equations = bare_cell.CellEquations(K, body.points, deck.cell.master, deck.solver)
        displacements, iterations, residuals = [], [], []
        for number, strain in enumerate(bare_cell.STRAINS):
            self._stage(number, f"macroscopic strain {NAMES[number]}")
            u, count, residual = equations.displacement(strain, deck.tolerance, self._iteration)
            self._check(NAMES[number], residual, count, equations)
            displacements.append(u.reshape(-1, 3))
            iterations.append(count)
            residuals.append(residual)
        self._found = self._solution(K, np.array(displacements), tuple(iterations), max(residuals))
        self._stage(6, "effective stiffness")

    def _solution(self, K: Any, u: FloatArray, iterations: tuple[int, ...], residual: float) -> CellSolution:
        deck, volume = self.deck, self.deck.cell.volume
        strains = np.array([recover.strain(deck.body, one) for one in u])
        stresses = np.array([recover.stress(one, deck.stiffness, deck.material)[1] for one in strains])
        mean = np.einsum("e,lei->il", assembly.volumes(deck.body), stresses) / volume
        energies = bare_cell.effective(K, u.reshape(6, -1), volume)
        return CellSolution(u, strains, stresses, 0.5 * (energies + energies.T), mean, iterations, residual)

    def _stage(self, done: int, text: str) -> None:
        self.doing = text
        self.progress(Progress(done, 6, "strains", text))

    def _check(self, name: str, residual: float, iterations: int, equations: bare_cell.CellEquations) -> None:
        if not residual <= self.deck.tolerance:
            raise NotConvergedError(
                f"scikit-fem: {iterations} iterations under the macroscopic strain {name} left a relative residual of "
                f"{residual:.3g}, more than the tolerance {self.deck.tolerance:.3g}",
                hint="loosen tolerance=, repair badly shaped elements, or try options={'solver': 'direct'}",
                iterations=iterations,
                residual=residual,
            )

    def pull(self, kind: type[E], name: str = "") -> E:
        """Return the effective stiffness; or a field under a macroscopic unit strain: ``"stress_xx"`` and so on.

        Raises
        ------
        InvalidError
            Before `advance`, after a push, and when the cell has no stiffness against some strain.
        UnsupportedError
            For anything else.
        """
        quantity, _, case = name.rpartition("_")
        known = not name or (quantity in _PULLED and case in NAMES)
        if not known or not issubclass(Field if name else ElasticTensor, kind):
            raise UnsupportedError(
                f"scikit-fem gives no {kind.__name__} {name!r}",
                hint=f"it gives an ElasticTensor, and the fields {', '.join(f'{q}_xx' for q in _PULLED)} and so on",
            )
        if self._found is None:
            raise stale()
        found = self._snapshot(quantity, case)
        assert isinstance(found, kind)
        return found

    def _snapshot(self, quantity: str, case: str) -> Entity:
        return self._field(quantity, NAMES.index(case)) if case else self._tensor()

    def pull_all(self, kind: type[E], name: str = "") -> list[E]:
        """Return a field under each of the load cases of the job, by its name without the strain."""
        if not name:
            return [self.pull(kind)]
        return [self.pull(kind, f"{name}_{case}") for case in self.job.load_cases]

    def _tensor(self) -> ElasticTensor:
        assert self._found is not None
        C = self._found.stiffness
        values, vectors = np.linalg.eigh(C)
        if values[0] <= _SOFT * values[-1]:
            soft = ", ".join(f"{n} {v:.3g}" for n, v in zip(NAMES, vectors[:, 0], strict=True) if abs(v) > _NOTHING)
            raise InvalidError(
                f"mesh: the cell has no stiffness against the strain {soft}",
                hint="what carries load must reach from each side of the cell to its partner",
                field="mesh",
            )
        return ElasticTensor(stiffness=Quantity(C, "MPa").to("GPa"), label="effective stiffness")

    def _field(self, name: str, case: int) -> Field:
        assert self._found is not None
        quantity, on, unit = _PULLED[name]
        if name == "displacement":
            values = np.zeros((len(self.deck.body.local), 3))  # points of no element do not move
            values[self.deck.body.given] = self._found.displacements[case]
        else:
            values = (self._found.strains if name == "strain" else self._found.stresses)[case]
        return Field(
            name=f"{name}_{NAMES[case]}",
            quantity=quantity,
            mesh=self.job.mesh,
            on=on,
            values=Quantity(values, unit),
            label=f"{name} under unit strain {NAMES[case]}",
        )

    def transcript(self) -> str:
        """Return a Python script for scikit-fem alone; the arrays it reads are written to the session's folder."""
        np.savez(self.folder / DECK, allow_pickle=False, **self.deck.arrays())
        return transcript_of(bare_cell)

    def report(self) -> dict[str, Any]:
        """Return size, solver, iterations and residual; how far the stiffness is from symmetric; what is in the cell.

        The asymmetry is that of the mean stresses. They also say how well the work of the means is the mean of the
        work (Hill 1963): the difference of both stiffnesses. Both relative to the largest entry.
        """
        if self._found is None:
            return {}
        found, deck = self._found, self.deck
        largest = float(np.abs(found.stiffness).max())
        volumes = assembly.volumes(deck.body)
        shares = np.bincount(deck.material, volumes, len(deck.stiffness)) / deck.cell.volume
        return {
            "degrees of freedom": 3 * len(deck.cell.first),
            "solver": "sparse factorisation" if deck.solver == "direct" else "conjugate gradients with pyamg",
            "iterations": list(found.iterations),
            "largest relative residual": found.residual,
            "asymmetry": float(np.abs(found.by_stress - found.by_stress.T).max()) / largest,
            "difference of Hill and Mandel": float(np.abs(found.by_stress - found.stiffness).max()) / largest,
            "volume of the cell [mm3]": deck.cell.volume,
            "shares of the cell": dict(zip(self.job.materials, shares.tolist(), strict=True)),
        }
