"""Bodies in a plane: plane strain, plane stress, and what of three dimensions has no place there.

The body lies in z = const and moves in x and y. Strain and stress still have six components: in plane strain nothing
is strained along z, in plane stress nothing is stressed there, and the other follows from the stiffness.

References
----------
Lekhnitskii, Theory of Elasticity of an Anisotropic Body (1981), chapter 3. Of plane stress, in which the energy is
least over the strains along z: Le Dret and Raoult, J. Math. Pures Appl. 74, 549 (1995).
"""

from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np

from cuds.arrays import FloatArray
from cuds.errors import InvalidError
from cuds.model.condition import BodyForce, Condition, Displacement, Traction
from cuds.model.material import Material
from cuds.model.mesh import Mesh
from cuds.units import Quantity

Plane = Literal["strain", "stress"]
_IN = [0, 1, 5]  # xx, yy, xy in Voigt order
_OUT = [2, 3, 4]  # zz, yz, xz
_COUPLED = 1e-6  # of the largest entry: a stiffness from a simulation is never exactly symmetric
_FLAT = 1e-9  # of the size of the body


def reduced(C: FloatArray, plane: Plane) -> FloatArray:
    """Return the stiffness (6, 6) between the strains and stresses in the plane; 0 in the other rows and columns."""
    found = np.zeros_like(C)
    inner = C[np.ix_(_IN, _IN)]
    if plane == "stress":
        inner = inner - C[np.ix_(_IN, _OUT)] @ np.linalg.solve(C[np.ix_(_OUT, _OUT)], C[np.ix_(_OUT, _IN)])
    found[np.ix_(_IN, _IN)] = 0.5 * (inner + inner.T)
    return found


def completed(
    strain: FloatArray, C: FloatArray, plane: Plane, free: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return strain and stress (m, 6), with the components along z, of strains (m, 6) in the plane.

    Parameters
    ----------
    strain : ndarray (m, 6)
        Voigt, engineering shear; zz, yz and xz are not read.
    C : ndarray (6, 6)
        The stiffness in space.
    plane : {"strain", "stress"}
        Whether strains or stresses along z vanish.
    free : ndarray (m, 6), optional
        The strain at which there is no stress: that of heat.
    """
    apart = np.zeros_like(strain) if free is None else free
    elastic = strain - apart
    elastic[:, _OUT] = -apart[:, _OUT]
    if plane == "stress":
        elastic[:, _OUT] = -elastic[:, _IN] @ np.linalg.solve(C[np.ix_(_OUT, _OUT)], C[np.ix_(_OUT, _IN)]).T
    stress = elastic @ C.T
    if plane == "stress":
        stress[:, _OUT] = 0.0
    whole = elastic + apart
    if plane == "strain":
        whole[:, _OUT] = 0.0
    return whole, stress


def check_plane(mesh: Mesh, plane: Plane | None, thickness: Quantity | None) -> None:
    """Refuse a body in a plane of which it is not said how it goes on along z, and a body in space of which it is.

    Raises
    ------
    InvalidError
        Also when the points do not lie in z = const.
    """
    if mesh.dimension == 3:
        for name, value in (("plane", plane), ("thickness", thickness)):
            if value is not None:
                raise InvalidError(
                    f"{name}: {value!r}, but the mesh is one of {mesh.blocks[0].shape} elements, a body in space",
                    hint="leave plane= and thickness= out, or give a mesh of triangles or quadrilaterals",
                    field=name,
                )
        return
    if plane is None or thickness is None or thickness.value <= 0:
        field = "plane" if plane is None else "thickness"
        said = "is missing" if thickness is None or plane is None else f"is {thickness!r}"
        raise InvalidError(
            f"{field}: {said}; the mesh is one of {mesh.blocks[0].shape} elements, a body in a plane",
            hint='give plane="strain" or plane="stress", and thickness=(1, "mm")',
            field=field,
        )
    points = mesh.points.value[np.unique(np.concatenate([b.nodes.ravel() for b in mesh.blocks]))]
    if len(points) and np.ptp(points[:, 2]) > _FLAT * np.ptp(points, axis=0).max():
        low, high = points[:, 2].min(), points[:, 2].max()
        raise InvalidError(
            f"mesh: a body in a plane lies in z = const, but z runs from {low:.6g} to {high:.6g} {mesh.points.unit}",
            hint="turn the mesh into the plane of x and y; shells are not known here",
            field="mesh",
        )


def check_conditions(conditions: Iterable[Condition]) -> None:
    """Refuse conditions that move or load a body in a plane along z.

    Raises
    ------
    InvalidError
        Naming the condition.
    """
    for condition in conditions:
        if not isinstance(condition, Displacement | Traction | BodyForce):
            continue
        along = condition.z
        given = along is not None and along.value != 0
        if given or (condition.field is not None and np.any(condition.field.values.value[:, 2])):
            what = f"z = {along!r}" if given else f"a field {condition.field.name!r} along z"  # type: ignore[union-attr]
            raise InvalidError(
                f"conditions: {type(condition).__name__} on {condition.region!r} has {what}, but the body lies in a "
                "plane",
                hint="a body in a plane is held and loaded in x and y; mesh it in space for more",
                field="conditions",
            )


def check_materials(materials: Mapping[str, Material], plane: Plane) -> None:
    """Refuse a crystal that no displacement in the plane keeps in equilibrium.

    In plane strain it is one whose strains in the plane make stresses yz or xz: where the plane is no plane of elastic
    symmetry. In plane stress the strains along z are free, and every crystal is taken.

    Raises
    ------
    InvalidError
        Naming the material and the entry of its stiffness.
    """
    for region, material in materials.items():
        C = material.stiffness.value
        coupling = np.abs(C[np.ix_(_IN, [3, 4])])
        if plane == "strain" and coupling.max() > _COUPLED * np.abs(C).max():
            i, j = divmod(int(coupling.argmax()), 2)
            raise InvalidError(
                f"materials: {repr(region) if region else 'the material'} has C{_IN[i] + 1}{j + 4} = "
                f"{C[_IN[i], 3 + j]:.4g} {material.stiffness.unit} in the frame of the sample, so that it would not "
                "stay in plane strain",
                hint="turn the crystal so that z is normal to a plane of symmetry, or mesh the body in space",
                field="materials",
            )


def check_expansion(materials: Mapping[str, Material], plane: Plane | None) -> None:
    """Refuse a crystal that heat would shear out of plane strain.

    Raises
    ------
    InvalidError
        Naming the material and the entry of its thermal expansion.
    """
    for region, material in materials.items() if plane == "strain" else ():
        alpha = material.needed("thermal_expansion").turned(material.orientation, "1/K")
        i = int(np.abs(alpha[:2, 2]).argmax())
        if abs(alpha[i, 2]) > _COUPLED * np.abs(alpha).max():
            raise InvalidError(
                f"materials: {repr(region) if region else 'the material'} expands by {alpha[i, 2]:.4g} 1/K in "
                f"{'xy'[i]}z in the frame of the sample, so that it would not stay in plane strain",
                hint="turn the crystal so that z is one of its principal axes, or mesh the body in space",
                field="materials",
            )
