"""What a researcher asks of a library, answered on what engines computed: copper in atoms, and a plate made of it."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ase.build
import pytest

import cuds

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "questions.md"
PREFIXES, *_QUERIES = re.findall(r"```sparql\n(.*?)```", PAGE.read_text(), re.DOTALL)
QUESTIONS = dict(zip(re.findall(r"^## (.*)$", PAGE.read_text(), re.MULTILINE), _QUERIES, strict=True))
NAME = "Cu_mishin1.eam.alloy"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cuds.Library]:
    copper = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True) * 2, label="copper")
    aluminium = cuds.ParticleSystem.from_ase(ase.build.bulk("Al", cubic=True), label="aluminium")
    eam = cuds.potential(NAME)
    with cuds.Library(tmp_path_factory.mktemp("questions") / "library") as library:
        constants = cuds.derive_all(cuds.ElasticTensor, copper, potential=eam, engine="lammps")
        library.put(constants, "copper constants")
        for engine in ("lammps", "ase"):
            found = cuds.run(cuds.SinglePoint(copper, potential=eam), engine=engine)
            library.put(found, f"copper by {engine}")
        alloy = cuds.potential("AlCu.adp")
        library.put(cuds.run(cuds.SinglePoint(aluminium, potential=alloy), engine="lammps"), "aluminium")
        assert copper.cell is not None
        small = copper.replace(cell=(copper.cell.in_unit("nm"), "nm"), label="copper in nm")
        relaxed = cuds.run(cuds.EnergyMinimisation(small, potential=eam, cell="full"), engine="lammps")
        library.put(relaxed, "relaxed")
        plate = cuds.LinearElasticity(
            cuds.laminate(([5.0], "mm")),
            material=constants[cuds.ElasticTensor],
            conditions=[cuds.Fixed("zmin"), cuds.Traction("zmax", z=(100, "MPa"))],
        )
        library.put(cuds.run(plate, engine="skfem"), "plate")
        library.put(cuds.ElasticTensor.isotropic("70 GPa", 0.33, label="from a table"), "table")
        yield library


def asked(library: cuds.Library, question: str, **values: str) -> list[dict[str, Any]]:
    """The answer to a question of the page; what stands in it as $name is replaced."""
    query = QUESTIONS[question]
    for name, value in values.items():
        assert f"${name}" in query
        query = query.replace(f"${name}", value)
    return library.query(PREFIXES + query)


def test_all_elastic_tensors_of_copper_below_one_percent_uncertainty(library: cuds.Library) -> None:
    (row,) = asked(
        library,
        "All elastic tensors of copper below 1 % uncertainty",
    )
    assert row["C11"] == pytest.approx(169.9e9, rel=1e-3)
    found = library.find(cuds.ElasticTensor, material="Cu", C11=(">", "160 GPa"), uncertainty=("<", "1.6 GPa"))
    assert [f.name for f in found] == ["copper constants", "plate"], "the plate brings along what it is made of"
    assert {f.id for f in found} == {row["tensor"]}
    assert found[0].entity.constants("Pa")["C11"] == pytest.approx(row["C11"], rel=1e-12)
    assert library.find(cuds.ElasticTensor, material="Cu", C11=(">", "180 GPa")) == []


def test_everything_derived_from_this_potential_file(library: cuds.Library) -> None:
    """By the digest of its content; the plate rests on it by way of the tensor."""
    sha = hashlib.sha256(cuds.potential(NAME).files[0].content).hexdigest()
    rows = asked(
        library,
        "Everything derived from this potential file",
        sha=sha,
    )
    titles = [r["title"] for r in rows]
    assert titles == ["copper by ase", "copper by lammps", "copper constants", "plate", "relaxed"]
    stresses = library.find(cuds.Field, used=sha, name="von_mises")
    assert [f.name for f in stresses] == ["plate"]
    assert {f.name for f in library.find(cuds.Entity, used=NAME)} == set(titles)
    assert {f.name for f in library.find(cuds.Entity, used=cuds.potential("AlCu.adp"))} == {"aluminium"}


def test_what_several_engines_say_of_the_same_input(library: cuds.Library) -> None:
    """Two energies of one crystal, told by its digest, and how far they are apart."""
    (row,) = asked(
        library,
        "What two engines say of the same input, and how far they are apart",
    )
    assert (row["one"], row["other"]) == ("ase", "lammps")
    assert row["apart"] < 1e-9


def test_which_version_of_which_engine_was_told_what_and_when(library: cuds.Library) -> None:
    rows = asked(
        library,
        "Which version of which engine was told what, and when",
    )
    assert [(r["activity"], r["engine"]) for r in rows] == [
        ("ElasticConstants", "lammps"),
        ("SinglePoint", "lammps"),
        ("SinglePoint", "ase"),
        ("SinglePoint", "lammps"),
        ("EnergyMinimisation", "lammps"),
        ("LinearElasticity", "skfem"),
    ]
    run = library.get("copper by lammps")[cuds.PotentialEnergy].provenance
    assert rows[1]["version"] == run.version
    assert rows[1]["told"] == f"sha256:{run.transcript_sha256}"


def test_which_continuum_results_rest_on_atoms(library: cuds.Library) -> None:
    """From a field of finite elements to the engine that computed the stiffness."""
    (row,) = asked(
        library,
        "Which continuum results rest on atoms",
    )
    assert (row["fem"], row["md"]) == ("skfem", "lammps")
    (found,) = library.find(cuds.Field, engine="lammps", name="von_mises")
    assert found.id == row["field"]


def test_where_the_stress_exceeds_a_limit(library: cuds.Library) -> None:
    """The greatest number of an array stands in the graph, in SI: no array is read."""
    rows = asked(
        library,
        "Where the stress exceeds 50 MPa",
    )
    assert [r["title"] for r in rows] == ["plate"]
    plate = library.get("plate").field("von_mises").values.in_unit("Pa")
    assert rows[0]["peak"] == pytest.approx(plate.max())


def test_the_energy_per_atom_of_every_crystal(library: cuds.Library) -> None:
    rows = asked(
        library,
        "The energy of each atom, by what it is a crystal of",
    )
    electronvolt = 1.602176634e-19
    each = {r["formula"]: r["each"] / electronvolt for r in rows}
    assert each["Cu"] == pytest.approx(-3.54, abs=0.005)
    assert each["Al"] == pytest.approx(-3.35, abs=0.1)


def test_what_has_no_known_origin(library: cuds.Library) -> None:
    (row,) = asked(
        library,
        "Which tensors have no known origin",
    )
    assert row["label"] == "from a table"


def test_the_same_input_in_several_data_sets(library: cuds.Library) -> None:
    rows = asked(
        library,
        "The same input in several data sets",
    )
    assert [r["sets"] for r in rows] == [2]


def test_classes_count_with_those_below_them(library: cuds.Library) -> None:
    rows = asked(
        library,
        "Every simulation, of whatever kind",
    )
    assert [(r["title"], r["class"].rpartition("#")[2]) for r in rows] == [
        ("aluminium", "SinglePoint"),
        ("copper by ase", "SinglePoint"),
        ("copper by lammps", "SinglePoint"),
        ("plate", "LinearElasticity"),
        ("relaxed", "EnergyMinimisation"),
    ]


def test_which_runs_used_which_units_and_forms_of_potential(library: cuds.Library) -> None:
    rows = asked(
        library,
        "Which forms of potential, in which units",
    )
    assert [(r["form"], r["units"]) for r in rows] == [
        ("AngularDependentPotential", "metal"),
        ("EmbeddedAtomSetfl", "metal"),
    ]


def test_which_runs_had_their_units_converted(library: cuds.Library) -> None:
    (row,) = asked(library, "Which runs gave a length in another unit than they were given")
    assert (row["title"], row["given"].rpartition("/")[2], row["got"].rpartition("/")[2]) == (
        "relaxed",
        "NanoM",
        "ANGSTROM",
    )


def test_which_runs_took_longest(library: cuds.Library) -> None:
    rows = asked(library, "Which runs took longest")
    runs = {e.id: e for v in library.list() for e in library.get(v.name).closure() if isinstance(e, cuds.SimulationRun)}
    slowest = max(runs.values(), key=lambda r: r.ended - r.started)
    assert len(rows) == 3
    assert (rows[0]["activity"], rows[0]["took"]) == (slowest.activity, slowest.ended - slowest.started)


def test_which_systems_are_large(library: cuds.Library) -> None:
    rows = asked(library, "Which systems have more than 20 particles")
    assert [(r["label"], r["particles"]) for r in rows] == [
        ("copper", 32),
        ("copper in nm", 32),
        ("copper relaxed", 32),
    ]


def test_what_loads_which_region(library: cuds.Library) -> None:
    rows = asked(library, "What loads which region of which body")
    found = [(r["title"], r["kind"].rpartition("#")[2], r["region"]) for r in rows]
    assert found == [("plate", "Fixed", "zmin"), ("plate", "Traction", "zmax")]


def test_everything_that_is_a_stress(library: cuds.Library) -> None:
    """By quantity kind: tensors of atoms, fields of finite elements, and constants alike."""
    counts = {r["title"]: r["arrays"] for r in asked(library, "Everything that is a stress, whatever holds it")}
    assert {"copper by lammps", "copper constants", "plate", "relaxed", "table"} <= counts.keys()
    assert counts["plate"] > counts["table"]


def test_what_a_result_was_computed_from(library: cuds.Library) -> None:
    """From the stress in the plate to the atoms and the potential that gave its stiffness."""
    rows = asked(library, "What a result was computed from, at any distance")
    found = {(r["class"], r["label"]) for r in rows}
    assert ("ParticleSystem", "copper") in found
    assert {kind for kind, _ in found} >= {"Potential", "ParticleSystem"}


def test_every_question_of_the_page_is_asked_here() -> None:
    assert len(QUESTIONS) >= 15
    assert QUESTIONS.keys() == set(re.findall(r'asked\(\s*library,\s*"([^"]*)"', Path(__file__).read_text()))


def test_the_library_is_whole(library: cuds.Library) -> None:
    assert library.verify() == []
    assert Path(library.folder / "index").exists()
