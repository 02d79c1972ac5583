"""scikit-fem open on the conduction of heat in one body."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from cuds.arrays import FloatArray
from cuds.errors import InvalidError, UnsupportedError
from cuds.model.entity import Entity
from cuds.model.field import Field
from cuds.model.heat import HeatConduction
from cuds.model.thermal import Temperature
from cuds.units import Quantity
from cuds.wrapper.contract import Progress, ProgressCallback, stale
from cuds_skfem import bare_heat, heat_assembly
from cuds_skfem.body_session import BodySession
from cuds_skfem.heat import MM, heat_deck_of
from cuds_skfem.heat_solve import HeatEquations, State
from cuds_skfem.memory import naming_memory
from cuds_skfem.transcripts import transcript_of

E = TypeVar("E", bound=Entity)
DECK = "heat.npz"
_PULLED = {"temperature": ("Temperature", "points", "K"), "heat_flux": ("HeatFluxDensity", "elements", "W/m**2")}
METHOD = "two-stage SDIRK of Alexander (1977), second order, L-stable"


class HeatSession(BodySession[HeatConduction]):
    """Conduction of heat with scikit-fem and pyamg.

    Parameters
    ----------
    job : HeatConduction
        What is computed.
    folder, options, progress
        As for every session on a body.
    """

    takes = HeatConduction
    prescribes = Temperature

    def __init__(
        self, job: HeatConduction, folder: Path, options: Mapping[str, Any], progress: ProgressCallback
    ) -> None:
        super().__init__(job, folder, options, progress)
        self.deck = heat_deck_of(job, self.solver)
        self._equations: HeatEquations | None = None
        self._inflows = heat_assembly.inflows(self.deck)
        self._state: State | None = None
        self._samples: list[tuple[float, FloatArray]] = []
        self._stale = False

    @property
    def equations(self) -> HeatEquations:
        """The matrices and their solver, made when they are first needed."""
        if self._equations is None:
            self._tell(0, 0, f"assembling {len(self.deck.body.points)} degrees of freedom")
            self._equations = HeatEquations(self.deck, heat_assembly.matrices(self.deck), self._iteration)
        return self._equations

    def push(self, *what: Entity) -> None:
        """Replace the job by another on the same mesh, which begins anew; or the values of its field of temperature.

        With other values of the field a change in time goes on from where it is. Matrices and multigrid stay while
        what they are made of does.

        Raises
        ------
        InvalidError
            When the mesh is another one; and whatever is refused when a session is opened.
        UnsupportedError
            For anything else.
        """
        for entity in what:
            job = self._pushed(entity)
            deck = heat_deck_of(job, self.solver)
            if not deck.same_matrices(self.deck):
                self._equations = None
            elif self._equations is not None:
                self._equations.tolerance = deck.tolerance
            self.job, self.deck, self._inflows, self._stale = job, deck, heat_assembly.inflows(deck), True
            if isinstance(entity, Field) and self._state is not None and deck.times[0]:
                self._state = self.equations.pressed(self._state, deck.prescribed.values)
            else:
                self._state, self._samples = None, []

    @naming_memory
    def advance(self, steps: int | None = None) -> None:
        """Find the steady temperature; or take so many steps in time, all that are left when no number is given.

        Raises
        ------
        InvalidError
            When fewer steps are left.
        NotConvergedError
            When the tolerance is not reached.
        OutOfMemoryError
            Naming what was being done.
        """
        if self.rehearsing:
            return
        h, between, samples = self.deck.times
        if h == 0:
            if steps not in (None, 1):
                raise UnsupportedError(
                    f"steps: {steps}, but the steady temperature is found at once",
                    hint="leave out steps",
                    field="steps",
                )
            self._state = self.equations.steady(self.deck.prescribed.values, self._inflows)
        else:
            state = self._state or self._begun()
            left = between * samples - state.steps
            wanted = left if steps is None else steps
            if not 0 <= wanted <= left:
                raise InvalidError(
                    f"steps: {steps}, but {left} of {between * samples} are left",
                    hint="the duration and the timestep of the job say how many there are",
                    field="steps",
                )
            self._march(state, wanted)
        self._stale = False

    def _begun(self) -> State:
        state = self.equations.begun(self.deck.initial, self.deck.prescribed.values)
        self._samples = [(0.0, state.temperature)] if self.job.every is not None else []
        return state

    def _march(self, state: State, steps: int) -> None:
        h, between, samples = self.deck.times
        for _ in range(steps):
            state = self.equations.step(state, self._inflows)
            self._tell(state.steps, between * samples, f"{state.steps * h:.6g} s")
            if state.steps % between == 0:
                self._samples.append((state.steps * h, state.temperature))
            self._state = state
        self._state = state

    def _tell(self, done: int, total: int, text: str) -> None:
        self.doing = text
        self.progress(Progress(done, total, "steps", text))

    def pull(self, kind: type[E], name: str = "") -> E:
        """Return a field by its name, as it is now: temperature or heat_flux.

        Raises
        ------
        InvalidError
            Before `advance`, and after a push.
        UnsupportedError
            For anything else.
        """
        self._check(kind, name)
        assert self._state is not None
        time = self._state.steps * self.deck.times[0] if self.deck.times[0] else None
        field = self._field(name, time, self._state.temperature)
        assert isinstance(field, kind)
        return field

    def pull_all(self, kind: type[E], name: str = "") -> list[E]:
        """Return a field at all times that are kept, in order."""
        self._check(kind, name)
        if not self.deck.times[0]:
            return [self.pull(kind, name)]
        return [f for t, u in self._samples if isinstance(f := self._field(name, t, u), kind)]

    def _check(self, kind: type[Entity], name: str) -> None:
        if not issubclass(Field, kind) or name not in _PULLED:
            raise UnsupportedError(
                f"scikit-fem gives no {kind.__name__} {name!r}", hint=f"it gives the fields {', '.join(_PULLED)}"
            )
        if self._state is None or self._stale:
            raise stale()

    def _field(self, name: str, time: float | None, temperature: FloatArray) -> Field:
        quantity, on, unit = _PULLED[name]
        if name == "heat_flux":
            values = heat_assembly.heat_flux(self.deck, temperature) / MM**2
        else:  # points of no element have the mean, which is no extreme
            values = np.full(len(self.deck.body.local), temperature.mean())
            values[self.deck.body.given] = temperature
        return Field(
            name=name,
            quantity=quantity,
            mesh=self.job.mesh,
            on=on,
            values=Quantity(values, unit),
            time=None if time is None else Quantity(time, "s"),
            label=name if time is None else f"{name} at {time:.6g} s",
        )

    def transcript(self) -> str:
        """Return a Python script for scikit-fem alone; the arrays it reads are written to the session's folder."""
        np.savez(self.folder / DECK, allow_pickle=False, **self.deck.arrays())
        return transcript_of(bare_heat)

    def state(self) -> bytes:
        """Return the temperature and what has been summed up; the samples so far are not in it."""
        if self._state is None or not self.deck.times[0]:
            raise UnsupportedError("there is nothing to go on from", hint="take a step in time first")
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **vars(self._state))
        return buffer.getvalue()

    def restore(self, state: bytes) -> None:
        """Go back to a `state` of the same job."""
        with np.load(io.BytesIO(state)) as kept:
            found = {name: kept[name] for name in ("temperature", "summed", "put_in")}
            if any(a.shape != self.deck.initial.shape for a in found.values()):
                raise InvalidError("state: of another mesh", hint="restore a state of this job", field="state")
            self._state, self._samples, self._stale = State(steps=int(kept["steps"]), **found), [], False

    def report(self) -> dict[str, Any]:
        """Return size, solver, iterations, residual, steps, and where heat comes from and where it stays.

        Heat is in W of a steady temperature, else in J since the beginning. What is stored and what all conditions
        put in differ by the imbalance.
        """
        if self._state is None or self._stale:
            return {}
        h, state, equations = self.deck.times[0], self._state, self.equations
        found: dict[str, Any] = {
            "degrees of freedom": len(state.temperature),
            "solver": "sparse factorisation" if self.deck.solver == "direct" else "conjugate gradients with pyamg",
            "iterations": equations.iterations,
            "largest relative residual": equations.worst,
        }
        if h:
            found |= {"time integration": METHOD, "timestep [s]": h, "steps": state.steps}
        return found | self._balance(state) | {"lowest temperature [K]": float(state.temperature.min())}

    def _balance(self, state: State) -> dict[str, Any]:
        h, thickness = self.deck.times[0], self.deck.thickness
        span, unit = (state.steps * h, "J") if h else (1.0, "W")
        into: dict[str, float] = {}
        for inflow in self._inflows:
            heat = span * inflow.constant.sum() - inflow.loss @ state.summed
            self._count(into, inflow.condition, thickness * float(heat))
        owner = self.deck.prescribed.owner
        for number in np.unique(owner[owner >= 0]):
            self._count(into, int(number), thickness * float(state.put_in[owner == number].sum()))
        stored = thickness * float((self.equations.M @ (state.temperature - self.deck.initial)).sum()) if h else 0.0
        total = sum(into.values())
        return {f"heat into the body [{unit}]": into, f"stored [{unit}]": stored, f"imbalance [{unit}]": total - stored}

    def _count(self, into: dict[str, float], number: int, heat: float) -> None:
        condition = self.job.conditions[number]
        name = f"{type(condition).__name__} {condition.region}".strip()
        into[name] = into.get(name, 0.0) + heat
