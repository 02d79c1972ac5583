"""What acts by distance in a script of LAMMPS: pair styles with all that they leave to be derived."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cuds.codecs.potential_files import term as of_files
from cuds.errors import CudsError, InvalidError
from cuds.model.potential import ParameterColumn, ParameterFile, PotentialTerm
from cuds.semantics.dictionary import Row, dictionary
from cuds.semantics.expression import assignments
from cuds.units import Quantity
from cuds_lammps.codecs.said import Said, Styles, Use, cannot
from cuds_lammps.codecs.script import Statement
from cuds_lammps.codecs.styles import NOTHING, ends, parts
from cuds_lammps.coefficients import Numbers, names
from cuds_lammps.formulas import recognised, switched

_SHARP = "SharpCutoff"
_NOWHERE = Quantity(0.05, "angstrom")  # no atoms are so near to each other
_USUAL_MIXING = {"lj/charmm": "arithmetic"}  # where it is not geometric
Pair = tuple[int, int]


@dataclass
class Acting:
    """What acts by distance.

    Parameters
    ----------
    terms : list of PotentialTerm
        They are added.
    fourteen : dict of pair of int to tuple of two float
        Energy and length of Lennard-Jones for weighted torsions, in LAMMPS's units.
    covered : set of pair of int
        Types between which the script says that something acts.
    """

    terms: list[PotentialTerm] = field(default_factory=list)
    fourteen: dict[Pair, tuple[float, float]] = field(default_factory=dict)
    covered: set[Pair] = field(default_factory=set)


@dataclass
class _Row:
    """The numbers of a pair of types in one use of a style."""

    values: list[float]
    cutoff: float
    inner: float = 0.0
    form: str = ""
    found: Mapping[str, float] = field(default_factory=dict)
    charges: float = 0.0
    fourteen: tuple[float, float] | None = None
    end: str = ""


def acting(said: Said, symbols: list[str], elements: list[str], numbers: Numbers, folder: Path) -> Acting:
    """Return the terms of a potential.

    Parameters
    ----------
    said : Said
        What the script says.
    symbols : list of str
        Of each type.
    elements : list of str
        Which element of a file each type is; empty where none is said.
    numbers : Numbers
        Reads coefficients.
    folder : path
        Where files of parameters lie.

    Raises
    ------
    UnsupportedError, InvalidError
        For what no form has, with file and line.
    """
    found = Acting()
    pairs, types = said.styles["pair"], range(1, len(symbols) + 1)
    covered = found.covered
    for use in pairs.uses:
        if use.keyword in NOTHING:
            continue
        if use.keyword in ends():
            found.fourteen |= _of_ends(use, numbers)
            continue
        rows = parts(use.keyword)
        own: Row | None = None if rows[0].realises == "Coulomb" else rows[0]
        charges = [r for r in rows if r.realises == "Coulomb"]
        _check_units(use, rows, numbers)
        if own is not None and "file" in names(own):
            found.terms.append(_of_files(use, own, symbols, elements, numbers, folder))
            covered |= {(i, j) for i in types for j in types if i <= j and {i, j} <= _described(elements)}
            continue
        there = _all_pairs(pairs, use, own, bool(charges), len(symbols), numbers)
        covered |= there.keys()
        if own is not None:
            found.terms += _terms(pairs, use, own, there, symbols, numbers)
            found.fourteen |= {k: r.fourteen for k, r in there.items() if r.fourteen is not None}
        found.terms += [_coulomb(said, use, row, there, symbols, numbers) for row in charges if there]
    missing = [(i, j) for i in types for j in types if i <= j and (i, j) not in covered]
    if missing:
        found.terms.append(_nothing(pairs, missing, symbols, found.terms, numbers))
    return found


def _of_ends(use: Use, numbers: Numbers) -> dict[Pair, tuple[float, float]]:
    """Return the numbers of the ends of dihedrals, of a style that ends before it acts itself."""
    reach = max(float(a) for a in use.arguments)
    if reach > numbers.units.into("length", _NOWHERE):
        raise cannot(use, "read only where it ends before any atoms are, and has parameters of 1-4 pairs")
    found: dict[Pair, tuple[float, float]] = {}
    for (i, j), (statement, words) in use.coefficients.items():
        if len(words) != len(names(ends()[use.keyword])):
            raise statement.refused(f"{len(words)} coefficients", "cuds reads four: of all pairs, and of 1-4 pairs")
        found[i, j] = (float(words[2]), float(words[3]))
    return found


def _check_units(use: Use, rows: tuple[Row, ...], numbers: Numbers) -> None:
    for row in rows:
        if row.unit_sets and numbers.units.keyword not in row.unit_sets:
            raise cannot(use, f"not read in units {numbers.units.keyword}")


def _all_pairs(
    said: Styles, use: Use, own: Row | None, charged: bool, count: int, numbers: Numbers
) -> dict[Pair, _Row]:
    """Return the numbers of all pairs of types of a style, those that are mixed among them."""
    given = {(k[0], k[1]): _given(use, own, s, words, numbers, charged) for k, (s, words) in use.coefficients.items()}
    rule = _rule(use, own)
    found = dict(given)
    for i in range(1, count + 1):
        for j in range(i + 1, count + 1):
            if any((i, j) in u.coefficients for u in said.uses) or (i, j) in said.left_out:
                continue
            if (i, i) in given and (j, j) in given:
                found[i, j] = _mixed(use, own, rule, given[i, i], given[j, j], (i, j))
    return found


def _rule(use: Use, own: Row | None) -> str:
    keyword = own.keyword if own else ""
    return use.modified.get("mix", _USUAL_MIXING.get(keyword, "geometric"))


def _given(use: Use, own: Row | None, statement: Statement, words: list[str], numbers: Numbers, charged: bool) -> _Row:
    """Return the numbers of a pair that has its own."""
    settings = [float(a) for a in use.arguments if not a.isalpha()]
    taken = own.arguments.count("{") if own else 0
    inner, cutoff = settings[0] if taken == 2 else 0.0, settings[taken - 1] if taken else 0.0
    charges = settings[taken] if len(settings) > taken else cutoff
    if own is not None and "energy" in names(own):
        return _of_formula(own, statement, words, numbers, cutoff)
    try:
        values = [float(w) for w in words]
    except ValueError:
        raise statement.refused("a coefficient that is no number", "cuds reads numbers only") from None
    written = names(own) if own else []
    size = len([n for n in written if n != "cutoff"])
    rest, fourteen = values[size:], None
    if len(values) < size:
        raise statement.broken(f"{len(values)} coefficients, {size} are needed")
    if "cutoff" in written or own is None:
        if rest:
            cutoff = rest[0] if own is not None else cutoff
            charges = rest[-1] if "long" not in use.keyword else charges
    elif charged:
        fourteen = (rest[0], rest[1]) if len(rest) == 2 else (values[0], values[1])
    return _Row(values[:size], cutoff, inner, own.realises if own else "", {}, charges, fourteen)


def _of_formula(own: Row, statement: Statement, words: list[str], numbers: Numbers, cutoff: float) -> _Row:
    """Return the numbers of a pair whose energy is a formula."""
    cutoff = float(words[1]) if len(words) > 1 else cutoff
    if words and (known := recognised(words[0], own, 2, numbers.units)) is not None:
        return _Row([], cutoff, form=known[0], found=known[1])
    if words and (ended := switched(words[0], own, numbers.units, cutoff)) is not None:
        name, found, end, inner = ended
        return _Row([], cutoff, inner, form=name, found=found, end=end)
    raise statement.refused("a formula that cuds does not know", "it knows the energies of its forms, with numbers")


def _mixed(use: Use, own: Row | None, rule: str, one: _Row, two: _Row, pair: Pair) -> _Row:
    """Return the numbers of an unlike pair that has none of its own."""
    named = f"mix {rule}"
    rows = [r for r in _modifiers() if r.keyword == named]
    name = rows[0].realises if rows else ""
    if own is None and name:
        return _Row([], 0.0, charges=_length(name, one.charges, two.charges))
    if own is None or not name or dictionary()["mixing"][name]["form"] != own.realises:
        raise cannot(
            use, f"the pair {pair[0]}-{pair[1]} has no coefficients, and cuds knows no rule {rule} to mix others"
        )
    rules = assignments(dictionary()["mixing"][name]["map"])

    def blend(symbols: list[str], first: list[float], second: list[float]) -> list[float]:
        known = {f"{s}1": v for s, v in zip(symbols, first, strict=True)}
        known |= {f"{s}2": v for s, v in zip(symbols, second, strict=True)}
        return [float(rules[s](known)) for s in symbols]

    symbols = [n for n in names(own) if n != "cutoff"]
    values = blend(symbols, one.values, two.values)
    if not np.isfinite(values).all():
        raise cannot(use, f"mixed by the rule {rule}, the pair {pair[0]}-{pair[1]} has the numbers {values}")
    fourteen = None
    if one.fourteen is not None and two.fourteen is not None:
        energy, size = blend(["epsilon", "sigma"], list(one.fourteen), list(two.fourteen))
        fourteen = (energy, size)
    cutoff = _length(name, one.cutoff, two.cutoff) if "cutoff" in names(own) else one.cutoff
    charges = _length(name, one.charges, two.charges) if use.keyword.endswith("coul/cut") else one.charges
    return _Row(values, cutoff, one.inner, own.realises, {}, charges, fourteen)


def _length(rule: str, one: float, two: float) -> float:
    """Return a cutoff, which is mixed as lengths of Lennard-Jones are."""
    mixed = assignments(dictionary()["mixing"][rule]["map"])["sigma"]
    return float(mixed({"sigma1": one, "sigma2": two}))


def _modifiers() -> tuple[Row, ...]:
    from cuds.semantics.dictionary import engine_words

    return tuple(r for r in engine_words("lammps").rows if r.section == "pair_modify")


def _terms(
    said: Styles, use: Use, own: Row, there: Mapping[Pair, _Row], symbols: list[str], numbers: Numbers
) -> Iterator[PotentialTerm]:
    """Yield what acts beside charges, a term for each form."""
    usual, rule = _end(said, use, own), _rule(use, own)
    for name, end in dict.fromkeys((r.form, r.end) for r in there.values()):
        rows = {k: r for k, r in there.items() if (r.form, r.end) == (name, end)}
        if "energy" in names(own):
            columns = numbers.columns(name, [r.found for r in rows.values()])
        else:
            columns = numbers.meant(own, [r.values for r in rows.values()])
        mixed = any(k not in use.coefficients for k in rows)
        yield PotentialTerm(
            **_between(rows, symbols, numbers, {s: c for s, c in columns.items()}),
            form=name,
            inner=_lengths(numbers, [r.inner for r in rows.values()]) if any(r.inner for r in rows.values()) else None,
            truncation=end or usual,
            mixing=next(r.realises for r in _modifiers() if r.keyword == f"mix {rule}") if mixed else "",
        )


def _between(
    rows: Mapping[Pair, _Row], symbols: list[str], numbers: Numbers, columns: dict[str, ParameterColumn]
) -> dict[str, object]:
    return {
        "elements": tuple(symbols),
        "unit_set": "",
        "between": np.array(list(rows), dtype=np.int64) - 1,
        "parameters": columns,
        "cutoff": _lengths(numbers, [r.cutoff for r in rows.values()]),
    }


def _lengths(numbers: Numbers, values: list[float]) -> Quantity:
    return numbers.units.back("length", np.array(values, dtype=np.float64))


def _end(said: Styles, use: Use, own: Row) -> str:
    """Return how the energy of a style ends at its cutoff."""
    if _SHARP not in own.truncations:
        return own.truncations[0]
    tail = use.modified.get("tail", "no") if not said.hybrid or said.corrected == "yes" else "no"
    wanted = f"shift {use.modified.get('shift', 'no')} tail {tail}"
    end = next((r.realises for r in _modifiers() if r.keyword == wanted), "")
    if end not in own.truncations:
        raise cannot(use, f"pair_modify {wanted} is not carried")
    return end


def _coulomb(
    said: Said, use: Use, row: Row, there: Mapping[Pair, _Row], symbols: list[str], numbers: Numbers
) -> PotentialTerm:
    accuracy = None
    if row.truncations == ["EwaldSum"]:
        if said.kspace is None:
            raise cannot(use, "no kspace_style says how it is summed")
        statement, words = said.kspace
        try:
            accuracy = float(words[1])
        except (IndexError, ValueError):
            raise statement.broken("which accuracy?") from None
    charges = {k: _Row([], r.charges) for k, r in there.items()}
    return PotentialTerm(
        **_between(charges, symbols, numbers, {}), form="Coulomb", truncation=row.truncations[0], accuracy=accuracy
    )


def _nothing(
    said: Styles, missing: list[Pair], symbols: list[str], terms: list[PotentialTerm], numbers: Numbers
) -> PotentialTerm:
    """Return a term without an energy between pairs where nothing acts: it says that this is meant."""
    cutoffs = [float(t.cutoff.in_unit("angstrom").max()) for t in terms if t.cutoff is not None]
    given = [float(a) for u in said.uses if u.keyword == "zero" for a in u.arguments[:1]]
    length = float(numbers.units.back("length", given[0]).in_unit("angstrom")) if given else 1.0
    cutoff = max(cutoffs, default=length)
    n, sizes = len(missing), {"epsilon": ("Energy", 0.0, "eV"), "sigma": ("Length", 1.0, "angstrom")}
    return PotentialTerm(
        form="LennardJones",
        elements=tuple(symbols),
        unit_set="",
        between=np.array(missing) - 1,
        parameters={s: ParameterColumn(kind=k, values=Quantity(np.full(n, v), u)) for s, (k, v, u) in sizes.items()},
        cutoff=Quantity(np.full(n, cutoff), "angstrom"),
        truncation=next((t.truncation for t in terms if t.cutoff is not None and t.form != "Coulomb"), _SHARP),
    )


def file_arguments(use: Use, row: Row, count: int) -> dict[str, list[str]]:
    """Return what stands behind a word of files: file, companion, all, elements.

    Raises
    ------
    UnsupportedError
        When it is said for some types only.
    """
    said = {tuple(words) for _, words in use.coefficients.values()}
    if len(said) != 1 or len(use.coefficients) != count * (count + 1) // 2:
        raise cannot(use, "one file for all types is carried, said once by pair_coeff * *")
    words, written = list(said.pop()), names(row)
    found: dict[str, list[str]] = {"elements": [], "all": []}
    sizes = {"file": 1, "companion": 1, "elements": count}
    sizes["all"] = len(words) - sum(sizes[n] for n in written if n != "all")
    for name in written:
        found[name], words = words[: sizes[name]], words[sizes[name] :]
    if words:
        raise cannot(use, f"{' '.join(words)}: what is that?")
    return found


def _described(elements: list[str]) -> set[int]:
    return {i for i, e in enumerate(elements, start=1) if e}


def _of_files(
    use: Use, row: Row, symbols: list[str], elements: list[str], numbers: Numbers, folder: Path
) -> PotentialTerm:
    given = file_arguments(use, row, len(symbols))
    if row.arguments.split() != use.arguments or row.alongside or row.refusal:
        raise cannot(use, row.refusal or f"cuds reads it with the arguments {row.arguments or 'none'} only")
    files = [
        ParameterFile(name=n, content=(folder / n).read_bytes()) for n in given["file"] + given.get("companion", [])
    ]
    try:
        term = of_files(files, row.realises, given["all"])
    except InvalidError:
        term = of_files(files, row.realises, [e for e in dict.fromkeys(elements) if e])
    except CudsError as error:
        raise use.statement.within(error) from None
    if term.unit_set != numbers.units.keyword:
        raise cannot(use, f"{files[0].name} is in units {term.unit_set}, the script in {numbers.units.keyword}")
    kinds = {s: e for s, e in zip(symbols, elements, strict=True) if e and s != e}
    return term.replace(species=kinds)
