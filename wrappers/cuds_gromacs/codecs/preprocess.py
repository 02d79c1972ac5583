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
from typing import NamedTuple

import numpy as np

from cuds.arrays import IntArray
from cuds.errors import did_you_mean
from cuds_gromacs.codecs.includes import IncludePath
from cuds_gromacs.codecs.lines import BLANKS, Line, Lines, read_text

__all__ = ["Line", "preprocess"]

_DIRECTIVES = ("include", "define", "undef", "ifdef", "ifndef", "else", "endif")
_LONGEST = 4095  # characters of a line with its macros replaced; more ends grompp
_DEEPEST = 100  # files that include each other
_SETTLED = 50  # lines after which the macros are taken not to change soon; then a pattern of them is worth it


def preprocess(path: Path | str, *, defines: Mapping[str, str], folders: Sequence[Path]) -> Lines:
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
    return _without_comments(_Reader(IncludePath(main, folders), dict(defines)).runs(main))


class _Run(NamedTuple):
    r"""Lines of a file that follow each other, with their macros replaced.

    One with a ``\`` in it is alone in its run, and so is the next, which it may be tied to.
    """

    text: str
    file: Path
    number: int  # of the first one


class _Kept:
    """Lines that say something, one after the other."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._places: list[IntArray] = [np.empty((0, 2), dtype=np.int64)]
        self._files: dict[Path, int] = {}

    def add(self, run: _Run) -> None:
        """Take those lines of a run that are more than a comment, without it."""
        texts = run.text.split("\n")
        numbers = np.arange(run.number, run.number + len(texts))
        if ";" in run.text:
            texts = [text.partition(";")[0] if ";" in text else text for text in texts]
        texts = [text.strip(BLANKS) for text in texts]
        if "" in texts:
            numbers = numbers[np.fromiter(map(bool, texts), dtype=bool, count=len(texts))]
            texts = list(filter(None, texts))
        if texts:
            file = self._files.setdefault(run.file, len(self._files))
            self._texts += texts
            self._places.append(np.stack([np.full_like(numbers, file), numbers], axis=1))

    def lines(self) -> Lines:
        return Lines(self._texts, np.concatenate(self._places), tuple(self._files))


def _without_comments(runs: Iterator[_Run]) -> Lines:
    r"""Tie together what a ``\`` ties, and leave out comments and empty lines."""
    kept = _Kept()
    for run in runs:
        kept.add(_Run(_tied(run, runs), run.file, run.number) if "\\" in run.text else run)
    return kept.lines()


def _tied(run: _Run, runs: Iterator[_Run]) -> str:
    r"""Return a line with those that a ``\`` ties to it; at the end of all files it is tied to nothing."""
    parts, bare = [], run.text.rstrip(BLANKS)
    commented = ";" in bare
    while bare.endswith("\\"):
        if bare != run.text and not commented:
            raise Line(*run).error(
                "a blank after the \\ that ties the line to the next: GROMACS reads the \\ as a value",
                hint="take the blank away, or the \\",
            )
        parts.append(bare[:-1])
        run = next(runs, _Run("", run.file, run.number))
        bare = run.text.rstrip(BLANKS)
        commented = commented or ";" in bare
    return " ".join([*parts, bare])


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
        self._tied = False  # whether the last line had a \ in it
        self._since = 0  # lines since the macros changed
        self._pattern: re.Pattern[str] | None = None  # of their names

    def runs(self, file: Path) -> Iterator[_Run]:
        """Yield the lines of a file and of what it includes that are neither directives nor left out."""
        self._open.append((file.resolve(), dict(self._defines)))
        conditions: list[_Condition] = []
        text, start, number = read_text(file), 0, 1
        for begin, end in [*_directives(text), (len(text) + 1, len(text) + 1)]:
            if start < begin and (not conditions or conditions[-1].taken):
                yield from self._with_macros(_Run(text[start : begin - 1], file, number))
            number += text.count("\n", start, begin)
            if begin < end:
                yield from self._obeyed(Line(text[begin:end].rstrip(BLANKS), file, number), conditions)
            start, number = end + 1, number + 1
        if conditions:
            raise conditions[-1].line.error(
                "the condition is open at the end of the file", hint="end it with #endif in this file"
            )
        self._open.pop()

    def _obeyed(self, line: Line, conditions: list[_Condition]) -> Iterator[_Run]:
        """Do what a directive says; yield what it includes."""
        name, rest = _split(line.text.lstrip(BLANKS)[1:])
        if name in ("ifdef", "ifndef", "else", "endif"):
            self._condition(line, name, rest, conditions)
        elif conditions and not conditions[-1].taken:
            return
        elif name == "include":
            yield from self.runs(self._included(line, rest))
        else:
            self._define(line, name, rest)

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
        self._pattern, self._since = None, 0

    def _with_macros(self, run: _Run) -> Iterator[_Run]:
        """Yield a run with its macros replaced, cut where a line may be tied to another."""
        named = self._named(run.text)
        if named is None and "\\" not in run.text and not self._tied:
            yield run
            return
        gathered: list[str] = []
        lines = run.text.split("\n")
        for number, text in enumerate(lines, run.number):
            said = self._expanded(text, run.file, number) if named is not None and named(text) else text
            alone, self._tied = self._tied or "\\" in said, "\\" in said
            if alone and gathered:
                yield _Run("\n".join(gathered), run.file, number - len(gathered))
                gathered = []
            gathered.append(said)
            if alone:
                yield _Run(said, run.file, number)
                gathered = []
        if gathered:
            yield _Run("\n".join(gathered), run.file, run.number + len(lines) - len(gathered))

    def _named(self, run: str) -> Callable[[str], object] | None:
        """Return what tells whether a macro may be in a line; None where there is none in all of them."""
        names = [name for name, value in self._defines.items() if value]
        self._since += run.count("\n") + 1
        if self._pattern is None and self._since > _SETTLED and names:
            self._pattern = re.compile("|".join(map(re.escape, names)))
        if self._pattern is not None:
            return self._pattern.search if self._pattern.search(run) else None

        def named(text: str) -> bool:
            return any(name in text for name in names)

        return named if named(run) else None

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


def _directives(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the lines of a text that begin with ``#`` begin and end."""
    at = text.find("#")
    while at >= 0:
        begin, end = text.rfind("\n", 0, at) + 1, text.find("\n", at)
        end = len(text) if end < 0 else end
        if not text[begin:at].strip(BLANKS):
            yield begin, end
        at = text.find("#", end)


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
