"""The words of SPARQL: where keywords, braces and variables stand in a text that a store of triples has accepted."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cuds.errors import TooLargeError

_LETTER = (  # what the grammar lets stand in names, and whatever else counts as a letter
    r"[\w\-:\u00b7\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u037d\u037f-\u1fff\u200c\u200d\u203f\u2040\u2070-\u218f"
    r"\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff]"
)
_TOKEN = re.compile(
    rf"""(?P<skip>\s+|\#[^\r\n]*)
    |(?P<iri><(?:[^<>"{{}}|^`\\\x00-\x20]|\\u[0-9A-Fa-f]{{4}}|\\U[0-9A-Fa-f]{{8}})*>)
    |(?P<text>\"\"\"(?:(?:"|"")?(?:[^"\\]|\\.))*\"\"\"|'''(?:(?:'|'')?(?:[^'\\]|\\.))*'''
        |"(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*')
    |(?P<variable>[?$]{_LETTER}+)
    |(?P<word>(?:{_LETTER}|\.(?={_LETTER}|[%\\])|%[0-9A-Fa-f]{{2}}|\\[^\s])+)
    |(?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)


_MANY = 3_000_000  # words


@dataclass(frozen=True, slots=True)
class Token:
    """A word of SPARQL.

    Parameters
    ----------
    kind : str
        ``iri``, ``text``, ``variable``, ``word`` (keywords, numbers, shortened IRIs) or ``sign``.
    text : str
        As it stands there.
    start, end : int
        Where.
    depth : int
        In how many braces; of a brace itself, in how many others.
    """

    kind: str
    text: str
    start: int
    end: int
    depth: int

    def says(self, *words: str) -> bool:
        """Whether it is one of some keywords."""
        return self.kind == "word" and self.text.upper() in words


def tokens(sparql: str) -> Iterator[Token]:
    """Yield the words of a query or an update, without what lies between.

    Raises
    ------
    TooLargeError
        When there are more than a few million.
    """
    depth = count = 0
    for found in _TOKEN.finditer(sparql):
        kind = str(found.lastgroup)
        if kind == "skip":
            continue
        if (count := count + 1) > _MANY:
            raise TooLargeError(f"it has more than {_MANY} words", hint="take it apart, or PUT a graph", most=_MANY)
        if found[0] == "}":
            depth -= 1
        yield Token(kind, found[0], found.start(), found.end(), depth)
        if found[0] == "{":
            depth += 1


def declarations(listed: Sequence[Token]) -> tuple[str, list[Token]]:
    """Return the declarations at the beginning, and the rest."""
    at = 0
    while at < len(listed) and listed[at].says("BASE", "PREFIX", "VERSION"):
        at += 3 if listed[at].says("PREFIX") else 2
    return "".join(f"{token.text} " for token in listed[:at]), list(listed[at:])


def among_named(sparql: str, only: str) -> str | None:
    """Return a query in which each ``GRAPH ?g`` has a test of its variable in front; None where it is not sure which.

    Parameters
    ----------
    sparql : str
        A query, or the pattern of one.
    only : str
        The test, with ``{0}`` for the variable.
    """
    listed = list(tokens(sparql))
    parts, at = [], 0
    for word, after in pairwise(listed):
        if word.says("GRAPH") and after.kind == "variable":
            parts += [sparql[at : word.start], f" FILTER({only.format(after.text)}) "]
            at = word.start
        elif word.says("GRAPH") and after.kind not in ("iri", "word"):
            return None
    return "".join([*parts, sparql[at:]])
