"""The words of SPARQL: where keywords, braces and variables stand in a text that a store of triples has accepted."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

_LETTER = (
    r"[\w\-:\u00b7\u0300-\u036f\u203f\u2040\u2070-\u218f\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufffd\U00010000-\U000effff]"
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


@dataclass(frozen=True)
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
    """Yield the words of a query or an update, without what lies between."""
    depth = 0
    for found in _TOKEN.finditer(sparql):
        kind = str(found.lastgroup)
        if kind == "skip":
            continue
        if found[0] == "}":
            depth -= 1
        yield Token(kind, found[0], found.start(), found.end(), depth)
        if found[0] == "{":
            depth += 1


def among_named(sparql: str, only: str) -> str:
    """Return a query in which ``GRAPH ?g`` is followed up by a test of each such variable.

    Parameters
    ----------
    sparql : str
        A query, or the pattern of one.
    only : str
        The test, with ``{}`` for the variable.
    """
    listed = list(tokens(sparql))
    parts, at = [], 0
    for word, variable in pairwise(listed):
        if word.says("GRAPH") and variable.kind == "variable":
            parts += [sparql[at : word.start], f" FILTER({only.format(variable.text)}) "]
            at = word.start
    return "".join([*parts, sparql[at:]])
