"""From the bindings of the model: SHACL shapes, the JSON-LD context, the JSON Schema.

The Python classes are the one source; `scripts/generate` writes what is made here, and a test compares.
"""

import types
from datetime import datetime
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np
from rdflib import BNode, Graph, Literal as Value, Namespace, URIRef
from rdflib.collection import Collection
from rdflib.namespace import PROV, RDF, RDFS, SH, XSD

from cuds import iris, model
from cuds.model.entity import Component, Entity, Term
from cuds.semantics.invariants import INVARIANTS
from cuds.units import Quantity, fitting_units, reference_unit, table

CUDS = Namespace(iris.CUDS)
QUDT = Namespace("http://qudt.org/schema/qudt/")
_DATATYPES = {str: XSD.string, int: XSD.integer, float: XSD.double, bool: XSD.boolean, datetime: XSD.dateTime}
# What lifting states beside the fields, and what kind of object it has.
_BESIDE = {
    "dtype": "",
    "shape": "",
    "count": XSD.integer,
    "minimum": XSD.double,
    "maximum": XSD.double,
    "location": XSD.anyURI,
    "checksum": "",
    "byteSize": XSD.integer,
    "siValue": XSD.double,
    "index": XSD.integer,
    "key": "",
    "entry": "@id",
    **{i.name: XSD.double if i.kind else "" for stated in INVARIANTS.values() for i in stated},
}


def data_classes() -> dict[str, type[Component]]:
    """Return the classes that occur in graphs: all but recipes, which are followed, not stored."""
    return {n: c for n, c in model.classes().items() if c.__module__.startswith("cuds.model.")}


def _plain(annotation: Any) -> tuple[Any, bool]:
    """Return what a field holds, and whether it may be missing."""
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [a for a in get_args(annotation) if a is not type(None)]
        return (inner[0] if len(inner) == 1 else tuple(inner)), len(inner) < len(get_args(annotation))
    return annotation, False


def _held(annotation: Any) -> Any:
    """Return the component that a field or its collection holds; None for a plain value."""
    plain, _ = _plain(annotation)
    if get_origin(plain) in (tuple, dict):
        plain = _plain([a for a in get_args(plain) if a is not Ellipsis][-1])[0]
    several = plain if isinstance(plain, tuple) else (plain,)
    found = tuple(c for c in several if isinstance(c, type) and issubclass(c, Component))
    return found or None


def shapes() -> Graph:
    """Return a node shape for each class, and one for arrays, for values with units, and for stored files."""
    graph = Graph()
    for prefix, namespace in (("sh", SH), ("cuds", CUDS), ("qudt", QUDT)):
        graph.bind(prefix, namespace)
    for name, cls in data_classes().items():
        shape = CUDS[f"{name}Shape"]
        graph.add((shape, RDF.type, SH.NodeShape))
        graph.add((shape, SH.targetClass, CUDS[name]))
        for field, term in cls.bindings().items():
            _property(graph, shape, cls, field, term)
    _number_shapes(graph)
    return graph


def _path(graph: Graph, shape: URIRef, path: Any, **constraints: Any) -> None:
    node = BNode(f"{str(shape).rpartition('#')[2]}-{str(path).rpartition('#')[2].rpartition('/')[2]}")
    graph.add((shape, SH.property, node))
    graph.add((node, SH.path, URIRef(path)))
    for constraint, value in constraints.items():
        graph.add((node, SH[constraint], value if isinstance(value, URIRef | BNode) else Value(value)))


def _property(graph: Graph, shape: URIRef, cls: type[Component], field: str, term: Term) -> None:
    info = cls.model_fields[field]
    plain, optional = _plain(info.annotation)
    held = _held(info.annotation)
    many = get_origin(plain) in (tuple, dict)
    constraints: dict[str, Any] = {}
    if held is None and field != "columns":
        constraints["maxCount"] = 1
    if info.is_required() and not optional and not many:
        constraints["minCount"] = 1
    if plain is Quantity or np.ndarray in (plain, get_origin(plain)):
        constraints |= _numbers(term, plain)
    elif plain is bytes or field == "transcript":
        constraints["node"] = CUDS.StoredFileShape
    elif held is not None:
        constraints["nodeKind"] = SH.IRI
        if len(held) == 1 and get_origin(plain) is not dict and not held[0].__subclasses__():
            constraints["class"] = URIRef(held[0].iri())
    elif get_origin(plain) is Literal:
        options = BNode(f"{str(shape).rpartition('#')[2]}-{field}-in")
        Collection(graph, options, [Value(v) for v in get_args(plain)])
        constraints["in"] = options
    elif field != "columns":
        constraints["datatype"] = _DATATYPES.get(plain, XSD.string)
    _path(graph, shape, term.iri, **constraints)


def _numbers(term: Term, plain: Any) -> dict[str, Any]:
    """Return the constraints on an array or a value with a unit."""
    is_array = term.shape is not None or plain is not Quantity
    kinds = {t.means for c in data_classes().values() for t in c.bindings().values() if t.iri == term.iri}
    shape = CUDS.QuantityValueShape if not is_array else CUDS.QuantityArrayShape if term.kind else CUDS.ArrayShape
    return {"node": shape, **({"class": CUDS[term.means]} if len(kinds) == 1 else {})}


def _number_shapes(graph: Graph) -> None:
    for name in ("ArrayShape", "QuantityArrayShape", "QuantityValueShape", "StoredFileShape"):
        graph.add((CUDS[name], RDF.type, SH.NodeShape))
    for name in ("ArrayShape", "QuantityArrayShape"):
        for path in ("dtype", "shape", "checksum"):
            _path(graph, CUDS[name], CUDS[path], minCount=1, maxCount=1, datatype=XSD.string)
        _path(graph, CUDS[name], CUDS.location, minCount=1, maxCount=1, datatype=XSD.anyURI)
    for name in ("QuantityArrayShape", "QuantityValueShape"):
        for path in (QUDT.hasUnit, QUDT.hasQuantityKind):
            _path(graph, CUDS[name], path, minCount=1, maxCount=1, nodeKind=SH.IRI)
    _path(graph, CUDS.QuantityValueShape, QUDT.numericValue, minCount=1, maxCount=1, datatype=XSD.double)
    _path(graph, CUDS.QuantityValueShape, CUDS.siValue, minCount=1, maxCount=1, datatype=XSD.double)
    for path in ("checksum", "byteSize"):
        _path(graph, CUDS.StoredFileShape, CUDS[path], minCount=1, maxCount=1)
    _path(graph, CUDS.StoredFileShape, CUDS.location, minCount=1, maxCount=1, datatype=XSD.anyURI)


def context() -> dict[str, Any]:
    """Return the JSON-LD context: every term by name, none by default, so that a misspelt one is no term."""
    terms: dict[str, Any] = {
        "@version": 1.1,
        "cuds": iris.CUDS,
        "qudt": str(QUDT),
        "prov": str(PROV),
        "xsd": str(XSD),
        "rdfs": str(RDFS),
    }
    terms |= {"unit": "http://qudt.org/vocab/unit/", "quantitykind": "http://qudt.org/vocab/quantitykind/"}
    for name, cls in data_classes().items():
        terms[name] = iris.CUDS + name
        for field, term in cls.bindings().items():
            if term.iri.startswith(iris.CUDS):
                terms[term.iri.removeprefix(iris.CUDS)] = _typed(term.iri, cls, field)
    terms |= {n: {"@id": iris.CUDS + n, **({"@type": str(t)} if t else {})} for n, t in _BESIDE.items()}
    terms |= {n: {"@id": str(QUDT[n]), "@type": "@id"} for n in ("hasUnit", "hasQuantityKind")}
    terms["numericValue"] = {"@id": str(QUDT.numericValue), "@type": str(XSD.double)}
    terms |= {n: {"@id": str(PROV[n]), "@type": "@id"} for n in ("wasGeneratedBy", "wasAssociatedWith")}
    terms["label"] = str(RDFS.label)
    return {"@context": dict(sorted(terms.items()))}


def _typed(iri: str, cls: type[Component], field: str) -> dict[str, str]:
    plain, _ = _plain(cls.model_fields[field].annotation)
    datatype = _DATATYPES.get(plain)
    if datatype is not None and field != "transcript":
        return {"@id": iri} if datatype == XSD.string else {"@id": iri, "@type": str(datatype)}
    literal = get_origin(plain) is Literal or (
        get_origin(plain) in (tuple, dict) and _held(plain) is None and field != "columns"
    )
    return {"@id": iri} if literal else {"@id": iri, "@type": "@id"}


def schema() -> dict[str, Any]:
    """Return a JSON Schema with a definition for each class and each quantity kind."""
    definitions: dict[str, Any] = {name: _definition(cls) for name, cls in data_classes().items()}
    for kind in table()["kinds"]:
        units = {"enum": fitting_units(reference_unit(kind))}
        definitions[f"Quantity.{kind}"] = {
            "type": "object",
            "properties": {"value": {}, "unit": units},
            "required": ["value", "unit"],
        }
    definitions["Quantity"] = {
        "type": "object",
        "properties": {"value": {}, "unit": {"enum": sorted(table()["units"])}},
        "required": ["value", "unit"],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://w3id.org/cuds/schema",
        "$defs": dict(sorted(definitions.items())),
    }


def _definition(cls: type[Component]) -> dict[str, Any]:
    fields = cls.bindings()
    return {
        "type": "object",
        "title": cls.__name__,
        "description": (cls.__doc__ or "").strip().split("\n\n")[0],
        "properties": {
            **({"id": {"type": "string"}} if issubclass(cls, Entity) else {}),
            **{f: _json(cls, f, t) for f, t in fields.items()},
        },
        "required": [f for f in fields if cls.model_fields[f].is_required()],
        "additionalProperties": False,
    }


def _json(cls: type[Component], field: str, term: Term) -> dict[str, Any]:
    plain, optional = _plain(cls.model_fields[field].annotation)
    found: dict[str, Any]
    if plain is Quantity:
        found = {"$ref": f"#/$defs/Quantity.{term.kind}" if term.kind else "#/$defs/Quantity"}
    elif plain is np.ndarray or get_origin(plain) is np.ndarray:
        found = {"type": "array", "description": f"{term.dtype} {term.shape}"}
    elif (held := _held(plain)) is not None:
        one = {"anyOf": [{"$ref": f"#/$defs/{c.__name__}"} for c in held]}
        found = {tuple: {"type": "array", "items": one}, dict: {"type": "object", "additionalProperties": one}}.get(
            get_origin(plain), one
        )
    elif get_origin(plain) is Literal:
        found = {"enum": list(get_args(plain))}
    else:
        names = {str: "string", int: "integer", float: "number", bool: "boolean", bytes: "string", datetime: "string"}
        found = {"type": names.get(plain, {tuple: "array", dict: "object"}.get(get_origin(plain), "string"))}
    return {"anyOf": [found, {"type": "null"}]} if optional else found
