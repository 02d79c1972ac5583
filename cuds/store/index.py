"""The graphs of data sets in a store of triples: each on its own under its IRI, and all of them as one.

What all say together lies in the default graph, so that joins need not look into thousands of graphs; a triple leaves
it with the last data set that says it. The classes of the ontology lie there too.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import pyoxigraph as ox

from cuds.registry import ontology_folder
from cuds.semantics.asking import PATIENCE, answers, solved
from cuds.semantics.clauses import dataset_clauses
from cuds.store.protocol import Version, iri, name_of

_TYPE = ox.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
_SUBCLASS = ox.NamedNode("http://www.w3.org/2000/01/rdf-schema#subClassOf")
_DATASET = ox.NamedNode("http://www.w3.org/ns/dcat#Dataset")
_TITLE = ox.NamedNode("http://purl.org/dc/terms/title")
_NUMBER = ox.NamedNode("http://www.w3.org/ns/dcat#version")
_MARK = ox.NamedNode("urn:cuds:file")  # in the graph of a data set: of which file it is
_INTEGER = ox.NamedNode("http://www.w3.org/2001/XMLSchema#integer")
UNION = ox.DefaultGraph()  # what all data sets say together


@cache
def classes() -> tuple[ox.Quad, ...]:
    """Return who is a sub-class of whom."""
    found = []
    for path in sorted(ontology_folder().glob("*.ttl")):
        quads = ox.parse(path=str(path), format=ox.RdfFormat.TURTLE)
        found += [ox.Quad(q.subject, q.predicate, q.object) for q in quads if q.predicate == _SUBCLASS]
    return tuple(found)


class Index:
    """Graphs of data sets, to be asked.

    Parameters
    ----------
    store : pyoxigraph.Store
        Empty, or what an index left.
    """

    far = False  # whether each question takes a while, so that few are better than quick ones

    def __init__(self, store: Any) -> None:
        self.store = store
        if not any(store.quads_for_pattern(None, _SUBCLASS, None, UNION)):
            store.extend(classes())

    def marks(self) -> dict[str, str]:
        """Return of which file each data set is, by name."""
        found = self.store.quads_for_pattern(None, _MARK, None, None)
        return {name_of(_iri(q.graph_name)): q.object.value for q in found}

    def put(self, version: Version, graph: bytes) -> None:
        """Take in a data set, in place of what bore its name."""
        self.drop(version.name)
        self.store.extend(quads(version, graph))  # all or nothing

    def fill(self, several: Iterable[tuple[Version, bytes]]) -> None:
        """Take in many data sets of which it has none; fast, but nothing is sure before it has ended."""
        self.store.bulk_extend(quad for version, graph in several for quad in quads(version, graph))

    def drop(self, name: str) -> None:
        """Forget a data set, if it is there; that it is goes last, so that whoever is interrupted does it again."""
        graph = ox.NamedNode(iri(name))
        own = list(self.store.quads_for_pattern(None, None, None, graph))
        for quad in own:
            triple = quad.subject, quad.predicate, quad.object
            others = (q.graph_name for q in self.store.quads_for_pattern(*triple, None))
            if all(other in (graph, UNION) for other in others):
                self.store.remove(ox.Quad(*triple, UNION))
        if own:
            self.store.remove_graph(graph)

    def query(self, sparql: str, timeout: float = PATIENCE) -> list[dict[str, Any]]:
        """Return the solutions of a SPARQL SELECT; a dataset clause chooses among the data sets.

        Raises
        ------
        InvalidError
            When the query cannot be read, is no SELECT, or would ask another machine.
        UnknownError
            When a dataset clause names what is not here.
        """
        return answers(self.store, sparql, timeout=timeout, **dataset_clauses(sparql, self.holds, self.names))

    def solved(self, sparql: str) -> list[dict[str, Any]]:
        """Return the solutions of a query of our own."""
        return solved(self.store, sparql)

    def holds(self, graph: str) -> bool:
        """Whether an IRI is that of a data set that is here."""
        return bool(self.store.contains_named_graph(ox.NamedNode(graph)))

    def names(self) -> list[str]:
        """Return the IRIs of all data sets."""
        return [_iri(graph) for graph in self.store.named_graphs()]

    def said(self, node: Any, graph: str = "") -> Iterator[Any]:
        """Return what is said of a node, by a data set or by all of them."""
        return iter(self.store.quads_for_pattern(node, None, None, ox.NamedNode(graph) if graph else UNION))

    def said_by(self, graph: str) -> Iterator[ox.Quad]:
        """Return what a data set says."""
        return iter(self.store.quads_for_pattern(None, None, None, ox.NamedNode(graph)))

    def types(self, rows: Iterable[tuple[str, str]]) -> Iterator[tuple[tuple[str, str], str]]:
        """Yield the classes of nodes, each as its data set says: ((graph, node), class)."""
        for graph, node in rows:
            for quad in self.store.quads_for_pattern(ox.NamedNode(node), _TYPE, None, ox.NamedNode(graph)):
                yield (graph, node), _iri(quad.object)

    def numbers(self, graphs: Iterable[str]) -> dict[str, int]:
        """Return the versions of data sets, by their IRIs."""
        nodes = {graph: ox.NamedNode(graph) for graph in graphs}
        found = {g: self.store.quads_for_pattern(n, _NUMBER, None, n) for g, n in nodes.items()}
        return {graph: int(next(quads).object.value) for graph, quads in found.items()}

    def bearing(self, predicate: str, text: str) -> Iterator[Any]:
        """Return what bears a text, as any data set says."""
        found = self.store.quads_for_pattern(None, ox.NamedNode(predicate), ox.Literal(text), UNION)
        return (q.subject for q in found)

    def sayers(self, nodes: Iterable[Any]) -> Iterator[Any]:
        """Yield what is said by all data sets with any of some nodes as object."""
        for node in nodes:
            yield from (q.subject for q in self.store.quads_for_pattern(None, None, node, UNION))


def triples(graph: bytes) -> Iterator[ox.Quad]:
    """Return the triples of N-Triples."""
    return iter(ox.parse(graph, format=ox.RdfFormat.N_TRIPLES))


def quads(version: Version, graph: bytes) -> list[ox.Quad]:
    """Return what an index holds of a data set: its graph, what is said of it as a whole, and of which file it is."""
    own = ox.NamedNode(version.iri)
    said = [(q.subject, q.predicate, q.object) for q in triples(graph)]
    said += [
        (own, _TYPE, _DATASET),
        (own, _TITLE, ox.Literal(version.name)),
        (own, _NUMBER, ox.Literal(str(version.number), datatype=_INTEGER)),
    ]
    marked = [ox.Quad(own, _MARK, ox.Literal(version.mark), own)]
    return [ox.Quad(*triple, place) for triple in said for place in (own, UNION)] + marked


def _iri(node: Any) -> str:
    return str(node.value)
