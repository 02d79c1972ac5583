"""Bounds of the stiffness of aggregates, from what they are made of and how much of it there is.

References
----------
Hill, Proc. Phys. Soc. A 65, 349 (1952), for the means of Voigt and Reuss. Hashin and Shtrikman, J. Mech. Phys. Solids
10, 343 (1962) for cubic polycrystals; 11, 127 (1963) for phases, in the form of Walpole, J. Mech. Phys. Solids 14, 151
(1966), which also takes phases of which one is stiffer in volume and softer in shear. Hill, J. Mech. Phys. Solids 12,
199 (1964) and Hashin, J. Mech. Phys. Solids 13, 119 (1965) for fibres.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cuds.arrays import FloatArray
from cuds.model.material import ElasticTensor
from cuds.units import Quantity

Table = dict[str, dict[str, float]]  # method, constant, GPa
_ALIKE = 1e-6  # of the largest entry: how far from isotropic a stiffness may be
_CUBIC = 1e-3  # or from cubic: one that was computed is never exactly so
_A, _B, _S = [0, 1, 2], [1, 2, 0], [3, 4, 5]


@dataclass(frozen=True)
class Phase:
    """An isotropic phase.

    Parameters
    ----------
    share : float
        Of the volume.
    K, G : float
        Bulk and shear modulus in GPa.
    """

    share: float
    K: float
    G: float

    @property
    def plane(self) -> float:
        """The bulk modulus of plane strain."""
        return self.K + self.G / 3

    @property
    def poisson(self) -> float:
        """Poisson's ratio."""
        return (3 * self.K - 2 * self.G) / (6 * self.K + 2 * self.G)

    @property
    def young(self) -> float:
        """Young's modulus."""
        return young(self.K, self.G)


def voigt(stiffness: FloatArray, shares: FloatArray) -> FloatArray:
    """Return the stiffness (6, 6) under equal strain of phases (k, 6, 6) with shares (k,) of the volume."""
    return np.array(np.einsum("k,kij->ij", shares, stiffness))


def reuss(stiffness: FloatArray, shares: FloatArray) -> FloatArray:
    """Return the stiffness (6, 6) under equal stress."""
    compliance: Any = np.linalg.inv(stiffness)
    softest: Any = np.linalg.inv(voigt(compliance, shares))
    return np.array(softest)


def young(K: float, G: float) -> float:
    """Return Young's modulus of bulk and shear modulus."""
    return 9 * K * G / (3 * K + G)


def isotropic(K: float, G: float) -> dict[str, float]:
    """Return a row of a table."""
    return {"K": K, "G": G, "E": young(K, G)}


def isotropic_parts(C: FloatArray) -> tuple[float, float]:
    """Return K and G of the isotropic stiffness that is nearest to one (6, 6): its means over all directions.

    Of a polycrystal they are those of Voigt; of what is nearly isotropic they are its moduli.
    """
    diagonal, coupling = float(np.trace(C[:3, :3])), float(C[0, 1] + C[0, 2] + C[1, 2])
    return (diagonal + 2 * coupling) / 9, (diagonal - coupling + 3 * float(np.trace(C[3:, 3:]))) / 15


def engineering(C: FloatArray) -> dict[str, float]:
    """Return the moduli along and about the axes, a row of a table: 1 is x."""
    S = np.linalg.inv(C)
    names = {"E1": 0, "E2": 1, "E3": 2, "G23": 3, "G13": 4, "G12": 5}
    return {name: float(1 / S[i, i]) for name, i in names.items()}


def of_crystals(crystal: ElasticTensor) -> Table:
    """Return the bounds of a polycrystal without texture; those of Hashin and Shtrikman of cubic crystals only."""
    C = crystal.stiffness.in_unit("GPa")
    S = np.linalg.inv(C)
    K, G = isotropic_parts(C)
    soft_K = 1 / float(S[:3, :3].sum())
    soft_G = 15 / float(4 * np.trace(S[:3, :3]) - 4 * S[_A, _B].sum() + 3 * np.trace(S[3:, 3:]))
    found = {"Reuss": isotropic(soft_K, soft_G)}
    shears = _of_cubes(C)
    if shears:
        found["Hashin-Shtrikman lower"] = isotropic(K, shears[0])
    found["Hill"] = isotropic(0.5 * (soft_K + K), 0.5 * (soft_G + G))
    if shears:
        found["Hashin-Shtrikman upper"] = isotropic(K, shears[1])
    return {**found, "Voigt": isotropic(K, G)}


def _of_cubes(C: FloatArray) -> list[float]:
    """Return the bounds of Hashin and Shtrikman of the shear modulus; none when the crystal is not cubic."""
    c11, c12, c44 = (float(C[i].mean()) for i in ((_A, _A), (_A, _B), (_S, _S)))
    cubic = ElasticTensor.cubic((c11, "GPa"), (c12, "GPa"), (c44, "GPa")).stiffness.in_unit("GPa")
    if np.abs(C - cubic).max() > _CUBIC * np.abs(C).max():
        return []
    K, one, two = (c11 + 2 * c12) / 3, (c11 - c12) / 2, c44
    if abs(one - two) <= _ALIKE * two:
        return [one, two]
    beta = [-3 * (K + 2 * G) / (5 * G * (3 * K + 4 * G)) for G in (one, two)]
    return sorted([one + 3 / (5 / (two - one) - 4 * beta[0]), two + 2 / (5 / (one - two) - 6 * beta[1])])


def _mean(phases: Sequence[Phase], of: str, more: float = 0.0) -> float:
    """Return the harmonic mean of a modulus over the phases, with something added to each and taken off again."""
    softness: float = sum(p.share / (getattr(p, of) + more) for p in phases)
    return 1 / softness - more


def of_isotropic_phases(phases: Sequence[Phase]) -> Table:
    """Return the bounds of an arrangement that looks the same in every direction."""

    def shtrikman(which: int) -> dict[str, float]:
        K, G = (sorted(getattr(p, of) for p in phases)[which] for of in ("K", "G"))
        return isotropic(_mean(phases, "K", 4 * G / 3), _mean(phases, "G", G * (9 * K + 8 * G) / (6 * (K + 2 * G))))

    reuss_K, reuss_G = _mean(phases, "K"), _mean(phases, "G")
    voigt_K, voigt_G = (sum(p.share * getattr(p, of) for p in phases) for of in ("K", "G"))
    return {
        "Reuss": isotropic(reuss_K, reuss_G),
        "Hashin-Shtrikman lower": shtrikman(0),
        "Hill": isotropic(0.5 * (reuss_K + voigt_K), 0.5 * (reuss_G + voigt_G)),
        "Hashin-Shtrikman upper": shtrikman(-1),
        "Voigt": isotropic(voigt_K, voigt_G),
    }


def of_fibres(phases: Sequence[Phase]) -> Table:
    """Return the bounds of two phases whose arrangement is the same all along x and in all directions across it.

    K23 is the bulk modulus of plane strain across the fibres. The rule of mixtures adds up stiffness along the
    fibres, and compliance across them.
    """
    one, two = phases
    lower, upper = (_fibre_row(one, two, pick(one.G, two.G), pick(one.plane, two.plane)) for pick in (min, max))
    coupling = [row["nu12"] ** 2 / row["E1"] for row in (lower, upper)]
    for row, most in ((lower, max(coupling)), (upper, min(coupling))):
        row["E2"] = 4 / (1 / row["G23"] + 1 / row["K23"] + 4 * most)
    across = {n: _mean(phases, of) for n, of in _ACROSS.items()}
    mixed = {"E1": one.share * one.young + two.share * two.young, **across}
    rows = {"rule of mixtures": mixed, "Hill-Hashin lower": lower, "Hill-Hashin upper": upper}
    return {name: {c: row[c] for c in ("E1", *_ACROSS)} for name, row in rows.items()}


_ACROSS = {"E2": "young", "G12": "G", "G23": "G", "K23": "plane"}


def _fibre_row(one: Phase, two: Phase, G: float, k: float) -> dict[str, float]:
    """Return the moduli that bound those of fibres from one side, for the least or the greatest G and k."""
    apart = one.poisson - two.poisson
    both = one.share * two.share
    slack = two.share / one.plane + one.share / two.plane + 1 / G
    mixed = {n: one.share * getattr(one, n) + two.share * getattr(two, n) for n in ("young", "poisson")}
    return {
        "E1": mixed["young"] + 4 * both * apart**2 / slack,
        "nu12": mixed["poisson"] + both * apart * (1 / two.plane - 1 / one.plane) / slack,
        "K23": _mean((one, two), "plane", G),
        "G12": _mean((one, two), "G", G),
        "G23": _mean((one, two), "G", G * k / (k + 2 * G)),
    }


def phases_of(tensors: Sequence[ElasticTensor], shares: FloatArray) -> list[Phase]:
    """Return the different isotropic phases that stiffnesses are; none when one of them is not isotropic."""
    found: dict[tuple[float, float], float] = {}
    for tensor, share in zip(tensors, shares, strict=True):
        C = tensor.stiffness.in_unit("GPa")
        K, G = isotropic_parts(C)
        same = ElasticTensor.cubic((K + 4 * G / 3, "GPa"), (K - 2 * G / 3, "GPa"), (G, "GPa")).stiffness.in_unit("GPa")
        if np.abs(C - same).max() > _ALIKE * np.abs(C).max():
            return []
        found[K, G] = found.get((K, G), 0.0) + float(share)
    return [Phase(share, K, G) for (K, G), share in found.items()]


def as_quantity(table: Table, computed: ElasticTensor) -> tuple[tuple[str, ...], tuple[str, ...], Quantity]:
    """Return methods, constants and moduli of a table, with what was computed as its first row."""
    C = computed.stiffness.in_unit("GPa")
    K, G = (computed.constants("GPa")[name] for name in "KG")
    row = {**isotropic(K, G), **engineering(C), "K23": float(C[1, 1] + C[2, 2] + C[1, 2] + C[2, 1]) / 4}
    constants = tuple(next(iter(table.values())))
    rows = {"computed": row, **table}
    return tuple(rows), constants, Quantity(np.array([[r[c] for c in constants] for r in rows.values()]), "GPa")
