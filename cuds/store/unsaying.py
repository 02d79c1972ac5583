"""Taking triples out of a graph, and out of what all graphs say together where no other says them too."""

from collections.abc import Iterable
from typing import Any

import pyoxigraph as ox

UNION = ox.DefaultGraph()  # what all data sets say together
_AT_ONCE = 500  # triples; a store takes many out in one update faster than each on its own


def unsay(store: Any, gone: Iterable[ox.Triple], place: Any) -> None:
    """Take triples out of a graph; of whoever is interrupted, some stay there.

    Parameters
    ----------
    store : pyoxigraph.Store
        Of all graphs, and of what they say together.
    gone : iterable of pyoxigraph.Triple
        That the graph says.
    place : pyoxigraph.NamedNode or pyoxigraph.BlankNode
        Under which it lies.
    """
    several = list(gone)
    nameable = [t for t in several if _nameable(place, t.subject, t.object)]
    for at in range(0, len(nameable), _AT_ONCE):
        _unsay_together(store, nameable[at : at + _AT_ONCE], place)
    for triple in set(several).difference(nameable):
        _unsay_one(store, triple, place)


def _nameable(*terms: Any) -> bool:
    """Whether an update can say which triple is meant: in it, no blank node stands for the one of that name."""
    return all(isinstance(term, ox.NamedNode | ox.Literal) for term in terms)


def _unsay_together(store: Any, several: list[ox.Triple], place: Any) -> None:
    said = {triple: f"{triple.subject} {triple.predicate} {triple.object}" for triple in several}
    asked = " ".join(f"({text})" for text in said.values())
    others = store.query(
        f"SELECT ?s ?p ?o {{ VALUES (?s ?p ?o) {{ {asked} }} "
        f"FILTER EXISTS {{ GRAPH ?g {{ ?s ?p ?o }} FILTER(?g != {place}) }} }}"
    )
    kept = {ox.Triple(*row) for row in others}
    alone = " . ".join(text for triple, text in said.items() if triple not in kept)
    store.update(f"DELETE DATA {{ {alone} GRAPH {place} {{ {' . '.join(said.values())} }} }}")


def _unsay_one(store: Any, triple: ox.Triple, place: Any) -> None:
    parts = triple.subject, triple.predicate, triple.object
    others = (quad.graph_name for quad in store.quads_for_pattern(*parts, None))
    if all(other in (place, UNION) for other in others):
        store.remove(ox.Quad(*parts, UNION))
    store.remove(ox.Quad(*parts, place))
