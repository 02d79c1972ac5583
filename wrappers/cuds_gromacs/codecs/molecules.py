"""A molecule type while it is read."""

from collections.abc import Sequence

import numpy as np

from cuds.arrays import FloatArray, IntArray, freeze
from cuds_gromacs.codecs.atoms import Atoms, read_atoms
from cuds_gromacs.codecs.columns import floats, integer_column, integers, words_by_line
from cuds_gromacs.codecs.directives import INTERACTIONS
from cuds_gromacs.codecs.exclusions import excluded
from cuds_gromacs.codecs.force_field import ForceField
from cuds_gromacs.codecs.interactions import Chunk, read_interactions
from cuds_gromacs.codecs.lines import Line, Lines
from cuds_gromacs.codecs.places import Places
from cuds_gromacs.codecs.records import MoleculeType, Origin, Terms

_Part = tuple[Chunk, IntArray]  # with where its lines stand


class Draft:
    """A molecule type of which some lines are read.

    Parameters
    ----------
    line : Line
        Its name, and over how many bonds it excludes.
    field : ForceField
        All of it: no more of it may come after.
    places : Places
        What numbers the files.

    Raises
    ------
    FormatError
        When the line says something else.
    """

    def __init__(self, line: Line, field: ForceField, places: Places) -> None:
        words = line.text.split()
        if len(words) < 2:
            raise line.error("[ moleculetype ]: a name and nrexcl are needed", hint="like: SOL 2")
        self.name = words[0]
        self.nrexcl = int(integers([words], slice(1, 2), [line])[0, 0])
        if self.nrexcl < 0:
            raise line.error(f"[ moleculetype ]: nrexcl is {self.nrexcl}", hint="0 excludes nothing")
        self.line = line
        self._field = field
        self._places = places
        self._atom_lines: list[Lines] = []
        self._atoms: Atoms | None = None
        self._parts: dict[tuple[str, int, int], list[_Part]] = {}
        self._exclusions: list[IntArray] = []

    @property
    def atoms(self) -> Atoms:
        """The atoms read so far."""
        if self._atoms is None or len(self._atoms) != sum(map(len, self._atom_lines)):
            self._atoms = read_atoms(Lines.joined(self._atom_lines), self._field.atom_types)
        return self._atoms

    def read(self, directive: str, lines: Lines) -> None:
        """Take the lines of one of its directives.

        Raises
        ------
        FormatError
            For what GROMACS does not take.
        """
        if directive == "atoms":
            self._atom_lines.append(lines)
        elif not lines:
            return
        elif directive == "exclusions":
            self._read_exclusions(lines)
        else:
            if directive == "cmap":
                chunks = [self._cmap(lines)]
            elif directive == "virtual_sitesn":
                chunks = [self._site(line, i) for i, line in enumerate(lines)]
            else:
                chunks = list(read_interactions(directive, lines, self.atoms, self._field))
            where = self._places.of(lines)
            for chunk in chunks:
                key = (directive, chunk.function, chunk.atoms.shape[1])
                self._parts.setdefault(key, []).append((chunk, where[chunk.lines]))

    def finished(self) -> MoleculeType:
        """Return the molecule type, with its exclusions worked out.

        Raises
        ------
        FormatError
            For what is wrong with its atoms, where nothing else asked for them.
        """
        atoms = self.atoms
        names = list(self._field.atom_types)
        terms = tuple(_terms(directive, function, parts) for (directive, function, _), parts in self._parts.items())
        bonds = [t.atoms for t in terms if _is_bond(t)]
        nothing = np.empty((0, 2), dtype=np.int64)
        pairs = excluded(
            len(atoms), np.concatenate([nothing, *bonds]), self.nrexcl, np.concatenate([nothing, *self._exclusions])
        )
        two = atoms.two_states
        return MoleculeType(
            name=self.name,
            nrexcl=self.nrexcl,
            types=tuple(names[t] for t in atoms.types.tolist()),
            residues=freeze(atoms.residues, "int64"),
            insertions=atoms.insertions,
            residue_names=atoms.residue_names,
            atom_names=atoms.names,
            charge_groups=freeze(atoms.charge_groups, "int64"),
            charges=freeze(atoms.charges),
            masses=freeze(atoms.masses),
            b_types=tuple(names[t] for t in atoms.b_types.tolist()) if two else None,
            b_charges=freeze(atoms.b_charges) if two else None,
            b_masses=freeze(atoms.b_masses) if two else None,
            terms=terms,
            exclusions=freeze(pairs, "int64"),
            origin=Origin(self.line.file, self.line.number),
        )

    def check(self) -> None:
        """Refuse what must not be in a system: no atoms, atoms without mass, virtual sites with some.

        Raises
        ------
        FormatError
            As grompp does.
        """
        if not len(self.atoms):
            raise self.line.error(f"the molecule type {self.name!r} has no atoms", hint="add [ atoms ]")
        particles = np.array([t.particle for t in self._field.atom_types.values()])[self.atoms.types]
        least = np.minimum(self.atoms.masses, self.atoms.b_masses)
        most = np.maximum(np.abs(self.atoms.masses), np.abs(self.atoms.b_masses))
        wrong = np.flatnonzero((np.isin(particles, ("A", "N")) & (least <= 0)) | ((particles == "V") & (most != 0)))
        if len(wrong):
            atom, particle = int(wrong[0]), particles[wrong[0]]
            kind = "a virtual site (V) has none" if particle == "V" else f"a particle {particle} needs one"
            raise self.atoms.lines[atom].error(
                f"atom {atom + 1} of {self.name!r} has the mass {self.atoms.masses[atom]:g}; {kind}",
                hint="change the mass on the line, or mass and particle of the atom type",
            )

    def _read_exclusions(self, lines: Lines) -> None:
        words, length = words_by_line(lines.texts)
        where = lines.at(np.repeat(np.arange(len(lines)), length))
        atoms = integer_column(words, where) - 1
        wrong = np.flatnonzero((atoms < 0) | (atoms >= len(self.atoms)))
        if len(wrong):
            self._check_range("exclusions", atoms[wrong[:1]], where[int(wrong[0])])
        first = np.repeat(atoms[np.cumsum(length) - length], length)
        self._exclusions.append(np.stack([first, atoms], axis=1))  # each atom with itself is left out later

    def _cmap(self, lines: Lines) -> Chunk:
        rows = [text.split() for text in lines.texts]
        for row, line in zip(rows, lines, strict=True):
            if len(row) < 5:
                raise line.error(f"[ cmap ]: {len(row)} atoms, not 5", hint="write five atoms and the function 1")
        atoms = integers(rows, slice(0, 5), lines) - 1
        bonded = [t.bonded for t in self._field.atom_types.values()]
        grids = np.zeros((len(rows), 1))
        for i, line in enumerate(lines):
            self._check_range("cmap", atoms[i], line)
            types = tuple(bonded[t] for t in self.atoms.types[atoms[i]])
            if types not in self._field.cmap_types:
                raise line.error(
                    f"[ cmap ]: no grid for the bonded types {' '.join(types)}",
                    hint="add one to [ cmaptypes ], with the types in this order",
                    types=" ".join(types),
                )
            grids[i] = self._field.cmap_types[types]
        return Chunk(1, atoms, grids, False, np.arange(len(rows)))

    def _site(self, line: Line, number: int) -> Chunk:
        """Return a virtual site made of any number of atoms, with their weights."""
        words = line.text.split()
        function = int(integers([words], slice(1, 2), [line])[0, 0]) if len(words) > 2 else 0
        if function not in (1, 2, 3):
            raise line.error(
                "[ virtual_sitesn ]: a site, a function of 1 to 3 and atoms are needed",
                hint="1: equal weights, 2: by mass, 3: each atom with its weight",
            )
        step = 2 if function == 3 else 1
        if len(words) % step:
            raise line.error("[ virtual_sitesn ]: an atom has no weight", hint="write atom and weight by turns")
        made_of = integers([words[2::step]], slice(None), [line])[0] - 1
        self._check_range("virtual_sitesn", made_of, line)
        site = integers([words], slice(0, 1), [line])[0] - 1
        self._check_range("virtual_sitesn", site, line)
        weights = self._weights(function, made_of, words, line)
        atoms = np.concatenate([site, made_of])[None]
        return Chunk(function, atoms, (weights / weights.sum())[None], False, np.array([number]))

    def _weights(self, function: int, made_of: IntArray, words: Sequence[str], line: Line) -> FloatArray:
        if function == 3:
            weights = floats([words[3::2]], 0, [line])[0]
        else:
            weights = self.atoms.masses[made_of] if function == 2 else np.ones(len(made_of))
        if (weights < 0).any() or not weights.sum():
            raise line.error("[ virtual_sitesn ]: a negative weight, or none at all", hint="weights are positive")
        return np.asarray(weights, dtype=np.float64)

    def _check_range(self, directive: str, atoms: IntArray, line: Line) -> None:
        wrong = atoms[(atoms < 0) | (atoms >= len(self.atoms))]
        if len(wrong):
            raise line.error(
                f"[ {directive} ]: atom {wrong[0] + 1}, but the molecule type has 1 to {len(self.atoms)}",
                hint="number atoms within their molecule type",
            )
        if directive == "cmap" and len(set(atoms.tolist())) < len(atoms):
            raise line.error("[ cmap ]: an atom twice", hint="name different atoms")


def _is_bond(terms: Terms) -> bool:
    known = INTERACTIONS.get(terms.directive)
    what = known.function(terms.function) if known is not None else None
    return what is not None and what.bond


def _terms(directive: str, function: int, parts: Sequence[_Part]) -> Terms:
    numbers = np.concatenate([chunk.numbers for chunk, _ in parts])
    known = INTERACTIONS.get(directive)
    what = known.function(function) if known is not None else None
    a = numbers.shape[1] if what is None else what.a
    two_states = any(chunk.two_states for chunk, _ in parts)
    return Terms(
        directive=directive,
        function=function,
        atoms=freeze(np.concatenate([chunk.atoms for chunk, _ in parts]), "int64"),
        parameters=freeze(numbers[:, :a], finite=False),
        b_parameters=freeze(numbers[:, a:]) if two_states else None,
        origins=freeze(np.concatenate([where for _, where in parts]), "int64"),
    )
