"""What is wrong with a topology is said with file, line, directive, value, and what to do."""

from pathlib import Path

import pytest

from cuds.errors import FormatError, UnknownError, UnsupportedError
from cuds_gromacs.codecs.topology import read_topology
from tests.cuds_gromacs.grompp import FIELD, system

BONDED = "[ bonds ]\n1 2 1 0.1 100\n"
HEAD = system("").count("\n", 0, system("").index("[ system ]")) - 1  # lines before what a test adds


def refused(text: str, folder: Path, kind: type[Exception] = FormatError) -> tuple[str, str]:
    """Return message and hint of the error, with the place in short."""
    file = folder / "topol.top"
    file.write_text(text)
    with pytest.raises(kind) as caught:
        read_topology(file)
    error = caught.value
    return str(getattr(error, "message", "")).replace(str(file), "topol"), str(getattr(error, "hint", ""))


@pytest.mark.parametrize(
    ("body", "line", "message", "hint"),
    [
        ("[ bond ]\n", 1, "[ bond ]: not a directive of GROMACS", "did you mean 'bonds'"),
        ("[ bonds ]\n1 2 11 0.1 100\n", 2, "[ bonds ]: there is no function 11", "1 (harmonic), 2 (G96)"),
        ("[ bonds ]\n1 2 0.1 100\n", 2, "'0.1' stands where a whole number must", "write a whole number"),
        ("[ bonds ]\n1 2 1 0.1\n", 2, "1 numbers for function 1 (harmonic), which takes 2 or 4", "leave all out"),
        ("[ bonds ]\n1 2 4 0.1\n", 2, "1 numbers for function 4 (cubic), which takes 3", "add what is missing"),
        ("[ bonds ]\n1\n", 2, "[ bonds ]: 1 atoms, not 2", "write the atoms"),
        ("[ bonds ]\n1 2 1 gb_21\n", 2, "'gb_21' stands where a number must: a macro that", "-Dgb_21=... in the run"),
        ("[ bonds ]\n1 2 1 0.1 1_0\n", 2, "'1_0' stands where a number must", "write a number"),
        ("[ bonds ]\n1 2 1 0.1 1d3\n", 2, "'1d3' stands where a number must", "write a number"),
        ("[ bonds ]\n1 2 1 0.1 nan\n", 2, "'nan' is not finite", "write a number"),
        ("[ bonds ]\n1 99999999999999999999 1 0.1 1\n", 2, "'99999999999999999999' stands where a whole", "write a wh"),
        (
            "[ bonds ]\n1 2 1 0.1 100\n2 5 1 0.1 100\n",
            3,
            "[ bonds ]: atom 5, but the molecule type has 1 to 4",
            "their",
        ),
        ("[ bonds ]\n1 1 1 0.1 100\n", 2, "[ bonds ]: atom 1 twice", "different atoms"),
        ("[ bonds ]\n1 2\n", 2, "no numbers for atoms 1 2 of the bonded types A B, function 1", "to [ bondtypes ]"),
        ("[ bonds ]\n1 2 9 1 5 2 5\n", 2, "number 1 of function 9 differs between the states", "tables must be"),
        (BONDED + "[ pairs ]\n1 3 2 0.5\n", 4, "1 numbers for function 2 (1-4 with charges), which takes 5", "add"),
        (BONDED + "[ position_restraints ]\n1 1\n", 4, "no numbers for atoms 1 of", "add them"),
        (
            BONDED + "[ dihedrals ]\n1 2 3 4 2\n",
            4,
            "bonded types A B C D, function 2 (harmonic improper)",
            "[ dihedralt",
        ),
        (BONDED + "[ cmap ]\n1 2 3 4\n", 4, "[ cmap ]: 4 atoms, not 5", "five atoms"),
        (BONDED + "[ exclusions ]\n1 7\n", 4, "[ exclusions ]: atom 7, but the molecule type has 1 to 4", "within"),
        (BONDED + "[ virtual_sitesn ]\n4 9 1 2\n", 4, "a function of 1 to 3", "equal weights"),
        (BONDED + "[ virtual_sitesn ]\n4 3 1 0.5 2\n", 4, "an atom has no weight", "by turns"),
        ("[ exclusions ]\n1 2\n", 1, "[ exclusions ] before any [ bonds ], [ constraints ], [ settles ]", "only after"),
        ("[ bondtypes ]\nA B 1 0.1 100\n", 1, "[ bondtypes ] after a [ moleculetype ]", "before the first"),
        ("[ moleculetype ]\nM 3\n", 2, "the molecule type 'M' again; the first is at topol:11", "only once"),
        ("[ moleculetype ]\nN\n", 2, "a name and nrexcl", "like: SOL 2"),
        ("[ moleculetype ]\nN -1\n", 2, "nrexcl is -1", "0 excludes nothing"),
        ("[ atoms ]\n5 Z 1 M Z 5\n", 2, "[ atoms ]: there is no atom type 'Z'", "known: A, B, C, D, V"),
        ("[ atoms ]\n7 A 1 M Z 5\n", 2, "[ atoms ]: atom 7 where 5 is due", "from 1 on"),
        ("[ atoms ]\n5 A x M Z 5\n", 2, "[ atoms ]: 'x' is no residue number", "like 7 or 7A"),
        ("[ atoms ]\n5 A 1 M\n", 2, "[ atoms ]: 4 fields, not 6 to 11", "charge group"),
        ("[ atoms ]\n5 A 1 M Z 5 0 CHARGE\n", 2, "'CHARGE' stands where a number must: a macro", "#define CHARGE"),
        ("[ atoms ]\n5 V 1 M Z 5 0 1\n", 2, "atom 5 of 'M' has the mass 1; a virtual site (V) has none", "change"),
    ],
)
def test_in_a_molecule_type(body: str, line: int, message: str, hint: str, tmp_path: Path) -> None:
    said, advice = refused(system(body), tmp_path)
    assert said.startswith(f"topol:{HEAD + line}: "), said
    assert message in said
    assert hint in advice


@pytest.mark.parametrize(
    ("field", "message", "hint"),
    [
        ("[ atomtypes ]\nE 10 0\n", "[ atomtypes ]: 3 fields are too few", "6 to 8"),
        ("[ atomtypes ]\nE E 6 10 0 A 1\n", "[ atomtypes ]: 7 fields are too few", "two numbers"),
        ("[ atomtypes ]\nE 10 0 Q 1 1\n", "'Q' is no particle type", "V for a site"),
        ("[ atomtypes ]\n7 10 0 A 1 1\n", "a name must not be a single digit", "rename"),
        ("[ atomtypes ]\nE MASS 0 A 1 1\n", "'MASS' stands where a number must: a macro", "-DMASS"),
        ("[ bondtypes ]\nA Z 1 0.1 100\n", "[ bondtypes ]: 'Z' is no bonded type", "known: A, B, C, D, V"),
        ("[ bondtypes ]\nA B\n", "2 types and a function are needed", "add"),
        ("[ bondtypes ]\nA B 1 0.1\n", "1 numbers for function 1 (harmonic), which takes 2 or 4", "add"),
        ("[ bondtypes ]\nA B 12 0.1\n", "there is no function 12", "harmonic"),
        ("[ bondtypes ]\nA B 1 0.1 kb\n", "'kb' stands where a number must: a macro", "-Dkb=..."),
        ("[ pairtypes ]\nA Z 1 0.1 1\n", "[ pairtypes ]: 'Z' is no atom type", "known"),
        ("[ pairtypes ]\nA B 1 0.1\n", "1 numbers for function 1", "add"),
        ("[ dihedraltypes ]\nA B C D 10 1 2\n", "no function of one digit after two or four types", "stand in [ dih"),
        ("[ dihedraltypes ]\nA B C D 7 1 2\n", "[ dihedraltypes ]: there is no function 7", "known"),
        ("[ dihedraltypes ]\nA B C D 9 1 2\n", "2 numbers for function 9 (multiple proper), which takes 3 or 6", "add"),
        ("[ nonbond_params ]\nA B 1 0.1\n", "4 fields, not 5", "two types, 1, and two numbers"),
        ("[ nonbond_params ]\nA B 2 0.1 1\n", "function 2, but [ defaults ] says Lennard-Jones", "write 1"),
        ("[ cmaptypes ]\nA B C D A 1 2\n", "too few fields", "five types"),
        ("[ cmaptypes ]\nA B C D A 1 2 3 1 2 3 4\n", "a grid of 2 by 3 with 4 numbers", "square"),
        ("[ cmaptypes ]\nA B C D A 1 1 1 5\nA B C D B 1 2 2 1 2 3 4\n", "a grid of 2, after others of 1", "one size"),
        ("[ defaults ]\n1 1\n", "a second [ defaults ]; the first is at topol:2", "one force field only"),
    ],
)
def test_in_the_force_field(field: str, message: str, hint: str, tmp_path: Path) -> None:
    said, advice = refused(system(BONDED, field=field), tmp_path)
    assert said.startswith("topol:1")
    assert message in said
    assert hint in advice


@pytest.mark.parametrize(
    ("text", "kind", "message", "hint"),
    [
        ("[ atomtypes ]\n", FormatError, "topol:1: [ atomtypes ] before any [ defaults ]", "only after"),
        ("[ defaults ]\n1\n", FormatError, "needs 2 fields", "comb-rule"),
        ("[ defaults ]\n1 4\n", FormatError, "topol:2: [ defaults ]: '4' is not known", "geometric"),
        ("[ defaults ]\n2 1\n", UnsupportedError, "topol:2: the Buckingham potential", "Lennard-Jones"),
        ("[ defaults ]\n1 1 no 1 1 10\n", UnsupportedError, "topol:2: a repulsion of power 10", "12"),
        (FIELD.format(rule=2, pairs="no"), FormatError, "no [ molecules ]", "whole topology"),
        (system(BONDED).replace("M 2", "N 2"), FormatError, "there is no molecule type 'N'", "known: M"),
        (system("[ moleculetype ]\nN 1\n").replace("M 2", "N 2"), FormatError, "'N' has no atoms", "add [ atoms ]"),
        (system(BONDED).replace("M 2", "M"), FormatError, "a molecule type and a count", "SOL"),
        (system(BONDED).replace("M 2", "M many"), FormatError, "'many' stands where a whole number must", "-Dmany"),
        (system(BONDED).replace("M 2", "M -1"), FormatError, "-1 molecules", "0 or more"),
        (system(BONDED) + "[ bonds ]\n1 2 1 0.1 1\n", FormatError, "[ bonds ] after [ molecules ]", "before the next"),
        (
            system(BONDED) + "[ intermolecular_interactions ]\n",
            UnsupportedError,
            "[ intermolecular_interactions ] is not read",
            "one molecule type",
        ),
    ],
)
def test_in_the_system(text: str, kind: type[Exception], message: str, hint: str, tmp_path: Path) -> None:
    said, advice = refused(text, tmp_path, kind)
    assert message in said
    assert hint in advice


def test_names_of_molecule_types_that_differ_by_capitals(tmp_path: Path) -> None:
    other = "[ moleculetype ]\nm 3\n[ atoms ]\n1 A 1 M A 1\n[ system ]"
    text = system(BONDED).replace("[ system ]", other)
    (tmp_path / "topol.top").write_text(text.replace("M 2", "m 1\nM 2"))
    assert read_topology(tmp_path / "topol.top").molecules == (("m", 1), ("M", 2))
    text = text.replace("[ moleculetype ]\nM 3", "[ moleculetype ]\nMol 3").replace("\nm 3", "\nmol 3")
    said, advice = refused(text.replace("M 2", "MOL 2"), tmp_path)
    assert "there is no molecule type 'MOL'" in said
    assert "known: Mol, mol" in advice


def test_an_included_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "water.itp").write_text("\n\n[ bonds ]\n1 2 1 LENGTH 100\n")
    (tmp_path / "topol.top").write_text(system('#include "water.itp"\n'))
    with pytest.raises(FormatError) as caught:
        read_topology(tmp_path / "topol.top")
    assert caught.value.message.startswith(f"{tmp_path / 'water.itp'}:4: 'LENGTH' stands where a number must")
    assert (caught.value.fields["file"], caught.value.fields["line"]) == (str(tmp_path / "water.itp"), 4)
    found = read_topology(tmp_path / "topol.top", defines={"LENGTH": "0.1"})
    (bonds,) = found.molecule_types["M"].terms
    assert found.place(bonds.origins[0]) == f"{tmp_path / 'water.itp'}:4"
    assert str(found.atom_types["A"].origin) == f"{tmp_path / 'topol.top'}:4"
    assert str(found.molecule_types["M"].origin) == f"{tmp_path / 'topol.top'}:11"


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UnknownError, match="there is no file"):
        read_topology(tmp_path / "nothing.top")


@pytest.mark.parametrize(
    ("field", "body", "message"),
    [
        (
            "[ bondtypes ]\nA B 1 1 2\nB A 1 2 3\n",
            BONDED,
            "topol.top:11: replaces the numbers for B A of .*topol.top:10",
        ),
        ("[ atomtypes ]\nA 10 0 A 1 1\n", BONDED, "topol.top:10: replaces the atom type A of .*topol.top:4"),
        ("[ nonbond_params ]\nA B 1 1 1\nB A 1 1 2\n", BONDED, "topol.top:11: replaces .* of B and A"),
        ("", BONDED + "[ pairs ]\n1 3 2\n", "topol.top:20: .* no Lennard-Jones energy"),
    ],
)
def test_warnings(field: str, body: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "topol.top").write_text(system(body, field=field))
    with pytest.warns(UserWarning, match=message):
        read_topology(tmp_path / "topol.top")


def test_the_same_numbers_twice_are_no_matter(tmp_path: Path) -> None:
    field = "[ bondtypes ]\nA B 1 1 2\nB A 1 1 2\n[ nonbond_params ]\nA B 1 1 1\nB A 1 1 1\n"
    (tmp_path / "topol.top").write_text(system(BONDED, field=field))
    read_topology(tmp_path / "topol.top")


def test_a_molecule_type_that_nothing_uses_may_have_no_atoms(tmp_path: Path) -> None:
    (tmp_path / "topol.top").write_text(system("[ moleculetype ]\nN 1\n"))
    found = read_topology(tmp_path / "topol.top")
    assert [len(m) for m in found.molecule_types.values()] == [4, 0]
    assert found.molecule_types["N"].exclusions.shape == (0, 2)


def test_arrays_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "topol.top").write_text(system(BONDED))
    molecule = read_topology(tmp_path / "topol.top").molecule_types["M"]
    arrays = [molecule.charges, molecule.masses, molecule.exclusions, molecule.terms[0].parameters]
    assert not any(a.flags.writeable for a in arrays)
    assert len(molecule) == 4
    assert len(molecule.terms[0]) == 1
