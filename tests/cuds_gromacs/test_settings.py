"""Run parameters: names, kinds and defaults are grompp's own, and files come back as they were written."""

import re
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from cuds.errors import CudsError, FormatError, InvalidError, UnknownError
from cuds_gromacs.codecs.mdp_options import OBSOLETE, OPTIONS, RENAMED
from cuds_gromacs.codecs.settings import Settings, option_of, read_mdp, write_mdp
from tests.cuds_gromacs.grompp import system

EVERYTHING = """mts = yes
pull = yes
pull-group1-name = M
pull-coord1-groups = 0 1
awh = yes
awh-nbias = 1
awh1-ndim = 1
rotation = yes
rot-ngroups = 1
rot-group0 = M
swapcoords = X
free-energy = expanded
simulated-tempering = yes
orire = yes
density-guided-simulation-active = true
qmmm-cp2k-active = true
"""


def grompp(folder: Path, mdp: str) -> str:
    """Return what grompp says of run parameters; what it makes of them is in out.mdp."""
    (folder / "topol.top").write_text(system(""))
    (folder / "conf.gro").write_text("x\n8\n" + "    1M        A    1   0.100   0.100   0.100\n" * 8 + "3 3 3\n")
    (folder / "run.mdp").write_text(mdp)
    command = ["gmx_d", "-quiet", "-nobackup", "grompp", "-maxwarn", "99", "-f", "run.mdp", "-c", "conf.gro"]
    done = subprocess.run([*command, "-po", "out.mdp"], cwd=folder, capture_output=True, text=True, check=False)
    return re.sub(r"\s+", " ", done.stdout + done.stderr)


def test_names_and_defaults_are_those_of_grompp(tmp_path: Path) -> None:
    found: dict[str, str] = {}
    for mdp in (EVERYTHING, "integrator = md\n"):  # without, more of the defaults
        grompp(tmp_path, mdp)
        lines = (tmp_path / "out.mdp").read_text().splitlines()
        parts = [line.partition("=") for line in lines if re.match(r"[^;=]+=", line)]
        found |= {name.strip(): value.strip() for name, _, value in parts}
    given_ = {line.split("=")[0].strip() for line in EVERYTHING.splitlines()}
    assert {option_of(name)[1].name for name in found} == set(OPTIONS)
    for name, value in found.items():
        known, option = option_of(name)
        assert known == name
        default = {"true": "yes", "false": "no"}.get(value, value) if option.kind == "switch" else value
        if name not in given_ and name not in ("gen-seed", "fep-lambdas"):
            assert default == option.default, name
    assert OPTIONS["gen-seed"].default == "-1"


def with_numbers(name: str) -> str:
    """Return a name with such numbers in it that grompp asks for it."""
    if name.startswith("mts"):
        return name.replace("#", "2")
    return name.replace("#", "0" if name.startswith(("rot", "iontype")) else "1")


@pytest.mark.parametrize("kind", ["choice", "flag", "switch", "int", "real"])
def test_kinds_are_those_of_grompp(kind: str, tmp_path: Path) -> None:
    """Grompp says of a wrong value what it takes."""
    settings_of = {line.split(" = ")[0]: line.split(" = ")[1] for line in EVERYTHING.splitlines()}
    for option in OPTIONS.values():
        name = with_numbers(option.name)
        if option.kind != kind or name == "pbc":  # of that, grompp only says that it is wrong
            continue
        asked = settings_of | {name: "@@@"}
        said = grompp(tmp_path, "".join(f"{key} = {value}\n" for key, value in asked.items()))
        if kind in ("choice", "flag"):
            stated = re.search(rf"variable {re.escape(name)}, using '\S+' Next time,? use one of:((?: '[^']*')+)", said)
            assert stated is not None, name
            values = [v for v in re.findall(r"'([^']*)'", stated[1]) if "(" not in v and "removed" not in v]
            assert (
                values == list(option.choices)
                if kind == "choice"
                else (values[0], set(values))
                == (
                    option.default,
                    {"no", "yes"},
                )
            )
        else:
            wanted = {"int": "an? integer", "real": "a (real|number)", "switch": "yes, no, true, false"}[kind]
            assert re.search(rf"{re.escape(name)}[^a-z0-9-].{{0,70}}{wanted}", said), name


def test_old_names_are_those_of_grompp(tmp_path: Path) -> None:
    said = grompp(tmp_path, "".join(f"{name} = 1\n" for name in [*OBSOLETE, *RENAMED]))
    for name in OBSOLETE:
        assert f"Ignoring obsolete mdp entry '{name}'" in said
    for old, new in RENAMED.items():
        assert f"Replacing old mdp entry '{old}' by '{new}'" in said
        assert option_of(old)[0] == new


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.mdp").write_text(
        "; a comment\n\nTitle = ignored\nIntegrator = MD_VV ; the integrator\nnst_list=20\nrcoulomb   =   0.9\n"
        "define = -DFLEXIBLE -DX=1=2 -DEMPTY=\ninclude = -I/a/b -I../c\ntcoupl =\nref_t = 300 310\nvdw_type = CUTOFF\n"
        "nstxtcout = 5\ngen-vel = YES\npull-Group12-Name = a b\nrot-slab_dist3 = 2\nawh2-dim1-start = 0.5\n"
    )
    found = read_mdp(tmp_path / "a.mdp")
    assert dict(found) == {
        "integrator": "MD_VV",
        "nstlist": "20",
        "rcoulomb": "0.9",
        "define": "-DFLEXIBLE -DX=1=2 -DEMPTY=",
        "include": "-I/a/b -I../c",
        "ref-t": "300 310",
        "vdw-type": "CUTOFF",
        "nstxout-compressed": "5",
        "gen-vel": "YES",
        "pull-group12-name": "a b",
        "rot-slab-dist3": "2",
        "awh2-dim1-start": "0.5",
    }
    assert found["NST-LIST"] == "20"
    assert found.choice("integrator") == "md-vv"
    assert found.choice("vdwtype") == "Cut-off"
    assert (found.integer("nstlist"), found.real("rcoulomb"), found.real("nstlist")) == (20, 0.9, 20.0)
    assert found.reals("ref-t") == (300.0, 310.0)
    assert found.yes("gen_vel")
    assert found.words("pull-group12-name") == ("a", "b")
    assert found.defines == {"FLEXIBLE": "", "X": "1=2", "EMPTY": ""}
    assert found.folders == (Path("/a/b"), Path("../c"))
    assert "coulombtype" not in found
    assert "nothing" not in found
    assert found.get("coulombtype") is None


def test_defaults() -> None:
    nothing = Settings({})
    assert nothing.choice("coulombtype") == "Cut-off"
    assert nothing.choice("coulomb-modifier") == "Potential-shift-Verlet"
    assert (nothing.real("rvdw"), nothing.integer("pme-order"), nothing.yes("continuation")) == (1.0, 4, False)
    assert nothing.reals("electric-field-x") == (0.0, 0.0, 0.0, 0.0)
    assert nothing.reals("compressibility") == ()
    assert (nothing.text("tc-grps"), nothing.defines, nothing.folders) == ("", {}, ())
    assert nothing.real("pull-coord3-k") == 0.0


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("rcolomb = 1\n", 1, "'rcolomb' is no run parameter of GROMACS 2022", "did you mean 'rcoulomb'"),
        ("dt = 1\nDT = 2\n", 2, "dt: given again; the first time at {file}:1", "give it once"),
        ("nstxtcout = 1\nnstxout-compressed = 2\n", 2, "nstxout-compressed: given again", "once"),
        ("rcoulomb 1.0\n", 1, "'rcoulomb 1.0': no name, = and value", "name = value"),
        ("= 1.0\n", 1, "'= 1.0': no name", "name = value"),
        ("\nnsteps = 1e3\n", 2, "nsteps: '1e3' is not a whole number", "1000, not 1e3"),
        ("rlist = 1.0nm\n", 1, "rlist: '1.0nm' is not a number", "without units"),
        ("rlist = 1_0\n", 1, "rlist: '1_0' is not a number", "without units"),
        ("ref-t = 300 warm\n", 1, "ref-t: '300 warm' is not a number", "without units"),
        ("coulombtype = PMEE\n", 1, "coulombtype: 'PMEE' is not known", "did you mean 'PME'"),
        ("gen-vel = true\n", 1, "gen-vel: 'true' is not known", "known: no, yes"),
        ("pull-group# = 1\n", 1, "'pull-group#' is no run parameter", "pull-group"),
    ],
)
def test_bad_files(text: str, line: int, message: str, hint: str, tmp_path: Path) -> None:
    file = tmp_path / "a.mdp"
    file.write_text(text)
    with pytest.raises((FormatError, UnknownError)) as caught:
        read_mdp(file)
    assert caught.value.message.startswith(f"{file}:{line}: ")
    assert message.format(file=file) in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("text", ["define = POSRES\n", "define = -D POSRES\n", "define = -D=1\n"])
def test_defines_that_are_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.mdp").write_text(text)
    found = read_mdp(tmp_path / "a.mdp")
    with pytest.raises(FormatError, match=r"a\.mdp:1: define: .* is not -D") as caught:
        _ = found.defines
    assert "-DNAME" in caught.value.hint


def test_what_settings_refuse() -> None:
    for values, kind in (
        ({"nothing": "1"}, UnknownError),
        ({"dt": "1", "d_t": "2"}, InvalidError),
        ({"dt": "fast"}, InvalidError),
        ({"comm-grps": "a\nb"}, InvalidError),
        ({"comm-grps": "a;b"}, InvalidError),
    ):
        with pytest.raises(kind):
            Settings(values)
    with pytest.raises(InvalidError, match="dt is real, not int"):
        Settings({}).integer("dt")
    with pytest.raises(KeyError):
        Settings({})["dt"]
    with pytest.raises(CudsError):
        Settings({})["dtt"]
    assert "dt" in repr(Settings({"dt": "1"}))


VALUES = {
    "int": st.integers(-(10**9), 10**9).map(str),
    "real": st.floats(allow_nan=False, allow_infinity=False).map(repr),
    "reals": st.lists(st.floats(-1e9, 1e9).map(repr), max_size=4).map(" ".join),
    "text": st.text(st.characters(codec="utf-8", categories=("L", "N", "P"), exclude_characters=";"), max_size=10),
    "flag": st.sampled_from(["yes", "no", "YES"]),
    "switch": st.sampled_from(["yes", "false", "1"]),
}


@st.composite
def settings(draw: st.DrawFn) -> Settings:
    values = {}
    for name in draw(st.lists(st.sampled_from(sorted(OPTIONS)), unique=True, max_size=8)):
        option = OPTIONS[name]
        spelled = "".join(str(draw(st.integers(0, 20))) if c == "#" else c for c in name)
        values[spelled] = draw(st.sampled_from(option.choices) if option.choices else VALUES[option.kind])
    return Settings(values)


@given(settings())
def test_settings_come_back(given_: Settings) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_mdp(f"{folder}/a.mdp", given_)
        found = read_mdp(f"{folder}/a.mdp")
    assert list(found.items()) == list(given_.items())


def test_a_plain_mapping_is_written(tmp_path: Path) -> None:
    write_mdp(tmp_path / "a.mdp", {"vdwtype": "cut-off", "define": "-DA=1"})
    assert (tmp_path / "a.mdp").read_text() == f"{'vdw-type':<24} = cut-off\n{'define':<24} = -DA=1\n"
