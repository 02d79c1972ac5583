"""Run parameters for a potential: how GROMACS is told where interactions end."""

from collections.abc import Mapping

import numpy as np

from cuds.errors import UnsupportedError
from cuds.model.particles import ParticleSystem
from cuds.model.potential import Potential, PotentialTerm

_ENDS = {"SharpCutoff": "none", "ShiftedCutoff": "potential-shift", "QuinticSwitch": "potential-switch"}
# A mesh that leaves the reciprocal sum more exact than the accuracy asks for; spacing in nm, and order. A cutoff below
# that one leaves more to the mesh, which is finer in proportion.
_MESHES = ((1e-4, 0.12, "4"), (1e-6, 0.08, "6"), (0.0, 0.05, "10"))
_CUTOFF = 0.9


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
    charges = [t for t in potential.terms if t.form == "Coulomb"]
    others = [t for t in potential.terms if t.form != "Coulomb"]
    found = {
        "integrator": "md",
        "nsteps": "0",
        "cutoff-scheme": "verlet",
        "pbc": "xyz",
        "verlet-buffer-tolerance": "-1",
    }
    found |= _van_der_waals(others, charges) | _coulomb(charges, others)
    longest = max(float(found["rvdw"]), float(found["rcoulomb"]))
    return found | {"rlist": repr(longest), "DispCorr": "no", "constraints": "none", "epsilon-surface": "0"}


def _van_der_waals(terms: list[PotentialTerm], charges: list[PotentialTerm]) -> dict[str, str]:
    if not terms:
        return {"vdwtype": "cut-off", "vdw-modifier": "none", "rvdw": _cutoff(charges)}
    end = _end(terms)
    switch = {"rvdw-switch": _one(terms, "inner")} if end == "QuinticSwitch" else {}
    return {"vdwtype": "cut-off", "vdw-modifier": _ENDS[end], "rvdw": _cutoff(terms), **switch}


def _coulomb(terms: list[PotentialTerm], others: list[PotentialTerm]) -> dict[str, str]:
    if not terms:
        return {"coulombtype": "cut-off", "coulomb-modifier": "none", "rcoulomb": _cutoff(others)}
    if (accuracy := terms[0].accuracy) is None:
        end = _end(terms)
        if end == "QuinticSwitch":
            raise _no_end(end)
        return {"coulombtype": "cut-off", "coulomb-modifier": _ENDS[end], "rcoulomb": _cutoff(terms)}
    spacing, order = next((s, o) for least, s, o in _MESHES if accuracy >= least)
    return {
        "coulombtype": "PME",
        "coulomb-modifier": "none",
        "rcoulomb": _cutoff(terms),
        "ewald-rtol": repr(accuracy),
        "fourierspacing": repr(spacing * min(1.0, float(_cutoff(terms)) / _CUTOFF)),
        "pme-order": order,
    }


def _end(terms: list[PotentialTerm]) -> str:
    ends = {t.truncation for t in terms}
    if len(ends) > 1:
        raise UnsupportedError(
            f"potential: terms end by {', '.join(sorted(ends))}", hint="GROMACS has one way for all", engine="gromacs"
        )
    (end,) = ends
    if end not in _ENDS:
        raise _no_end(end)
    return end


def _no_end(end: str) -> UnsupportedError:
    return UnsupportedError(
        f"potential: GROMACS has no truncation {end} there", hint=f"it has {', '.join(_ENDS)}", engine="gromacs"
    )


def _cutoff(terms: list[PotentialTerm]) -> str:
    return _one(terms, "cutoff")


def _one(terms: list[PotentialTerm], name: str) -> str:
    found = np.concatenate([getattr(t, name).in_unit("nm") for t in terms])
    if np.ptp(found) > 1e-12:
        raise UnsupportedError(
            f"potential: {name} from {found.min():g} to {found.max():g} nm",
            hint="GROMACS has one for all pairs",
            field=name,
            engine="gromacs",
        )
    return repr(float(found[0]))


def settings_file(values: Mapping[str, str]) -> str:
    """Return the content of an ``.mdp`` file."""
    return "".join(f"{name:24} = {value}\n" for name, value in values.items())
