"""What a script ends up having said of its styles: which words, and the coefficients of every type, or pair of types.

LAMMPS's rules, not its meaning: asterisks, hybrid styles, what a later command overwrites, what holds when nothing is
said.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from cuds.errors import UnsupportedError
from cuds_lammps.codecs.script import Statement
from cuds_lammps.codecs.styles import HYBRID, NOTHING, known, plain

BONDED = ("bond", "angle", "dihedral", "improper")
_PRESETS = {  # of special_bonds: factors of Lennard-Jones and Coulomb
    "amber": ((0.0, 0.0, 0.5), (0.0, 0.0, 5.0 / 6.0)),
    "charmm": ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    "dreiding": ((0.0, 0.0, 1.0), (0.0, 0.0, 1.0)),
    "fene": ((0.0, 1.0, 1.0), (0.0, 1.0, 1.0)),
}


@dataclass
class Use:
    """One use of a style.

    Parameters
    ----------
    keyword : str
        Its word, without the suffix of an accelerated variant.
    arguments : list of str
        Behind it.
    statement : Statement
        Where it is said.
    modified : dict of str to str
        What ``pair_modify`` said of it.
    coefficients : dict of tuple of int to tuple of Statement and list of str
        By type, or pair of types with the lower first: where they stand, and the coefficients.
    """

    keyword: str
    arguments: list[str]
    statement: Statement
    modified: dict[str, str] = field(default_factory=dict)
    coefficients: dict[tuple[int, ...], tuple[Statement, list[str]]] = field(default_factory=dict)


@dataclass
class Styles:
    """What is said of one kind: pairs, bonds, angles, dihedrals, impropers.

    Parameters
    ----------
    kind : str
        One of these, or pair.
    hybrid : str
        Empty, ``hybrid`` or ``hybrid/overlay``.
    uses : list of Use
        The styles.
    """

    kind: str
    hybrid: str = ""
    uses: list[Use] = field(default_factory=list)
    left_out: set[tuple[int, ...]] = field(default_factory=set)  # where a hybrid style says none
    corrected: str = "no"  # whether hybrid adds what its styles cut off: as the last that was said of any of them

    def style(self, statement: Statement) -> None:
        """Take in a command like ``pair_style``."""
        words = statement.words[1:]
        if self.uses and not (len(self.uses) == 1 and self.uses[0].keyword in NOTHING):
            raise statement.refused(f"a second {self.kind}_style", "leave the first out: it is not the one that acts")
        self.hybrid = plain(words[0]) if plain(words[0]) in HYBRID else ""
        self.uses = []
        for word in words[1:] if self.hybrid else words:
            name = plain(word)
            if name in known(self.kind) or (name in NOTHING and (not self.uses or self.hybrid)):
                self.uses.append(Use(name, [], statement))
            elif self.uses:
                self.uses[-1].arguments.append(word)

    def coeff(self, statement: Statement, counts: int) -> None:
        """Take in a command like ``pair_coeff``, for so many types."""
        words = statement.words[1:]
        size = 2 if self.kind == "pair" else 1
        keys = list(_keys(words[:size], counts, statement))
        rest = words[size:]
        if not self.hybrid:
            self._put(self.uses[:1], keys, statement, rest)
            return
        self.left_out -= set(keys)
        if rest[:1] == ["none"]:
            self.left_out |= set(keys)
            for use in self.uses:
                for key in keys:
                    use.coefficients.pop(key, None)
            return
        named = [u for u in self.uses if rest and u.keyword == plain(rest[0])]
        rest = rest[1:]
        if len(named) > 1:
            named, rest = named[int(rest[0]) - 1 : int(rest[0])], rest[1:]
        if self.hybrid == "hybrid":
            for use in self.uses:
                for key in keys if use not in named else ():
                    use.coefficients.pop(key, None)
        self._put(named, keys, statement, rest)

    def _put(self, uses: list[Use], keys: list[tuple[int, ...]], statement: Statement, rest: list[str]) -> None:
        if not uses:
            raise statement.broken(f"coefficients of no {self.kind} style")
        for key in keys:
            uses[0].coefficients[key] = (statement, rest)

    def modify(self, statement: Statement) -> None:
        """Take in ``pair_modify``."""
        words = statement.words[1:]
        chosen = self.uses
        if words[:1] == ["pair"]:
            chosen = [u for u in self.uses if u.keyword == plain(words[1])]
            words = words[2:]
            if len(chosen) > 1 and words and words[0].isdigit():
                chosen, words = chosen[int(words[0]) - 1 : int(words[0])], words[1:]
        for name, value in pairwise(words):
            if name in ("shift", "tail", "mix"):
                for use in chosen:
                    use.modified[name] = value
            if name == "tail":
                self.corrected = value


@dataclass
class Said:
    """Everything that a script says of what acts.

    Parameters
    ----------
    units : str
        Its unit set.
    styles : dict of str to Styles
        By kind.
    special : tuple of two tuples of three float
        Factors of Lennard-Jones and of Coulomb for first, second and third neighbours along bonds.
    ends : bool
        Whether third neighbours are only those at the ends of a dihedral.
    kspace : tuple of Statement and list of str, optional
        How what lies beyond the cutoff is summed.
    """

    units: str = "lj"
    styles: dict[str, Styles] = field(default_factory=lambda: {k: Styles(k) for k in ("pair", *BONDED)})
    special: tuple[tuple[float, ...], tuple[float, ...]] = ((0.0,) * 3, (0.0,) * 3)
    ends: bool = False
    kspace: tuple[Statement, list[str]] | None = None


def said(told: Iterable[Statement], counts: dict[str, int]) -> Said:
    """Return what statements say of what acts.

    Parameters
    ----------
    told : iterable of Statement
        In order.
    counts : dict of str to int
        How many types of each kind there are; of atoms for pairs.
    """
    found = Said()
    for statement in told:
        name, words = statement.words[0], statement.words[1:]
        kind, _, what = name.rpartition("_")
        if name == "units":
            found.units = words[0]
        elif name == "special_bonds":
            found.special, found.ends = _special(statement)
        elif name == "kspace_style":
            found.kspace = None if words[0] == "none" else (statement, words)
        elif kind in found.styles:
            if what == "style":
                found.styles[kind].style(statement)
            elif what == "coeff":
                found.styles[kind].coeff(statement, counts[kind])
            else:
                found.styles[kind].modify(statement)
    return found


def _special(statement: Statement) -> tuple[tuple[tuple[float, ...], tuple[float, ...]], bool]:
    """Return factors, and whether third neighbours are only those at the ends of a dihedral."""
    words, ends = iter(statement.words[1:]), False
    factors = {"lj": (0.0,) * 3, "coul": (0.0,) * 3}
    for word in words:
        if word in _PRESETS:
            factors["lj"], factors["coul"] = _PRESETS[word]
        elif word in ("lj/coul", "lj", "coul"):
            three = (float(next(words)), float(next(words)), float(next(words)))
            factors |= dict.fromkeys(word.split("/"), three)
        elif (value := next(words, "")) != "no" and (word, value) != ("dihedral", "yes"):
            raise statement.refused(f"{word} other than no is not carried", "give the three factors only")
        elif word == "dihedral":
            ends = value == "yes"
    return (factors["lj"], factors["coul"]), ends


def _keys(words: list[str], count: int, statement: Statement) -> Iterator[tuple[int, ...]]:
    """Yield types, or pairs of types with the lower first, as LAMMPS takes numbers with asterisks."""
    ranges = [_range(w, count, statement) for w in words]
    if len(ranges) == 1:
        yield from ((i,) for i in ranges[0])
        return
    one, two = ranges
    if all(w.isdigit() for w in words) and one[0] > two[0]:
        one, two = two, one
    yield from ((i, j) for i in one for j in two if i <= j)


def _range(word: str, count: int, statement: Statement) -> range:
    low, star, high = word.partition("*")
    try:
        first = int(low) if low else 1
        last = (int(high) if high else count) if star else first
    except ValueError:
        raise statement.broken(f"{word!r} is no number of a type", hint="labels of types are not carried") from None
    return range(first, last + 1)


def cannot(use: Use, why: str) -> UnsupportedError:
    """Return an error about a style."""
    return use.statement.refused(f"{use.keyword}: {why}", "no form of cuds has this energy")
