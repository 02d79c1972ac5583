"""Bad input is refused when the model is made: the field, the value, the fix."""

from collections.abc import Callable
from typing import Any

import ase.build
import numpy as np
import pytest
from ase.constraints import FixAtoms

import cuds
from cuds.errors import (
    AmbiguousError,
    CudsError,
    FormatError,
    InvalidError,
    ShapeError,
    UnitError,
    UnknownError,
    UnsupportedError,
)

CU = cuds.Species(symbol="Cu", atomic_number=29, mass="63.546 Da")
CUBE = np.array([[x, y, z] for z in (0, 1) for y, x in ((0, 0), (0, 1), (1, 1), (1, 0))], dtype=float)
ENDS = (
    cuds.Region(name="left", on="facets", members=[[0, 3, 7, 4]]),
    cuds.Region(name="right", on="facets", members=[[1, 2, 6, 5]]),
    cuds.Region(name="body", on="elements", members=[0]),
)
STEEL = cuds.ElasticTensor.isotropic("200 GPa", 0.3)
SKEW = cuds.orientation("[100]", "[012]")
EAM = cuds.potential("Cu_mishin1.eam.alloy")


def atoms(**changes: Any) -> cuds.ParticleSystem:
    fields: dict[str, Any] = {"positions": (np.zeros((2, 3)), "angstrom"), "species": [0, 0], "kinds": (CU,)}
    return cuds.ParticleSystem(**{**fields, **changes})


def brick(**changes: Any) -> cuds.Mesh:
    block = cuds.ElementBlock(shape="hexahedron", nodes=[range(8)])
    return cuds.Mesh(**{"points": (CUBE, "mm"), "blocks": (block,), "regions": ENDS, **changes})


def job(**changes: Any) -> cuds.LinearElasticity:
    conditions = [cuds.Fixed("left"), cuds.Traction("right", x="1 MPa")]
    return cuds.LinearElasticity(brick(), **{"material": STEEL, "conditions": conditions, **changes})


def plate(z: float = 0.0, **changes: Any) -> cuds.LinearElasticity:
    """A square in a plane; `z` lifts one of its corners."""
    points = np.array([[0, 0, 5.0], [1, 0, 5], [1, 1, 5 + z], [0, 1, 5]])
    regions = (
        cuds.Region(name="left", on="facets", members=[[3, 0]]),
        cuds.Region(name="right", on="facets", members=[[1, 2]]),
    )
    block = cuds.ElementBlock(shape="quad", nodes=[range(4)])
    mesh = cuds.Mesh(points=(points, "mm"), blocks=(block,), regions=regions)
    conditions = [cuds.Fixed("left"), cuds.Traction("right", x="1 MPa")]
    given = {"material": STEEL, "conditions": conditions, "plane": "strain", "thickness": "2 mm"}
    return cuds.LinearElasticity(mesh, **{**given, **changes})


def on_plate(quantity: str, unit: str) -> cuds.Field:
    """A field with something along z."""
    values = cuds.Quantity(np.full((4, 3), 0.5), unit)
    return cuds.Field(name="f", quantity=quantity, mesh=plate().mesh, on="points", values=values)


def with_nan() -> np.ndarray:
    array = np.zeros((2, 3))
    array[1, 2] = np.nan
    return array


Case = tuple[Callable[[], Any], type[CudsError], str, str]
CASES: dict[str, Case] = {
    "unit missing": (lambda: atoms(positions=np.zeros((2, 3))), UnitError, "positions", "no unit"),
    "unit of another dimension": (lambda: atoms(positions=(np.zeros((2, 3)), "GPa")), UnitError, "positions", "GPa"),
    "traction without unit": (lambda: cuds.Traction("right", x=100), UnitError, "x", "100"),
    "wrong shape": (lambda: atoms(positions=(np.zeros((2, 2)), "nm")), ShapeError, "positions", "(2, 2)"),
    "rows that disagree": (lambda: atoms(species=[0, 0, 0]), ShapeError, "positions", "ids has 3"),
    "NaN": (lambda: atoms(positions=(with_nan(), "nm")), InvalidError, "positions", "(1, 2) is nan"),
    "ids twice": (lambda: atoms(ids=[4, 4]), InvalidError, "ids", "unique"),
    "fractional ids": (lambda: atoms(ids=[1.5, 2.0]), ShapeError, "ids", "int64"),
    "species out of range": (lambda: atoms(species=[0, 1]), InvalidError, "species", "0..0"),
    "periodic without a cell": (lambda: atoms(pbc=(True, False, False)), InvalidError, "cell", "missing"),
    "left-handed cell": (lambda: atoms(cell=(np.diag([1.0, 1, -1]), "nm")), InvalidError, "cell", "left-handed"),
    "misspelt field": (lambda: atoms(velocity=3), UnknownError, "velocity", "did you mean 'velocities'"),
    "misspelt atom property": (lambda: cuds.Species(symbol="X", mas="1 Da"), UnknownError, "mas", "'mass'"),
    "tensor not positive definite": (
        lambda: cuds.ElasticTensor.cubic("100 GPa", "120 GPa", "50 GPa"),
        InvalidError,
        "stiffness",
        "-20",
    ),
    "tensor not symmetric": (
        lambda: cuds.ElasticTensor(stiffness=(np.eye(6) + np.eye(6, k=1), "GPa")),
        InvalidError,
        "stiffness",
        "C12",
    ),
    "no rotation": (
        lambda: cuds.Material(elastic=STEEL, orientation=np.diag([1, 1, -1])),
        InvalidError,
        "orientation",
        "det = -1",
    ),
    "region missing": (lambda: job(conditions=[cuds.Fixed("lefft")]), UnknownError, "region", "did you mean 'left'"),
    "load on a wrong kind of region": (
        lambda: job(conditions=[cuds.Fixed("left"), cuds.Traction("body", x="1 MPa")]),
        InvalidError,
        "conditions",
        "facets",
    ),
    "material missing on a region": (lambda: job(material=None, materials={}), InvalidError, "materials", "'body'"),
    "material on a wrong region": (lambda: job(materials={"left": STEEL}), InvalidError, "materials", "facets"),
    "nothing holds the body": (
        lambda: job(conditions=[cuds.Traction("right", x="1 MPa")]),
        InvalidError,
        "conditions",
        "Fixed",
    ),
    "element of a missing node": (lambda: brick(points=(CUBE[:7], "mm")), InvalidError, "blocks", "7"),
    "species without a potential": (
        lambda: cuds.SinglePoint(atoms(), potential=cuds.potential("Si.sw")),
        InvalidError,
        "potential",
        "'Cu'",
    ),
    "potential file missing": (
        lambda: cuds.potential("Cu_mishin2.eam.alloy"),
        UnknownError,
        "potential",
        "Cu_mishin1.eam.alloy",
    ),
    "potential of another form": (
        lambda: cuds.potential("Si.sw", form="EmbeddedAtomSetfl"),
        FormatError,
        "form",
        "setfl",
    ),
    "no potential file at all": (lambda: cuds.potential(__file__), FormatError, "potential", "no potential file"),
    "two engines can": (lambda: cuds.energy(atoms(), potential=EAM), AmbiguousError, "engine", "lammps"),
    "engine not installed": (
        lambda: cuds.energy(atoms(), potential=EAM, engine="lamps"),
        UnknownError,
        "lamps",
        "did you mean 'lammps'",
    ),
    "engine for something else": (
        lambda: cuds.run(job(), engine="lammps"),
        UnsupportedError,
        "LinearElasticity",
        "SinglePoint",
    ),
    "option unknown": (
        lambda: cuds.energy(atoms(), potential=EAM, engine="lammps", options={"sufix": "opt"}),
        UnknownError,
        "sufix",
        "'suffix'",
    ),
    "calculator with its own potential": (
        lambda: cuds.energy(atoms(), potential=EAM, engine="ase", options={"calculator": "emt"}),
        UnsupportedError,
        "emt",
        "Cu_mishin1.eam.alloy",
    ),
    "LAMMPS without a potential": (lambda: cuds.energy(atoms(), engine="lammps"), InvalidError, "potential", "missing"),
    "form that ASE lacks": (
        lambda: cuds.energy(
            cuds.ParticleSystem.from_ase(ase.build.bulk("Si")), potential=cuds.potential("Si.sw"), engine="ase"
        ),
        UnsupportedError,
        "StillingerWeber",
        "Si.sw",
    ),
    "constraints of ASE": (
        lambda: cuds.ParticleSystem.from_ase(ase.Atoms("Cu", constraint=FixAtoms([0]))),
        UnsupportedError,
        "constraints",
        "FixAtoms",
    ),
    "plane body without a plane": (lambda: plate(plane=None), InvalidError, "plane", "quad elements"),
    "plane body without a thickness": (lambda: plate(thickness=None), InvalidError, "thickness", '(1, "mm")'),
    "plane body of no thickness": (lambda: plate(thickness="-2 mm"), InvalidError, "thickness", "-2 mm"),
    "body in space with a plane": (lambda: job(plane="stress"), InvalidError, "plane", "hexahedron"),
    "body in space with a thickness": (lambda: job(thickness="1 mm"), InvalidError, "thickness", "hexahedron"),
    "plane that is none": (lambda: plate(plane="strian"), InvalidError, "plane", "'stress'"),
    "plane body that is bent": (lambda: plate(z=0.1), InvalidError, "mesh", "z runs from 5 to 5.1 mm"),
    "plane body moved along z": (
        lambda: plate(conditions=[cuds.Displacement("left", z="1 mm")]),
        InvalidError,
        "Displacement on 'left'",
        "z = 1 mm",
    ),
    "plane body loaded along z": (
        lambda: plate(conditions=[cuds.Fixed("left"), cuds.Traction("right", field=on_plate("Traction", "MPa"))]),
        InvalidError,
        "Traction on 'right'",
        "'f' along z",
    ),
    "plane strain of a crystal that leaves it": (
        lambda: plate(material=cuds.ElasticTensor.cubic("170 GPa", "122 GPa", "76 GPa"), orientation=SKEW),
        InvalidError,
        "materials",
        "C24",
    ),
    "surface and volume in one mesh": (
        lambda: brick(blocks=(*brick().blocks, cuds.ElementBlock(shape="quad", nodes=[range(4)]))),
        InvalidError,
        "blocks",
        "hexahedron and quad",
    ),
    "wrong number of nodes": (
        lambda: cuds.ElementBlock(shape="tetra10", nodes=[range(4)]),
        InvalidError,
        "nodes",
        "10",
    ),
    "symmetry of elements": (
        lambda: job(conditions=[cuds.Symmetry("body")]),
        InvalidError,
        "Symmetry on 'body'",
        "facets",
    ),
    "no crystal direction": (lambda: cuds.orientation("[100]", "[110]"), InvalidError, "y", "perpendicular"),
}


@pytest.mark.parametrize("case", CASES)
def test_refused(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The right error, naming what is wrong, with a hint; no engine is started on the way."""
    monkeypatch.setattr("cuds.execution.session.Laboratory._start", lambda *_: pytest.fail("an engine was started"))
    make, error, names, says = CASES[case]
    with pytest.raises(error) as caught:
        make()
    text = str(caught.value)
    assert names in text
    assert says in text
    assert caught.value.hint
