"""Minimisation of the energy with GROMACS: its minimiser moves the atoms, a single point says what it came to."""

import numpy as np

from cuds.arrays import FloatArray
from cuds.errors import EngineError, NotConvergedError
from cuds.model.simulation import EnergyMinimisation
from cuds.units import Quantity
from cuds_gromacs.parameters import parameters, settings_file
from cuds_gromacs.paths import Paths, frames
from cuds_gromacs.preparation import Inputs, prepared, with_settings
from cuds_gromacs.results import read_energies, write_frame
from cuds_gromacs.session import GromacsSession
from cuds_gromacs.single_point import REPRODUCIBLY, UNDIVIDED, SinglePointResult, evaluate, mdrun
from cuds_gromacs.trouble import blown_up

_ROUNDS = 3  # a minimiser that lost its way may find it when it begins anew
_UNIT = "kJ/mol/nm"


class GromacsMinimisation(GromacsSession):
    """The nearest minimum with GROMACS; only atoms move."""

    simulation: EnergyMinimisation

    def _place(self) -> None:
        super()._place()
        self.steps, self.limit = 0, self.simulation.max_steps
        text = settings_file(parameters(self.system, self.simulation.potential))  # type: ignore[arg-type]
        tolerance = float(self.simulation.force_tolerance.in_unit(_UNIT))
        told = {"integrator": str(self.options.get("minimiser", "l-bfgs")), "emtol": repr(tolerance)}
        told |= {"nsteps": str(self.simulation.max_steps), "nstlist": "1", "nstenergy": "1", "nstlog": "0"}
        (self.folder / "minimum.mdp").write_text(with_settings(text, told), encoding="utf-8")

    def advance(self, steps: int | None = None) -> None:
        """Minimise the energy, in so many steps at most."""
        if self.rehearsing:
            return
        self.found = None
        found = self._here()  # atoms on top of each other are an error at once
        limit = self.limit = steps or self.simulation.max_steps
        tolerance = float(self.simulation.force_tolerance.in_unit(_UNIT))
        self.steps = 0
        for _ in range(_ROUNDS):
            if _largest(found) <= tolerance or self.steps >= limit:
                break
            before = found.terms["total"]
            self._minimise(limit - self.steps)
            found = self._here()
            if found.terms["total"] >= before:
                break
        self.found = found
        if steps is None and _largest(found) > tolerance:
            self._refuse(_largest(found))

    def _here(self) -> SinglePointResult:
        return evaluate(self.program, self.folder, self.inputs, positions=self.folder / "positions.trr")

    def _minimise(self, steps: int) -> None:
        """Have mdrun move the atoms, and take their places for ours."""
        more = {"-t": self.folder / "positions.trr"}
        settings = self.folder / "minimum.mdp"
        inputs = Inputs(self.inputs.structure, self.inputs.topology, settings, more, warnings=1)
        ready = prepared(self.program, self.folder, inputs)
        x = np.asarray(self.system.positions.in_unit("nm") @ self.rotation.T)
        told = ["mdrun", "-s", str(ready.path), "-deffnm", "minimum", "-nsteps", str(steps), *self.program.one_rank]
        for old in self.folder.glob("minimum.*"):
            if old.suffix != ".mdp":
                old.unlink()
        try:
            self.program.with_environment(UNDIVIDED).run([*told, *REPRODUCIBLY], folder=self.folder)
            *_, (_, positions) = frames(self.folder / "minimum.trr", Paths(x, self.cell), -2)
        except EngineError as error:
            raise blown_up(error, error.message, self.system.ids, 0, "none") from None
        self.steps += max(1, int(read_energies(self.folder / "minimum.edr").steps[-1]))
        self._move(positions)

    def _move(self, x: FloatArray) -> None:
        self.system = self.system.replace(
            positions=Quantity(x @ self.rotation, "nm"), forces=None, energies=None, atomic_stresses=None
        )
        write_frame(self.folder / "positions.trr", x, self.cell)

    def _refuse(self, largest: float) -> None:
        wanted = self.simulation.force_tolerance
        force = Quantity(largest, _UNIT).in_unit(wanted.unit)
        raise NotConvergedError(
            f"GROMACS stopped at a force of {force:.3g} {wanted.unit} (wanted {wanted!r}) after {self.steps} steps",
            hint="loosen force_tolerance, raise max_steps, start nearer, or give options={'minimiser': 'steep'}",
            **self._facts(largest),
        )

    def _facts(self, largest: float) -> dict[str, float]:
        return {
            "largest force [eV/angstrom]": float(Quantity(largest, _UNIT).in_unit("eV/angstrom")),
            "steps": self.steps,
        }

    def transcript(self) -> str:
        """Return the commands, and the files but for the positions; run them in a folder that `keep=` kept."""
        name = self.program.path.name
        commands = (
            f"{name} grompp -f minimum.mdp -c conf.gro -t positions.trr -p topol.top -o minimum.tpr -maxwarn 1\n"
            f"{mdrun(self.program, f'-s minimum.tpr -deffnm minimum -nsteps {self.limit}')}"
            f"# up to {_ROUNDS} times, as long as a force is too large; then, at the positions reached:\n"
        )
        text = (self.folder / "minimum.mdp").read_text(encoding="utf-8")
        return f"{commands}{super().transcript()}\n; --- minimum.mdp ---\n{text}"

    def report(self) -> dict[str, object]:
        """Return precision, the force that is left, and how many steps were made."""
        facts = {**super().report(), "minimiser": str(self.options.get("minimiser", "l-bfgs"))}
        return facts if self.found is None else {**facts, **self._facts(_largest(self.found))}


def _largest(found: SinglePointResult) -> float:
    return float(np.linalg.norm(found.forces, axis=1).max())
