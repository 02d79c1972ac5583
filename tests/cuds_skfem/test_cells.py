"""Periodic cells against closed forms; what is refused of them; and that planted faults make the checks fail."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import cuds
import cuds.model.tensor
import cuds_skfem.assembly
import cuds_skfem.bare
import cuds_skfem.bare_cell
import cuds_skfem.periodic
from cuds.errors import CudsError, InvalidError, NotConvergedError, ShapeError, UnsupportedError
from cuds.model.elements import SHAPES
from cuds.model.field import Field
from cuds.model.homogenisation import Homogenisation, Periodic
from cuds.model.material import ElasticTensor, Material
from cuds.model.mesh import Mesh
from cuds.units import Quantity
from cuds_skfem import SkfemWrapper

BODIES = [name for name, shape in SHAPES.items() if shape.dimension == 3]
SIDES = tuple(Periodic(f"{axis}0", f"{axis}1") for axis in "xyz")
IN, OUT = [0, 1, 5], [2, 3, 4]  # of layers across z
SOFT = ElasticTensor.isotropic("3.35 GPa", 0.35, label="soft")
SHEAR = np.array([[1.0, 0.0, 0.0], [0.3, 1.0, 0.0], [-0.2, 0.4, 1.0]])


def cell(lab: SimpleNamespace, shape: str, move: np.ndarray | None = None) -> Mesh:
    """Return a box whose inner points are moved at random across z, and then all of them by a linear map."""
    mesh: Mesh = lab.box(shape, (3, 3, 4), (1.0, 1.3, 0.8), wobble=np.array([0.25, 0.25, 0.0]), inside=True)
    return mesh if move is None else mesh.replace(points=Quantity(mesh.points.value @ move, "mm"))


def homogenised(folder: Path, job: Homogenisation, **options: Any) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the stiffness in GPa and the report."""
    with SkfemWrapper(folder, options=options).open(job) as session:
        session.advance()
        return session.pull(ElasticTensor).stiffness.in_unit("GPa"), session.report()


def layered(stiffness: list[np.ndarray], shares: list[float]) -> np.ndarray:
    """Return the stiffness of layers across z of any crystals (Pagano, Exact moduli of anisotropic laminates, 1974).

    Strain in the plane of the layers and stress across it are the same in all of them.
    """

    def mean(part: Any) -> Any:
        return sum(s * part(C) for C, s in zip(stiffness, shares, strict=True))

    across = np.linalg.inv(mean(lambda C: np.linalg.inv(C[np.ix_(OUT, OUT)])))
    coupling = mean(lambda C: C[np.ix_(IN, OUT)] @ np.linalg.inv(C[np.ix_(OUT, OUT)]))
    found = np.zeros((6, 6))
    found[np.ix_(OUT, OUT)] = across
    found[np.ix_(IN, OUT)] = coupling @ across
    found[np.ix_(OUT, IN)] = found[np.ix_(IN, OUT)].T
    found[np.ix_(IN, IN)] = coupling @ across @ coupling.T + mean(
        lambda C: C[np.ix_(IN, IN)] - C[np.ix_(IN, OUT)] @ np.linalg.solve(C[np.ix_(OUT, OUT)], C[np.ix_(OUT, IN)])
    )
    return found


def voigt(c4: np.ndarray) -> np.ndarray:
    """Return the 6x6 of a stiffness with four indices."""
    pairs = [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]
    return np.array([[c4[i, j, k, m] for k, m in pairs] for i, j in pairs])


def close(found: np.ndarray, wanted: np.ndarray, relative: float) -> None:
    np.testing.assert_allclose(found, wanted, rtol=0, atol=relative * np.abs(wanted).max())


# --- the checks ---------------------------------------------------------------------------------------------------


def uniform(lab: SimpleNamespace, folder: Path, shape: str) -> None:
    """A cell of one crystal is that crystal, whatever its mesh and its translations."""
    job = Homogenisation(
        cell(lab, shape, SHEAR), material=lab.tensor, orientation=lab.rotation, conditions=SIDES, tolerance=1e-12
    )
    found, report = homogenised(folder, job)
    close(found, voigt(lab.turned(lab.quartz, lab.rotation)), 1e-9)
    assert report["difference of Hill and Mandel"] < 1e-9


def two_layers(lab: SimpleNamespace, folder: Path, shape: str) -> None:
    """Turned quartz on something soft and isotropic."""
    materials = {"below": Material(elastic=lab.tensor, orientation=lab.rotation), "above": SOFT}
    job = Homogenisation(cell(lab, shape), materials=materials, conditions=SIDES, tolerance=1e-12)
    found, report = homogenised(folder, job)
    parts = [voigt(lab.turned(lab.quartz, lab.rotation)), SOFT.stiffness.in_unit("GPa")]
    close(found, layered(parts, [0.5, 0.5]), 1e-8)
    assert report["difference of Hill and Mandel"] < 1e-8
    assert report["shares of the cell"] == pytest.approx({"below": 0.5, "above": 0.5}, rel=1e-12)


def porous(lab: SimpleNamespace, folder: Path, shape: str) -> None:
    """A square tube along z: along it the modulus is that of what is there, by its share (and no more)."""
    labels = np.ones((4, 4, 1), dtype=int)
    labels[1:3, 1:3] = 0
    steel = ElasticTensor.isotropic("200 GPa", 0.3)
    found, report = homogenised(folder, Homogenisation(cuds.voxels(labels, empty=0), material=steel, tolerance=1e-12))
    assert 1 / np.linalg.inv(found)[2, 2] == pytest.approx(200 * 0.75, rel=1e-9)
    assert report["shares of the cell"] == pytest.approx({"": 0.75})


# --- they hold ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", BODIES)
def test_one_crystal(lab: SimpleNamespace, tmp_path: Path, shape: str) -> None:
    uniform(lab, tmp_path, shape)


@pytest.mark.parametrize("shape", BODIES)
def test_two_layers(lab: SimpleNamespace, tmp_path: Path, shape: str) -> None:
    two_layers(lab, tmp_path, shape)


def test_a_porous_body(lab: SimpleNamespace, tmp_path: Path) -> None:
    porous(lab, tmp_path, "hexahedron")


@pytest.mark.parametrize("divisions", [1, 3])
def test_a_laminate_against_the_closed_form(lab: SimpleNamespace, tmp_path: Path, divisions: int) -> None:
    """Four plies of three crystals in a mesh of ours; one element through each is exact."""
    turn = lab.rotation @ lab.rotation
    plies = {
        "quartz": Material(elastic=lab.tensor, orientation=lab.rotation),
        "turned": Material(elastic=lab.tensor, orientation=turn),
        "soft": Material(elastic=SOFT),
    }
    mesh = cuds.laminate(([0.2, 0.1, 0.3, 0.4], "mm"), names=["quartz", "soft", "turned", "soft"], divisions=divisions)
    found, _ = homogenised(tmp_path, Homogenisation(mesh, materials=plies, tolerance=1e-12))
    parts = [voigt(lab.turned(lab.quartz, R)) for R in (lab.rotation, turn)] + [SOFT.stiffness.in_unit("GPa")]
    close(found, layered(parts, [0.2, 0.3, 0.5]), 1e-8)


def test_voxels_refined_are_softer_and_stay_between_the_bounds(tmp_path: Path, count: Any) -> None:
    """The energy of a finer mesh that holds the coarser one is less under every strain; a cube stays cubic."""
    hard = ElasticTensor.isotropic("74 GPa", 0.2)
    labels = np.zeros((4, 4, 4), dtype=int)
    labels[1:3, 1:3, 1:3] = 1
    found = []
    for n in (1, 2, 4)[: count(2, 3)]:
        fine = labels.repeat(n, 0).repeat(n, 1).repeat(n, 2)
        job = Homogenisation(cuds.voxels(fine, names={0: "m", 1: "i"}), materials={"m": SOFT, "i": hard})
        C, report = homogenised(tmp_path, job)
        assert report["shares of the cell"] == pytest.approx({"m": 0.875, "i": 0.125}, rel=1e-12)
        close(C, ElasticTensor.cubic(*((C[i, j], "GPa") for i, j in ((0, 0), (0, 1), (3, 3)))).stiffness.value, 1e-8)
        found.append(C)
    parts = [(0.875, SOFT.stiffness.in_unit("GPa")), (0.125, hard.stiffness.in_unit("GPa"))]
    upper = sum(share * C for share, C in parts)
    lower = np.linalg.inv(sum(share * np.linalg.inv(C) for share, C in parts))  # type: ignore[arg-type]
    for stiff, soft in zip([upper, *found], [*found, lower], strict=True):
        assert np.linalg.eigvalsh(stiff - soft).min() > -1e-9 * np.abs(upper).max()


def test_direct_and_multigrid_agree(lab: SimpleNamespace, tmp_path: Path) -> None:
    materials = {"below": Material(elastic=lab.tensor, orientation=lab.rotation), "above": SOFT}
    job = Homogenisation(cell(lab, "tetra", SHEAR), materials=materials, conditions=SIDES, tolerance=1e-12)
    amg, report = homogenised(tmp_path, job)
    direct, exact = homogenised(tmp_path, job, solver="direct")
    close(amg, direct, 1e-9)
    assert all(0 < n < 40 for n in report["iterations"])
    assert exact["iterations"] == [0] * 6


def test_fields_of_the_load_cases(lab: SimpleNamespace, tmp_path: Path) -> None:
    """Their means are the unit strain, and a column of the stiffness."""
    materials = {"below": Material(elastic=lab.tensor, orientation=lab.rotation), "above": SOFT}
    job = Homogenisation(cell(lab, "hexahedron"), materials=materials, conditions=SIDES, load_cases=("yy", "xz"))
    result = cuds.run(job, engine="skfem")
    C = result[ElasticTensor].stiffness.in_unit("MPa")
    assert [f.name for f in result.all(Field)] == [
        f"{name}_{case}" for name in ("displacement", "strain", "stress") for case in ("yy", "xz")
    ]
    from cuds_skfem.mesh import body_of

    volumes = cuds_skfem.assembly.volumes(body_of(job.mesh))
    for case, number in (("yy", 1), ("xz", 4)):
        strain, stress = (
            volumes @ result.field(f"{name}_{case}").values.in_unit(unit) / volumes.sum()
            for name, unit in (("strain", "1"), ("stress", "MPa"))
        )
        close(strain, np.eye(6)[number], 1e-8)
        close(stress, C[:, number], 1e-8)
    assert not cuds.run(job.replace(load_cases=()), engine="skfem").all(Field)


# --- what is refused ------------------------------------------------------------------------------------------------


def refused(folder: Path, job: Homogenisation) -> str:
    with pytest.raises(InvalidError) as caught:
        SkfemWrapper(folder).check(job)
    return str(caught.value)


def test_sides_that_do_not_match(lab: SimpleNamespace, tmp_path: Path) -> None:
    crooked = lab.box("tetra", (3, 3, 3), wobble=0.2)
    job = Homogenisation(crooked, material=SOFT, conditions=SIDES)
    assert "Periodic on 'x0' and 'x1': moved by (1, " in refused(tmp_path, job)
    mesh = lab.box("hexahedron", (2, 2, 3))
    twice = Homogenisation(mesh, material=SOFT, conditions=(SIDES[0], SIDES[1], Periodic("y0", "y1")))
    assert "span no cell" in refused(tmp_path, twice)
    across = Homogenisation(mesh, material=SOFT, conditions=(Periodic("x0", "z1"), *SIDES[1:]))
    assert "points" in refused(tmp_path, across)


def solid(shape: tuple[int, int, int], *where: Any) -> Homogenisation:
    """Return a cell of voxels that is solid in some places."""
    labels = np.zeros(shape, dtype=int)
    for place in where:
        labels[place] = 1
    return Homogenisation(cuds.voxels(labels, empty=0), material=SOFT)


def test_what_does_not_hang_together(tmp_path: Path) -> None:
    plate = solid((4, 4, 4), np.s_[:, :, 0])
    assert "no element has a point of region 'zmax'" in refused(tmp_path, plate)
    shell = [np.s_[[0, 4]], np.s_[:, [0, 4]], np.s_[:, :, [0, 4]]]
    said = refused(tmp_path, solid((5, 5, 5), *shell, np.s_[2, 2, 2]))
    assert "piece 2 of 2 (1 elements about (0.5, 0.5, 0.5) mm) is free in rotation about x" in said
    assert "leave them out, or merge the coincident points" in said


def test_what_has_no_stiffness(tmp_path: Path) -> None:
    """Plates, of which nothing carries load from one to the next; and voxels that meet in edges, as hinges do."""
    with pytest.raises(InvalidError, match=r"no stiffness against the strain zz .*, yz .*, xz [^,]*\n"):
        homogenised(tmp_path, solid((4, 4, 4), np.s_[:, :, [0, 3]]))
    hinges = solid((3, 3, 1), (0, 0), (1, 1), (2, 2))
    with pytest.raises(InvalidError, match=r"no stiffness against the strain xx -?0.707, yy -?0.707\n"):
        homogenised(tmp_path, hinges)


def test_jobs_that_are_no_cells(lab: SimpleNamespace) -> None:
    mesh = lab.box("hexahedron")
    with pytest.raises(InvalidError, match="a body in a plane has no stiffness in space"):
        Homogenisation(lab.box("quad"), material=SOFT, conditions=SIDES[:2])
    with pytest.raises(InvalidError, match=r"2 pairs of regions\n.*give three"):
        Homogenisation(mesh, material=SOFT, conditions=SIDES[:2])
    with pytest.raises(InvalidError, match="Periodic on 'below', a region of elements"):
        Homogenisation(mesh, material=SOFT, conditions=(Periodic("below", "above"), *SIDES[1:]))
    with pytest.raises(CudsError, match=r"no region 'xmin'"):
        Homogenisation(mesh, material=SOFT)
    with pytest.raises(InvalidError, match="has no elastic, which homogenisation needs"):
        Homogenisation(mesh, material=Material(conductivity="2 W/m/K"), conditions=SIDES)
    with pytest.raises(InvalidError, match="Fixed on 'x0' has no place in Homogenisation"):
        Homogenisation(mesh, material=SOFT, conditions=(cuds.Fixed("x0"), *SIDES[1:]))


def test_cells_that_cannot_be_made() -> None:
    with pytest.raises(ShapeError, match="labels: float64"):
        cuds.voxels(np.zeros((2, 2, 2)))
    with pytest.raises(InvalidError, match="every voxel is empty"):
        cuds.voxels(np.zeros((2, 2, 2), dtype=int), empty=0)
    with pytest.raises(InvalidError, match=r"names: labels \[0, 1\]"):
        cuds.voxels([[[0, 1]]], names={0: "a"})
    with pytest.raises(InvalidError, match="size"):
        cuds.voxels([[[0, 1]]], size=(-1, "mm"))
    with pytest.raises(InvalidError, match="thicknesses"):
        cuds.laminate(([1.0, 0.0], "mm"))
    with pytest.raises(InvalidError, match="thicknesses"):
        cuds.laminate(([1.0, 2.0], "mm"), names=["one"])
    with pytest.raises(InvalidError, match=r"fibres touch at 0\.7854 in 'square'"):
        cuds.fibre_array(0.8, packing="square")
    with pytest.raises(InvalidError, match="grains"):
        cuds.polycrystal(SOFT, grains=0)


def test_a_session(lab: SimpleNamespace, tmp_path: Path) -> None:
    mesh = cell(lab, "tetra")
    job = Homogenisation(mesh, material=lab.tensor, conditions=SIDES)
    with SkfemWrapper(tmp_path).open(job) as session:
        assert session.report() == {}
        with pytest.raises(InvalidError, match="nothing was computed"):
            session.pull(ElasticTensor)
        with pytest.raises(UnsupportedError, match="steps: 2"):
            session.advance(2)
        session.advance()
        first = session.pull(ElasticTensor).stiffness.in_unit("GPa")
        for kind, name in ((Field, "stress"), (Field, "heat_xx"), (ElasticTensor, "stress_xx"), (cuds.Stress, "")):
            with pytest.raises(UnsupportedError, match=r"gives no .*\n.*ElasticTensor"):
                session.pull(kind, name)
        session.push(Homogenisation(mesh, material=SOFT, conditions=SIDES))
        with pytest.raises(InvalidError, match="since the last push"):
            session.pull(ElasticTensor)
        session.advance()
        assert session.pull(ElasticTensor).stiffness.in_unit("GPa")[0, 0] != first[0, 0]
        with pytest.raises(UnsupportedError, match="takes no ElasticTensor"):
            session.push(SOFT)
        with pytest.raises(InvalidError, match="mesh: not that of the session"):
            session.push(Homogenisation(lab.box("tetra"), material=SOFT, conditions=SIDES))


def test_not_converged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuds_skfem.bare, "MAX_ITERATIONS", 2)
    mesh = cuds.voxels(np.arange(216).reshape(6, 6, 6) % 5, names={i: f"{i}" for i in range(5)})
    materials = {f"{i}": ElasticTensor.isotropic((10.0**i, "GPa"), 0.3) for i in range(5)}
    with pytest.raises(NotConvergedError, match="under the macroscopic strain xx left a relative residual"):
        homogenised(tmp_path, Homogenisation(mesh, materials=materials))


# --- a planted fault makes them fail --------------------------------------------------------------------------------


def shear_not_doubled(m: pytest.MonkeyPatch) -> None:
    strains = cuds_skfem.bare_cell.STRAINS.copy()
    strains[3:] *= 2
    m.setattr(cuds_skfem.bare_cell, "STRAINS", strains)


def strains_in_another_order(m: pytest.MonkeyPatch) -> None:
    m.setattr(cuds_skfem.bare_cell, "STRAINS", cuds_skfem.bare_cell.STRAINS[[0, 1, 2, 5, 4, 3]])


def sides_not_tied(m: pytest.MonkeyPatch) -> None:
    """The sides move as they like, but for the first shift."""
    right = cuds_skfem.bare_cell.CellEquations

    def loose(K: Any, points: Any, master: Any, solver: str) -> Any:
        return right(K, points, np.arange(len(points)), solver)

    m.setattr(cuds_skfem.bare_cell, "CellEquations", loose)


def empty_is_left_out(m: pytest.MonkeyPatch) -> None:
    m.setattr(cuds_skfem.periodic.Cell, "volume", property(lambda self: 0.75))


def affine_displacement(m: pytest.MonkeyPatch) -> None:
    """The mean of Voigt: nothing is relaxed."""
    right = cuds_skfem.bare_cell.CellEquations.displacement

    def stiff(self: Any, strain: Any, tolerance: float, told: Any = None) -> Any:
        _, n, residual = right(self, strain, tolerance)
        return (self.points @ strain).ravel(), n, residual

    m.setattr(cuds_skfem.bare_cell.CellEquations, "displacement", stiff)


FAULTS = [
    (shear_not_doubled, uniform),
    (strains_in_another_order, uniform),
    (sides_not_tied, two_layers),
    (affine_displacement, two_layers),
    (empty_is_left_out, porous),
]


@pytest.mark.parametrize(("fault", "check"), FAULTS, ids=[f.__name__ for f, _ in FAULTS])
def test_a_planted_fault_is_found(
    lab: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Any, check: Any
) -> None:
    check(lab, tmp_path, "hexahedron")
    fault(monkeypatch)
    with pytest.raises((AssertionError, CudsError)):
        check(lab, tmp_path, "hexahedron")
