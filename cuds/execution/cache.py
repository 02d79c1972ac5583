"""Results that are kept as data sets, and taken instead of being computed again.

A data set is committed by one rename, so that whoever is killed, or writes the same at the same time, harms nobody. It
is checked when it is read: what is damaged is computed anew.
"""

import contextlib
import json
import logging
import os
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cuds.codecs import hdf5
from cuds.errors import CudsError
from cuds.execution.engines import cache_folder
from cuds.execution.key import Key
from cuds.model.dataset import DataSet
from cuds.model.provenance import SimulationRun

log = logging.getLogger("cuds")
LIMIT = 10e9  # bytes in the user's cache, unless $CUDS_CACHE_LIMIT says another number of gigabytes


@dataclass(frozen=True)
class Place:
    """Where a result is kept.

    Parameters
    ----------
    path : Path
        Its file.
    own : bool
        Whether somebody asked for it by name: then it must be written; a cache may fail to.
    """

    path: Path
    own: bool = False

    def __str__(self) -> str:
        return str(self.path) if self.own else "cache"

    def look(self, key: Key) -> DataSet | None:
        """Return the result that is kept here, if there is one and it is whole."""
        if not self.path.exists():
            return None
        try:
            if hdf5.notes(self.path)["key"] != key.digest:
                if self.own:
                    log.warning("%s is of something else: it is computed anew", self.path)
                    return None
                raise ValueError("it is the result of something else")
            found = hdf5.read(self.path)
            found.verify()
            with contextlib.suppress(OSError):
                os.utime(self.path)  # what was not used for long goes first
            return found
        except (CudsError, OSError, KeyError, ValueError) as error:
            said = str(error).partition("\n")[0]
            warnings.warn(f"what was kept in {self.path} is damaged and computed anew: {said}", stacklevel=2)
            return None

    def keep(self, key: Key, found: DataSet) -> None:
        """Keep a result here.

        Raises
        ------
        OSError
            When somebody asked for it here, and it cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o755 if self.own else 0o700)
            hdf5.write(found, self.path, notes={"key": key.digest, "about": json.dumps(_about(found))})
        except (CudsError, OSError) as error:
            if self.own:
                raise
            log.warning("not kept in the cache: %s", str(error).partition("\n")[0])
            return
        if not self.own:
            _prune()


def _about(found: DataSet) -> dict[str, Any]:
    """Return what a list of results says of one."""
    run = next((e.provenance for e in found if isinstance(e.provenance, SimulationRun)), None)
    label = found.label or next((e.label for e in found if e.label), "")
    said: dict[str, Any] = {"label": label[:200], "entities": len(found)}
    if run is not None:
        seconds = (run.ended - run.started).total_seconds()
        said |= {"activity": run.activity, "engine": run.engine, "version": run.version}
        said |= {"computed": run.ended.isoformat(), "seconds": seconds}
    return said


def place(key: Key) -> Place | None:
    """Return where the user's cache keeps a result; None when it is off."""
    folder = cache_folder()
    return None if folder is None else Place(folder / "results" / key.digest[:2] / f"{key.digest}.h5md")


def kept() -> list[tuple[Path, os.stat_result]]:
    """Return the files of the user's cache, the one that was not used for longest first."""
    folder = cache_folder()
    found = []
    for path in () if folder is None else (folder / "results").glob("*/*.h5md"):
        with contextlib.suppress(OSError):  # somebody else clears it
            found.append((path, path.stat()))
    return sorted(found, key=lambda entry: (entry[1].st_mtime, entry[0].name))


def entries(*, older: float = 0.0) -> list[dict[str, Any]]:
    """Return what the user's cache holds: key, size in bytes, when it was last used, and what it is.

    Parameters
    ----------
    older : float
        Only what was not used for so many days.
    """
    found = []
    for path, stat in ((p, s) for p, s in kept() if s.st_mtime <= time.time() - 86400 * older):
        entry: dict[str, Any] = {"key": path.stem, "bytes": stat.st_size, "used": stat.st_mtime}
        try:
            entry |= json.loads(hdf5.notes(path)["about"])
        except (CudsError, OSError, KeyError, ValueError) as error:
            entry |= {"damaged": str(error).partition("\n")[0]}
        found.append(entry)
    return found


def clear(*keys: str, older: float = 0.0) -> tuple[int, int]:
    """Remove results from the user's cache.

    Parameters
    ----------
    *keys : str
        Beginnings of their keys; all when none is given.
    older : float
        Only those not used for so many days.

    Returns
    -------
    tuple of int
        How many were removed, and how many bytes.
    """
    count = size = 0
    for path, stat in kept():
        if (not keys or path.stem.startswith(keys)) and stat.st_mtime <= time.time() - 86400 * older:
            path.unlink(missing_ok=True)
            count, size = count + 1, size + stat.st_size
    _sweep()
    return count, size


def _sweep() -> None:
    """Remove what was half-written an hour ago: whoever wrote it was killed."""
    folder = cache_folder()
    for path in () if folder is None else (folder / "results").glob("*/.*"):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < time.time() - 3600:
                path.unlink()


_pruned = [-60.0]


def _prune() -> None:
    """Remove what was not used for longest until the cache is within its limit; looks once a minute."""
    if time.monotonic() - _pruned[0] < 60:
        return
    _pruned[0] = time.monotonic()
    _sweep()
    files = kept()
    size = sum(stat.st_size for _, stat in files)
    for path, stat in files:
        if size <= _limit():
            return
        with contextlib.suppress(OSError):
            path.unlink()
            size -= stat.st_size


def _limit() -> float:
    given = os.environ.get("CUDS_CACHE_LIMIT", "")
    try:
        return float(given) * 1e9 if given else LIMIT
    except ValueError:
        log.warning("CUDS_CACHE_LIMIT: %r is no number of gigabytes; %g is taken", given, LIMIT / 1e9)
        return LIMIT
