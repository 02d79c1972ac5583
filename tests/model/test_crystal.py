"""The shape of a crystal's cell and its equation of state, against what they were made from, and against ASE."""

from pathlib import Path

import ase.build
import ase.eos
import ase.geometry
import numpy as np
import pytest
from hypothesis import given, strategies as st

import cuds
from cuds.errors import InvalidError
from cuds.model.crystal import repeats
from cuds.units import factor


@given(
    volume=st.floats(1, 1e4), energy=st.floats(-1e4, 0), modulus=st.floats(0.5, 500), slope=st.floats(1.5, 8),
    width=st.floats(0.01, 0.1),
)  # fmt: skip
def test_a_fit_finds_the_equation_that_energies_come_from(
    volume: float, energy: float, modulus: float, slope: float, width: float
) -> None:
    """Birch (1947), written in strains; the fit is in powers of the volume."""
    V = volume * np.linspace(1 - width, 1 + width, 7)
    f = ((volume / V) ** (2 / 3) - 1) / 2
    B = modulus * factor("GPa", "eV/angstrom**3")
    E = energy + 9 / 2 * B * volume * f**2 * (1 + (slope - 4) * f)
    found = cuds.EquationOfState.fitted((V, "angstrom**3"), (E, "eV"), 4)
    scale = np.ptp(E) + 1e-9 * abs(energy)
    assert found.volume.in_unit("angstrom**3") == pytest.approx(volume, rel=1e-4)
    assert found.energy.in_unit("eV") == pytest.approx(energy, abs=1e-4 * scale)
    assert np.abs(found.energy_at((V, "angstrom**3")).value - E).max() < 1e-3 * scale


def test_a_fit_is_that_of_ase() -> None:
    """ase.eos, form birchmurnaghan, which starts from a guess and iterates."""
    V = 47 * np.linspace(0.94, 1.06, 11)
    E = -14 + 0.01 * (V - 47) ** 2 - 2e-4 * (V - 47) ** 3 + 1e-3 * np.sin(V)
    found = cuds.EquationOfState.fitted((V, "angstrom**3"), (E, "eV"), 4)
    reference = ase.eos.EquationOfState(V, E, eos="birchmurnaghan")
    V0, E0, B = reference.fit()
    assert found.volume.value == pytest.approx(V0, rel=1e-6)
    assert found.energy.value == pytest.approx(E0, rel=1e-9)
    assert found.bulk_modulus.in_unit("eV/angstrom**3") == pytest.approx(B, rel=1e-5)
    assert found.bulk_modulus_derivative == pytest.approx(reference.eos_parameters[2], rel=1e-4)


def test_what_has_no_minimum_is_refused() -> None:
    V = np.linspace(40, 50, 6)
    with pytest.raises(InvalidError, match="no minimum between 40 and 50"):
        cuds.EquationOfState.fitted((V, "angstrom**3"), (V, "eV"), 4)
    with pytest.raises(InvalidError, match="4 different ones"):
        cuds.EquationOfState.fitted((V[:4], "angstrom**3"), (V[:4], "eV"), 4)


@pytest.mark.parametrize(
    ("atoms", "expected"),
    [
        (ase.build.bulk("Cu", cubic=True) * (4, 3, 2), (4, 3, 2)),
        (ase.build.bulk("Cu") * (2, 3, 5), (2, 3, 5)),
        (ase.build.bulk("Si") * (3, 1, 2), (3, 1, 2)),
        (ase.build.bulk("NaCl", "rocksalt", a=5.6, cubic=True) * (2, 2, 1), (2, 2, 1)),
        (ase.build.bulk("Cu", cubic=True) * (1, 1, 1), (1, 1, 1)),
    ],
)
def test_equal_cells_are_counted(atoms: ase.Atoms, expected: tuple[int, int, int]) -> None:
    """In any orientation, wherever the origin is, in any order of the atoms, inside the cell or out of it."""
    rng = np.random.default_rng(3)
    atoms.rotate(37, (1, 2, 3), rotate_cell=True)
    atoms.positions += rng.integers(-2, 3, size=(len(atoms), 3)) @ atoms.cell.array + rng.normal(size=3)
    shuffled = atoms[rng.permutation(len(atoms))]
    assert repeats(cuds.ParticleSystem.from_ase(shuffled)) == expected


def test_one_atom_that_differs_makes_one_cell() -> None:
    atoms = ase.build.bulk("Cu", cubic=True) * 3
    atoms.symbols[5] = "Ag"
    assert repeats(cuds.ParticleSystem.from_ase(atoms)) == (1, 1, 1)


def test_lattice_parameters_of_a_cell() -> None:
    """ASE's cellpar of the same cell."""
    cell = ase.geometry.cellpar_to_cell([3.0, 4.0, 5.0, 70, 80, 100])
    found = cuds.LatticeParameters.of_cell(cuds.Quantity(cell, "angstrom"))
    assert np.allclose(found.lengths.value, [3, 4, 5], rtol=1e-12)
    assert np.allclose(found.angles.value, [70, 80, 100], rtol=1e-12)
    assert "a 3, b 4, c 5 angstrom; alpha 70, beta 80, gamma 100 degree" in repr(found)


def test_an_equation_of_state_is_drawn_through_its_energies(tmp_path: Path) -> None:
    V = 47 * np.linspace(0.94, 1.06, 11)
    found = cuds.EquationOfState.fitted((V, "angstrom**3"), (-14 + 0.01 * (V - 47) ** 2, "eV"), 4, label="Cu")
    line, dots = found.plot().axes[0].lines
    assert np.allclose(dots.get_xdata(), V / 4)
    at = np.interp(dots.get_xdata(), line.get_xdata(), line.get_ydata())
    assert np.abs(at - dots.get_ydata()).max() < 0.01 * np.ptp(dots.get_ydata())
    assert found.plot(tmp_path / "cu.png").stat().st_size > 10_000
