"""An ASE calculator open on one system."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from cuds.codecs.ase_atoms import to_ase
from cuds.errors import CudsError, EngineError, InvalidError, NotConvergedError, UnsupportedError
from cuds.model.entity import Entity
from cuds.model.particles import ParticleSystem
from cuds.model.simulation import AtomisticSimulation, EnergyMinimisation
from cuds.model.state import PotentialEnergy, Stress
from cuds.semantics.dictionary import EngineWords
from cuds.units import Quantity
from cuds.wrapper.contract import Session, stale
from cuds_ase.calculator import calculator

E = TypeVar("E", bound=Entity)


class AseSession(Session):
    """Statics with a calculator of ASE.

    Parameters
    ----------
    simulation : AtomisticSimulation
        What is computed.
    folder : Path
        Where the potential file is put.
    words : EngineWords
        ASE's part of the dictionary.
    options : mapping
        ``calculator`` and ``parameters``, already checked.
    """

    def __init__(
        self, simulation: AtomisticSimulation, folder: Path, words: EngineWords, options: Mapping[str, Any]
    ) -> None:
        self.simulation = simulation
        self.words = words
        self.system = self._start()
        self._calculator = partial(calculator, simulation.potential, folder, words, options)
        self.calculator, self._made = self._calculator()
        self.rehearsing = False
        self.steps: list[str] = []
        self.facts: dict[str, Any] = {}
        self._load()

    def _start(self) -> ParticleSystem:
        """Return the system as it is at the start."""
        return self.simulation.system

    def _load(self) -> None:
        self.atoms = to_ase(self.system)
        self.atoms.calc = self.calculator
        self.fresh = False

    def push(self, *what: Entity) -> None:
        """Replace the system by the same particles in another state."""
        for entity in what:
            if not isinstance(entity, ParticleSystem):
                raise UnsupportedError(
                    f"ASE takes no {type(entity).__name__} into a running session", hint="push a ParticleSystem"
                )
            if not np.array_equal(entity.ids, self.system.ids):
                raise InvalidError(
                    "ids: other particles than those of the session", hint="open a new session for them", field="ids"
                )
            self.system = entity
            self._load()

    def advance(self, steps: int | None = None) -> None:
        """Compute the state as it is, or minimise its energy; `steps` limits the steps of the minimiser."""
        self._tell_atoms()
        if not self.rehearsing:
            self._compute(steps)
        elif isinstance(self.simulation, EnergyMinimisation):
            self._minimiser(self.simulation, steps)
        self.steps.append("print('energy [eV]', repr(float(atoms.get_potential_energy())))")
        if self.atoms.cell.rank == 3:
            self.steps.append("print('stress [eV/angstrom**3]', atoms.get_stress().tolist())")
        self.fresh = not self.rehearsing

    def _compute(self, steps: int | None) -> None:
        try:
            if isinstance(self.simulation, EnergyMinimisation):
                self._minimise(self.simulation, steps)
            with np.errstate(all="ignore"):  # what is not finite is refused below
                energy, forces = self.atoms.get_potential_energy(), self.atoms.get_forces()
        except CudsError:
            raise
        except Exception as error:  # calculators raise whatever they like
            name = type(self.calculator).__name__
            raise EngineError(
                f"ASE's {name}: {type(error).__name__}: {error}", hint="can this calculator do this system?"
            ) from error
        if not (np.isfinite(energy) and np.isfinite(forces).all()):
            raise EngineError(
                f"ASE's energy is {energy} eV, its largest force {np.abs(forces).max()} eV/angstrom",
                hint="do atoms lie on top of each other?",
                engine="ase",
            )

    def _tell_atoms(self) -> None:
        """Write down the atoms as they are before something is computed."""
        atoms = self.atoms
        cell = None if self.system.cell is None else atoms.cell.array.tolist()
        self.steps = [
            f"atoms = Atoms(numbers={atoms.numbers.tolist()},",
            f"              positions={atoms.positions.tolist()},",
            f"              cell={cell}, pbc={atoms.pbc.tolist()})",
            *self._made,
        ]

    def _minimiser(self, wanted: EnergyMinimisation, steps: int | None) -> tuple[Any, float, int]:
        """Write down the minimiser; return what it moves, to which largest force, and in how many steps at most."""
        from ase.filters import FrechetCellFilter

        force = wanted.force_tolerance.in_unit("eV/angstrom")
        target, made = self.atoms, "atoms"
        if wanted.cell != "fixed":
            isotropic = wanted.cell == "isotropic"
            target, made = (
                FrechetCellFilter(self.atoms, hydrostatic_strain=isotropic),
                f"FrechetCellFilter(atoms, hydrostatic_strain={isotropic})",
            )
            self.steps.append("from ase.filters import FrechetCellFilter")
            force = min(force, wanted.stress_tolerance.in_unit("eV/angstrom**3") * self.atoms.get_volume())
        limit = steps or wanted.max_steps
        self.steps += [
            "from ase.optimize import LBFGS",
            f"LBFGS({made}, logfile=None).run(fmax={force!r}, steps={limit})",
        ]
        return target, force, limit

    def _minimise(self, wanted: EnergyMinimisation, steps: int | None) -> None:
        from ase.optimize import LBFGS

        target, force, limit = self._minimiser(wanted, steps)
        minimiser: Any = LBFGS
        minimiser(target, logfile=None).run(fmax=force, steps=limit)
        largest = float(np.linalg.norm(self.atoms.get_forces(), axis=1).max())
        stress, pressure = self._unrelaxed_stress(wanted.cell), wanted.stress_tolerance.in_unit("eV/angstrom**3")
        self.facts = {
            "largest force [eV/angstrom]": largest,
            "largest relaxed stress [GPa]": Quantity(stress, "eV/angstrom**3").in_unit("GPa"),
        }
        if steps is None and (largest > wanted.force_tolerance.in_unit("eV/angstrom") or stress > pressure):
            raise NotConvergedError(
                f"ASE stopped at a force of {largest:.3g} eV/angstrom and a stress of {stress:.3g} eV/angstrom**3",
                hint="loosen force_tolerance or stress_tolerance, raise max_steps, or start nearer to the minimum",
                **self.facts,
            )

    def _unrelaxed_stress(self, cell: str) -> float:
        if cell == "fixed":
            return 0.0
        stress = self.atoms.get_stress()
        return float(abs(stress[:3].mean()) if cell == "isotropic" else np.abs(stress).max())

    def pull(self, kind: type[E], name: str = "") -> E:
        """Return a snapshot of the system, its energy or its stress."""
        if not self.fresh:
            raise stale()
        found: Entity
        if kind is ParticleSystem:
            found = self._snapshot()
        elif kind is PotentialEnergy:
            found = PotentialEnergy(value=(float(self.atoms.get_potential_energy()), "eV"))
        elif kind is Stress:
            if self.system.cell is None:
                raise InvalidError(
                    "a system without a cell has no stress", hint="give the system a cell=", field="cell"
                )
            found = Stress(value=Quantity(np.array(self.atoms.get_stress()), "eV/angstrom**3").to("GPa"))
        else:
            raise UnsupportedError(
                f"ASE gives no {kind.__name__}", hint="it gives ParticleSystem, PotentialEnergy, Stress"
            )
        return found  # type: ignore[return-value]

    def _snapshot(self) -> ParticleSystem:
        atoms = self.atoms
        energies = "energies" in atoms.calc.implemented_properties
        return self.system.replace(
            positions=(atoms.positions, "angstrom"),
            cell=None if self.system.cell is None else (atoms.cell.array, "angstrom"),
            forces=(atoms.get_forces(), "eV/angstrom"),
            energies=(atoms.get_potential_energies(), "eV") if energies else None,
            velocities=None,
            atomic_stresses=None,
        )

    def transcript(self) -> str:
        """Return a Python script that needs only ASE; run it in a folder with the potential file beside it."""
        return "\n".join(["from ase import Atoms", *self.steps]) + "\n"

    def report(self) -> dict[str, Any]:
        """Return the forces and stresses that a minimisation left."""
        return dict(self.facts)
