"""A session: what it keeps from one push to the next, what it says, and that its transcript runs without cuds."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import cuds_skfem.assembly
import cuds_skfem.session
from cuds.errors import InvalidError, UnsupportedError
from cuds.model.condition import BodyForce, Displacement, Fixed, Pressure, Symmetry, Traction
from cuds.model.elements import NODES, SHAPES as ELEMENTS
from cuds.model.field import Field
from cuds.model.material import ElasticTensor, Material
from cuds.model.simulation import LinearElasticity
from cuds.model.state import Stress
from cuds.wrapper.contract import Progress, Session
from cuds_skfem import SkfemWrapper


def loaded(lab: Any, mesh: Any, load: float, *, tensor: Any = None, support: str = "x0") -> LinearElasticity:
    conditions = [Fixed(support), Traction("z1", x=(load, "MPa"))]
    return LinearElasticity(mesh, material=tensor or lab.tensor, orientation=lab.rotation, conditions=conditions)


def numbers(session: Session, name: str = "displacement") -> np.ndarray:
    values: np.ndarray = session.pull(Field, name).values.value
    return values


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count what is expensive: assembling the matrix, preparing the solver."""
    count: Counter[str] = Counter()
    for module, name in ((cuds_skfem.assembly, "stiffness_matrix"), (cuds_skfem.session, "Equations")):
        right = getattr(module, name)

        def counted(*given: Any, right: Any = right, name: str = name) -> Any:
            count[name] += 1
            return right(*given)

        monkeypatch.setattr(module, name, counted)
    return count


def test_another_load_needs_no_other_matrix(lab: SimpleNamespace, tmp_path: Path, calls: Counter[str]) -> None:
    mesh = lab.box("tetra", (4, 4, 4))
    with SkfemWrapper(tmp_path).open(loaded(lab, mesh, 1.0)) as session:
        session.advance()
        first = numbers(session)
        session.push(loaded(lab, lab.box("tetra", (4, 4, 4)), -2.0))  # an equal mesh is the same mesh
        session.advance()
        np.testing.assert_allclose(numbers(session), -2 * first, rtol=0, atol=1e-9 * np.abs(first).max())
        assert calls == {"stiffness_matrix": 1, "Equations": 1}
        session.push(loaded(lab, mesh, 1.0, support="y0"))
        session.advance()
        assert calls == {"stiffness_matrix": 1, "Equations": 2}
        softer = ElasticTensor(stiffness=lab.tensor.stiffness * 0.5)
        session.push(loaded(lab, mesh, 1.0, tensor=softer))
        session.advance()
        np.testing.assert_allclose(numbers(session), 2 * first, rtol=0, atol=1e-9 * np.abs(first).max())
        assert calls == {"stiffness_matrix": 2, "Equations": 3}


def test_a_field_of_boundary_values_can_be_pushed(lab: SimpleNamespace, tmp_path: Path, calls: Counter[str]) -> None:
    mesh = lab.box("hexahedron", (3, 3, 3), wobble=0.2)
    x = mesh.points.in_unit("mm")
    first, second = (lab.field(mesh, "Displacement", s * x, "mm") for s in (1e-3, -5e-4))
    held = [Displacement("surface", field=first)]
    job = LinearElasticity(mesh, material=lab.tensor, conditions=held, tolerance=1e-12)
    with SkfemWrapper(tmp_path).open(job) as session:
        for field in (first, second):
            session.push(field)
            session.advance()
            np.testing.assert_allclose(numbers(session), field.in_unit("mm"), rtol=0, atol=1e-13)
    assert calls == {"stiffness_matrix": 1, "Equations": 1}


def test_what_cannot_be_pushed(lab: SimpleNamespace, tmp_path: Path) -> None:
    mesh = lab.box("tetra")
    with SkfemWrapper(tmp_path).open(loaded(lab, mesh, 1.0)) as session:
        with pytest.raises(InvalidError, match="mesh: not that of the session"):
            session.push(loaded(lab, lab.box("tetra", wobble=0.1), 1.0))
        with pytest.raises(UnsupportedError, match="takes no ElasticTensor into a running session"):
            session.push(lab.tensor)
        u = lab.field(mesh, "Displacement", np.zeros((len(mesh.points), 3)), "mm")
        with pytest.raises(UnsupportedError, match="0 conditions of the job prescribe a field"):
            session.push(u)
        with pytest.raises(InvalidError, match="is free in"):
            session.push(loaded(lab, mesh, 1.0, support="O"))
        session.advance()  # what was refused changed nothing
        assert numbers(session).any()


def test_what_cannot_be_pulled(lab: SimpleNamespace, tmp_path: Path) -> None:
    mesh = lab.box("tetra")
    with SkfemWrapper(tmp_path).open(loaded(lab, mesh, 1.0)) as session:
        with pytest.raises(InvalidError, match="nothing was computed"):
            session.pull(Field, "stress")
        assert session.report() == {}
        session.advance()
        with pytest.raises(UnsupportedError, match=r"no Field 'temperature'\n.*displacement, strain"):
            session.pull(Field, "temperature")
        with pytest.raises(UnsupportedError, match="no Stress"):
            session.pull(Stress)
        with pytest.raises(UnsupportedError, match="steps: 10"):
            session.advance(10)
        session.push(loaded(lab, mesh, 2.0))
        with pytest.raises(InvalidError, match="nothing was computed since the last push"):
            session.pull(Field, "stress")


def test_fields_say_what_they_are(lab: SimpleNamespace, tmp_path: Path) -> None:
    mesh = lab.box("hexahedron", unit="m")
    with SkfemWrapper(tmp_path).open(loaded(lab, mesh, 1.0)) as session:
        session.advance()
        found = {
            n: session.pull(Field, n)
            for n in ("displacement", "strain", "stress", "von_mises", "stress_points", "reaction")
        }
    said = {n: (f.quantity, f.on, f.values.unit, f.mesh.id == mesh.id) for n, f in found.items()}
    assert said == {
        "displacement": ("Displacement", "points", "mm", True),
        "strain": ("Strain", "elements", "1", True),
        "stress": ("Stress", "elements", "MPa", True),
        "von_mises": ("VonMisesStress", "elements", "MPa", True),
        "stress_points": ("NodalStress", "points", "MPa", True),
        "reaction": ("ReactionForce", "points", "N", True),
    }
    assert found["reaction"].in_unit("N")[:, 0].sum() == pytest.approx(-1e6, rel=1e-8)  # 1 MPa on 1 m^2


def test_progress_and_report(lab: SimpleNamespace, tmp_path: Path) -> None:
    events: list[Progress] = []
    with SkfemWrapper(tmp_path, progress=events.append).open(loaded(lab, lab.box("tetra", (6, 6, 6)), 1.0)) as session:
        session.advance()
        report = session.report()
    stages = [e for e in events if e.unit == "stages"]
    assert [(e.done, e.total) for e in stages] == [(i, 4) for i in range(5)]
    iterations = [e.done for e in events if e.unit == "iterations"]
    assert iterations == list(range(1, report["iterations"] + 1))
    assert report["degrees of freedom"] == 3 * 7**3
    assert report["relative residual"] <= 1e-10
    np.testing.assert_allclose(report["sum of loads [N]"], [1, 0, 0], rtol=0, atol=1e-13)
    np.testing.assert_allclose(report["sum of reactions [N]"], [-1, 0, 0], rtol=0, atol=1e-8)


def test_the_same_twice_to_the_last_bit(lab: SimpleNamespace, solve: Any) -> None:
    """pyamg draws from numpy's global generator; neither it nor the result is moved by that."""
    job = loaded(lab, lab.box("tetra", (6, 6, 6), wobble=0.2), 1.0)
    np.random.seed(1)
    first, drawn = solve(job), np.random.rand()
    np.random.seed(1)
    assert np.random.rand() == drawn
    np.testing.assert_array_equal(solve(job)["displacement"], first["displacement"])


# Runs a script where nothing can import cuds.
ALONE = """
import runpy, sys
sys.modules.update(cuds=None, cuds_skfem=None)
runpy.run_path(sys.argv.pop(1), run_name="__main__")
"""


def everything(lab: SimpleNamespace, shape: str) -> LinearElasticity:
    """Every condition at once, two materials, and two planes of symmetry that are oblique, on a turned box."""
    d, order = ELEMENTS[shape].dimension, ELEMENTS[shape].order
    box = lab.box(shape, (4, 3, 3) if order == 1 else (2, 2, 2), (4.0, 3.0, 2.0), wobble=0.2, curve=0.04)
    turn = Rotation.from_rotvec([0, 0, 0.5] if d == 2 else [0.3, -0.2, 0.5]).as_matrix()
    x = box.points.in_unit("mm") @ turn.T
    mesh = box.replace(points=(x, "mm"))
    flat = x * [1, 1, d - 2]
    fields = {
        "f": lab.field(mesh, "BodyForceDensity", np.sin(flat), "N/mm**3"),
        "t": lab.field(mesh, "Traction", np.cos(flat) * [1, 1, d - 2], "MPa"),
    }
    crystal = lab.crystal(mesh)
    quartz = Material(elastic=crystal.pop("material"), orientation=crystal.pop("orientation"))
    copper = Material(elastic=ElasticTensor.cubic((169.9, "GPa"), (122.6, "GPa"), (76.2, "GPa")))
    return LinearElasticity(
        mesh,
        materials={"below": quartz, "above": copper},
        **crystal,
        conditions=[
            Symmetry("x0"),
            Symmetry("y0"),
            Displacement("X", y=(1e-3, "mm")),
            *([Displacement("O", z=(0, "mm"))] if d == 3 else []),
            Displacement("Y", x=(0, "mm")),
            Traction("x1", y=(3, "MPa"), x=(-1, "MPa")),
            Traction("y1", field=fields["t"]),
            Pressure("y1", value=(5, "MPa")),
            Pressure("x1", value=(2, "MPa")),
            BodyForce("above", x=(0.5, "N/mm**3")),
            BodyForce("below", field=fields["f"]),
        ],
        tolerance=1e-11,
    )


@pytest.mark.turns(4)
@pytest.mark.parametrize("solver", ["amg", "direct"])
@pytest.mark.parametrize("shape", NODES)
def test_transcript_runs_without_cuds(lab: SimpleNamespace, tmp_path: Path, shape: str, solver: str) -> None:
    """Mesh, matrix and loads come from scikit-fem's own meshes and forms there, and from the blocks here."""
    job = everything(lab, shape)
    with SkfemWrapper(tmp_path, options={"solver": solver}).open(job) as session:
        session.advance()
        (tmp_path / "transcript.py").write_text(session.transcript())
        u, reaction, report = numbers(session), numbers(session, "reaction"), session.report()
    run = subprocess.run(
        [sys.executable, "-I", "-c", ALONE, str(tmp_path / "transcript.py")], capture_output=True, text=True, check=True
    )
    alone, d = np.load(tmp_path / "solution.npz"), job.mesh.dimension
    np.testing.assert_allclose(alone["displacement"], u[:, :d], rtol=0, atol=1e-9 * np.abs(u).max())
    np.testing.assert_allclose(alone["reaction"], reaction[:, :d], rtol=0, atol=1e-9 * np.abs(reaction).max())
    said = dict(line.split(":", 1) for line in run.stdout.splitlines())
    assert float(said["largest displacement [mm]"]) == pytest.approx(np.abs(u).max(), rel=1e-9)
    printed = [float(v) for v in said["sum of reactions [N]"].split()]
    np.testing.assert_allclose(printed, report["sum of reactions [N]"], rtol=0, atol=1e-8 * np.abs(reaction).max())


def test_the_wrapper_is_cheap_to_import_and_says_its_versions(tmp_path: Path) -> None:
    code = "import sys; from cuds_skfem import SkfemWrapper; print({'skfem', 'pyamg', 'scipy'} & set(sys.modules))"
    paths = [str(Path(cuds_skfem.__path__[0]).parent), *sys.path]
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {paths!r}; {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "set()"
    import pyamg
    import scipy
    import skfem

    engine = SkfemWrapper(tmp_path).probe()
    assert engine.version == skfem.__version__
    assert (engine.details["pyamg"], engine.details["scipy"]) == (pyamg.__version__, scipy.__version__)
