"""GROMACS's preprocessor for topologies: includes, conditions and macros, as grompp treats them.

It is not that of C. A macro has no arguments; it is replaced where it stands as a whole word, once, in the order in
which the macros were defined: one inside the value of another is only replaced when it was defined later. A macro
without a value is only asked about by ``#ifdef``. Comments begin with ``;`` and belong to the value of a ``#define``,
and to the name that an ``#ifdef`` asks about.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cuds.errors import did_you_mean
from cuds_gromacs.codecs.includes import IncludePath
from cuds_gromacs.codecs.lines import BLANKS, Line, read_lines

__all__ = ["Line", "preprocess"]

_DIRECTIVES = ("include", "define", "undef", "ifdef", "ifndef", "else", "endif")
_LONGEST = 4095  # characters of a line with its macros replaced; more ends grompp
_DEEPEST = 100  # files that include each other
_SETTLED = 50  # lines after which the macros are taken not to change soon


def preprocess(path: Path | str, *, defines: Mapping[str, str], folders: Sequence[Path]) -> list[Line]:
    """Return the lines of a topology that say something, with everything included.

    Parameters
    ----------
    path : path
        The topology file.
    defines : mapping of str to str
        Macros and their values, as ``-DNAME=value`` gives them; a value may be empty.
    folders : sequence of path
        Where included files are looked for, after the folder of the file that includes them and that of the topology,
        and before GROMACS's own. No file outside all of these is read.

    Raises
    ------
    UnknownError
        When there is no such file.
    FormatError
        For an include that is missing, outside the folders or a circle, for conditions that do not pair, for unknown
        directives, and for values that grow beyond what GROMACS reads. It names the file and the line.
    """
    main = Path(path)
    return list(_without_comments(_Reader(IncludePath(main, folders), dict(defines)).physical(main)))


def _without_comments(lines: Iterator[Line]) -> Iterator[Line]:
    r"""Tie together what a ``\`` ties, and leave out comments and empty lines."""
    for first in lines:
        if "\\" not in first.text:
            text = first.text
            if ";" in text:
                text = text.partition(";")[0]
            text = text.strip(BLANKS)
            if text:
                yield first if text == first.text else Line(text, first.file, first.number)
            continue
        parts, line, bare = [], first, first.text.rstrip(BLANKS)
        commented = ";" in bare
        while bare.endswith("\\"):
            if bare != line.text and not commented:
                raise line.error(
                    "a blank after the \\ that ties the line to the next: GROMACS reads the \\ as a value",
                    hint="take the blank away, or the \\",
                )
            parts.append(bare[:-1])
            line = next(lines, Line("", line.file, line.number))
            bare = line.text.rstrip(BLANKS)
            commented = commented or ";" in bare
        text = " ".join([*parts, bare]).partition(";")[0].strip(BLANKS)
        if text:
            yield Line(text, first.file, first.number)


@dataclass(slots=True)
class _Condition:
    """An open ``#ifdef``."""

    line: Line
    taken: bool
    inside: bool  # one that is not taken, where neither branch counts


class _Reader:
    """The macros, and the files that are open."""

    def __init__(self, where: IncludePath, defines: dict[str, str]) -> None:
        self._where = where
        self._defines = defines
        self._open: list[tuple[Path, dict[str, str]]] = []
        self._since = 0  # lines since the macros changed
        self._macro_in: Callable[[str], object] = self._look

    def physical(self, file: Path) -> Iterator[Line]:
        """Yield the lines of a file and of what it includes that are neither directives nor left out."""
        self._open.append((file.resolve(), dict(self._defines)))
        conditions: list[_Condition] = []
        for number, text in enumerate(read_lines(file), 1):
            if "#" in text and (said := text.lstrip(BLANKS)).startswith("#"):
                line = Line(text.rstrip(BLANKS), file, number)
                name, rest = _split(said[1:])
                if name in ("ifdef", "ifndef", "else", "endif"):
                    self._condition(line, name, rest, conditions)
                elif conditions and not conditions[-1].taken:
                    continue
                elif name == "include":
                    yield from self.physical(self._included(line, rest))
                else:
                    self._define(line, name, rest)
            elif not conditions or conditions[-1].taken:
                yield Line(self._expanded(text, file, number) if self._macro_in(text) else text, file, number)
        if conditions:
            raise conditions[-1].line.error(
                "the condition is open at the end of the file", hint="end it with #endif in this file"
            )
        self._open.pop()

    def _condition(self, line: Line, name: str, rest: str, conditions: list[_Condition]) -> None:
        if name in ("ifdef", "ifndef"):
            inside = bool(conditions) and not conditions[-1].taken
            if not rest and not inside:
                raise line.error(f"#{name} without a name", hint=f"write #{name} NAME")
            taken = not inside and (rest in self._defines) == (name == "ifdef")
            conditions.append(_Condition(line, taken, inside))
        elif not conditions:
            raise line.error(f"#{name} without #ifdef", hint="begin the condition with #ifdef NAME in the same file")
        elif name == "endif":
            conditions.pop()
        else:
            conditions[-1].taken = not conditions[-1].taken and not conditions[-1].inside

    def _included(self, line: Line, rest: str) -> Path:
        named = re.match(r'["<]([^"<>]+)', rest)
        if named is None:
            raise line.error(f"#include {rest}: not a name of a file", hint='write #include "name.itp"')
        file = self._where.find(named[1], line)
        if (file.resolve(), self._defines) in self._open or len(self._open) >= _DEEPEST:
            chain = " includes ".join(str(p) for p, _ in [*self._open, (file, {})][-6:])
            raise line.error(f"#include: a circle: {chain}", hint="take one of these includes away")
        return file

    def _define(self, line: Line, name: str, rest: str) -> None:
        if name not in ("define", "undef"):
            raise line.error(f"#{name}: not known to GROMACS", hint=did_you_mean(name, _DIRECTIVES))
        if not rest:
            raise line.error(f"#{name} without a name", hint=f"write #{name} NAME")
        if name == "define":
            macro, value = _split(rest)
            self._defines[macro] = value
        else:
            self._defines.pop(rest, None)
        self._macro_in, self._since = self._look, 0

    def _expanded(self, text: str, file: Path, number: int) -> str:
        """Return a line with the macros in it replaced, each once, in the order of their definition."""
        expanded = text
        for name, value in self._defines.items():
            if value and name in expanded:
                expanded = _replaced(expanded, name, value)
            if len(expanded) > max(_LONGEST, len(text)):
                raise Line(text, file, number).error(
                    f"with its macros replaced, the line has {len(expanded)} characters, more than GROMACS reads",
                    hint=f"shorten the value of {name}",
                )
        return expanded

    def _look(self, text: str) -> object:
        """Whether the name of a macro is in a line, while the macros still change; then a pattern is worth it."""
        self._since += 1
        if self._since > _SETTLED:
            names = [re.escape(name) for name, value in self._defines.items() if value]
            self._macro_in = re.compile("|".join(names)).search if names else "".__contains__  # in no line
        return text.lstrip(BLANKS)[:1] not in ("", ";") and any(name in text for name in self._defines)


def _split(text: str) -> tuple[str, str]:
    """Return the first word and the rest, without blanks around them."""
    words = text.strip(BLANKS).split(None, 1)
    return words[0] if words else "", words[1] if len(words) > 1 else ""


def _replaced(text: str, name: str, value: str) -> str:
    """Replace a macro where it is a whole word.

    As in GROMACS, what follows a match that was none is taken for the beginning of a word: of ``AAAA``, ``AA`` is
    replaced once.
    """
    parts, done, start = [], 0, 0
    while (at := text.find(name, start)) >= 0:
        end = at + len(name)
        if (at == start or not _in_word(text[at - 1])) and not (end < len(text) and _in_word(text[end])):
            parts += [text[done:at], value]
            done = end
        start = end
    return "".join([*parts, text[done:]])


def _in_word(letter: str) -> bool:
    return letter == "_" or (letter.isascii() and letter.isalnum())
