"""A script of LAMMPS as statements: lines that belong together, without comments, and where they stand."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cuds.errors import CudsError, FormatError, UnsupportedError

_QUOTED = re.compile(r'"""(?P<three>.*?)"""|"(?P<two>[^"]*)"|\'(?P<one>[^\']*)\'|(?P<plain>[^\s"\']\S*)', re.DOTALL)
_LONGEST = 100_000  # characters of one statement


class Statement(NamedTuple):
    """A command with its arguments.

    Parameters
    ----------
    text : str
        Without comment, lines joined.
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

    @property
    def words(self) -> list[str]:
        """The command and its arguments, quotes taken off."""
        found, at = [], 0
        for match in _QUOTED.finditer(self.text):
            if self.text[at : match.start()].strip() or (match.start() and not self.text[match.start() - 1].isspace()):
                raise self.broken("quotes do not match")
            found.append(next(g for g in match.groups() if g is not None))
            at = match.end()
        if self.text[at:].strip():
            raise self.broken("quotes do not match")
        return found

    def broken(self, message: str, hint: str = "see LAMMPS's page on parsing rules") -> FormatError:
        """Return an error about how it is written."""
        return FormatError(f"{self.place}: {message}: {self._shown}", hint=hint, file=str(self.file), line=self.number)

    def refused(self, why: str, hint: str) -> UnsupportedError:
        """Return an error about what it says."""
        return UnsupportedError(f"{self.place}: {self._shown}: {why}", hint=hint, file=str(self.file), line=self.number)

    def within(self, error: CudsError) -> CudsError:
        """Return an error with the place in front of its message."""
        return error if str(self.file) in error.message else error.within(f"{self.place}: {self._shown}")

    @property
    def _shown(self) -> str:
        plain = " ".join(self.text.split())
        return plain if len(plain) <= 80 else plain[:77] + "..."


def statements(file: Path) -> Iterator[Statement]:
    """Yield the statements of a script, in order.

    Raises
    ------
    FormatError
        For what LAMMPS could not take apart, or would take apart in another way.
    """
    lines = file.read_bytes().decode("utf-8", errors="replace").replace("\r\n", "\n").split("\n")
    at = 0
    while at < len(lines):
        first, text = at, lines[at]
        at += 1
        while at < len(lines) and (text.rstrip().endswith("&") or text.count('"""') % 2):
            joint = "\n" if text.count('"""') % 2 else ""
            text = (text if joint else text.rstrip()[:-1]) + joint + lines[at]
            at += 1
        found = Statement(_without_comment(text).strip(), file, first + 1)
        if not found.text:
            continue
        if len(found.text) > _LONGEST or not found.text.isascii() or re.search(r"[\x00-\x08\x0b-\x1f\x7f]", found.text):
            raise found.broken("too long, or not plain ASCII", hint="write commands in plain letters")
        yield found


def _without_comment(text: str) -> str:
    """Return a text up to the first # outside of quotes."""
    quote, i = "", 0
    while i < len(text):
        three = text[i : i + 3] == '"""'
        if quote:
            if text.startswith(quote, i):
                i += len(quote) - 1
                quote = ""
        elif text[i] in "\"'":
            quote = '"""' if three else text[i]
            i += len(quote) - 1
        elif text[i] == "#":
            return text[:i]
        i += 1
    return text
