"""The temperature: the steady one, or step by step."""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from cuds.arrays import FloatArray
from cuds.errors import NotConvergedError
from cuds_skfem import bare, bare_heat
from cuds_skfem.heat import HeatDeck
from cuds_skfem.heat_assembly import Inflow, Matrices


@dataclass(frozen=True, eq=False)
class State:
    """How far it has come.

    Parameters
    ----------
    temperature : ndarray (n,)
        In K.
    steps : int
        How many were taken; 0 at the beginning, and of a steady temperature.
    summed : ndarray (n,)
        The temperature integrated over the time since the beginning, in K s; of a steady one itself.
    put_in : ndarray (n,)
        Heat that prescribed temperatures put in, by point, since the beginning in J; of a steady one in W.
    """

    temperature: FloatArray
    steps: int
    summed: FloatArray
    put_in: FloatArray


class HeatEquations:
    """The matrices of a body with its solver.

    Parameters
    ----------
    deck : HeatDeck
        The body.
    matrices : Matrices
        Of it.
    told : callable
        Is told of each iteration.
    """

    def __init__(self, deck: HeatDeck, matrices: Matrices, told: Callable[[int], None]) -> None:
        self.K, self.M, self.held = matrices.K, matrices.M, deck.prescribed.held
        self.h, self.tolerance, self.told = deck.times[0], deck.tolerance, told
        whole = self.K if self.h == 0 else self.M + bare_heat.GAMMA * self.h * self.K
        self.A = bare_heat.apart(whole, self.held)
        self.solver = deck.solver
        self.inverse = bare_heat.inverse_of(self.A, self.held, deck.solver)
        self.iterations, self.worst = 0, 0.0

    def correction(self, right: FloatArray) -> FloatArray:
        """Return the solution that is 0 at held points.

        Raises
        ------
        NotConvergedError
            When the tolerance is not reached.
        """
        free = ~self.held
        found, iterations, residual = bare.solved(self.A, right * free, self.inverse, self.tolerance, self.told)
        self.iterations += iterations
        self.worst = max(self.worst, residual)
        if not residual <= self.tolerance and residual > bare.rounding(sp.bsr_matrix(self.A), found, right * free):
            what = "the factorisation" if self.solver == "direct" else f"{iterations} iterations of conjugate gradients"
            raise NotConvergedError(
                f"scikit-fem: {what} left a relative residual of {residual:.3g}, more than the tolerance "
                f"{self.tolerance:.3g}",
                hint="loosen tolerance=, repair badly shaped elements, or try options={'solver': 'direct'}",
                iterations=iterations,
                residual=residual,
            )
        return found * free

    def steady(self, prescribed: FloatArray, inflows: Iterable[Inflow]) -> State:
        """Return the steady temperature."""
        f = _constant(inflows, len(prescribed))
        start = np.where(self.held, prescribed, 0.0)
        u = start + self.correction(f - self.K @ start)
        if self.worst > self.tolerance:
            warnings.warn(
                f"scikit-fem: rounding leaves a relative residual of {self.worst:.3g}, more than the tolerance "
                f"{self.tolerance:.3g}: the temperature is as exact as it can be",
                stacklevel=4,
            )
        return State(u, 0, u, np.where(self.held, self.K @ u - f, 0.0))

    def begun(self, initial: FloatArray, prescribed: FloatArray) -> State:
        """Return the state at the beginning: points with a prescribed temperature have it at once."""
        return self.pressed(State(initial, 0, np.zeros_like(initial), np.zeros_like(initial)), prescribed)

    def pressed(self, state: State, prescribed: FloatArray) -> State:
        """Return a state in which the prescribed temperatures hold; what heat that takes is put in."""
        u = np.where(self.held, prescribed, state.temperature)
        jump = u - state.temperature
        return replace(state, temperature=u, put_in=state.put_in + jump * np.asarray(self.M.sum(axis=0)).ravel())

    def step(self, state: State, inflows: Iterable[Inflow]) -> State:
        """Return the state a step later."""
        f, u, h = _constant(inflows, len(state.temperature)), state.temperature, self.h
        end, mean = bare_heat.step_of(self.K, f, u, h, self.correction)
        through = self.M @ (end - u) + h * (self.K @ mean - f)
        put_in = state.put_in + np.where(self.held, through, 0.0)
        return State(end, state.steps + 1, state.summed + h * mean, put_in)


def _constant(inflows: Iterable[Inflow], n: int) -> FloatArray:
    total: FloatArray = np.sum([np.zeros(n), *(i.constant for i in inflows)], axis=0)
    return total
