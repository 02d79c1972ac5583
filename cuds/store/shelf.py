"""The files of a library: one of each version of each data set, which alone say what there is.

::

    library.json                       says that the folder is a library, and which
    sets/<name>/<number>.h5md          a version of a data set, <number>.nt one of a plain graph;
                                       <number>.deleted says that there is nothing any more
    journal                            names that were touched, in order: a hint for whoever keeps an index
    writing/<id>/                      what somebody is writing, who holds writing/<id>.lock
    lock                               held for the moment of a commit
    intent                             several versions that are committed together: whoever finds it ends that
    index/                             derived: see `cuds.store.upkeep`

A version is written apart, flushed to the disk, and committed by one rename. The journal says first what is to be
committed, under the lock: whoever holds the lock finds every commit in the journal.
"""

import errno
import json
import os
import re
import shutil
import stat
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import islice, takewhile
from operator import itemgetter
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from cuds.codecs.whole import replacing, to_disk
from cuds.errors import CudsError, FormatError, InvalidError, StorageError
from cuds.semantics.places import part
from cuds.store.graphs import Inspect
from cuds.store.lock import Held, turn
from cuds.store.naming import DEFAULT
from cuds.store.protocol import Version, refuse_stale

LAYOUT = 1
_VERSION = re.compile(r"([1-9][0-9]*)\.(h5md|nt|deleted)")
Position = tuple[int, int, bytes]  # the file of the journal, how far it was read, and what stands before that
_TAIL = 256  # bytes


class Shelf:
    """The files.

    Parameters
    ----------
    folder : Path
        Made when it is not there.

    Raises
    ------
    InvalidError
        When there is something else.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.sets, self.writing, self.journal = (self.folder / name for name in ("sets", "writing", "journal"))
        self.intent = self.folder / "intent"
        self.inspect: Inspect | None = None
        with storing(self.folder):
            self._begin()

    def _begin(self) -> None:
        marker = self.folder / "library.json"
        if not marker.exists():
            if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
                raise InvalidError(
                    f"{self.folder} is no library: it holds other things", hint="name an empty or a new folder"
                )
            self.folder.mkdir(parents=True, exist_ok=True)
            with replacing(marker) as partial:
                partial.write_text(json.dumps({"layout": LAYOUT, "id": str(uuid.uuid4())}))
        try:
            said = json.loads(marker.read_text())
            layout, self.id = said["layout"], str(said.get("id", ""))
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError(f"{marker}: damaged: {error}", hint=f'it should be {{"layout": {LAYOUT}}}') from None
        if layout != LAYOUT:
            raise FormatError(f"{self.folder}: its layout is {layout}, not {LAYOUT}", hint="install a newer cuds")
        for needed in (self.sets, self.writing):
            if not needed.is_dir():
                needed.mkdir(exist_ok=True)

    # --- what there is ---

    def names(self) -> list[str]:
        """Return the names of which there ever was a version."""
        return sorted(unquote(entry.name) for entry in os.scandir(self.sets) if os.path.isdir(entry.path))

    def versions(self, name: str) -> list[Version]:
        """Return all versions of a name, the first one first."""
        found = (self._version(name, file) for file in self._files(name))
        return [version for version in found if version is not None]

    def last(self, name: str) -> list[Version]:
        """Return the newest version of a name alone; none where there never was one. The others are not looked at."""
        found = (self._version(name, file) for file in reversed(self._files(name)))
        return list(islice((version for version in found if version is not None), 1))

    def origin(self, version: Version) -> Version:
        """Return the first version of its name since that was last deleted."""
        files = list(takewhile(lambda file: not file.name.endswith(".deleted"), reversed(self._files(version.name))))
        found = (self._version(version.name, file) for file in reversed(files))
        return next((one for one in found if one is not None and one.number <= version.number), version)

    def _files(self, name: str) -> list["os.DirEntry[str]"]:
        """Return what may be versions of a name, by number."""
        matched = [(_VERSION.fullmatch(file.name), file) for file in _inside(self.sets / part(name))]
        several = [(int(said[1]), file.name, file) for said, file in matched if said is not None]
        return [file for _, _, file in sorted(several, key=itemgetter(0, 1))]

    def _version(self, name: str, file: "os.DirEntry[str] | Path") -> Version | None:
        """Return the version that a file is, if it is one."""
        matched = _VERSION.fullmatch(file.name)
        try:
            status = file.stat() if matched is not None else None
        except OSError:  # it was purged meanwhile, or is a link that leads nowhere
            return None
        if matched is None or status is None or not stat.S_ISREG(status.st_mode):
            return None
        number, ending = int(matched[1]), matched[2]
        mark = f"{number} {status.st_size} {status.st_mtime_ns}"
        deleted, plain = ending == "deleted", ending == "nt"
        return Version(name, number, deleted, status.st_size, status.st_mtime, mark, plain, self.id)

    def listed(self) -> list[Version]:
        """Return the newest version of everything that is there, but for the default graph."""
        return sorted(v for name, v in self.newest().items() if name != DEFAULT)

    def newest(self, names: Iterable[str] | None = None) -> dict[str, Version]:
        """Return the newest version of names, of all when none are given; of those that are there."""
        found = (version for name in (self.names() if names is None else names) for version in self.last(name))
        return {version.name: version for version in found if not version.deleted}

    def path(self, version: Version) -> Path:
        """Return the file of a version."""
        ending = "deleted" if version.deleted else "nt" if version.plain else "h5md"
        return self.sets / part(version.name) / f"{version.number}.{ending}"

    def strangers(self) -> list[Path]:
        """Return what lies among the versions and is none."""
        found = []
        for folder in sorted(self.sets.iterdir()):
            inside = sorted(folder.iterdir()) if folder.is_dir() else [folder]
            found += [p for p in inside if p.parent == self.sets or not _VERSION.fullmatch(p.name) or not p.is_file()]
        return found

    # --- what changes it ---

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """Yield a folder of one's own to write in; what is left in it goes, at the latest when somebody sweeps."""
        own = self.writing / uuid.uuid4().hex
        lock = own.with_suffix(".lock")
        with storing(self.folder):
            while (held := Held.take(lock)) is None:  # somebody who sweeps looks at it, and removes it
                time.sleep(0.001)
            try:
                own.mkdir()
                yield own
            finally:
                shutil.rmtree(own, ignore_errors=True)
                lock.unlink(missing_ok=True)
                held.release()

    def commit(self, name: str, draft: Path, expected: int | None = None) -> Version:
        """Make a file the newest version of a name, by one rename; its ending says what it is.

        Raises
        ------
        StaleError
            When another version than expected is the newest.
        """
        place = self.sets / part(name)
        with self.turn():
            there = self.last(name)
            refuse_stale(name, there, expected)
            number = max((v.number for v in there), default=0) + 1
            place.mkdir(exist_ok=True)
            self._note(name, number)
            file = draft.rename(place / f"{number}{draft.suffix}")
            for folder in (place, self.sets):
                to_disk(folder)
            version = self._version(name, file)
            assert version is not None  # nobody takes it away before our turn is over
            return version

    def purge(self, name: str, own: Path) -> None:
        """Take away all versions of a name, by one rename."""
        with self.turn():
            self._note(name, 0)
            (self.sets / part(name)).rename(own / "purged")
            to_disk(self.sets)

    def commit_all(
        self, own: Path, drafts: Mapping[str, Path], expected: Mapping[str, int], check: Callable[[], None]
    ) -> list[Version]:
        """Make files the newest versions of names, all or none of them, whoever is killed.

        What is to be done is on the disk before it is done; whoever has the next turn ends it.

        Parameters
        ----------
        own : Path
            The folder in which they lie.
        drafts : mapping
            By name.
        expected : mapping
            The numbers of the versions that must be the newest; 0 for none.
        check : callable
            Raises when something else became of what they rest on.
        """
        with self.turn():
            check()
            moves: list[Any] = []
            for name, draft in drafts.items():
                there = self.last(name)
                refuse_stale(name, there, expected[name])
                number = max((v.number for v in there), default=0) + 1
                moves.append([name, number, str(draft.relative_to(self.folder))])
            for name, number, _ in moves:  # what takes room comes first
                (self.sets / part(name)).mkdir(exist_ok=True)
                self._note(name, number)
            if len(moves) > 1:
                written = own / "intent"
                written.write_text(json.dumps(moves))
                to_disk(written)
                to_disk(own)
                written.rename(self.intent)
                to_disk(self.folder)
            self._move(moves)
            return [version for name in drafts for version in self.last(name)]

    def _settle(self) -> None:
        """End what somebody began to commit."""
        moves = json.loads(self.intent.read_text())
        for name, number, _ in moves:
            self._note(name, number)
        self._move(moves)

    def _move(self, moves: list[list[Any]]) -> None:
        places = [self.sets / part(name) for name, _, _ in moves]
        for (_, number, draft), place in zip(moves, places, strict=True):
            if (source := self.folder / draft).exists():
                source.rename(place / f"{number}{source.suffix}")
        for folder in (*places, self.sets):
            to_disk(folder)
        if self.intent.exists():
            self.intent.unlink()
            to_disk(self.folder)

    def settled(self) -> None:
        """Have several versions that somebody commits together all there, or none."""
        if self.intent.exists():
            with self.turn():
                pass

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Yield when nobody else commits."""
        with turn(self.folder / "lock"):
            if self.intent.exists():
                self._settle()
            yield

    def sweep(self) -> None:
        """End or remove what writers left that were killed."""
        with suppress(OSError):
            self.settled()
        for lock in self.writing.glob("*.lock"):
            with suppress(OSError):
                if (held := Held.take(lock)) is not None:
                    if not self.intent.exists():  # else it may lie in there what is to be committed
                        shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
                        lock.unlink(missing_ok=True)
                    held.release()
        for folder in self.writing.iterdir():
            if folder.is_dir() and not folder.with_suffix(".lock").exists() and not self.intent.exists():
                shutil.rmtree(folder, ignore_errors=True)

    # --- the journal ---

    def _note(self, name: str, number: int) -> None:
        """Say in the journal that a name is touched; a line that somebody left torn is ended first."""
        with self.journal.open("ab+") as file:
            end = file.seek(0, os.SEEK_END)
            torn = end > 0 and (file.seek(end - 1), file.read(1))[1] != b"\n"
            file.write(b"\n" * torn + json.dumps([name, number]).encode() + b"\n")

    def position(self) -> Position:
        """Return how far the journal goes."""
        try:
            with self.journal.open("rb") as file:
                stat = os.fstat(file.fileno())
                file.seek(max(0, stat.st_size - _TAIL))
                return stat.st_ino, stat.st_size, file.read(min(_TAIL, stat.st_size))
        except FileNotFoundError:
            return 0, 0, b""

    def since(self, position: Position | None) -> set[str] | None:
        """Return the names touched since; None when the journal cannot tell, as it is torn or another one."""
        if position is None:
            return None
        file, size, tail = position
        now, end, _ = self.position()
        if (file not in (0, now)) or size > end:
            return None
        if end == 0:
            return set()
        with self.journal.open("rb") as journal:
            journal.seek(size - len(tail))
            same = journal.read(len(tail)) == tail
            lines = journal.read(end - size).splitlines()
        try:
            names = {name for line in lines if line for name, _ in [json.loads(line)]}
        except (ValueError, TypeError):
            return None
        return names if same and all(isinstance(name, str) for name in names) else None


@contextmanager
def storing(folder: Path) -> Iterator[None]:
    """Say of what the system or HDF5 refuses to write where it was to be written."""
    try:
        yield
    except CudsError:
        raise
    except (OSError, RuntimeError) as error:
        said = str(error).partition("\n")[0]
        raise StorageError(
            f"{folder}: cannot be written to: {said}",
            hint="is the disk full, or the folder of somebody else? What was kept is as it was",
            folder=str(folder),
        ) from error


def _inside(folder: Path) -> list["os.DirEntry[str]"]:
    """Return what a folder holds; nothing where there is none, or a link that leads in a circle."""
    try:
        return list(os.scandir(folder))
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return []
        raise StorageError(f"{folder}: cannot be read: {error}", hint="may you read what lies there?") from error
