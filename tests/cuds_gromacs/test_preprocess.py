"""The preprocessor gives the lines that grompp -pp gives, and says what is wrong with which line."""

import shutil
import string
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from cuds.errors import FormatError, UnknownError
from cuds_gromacs.codecs.includes import library_folders
from cuds_gromacs.codecs.preprocess import preprocess
from tests.cuds_gromacs.grompp import RUN, system

MACROS = r"""#define LATE EARLYB
#define EARLYB 0.25
#define INNER 0.5
#define OUTER INNER
#define AA 7
#define TWO 0.1 100 ; a comment
#define CONT 1 \
#define EMPTY
#define SELF SELF SELF
LATE OUTER xAA AAA AAAA AA-AA EMPTY SELF fooAAAA
TWO after
CONT
next
; CONT
tied to a comment
#ifdef EMPTY ; comment
a comment is part of the name
#else
so this is taken
#endif
  #   define SPACED    3  4
SPACED -SPACED- SPACED_X
#ifdef NOPE
#bogus
#ifdef EMPTY
#include "not there"
#else
#endif
#else
one
#else
two
#endif
#undef AA
AA
#define AA 8
AA EARLYB
#define EARLYB AA
EARLYB
#define AA 9
EARLYB AA
ends with \
the next ; and a comment \
that goes on
#undef
"""


def texts(path: Path, defines: Mapping[str, str] | None = None, folders: tuple[Path, ...] = ()) -> list[str]:
    return [line.text for line in preprocess(path, defines=defines or {}, folders=folders)]


def by_grompp(folder: Path, title: str, define: str = "") -> list[str]:
    """Return what grompp -pp makes of lines in a [ system ]; it ends them as they are."""
    (folder / "topol.top").write_text(system("").replace("a system\n", f"{title}\n"))
    (folder / "conf.gro").write_text("x\n8\n" + "    1M        A    1   0.100   0.100   0.100\n" * 8 + "3 3 3\n")
    (folder / "run.mdp").write_text(RUN + (f"define = {define}\n" if define else ""))
    command = ["gmx_d", "-quiet", "-nobackup", "grompp", "-maxwarn", "9", "-f", "run.mdp", "-p", "topol.top", "-c"]
    command += ["conf.gro", "-o", "run.tpr", "-pp", "pp.top", "-po", "out.mdp"]
    made = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    return texts(folder / "pp.top")


def test_macros_and_conditions_are_those_of_grompp(tmp_path: Path) -> None:
    body = MACROS.replace("#undef\n", "")
    theirs = by_grompp(tmp_path, body, "-DOUTSIDE=inside -DAA=late")
    assert texts(tmp_path / "topol.top", {"OUTSIDE": "inside", "AA": "late"}) == theirs
    assert "so this is taken" in theirs
    assert "one" in theirs
    assert "two" not in theirs


NAMES = st.sampled_from(["A", "AA", "AB", "B", "A_B", "LONG", "C1"])
WORDS = st.one_of(NAMES, st.sampled_from(["1.5", "-2", "x", "AAA", "BA", "AAAA", "A.B", "(A)", "+B", "A;B"]))
LINES = st.one_of(
    st.tuples(NAMES, st.lists(WORDS, max_size=3)).map(lambda t: f"#define {t[0]} {' '.join(t[1])}"),
    NAMES.map(lambda n: f"#undef {n}"),
    st.lists(WORDS, min_size=1, max_size=5).map(" ".join),
    NAMES.map(lambda n: f"#ifdef {n}\nwith {n}\n#else\nwithout {n}\n#endif"),
    NAMES.map(lambda n: f"#ifndef {n}\n#define {n} new\n#endif"),
)


@given(st.lists(LINES, min_size=1, max_size=12))
def test_any_macros_are_those_of_grompp(lines: list[str]) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        theirs = by_grompp(folder, "\n".join(lines))
        assert texts(folder / "topol.top") == theirs
    finally:
        shutil.rmtree(folder)


def test_many_macros_are_found_when_they_no_longer_change(tmp_path: Path) -> None:
    names = [
        f"{a}{b}_{i}" for i, (a, b) in enumerate(zip(string.ascii_letters, string.ascii_letters[1:], strict=False))
    ]
    text = "".join(f"#define {name} {i} {i}.5\n" for i, name in enumerate(names))
    text += "1 2 3\n" * 100 + "".join(f"x {name} y{name}\n" for name in names)
    (tmp_path / "a.top").write_text(text)
    assert texts(tmp_path / "a.top")[100:] == [f"x {i} {i}.5 y{name}" for i, name in enumerate(names)]


def test_lines_know_where_they_stand(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "a.top").write_text('one\r\n\r\n#include "in/b.itp" ; comment\nthree \\\nfour\nfive')
    (tmp_path / "in" / "b.itp").write_text("; comment\ntwo ; comment\n#include <c.itp>\n")
    (tmp_path / "in" / "c.itp").write_text("\n\n  deep")
    lines = preprocess(tmp_path / "a.top", defines={}, folders=[])
    assert [(line.text, line.file.name, line.number) for line in lines] == [
        ("one", "a.top", 1),
        ("two", "b.itp", 2),
        ("deep", "c.itp", 3),
        ("three  four", "a.top", 4),
        ("five", "a.top", 6),
    ]
    assert lines[2].place == f"{tmp_path / 'in' / 'c.itp'}:3"


def test_where_files_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the folder of the file that includes, of the main file, in those given, in GROMACS's."""
    for name in ("main", "main/sub", "given", "lib"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("GMXLIB", f"{tmp_path / 'lib'}:{tmp_path / 'nowhere'}")
    assert library_folders()[0] == tmp_path / "lib"
    for folder in ("main/sub", "main", "given", "lib"):
        (tmp_path / folder / f"{Path(folder).name}.itp").write_text(f"own of {folder}")
        (tmp_path / folder / "all.itp").write_text(f"all of {folder}")
    (tmp_path / "main" / "sub" / "first.itp").write_text(
        "".join(f'#include "{n}.itp"\n' for n in ("sub", "main", "given", "lib", "all"))
    )
    (tmp_path / "main" / "topol.top").write_text('#include "sub/first.itp"\n#include "all.itp"\n')
    assert texts(tmp_path / "main" / "topol.top", folders=(tmp_path / "given",)) == [
        "own of main/sub",
        "own of main",
        "own of given",
        "own of lib",
        "all of main/sub",
        "all of main",
    ]


def test_the_folder_of_gromacs_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GMXLIB", raising=False)
    (tmp_path / "a.top").write_text('#include "oplsaa.ff/forcefield.itp"\n')
    assert len(texts(tmp_path / "a.top")) > 3000


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ('x\n#include "spec.itp"\n', 2, "there is no file 'spec.itp'"),
        ("#include spce.itp\n", 1, "not a name of a file"),
        ("#include\n", 1, "not a name of a file"),
        ('#include "../secret.itp"\n', 1, "outside the folders"),
        ('#include "link.itp"\n', 1, "outside the folders"),
        ('#include "a.top"\n', 1, "a circle: .*a.top includes .*a.top"),
        ('#include "one.itp"\n', 1, "a circle"),
        ("x\n#ifdef A\n#ifdef B\n#endif\n", 2, "open at the end"),
        ("#ifndef A\n#else\n", 1, "open at the end"),
        ("#endif\n", 1, "#endif without #ifdef"),
        ("#else\n", 1, "#else without #ifdef"),
        ("#ifdef\n#endif\n", 1, "#ifdef without a name"),
        ("#define\n", 1, "#define without a name"),
        ("#undef\n", 1, "#undef without a name"),
        ("#inlcude 'x'\n", 1, "#inlcude: not known"),
        ("#if A\n", 1, "#if: not known"),
        ("#\n", 1, "#: not known"),
        ("a\nb \\ \nc\n", 2, "a blank after the"),
        ("#define A " + "B " * 40 + "\n#define B " + "x " * 60 + "\nA\n", 3, "4[0-9]{3} characters, more than"),
        ('#include "half.itp"\n#endif\n', 1, "open at the end"),
    ],
)
def test_bad_files(text: str, place: int, message: str, tmp_path: Path) -> None:
    main = tmp_path / "main"
    main.mkdir()
    (tmp_path / "secret.itp").write_text("secret")
    (main / "link.itp").symlink_to(tmp_path / "secret.itp")
    (main / "one.itp").write_text('#include "two.itp"\n')
    (main / "two.itp").write_text('#include "one.itp"\n')
    (main / "half.itp").write_text("#ifdef A\n")
    (main / "a.top").write_text(text)
    with pytest.raises(FormatError, match=message) as caught:
        texts(main / "a.top")
    assert caught.value.fields["line"] == place
    assert f"{caught.value.fields['file']}:{place}" in caught.value.message
    assert caught.value.hint


def test_hints(tmp_path: Path) -> None:
    (tmp_path / "tip3q.ff").mkdir()
    (tmp_path / "tip3q.ff" / "waters.itp").write_text("x")
    for text, hint in (
        ('#include "tip3q.ff/water.itp"', "did you mean 'tip3q.ff/waters.itp'"),
        ('#include "tip3p.ff/waters.itp"', "did you mean 'tip3q.ff/waters.itp'"),
        ('#include "waters.itp"', "tip3q.ff/waters.itp"),
        ("#inlcude", "did you mean 'include'"),
    ):
        (tmp_path / "a.top").write_text(text)
        with pytest.raises(FormatError) as caught:
            texts(tmp_path / "a.top")
        assert hint in caught.value.hint
    with pytest.raises(UnknownError, match="no file") as missing:
        texts(tmp_path / "b.top")
    assert "a.top" in missing.value.hint


def test_a_file_may_come_back_when_conditions_end_it(tmp_path: Path) -> None:
    (tmp_path / "a.top").write_text('#ifndef SEEN\n#define SEEN\n#include "a.top"\n#else\nonce\n#endif\n')
    assert texts(tmp_path / "a.top") == ["once"]


def test_what_lies_in_a_given_folder_may_be_read(tmp_path: Path) -> None:
    (tmp_path / "main").mkdir()
    (tmp_path / "secret.itp").write_text("no secret")
    (tmp_path / "main" / "a.top").write_text(f'#include "../secret.itp"\n#include "{tmp_path}/secret.itp"\n')
    assert texts(tmp_path / "main" / "a.top", folders=(tmp_path,)) == ["no secret", "no secret"]
