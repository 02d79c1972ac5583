"""Run parameters of GROMACS, ``.mdp`` files."""

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from cuds.errors import InvalidError, UnknownError, did_you_mean
from cuds_gromacs.codecs.lines import Line, read_lines
from cuds_gromacs.codecs.mdp_options import OBSOLETE, OPTIONS, RENAMED, Option

_WHOLE = re.compile(r"[+-]?\d+")
_ON, _OFF = ("yes", "true", "1"), ("no", "false", "0")


def _squeezed(name: str) -> str:
    """Return a name as GROMACS compares it: capitals, - and _ do not matter."""
    return name.lower().replace("-", "").replace("_", "")


_BY_NAME = {_squeezed(name): name for name in OPTIONS}
_RENAMED = {_squeezed(old): new for old, new in RENAMED.items()}
_OBSOLETE = {_squeezed(name) for name in OBSOLETE}


def option_of(name: str) -> tuple[str, Option]:
    """Return a run parameter as GROMACS writes it, and what it is.

    Parameters
    ----------
    name : str
        In any capitals, with - or _ anywhere or nowhere; older names are those of now.

    Raises
    ------
    UnknownError
        When GROMACS 2022 has none of that name.
    """
    squeezed = _squeezed(name)
    known = _BY_NAME.get(squeezed) or _RENAMED.get(squeezed)
    if known is not None and "#" not in known:
        return known, OPTIONS[known]
    counted = _BY_NAME.get(re.sub(r"\d+", "#", squeezed))
    if counted is None or "#" in squeezed:
        raise UnknownError(
            f"{name!r} is no run parameter of GROMACS 2022", hint=did_you_mean(name, OPTIONS), parameter=name
        )
    numbers = iter(re.findall(r"\d+", squeezed))
    return re.sub("#", lambda _: next(numbers), counted), OPTIONS[counted]


class Settings(Mapping[str, str]):
    """Run parameters that are given, in their order; those that are not have GROMACS's defaults.

    Parameters
    ----------
    values : mapping of str to str
        Names as `option_of` takes them. An empty value is none, as for GROMACS.
    lines : mapping of str to Line, optional
        Where they stand, by GROMACS's names.

    Raises
    ------
    UnknownError
        For a name that GROMACS 2022 does not have.
    InvalidError
        For a name given twice, and for a value that GROMACS does not take.
    """

    def __init__(self, values: Mapping[str, str], lines: Mapping[str, Line] = MappingProxyType({})) -> None:
        self._values: dict[str, str] = {}
        self._lines = dict(lines)
        for given, value in values.items():
            name, option = option_of(given)
            if name in self._values:
                raise InvalidError(f"{name}: given twice", hint="give it once", parameter=name)
            text = value.strip()
            if text:
                self._values[name] = text
                self._check(name, option, text)

    def __getitem__(self, name: str) -> str:
        """Return the value that is given for a run parameter."""
        return self._values[option_of(name)[0]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        try:
            return isinstance(name, str) and option_of(name)[0] in self._values
        except UnknownError:
            return False

    def __repr__(self) -> str:
        return f"Settings({self._values!r})"

    def text(self, name: str) -> str:
        """Return the value of a run parameter, or its default."""
        known, option = option_of(name)
        return self._values.get(known, option.default)

    def words(self, name: str) -> tuple[str, ...]:
        """Return the words of a value, like the names of groups."""
        return tuple(self.text(name).split())

    def choice(self, name: str) -> str:
        """Return a value that is one of several, as GROMACS writes it."""
        known, option = option_of(name)
        self._want(option, "choice")
        return next(c for c in option.choices if _squeezed(c) == _squeezed(self.text(known)))

    def yes(self, name: str) -> bool:
        """Return whether something is switched on."""
        self._want(option_of(name)[1], "flag", "switch")
        return self.text(name).lower() in _ON

    def integer(self, name: str) -> int:
        """Return a whole number."""
        self._want(option_of(name)[1], "int")
        return int(self.text(name))

    def real(self, name: str) -> float:
        """Return a number, in GROMACS's unit."""
        self._want(option_of(name)[1], "int", "real")
        return float(self.text(name))

    def reals(self, name: str) -> tuple[float, ...]:
        """Return the numbers of a value that is a list."""
        self._want(option_of(name)[1], "int", "real", "reals")
        return tuple(float(word) for word in self.words(name))

    @property
    def defines(self) -> dict[str, str]:
        """The macros that ``define`` gives to the topology, with their values."""
        return {word.partition("=")[0]: word.partition("=")[2] for word in self._options("define", "-D")}

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders of ``include``, as they are written."""
        return tuple(Path(word) for word in self._options("include", "-I"))

    def _options(self, name: str, begins: str) -> list[str]:
        for word in self.words(name):
            if not word.startswith(begins) or len(word) == len(begins) or word[len(begins)] == "=":
                raise self._error(
                    name, f"{word!r} is not {begins}...", f"write {begins} and the name together: {begins}NAME"
                )
        return [word[len(begins) :] for word in self.words(name)]

    def _want(self, option: Option, *kinds: str) -> None:
        if option.kind not in kinds:
            raise InvalidError(f"{option.name} is {option.kind}, not {kinds[-1]}", hint=f"ask for {option.kind}")

    def _check(self, name: str, option: Option, text: str) -> None:
        """Refuse a value that GROMACS does not take."""
        if ";" in text or "\n" in text:
            raise self._error(name, f"{text!r} holds a ; or a new line", "a value is one line without comment")
        if option.kind == "int" and not _WHOLE.fullmatch(text):
            raise self._error(name, f"{text!r} is not a whole number", "write digits only: 1000, not 1e3")
        if option.kind in ("real", "reals") and not all(
            map(_is_number, [text] if option.kind == "real" else text.split())
        ):
            raise self._error(name, f"{text!r} is not a number", "write numbers without units")
        allowed = {"choice": option.choices, "flag": ("no", "yes"), "switch": (*_OFF, *_ON)}.get(option.kind)
        if allowed is not None and _squeezed(text) not in map(_squeezed, allowed):
            raise self._error(name, f"{text!r} is not known", did_you_mean(text, allowed))

    def _error(self, name: str, message: str, hint: str) -> InvalidError:
        line = self._lines.get(name)
        if line is not None:
            return line.error(f"{name}: {message}", hint=hint, parameter=name)
        return InvalidError(f"{name}: {message}", hint=hint, parameter=name)


def _is_number(word: str) -> bool:
    try:
        return "_" not in word and math.isfinite(float(word))
    except ValueError:
        return False


def read_mdp(path: Path | str) -> Settings:
    """Return the run parameters of an ``.mdp`` file.

    Parameters
    ----------
    path : path
        Lines of name, =, value; comments begin with ``;``. A parameter without value is not given. Names that GROMACS
        passes over are left out.

    Raises
    ------
    UnknownError
        When there is no such file, and for a name that GROMACS 2022 does not have.
    FormatError
        For a line without =, a name that stands twice, and a value that GROMACS does not take. It names the line.
    """
    values: dict[str, str] = {}
    lines: dict[str, Line] = {}
    for number, text in enumerate(read_lines(Path(path)), 1):
        bare = text.partition(";")[0].strip()
        line = Line(bare, Path(path), number)
        given, equals, value = (part.strip() for part in bare.partition("="))
        if not bare or (equals and given and not value) or _squeezed(given) in _OBSOLETE:
            continue
        if not equals or not given:
            raise line.error(f"{bare!r}: no name, = and value", hint="write name = value; comments begin with ;")
        try:
            name = option_of(given)[0]
        except UnknownError as error:
            raise error.within(line.place) from None
        if name in values:
            raise line.error(f"{name}: given again; the first time at {lines[name].place}", hint="give it once")
        values[name], lines[name] = value, line
    return Settings(values, lines)


def write_mdp(path: Path | str, settings: Mapping[str, str]) -> None:
    """Write run parameters to an ``.mdp`` file, in their order.

    Raises
    ------
    UnknownError
        For a name that GROMACS 2022 does not have.
    InvalidError
        For a value that GROMACS does not take.
    """
    checked = settings if isinstance(settings, Settings) else Settings(settings)
    Path(path).write_text("".join(f"{name:<24} = {value}\n" for name, value in checked.items()), encoding="utf-8")
