"""The cases for engines that calculate bodies."""

import numpy as np

from cuds.errors import InvalidError
from cuds.model.condition import Displacement, Fixed, Traction
from cuds.model.field import Field
from cuds.model.material import ElasticTensor, Material
from cuds.model.mesh import ElementBlock, Mesh, Region
from cuds.model.simulation import LinearElasticity
from cuds.model.tensor import strain_voigt
from cuds.testing.atomistic import refused
from cuds.testing.bench import TURN, Bench
from cuds.units import Quantity

CRYSTAL = ElasticTensor.cubic(Quantity(169.9, "GPa"), Quantity(122.6, "GPa"), Quantity(76.2, "GPa"))
ANISOTROPIC = CRYSTAL.rotated(TURN)  # no zero among its entries
GRADIENT = 1e-3 * np.array([[1.0, 0.3, -0.2], [0.5, -0.7, 0.4], [0.1, -0.6, 0.8]])


def brick(n: int = 3, *, order: np.ndarray | None = None, unit: str = "mm") -> Mesh:
    """Return a cube of side 10 mm of n^3 hexahedra with its left and right face, its points in any order."""
    g = np.linspace(0, 10, n + 1)
    points = np.stack(np.meshgrid(g, g, g, indexing="ij"), axis=-1).reshape(-1, 3)
    i = np.arange(len(points)).reshape((n + 1,) * 3)
    a, b = slice(None, -1), slice(1, None)
    cells = np.stack(
        [i[a, a, a], i[b, a, a], i[b, b, a], i[a, b, a], i[a, a, b], i[b, a, b], i[b, b, b], i[a, b, b]], axis=-1
    ).reshape(-1, 8)
    faces = {"left": cells[:, [0, 3, 7, 4]], "right": cells[:, [1, 2, 6, 5]]}
    named = {
        name: f[(points[f][..., 0] == x).all(axis=1)] for (name, f), x in zip(faces.items(), (0.0, 10.0), strict=True)
    }
    back = np.arange(len(points)) if order is None else np.argsort(order)
    skin = np.flatnonzero(((points == 0) | (points == 10)).any(axis=1))
    regions = [Region(name=n_, on="facets", members=back[f]) for n_, f in named.items()]
    return Mesh(
        points=Quantity(points[order] if order is not None else points, "mm").to(unit),
        blocks=(ElementBlock(shape="hexahedron", nodes=back[cells]),),
        regions=(*regions, Region(name="skin", on="points", members=back[skin])),
    )


class ContinuumContract(Bench):
    """What every engine of elastic bodies must do."""

    def solved(self, job: LinearElasticity) -> dict[str, np.ndarray]:
        """Return every field in mm, N and GPa."""
        units = {"displacement": "mm", "strain": "1", "stress": "GPa", "von_mises": "GPa", "reaction": "N"}
        with self.open(job) as session:
            session.advance()
            return {name: session.pull(Field, name).in_unit(unit) for name, unit in units.items()}

    def pulled(self, mesh: Mesh, **changes: object) -> LinearElasticity:
        """Return a cube held on its left and pulled on its right."""
        conditions = (Fixed("left"), Traction("right", x=Quantity(100.0, "MPa"), y=Quantity(-30.0, "MPa")))
        return LinearElasticity(mesh, **{"material": ANISOTROPIC, "conditions": conditions, **changes})

    def homogeneous(self, **material: object) -> LinearElasticity:
        """Return a cube whose whole skin follows a linear displacement."""
        mesh = brick()
        u = Quantity(mesh.points.value @ GRADIENT.T, "mm")
        field = Field(name="u", quantity="Displacement", mesh=mesh, on="points", values=u)
        return LinearElasticity(
            mesh, conditions=(Displacement("skin", field=field),), **(material or {"material": ANISOTROPIC})
        )

    def wanted(self) -> np.ndarray:
        """Return the exact stress of `homogeneous`, in GPa."""
        return np.array(ANISOTROPIC.stiffness.in_unit("GPa") @ strain_voigt(0.5 * (GRADIENT + GRADIENT.T)))

    def test_a_linear_displacement_has_a_constant_strain(self) -> None:
        """The patch test."""
        strain = self.solved(self.homogeneous())["strain"]
        np.testing.assert_allclose(
            strain, np.tile(strain_voigt(0.5 * (GRADIENT + GRADIENT.T)), (len(strain), 1)), rtol=0, atol=1e-13
        )

    def test_body_stress_is_positive_in_tension(self) -> None:
        """A pulled body."""
        assert self.solved(self.pulled(brick()))["stress"][:, 0].mean() > 0

    def test_body_stress_has_the_right_unit(self) -> None:
        """Its size, whatever the order and the sign."""
        stress = self.solved(self.homogeneous())["stress"]
        np.testing.assert_allclose(np.linalg.norm(stress, axis=1), np.linalg.norm(self.wanted()), rtol=1e-9)

    def test_body_stress_components_are_in_voigt_order(self) -> None:
        """Relative to the first, whatever the unit and the sign."""
        stress = self.solved(self.homogeneous())["stress"]
        np.testing.assert_allclose(
            stress / stress[:, :1], np.tile(self.wanted() / self.wanted()[0], (len(stress), 1)), rtol=0, atol=1e-9
        )

    def test_a_turned_material_is_the_turned_tensor(self) -> None:
        """v_sample = R v_crystal."""
        turned = Material(elastic=CRYSTAL, orientation=TURN)
        by_orientation, by_tensor = self.solved(self.homogeneous(material=turned)), self.solved(self.homogeneous())
        np.testing.assert_allclose(np.abs(by_orientation["stress"]), np.abs(by_tensor["stress"]), rtol=0, atol=1e-9)

    def test_reactions_balance_the_load(self) -> None:
        """100 MPa and -30 MPa on 100 mm2: the supports answer with the opposite."""
        reaction = self.solved(self.pulled(brick()))["reaction"].sum(axis=0)
        np.testing.assert_allclose(reaction, [-10_000, 3_000, 0], rtol=0, atol=1e-8 * 10_000)

    def test_points_in_any_order_stay_what_they_are(self) -> None:
        """A shuffled mesh has the shuffled displacement."""
        order = np.random.default_rng(5).permutation(64)
        straight, shuffled = (self.solved(self.pulled(brick(order=o)))["displacement"] for o in (None, order))
        np.testing.assert_allclose(shuffled, straight[order], rtol=0, atol=1e-9 * np.abs(straight).max())

    def test_the_unit_of_the_mesh_does_not_matter(self) -> None:
        """The same body in metres."""
        one, other = (self.solved(self.pulled(brick(unit=u)))["stress"] for u in ("mm", "m"))
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-9 * np.abs(one).max())

    def test_labels_of_bodies_never_act(self) -> None:
        """Neither of the mesh nor of the material."""
        mesh, material = brick(), Material(elastic=ANISOTROPIC)
        plain = self.solved(self.pulled(mesh, material=material))
        adorned = self.solved(self.pulled(mesh.replace(label="rigid"), material=material.replace(label="rubber")))
        assert all(np.array_equal(plain[n], adorned[n]) for n in plain)

    def test_a_rehearsal_of_a_body_writes_down_the_same_and_computes_nothing(self) -> None:
        """Nothing can be pulled from it."""
        job = self.pulled(brick())
        assert self.told(job, rehearsing=True) == self.told(job, rehearsing=False)
        with self.open(job, rehearsing=True) as session:
            session.advance()
            refused(session.pull, Field, "displacement")

    def test_a_body_that_can_move_is_refused(self) -> None:
        """And it is said how it could move."""

        def start() -> None:
            conditions = (Displacement("left", x=Quantity(0.0, "mm")), Traction("right", x=Quantity(1.0, "MPa")))
            with self.open(self.pulled(brick(), conditions=conditions)) as session:
                session.advance()

        error = refused(start)
        assert isinstance(error, InvalidError)
        assert "translation along y" in str(error)
