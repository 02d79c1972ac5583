"""Elastic constants against published ones, whatever the cell, the orientation and the engine."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import ase.build
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import cuds
from cuds.model import tensor

Count = Callable[[int, int], int]

# Mishin, Mehl, Papaconstantopoulos, Voter and Kress, Phys. Rev. B 63, 224106 (2001), table III.
MISHIN = {"C11": 169.9, "C12": 122.6, "C44": 76.2}
# Balamane, Halicioglu and Tiller, Phys. Rev. B 46, 2250 (1992); Cowley, Phys. Rev. Lett. 60, 2379 (1988).
STILLINGER_WEBER = {"C11": 151.4, "C12": 76.4, "C44": 56.4}


def copper(*repeat: int) -> cuds.ParticleSystem:
    return cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True) * (repeat or (2, 2, 2)))


def silicon(*repeat: int) -> cuds.ParticleSystem:
    return cuds.ParticleSystem.from_ase(ase.build.bulk("Si", cubic=True) * (repeat or (2, 2, 2)))


def rotations(count: int) -> list[np.ndarray]:
    return list(Rotation.random(count, rng=np.random.default_rng(20261124)).as_matrix())


def elastic(system: cuds.ParticleSystem, file: str, engine: str = "lammps") -> cuds.ElasticTensor:
    return cuds.derive(cuds.ElasticTensor, system, potential=cuds.potential(file), engine=engine)


def assert_constants(found: cuds.ElasticTensor, wanted: dict[str, float], tolerance: float) -> None:
    constants = found.constants("GPa")
    assert {n: round(constants[n] - v, 3) for n, v in wanted.items() if abs(constants[n] - v) > tolerance} == {}


def test_copper_as_published() -> None:
    assert_constants(elastic(copper(), "Cu_mishin1.eam.alloy"), MISHIN, 0.2)


def test_silicon_as_published_with_ions_relaxed() -> None:
    assert_constants(elastic(silicon(), "Si.sw"), STILLINGER_WEBER, 0.2)


def test_copper_from_a_small_cell_in_random_orientations(count: Count) -> None:
    for R in rotations(count(2, 20)):
        found = elastic(copper(2, 1, 3).rotated(R), "Cu_mishin1.eam.alloy")
        assert_constants(found.rotated(R.T), MISHIN, 0.2)


@pytest.mark.parametrize(("system", "file"), [(copper, "Cu_mishin1.eam.alloy"), (silicon, "Si.sw")])
def test_a_turned_crystal_has_the_turned_tensor(
    system: Callable[..., cuds.ParticleSystem], file: str, count: Count
) -> None:
    straight = elastic(system(), file)
    for R in rotations(count(1, 10)):
        turned = elastic(system().rotated(R), file).stiffness.in_unit("GPa")
        wanted = straight.rotated(R).stiffness.in_unit("GPa")
        assert np.abs(turned - wanted).max() / np.abs(wanted).max() < 1e-6


def test_a_transposed_rotation_is_noticed() -> None:
    (R,) = rotations(1)
    C = cuds.ElasticTensor.cubic("169.9 GPa", "122.6 GPa", "76.2 GPa")
    right, wrong = (C.rotated(r).stiffness.value for r in (R, R.T))
    assert np.abs(right - wrong).max() / np.abs(right).max() > 1e-2


def test_a_wrong_voigt_order_is_noticed() -> None:
    """The order of LAMMPS, xy xz yz, taken for ours turns a general tensor into another one."""
    (R,) = rotations(1)
    C = cuds.ElasticTensor.cubic("169.9 GPa", "122.6 GPa", "76.2 GPa").rotated(R).stiffness.value
    swapped = C[np.ix_([0, 1, 2, 5, 4, 3], [0, 1, 2, 5, 4, 3])]
    assert np.abs(C - swapped).max() / np.abs(C).max() > 1e-2


def test_rotation_by_bonds_matrix_is_rotation_of_the_fourth_rank_tensor() -> None:
    (R,) = rotations(1)
    C = cuds.ElasticTensor.cubic("169.9 GPa", "122.6 GPa", "76.2 GPa").stiffness.value
    full = np.zeros((3, 3, 3, 3))
    for a, (i, j) in enumerate(tensor.VOIGT):
        for b, (k, m) in enumerate(tensor.VOIGT):
            full[i, j, k, m] = full[j, i, k, m] = full[i, j, m, k] = full[j, i, m, k] = C[a, b]
    turned = np.einsum("ai,bj,ck,dl,ijkl->abcd", R, R, R, R, full)
    voigt = np.array([[turned[i, j, k, m] for k, m in tensor.VOIGT] for i, j in tensor.VOIGT])
    np.testing.assert_allclose(tensor.rotate_stiffness(C, R), voigt, rtol=0, atol=1e-10)


def test_the_engine_does_not_matter() -> None:
    by_lammps, by_ase = (
        elastic(copper(), "Cu_mishin1.eam.alloy", engine).constants("GPa") for engine in ("lammps", "ase")
    )
    assert {n: by_ase[n] for n in MISHIN if abs(by_ase[n] - by_lammps[n]) > 0.05} == {}


def test_a_kink_in_a_table_shows_as_uncertainty() -> None:
    """Al_mm.eam.fs has one near its minimum: the constants change by 1 % between the two strain sizes."""
    aluminium = cuds.ParticleSystem.from_ase(ase.build.bulk("Al", cubic=True) * 2)
    found = elastic(aluminium, "Al_mm.eam.fs")
    assert found.uncertainty is not None
    assert found.uncertainty.in_unit("GPa").max() > 0.5
    smooth = elastic(copper(), "Cu_mishin1.eam.alloy").uncertainty
    assert smooth is not None
    assert smooth.in_unit("GPa").max() < 0.01


def test_stress_under_strain_follows_the_tensor() -> None:
    """In the frame of the sample, the part of the stress that is odd in a small strain is stiffness times strain."""
    C, eam = elastic(copper(), "Cu_mishin1.eam.alloy"), cuds.potential("Cu_mishin1.eam.alloy")
    (R,) = rotations(1)
    small = np.array([3.0, -1.0, 0.5, 0.8, -0.6, 1.1]) * 1e-6
    up, down = (
        cuds.derive(
            cuds.Stress, copper(), potential=eam, strain=cuds.Strain(value=sign * small), orientation=R, engine="lammps"
        )
        for sign in (1, -1)
    )
    found = 0.5 * (up.value.in_unit("GPa") - down.value.in_unit("GPa"))
    wanted = C.rotated(R).stiffness.in_unit("GPa") @ small
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6 * np.abs(wanted).max())


@pytest.mark.parametrize("kind", [cuds.SinglePoint, cuds.EnergyMinimisation])
def test_the_transcript_gives_the_same_in_plain_lammps(kind: type, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    system = silicon(2, 1, 1).strained([0.01, -0.02, 0.005, 0.03, -0.01, 0.02])
    moved = system.positions.value + 0.05 * rng.normal(size=(len(system), 3))
    system = system.rotated(rotations(1)[0]).replace(positions=(moved, "angstrom"))
    result = cuds.run(kind(system, potential=cuds.potential("Si.sw")), engine="lammps", keep=tmp_path / "kept")
    energy, printed = plain_lammps(tmp_path / "kept", result[cuds.Stress].provenance.transcript)
    assert energy == result[cuds.PotentialEnergy].value.in_unit("eV")
    invariants = [np.trace(printed), np.sum(printed * printed)]  # plain LAMMPS prints in its own frame
    ours = result[cuds.Stress].tensor.in_unit("bar")
    np.testing.assert_allclose(invariants, [np.trace(ours), np.sum(ours * ours)], rtol=1e-12)


def plain_lammps(folder: Path, transcript: str) -> tuple[float, np.ndarray]:
    """Run a transcript with the bare executable and return the last energy (eV) and stress tensor (bar)."""
    (folder / "in.txt").write_text(transcript)
    lmp = Path(sys.executable).with_name("lmp")
    said = subprocess.run(
        [lmp, "-in", "in.txt", "-log", "none"], cwd=folder, capture_output=True, text=True, check=True
    ).stdout
    head = next(line for line in said.splitlines() if line.split()[:2] == ["Step", "PotEng"])
    rows = [
        line.split()
        for line in said.splitlines()
        if len(line.split()) == len(head.split()) and line.split()[0].isdigit()
    ]
    last = dict(zip(head.split(), map(float, rows[-1]), strict=True))
    xx, yy, zz, xy, xz, yz = (-last[f"c_cuds_virial[{i}]"] for i in range(1, 7))
    return last["PotEng"], np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
