"""Input as mdrun takes it (.tpr), kept by the content of the files it was made from."""

import hashlib
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cuds.errors import InvalidError
from cuds_gromacs.program import Program, remarks

_FORMAT = b"cuds_gromacs preparation 1"
_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"\n]+)[>"]', re.MULTILINE)
_SETTING = re.compile(r"^[ \t]*([^;=\n]+?)[ \t]*=[ \t]*([^;\n]*?)[ \t]*(?:;.*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Inputs:
    """The files that grompp makes a .tpr of.

    Attributes
    ----------
    structure, topology, settings : Path
        Like conf.gro, topol.top and run.mdp.
    more : mapping of Path
        Others, by grompp's option for them: ``{"-r": Path("start.gro"), "-n": Path("index.ndx")}``.
    warnings : int
        How many of grompp's warnings are accepted.
    """

    structure: Path
    topology: Path
    settings: Path
    more: Mapping[str, Path] = field(default_factory=dict)
    warnings: int = 0

    def files(self) -> dict[str, Path]:
        """Return all of them by grompp's option, absolute."""
        given = {"-c": self.structure, "-p": self.topology, "-f": self.settings, **self.more}
        found = {option: path.absolute() for option, path in sorted(given.items())}
        for option, path in found.items():
            if not path.is_file():
                raise InvalidError(f"{option}: {path} is not there", hint="give a file that exists", field=option)
        return found


@dataclass(frozen=True)
class Prepared:
    """Input as mdrun takes it.

    Attributes
    ----------
    path : Path
        The .tpr file.
    said : str
        What grompp said when it made it.
    """

    path: Path
    said: str

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings that were accepted."""
        return remarks(self.said, "WARNING")

    @property
    def notes(self) -> tuple[str, ...]:
        """What grompp found worth a note."""
        return remarks(self.said, "NOTE")


def prepared(program: Program, folder: Path, inputs: Inputs, *, cache: Path | None = None) -> Prepared:
    """Have grompp make a .tpr file, or take the one that it made of the same content.

    Parameters
    ----------
    program : Program
    folder : Path
        Where grompp runs and writes mdout.mdp; paths in ``include`` of the settings are relative to it.
    inputs : Inputs
    cache : Path, optional
        Where the files are kept; `folder` if not given. Processes may share one.

    Notes
    -----
    A seed that grompp is to draw (-1) is drawn once for a content. Give seeds where runs shall differ.

    Raises
    ------
    EngineError
        When grompp refuses, or warns more often than is accepted.
    """
    kept = cache or folder
    kept.mkdir(parents=True, exist_ok=True)
    key = _key(program, folder, inputs)
    path, words = kept / f"{key}.tpr", kept / f"{key}.txt"
    if path.is_file():
        return Prepared(path, words.read_text(encoding="utf-8"))
    files = [str(a) for pair in inputs.files().items() for a in pair]
    made = kept.absolute() / f".{key[:12]}-{secrets.token_hex(8)}.tpr"  # beside: renamed once it is whole
    try:
        said = program.run(["grompp", *files, "-o", made, "-maxwarn", str(inputs.warnings)], folder=folder)
        if _key(program, folder, inputs) != key:
            raise InvalidError("inputs: a file was changed while grompp read it", hint="run it again", field="inputs")
        made.with_suffix(".txt").write_text(said, encoding="utf-8")
        os.replace(made.with_suffix(".txt"), words)  # first: whoever sees the other reads this one
        os.replace(made, path)
    finally:
        made.unlink(missing_ok=True)
        made.with_suffix(".txt").unlink(missing_ok=True)
    return Prepared(path, said)


def settings_of(text: str) -> dict[str, str]:
    """Return the settings in an .mdp file by name, without regard to case, dashes and underscores."""
    return {plain(name): value for name, value in _SETTING.findall(text)}


def with_settings(text: str, changes: Mapping[str, str | None]) -> str:
    """Return an .mdp file with settings replaced, added or (None) left out; grompp refuses what stands there twice."""
    changed = {plain(name) for name in changes}
    kept = [line for line in text.splitlines() if plain(line.partition("=")[0]) not in changed]
    new = [f"{name} = {value}" for name, value in changes.items() if value is not None]
    return "\n".join([*kept, *new]) + "\n"


def read(path: Path) -> str:
    """Return the text of an .mdp file, whatever its comments are written in."""
    return path.read_text(encoding="utf-8", errors="surrogateescape")


def plain(name: str) -> str:
    """Return the name of a setting as grompp compares it."""
    return name.strip().replace("-", "").replace("_", "").lower()


def _key(program: Program, folder: Path, inputs: Inputs) -> str:
    """Return the SHA-256 of all that a .tpr depends on."""
    sha = hashlib.sha256(_FORMAT)
    files = inputs.files()
    _add(sha, program.version, program.precision, str(inputs.warnings))
    for option, path in files.items():
        _add(sha, option, path.suffix, path.read_bytes())
    settings = settings_of(read(files["-f"]))
    given = (folder / word[2:] for word in settings.get("include", "").split() if word.startswith("-I"))
    user = (Path(part) for part in os.environ.get("GMXLIB", "").split(os.pathsep) if part)
    for name, content in _included(files["-p"], (folder, *given, *user, program.force_fields), set()):
        _add(sha, name, content)
    return sha.hexdigest()


def _add(sha: "hashlib._Hash", *parts: str | bytes) -> None:
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode()
        sha.update(len(data).to_bytes(8, "little") + data)


def _included(file: Path, places: tuple[Path, ...], seen: set[Path]) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of all that a file may include, whichever of several GROMACS takes."""
    for name in _INCLUDE.findall(file.read_bytes()):
        for place in (file.parent, *places):
            path = place / os.fsdecode(name)
            if path.is_file():
                yield name, path.read_bytes()
                if path.resolve() not in seen:
                    seen.add(path.resolve())
                    yield from _included(path, places, seen)
