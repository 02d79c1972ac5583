"""What we read of a topology is what grompp writes for mdrun, number by number."""

import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest

from cuds_gromacs.codecs.topology import TopologyFile, read_topology
from tests.cuds_gromacs.grompp import RUN, RefusedError, compare, of_text, parsed, run, system

EVERY_BOND = """[ bonds ]
1 2 1 0.11 101
2 3 2 0.12 102
3 4 3 0.13 2.5 3.5
1 3 4 0.14 103 4.5
1 4 5
2 4 6 0.15 104
1 2 7 0.16 105
2 3 8 1 106
3 4 9 2 107
1 3 10 0.1 0.2 0.3 108
"""
EVERY_ANGLE = """[ angles ]
1 2 3 1 101 51
1 2 3 2 102 52
1 2 3 3 0.1 0.2 53
1 2 3 4 0.1 0.2 0.3 54
1 2 3 5 103 55 0.21 56
1 2 3 6 104 1 2 3 4 5
1 2 3 8 1 57
1 2 3 9 0.3 58
1 2 3 10 105 59
"""
EVERY_DIHEDRAL = """[ dihedrals ]
1 2 3 4 1 10 2 3
1 2 3 4 2 11 4
1 2 3 4 3 1 2 3 4 5 6
4 3 2 1 3 0 0 0 0 0 0
1 2 3 4 4 12 2 3
1 2 3 4 5 1 2 3 4
1 2 3 4 8 1 5
1 2 3 4 9 13 3 4
1 2 3 4 10 14 3
1 2 3 4 11 1 2 3 4 5 6
"""
EVERY_OTHER = """[ bonds ]
1 2 1 0.1 100
[ constraints ]
1 4 1 0.3
2 4 2 0.4
[ pairs ]
1 4 1 0.31 0.41
1 3 2 0.9 0.1 0.2 0.32 0.42
[ pairs_nb ]
1 4 1 0.1 0.2 0.33 0.43
[ polarization ]
3 4 1 0.1
1 4 2 0.2 0.3 0.4
[ thole_polarization ]
1 2 3 4 1 2 3 4
[ distance_restraints ]
1 3 1 0 1 0.2 0.3 0.4 1
[ Dihedral-Restraints]
1 2 3 4 1 170 1 10
[ angle_restraints ]
1 2 1 3 1 90 10 1
[angle_restraints_z]
1 2 1 90 10 1
[ position_restraints ]
1 1 3 4 5
2 2 1 2 3
[ exclusions ]
1 2 3
4 1
"""
BONDED = "[ bonds ]\n1 2 1 0.1 100\n2 3 1 0.1 100\n3 4 1 0.1 100\n"
SITES = """[ virtual_sites1 ]
5 1 1
[ dummies2 ]
6 1 2 1 0.3
[ virtual_sites2 ]
7 2 3 1 0.4
[ Virtual-Sites3 ]
8 1 2 3 1 0.1 0.2
9 1 2 3 2 0.1 0.2
10 1 2 3 3 110 0.2
11 1 2 3 4 0.1 0.2 0.3
12 1 2 3 -4 0.4 0.5 0.6
[ virtual_sites4 ]
13 1 2 3 4 2 1 2 3
[ virtual_sitesn ]
14 1 1 2 3
15 2 1 2 3 4
16 3 1 0.5 2 0.7
[ exclusions ]
5 1 2 3 4 6 7 8
"""
DIHEDRAL_TYPES = """[ dihedraltypes ]
X  B C X  9  10 1.1 1
X  B C X  9  20 1.2 2
A  B C X  9  30 1.3 3
X  B C D  9  40 1.4 4
B  B C D  9  50 1.5 5
D  C B B  9  50 1.5 5
X  X A B  2  60 1.6
B  C  4  70 1.7 2
A D 2 80 1.8
X X X X 3 1 2 3 4 5 6
A B C D 5 1 2 3 4
"""


def both(text: str, folder: Path, atoms: int, mdp: str = RUN) -> TopologyFile:
    """Read a topology, compare it with grompp, and return it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dump = of_text(text, folder, atoms, mdp)
        found = read_topology(folder / "topol.top")
    compare(found, dump)
    return found


@pytest.mark.parametrize("rule", [1, 2, 3])
@pytest.mark.parametrize("body", [EVERY_BOND, EVERY_ANGLE, EVERY_DIHEDRAL, EVERY_OTHER], ids=lambda b: b[2:8])
def test_every_function_with_its_numbers(body: str, rule: int, tmp_path: Path) -> None:
    both(system(body, rule=rule), tmp_path, 8)


def test_virtual_sites(tmp_path: Path) -> None:
    found = both(system(BONDED + SITES, types="ABCD" + 12 * "V"), tmp_path, 32)
    directives = {(t.directive, t.function, t.atoms.shape[1]) for t in found.molecule_types["M"].terms}
    assert ("virtual_sites3", -4, 4) in directives
    assert ("virtual_sitesn", 3, 3) in directives


def test_virtual_sites_that_a_dump_cannot_show(tmp_path: Path) -> None:
    """The dump of GROMACS 2022 stops at function 2 of two atoms; sites without numbers are left to GROMACS."""
    (tmp_path / "topol.top").write_text(
        system(f"{BONDED}[ virtual_sites2 ]\n5 2 3 2 0.4\n[ virtual_sites3 ]\n6 1 2 3 -3\n", types="ABCDVV")
    )
    two, three = read_topology(tmp_path / "topol.top").molecule_types["M"].terms[1:]
    assert (two.function, two.atoms.tolist(), two.parameters.tolist()) == (2, [[4, 1, 2]], [[0.4]])
    assert (three.function, three.atoms.tolist()) == (-3, [[5, 0, 1, 2]])
    assert np.isnan(three.parameters).all()


@pytest.mark.parametrize("nrexcl", [0, 1, 2, 3, 5])
def test_exclusions_follow_the_bonds_that_count(nrexcl: int, tmp_path: Path) -> None:
    body = """[ bonds ]
1 2 1 0.1 100
2 3 6 0.1 100
3 4 5
4 5 9 1 2
5 6 8 1 2
6 7 10 0 1 2 3
7 8 7 1 2
8 1 2 1 2
[ constraints ]
1 9 1 0.1
9 10 2 0.1
[ polarization ]
10 3 1 0.1
[ settles ]
4 1 0.1 0.16
[ exclusions ]
10 8 2
1 10
"""
    both(system(body, types="ABCDABCDAB", nrexcl=nrexcl), tmp_path, 20)


def test_lines_without_a_function_have_the_first_one(tmp_path: Path) -> None:
    field = "[ bondtypes ]\nA B 1 0.1 100\n[ angletypes ]\nA B C 1 100 50\n[ constrainttypes ]\nB C 1 0.2\n"
    found = both(
        system("[ bonds ]\n2 1\n[ angles ]\n3 2 1\n[ constraints ]\n2 3\n[ pairs ]\n1 4", field=field), tmp_path, 8
    )
    assert {t.function for t in found.molecule_types["M"].terms} == {1}


@pytest.mark.parametrize(
    ("types", "line"),
    [
        ("ABCD", "1 2 3 4 9"),  # three exact types win over two, though they come later
        ("ABCA", "1 2 3 4 9"),
        ("DBCA", "1 2 3 4 9"),  # two terms of the wildcards
        ("DBCA", "1 2 3 4 1"),
        ("BBCD", "1 2 3 4 9"),
        ("DCBB", "1 2 3 4 9"),
        ("DCBA", "1 2 3 4 9"),
        ("CCAB", "1 2 3 4 2"),
        ("BACC", "1 2 3 4 2"),
        ("ABCD", "1 2 3 4 2"),  # the outer two of an improper
        ("ABCD", "1 2 3 4 4"),
        ("DCBA", "1 2 3 4 4"),
        ("DDDD", "1 2 3 4 3"),
        ("DCBA", "1 2 3 4 5"),
    ],
)
def test_wildcards(types: str, line: str, tmp_path: Path) -> None:
    both(system(f"{BONDED}[ dihedrals ]\n{line}\n", types=types, field=DIHEDRAL_TYPES), tmp_path, 8)


@pytest.mark.parametrize(
    "types",
    [
        "A B C D 9 0 1.5 1\nA B C D 9 0 1.5 1\nA B C D 9 0 2.5 2\nA B C D 9 0 1.5 1\n",
        "A B C D 9 0 1.5 1\nA B B D 9 0 1.5 1\nD C B A 9 0 1.5 1\n",
        "A B C D 1 0 1.5 1\nA B C D 1 0 2.5 2\n",
        "A B C D 9 0 1.5 1\nA B C D 9 0 2.5 2\nA B C D 1 0 3.5 3\n",
        "A B C D 9 0 1.5 1\nA B C D 9 0 2.5 2\nD C B A 4 0 3.5 3\n",
        "A B C D 1 0 1.5 1\nA B C D 9 0 2.5 2\n",
        "X B C X 1 0 1.5 3 0 1.5 3 7 8\n",
    ],
)
def test_dihedrals_that_repeat(types: str, tmp_path: Path) -> None:
    lines = "1 2 3 4 9\n4 3 2 1 1\n1 2 3 4 9 10 20 3\n"
    both(system(f"{BONDED}[ dihedrals ]\n{lines}", field=f"[ dihedraltypes ]\n{types}"), tmp_path, 8)


def test_types_that_come_twice(tmp_path: Path) -> None:
    """The last line counts, in its own place."""
    field = "[ bondtypes ]\nA B 1 0.1 100\nB A 1 0.2 200\nA B 2 0.3 300\n[ angletypes ]\nA B C 9 0.3 100\n"
    field += "[ pairtypes ]\nA D 1 0.2 0.3\nD A 1 0.3 0.4\n[ nonbond_params ]\nA C 1 0.2 0.5\nC A 1 0.4 0.6\n"
    field += "[ atomtypes ]\nD D 1 2.016 0.4 A 0.27 0.19\n"
    body = "[ bonds ]\n1 2 1\n2 1 2\n[ angles ]\n1 2 3 9\n3 2 1 9\n[ pairs ]\n1 4\n1 3\n"
    both(system(body, field=field), tmp_path, 8)


@pytest.mark.parametrize("rule", [1, 2, 3])
@pytest.mark.parametrize("pairs", ["yes", "no"])
def test_pairs(pairs: str, rule: int, tmp_path: Path) -> None:
    """Made ones come from what the types have for each other, which is not always mixed."""
    field = "[ nonbond_params ]\nA B 1 0.35 0.9\n[ pairtypes ]\nB C 1 0.37 0.11\nA D 2 0.38 0.12 0.39 0.13\n"
    field += "A C 1 0.1 0.2\nA A 1 0.3 0.4\n"
    lines = "1 4\n2 3 1\n3 2 1 0.5 0.6\n1 3 1 0.5 0.6 0.7 0.8\n1 3 2\n4 1 2 0.5 1 2 3 4\n"
    lines += "1 2 1\n3 4 1\n" if pairs == "yes" else ""
    both(system(f"{BONDED}[ pairs ]\n{lines}", field=field, rule=rule, pairs=pairs), tmp_path, 8)


def test_a_negative_sigma(tmp_path: Path) -> None:
    field = "[ atomtypes ]\nN N 7 14 0 A -0.3 0.5\n"
    for rule in (2, 3):
        both(system(f"{BONDED}[ pairs ]\n1 4\n", types="ANND", field=field, rule=rule), tmp_path, 8)


def test_atom_types_in_every_form(tmp_path: Path) -> None:
    field = "[ atomtypes ]\nE 10.5 0.1 A 0.3 0.5\nF 9 19.5 0.2 A 0.31 0.51\nG 3C 18.5 -0.1 A 0.32 0.52\n"
    field += "H CB 7 17.5 -0.2 A 0.33 0.53 99 more\nI 1A 8 16.5 0 a 0.34 0.54\nJ J 0 0 0 D 0 0\n"
    field += "[ bondtypes ]\nE F 1 0.1 100\n3C CB 1 0.2 200\nCB 1A 1 0.3 300\n"
    both(system("[ bonds ]\n1 2\n3 4\n4 5\n", types="EFGHI", field=field), tmp_path, 10)


def test_atoms_say_or_leave_out(tmp_path: Path) -> None:
    atoms = """[ moleculetype ]
M 3
[ atoms ]
1 A 1 ALA N 1
2 B 1 ALA CA 1 0.5
3 C 2A GLY C 2 -0.5 20.5
4 D -3 GLY O 2 0.25 21 A
5 A 4 X Y 3 0.25 21 B 0.75
6 A 4 X Y 3 0.25 21 C 0.75 30
[ bonds ]
1 2 1 0.1 100
[ system ]
; nothing but this
the name
[ molecules ]
m 2
M 1
"""
    text = system("").partition("[ moleculetype ]")[0] + atoms
    found = both(text, tmp_path, 18)
    molecule = found.molecule_types["M"]
    assert (found.title, found.molecules) == ("the name", (("M", 2), ("M", 1)))
    assert molecule.residues.tolist() == [1, 1, 2, -3, 4, 4]
    assert molecule.insertions == ("", "", "A", "", "", "")
    assert molecule.b_types == ("A", "B", "C", "A", "B", "C")


def test_state_b(tmp_path: Path) -> None:
    """Numbers of state B come from the line, from the type, or from the types that the atoms have in B."""
    field = """[ bondtypes ]
A B 1 0.1 10
B B 1 0.2 20
A C 1 0.3 30 0.4 40
B D 3 0.1 2 3
[ angletypes ]
A B C 5 100 50 0.2 10
B B C 5 101 51 0.21 11
[ dihedraltypes ]
A B C D 9 10 1 2
A B C D 9 20 2 3
B B C C 9 30 3 2
A B C D 3 1 2 3 4 5 6
B B C D 3 2 3 4 5 6 7
"""
    body = """[ bonds ]
1 2
1 3
1 4 1 0.1 5
2 3 1 0.1 5 0.2 6
2 4 3
[ angles ]
1 2 3 5
[ dihedrals ]
2 2 3 3 9
1 2 3 4 3
1 2 3 4 4 10 20 3 11 21 3
1 2 3 4 9 10 20 3 11 21 3
[ pairs ]
1 4
1 3 1 0.3 0.4
[ constraints ]
1 3 1 0.1 0.2
"""
    body = body.replace("2 2 3 3 9\n", "")
    text = system(body, field=field).replace("1 A 1 M A1 1\n", "1 A 1 M A1 1 0.3 10 B\n")
    found = both(text, tmp_path, 8, RUN + "free-energy = yes\ninit-lambda = 0\n")
    two = {(t.directive, t.function): t.b_parameters is not None for t in found.molecule_types["M"].terms}
    assert (two["bonds", 1], two["bonds", 3]) == (True, False)


def test_cmap(tmp_path: Path) -> None:
    grid = " ".join(f"{(i * 37 % 101) / 10:.1f}" for i in range(16)).split()
    wrapped = " \\\n".join(" ".join(grid[i : i + 5]) for i in range(0, 16, 5))
    other = " ".join(f"{i / 10:.1f}" for i in range(16))
    field = f"[ cmaptypes ]\nA B C D A 1 4 4 {wrapped}\nA B C D B 1 4 4\\\n{other}\nA B C D B 1 4 4 {wrapped}\n"
    found = both(system(f"{BONDED}[ cmap ]\n1 2 3 4 6 1\n1 2 3 4 5 1\n", types="ABCDAB", field=field), tmp_path, 12)
    (terms,) = (t for t in found.molecule_types["M"].terms if t.directive == "cmap")
    assert terms.parameters.tolist() == [[1.0], [0.0]]
    assert found.cmap_grids[0][1, 2] == float(grid[6])


def test_several_molecule_types_and_no_text_before_the_first_directive_counts(tmp_path: Path) -> None:
    text = "**** a banner\n" + system(BONDED).replace(
        "[ system ]", "[ moleculetype ]\nN 1\nO 2\n[ atoms ]\n1 A 1 N N 1\n[ bonds ]\n[ system ]"
    )
    text = text.replace("M 2\n", "O 3\nM 1\nO 1\n").replace("N 1\nO 2", "O 2")
    both(text, tmp_path, 8)


# An extended chain of three alanines: N, CA, C, O, CB of each and OXT, in Å.
def tripeptide() -> str:
    lines, number = [], 0
    for residue in range(3):
        x, up = 3.63 * residue, -1 if residue % 2 else 1
        atoms = {"N": (0, 0, 0), "CA": (1.2, 0.8 * up, 0), "C": (2.4, 0, 0), "O": (2.4, -1.23 * up, 0)}
        atoms["CB"] = (1.2, 1.6 * up, 1.25)
        atoms |= {"OXT": (3.5, 0.7 * up, 0)} if residue == 2 else {}
        for name, (dx, y, z) in atoms.items():
            number += 1
            lines.append(
                f"ATOM  {number:5d}  {name:<3} ALA A{residue + 1:4d}    {x + dx:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00"
                f"          {name[0]:>2}"
            )
    return "\n".join([*lines, "TER", "END", ""])


def made_by_gromacs(folder: Path, field: str, water: str) -> tuple[Path, Path]:
    """Return the topology and the structure of a peptide in a little water."""
    (folder / "in.pdb").write_text(tripeptide())

    def gmx(*command: str) -> None:
        subprocess.run(["gmx_d", "-quiet", "-nobackup", *command], cwd=folder, capture_output=True, check=True)

    gmx("pdb2gmx", "-f", "in.pdb", "-ff", field, "-water", water, "-ignh", "-o", "raw.gro", "-p", "topol.top")
    gmx("editconf", "-f", "raw.gro", "-o", "boxed.gro", "-d", "0.6")
    solvent = {"tip4p": "tip4p", "tip5p": "tip5p"}.get(water, "spc216")
    gmx("solvate", "-cp", "boxed.gro", "-cs", solvent, "-o", "conf.gro", "-p", "topol.top", "-maxsol", "20")
    return folder / "topol.top", folder / "conf.gro"


@pytest.mark.parametrize(
    ("field", "water", "define"),
    [
        ("amber99sb-ildn", "tip3p", ""),
        ("amber03", "tip4p", ""),
        ("charmm27", "tip3p", "FLEXIBLE"),
        ("charmm27", "tip5p", ""),
        ("oplsaa", "tip4p", ""),
        ("oplsaa", "spce", "FLEXIBLE"),
        ("gromos54a7", "spc", ""),
        ("gromos43a1", "spc", "FLEXIBLE"),
        ("amber94", "spce", "POSRES"),
    ],
)
def test_peptides_in_water(field: str, water: str, define: str, tmp_path: Path) -> None:
    topology, structure = made_by_gromacs(tmp_path, field, water)
    define_line = f"define = -D{define}\n" if define else ""
    run_text = RUN.replace("rlist = 1.0", "rlist = 0.6").replace("= 0.9", "= 0.5") + define_line
    dump = parsed(run(tmp_path, topology, structure, run_text))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # GROMACS's own force fields replace nothing
        compare(read_topology(topology, defines={define: ""} if define else {}), dump)


def test_every_force_field_of_gromacs_is_read() -> None:
    from cuds_gromacs.codecs.includes import library_folders

    fields = sorted(p.parent.name for folder in library_folders() for p in folder.glob("*.ff/forcefield.itp"))
    assert len(fields) > 10
    for name in fields:
        path = next(f for f in library_folders()) / name / "forcefield.itp"
        with pytest.raises(Exception, match="no \\[ molecules \\]"):
            read_topology(path)


# What GROMACS refuses, we refuse.
REFUSED = {
    "no pair types": system(f"{BONDED}[ pairs ]\n1 2\n", pairs="no"),
    "no charges' pair types": system(f"{BONDED}[ pairs ]\n1 2 2\n", pairs="no"),
    "fudge alone": system(f"{BONDED}[ pairs ]\n1 4 2 0.7\n"),
    "no bond types": system("[ bonds ]\n1 2\n"),
    "no angle types": system(f"{BONDED}[ angles ]\n1 2 3\n"),
    "no dihedral types": system(f"{BONDED}[ dihedrals ]\n1 2 3 4 1\n"),
    "wildcards of function 5": system(
        f"{BONDED}[ dihedrals ]\n1 2 3 4 5\n", field="[ dihedraltypes ]\nX B C X 5 1 2 3 4\n"
    ),
    "function 10 of types": system(BONDED, field="[ dihedraltypes ]\nA B C D 10 0 1\n"),
    "second block": system(BONDED, field="[ dihedraltypes ]\nA B C D 9 0 1 1\nA B B D 9 0 1 1\nA B C D 9 0 2 2\n"),
    "second block, turned": system(BONDED, field="[ dihedraltypes ]\nA B C D 9 0 1 1\nD C B A 9 0 1 2\n"),
    "exclusions first": system("[ exclusions ]\n1 2\n"),
    "types after molecules": system("[ bondtypes ]\nA B 1 0.1 100\n"),
    "no such function": system("[ bonds ]\n1 2 11 0.1 100\n"),
    "no function": system("[ bonds ]\n1 2 0.1 100\n"),
    "too few numbers": system("[ bonds ]\n1 2 1 0.1\n"),
    "too many numbers": system("[ bonds ]\n1 2 1 0.1 100 0.1 100 7\n"),
    "three numbers": system("[ bonds ]\n1 2 1 0.1 100 0.1\n"),
    "atom 5": system("[ bonds ]\n1 5 1 0.1 100\n"),
    "atom 0": system("[ bonds ]\n0 1 1 0.1 100\n"),
    "excluded atom 5": system(f"{BONDED}[ exclusions ]\n1 5\n"),
    "twice": system("[ angles ]\n1 2 1 1 100 50\n"),
    "multiplicity": system(f"{BONDED}[ dihedrals ]\n1 2 3 4 1 0 1 2 0 1 3\n"),
    "molecule type twice": system("[ moleculetype ]\nM 3\n"),
    "no line of defaults": system(BONDED).replace("1 2 yes 0.5 0.8333\n", ""),
    "none of a molecule": system(BONDED).replace("M 2", "M 0"),
    "empty molecule type": system("[ moleculetype ]\nO 3\n").replace("M 2", "O 1"),
    "no such molecule": system(BONDED).replace("M 2", "W 2"),
    "directive": system("[ bond ]\n1 2 1 0.1 100\n"),
    "two defaults": system(BONDED, field="[ defaults ]\n1 1 no\n"),
    "atom type": system(BONDED).replace("2 B 1", "2 b 1"),
    "bonded type": system(BONDED, field="[ bondtypes ]\nA Z 1 0.1 100\n"),
    "pair type": system(BONDED, field="[ pairtypes ]\nA Z 1 0.1 100\n"),
    "pair function": system(BONDED, field="[ nonbond_params ]\nA B 2 0.1 100 1\n"),
    "no grid": system(f"{BONDED}[ cmap ]\n1 2 3 4 5 1\n", types="ABCDA"),
    "grid too small": system(BONDED, field="[ cmaptypes ]\nA B C D A 1 3 3 1 2 3 4\n"),
    "count": system(BONDED).replace("1 A 1 M", "2 A 1 M"),
    "mass": system(BONDED).replace("1 A 1 M A1 1\n", "1 A 1 M A1 1 0 0\n"),
    "mass of a site": system(f"{BONDED}[ virtual_sites1 ]\n5 1 1\n", types="ABCDV").replace(
        "5 V 1 M V5 5\n", "5 V 1 M V5 5 0 1\n"
    ),
    "weights": system(f"{BONDED}[ virtual_sitesn ]\n5 3 1 0.5 2\n", types="ABCDV"),
    "perturbed torsion": system(
        f"{BONDED}[ dihedrals ]\n1 2 3 4 9\n",
        field="[ dihedraltypes ]\nA B C D 9 10 1 2\nA B C D 9 20 2 3\nB B C D 9 30 3 2\n",
    ).replace("1 A 1 M A1 1\n", "1 A 1 M A1 1 0.3 10 B\n"),
    "single digit": system(BONDED, field="[ atomtypes ]\n7 7 10 0 A 1 1\n"),
    "particle": system(BONDED, field="[ atomtypes ]\nE 10 0 Q 1 1\n"),
    "open condition": system(f"{BONDED}#endif\n"),
    "unknown #": system(f"{BONDED}#inlude 'x'\n"),
    "no include": system(f'{BONDED}#include "nothing.itp"\n'),
    "bare include": system(f"{BONDED}#include nothing.itp\n"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_grompp_refuses_is_refused(name: str, tmp_path: Path) -> None:
    from cuds.errors import FormatError

    atoms = REFUSED[name].count(" 1 M ") * 2
    with pytest.raises(RefusedError):
        of_text(REFUSED[name], tmp_path, atoms)
    with pytest.raises(FormatError, match=r"topol\.top"):
        read_topology(tmp_path / "topol.top")


@pytest.fixture(autouse=True)
def _cleared(tmp_path: Path):
    yield
    shutil.rmtree(tmp_path, ignore_errors=True)
