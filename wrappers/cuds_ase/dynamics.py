"""Molecular dynamics with the integrators and calculators of ASE."""

import importlib
import io
import json
from typing import Any, TypeVar

import numpy as np

from cuds.arrays import FloatArray
from cuds.errors import EngineError, FormatError, InvalidError, UnsupportedError
from cuds.model.dynamics import MolecularDynamics
from cuds.model.entity import Entity
from cuds.model.particles import ParticleSystem
from cuds.model.series import TimeSeries
from cuds.model.state import PotentialEnergy, Stress
from cuds.model.trajectory import Trajectory
from cuds.units import BOLTZMANN, Quantity, factor
from cuds.wrapper.contract import stale
from cuds_ase.session import AseSession

E = TypeVar("E", bound=Entity)

_KELVIN = float(BOLTZMANN) * factor("J", "eV")  # eV
_KINDS = {"positions": "angstrom", "velocities": "angstrom/fs", "forces": "eV/angstrom"}
_STRIDE = 1.0  # angstrom; in a sound motion an atom moves a hundredth of it in a step
_ENERGIES = {"PotentialEnergy": "potential", "KineticEnergy": "kinetic", "TotalEnergy": "total"}


class AseDynamics(AseSession):
    """Molecular dynamics with ASE; `advance` records, and what it recorded is pulled afterwards."""

    simulation: MolecularDynamics

    def _start(self) -> ParticleSystem:
        return self.simulation.start()

    def _load(self) -> None:
        super()._load()
        self._step = getattr(self, "_step", 0)
        self._forget()
        self._tell_atoms()
        self.steps += [
            f"atoms.set_velocities({self.atoms.get_velocities().tolist()})",
            "import numpy as np",
            f"rng = np.random.default_rng({self._entropy()!r})",
        ]
        self.integrator = self._made_integrator()

    def _entropy(self) -> list[int]:
        return [self.simulation.seed or 1, self._step]

    def _made_integrator(self) -> Any:
        """Return ASE's integrator for the scheme, made as the dictionary words it."""
        from ase import units

        job, dof = self.simulation, self.simulation.degrees_of_freedom
        row = self.words.scheme(job)
        T = None if job.temperature is None else job.temperature.in_unit("K")
        tau = job.thermostat_time.in_unit("fs") * units.fs
        values: dict[str, Any] = {
            "T": T,
            "T_3N": None if T is None else T * dof / (3 * len(self.system)),  # where ASE counts the total momentum
            "tau_T": tau,
            "1/tau_T": 1 / tau,
            "tau_p": job.barostat_time.in_unit("fs") * units.fs,
            "p": None if job.pressure is None else job.pressure.in_unit("eV/angstrom**3"),
            "dof": dof,
        }
        module, name = row.keyword.split(":")
        given = dict(word.split("=") for word in row.coefficients.split())
        named = {n: values[v] if v in values else json.loads(v) for n, v in given.items() if v != "rng"}
        told = ", ".join([f"{n}={v!r}" for n, v in named.items()] + ["rng=rng"] * ("rng" in given))
        timestep = job.timestep.in_unit("fs") * units.fs
        self.steps += [f"from {module} import {name}", f"move = {name}(atoms, {timestep!r}, {told})"]
        self.random = np.random.default_rng(self._entropy())
        random = {"rng": self.random} if "rng" in given else {}
        return getattr(importlib.import_module(module), name)(self.atoms, timestep, **named, **random)

    def push(self, *what: Entity) -> None:
        """Replace the state of the particles and go on from there."""
        for entity in what:
            if isinstance(entity, ParticleSystem) and entity.velocities is None:
                raise InvalidError("velocities: none", hint="push a system with velocities", field="velocities")
            super().push(entity)

    def advance(self, steps: int | None = None) -> None:
        """Move on by so many steps, or to the end, and record on the way; earlier records are forgotten."""
        job, step = self.simulation, self._step
        self._forget()
        if step == 0 and not self.fresh:
            self._record()
        end, every = job.n_steps if steps is None else step + steps, job.sample_steps
        while self._step < end:
            count = min(end, self._step - self._step % every + every) - self._step
            self._move(count)
            if self._step % every == 0:
                self._record()
        if self.rehearsing and job.checkpoint_steps < end:
            self.steps.append(f"# every {job.checkpoint_steps} steps the calculator is made anew")
        self.fresh = not self.rehearsing

    def _move(self, steps: int) -> None:
        line = f"move.run({steps})"
        self.steps.append(line)
        if self.rehearsing:
            self._step += steps
            return
        try:
            with np.errstate(all="ignore"):  # what is not finite is refused below
                self.integrator.run(steps)
        except Exception as error:  # calculators raise whatever they like
            name = type(self.calculator).__name__
            raise EngineError(
                f"ASE's {name}, after step {self._step}: {type(error).__name__}: {error}",
                hint="take a smaller timestep=, or relax the system first",
                engine="ase",
            ) from error
        self._step += steps
        self._refuse_blown_up()

    def _refuse_blown_up(self) -> None:
        """Name the atoms that are nowhere, or so fast that no force can turn them within a step."""
        stride = np.abs(self._column("velocities")).max(axis=1) * self.simulation.timestep.in_unit("fs")
        bad = ~np.isfinite(self.atoms.positions).all(axis=1) | ~(stride < _STRIDE)
        if bad.any():
            lost = self.system.ids[bad]
            raise EngineError(
                f"ASE: {len(lost)} atoms move more than {_STRIDE} angstrom a step, or nowhere, "
                f"after step {self._step} of {self.simulation.timestep!r}; ids {', '.join(map(str, lost[:10]))}",
                hint="take a smaller timestep=, or relax the system first; a push makes it anew",
                engine="ase",
                lost=[int(i) for i in lost],
            )

    def _forget(self) -> None:
        self._samples: list[dict[str, Any]] = []
        self._kept: dict[str, list[FloatArray]] = {name: [] for name in self.simulation.record}

    def _record(self) -> None:
        if self.rehearsing:
            return
        atoms, conserved = self.atoms, getattr(self.integrator, "get_conserved_energy", None)
        sample = {"step": self._step, "potential": atoms.get_potential_energy(), "kinetic": atoms.get_kinetic_energy()}
        sample["total"] = sample["potential"] + sample["kinetic"]
        if conserved is not None:
            sample["conserved"] = conserved()
        elif hasattr(self.integrator, "transferred_energy"):
            sample["conserved"] = sample["total"] - self.integrator.transferred_energy
        elif self.simulation.ensemble == "NVE":
            sample["conserved"] = sample["total"]
        if all(self.system.pbc):
            sample["stress"] = atoms.get_stress(include_ideal_gas=True)
            sample["volume"], sample["cell"] = atoms.get_volume(), atoms.cell.array.copy()
        self._samples.append(sample)
        for name, rows in self._kept.items():
            rows.append(self._column(name))

    def _column(self, name: str) -> FloatArray:
        """Return positions, velocities or forces as they are now."""
        from ase import units

        atoms = self.atoms
        if name == "velocities":
            return np.array(atoms.get_velocities() / (units.Ang / units.fs))
        return np.array(atoms.positions if name == "positions" else atoms.get_forces())

    def pull(self, kind: type[E], name: str = "") -> E:
        """Return the state, or what the last `advance` recorded: a time series, a trajectory."""
        if not self.fresh:
            raise stale()
        found: Entity
        if kind is TimeSeries:
            found = self._series()
        elif kind is Trajectory:
            found = self._trajectory()
        elif kind is ParticleSystem:
            found = self._snapshot()
        elif kind in (PotentialEnergy, Stress):
            return super().pull(kind)
        else:
            gives = "ParticleSystem, TimeSeries, Trajectory, PotentialEnergy, Stress"
            raise UnsupportedError(f"ASE gives no {kind.__name__}", hint=f"it gives {gives}")
        return found  # type: ignore[return-value]

    def _snapshot(self) -> ParticleSystem:
        state = {name: Quantity(self._column(name), unit) for name, unit in _KINDS.items()}
        if self.simulation.ensemble == "NPT":
            state["cell"] = Quantity(self.atoms.cell.array.copy(), "angstrom")
        return self.system.replace(**state, energies=None, atomic_stresses=None)

    def _times(self) -> tuple[Quantity, list[int]]:
        steps = [s["step"] for s in self._samples]
        return Quantity(np.array(steps, dtype=np.int64) * self.simulation.timestep.in_unit("ps"), "ps"), steps

    def _series(self) -> TimeSeries:
        def column(name: str, *shape: int) -> FloatArray:
            return np.array([s[name] for s in self._samples], dtype=np.float64).reshape(-1, *shape)

        values = {quantity: Quantity(column(name), "eV") for quantity, name in _ENERGIES.items()}
        kelvin = 2 * column("kinetic") / (self.simulation.degrees_of_freedom * _KELVIN)
        values["Temperature"] = Quantity(kelvin, "K")
        if self._conserves:
            values["ConservedEnergy"] = Quantity(column("conserved"), "eV")
        if all(self.system.pbc):
            stress = Quantity(column("stress", 6), "eV/angstrom**3").to("GPa")
            values["HydrostaticPressure"] = Quantity(-stress.value[:, :3].mean(axis=1), "GPa")
            values["Stress"] = stress
            values["CellVolume"] = Quantity(column("volume"), "angstrom**3")
        if self.simulation.ensemble == "NPT":
            values["CellVectors"] = Quantity(column("cell", 3, 3), "angstrom")
        times, steps = self._times()
        return TimeSeries.of(times, steps, values)

    @property
    def _conserves(self) -> bool:
        known = ("get_conserved_energy", "transferred_energy")
        return self.simulation.ensemble == "NVE" or any(hasattr(self.integrator, name) for name in known)

    def _trajectory(self) -> Trajectory:
        if not self.simulation.record:
            raise UnsupportedError("no frames were recorded", hint="ask for them: record=('positions',)")
        times, steps = self._times()
        shape = (len(steps), len(self.system), 3)
        columns = {n: Quantity(np.array(rows).reshape(shape), _KINDS[n]) for n, rows in self._kept.items()}
        if self.simulation.ensemble == "NPT":
            columns["cell"] = Quantity(np.array([s["cell"] for s in self._samples]).reshape(-1, 3, 3), "angstrom")
        return Trajectory(system=self.system, times=times, steps=steps, **columns)

    def report(self) -> dict[str, Any]:
        """Return how many degrees of freedom the temperature is taken from, how far it came, and what a restart is."""
        job = self.simulation
        restart = self.words.scheme(job).restart or "exact"
        return {"degrees of freedom": job.degrees_of_freedom, "steps": self._step, "restart": restart}

    def state(self) -> bytes:
        """Return the numbers of atoms, integrator and random generator; the calculator begins anew."""
        numbers = _numbers(self.integrator)
        arrays = {"positions": self.atoms.positions, "momenta": self.atoms.get_momenta(), "cell": self.atoms.cell.array}
        said = {"step": self._step, "random": self.random.bit_generator.state}
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, said=np.array(json.dumps(said)), **arrays, **numbers)
        self._renew()
        return content.getvalue()

    def restore(self, state: bytes) -> None:
        """Go back to a state of the same simulation."""
        try:
            with np.load(io.BytesIO(state), allow_pickle=False) as found:
                said, numbers = json.loads(str(found["said"])), {n: found[n] for n in found.files if n != "said"}
        except (ValueError, OSError, KeyError) as error:
            raise FormatError(f"the state is damaged: {error}", hint="start again from the model") from None
        self._step = int(said["step"])
        self.atoms.set_cell(numbers.pop("cell"))
        self.atoms.set_positions(numbers.pop("positions"))
        self.atoms.set_momenta(numbers.pop("momenta"))
        self.random.bit_generator.state = said["random"]
        _set_numbers(self.integrator, numbers)
        self._renew()
        self.fresh = False

    def _renew(self) -> None:
        """Make the calculator anew: what it remembers of earlier steps would change the last digits."""
        self.calculator, self._made = self._calculator()
        self.atoms.calc = self.calculator
        self.steps += self._made


def _numbers(thing: Any, prefix: str = "") -> dict[str, Any]:
    """Return the numbers that an integrator and the thermostats within it hold, by name."""
    found: dict[str, Any] = {}
    for name, value in vars(thing).items():
        if isinstance(value, np.ndarray | float | np.floating) and np.asarray(value).dtype.kind == "f":
            found[f"{prefix}{name}"] = np.asarray(value)
        elif type(value).__module__.startswith("ase.md"):
            found |= _numbers(value, f"{prefix}{name}.")
    return found


def _set_numbers(thing: Any, numbers: dict[str, Any]) -> None:
    for path, value in numbers.items():
        holder, names = thing, path.split(".")
        for name in names[:-1]:
            holder = getattr(holder, name)
        setattr(holder, names[-1], np.array(value) if value.ndim else float(value))
