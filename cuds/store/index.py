"""The graphs of what is kept in a store of triples: each on its own under its IRI, and all of them as one.

What all say together lies in the default graph, so that joins need not look into thousands of graphs; a triple leaves
it with the last graph that says it. The classes of the ontology lie there too. Of which file each graph is, and whom
its name belongs to, lies in a graph whose name is a blank node, which no query can name; so does the default graph of
updates.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pyoxigraph as ox

from cuds.errors import InvalidError, UnknownError, did_you_mean
from cuds.registry import ontology_folder
from cuds.semantics.asking import PATIENCE, begun, refuse_service, solved
from cuds.semantics.clauses import Dataset, dataset_clauses, dataset_of
from cuds.semantics.tokens import among_named
from cuds.store.asker import merged
from cuds.store.naming import DEFAULT, iri, name_of
from cuds.store.protocol import Version
from cuds.store.unsaying import UNION, unsay

_FEW = 4  # classes; whether a triple is there is found faster than all that begin like it
_TYPE = ox.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
_SUBCLASS = ox.NamedNode("http://www.w3.org/2000/01/rdf-schema#subClassOf")
_DATASET = ox.NamedNode("http://www.w3.org/ns/dcat#Dataset")
_TITLE = ox.NamedNode("http://purl.org/dc/terms/title")
_NUMBER = ox.NamedNode("http://www.w3.org/ns/dcat#version")
_MARK, _OWNER, _SINCE, _VERSION = (ox.NamedNode(f"urn:cuds:{n}") for n in ("file", "owner", "since", "number"))
_INTEGER = ox.NamedNode("http://www.w3.org/2001/XMLSchema#integer")


@cache
def classes() -> tuple[ox.Quad, ...]:
    """Return who is a sub-class of whom."""
    found = []
    for path in sorted(ontology_folder().glob("*.ttl")):
        quads = ox.parse(path=str(path), format=ox.RdfFormat.TURTLE)
        found += [ox.Quad(q.subject, q.predicate, q.object) for q in quads if q.predicate == _SUBCLASS]
    return tuple(found)


@dataclass(frozen=True)
class Entry:
    """What an index is told of a version.

    Parameters
    ----------
    version : Version
        The newest of its name.
    graph : bytes
        As N-Triples.
    owner : str
        Whom the name belongs to.
    since : str
        The mark of the first version of that owner.
    """

    version: Version
    graph: bytes
    owner: str = ""
    since: str = ""


@dataclass(frozen=True)
class Meant:
    """What is asked of a store for a query: the query as it was given and as it is told, and of which graphs."""

    query: str
    told: str
    default: list[Any] | None = None
    named: list[Any] | None = None


SHOWN = "isIRI({0})"  # of the name of a graph: whether queries may see it


@dataclass(frozen=True)
class Told:
    """A query as its text alone says it, before any index is looked at.

    Parameters
    ----------
    query : str
        As it was given.
    shown : str or None
        With a test of what each ``GRAPH`` may mean; None where it is not sure where.
    chosen : Dataset or None
        The graphs that are asked; None for all.
    given : bool
        Whether they were given beside the query.
    """

    query: str
    shown: str | None
    chosen: Dataset | None = None
    given: bool = False

    @classmethod
    def of(
        cls, sparql: str, default: Sequence[str] = (), named: Sequence[str] = (), *, shown: str = SHOWN, base: str = ""
    ) -> "Told":
        """Return what a query says, and the graphs beside it.

        Raises
        ------
        InvalidError
            When a dataset clause cannot be read, or it would ask another machine.
        """
        refuse_service(sparql)
        given = bool(default or named)
        chosen = dataset_of(default, named) if given else dataset_clauses(sparql, base)
        return cls(sparql, among_named(sparql, shown) if chosen is None else None, chosen, given)


class Index:
    """Graphs, to be asked.

    Parameters
    ----------
    store : pyoxigraph.Store
        Empty, or what an index left.
    """

    far = False  # whether each question takes a while, so that few are better than quick ones
    shown = SHOWN
    hidden: Any = ox.BlankNode("cuds-index")
    default: Any = ox.BlankNode("cuds-default")

    def __init__(self, store: Any) -> None:
        self.store = store
        self.changes: dict[str, int] = {}  # how often each graph became another
        self._owned: dict[str, str] | None = None
        self._numbers: dict[str, int] = {}  # of those that were asked for
        if not any(store.quads_for_pattern(None, _SUBCLASS, None, UNION)):
            store.extend(classes())

    def place(self, graph: str) -> Any:
        """Return under what a graph lies here."""
        return self.default if graph == DEFAULT else ox.NamedNode(graph)

    def marks(self) -> dict[str, str]:
        """Return of which file each graph is, by name."""
        return self._recorded(_MARK)

    def owners(self) -> dict[str, str]:
        """Return whom each name belongs to."""
        if self._owned is None or self.far:  # at an endpoint others say it too
            self._owned = self._recorded(_OWNER)
        return dict(self._owned)

    def owner(self, name: str) -> tuple[str, str]:
        """Return whom a name belongs to, and the mark of that one's first version; nothing where it is not here."""
        found: dict[Any, Any] = {q.predicate: _value(q.object) for q in self.records(iri(name))}
        return found.get(_OWNER, ""), found.get(_SINCE, "")

    def _recorded(self, predicate: Any) -> dict[str, str]:
        found = self.store.quads_for_pattern(None, predicate, None, self.hidden)
        return {name_of(_value(q.subject)): _value(q.object) for q in found}

    def put(self, entry: Entry) -> None:
        """Take in a version, in place of what bore its name."""
        place, quads = self.place(entry.version.iri), self.quads(entry)
        if not any(r.predicate == _MARK and _value(r.object) for r in self.records(entry.version.iri)):
            self.drop(entry.version.name)  # not there, or of a file that nobody took in to the end
        held = {quad.triple for quad in self.said_by(entry.version.iri)}
        self._unsay(entry.version.iri, held - {quad.triple for quad in quads if quad.graph_name == place})
        if not entry.graph:  # no triple makes it
            self.store.add_graph(place)
        self.store.extend(q for q in quads if q.graph_name == self.hidden or q.triple not in held)  # all or nothing
        if self._owned is not None:
            self._owned[entry.version.name] = entry.owner

    def fill(self, several: Iterable[Entry]) -> None:
        """Take in many of which it has none; fast, but nothing is sure before it has ended."""
        self._owned, empty = None, []

        def each() -> Iterator[ox.Quad]:
            for entry in several:
                if not entry.graph:
                    empty.append(self.place(entry.version.iri))
                yield from self.quads(entry)

        self.store.bulk_extend(each())
        for graph in empty:
            self.store.add_graph(graph)

    def drop(self, name: str) -> None:
        """Forget a graph, if it is there; of which file it is goes last: who is interrupted does it again."""
        graph = self.place(iri(name))
        self.changed(iri(name))
        if self._owned is not None:
            self._owned.pop(name, None)
        unsay(self.store, {quad.triple for quad in self.said_by(iri(name))}, graph)
        self.store.remove_graph(graph)
        for record in self.records(iri(name)):
            self.store.remove(record)

    def _unsay(self, graph: str, gone: set[ox.Triple]) -> None:
        """Take triples out of a graph; its records go first: who is interrupted takes it in anew."""
        self.changed(graph)
        for record in self.records(graph):
            self.store.remove(record)
        unsay(self.store, gone, self.place(graph))

    def suspend(self, graph: str) -> None:
        """Have it known that a graph is not what its file says; whoever is interrupted takes that in anew."""
        for record in self.records(graph):
            if record.predicate == _MARK:
                self.store.remove(record)
        self.store.add(ox.Quad(ox.NamedNode(graph), _MARK, ox.Literal(""), self.hidden))

    def restate(self, graph: str, said: set[ox.Triple] | None) -> None:
        """Have a graph say something else; nothing, and not be there, where that is None."""
        place = self.place(graph)
        self.changed(graph)
        held = {quad.triple for quad in self.said_by(graph)}
        unsay(self.store, held - (said or set()), place)
        new = (said or set()) - held
        self.store.extend(ox.Quad(t.subject, t.predicate, t.object, to) for t in new for to in (place, UNION))
        if said is not None:
            self.store.add_graph(place)
        else:
            self.store.remove_graph(place)

    def changed(self, graph: str) -> None:
        """Have views take a graph in anew."""
        self.changes[graph] = self.changes.get(graph, 0) + 1
        self._numbers.pop(graph, None)

    def records(self, graph: str) -> list[ox.Quad]:
        """Return what is noted of a graph."""
        return list(self.store.quads_for_pattern(ox.NamedNode(graph), None, None, self.hidden))

    def quads(self, entry: Entry) -> list[ox.Quad]:
        """Return what is held of a version: its graph, of a data set what it is as a whole, and the records."""
        version, own, place = entry.version, ox.NamedNode(entry.version.iri), self.place(entry.version.iri)
        said = [(q.subject, q.predicate, q.object) for q in triples(entry.graph)]
        records = {_MARK: ox.Literal(version.mark), _OWNER: ox.Literal(entry.owner), _SINCE: ox.Literal(entry.since)}
        if not version.plain:
            said += described(version)
            records[_VERSION] = ox.Literal(str(version.number), datatype=_INTEGER)
        recorded = [ox.Quad(own, predicate, value, self.hidden) for predicate, value in records.items()]
        return [ox.Quad(*triple, graph) for triple in said for graph in (place, UNION)] + recorded

    def meant(self, sparql: str, default: Sequence[str] = (), named: Sequence[str] = ()) -> Meant:
        """Return what is to be asked for a query; a dataset clause chooses among the graphs.

        Parameters
        ----------
        sparql : str
            The query.
        default, named : sequence of str
            The IRIs of what is asked, in place of what the query says; what is not here says nothing.

        Raises
        ------
        InvalidError
            When the query cannot be read, or would ask another machine.
        UnknownError
            When FROM chooses what is not here.
        """
        return self.of_told(Told.of(sparql, default, named, shown=self.shown))

    def of_told(self, told: "Told") -> Meant:
        """Return what is to be asked; see `meant`."""
        chosen = told.chosen
        if chosen is None:
            return self._over(told)
        for graph in (*chosen.default, *chosen.named):
            if not told.given and not self.holds(graph):
                raise UnknownError(
                    f"query: FROM {graph}: there is no such data set here",
                    hint=did_you_mean(graph, self.names()),
                    field="query",
                )
        places = ([self.place(g) for g in graphs] for graphs in (chosen.default, chosen.named))
        return Meant(told.query, told.query, *places)

    def begun(
        self, sparql: str, default: Sequence[str] = (), named: Sequence[str] = (), timeout: float = PATIENCE
    ) -> Any:
        """Return what is begun to be answered, of what is here now; see `meant`. An endpoint has `timeout` seconds."""
        meant = self.meant(sparql, default, named)
        if meant.default is not None:
            return self._begun_of(sparql, meant.default, meant.named or [])
        try:
            return self.begun_over(sparql)
        except InvalidError:
            return begun(self.store, sparql, named_graphs=[])  # it says where it is wrong in the text as it was given

    def begun_over(self, sparql: str, **default: Any) -> Any:
        """Return what is begun to be answered when ``GRAPH`` may mean any graph that is here."""
        meant = self.over(sparql)
        named = {} if meant.named is None else {"named_graphs": meant.named}
        return begun(self.store, meant.told, **named, **default)

    def over(self, sparql: str) -> Meant:
        """Return what is to be asked when ``GRAPH`` may mean any graph that is here."""
        return self._over(Told(sparql, among_named(sparql, self.shown)))

    def _over(self, told: "Told") -> Meant:
        if told.shown is not None:
            return Meant(told.query, told.shown)
        return Meant(told.query, told.query, None, [ox.NamedNode(g) for g in self.names()])

    def _begun_of(self, sparql: str, default: list[Any], named: list[Any]) -> Any:
        if len(default) < 2 or self.far:
            return begun(self.store, sparql, default_graph=default, named_graphs=named)
        return begun(merged(self.store, default, named), sparql, default_graph=[UNION], named_graphs=named)

    def solved(self, sparql: str) -> list[dict[str, Any]]:
        """Return the solutions of a query of our own."""
        return solved(self.store, sparql)

    def holds(self, graph: str) -> bool:
        """Whether an IRI is that of a graph that is here."""
        return graph == DEFAULT or bool(self.store.contains_named_graph(ox.NamedNode(graph)))

    def names(self) -> list[str]:
        """Return the IRIs of all graphs."""
        return [_value(g) for g in self.store.named_graphs() if g not in (self.hidden, self.default)]

    def said(self, node: Any, graph: str = "") -> Iterator[Any]:
        """Return what is said of a node, by a data set or by all of them."""
        return iter(self.store.quads_for_pattern(node, None, None, self.place(graph) if graph else UNION))

    def said_by(self, graph: str) -> Iterator[ox.Quad]:
        """Return what a data set says."""
        return iter(self.store.quads_for_pattern(None, None, None, self.place(graph)))

    def types(self, rows: Iterable[tuple[str, str]], among: set[str]) -> Iterator[tuple[tuple[str, str], str]]:
        """Yield which of some classes nodes are of, each as its data set says: ((graph, node), class)."""
        few = [(kind, ox.NamedNode(kind)) for kind in among] if len(among) <= _FEW else None
        for graph, node in rows:
            subject, place = ox.NamedNode(node), ox.NamedNode(graph)
            if few is not None:
                said = [kind for kind, term in few if ox.Quad(subject, _TYPE, term, place) in self.store]
            else:
                said = [_value(q.object) for q in self.store.quads_for_pattern(subject, _TYPE, None, place)]
            yield from (((graph, node), kind) for kind in said if kind in among)

    def numbers(self, graphs: Iterable[str]) -> dict[str, int]:
        """Return the versions of those graphs that are data sets, by their IRIs."""
        wanted = set(graphs)
        for graph in wanted - self._numbers.keys():
            for quad in self.store.quads_for_pattern(ox.NamedNode(graph), _VERSION, None, self.hidden):
                self._numbers[graph] = int(quad.object.value)
        return {graph: self._numbers[graph] for graph in wanted & self._numbers.keys()}

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


def described(version: Version) -> list[tuple[Any, Any, Any]]:
    """Return what is said of a data set as a whole, beside what it says itself."""
    own = ox.NamedNode(version.iri)
    return [
        (own, _TYPE, _DATASET),
        (own, _TITLE, ox.Literal(version.name)),
        (own, _NUMBER, ox.Literal(str(version.number), datatype=_INTEGER)),
    ]


def _value(node: Any) -> str:
    return str(node.value)
