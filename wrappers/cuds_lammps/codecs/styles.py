"""Which styles may be told to LAMMPS: those of the dictionary, so none that runs programs or reads other files."""

import re
from functools import cache

from cuds.semantics.dictionary import Row, engine_words
from cuds_lammps.codecs.script import Statement

HYBRID = ("hybrid", "hybrid/overlay")
NOTHING = ("none", "zero")
_ACCELERATED = ("/omp", "/opt", "/kk", "/intel", "/gpu")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def plain(keyword: str) -> str:
    """Return a style without the suffix of an accelerated variant, which means the same."""
    for suffix in _ACCELERATED:
        keyword = keyword.removesuffix(suffix)
    return keyword


def without_suffixes(statement: Statement) -> str:
    """Return the text of a statement on one line, accelerated variants of styles by their plain names."""
    text = " ".join(statement.text.split("\n"))
    if not statement.words[0].endswith(("_style", "_coeff")):
        return text
    return re.sub(rf"({'|'.join(_ACCELERATED)})(?=\s|$)", "", text)


@cache
def known(section: str) -> set[str]:
    """Return the styles of a section, those that are two in one included."""
    rows = engine_words("lammps").rows
    found = {r.keyword for r in rows if r.section == section}
    charges = {k for k in found if k.startswith("coul/")}
    found |= {f"{one}/{two}" for one in found - charges for two in charges}
    return found | set(ends()) if section == "pair" else found


@cache
def ends() -> dict[str, Row]:
    """Return the pair styles that have the parameters of the ends of dihedrals."""
    rows = engine_words("lammps").rows
    return {r.keyword: r for r in rows if r.section == "ends" and r.realises == "LennardJones"}


@cache
def parts(keyword: str) -> tuple[Row, ...]:
    """Return the rows of a pair style: one, or two for a style that is two in one, like ``lj/cut/coul/long``."""
    rows = {r.keyword: r for r in engine_words("lammps").rows if r.section == "pair"}
    if keyword in rows:
        return (rows[keyword],)
    for charges in (k for k in rows if k.startswith("coul/")):
        if keyword.endswith(f"/{charges}") and keyword.removesuffix(f"/{charges}") in rows:
            return rows[keyword.removesuffix(f"/{charges}")], rows[charges]
    return ()


def check_styles(statement: Statement, args: list[str]) -> None:
    """Refuse a style that is not in the dictionary, alone or in a hybrid one.

    Raises
    ------
    UnsupportedError
        It names the style.
    """
    section = statement.words[0].removesuffix("_style")
    if not args:
        raise statement.broken("which style?")
    several = plain(args[0]) in HYBRID and section != "kspace"
    fine = {a for r in engine_words("lammps").rows if r.section == section for a in r.arguments.split()}
    for at, word in enumerate(args[1:] if several else args):
        if plain(word) in known(section) or word in NOTHING:
            continue
        if (at or several) and (_NUMBER.fullmatch(word) or word in fine | {"nocoeff"}):
            continue
        raise statement.refused(
            f"{word}: cuds has no meaning for this {section} style",
            f"it has {', '.join(sorted(r for r in known(section)))}",
        )
