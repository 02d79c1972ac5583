"""A data set is opened without reading its arrays, and no number is taken on trust for longer than that."""

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import cuds
from cuds.arrays import Mapped, digest
from cuds.codecs import hdf5
from cuds.errors import FormatError, InvalidError
from cuds.model.topology import TermGroup, Topology
from tests.stories import brick

N = 1 << 14


def chain(n: int = N) -> cuds.ParticleSystem:
    """A chain of particles with everything that is by particle."""
    rng = np.random.default_rng(n)
    pairs = np.stack([np.arange(1, n), np.arange(2, n + 1)], axis=1)
    bonds = TermGroup(role="bond", form="HarmonicBond", particles=pairs, row=np.zeros(n - 1, dtype=int))
    return cuds.ParticleSystem(
        label="chain",
        positions=(rng.random((n, 3)), "nm"),
        velocities=(rng.random((n, 3)), "nm/ps"),
        species=np.arange(n) % 2,
        kinds=[cuds.Species(symbol=s, mass="1 Da") for s in "AB"],
        cell=(np.eye(3), "nm"),
        topology=Topology(groups=(bonds,), exclusions=pairs),
        columns={"w": rng.random(n)},
    )


def grid(n: int = 200) -> cuds.Mesh:
    """A plane of squares."""
    x, y = np.meshgrid(np.arange(n + 1.0), np.arange(n + 1.0))
    points = np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], axis=1)
    corner = (np.arange(n) + (n + 1) * np.arange(n)[:, None]).ravel()
    nodes = np.stack([corner, corner + 1, corner + n + 2, corner + n + 1], axis=1)
    block = cuds.ElementBlock(shape="quad", nodes=nodes)
    return cuds.Mesh(points=(points, "mm"), blocks=(block,), label="grid")


def arrays(entity: Any) -> dict[str, Any]:
    """Every array of an entity that is by particle, by point or by element."""
    if isinstance(entity, cuds.Mesh):
        return {"points": entity.points.value, "nodes": entity.blocks[0].nodes}
    bonds = entity.topology.groups[0]
    return {
        **{n: getattr(entity, n).value for n in ("positions", "velocities")},
        **{n: getattr(entity, n) for n in ("ids", "species")},
        **{"particles": bonds.particles, "row": bonds.row, "exclusions": entity.topology.exclusions},
        "w": entity.columns["w"],
    }


ENTITIES = [chain, grid]


def overwritten(path: Path, change: Callable[[bytes], bytes] = lambda b: bytes(len(b))) -> list[str]:
    """Change the bytes of every long array where they lie in a file; return which."""
    found: list[tuple[str, int, int]] = []
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.append((name, *extent(item))) if long(item) else None)
    with path.open("r+b") as raw:
        for _, offset, size in found:
            raw.seek(offset)
            content = raw.read(size)
            raw.seek(offset)
            raw.write(change(content))
    return [name for name, *_ in found]


def extent(item: Any) -> tuple[int, int]:
    return item.id.get_offset(), item.nbytes


def long(item: Any) -> bool:
    return isinstance(item, h5py.Dataset) and item.nbytes > 1 << 16 and item.name not in ("/graph", "/contents")


@pytest.mark.parametrize("make", ENTITIES)
def test_opening_reads_no_array(make: Callable[[], Any], tmp_path: Path) -> None:
    """With every number of the file replaced by another that cannot be, it opens as it did, and says the same of it."""
    given = make()
    path = cuds.DataSet(given).save(tmp_path / "x.h5md")
    whole = path.read_bytes()
    assert len(overwritten(path, lambda b: b"\xff" * len(b))) == len(arrays(given))
    data = cuds.read(path)
    (found,) = data
    assert found.digest == given.digest
    assert found.whole_digest == given.whole_digest
    assert data.graph().isomorphic(cuds.DataSet(given).graph())
    with pytest.raises(FormatError, match=r"(?s)x\.h5md.*is not the one that was stored"):
        cuds.read(path, verify=True)
    with pytest.raises(FormatError, match=f"of {given.label} is not the one that was stored"):
        data.verify()
    path.write_bytes(whole)
    assert cuds.read(path, verify=True).entities == (given,)


@pytest.mark.parametrize("make", ENTITIES)
def test_all_of_it_comes_back_bit_for_bit_where_it_lies(make: Callable[[], Any], tmp_path: Path) -> None:
    given = make()
    (found,) = cuds.read(cuds.DataSet(given).save(tmp_path / "x.h5md"))
    for name, array in arrays(given).items():
        mapped = arrays(found)[name]
        assert isinstance(mapped, Mapped), name
        assert not mapped.flags.writeable
        assert mapped.flags.aligned
        assert (mapped.dtype, mapped.shape) == (array.dtype, array.shape)
        assert mapped.tobytes() == array.tobytes()
        assert mapped[-1:].tobytes() == array[-1:].tobytes()
        assert mapped.sha256 == digest(array) == digest(mapped.view(np.ndarray))


def test_what_is_calculated_of_it_lies_in_no_file(tmp_path: Path) -> None:
    (found,) = cuds.read(cuds.DataSet(chain()).save(tmp_path / "x.h5md")).all(cuds.ParticleSystem)
    positions = found.positions.value
    for made in (positions * 2, positions.sum(axis=0), found.positions.in_unit("angstrom"), positions @ np.eye(3)):
        assert type(made) is np.ndarray
    assert isinstance(positions.min(), float)
    assert not np.isnan(positions).any()
    assert positions[:10].sha256 == ""
    assert found.positions[:10] == chain().positions[:10]


def test_each_single_changed_bit_is_found(tmp_path: Path, count: Callable[[int, int], int]) -> None:
    path = cuds.DataSet(chain()).save(tmp_path / "x.h5md")
    whole = bytearray(path.read_bytes())
    with h5py.File(path) as file:
        places = {n: extent(file[f"particles/chain/{n}"]) for n in ("position/value", "id/value", "columns/w")}
    for offset, size in places.values():
        for at in np.random.default_rng(1).integers(offset, offset + size, count(4, 100)):
            changed = whole.copy()
            changed[at] ^= 1
            path.write_bytes(changed)
            with pytest.raises(FormatError, match="is not the one that was stored"):
                cuds.read(path, verify=True)


# --- files that come and go ---


def test_a_file_that_is_replaced_does_not_change_what_was_opened(tmp_path: Path) -> None:
    given, other = chain(), chain(N - 1)
    path = cuds.DataSet(given).save(tmp_path / "x.h5md")
    (found,) = cuds.read(path)
    cuds.DataSet(other).save(path)
    for name, array in arrays(given).items():
        assert np.array_equal(arrays(found)[name], array), name
    cuds.DataSet(found).verify()
    assert cuds.read(path).entities == (other,)
    path.unlink()
    cuds.DataSet(found).verify()
    assert cuds.read(cuds.DataSet(found).save(path), verify=True).entities == (given,)


def test_a_data_set_may_be_saved_over_the_file_that_it_lies_in(tmp_path: Path) -> None:
    given = chain()
    path = cuds.DataSet(given, label="first").save(tmp_path / "x.h5md")
    for label in ("second", "third"):
        data = cuds.read(path)
        again = cuds.DataSet(*data, label=label)
        again.save(path)
        again.verify()
        assert cuds.read(path, verify=True).label == label
    assert cuds.read(path).entities == (given,)
    assert os.listdir(tmp_path) == ["x.h5md"]


def test_nobody_writes_into_a_file_whose_arrays_are_in_use(tmp_path: Path) -> None:
    """HDF5 may put other arrays in the place of those that were there."""
    path = cuds.DataSet(chain()).save(tmp_path / "x.h5md")
    data = cuds.read(path)
    with pytest.raises(BlockingIOError):
        h5py.File(path, "a")
    with h5py.File(path) as file:
        assert "graph" in file, "reading is free"
    del data
    h5py.File(path, "a").close()


def test_a_changed_number_is_not_passed_on(tmp_path: Path) -> None:
    """Not to another file, and not to an engine: both state the digest that the file states."""
    path = cuds.DataSet(chain()).save(tmp_path / "x.h5md")
    data = cuds.read(path)
    overwritten(path)
    with pytest.raises(FormatError, match="is not the one that was stored"):
        data.save(tmp_path / "y.h5md")
    assert os.listdir(tmp_path) == ["x.h5md"]


def test_no_engine_computes_with_a_changed_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDS_CACHE", "off")
    import ase.build

    crystal = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True) * 10)
    eam = cuds.potential("Cu_mishin1.eam.alloy")
    path = cuds.DataSet(crystal).save(tmp_path / "x.h5md")
    data = cuds.read(path)
    wanted = cuds.energy(crystal, potential=eam, engine="lammps").value
    assert cuds.energy(data, potential=eam, engine="lammps").value == wanted
    overwritten(path, lambda b: b[8:] + b[:8])
    with pytest.raises(FormatError, match="is not the one that was stored"):
        cuds.energy(data, potential=eam, engine="lammps")


def test_what_goes_to_another_process_is_the_numbers(tmp_path: Path) -> None:
    given = chain()
    path = cuds.DataSet(given).save(tmp_path / "x.h5md")
    (found,) = cuds.read(path)
    sent = pickle.dumps(found)
    path.unlink()
    again = pickle.loads(sent)
    assert again.digest == given.digest
    for name, array in arrays(again).items():
        assert type(array) is np.ndarray
        assert np.array_equal(array, arrays(given)[name])


def test_a_copy_with_other_fields_is_looked_through(tmp_path: Path) -> None:
    """Numbers that fitted what they were stored with need not fit what is put in its place."""
    found = cuds.read(cuds.DataSet(chain()).save(tmp_path / "x.h5md"))[cuds.ParticleSystem]
    with pytest.raises(InvalidError, match="species"):
        found.replace(kinds=[cuds.Species(symbol="A", mass="1 Da")])
    with pytest.raises(InvalidError, match="topology: there is no particle"):
        found.replace(ids=found.ids + 1)


# --- bad files ---


@pytest.mark.parametrize("verify", [False, True])
def test_a_truncated_file_is_refused(verify: bool, tmp_path: Path, count: Callable[[int, int], int]) -> None:
    path = cuds.DataSet(chain()).save(tmp_path / "x.h5md")
    whole = path.read_bytes()
    for size in np.linspace(0, len(whole) - 1, count(12, 200)).astype(int):
        path.write_bytes(whole[:size])
        with pytest.raises(FormatError, match=r"x\.h5md"):
            cuds.read(path, verify=verify)


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["particles/a/position/value"] = np.eye(3)
    with pytest.raises(FormatError, match=r"other\.h5: no data set of cuds: it has no /graph"):
        cuds.read(tmp_path / "other.h5")
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(FormatError, match=r"text\.h5: no whole HDF5 file"):
        cuds.read(tmp_path / "text.h5")


def test_an_array_of_another_file_is_refused(tmp_path: Path) -> None:
    """Of the same name, type and shape, in the place of the one that was stored."""
    path = cuds.DataSet(chain()).save(tmp_path / "x.h5md")
    with h5py.File(path, "a") as file:
        place: Any = file["particles/chain/position/value"]
        place[...] = place[()] + 1
    with pytest.raises(FormatError, match=r"/particles/chain/position/value is not the one that was stored"):
        cuds.read(path, verify=True)
    with h5py.File(path, "a") as file:
        del file["particles/chain/position/value"]
        file["particles/chain/position/value"] = np.zeros((1, N - 1, 3))
    with pytest.raises(FormatError, match=r"/particles/chain/position/value is not the one that was stored"):
        cuds.read(path)


def test_what_others_packed_is_read_at_once_and_compared(tmp_path: Path) -> None:
    """Compressed arrays do not lie in a file as they are."""
    path = cuds.DataSet(chain()).save(tmp_path / "x.h5md")
    with h5py.File(path, "a") as file:
        for name in ("particles/chain/position/value", "particles/chain/columns/w"):
            content = np.asarray(file[name])
            del file[name]
            file.create_dataset(name, data=content, compression="gzip", shuffle=True)
    found = cuds.read(path)[cuds.ParticleSystem]
    assert not isinstance(found.positions.value, Mapped)
    assert found == chain()
    del found
    with h5py.File(path, "a") as file:
        column: Any = file["particles/chain/columns/w"]
        column[3] = 0.0
    with pytest.raises(FormatError, match="/particles/chain/columns/w is not the one that was stored"):
        cuds.read(path)


def test_every_array_of_a_file_is_mapped_from_the_file_that_was_opened(tmp_path: Path) -> None:
    """Not from what bears its name by then: the numbers of two data sets never mix."""
    one, other = cuds.DataSet(chain()).save(tmp_path / "x.h5md"), cuds.DataSet(brick()).save(tmp_path / "y.h5md")
    with hdf5.opened(one) as (load, _):
        shutil.move(other, one)
        assert np.array_equal(load("/particles/chain/position/value"), chain().positions.value)
