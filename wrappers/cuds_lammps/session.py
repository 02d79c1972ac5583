"""A LAMMPS instance open on one system."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from cuds.arrays import FloatArray, IntArray
from cuds.errors import EngineError, InvalidError, NotConvergedError, UnsupportedError
from cuds.model.entity import Entity
from cuds.model.particles import ParticleSystem
from cuds.model.simulation import AtomisticSimulation, EnergyMinimisation
from cuds.model.state import EnergyContribution, PotentialEnergy, Stress
from cuds.model.tensor import stress_voigt
from cuds.semantics.dictionary import EngineWords
from cuds.semantics.sites import displacement, spread, virial_of_spreading
from cuds.units import Quantity, factor
from cuds.wrapper.contract import Session, stale
from cuds_lammps import fields
from cuds_lammps.apart import SPECIAL, Apart, apart
from cuds_lammps.data import data_file
from cuds_lammps.frame import Frame, frame
from cuds_lammps.library import Library
from cuds_lammps.maps import FIX as MAPS, crossterms
from cuds_lammps.molecules import reach, sections
from cuds_lammps.script import Script
from cuds_lammps.styles import beyond, charged, styles
from cuds_lammps.units import Units

E = TypeVar("E", bound=Entity)

# LAMMPS's own in metal units: the margin of its neighbour lists, and how far and how fast a minimiser may go.
_SKIN, _FARTHEST, _TIMESTEP = Quantity(2.0, "angstrom"), Quantity(0.1, "angstrom"), Quantity(1.0, "fs")
_THERMO = {"ebond": "bond", "eangle": "angle", "edihed": "dihedral", "eimp": "improper",
           "evdwl": "vdw", "ecoul": "coulomb"}  # fmt: skip
_VOIGT = [0, 1, 2, 5, 4, 3]  # LAMMPS orders xx, yy, zz, xy, xz, yz
_ANY_MASS = Quantity(1.0, "Da")
_ROUNDS = 20  # a relaxed cell changes the reference of its own strain energy, so it is relaxed again


class LammpsSession(Session):
    """Statics with LAMMPS.

    Parameters
    ----------
    simulation : AtomisticSimulation
        What is computed.
    folder : Path
        Where LAMMPS reads its potential and writes its log.
    words : EngineWords
        LAMMPS's part of the dictionary.
    options : mapping
        Its own words, already checked.
    """

    _filed = False  # whether atoms that nothing bonds are read from a file as well
    moving = False  # whether rigid distances are held

    def __init__(
        self, simulation: AtomisticSimulation, folder: Path, words: EngineWords, options: Mapping[str, Any]
    ) -> None:
        self.simulation = simulation
        self.folder = folder
        self.system = self._start()
        self.words = words
        self.options = options
        assert simulation.potential is not None  # the wrapper refuses it before
        self.potential = simulation.potential
        self.units = Units.of(self.potential, words, options)
        self.library = Library(folder / "log.lammps")
        self.script = Script(self.library, folder)
        self.facts: dict[str, Any] = {}
        self.pairs: dict[int, str] = {}
        self.held: dict[str, list[int]] = {}
        self.bonded: list[str] = []
        self.maps: list[str] = []
        self.ends: Apart | None = None
        self.fresh = False
        self._build()

    def _start(self) -> ParticleSystem:
        """Return the system as it is at the start."""
        return self.simulation.system

    def _build(self) -> None:
        """Make the system from the model."""
        system, script = self.system, self.script
        self.frame: Frame = frame(system, self.units)
        used = list(system.kinds_used())
        of_kind = {id(k): i for i, k in enumerate(used, start=1)}
        types = np.array([of_kind.get(id(k), 0) for k in system.kinds])[system.species]
        self._begin()
        molecular = self._filed or system.topology is not None or charged(self.potential)
        if molecular:
            self._read(types)
        else:
            script.box(self.frame, len(used), charged=system.charges is not None or self._charged())
        periodic = self.library.box()[2]
        if periodic != system.pbc:
            raise EngineError(
                f"LAMMPS made the box periodic in {periodic}, not in {system.pbc}",
                hint="this is a fault of the wrapper",
            )
        if not molecular:
            script.atoms(types, *self._placed())
        self._interact()
        self._prepare()
        self.facts = {}
        self.fresh = False

    def _read(self, types: IntArray) -> None:
        """Make the system from a data file, with what is bonded in it."""
        system, units = self.system, self.units
        found = sections(system, self.words, units, self.potential, moving=self.moving)
        charges = np.zeros(len(system)) if system.charges is None else units.into("charge", system.charges)
        self.pairs, self.held = found["bond"].pairs, {name: section.held for name, section in found.items()}
        longest = units.into("length", Quantity(reach(system), "angstrom") + _SKIN)
        self.ends = apart(system, self.words, units)
        special = SPECIAL if self.ends else "special_bonds lj/coul 0.0 1.0 1.0"
        self.bonded = [special, f"comm_modify cutoff {longest!r}"]
        self.bonded += [line for name, section in found.items() for line in section.commands(name)]
        crossed = crossterms(system, self.words, units)
        self.maps = [] if crossed is None else crossed.commands(self.script.place(crossed.file))
        rows = None if crossed is None else crossed.rows
        content = data_file(self.frame, types, charges, self._placed(), found, rows)
        self.script.read(
            self.frame, content + self._moving(), self.maps, f"fix {MAPS} crossterm CMAP" if self.maps else ""
        )

    def _moving(self) -> str:
        """Return what a data file says of velocities."""
        return ""

    def _begin(self) -> None:
        """Say what must be said before there is a box."""
        suffix = self.options.get("suffix", "opt")
        self.script.tell(f"units {self.units.keyword}")
        if suffix != "off":
            self.script.tell(f"suffix {suffix}")
        self.script.tell(f"neighbor {self.units.into('length', _SKIN)!r} bin")

    def _charged(self) -> bool:
        """Whether the potential gives the atoms charges."""
        return any(self.words.row(t.form, t.truncation).charged for t in self.potential.terms)

    def _interact(self) -> None:
        """Say what acts between the atoms, and their masses: some potential files bring others."""
        used = list(self.system.kinds_used())
        self.script.tell_all(self.bonded)
        found = styles(self.potential, self.words, self.units, [k.symbol for k in used], self.script.place)
        self.script.potential([*found, self.ends.style] if self.ends else found)
        self.script.tell_all(beyond(self.potential, self.words, len(self.system)))
        self.script.tell_all(fields.commands(self.system, self.potential, self.units))
        for i, kind in enumerate(used, start=1):  # a virtual site has none, at rest any will do
            self.script.tell(f"mass {i} {self.units.into('mass', kind.mass if kind.mass.value else _ANY_MASS)!r}")

    def _prepare(self) -> None:
        """Say what is to be computed, once the atoms are there."""
        self.script.observe()
        if self.pairs:
            self.script.tell("compute cuds_bond_types all property/local btype")
            self.script.tell("compute cuds_bond_energies all bond/local engpot")

    def _placed(self) -> tuple[FloatArray, IntArray | None]:
        """Return the positions inside LAMMPS's box, and how many cell vectors away each is."""
        return self.frame.wrapped(self.frame.into(self.units.into("length", self.system.positions)))

    def push(self, *what: Entity) -> None:
        """Replace the system by the same particles in another state."""
        for entity in what:
            if not isinstance(entity, ParticleSystem):
                raise UnsupportedError(
                    f"LAMMPS takes no {type(entity).__name__} into a running session", hint="push a ParticleSystem"
                )
            if not np.array_equal(entity.ids, self.system.ids):
                raise InvalidError(
                    "ids: other particles than those of the session", hint="open a new session for them", field="ids"
                )
            same = entity.kinds == self.system.kinds and np.array_equal(entity.species, self.system.species)
            same = (
                same and entity.pbc == self.system.pbc == (True, True, True) and entity.charges == self.system.charges
            )
            same = same and (entity.topology is self.system.topology or entity.topology == self.system.topology)
            self.system = entity
            if same and self.library.ranks == 1 and not self.library.dirty:
                self.frame = frame(entity, self.units)
                self._move()
            else:
                self._rebuild()
            self.fresh = False

    def _move(self) -> None:
        """Move the atoms that are there: far less work than to make them anew."""
        self.script.move(self.frame, *self._placed())

    def _rebuild(self) -> None:
        self.script.restart()
        self._build()

    def advance(self, steps: int | None = None) -> None:
        """Compute the state as it is, or minimise its energy; `steps` limits the steps of the minimiser."""
        self._refuse_damaged()
        if isinstance(self.simulation, EnergyMinimisation):
            self._minimise(self.simulation, steps)
        else:
            self.script.tell("run 0 post no")
        if not self.script.rehearsing:
            self._refuse_nan()
            self.fresh = True

    def _refuse_damaged(self) -> None:
        if self.library.dirty:
            raise EngineError(
                "LAMMPS's system was damaged by an earlier error", hint="push the system again; it is then rebuilt"
            )

    def _refuse_nan(self) -> None:
        energy, force = self.library.thermo("pe"), self.library.thermo("fmax")
        if not (np.isfinite(energy) and np.isfinite(force)):
            self.library.dirty = True
            raise EngineError(
                f"LAMMPS's energy is {self.units.back('energy', energy)!r}, "
                f"its largest force {self.units.back('force', force)!r}",
                hint="do atoms lie on top of each other?",
                engine="lammps",
            )

    def _minimise(self, wanted: EnergyMinimisation, steps: int | None) -> None:
        force = self.units.into("force", wanted.force_tolerance)
        pressure = self.units.into("stress", wanted.stress_tolerance)
        limit = steps or wanted.max_steps
        self.script.tell(f"min_style {self.options.get('min_style', 'cg')}")
        self.script.tell(f"min_modify norm max line forcezero dmax {self.units.into('length', _FARTHEST)!r}")
        self.script.tell(f"timestep {self.units.into('time', _TIMESTEP)!r}")
        relax = {"isotropic": "iso 0.0", "full": "tri 0.0"}.get(wanted.cell)
        if wanted.cell == "full" and not self.library.tilted:
            self.script.tell("change_box all triclinic")
        self.script.tell("run 0 post no")
        if not self.script.rehearsing:
            self._refuse_nan()  # from there LAMMPS's minimisers look for a number without end
        largest = stress = np.inf
        for _ in range(_ROUNDS if relax else 1):
            if relax:
                self.script.tell(f"fix cuds_relax all box/relax {relax} vmax 0.001")
                self.script.tell(f"minimize 0 {force!r} {limit} {10 * limit}")
                self.script.tell("unfix cuds_relax")
            self.script.tell(f"minimize 0 {force!r} {limit} {10 * limit}")
            if self.script.rehearsing:
                if relax:
                    self.script.lines.append(f"# up to {_ROUNDS} times, as long as a force or a stress is too large")
                return
            largest, stress = self.library.thermo("fmax"), self._unrelaxed_stress(wanted.cell)
            if largest <= force and stress <= pressure:
                break
        pull, strain = self.units.back("force", largest), self.units.back("stress", float(stress))
        self.facts = {
            "largest force [eV/angstrom]": pull.in_unit("eV/angstrom"),
            "largest relaxed stress [GPa]": strain.in_unit("GPa"),
        }
        if steps is None and (largest > force or stress > pressure):
            raise NotConvergedError(
                f"LAMMPS stopped at a force of {pull.value:.3g} {pull.unit} (wanted {wanted.force_tolerance!r}) "
                f"and a stress of {strain.value:.3g} {strain.unit} (wanted {wanted.stress_tolerance!r})",
                hint="loosen force_tolerance or stress_tolerance, raise max_steps, or start nearer to the minimum",
                **self.facts,
            )

    def _unrelaxed_stress(self, cell: str) -> float:
        virial = self.library.compute_vector("cuds_virial")
        if cell == "fixed":
            return 0.0
        return float(abs(virial[:3].mean()) if cell == "isotropic" else np.abs(virial).max())

    def pull(self, kind: type[E], name: str = "") -> E:
        """Return a snapshot of the system, its energy or its stress."""
        if not self.fresh:
            raise stale()
        found: Entity
        if kind is ParticleSystem:
            found = self._snapshot()
        elif kind is PotentialEnergy:
            found = PotentialEnergy(
                value=self.units.back("energy", self.library.thermo("pe")), contributions=self._contributions()
            )
        elif kind is Stress:
            found = Stress(value=self._stress())
        else:
            raise UnsupportedError(
                f"LAMMPS gives no {kind.__name__}", hint="it gives ParticleSystem, PotentialEnergy, Stress"
            )
        return found  # type: ignore[return-value]

    def _contributions(self) -> tuple[EnergyContribution, ...]:
        """Return what the energy of molecules is the sum of; what acts in a pair is a bond to LAMMPS only."""
        if self.system.topology is None or (self.pairs and self.library.ranks > 1):
            return ()
        thermo = {word: self.library.thermo(word) for word in (*_THERMO, "elong")}
        found = {name: thermo[word] for word, name in _THERMO.items()}
        found["coulomb"] += thermo["elong"] + (self.library.fix_scalar(fields.SELF) if self._fields else 0.0)
        if self.maps:
            found["cmap"] = self.library.fix_scalar(MAPS)
        if self.pairs:
            types, energies = (self.library.local(name) for name in ("cuds_bond_types", "cuds_bond_energies"))
            for kind, part in enumerate(np.bincount(types.astype(np.int64), energies).tolist()):
                if kind in self.pairs:
                    found["bond"] -= part
                    found[self.pairs[kind]] += part
        return tuple(EnergyContribution(name=n, value=self.units.back("energy", e)) for n, e in found.items())

    @property
    def _fields(self) -> bool:
        """Whether particles add something by themselves."""
        return fields.acting(self.potential)

    def _snapshot(self) -> ParticleSystem:
        library, units = self.library, self.units
        _, box, _ = library.box()
        wrapped, images = library.rows("x"), library.images()
        positions = wrapped if images is None else wrapped + images @ box
        stresses = None
        if not self._sites:  # what is on a site would have to be divided among its parents
            shares = self.frame.stress_back(library.compute_rows("cuds_stress", 6)[:, _VOIGT])
            stresses = units.back("virial", shares)
        forces = units.back("force", self.frame.back(library.rows("f")))
        energies = library.compute_rows("cuds_energy", 0)
        if self._fields:
            energies = energies + fields.by_themselves(self.system, self.potential, units)
        cell = units.back("length", self.frame.cell_back(box)) if all(self.frame.pbc) else self.system.cell
        return self.system.replace(
            positions=units.back("length", self.frame.back(positions)),
            cell=cell,
            velocities=None,
            forces=Quantity(spread(self.system, forces.value), forces.unit) if self._sites else forces,
            energies=units.back("energy", energies),
            atomic_stresses=stresses,
        )

    @property
    def _sites(self) -> bool:
        """Whether there are virtual sites."""
        return self.system.topology is not None and bool(self.system.topology.sites)

    def _stress(self) -> Quantity:
        """Return the stress; a box that shrank to its atoms does not count, the model's cell does."""
        if self.system.cell is None:
            raise InvalidError("a system without a cell has no stress", hint="give the system a cell=", field="cell")
        virial = -self.library.compute_vector("cuds_virial")[_VOIGT]
        if not all(self.frame.pbc):
            virial = virial * (self.library.thermo("vol") / self.units.into("volume", self.system.volume))
        found = self.units.back("stress", self.frame.stress_back(virial)).to("GPa")
        return found if not self._sites else Quantity(found.value + self._of_sites(), "GPa")

    def _of_sites(self) -> FloatArray:
        """Return what is added to the stress (6,) in GPa when the forces on virtual sites act on their parents."""
        forces = self.units.back("force", self.frame.back(self.library.rows("f"))).in_unit("eV/angstrom")
        virial = -virial_of_spreading(self.system, np.asarray(forces)) / self.system.volume.in_unit("angstrom**3")
        return stress_voigt((virial + virial.T) / 2) * factor("eV/angstrom**3", "GPa")

    def transcript(self) -> str:
        """Return the script; run it in a folder with the potential file beside it: ``lmp -in script``."""
        return self.script.text()

    def report(self) -> dict[str, Any]:
        """Return the forces and stresses that a minimisation left, and how far virtual sites are out of place."""
        return dict(self.facts) | displacement(self.system)

    def close(self) -> None:
        """End the instance."""
        self.library.close()
