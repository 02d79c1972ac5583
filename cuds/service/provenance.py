"""Where a data set comes from: what computed what it holds, and who wrote each version, in the words of PROV-O."""

from collections.abc import Iterable, Iterator
from urllib.parse import quote

import pyoxigraph as ox
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from cuds import iris
from cuds.codecs import rdf
from cuds.semantics.triples import PROV, RDFS, TYPE, XSD
from cuds.service.conditional import etag, unchanged
from cuds.service.forms import GRAPHS
from cuds.service.negotiation import negotiate
from cuds.service.reading import found, visible
from cuds.service.sending import Content
from cuds.service.state import Name, link, state
from cuds.store.protocol import Version, Write

router = APIRouter(tags=["provenance"])
_RUN, _ENGINE = (ox.NamedNode(iris.CUDS + kind) for kind in ("SimulationRun", "Engine"))


@router.get("/datasets/{id}/versions")
def versions(request: Request, name: Name) -> Response:
    """Return all versions of a data set, the first one first: who wrote each, when, how, and after which."""
    here = state(request)
    said = {w.version: w for w in here.library.history(name)} if (listed := visible(request, name)) else {}
    rows = [_row(version, said[version.number]) for version in listed]
    return JSONResponse({"name": name, "versions": rows}, headers={"Cache-Control": "private, no-cache"})


def _row(version: Version, write: Write) -> dict[str, object]:
    return {
        "version": version.number,
        "deleted": version.deleted,
        "plain": version.plain,
        "bytes": version.bytes,
        "by": write.by,
        "at": write.at.isoformat(),
        "how": write.how,
        "after": write.after,
        "etag": etag(version, "json"),
        "href": f"{link('datasets', version.name)}?version={version.number}",
    }


@router.get("/datasets/{id}/provenance")
def provenance(request: Request, name: Name) -> Response:
    """Return the runs from which a data set comes, and the writes of its versions, as PROV-O."""
    stored = found(request, name, None)
    media = negotiate(",".join(request.headers.getlist("accept")), tuple(GRAPHS))
    tag = etag(stored.version, f"prov_{GRAPHS[media].replace('-', '_')}")
    headers = {"Vary": "Accept", "Cache-Control": "private, no-cache"}
    if unchanged(request.headers, tag):
        return Response(None, 304, {"ETag": tag, **headers})
    seen = {v.number for v in visible(request, name)}
    writes = [w for w in state(request).library.history(name) if w.version in seen]
    triples = [*_runs(stored.graph()), *_writes(stored.version.iri, writes)]
    text = "".join(sorted({f"{triple} .\n" for triple in triples})).encode()
    return Content([rdf.serialised(text, GRAPHS[media]).encode()], media, tag, headers)


def _runs(graph: bytes) -> Iterator[ox.Triple]:
    """Yield what a graph says of runs, of what they used, and of what came from them."""
    triples = [q.triple for q in ox.parse(graph, format=ox.RdfFormat.N_TRIPLES)]
    kinds = {t.subject.value for t in triples if t.predicate.value == TYPE and t.object in (_RUN, _ENGINE)}
    for triple in triples:
        subject = triple.subject.value
        of_run = subject in kinds or subject.partition("#")[0] in kinds
        if of_run or triple.predicate.value.startswith(PROV):
            yield triple
    for run in sorted(kinds):
        if any(t.subject.value == run and t.object == _RUN for t in triples):
            yield ox.Triple(ox.NamedNode(run), ox.NamedNode(TYPE), ox.NamedNode(PROV + "Activity"))


def _writes(iri: str, writes: Iterable[Write]) -> Iterator[ox.Triple]:
    """Yield what is said of each write: an activity, its agent, and the version that came of it."""

    def of(number: int) -> ox.NamedNode:
        return ox.NamedNode(f"urn:cuds:version:{number}:{quote(iri, safe='')}")

    def say(node: ox.NamedNode, property_: str, value: ox.NamedNode | ox.Literal) -> ox.Triple:
        return ox.Triple(node, ox.NamedNode(property_), value)

    for write in writes:
        activity = ox.NamedNode(f"urn:cuds:write:{write.version}:{quote(iri, safe='')}")
        at = ox.Literal(write.at.isoformat(), datatype=ox.NamedNode(XSD + "dateTime"))
        yield say(of(write.version), TYPE, ox.NamedNode(PROV + "Entity"))
        yield say(of(write.version), PROV + "specializationOf", ox.NamedNode(iri))
        yield say(of(write.version), PROV + "wasGeneratedBy", activity)
        yield say(activity, TYPE, ox.NamedNode(PROV + "Activity"))
        yield say(activity, RDFS + "label", ox.Literal(write.how))
        yield say(activity, PROV + "endedAtTime", at)
        if write.after:
            yield say(of(write.version), PROV + "wasRevisionOf", of(write.after))
        if write.by:
            agent = ox.NamedNode(f"urn:cuds:agent:{quote(write.by, safe='')}")
            yield say(activity, PROV + "wasAssociatedWith", agent)
            yield say(agent, TYPE, ox.NamedNode(PROV + "Agent"))
            yield say(agent, RDFS + "label", ox.Literal(write.by))
