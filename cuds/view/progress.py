"""Progress: a bar on a terminal, a line now and then in a log."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from cuds.wrapper.contract import Progress, ProgressCallback

_EVERY = 5.0  # seconds between lines of a log


@contextmanager
def progress_bar(stream: TextIO | None = None) -> Iterator[ProgressCallback]:
    """Yield a callback that draws progress until the block is left.

    Parameters
    ----------
    stream : text stream, optional
        Where to; standard error when not given.
    """
    target = stream or sys.stderr
    with _terminal(target) if target.isatty() else _log(target) as callback:
        yield callback


@contextmanager
def _terminal(stream: TextIO) -> Iterator[ProgressCallback]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress as Bars,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(file=stream), transient=False) as bars:
        tasks: dict[str, int] = {}

        def show(event: Progress) -> None:
            key = event.text if event.unit != "stages" else event.unit
            if key not in tasks:
                tasks[key] = bars.add_task(event.text, total=event.total or None)
            task = bars.tasks[tasks[key]]
            bars.update(task.id, description=event.text, completed=event.done, total=event.total or None)

        yield show


@contextmanager
def _log(stream: TextIO) -> Iterator[ProgressCallback]:
    said: dict[str, float] = {}

    def show(event: Progress) -> None:
        ended = bool(event.total) and event.done >= event.total
        if ended or time.monotonic() - said.get(event.text, -_EVERY) >= _EVERY:
            said[event.text] = time.monotonic()
            of = f" of {event.total}" if event.total else ""
            print(f"{event.text}: {event.done}{of} {event.unit}", file=stream, flush=True)

    yield show
