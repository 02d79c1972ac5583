"""The one way anything is run: choose the engine, open the session, record where the result came from."""

from cuds.execution.run import energy, run

__all__ = ["energy", "run"]
