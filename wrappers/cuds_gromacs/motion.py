"""Run parameters for motion: the scheme as the dictionary words it, neighbour lists, and what is written how often."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cuds.arrays import FloatArray
from cuds.model.dynamics import MolecularDynamics
from cuds.model.particles import ParticleSystem
from cuds.semantics.dictionary import Row
from cuds.units import BOLTZMANN, factor
from cuds_gromacs.parameters import parameters
from cuds_gromacs.program import Program
from cuds_gromacs.rigid import constraint_settings
from cuds_gromacs.single_point import mdrun

KT = float(BOLTZMANN) * factor("J", "kJ/mol")  # kJ/mol/K
BAR = factor("kJ/mol/nm**3", "bar")
_WATER = 4.5e-5  # 1/bar
_STRETCH = 1000  # steps: whoever runs a motion bit by bit stops at multiples of it, or of the sampling
_LIST, _LIST_ALONE = 20, 10  # steps that a neighbour list lasts, in a bath and without
_BUFFER, _BUFFER_ALONE = 0.15, 0.1  # what GROMACS may add to the cutoff: nm, and a share of it without a bath
_TOLERANCE = "0.005"  # kJ/mol/ps an atom: how much energy a list that is too short may cost; GROMACS's own default
_FAR = 0.2  # of a cell: so far the fastest atom may move between two frames
_FASTEST = 6.0  # standard deviations of a velocity


@dataclass(frozen=True)
class Motion:
    """What mdrun is told of a motion.

    Attributes
    ----------
    settings : dict of str
        The run parameters.
    list_steps : int
        How long a neighbour list lasts: runs that are taken apart at multiples of it are the same to the last digit.
    bath : bool
        Whether mdrun would lengthen that by itself.
    """

    settings: dict[str, str]
    list_steps: int
    bath: bool


def motion(
    job: MolecularDynamics, start: ParticleSystem, row: Row, options: Mapping[str, Any], *, step: int, precision: str
) -> Motion:
    """Return what mdrun is told.

    Parameters
    ----------
    job : MolecularDynamics
    start : ParticleSystem
        Where it goes on from, with velocities.
    row : Row
        The dictionary's word for the scheme.
    options : mapping
        The engine's own words.
    step : int
        Which the start is.
    precision : str
        ``"double"`` or ``"mixed"``.
    """
    assert job.potential is not None  # refused before
    found = parameters(job.system, job.potential)
    found |= {"integrator": row.keyword, "dt": repr(float(job.timestep.in_unit("ps"))), "nsteps": "-1"}
    found |= {"init-step": str(step), "gen-vel": "no", "continuation": "no"}
    found |= _scheme(job, start, row, options)
    lists, length, bath = _lists(job, float(found["rlist"]))
    found = {**found, **lists, **constraint_settings(start, precision), **_output(job, start)}
    return Motion({k: v for k, v in found.items() if v}, length, bath)


def _scheme(job: MolecularDynamics, start: ParticleSystem, row: Row, options: Mapping[str, Any]) -> dict[str, str]:
    tau, slow = job.thermostat_time.in_unit("ps"), job.barostat_time.in_unit("ps")
    values: dict[str, float | int] = {"tau_T": tau, "tau_p": slow, "seed": job.seed or 1}
    values |= {"2pi*tau_T": 2 * math.pi * tau, "2pi*tau_p": 2 * math.pi * slow}
    values["kappa"] = float(options.get("compressibility", _WATER))
    if job.temperature is not None:
        energy = KT * job.temperature.in_unit("K")
        values["T"] = job.temperature.in_unit("K")
        if start.cell is not None:
            values["kappa_W"] = float(np.linalg.det(start.cell.in_unit("nm"))) / (
                3 * BAR * (len(start) + 1) * energy**2
            )
    if job.pressure is not None:
        values["p"] = job.pressure.in_unit("bar")
    words = dict(word.split("=", 1) for word in row.coefficients.split())
    said = {name: _said(values[word]) if word in values else word for name, word in words.items()}
    coupled = {"tc-grps": "System", "nsttcouple": "1"} if "ref-t" in said else {}
    return {**said, **coupled, **({"nstpcouple": "1"} if "ref-p" in said else {}), "nstcomm": "100"}


def _said(value: float) -> str:
    return repr(value if isinstance(value, int) else float(value))


def _lists(job: MolecularDynamics, cutoff: float) -> tuple[dict[str, str], int, bool]:
    """Return settings of neighbour lists, how many steps one lasts, and whether that is for a bath.

    As GROMACS chooses them; where the cell leaves no room for a margin, they are made anew at each step.
    """
    assert job.system.cell is not None  # refused before
    bath = job.ensemble != "NVE"
    room = heights(job.system.cell.in_unit("nm")).min() / 2 - cutoff
    if room < (_BUFFER if bath else _BUFFER_ALONE * cutoff) * (1.2 if job.ensemble == "NPT" else 1.01):
        return {"nstlist": "1", "verlet-buffer-tolerance": "-1"}, 1, False
    often = math.gcd(job.sample_steps, _STRETCH) if job.sample_steps > _STRETCH else job.sample_steps
    steps = _divisor(often, _LIST if bath else _LIST_ALONE)
    return {"nstlist": str(steps), "verlet-buffer-tolerance": _TOLERANCE, "rlist": ""}, steps, bath


def _output(job: MolecularDynamics, start: ParticleSystem) -> dict[str, str]:
    every = str(job.sample_steps)
    found = dict.fromkeys(("nstvout", "nstfout", "nstenergy", "nstcalcenergy"), every)
    return {**found, "nstxout": str(_divisor(job.sample_steps, _traceable(job, start))), "nstlog": "0"}


def _traceable(job: MolecularDynamics, start: ParticleSystem) -> int:
    """Return after how many steps it is still certain through which side of the cell an atom went."""
    assert start.velocities is not None  # drawn by the model
    assert start.cell is not None
    masses, speeds = start.masses.in_unit("Da"), start.velocities.in_unit("nm/ps")
    twice = float((masses[:, None] * speeds**2).sum()) / job.degrees_of_freedom
    if job.temperature is not None:
        twice = max(twice, KT * float(job.temperature.in_unit("K")))
    fastest = max(float(np.abs(speeds).max()), _FASTEST * math.sqrt(twice / masses[masses > 0].min()))
    if not 0 < fastest < np.inf:
        return job.sample_steps
    return int(_FAR * heights(start.cell.in_unit("nm")).min() / (fastest * job.timestep.in_unit("ps")))


def _divisor(number: int, most: int) -> int:
    """Return the largest divisor of a number that is not above another."""
    return max((d for d in range(1, min(number, max(1, most)) + 1) if number % d == 0), default=1)


def heights(cell: FloatArray) -> FloatArray:
    """Return how far opposite sides of a cell are apart, (3,)."""
    return np.asarray(1 / np.linalg.norm(np.linalg.inv(cell), axis=0))


def commands(told: Motion, steps: int, program: Program) -> str:
    """Return the commands that do the same in GROMACS alone."""
    lists = f" -nstlist {told.list_steps}" if told.bath else ""
    made = f"{program.path.name} grompp -f motion.mdp -c conf.gro -t start.trr -p topol.top -o motion.tpr -maxwarn 1\n"
    return made + mdrun(program, f"-s motion.tpr -deffnm motion -nsteps {steps}{lists}")
