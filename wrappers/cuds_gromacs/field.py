"""What acts by distance in a topology of GROMACS, as the run parameters truncate it."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from cuds.arrays import FloatArray, IntArray
from cuds.model.potential import ParameterColumn, Potential, PotentialTerm
from cuds.units import Quantity
from cuds_gromacs.bonds import van_der_waals
from cuds_gromacs.codecs.records import Terms, TopologyFile
from cuds_gromacs.codecs.settings import Settings
from cuds_gromacs.endings import Ending, not_carried, of_coulomb, of_van_der_waals

# Of run parameters that change the energy, the values that the model can say.
_CARRIED = {
    "cutoff-scheme": ("verlet",),
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
    near, far, between = of_van_der_waals(settings), of_coulomb(settings), np.stack([i, j], axis=1)
    terms = list(van_der_waals(
        file, v, w, lambda name, columns, rows: _term(name, columns, elements, between[rows], near)))  # fmt: skip
    around = np.full(len(between), settings.real("epsilon-r"))
    screens = {"permittivity": ParameterColumn(kind="Dimensionless", values=Quantity(around, "1"))}
    screened = bool((around != 1).any())
    charges = _term("ScreenedCoulomb" if screened else "Coulomb", screens if screened else {}, elements, between, far)
    return Potential(terms=(*terms, charges), label=file.title)


def screened(file: TopologyFile, permittivity: float) -> TopologyFile:
    """Return a topology whose charges of pairs are weaker by the permittivity, which GROMACS divides them by."""
    if permittivity == 1:
        return file
    defaults = replace(file.defaults, fudge_qq=file.defaults.fudge_qq / permittivity)
    kinds = {
        name: replace(kind, terms=tuple(_weaker(t, permittivity) for t in kind.terms))
        for name, kind in file.molecule_types.items()
    }
    return replace(file, defaults=defaults, molecule_types=kinds)


def _weaker(terms: Terms, permittivity: float) -> Terms:
    """Return pairs with charges of their own: the factor is weaker, or the charge of the first."""
    if terms.directive not in ("pairs", "pairs_nb") or (terms.directive, terms.function) == ("pairs", 1):
        return terms
    numbers = np.array(terms.parameters)
    numbers[:, 0] /= permittivity
    b = None if terms.b_parameters is None else np.array(terms.b_parameters)
    if b is not None:
        b[:, 0] /= permittivity
    return replace(terms, parameters=numbers, b_parameters=b)


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
            raise not_carried(name, value, " or ".join(fine))
    for name, number in (("epsilon-surface", 0.0), ("nwall", 0.0)):
        if settings.real(name) != number:
            raise not_carried(name, settings.text(name), f"{number:g}")
    for name in ("pull", "awh", "rotation", "morse"):
        if settings.yes(name):
            raise not_carried(name, settings.text(name), "no")


def _term(
    name: str, columns: dict[str, ParameterColumn], elements: tuple[str, ...], between: IntArray, end: Ending
) -> PotentialTerm:
    n = len(between)
    return PotentialTerm(
        form=name,
        elements=elements,
        unit_set="",
        between=between,
        parameters=columns,
        cutoff=Quantity(np.full(n, end.cutoff), "nm"),
        inner=None if end.inner is None else Quantity(np.full(n, end.inner), "nm"),
        truncation=end.truncation,
        accuracy=end.accuracy,
        dielectric=end.dielectric,
        correction=end.correction,
    )
