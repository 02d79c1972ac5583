"""Every error of cuds: what is wrong, where, and what to do now.

::

    CudsError
    ├── InvalidError (ValueError)            a value that cannot be accepted
    │   ├── UnitError                        missing, unknown or of the wrong dimension
    │   ├── ShapeError                       an array of the wrong shape or type
    │   ├── FormatError                      a file whose content is not what it should be
    │   └── TooLargeError                    more of something than is taken
    ├── UnknownError (LookupError)           a name that nothing bears
    ├── AmbiguousError (LookupError)         a name or a meaning that several things bear
    ├── UnsupportedError (NotImplementedError)   an engine cannot express it
    ├── NotInstalledError (ImportError)      an engine or a library is missing
    ├── WiringError (TypeError)              ports that do not fit
    ├── StorageError (OSError)               a disk that is full, a folder that cannot be written to
    ├── StaleError (RuntimeError)            somebody else changed it meanwhile
    ├── ForbiddenError (PermissionError)     one may not do this
    ├── UnauthorisedError (PermissionError)  it is not known who asks
    ├── TooManyError (RuntimeError)          more requests than are answered
    └── EngineError (RuntimeError)           the engine said no
        ├── EngineDiedError (ChildProcessError)  its process ended
        ├── EngineTimeoutError (TimeoutError)    it did not answer in time
        ├── NotConvergedError (ArithmeticError)  it stopped short of the tolerance
        └── OutOfMemoryError (MemoryError)       the memory of the machine was not enough
"""

import difflib
from collections.abc import Iterable
from typing import Any, ClassVar


class CudsError(Exception):
    """The root of all errors of cuds.

    Parameters
    ----------
    message : str
        What is wrong, naming the field and the value.
    hint : str
        What to do now.
    **fields
        The same facts for programs.
    """

    slug: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str, **fields: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.fields = fields

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.hint, self.fields)

    def within(self, where: str) -> "CudsError":
        """Return the same error with the place it happened at in front of its message."""
        return type(self)(f"{where}: {self.message}", hint=self.hint, **self.fields)


def _rebuild(kind: type[CudsError], message: str, hint: str, fields: dict[str, Any]) -> CudsError:
    return kind(message, hint=hint, **fields)


class InvalidError(CudsError, ValueError):
    """A value that cannot be accepted."""

    slug = "invalid"


class UnitError(InvalidError):
    """A unit that is missing, unknown, or of the wrong dimension."""

    slug = "unit"


class ShapeError(InvalidError):
    """An array of the wrong shape or type."""

    slug = "shape"


class FormatError(InvalidError):
    """A file whose content is not what it should be."""

    slug = "format"


class TooLargeError(InvalidError):
    """More of something than is taken."""

    slug = "too-large"


class UnknownError(CudsError, LookupError):
    """A name that nothing bears."""

    slug = "unknown"


class AmbiguousError(CudsError, LookupError):
    """A name or a meaning that several things bear."""

    slug = "ambiguous"


class UnsupportedError(CudsError, NotImplementedError):
    """Something that an engine cannot express."""

    slug = "unsupported"


class NotInstalledError(CudsError, ImportError):
    """An engine or a library that is missing."""

    slug = "not-installed"


class WiringError(CudsError, TypeError):
    """Ports that do not fit together."""

    slug = "wiring"


class StorageError(CudsError, OSError):
    """A disk that is full, a folder that cannot be written to."""

    slug = "storage"


class StaleError(CudsError, RuntimeError):
    """What was to be changed is no more what it was: somebody else changed it meanwhile."""

    slug = "stale"


class ForbiddenError(CudsError, PermissionError):
    """Who asks may not do this."""

    slug = "forbidden"


class UnauthorisedError(CudsError, PermissionError):
    """It is not known who asks."""

    slug = "unauthorised"


class TooManyError(CudsError, RuntimeError):
    """More requests than are answered."""

    slug = "too-many"


class EngineError(CudsError, RuntimeError):
    """The engine said no; its own words are in the message."""

    slug = "engine"


class EngineDiedError(EngineError, ChildProcessError):
    """The process of the engine ended before it answered."""

    slug = "engine-died"


class EngineTimeoutError(EngineError, TimeoutError):
    """The engine did not answer in time; its process was stopped."""

    slug = "engine-timeout"


class NotConvergedError(EngineError, ArithmeticError):
    """The engine stopped short of the tolerance that was asked for."""

    slug = "not-converged"


class OutOfMemoryError(EngineError, MemoryError):
    """The memory of the machine, or what a process may have of it, was not enough."""

    slug = "out-of-memory"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint with the nearest known names, or with all of them.

    Examples
    --------
    >>> did_you_mean("lamps", ["lammps", "skfem"])
    "did you mean 'lammps'? known: lammps, skfem"
    """
    names = sorted(set(known))
    near = difflib.get_close_matches(name, names, n=3)
    listed = f"known: {', '.join(names)}" if names else "nothing is known here"
    if not near:
        return listed
    guess = f"did you mean {' or '.join(repr(n) for n in near)}?"
    return f"{guess} {listed}" if len(names) <= 12 else guess
