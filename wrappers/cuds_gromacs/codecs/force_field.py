"""The force field part of a topology: defaults, atom types, and the numbers for groups of types."""

import warnings
from collections.abc import Callable, Sequence

import numpy as np

from cuds.arrays import FloatArray, freeze
from cuds.errors import FormatError, UnsupportedError, did_you_mean
from cuds_gromacs.codecs.columns import floats, number, whole
from cuds_gromacs.codecs.directives import TYPES, Function
from cuds_gromacs.codecs.lines import Line
from cuds_gromacs.codecs.records import AtomType, Defaults, NonbondParams, Origin
from cuds_gromacs.codecs.type_tables import WILDCARD, Types, TypeTable

_RULES = ("geometric", "arithmetic", "geomsigeps")
_WITH_WILDCARDS = (1, 2, 3, 4)  # functions of dihedrals; 9 is 1


class ForceField:
    """What the force field part says, line by line in the order of the file."""

    def __init__(self) -> None:
        self.defaults = Defaults(1, 1, False, 1.0, 1.0)
        self.atom_types: dict[str, AtomType] = {}
        self.nonbond_params: dict[tuple[str, str], NonbondParams] = {}
        self.cmap_grids: list[FloatArray] = []
        self.cmap_types: dict[Types, int] = {}
        self._bonded: set[str] = set()
        self._tables: dict[tuple[str, int], TypeTable] = {}
        self._defaults_at: Line | None = None

    def read(self, directive: str, lines: Sequence[Line]) -> None:
        """Take the lines of one directive.

        Raises
        ------
        FormatError
            For what GROMACS does not take, or takes for something else.
        UnsupportedError
            For another potential than that of Lennard and Jones, or another power than 12 in it.

        Warns
        -----
        UserWarning
            When lines replace others.
        """
        readers: dict[str, Callable[[Line, list[str]], None]] = {
            "defaults": self._read_defaults,
            "atomtypes": self._read_atom_type,
            "dihedraltypes": self._read_dihedral_type,
            "nonbond_params": self._read_nonbond,
            "cmaptypes": self._read_cmap,
        }
        for line in lines:
            words = line.text.split()
            if directive in readers:
                readers[directive](line, words)
            elif directive in TYPES:
                self._read_type(directive, line, words)

    def table(self, directive: str, function: int) -> TypeTable:
        """Return the numbers of a directive of types for a function; of dihedrals, 9 shares those of 1."""
        dihedral = directive == "dihedraltypes"
        shared = 1 if (dihedral and function == 9) or directive == "pairtypes" else function
        if (directive, shared) not in self._tables:
            self._tables[directive, shared] = TypeTable(
                TYPES[directive].functions[shared],
                wildcards=dihedral and shared in _WITH_WILDCARDS,
                mirrored=(0, 2) if directive == "angletypes" and shared == 9 else (),
            )
        return self._tables[directive, shared]

    def pair(self, one: str, other: str) -> FloatArray | None:
        """Return the 1-4 Lennard-Jones numbers (2,) of two types; None when there are none and none are made."""
        block = self.table("pairtypes", 1).find((one, other))
        if block is not None:
            return block.rows[0][:2]
        if not self.defaults.gen_pairs:
            return None
        factors = [self.defaults.fudge_lj if self.defaults.comb_rule == 1 else 1.0, self.defaults.fudge_lj]
        return np.asarray(self.mixed(one, other) * np.array(factors), dtype=np.float64)

    def mixed(self, one: str, other: str) -> FloatArray:
        """Return the Lennard-Jones numbers (2,) of two types: their own, or mixed ones.

        A negative sigma stays negative: GROMACS takes C6 as 0 then.
        """
        own = self.nonbond_params.get((one, other)) or self.nonbond_params.get((other, one))
        if own is not None:
            return np.array([own.v, own.w])
        a, b = self.atom_types[one], self.atom_types[other]
        second = np.sqrt(a.w * b.w)
        if self.defaults.comb_rule == 1:
            return np.array([np.sqrt(a.v * b.v), second])
        sign = -1.0 if a.v < 0 or b.v < 0 else 1.0
        sigmas = abs(a.v), abs(b.v)
        mean = sum(sigmas) / 2 if self.defaults.comb_rule == 2 else np.sqrt(sigmas[0] * sigmas[1])
        return np.array([sign * mean, second])

    def _read_defaults(self, line: Line, words: list[str]) -> None:
        if self._defaults_at is not None:
            raise line.error(
                f"a second [ defaults ]; the first is at {self._defaults_at.place}",
                hint="include one force field only; take the [ defaults ] out of the files of molecules",
            )
        self._defaults_at = line
        if len(words) < 2:
            raise line.error("[ defaults ] needs 2 fields at least", hint="nbfunc comb-rule gen-pairs fudgeLJ fudgeQQ")
        if _choice(words[0], ("lj", "buckingham"), line) != 1:
            raise UnsupportedError(
                f"{line.place}: the Buckingham potential", hint="GROMACS cannot run it since 2020: use Lennard-Jones"
            )
        power = number(words, 5, line) if len(words) > 5 else 12.0
        if power != 12:
            raise UnsupportedError(
                f"{line.place}: a repulsion of power {power:g}", hint="only the power 12 is read; leave the field out"
            )
        fudge_lj, fudge_qq = (number(words, i, line) if len(words) > i else 1.0 for i in (3, 4))
        gen_pairs = len(words) > 2 and words[2][:1] in "yY"
        self.defaults = Defaults(1, _choice(words[1], _RULES, line), gen_pairs, fudge_lj, fudge_qq)

    def _read_atom_type(self, line: Line, words: list[str]) -> None:
        """Take an atom type: the column of the particle says which of bonded type and atomic number there are."""
        if self._defaults_at is None:
            raise line.error(
                "[ atomtypes ] after a [ defaults ] without a line", hint="write one, like: 1 2 yes 0.5 0.8333"
            )
        bonded, numbered = _columns(line, words)
        shift = 1 + bonded + numbered
        particle = words[shift + 2].upper() if len(words) > shift + 2 else ""
        if len(words) < shift + 5:
            raise line.error(
                f"[ atomtypes ]: {len(words)} fields are too few",
                hint="name, bonded type and atomic number where there are, mass, charge, particle, and two numbers",
            )
        particle = "V" if particle == "D" else particle
        if particle not in tuple("ANSBV"):
            raise line.error(f"[ atomtypes ]: {particle!r} is no particle type", hint="A for an atom, V for a site")
        names = words[0], words[1] if bonded else words[0]
        if any(map(_digit, names)):
            raise line.error(
                f"[ atomtypes ]: {names[0]!r}, {names[1]!r}: a name must not be a single digit", hint="rename it"
            )
        if names[0] in self.atom_types:
            old = self.atom_types[names[0]].origin
            warnings.warn(f"{line.place}: replaces the atom type {names[0]} of {old}", stacklevel=2)
        atomic_number = whole(words, 1 + bonded, line) if numbered else -1
        mass, charge = number(words, shift, line), number(words, shift + 1, line)
        v, w = number(words, shift + 3, line), number(words, shift + 4, line)
        origin = Origin(line.file, line.number)
        self.atom_types[names[0]] = AtomType(*names, atomic_number, mass, charge, particle, v, w, origin)
        self._bonded.add(names[1])

    def _read_type(self, directive: str, line: Line, words: list[str]) -> None:
        """Take a line of types, a function and numbers."""
        atoms = TYPES[directive].atoms
        if len(words) <= atoms:
            raise line.error(f"[ {directive} ]: {atoms} types and a function are needed", hint="add what is missing")
        known = self.atom_types if directive == "pairtypes" else self._bonded
        types = tuple(words[:atoms])
        self._check_types(directive, line, types, known)
        number_of = whole(words, atoms, line)
        function = _function(directive, number_of, line)
        given = floats([words[atoms + 1 :]], 0, [line])[0]
        if directive == "pairtypes":
            if len(given) < 2 or (len(given) not in (2, 4) and not self.defaults.gen_pairs):
                raise _count(directive, number_of, function, len(given), line)
            given = given[:2]  # GROMACS does not use those of state B, and with gen-pairs ignores what comes after
        elif len(given) not in (function.a, function.a + function.b):
            raise _count(directive, number_of, function, len(given), line)
        self.table(directive, number_of).add(types, given, line)

    def _read_dihedral_type(self, line: Line, words: list[str]) -> None:
        """Take a line of four types, or of two: the inner ones, of harmonic impropers the outer ones."""
        if len(words) > 2 and _digit(words[2]):
            one, other = words[:2]
            types = (one, WILDCARD, WILDCARD, other) if words[2] == "2" else (WILDCARD, one, other, WILDCARD)
            at = 2
        elif len(words) > 4 and _digit(words[4]):
            types, at = (words[0], words[1], words[2], words[3]), 4
        else:
            raise line.error(
                "[ dihedraltypes ]: no function of one digit after two or four types",
                hint="write 2 or 4 bonded types and a function from 1 to 9; GROMACS takes no others here, numbers of "
                "10 and 11 stand in [ dihedrals ]",
            )
        self._check_types("dihedraltypes", line, tuple(t for t in types if t != WILDCARD), self._bonded)
        number_of = int(words[at])
        function = _function("dihedraltypes", number_of, line)
        given = floats([words[at + 1 :]], 0, [line])[0][: function.a + function.b]  # GROMACS ignores what comes after
        if len(given) not in (function.a, function.a + function.b):
            raise _count("dihedraltypes", number_of, function, len(given), line)
        self.table("dihedraltypes", number_of).add(types, given, line, repeat=number_of == 9)

    def _read_nonbond(self, line: Line, words: list[str]) -> None:
        if len(words) != 5:
            raise line.error(f"[ nonbond_params ]: {len(words)} fields, not 5", hint="two types, 1, and two numbers")
        one, other = words[:2]
        self._check_types("nonbond_params", line, (one, other), self.atom_types)
        if whole(words, 2, line) != 1:
            raise line.error(
                f"[ nonbond_params ]: function {words[2]}, but [ defaults ] says Lennard-Jones", hint="write 1"
            )
        key = (other, one) if (other, one) in self.nonbond_params else (one, other)
        new = NonbondParams(1, number(words, 3, line), number(words, 4, line))
        if self.nonbond_params.get(key, new) != new:
            warnings.warn(f"{line.place}: replaces [ nonbond_params ] of {one} and {other}", stacklevel=2)
        self.nonbond_params[key] = new

    def _read_cmap(self, line: Line, words: list[str]) -> None:
        if len(words) < 8:
            raise line.error("[ cmaptypes ]: too few fields", hint="five types, 1, the size twice, and the grid")
        self._check_types("cmaptypes", line, tuple(words[:5]), self._bonded)
        size, other = whole(words, 6, line), whole(words, 7, line)
        given = words[8 : 8 + size * size]
        if size != other or size < 1 or len(given) != size * size:
            raise line.error(
                f"[ cmaptypes ]: a grid of {size} by {other} with {len(words) - 8} numbers",
                hint="a grid is square, and has a number for each point; a \\ ties its lines together",
            )
        if self.cmap_grids and len(self.cmap_grids[0]) != size:
            raise line.error(
                f"[ cmaptypes ]: a grid of {size}, after others of {len(self.cmap_grids[0])}", hint="use one size"
            )
        self.cmap_types.setdefault(tuple(words[:5]), len(self.cmap_grids))
        self.cmap_grids.append(freeze(floats([given], 0, [line]).reshape(size, size)))

    def _check_types(self, directive: str, line: Line, types: Types, known: set[str] | dict[str, AtomType]) -> None:
        for name in types:
            if name not in known:
                kind = "atom type" if isinstance(known, dict) else "bonded type"
                raise line.error(
                    f"[ {directive} ]: {name!r} is no {kind} of [ atomtypes ]",
                    hint=did_you_mean(name, known),
                    type=name,
                )


def _digit(word: str) -> bool:
    return len(word) == 1 and word in "0123456789"


def _choice(word: str, names: tuple[str, ...], line: Line) -> int:
    """Return a field that is a number from 1 on, or a name."""
    numbers = {name: i for i, name in enumerate(names, 1)} | {str(i): i for i in range(1, len(names) + 1)}
    if word.lower() not in numbers:
        raise line.error(f"[ defaults ]: {word!r} is not known", hint=f"use one of {', '.join(numbers)}")
    return numbers[word.lower()]


def _columns(line: Line, words: list[str]) -> tuple[bool, bool]:
    """Return whether a line of an atom type has a bonded type, and an atomic number."""
    if len(words) < 6:
        raise line.error(f"[ atomtypes ]: {len(words)} fields are too few", hint="write 6 to 8 of them")
    if len(words[5]) == 1 and words[5].isalpha():
        return True, True
    if len(words[3]) == 1 and words[3].isalpha():
        return False, False
    numbered = words[1].lstrip("+-").isdigit()
    return not numbered, numbered


def _function(directive: str, number_of: int, line: Line) -> Function:
    function = TYPES[directive].functions.get(number_of)
    if function is None:
        known = ", ".join(f"{n} ({f.name})" for n, f in TYPES[directive].functions.items())
        raise line.error(f"[ {directive} ]: there is no function {number_of}", hint=f"known: {known}")
    return function


def _count(directive: str, number_of: int, function: Function, found: int, line: Line) -> FormatError:
    wanted = f"{function.a} or {function.a + function.b}" if function.b else str(function.a)
    return line.error(
        f"[ {directive} ]: {found} numbers for function {number_of} ({function.name}), which takes {wanted}",
        hint="add what is missing, or take away what is too much",
    )
