"""The rows of the dictionary fit together: dimensions, units, words; pairs are made from them or refused by name."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad

import cuds
from cuds.errors import CudsError, InvalidError, UnitError, UnknownError
from cuds.semantics.dictionary import dictionary, engine_words, form
from cuds.semantics.dimension import ENERGY, dimension
from cuds.semantics.expression import assignments, expression, expressions
from cuds.semantics.pairs import curve
from cuds.units import Quantity, in_si, reference_unit, table

PAIRS = sorted(n for n, f in dictionary()["forms"].items() if f["energy"])
DISTANCES = {"r": dimension("L"), "cutoff": dimension("L"), "inner": dimension("L"), "reach": dimension("L")}
ENGINES = ("lammps", "ase")
LJ: dict[str, Any] = {"epsilon": "0.0104 eV", "sigma": "3.4 angstrom"}


def dimensions(name: str) -> dict[str, Any]:
    return {s: dimension(p.dimension) for s, p in form(name).parameters.items()} | DISTANCES


@pytest.mark.parametrize("name", PAIRS)
def test_every_energy_is_an_energy(name: str) -> None:
    energy = expression(form(name).energy)
    assert energy.dimension(dimensions(name)) == ENERGY
    assert energy.symbols == {"r", *form(name).parameters}


@pytest.mark.parametrize("name", dictionary()["truncations"])
def test_every_truncation_gives_an_energy(name: str) -> None:
    slopes = {"E": ENERGY, "Ec": ENERGY, "dEc": dimension("E L^-1"), "ddEc": dimension("E L^-2")}
    for part in ("inside", "switched"):
        if text := dictionary()["truncations"][name][part]:
            assert expression(text).dimension(slopes | DISTANCES) == ENERGY


@pytest.mark.parametrize("name", dictionary()["mixing"])
def test_every_mixing_rule_gives_every_parameter(name: str) -> None:
    rule = dictionary()["mixing"][name]
    one = {s: dimension(p.dimension) for s, p in form(rule["form"]).free.items()}
    both = {f"{s}{i}": d for s, d in one.items() for i in (1, 2)}
    assert {s: e.dimension(both) for s, e in assignments(rule["map"]).items()} == one


@pytest.mark.parametrize("engine", ENGINES)
def test_every_row_of_pairs_speaks_of_its_form(engine: str) -> None:
    """Coefficients are expressions of the form's parameters, each with a dimension."""
    for row in (r for r in engine_words(engine).rows if r.realises in PAIRS):
        names = dimensions(row.realises)
        named = "=" in row.coefficients
        for e in assignments(row.coefficients).values() if named else expressions(row.coefficients):
            e.dimension(names)
        for text in re.findall(r"\{([^}]*)\}", row.arguments):
            expression(text).dimension(names)
        used = set(re.findall(r"\w+", row.coefficients + row.arguments))
        assert form(row.realises).free.keys() <= used
        assert row.truncations


def test_the_dimension_of_a_kind_is_that_of_its_unit() -> None:
    """The reference units of parameters are coherent: products of powers of eV and Å."""
    for name in PAIRS:
        for symbol, p in form(name).parameters.items():
            energy, length, *others = dimension(p.dimension)
            assert not any(others), symbol
            exact = in_si("eV") ** int(energy) * in_si("angstrom") ** int(length)
            assert in_si(reference_unit(p.kind)) == exact
            vector = table()["kinds"][p.kind]["dimension"]
            assert f"L{length + 2 * energy}I" in vector, symbol
            assert f"M{energy}H" in vector, symbol


def test_lennard_jones_as_everybody_knows_it() -> None:
    """-epsilon at 2^(1/6) sigma, zero at sigma, and no force at the minimum."""
    (term,) = cuds.pair("LennardJones", "Ar", "Ar", **LJ, cutoff="20 angstrom").terms
    found, minimum = curve(term, "Ar", "Ar"), Quantity(3.4 * 2 ** (1 / 6), "angstrom")
    assert found.energy(minimum).value == pytest.approx(-0.0104, rel=1e-15)
    assert found.energy(Quantity(3.4, "angstrom")).value == 0
    assert found.force(minimum).value == pytest.approx(0, abs=1e-16)
    assert found.energy(Quantity(20.1, "angstrom")).value == 0


def test_zbl_repels_like_bare_nuclei_at_small_distances() -> None:
    """e^2/(4 pi eps0) = 14.3996 eV Å; the universal screening function is 0.1818 + ... = 1 at r = 0."""
    (term,) = cuds.pair("ZBL", "Ta", "Ta", Z1=73, Z2=73, inner="4 angstrom", cutoff="4.8 angstrom").terms
    r = 1e-6
    assert curve(term, "Ta", "Ta").energy(Quantity(r, "angstrom")).value == pytest.approx(
        14.3996454 * 73**2 / r, rel=1e-4
    )


@pytest.mark.parametrize("truncation", ["PolynomialSwitch", "QuinticSwitch", "SquaredSwitch"])
def test_switches_end_smoothly(truncation: str) -> None:
    ends: dict[str, Any] = {"inner": "4 angstrom", "cutoff": "6 angstrom", "truncation": truncation}
    (term,) = cuds.pair("LennardJones", "Ar", "Ar", **LJ, **ends).terms
    found = curve(term, "Ar", "Ar")
    inner, cutoff = (Quantity(np.array([x - 1e-9, x + 1e-9]), "angstrom") for x in (4.0, 6.0))
    assert np.ptp(found.energy(inner).value) < 1e-10
    assert np.ptp(found.force(inner).value) < 1e-8
    assert np.abs(found.energy(cutoff).value).max() < 1e-10
    assert np.abs(found.force(cutoff).value).max() < 1e-8


@pytest.mark.parametrize(
    "truncation", ["SharpCutoff", "ShiftedCutoff", "PolynomialSwitch", "QuinticSwitch", "SquaredSwitch"]
)
def test_the_force_is_that_of_the_energy(truncation: str) -> None:
    """Integrated from any distance to another."""
    switched = truncation.endswith("Switch")
    (term,) = cuds.pair(
        "LennardJones",
        "Ar",
        "Ar",
        **LJ,
        cutoff="6 angstrom",
        truncation=truncation,
        inner="4.5 angstrom" if switched else None,
    ).terms
    found = curve(term, "Ar", "Ar")
    work = sum(
        quad(lambda r: found.force(Quantity(r, "angstrom")).value, *ends)[0] for ends in ((3.3, 4.5), (4.5, 5.9))
    )
    near, far = (found.energy(Quantity(r, "angstrom")).value for r in (3.3, 5.9))
    assert near - far == pytest.approx(work, rel=1e-10)


def test_parameters_keep_their_units_and_mixing_is_explicit() -> None:
    species = {"Ar": LJ, "Kr": {"epsilon": "1.35 kJ/mol", "sigma": "0.365 nm"}}
    (term,) = cuds.mixed("LennardJones", species, rule="LorentzBerthelot", cutoff="1 nm").terms
    assert term.pairs == (("Ar", "Ar"), ("Ar", "Kr"), ("Kr", "Kr"))
    assert term.mixing == "LorentzBerthelot"
    epsilon, sigma = (term.parameters[s].values for s in ("epsilon", "sigma"))
    kr = Quantity(1.35, "kJ/mol").in_unit("eV")
    np.testing.assert_allclose(epsilon.in_unit("eV"), [0.0104, np.sqrt(0.0104 * kr), kr], rtol=1e-15)
    np.testing.assert_allclose(sigma.in_unit("angstrom"), [3.4, 3.525, 3.65], rtol=1e-15)
    assert sigma.value[0] == 3.4
    (geometric,) = cuds.mixed("LennardJones", species, rule="Geometric", cutoff="1 nm").terms
    assert geometric.parameters["sigma"].values.in_unit("angstrom")[1] == pytest.approx(np.sqrt(3.4 * 3.65), rel=1e-15)


def test_every_number_counts_in_the_digest_and_no_name_does() -> None:
    base = cuds.pair("LennardJones", "Ar", "Ar", **LJ, cutoff="8 angstrom")
    others = [
        cuds.pair("LennardJones", "Ar", "Ar", **{**LJ, "epsilon": "0.01041 eV"}, cutoff="8 angstrom"),
        cuds.pair("LennardJones", "Ar", "Ar", **LJ, cutoff="8.1 angstrom"),
        cuds.pair("LennardJones", "Ar", "Kr", **LJ, cutoff="8 angstrom"),
        cuds.pair("LennardJones", "Ar", "Ar", **LJ, cutoff="8 angstrom", truncation="ShiftedCutoff"),
        cuds.pair(
            "LennardJones", "Ar", "Ar", **LJ, cutoff="8 angstrom", inner="7 angstrom", truncation="SquaredSwitch"
        ),
        base + base,
    ]
    assert len({p.digest for p in (base, *others)}) == 7
    assert base.replace(label="argon").digest == base.digest


Case = tuple[Callable[[], Any], type[CudsError], str]
CASES: dict[str, Case] = {
    "form unknown": (
        lambda: cuds.pair("LenardJones", "Ar", "Ar", cutoff=1),
        UnknownError,
        "did you mean 'LennardJones'",
    ),
    "form of a file": (lambda: cuds.pair("Tersoff", "Si", "Si", cutoff=1), CudsError, "Tersoff"),
    "parameter unknown": (
        lambda: cuds.pair("LennardJones", "Ar", "Ar", eps="1 eV", sigma="1 nm", cutoff="1 nm"),
        UnknownError,
        "did you mean 'epsilon'",
    ),
    "constant given": (
        lambda: cuds.pair("ZBL", "Ta", "Ta", Z1=1, Z2=1, K="1 eV*angstrom", cutoff="1 nm"),
        UnknownError,
        "'K'",
    ),
    "parameter missing": (
        lambda: cuds.pair("Morse", "Ar", "Ar", D="1 eV", cutoff="1 nm"),
        InvalidError,
        "alpha, r0 missing",
    ),
    "unit missing": (
        lambda: cuds.pair("LennardJones", "Ar", "Ar", epsilon=0.01, sigma="3 angstrom", cutoff="1 nm"),
        UnitError,
        "epsilon: 0.01 has no unit",
    ),
    "unit of another kind": (
        lambda: cuds.pair("LennardJones", "Ar", "Ar", epsilon="1 eV", sigma="3 eV", cutoff="1 nm"),
        UnitError,
        "sigma: 'eV' is no unit of Length",
    ),
    "not positive": (
        lambda: cuds.pair("LennardJones", "Ar", "Ar", epsilon="1 eV", sigma="-3 angstrom", cutoff="1 nm"),
        InvalidError,
        "sigma is -3 angstrom",
    ),
    "not finite": (
        lambda: cuds.pair("LennardJones", "Ar", "Ar", epsilon=(np.nan, "eV"), sigma="3 angstrom", cutoff="1 nm"),
        InvalidError,
        "epsilon is nan eV",
    ),
    "an array": (
        lambda: cuds.pair("LennardJones", "Ar", "Ar", epsilon=(np.ones(2), "eV"), sigma="3 angstrom", cutoff="1 nm"),
        InvalidError,
        "epsilon",
    ),
    "cutoff negative": (lambda: cuds.pair("LennardJones", "Ar", "Ar", **LJ, cutoff="-1 nm"), InvalidError, "cutoff"),
    "cutoff without unit": (lambda: cuds.pair("LennardJones", "Ar", "Ar", **LJ, cutoff=8), UnitError, "cutoff"),
    "inner beyond the cutoff": (
        lambda: cuds.pair("ZBL", "Ta", "Ta", Z1=73, Z2=73, inner="5 angstrom", cutoff="4.8 angstrom"),
        InvalidError,
        "inner",
    ),
    "truncation unknown": (
        lambda: cuds.pair("LennardJones", "Ar", "Ar", **LJ, cutoff="1 nm", truncation="ShiftedCutof"),
        UnknownError,
        "did you mean 'ShiftedCutoff'",
    ),
    "inner without a switch": (
        lambda: cuds.pair("LennardJones", "Ar", "Ar", **LJ, cutoff="1 nm", inner="0.8 nm"),
        InvalidError,
        "PolynomialSwitch, QuinticSwitch, SquaredSwitch",
    ),
    "switch without inner": (
        lambda: cuds.pair("LennardJones", "Ar", "Ar", **LJ, cutoff="1 nm", truncation="SquaredSwitch"),
        InvalidError,
        "needs an inner distance",
    ),
    "rule unknown": (
        lambda: cuds.mixed("LennardJones", {"Ar": LJ}, rule="LorenzBerthelot", cutoff="1 nm"),
        UnknownError,
        "did you mean 'LorentzBerthelot'",
    ),
    "rule of another form": (
        lambda: cuds.mixed("Morse", {}, rule="LorentzBerthelot", cutoff="1 nm"),
        UnknownError,
        "no mixing rule of Morse",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_refused(case: str) -> None:
    make, error, says = CASES[case]
    with pytest.raises(error) as caught:
        make()
    assert says in str(caught.value)
    assert caught.value.hint
