"""Texts that are nested without end: who reads them calls itself for each level, and falls or takes for ever."""

import re
from xml.parsers import expat

import pyoxigraph as ox

from cuds.errors import FormatError

DEEPEST = 100
_QUOTED = rb'"(?:[^"\\]|\\.)*"'
_JSON = re.compile(_QUOTED + rb"|(?P<opens>[\[{])|(?P<closes>[\]}])", re.DOTALL)
_TRIPLES = re.compile(
    rb'"""(?:"{0,2}(?:[^"\\]|\\.))*"""|\'\'\'(?:\'{0,2}(?:[^\'\\]|\\.))*\'\'\'|'
    rb'"(?:[^"\\\r\n]|\\.)*"|\'(?:[^\'\\\r\n]|\\.)*\'|<[^<>"{}|^`\x00-\x20]*>|#[^\r\n]*|\\.'
    rb"|(?P<opens><<)|(?P<closes>>>)",
    re.DOTALL,
)


def refuse_deep(text: bytes, syntax: ox.RdfFormat = ox.RdfFormat.N_TRIPLES) -> None:
    """Refuse a graph in which triples, elements or objects stand in more than a hundred others.

    Parameters
    ----------
    text : bytes
        The graph.
    syntax : RdfFormat
        In which it is written.

    Raises
    ------
    FormatError
        When it is so, or is no XML where it should be.
    """
    if syntax == ox.RdfFormat.RDF_XML:
        _refuse_deep_xml(text)
    elif syntax == ox.RdfFormat.JSON_LD:
        _refuse_deep(text, _JSON, text.count(b"{") + text.count(b"["))
    else:
        _refuse_deep(text, _TRIPLES, text.count(b"<<"))


def _refuse_deep(text: bytes, words: "re.Pattern[bytes]", most: int) -> None:
    if most <= DEEPEST:
        return
    depth = 0
    for found in words.finditer(text):
        if found.lastgroup is not None:
            depth = depth + 1 if found.lastgroup == "opens" else max(0, depth - 1)
            if depth > DEEPEST:
                raise _too_deep()


def _refuse_deep_xml(text: bytes) -> None:
    depth, parser = 0, expat.ParserCreate()

    def begun(*_: object) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise _too_deep()

    def ended(*_: object) -> None:
        nonlocal depth
        depth -= 1

    parser.StartElementHandler, parser.EndElementHandler = begun, ended
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise FormatError(f"no XML: {error}", hint="is it whole?") from None


def _too_deep() -> FormatError:
    return FormatError(f"it is nested more than {DEEPEST} deep", hint="name what is in between", most=DEEPEST)
