"""Lines of text that know where they stand."""

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np

from cuds.arrays import IntArray
from cuds.errors import FormatError, UnknownError, did_you_mean

BLANKS = " \t\n\v\f\r"


class Line(NamedTuple):
    r"""A line of a file, with the lines that a ``\`` at its end ties to it.

    Parameters
    ----------
    text : str
        Without comment and without blanks at its ends.
    file : path
        Where it stands.
    number : int
        Of its first line there, from 1.
    """

    text: str
    file: Path
    number: int

    @property
    def place(self) -> str:
        """Where it stands, ``file:line``."""
        return f"{self.file}:{self.number}"

    def error(self, message: str, *, hint: str, **fields: Any) -> FormatError:
        """Return an error that names the place."""
        return FormatError(f"{self.place}: {message}", hint=hint, file=str(self.file), line=self.number, **fields)


class Lines(Sequence[Line]):
    """Many lines; each becomes a `Line` only where it is asked for.

    Parameters
    ----------
    texts : list of str
        As of `Line`, one for each.
    places : array (n, 2)
        Which of the files each stands in, and its number there.
    files : sequence of path
        The files, each once.
    """

    def __init__(self, texts: list[str], places: IntArray, files: Sequence[Path]) -> None:
        self.texts = texts
        self.places = places
        self.files = files

    @overload
    def __getitem__(self, index: int) -> Line: ...
    @overload
    def __getitem__(self, index: slice) -> "Lines": ...
    def __getitem__(self, index: int | slice) -> "Line | Lines":
        if isinstance(index, slice):
            return Lines(self.texts[index], self.places[index], self.files)
        file, number = self.places[index].tolist()
        return Line(self.texts[index], self.files[file], number)

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[Line]:
        for text, (file, number) in zip(self.texts, self.places.tolist(), strict=True):
            yield Line(text, self.files[file], number)

    def at(self, index: IntArray) -> "Lines":
        """Return some of the lines (m,), in the order given."""
        return Lines([self.texts[i] for i in index.tolist()], self.places[index], self.files)

    @classmethod
    def joined(cls, parts: Sequence["Lines"]) -> "Lines":
        """Return the lines of several parts of the same files, one part after the other."""
        if len(parts) == 1:
            return parts[0]
        places = np.concatenate([np.empty((0, 2), dtype=np.int64), *(part.places for part in parts)])
        return cls([text for part in parts for text in part.texts], places, parts[0].files if parts else ())


def read_lines(file: Path) -> list[str]:
    """Return the lines of a text file, without their ends; errors as of `read_text`."""
    return read_text(file).split("\n")


def read_text(file: Path) -> str:
    """Return what a text file says; its lines end with a line feed alone.

    Raises
    ------
    UnknownError
        When there is no such file.
    """
    if not file.is_file():
        raise no_such(file)
    return file.read_bytes().decode("utf-8", errors="replace").replace("\r\n", "\n")


def no_such(file: Path) -> UnknownError:
    """Return an error that says what is missing, and what there is instead."""
    there = sorted(p.name for p in file.parent.iterdir()) if file.parent.is_dir() else []
    near = difflib.get_close_matches(file.name, there)
    return UnknownError(
        f"there is no file {str(file)!r}", hint=did_you_mean(file.name, near or there[:12]), field="path"
    )
