"""What is read many lines at once is what is read line by line, and refused with the same words."""

import re
import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, strategies as st

from cuds.errors import FormatError
from cuds_gromacs.codecs.preprocess import preprocess
from cuds_gromacs.codecs.topology import read_topology
from tests.cuds_gromacs.grompp import system

Placed = tuple[str, Path, int]
BLANKS = " \t\n\v\f\r"
LINES = st.sampled_from(
    [
        *("1 2 3", "\t1  2\t3 ", "", "  ", ";", "  ; comment", "x ; comment", "x;", "\v1\f", "é 1", "[ x ]", "x # y"),
        *("LONG", "x LONG y LONGER", "TIE", "x TIE", "; TIE", "x ; LONG", "OTHER \\", "a\\b", "x \\", "; x \\"),
        *("; # y", "x ; y \\", "x \\ ", "; x \\ ", "\\", " \\", "\n".join(["7 8 9"] * 60), "\n".join(["7 LONG"] * 60)),
    ]
)
DIRECTIVES = st.sampled_from(
    [
        *("#define LONG 5 6", "#define LONG", "#define TIE 1 \\", "#define OTHER LONG ; x", "#undef LONG"),
        *("#undef OTHER", ' # include "b.itp"', '#include "b.itp" \\'),
    ]
)


def conditional(inside: st.SearchStrategy[list[str]]) -> st.SearchStrategy[list[str]]:
    return st.builds(
        lambda asked, name, one, other: [f"#{asked} {name}", *one, *other, "#endif"],
        st.sampled_from(["ifdef", "ifndef", "\tifdef"]),
        st.sampled_from(["LONG", "TIE", "OTHER"]),
        inside,
        st.one_of(st.just([]), inside.map(lambda x: ["#else", *x])),
    )


SOME = st.lists(st.one_of(LINES, LINES, DIRECTIVES), max_size=8)
BODIES = st.lists(st.recursive(SOME, conditional, max_leaves=4), max_size=4).map(lambda x: list(chain(*x)))
FILES = st.tuples(BODIES, st.sampled_from(["\n", "\r\n"]), st.booleans()).map(lambda t: t[1].join(t[0]) + t[1] * t[2])


def physical(file: Path, macros: dict[str, str]) -> Iterator[Placed]:
    """Yield one line after the other, those of included files where they are included."""
    taken = [True]
    for number, text in enumerate(file.read_bytes().decode().replace("\r\n", "\n").split("\n"), 1):
        if text.strip(BLANKS).startswith("#"):
            said, rest = [*text.strip(BLANKS)[1:].strip(BLANKS).split(None, 1), ""][:2]
            if all(taken) and said == "include":
                yield from physical(file.parent / rest.split('"')[1], macros)
            else:
                obey(said, rest, macros, taken)
        elif all(taken):
            replaced = text
            for name, value in macros.items():
                replaced = replaced if not value else re.sub(rf"\b{name}\b", value.replace("\\", "\\\\"), replaced)
            yield replaced, file, number


def obey(said: str, rest: str, macros: dict[str, str], taken: list[bool]) -> None:
    if said in ("ifdef", "ifndef"):
        taken.append((rest in macros) == (said == "ifdef"))
    elif said == "else":
        taken[-1] = not taken[-1]
    elif said == "endif":
        taken.pop()
    elif all(taken) and said == "undef":
        macros.pop(rest, None)
    elif all(taken) and said == "define":
        name, value = [*rest.split(None, 1), ""][:2]
        macros[name] = value


def one_by_one(file: Path) -> list[Placed]:
    """Return the lines that say something, with what is tied to each; of a wrong one only its place."""
    found: list[Placed] = []
    lines = physical(file, {})
    for first in lines:
        parts, line, whole = [], first, first[0]
        while line[0].rstrip(BLANKS).endswith("\\"):
            parts.append(line[0].rstrip(BLANKS)[:-1])
            if line[0][-1] in BLANKS and ";" not in whole:
                return [("", *line[1:])]
            line = next(lines, ("", *line[1:]))
            whole += line[0]
        said = " ".join([*parts, line[0].rstrip(BLANKS)]).partition(";")[0].strip(BLANKS)
        found += [(said, *first[1:])] * bool(said)
    return found


def in_runs(file: Path) -> list[Placed]:
    try:
        return [(line.text, line.file, line.number) for line in preprocess(file, defines={}, folders=())]
    except FormatError as error:
        wrong = "" if "a blank after the \\ that ties" in error.message else error.message
        return [(wrong, Path(str(error.fields["file"])), int(error.fields["line"]))]


@example('x \\\n#include "b.itp"\nz\n', "1\n2 3\n")
@example('#include "b.itp"\n1\n2 3\n', "x \\")
@example('#include "b.itp"\n1\n2 3\n', "x \\\n")
@example("x \\\n#define LONG 5\nLONG\nLONG ; \\ \nz\nx \\ \n", "")
@given(FILES, FILES.filter(lambda text: "include" not in text))
def test_any_files_are_read_as_line_by_line(main: str, other: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "a.top"
        file.write_bytes(main.encode())
        (Path(name) / "b.itp").write_bytes(other.encode())
        assert in_runs(file) == one_by_one(file)


PLAIN = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-1e6, 1e6).map("{:.5e}".format),
    st.decimals(-100, 100, places=4).map(str),
    st.integers(-9, 9).map(str),
    st.sampled_from(["1.", ".5", "+.5E-3", "-0"]),
)
ODD = [
    *("nan", "inf", "1e999", "1_0", "0x1", "\uff11", "1d3", "--1", "1-2", "1.0", "1e0", "1e", "e5", ".", "-", "+"),
    *("1.2.3", "LONG", "007", "+2", "-1", "0", "9" * 16, "9" * 20, "1,5", "'1'", "1\x012", "1\x1c2", ""),
]
PAIRS = st.permutations(range(1, 5)).map(lambda p: f"{p[0]} {p[1]}")
BOND = st.one_of(
    st.builds("{} {} {} {}".format, PAIRS, st.sampled_from([1, 2, 6, 7, 8]), PLAIN, PLAIN),
    st.builds("{}  1\t{} {} {} {}".format, PAIRS, PLAIN, PLAIN, PLAIN, PLAIN),
    st.builds("{} {} {} {} {}".format, PAIRS, st.sampled_from([3, 4]), PLAIN, PLAIN, PLAIN),
    st.builds("{} {}".format, PAIRS, st.sampled_from(["", "1", "5", "6"])),
)


def read(folder: Path, first: str, bonds: list[str]) -> Any:
    """Return what is read of bonds behind a first one and many others, or what the error says."""
    file = folder / "topol.top"
    lines = ["[ bonds ]", f"{first} 2 1 0.1 100", *["1 3 1 0.1 1e2"] * 100, *bonds, ""]
    file.write_text(system("\n".join(lines), field="[ bondtypes ]\nA B 1 0.2 7\n"), encoding="utf-8")
    try:
        terms = read_topology(file).molecule_types["M"].terms
    except FormatError as error:
        return error.message, error.hint, error.fields
    arrays = [(t.atoms, t.parameters, np.empty(0) if t.b_parameters is None else t.b_parameters) for t in terms]
    return [(t.function, [x.tobytes() for x in a], t.origins.tolist()) for t, a in zip(terms, arrays, strict=True)]


@given(st.lists(BOND, max_size=12))
def test_any_numbers_are_read_as_word_by_word(bonds: list[str]) -> None:
    """A sign before a single atom has all the lines looked at word by word."""
    with tempfile.TemporaryDirectory() as name:
        assert read(Path(name), "1", bonds) == read(Path(name), "+1", bonds)


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("word", ODD)
def test_odd_words_are_read_or_refused_as_word_by_word(word: str, place: int, tmp_path: Path) -> None:
    words = ["3", "4", "1", "0.3", "5"]
    bonds = ["2 3 2 1.5 -2", " ".join([*words[:place], word, *words[place + 1 :]]), "1 2 01 .1 1.e2", "1 2"]
    assert read(tmp_path, "1", bonds[:2]) == read(tmp_path, "+1", bonds[:2])
    assert read(tmp_path, "1", bonds) == read(tmp_path, "+1", bonds)


@pytest.mark.parametrize("bond", ["1", "1\x012"])
def test_lines_too_short_are_refused(bond: str, tmp_path: Path) -> None:
    assert "[ bonds ]: 1 atoms, not 2" in read(tmp_path, "1", ["1 2 1 0.1 1", bond])[0]


def test_many_lines_of_several_functions_and_lengths(tmp_path: Path) -> None:
    n = 40_000
    atoms = "".join(f"{i} {'ABCD'[i % 4]} {i}X M A {i}\n" for i in range(5, n + 1))
    rest = ["1 .1 1e2 0.2 70", *["1 0.1 100"] * 6, "2 0.3 -5e3", *["1 0.1 100"] * 6]
    rows = "\n".join(f"{i} {i + 1} {rest[i % 14]}" for i in range(1, n))
    (tmp_path / "topol.top").write_text(system(f"[ atoms ]\n{atoms}[ bonds ]\n{rows}\n"))
    molecule = read_topology(tmp_path / "topol.top").molecule_types["M"]
    assert molecule.insertions[3:5] == ("", "X")
    assert molecule.residues[-1] == n
    harmonic, g96 = molecule.terms
    assert (harmonic.function, g96.function) == (1, 2)
    for terms, chosen in ((harmonic, [i for i in range(1, n) if i % 14 != 7]), (g96, list(range(7, n, 14)))):
        assert terms.atoms.tolist() == [[i - 1, i] for i in chosen]
        assert np.diff(terms.origins[:, 1]).tolist() == np.diff(chosen).tolist()
    assert np.unique(g96.parameters, axis=0).tolist() == [[0.3, -5000.0]]
    assert np.unique(harmonic.parameters, axis=0).tolist() == [[0.1, 100.0]]
    assert harmonic.b_parameters is not None
    changed = (harmonic.b_parameters == [0.2, 70.0]).all(axis=1)
    assert harmonic.atoms[changed][:, 0].tolist() == [i - 1 for i in range(14, n, 14)]
