"""The one way a simulation or a recipe is performed: taken from where its result is kept, or done and kept."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cuds.errors import CudsError
from cuds.execution.adopt import adopted
from cuds.execution.cache import Place, log, place
from cuds.execution.engines import cache_folder
from cuds.execution.key import Key, key_of, why_not, wrappers_of
from cuds.execution.record import now, run_record
from cuds.execution.rehearse import Rehearsed
from cuds.execution.session import Laboratory
from cuds.model.dataset import DataSet, verify
from cuds.model.entity import Component
from cuds.model.provenance import SimulationRun
from cuds.wrapper.contract import Progress, silent

UNFINISHED = "unfinished"  # the folder of runs that can be resumed, beside the results


def performed(laboratory: Laboratory, what: Component, do: Callable[[Laboratory], DataSet]) -> DataSet:
    """Return the result of a simulation or a recipe.

    Parameters
    ----------
    laboratory : Laboratory
        How it is done, and what the work is called.
    what : Simulation or Recipe
        To be done.
    do : callable
        Does it in a laboratory.
    """
    if laboratory.rehearsing:
        return rehearsed(laboratory, what, do)
    places, key = _places(laboratory, what)
    found = None if laboratory.fresh or key is None else _look(laboratory, what, key, places)
    if found is None:
        records = _records(laboratory, key)
        verify(what)  # a result is kept under the digests that the files of its inputs state
        found = do(replace(laboratory, records=records))
        for place_ in places:
            assert key is not None
            place_.keep(key, found)
        if records is not None:
            shutil.rmtree(records.parent, ignore_errors=True)
    return found


def _records(laboratory: Laboratory, key: Key | None) -> Path | None:
    """Return where a run that can be resumed keeps how far it came: by what it is, so that nothing else goes on."""
    own = laboratory.results
    return None if own is None or key is None else own.parent / UNFINISHED / own.stem / key.digest[:16]


def retrieved(laboratory: Laboratory, what: Component) -> DataSet | None:
    """Return the result that is kept, if there is one; nothing is computed."""
    places, key = _places(laboratory, what)
    return None if laboratory.fresh or key is None else _look(laboratory, what, key, places)


def rehearsed(laboratory: Laboratory, what: Component, do: Callable[[Laboratory], DataSet]) -> DataSet:
    """Return the record of a dry run: its transcript holds what an engine would be told first."""
    started, engine, version, transcript = now(), "cuds", "", ""
    if wrappers_of(laboratory, what):
        try:
            do(replace(laboratory, progress=silent))
        except Rehearsed as end:
            engine, version, transcript = end.engine.name, end.engine.version, end.transcript
    return DataSet(run_record(what, engine, version, started, transcript, [("dry run", "nothing was computed")]))


def told(found: DataSet, name: str = "") -> str:
    """Return what a dry run found, for people."""
    run = found[SimulationRun]
    head = f"# {name or run.activity}: {run.activity} by {run.engine} {run.version}".rstrip()
    if run.engine == "cuds":
        return f"{head}: no engine is told anything\n"
    return f"{head}, dry run: nothing was computed; this it would be told\n{run.transcript}"


def _places(laboratory: Laboratory, what: Component) -> tuple[list[Place], Key | None]:
    """Return where the result may be kept, the nearest first, and by what."""
    own = None if laboratory.results is None else Place(laboratory.results, own=True)
    cached = cache_folder() is not None
    if cached and (reason := why_not(laboratory, what)):
        log.info("%s: neither taken from the cache nor kept there: %s", _called(laboratory, what), reason)
        cached = False
    if own is None and not cached:
        return [], None
    key = key_of(laboratory, what)
    return [p for p in (own, place(key) if cached else None) if p is not None], key


def _look(laboratory: Laboratory, what: Component, key: Key, places: list[Place]) -> DataSet | None:
    for i, one in enumerate(places):
        found = one.look(key)
        if found is None:
            continue
        for earlier in places[:i]:
            earlier.keep(key, found)
        try:
            result = adopted(found, what)
        except CudsError:  # of something else
            continue
        _tell(laboratory, what, one, result)
        return result
    return None


def _tell(laboratory: Laboratory, what: Component, where: Place, result: DataSet) -> None:
    """Say that a result was not computed again: nobody shall take it for a new one."""
    run = next((e.provenance for e in result if isinstance(e.provenance, SimulationRun)), None)
    text = f"{_called(laboratory, what)}: from {where}{', ' + run.kept if run is not None else ''}"
    log.warning("%s (fresh=True computes it anew)", text)
    laboratory.progress(Progress(1, 1, "results", text))


def _called(laboratory: Laboratory, what: Component) -> str:
    return laboratory.name or type(what).__name__
