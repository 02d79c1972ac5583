"""The index of a library at a SPARQL 1.1 endpoint: a server of triples, which others may ask too.

The files stay the truth: what the endpoint says of them is derived, like the index on the disk, and catches up with
them in the same way.
"""

import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from itertools import islice
from typing import Any
from urllib.parse import urlencode, urlsplit

import pyoxigraph as ox

from cuds.errors import CudsError, InvalidError, StorageError
from cuds.semantics.asking import PATIENCE
from cuds.store.index import Entry, Index, classes
from cuds.store.naming import DEFAULT, iri
from cuds.store.unsaying import UNION

_JSON = "application/sparql-results+json"
_FORM = "application/x-www-form-urlencoded"
_AT_ONCE = 500  # nodes named in a query
_FILLED = 50  # data sets in an update
_PATIENCE = 60.0  # seconds
_CHUNK = 1 << 20  # bytes
_OWNER, _IS = ox.NamedNode("urn:cuds:library"), ox.NamedNode("urn:cuds:id")


class Endpoint:
    """A store of triples behind HTTP; it answers as one of pyoxigraph does.

    Parameters
    ----------
    url : str
        Queries go to ``<url>/query``, updates to ``<url>/update``.
    patience : float
        Seconds in which an answer is to be there, to its end.

    Raises
    ------
    InvalidError
        When it is no address of HTTP.
    """

    def __init__(self, url: str, patience: float = _PATIENCE) -> None:
        self.patience = patience
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise InvalidError(
                f"endpoint: {url!r}", hint='give an address like "http://localhost:7878"', field="endpoint"
            )
        self.url = url.rstrip("/")

    def query(
        self, sparql: str, *, default_graph: Iterable[Any] = (), named_graphs: Iterable[Any] = ()
    ) -> ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples:
        """Return the solutions of a query; what is none is not sent.

        Raises
        ------
        SyntaxError
            When it cannot be read, or is an update.
        StorageError
            When the endpoint does not answer.
        """
        if not isinstance(ox.Store().query(sparql), ox.QuerySolutions):  # kept by no name, which an error would keep
            return ox.Store().query(sparql)
        graphs = [("default-graph-uri", g.value) for g in default_graph]
        graphs += [("named-graph-uri", g.value) for g in named_graphs]
        found = self._post("query", [("query", sparql), *graphs])
        try:
            return ox.parse_query_results(found, format=ox.QueryResultsFormat.JSON)
        except (SyntaxError, ValueError) as error:
            raise StorageError(f"{self.url}: it answers in no results of SPARQL: {error}", hint=_HINT) from error

    def rows(self, sparql: str) -> Any:
        """Return the solutions of a SELECT."""
        return self.query(sparql)

    def update(self, sparql: str) -> None:
        """Change what the endpoint holds.

        Raises
        ------
        StorageError
            When the endpoint does not do so.
        """
        self._post("update", [("update", sparql)])

    def quads_for_pattern(self, subject: Any, predicate: Any, obj: Any, graph: Any) -> Iterator[ox.Quad]:
        """Yield what fits; of all named graphs when none is given."""
        given = dict(zip("spog", (subject, predicate, obj, graph), strict=True))
        s, p, o, g = (f"?{name}" if term is None else str(term) for name, term in given.items())
        where = f"{s} {p} {o}"
        if graph != UNION:
            where = f"GRAPH {g} {{ {where} }}"
        for row in self.rows(f"SELECT * WHERE {{ {where} }}"):
            terms = [row[name] if term is None else term for name, term in given.items()]
            yield ox.Quad(*terms)

    def named_graphs(self) -> Iterator[Any]:
        """Yield the names of all graphs."""
        yield from (row["g"] for row in self.rows("SELECT DISTINCT ?g WHERE { GRAPH ?g { ?s ?p ?o } }"))

    def contains_named_graph(self, graph: Any) -> bool:
        """Whether there is a graph of a name."""
        return any(True for _ in self.rows(f"SELECT ?s WHERE {{ GRAPH {graph} {{ ?s ?p ?o }} }} LIMIT 1"))

    def extend(self, quads: Iterable[ox.Quad]) -> None:
        """Take in several, all or nothing."""
        self.update(inserted(quads))

    def _post(self, where: str, form: list[tuple[str, str]]) -> bytes:
        body = urlencode(form).encode()
        headers = {"Content-Type": _FORM, "Accept": _JSON}
        request = urllib.request.Request(f"{self.url}/{where}", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=self.patience) as answer:
                return self._to_its_end(answer)
        except urllib.error.HTTPError as error:
            said = error.read(500).decode(errors="replace").strip() or error.reason
            raise StorageError(f"{self.url}/{where}: {error.code}: {said}", hint=_HINT) from None
        except CudsError:
            raise
        except (OSError, ValueError) as error:
            raise StorageError(f"{self.url}: no answer: {error}", hint=_HINT) from None

    def _to_its_end(self, answer: Any) -> bytes:
        until, found = time.monotonic() + self.patience, bytearray()
        while some := answer.read1(_CHUNK):
            found += some
            if time.monotonic() > until:
                raise InvalidError(
                    f"query: not answered after {self.patience:g} s, with {len(found)} bytes",
                    hint="join its parts by what they share, add LIMIT, or give timeout=",
                    field="query",
                )
        return bytes(found)


_HINT = "is a SPARQL 1.1 server there? The files of the library are as they were"


def inserted(several: Iterable[ox.Quad]) -> str:
    """Return the update that says some triples."""
    by_graph: dict[Any, list[str]] = {}
    for quad in several:
        by_graph.setdefault(quad.graph_name, []).append(f"{quad.triple} .")
    said = {graph: "\n".join(lines) for graph, lines in by_graph.items()}
    parts = [text if graph == UNION else f"GRAPH {graph} {{\n{text}\n}}" for graph, text in said.items()]
    return "\n".join(["INSERT DATA {", *parts, "}"])


def dropped(graph: Any) -> str:
    """Return the update that forgets a graph, and of the default graph what no other says."""
    return f"""DELETE {{ ?s ?p ?o }} WHERE {{
  GRAPH {graph} {{ ?s ?p ?o }}
  FILTER NOT EXISTS {{ GRAPH ?other {{ ?s ?p ?o }} FILTER(?other != {graph}) }}
}} ;
DROP SILENT GRAPH {graph}"""


class RemoteIndex(Index):
    """Graphs of data sets at an endpoint: what is to be found together is asked for in one query.

    Parameters
    ----------
    endpoint : Endpoint
        Empty but for what others keep there, or what an index left.
    library : str
        Whose index it is.

    Raises
    ------
    InvalidError
        When it holds that of another.
    """

    far = True
    shown = f"!BOUND({{0}}) || {{0}} NOT IN (<urn:cuds:index>, <{DEFAULT}>)"
    hidden = ox.NamedNode("urn:cuds:index")  # who asks the server itself sees it
    default = ox.NamedNode(DEFAULT)

    def __init__(self, endpoint: Endpoint, library: str) -> None:
        self.endpoint = endpoint
        owners = {q.object for q in endpoint.quads_for_pattern(_OWNER, _IS, None, UNION)}
        if owners - {ox.Literal(library)}:
            raise InvalidError(
                f"endpoint: {endpoint.url} holds the index of another library",
                hint="give each library an endpoint of its own",
                field="endpoint",
            )
        if not owners:
            endpoint.extend([ox.Quad(_OWNER, _IS, ox.Literal(library), UNION)])
        super().__init__(endpoint)
        known = set(endpoint.quads_for_pattern(None, classes()[0].predicate, None, UNION))
        if missing := [c for c in classes() if c not in known]:
            endpoint.extend(missing)

    def begun(
        self, sparql: str, default: Sequence[str] = (), named: Sequence[str] = (), timeout: float = PATIENCE
    ) -> Any:
        """Return the answer to a SELECT, as `Index.begun` does; all of it is to be there in time."""
        patient = copy(self)
        patient.store = Endpoint(self.endpoint.url, timeout)
        return Index.begun(patient, sparql, default, named)

    def put(self, entry: Entry) -> None:
        """Take in a version, in place of what bore its name, in one update."""
        self.endpoint.update(f"{self._dropped(entry.version.name)} ;\n{inserted(self.quads(entry))}")

    def fill(self, several: Iterable[Entry]) -> None:
        """Take in many of which it has none."""
        waiting = iter(several)
        while some := list(islice(waiting, _FILLED)):
            self.endpoint.extend(quad for entry in some for quad in self.quads(entry))

    def drop(self, name: str) -> None:
        """Forget a graph, if it is there."""
        self.endpoint.update(self._dropped(name))

    def _dropped(self, name: str) -> str:
        record = f"DELETE WHERE {{ GRAPH {self.hidden} {{ <{iri(name)}> ?p ?o }} }}"
        return f"{dropped(self.place(iri(name)))} ;\n{record}"

    def types(self, rows: Iterable[tuple[str, str]], among: set[str]) -> Iterator[tuple[tuple[str, str], str]]:
        """Yield which of some classes nodes are of, each as its data set says."""
        for some in _parts(f"(<{graph}> <{node}>)" for graph, node in rows):
            for row in self.solved(f"SELECT ?g ?x ?c WHERE {{ VALUES (?g ?x) {{ {some} }} GRAPH ?g {{ ?x a ?c }} }}"):
                if row["c"] in among:
                    yield (row["g"], row["x"]), row["c"]

    def numbers(self, graphs: Iterable[str]) -> dict[str, int]:
        """Return the versions of those graphs that are data sets."""
        found: dict[str, int] = {}
        for some in _parts(f"<{graph}>" for graph in graphs):
            where = f"VALUES ?g {{ {some} }} GRAPH {self.hidden} {{ ?g <urn:cuds:number> ?v }}"
            found |= {row["g"]: row["v"] for row in self.solved(f"SELECT ?g ?v WHERE {{ {where} }}")}
        return found

    def sayers(self, nodes: Iterable[Any]) -> Iterator[Any]:
        """Yield what is said by all data sets with any of some nodes as object."""
        for some in _parts(map(str, nodes)):
            found = self.endpoint.rows(f"SELECT DISTINCT ?s WHERE {{ VALUES ?o {{ {some} }} ?s ?p ?o }}")
            yield from (row["s"] for row in found)


def _parts(terms: Iterable[str]) -> Iterator[str]:
    waiting = iter(terms)
    while some := list(islice(waiting, _AT_ONCE)):
        yield " ".join(some)
