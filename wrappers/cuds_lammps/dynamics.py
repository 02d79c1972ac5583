"""Molecular dynamics with LAMMPS."""

from typing import Any, TypeVar

import numpy as np

from cuds.arrays import FloatArray
from cuds.errors import EngineError, InvalidError, UnsupportedError
from cuds.model.dynamics import MolecularDynamics
from cuds.model.entity import Entity
from cuds.model.particles import ParticleSystem
from cuds.model.rigid import deviation, settled
from cuds.model.series import TimeSeries
from cuds.model.state import PotentialEnergy, Stress
from cuds.model.trajectory import Trajectory
from cuds.units import Quantity
from cuds.wrapper.contract import stale
from cuds_lammps.rigid import fix
from cuds_lammps.session import LammpsSession

E = TypeVar("E", bound=Entity)

_PRINTED = "step temp pe ke etotal econserve pxx pyy pzz pyz pxz pxy vol"
_ENERGIES = {
    "PotentialEnergy": "PotEng",
    "KineticEnergy": "KinEng",
    "TotalEnergy": "TotEng",
    "ConservedEnergy": "Econserve",
}
_LARGEST_SEED = 900_000_000
_COUPLED = {"isotropic": "iso", "anisotropic": "aniso", "full": "tri"}


class LammpsDynamics(LammpsSession):
    """Molecular dynamics with LAMMPS; `advance` records, and what it recorded is pulled afterwards."""

    simulation: MolecularDynamics
    moving = True
    _pulled: ParticleSystem | None = None  # the state that was handed out last, as long as nothing moved
    _set_right = 0.0  # how far rigid distances moved a particle at the start, in Å
    _step = 0  # at which the system was made
    _rehearsed = 0  # steps that were only written down

    def _start(self) -> ParticleSystem:
        start, given = self.simulation.start(), self.simulation.system.positions
        moved = np.abs(start.positions.in_unit("angstrom") - given.in_unit("angstrom")).max(initial=0.0)
        self._set_right = float(moved)
        return start

    def _rebuild(self) -> None:
        """Make the system anew, and go on counting steps."""
        self._step = self.library.step
        super()._rebuild()

    def _prepare(self) -> None:
        """Give the atoms their velocities and say how they move."""
        if self._step:
            self.script.tell(f"reset_timestep {self._step}")
        self._speed_up()
        if self.simulation.coupling == "full" and self.simulation.ensemble == "NPT" and not self.library.tilted:
            self.script.tell("change_box all triclinic")
        self._integrate()

    def _move(self) -> None:
        """Move the atoms, and begin anew to move them on: thermostats and barostats forget."""
        for number in range(1, len(self._fixes()) + 1):
            self.script.tell(f"unfix cuds_move{number}")
        super()._move()
        self._speed_up()
        self._integrate()

    def _speed_up(self) -> None:
        """Give all atoms the velocities of the system."""
        assert self.system.velocities is not None  # drawn by the model
        self.script.velocities(self._speeds(self.system.velocities))

    def _speeds(self, velocities: Quantity) -> FloatArray:
        return self.frame.into(self.units.into("velocity", velocities))

    def _integrate(self) -> None:
        """Say how the atoms move; it is set up with the next run."""
        job, script = self.simulation, self.script
        script.tell(f"thermo_style custom {_PRINTED}")
        script.tell("thermo_modify norm no format float %.17g")
        if not job.removed_modes:
            script.tell("compute_modify thermo_temp extra/dof 0")
        script.tell(f"timestep {self.units.into('time', job.timestep)!r}")
        for number, way in enumerate(self._fixes(), start=1):
            script.tell(f"fix cuds_move{number} all {way}")
        self.settled = False
        self._forget()

    def _fixes(self) -> list[str]:
        """Return the fixes that move the atoms, as the dictionary words them."""
        job, into = self.simulation, self.units.into
        values: dict[str, Any] = {
            "tau_T": into("time", job.thermostat_time),
            "tau_p": into("time", job.barostat_time),
            "couple": _COUPLED[job.coupling],
            "seed": self._seed(),
        }
        if job.temperature is not None:
            values["T"] = into("temperature", job.temperature)
        if job.pressure is not None:
            values["p"] = into("stress", job.pressure)
        parts = self.words.scheme(job).coefficients.split("|")
        if any(self.held.values()):
            parts.insert(-1, fix(self.held, self.words, self.units))
        return [" ".join(str(values.get(w, w)) for w in part.split()) for part in parts]

    def _seed(self) -> int:
        """Return a seed for the random numbers from here on; after each checkpoint it is another one."""
        seed, step = self.simulation.seed or 1, self.library.step
        if step == 0 and seed <= _LARGEST_SEED:
            return seed
        return int(np.random.default_rng([seed, step]).integers(1, _LARGEST_SEED + 1))

    def push(self, *what: Entity) -> None:
        """Replace the state of the particles; where positions and cell are those just pulled, only velocities."""
        for entity in what:
            if isinstance(entity, ParticleSystem) and entity.velocities is None:
                raise InvalidError("velocities: none", hint="push a system with velocities", field="velocities")
            if not isinstance(entity, ParticleSystem):
                super().push(entity)
            elif self._same_places(entity):
                self._push_velocities(entity)
            else:
                super().push(settled(entity))

    def _same_places(self, system: ParticleSystem) -> bool:
        known = self._pulled
        return known is not None and system.replace(velocities=known.velocities, forces=known.forces) == known

    def _push_velocities(self, system: ParticleSystem) -> None:
        assert self._pulled is not None  # asked before
        if system.velocities == self._pulled.velocities:
            return
        velocities = settled(system).velocities
        assert velocities is not None  # refused before
        new = self._speeds(velocities)
        changed = np.flatnonzero((new != self.library.rows("v")).any(axis=1)) + 1
        self._pulled = system
        if len(changed):
            self.script.velocities(new[changed - 1], changed)
            self.settled = False

    def advance(self, steps: int | None = None) -> None:
        """Move on by so many steps, or to the end, and record on the way; earlier records are forgotten."""
        self._refuse_damaged()
        job, step = self.simulation, self._at
        self._forget()
        end, every = job.n_steps if steps is None else step + steps, job.sample_steps
        if not self.settled and step in (0, end):
            self._run(0)
        if step == 0 and not self.fresh:
            self._record()
        while (step := self._at) < end:
            self._run(min(end, step - step % every + every) - step)
            if self._at % every == 0:
                self._record()
        if self.script.rehearsing and job.checkpoint_steps < end:
            self.script.lines.append(
                f"# every {job.checkpoint_steps} steps it writes a restart file, and goes on from it"
            )
        restart = self.words.scheme(job).restart or "exact"
        self.facts = {"degrees of freedom": job.degrees_of_freedom, "steps": self._at, "restart": restart}
        if any(self.held.values()) and not self.script.rehearsing:
            self.facts |= self._rigidity()
        self.fresh, self._pulled = not self.script.rehearsing, None

    def _rigidity(self) -> dict[str, float]:
        """Return how far positions were moved to their rigid distances at the start, and how near they are now."""
        place = self.units.back("length", self._column("positions"))
        return {
            "set at rigid distances by up to [angstrom]": self._set_right,
            "rigid distances kept to [relative]": deviation(self.system.replace(positions=place)),
        }

    @property
    def _at(self) -> int:
        """The step that was reached, or would have been."""
        return self.library.step + self._rehearsed

    def _run(self, steps: int) -> None:
        """Make steps; what was changed from outside is set up first."""
        try:
            self.script.tell(f"run {steps} {'pre no ' if self.settled else ''}post no")
        except EngineError as error:
            raise self._blown_up(error) from None
        self.settled = True
        if self.script.rehearsing:
            self._rehearsed += steps
            return
        energy = self.library.printed()["TotEng"]
        if not np.isfinite(energy):
            self.library.dirty = True
            raise self._blown_up(EngineError(f"LAMMPS: the energy is {energy}", hint="", engine="lammps"))

    def _blown_up(self, error: EngineError) -> EngineError:
        """Name the atoms that were lost, and what to do."""
        if not self.library.dirty:
            return error
        lost = self.system.ids[self.library.missing(len(self.system)) - 1]
        named = f"; lost: {len(lost)} atoms, ids {', '.join(map(str, lost[:10]))}" if len(lost) else ""
        return EngineError(
            f"{error.message}{named}; in or after step {self.library.step}, time step {self.simulation.timestep!r}",
            hint="take a smaller timestep=, or relax the system first; a push rebuilds it",
            engine="lammps",
            lost=[int(i) for i in lost],
        )

    def _forget(self) -> None:
        self._samples: list[dict[str, float]] = []
        self._cells: list[FloatArray] = []
        self._kept: dict[str, list[FloatArray]] = {name: [] for name in self.simulation.record}
        self._pulled = None

    def _record(self) -> None:
        if self.script.rehearsing:
            return
        self._samples.append(self.library.printed())
        self._cells.append(self.frame.cell_back(self.library.box()[1]))
        for name, rows in self._kept.items():
            rows.append(self._column(name))

    def _column(self, name: str) -> FloatArray:
        """Return positions, velocities or forces as they are now, in LAMMPS's units and the frame of the model."""
        library = self.library
        rows = library.rows({"positions": "x", "velocities": "v", "forces": "f"}[name])
        if name == "positions" and (images := library.images()) is not None:
            rows = rows + images @ library.box()[1]
        return self.frame.back(rows)

    def pull(self, kind: type[E], name: str = "") -> E:
        """Return the state, or what the last `advance` recorded: a time series, a trajectory."""
        if not self.fresh:
            raise stale()
        found: Entity
        if kind is ParticleSystem:
            found = self._pulled = self._snapshot()
        elif kind is TimeSeries:
            found = self._series()
        elif kind is Trajectory:
            found = self._trajectory()
        elif kind is PotentialEnergy:
            found = PotentialEnergy(value=self.units.back("energy", self.library.printed()["PotEng"]))
        elif kind is Stress:
            stress = self._stresses([self.library.printed()])
            found = Stress(value=stress[0])
        else:
            gives = "ParticleSystem, TimeSeries, Trajectory, PotentialEnergy, Stress"
            raise UnsupportedError(f"LAMMPS gives no {kind.__name__}", hint=f"it gives {gives}")
        return found  # type: ignore[return-value]

    def _snapshot(self) -> ParticleSystem:
        state = {n: self.units.back(k, self._column(n)) for n, k in _KINDS.items()}
        if self.simulation.ensemble == "NPT":
            state["cell"] = self.units.back("length", self.frame.cell_back(self.library.box()[1]))
        return self.system.replace(**state, energies=None, atomic_stresses=None)

    def _times(self, steps: list[int]) -> Quantity:
        return Quantity(np.array(steps, dtype=np.int64) * self.simulation.timestep.in_unit("ps"), "ps")

    def _stresses(self, samples: list[dict[str, float]]) -> Quantity:
        """Return stresses (n, 6), positive in tension, kinetic part included."""
        rows = np.array([[s[f"P{c}"] for c in ("xx", "yy", "zz", "yz", "xz", "xy")] for s in samples]).reshape(-1, 6)
        return self.units.back("stress", self.frame.stress_back(-rows)).to("GPa")

    def _series(self) -> TimeSeries:
        samples, back = self._samples, self.units.back

        def column(kind: str, name: str) -> Quantity:
            return back(kind, np.array([s[name] for s in samples], dtype=np.float64))

        values = {"Temperature": column("temperature", "Temp")}
        values |= {quantity: column("energy", name) for quantity, name in _ENERGIES.items()}
        if all(self.frame.pbc):
            stress = self._stresses(samples)
            values["HydrostaticPressure"] = Quantity(-stress.value[:, :3].mean(axis=1), stress.unit)
            values["Stress"] = stress
            values["CellVolume"] = column("volume", "Volume")
        if self.simulation.ensemble == "NPT":
            values["CellVectors"] = back("length", np.array(self._cells).reshape(-1, 3, 3))
        steps = [int(s["Step"]) for s in samples]
        return TimeSeries.of(self._times(steps), steps, values)

    def _trajectory(self) -> Trajectory:
        """Return the frames; who the particles are is said by the system at the start."""
        if not self.simulation.record:
            raise UnsupportedError("no frames were recorded", hint="ask for them: record=('positions',)")
        back, steps = self.units.back, [int(s["Step"]) for s in self._samples]
        shape = (len(steps), len(self.system), 3)
        columns = {n: back(_KINDS[n], np.array(rows).reshape(shape)) for n, rows in self._kept.items()}
        if self.simulation.ensemble == "NPT":
            columns["cell"] = back("length", np.array(self._cells).reshape(-1, 3, 3))
        return Trajectory(system=self.system, times=self._times(steps), steps=steps, **columns)

    def state(self) -> bytes:
        """Return LAMMPS's own restart file; the session goes on from it, as one that is restored does."""
        self._refuse_damaged()
        path = self.folder / f"state-{self.library.step}.bin"
        self.script.tell(f"write_restart {path}")
        self.library.meet()
        content = path.read_bytes()
        self._resume(path)
        return content

    def restore(self, state: bytes) -> None:
        """Go back to a state of the same simulation."""
        path = self.folder / "state.bin"
        if self.library.first:
            path.write_bytes(state)
        self.library.meet()
        self.script.lines = []
        self._resume(path)

    def _resume(self, path: Any) -> None:
        self.script.tell("clear")
        self.library.dirty = False
        self._begin()
        self.script.order()
        self.script.tell(f"read_restart {path}")
        self.script.tell_all(self.maps)
        self._interact()
        self._integrate()
        self.fresh = False


_KINDS = {"positions": "length", "velocities": "velocity", "forces": "force"}
