"""The model as a graph: what things are and how they hang together, numbers by reference.

An array of any length is one node (quantity kind, unit, shape, type, digest, where it lies, count, least and
greatest in SI units). The graph of a data set has the same size for a hundred atoms and for a hundred million.

The IRI of a part is that of its entity, ``#``, and the way to it through the fields: ``…#kinds/0/mass``.
"""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any
from urllib.parse import quote

import numpy as np
import pyoxigraph as ox

from cuds import iris
from cuds.arrays import HASHERS, LARGE, AnyArray, Mapped, measure
from cuds.errors import FormatError, InvalidError, UnknownError
from cuds.model.dataset import DataSet
from cuds.model.entity import Component, Entity, Term
from cuds.model.plain import Json
from cuds.model.provenance import SimulationRun
from cuds.semantics.asking import answers
from cuds.semantics.clauses import dataset_clauses
from cuds.semantics.invariants import invariants
from cuds.semantics.places import names, place, stored
from cuds.semantics.triples import PROV, QUDT, RDFS, TYPE, as_graph, literal, n_triples, named, place_literal
from cuds.units import Quantity, table

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
    """The triples of a graph, and beside it the numbers that it refers to, their units and the names of entities."""

    triples: list[ox.Triple] = field(default_factory=list)
    arrays: dict[str, AnyArray | bytes] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    @cached_property
    def graph(self) -> Any:
        """The same as an rdflib Graph."""
        return as_graph(self.triples)

    def n_triples(self) -> bytes:
        """Return the same as text, in one order."""
        return n_triples(self.triples)


def lift(data: DataSet) -> Lifted:
    """Return the graph of everything in a data set, and the numbers beside it, by location.

    Raises
    ------
    InvalidError
        When an id is no IRI, when two things bear one IRI, or for a value that a graph cannot hold.
    """
    return Lifting(data).finished()


class Lifting:
    """The lifting of a data set in two steps: what there is, and what must be read of the arrays to say it.

    Between the steps arrays may be written while they are measured.

    Parameters
    ----------
    data : DataSet
        To be lifted.
    """

    def __init__(self, data: DataSet) -> None:
        self.entities = data.closure()
        self.found = Lifted(names=names(self.entities))
        self.nodes: set[str] = set()
        self.measured: list[tuple[ox.NamedNode, str, float]] = []  # node, location, and its unit in SI where it counts
        for entity in self.entities:
            _Lifter(self, entity).entity()

    @cached_property
    def large(self) -> bool:
        """Whether it takes longer to read the arrays than to begin threads."""
        return sum(a.nbytes for a in self._numbers()) > LARGE

    def measure(self) -> None:
        """Read each array once, in threads: they hash without Python's lock."""
        with ThreadPoolExecutor(HASHERS) as pool:
            list(pool.map(_measure, sorted(self._numbers(), key=lambda a: -a.nbytes)))

    def _numbers(self) -> Iterator[AnyArray]:
        return (a for a in self.found.arrays.values() if isinstance(a, np.ndarray))

    def finished(self, *, read: bool = False) -> Lifted:
        """Return the graph with what is said of the numbers.

        Parameters
        ----------
        read : bool
            Whether numbers that lie in a file are read, and compared with what it states of them.

        Raises
        ------
        FormatError
            When they are others.
        """
        for node, location, scale in self.measured:
            array: Any = self.found.arrays[location]
            stated = array.sha256 if isinstance(array, Mapped) else ""
            if stated and not read:
                self.say(node, stated, array.extremes)
                continue
            found = measure(array, anew=bool(stated) and not self.large)  # large ones were read just now, by `measure`
            if stated not in ("", found.sha256):
                raise FormatError(
                    f"the array that would lie at {location} is not the one that was stored where it was read from",
                    hint="the file was changed after it was saved; take a copy that was not",
                    location=location,
                )
            self.say(node, found.sha256, (found.least * scale, found.greatest * scale) if array.size and scale else ())
        for entity in self.entities:
            self.add(named(entity.id), iris.CUDS + "checksum", f"sha256:{entity.digest}")
        return self.found

    def say(self, node: ox.NamedNode, sha256: str, extremes: tuple[float, ...]) -> None:
        """State the digest of an array, and its least and greatest number in SI where it has them."""
        self.add(node, iris.CUDS + "checksum", f"sha256:{sha256}")
        for name, value in zip(("minimum", "maximum"), extremes, strict=False):
            self.add(node, iris.CUDS + name, value)

    def add(self, subject: ox.NamedNode, predicate: str, value: Any) -> None:
        """State something of a node: another node, a literal, or a value of Python."""
        known = value if isinstance(value, ox.NamedNode | ox.Literal) else literal(value, subject.value)
        self.found.triples.append(ox.Triple(subject, ox.NamedNode(predicate), known))


def _measure(array: AnyArray) -> None:
    measure(array, anew=isinstance(array, Mapped))


def graph(data: DataSet) -> Any:
    """Return the graph alone, as one of rdflib."""
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
    store = ox.Store()
    store.extend(ox.Quad(*triple) for triple in lift(data).triples)
    if (chosen := dataset_clauses(sparql)) is not None:
        raise UnknownError(
            f"query: FROM {[*chosen.default, *chosen.named][0]}: there is no such data set here",
            hint="ask without FROM",
            field="query",
        )
    return answers(store, sparql)


class _Lifter:
    """Lifts one entity."""

    def __init__(self, lifting: Lifting, of: Entity) -> None:
        self.lifting = lifting
        self.found = lifting.found
        self.add = lifting.add
        self.of = of

    def node(self, iri: str, *types: str) -> ox.NamedNode:
        """Return a new node of the graph."""
        if iri in self.lifting.nodes:
            raise InvalidError(f"two things bear the IRI {iri}", hint="give each entity an id of its own", field="id")
        self.lifting.nodes.add(iri)
        node = named(iri)
        for kind in types:
            self.add(node, TYPE, _ours(kind))
        return node

    def entity(self) -> None:
        entity = self.of
        node = self.node(entity.id, type(entity).__name__)
        self.fields(entity, node, entity.id + ("/" if "#" in entity.id else "#"), ())
        if entity.provenance is not None:
            self.add(node, PROV + "wasGeneratedBy", named(entity.provenance.id))
        for name, value in invariants(entity).items():
            self.add(node, iris.CUDS + name, value)
        if isinstance(entity, SimulationRun):
            self.run(entity, node)

    def run(self, run: SimulationRun, node: ox.NamedNode) -> None:
        """State the same in the words of PROV."""
        engine = named(f"urn:cuds:engine:{quote(run.engine, safe='')}:{quote(run.version, safe='')}")
        self.add(node, PROV + "wasAssociatedWith", engine)
        self.add(node, PROV + "startedAtTime", run.started)
        self.add(node, PROV + "endedAtTime", run.ended)
        for used in dict.fromkeys(used.entity for used in run.used):
            self.add(node, PROV + "used", named(used))
        if engine.value not in self.lifting.nodes:
            self.lifting.nodes.add(engine.value)
            self.add(engine, TYPE, _ours("Engine"))
            self.add(engine, TYPE, ox.NamedNode(PROV + "SoftwareAgent"))
            self.add(engine, RDFS + "label", run.engine)
            self.add(engine, iris.CUDS + "engineVersion", run.version)

    def fields(self, component: Component, node: ox.NamedNode, stem: str, path: tuple[str, ...]) -> None:
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

    def value(self, node: ox.NamedNode, term: Term, target: str, path: tuple[str, ...], value: Any) -> None:
        if isinstance(value, Quantity):
            self.scalar(node, term, target, value)
        elif isinstance(value, np.ndarray):
            self.array(node, term, target, path, value)
        elif isinstance(value, bytes):
            self.stored(node, term, target, value)
        elif isinstance(value, Entity):
            self.add(node, term.iri, named(value.id))
        elif isinstance(value, Component):
            self.component(node, term, target, path, value)
        elif isinstance(value, tuple | dict):
            self.collection(node, term, target, path, value)
        else:
            self.add(node, term.iri, value)

    def collection(self, node: ox.NamedNode, term: Term, target: str, path: tuple[str, ...], value: Any) -> None:
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
                self.add(node, term.iri, self.node(child, "Entry"))
                self.add(ox.NamedNode(child), iris.CUDS + "entry", named(item.id))
            else:
                self.component(node, term, child, way, item)
            self.add(ox.NamedNode(child), iris.CUDS + "index", index)
            if isinstance(value, dict):
                self.add(ox.NamedNode(child), iris.CUDS + "key", key)

    def component(self, node: ox.NamedNode, term: Term, target: str, path: tuple[str, ...], item: Component) -> None:
        child = self.node(target, type(item).__name__)
        self.add(node, term.iri, child)
        self.fields(item, child, f"{target}/", path)

    def scalar(self, node: ox.NamedNode, term: Term, target: str, value: Quantity) -> None:
        child = self.node(target, term.means)
        self.add(node, term.iri, child)
        self.add(child, QUDT + "hasQuantityKind", ox.NamedNode(table()["kinds"][term.kind]["iri"]))
        self.add(child, QUDT + "hasUnit", ox.NamedNode(table()["units"][value.unit]["iri"]))
        self.add(child, QUDT + "numericValue", float(value.value))
        self.add(child, iris.CUDS + "siValue", float(value.value) * si(value.unit))

    def array(
        self, node: ox.NamedNode, term: Term, target: str, path: tuple[str, ...], value: Any, kind: str = ""
    ) -> None:
        array, unit = (value.value, value.unit) if isinstance(value, Quantity) else (value, "")
        child = self.node(target, term.means or "DataArray")
        self.add(node, term.iri, child)
        if kind:
            self.add(child, QUDT + "hasQuantityKind", ox.NamedNode(table()["kinds"][kind]["iri"]))
        if unit:
            self.add(child, QUDT + "hasUnit", ox.NamedNode(table()["units"][unit]["iri"]))
        self.add(child, iris.CUDS + "dtype", str(array.dtype))
        self.add(child, iris.CUDS + "shape", json.dumps(list(array.shape)))
        location = place(self.of, self.found.names[self.of.id], path, unit)
        self.add(child, iris.CUDS + "location", place_literal(location))
        if _is_column(term):
            self.add(child, iris.CUDS + "count", int(array.size))
        scale = (si(unit) if unit else 1.0) if _is_column(term) and array.dtype.kind == "f" else 0.0
        self.lifting.measured.append((child, location, scale))
        self.found.arrays[location] = array
        self.found.units[location] = unit

    def stored(self, node: ox.NamedNode, term: Term, target: str, content: bytes) -> None:
        sha = hashlib.sha256(content).hexdigest()
        child = self.node(target, "StoredFile")
        self.add(node, term.iri, child)
        self.add(child, iris.CUDS + "location", place_literal(stored(sha)))
        self.add(child, iris.CUDS + "checksum", f"sha256:{sha}")
        self.add(child, iris.CUDS + "byteSize", len(content))
        self.found.arrays[stored(sha)] = content


def si(unit: str) -> float:
    """Return the factor from a unit to the coherent SI unit of its dimension (per mole stays per mole)."""
    return float(Fraction(table()["units"][unit]["factor"]))


def _is_column(term: Term) -> bool:
    """Whether an array holds values side by side, with a least and a greatest; the components of a tensor are none."""
    fixed = term.shape is not None and not any(isinstance(axis, str) for axis in term.shape)
    return not fixed or term.iri == iris.uncertainty


def _ours(name: str) -> ox.NamedNode:
    return ox.NamedNode(iris.CUDS + name)


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
