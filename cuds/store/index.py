"""The graphs of data sets in a store of triples: each on its own under its IRI, and all of them as one.

What all say together lies in the default graph, so that joins need not look into thousands of graphs; a triple leaves
it with the last data set that says it. The classes of the ontology lie there too.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import pyoxigraph as ox

from cuds.registry import ontology_folder
from cuds.semantics.asking import answers
from cuds.store.clauses import dataset_clauses
from cuds.store.protocol import Version, iri, name_of

_TYPE = ox.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
_SUBCLASS = ox.NamedNode("http://www.w3.org/2000/01/rdf-schema#subClassOf")
_DATASET = ox.NamedNode("http://www.w3.org/ns/dcat#Dataset")
_TITLE = ox.NamedNode("http://purl.org/dc/terms/title")
_NUMBER = ox.NamedNode("http://www.w3.org/ns/dcat#version")
_MARK = ox.NamedNode("urn:cuds:file")  # in the graph of a data set: of which file it is
_INTEGER = ox.NamedNode("http://www.w3.org/2001/XMLSchema#integer")
_UNION = ox.DefaultGraph()


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

    def __init__(self, store: ox.Store) -> None:
        self.store = store
        if not any(store.quads_for_pattern(None, _SUBCLASS, None, _UNION)):
            store.extend(classes())

    def marks(self) -> dict[str, str]:
        """Return of which file each data set is, by name."""
        found = self.store.quads_for_pattern(None, _MARK, None, None)
        return {name_of(_iri(q.graph_name)): q.object.value for q in found}  # type: ignore[union-attr]

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
            if all(other in (graph, _UNION) for other in others):
                self.store.remove(ox.Quad(*triple, _UNION))
        if own:
            self.store.remove_graph(graph)

    def query(self, sparql: str) -> list[dict[str, Any]]:
        """Return the solutions of a SPARQL SELECT; a dataset clause chooses among the data sets.

        Raises
        ------
        InvalidError
            When the query cannot be read, is no SELECT, or would ask another machine.
        UnknownError
            When a dataset clause names what is not here.
        """
        return answers(self.store, sparql, **dataset_clauses(sparql, self.holds, self.names))

    def holds(self, graph: str) -> bool:
        """Whether an IRI is that of a data set that is here."""
        return self.store.contains_named_graph(ox.NamedNode(graph))

    def names(self) -> list[str]:
        """Return the IRIs of all data sets."""
        return [_iri(graph) for graph in self.store.named_graphs()]

    def said(self, node: Any, graph: str = "") -> Iterator[Any]:
        """Return what is said of a node, by a data set or by all of them."""
        return self.store.quads_for_pattern(node, None, None, ox.NamedNode(graph) if graph else _UNION)

    def said_by(self, graph: str) -> Iterator[ox.Quad]:
        """Return what a data set says."""
        return self.store.quads_for_pattern(None, None, None, ox.NamedNode(graph))

    def types(self, node: str, graph: str) -> list[str]:
        """Return the classes of a node, as a data set says."""
        found = self.store.quads_for_pattern(ox.NamedNode(node), _TYPE, None, ox.NamedNode(graph))
        return sorted(_iri(q.object) for q in found)

    def number(self, graph: str) -> int:
        """Return the version of a data set."""
        node = ox.NamedNode(graph)
        (found,) = self.store.quads_for_pattern(node, _NUMBER, None, node)
        return int(found.object.value)  # type: ignore[union-attr]

    def bearing(self, predicate: str, text: str) -> Iterator[Any]:
        """Return what bears a text, as any data set says."""
        found = self.store.quads_for_pattern(None, ox.NamedNode(predicate), ox.Literal(text), _UNION)
        return (q.subject for q in found)

    def sayers(self, node: Any) -> Iterator[Any]:
        """Return what is said by all data sets with a node as object."""
        return self.store.quads_for_pattern(None, None, node, _UNION)


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
    return [ox.Quad(*triple, place) for triple in said for place in (own, _UNION)] + marked


def _iri(node: Any) -> str:
    return str(node.value)
