"""Units: exact factors, and refusals that name field, value and fix."""

import time
from typing import Any

import numpy as np
import pint
import pytest
from hypothesis import given, strategies as st

from cuds.errors import ShapeError, UnitError
from cuds.units import Quantity, factor, fitting_units, quantity, symbol, table

UNITS = sorted(table()["units"])
REGISTRY: Any = pint.UnitRegistry()


@pytest.mark.parametrize("unit", UNITS)
def test_factors_agree_with_pint(unit: str) -> None:
    registry = REGISTRY
    for other in fitting_units(unit):
        one, two = (registry.Quantity(1.0, "" if u == "1" else u) for u in (unit, other))
        moles = [u.dimensionality.get("[substance]", 0) for u in (one, two)]
        avogadro = registry.Quantity(1.0, "avogadro_number").to_base_units().magnitude
        wanted = one.to_base_units().magnitude / two.to_base_units().magnitude * avogadro ** (moles[0] - moles[1])
        assert factor(unit, other) == pytest.approx(wanted, rel=1e-14)


def test_decimal_factors_are_exact() -> None:
    assert [factor("GPa", "bar"), factor("ps", "fs"), factor("nm", "angstrom"), factor("MPa", "GPa")] == [
        1e4,
        1e3,
        10.0,
        1e-3,
    ]
    assert factor("eV/angstrom**3", "GPa") == 160.2176634


@given(st.sampled_from(UNITS), st.data(), st.floats(-1e6, 1e6))
def test_there_and_back(unit: str, data: st.DataObject, value: float) -> None:
    other = data.draw(st.sampled_from(fitting_units(unit)))
    assert Quantity(value, unit).to(other).in_unit(unit) == pytest.approx(value, rel=1e-14)


@pytest.mark.parametrize(
    "given_", [(100, "MPa"), "100 MPa", Quantity(100.0, "MPa"), pint.get_application_registry().Quantity(100, "MPa")]
)
def test_four_ways_to_give_a_quantity(given_: object) -> None:
    assert quantity(given_, "Stress").in_unit("GPa") == pytest.approx(0.1, rel=1e-15)


def test_a_unit_outside_the_table_is_converted_to_the_reference_unit() -> None:
    found = quantity((1.0, "ksi"), "Stress")
    assert found.unit == "GPa"
    assert found.value == pytest.approx(6.894757293168e-3, rel=1e-12)
    array = quantity((np.ones(2), "furlong"), "Length")
    assert array.in_unit("m") == pytest.approx([201.168] * 2, rel=1e-5)


@pytest.mark.parametrize(
    ("value", "kind", "says"),
    [
        (3.0, "Stress", "has no unit"),
        (np.ones(3), "Length", "has no unit"),
        ("3", "Stress", "has no unit"),
        ("3 mm", "Stress", "no unit of Stress"),
        ((3, "furlong"), "Stress", "no unit of Stress"),
        ("3 MPq", "Stress", "is not known"),
        ("many MPa", "Stress", "no number"),
    ],
)
def test_refused_with_the_field_and_a_hint(value: object, kind: str, says: str) -> None:
    with pytest.raises(UnitError, match=says) as caught:
        quantity(value, kind, "load")
    assert caught.value.message.startswith("load: ")
    assert caught.value.hint


def test_text_that_is_no_array_is_refused() -> None:
    with pytest.raises(ShapeError, match="load"):
        quantity((["a", "b"], "furlong"), "Length", "load")


def test_zero_needs_no_unit_and_strain_none_at_all() -> None:
    assert quantity(0, "Length").unit == "angstrom"
    assert quantity(0.5, "Strain").unit == "1"


def test_bare_numbers_are_not_handed_out() -> None:
    q = Quantity(np.ones(3), "GPa")
    with pytest.raises(UnitError):
        np.asarray(q)
    with pytest.raises(UnitError):
        float(Quantity(1.0, "GPa"))
    with pytest.raises(UnitError):
        q * q  # type: ignore[operator]
    with pytest.raises(UnitError, match="dimensions differ"):
        q.to("mm")


def test_arithmetic_keeps_units() -> None:
    a = Quantity(np.array([1.0, 2.0]), "GPa")
    assert (a + Quantity(np.array([1.0, 1.0]), "MPa")).value == pytest.approx([1.001, 2.001])
    assert (a - a / 2).value == pytest.approx([0.5, 1.0])
    assert (-a * 2)[1] == Quantity(-4.0, "GPa")
    assert not a.value.flags.writeable or a.value.base is None


def test_aliases_lead_to_symbols() -> None:
    assert [symbol(a) for a in ("Å", "gigapascal", "N/mm^2", "%")] == ["angstrom", "GPa", "MPa", "percent"]


TOWERS = """m^(2^(9^9)) | m**9**9**9 | 9^9^9 m | ((9^99)^99)^99 m | (((9 cubed) cubed) cubed) cubed m | m^1e9
m^999999999 | m^(-9999999999) | m^(9*9*9*9*9*9*9*9*9) | m^2^-9"""
PLAIN = ["km^2/km", "(km)**2/km", "km\u00b2 km\u207b\u00b9", "(km^2)^0.5", "km**(2/2)", "square km / km"]
LONG = ["m" + "\u2079" * 9, "9\u2079**99 m", "m * " * 100 + "m", "(" * 5000]


@pytest.mark.parametrize("unit", [*(unit.strip() for unit in TOWERS.replace("\n", "|").split("|")), *LONG])
def test_powers_of_powers_are_no_units(unit: str) -> None:
    """To read them would take for ever."""
    begun = time.monotonic()
    with pytest.raises(UnitError):
        quantity(f"1 {unit}", "Length")
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("unit", PLAIN)
def test_plain_powers_are(unit: str) -> None:
    assert quantity(f"1 {unit}", "Length").in_unit("m") == pytest.approx(1000)
