"""Files that are whole or not there."""

import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cuds.errors import UnknownError, did_you_mean


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield another name in the same folder; what was written there takes the place of `path` at the end.

    It is on the disk before it gets its name. When anything goes wrong, an old file stays as it was.

    Raises
    ------
    UnknownError
        When there is no such folder.
    """
    folder = path.parent
    if not folder.is_dir():
        near = [p.name for p in folder.parent.iterdir()] if folder.parent.is_dir() else []
        raise UnknownError(
            f"there is no folder {str(folder)!r} to write {path.name!r} to",
            hint=f"make it first; {did_you_mean(folder.name, near)}",
            field="path",
        )
    partial = folder / f".{path.name}.{uuid.uuid4().hex[:12]}"
    try:
        yield partial
        to_disk(partial)
        partial.replace(path)
        to_disk(folder)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def replacing_all(*paths: Path) -> Iterator[tuple[Path, ...]]:
    """Yield another name for each path, as `replacing`; none takes its place before all are written."""
    with ExitStack() as stack:
        yield tuple(stack.enter_context(replacing(path)) for path in paths)


def to_disk(path: Path) -> None:
    """Have a file or a folder on the disk before anything else."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
