"""How interactions end at their cutoffs: run parameters of GROMACS, and what the model says, in both directions."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from cuds.errors import UnsupportedError
from cuds.model.potential import PotentialTerm
from cuds.semantics.dictionary import dictionary, engine_words
from cuds_gromacs.codecs.settings import Settings

# A mesh that leaves the reciprocal sum more exact than the accuracy asks for; spacing in nm, and order. A cutoff below
# that one leaves more to the mesh, which is finer in proportion.
_MESHES = ((1e-4, 0.12, "4"), (1e-6, 0.08, "6"), (0.0, 0.05, "10"))
_CUTOFF = 0.9
_SHIFTS = ("Potential-shift", "Potential-shift-Verlet")


@dataclass(frozen=True)
class Ending:
    """How terms end.

    Parameters
    ----------
    truncation : str
        A name of the ontology.
    cutoff : float
        In nm.
    inner : float, optional
        In nm, where they are switched off from there.
    accuracy, dielectric : float, optional
        Of an Ewald sum; of a reaction field.
    correction : str
        The name of a long-range correction.
    """

    truncation: str
    cutoff: float
    inner: float | None = None
    accuracy: float | None = None
    dielectric: float | None = None
    correction: str = ""


def of_van_der_waals(settings: Settings) -> Ending:
    """Return how what is not Coulomb's ends."""
    kind, modifier = settings.choice("vdwtype"), settings.choice("vdw-modifier")
    truncation = _meant("vdw-modifier", modifier) if kind == "Cut-off" else _meant("vdwtype", kind)
    correction = settings.choice("DispCorr")
    switched = bool(dictionary()["truncations"][truncation]["switched"])
    if switched and settings.real("rvdw-switch") <= 0:
        raise not_carried("rvdw-switch", settings.text("rvdw-switch"), "a distance greater than zero")
    return Ending(
        truncation,
        settings.real("rvdw"),
        settings.real("rvdw-switch") if switched else None,
        correction="" if correction == "No" else _meant("DispCorr", correction),
    )


def of_coulomb(settings: Settings) -> Ending:
    """Return how the interaction of charges ends."""
    kind, cutoff = settings.choice("coulombtype"), settings.real("rcoulomb")
    shifted = _shifted(settings)
    if kind == "PME":
        end = "ShiftedEwaldSum" if shifted else "EwaldSum"
        return Ending(end, cutoff, accuracy=settings.real("ewald-rtol"))
    if kind == "Reaction-Field":
        field = settings.real("epsilon-rf") / settings.real("epsilon-r")
        return Ending("ReactionField", cutoff, dielectric=field) if field else Ending("ConductingReactionField", cutoff)
    if kind != "Cut-off":
        raise not_carried("coulombtype", kind, "Cut-off, Reaction-Field or PME")
    return Ending("ReactionField", cutoff, dielectric=1.0) if shifted else Ending("SharpCutoff", cutoff)


def _shifted(settings: Settings) -> bool:
    modifier = settings.choice("coulomb-modifier")
    if modifier not in ("None", *_SHIFTS):
        raise not_carried("coulomb-modifier", modifier, "None or Potential-shift")
    return modifier != "None"


def _meant(name: str, value: str) -> str:
    """Return what the dictionary says a value of a run parameter realises."""
    rows = [r for r in engine_words("gromacs").rows if r.section == name]
    for row in rows:
        if row.keyword == value:
            return row.realises
    raise not_carried(name, value, " or ".join(r.keyword for r in rows))


def not_carried(name: str, value: str, fine: str) -> UnsupportedError:
    """Return the error that says which values of a run parameter the model can say."""
    return UnsupportedError(f"{name} = {value}: cuds does not carry it", hint=f"it carries {name} = {fine}", field=name)


def run_parameters(charges: list[PotentialTerm], others: list[PotentialTerm]) -> dict[str, str]:
    """Return the run parameters that say how terms end.

    Raises
    ------
    UnsupportedError
        For an ending that GROMACS has not, and where terms or pairs have several.
    """
    near, far = (_common(terms) for terms in (others, charges))
    longest = repr((near or far or Ending("", 1.0)).cutoff)
    found = {"vdwtype": "Cut-off", "vdw-modifier": "None", "rvdw": longest, "DispCorr": "No"}
    found |= {"coulombtype": "Cut-off", "coulomb-modifier": "None", "rcoulomb": longest}
    return (
        found | (_said_of_others(near) if near else {}) | (_said_of_charges(far, permittivity(charges)) if far else {})
    )


def _said_of_others(end: Ending) -> dict[str, str]:
    found = {"vdw-modifier": _word("vdw-modifier", end.truncation), "rvdw": repr(end.cutoff)}
    if end.inner is not None:
        found["rvdw-switch"] = repr(end.inner)
    if end.correction:
        found["DispCorr"] = _word("DispCorr", end.correction)
    return found


def _said_of_charges(end: Ending, around: float) -> dict[str, str]:
    found = {
        "coulombtype": engine_words("gromacs").row("Coulomb", end.truncation).keyword,
        "rcoulomb": repr(end.cutoff),
    }
    if around != 1:
        found["epsilon-r"] = repr(around)
    if end.accuracy is not None:
        spacing, order = next((s, o) for least, s, o in _MESHES if end.accuracy >= least)
        finer = repr(spacing * min(1.0, end.cutoff / _CUTOFF))
        found |= {"ewald-rtol": repr(end.accuracy), "fourierspacing": finer, "pme-order": order}
        return found | ({"coulomb-modifier": _SHIFTS[0]} if end.truncation == "ShiftedEwaldSum" else {})
    if end.dielectric == 1:  # the same, and grompp warns of it as a reaction field
        return found | {"coulombtype": "Cut-off", "coulomb-modifier": _SHIFTS[0]}
    return found | (
        {"epsilon-rf": repr((end.dielectric or 0.0) * around)} if found["coulombtype"] == "Reaction-Field" else {}
    )


def of_charges(term: PotentialTerm) -> bool:
    """Whether a term is the interaction of the particles' charges."""
    return term.form in ("Coulomb", "ScreenedCoulomb")


def permittivity(terms: Iterable[PotentialTerm]) -> float:
    """Return by how much the interaction of charges is weaker than in vacuum.

    Raises
    ------
    UnsupportedError
        Where pairs have several; GROMACS has one for all.
    """
    found: set[float] = set()
    for term in filter(of_charges, terms):
        column = term.parameters.get("permittivity")
        found |= {1.0} if column is None else set(column.values.in_unit("1").tolist())
    if len(found) > 1:
        raise UnsupportedError(
            f"potential: permittivity {' and '.join(map(str, sorted(found)[:3]))} in one potential",
            hint="GROMACS has one for all pairs",
            field="permittivity",
            engine="gromacs",
        )
    return found.pop() if found else 1.0


def _word(name: str, realised: str) -> str:
    rows = [r for r in engine_words("gromacs").rows if r.section == name]
    for row in rows:
        if row.realises == realised:
            return row.keyword
    known = ", ".join(dict.fromkeys(r.realises for r in rows))
    raise UnsupportedError(
        f"potential: GROMACS has no {realised} there", hint=f"it has {known}", field="potential", engine="gromacs"
    )


def _common(terms: Iterable[PotentialTerm]) -> Ending | None:
    """Return how all terms end; GROMACS has one way for all pairs."""
    found = [e for t in terms for e in _endings(t)]
    for place in fields(Ending):
        values = list(dict.fromkeys(getattr(e, place.name) for e in found))
        numbers = [v for v in values if isinstance(v, float)]
        if len(values) > 1 and not (len(numbers) == len(values) and np.ptp(numbers) < 1e-12):
            raise UnsupportedError(
                f"potential: {place.name} {' and '.join(map(str, values[:3]))} in one potential",
                hint="GROMACS has one for all pairs",
                field=place.name,
                engine="gromacs",
            )
    return found[0] if found else None


def _endings(term: PotentialTerm) -> list[Ending]:
    assert term.cutoff is not None
    cutoffs = term.cutoff.in_unit("nm").tolist()
    inner = [None] * len(cutoffs) if term.inner is None else term.inner.in_unit("nm").tolist()
    rest = (term.accuracy, term.dielectric, term.correction)
    return [Ending(term.truncation, c, i, *rest) for c, i in dict.fromkeys(zip(cutoffs, inner, strict=True))]
