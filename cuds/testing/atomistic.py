"""The cases for engines that calculate atoms. Each tests one thing, so that a fault fails the case that names it."""

import numpy as np

from cuds.errors import CudsError, EngineError, UnsupportedError
from cuds.model.field import Field
from cuds.model.particles import ParticleSystem
from cuds.model.simulation import EnergyMinimisation, SinglePoint
from cuds.model.state import PotentialEnergy
from cuds.model.tensor import VOIGT
from cuds.testing.bench import SHEARED, TURN, Bench, found
from cuds.units import Quantity, factor

_GPA = factor("eV/angstrom**3", "GPa")


def refused(call: object, *args: object) -> CudsError:
    """Return the error of cuds that a call raises; fail when it raises none."""
    caught: CudsError | None = None
    try:
        call(*args)  # type: ignore[operator]
    except CudsError as error:
        caught = error
    assert caught is not None, "it was not refused"
    assert caught.hint, "an error says what to do"
    return caught


class AtomisticContract(Bench):
    """What every engine of atoms must do."""

    def moved(self, system: ParticleSystem, x: np.ndarray) -> ParticleSystem:
        """Return the system with other positions, in Å."""
        return system.replace(positions=(x, "angstrom"), forces=None, energies=None, atomic_stresses=None)

    def test_forces_are_minus_the_derivative_of_the_energy(self) -> None:
        """For one atom along a skew direction, by central differences, to 1e-5 of the force."""
        system, step = self.crystal(), np.zeros((32, 3))
        step[7] = 1e-4 * np.array([0.6, -0.64, 0.48])
        x = system.positions.in_unit("angstrom")
        here, up, down = self.single(system, self.moved(system, x + step), self.moved(system, x - step))
        slope = (up.energy - down.energy) / 2
        np.testing.assert_allclose(-np.sum(here.forces * step), slope, rtol=1e-5)

    def test_minimised_positions_are_those_of_the_minimised_energy(self) -> None:
        """What comes back is read from the engine: an independent calculation there gives the same energy."""
        start = self.crystal()
        with self.open(
            EnergyMinimisation(start, potential=self.potential(), force_tolerance=Quantity(1e-4, "eV/angstrom"))
        ) as session:
            session.advance()
            minimum = found(session)
        (again,) = self.single(self.moved(start, minimum.positions))
        assert minimum.energy < self.single(start)[0].energy - 1e-3
        np.testing.assert_allclose(again.energy, minimum.energy, rtol=1e-12)

    def test_particles_with_unsorted_ids_stay_who_they_are(self) -> None:
        """Ids in any order, with gaps: the same order and the same ids come back, each with its own force."""
        system = self.crystal()
        (straight,) = self.single(system)
        order = np.random.default_rng(2).permutation(len(system))
        shuffled = self.moved(system, system.positions.value[order]).replace(ids=3 * order + 7)
        (back,) = self.single(shuffled)
        assert back.system.ids.tolist() == (3 * order + 7).tolist()
        np.testing.assert_allclose(back.positions, straight.positions[order], rtol=0, atol=1e-11)
        np.testing.assert_allclose(back.forces, straight.forces[order], rtol=0, atol=1e-9)

    def test_many_particles_stay_who_they_are_while_they_move(self) -> None:
        """More than a hundred, shifted through the boundary and minimised: no particle comes back as another."""
        system = self.crystal(3)
        order = np.random.default_rng(3).permutation(len(system))
        x = system.positions.value[order] + np.array([1.7, -2.3, 5.1])
        scattered = self.moved(system, x)
        tolerance = Quantity(1e-3, "eV/angstrom")
        with self.open(EnergyMinimisation(scattered, potential=self.potential(), force_tolerance=tolerance)) as session:
            session.advance()
            back = found(session)
        assert np.abs(back.positions - x).max() < 0.5

    def test_positions_come_back_exactly(self) -> None:
        """Bit for bit in an orthogonal cell, to 1e-12 of the cell in any other."""
        straight, skew = self.crystal(), self.sheared()
        assert np.array_equal(self.single(straight)[0].positions, straight.positions.value)
        (back,) = self.single(skew)
        assert skew.cell is not None
        assert back.system.cell is not None
        np.testing.assert_allclose(back.positions, skew.positions.value, rtol=0, atol=1e-11)
        np.testing.assert_allclose(back.system.cell.in_unit("angstrom"), skew.cell.value, rtol=0, atol=1e-11)

    def test_positions_outside_the_cell_come_back_outside(self) -> None:
        """They are unwrapped; the energy is that of the images inside."""
        system = self.crystal()
        assert system.cell is not None
        images = np.random.default_rng(4).integers(-2, 3, (len(system), 3))
        outside = self.moved(system, system.positions.value + images @ system.cell.value)
        inside, back = self.single(system, outside)
        np.testing.assert_allclose(back.positions, outside.positions.value, rtol=0, atol=1e-11)
        np.testing.assert_allclose(back.energy, inside.energy, rtol=1e-12)

    def test_labels_annotations_and_columns_never_act(self) -> None:
        """They change neither a number nor a word that the engine is told."""
        plain = self.crystal()
        adorned = plain.replace(label="fixed", annotations={"freeze": True}, columns={"tags": np.arange(len(plain))})
        said = []
        for system in (plain, adorned):
            with self.open(SinglePoint(system, potential=self.potential())) as session:
                session.advance()
                said.append((found(session).energy, found(session).forces.tolist(), session.transcript()))
        assert said[0] == said[1]

    def test_boundaries_are_honoured(self) -> None:
        """A direction that is not periodic is as one with a wide gap, or refused by name; a periodic one is not."""
        system = self.crystal()
        assert system.cell is not None
        energies = {}
        for pbc in ((True, True, True), (True, True, False), (False, True, False), (False, False, False)):
            cell = system.cell.value + np.diag([0.0 if p else 30.0 for p in pbc])
            free = system.replace(pbc=pbc)
            wide = system.replace(cell=(cell, "angstrom"))
            try:
                energies[pbc] = self.single(free)[0].energy
            except UnsupportedError as error:
                if "pbc" not in str(error):
                    raise
                continue
            np.testing.assert_allclose(energies[pbc], self.single(wide)[0].energy, rtol=1e-10, err_msg=str(pbc))
        assert (True, True, True) in energies
        assert len({round(e, 3) for e in energies.values()}) == len(energies)

    def reference_stress(self, system: ParticleSystem) -> np.ndarray:
        """Return dE/dstrain per volume in GPa, Voigt order, by central differences."""
        step, states = 1e-5, []
        for component in range(6):
            for sign in (1, -1):
                strain = np.zeros(6)
                strain[component] = sign * step
                states.append(system.strained(strain))
        energies = [f.energy for f in self.single(*states)]
        slopes = [(up - down) / (2 * step) for up, down in zip(energies[::2], energies[1::2], strict=True)]
        return np.array(slopes, dtype=np.float64) * (_GPA / float(system.volume.in_unit("angstrom**3")))

    def test_stress_is_positive_in_tension(self) -> None:
        """Pulled apart it is positive, pressed together negative."""
        crystal = self.crystal(rattled=0.0)
        pulled, pressed = self.single(crystal.strained([0.01] * 3 + [0] * 3), crystal.strained([-0.01] * 3 + [0] * 3))
        assert pulled.stress[:3].sum() > 0 > pressed.stress[:3].sum()

    def test_stress_has_the_right_unit(self) -> None:
        """Its size is that of dE/dstrain per volume, to 1e-6; whatever the order and the sign."""
        system = self.sheared()
        size = [np.linalg.norm(s) for s in (self.single(system)[0].stress, self.reference_stress(system))]
        np.testing.assert_allclose(size[0], size[1], rtol=1e-6)

    def test_stress_components_are_in_voigt_order(self) -> None:
        """Six different ones, relative to the largest, straight and turned; whatever the unit and the sign."""
        for system in (self.crystal().strained(SHEARED), self.sheared()):
            found_, wanted = self.single(system)[0].stress, self.reference_stress(system)
            largest = int(np.abs(wanted).argmax())
            np.testing.assert_allclose(found_ / found_[largest], wanted / wanted[largest], rtol=0, atol=1e-6)

    def test_a_turned_system_has_turned_forces(self) -> None:
        """Energies stay, forces turn along."""
        system = self.crystal().strained(SHEARED)
        (straight,), (turned,) = self.single(system), self.single(system.rotated(TURN))
        np.testing.assert_allclose(turned.energy, straight.energy, rtol=1e-12)
        np.testing.assert_allclose(turned.forces, straight.forces @ TURN.T, rtol=0, atol=1e-9)

    def test_shares_of_the_particles_sum_to_the_whole(self) -> None:
        """Where energies and stresses by particle are given."""
        (back,) = self.single(self.sheared())
        if back.system.energies is not None:
            np.testing.assert_allclose(back.system.energies.in_unit("eV").sum(), back.energy, rtol=1e-10)
        if back.system.atomic_stresses is not None:
            total = (
                back.system.atomic_stresses.in_unit("eV").sum(axis=0) / back.system.volume.in_unit("angstrom**3") * _GPA
            )
            np.testing.assert_allclose(total, back.stress, rtol=0, atol=1e-6 * np.abs(back.stress).max())

    def test_the_unit_of_the_input_does_not_matter(self) -> None:
        """The same system in nanometres has the same energy."""
        system = self.sheared()
        assert system.cell is not None
        other = system.replace(positions=system.positions.to("nm"), cell=system.cell.to("nm"))
        np.testing.assert_allclose(self.single(other)[0].energy, self.single(system)[0].energy, rtol=1e-12)

    def test_a_kind_without_particles_changes_nothing(self) -> None:
        """Kinds may stand in any order, and some may have no particles."""
        system = self.crystal()
        unused = system.kinds[0].replace(symbol="Xx", atomic_number=0)
        other = system.replace(kinds=(unused, *system.kinds), species=system.species + 1)
        np.testing.assert_allclose(self.single(other)[0].energy, self.single(system)[0].energy, rtol=1e-12)

    def test_particles_on_top_of_each_other_are_an_error(self) -> None:
        """Not a number; and the session can be used again."""
        self._collided(SinglePoint)

    def test_minimising_particles_on_top_of_each_other_is_an_error(self) -> None:
        """Not a search without end; and the session can be used again."""
        self._collided(EnergyMinimisation)

    def _collided(self, job: type[SinglePoint | EnergyMinimisation]) -> None:
        system = self.crystal()
        x = np.array(system.positions.value)
        x[3] = x[5]
        with self.open(job(system, potential=self.potential())) as session:
            before = self.look(session, system)
            session.push(self.moved(system, x))
            assert isinstance(refused(session.advance), EngineError)
            after = self.look(session, system, first=False)
        np.testing.assert_allclose(after.energy, before.energy, rtol=1e-12)

    def test_other_particles_cannot_be_pushed(self) -> None:
        """A session is open on its particles."""
        system = self.crystal()
        with self.open(SinglePoint(system, potential=self.potential())) as session:
            assert "ids" in str(refused(session.push, system.replace(ids=system.ids + 1)))

    def test_nothing_stale_is_handed_out(self) -> None:
        """Pulling before anything was computed, or after a push, is refused."""
        system = self.crystal()
        with self.open(SinglePoint(system, potential=self.potential())) as session:
            refused(session.pull, PotentialEnergy)
            session.advance()
            session.push(self.moved(system, system.positions.value * 1.001))
            refused(session.pull, PotentialEnergy)

    def test_what_it_does_not_provide_is_refused_by_name(self) -> None:
        """Not None, not an empty thing."""
        with self.open(SinglePoint(self.crystal(), potential=self.potential())) as session:
            session.advance()
            assert "Field" in str(refused(session.pull, Field, "stress"))

    def test_the_transcript_is_the_same_every_time_and_names_no_folder(self) -> None:
        """It can be kept, compared and run elsewhere."""
        said = []
        for _ in range(2):
            with self.open(SinglePoint(self.sheared(), potential=self.potential())) as session:
                session.advance()
                said.append(session.transcript())
        assert said[0] == said[1]
        assert said[0].strip()
        assert "cuds-contract-" not in said[0]

    def test_a_rehearsal_writes_down_the_same_and_computes_nothing(self) -> None:
        """Nothing can be pulled from it; and atoms on top of each other, which nobody can compute, do no harm."""
        job = SinglePoint(self.sheared(), potential=self.potential())
        assert self.told(job, rehearsing=True) == self.told(job, rehearsing=False)
        x = np.array(job.system.positions.value)
        x[3] = x[5]
        with self.open(job.replace(system=self.moved(job.system, x)), rehearsing=True) as session:
            session.advance()
            refused(session.pull, PotentialEnergy)

    def test_voigt_order_is_the_conventions(self) -> None:
        """The suite itself speaks of xx, yy, zz, yz, xz, xy."""
        assert VOIGT == ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
