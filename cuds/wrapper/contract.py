"""The contract between cuds and an engine: `Wrapper` and `Session`.

A plug-in subclasses both, names its wrapper in the entry-point group ``cuds.wrappers``, and proves itself by
subclassing `cuds.testing.WrapperContract`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Literal, Self, TypeVar

from cuds.errors import InvalidError, UnknownError, UnsupportedError, did_you_mean
from cuds.model.entity import Entity
from cuds.model.simulation import Simulation
from cuds.wrapper.capability import Engine

E = TypeVar("E", bound=Entity)


@dataclass(frozen=True)
class Progress:
    """How far something long has come.

    Parameters
    ----------
    done, total : int
        Counted in `unit`; a total of 0 is not known.
    unit : str
        Like ``"strains"``.
    text : str
        What is being done.
    """

    done: int
    total: int
    unit: str
    text: str


ProgressCallback = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """Ignore progress."""


def stale() -> InvalidError:
    """Return the error of a session that is asked for what it did not compute since something was pushed."""
    return InvalidError("nothing was computed since the last push", hint="call advance() first")


class Session(ABC):
    """An engine that is open on one simulation; a context manager.

    Order and ids of what `pull` returns are those of what was pushed, whatever the engine did in between.
    """

    @abstractmethod
    def push(self, *what: Entity) -> None:
        """Replace inputs by others of the same kind: a system in another state, boundary values, a field."""

    @abstractmethod
    def advance(self, steps: int | None = None) -> None:
        """Compute: a single point, a minimisation, a solve; or so many steps of it."""

    @abstractmethod
    def pull(self, kind: type[E], name: str = "") -> E:
        """Return a snapshot read from the engine; `name` tells fields apart."""

    def pull_all(self, kind: type[E], name: str = "") -> list[E]:
        """Return every snapshot of that kind that the simulation asks for: at each time, or of each load case."""
        return [self.pull(kind, name)]

    @abstractmethod
    def transcript(self) -> str:
        """Return exactly what the engine was told, runnable in the bare engine."""

    def report(self) -> dict[str, Any]:
        """Return facts of the last `advance` that JSON can say: iterations, residuals, counts."""
        return {}

    def state(self) -> bytes:
        """Return everything needed to go on from here."""
        raise UnsupportedError(f"{type(self).__name__} keeps no state", hint="start again from the model")

    def restore(self, state: bytes) -> None:
        """Go back to a `state`."""
        raise UnsupportedError(f"{type(self).__name__} keeps no state", hint="start again from the model")

    def close(self) -> None:
        """Release the engine; calling it twice does no harm."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Wrapper(ABC):
    """One engine.

    Parameters
    ----------
    folder : Path
        Where the engine may write. Whoever opens it keeps or removes it.
    options : mapping, optional
        The engine's own words; checked against its dictionary, and not portable.
    progress : callable, optional
        Is told how far long work has come.
    """

    name: ClassVar[str]
    isolation: ClassVar[Literal["worker", "none"]] = "worker"
    # The installed distributions that are the engine: as long as none changes, a probe need not be repeated.
    packages: ClassVar[tuple[str, ...]] = ()
    # How many seconds a call of `advance` should last when a motion is followed: what it records is kept after each.
    stretch: ClassVar[float] = 0.5

    def __init__(
        self, folder: Path, *, options: Mapping[str, Any] | None = None, progress: ProgressCallback = silent
    ) -> None:
        self.folder = folder
        self.options = dict(options or {})
        self.progress = progress
        self._check_options()

    def _check_options(self) -> None:
        allowed = self.describe().words().options
        for name, value in self.options.items():
            if name not in allowed:
                raise UnknownError(
                    f"options: {self.name} has no option {name!r}", hint=did_you_mean(name, allowed), option=name
                )
            values = allowed[name]["values"]
            if values and str(value) not in values:
                raise InvalidError(f"options: {name}={value!r}", hint=did_you_mean(str(value), values), option=name)

    @classmethod
    def launcher(cls, ranks: int) -> list[str]:
        """Return the command that starts a program as so many ranks of one engine.

        Raises
        ------
        UnsupportedError
            When the engine is one process.
        """
        raise UnsupportedError(f"ranks: {ranks}, but {cls.name} is one process", hint="leave out ranks", ranks=ranks)

    @classmethod
    def describe(cls) -> Engine:
        """Return what the dictionary says of the engine; starts nothing."""
        return Engine.of(cls.name)

    def check(self, simulation: Simulation) -> None:
        """Refuse, by name, what the engine cannot express; starts nothing."""
        self.describe().check(simulation)

    def outside(self) -> str:
        """Return what the options name that is no part of the engine, like a program or a file; empty for nothing.

        The result of such a run is no function of what cuds knows, and is not kept; and a wiring that comes from a file
        may not ask for it. Here: options whose values the dictionary does not list, unless they are numbers.
        """
        allowed = self.describe().words().options
        free = [n for n, v in self.options.items() if not allowed[n]["values"] and not isinstance(v, int | float)]
        return f"the option {free[0]!r} may be anything" if free else ""

    @abstractmethod
    def probe(self) -> Engine:
        """Start the engine once: its version and what is really there."""

    @abstractmethod
    def open(self, simulation: Simulation) -> Session:
        """Return a session on a simulation, ready to advance."""

    def rehearse(self, simulation: Simulation) -> Session:
        """Return a session that writes down what the engine would be told, and computes nothing.

        The engine may be started and given its input. `advance` adds to the transcript; there is nothing to pull.
        """
        raise UnsupportedError(
            f"{self.name} cannot say what it would be told without doing it", hint="its wrapper has no rehearse()"
        )
