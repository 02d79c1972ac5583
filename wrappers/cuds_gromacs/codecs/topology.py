"""Topologies of GROMACS, read as grompp 2022 reads them."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cuds.errors import FormatError, UnsupportedError, did_you_mean
from cuds_gromacs.codecs.columns import whole
from cuds_gromacs.codecs.directives import FORCE_FIELD, OF_MOLECULES, check_order, directive_named
from cuds_gromacs.codecs.force_field import ForceField
from cuds_gromacs.codecs.lines import Line, Lines
from cuds_gromacs.codecs.molecules import Draft
from cuds_gromacs.codecs.places import Places
from cuds_gromacs.codecs.preprocess import preprocess
from cuds_gromacs.codecs.records import (
    AtomType,
    Defaults,
    MoleculeType,
    NonbondParams,
    Origin,
    Terms,
    TopologyFile,
)  # fmt: skip

__all__ = [
    "AtomType",
    "Defaults",
    "MoleculeType",
    "NonbondParams",
    "Origin",
    "Terms",
    "TopologyFile",
    "read_topology",
]


def read_topology(
    path: Path | str, *, defines: Mapping[str, str] | None = None, folders: Sequence[Path] = ()
) -> TopologyFile:
    """Return what a topology file says, with everything included and all numbers looked up.

    Parameters
    ----------
    path : path
        A file that holds a whole system, ``.top``.
    defines : mapping of str to str, optional
        Macros, as ``define`` in the run parameters gives them; see `Settings.defines`.
    folders : sequence of path
        Where else included files may lie; see `preprocess`.

    Raises
    ------
    UnknownError
        When there is no such file.
    FormatError
        For everything that grompp refuses, and for words that are not numbers where it would stop reading a line. The
        error names file, line, directive and value.
    UnsupportedError
        For a potential that GROMACS cannot run any more, and interactions between molecules.

    Warns
    -----
    UserWarning
        Where a line replaces an older one of the force field: grompp warns there, and wants ``-maxwarn``.
    """
    reader = _Reader()
    for directive, head, lines in _sections(preprocess(path, defines=defines or {}, folders=folders)):
        reader.read(directive, head, lines)
    return reader.finished(Path(path))


def _sections(lines: Lines) -> Iterator[tuple[str, Line, Lines]]:
    """Yield the directives in their order, each with its lines; what stands before the first one is nothing.

    The lines of one that was yielded are let go: those of a large topology take more memory than its numbers.
    """
    heads = [i for i, text in enumerate(lines.texts) if text[0] == "["]
    waiting = deque((lines[i], lines[i + 1 : end]) for i, end in zip(heads, [*heads[1:], len(lines)], strict=False))
    del lines
    seen: set[str] = set()
    while waiting:
        head, inside = waiting.popleft()
        name = directive_named(head)
        check_order(head, name, seen)
        seen.add(name)
        yield name, head, inside


class _Reader:
    """What is read so far."""

    def __init__(self) -> None:
        self._title = ""
        self._field = ForceField()
        self._places = Places()
        self._drafts: dict[str, Draft] = {}
        self._molecules: list[tuple[str, int]] = []

    def read(self, directive: str, head: Line, lines: Lines) -> None:
        if directive in FORCE_FIELD:
            self._field.read(directive, lines)
        elif directive == "moleculetype":
            for line in lines:
                self._begin(line)
        elif directive in OF_MOLECULES:
            self._current(directive, head).read(directive, lines)
        elif directive == "system":
            self._title = lines[-1].text if lines else self._title
        elif directive == "molecules":
            for line in lines:
                self._count(line)
        else:
            raise UnsupportedError(
                f"{head.place}: [ {directive} ] is not read", hint="make one molecule type of what interacts"
            )

    def _begin(self, line: Line) -> None:
        draft = Draft(line, self._field, self._places)
        if draft.name in self._drafts:
            raise line.error(
                f"the molecule type {draft.name!r} again; the first is at {self._drafts[draft.name].line.place}",
                hint="include its file only once, or rename one of them",
            )
        self._drafts[draft.name] = draft

    def _current(self, directive: str, head: Line) -> Draft:
        if self._molecules or not self._drafts:
            where = "after [ molecules ]" if self._molecules else "before the name of a molecule type"
            raise head.error(
                f"[ {directive} ] {where}",
                hint="put it behind the [ moleculetype ] that it belongs to, before the next",
            )
        return next(reversed(self._drafts.values()))

    def _count(self, line: Line) -> None:
        words = line.text.split()
        if len(words) < 2:
            raise line.error("[ molecules ]: a molecule type and a count are needed", hint="like: SOL 216")
        count = whole(words, 1, line)
        if count < 0:
            raise line.error(f"[ molecules ]: {count} molecules", hint="a count is 0 or more")
        name = self._named(words[0], line)
        self._drafts[name].check()
        self._molecules.append((name, count))

    def _named(self, name: str, line: Line) -> str:
        """Return the molecule type of a name; without an exact one, the only one with other capitals."""
        if name in self._drafts:
            return name
        near = [known for known in self._drafts if known.lower() == name.lower()]
        if len(near) != 1:
            raise line.error(
                f"[ molecules ]: there is no molecule type {name!r}",
                hint=did_you_mean(name, self._drafts),
                molecule=name,
            )
        return near[0]

    def finished(self, path: Path) -> TopologyFile:
        if not any(count for _, count in self._molecules):
            raise FormatError(
                f"{path}: no [ molecules ]: it says of no system what it consists of",
                hint="read a whole topology (.top); files of molecules (.itp) are included in one",
                file=str(path),
            )
        return TopologyFile(
            title=self._title,
            defaults=self._field.defaults,
            atom_types=self._field.atom_types,
            nonbond_params=self._field.nonbond_params,
            cmap_grids=tuple(self._field.cmap_grids),
            molecule_types={name: draft.finished() for name, draft in self._drafts.items()},
            molecules=tuple(self._molecules),
            files=self._places.files,
        )
