"""The rows of the dictionary fit together: dimensions, units, words; pairs are made from them or refused by name."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad

import cuds
from cuds.errors import CudsError, InvalidError, UnitError, UnknownError
from cuds.semantics.condition import condition
from cuds.semantics.dictionary import dictionary, engine_words, form
from cuds.semantics.dimension import ENERGY, NONE, dimension
from cuds.semantics.expression import assignments, expression, expressions
from cuds.semantics.pairs import curve
from cuds.units import Quantity, in_si, reference_unit, table

FORMS = sorted(n for n, f in dictionary()["forms"].items() if f["energy"])
PAIRS = [n for n in FORMS if dictionary()["forms"][n]["bodies"] == 2]
COORDINATES = {2: {"r"}, 3: {"theta", "r12", "r23", "r13"}, 4: {"phi", "theta123", "theta234"}}
DISTANCES = {"r": dimension("L"), "cutoff": dimension("L"), "inner": dimension("L"), "reach": dimension("L")}
ENGINES = ("lammps", "ase")
LJ: dict[str, Any] = {"epsilon": "0.0104 eV", "sigma": "3.4 angstrom"}


def dimensions(name: str) -> dict[str, Any]:
    coordinates = {s: dimension(d) for s, d in dictionary()["coordinates"].items()}
    return {s: dimension(p.dimension) for s, p in form(name).parameters.items()} | DISTANCES | coordinates


@pytest.mark.parametrize("name", FORMS)
def test_every_energy_is_an_energy(name: str) -> None:
    energy, coordinates = expression(form(name).energy), COORDINATES[form(name).bodies]
    if name == "Connection":
        assert energy.text == "0"
        return
    assert energy.dimension(dimensions(name)) == ENERGY
    assert energy.symbols - coordinates == form(name).parameters.keys()
    assert energy.symbols & coordinates


@pytest.mark.parametrize("way", dictionary()["equivalences"], ids=lambda w: f"{w['source']}-{w['target']}")
def test_every_equivalence_gives_the_same_energy(way: dict[str, str]) -> None:
    """For random parameters that fulfil what it asks for, at random coordinates of both signs."""
    rng, source, target = np.random.default_rng(1), form(way["source"]), form(way["target"])
    given = {s: rng.uniform(0.5, 2, 400) for s in source.free}
    match way["when"]:
        case "phi0 == 0" | "kUB == 0":
            given[way["when"].split()[0]] = np.zeros(400)
        case "C5 == 0 and C0+C2+C4 == -C1-C3":
            given["C5"] = np.zeros(400)
            given["C0"] = -given["C1"] - given["C2"] - given["C3"] - given["C4"]
    assert not way["when"] or condition(way["when"])(given).all()
    if way["when"]:
        wrong = {s: v + 0.1 if way["when"] != "C6 > 0 and C12 > 0" else -v for s, v in given.items()}
        assert not condition(way["when"])(wrong).any()
    made = {s: np.broadcast_to(e(given), 400) for s, e in assignments(way["map"]).items()}
    assert made.keys() == target.free.keys()
    names = {s: dimension(p.dimension) for s, p in source.free.items()}
    for s, e in assignments(way["map"]).items():
        assert e.text == "0" or e.dimension(names) == dimension(target.free[s].dimension)
    where = {s: rng.uniform(-3, 3, 400) if s == "phi" else rng.uniform(0.8, 3, 400) for s in COORDINATES[source.bodies]}
    one, two = (expression(f.energy)(where | p) for f, p in ((source, given), (target, made)))
    np.testing.assert_allclose(one, two, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_row_of_bonded_terms_speaks_of_its_form(engine: str) -> None:
    """Coefficients are expressions of the form's parameters, each with a dimension; conditions too."""
    for row in (r for r in engine_words(engine).rows if r.role and r.realises):
        names = dimensions(row.realises)
        for e in expressions(row.coefficients) if row.coefficients else ():
            e.dimension(names)
        used = set(re.findall(r"\w+", f"{row.coefficients} {row.when}"))
        assert form(row.realises).free.keys() <= used, row


@pytest.mark.parametrize("name", dictionary()["truncations"])
def test_every_truncation_gives_an_energy(name: str) -> None:
    slopes = {"E": ENERGY, "Ec": ENERGY, "dEc": dimension("E L^-1"), "ddEc": dimension("E L^-2")}
    slopes |= {"dielectric": NONE, "accuracy": NONE}
    for part in ("inside", "switched", "excluded"):
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
    for row in (r for r in engine_words(engine).rows if r.realises in PAIRS and not r.role):
        names = dimensions(row.realises)
        named = "=" in row.coefficients
        for e in assignments(row.coefficients).values() if named else expressions(row.coefficients):
            e.dimension(names | {"energy": ENERGY, "truncated": ENERGY})
        for text in re.findall(r"\{([^}]*)\}", row.arguments):
            expression(text).dimension(names)
        used = set(re.findall(r"\w+", row.coefficients + row.arguments))
        assert form(row.realises).free.keys() <= used or {"energy", "truncated"} & used
        assert row.truncations


def test_the_dimension_of_a_kind_is_that_of_its_unit() -> None:
    """The reference units of parameters are coherent: products of powers of eV, Å and e; of angles see the next."""
    for name in FORMS:
        for symbol, p in form(name).parameters.items():
            energy, length, angle, charge, *others = dimension(p.dimension)
            assert not any(others), symbol
            if energy == length == 0 and angle:
                assert (p.kind, angle) == ("Angle", 1)
                continue
            exact = in_si("eV") ** int(energy) * in_si("angstrom") ** int(length) * in_si("e") ** int(charge)
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
