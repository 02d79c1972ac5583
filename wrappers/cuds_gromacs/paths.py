"""Frames as mdrun wrote them: who was where, without the jumps of atoms that GROMACS puts back in the cell."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cuds.arrays import FloatArray
from cuds.errors import EngineError
from cuds_gromacs.results import Frame, Trajectory

_FARTHEST = 0.4  # of a cell, between two frames; beyond, nobody knows which way an atom went


class Paths:
    """Follows atoms through the sides of the cell.

    Parameters
    ----------
    positions : float array (n, 3)
        Where they are to begin with.
    cell : float array (3, 3)
        Its vectors as rows.
    """

    def __init__(self, positions: FloatArray, cell: FloatArray) -> None:
        self.at = positions @ np.linalg.inv(cell)  # in cell vectors, which a barostat does not change

    def follow(self, frame: Frame) -> FloatArray:
        """Return the positions of the next frame, not put back.

        Raises
        ------
        EngineError
            When an atom went so far that its way cannot be told; ``error.details["atoms"]`` counts from 0.
        """
        assert frame.positions is not None
        assert frame.box is not None
        with np.errstate(invalid="ignore"):
            inside = frame.positions @ np.linalg.inv(frame.box)
            images = np.rint(self.at - inside)
            moved = np.abs(inside + images - self.at).max(axis=1)
        if (lost := ~(moved < _FARTHEST)).any():
            raise EngineError(
                f"gromacs: {lost.sum()} atoms moved across {_FARTHEST:.0%} of the cell or to nowhere before step "
                f"{frame.step}",
                hint="take a smaller timestep=, or relax the system first",
                engine="gromacs",
                atoms=np.flatnonzero(lost).tolist(),
            )
        self.at = inside + images
        return np.asarray(frame.positions + images @ frame.box)


def frames(path: Path, paths: Paths, after: int) -> Iterator[tuple[Frame, FloatArray]]:
    """Yield the frames of a file from a step on, each with its positions as they are followed."""
    for frame in Trajectory(path):
        if frame.step >= after and frame.positions is not None:
            yield frame, paths.follow(frame)
