"""The graph of a data set as text."""

import re
from pathlib import Path
from typing import Any

from cuds.codecs.whole import replacing
from cuds.errors import InvalidError, UnknownError, did_you_mean
from cuds.model.dataset import DataSet
from cuds.registry import generated
from cuds.semantics.asking import PREFIXES
from cuds.semantics.lift import graph

SYNTAXES = {"turtle": ".ttl", "json-ld": ".jsonld", "n-triples": ".nt", "rdf-xml": ".rdf"}
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"


def text(data: DataSet, syntax: str = "turtle") -> str:
    """Return the graph as ``turtle``, ``json-ld``, ``n-triples`` or ``rdf-xml``.

    JSON-LD carries its context in itself: nothing is fetched to read it.

    Raises
    ------
    UnknownError
        For another syntax.
    InvalidError
        For text with control characters as RDF/XML, which cannot hold them.
    """
    if syntax not in SYNTAXES:
        raise UnknownError(f"syntax: {syntax!r} is not known", hint=did_you_mean(syntax, SYNTAXES), field="syntax")
    found = graph(data)
    triples = found.serialize(format="nt", encoding="utf-8")
    if syntax == "n-triples":
        return b"".join(sorted(triples.splitlines(keepends=True))).decode()
    if syntax == "turtle":
        return _turtle(triples)
    if syntax == "json-ld":
        return found.serialize(format="json-ld", context=generated("context.jsonld")["@context"])
    strange = next((text for text in map(str, found.objects()) if _NOT_XML.search(text)), None)
    if strange is not None:
        raise InvalidError(f"syntax: XML cannot hold {strange!r}", hint="take another syntax", field="syntax")
    return found.serialize(format="pretty-xml")


def _turtle(triples: bytes) -> str:
    """Return N-Triples as Turtle, subject by subject, the class first; rdflib would round numbers to six digits."""
    import pyoxigraph

    def order(triple: Any) -> tuple[str, bool, str, str]:
        return triple.subject.value, triple.predicate.value != _TYPE, triple.predicate.value, str(triple.object)

    parsed = pyoxigraph.parse(triples, format=pyoxigraph.RdfFormat.N_TRIPLES)
    ordered = sorted((quad.triple for quad in parsed), key=order)
    written = pyoxigraph.serialize(ordered, format=pyoxigraph.RdfFormat.TURTLE, prefixes=PREFIXES)
    assert written is not None  # as no output was named
    return written.decode()


def write(data: DataSet, path: Path) -> Path:
    """Write the graph in the syntax that the extension says."""
    syntax = next(name for name, extension in SYNTAXES.items() if extension == path.suffix.lower())
    content = text(data, syntax).encode()
    with replacing(path) as partial:
        partial.write_bytes(content)
    return path
