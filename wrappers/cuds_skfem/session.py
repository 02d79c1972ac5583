"""scikit-fem open on one body."""

import inspect
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import scipy.sparse as sp

from cuds.arrays import FloatArray
from cuds.errors import NotConvergedError, UnsupportedError
from cuds.model.condition import Displacement
from cuds.model.entity import Entity
from cuds.model.field import FIELDS, QUANTITIES, Field
from cuds.model.simulation import LinearElasticity
from cuds.model.state import von_mises
from cuds.units import Quantity
from cuds.wrapper.contract import Progress, ProgressCallback, stale
from cuds_skfem import assembly, bare, recover, thermal
from cuds_skfem.body_session import BodySession
from cuds_skfem.deck import deck_of
from cuds_skfem.memory import naming_memory
from cuds_skfem.solve import Equations, Solution

E = TypeVar("E", bound=Entity)
DECK = "body.npz"
# What can be pulled: the class of its values, where it lies, its unit here.
_PULLED = {
    FIELDS[quantity]: (quantity, on, unit)
    for quantity, on, unit in (
        ("Displacement", "points", "mm"),
        ("Strain", "elements", "1"),
        ("Stress", "elements", "MPa"),
        ("VonMisesStress", "elements", "MPa"),
        ("NodalStress", "points", "MPa"),
        ("ReactionForce", "points", "N"),
    )
}


class SkfemSession(BodySession[LinearElasticity]):
    """Linear elasticity with scikit-fem and pyamg.

    Parameters
    ----------
    job : LinearElasticity
        What is computed.
    folder, options, progress
        As for every session on a body.
    """

    takes = LinearElasticity
    prescribes = Displacement

    def __init__(
        self, job: LinearElasticity, folder: Path, options: Mapping[str, Any], progress: ProgressCallback
    ) -> None:
        super().__init__(job, folder, options, progress)
        self.deck = deck_of(job, self.solver)
        self._matrix: sp.bsr_matrix | None = None
        self._equations: Equations | None = None
        self._found: tuple[Solution, dict[str, FloatArray]] | None = None

    def push(self, *what: Entity) -> None:
        """Replace the job by another on the same mesh, or the values of its displacement field.

        The stiffness matrix stays while the materials do, the multigrid as long as also the same components are held.

        Raises
        ------
        InvalidError
            When the mesh is another one; and whatever is refused when a session is opened.
        UnsupportedError
            For anything else.
        """
        for entity in what:
            job = self._pushed(entity)
            deck = deck_of(job, self.solver)
            if not deck.same_matrix(self.deck):
                self._matrix = self._equations = None
            elif not deck.same_supports(self.deck):
                self._equations = None
            self.job, self.deck, self._found = job, deck, None

    @naming_memory
    def advance(self, steps: int | None = None) -> None:
        """Assemble what is not there yet, and solve.

        Raises
        ------
        NotConvergedError
            When the tolerance is not reached.
        OutOfMemoryError
            Naming what was being done; the session can go on, with another job or with more memory.

        Warns
        -----
        UserWarning
            When rounding keeps the residual above the tolerance: the solution is as exact as it can be.
        """
        if steps not in (None, 1):
            raise UnsupportedError(
                f"steps: {steps}, but equilibrium is found at once", hint="leave out steps", field="steps"
            )
        self._found = None
        if self.rehearsing:
            return
        deck, body = self.deck, self.deck.body
        size = f"{body.points.size} degrees of freedom"
        self._stage(0, f"assembling {size}")
        if self._matrix is None:
            self._matrix = assembly.stiffness_matrix(body, deck.law, deck.material)
        load = assembly.load_vector(body, deck.loads)
        heat = None if deck.thermal is None else (body, deck.thermal, deck.thermal_stress, deck.material)
        heat_load = np.zeros_like(load) if heat is None else thermal.thermal_load(*heat)
        self._stage(1, f"factorising {size}" if self.solver == "direct" else f"setting up multigrid for {size}")
        if self._equations is None:
            self._equations = Equations(self._matrix, body.points, deck.supports, self.solver)
        self._stage(2, f"solving {size}")
        found = self._equations.solve(load + heat_load, deck.supports, deck.tolerance, self._iteration)
        self._check(found)
        self._stage(3, "strain and stress")
        law = deck.stiffness, deck.material, deck.plane
        free = None if deck.thermal is None else thermal.mean_strain(body, deck.thermal, deck.material)
        strain, stress = recover.stress(recover.strain(body, found.displacement), *law, free)
        nodal = recover.nodal_stress(body, found.displacement, *law, deck.thermal)
        if heat is not None:
            energy = found.energy - float((heat_load * found.displacement).sum()) + thermal.held_back_energy(*heat)
            found = replace(found, load=load, energy=energy)
        self._found = (
            found,
            {
                **{"strain": strain, "stress": stress, "von_mises": von_mises(stress), "stress_points": nodal},
                **{"displacement": found.displacement, "reaction": deck.thickness * found.reaction},
            },
        )
        self._stage(4, f"solved {size}")

    def _stage(self, done: int, text: str) -> None:
        self.doing = text
        self.progress(Progress(done, 4, "stages", text))

    def _check(self, found: Solution) -> None:
        residual, tolerance = found.residual, self.deck.tolerance
        if residual <= tolerance:
            return
        if residual <= found.rounding:
            warnings.warn(
                f"scikit-fem: rounding leaves a relative residual of {residual:.3g}, more than the tolerance "
                f"{tolerance:.3g}: the displacement is as exact as it can be, the reactions are off by as much",
                stacklevel=3,
            )
            return
        solver = (
            "the factorisation" if self.solver == "direct" else f"{found.iterations} iterations of conjugate gradients"
        )
        raise NotConvergedError(
            f"scikit-fem: {solver} left a relative residual of {residual:.3g}, more than the tolerance {tolerance:.3g}",
            hint="loosen tolerance=, repair badly shaped elements, or try options={'solver': 'direct'}",
            iterations=found.iterations,
            residual=residual,
        )

    def pull(self, kind: type[E], name: str = "") -> E:
        """Return a field by its name: displacement, strain, stress, von_mises, stress_points or reaction.

        Raises
        ------
        InvalidError
            Before `advance`, and after a push.
        UnsupportedError
            For anything else.
        """
        if not issubclass(Field, kind) or name not in _PULLED:
            raise UnsupportedError(
                f"scikit-fem gives no {kind.__name__} {name!r}", hint=f"it gives the fields {', '.join(_PULLED)}"
            )
        if self._found is None:
            raise stale()
        quantity, on, unit = _PULLED[name]
        field = Field(
            name=name,
            quantity=quantity,
            mesh=self.job.mesh,
            on=on,
            values=Quantity(self._values(name), unit),
            label=name,
        )
        assert isinstance(field, kind)
        return field

    def _values(self, name: str) -> FloatArray:
        assert self._found is not None
        found = self._found[1][name]
        quantity, on, _ = _PULLED[name]
        if on == "elements":
            return found
        values = np.zeros((len(self.deck.body.local), *QUANTITIES[quantity][1]))  # points of no element do not move
        values[self.deck.body.given, : found.shape[1]] = found
        return values

    def transcript(self) -> str:
        """Return a Python script for scikit-fem alone; the arrays it reads are written to the session's folder."""
        np.savez(self.folder / DECK, allow_pickle=False, **self.deck.arrays())
        return inspect.getsource(bare)

    def report(self) -> dict[str, Any]:
        """Return size, solver, iterations and residual, the balance of forces, and the strain energy."""
        if self._found is None:
            return {}
        found, thickness = self._found[0], self.deck.thickness
        return {
            "degrees of freedom": found.displacement.size,
            "solver": "sparse factorisation" if self.solver == "direct" else "conjugate gradients with pyamg",
            "iterations": found.iterations,
            "relative residual": found.residual,
            "sum of loads [N]": (thickness * found.load.sum(axis=0)).tolist(),
            "sum of reactions [N]": (thickness * found.reaction.sum(axis=0)).tolist(),
            "strain energy [mJ]": thickness * found.energy,
        }
