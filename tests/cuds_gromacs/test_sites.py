"""Virtual sites of GROMACS's files: read, put in their places, written, and the same in both engines."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cuds
from cuds.errors import UnsupportedError
from cuds.semantics.dictionary import engine_words
from cuds_gromacs.codecs.structure import Structure, write_gro
from cuds_gromacs.preparation import Inputs, prepared
from cuds_gromacs.program import find
from cuds_gromacs.results import Trajectory
from tests.cuds_gromacs.test_system import PLAIN, SUMMED, agree, own, said, same, wrote

OUT_OF_PLACE = "virtual sites are not where their parents put them"
CHARGES = [0.31, -0.42, 0.25, -0.11, -0.03]
# Lines of every construction, in GROMACS's units; the site is atom 5.
LINES = {
    "virtual_sites1, 1": "5 3 1",
    "virtual_sites2, 1": "5 1 3 1 0.37",
    "virtual_sites2, 2": "5 2 4 2 -0.083",
    "virtual_sites3, 1": "5 2 1 3 1 0.31 -0.22",
    "virtual_sites3, 2": "5 2 1 3 2 0.42 0.091",
    "virtual_sites3, 3": "5 3 1 2 3 112.7 0.103",
    "virtual_sites3, 4": "5 1 2 4 4 -0.31 -0.27 5.3",
    "virtual_sites4, 2": "5 1 2 3 4 2 0.91 1.13 0.087",
    "virtual_sitesn, 1": "5 1 2 3 1 4",
    "virtual_sitesn, 2": "5 2 1 2 4",
    "virtual_sitesn, 3": "5 3 4 0.6 1 0.3 2 0.5",
}


def text_of(directive: str, line: str, more: str = "", count: int = 2) -> str:
    """Molecules of four atoms and a site, within which nothing interacts by distance."""
    types = "A 6 12.011 0 A 0.31 0.36\nB 8 15.999 0 A 0.29 0.71\nV 0 0 0 V 0.25 0.2\n"
    atoms = "".join(
        f"{i} {t} 1 MOL X {i} {q}\n" for i, (t, q) in enumerate(zip("ABABV", CHARGES, strict=True), start=1)
    )
    excluded = "".join(f"{i} {' '.join(str(j) for j in range(1, 6) if j != i)}\n" for i in range(1, 6))
    return (
        f"[ defaults ]\n1 2 no 1 1\n[ atomtypes ]\n{types}[ moleculetype ]\nMOL 1\n[ atoms ]\n{atoms}"
        f"[ bonds ]\n1 2 1 0.15 2e5\n2 3 1 0.15 2e5\n3 4 1 0.15 2e5\n{more}\n[ {directive} ]\n{line}\n"
        f"[ exclusions ]\n{excluded}[ system ]\nx\n[ molecules ]\nMOL {count}\n"
    )


def molecules(seed: int, count: int = 2) -> np.ndarray[Any, Any]:
    """Not straight, 0.4 nm apart; the sites still to be placed."""
    rng = np.random.default_rng(seed)
    one = np.array([[0, 0, 0], [0.15, 0.01, 0], [0.21, 0.14, 0.02], [0.20, 0.18, 0.16], [0.05, 0.05, 0.05]])
    return np.concatenate([one + rng.normal(0, 0.01, (5, 3)) + [1, 1, 0.6 + 0.4 * i] for i in range(count)])


def structure(x: np.ndarray[Any, Any]) -> Structure:
    n = len(x)
    ones, names = np.ones(n, dtype=np.int64), np.full(n, "X")
    return Structure("x", ones, np.full(n, "MOL"), names, np.arange(1, n + 1), x, None, np.diag([3.0, 3.1, 3.2]))


def placed_by_gromacs(files: tuple[Path, Path, Path], folder: Path) -> np.ndarray[Any, Any]:
    """Where a run of no steps puts all particles, in nm."""
    gmx = find("double")
    settings = folder / "place.mdp"
    settings.write_text(PLAIN + "nstxout = 1\n")
    ready = prepared(gmx, folder, Inputs(files[0], files[1], settings, warnings=2))
    gmx.run(["mdrun", "-s", ready.path, "-deffnm", "placed", *gmx.one_rank], folder=folder)
    found = Trajectory(folder / "placed.trr")[0].positions
    assert found is not None
    return found


def agree_but_for_lost_forces(files: tuple[Path, Path, Path], folder: Path) -> None:
    """GROMACS 2022 takes the forces off a site on an atom, and puts them nowhere; what we write for it has them."""
    reference, data = own(files, folder / "own"), cuds.read(*files)
    (one, forces), (two, others) = said(data, "gromacs"), said(data, "lammps")
    for terms in (one, two):
        same(reference.terms, terms, len(forces))
    assert np.abs(reference.forces.sum(axis=0)).max() > 0.1
    assert np.abs(forces.sum(axis=0)).max() < 1e-9
    np.testing.assert_allclose(forces, others, atol=1e-6 * np.abs(forces).max())


@pytest.mark.turns(3)
@pytest.mark.parametrize("case", LINES)
def test_every_construction_both_ways(case: str, tmp_path: Path) -> None:
    """Its place is GROMACS's; energies and forces are, there and a little away, and of what we write."""
    directive, _ = case.split(", ")
    files = wrote(tmp_path, text_of(directive, LINES[case]), structure(molecules(1)))
    system = cuds.read(*files)[cuds.ParticleSystem]
    assert system.topology is not None
    (sites,) = system.topology.sites
    row = next(r for r in engine_words("gromacs").rows if f"{r.section}, {r.keyword}" == case)
    assert sites.construction == row.realises
    assert sites.sites.tolist() == [5, 10]
    x = np.asarray(cuds.sites_placed(system).positions.in_unit("nm"))
    np.testing.assert_allclose(x, placed_by_gromacs(files, tmp_path), atol=1e-12)
    compare = agree if directive != "virtual_sites1" else agree_but_for_lost_forces
    with pytest.warns(UserWarning, match=f"2 of 2 {OUT_OF_PLACE}"):
        compare(files, tmp_path)
    write_gro(files[0], structure(x), 15)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compare(files, tmp_path)
    data = cuds.read(*files)
    cuds.run(cuds.SinglePoint(data, potential=data), engine="gromacs", keep=tmp_path / "kept")
    again = cuds.read(*(tmp_path / "kept" / f.name for f in files))[cuds.ParticleSystem]
    assert again.topology is not None
    (kept,) = again.topology.sites
    written_as = "WeightedSite" if directive == "virtual_sites1" else sites.construction
    assert (kept.construction, kept.particles.tolist()) == (written_as, sites.particles.tolist())
    for symbol, column in sites.parameters.items():
        unit = column.values.unit
        ours, theirs = column.values.value[sites.row], kept.parameters[symbol].values.in_unit(unit)[kept.row]
        np.testing.assert_allclose(theirs, ours, rtol=1e-15)


@pytest.mark.parametrize("case", ["virtual_sites3, 3", "virtual_sites3, 4"])
def test_a_sign_of_the_function_means_nothing_where_there_are_numbers(case: str, tmp_path: Path) -> None:
    directive, _ = case.split(", ")
    line = {"virtual_sites3, 3": "5 3 1 2 -3 112.7 0.103", "virtual_sites3, 4": "5 1 2 4 -4 -0.31 -0.27 5.3"}[case]
    files = wrote(tmp_path, text_of(directive, line), structure(molecules(1)))
    x = np.asarray(cuds.sites_placed(cuds.read(*files)[cuds.ParticleSystem]).positions.in_unit("nm"))
    np.testing.assert_allclose(x, placed_by_gromacs(files, tmp_path), atol=1e-12)


def test_water_of_four_sites(tmp_path: Path) -> None:
    """216 rigid molecules of TIP4P, as a force field of GROMACS has them, with three decimals."""
    topology = tmp_path / "topol.top"
    topology.write_text(
        '#include "oplsaa.ff/forcefield.itp"\n#include "oplsaa.ff/tip4p.itp"\n'
        "[ system ]\nwater\n[ molecules ]\nSOL 216\n"
    )
    given, settings = tmp_path / "conf.gro", tmp_path / "run.mdp"
    given.write_bytes((find("double").force_fields / "tip4p.gro").read_bytes())
    settings.write_text(SUMMED)
    with pytest.warns(UserWarning, match=f"216 of 216 {OUT_OF_PLACE}"):
        system = agree((given, topology, settings), tmp_path)[cuds.ParticleSystem]
    assert system.topology is not None
    assert [(s.construction, len(s)) for s in system.topology.sites] == [("PlaneSite", 216)]
    assert repr(system.topology) == "Topology(216 virtual sites, 1296 exclusions, 648 constraints)"


REFUSED = {
    "without numbers": (
        "virtual_sites3",
        "5 1 2 3 1",
        "",
        r"topol.top:\d+: \[ virtual_sites3 \] without numbers",
    ),
    "the old one of four": ("virtual_sites4", "5 1 2 3 4 1 0.1 0.2 0.1", "", "virtual_sites4 .* of function 1 .*2 of"),
    "a bond": ("virtual_sites2", "5 1 2 1 0.3", "1 5 1 0.1 1e4", r"\[ bonds \] of virtual sites .*2 of.* between 1, 5"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_carried_is_refused(case: str, tmp_path: Path) -> None:
    directive, line, more, says = REFUSED[case]
    with pytest.raises(UnsupportedError, match=says):
        cuds.read(*wrote(tmp_path, text_of(directive, line, more), structure(molecules(1))))


def test_what_gromacs_cannot_express_is_refused(tmp_path: Path) -> None:
    text = text_of("virtual_sites2", LINES["virtual_sites2, 1"], count=1)
    files = wrote(tmp_path, text, structure(molecules(1, 1)))
    data = cuds.read(*files)
    system = cuds.sites_placed(data[cuds.ParticleSystem])
    topology = system.topology
    assert topology is not None
    weights = {"w1": 1.5, "w2": -0.25, "w3": -0.25}
    bond = cuds.bonded("HarmonicBond", [[1, 5]], k="1 kJ/mol/nm**2", r0="1 nm")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"sites": (cuds.virtual_sites("WeightedSite", [[5, 1, 2, 3]], **weights),)}, "negative weights"),
        ({"groups": (bond,)}, "bond HarmonicBond has them .1, the first between 1, 5"),
        ({"sites": ()}, "without mass that are no virtual sites, the first 5"),
    ]
    for changed, says in cases:
        other = cuds.DataSet(system.replace(topology=topology.replace(**changed)), data[cuds.Potential])
        with pytest.raises(cuds.CudsError, match=says):
            said(other, "gromacs")
