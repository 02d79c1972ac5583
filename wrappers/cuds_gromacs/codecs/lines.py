"""Lines of text that know where they stand."""

import difflib
from pathlib import Path
from typing import Any, NamedTuple

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


def read_lines(file: Path) -> list[str]:
    """Return the lines of a text file, without their ends.

    Raises
    ------
    UnknownError
        When there is no such file.
    """
    if not file.is_file():
        raise no_such(file)
    return file.read_bytes().decode("utf-8", errors="replace").replace("\r\n", "\n").split("\n")


def no_such(file: Path) -> UnknownError:
    """Return an error that says what is missing, and what there is instead."""
    there = sorted(p.name for p in file.parent.iterdir()) if file.parent.is_dir() else []
    near = difflib.get_close_matches(file.name, there)
    return UnknownError(
        f"there is no file {str(file)!r}", hint=did_you_mean(file.name, near or there[:12]), field="path"
    )
