"""The energies of GROMACS in the terms that all engines share; none is dropped, and they must add up."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cuds.arrays import FloatArray
from cuds.errors import EngineError, UnknownError, UnsupportedError
from cuds_gromacs.results import Energies

TERMS: Mapping[str, tuple[str, ...]] = {
    "bond": (
        *("Bond", "G96Bond", "Morse", "Cubic Bonds", "Connect Bonds", "Harmonic Pot.", "FENE Bonds", "Tab. Bonds"),
        *("Tab. Bonds NC", "Restraint Pot."),
    ),
    "angle": (
        *("Angle", "G96Angle", "Restr. Angles", "Restricted Angles", "Lin. Angle", "Bond-Cross", "BA-Cross", "U-B"),
        *("Quartic Angles", "Tab. Angles"),
    ),
    "dihedral": (
        *("Proper Dih.", "Ryckaert-Bell.", "Restr. Dih.", "Restricted Dih.", "CBT Dih.", "Fourier Dih."),
        "Tab. Dih.",
    ),
    "improper": ("Improper Dih.", "Per. Imp. Dih."),
    "cmap": ("CMAP Dih.",),
    "vdw": ("LJ (SR)", "LJ-14", "Disper. corr.", "LJ recip.", "Buck.ham (SR)"),
    "coulomb": ("Coulomb (SR)", "Coulomb-14", "Coul. recip.", "RF excl."),
}
"""The names of GROMACS by common term, beside ``total``."""

RESTRAINTS = frozenset(
    {
        *("Position Rest.", "Flat-b. P-R.", "Flat-bottom posres", "Dis. Rest.", "Orient. Rest."),
        *("Angle Rest.", "Angle Rest. Z", "Dih. Rest.", "COM Pull En."),
    }
)
"""Potentials on top of the force field: a part of the total, but of none of the other terms."""

_TOTAL = "Potential"
_TERM_OF = {name: term for term, names in TERMS.items() for name in names}
_NO_POTENTIAL = re.compile(
    r"Kinetic En\.|Total Energy|Conserved En\.|(Vir\. )?Temperature.*|Vir\. Temp\..*|Pres\. DC.*|Pressure|d\w+/dl.*"
    r"|Constr\. ?2? rmsd|Box-(Vel-)?[XYZ]{1,2}|Volume|Density|pV|Enthalpy|(Shake|Force)?Vir-[XYZ]{2}|Pres-[XYZ]{2}"
    r"|#Surf\*SurfTen|Mu-[XYZ]|2CosZ\*Vel-X|1/Viscosity|(T|Lamb|v?Xi)-.+|v?Xi-\d+-.+|Barostat"
    r"|(Coul|LJ|Buck)-(SR|14|recip\.?):.+|D\.R\.Viol\. \(nm\)|Ori\. R\. RMSD|Dih\. Rest\. Viol\..*"
)


@dataclass(frozen=True)
class Booked:
    """Energies by common term.

    Attributes
    ----------
    terms : dict of float arrays (n_frames,)
        ``bond``, ``angle``, ``dihedral``, ``improper``, ``cmap``, ``vdw``, ``coulomb`` and ``total``, in kJ/mol.
    restraints : dict of float arrays (n_frames,)
        By GROMACS's names, in kJ/mol; counted in ``total``.
    other : dict of float arrays (n_frames,)
        What is no potential energy, by GROMACS's names and in its units.
    """

    terms: dict[str, FloatArray]
    restraints: dict[str, FloatArray]
    other: dict[str, FloatArray]


def booked(energies: Energies) -> Booked:
    """Return energies by common term.

    Raises
    ------
    UnknownError
        When there is no potential energy among them.
    UnsupportedError
        When one that is not zero has a name that is not known.
    EngineError
        When the terms do not add up to the potential energy.
    """
    if _TOTAL not in energies.names:
        raise UnknownError(f"energies: no row '{_TOTAL}'", hint="a run of energies alone has one", field=_TOTAL)
    found = Booked({term: np.zeros(len(energies.steps)) for term in TERMS}, {}, {})
    for name in energies.names:
        row = energies[name]
        if name == _TOTAL:
            continue
        if name in _TERM_OF:
            found.terms[_TERM_OF[name]] += row
        elif name in RESTRAINTS:
            found.restraints[name] = row
        elif _NO_POTENTIAL.fullmatch(name):
            found.other[name] = row
        elif row.any():
            raise UnsupportedError(
                f"energies: GROMACS's '{name}' is none of the terms that engines share",
                hint=f"they are {', '.join(TERMS)}; leave this interaction out of the system",
                field=name,
            )
    found.terms["total"] = energies[_TOTAL]
    _must_add_up(found, 1e-10 if energies.double else 1e-5)
    return found


def _must_add_up(found: Booked, tolerance: float) -> None:
    parts = np.array([*(row for term, row in found.terms.items() if term != "total"), *found.restraints.values()])
    gap = np.abs(parts.sum(axis=0) - found.terms["total"])
    wrong = gap > tolerance * np.abs(parts).sum(axis=0)
    if wrong.any():
        frame = int(np.argmax(wrong))
        raise EngineError(
            f"gromacs: the terms of frame {frame} add up to {parts[:, frame].sum()} kJ/mol, "
            f"the potential energy is {found.terms['total'][frame]}",
            hint="a term has been booked wrongly: report it, with the .edr file",
            engine="gromacs",
        )
