"""What a researcher asks of a library, answered on what engines computed: copper in atoms, and a plate made of it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ase.build
import pytest

import cuds

PREFIXES = """
PREFIX cuds: <https://w3id.org/cuds#>
PREFIX prov: <http://www.w3.org/ns/prov#>
PREFIX qudt: <http://qudt.org/schema/qudt/>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX dcterms: <http://purl.org/dc/terms/>
PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
"""
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
        plate = cuds.LinearElasticity(
            cuds.laminate(([5.0], "mm")),
            material=constants[cuds.ElasticTensor],
            conditions=[cuds.Fixed("zmin"), cuds.Traction("zmax", z=(100, "MPa"))],
        )
        library.put(cuds.run(plate, engine="skfem"), "plate")
        library.put(cuds.ElasticTensor.isotropic("70 GPa", 0.33, label="from a table"), "table")
        yield library


def asked(library: cuds.Library, where: str, **values: str) -> list[dict[str, Any]]:
    for name, value in values.items():
        where = where.replace(f"${name}", value)
    return library.query(PREFIXES + where)


def test_all_elastic_tensors_of_copper_below_one_percent_uncertainty(library: cuds.Library) -> None:
    (row,) = asked(
        library,
        """
        SELECT ?tensor ?C11 WHERE {
          ?tensor a cuds:ElasticTensor ; cuds:C11 ?C11 ; cuds:uncertainty/cuds:maximum ?unsure ;
                  prov:wasGeneratedBy/cuds:used/cuds:formula "Cu" .
          FILTER (?unsure < 0.01 * ?C11)
        }""",
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
        """
        SELECT DISTINCT ?title WHERE {
          ?used cuds:usedFiles/cuds:usedDigest "$sha" .
          ?run cuds:used ?used .
          GRAPH ?set { ?run a cuds:SimulationRun . ?set dcterms:title ?title }
        } ORDER BY ?title""",
        sha=sha,
    )
    titles = [r["title"] for r in rows]
    assert titles == ["copper by ase", "copper by lammps", "copper constants", "plate"]
    stresses = library.find(cuds.Field, used=sha, name="von_mises")
    assert [f.name for f in stresses] == ["plate"]
    assert {f.name for f in library.find(cuds.Entity, used=NAME)} == set(titles)
    assert {f.name for f in library.find(cuds.Entity, used=cuds.potential("AlCu.adp"))} == {"aluminium"}


def test_what_several_engines_say_of_the_same_input(library: cuds.Library) -> None:
    """Two energies of one crystal, told by its digest, and how far they are apart."""
    (row,) = asked(
        library,
        """
        SELECT ?one ?other ((ABS(?e1 - ?e2) / ABS(?e1)) AS ?apart) WHERE {
          ?x a cuds:PotentialEnergy ; cuds:value/cuds:siValue ?e1 ; prov:wasGeneratedBy ?r1 .
          ?y a cuds:PotentialEnergy ; cuds:value/cuds:siValue ?e2 ; prov:wasGeneratedBy ?r2 .
          ?r1 cuds:engineName ?one ; cuds:used [ cuds:usedClass "ParticleSystem" ; cuds:usedDigest ?system ] .
          ?r2 cuds:engineName ?other ; cuds:used [ cuds:usedClass "ParticleSystem" ; cuds:usedDigest ?system ] .
          FILTER (STR(?one) < STR(?other))
        }""",
    )
    assert (row["one"], row["other"]) == ("ase", "lammps")
    assert row["apart"] < 1e-9


def test_which_version_of_which_engine_was_told_what_and_when(library: cuds.Library) -> None:
    rows = asked(
        library,
        """
        SELECT ?engine ?version ?activity ?started ?told WHERE {
          ?run a cuds:SimulationRun ; cuds:activity ?activity ; prov:startedAtTime ?started ;
               prov:wasAssociatedWith [ rdfs:label ?engine ; cuds:engineVersion ?version ] ;
               cuds:transcript/cuds:checksum ?told .
          FILTER (?started > "2026-01-01T00:00:00Z"^^xsd:dateTime)
        } ORDER BY ?started""",
    )
    assert [(r["activity"], r["engine"]) for r in rows] == [
        ("ElasticConstants", "lammps"),
        ("SinglePoint", "lammps"),
        ("SinglePoint", "ase"),
        ("SinglePoint", "lammps"),
        ("LinearElasticity", "skfem"),
    ]
    run = library.get("copper by lammps")[cuds.PotentialEnergy].provenance
    assert rows[1]["version"] == run.version
    assert rows[1]["told"] == f"sha256:{run.transcript_sha256}"


def test_which_continuum_results_rest_on_atoms(library: cuds.Library) -> None:
    """From a field of finite elements to the engine that computed the stiffness."""
    (row,) = asked(
        library,
        """
        SELECT DISTINCT ?field ?fem ?md WHERE {
          ?field a cuds:Field ; cuds:quantity "VonMisesStress" ; prov:wasGeneratedBy ?run .
          ?run cuds:engineName ?fem ; prov:used ?material .
          ?material a cuds:Material ; cuds:elastic/prov:wasGeneratedBy/cuds:engineName ?md .
        }""",
    )
    assert (row["fem"], row["md"]) == ("skfem", "lammps")
    (found,) = library.find(cuds.Field, engine="lammps", name="von_mises")
    assert found.id == row["field"]


def test_where_the_stress_exceeds_a_limit(library: cuds.Library) -> None:
    """The greatest number of an array stands in the graph, in SI: no array is read."""
    rows = asked(
        library,
        """
        SELECT ?title ?peak WHERE {
          GRAPH ?set {
            ?field cuds:quantity "VonMisesStress" ; cuds:values/cuds:maximum ?peak .
            ?set dcterms:title ?title
          }
          FILTER (?peak > 50e6)
        }""",
    )
    assert [r["title"] for r in rows] == ["plate"]
    plate = library.get("plate").field("von_mises").values.in_unit("Pa")
    assert rows[0]["peak"] == pytest.approx(plate.max())


def test_the_energy_per_atom_of_every_crystal(library: cuds.Library) -> None:
    rows = asked(
        library,
        """
        SELECT ?formula (AVG(?energy / ?atoms) AS ?each) WHERE {
          GRAPH ?set {
            ?x a cuds:PotentialEnergy ; cuds:value/cuds:siValue ?energy ; prov:wasGeneratedBy/prov:used ?system .
            ?system cuds:formula ?formula ; cuds:ids/cuds:count ?atoms .
          }
        } GROUP BY ?formula ORDER BY ?formula""",
    )
    electronvolt = 1.602176634e-19
    each = {r["formula"]: r["each"] / electronvolt for r in rows}
    assert each["Cu"] == pytest.approx(-3.54, abs=0.005)
    assert each["Al"] == pytest.approx(-3.35, abs=0.1)


def test_what_has_no_known_origin(library: cuds.Library) -> None:
    (row,) = asked(
        library,
        """
        SELECT ?label WHERE {
          ?tensor a cuds:ElasticTensor ; rdfs:label ?label .
          FILTER NOT EXISTS { ?tensor prov:wasGeneratedBy ?run }
        }""",
    )
    assert row["label"] == "from a table"


def test_the_same_input_in_several_data_sets(library: cuds.Library) -> None:
    rows = asked(
        library,
        """
        SELECT ?digest (COUNT(DISTINCT ?set) AS ?sets) WHERE {
          GRAPH ?set { ?system a cuds:ParticleSystem ; cuds:checksum ?digest }
        } GROUP BY ?digest HAVING (COUNT(DISTINCT ?set) > 1)""",
    )
    assert [r["sets"] for r in rows] == [2]


def test_classes_count_with_those_below_them(library: cuds.Library) -> None:
    rows = asked(
        library,
        """
        SELECT ?title ?class WHERE {
          GRAPH ?set { ?job a ?class . ?set dcterms:title ?title }
          ?class rdfs:subClassOf* cuds:Simulation .
        } ORDER BY ?title""",
    )
    assert [(r["title"], r["class"].rpartition("#")[2]) for r in rows] == [
        ("aluminium", "SinglePoint"),
        ("copper by ase", "SinglePoint"),
        ("copper by lammps", "SinglePoint"),
        ("plate", "LinearElasticity"),
    ]


def test_which_runs_used_which_units_and_forms_of_potential(library: cuds.Library) -> None:
    rows = asked(
        library,
        """
        SELECT DISTINCT ?form ?units WHERE {
          ?job cuds:potential/cuds:terms [ cuds:form ?form ; cuds:unitSet ?units ] .
        } ORDER BY ?form""",
    )
    assert [(r["form"], r["units"]) for r in rows] == [
        ("AngularDependentPotential", "metal"),
        ("EmbeddedAtomSetfl", "metal"),
    ]


def test_the_library_is_whole(library: cuds.Library) -> None:
    assert library.verify() == []
    assert Path(library.folder / "index").exists()
