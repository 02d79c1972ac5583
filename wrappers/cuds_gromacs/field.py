"""What acts by distance in a topology of GROMACS, as the run parameters truncate it."""

import warnings
from collections.abc import Mapping

import numpy as np

from cuds.arrays import FloatArray, IntArray
from cuds.errors import UnsupportedError
from cuds.model.potential import ParameterColumn, Potential, PotentialTerm
from cuds.units import Quantity
from cuds_gromacs.bonds import van_der_waals
from cuds_gromacs.codecs.records import TopologyFile
from cuds_gromacs.codecs.settings import Settings

_ENDS = {
    "none": "SharpCutoff",
    "potential-shift": "ShiftedCutoff",
    "potential-shift-verlet": "ShiftedCutoff",
    "potential-switch": "QuinticSwitch",
}
# Of run parameters that change the energy, the values that the model can say.
_CARRIED = {
    "cutoff-scheme": ("verlet",),
    "vdwtype": ("cut-off",),
    "vdw-modifier": tuple(_ENDS),
    "DispCorr": ("no",),
    "coulombtype": ("cut-off", "pme"),
    "coulomb-modifier": ("none", "potential-shift", "potential-shift-verlet"),
    "constraints": ("none",),
    "implicit-solvent": ("no",),
    "free-energy": ("no",),
}


def potential(file: TopologyFile, types: Mapping[str, str], settings: Settings) -> Potential:
    """Return the potential between all species.

    Parameters
    ----------
    file : TopologyFile
        Numbers of types.
    types : mapping of str to str
        The type of each species.
    settings : Settings
        The run parameters.

    Raises
    ------
    UnsupportedError
        For a setting that the model cannot say, by name.
    """
    _refuse(settings)
    elements = tuple(types)
    i, j = np.triu_indices(len(elements))
    v, w = _mixed(file, [types[e] for e in elements], i, j)
    terms = list(van_der_waals(file, v, w, lambda name, columns, rows: _term(
        name, columns, elements, np.stack([i, j], axis=1)[rows], settings)))  # fmt: skip
    return Potential(terms=(*terms, _coulomb(elements, np.stack([i, j], axis=1), settings)), label=file.title)


def _mixed(file: TopologyFile, types: list[str], i: IntArray, j: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the numbers of every pair: of its own, or mixed by the combination rule."""
    one = np.array([[file.atom_types[t].v, file.atom_types[t].w] for t in types])
    v = (np.abs(one[i, 0]) + np.abs(one[j, 0])) / 2 if file.defaults.comb_rule == 2 else np.sqrt(one[i, 0] * one[j, 0])
    w = np.sqrt(one[i, 1] * one[j, 1])
    if file.defaults.comb_rule != 1:
        v = np.where((one[i, 0] < 0) | (one[j, 0] < 0), -np.abs(v), v)
    v, w = np.where(i == j, one[i, 0], v), np.where(i == j, one[i, 1], w)
    place = {name: [k for k, t in enumerate(types) if t == name] for name in dict.fromkeys(types)}
    of_pair = {(int(a), int(b)): k for k, (a, b) in enumerate(zip(i, j, strict=True))}
    for (first, second), own in file.nonbond_params.items():
        for a in place.get(first, ()):
            for b in place.get(second, ()):
                k = of_pair[min(a, b), max(a, b)]
                v[k], w[k] = own.v, own.w
    return v, w


def _refuse(settings: Settings) -> None:
    """Refuse what would give another energy."""
    for name, fine in _CARRIED.items():
        value = settings.choice(name)
        if value.lower() not in fine:
            raise _not_carried(name, value, " or ".join(fine))
    for name, number in (("epsilon-r", 1.0), ("epsilon-surface", 0.0), ("nwall", 0.0)):
        if settings.real(name) != number:
            raise _not_carried(name, settings.text(name), f"{number:g}")
    for name in ("pull", "awh", "rotation"):
        if settings.yes(name):
            raise _not_carried(name, settings.text(name), "no")


def _not_carried(name: str, value: str, fine: str) -> UnsupportedError:
    return UnsupportedError(f"{name} = {value}: cuds does not carry it", hint=f"it carries {name} = {fine}", field=name)


def _term(
    name: str,
    columns: dict[str, ParameterColumn],
    elements: tuple[str, ...],
    between: IntArray,
    settings: Settings,
) -> PotentialTerm:
    end = _ENDS[settings.choice("vdw-modifier").lower()]
    n = len(between)
    return PotentialTerm(
        form=name,
        elements=elements,
        unit_set="",
        between=between,
        parameters=columns,
        cutoff=Quantity(np.full(n, settings.real("rvdw")), "nm"),
        inner=Quantity(np.full(n, settings.real("rvdw-switch")), "nm") if end == "QuinticSwitch" else None,
        truncation=end,
    )


def _coulomb(elements: tuple[str, ...], between: IntArray, settings: Settings) -> PotentialTerm:
    summed = settings.choice("coulombtype").lower() == "pme"
    if summed and settings.choice("coulomb-modifier").lower() != "none":
        warnings.warn(
            f"coulomb-modifier = {settings.text('coulomb-modifier')} is left out of an Ewald sum: a constant for each "
            f"pair, about ewald-rtol = {settings.text('ewald-rtol')} of its energy at the cutoff; forces are the same",
            stacklevel=6,
        )
    end = "EwaldSum" if summed else _ENDS[settings.choice("coulomb-modifier").lower()]
    return PotentialTerm(
        form="Coulomb",
        elements=elements,
        unit_set="",
        between=between,
        cutoff=Quantity(np.full(len(between), settings.real("rcoulomb")), "nm"),
        truncation=end,
        accuracy=settings.real("ewald-rtol") if summed else None,
    )
