"""Files that ASE and meshio write: what comes back is what was said of them, and nothing else is lost in silence."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase.build
import ase.io
import meshio
import numpy as np
import pytest
from ase import units
from hypothesis import HealthCheck, given, settings, strategies as st
from hypothesis.extra.numpy import arrays

import cuds
from cuds.codecs import meshio_files, translate
from cuds.codecs.translation import Carried
from cuds.errors import FormatError, InvalidError, UnitError, UnsupportedError
from tests.stories import brick, meshes, whole_story

alone = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def salt(**fields: Any) -> cuds.ParticleSystem:
    atoms = ase.build.bulk("NaCl", "rocksalt", a=5.64, cubic=True) * (2, 1, 1)
    atoms.rattle(0.1, seed=1)
    return cuds.ParticleSystem.from_ase(atoms, label="salt").replace(**fields)


def written(what: Any, path: Path, **more: Any) -> dict[str, Carried]:
    data = what if isinstance(what, cuds.DataSet) else cuds.DataSet(what)
    return {f.what: f for f in translate(data, [path], **more)}


# --- atoms ---


@st.composite
def crystals(draw: st.DrawFn) -> cuds.ParticleSystem:
    """Any atoms in any cell, with any numbers of a size that atoms have."""
    n = draw(st.integers(1, 5))
    some = st.floats(-50, 50, width=64)

    def numbers(shape: tuple[int, ...]) -> Any:
        return draw(arrays(np.float64, shape, elements=some))

    cell = np.tril(draw(arrays(np.float64, (3, 3), elements=st.floats(1, 20)))) if draw(st.booleans()) else None
    fields = {
        "velocities": lambda: (numbers((n, 3)), "nm/ps"),
        "charges": lambda: (numbers((n,)), "e"),
        "forces": lambda: (numbers((n, 3)), "kJ/mol/nm"),
        "energies": lambda: (numbers((n,)), "eV"),
        "ids": lambda: np.array(draw(st.lists(st.integers(1, 2**31), min_size=n, max_size=n, unique=True))),
        "columns": lambda: {"w": numbers((n, 3)), "k": draw(arrays(np.int64, n, elements=st.integers(-99, 99)))},
        "annotations": lambda: {"a": draw(st.integers(-9, 9)), "b": "some text", "c": draw(some)},
    }
    symbols = st.sampled_from([("H", 1), ("Cu", 29), ("U", 92)])
    return cuds.ParticleSystem(
        positions=(numbers((n, 3)), draw(st.sampled_from(["angstrom", "nm", "m"]))),
        species=draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)),
        kinds=[
            cuds.Species(symbol=s, atomic_number=z, mass=(draw(st.floats(0.5, 300)), "Da"))
            for s, z in draw(st.lists(symbols, min_size=2, max_size=2, unique=True))
        ],
        cell=None if cell is None else (cell, "angstrom"),
        pbc=(False,) * 3 if cell is None else draw(st.tuples(*[st.booleans()] * 3)),
        **{name: fields[name]() for name in draw(st.sets(st.sampled_from(sorted(fields))))},
    )


def scaled(system: cuds.ParticleSystem) -> cuds.ParticleSystem:
    """The same in the size of atoms."""
    return system.replace(positions=(np.array(system.positions.value), "angstrom"))


@given(crystals(), st.sampled_from([".extxyz", ".traj"]))
@alone
def test_any_atoms_come_back_as_it_is_said_of_them(tmp_path: Path, system: cuds.ParticleSystem, ending: str) -> None:
    system = scaled(system)
    path = tmp_path / f"x{ending}"
    if ending == ".extxyz" and system.ids.max() >= 2**31:
        with pytest.raises(UnsupportedError, match="extended xyz holds integers"):
            written(system, path)
        return
    fates = written(system, path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = cuds.read(path)[cuds.ParticleSystem]
    assert [found.kinds[k].atomic_number for k in found.species] == [
        system.kinds[k].atomic_number for k in system.species
    ]
    had = {"positions": "angstrom", "velocities": "angstrom/fs", "charges": "e", "forces": "eV/angstrom"}
    for name, unit in {**had, "energies": "eV", "masses": "Da", "cell": "angstrom"}.items():
        mine, theirs = getattr(system, name), getattr(found, name)
        if mine is None:
            assert theirs is None or (name == "cell"), name
        elif fates[name].fate == "left out":
            assert theirs is None or name == "masses"
        else:
            off = np.abs(theirs.in_unit(unit) - mine.in_unit(unit)).max(initial=0)
            assert off == 0 if fates[name].fate == "carried" else off < 1e-3 * (1 + np.abs(mine.in_unit(unit)).max())
    assert found.pbc == system.pbc
    if ending == ".extxyz":
        assert np.array_equal(found.ids, system.ids)
        assert found.columns.keys() == system.columns.keys()
        assert "left out" not in {f.fate for f in fates.values()}


def test_integers_that_a_format_does_not_hold_are_refused(tmp_path: Path) -> None:
    far = salt().replace(ids=np.arange(16) + 2**31)
    with pytest.raises(UnsupportedError, match=r"x.extxyz: \w+: 2147483648: extended xyz holds integers from -2"):
        cuds.write(far, tmp_path / "x.extxyz")
    assert list(tmp_path.iterdir()) == []
    again = cuds.read(cuds.write(far, tmp_path / "x.h5md"))[cuds.ParticleSystem]
    assert np.array_equal(again.ids, far.ids)


def test_units_are_those_of_the_other_library(tmp_path: Path) -> None:
    system = salt(velocities=(np.ones((16, 3)), "km/s"), forces=(np.ones((16, 3)), "eV/angstrom"))
    cuds.write(system, tmp_path / "x.extxyz")
    atoms: Any = ase.io.read(tmp_path / "x.extxyz")
    np.testing.assert_allclose(atoms.get_velocities() / (units.Ang / units.fs), 0.01, rtol=1e-6)
    assert (atoms.get_forces() == 1).all()
    np.testing.assert_allclose(atoms.positions, system.positions.in_unit("angstrom"), atol=1e-8)


def test_several_systems_are_frames(tmp_path: Path) -> None:
    frames = cuds.DataSet(*(salt().strained([0.01 * i, 0, 0, 0, 0, 0]) for i in range(3)))
    cuds.write(frames, tmp_path / "x.extxyz")
    assert len(cuds.read(tmp_path / "x.extxyz").all(cuds.ParticleSystem)) == 3
    with pytest.raises(FormatError, match=r"x\.vasp: vasp holds one system, not 3"):
        cuds.write(frames, tmp_path / "x.vasp")


def test_what_a_format_does_not_hold_is_named(tmp_path: Path) -> None:
    system = salt(
        velocities=(np.ones((16, 3)), "nm/ps"), charges=(np.ones(16), "e"), pbc=(True, False, True),
        ids=np.arange(16) + 5, annotations={"a": 1}, columns={"w": np.ones(16)},
    )  # fmt: skip
    fates = written(cuds.DataSet(system, brick()), tmp_path / "POSCAR")
    lost = {what for what, f in fates.items() if f.fate == "left out"}
    mesh = repr(brick())
    assert lost == {"charges", "pbc", "ids", "annotations", "column 'w'", mesh}
    with pytest.warns(UserWarning, match="POSCAR: written without charges, pbc, ids, annotations, column 'w'"):
        cuds.write(system, tmp_path / "POSCAR")


def test_a_turned_cell_is_said_to_be_turned(tmp_path: Path) -> None:
    a = np.radians(30)
    R = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    fates = written(salt().rotated(R), tmp_path / "x.cif")
    assert (fates["positions"].fate, fates["cell"].fate) == ("converted", "converted")
    assert "turned" in fates["positions"].said


@pytest.mark.parametrize(
    ("change", "ending", "words"),
    [
        ({"kinds": [cuds.Species(symbol="W1", mass="1 Da"), cuds.Species(symbol="X2", mass="1 Da")]}, ".extxyz", "W1"),
        ({"columns": {"t": np.ones((16, 3, 3))}}, ".extxyz", r"x\.extxyz: ASE cannot write it as extxyz"),
        ({"cell": None, "pbc": (False,) * 3}, ".vasp", "vasp"),
    ],
)
def test_what_cannot_be_written_leaves_no_file(change: Any, ending: str, words: str, tmp_path: Path) -> None:
    (tmp_path / f"x{ending}").write_text("as it was")
    with pytest.raises(UnsupportedError, match=words):
        cuds.write(salt(**change), tmp_path / f"x{ending}")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [(f"x{ending}", "as it was")]


def test_a_picture_is_no_file_of_atoms(tmp_path: Path) -> None:
    for name in ("x.png", "x.html", "x.db", "x.nothing"):
        with pytest.raises(FormatError, match="cuds does not write"):
            cuds.write(salt(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


# --- meshes ---


@given(meshes(), st.sampled_from(["mm", "m", "nm"]))
@alone
def test_any_mesh_comes_back_from_gmsh_as_it_is_said_of_it(tmp_path: Path, mesh: cuds.Mesh, length: str) -> None:
    mesh = mesh.replace(points=(np.clip(mesh.points.value, -1e9, 1e9), mesh.points.unit))
    path = tmp_path / "x.msh"
    path.unlink(missing_ok=True)
    try:
        fates = written(mesh, path, length=length)
    except (UnsupportedError, FormatError, InvalidError):
        assert not path.exists()
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = cuds.read(path, length=length)[cuds.Mesh]
    assert [b.shape for b in found.blocks] == [b.shape for b in mesh.blocks]
    assert all(np.array_equal(a.nodes, b.nodes) for a, b in zip(found.blocks, mesh.blocks, strict=True))
    for region in mesh.regions:
        if fates[f"region {region.name!r} of {region.on}"].fate == "carried":
            again = found.region(region.name)
            assert again.on == region.on
            assert {*map(tuple, np.sort(np.atleast_2d(again.members.T).T).tolist())} == {
                *map(tuple, np.sort(np.atleast_2d(region.members.T).T).tolist())
            }


def test_regions_of_a_mesh_are_groups_of_gmsh(tmp_path: Path) -> None:
    """Also where an element is of two of them."""
    mesh = brick()
    both = cuds.Region(name="all", on="elements", members=[0])
    mesh = mesh.replace(regions=[*mesh.regions, both])
    fates = written(mesh, tmp_path / "x.msh", length="mm")
    assert {f.fate for f in fates.values()} == {"carried"}
    names = meshio.read(tmp_path / "x.msh").field_data
    assert {n: int(d[1]) for n, d in names.items()} == {"left": 2, "a body/1": 3, "tip": 0, "all": 3}


@pytest.mark.parametrize("ending", sorted(meshio_files.WRITTEN))
def test_a_mesh_comes_back_from_every_format(ending: str, tmp_path: Path) -> None:
    fates = written(brick(), tmp_path / f"x{ending}", length="m")
    lost = [f.what for f in fates.values() if f.fate == "left out"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = cuds.read(tmp_path / f"x{ending}", length="m")[cuds.Mesh]
    np.testing.assert_allclose(found.points.in_unit("mm"), brick().points.in_unit("mm"), rtol=1e-6)
    assert {r.name for r in found.regions} == {r.name for r in brick().regions} - {w.split("'")[1] for w in lost}
    if lost:
        with pytest.warns(UserWarning, match="written without region 'left' of facets"):
            cuds.write(brick(), tmp_path / f"x{ending}", length="m")


def test_a_format_without_units_needs_one(tmp_path: Path) -> None:
    with pytest.raises(UnitError, match=r"length: .*x\.msh: the file says no unit of length\n.*length='mm'"):
        cuds.write(brick(), tmp_path / "x.msh")
    with pytest.raises(UnitError):
        cuds.write(brick(), tmp_path / "x.msh", length="eV")
    for name in ("x.vtu", "x.h5md", "x.ttl"):
        with pytest.raises(InvalidError, match="says its own units"):
            cuds.write(brick(), tmp_path / name, length="mm")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [".vtu", ".xdmf"])
def test_fields_are_shown_with_their_units(ending: str, tmp_path: Path) -> None:
    story = whole_story()
    fates = written(story, tmp_path / f"x{ending}")
    found = meshio.read(tmp_path / f"x{ending}")
    assert np.array_equal(found.point_data["u [mm]"], story[cuds.Field].values.value)
    assert np.array_equal(found.points, brick().points.value)
    assert {p.name for p in tmp_path.iterdir()} == {f"x{ending}"}
    assert fates["3 regions"].fate == "left out"
    assert fates[repr(story[cuds.Potential]).splitlines()[0]].fate == "left out"


def test_what_one_library_leaves_out_is_not_asked_of_a_data_set(tmp_path: Path, recwarn: Any) -> None:
    check: Callable[[Path], Any] = lambda path: cuds.write(whole_story(), path)  # noqa: E731
    check(tmp_path / "x.h5md")
    check(tmp_path / "x.ttl")
    assert len(recwarn) == 0
