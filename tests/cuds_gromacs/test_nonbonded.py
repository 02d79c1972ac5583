"""How interactions end: GROMACS's own energy, that of the formula in numpy, and what engines say of what is read."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad

import cuds
from cuds.errors import InvalidError, UnsupportedError
from cuds.model.dynamics import MolecularDynamics
from cuds.semantics.pairs import curve
from cuds.units import Quantity
from cuds_gromacs.codecs.structure import Structure
from cuds_gromacs.codecs.topology import read_topology
from cuds_gromacs.constraining import constrained
from tests.cuds_gromacs import grompp
from tests.cuds_gromacs.test_system import CHARGES, PAIRS, PLAIN, SUMMED, agree, cluster, molecule, own, said, wrote
from tests.waters import spce, waters

COULOMB = 138.93545764  # GROMACS's constant, in kJ/mol nm/e^2
RC = 0.9003217
SHORT = PLAIN.replace("1.4203217", "0.9203217").replace("1.4003217", "0.9003217")
THREE = molecule("[ exclusions ]\n1 8\n[ pairs ]\n1 4 1\n2 5 1\n3 6 1\n").replace("MOL 1\n", "MOL 3\n")


def changed(settings: str, **values: object) -> str:
    """Settings with others in their place."""
    names = {name.replace("_", "-"): value for name, value in values.items()}
    kept = [line for line in settings.splitlines() if line.split(" = ")[0] not in names]
    return "\n".join([*kept, *(f"{name} = {value}" for name, value in names.items())]) + "\n"


def three(seed: int = 1) -> Structure:
    """Three chains beside each other, so that pairs lie on both sides of the cutoff."""
    chains = [cluster(8, seed=seed + k).positions + np.array([-0.2, 0.55 * k - 0.2, 0.1 + 0.2 * k]) for k in range(3)]
    one = cluster(8)
    names, ones = np.full(24, "C"), np.ones(24, dtype=np.int64)
    return Structure("three", ones, np.full(24, "MOL"), names, np.arange(1, 25), np.concatenate(chains), None, one.box)


@dataclass
class Pairs:
    """All pairs of particles of a system, of nearest images, that are within the cutoff."""

    i: np.ndarray
    j: np.ndarray
    r: np.ndarray
    excluded: np.ndarray


def pairs(system: cuds.ParticleSystem, cutoff: float) -> Pairs:
    assert system.topology is not None
    assert system.cell is not None
    x, cell = system.positions.in_unit("nm"), np.diag(system.cell.in_unit("nm"))
    i, j = np.triu_indices(len(x), 1)
    d = x[i] - x[j]
    r = np.linalg.norm(d - cell * np.rint(d / cell), axis=1)
    left_out = {tuple(sorted(p)) for p in (system.topology.exclusions - 1).tolist()}
    excluded = np.array([p in left_out for p in zip(i.tolist(), j.tolist(), strict=True)])
    near = r < cutoff
    return Pairs(i[near], j[near], r[near], excluded[near])


FIELDS = {
    "a shift": ("Cut-off", 1.0, {"coulomb_modifier": "Potential-shift"}),
    "an oil": ("Reaction-Field", 1.9, {"epsilon_rf": 1.9}),
    "water": ("Reaction-Field", 78.5, {"epsilon_rf": 78.5, "coulomb_modifier": "None"}),
    "a conductor": ("Reaction-Field", np.inf, {"epsilon_rf": 0, "coulomb_modifier": "Potential-shift"}),
}


@pytest.mark.parametrize("case", FIELDS)
def test_a_reaction_field_acts_between_excluded_charges_and_of_each_on_itself(
    case: str, tmp_path: Path, count: Callable[[int, int], int]
) -> None:
    """Also where an excluded pair is farther apart than the cutoff; also where a cut-off is merely shifted."""
    for cutoff in (0.5003217, RC)[: 2 if case == "water" else count(1, 2)]:
        there = tmp_path / str(cutoff)
        there.mkdir()
        of_field(case, cutoff, there)


def of_field(case: str, cutoff: float, tmp_path: Path) -> None:
    kind, outside, values = FIELDS[case]
    settings = changed(SHORT, coulombtype=kind, rcoulomb=cutoff, rvdw=cutoff, **values)
    files = wrote(tmp_path, THREE, three(), settings)
    system = agree(files, tmp_path)
    particles, term = system[cuds.ParticleSystem], system[cuds.Potential].terms[-1]
    k = 0.5 if outside == np.inf else (outside - 1) / (2 * outside + 1)
    found = pairs(particles, cutoff)
    assert (pairs(particles, 9.0).excluded.sum() > found.excluded.sum()) == (cutoff < 0.6)
    q = np.tile(CHARGES, 3)
    field = k * (found.r / cutoff) ** 2 - 1 - k
    energies = COULOMB * q[found.i] * q[found.j] * (np.where(found.excluded, 0, 1 / found.r) + field / cutoff)
    fourteen = own(files, tmp_path / "own").rows["Coulomb-14"]
    wanted = energies.sum() - COULOMB * (1 + k) / cutoff * np.sum(q**2) / 2 + fourteen
    assert own(files, tmp_path / "own").terms["coulomb"] == pytest.approx(wanted, rel=1e-9)
    assert term.dielectric == (None if outside == np.inf else outside)
    made = cuds.coulomb(term.elements, cutoff=(cutoff, "nm"), dielectric=outside).terms[0]
    assert (made.truncation, made.dielectric) == (term.truncation, term.dielectric)


@pytest.mark.parametrize("engine", ["gromacs", "lammps"])
def test_charges_in_a_medium_are_as_much_weaker(engine: str) -> None:
    box = cuds.ParticleSystem(
        positions=([[0, 0, 0], [3, 0, 0], [0, 4, 1]], "angstrom"), species=[0, 0, 0], charges=([0.5, -0.5, 0.3], "e"),
        kinds=(cuds.Species(symbol="A", mass="10 Da"),), cell=(20 * np.eye(3), "angstrom"), pbc=(True,) * 3,
    )  # fmt: skip
    for beyond in (None, np.inf):
        bare, weaker = (
            cuds.energy(
                box,
                potential=cuds.coulomb("A", cutoff="0.9 nm", permittivity=around, dielectric=beyond),
                engine=engine,
            )
            for around in (None, 15.0)
        )
        assert weaker.value.in_unit("kJ/mol") == pytest.approx(bare.value.in_unit("kJ/mol") / 15, rel=1e-7)


ENDINGS = {
    "nothing": {},
    "a shift of both": {"vdw_modifier": "Potential-shift", "coulomb_modifier": "Potential-shift"},
    "a switched force": {"vdw_modifier": "Force-switch", "rvdw_switch": 0.61},
    "a switched potential": {"vdw_modifier": "Potential-switch", "rvdw_switch": 0.61},
    "a shift of older versions": {"vdwtype": "Shift", "rvdw_switch": 0.61},
    "a switch of older versions": {"vdwtype": "Switch", "rvdw_switch": 0.61},
    "a conductor": {"coulombtype": "Reaction-Field", "epsilon_rf": 0},
    "a medium": {"epsilon_r": 2.5, "coulomb_modifier": "Potential-shift", "vdw_modifier": "Potential-shift"},
    "a medium in another": {"coulombtype": "Reaction-Field", "epsilon_r": 2.5, "epsilon_rf": 62.0},
    "a medium in a conductor": {"coulombtype": "Reaction-Field", "epsilon_r": 15, "epsilon_rf": 0},
}


def endings(potential: cuds.Potential) -> list[tuple[object, ...]]:
    return [(t.form, t.truncation, t.accuracy, t.dielectric, t.correction, set(t.cutoff.in_unit("nm").tolist()),
             set() if t.inner is None else set(t.inner.in_unit("nm").tolist()))
            for t in potential.terms if t.cutoff is not None]  # fmt: skip


RULES = ("1 2 yes 0.5 0.8333", "1 1 yes 0.5 0.8333")  # parameters of types are sizes, and coefficients


@pytest.mark.turns(3)
@pytest.mark.parametrize("case", ENDINGS)
def test_endings_both_ways(case: str, tmp_path: Path, count: Callable[[int, int], int]) -> None:
    """GROMACS and LAMMPS say of what is read what GROMACS says; the parameters we write say the same once more."""
    for number in range(count(1, 2)):
        rule = RULES[(list(ENDINGS).index(case) + number) % 2]
        there = tmp_path / f"{number}"
        there.mkdir()
        both_ways(case, rule, there)


def both_ways(case: str, rule: str, tmp_path: Path) -> None:
    more = "" if rule.split()[1] == "1" else "6 8 2 0.7 0.3 -0.2 0.28 0.2\n[ pairs_nb ]\n1 8 1 0.4 -0.3 0.3 0.2\n"
    text = molecule("[ exclusions ]\n1 8\n" + PAIRS + more, defaults=rule).replace("MOL 1\n", "MOL 3\n")
    files = wrote(tmp_path, text, three(4), changed(SHORT, **ENDINGS[case]))
    system = agree(files, tmp_path)
    job = cuds.SinglePoint(system[cuds.ParticleSystem], potential=system[cuds.Potential])
    cuds.run(job, engine="gromacs", keep=tmp_path / "kept")
    again = cuds.read(*(tmp_path / "kept" / f.name for f in files))
    assert endings(again[cuds.Potential]) == endings(system[cuds.Potential])


@pytest.mark.parametrize("truncation", ["PolynomialSwitch", "QuinticSwitch"])
def test_a_switched_pair_in_gromacs_is_its_formula(truncation: str, tmp_path: Path) -> None:
    modifier = {"PolynomialSwitch": "Force-switch", "QuinticSwitch": "Potential-switch"}[truncation]
    files = wrote(tmp_path, THREE, three(), changed(SHORT, vdw_modifier=modifier, rvdw_switch=0.45))
    system, theirs = cuds.read(*files), own(files, tmp_path / "own").rows["LJ (SR)"]
    particles, term = system[cuds.ParticleSystem], system[cuds.Potential].terms[0]
    symbols = [particles.kinds[k].symbol for k in particles.species]
    found, total = pairs(particles, RC), 0.0
    for i, j, r in zip(found.i, found.j, found.r, strict=True):
        total += float(curve(term, symbols[i], symbols[j]).energy(Quantity(r, "nm")).in_unit("kJ/mol"))
    for i, j, r, excluded in zip(found.i, found.j, found.r, found.excluded, strict=True):
        if excluded:
            total -= float(curve(term, symbols[i], symbols[j]).energy(Quantity(r, "nm")).in_unit("kJ/mol"))
    assert term.truncation == truncation
    assert total == pytest.approx(theirs, rel=1e-10)


def test_a_shifted_sum_is_less_by_a_constant_for_each_pair_that_is_not_excluded(tmp_path: Path) -> None:
    rtol = 1e-4
    plain, shifted = (changed(SUMMED, ewald_rtol=rtol, coulomb_modifier=m) for m in ("None", "Potential-shift-Verlet"))
    one, two = (wrote(_made(tmp_path / n), THREE, three(), s) for n, s in (("one", plain), ("two", shifted)))
    system = cuds.read(*two)
    found, q = pairs(system[cuds.ParticleSystem], RC), np.tile(CHARGES, 3)
    products = (q[found.i] * q[found.j])[~found.excluded]
    less = own(one, tmp_path / "a").terms["coulomb"] - own(two, tmp_path / "b").terms["coulomb"]
    assert less == pytest.approx(COULOMB * rtol / RC * products.sum(), rel=1e-7)
    for engine in ("gromacs", "lammps"):
        with_, without = (said(cuds.read(*files), engine)[0]["coulomb"] for files in (two, one))
        assert without - with_ == pytest.approx(less, rel=1e-6), engine
    agree(wrote(tmp_path, THREE, three(), changed(SUMMED, coulomb_modifier="Potential-shift")), tmp_path)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


CORRECTIONS = {"Ener": "AverageDispersionEnergy", "EnerPres": "AverageDispersion",
               "AllEner": "AverageLennardJonesEnergy", "AllEnerPres": "AverageLennardJones"}  # fmt: skip


@pytest.mark.turns(3)
@pytest.mark.parametrize("modifier", ["None", "Potential-shift", "Potential-switch", "Force-switch"])
@pytest.mark.parametrize("setting", CORRECTIONS)
def test_a_correction_for_what_is_cut_off(setting: str, modifier: str, tmp_path: Path) -> None:
    """By the mean over the pairs that are not excluded, integrated here; LAMMPS has another, and refuses this one."""
    cutoff = 0.9  # a place of GROMACS's table: it moves others there
    values = {"vdw_modifier": modifier, "rvdw_switch": 0.6, "rvdw": cutoff, "rcoulomb": cutoff, "rlist": 1.0}
    files = wrote(tmp_path, THREE, three(), changed(SHORT, DispCorr=setting, **values))
    system = agree(files, tmp_path, ("gromacs",))
    theirs = own(files, tmp_path / "own").rows["Disper. corr."]
    wanted = correction(system, 6) + (correction(system, 12) if setting.startswith("All") else 0.0)
    assert theirs == pytest.approx(wanted, rel=2e-7)
    assert {t.correction for t in system[cuds.Potential].terms} == {CORRECTIONS[setting], ""}


def correction(system: cuds.DataSet, power: int) -> float:
    """What a mean over pairs adds for one of the powers of Lennard-Jones, in kJ/mol."""
    particles, term = system[cuds.ParticleSystem], system[cuds.Potential].terms[0]
    symbols, n = [particles.kinds[k].symbol for k in particles.species], len(particles)
    epsilon, sigma = (term.parameters[s].values.in_unit(u) for s, u in (("epsilon", "kJ/mol"), ("sigma", "nm")))
    assert particles.topology is not None
    left_out = {tuple(sorted(p)) for p in (particles.topology.exclusions - 1).tolist()}
    places = [term.row(symbols[i], symbols[j]) for i, j in combinations(range(n), 2) if (i, j) not in left_out]
    mean = np.mean([4 * epsilon[k] * sigma[k] ** power for k in places])
    assert term.cutoff is not None
    cutoff = float(term.cutoff.in_unit("nm")[0])
    inner = cutoff if term.inner is None else float(term.inner.in_unit("nm")[0])
    powers = {6: (1.0, 0.0), 12: (0.0, 1.0)}[power]
    sign = -1 if power == 6 else 1
    of_power = cuds.pair(
        "LennardJonesPowers", "A", "A", C6=(powers[0], "kJ/mol*nm**6"), C12=(powers[1], "kJ/mol*nm**12"),
        cutoff=(cutoff, "nm"), inner=None if term.inner is None else (inner, "nm"), truncation=term.truncation,
    ).terms[0]  # fmt: skip

    def less(r: float) -> float:
        left = float(curve(of_power, "A", "A").energy(Quantity(r, "nm")).in_unit("kJ/mol"))
        return r**-power - sign * left

    near = less(0.5 * inner)  # the same at all smaller distances
    integral = near * 4 / 3 * np.pi * inner**3 + 4 * np.pi * cutoff ** (3 - power) / (power - 3)
    integral += quad(lambda r: 4 * np.pi * r * r * less(r), inner, cutoff, epsrel=1e-12)[0] if inner < cutoff else 0.0
    density = n / float(particles.volume.in_unit("angstrom**3") * 1e-3)
    return float(sign * n / 2 * mean * (density * integral - near))


NAMES = {1: "H1", 3: "hx", 5: "OD", 6: "HD", 8: "1H"}
ANGLES = (
    "[ angles ]\n1 2 3 1 109 100\n2 3 4 2 105 100\n3 4 5 5 110 100 0.2 100\n4 5 6 10 100 10\n5 6 7 6 109 1 2 3 4 5\n"
)


def named() -> str:
    """Chains with hydrogens and an oxygen, and one bond of GROMOS-96."""
    text = molecule(ANGLES + PAIRS).replace("MOL 1\n", "MOL 3\n").replace("\n7 8 1 0.14", "\n7 8 2 0.14")
    for number, name in NAMES.items():
        text = text.replace(f"MOL C{number} {number}", f"MOL {name} {number}")
    return text


@pytest.mark.parametrize("choice", ["none", "h-bonds", "all-bonds", "h-angles", "all-angles"])
def test_constraints_are_those_of_grompp(choice: str, tmp_path: Path) -> None:
    dump = grompp.of_text(named(), tmp_path, 24, grompp.RUN + f"constraints = {choice}\n")
    grompp.compare(constrained(read_topology(tmp_path / "topol.top"), choice), dump)
    system = agree(wrote(tmp_path, named(), three(), changed(SHORT, constraints=choice)), tmp_path)
    topology = system[cuds.ParticleSystem].topology
    assert topology is not None
    assert len(topology.constrained) == 3 * len(dump.molecules["MOL"].interactions["CONSTR"])
    wanted = {"none": 0, "h-bonds": 5, "all-bonds": 7, "h-angles": 9, "all-angles": 12}[choice]
    assert len(topology.constrained) == 3 * wanted


def test_an_angle_that_grompp_does_not_end_with_is_refused(tmp_path: Path) -> None:
    text = named().replace("\n1 2 1 0.14", "\n1 2 2 0.14")
    with pytest.raises(UnsupportedError, match=r"constraints = h-angles: .*topol.top:\d+: the angle of function 1"):
        cuds.read(*wrote(tmp_path, text, three(), changed(SHORT, constraints="h-angles")))


def test_what_gromacs_cannot_end_so_is_refused() -> None:
    box = cuds.ParticleSystem(
        positions=([[0, 0, 0], [3, 0, 0]], "angstrom"), species=[0, 0], kinds=(cuds.Species(symbol="A", mass="10 Da"),),
        charges=([0.1, -0.1], "e"), cell=(20 * np.eye(3), "angstrom"), pbc=(True,) * 3,
    )  # fmt: skip
    lj = cuds.pair("LennardJones", "A", "A", epsilon="0.4 kJ/mol", sigma="0.3 nm", cutoff="0.8 nm")
    cases: list[tuple[Callable[[], cuds.Potential], str]] = [
        (lambda: lj + cuds.coulomb("A", cutoff="0.8 nm", truncation="ShiftedCutoff"), "no Coulomb with the truncation"),
        (lambda: lj.replace(terms=(lj.terms[0].replace(correction="Average"),)), "no long-range correction Average"),
    ]
    for made, says in cases:
        with pytest.raises(UnsupportedError, match=says):
            cuds.energy(box, potential=made(), engine="gromacs")
    with pytest.raises(InvalidError, match="dielectric"):
        cuds.coulomb("A", cutoff="0.8 nm", dielectric=2.0, truncation="SharpCutoff")
    with pytest.raises(InvalidError, match="dielectric"):
        cuds.coulomb("A", cutoff="0.8 nm", truncation="ReactionField")
    with pytest.raises(InvalidError, match="permittivity"):
        cuds.coulomb("A", cutoff="0.8 nm", permittivity=0.0)


def test_a_tail_is_that_of_lammps_where_the_mean_is_the_same() -> None:
    """Of water, energy and pressure; a mixture, whose own mean GROMACS has, is refused with how far it is off."""
    start = MolecularDynamics(waters(4, seed=2), potential=spce(), duration="1 fs", every="1 fs", record=(), seed=1,
                              initial_temperature="300 K")  # fmt: skip
    found = []
    for engine in ("gromacs", "lammps"):
        ends = ("TailCorrectedCutoff", "SharpCutoff")
        one, other = (cuds.run(start.replace(potential=spce(truncation=e)), engine=engine).series for e in ends)
        found.append([
            float(one[name].values.in_unit(unit)[0] - other[name].values.in_unit(unit)[0])
            for name, unit in (("potential_energy", "kJ/mol"), ("pressure", "bar"))
        ])  # fmt: skip
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)
    assert found[0][0] < -10
    loose = start.system.replace(topology=None)
    with pytest.raises(UnsupportedError, match="mean over the pairs that are not excluded"):
        cuds.energy(loose, potential=spce(truncation="TailCorrectedCutoff"), engine="gromacs")
