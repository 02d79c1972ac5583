"""From and to ASE Atoms without loss; what has no place is refused by name."""

from typing import Any

import ase
import ase.build
import numpy as np
import pytest
from ase import units
from ase.constraints import FixAtoms
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

import cuds
from cuds.errors import UnsupportedError

numbers = st.floats(-50, 50, allow_nan=False, allow_subnormal=False)


@st.composite
def atoms(draw: st.DrawFn) -> ase.Atoms:
    n = draw(st.integers(1, 12))
    made: Any = ase.Atoms(
        numbers=draw(st.lists(st.sampled_from([1, 6, 29, 79]), min_size=n, max_size=n)),
        positions=draw(arrays(float, (n, 3), elements=numbers)),
        cell=draw(st.sampled_from([np.eye(3) * 9, np.array([[4.0, 0, 0], [1, 5, 0], [-2, 1, 6]]), np.zeros((3, 3))])),
        info=draw(
            st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.booleans(), max_size=3)
        ),
    )
    if made.cell.rank == 3:
        made.pbc = draw(st.tuples(st.booleans(), st.booleans(), st.booleans()))
    if draw(st.booleans()):
        made.set_velocities(draw(arrays(float, (n, 3), elements=numbers)))
    if draw(st.booleans()):
        made.set_initial_charges(draw(arrays(float, n, elements=numbers)))
    if draw(st.booleans()):
        made.set_tags(draw(arrays(np.int64, n, elements=st.integers(0, 9))))
    if draw(st.booleans()):
        made.set_masses(draw(st.lists(st.sampled_from([1.0, 2.014, 12.0]), min_size=n, max_size=n)))
    if draw(st.booleans()):
        made.set_initial_magnetic_moments(draw(arrays(float, (n, 3), elements=numbers)))
    return made


@given(atoms())
def test_there_and_back(given_: ase.Atoms) -> None:
    back = cuds.ParticleSystem.from_ase(given_).to_ase()
    assert np.array_equal(back.numbers, given_.numbers)
    assert np.array_equal(back.positions, given_.positions)
    assert np.array_equal(back.cell.array, given_.cell.array)
    assert np.array_equal(back.pbc, given_.pbc)
    assert back.info == given_.info
    np.testing.assert_allclose(back.get_masses(), given_.get_masses(), rtol=0)
    np.testing.assert_allclose(back.get_velocities(), given_.get_velocities(), rtol=1e-14, atol=0)
    wanted = set(given_.arrays) - {"momenta", "masses"}
    assert {n for n in back.arrays if n not in ("momenta", "masses")} == wanted
    assert all(np.array_equal(back.arrays[n], given_.arrays[n]) for n in wanted)


def test_isotopes_are_kinds_of_their_own() -> None:
    water: Any = ase.Atoms("OH2", positions=np.eye(3))
    water.set_masses([15.999, 1.008, 2.014])
    system = cuds.ParticleSystem.from_ase(water)
    assert [k.symbol for k in system.kinds] == ["H", "H_1", "O"]
    assert system.masses.value.tolist() == [15.999, 1.008, 2.014]


def test_velocities_have_the_right_size() -> None:
    """One Å/fs is 1e5 m/s; ASE keeps Å (eV/Da)^(1/2)."""
    atom = ase.Atoms("H", positions=[[0, 0, 0]])
    atom.set_velocities([[units.Ang / units.fs, 0, 0]])
    velocities = cuds.ParticleSystem.from_ase(atom).velocities
    assert velocities is not None
    assert velocities.in_unit("m/s")[0, 0] == pytest.approx(1e5, rel=1e-12)


def refusing() -> dict[str, ase.Atoms]:
    displaced, lame, strange = (ase.build.bulk("Cu") for _ in range(3))
    displaced.set_celldisp([1, 0, 0])
    lame.info["what"] = object()
    strange.set_array("names", np.array(["a"]))
    chain = ase.Atoms("H", cell=[1, 0, 0], pbc=(True, False, False))
    return {
        "FixAtoms": ase.Atoms("Cu", constraint=FixAtoms([0])),
        "displaced": displaced,
        "what": lame,
        "names": strange,
        "1 vectors": chain,
    }


@pytest.mark.parametrize("word", list(refusing()))
def test_what_has_no_place_is_refused_by_name(word: str) -> None:
    with pytest.raises(UnsupportedError, match=word):
        cuds.ParticleSystem.from_ase(refusing()[word])


def test_beads_are_no_atoms() -> None:
    bead = cuds.Species(symbol="W4", mass="72 Da")
    system = cuds.ParticleSystem(positions=(np.zeros((1, 3)), "nm"), species=[0], kinds=[bead])
    with pytest.raises(UnsupportedError, match="W4"):
        system.to_ase()
