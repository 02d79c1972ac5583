"""A data set in short, as JSON: which entities it holds, of which class, with which arrays, and where they are had."""

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pyoxigraph as ox

from cuds import iris, model
from cuds.model.entity import Entity
from cuds.semantics.triples import QUDT, RDFS, TYPE
from cuds.store.protocol import Version

Node = dict[str, list[str]]


def summary(version: Version, graph: bytes) -> bytes:
    """Return what there is to know of a version at a glance."""
    nodes: dict[str, Node] = defaultdict(lambda: defaultdict(list))
    for quad in ox.parse(graph, format=ox.RdfFormat.N_TRIPLES):
        nodes[_value(quad.subject)][quad.predicate.value].append(_value(quad.object))
    place = f"/datasets/{quote(version.name, safe='')}"
    said: dict[str, Any] = {
        "name": version.name,
        "iri": version.iri,
        "version": version.number,
        "plain": version.plain,
        "written": version.written,
        "bytes": version.bytes,
    }
    if version.plain:
        said["triples"] = sum(len(values) for node in nodes.values() for values in node.values())
    else:
        said["entities"] = [_entity(iri, nodes, place, version.number) for iri in sorted(nodes) if _kind(nodes[iri])]
    said["links"] = {
        "self": place,
        "versions": f"{place}/versions",
        "provenance": f"{place}/provenance",
        "rights": f"{place}/rights",
    }
    return json.dumps(said, ensure_ascii=False, indent=1).encode()


def arrays(graph: bytes) -> dict[str, dict[str, Any]]:
    """Return what a graph states of the arrays and files it refers to, by where they lie."""
    nodes: dict[str, Node] = defaultdict(lambda: defaultdict(list))
    for quad in ox.parse(graph, format=ox.RdfFormat.N_TRIPLES):
        nodes[_value(quad.subject)][quad.predicate.value].append(_value(quad.object))
    return {node[iris.location][0]: _array(node) for node in nodes.values() if iris.location in node}


def _entity(iri: str, nodes: dict[str, Node], place: str, number: int) -> dict[str, Any]:
    node = nodes[iri]
    found: dict[str, Any] = {"id": iri, "class": _kind(node)}
    if label := node.get(RDFS + "label"):
        found["label"] = label[0]
    found["arrays"] = [
        {"property": path, **_array(nodes[part]), "href": _href(place, nodes[part][iris.location][0], number)}
        for path, part in _parts(iri, nodes)
    ]
    return found


def _parts(iri: str, nodes: dict[str, Node]) -> Iterator[tuple[str, str]]:
    """Yield the nodes of an entity that have numbers somewhere, each with the way to it."""
    stem = iri + ("/" if "#" in iri else "#")
    for node in sorted(nodes):
        if node.startswith(stem) and iris.location in nodes[node]:
            yield node.removeprefix(stem), node


def _array(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = {"location": node[iris.location][0], "checksum": node[iris.checksum][0]}
    if iris.byteSize in node:
        return found | {"bytes": int(node[iris.byteSize][0])}
    found |= {"shape": json.loads(node[iris.shape][0]), "dtype": node[iris.dtype][0]}
    for name, key in (("unit", QUDT + "hasUnit"), ("quantity kind", QUDT + "hasQuantityKind")):
        if key in node:
            found[name] = node[key][0]
    for name, key in (("minimum", iris.minimum), ("maximum", iris.maximum)):
        if key in node and math.isfinite(number := float(node[key][0])):
            found[name] = number
    return found


def _href(place: str, location: str, number: int) -> str:
    return f"{place}/arrays/{quote(location.lstrip('/'), safe='/')}?version={number}"


def _kind(node: Node) -> str:
    """Return the class of an entity; empty for what is none."""
    names = [t.removeprefix(iris.CUDS) for t in node.get(TYPE, ())]
    return next((n for n in names if issubclass(model.classes().get(n, object), Entity)), "")


def _value(term: Any) -> str:
    return str(term.value)
