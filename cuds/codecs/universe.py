"""A trajectory as an MDAnalysis Universe, whose frames are read when they are asked for.

MDAnalysis says a cell by its lengths and angles, the first vector along x; a trajectory whose cell lies otherwise is
turned into that frame. It keeps coordinates in single precision.
"""

from typing import Any, ClassVar

import numpy as np

from cuds.arrays import FloatArray
from cuds.model.naming import Naming
from cuds.model.trajectory import Trajectory
from cuds.registry import require

mda: Any = require("MDAnalysis", "mdanalysis")
base: Any = require("MDAnalysis.coordinates.base", "mdanalysis")
mdamath: Any = require("MDAnalysis.lib.mdamath", "mdanalysis")

_UNITS = {"positions": "angstrom", "velocities": "angstrom/ps", "forces": "kJ/mol/nm"}
_PER_ANGSTROM = 0.1  # MDAnalysis has forces in kJ/mol/Å


def universe(trajectory: Trajectory) -> Any:
    """Return an MDAnalysis Universe of a trajectory.

    Parameters
    ----------
    trajectory : Trajectory
        Its particles become atoms with the names and residues of its naming; without one, of one residue, with the
        symbols of their kinds. Types are the symbols of their kinds.
    """
    system = trajectory.system
    symbols = np.array(system.symbols, dtype=object)
    made = _named(len(system), symbols, system.naming)
    made.add_TopologyAttr("types", symbols)
    made.add_TopologyAttr("elements", np.array([s.partition("_")[0] for s in symbols], dtype=object))
    made.add_TopologyAttr("masses", system.masses.in_unit("Da"))
    made.add_TopologyAttr("ids", np.array(system.ids))
    if system.charges is not None:
        made.add_TopologyAttr("charges", system.charges.in_unit("e"))
    made.trajectory = Frames(trajectory)
    return made


def _named(n: int, symbols: Any, naming: Naming | None) -> Any:
    """Return a universe of atoms with names, in residues: a new one begins where its name or its number changes."""
    if naming is None:
        made = mda.Universe.empty(n, n_residues=1, atom_resindex=np.zeros(n, dtype=int), trajectory=False)
        made.add_TopologyAttr("names", symbols)
        return made
    keys = np.stack([naming.residue, naming.residue_number, naming.molecule], axis=1)
    first = np.concatenate([[True], (keys[1:] != keys[:-1]).any(axis=1)])[:n]
    made = mda.Universe.empty(n, n_residues=int(first.sum()), atom_resindex=np.cumsum(first) - 1, trajectory=False)
    made.add_TopologyAttr("names", naming.names("atom").astype(object))
    made.add_TopologyAttr("resnames", naming.names("residue")[first].astype(object))
    made.add_TopologyAttr("resids", naming.residue_number[first])
    return made


class Frames(base.ProtoReader):  # type: ignore[misc]  # untyped there
    """Gives MDAnalysis the frames of a trajectory.

    Parameters
    ----------
    source : Trajectory
        Whose frames.
    """

    units: ClassVar = {"time": "ps", "length": "Angstrom", "velocity": "Angstrom/ps", "force": "kJ/(mol*Angstrom)"}
    filename = None

    def __init__(self, source: Trajectory) -> None:
        super().__init__()
        self.source = source
        self.n_frames, self.n_atoms = len(source), len(source.system)
        self.times = source.times.in_unit("ps")
        step = float(np.diff(self.times).mean()) if len(self.times) > 1 else 1.0
        self.ts = self._Timestep(self.n_atoms, dt=step)
        self._reopen()
        if self.n_frames:
            self._read_next_timestep()

    def _reopen(self) -> None:
        self.ts.frame = -1

    def _read_next_timestep(self, ts: Any = None) -> Any:
        if self.ts.frame >= self.n_frames - 1:
            raise OSError("no more frames")  # how MDAnalysis is told
        return self._read_frame(self.ts.frame + 1)

    def _read_frame(self, frame: int) -> Any:
        ts, cell = self.ts, self._cell(frame)
        turn = np.eye(3) if cell is None else _turn(cell)
        ts.frame, ts.time = frame, float(self.times[frame])
        for name, unit in _UNITS.items():
            column = getattr(self.source, name)
            if column is not None:
                rows = column[frame].in_unit(unit) @ turn
                setattr(ts, name, rows * _PER_ANGSTROM if name == "forces" else rows)
        ts.dimensions = None if cell is None else mdamath.triclinic_box(*(cell @ turn))
        return ts

    def _cell(self, frame: int) -> FloatArray | None:
        cell = self.source.system.cell if self.source.cell is None else self.source.cell[frame]
        return None if cell is None else np.asarray(cell.in_unit("angstrom"))

    def close(self) -> None:
        """Do nothing: no file is open."""


def _turn(cell: FloatArray) -> FloatArray:
    """Return what row vectors are multiplied by to lie in the frame of a lower triangular cell."""
    if np.array_equal(cell, np.tril(cell)) and (np.diag(cell) > 0).all():
        return np.eye(3)
    Q, U = np.linalg.qr(cell.T)
    turned: FloatArray = Q * np.sign(np.diag(U))
    return turned
