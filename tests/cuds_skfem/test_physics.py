"""Elasticity against what is known exactly; and that a planted fault makes each of these checks fail."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import cuds.model.tensor
import cuds_skfem.assembly
import cuds_skfem.bare
import cuds_skfem.mesh
import cuds_skfem.recover
import cuds_skfem.session
import cuds_skfem.solve
from cuds.errors import InvalidError
from cuds.model.condition import BodyForce, Displacement, Fixed, Pressure, Traction
from cuds.model.elements import NODES, SHAPES as ELEMENTS
from cuds.model.material import ElasticTensor, Material
from cuds.model.simulation import LinearElasticity
from cuds.model.tensor import orientation

SHAPES = tuple(NODES)
SOLID = tuple(n for n in SHAPES if ELEMENTS[n].dimension == 3)
MODES = np.eye(6)
COUNTS = {1: (3, 3, 3), 2: (2, 2, 2)}  # elements along each axis, by order


def close(found: Any, wanted: Any, relative: float) -> None:
    """Compare with what is wanted everywhere, to a share of its largest value."""
    wanted = np.broadcast_to(wanted, found.shape)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=relative * np.abs(wanted).max())


def voigt(tensor: np.ndarray) -> np.ndarray:
    """Return xx, yy, zz, yz, xz, xy of a symmetric tensor."""
    return np.array([tensor[0, 0], tensor[1, 1], tensor[2, 2], tensor[1, 2], tensor[0, 2], tensor[0, 1]])


def relaxed(c: np.ndarray, strain: np.ndarray, plane: str | None) -> np.ndarray:
    """Return the strain with the components along z, solved for, that leave no stress there; else as it is."""
    if plane != "stress":
        return strain
    along = np.zeros((3, 3, 3))  # a strain for each component of the traction on z
    for k in range(3):
        along[k, k, 2] = along[k, 2, k] = 1
    free = np.linalg.solve(np.einsum("ijkl,mkl->ijm", c, along)[2], -np.einsum("jkl,kl->j", c[2], strain))
    return strain + np.einsum("m,mij->ij", free, along)


# --- the checks ---------------------------------------------------------------------------------------------------


def patch(lab: SimpleNamespace, solve: Any, shape: str, mode: int, plane: str = "strain") -> None:
    """A uniform strain is reproduced exactly, whatever the elements look like (Irons and Razzaque 1972).

    The wanted stress is C_ijkl e_kl with a tensor of rank four. The supports do the work of the stress: the sum of
    r_i x_j is the stress times the volume (Gauss).
    """
    e = 1e-3 * MODES[mode]
    mesh = lab.box(shape, COUNTS[ELEMENTS[shape].order], (3.0, 1.0, 2.0), wobble=0.2, curve=0.06)
    given = lab.crystal(mesh, plane)
    c = lab.stiffness(given)
    strain = np.array([[e[0], e[5] / 2, e[4] / 2], [e[5] / 2, e[1], e[3] / 2], [e[4] / 2, e[3] / 2, e[2]]])
    whole = relaxed(c, strain, given.get("plane"))
    spin = 1e-4 * np.array([[0, -3, 2], [3, 0, -1], [-2, 1, 0]])
    sigma = np.einsum("ijkl,kl->ij", c, whole)
    x, d = mesh.points.in_unit("mm"), mesh.dimension
    wanted = x @ (strain + spin).T + [0.1, 0.2, -0.3]
    wanted[:, d:] = 0
    held = Displacement("surface", field=lab.field(mesh, "Displacement", wanted, "mm"))
    found = solve(LinearElasticity(mesh, **given, conditions=[held], tolerance=1e-12), solver="direct")
    close(found["displacement"], wanted, 1e-10)
    close(found["strain"], voigt(whole) * [1, 1, 1, 2, 2, 2], 1e-10)
    close(found["stress"], voigt(sigma), 1e-10)
    close(found["stress_points"], voigt(sigma), 1e-10)
    close((found["reaction"].T @ x)[:d, :d], sigma[:d, :d] * (6.0 if d == 3 else 3.0 * 2.5), 1e-9)  # mm^3


def pulled(lab: SimpleNamespace, solve: Any, shape: str, crystal: tuple[str, str], poles: float) -> None:
    """A free bar of cubic crystal strains by stress / E, 1/E = S11 - 2 (S11 - S12 - S44/2) G (Nye 1985, p. 145).

    G = l^2 m^2 + m^2 n^2 + n^2 l^2 of the direction: 0 along [100], 1/4 along [110], 1/3 along [111].
    """
    c11, c12, c44 = 169.9, 122.6, 76.2  # copper, GPa: Mishin et al., Phys. Rev. B 63, 224106 (2001)
    s11 = (c11 + c12) / ((c11 - c12) * (c11 + 2 * c12))
    s12 = -c12 / ((c11 - c12) * (c11 + 2 * c12))
    modulus = 1e3 / (s11 - 2 * (s11 - s12 - 0.5 / c44) * poles)
    copper = ElasticTensor.cubic((c11, "GPa"), (c12, "GPa"), (c44, "GPa"))
    mesh = lab.box(shape, (4, 2, 2), (4.0, 1.0, 1.0), wobble=0.15)
    found = solve(bar(lab, mesh, copper, orientation(*crystal), Traction("x1", x=(100, "MPa"))))
    close(found["strain"][:, 0], 100 / modulus, 1e-9)
    close(found["von_mises"], 100.0, 1e-9)


def bar(lab: SimpleNamespace, mesh: Any, tensor: ElasticTensor, R: np.ndarray, *loads: Any) -> LinearElasticity:
    """Return a bar with its left end pulled by 100 MPa, held so that it can strain freely."""
    conditions = [*lab.statically(mesh), Traction("x0", x=(-100, "MPa")), *loads]
    return LinearElasticity(mesh, material=tensor, orientation=R, conditions=conditions, tolerance=1e-12)


def bent_nowhere(lab: SimpleNamespace, solve: Any, shape: str, plane: str = "stress") -> None:
    """A free bar of turned quartz has the displacement of its compliance, S = C^-1 as a tensor of rank four.

    Held at corners its displacement gradient is upper triangular, so the strain says all of it. In plane strain the
    stress along z is the one that keeps it from straining there.
    """
    mesh = lab.box(shape, (4, 2, 2), (4.0, 1.0, 1.0), wobble=0.15)
    given = lab.crystal(mesh, plane)
    compliance = np.linalg.pinv(lab.stiffness(given).reshape(9, 9)).reshape(3, 3, 3, 3)
    sigma = np.diag([100.0, 0, 0])
    if given.get("plane") == "strain":
        sigma[2, 2] = -100 * compliance[2, 2, 0, 0] / compliance[2, 2, 2, 2]
    strain = np.einsum("ijkl,kl->ij", compliance, sigma)
    loads = [Traction("x0", x=(-100, "MPa")), Traction("x1", x=(100, "MPa"))]
    found = solve(LinearElasticity(mesh, **given, conditions=[*lab.statically(mesh), *loads], tolerance=1e-12))
    gradient = np.triu(strain) + np.triu(strain, 1)
    x, d = mesh.points.in_unit("mm"), mesh.dimension
    close(found["displacement"][:, :d], x[:, :d] @ gradient[:d, :d].T, 1e-9)
    close(found["strain"], voigt(strain) * [1, 1, 1, 2, 2, 2], 1e-9)
    close(found["stress"], voigt(sigma), 1e-9)
    assert np.abs(found["reaction"]).max() < 1e-8 * 100  # N, of 100 N on either end


def balanced(lab: SimpleNamespace, solve: Any, shape: str) -> None:
    """Reactions balance the load in force and in moment; the loads are known by hand."""
    mesh = lab.box(shape, COUNTS[ELEMENTS[shape].order], (2.0, 3.0, 4.0), wobble=0.15, curve=0.05)
    d = mesh.dimension
    deep, top = (4.0, "z") if d == 3 else (2.5, "y")  # what the sides extend along z: the box, or the thickness
    shear = np.array([5.0, 0, -2.0] if d == 3 else [5.0, -2.0, 0])
    conditions = [
        Fixed(f"{top}0"),
        Traction(f"{top}1", **{axis: (v, "MPa") for axis, v in zip("xyz"[:d], shear, strict=False)}),
        Pressure("x1", value=(3, "MPa")),
        BodyForce(y=(0.25, "N/mm**3")),
    ]
    found = solve(LinearElasticity(mesh, **lab.crystal(mesh), conditions=conditions))
    across = 2.0 * (3.0 if d == 3 else deep)
    forces = np.array([shear * across, [-3.0 * 3.0 * deep, 0, 0], [0, 0.25 * 2 * 3 * deep, 0]])
    places = np.array([[1.0, 1.5, 4] if d == 3 else [1.0, 3.0, 0], [2.0, 1.5, 2 * (d - 2)], [1.0, 1.5, 2 * (d - 2)]])
    x, r = mesh.points.in_unit("mm"), found["reaction"]
    np.testing.assert_allclose(r.sum(axis=0), -forces.sum(axis=0), rtol=0, atol=1e-8 * 36)
    moment = np.cross(places, forces).sum(axis=0)
    np.testing.assert_allclose(np.cross(x, r).sum(axis=0), -moment, rtol=0, atol=1e-8 * np.abs(moment).max())
    said = np.pad(found["report"]["sum of loads [N]"], (0, 3 - d))
    np.testing.assert_allclose(said, forces.sum(axis=0), rtol=0, atol=1e-12 * 36)
    held = mesh.region_points(f"{top}0")
    assert not r[np.setdiff1d(np.arange(len(x)), held)].any()
    assert not found["displacement"][held].any()


def squeezed(lab: SimpleNamespace, solve: Any, shape: str) -> None:
    """Pressure on all sides is the traction -p n, and gives the stress -p 1 and the strain -p S 1."""
    mesh = lab.box(shape, (3, 2, 2), (3.0, 1.0, 2.0), wobble=0.15, curve=0.05)
    given, d = lab.crystal(mesh), mesh.dimension
    sides = {f"{axis}{end}": (axis, 2 * end - 1) for axis in "xyz"[:d] for end in (0, 1)}
    pressures = [Pressure(name, value=(40, "MPa")) for name in sides]
    tractions = [Traction(name, **{axis: (-40 * sign, "MPa")}) for name, (axis, sign) in sides.items()]
    one, two = (
        solve(LinearElasticity(mesh, **given, conditions=[*lab.statically(mesh), *loads], tolerance=1e-12))
        for loads in (pressures, tractions)
    )
    close(one["displacement"], two["displacement"], 1e-10)
    compliance = np.linalg.pinv(lab.stiffness(given).reshape(9, 9)).reshape(3, 3, 3, 3)
    sigma = -40 * np.eye(3)
    if d == 2:  # plane strain
        sigma[2, 2] = 40 * (compliance[2, 2, 0, 0] + compliance[2, 2, 1, 1]) / compliance[2, 2, 2, 2]
    close(one["stress"], voigt(sigma), 1e-9)
    close(one["strain"], voigt(np.einsum("ijkl,kl->ij", compliance, sigma)) * [1, 1, 1, 2, 2, 2], 1e-9)


# --- they hold ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", range(6))
@pytest.mark.parametrize("shape", SOLID)
def test_patch(lab: SimpleNamespace, solve: Any, shape: str, mode: int) -> None:
    patch(lab, solve, shape, mode)


@pytest.mark.parametrize("plane", ["strain", "stress"])
@pytest.mark.parametrize("mode", [0, 1, 5])
@pytest.mark.parametrize("shape", [n for n in SHAPES if n not in SOLID])
def test_patch_in_a_plane(lab: SimpleNamespace, solve: Any, shape: str, mode: int, plane: str) -> None:
    patch(lab, solve, shape, mode, plane)


BARS = [(("[100]", "[010]"), 0.0), (("[110]", "[001]"), 0.25), (("[111]", "[1-10]"), 1 / 3)]


@pytest.mark.parametrize(("crystal", "poles"), BARS)
@pytest.mark.parametrize("shape", SOLID)
def test_bar_of_turned_copper(lab: SimpleNamespace, solve: Any, shape: str, crystal: Any, poles: float) -> None:
    pulled(lab, solve, shape, crystal, poles)


@pytest.mark.parametrize(
    ("shape", "plane"), [(n, p) for n in SHAPES for p in ("stress", "strain") if n not in SOLID or p == "stress"]
)
def test_bar_of_turned_quartz(lab: SimpleNamespace, solve: Any, shape: str, plane: str) -> None:
    bent_nowhere(lab, solve, shape, plane)


@pytest.mark.parametrize("shape", SHAPES)
def test_reactions_balance_the_load(lab: SimpleNamespace, solve: Any, shape: str) -> None:
    balanced(lab, solve, shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_pressure_is_traction_against_the_normal(lab: SimpleNamespace, solve: Any, shape: str) -> None:
    squeezed(lab, solve, shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_layers_in_series_add_up(lab: SimpleNamespace, solve: Any, shape: str) -> None:
    """Without lateral strain (Poisson ratio 0) the elongation is the sum of stress length / E over the layers."""
    d = ELEMENTS[shape].dimension
    mesh, axis = (
        lab.box(shape, (2, 2, 4) if d == 3 else (2, 4), (1.0, 1.0, 4.0) if d == 3 else (1.0, 4.0)),
        "xyz"[d - 1],
    )
    layers = {
        name: Material(elastic=ElasticTensor.isotropic((E, "GPa"), 0.0)) for name, E in (("below", 70), ("above", 210))
    }
    loads = [Fixed(f"{axis}0"), Traction(f"{axis}1", **{axis: (21, "MPa")})]
    flat: dict[str, Any] = {} if d == 3 else {"plane": "stress", "thickness": (3, "mm")}
    found = solve(LinearElasticity(mesh, materials=layers, conditions=loads, tolerance=1e-12, **flat))
    top = mesh.region_points(f"{axis}1")
    close(found["displacement"][top, d - 1], 21 * (2 / 70e3 + 2 / 210e3), 1e-10)
    close(found["strain"][mesh.region("above").members, d - 1], 21 / 210e3, 1e-10)
    close(found["stress"][:, d - 1], 21.0, 1e-9)


def test_two_orientations_of_one_crystal_in_series(lab: SimpleNamespace, solve: Any) -> None:
    """Held sideways, cubic layers have the moduli C11 along [001] and (C11 + C12 + 2 C44) / 2 along [011].

    These are the moduli of longitudinal waves in these directions (Kittel, Introduction to Solid State Physics, ch. 3).
    """
    mesh = lab.box("hexahedron", (1, 1, 4), (1.0, 1.0, 4.0))
    copper = ElasticTensor.cubic((169.9, "GPa"), (122.6, "GPa"), (76.2, "GPa"))
    turns = {"below": orientation("[100]", "[010]"), "above": orientation("[100]", "[01-1]")}
    moduli = {"below": 169.9e3, "above": (169.9e3 + 122.6e3 + 2 * 76.2e3) / 2}
    zero = (0.0, "mm")
    held = [Displacement("surface", x=zero, y=zero), Displacement("z0", z=zero)]
    materials = {name: Material(elastic=copper, orientation=R) for name, R in turns.items()}
    loads = [*held, Traction("z1", z=(50, "MPa"))]
    found = solve(LinearElasticity(mesh, materials=materials, conditions=loads, tolerance=1e-13))
    for name, modulus in moduli.items():
        close(found["strain"][mesh.region(name).members, 2], 50 / modulus, 1e-10)


@pytest.mark.parametrize("shape", SHAPES)
def test_direct_and_multigrid_agree(lab: SimpleNamespace, solve: Any, shape: str) -> None:
    mesh = lab.box(shape, (6, 6, 6) if ELEMENTS[shape].order == 1 else (3, 3, 3), wobble=0.2, curve=0.05)
    loads = [Displacement("x0", x=(0, "mm")), Fixed("O"), Fixed("Y"), Traction("x1", x=(1, "MPa"), y=(2, "MPa"))]
    tolerance = 1e-12 if ELEMENTS[shape].order == 1 else 1e-11
    job = LinearElasticity(mesh, **lab.crystal(mesh), conditions=loads, tolerance=tolerance)
    amg, direct = solve(job), solve(job, solver="direct")
    close(amg["displacement"], direct["displacement"], 1e-10)
    assert amg["report"]["iterations"] > 0
    assert direct["report"]["iterations"] == 0
    assert direct["report"]["relative residual"] < 1e-12


# --- a planted fault makes them fail --------------------------------------------------------------------------------

LAMMPS_ORDER = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))


def order_of_lammps(m: pytest.MonkeyPatch) -> None:
    m.setattr(cuds_skfem.assembly, "VOIGT", LAMMPS_ORDER)


def tensor_shear(m: pytest.MonkeyPatch) -> None:
    m.setattr(cuds_skfem.recover, "strain_voigt", cuds.model.tensor.stress_voigt)


def transposed(m: pytest.MonkeyPatch) -> None:
    right = cuds.model.tensor.rotate_stiffness
    m.setattr(cuds.model.tensor, "rotate_stiffness", lambda C, R: right(C, R.T))


def stress_of_a_pressure(m: pytest.MonkeyPatch) -> None:
    right = cuds_skfem.recover.stress

    def negative(*given: Any) -> Any:
        strain, stress = right(*given)
        return strain, -stress

    m.setattr(cuds_skfem.recover, "stress", negative)


def force_on_the_support(m: pytest.MonkeyPatch) -> None:
    right = cuds_skfem.solve.Solution
    m.setattr(cuds_skfem.solve, "Solution", lambda u, r, *rest: right(u, -r, *rest))


def inward_normals(m: pytest.MonkeyPatch) -> None:
    right = cuds_skfem.mesh.Body.surface

    def turned_round(*given: Any) -> Any:
        values, normals, area = right(*given)
        return values, -normals, area

    m.setattr(cuds_skfem.mesh.Body, "surface", turned_round)


def other_order(m: pytest.MonkeyPatch, shape: str, one: int, other: int) -> None:
    """Swap two nodes of a shape: the elements are no longer what the mesh says."""
    *kept, corners, others = cuds_skfem.bare.SHAPES[shape]
    nodes = [*corners, *others]
    nodes[one], nodes[other] = nodes[other], nodes[one]
    m.setitem(cuds_skfem.bare.SHAPES, shape, (*kept, nodes[: len(corners)], nodes[len(corners) :]))


def hexahedron_turned(m: pytest.MonkeyPatch) -> None:
    other_order(m, "hexahedron", 1, 3)
    other_order(m, "hexahedron", 5, 7)


def tetra10_of_gmsh(m: pytest.MonkeyPatch) -> None:
    other_order(m, "tetra10", 8, 9)


def one_point_too_few(m: pytest.MonkeyPatch) -> None:
    m.setattr(cuds_skfem.bare, "degree", lambda shape: 2)


def thickness_forgotten(m: pytest.MonkeyPatch) -> None:
    right = cuds_skfem.session.deck_of
    m.setattr(cuds_skfem.session, "deck_of", lambda *given: dataclasses.replace(right(*given), thickness=1.0))


def plane_stress_for_plane_strain(m: pytest.MonkeyPatch) -> None:
    right = cuds_skfem.session.deck_of
    m.setattr(cuds_skfem.session, "deck_of", lambda *given: dataclasses.replace(right(*given), plane="stress"))


FAULTS = [
    (order_of_lammps, lambda lab, solve: patch(lab, solve, "tetra", 3)),
    (order_of_lammps, lambda lab, solve: bent_nowhere(lab, solve, "hexahedron")),
    (tensor_shear, lambda lab, solve: patch(lab, solve, "tetra", 3)),
    (transposed, lambda lab, solve: patch(lab, solve, "hexahedron", 0)),
    (transposed, lambda lab, solve: pulled(lab, solve, "tetra", *BARS[2])),
    (transposed, lambda lab, solve: bent_nowhere(lab, solve, "tetra")),
    (stress_of_a_pressure, lambda lab, solve: patch(lab, solve, "tetra", 1)),
    (stress_of_a_pressure, lambda lab, solve: bent_nowhere(lab, solve, "hexahedron")),
    (force_on_the_support, lambda lab, solve: balanced(lab, solve, "tetra")),
    (force_on_the_support, lambda lab, solve: patch(lab, solve, "tetra", 0)),
    (inward_normals, lambda lab, solve: squeezed(lab, solve, "tetra")),
    (inward_normals, lambda lab, solve: balanced(lab, solve, "hexahedron")),
    (hexahedron_turned, lambda lab, solve: patch(lab, solve, "hexahedron", 0)),
    (tetra10_of_gmsh, lambda lab, solve: patch(lab, solve, "tetra10", 0)),
    (one_point_too_few, lambda lab, solve: patch(lab, solve, "tetra10", 0)),
    (one_point_too_few, lambda lab, solve: patch(lab, solve, "hexahedron27", 1)),
    (thickness_forgotten, lambda lab, solve: balanced(lab, solve, "quad9")),
    (plane_stress_for_plane_strain, lambda lab, solve: patch(lab, solve, "triangle6", 5)),
    (inward_normals, lambda lab, solve: squeezed(lab, solve, "triangle6")),
    (inward_normals, lambda lab, solve: squeezed(lab, solve, "hexahedron20")),
]


@pytest.mark.parametrize(("fault", "check"), FAULTS, ids=[f"{f.__name__}-{i}" for i, (f, _) in enumerate(FAULTS)])
def test_a_planted_fault_is_found(
    lab: SimpleNamespace, solve: Any, monkeypatch: pytest.MonkeyPatch, fault: Any, check: Any
) -> None:
    check(lab, solve)
    fault(monkeypatch)
    with pytest.raises((AssertionError, InvalidError)):
        check(lab, solve)
