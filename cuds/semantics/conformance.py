"""Whether a graph conforms to the shapes, in plain words.

The shapes of classes that do not occur in a graph say nothing of it, so they are left out: what it takes does not grow
with the ontology, nor with the length of any array.
"""

from functools import cache, lru_cache
from typing import Any

from rdflib import BNode, Graph, URIRef
from rdflib.namespace import RDF, SH

from cuds import iris
from cuds.registry import ontology_folder, require

_SAYS = {
    SH.MinCountConstraintComponent: "{path} is missing",
    SH.MaxCountConstraintComponent: "{path} is said more than once",
    SH.DatatypeConstraintComponent: "{path} is {value}: not of the type that it must be",
    SH.NodeKindConstraintComponent: "{path} is {value}: not a node of the graph, but a text",
    SH.ClassConstraintComponent: "{path} is {value}: a thing of another class",
    SH.InConstraintComponent: "{path} is {value}: none of the words that are allowed",
    SH.NodeConstraintComponent: "{path} is {value}: not all is said of it that must be",
}


@cache
def _shapes() -> Graph:
    return Graph().parse(ontology_folder() / "generated" / "shapes.ttl")


def shapes_of(graph: Graph) -> Graph:
    """Return the shapes of the classes that occur in a graph, and those that they refer to."""
    return _of_classes(frozenset(graph.objects(None, RDF.type)))


@lru_cache
def _of_classes(classes: frozenset[Any]) -> Graph:
    every = _shapes()
    wanted: list[Any] = [shape for shape, target in every.subject_objects(SH.targetClass) if target in classes]
    found, seen = Graph(store="SimpleMemory"), set(wanted)  # pySHACL asks it a thousand times
    while wanted:
        node = wanted.pop()
        for triple in every.triples((node, None, None)):
            found.add(triple)
            linked = isinstance(triple[2], BNode) or triple[1] == SH.node
            if linked and triple[2] not in seen:
                seen.add(triple[2])
                wanted.append(triple[2])
    return found


def complaints(graph: Graph) -> list[str]:
    """Return what is wrong with a graph, a line each; nothing when it conforms.

    Parameters
    ----------
    graph : rdflib.Graph
        Of a data set: ``data.graph()``.

    Raises
    ------
    NotInstalledError
        When pySHACL is missing.
    """
    return lines(report(graph))


def report(graph: Graph) -> Graph:
    """Return what the shapes say of a graph, as a report of SHACL.

    Raises
    ------
    NotInstalledError
        When pySHACL is missing.
    """
    pyshacl = require("pyshacl", "validate")
    _, results, _ = pyshacl.validate(graph, shacl_graph=shapes_of(graph), inplace=True)
    found: Graph = results
    return found


def inspected(text: str | bytes) -> tuple[list[str], str]:
    """Return what is wrong with a graph in N-Triples, a line each, and the report of SHACL in N-Triples."""
    found = report(Graph().parse(data=text, format="nt"))
    return lines(found), found.serialize(format="nt")


def lines(results: Graph) -> list[str]:
    """Return what a report of SHACL has against a graph, a line each."""
    return sorted({_line(results, result) for result in results.subjects(RDF.type, SH.ValidationResult)})


def _line(results: Graph, result: Any) -> str:
    focus, value = (results.value(result, p) for p in (SH.focusNode, SH.value))
    path = str(results.value(result, SH.resultPath)).removeprefix(iris.CUDS).rpartition("/")[2]
    said = _SAYS.get(URIRef(str(results.value(result, SH.sourceConstraintComponent))))
    message = said or str(results.value(result, SH.resultMessage))
    shown = f"<{value}>" if isinstance(value, URIRef) else repr(str(value))
    return f"{focus}: {message.format(path=path, value=shown)}" if said else f"{focus}: {message}"
