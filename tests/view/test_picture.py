"""Pictures are drawn off the screen, say what they show, and cannot take the caller down."""

import sys
from pathlib import Path

import ase.build
import numpy as np
import pytest
from PIL import Image

import cuds
from cuds.errors import CudsError, InvalidError, NotInstalledError, UnknownError

N = 4
SIZE = (600, 300)


def body(scale: float = 1.0) -> cuds.DataSet:
    """A bar of hexahedra, bent."""
    g = np.arange(N + 1) * 1.0
    points = np.stack(np.meshgrid(2 * g, g / 2, g / 4, indexing="ij"), axis=-1).reshape(-1, 3)
    i = np.arange(len(points)).reshape((N + 1,) * 3)
    a, b = slice(None, -1), slice(1, None)
    corners = [i[a, a, a], i[b, a, a], i[b, b, a], i[a, b, a], i[a, a, b], i[b, a, b], i[b, b, b], i[a, b, b]]
    block = cuds.ElementBlock(shape="hexahedron", nodes=np.stack(corners, axis=-1).reshape(-1, 8))
    mesh = cuds.Mesh(points=(points, "mm"), blocks=(block,))
    bent = np.zeros_like(points)
    bent[:, 1] = 1e-4 * scale * points[:, 0] ** 2
    stress = np.linspace(0, 9, mesh.n_elements * 6).reshape(-1, 6)
    fields = {
        "displacement": ("Displacement", "points", bent, "mm"),
        "stress": ("Stress", "elements", stress, "MPa"),
        "von_mises": ("VonMisesStress", "elements", stress[:, 0], "MPa"),
    }
    return cuds.DataSet(
        *(
            cuds.Field(name=n, quantity=q, mesh=mesh, on=on, values=cuds.Quantity(v, u))
            for n, (q, on, v, u) in fields.items()
        )
    )


def said(path: Path) -> dict[str, str]:
    with Image.open(path) as image:
        return {str(k): str(v) for k, v in image.info.items()}


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_a_picture_shows_something_and_says_what(tmp_path: Path) -> None:
    path = cuds.plot(body(), path=tmp_path / "x.png", size=SIZE)
    assert len(np.unique(pixels(path).reshape(-1, 3), axis=0)) > 200
    assert pixels(path).shape[:2] == SIZE[::-1]
    assert said(path)["title"] == "von Mises stress / MPa"
    assert said(path)["caption"] == "displacement x 50"


def test_the_factor_is_stated_and_used(tmp_path: Path) -> None:
    one, other = (cuds.plot(body(), warp=w, path=tmp_path / f"{w}.png", size=SIZE) for w in (0, 100))
    assert [said(p)["caption"] for p in (one, other)] == ["displacement x 0", "displacement x 100"]
    assert np.any(pixels(one) != pixels(other))


@pytest.mark.parametrize(("scale", "factor"), [(1.0, "50"), (10.0, "5"), (1e-3, "50000"), (0.0, "1")])
def test_the_factor_is_a_round_number(scale: float, factor: str, tmp_path: Path) -> None:
    assert (
        said(cuds.plot(body(scale), path=tmp_path / "x.png", size=(100, 80)))["caption"] == f"displacement x {factor}"
    )


def test_atoms_stand_beside_the_body(tmp_path: Path) -> None:
    atoms = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True))
    path = cuds.plot(body(), atoms=atoms, path=tmp_path / "x.png", size=SIZE)
    assert said(path)["atom_caption"] == "Cu4, 4 atoms"
    assert np.any(pixels(path) != pixels(cuds.plot(body(), path=tmp_path / "y.png", size=SIZE)))
    alone = cuds.plot(atoms, path=tmp_path / "z.png", size=SIZE)
    assert said(alone)["atom_title"] == "species"


def test_components_are_chosen_by_name(tmp_path: Path) -> None:
    path = cuds.plot(body(), field="stress", component="xy", path=tmp_path / "x.png", size=(100, 80))
    assert said(path)["title"] == "stress xy / MPa"
    with pytest.raises(UnknownError, match="xx"):
        cuds.plot(body(), field="stress", component="xq", path=tmp_path / "x.png")
    with pytest.raises(InvalidError, match="tensor"):
        cuds.plot(body(), field="stress", path=tmp_path / "x.png")


def test_an_unknown_field_or_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownError, match="did you mean 'von_mises'"):
        cuds.plot(body(), field="von_mises_", path=tmp_path / "x.png")
    with pytest.raises(CudsError, match="folder"):
        cuds.plot(body(), path=tmp_path / "none" / "x.png")


@pytest.mark.parametrize(
    "death", ["os.kill(os.getpid(), 11)", "raise ImportError('libGL.so.1: cannot open shared object file')"]
)
def test_missing_libraries_are_an_error_with_the_remedy(
    death: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """VTK without GL ends its process by a signal, or does not import: both happen to the other process only."""
    (tmp_path / "pyvista.py").write_text(f"import os\n{death}\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(NotInstalledError) as caught:
        cuds.plot(body(), path=tmp_path / "x.png", size=(100, 80))
    assert "apt-get install" in caught.value.hint or "cuds[plot]" in caught.value.hint
    assert not (tmp_path / "x.png").exists()
