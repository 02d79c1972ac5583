"""What a motion or a minimisation that went wrong is called: which step, which atoms, in GROMACS's own words."""

import math
import re

from cuds.arrays import IntArray
from cuds.errors import CudsError, EngineDiedError, EngineError, EngineTimeoutError, OutOfMemoryError

_SMALLER = "take a smaller timestep=, or relax the system first; a push begins anew"
_STEP = re.compile(r"\b[Ss]tep[ =:]+(\d+)")
_WORST = re.compile(r"rms (\S+), max (\S+) \(between atoms (\d+) and (\d+)\)")
_TURNED = re.compile(r"^ +(\d+) +(\d+) +\d+\.\d +[\d.]+ +[\d.]+ +[\d.]+ *$", re.MULTILINE)
_COMPLAINT = re.compile(
    r"^.*(?:LINCS WARNING|can not be settled|[Ss]hake did not converge|SHAKE ERROR).*$", re.MULTILINE
)
_NOT_ITS_OWN = ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "stopped")


def blown_up(error: EngineError, said: str, ids: IntArray, step: int, timestep: object) -> CudsError:
    """Return the error of a run that failed, with time step and atoms; one that was ended from outside as it is.

    Parameters
    ----------
    error : EngineError
        As it was raised.
    said : str
        What mdrun told, in its output and its log.
    ids : int array (n,)
        Of the atoms, in GROMACS's order.
    step : int
        From which it went on.
    timestep : Quantity
    """
    ended = isinstance(error, EngineDiedError) and any(word in error.message for word in _NOT_ITS_OWN)
    if ended or isinstance(error, EngineTimeoutError | OutOfMemoryError):
        return error
    atoms = [*error.fields.get("atoms", ()), *(n - 1 for n in _atoms(said))]
    lost = [int(ids[a]) for a in dict.fromkeys(atoms) if a < len(ids)]
    message, _, last = error.message.partition("; its last words: ")
    message += f"; it said: {words}" if (words := complaint(last or said)) and words not in message else ""
    named = f"; ids {', '.join(map(str, lost[:10]))}" if lost else ""
    steps = [int(s) for s in _STEP.findall(said)]
    at = max((s for s in steps if s >= step), default=step)
    return EngineError(
        f"{message}{named}; in or after step {at}, time step {timestep!r}",
        hint=_SMALLER,
        engine="gromacs",
        lost=lost,
    )


def complaint(said: str) -> str:
    """Return what mdrun said of distances that it could not hold; empty where it went on without trouble."""
    found = _COMPLAINT.search(said)
    return " ".join(found.group().split()) if found else ""


def _atoms(said: str) -> list[int]:
    """Return the atoms that GROMACS names, counted from 1; it names any where it compared what is no number."""
    found = _WORST.findall(said)
    worst = [pair for rms, most, *pair in found if math.isfinite(float(rms)) and float(most) > 0]
    return [int(n) for pair in (*worst, *_TURNED.findall(said)) for n in pair]
