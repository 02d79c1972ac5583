"""The model as a graph: what things are and how they hang together, numbers by reference.

An array of any length is one node (quantity kind, unit, shape, type, digest, where it lies, count, least and
greatest in SI units). The graph of a data set has the same size for a hundred atoms and for a hundred million.

The IRI of a part is that of its entity, ``#``, and the way to it through the fields: ``…#kinds/0/mass``.
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any
from urllib.parse import quote

import numpy as np
from rdflib import Graph, Literal, Namespace, URIRef
from rdflib.namespace import PROV, RDF, RDFS, XSD

from cuds import iris
from cuds.arrays import AnyArray, digest as array_digest
from cuds.errors import InvalidError
from cuds.model.dataset import DataSet
from cuds.model.entity import Component, Entity, Term
from cuds.model.plain import Json
from cuds.model.provenance import SimulationRun
from cuds.semantics.asking import PREFIXES, answers
from cuds.semantics.invariants import invariants
from cuds.semantics.places import names, place, stored
from cuds.units import Quantity, table

CUDS = Namespace(iris.CUDS)
QUDT = Namespace("http://qudt.org/schema/qudt/")
# Which engine, potential file and input produced a stress? The input is the transcript, by its digest.
WHERE_FROM = """
PREFIX cuds: <https://w3id.org/cuds#>
PREFIX prov: <http://www.w3.org/ns/prov#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
SELECT ?stress ?engine ?version ?file ?file_sha256 ?transcript_sha256 WHERE {
  ?stress a cuds:Stress ; prov:wasGeneratedBy ?run .
  ?run prov:wasAssociatedWith [ rdfs:label ?engine ; cuds:engineVersion ?version ] ;
       cuds:used [ cuds:usedClass "Potential" ;
                   cuds:usedFiles [ cuds:fileName ?file ; cuds:usedDigest ?file_sha256 ] ] ;
       cuds:transcript [ cuds:checksum ?transcript_sha256 ] .
}
"""


@dataclass
class Lifted:
    """A graph, and beside it the numbers that it refers to, their units and the names of entities."""

    graph: Graph = field(default_factory=Graph)
    arrays: dict[str, AnyArray | bytes] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


def lift(data: DataSet) -> Lifted:
    """Return the graph of everything in a data set, and the numbers beside it, by location.

    Raises
    ------
    InvalidError
        When an id is no IRI, when two things bear one IRI, or for a value that a graph cannot hold.
    """
    entities = data.closure()
    found = Lifted(names=names(entities))
    for prefix, namespace in PREFIXES.items():
        found.graph.bind(prefix, namespace)
    for entity in entities:
        _Lifter(found, entity).entity()
    return found


def graph(data: DataSet) -> Graph:
    """Return the graph alone."""
    return lift(data).graph


def query(data: DataSet, sparql: str) -> list[dict[str, Any]]:
    """Return the solutions of a SPARQL SELECT over the graph of a data set.

    Parameters
    ----------
    data : DataSet
        Only its graph is asked, no file and no other machine.
    sparql : str
        The query; prefixes are to be declared in it.

    Raises
    ------
    InvalidError
        When the query cannot be read, is no SELECT, or would ask another machine.
    """
    import pyoxigraph

    store = pyoxigraph.Store()
    store.load(graph(data).serialize(format="nt", encoding="utf-8"), format=pyoxigraph.RdfFormat.N_TRIPLES)
    return answers(store, sparql)


class _Lifter:
    """Lifts one entity."""

    def __init__(self, found: Lifted, of: Entity) -> None:
        self.found = found
        self.of = of

    def add(self, subject: URIRef, predicate: Any, value: Any) -> None:
        known = value if isinstance(value, URIRef | Literal) else _literal(value, str(subject))
        self.found.graph.add((subject, URIRef(predicate), known))

    def node(self, iri: str, *types: Any) -> URIRef:
        """Return a new node of the graph."""
        node = URIRef(iri)
        if (node, RDF.type, None) in self.found.graph:
            raise InvalidError(f"two things bear the IRI {iri}", hint="give each entity an id of its own", field="id")
        for kind in types:
            self.add(node, RDF.type, kind)
        return node

    def entity(self) -> None:
        entity = self.of
        node = self.node(_iri(entity.id), CUDS[type(entity).__name__])
        self.add(node, CUDS.checksum, f"sha256:{entity.digest}")
        self.fields(entity, node, entity.id + ("/" if "#" in entity.id else "#"), ())
        if entity.provenance is not None:
            self.add(node, PROV.wasGeneratedBy, URIRef(entity.provenance.id))
        for name, value in invariants(entity).items():
            self.add(node, CUDS[name], value)
        if isinstance(entity, SimulationRun):
            self.run(entity, node)

    def run(self, run: SimulationRun, node: URIRef) -> None:
        """State the same in the words of PROV."""
        engine = URIRef(f"urn:cuds:engine:{quote(run.engine, safe='')}:{quote(run.version, safe='')}")
        self.add(node, PROV.wasAssociatedWith, engine)
        self.add(engine, RDF.type, CUDS.Engine)
        self.add(engine, RDF.type, PROV.SoftwareAgent)
        self.add(engine, RDFS.label, run.engine)
        self.add(engine, CUDS.engineVersion, run.version)
        self.add(node, PROV.startedAtTime, run.started)
        self.add(node, PROV.endedAtTime, run.ended)
        for used in run.used:
            self.add(node, PROV.used, URIRef(_iri(used.entity)))

    def fields(self, component: Component, node: URIRef, stem: str, path: tuple[str, ...]) -> None:
        for name, term in component.bindings().items():
            value, info = getattr(component, name), type(component).model_fields[name]
            target, way = stem + name, (*path, name)
            if value is None or (isinstance(value, str) and value == info.default == ""):
                continue
            if name == "transcript":
                self.stored(node, term, target, value.encode())
            elif Json in info.metadata:
                if value:
                    self.add(node, term.iri, _json(value, target))
            elif isinstance(value, Quantity) and term.shape is not None:
                self.array(node, term, target, way, value, getattr(component, "quantity_kind", term.kind))
            else:
                self.value(node, term, target, way, value)

    def value(self, node: URIRef, term: Term, target: str, path: tuple[str, ...], value: Any) -> None:
        if isinstance(value, Quantity):
            self.scalar(node, term, target, value)
        elif isinstance(value, np.ndarray):
            self.array(node, term, target, path, value)
        elif isinstance(value, bytes):
            self.stored(node, term, target, value)
        elif isinstance(value, Entity):
            self.add(node, term.iri, URIRef(value.id))
        elif isinstance(value, Component):
            self.component(node, term, target, path, value)
        elif isinstance(value, tuple | dict):
            self.collection(node, term, target, path, value)
        else:
            self.add(node, term.iri, value)

    def collection(self, node: URIRef, term: Term, target: str, path: tuple[str, ...], value: Any) -> None:
        """Add each component or array that a tuple or a mapping holds, or plain values as JSON; nothing for none."""
        items = list(value.items() if isinstance(value, dict) else enumerate(value))
        if not all(isinstance(item, Component | np.ndarray) for _, item in items):
            self.add(node, term.iri, _json(value, target))
            return
        for index, (key, item) in enumerate(items):
            child, way = f"{target}/{quote(str(key), safe='')}", (*path, str(key))
            if isinstance(item, np.ndarray):
                self.array(node, Term(term.iri, means="DataArray"), child, way, item)
            elif isinstance(item, Entity):
                self.add(node, term.iri, self.node(child, CUDS.Entry))
                self.add(URIRef(child), CUDS.entry, URIRef(item.id))
            else:
                self.component(node, term, child, way, item)
            self.add(URIRef(child), CUDS["index"], index)
            if isinstance(value, dict):
                self.add(URIRef(child), CUDS.key, key)

    def component(self, node: URIRef, term: Term, target: str, path: tuple[str, ...], item: Component) -> None:
        child = self.node(target, CUDS[type(item).__name__])
        self.add(node, term.iri, child)
        self.fields(item, child, f"{target}/", path)

    def scalar(self, node: URIRef, term: Term, target: str, value: Quantity) -> None:
        child = self.node(target, CUDS[term.means])
        self.add(node, term.iri, child)
        self.add(child, QUDT.hasQuantityKind, URIRef(table()["kinds"][term.kind]["iri"]))
        self.add(child, QUDT.hasUnit, URIRef(table()["units"][value.unit]["iri"]))
        self.add(child, QUDT.numericValue, float(value.value))
        self.add(child, CUDS.siValue, float(value.value) * si(value.unit))

    def array(
        self, node: URIRef, term: Term, target: str, path: tuple[str, ...], value: Quantity | AnyArray, kind: str = ""
    ) -> None:
        array, unit = (value.value, value.unit) if isinstance(value, Quantity) else (value, "")
        child = self.node(target, CUDS[term.means or "DataArray"])
        self.add(node, term.iri, child)
        if kind:
            self.add(child, QUDT.hasQuantityKind, URIRef(table()["kinds"][kind]["iri"]))
        if unit:
            self.add(child, QUDT.hasUnit, URIRef(table()["units"][unit]["iri"]))
        self.add(child, CUDS.dtype, str(array.dtype))
        self.add(child, CUDS["shape"], json.dumps(list(array.shape)))
        self.add(child, CUDS.checksum, f"sha256:{array_digest(array)}")
        location = place(self.of, self.found.names[self.of.id], path, unit)
        self.add(child, CUDS.location, Literal(location, datatype=XSD.anyURI))
        self.add(child, CUDS["count"], int(array.size))
        if array.size:
            scale = si(unit) if unit else 1.0
            self.add(child, CUDS.minimum, float(array.min()) * scale)
            self.add(child, CUDS.maximum, float(array.max()) * scale)
        self.found.arrays[location] = array
        self.found.units[location] = unit

    def stored(self, node: URIRef, term: Term, target: str, content: bytes) -> None:
        sha = hashlib.sha256(content).hexdigest()
        child = self.node(target, CUDS.StoredFile)
        self.add(node, term.iri, child)
        self.add(child, CUDS.location, Literal(stored(sha), datatype=XSD.anyURI))
        self.add(child, CUDS.checksum, f"sha256:{sha}")
        self.add(child, CUDS.byteSize, len(content))
        self.found.arrays[stored(sha)] = content


def si(unit: str) -> float:
    """Return the factor from a unit to the coherent SI unit of its dimension (per mole stays per mole)."""
    return float(Fraction(table()["units"][unit]["factor"]))


def _iri(text: str) -> str:
    import pyoxigraph

    try:
        return pyoxigraph.NamedNode(text).value
    except ValueError as error:
        raise InvalidError(
            f"id: {text!r} is no IRI: {error}", hint="give one like 'https://example.org/copper', or none", field="id"
        ) from None


def _json(value: Any, where: str) -> str:
    """Return plain values as JSON text that says exactly the same."""
    text = ""
    try:
        text = json.dumps(value, sort_keys=True, allow_nan=False)
        same = json.loads(text) == (list(value) if isinstance(value, tuple) else value)
    except (TypeError, ValueError):
        same = False
    if not same:
        raise InvalidError(
            f"{where}: JSON cannot say {value!r}",
            hint="keep text, finite numbers, booleans, lists and mappings by text",
        )
    return text


def _literal(value: Any, where: str) -> Literal:
    if isinstance(value, bool):
        return Literal("true" if value else "false", datatype=XSD.boolean)
    if isinstance(value, float):
        text = repr(value) if np.isfinite(value) else str(value).upper()
        return Literal(text, datatype=XSD.double, normalize=False)
    if isinstance(value, int):
        return Literal(str(value), datatype=XSD.integer)
    if isinstance(value, datetime):
        return Literal(value.isoformat(), datatype=XSD.dateTime, normalize=False)
    try:
        str(value).encode()
    except UnicodeEncodeError as error:
        raise InvalidError(f"{where}: {value!r} is no text: {error}", hint="remove the lone surrogates") from None
    return Literal(str(value))
