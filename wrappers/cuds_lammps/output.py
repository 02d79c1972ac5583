"""A system with its potential as files of LAMMPS: a data file, and a script that plain ``lmp`` runs beside it.

The script is what LAMMPS is told of a single point, and LAMMPS has taken every line of it before it is written.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from cuds.codecs.translation import Carried, group, others as others_of, turned, whole
from cuds.codecs.whole import replacing
from cuds.errors import InvalidError, UnsupportedError
from cuds.model.dataset import DataSet
from cuds.model.particles import ParticleSystem
from cuds.model.potential import Potential
from cuds.model.simulation import Simulation, SinglePoint
from cuds.model.topology import Topology
from cuds.semantics.bonded import wording
from cuds.semantics.dictionary import EngineWords
from cuds.wrapper.process import Worker, WorkerSession
from cuds_lammps.apart import apart
from cuds_lammps.data import velocity_section
from cuds_lammps.frame import frame
from cuds_lammps.maps import FIX
from cuds_lammps.molecules import SAID, of_charges
from cuds_lammps.rigid import fix, holdable
from cuds_lammps.session import LammpsSession
from cuds_lammps.styles import charged, styles
from cuds_lammps.units import Units
from cuds_lammps.wrapper import LammpsWrapper

_DATA = "system.data"  # as a session calls it
_SHOWN = "step pe ebond eangle edihed eimp evdwl ecoul elong fmax"
_RIGID = "cuds_rigid"
_FROM_HERE = (
    "# what follows holds rigid distances while atoms move; it would change a single point, so it stands behind it",
    "# to move on from here: fix 1 all nve, timestep ..., run ...; other fixes that add forces before this one",
)
_SECONDS = 600.0  # of silence, after which LAMMPS is given up


class FileSession(LammpsSession):
    """What LAMMPS is told of a system that it finds in a data file, with its velocities."""

    _filed = True
    moving = True  # which the script may go on to

    def _moving(self) -> str:
        speeds = self.system.velocities
        if speeds is None:
            return ""
        return velocity_section(self.frame.into(self.units.into("velocity", speeds)))

    def hold(self) -> None:
        """Hold rigid distances from here on."""
        if any(self.held.values()):
            self.script.lines += _FROM_HERE
            self.script.tell(f"fix {_RIGID} all {fix(self.held, self.words, self.units)}")

    def _prepare(self) -> None:
        self.script.tell(f"thermo_style custom {_SHOWN}{f' f_{FIX}' * bool(self.maps)}")
        self.script.tell("thermo_modify norm no format float %.15g")


class FileWrapper(LammpsWrapper):
    """LAMMPS that is told what a script says, and computes nothing."""

    def rehearse(self, simulation: Simulation) -> LammpsSession:
        """Return a session that has taken the script but for its run."""
        self.check(simulation)
        assert isinstance(simulation, SinglePoint)
        session = FileSession(simulation, self.folder, self.describe().words(), self.options)
        session.script.rehearsing = True
        session.script.tell("run 0")
        session.hold()
        return session


def write_files(data: DataSet, file: Path, script: Path, options: Mapping[str, Any]) -> list[Carried]:
    """Write a data file and a script, and files of parameters beside them; all are whole, or none is there.

    Raises
    ------
    UnsupportedError
        For what LAMMPS cannot express, by name; then nothing is written.
    """
    system, potential = whole(data, "LAMMPS")
    if file.parent.resolve() != script.parent.resolve():
        raise InvalidError(
            f"{file} and {script} lie in two folders", hint="LAMMPS is run in the folder of both", field="path"
        )
    sites = [] if system.topology is None else system.topology.site_ids.tolist()
    if sites:
        raise UnsupportedError(
            f"topology: {len(sites)} virtual sites, the first {sites[0]}; a script "
            "that moved them as atoms would be of another system",
            hint="cuds.energy(..., engine='lammps') places them, and gives their forces to what they are made from",
            field="topology",
            engine="lammps",
        )
    molecular = system.topology is not None or charged(potential)
    told = {"suffix": "off", **({"units": "real"} if molecular and not any(t.files for t in potential.terms) else {})}
    told |= options
    with tempfile.TemporaryDirectory(prefix="cuds-lammps-") as name:
        kept, others = holdable(system)
        text, made = _rehearsed(SinglePoint(kept, potential=potential), Path(name), told)
        text = text.replace(f'"{_DATA}"', f'"{file.name}"')
        beside = {script.parent / n: content for n, content in made.items() if n != _DATA}
        _keep_others(beside)
        with ExitStack() as stack:
            for path, content in {file: made[_DATA], script: text.encode(), **beside}.items():
                stack.enter_context(replacing(path)).write_bytes(content)
    words = LammpsWrapper.describe().words()
    fates = _fates(data, system, potential, words, Units.of(potential, words, told))
    return [*fates, *_rigid(system, kept, others), *others_of(data, system, ("velocities",))]


def _rehearsed(job: SinglePoint, folder: Path, options: Mapping[str, Any]) -> tuple[str, dict[str, bytes]]:
    """Return the script, and the content of the files that it reads."""
    worker = Worker(FileWrapper, folder, options, timeout=_SECONDS)
    with WorkerSession(worker, job, rehearsing=True) as session:
        lines = session.transcript().splitlines()
    made = {p.name: p.read_bytes() for p in folder.iterdir() if not p.name.startswith("log.")}
    title = job.system.label.splitlines()[0] if job.system.label else "a system"
    head = [f"# {title}, written by cuds; run it in this folder: lmp -in ..."]
    return "\n".join([*head, *(line for line in lines if line != "suffix off")]) + "\n", made


def _keep_others(beside: Mapping[Path, bytes]) -> None:
    for path, content in beside.items():
        if path.exists() and path.read_bytes() != content:
            raise InvalidError(
                f"{path}: another file of that name is there", hint="write into a folder of its own", field="path"
            )


def _fates(
    data: DataSet, system: ParticleSystem, potential: Potential, words: EngineWords, units: Units
) -> Iterator[Carried]:
    used = len(list(system.kinds_used()))
    yield Carried(f"{len(system)} particles of {used} types", "carried", f"in units {units.keyword}")
    if system.velocities is not None:
        yield Carried(f"{len(system)} velocities", "carried", "Velocities")
    lying = frame(system, units)
    yield from turned(lying.rotation)
    if not np.array_equal(lying.steps, np.eye(3)):
        yield Carried("the cell", "converted", "by vectors of the same lattice with smaller tilts")
    topology = system.topology or Topology()
    ends = apart(system, words, units)
    for given in topology.groups:
        if ends is not None and any(given is e for e in ends.groups):
            yield Carried(f"{len(given)} pairs, {given.form}", "carried", "dihedral_style charmm, between its ends")
            continue
        said = wording(of_charges(system, given, words, units), words, SAID[given.role])
        yield group(given, said, f"{said.row.section}_style {said.row.keyword}")
    for maps in topology.maps:
        yield Carried(f"{len(maps)} torsion maps", "carried", "fix cmap")
    if len(topology.exclusions):
        yield Carried(f"{len(topology.exclusions)} exclusions", "converted", "bonds, with special_bonds lj/coul 0 1 1")
    symbols = [k.symbol for k in system.kinds_used()]
    for term in potential.terms:
        found = styles(Potential(terms=(term,)), words, units, symbols, lambda file: file.name)
        cut = f", {term.truncation}" if term.truncation else ""
        yield Carried(f"{term.form}{cut}", "carried", f"pair_style {', '.join(style.text for style in found)}")


def _rigid(system: ParticleSystem, kept: ParticleSystem, others: str) -> Iterator[Carried]:
    every, held = (0 if s.topology is None else len(s.topology.constrained) for s in (system, kept))
    if held:
        yield Carried(f"{held} rigid distances", "carried", "fix shake, behind the single point")
    if others:
        yield Carried(f"{every - held} rigid distances", "left out", f"a single point has none: {others}")
