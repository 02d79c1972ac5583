"""A data set's file is read as far as it goes, and no farther: HDF5 itself would fetch numbers from any file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import cuds
from cuds.codecs import hdf5
from cuds.errors import FormatError
from tests.stories import brick

SECRET = b"ssh-rsa AAAA"


def external_link(file: Any, folder: Path) -> None:
    with h5py.File(folder / "other.h5", "w") as other:
        other["points"] = np.eye(3)
    file["stranger"] = h5py.ExternalLink("other.h5", "/points")


def soft_link(file: Any, folder: Path) -> None:
    file["stranger"] = h5py.SoftLink("/graph")


def external_storage(file: Any, folder: Path) -> None:
    (folder / "secret").write_bytes(SECRET)
    shape = (len(SECRET),)
    file.create_dataset("stranger", shape=shape, dtype="u1", external=[(str(folder / "secret"), 0, len(SECRET))])


def virtual_dataset(file: Any, folder: Path) -> None:
    with h5py.File(folder / "other.h5", "w") as other:
        other["points"] = np.eye(3)
    layout = h5py.VirtualLayout(shape=(3, 3), dtype="f8")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "points", shape=(3, 3))
    file.create_virtual_dataset("stranger", layout)


@pytest.mark.parametrize("plant", [external_link, soft_link, external_storage, virtual_dataset])
def test_numbers_that_lie_elsewhere_are_refused(plant: Callable[[Any, Path], None], tmp_path: Path) -> None:
    path = cuds.DataSet(brick()).save(tmp_path / "brick.h5md")
    assert cuds.read(path)[cuds.Mesh].digest == brick().digest
    with h5py.File(path, "a") as file:
        plant(file, tmp_path)
    with pytest.raises(FormatError, match="/stranger lies in another place"):
        cuds.read(path)


def test_a_replaced_array_cannot_point_elsewhere(tmp_path: Path) -> None:
    """Not even to numbers that are the same."""
    mesh = brick()
    path = cuds.DataSet(mesh).save(tmp_path / "brick.h5md")
    with h5py.File(path, "a") as file:
        place = "meshes/brick/points"
        content = np.asarray(file[place])
        (tmp_path / "points").write_bytes(content.tobytes())
        del file[place]
        file.create_dataset(
            place, shape=content.shape, dtype="f8", external=[(str(tmp_path / "points"), 0, content.nbytes)]
        )
    with pytest.raises(FormatError, match="lies in another place"):
        cuds.read(path)


def test_notes_are_kept_beside_the_data(tmp_path: Path) -> None:
    path = hdf5.write(cuds.DataSet(brick()), tmp_path / "brick.h5md", notes={"about": "a brick"})
    assert hdf5.notes(path)["about"] == "a brick"
    assert hdf5.notes(path)["creator"] == "cuds"
    assert cuds.read(path)[cuds.Mesh].label == "brick"
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["x"] = 1
    with pytest.raises(FormatError):
        hdf5.notes(tmp_path / "other.h5")
