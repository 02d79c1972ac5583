"""Run parameters for a potential: how GROMACS is told where interactions end."""

from collections.abc import Mapping

from cuds.errors import UnsupportedError
from cuds.model.particles import ParticleSystem
from cuds.model.potential import Potential
from cuds_gromacs.endings import of_charges, run_parameters


def parameters(system: ParticleSystem, potential: Potential) -> dict[str, str]:
    """Return the run parameters of a single point, by name.

    Raises
    ------
    UnsupportedError
        For a truncation that GROMACS has not, for cutoffs that differ from pair to pair, and for a system that is not
        periodic.
    """
    if system.cell is None or not all(system.pbc):
        raise UnsupportedError(
            f"system: GROMACS takes only what is periodic in all directions, not pbc {system.pbc}",
            hint="give a cell that is much larger than the system",
            field="pbc",
            engine="gromacs",
        )
    charges = [t for t in potential.terms if of_charges(t)]
    others = [t for t in potential.terms if not of_charges(t)]
    found = {
        "integrator": "md",
        "nsteps": "0",
        "cutoff-scheme": "verlet",
        "pbc": "xyz",
        "verlet-buffer-tolerance": "-1",
    }
    found |= run_parameters(charges, others)
    longest = max(float(found["rvdw"]), float(found["rcoulomb"]))
    return found | {"rlist": repr(longest), "constraints": "none", "epsilon-surface": "0"}


def settings_file(values: Mapping[str, str]) -> str:
    """Return the content of an ``.mdp`` file."""
    return "".join(f"{name:24} = {value}\n" for name, value in values.items())
