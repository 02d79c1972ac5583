"""Triples in two libraries: pyoxigraph's, which are made and written fast, and rdflib's, which others know."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import pyoxigraph as ox

from cuds import iris
from cuds.errors import InvalidError

QUDT = "http://qudt.org/schema/qudt/"
PROV = "http://www.w3.org/ns/prov#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
XSD = "http://www.w3.org/2001/XMLSchema#"
TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
PREFIXES = {
    "cuds": iris.CUDS,
    "qudt": QUDT,
    "unit": "http://qudt.org/vocab/unit/",
    "quantitykind": "http://qudt.org/vocab/quantitykind/",
    "prov": PROV,
    "rdfs": RDFS,
    "xsd": XSD,
}
_BOOLEAN, _DOUBLE, _INTEGER, _DATE_TIME, _URI = (
    ox.NamedNode(XSD + name) for name in ("boolean", "double", "integer", "dateTime", "anyURI")
)


def literal(value: Any, where: str) -> ox.Literal:
    """Return a value of Python as a literal that says exactly the same.

    Raises
    ------
    InvalidError
        For text that is none.
    """
    if isinstance(value, bool):
        return ox.Literal("true" if value else "false", datatype=_BOOLEAN)
    if isinstance(value, float):
        return ox.Literal(repr(float(value)) if np.isfinite(value) else str(value).upper(), datatype=_DOUBLE)
    if isinstance(value, int):
        return ox.Literal(str(value), datatype=_INTEGER)
    if isinstance(value, datetime):
        return ox.Literal(value.isoformat(), datatype=_DATE_TIME)
    try:
        str(value).encode()
    except UnicodeEncodeError as error:
        raise InvalidError(f"{where}: {value!r} is no text: {error}", hint="remove the lone surrogates") from None
    return ox.Literal(str(value))


def place_literal(location: str) -> ox.Literal:
    """Return where something lies as a literal."""
    return ox.Literal(location, datatype=_URI)


def named(iri: str) -> ox.NamedNode:
    """Return the node that an id names.

    Raises
    ------
    InvalidError
        When the id is no IRI.
    """
    try:
        return ox.NamedNode(iri)
    except ValueError as error:
        raise InvalidError(
            f"id: {iri!r} is no IRI: {error}", hint="give one like 'https://example.org/copper', or none", field="id"
        ) from None


def n_triples(triples: Iterable[ox.Triple]) -> bytes:
    """Return triples as N-Triples, which are N-Quads of the default graph, in the order of their text."""
    return "".join(sorted({f"{triple} .\n" for triple in triples})).encode()


class Said(NamedTuple):
    """A literal: its text as it stands there, and the IRI of its type."""

    text: str
    datatype: str

    def __str__(self) -> str:
        return self.text


def by_subject(triples: Iterable[ox.Triple | ox.Quad]) -> dict[str, dict[str, list[str | Said]]]:
    """Return what is said of each node, by property; nodes are texts, which are compared faster than terms."""
    found: dict[str, dict[str, list[str | Said]]] = {}
    for triple in triples:
        given = triple.object
        value = Said(given.value, given.datatype.value) if isinstance(given, ox.Literal) else _node(given)
        found.setdefault(_node(triple.subject), {}).setdefault(triple.predicate.value, []).append(value)
    return found


def _node(term: Any) -> str:
    return term.value if isinstance(term, ox.NamedNode) else str(term)


def as_rdflib(triples: Iterable[ox.Triple | ox.Quad]) -> Iterator[tuple[Any, Any, Any]]:
    """Yield the same triples in the terms of rdflib."""
    from rdflib import BNode, Literal, URIRef

    known: dict[str, URIRef] = {}

    def term(given: Any) -> Any:
        if isinstance(given, ox.NamedNode):
            return known.get(given.value) or known.setdefault(given.value, URIRef(given.value))
        if isinstance(given, ox.BlankNode):
            return BNode(given.value)
        if given.language:
            return Literal(given.value, lang=given.language)
        datatype = given.datatype.value
        plain = datatype == XSD + "string"
        return Literal(given.value, datatype=None if plain else URIRef(datatype), normalize=False)

    for triple in triples:
        yield term(triple.subject), term(triple.predicate), term(triple.object)


def as_graph(triples: Iterable[ox.Triple | ox.Quad]) -> Any:
    """Return triples as an rdflib Graph, which knows our prefixes."""
    from rdflib import Graph

    graph = Graph()
    for prefix, namespace in PREFIXES.items():
        graph.bind(prefix, namespace)
    for triple in as_rdflib(triples):
        graph.add(triple)
    return graph
