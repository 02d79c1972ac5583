"""Finding entities by class, by properties, and by what they were made from."""

from collections.abc import Iterable, Mapping
from typing import Any

from cuds import iris, model
from cuds.errors import UnknownError, did_you_mean
from cuds.model.entity import Component, Entity
from cuds.store.index import Index
from cuds.store.naming import name_of
from cuds.store.origin import ORIGINS, Origin
from cuds.store.protocol import Findings, Found, Store
from cuds.store.wanted import Condition, Wanted, wanted

_RDFS = "http://www.w3.org/2000/01/rdf-schema#"
Row = tuple[str, str]  # the graph, and the node in it


def find(store: Store, index: Index, kind: Any, conditions: Mapping[str, Any]) -> Findings:
    """Return the entities of a class, and of those below it, that fulfil conditions.

    Raises
    ------
    UnknownError
        When there is no such class, or it has no such property.
    UnitError
        When a unit is missing or does not fit.
    UnsupportedError
        When a property cannot be compared so.
    """
    name = kind if isinstance(kind, str) else kind.__name__
    below = _below(index, name)
    traced = {n: Origin.of(n, v) for n, v in conditions.items() if n in ORIGINS}
    known = [c for n, c in model.classes().items() if n in below and issubclass(c, Component)]
    asked = wanted(known, {n: v for n, v in conditions.items() if n not in traced}, tuple(ORIGINS))
    rows = _fulfilling(index, asked) if asked.conditions else _of(index, below)
    kinds = _kinds(index, rows, below)
    left = _traced(index, kinds, traced.values())
    numbers = index.numbers({graph for graph, _ in left})  # a plain graph has none
    return [
        Found(name_of(graph), numbers[graph], node, kinds[graph, node], rows[graph, node], store)
        for graph, node in sorted(left)
        if graph in numbers
    ]


def _below(index: Index, name: str) -> set[str]:
    """Return a class and all below it in the ontology, by name."""
    query = f"SELECT ?c WHERE {{ ?c <{_RDFS}subClassOf>* <{iris.CUDS}{name}> }}"
    known = [n for n, c in model.classes().items() if issubclass(c, Entity)]
    above = {row["c"] for row in index.solved(query)} if name.isidentifier() else set()
    found = {c.removeprefix(iris.CUDS) for c in above}
    if not found & set(known):
        raise UnknownError(f"no class of entities is called {name!r}", hint=did_you_mean(name, known), name=name)
    return found


def _fulfilling(index: Index, asked: Wanted) -> dict[Row, dict[str, Any]]:
    """Return what fulfils all conditions, with its values; each is asked on its own, as joins are planned badly."""
    found: dict[Row, dict[str, Any]] | None = None
    for condition in asked.conditions:
        rows = {(r["g"], r["x"]): r["v"] for r in _ask(index, condition)}
        kept = rows.keys() if found is None else found.keys() & rows.keys()
        found = {row: {**((found or {}).get(row, {})), condition.name: rows[row]} for row in kept}
    return found or {}


def _ask(index: Index, condition: Condition) -> list[dict[str, Any]]:
    return index.solved(f"SELECT ?g ?x ?v WHERE {{ GRAPH ?g {{ {condition.pattern} FILTER({condition.test}) }} }}")


def _of(index: Index, below: Iterable[str]) -> dict[Row, dict[str, Any]]:
    """Return all entities of classes."""
    listed = " ".join(f"<{iris.CUDS}{name}>" for name in sorted(below))
    rows = index.solved(f"SELECT ?g ?x WHERE {{ VALUES ?c {{ {listed} }} GRAPH ?g {{ ?x a ?c }} }}")
    return {(r["g"], r["x"]): {} for r in rows}


def _kinds(index: Index, rows: Iterable[Row], below: set[str]) -> dict[Row, str]:
    """Return the class of each that is of one of some."""
    among = {iris.CUDS + name for name in below}
    return {row: kind.removeprefix(iris.CUDS) for row, kind in index.types(rows, among)}


def _traced(index: Index, rows: Iterable[Row], origins: Iterable[Origin]) -> set[Row]:
    """Return those that come from all origins."""
    left = set(rows)
    for origin in origins:
        behind = origin.behind(index, {node for _, node in left})
        left = {row for row in left if row[1] in behind}
    return left
