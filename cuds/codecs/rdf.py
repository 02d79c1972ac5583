"""The graph of a data set as text, and back.

A graph holds no numbers but single ones. Those of arrays lie in a data set beside it: ``x.h5md`` beside ``x.jsonld``;
where the graph is read, they are taken from there and compared with the digests that it states.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from cuds.arrays import AnyArray
from cuds.codecs.translation import Carried
from cuds.codecs.whole import replacing
from cuds.errors import FormatError, InvalidError, UnknownError, did_you_mean
from cuds.model.dataset import DataSet
from cuds.model.entity import Entity
from cuds.model.provenance import SimulationRun
from cuds.registry import generated
from cuds.semantics.lift import Lifted, lift
from cuds.semantics.lower import lower
from cuds.semantics.nesting import refuse_deep
from cuds.semantics.triples import PREFIXES, TYPE, as_graph, as_rdflib

SYNTAXES = {
    "turtle": ".ttl",
    "json-ld": ".jsonld",
    "n-triples": ".nt",
    "n-quads": ".nq",
    "trig": ".trig",
    "rdf-xml": ".rdf",
}
_TERMS = 3000  # of the contexts of a document
NUMBERS = (".h5md", ".h5", ".hdf5")
_FORMATS = {
    ".ttl": ox.RdfFormat.TURTLE,
    ".jsonld": ox.RdfFormat.JSON_LD,
    ".nt": ox.RdfFormat.N_TRIPLES,
    ".nq": ox.RdfFormat.N_QUADS,
    ".trig": ox.RdfFormat.TRIG,
    ".rdf": ox.RdfFormat.RDF_XML,
}
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def text(data: DataSet, syntax: str = "turtle") -> str:
    """Return the graph as ``turtle``, ``json-ld``, ``n-triples``, ``n-quads``, ``trig`` or ``rdf-xml``.

    JSON-LD carries its context in itself: nothing is fetched to read it.

    Raises
    ------
    UnknownError
        For another syntax.
    InvalidError
        For text with control characters as RDF/XML, which cannot hold them.
    """
    if syntax not in SYNTAXES:
        raise UnknownError(f"syntax: {syntax!r} is not known", hint=did_you_mean(syntax, SYNTAXES), field="syntax")
    return _text(lift(data), syntax)


def serialised(graph: bytes, syntax: str) -> str:
    """Return N-Triples in another syntax.

    Raises
    ------
    InvalidError
        For text with control characters as RDF/XML, which cannot hold them.
    """
    quads = ox.parse(graph, format=ox.RdfFormat.N_TRIPLES)
    return _text(Lifted([quad.triple for quad in quads]), syntax)


def _text(lifted: Lifted, syntax: str) -> str:
    if syntax in ("n-triples", "n-quads"):
        return lifted.n_triples().decode()
    if syntax in ("turtle", "trig"):
        return _by_subject(lifted.triples, _FORMATS[SYNTAXES[syntax]])
    if syntax == "json-ld":
        return _nesting(lambda: _json_ld(lifted))
    strange = next((t.object.value for t in lifted.triples if _NOT_XML.search(t.object.value)), None)  # type: ignore[union-attr]
    if strange is not None:
        raise InvalidError(f"syntax: XML cannot hold {strange!r}", hint="take another syntax", field="syntax")
    return _nesting(lambda: lifted.graph.serialize(format="pretty-xml"))


def _nesting(text: Callable[[], str]) -> str:
    """Return a text in which what is said of a blank node stands within what refers to it."""
    try:
        return text()
    except RecursionError:
        raise InvalidError(
            "syntax: its blank nodes are nested too deeply for that", hint="take turtle or n-triples", field="syntax"
        ) from None


def _json_ld(lifted: Lifted) -> str:
    """Return triples as JSON-LD, node by node, after the context that every data set has."""
    from rdflib import Graph
    from rdflib.plugins.serializers.jsonld import Converter

    context, stated = _context()
    graph = Graph(store="SimpleMemory")  # no prefix is asked for
    for triple in as_rdflib(lifted.triples):
        graph.add(triple)
    found = Converter(context, use_native_types=False, use_rdf_type=False).convert(graph)
    nodes = found.get("@graph", [found]) if isinstance(found, dict) else found
    return f'{{\n  "@context": {stated},\n  "@graph": {_indented(sorted(nodes, key=lambda node: node["@id"]))}\n}}\n'


@cache
def _context() -> tuple[Any, str]:
    """Return the context as rdflib knows it, and as text: to make either takes longer than to use it."""
    from rdflib.plugins.shared.jsonld.context import Context

    given = generated("context.jsonld")["@context"]
    return Context(given), _indented(given)


def _indented(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).replace("\n", "\n  ")


def _by_subject(triples: list[ox.Triple], syntax: ox.RdfFormat) -> str:
    """Return triples subject by subject, the class first; rdflib would round numbers to six digits."""

    def order(triple: Any) -> tuple[str, bool, str, str]:
        return triple.subject.value, triple.predicate.value != TYPE, triple.predicate.value, str(triple.object)

    written = ox.serialize(sorted(triples, key=order), format=syntax, prefixes=PREFIXES)
    assert written is not None  # as no output was named
    return written.decode()


def write(data: DataSet, path: Path) -> list[Carried]:
    """Write the graph in the syntax that the extension says; return what becomes of each entity and its arrays."""
    syntax = next(name for name, extension in SYNTAXES.items() if extension == path.suffix.lower())
    lifted = lift(data)
    if not lifted.triples:
        raise InvalidError(f"{path}: there is nothing to describe", hint="give a data set with entities", field="data")
    content = _text(lifted, syntax).encode()
    with replacing(path) as partial:
        partial.write_bytes(content)
    return list(_fates(data, lifted, path))


def _fates(data: DataSet, lifted: Lifted, path: Path) -> Iterator[Carried]:
    for entity in data:
        yield Carried(repr(entity).splitlines()[0], "carried", path.suffix)
    sizes = [len(a) if isinstance(a, bytes) else a.nbytes for a in lifted.arrays.values()]
    if sizes:
        what = f"the numbers of {len(sizes)} arrays and files, {sum(sizes) / 1e6:.3g} MB"
        yield Carried(what, "left out", f"a graph holds none; write {path.stem}{NUMBERS[0]} beside it")
    if data.label:
        yield Carried(f"the label {data.label!r} of the data set", "left out", "a graph is of entities")


def read(path: Path) -> DataSet:
    """Return what a graph describes, with the numbers of the data set beside it.

    Raises
    ------
    FormatError
        When the text is malformed, when it asks for a context that lies elsewhere, when it holds more than one graph
        or something that the model does not know, or when numbers are missing or others.
    """
    from cuds.codecs import hdf5

    triples = _parsed(path)
    beside = next((p for p in map(path.with_suffix, NUMBERS) if p.is_file()), None)
    if beside is None:
        return DataSet(*roots(lower(triples, _Missing(path))), label=path.stem)
    with hdf5.opened(beside) as (load, listed):
        made = {e.id: e for e in lower(triples, load)}
    if all(i in made for i in listed["entities"]):
        return DataSet(*(made[i] for i in listed["entities"]), label=listed["label"])
    return DataSet(*roots(list(made.values())), label=path.stem)


def graph(path: Path) -> Any:
    """Return the rdflib Graph in a file as it is, whether or not the model knows what it says.

    Raises
    ------
    FormatError
        When the text is malformed, asks for a context that lies elsewhere, or holds more than one graph.
    """
    return as_graph(_parsed(path))


def triples(path: Path, base: str | None = None) -> bytes:
    """Return the graph in a file as N-Triples, whatever it says.

    Parameters
    ----------
    path : path
        Its extension says the syntax.
    base : str, optional
        The IRI against which relative ones are resolved. With it, no other graph has its blank nodes, and it may be
        empty.

    Raises
    ------
    FormatError
        See `graph`.
    """
    return b"".join(f"{quad.triple} .\n".encode() for quad in _parsed(path, base, empty=base is not None))


class _Missing:
    """Says which numbers a graph refers to, where none lie beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, location: str) -> AnyArray | bytes:
        raise FormatError(
            f"{self.path}: a graph holds no numbers: {location} is not there",
            hint=f"put the data set beside it that it was written from, as {self.path.stem}{NUMBERS[0]}",
            field="path",
            location=location,
        )


def roots(entities: list[Entity]) -> list[Entity]:
    """Return the entities that no other refers to, but for runs, which are where others came from."""
    parts = {p.id for e in entities for p in DataSet(e.made_by(None)).closure() if p.id != e.id}
    return [e for e in entities if e.id not in parts and not isinstance(e, SimulationRun)] or entities


def _parsed(path: Path, base: str | None = None, *, empty: bool = False) -> list[ox.Quad]:
    content = path.read_bytes()
    syntax = _FORMATS[path.suffix.lower()]
    try:
        refuse_deep(content, syntax)  # of XML: the reader of triples takes it that end tags are missing
        if syntax == ox.RdfFormat.JSON_LD:
            _look_through(content, path)
        quads = list(ox.parse(content, format=syntax, base_iri=base, rename_blank_nodes=base is not None))
    except (SyntaxError, ValueError) as error:
        if isinstance(error, FormatError) and error.fields.get("field"):
            raise
        said = error.message if isinstance(error, FormatError) else error
        raise FormatError(
            f"{path}: no {syntax.name}: {said}", hint="is it whole, and is its extension right?", field="path"
        ) from error
    if not quads and not empty:
        raise FormatError(f"{path}: it says nothing of anything", hint="is it whole?", field="path")
    graphs = Counter(str(q.graph_name) for q in quads)
    if len(graphs) > 1:
        listed = ", ".join(f"{name} ({count} triples)" for name, count in graphs.items())
        raise FormatError(f"{path}: it holds {len(graphs)} graphs: {listed}", hint="give one a file", field="path")
    return quads


def _look_through(content: bytes, path: Path) -> None:
    """Refuse JSON-LD whose context lies elsewhere, and keys that its context does not name: they would be dropped."""
    try:
        document = json.loads(content)
    except ValueError as error:
        raise FormatError(f"{path}: no JSON: {error}", hint="is it whole?", field="path") from error
    contexts = list(_held(document, "@context"))
    for context in (c for given in contexts for c in (given if isinstance(given, list) else [given])):
        elsewhere = context if isinstance(context, str) else next(_held(context, "@import"), None)
        if elsewhere is not None:
            raise FormatError(
                f"{path}: its context lies at {elsewhere}, and nothing is fetched",
                hint="put the context itself there, as cuds does that writes it",
                field="@context",
            )
    known = {name for given in contexts for c in (given if isinstance(given, list) else [given]) for name in c or ()}
    if len(known) > _TERMS:  # each may rest on the next, and who reads them calls itself for that
        said = f"{path}: its contexts have {len(known)} terms, more than {_TERMS}"
        raise FormatError(said, hint="leave out those that it does not use", field="@context")
    for key in _keys(document):
        if key not in known and not key.startswith("@") and ":" not in key:
            raise FormatError(f"{path}: {key!r} is no term of its context", hint=did_you_mean(key, known), field=key)


def _held(value: Any, key: str) -> Iterator[Any]:
    """Yield what stands under a key, anywhere in a document."""
    if isinstance(value, dict):
        if key in value:
            yield value[key]
        for item in value.values():
            yield from _held(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _held(item, key)


def _keys(value: Any) -> Iterator[str]:
    """Yield the keys of a document, but for those of contexts."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            if key != "@context":
                yield from _keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from _keys(item)
