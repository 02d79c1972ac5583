"""Wiring simulations and recipes together."""

from cuds.coupling.node import Derive
from cuds.coupling.wiring import Wiring

__all__ = ["Derive", "Wiring"]
