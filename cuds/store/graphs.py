"""Graphs as they are kept: N-Triples, each line once, in order; what is of classes of cuds conforms to the shapes."""

import uuid
from collections.abc import Callable
from typing import Any

import pyoxigraph as ox

from cuds import iris
from cuds.errors import FormatError, InvalidError
from cuds.semantics.nesting import refuse_deep
from cuds.semantics.triples import TYPE, as_graph, n_triples

_TYPE = ox.NamedNode(TYPE)
_SHOWN = 5  # complaints
FEW = 500  # triples that the shapes look through in less than a tenth of a second
Inspect = Callable[[bytes, str], list[str]]  # what the shapes have against N-Triples that somebody wrote


def stated(graph: Any) -> list[ox.Triple]:
    """Return the triples of a graph; its blank nodes get names that no other graph has.

    Parameters
    ----------
    graph : rdflib.Graph or bytes
        Bytes are N-Triples.

    Raises
    ------
    FormatError
        When it is no N-Triples.
    """
    text = graph if isinstance(graph, bytes) else graph.serialize(format="nt", encoding="utf-8")
    refuse_deep(text)
    try:
        found = [quad.triple for quad in ox.parse(text, format=ox.RdfFormat.N_TRIPLES)]
    except (SyntaxError, ValueError) as error:
        raise FormatError(f"graph: no N-Triples: {error}", hint="give them, or a graph of rdflib") from error
    known: dict[str, Any] = {}
    return [_renamed(triple, known) if "_:" in str(triple) else triple for triple in found]


def _renamed(term: Any, known: dict[str, Any]) -> Any:
    if isinstance(term, ox.Triple):
        return ox.Triple(_renamed(term.subject, known), term.predicate, _renamed(term.object, known))
    if not isinstance(term, ox.BlankNode):
        return term
    return known.setdefault(term.value, ox.BlankNode(f"b{uuid.uuid4().hex}"))  # RDF/XML wants a letter first


def kept(triples: list[ox.Triple], by: str = "", inspect: Inspect | None = None) -> bytes:
    """Return triples as they are kept, once they are looked through.

    Parameters
    ----------
    triples : list
        They.
    by : str
        Who wrote them.
    inspect : callable, optional
        Looks through what is long.

    Raises
    ------
    InvalidError
        When what is of a class of cuds does not conform to the shapes.
    NotInstalledError
        When there is such, and pySHACL is missing.
    """
    text = n_triples(triples)
    if any(t.predicate == _TYPE and str(t.object).startswith(f"<{iris.CUDS}") for t in triples):
        from cuds.semantics.conformance import complaints

        found = complaints(as_graph(triples)) if inspect is None or len(triples) <= FEW else inspect(text, by)
        if found:
            more = f"\n  and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            raise InvalidError(
                "the graph does not conform to the shapes:\n  " + "\n  ".join(found[:_SHOWN]) + more,
                hint="what is of a class of cuds must have what its shape asks for",
                complaints=found,
            )
    return text
