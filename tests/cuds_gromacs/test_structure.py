"""Structures come back as they were written, and GROMACS reads the same from them."""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from cuds.errors import FormatError, InvalidError, UnknownError
from cuds_gromacs.codecs.structure import Structure, read_g96, read_gro, write_gro

NAMES = st.text(st.sampled_from("ABCabc0123'*+-_"), min_size=1, max_size=5)
TWO = "two atoms\n    2\n    1SOL     OW    1   0.126   1.624   1.679\n    1SOL    HW1    2   0.190  -1.661   1.747\n"


@st.composite
def structures(draw: st.DrawFn) -> Structure:
    count = draw(st.integers(0, 5))
    vectors = arrays(np.float64, (count, 3), elements=st.floats(-5000, 5000))
    box = draw(arrays(np.float64, (3, 3), elements=st.floats(-100, 100)))
    names = [np.array(draw(st.lists(NAMES, min_size=count, max_size=count)), dtype="U5") for _ in range(2)]
    numbers = [np.array(draw(st.lists(st.integers(-9999, 10**6), min_size=count, max_size=count)), dtype=np.int64)]
    return Structure(
        title=draw(st.text(st.characters(codec="ascii", categories=("L", "N", "P")), max_size=20)),
        residue_numbers=numbers[0],
        residue_names=names[0],
        atom_names=names[1],
        atom_numbers=np.arange(99998, 99998 + count),
        positions=draw(vectors),
        velocities=draw(st.none() | vectors) if count else None,
        box=draw(st.sampled_from([box, np.diag(np.diag(box))])),
    )


def same(one: Structure, other: Structure, places: int) -> None:
    half = 0.51 * 10.0**-places
    assert (one.title, len(one)) == (other.title, len(other))
    assert one.residue_names.tolist() == other.residue_names.tolist()
    assert one.atom_names.tolist() == other.atom_names.tolist()
    np.testing.assert_allclose(one.positions, other.positions, rtol=0, atol=half)
    np.testing.assert_allclose(one.box, other.box, rtol=0, atol=half)
    if other.velocities is None:
        assert one.velocities is None
    elif one.velocities is not None:
        np.testing.assert_allclose(one.velocities, other.velocities, rtol=0, atol=half)


@given(structures(), st.integers(3, 15))
def test_a_structure_comes_back(structure: Structure, decimals: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_gro(f"{folder}/a.gro", structure, decimals)
        found = read_gro(f"{folder}/a.gro")
    same(found, structure, min(decimals, 11))
    limits = np.where(structure.residue_numbers < 0, 10000, 100000)
    assert (np.fmod(structure.residue_numbers, limits) == found.residue_numbers).all()
    assert found.atom_numbers.tolist() == [n % 100000 for n in structure.atom_numbers.tolist()]
    assert not found.more


def some(count: int = 4, factor: float = 1.0) -> Structure:
    draw = np.random.default_rng(1)
    return Structure(
        title="some atoms",
        residue_numbers=np.arange(1, count + 1),
        residue_names=np.array(["SOL"] * count),
        atom_names=np.array(["OW"] * count),
        atom_numbers=np.arange(1, count + 1),
        positions=draw.uniform(-900, 12345, (count, 3)) * factor,
        velocities=draw.normal(size=(count, 3)) * 100,
        box=np.array([[10.123456789, 0, 0], [1.5, 9.5, 0], [-2.25, 0.125, 8.5]]),
    )


def test_no_bit_that_matters_is_lost(tmp_path: Path) -> None:
    structure = some(100)
    write_gro(tmp_path / "a.gro", structure)
    found = read_gro(tmp_path / "a.gro")
    assert np.abs(found.positions - structure.positions).max() < 2e-12  # the spacing of doubles near 10000
    assert structure.velocities is not None
    assert found.velocities is not None
    assert np.abs(found.velocities - structure.velocities).max() < 1e-12
    assert found.box.tolist() == structure.box.tolist()
    assert not found.positions.flags.writeable


@pytest.mark.parametrize("decimals", [3, 9, 12, 15])
def test_gromacs_reads_what_we_write_and_we_read_what_it_writes(decimals: int, tmp_path: Path) -> None:
    structure = some(factor=0.01)  # what GROMACS writes has three decimals in eight columns
    write_gro(tmp_path / "a.gro", structure, decimals)
    for made in ("b.g96", "c.gro"):
        command = ["gmx_d", "-quiet", "-nobackup", "editconf", "-f", "a.gro", "-o", made]
        subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    same(read_g96(tmp_path / "b.g96"), structure, min(decimals, 8))
    same(read_gro(tmp_path / "c.gro"), structure, 2)
    assert read_g96(tmp_path / "b.g96").residue_numbers.tolist() == [1, 2, 3, 4]


def test_the_order_of_nine_numbers_of_a_box(tmp_path: Path) -> None:
    (tmp_path / "a.gro").write_text(f"{TWO}1 2 3 12 13 21 23 31 32\n")
    assert read_gro(tmp_path / "a.gro").box.tolist() == [[1, 12, 13], [21, 2, 23], [31, 32, 3]]


def test_the_columns_are_as_wide_as_the_decimal_points_are_apart(tmp_path: Path) -> None:
    """Numbers that touch, a name that looks like one, velocities of some atoms only, numbers of atoms that are none."""
    (tmp_path / "a.gro").write_bytes(
        b"x\r\n 3\r\n"
        b"99999ABCDEa1234*****-1000.12345-1000.12345-1000.12345    1.12345    2.12345    3.12345\r\n"
        b"   -7  LI LI      2    0.10000    0.20000    0.30000\r\n"
        b"    0SOL   OW.          1e-3000    -.20000         5.\r\n"
        b"  1.5   2.5 3.5\r\n\r\nnext frame\r\n 0\r\n 1 1 1\r\n"
    )
    found = read_gro(tmp_path / "a.gro")
    assert found.positions.tolist() == [[-1000.12345] * 3, [0.1, 0.2, 0.3], [0.0, -0.2, 5.0]]
    assert found.velocities is not None
    assert found.velocities.tolist() == [[1.12345, 2.12345, 3.12345], [0, 0, 0], [0, 0, 0]]
    assert found.residue_numbers.tolist() == [99999, -7, 0]
    assert found.residue_names.tolist() == ["ABCDE", "LI", "SOL"]
    assert found.atom_names.tolist() == ["a1234", "LI", "OW."]
    assert found.atom_numbers.tolist() == [1, 2, 3]
    assert found.title == "x"
    assert found.more


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 2, "where the number of atoms must stand"),
        ("x\nmany\n", 2, "'many' where the number of atoms must stand"),
        ("x\n-1\n", 2, "'-1' where the number of atoms"),
        ("x\n3\n" + TWO.split("\n", 2)[2], 5, "the file ends after 2 of 3 atoms"),
        (TWO, 5, "the file ends after the atoms, without a box"),
        (f"{TWO}\n", 5, "without a box"),
        (f"{TWO}1 2\n", 5, "a box of 2 numbers"),
        (f"{TWO}1 2 3 4\n", 5, "a box of 4 numbers"),
        (f"{TWO}1 2 wide\n", 5, "'wide' stands where a number must"),
        (f"{TWO.replace('-1.661', ' x.661')}1 2 3\n", 4, "'x.661' where a coordinate must stand"),
        (f"{TWO.replace('-1.661', '1_.661')}1 2 3\n", 4, "'1_.661' where a coordinate must stand"),
        (f"{TWO.replace('-1.661', '   nan')}1 2 3\n", 4, "'nan' where a coordinate must stand"),
        (f"{TWO.replace('   1.747', '')}1 2 3\n", 4, "'' where a coordinate must stand"),
        (f"{TWO.replace('1.679', '1679')}1 2 3\n", 3, "decimal points that are equally far apart"),
        (f"{TWO.replace('   1.624', ' 1.624')}1 2 3\n", 3, "decimal points that are equally far apart"),
        (f"{TWO.replace('    1SOL     OW', '   1xSOL     OW')}1 2 3\n", 3, "'1x' where the number of a residue"),
        (f"{TWO.replace('1.747', '1.747   1.000   fast   1.000')}1 2 3\n", 4, "'fast' where a velocity must stand"),
    ],
)
def test_bad_files(text: str, line: int, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.gro").write_text(text)
    with pytest.raises(FormatError) as caught:
        read_gro(tmp_path / "a.gro")
    assert message in caught.value.message
    assert caught.value.message.startswith(f"{tmp_path / 'a.gro'}:{line}: ")


G96 = """TITLE
a title
more of it
END
TIMESTEP
              1       0.500000
END
# a comment
POSITION
    1 SOL   OW         1    1.736000000    0.839000000    0.257000000
# another
   -2 ABCDE HW1   100000-1000.123456789-1000.123456789-1000.123456789
END
VELOCITY
    1 SOL   OW         1   -0.052500000   -0.012800000    0.133300000
   -2 ABCDE HW1   100000    1.5 2 -3
END
BOX
    1.000000000    2.000000000    3.000000000   12.000000000   13.0 21 23 31 32
END
"""


def test_a_g96_file(tmp_path: Path) -> None:
    (tmp_path / "a.g96").write_text(G96)
    found = read_g96(tmp_path / "a.g96")
    assert (found.title, found.more) == ("a title", False)
    assert found.residue_numbers.tolist() == [1, -2]
    assert found.residue_names.tolist() == ["SOL", "ABCDE"]
    assert found.atom_names.tolist() == ["OW", "HW1"]
    assert found.atom_numbers.tolist() == [1, 100000]
    assert found.positions.tolist() == [[1.736, 0.839, 0.257], [-1000.123456789] * 3]
    assert found.velocities is not None
    assert found.velocities.tolist() == [[-0.0525, -0.0128, 0.1333], [1.5, 2, -3]]
    assert found.box.tolist() == [[1, 12, 13], [21, 2, 23], [31, 32, 3]]
    (tmp_path / "b.g96").write_text(G96 + G96.partition("END\n")[2])
    assert read_g96(tmp_path / "b.g96").more
    reduced = "VELOCITYRED\n  1 2 3\n 4 5 6\nEND\n"
    (tmp_path / "c.g96").write_text(G96.partition("VELOCITY")[0] + reduced + "BOX\n1 2 3\nEND\n")
    moving = read_g96(tmp_path / "c.g96").velocities
    assert moving is not None
    assert moving.tolist() == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("POSITION\n", "POSITIONS\n", "9: 'POSITIONS' where a block must begin"),
        (G96[G96.index("BOX") :], "", "1: no block BOX"),
        (G96[G96.index("POSITION") : G96.index("VELO")], "", "1: no block POSITION"),
        ("13.0 21 23 31 32\nEND\n", "13.0 21 23 31 32\n", "18: the block BOX is not closed"),
        ("13.0 21", "21", "19: a box of 8 numbers"),
        ("1.5 2 -3\n", "1.5 2\n", "16: 2 numbers, not 3"),
        ("1.5 2 -3\n", "1.5 2 x\n", "16: 'x' stands where a number must"),
        ("   -2 ABCDE HW1   100000    1.5 2 -3\n", "", "15: 1 velocities for 2 atoms"),
        ("   -2 ABCDE HW1   100000-", "    x ABCDE HW1   100000-", "12: 'x' stands where a whole number must"),
        (
            "    1.000000000    2.000000000    3.000000000   12.000000000   13.0 21 23 31 32\n",
            "",
            "the block BOX is em",
        ),
    ],
)
def test_bad_g96_files(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in G96
    (tmp_path / "a.g96").write_text(G96.replace(old, new, 1))
    with pytest.raises(FormatError) as caught:
        read_g96(tmp_path / "a.g96")
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("change", "decimals", "message"),
    [
        ({"atom_names": np.array(["OXYGEN"])}, 12, "atom_names: 'OXYGEN'"),
        ({"residue_names": np.array(["A B"])}, 12, "residue_names: 'A B'"),
        ({"residue_names": np.array([""])}, 12, "residue_names: ''"),
        ({"atom_names": np.array(["Å"])}, 12, "atom_names: 'Å'"),
        ({"title": "two\nlines"}, 12, "title: it has several lines"),
        ({"positions": np.array([[0, np.nan, 0]])}, 12, "not finite"),
        ({}, 2, "decimals: 2"),
        ({}, 18, "decimals: 18"),
    ],
)
def test_what_is_not_written(change: dict[str, object], decimals: int, message: str, tmp_path: Path) -> None:
    from dataclasses import replace

    with pytest.raises(InvalidError, match=message):
        write_gro(tmp_path / "a.gro", replace(some(1), **change), decimals)  # type: ignore[arg-type]
    assert not (tmp_path / "a.gro").exists()


def test_missing_files(tmp_path: Path) -> None:
    (tmp_path / "conf.gro").write_text("")
    for read in (read_gro, read_g96):
        with pytest.raises(UnknownError) as caught:
            read(tmp_path / "cinf.gro")
        assert "did you mean 'conf.gro'" in caught.value.hint
