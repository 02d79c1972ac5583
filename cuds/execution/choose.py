"""Which engine runs a simulation."""

from typing import Any

from cuds.errors import AmbiguousError, UnsupportedError
from cuds.model.potential import Potential
from cuds.model.simulation import Simulation
from cuds.wrapper.contract import Wrapper
from cuds.wrapper.discover import wrapper, wrappers


def choose(kind: type[Simulation], engine: str | None, about: Any = None) -> type[Wrapper]:
    """Return the wrapper named, or the only one that can run the kind of simulation.

    Parameters
    ----------
    kind : type of Simulation
        What is to be run.
    engine : str, optional
        The engine's name.
    about : Simulation, Potential, or anything with a potential, optional
        Engines that have no word for it are not taken.

    Raises
    ------
    UnsupportedError
        When none can.
    AmbiguousError
        When several can and none was named.
    """
    if engine is not None:
        return wrapper(engine)
    able = {
        name: w
        for name, w in wrappers().items()
        if w.describe().capability(kind) is not None and _speaks(w, kind, about)
    }
    if not able:
        known = ", ".join(wrappers()) or "none"
        raise UnsupportedError(
            f"no installed engine can run {kind.__name__}",
            hint=f"installed: {known}; cuds doctor says what can be added",
        )
    if len(able) > 1:
        names = ", ".join(sorted(able))
        raise AmbiguousError(
            f"engine: {names} can all run {kind.__name__}",
            hint=f"say which: engine={sorted(able)[0]!r}",
            field="engine",
        )
    return next(iter(able.values()))


def _speaks(candidate: type[Wrapper], kind: type[Simulation], about: Any) -> bool:
    if isinstance(about, Simulation):
        try:
            candidate.describe().check(about)
        except UnsupportedError:
            return False
        return True
    potential = about if isinstance(about, Potential) else getattr(about, "potential", None)
    capability = candidate.describe().capability(kind)
    forms = capability.forms if capability is not None else ()
    return potential is None or all(term.form in forms for term in potential.terms)
