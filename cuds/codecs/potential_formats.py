"""The formats of potential files, each recognised by what is in the file.

A reader takes the lines of a file and returns what they fit. Where they fit several formats, how people end the names
of such files decides.

References
----------
LAMMPS documentation, the pair style that reads each format.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile


@dataclass(frozen=True)
class Recognised:
    """A format that a file's content fits, and the elements it describes.

    Parameters
    ----------
    format : str
        As the forms of the ontology call it.
    elements : tuple of str
        In the file's order; empty where the file does not name them.
    library : bool
        Whether the file describes more than a potential uses, so that its elements must be chosen.
    """

    format: str
    elements: tuple[str, ...] = ()
    library: bool = False


_LONGEST = 200_000  # lines; what is longer is a table of numbers


class Lines(list[str]):
    """The lines of a file."""

    @cached_property
    def plain(self) -> list[str]:
        """Those that say something, without what stands behind a ``#``; none of a very long file."""
        if len(self) > _LONGEST:
            return []
        return [line for line in (line.partition("#")[0].strip() for line in self) if line]


Reader = Callable[[Lines], list[Recognised]]


# How names of files end, for formats that cannot be told apart; without an ending, the usual one of them.
ENDINGS = {
    "setfl": "",
    "setfl/fs": ".fs",
    "sw": "",
    "sw/mod": ".mod",
    "tersoff": ".tersoff",
    "gw": ".gw",
    "tersoff/zbl": ".tersoff.zbl",
    "gw/zbl": ".gw.zbl",
    "rebo": ".rebo",
    "airebo": ".airebo",
}


def by_name(name: str, formats: Iterable[str]) -> list[str]:
    """Return the format whose ending a name has, else the usual one, else all that are given."""
    found = list(formats)
    named = [f for f in found if ENDINGS.get(f) and name.lower().endswith(ENDINGS[f])]
    return named or [f for f in found if ENDINGS.get(f) == ""] or found


def atomic_symbol(number: int) -> str:
    """Return the symbol of an element; empty where there is none."""
    from ase.data import chemical_symbols

    return str(chemical_symbols[number]) if 0 < number < len(chemical_symbols) else ""


def numbers(words: Iterable[str]) -> list[float] | None:
    """Return words as numbers; None when one is not."""
    try:
        return [float(w) for w in words]
    except ValueError:
        return None


def setfl(lines: Lines) -> list[Recognised]:
    """DYNAMO setfl: tables of embedding energies, densities, pair energies; and its four extensions."""
    try:
        count, *elements = lines[3].split()
        n, sizes = int(count), lines[4].split()
        n_rho, n_r = int(sizes[0]), int(sizes[2])
    except (ValueError, IndexError):
        return []
    if n < 1 or len(elements) != n or n_rho < 2 or n_r < 2 or len(sizes) not in (5, 6) or numbers(sizes) is None:
        return []
    words, pairs = sum(len(line.split()) for line in lines[5:]), n * (n + 1) // 2 * n_r
    # Each element has a line of at least four words; trailing words of the lattice are allowed for.
    headers = range(3 * n, 6 * n + 1)
    alloy, separate = words - n * (n_rho + n_r) - pairs, words - n * (n_rho + n * n_r) - pairs
    fits = {
        "setfl": alloy in headers and len(sizes) == 5,
        "setfl/fs": separate in headers and len(sizes) == 5,
        "setfl/he": separate in headers and len(sizes) == 6,
        "setfl/adp": alloy - 2 * pairs in headers and len(sizes) == 5,
        "setfl/cd": "h(x)" in "".join(lines[-3:]) and len(sizes) == 5,
    }
    return [Recognised(f, tuple(elements)) for f, fit in fits.items() if fit]


def funcfl(lines: Lines) -> list[Recognised]:
    """DYNAMO funcfl: one element, said by its atomic number."""
    try:
        number = int(lines[1].split()[0])
        n_rho, _, n_r, _, _ = lines[2].split()[:5]
        words = sum(len(line.split()) for line in lines[3:])
        element = atomic_symbol(number)
        fits = words == int(n_rho) + 2 * int(n_r)
    except (ValueError, IndexError):
        return []
    return [Recognised("funcfl", (element,))] if fits and element else []


# Files of entries, each of some elements and some numbers: a test of the numbers tells those of one length apart.
def _bond_order(entry: list[float]) -> bool:
    return entry[0] in (1.0, 3.0)


def _nuclei(entry: list[float]) -> bool:
    return _bond_order(entry) and all(z >= 1 and z == int(z) for z in entry[14:16])


def _cosine_third(entry: list[float]) -> bool:
    return abs(entry[2]) <= 1


def _vashishta(entry: list[float]) -> bool:
    return entry[1] == int(entry[1]) and entry[1] >= 0


_ENTRIES: dict[int, list[tuple[Callable[[list[float]], bool], tuple[str, ...]]]] = {
    3: [(lambda e: True, ("nb3b/harmonic",))],
    4: [(lambda e: True, ("nb3b/screened",))],
    11: [(lambda e: True, ("sw", "sw/mod"))],
    14: [(_bond_order, ("tersoff", "gw")), (_vashishta, ("vashishta",))],
    17: [(_cosine_third, ("tersoff/mod",)), (lambda e: e[2] > 1, ("edip",))],
    18: [(_nuclei, ("tersoff/zbl", "gw/zbl")), (_cosine_third, ("tersoff/mod/c",))],
    46: [(_bond_order, ("comb",))],
}  # fmt: skip


def entries(lines: Lines) -> list[Recognised]:
    """Entries of three elements and a fixed number of numbers, over as many lines as they like."""
    if not _named(" ".join(lines.plain[:4]).split()[:3]):
        return []
    words = " ".join(lines.plain).split()
    size = next((i for i in range(4, len(words)) if _named(words[i : i + 3])), len(words))
    starts = range(0, len(words), size)
    values = [numbers(words[i + 3 : i + size]) for i in starts]
    if len(words) % size or None in values or not all(_named(words[i : i + 3]) for i in starts):
        return []
    elements = tuple(dict.fromkeys(e for i in starts for e in words[i : i + 3]))
    for fits, formats in _ENTRIES.get(size - 3, []):
        if all(fits(v) for v in values if v):
            return [Recognised(f, elements) for f in formats]
    return []


def _named(words: list[str]) -> bool:
    return len(words) == 3 and all(re.fullmatch(r"[A-Za-z][\w()+*-]*", w) and numbers([w]) is None for w in words)


def extep(lines: Lines) -> list[Recognised]:
    """ExTeP: entries of Tersoff, then tables of corrections in comments that LAMMPS reads."""
    start = next((i for i, line in enumerate(lines) if "F_corr" in line), None)
    if start is None:
        return []
    return [Recognised("extep", r.elements) for r in entries(Lines(lines[:start])) if r.format == "tersoff"]


def hydrocarbon(lines: Lines) -> list[Recognised]:
    """REBO, AIREBO and AIREBO-M, which label their numbers; REBOMoS likewise."""
    labels = {line.split()[1] for line in lines[:200] if len(line.split()) == 2}
    if {"rcmin_MM", "rcmax_MS", "Q_SS"} <= labels:
        return [Recognised("rebomos", ("Mo", "S"))]
    if not {"rcmin_CC", "rcmax_CH", "Q_HH", "rcmaxp_HH"} <= labels:
        return []
    if "reqM_CC" in labels:
        return [Recognised("airebo/morse", ("C", "H"))]
    return [Recognised(f, ("C", "H")) for f in ("rebo", "airebo")]


def lcbop(lines: Lines) -> list[Recognised]:
    """LCBOP labels its numbers, too."""
    labels = {line.split()[1].rstrip(",") for line in lines[:40] if len(line.split()) > 1}
    return [Recognised("lcbop", ("C",))] if {"gamma1", "kappa", "beta2", "B2"} <= labels else []


def uf3(lines: Lines) -> list[Recognised]:
    """UF3: blocks of splines of pairs and triples."""
    if not lines[0].startswith("#UF3 POT"):
        return []
    heads = [line.split() for line in lines if line[:3] in ("2B ", "3B ")]
    if not any(h[0] == "3B" for h in heads):
        return []
    return [Recognised("uf3", tuple(dict.fromkeys(e for h in heads for e in h[1 : 1 + int(h[0][0])])))]


def snap(lines: Lines) -> list[Recognised]:
    """SNAP: coefficients by element, or the parameters of its descriptors."""
    if any(line.startswith("rcutfac") for line in lines.plain):
        rows = [line.split() for line in lines.plain]
        keys = {row[0] for row in rows if len(row) == 2}
        if {"rcutfac", "twojmax"} <= keys and "nelems" not in {row[0] for row in rows}:
            return [Recognised("snapparam")]
    first = lines.plain[0].split() if lines.plain else []
    if len(first) != 2 or not all(w.isdigit() for w in first):
        return []
    rows = [line.split() for line in lines.plain]
    n, size = map(int, first)
    if n < 1 or len(rows) != 1 + n * (size + 1):
        return []
    heads, values = rows[1 :: size + 1], [r for i, r in enumerate(rows[1:]) if i % (size + 1)]
    if any(len(h) != 3 or numbers(h[1:]) is None for h in heads) or any(numbers(v) is None for v in values):
        return []
    return [Recognised("snapcoeff", tuple(h[0] for h in heads))]


def pod(lines: Lines) -> list[Recognised]:
    """Proper orthogonal descriptors: parameters, or coefficients."""
    if lines.plain and lines.plain[0].split()[0] == "model_coefficients:":
        return [Recognised("pod/coefficients")]
    if not any(line.startswith("species") for line in lines.plain):
        return []
    found = {row[0]: row[1:] for row in map(str.split, lines.plain)}
    return [Recognised("pod", tuple(found["species"]))] if {"species", "rin", "rcut"} <= found.keys() else []


_ASSIGNED = re.compile(r"(\w+)\s*(\(\s*\d+(\s*,\s*\d+)*\s*\))?\s*=")


def meam(lines: Lines) -> list[Recognised]:
    """MEAM: a library of elements, or the parameters that go with it."""
    rows = lines.plain
    assigned = list(takewhile(bool, (_ASSIGNED.match(row) for row in rows)))
    if rows and len(assigned) == len(rows) and any(m and m[1] in ("rc", "delr", "augt1") for m in assigned):
        return [Recognised("meam/parameters")]
    words = " ".join(rows).split() if rows and rows[0][0] == "'" else []
    for columns, form in ((19, "meam"), (25, "meam/ms")):
        heads = words[::columns]
        if words and len(words) % columns == 0 and all(h[0] == h[-1] == "'" for h in heads):
            return [Recognised(form, tuple(dict.fromkeys(h.strip("'") for h in heads)), library=True)]
    return []


def splines(lines: Lines) -> list[Recognised]:
    """MEAM of splines: one element that the file does not name, or several that it does."""
    first = lines[1].split() if 1 < len(lines) <= _LONGEST else []
    if first[:1] == ["meam/spline"]:
        return [Recognised("meam/spline", tuple(first[2:]))]
    if len(first) != 1 or not first[0].isdigit():
        return []
    rows = [line.split() for line in lines[1:]]
    knots = [i for i, row in enumerate(rows) if len(row) == 1 and row[0].isdigit()]
    if any([len(row) for row in rows[i + 1 : i + 3]] != [2, 4] for i in knots):
        return []
    return [Recognised(f) for f in {5: ["meam/spline"], 7: ["meam/sw/spline"]}.get(len(knots), [])]


def tabulated(lines: Lines) -> list[Recognised]:
    """Bond-order and polymorphic tables: a count, then atomic number, mass and symbol of each element."""
    rows = [line.split() for line in lines[:40] if not line.startswith("#")]
    try:
        n = int(rows[0][0])
        heads = rows[1 : 1 + n]
        if len(rows[0]) not in (1, 2) or not n or any(atomic_symbol(int(float(h[0]))) != h[2] for h in heads):
            return []
        sizes = numbers(rows[1 + n])
    except (ValueError, IndexError):
        return []
    form = "poly" if len(rows[0]) == 2 else "bop"
    return (
        [Recognised(form, tuple(h[2] for h in heads))]
        if sizes and len(sizes) in ((4,) if form == "poly" else (2, 3))
        else []
    )


def eim(lines: Lines) -> list[Recognised]:
    """Embedded-ion method: lines that begin with what they are about."""
    if not any(line.split()[:1] == ["global:"] for line in lines[:100]):
        return []
    rows = [line.split() for line in lines if "element:" in line]
    found = [row[1] for row in rows if row[:1] == ["element:"] and len(row) > 1]
    return [Recognised("eim", tuple(found), library=True)] if found else []


def reaxff(lines: Lines) -> list[Recognised]:
    """ReaxFF: general parameters, then four lines an atom, or five with a low-gradient dispersion."""
    try:
        count = int(lines[1].split()[0])
        start = 2 + count
        softness = float(lines[2 + 34].split()[0])
        n = int(lines[start].split()[0])
    except (ValueError, IndexError):
        return []
    if "Nr of atoms" not in lines[start]:
        return []
    for form, height in (("reaxff", 4), ("reaxff/lg", 5)):
        body = lines[start + 4 : start + 4 + height * n + 1]
        heads = [line.split()[:1] for line in body[: height * n : height]]
        if len(body) == height * n + 1 and all(h and numbers(h) is None for h in heads) and "Nr of bonds" in body[-1]:
            other = softness > 1  # the softness by which charges are equilibrated in ACKS2
            return [Recognised("reaxff/acks2" if other else form, tuple(h[0] for h in heads))]
    return []


def agni(lines: Lines) -> list[Recognised]:
    """AGNI: forces of a kernel regression."""
    rows = [line.split() for line in lines[:60]]
    found = [row[1] for row in rows if row[:1] == ["element"] and len(row) == 2]
    return [Recognised("agni", tuple(found))] if found and any(row[:1] == ["n_elements"] for row in rows) else []


def rann(lines: Lines) -> list[Recognised]:
    """RANN: a network by sections with a colon."""
    start = next((i for i, line in enumerate(lines[:5]) if line.strip() == "atomtypes:"), None)
    return [] if start is None else [Recognised("rann", tuple(lines[start + 1].split()))]


READERS: tuple[Reader, ...] = (
    setfl, funcfl, extep, entries, hydrocarbon, lcbop, uf3, snap, pod, meam, splines, tabulated, eim, reaxff, agni,
    rann,
)  # fmt: skip
