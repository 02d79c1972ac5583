"""Potential files are recognised by what is in them, not by what they are called."""

from pathlib import Path

import pytest

import cuds
from cuds.codecs.potential_files import forms_of, recognise
from cuds.errors import AmbiguousError, FormatError, InvalidError
from cuds.model.potential import ParameterFile
from cuds.wrapper.potentials import find, folders, listing


def content(name: str) -> bytes:
    return find(name).read_bytes()


@pytest.mark.parametrize(
    ("file", "form", "elements"),
    [
        ("Cu_mishin1.eam.alloy", "EmbeddedAtomSetfl", ("Cu",)),
        ("AlCu.eam.alloy", "EmbeddedAtomSetfl", ("Al", "Cu")),
        ("AlFe_mm.eam.fs", "FinnisSinclairSetfl", ("Al", "Fe")),
        ("Al_mm.eam.fs", "FinnisSinclairSetfl", ("Al",)),
        ("Si.sw", "StillingerWeber", ("Si",)),
        ("CdTe.sw", "StillingerWeber", ("Cd", "Te")),
    ],
)
def test_the_form_and_the_elements_are_read(file: str, form: str, elements: tuple[str, ...], tmp_path: Path) -> None:
    (term,) = cuds.potential(file).terms
    assert (term.form, term.elements, term.unit_set) == (form, elements, "metal")
    if len(elements) > 1:
        renamed = tmp_path / "anything.txt"
        renamed.write_bytes(content(file))
        assert cuds.potential(renamed).terms[0].form == form


# By the ending of its name, what each file of the wheel is.
ENDINGS = {
    ".eam.alloy": "EmbeddedAtomSetfl",
    ".eam.fs": "FinnisSinclairSetfl",
    ".eam.he": "EmbeddedAtomHelium",
    ".eam": "EmbeddedAtomFuncfl",
    ".cdeam": "ConcentrationDependentEmbeddedAtom",
    ".adp": "AngularDependentPotential",
    ".sw": "StillingerWeber",
    ".sw.mod": "ModifiedStillingerWeber",
    ".tersoff": "Tersoff",
    ".tersoff.mod": "ModifiedTersoff",
    ".modc": "ModifiedTersoffConstant",
    ".tersoff.zbl": "TersoffZBL",
    ".extep": "ExtendedTersoff",
    ".gw": "GaoWeber",
    ".gw.zbl": "GaoWeberZBL",
    ".vashishta": "Vashishta",
    ".edip": "EnvironmentDependentInteratomicPotential",
    ".rebo": "REBO",
    ".airebo": "AIREBO",
    ".airebo-m": "AIREBOMorse",
    ".lcbop": "LCBOP",
    ".rebomos": "REBOMoS",
    ".meam.spline": "SplineModifiedEmbeddedAtom",
    ".meam.sw.spline": "SplineModifiedEmbeddedAtomStillingerWeber",
    ".bop.table": "BondOrderPotential",
    ".poly": "PolymorphicPotential",
    ".eim": "EmbeddedIonMethod",
    ".snapcoeff": "SNAP",
    ".uf3": "UF3",
    "_param.pod": "ProperOrthogonalDescriptors",
    ".rann": "RapidArtificialNeuralNetwork",
    ".agni": "AGNI",
    ".nb3b.harmonic": "HarmonicThreeBody",
    ".nb3b.screened": "ScreenedThreeBody",
    ".comb": "COMB",
    "library.meam": "ModifiedEmbeddedAtom",
    "library_2nn.meam": "ModifiedEmbeddedAtom",
    "library.msmeam": "MultiStateModifiedEmbeddedAtom",
}


def test_every_file_of_the_wheel_is_recognised_as_what_it_is() -> None:
    """And no other one is mistaken for one of these."""
    listed = {f["name"]: f["form"] for f in listing()}
    names = {path.name for folder in folders() for path in folder.iterdir()}
    expected = {}
    for name in names:
        endings = [e for e in ENDINGS if name.endswith(e)]
        if endings:
            expected[name] = ENDINGS[max(endings, key=len)]
        elif name.startswith("ffield.reax") or name == "ffield.ci-reax.CH":
            expected[name] = "ReaxFFLowGradient" if name.endswith(".lg") else "ReaxFF"
    assert listed == expected | {"acks2_ff.water": "ReaxFFACKS2"}
    assert len(listed) > 130


@pytest.mark.parametrize(
    ("file", "forms"),
    [
        ("SiC.tersoff", {"Tersoff", "GaoWeber"}),
        ("SiC.tersoff.zbl", {"TersoffZBL", "GaoWeberZBL"}),
        ("CdTe.sw", {"StillingerWeber", "ModifiedStillingerWeber"}),
        ("CH.rebo", {"REBO", "AIREBO"}),
        ("SiC.vashishta", {"Vashishta"}),
        ("Si.edip", {"EnvironmentDependentInteratomicPotential"}),
        ("Si.tersoff.mod", {"ModifiedTersoff"}),
        ("Cu_u3.eam", {"EmbeddedAtomFuncfl"}),
        ("Cu_mishin1.eam.alloy", {"EmbeddedAtomSetfl", "FinnisSinclairSetfl"}),
        ("PdHHe.eam.he", {"EmbeddedAtomHelium"}),
        ("Ta06A.snapcoeff", {"SNAP"}),
    ],
)
def test_the_name_decides_only_where_two_forms_have_one_format(file: str, forms: set[str], tmp_path: Path) -> None:
    """A form that fits can always be named; one that does not is refused."""
    assert set(forms_of(content(file))) == forms
    (tmp_path / "anything.txt").write_bytes(content(file))
    assert {cuds.potential(find(file), form=f).terms[0].form for f in forms} == forms
    if file.startswith(("SiC.tersoff", "CH.rebo")):
        with pytest.raises(AmbiguousError, match="say which: form="):
            cuds.potential(tmp_path / "anything.txt")
    with pytest.raises(FormatError, match=r"which .* is not"):
        cuds.potential(file, form="UF3")


def test_a_second_file_is_found_beside_the_first_or_asked_for(tmp_path: Path) -> None:
    assert [f.name for f in cuds.potential("Ta06A.snapcoeff").files] == ["Ta06A.snapcoeff", "Ta06A.snapparam"]
    (tmp_path / "Ta.snapcoeff").write_bytes(content("Ta06A.snapcoeff"))
    with pytest.raises(FormatError, match="SNAP needs a second one of format snapparam"):
        cuds.potential(tmp_path / "Ta.snapcoeff")
    assert len(cuds.potential(tmp_path / "Ta.snapcoeff", "Ta06A.snapparam").files) == 2
    with pytest.raises(FormatError, match=r"the content is no snapparam file"):
        cuds.potential(tmp_path / "Ta.snapcoeff", "Si.sw")
    with pytest.raises(FormatError, match="the second file of a SNAP potential"):
        cuds.potential("Ta06A.snapparam")
    with pytest.raises(FormatError, match="Tersoff needs one file, not 2"):
        cuds.potential("Si.tersoff", "Si.sw")


def test_elements_are_chosen_from_a_library_and_named_where_the_file_does_not() -> None:
    with pytest.raises(InvalidError, match=r"elements: library.meam describes \d+ elements"):
        cuds.potential("library.meam", "SiC.meam")
    with pytest.raises(InvalidError, match=r"'Sk' is not in library.meam"):
        cuds.potential("library.meam", "SiC.meam", elements=["Sk", "C"])
    with pytest.raises(InvalidError, match="does not name its element"):
        cuds.potential("Ti.meam.spline")
    assert cuds.potential("library.meam", "SiC.meam", elements=["Si", "C"]).terms[0].elements == ("Si", "C")


def test_a_folder_of_ones_own_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = content("Si.sw").replace(b"2.1683", b"2.0000")
    (tmp_path / "Si.sw").write_bytes(changed)
    monkeypatch.setenv("CUDS_POTENTIALS", str(tmp_path))
    assert cuds.potential("Si.sw").files[0].content == changed


@pytest.mark.parametrize("cut", [0.2, 0.6, 0.99])
def test_a_truncated_file_is_refused(cut: float, tmp_path: Path) -> None:
    for name in ("AlCu.eam.alloy", "Cu_mishin1.eam.alloy"):
        whole = content(name)
        (tmp_path / name).write_bytes(whole[: int(cut * len(whole))])
        with pytest.raises(FormatError, match=name):
            cuds.potential(tmp_path / name)


def test_a_file_in_units_that_the_engine_does_not_take_is_refused(tmp_path: Path) -> None:
    import ase.build

    (tmp_path / "Si.sw").write_bytes(content("Si.sw").replace(b"UNITS: metal", b"UNITS: cgs"))
    silicon = cuds.ParticleSystem.from_ase(ase.build.bulk("Si"))
    with pytest.raises(cuds.CudsError, match="'cgs'"):
        cuds.energy(silicon, potential=cuds.potential(tmp_path / "Si.sw"), engine="lammps")


def test_a_file_in_other_units_is_used_in_those(tmp_path: Path) -> None:
    import ase.build

    (tmp_path / "Si.sw").write_bytes(content("Si.sw").replace(b"UNITS: metal", b"UNITS: real"))
    silicon = cuds.ParticleSystem.from_ase(ase.build.bulk("Si"))
    metal, real = (
        cuds.energy(silicon, potential=cuds.potential(f), engine="lammps").value for f in ("Si.sw", tmp_path / "Si.sw")
    )
    assert real.in_unit("kcal/mol") == pytest.approx(metal.in_unit("eV"), rel=1e-14)


def test_species_may_have_names_of_their_own() -> None:
    import ase.build

    copper = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True))
    renamed = copper.replace(kinds=[copper.kinds[0].replace(symbol="matrix")])
    eam = cuds.potential("Cu_mishin1.eam.alloy", species={"matrix": "Cu"})
    plain = cuds.energy(copper, potential=cuds.potential("Cu_mishin1.eam.alloy"), engine="lammps").value
    assert cuds.energy(renamed, potential=eam, engine="lammps").value == plain


def test_random_bytes_are_nothing() -> None:
    assert recognise(bytes(range(256)) * 10) == ()
    assert recognise(b"") == ()


def test_a_content_that_fits_two_forms_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """One element fits both setfl formats, and then the name decides; with the reader blind to names it is refused."""
    from cuds.codecs import potential_files

    both = potential_files.Recognised("setfl", ("Cu",)), potential_files.Recognised("sw", ("Cu",))
    monkeypatch.setattr(potential_files, "READERS", (lambda lines: list(both),))
    nothing = [ParameterFile(name="x", content=b"as two forms")]
    with pytest.raises(AmbiguousError, match="EmbeddedAtomSetfl, StillingerWeber"):
        potential_files.term(nothing)
    assert potential_files.term(nothing, "StillingerWeber").form == "StillingerWeber"
