"""Turtle to the JSON that is read at run time.

`scripts/generate` compiles the ontology that cuds ships; a dictionary that a stranger's package ships is
compiled when it is first needed.
"""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import pint
from rdflib import Graph, Namespace, URIRef
from rdflib.namespace import DCTERMS, RDF, RDFS, SKOS

CUDS = Namespace("https://w3id.org/cuds#")
QUDT = Namespace("http://qudt.org/schema/qudt/")


_OF_ROW = (
    "keyword",
    "arguments",
    "coefficients",
    "when",
    "inverse",
    "offers",
    "variables",
    "package",
    "refusal",
    "restart",
)


def _sorted(nodes: Iterable[Any]) -> list[Any]:
    return sorted(nodes, key=str)


def local(iri: Any) -> str:
    """Return the last part of an IRI."""
    return str(iri).rpartition("#")[2].rpartition("/")[2]


def text(graph: Graph, subject: Any, predicate: URIRef) -> str:
    """Return the one value of a property as text; empty when there is none."""
    value = graph.value(subject, predicate)
    return "" if value is None else str(value)


def units(graph: Graph) -> dict[str, Any]:
    """Return the table of units, aliases and quantity kinds.

    Factors to SI are exact fractions of pint's decimal definitions.
    """
    registry: Any = pint.UnitRegistry
    exact = registry(non_int_type=Fraction)
    found: dict[str, Any] = {"units": {}, "aliases": {}, "kinds": {}}
    for unit in _sorted(graph.subjects(RDF.type, QUDT.Unit)):
        name = text(graph, unit, CUDS.symbol)
        si = exact.Quantity(Fraction(1), "" if name == "1" else name).to_base_units().magnitude
        found["units"][name] = {
            "iri": str(unit),
            "label": text(graph, unit, RDFS.label),
            "dimension": local(graph.value(unit, QUDT.hasDimensionVector)),
            "factor": str(Fraction(si)),
            "match": _sorted(str(m) for m in graph.objects(unit, SKOS.exactMatch)),
        }
        found["aliases"].update({str(a): name for a in _sorted(graph.objects(unit, CUDS.alias))})
    for kind in _sorted(graph.subjects(RDF.type, QUDT.QuantityKind)):
        found["kinds"][local(kind)] = {
            "iri": str(kind),
            "dimension": local(graph.value(kind, QUDT.hasDimensionVector)),
            "unit": text(graph, graph.value(kind, CUDS.referenceUnit), CUDS.symbol),
        }
    return found


def dictionary(graph: Graph) -> dict[str, Any]:
    """Return what forms, truncations and mixing rules say, and what each engine can do with its words for them."""
    kinds = {CUDS.FileForm: 0, CUDS.TwoBodyForm: 2, CUDS.ThreeBodyForm: 3, CUDS.FourBodyForm: 4}
    forms = {
        local(f): {"bodies": n, **_form(graph, f)} for kind, n in kinds.items() for f in graph.subjects(RDF.type, kind)
    }
    return {
        "forms": dict(sorted(forms.items())),
        "constructions": {
            local(c): {"bodies": 1 + int(text(graph, c, CUDS.parents)), **_form(graph, c)}
            for c in _sorted(graph.subjects(RDF.type, CUDS.SiteConstruction))
        },
        "coordinates": {
            text(graph, c, CUDS.symbol): text(graph, graph.value(c, CUDS.ofKind), CUDS.dimension)
            for c in _sorted(graph.subjects(RDF.type, CUDS.Coordinate))
        },
        "truncations": {
            local(t): {
                **_texts(graph, t, "inside", "switched"),
                "excluded": _texts(graph, t, "betweenExcluded")["betweenExcluded"],
                "corrected": bool(graph.value(t, CUDS.corrected)),
                "summed": bool(graph.value(t, CUDS.summed)),
            }
            for t in _sorted(graph.subjects(RDF.type, CUDS.Truncation))
        },
        "corrections": {
            local(c): text(graph, c, RDFS.label) for c in _sorted(graph.subjects(RDF.type, CUDS.LongRangeCorrection))
        },
        "mixing": {
            local(m): {"form": local(graph.value(m, CUDS.mixes)), **_texts(graph, m, "map")}
            for m in _sorted(graph.subjects(RDF.type, CUDS.MixingRule))
        },
        "equivalences": sorted(
            (
                {
                    "source": local(graph.value(e, CUDS.fromForm)),
                    "target": local(graph.value(e, CUDS.toForm)),
                    **_texts(graph, e, "map", "when"),
                }
                for e in graph.subjects(RDF.type, CUDS.Equivalence)
            ),
            key=lambda e: (e["source"], e["target"]),
        ),
        "engines": {
            text(graph, e, CUDS.keyword): _engine(graph, e) for e in _sorted(graph.subjects(RDF.type, CUDS.Engine))
        },
    }


def _texts(graph: Graph, subject: Any, *names: str) -> dict[str, str]:
    """Return properties as text, every white space a blank."""
    return {name: " ".join(text(graph, subject, CUDS[name]).split()) for name in names}


def _form(graph: Graph, form: Any) -> dict[str, Any]:
    parameters = {str(s): p for p in graph.objects(form, CUDS.parameter) for s in graph.objects(p, CUDS.symbol)}
    usual = graph.value(form, CUDS.usualTruncation)
    return {
        "label": text(graph, form, RDFS.label),
        "source": text(graph, form, DCTERMS.source),
        **_texts(graph, form, "energy", "format", "companion"),
        "usual_truncation": "" if usual is None else local(usual),
        "parameters": {symbol: _parameter(graph, parameters[symbol]) for symbol in sorted(parameters)},
    }


def _parameter(graph: Graph, parameter: Any) -> dict[str, Any]:
    kind, constant = graph.value(parameter, CUDS.ofKind), graph.value(parameter, CUDS.constant)
    unit = graph.value(parameter, QUDT.hasUnit)
    return {
        "kind": local(kind),
        "dimension": text(graph, kind, CUDS.dimension),
        "positive": bool(graph.value(parameter, CUDS.positive)),
        "of_particle": text(graph, parameter, CUDS.ofParticle),
        "constant": None if constant is None else [float(str(constant)), text(graph, unit, CUDS.symbol)],
    }


def _engine(graph: Graph, engine: Any) -> dict[str, Any]:
    def names(subject: Any, predicate: URIRef) -> list[str]:
        return sorted(local(o) for o in graph.objects(subject, predicate))

    of_engine = _sorted(graph.subjects(CUDS.ofEngine, engine))
    sections = [s for s in of_engine if (s, RDF.type, CUDS.Section) in graph]
    rows = _sorted(r for s in sections for r in graph.subjects(CUDS.inSection, s))
    return {
        "title": text(graph, engine, RDFS.label),
        "licence": text(graph, engine, DCTERMS.license),
        "install": text(graph, engine, CUDS.install),
        "citations": sorted(str(c) for c in graph.objects(engine, CUDS.citation)),
        "capabilities": sorted(
            (
                {
                    "simulates": names(c, CUDS.simulates)[0],
                    "needs": names(c, CUDS.needs),
                    "provides": names(c, CUDS.provides),
                }
                for c in graph.objects(engine, CUDS.capability)
            ),
            key=lambda c: str(c["simulates"]),
        ),
        "options": {
            text(graph, o, CUDS.keyword): {
                "values": sorted(str(v) for v in graph.objects(o, CUDS.allowedValue)),
                "definition": text(graph, o, SKOS.definition),
            }
            for o in of_engine
            if (o, RDF.type, CUDS.EngineOption) in graph
        },
        "unit_sets": {
            text(graph, u, CUDS.keyword): {
                local(p).removesuffix("Unit"): text(graph, o, CUDS.symbol)
                for p, o in sorted(graph.predicate_objects(u), key=str)
                if local(p).endswith("Unit")
            }
            for u in of_engine
            if (u, RDF.type, CUDS.UnitSet) in graph
        },
        "scaled": sorted(text(graph, u, CUDS.keyword) for u in of_engine if graph.value(u, CUDS.scaled)),
        "coulomb_constants": {
            text(graph, u, CUDS.keyword): float(str(value))
            for u in of_engine
            if (value := graph.value(u, CUDS.coulombConstant)) is not None
        },
        "rows": [_row(graph, r) for r in rows],
    }


def _row(graph: Graph, row: Any) -> dict[str, Any]:
    section, realises = graph.value(row, CUDS.inSection), graph.value(row, CUDS.realises)
    return {
        "realises": "" if realises is None else local(realises),
        "section": text(graph, section, CUDS.keyword),
        "role": text(graph, section, CUDS.bondedRole),
        **_texts(graph, row, *_OF_ROW),
        "alongside": [line.strip() for line in text(graph, row, CUDS.alongside).splitlines() if line.strip()],
        "charged": bool(graph.value(row, CUDS.charged)),
        "truncations": sorted(local(t) for t in graph.objects(row, CUDS.truncates)),
        "unit_sets": sorted(text(graph, u, CUDS.keyword) for u in graph.objects(row, CUDS.inUnitSet)),
    }
