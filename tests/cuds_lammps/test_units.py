"""The unit sets of LAMMPS, against pint and against LAMMPS's own figures; which set is taken; what is refused."""

from typing import Any

import ase.build
import numpy as np
import pint
import pytest

import cuds
from cuds.errors import CudsError, InvalidError, UnitError, UnknownError, UnsupportedError
from cuds.semantics.dictionary import engine_words
from cuds.units import Quantity, quantity
from cuds_lammps.units import Units

WORDS = engine_words("lammps")
ARGON = {"epsilon": (0.0104, "eV"), "sigma": (3.4, "angstrom"), "mass": (39.948, "Da")}
EAM = cuds.potential("Cu_mishin1.eam.alloy")
UREG: Any = pint.UnitRegistry()
# LAMMPS documentation, command units, but for the mass: it says g/mol, and means the mass in daltons that tables of
# elements give. Since 2019 the two differ by a part in 10^9.
SETS = {
    "metal": "eV angstrom eV/angstrom Da angstrom/ps e bar ps K",
    "real": "kcal/mol angstrom kcal/mol/angstrom Da angstrom/fs e atm fs K",
    "si": "J m N kg m/s C Pa s K",
}
KINDS = ["energy", "length", "force", "mass", "velocity", "charge", "stress", "time", "temperature"]
ASKED = ["eV", "nm", "eV/nm", "Da", "m/s", "e", "GPa", "s", "K"]


@pytest.mark.parametrize("keyword", SETS)
def test_a_set_is_that_of_the_documentation(keyword: str) -> None:
    units = Units(WORDS, keyword)
    for kind, unit, given in zip(KINDS, SETS[keyword].split(), ASKED, strict=True):
        moles = UREG.Quantity(1, unit).dimensionality.get("[substance]", 0)
        wanted = (UREG.Quantity(2.5, given) * UREG.Quantity(1, "N_A") ** -moles).to(unit).magnitude
        try:
            known = Quantity(2.5, given)
            found = units.into(kind, known)
        except UnitError:
            found = units.into(kind, quantity((2.5, given), kind.capitalize()))
        assert found == pytest.approx(wanted, rel=1e-14), kind
        assert units.back(kind, found).in_unit(units.back(kind, found).unit) == found


@pytest.mark.parametrize("keyword", ["metal", "real"])
def test_a_mass_is_written_as_in_a_table(keyword: str) -> None:
    """Copper is 63.546 in a script; in g/mol that is what CODATA's molar mass constant makes of it."""
    assert Units(WORDS, keyword).into("mass", Quantity(63.546, "Da")) == 63.546
    molar = (UREG.Quantity(63.546, "Da") * UREG.Quantity(1, "N_A")).to("g/mol").magnitude
    assert molar == pytest.approx(63.546, rel=2e-9)


def test_argon_in_reduced_units() -> None:
    """Rahman, Phys. Rev. 136, A405 (1964) and Allen and Tildesley (2017): 120 K, 3.4 Å, 2.16 ps, 41.9 MPa."""
    units = Units(WORDS, "lj", {"epsilon": (120 * 8.617333262e-5, "eV"), "sigma": "3.4 angstrom", "mass": "39.948 Da"})
    shown = {k: units.back(k, 1.0) for k in KINDS}
    assert shown["temperature"].in_unit("K") == pytest.approx(120, rel=1e-9)
    assert shown["time"].in_unit("ps") == pytest.approx(2.15, abs=0.01)
    assert shown["stress"].in_unit("MPa") == pytest.approx(42.15, abs=0.02)
    assert shown["velocity"].in_unit("m/s") == pytest.approx(158.0, abs=0.1)
    for kind, value in shown.items():
        assert units.into(kind, value) == pytest.approx(1, rel=1e-15)


def test_the_unit_of_charge_makes_coulombs_law_plain() -> None:
    """Two unit charges a unit length apart have the unit of energy: e^2/(4 pi eps0 Å) is 14.399645 eV."""
    units = Units(WORDS, "lj", {"epsilon": (14.3996454779, "eV"), "sigma": "1 angstrom", "mass": "1 Da"})
    assert units.into("charge", Quantity(1.0, "e")) == pytest.approx(1.0, rel=1e-9)


def test_products_are_those_of_their_parts() -> None:
    for keyword, scale in (*((k, None) for k in SETS), ("lj", ARGON)):
        units = Units(WORDS, keyword, scale)
        pressure, edge = (
            units.into("stress", Quantity(1.0, "eV/angstrom**3")),
            units.into("length", Quantity(2.0, "angstrom")),
        )
        assert units.back("virial", pressure * edge**3).in_unit("eV") == pytest.approx(8.0, rel=1e-14)
        assert units.into("volume", Quantity(8.0, "angstrom**3")) == pytest.approx(edge**3, rel=1e-14)


def test_arrays_keep_their_shape_and_other_kinds_are_refused() -> None:
    units = Units(WORDS, "si")
    assert units.into("length", Quantity(np.ones((2, 3)), "angstrom")) == pytest.approx(np.full((2, 3), 1e-10))
    with pytest.raises(UnitError, match="dimensions differ"):
        units.into("energy", Quantity(1.0, "angstrom"))


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"units": "lj"}, InvalidError, "epsilon, sigma, mass not declared"),
        ({"units": "lj", "scale": {"epsilon": "1 eV", "sigma": "1 nm"}}, InvalidError, "mass not declared"),
        ({"units": "lj", "scale": {**ARGON, "sigmo": "1 nm"}}, UnknownError, "did you mean 'sigma'"),
        ({"units": "lj", "scale": {**ARGON, "sigma": "0 nm"}}, InvalidError, "positive"),
        ({"units": "lj", "scale": {**ARGON, "sigma": 3.4}}, UnitError, "scale: sigma: 3.4 has no unit"),
        ({"units": "real", "scale": ARGON}, InvalidError, "a scale for the units 'real'"),
    ],
)
def test_a_scale_is_declared_whole_or_refused(options: dict[str, Any], error: type[CudsError], says: str) -> None:
    with pytest.raises(error, match=says):
        Units(WORDS, options["units"], options.get("scale"))


def test_a_file_is_used_in_its_own_units() -> None:
    copper = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu"))
    assert Units.of(EAM, WORDS, {}).keyword == "metal"
    with pytest.raises(UnsupportedError, match=r"Cu_mishin1.*'metal'.*'real'"):
        cuds.energy(copper, potential=EAM, engine="lammps", options={"units": "real"})
    with pytest.raises(InvalidError, match="units='metall'"):
        cuds.energy(copper, potential=EAM, engine="lammps", options={"units": "metall"})
