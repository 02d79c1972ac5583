"""An update of several graphs as one transaction: computed, looked through and written apart, and committed at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cuds.codecs.restating import restated
from cuds.errors import CudsError, StaleError, UnsupportedError
from cuds.semantics.updates import Operation, operations
from cuds.store.graphs import kept
from cuds.store.index import triples
from cuds.store.kept import attribute, graph_in, remarks, write_plain, write_tombstone
from cuds.store.naming import name_of
from cuds.store.protocol import Version
from cuds.store.shelf import Position, Shelf, storing
from cuds.store.updating import Touched, Triples, Updating
from cuds.store.upkeep import BROKEN, Upkeep
from cuds.store.views import Readable

_ATTEMPTS = 50  # others may change what it rests on; then it is computed anew


@dataclass(frozen=True)
class Request:
    """An update as it is asked for; the fields are the arguments of `Writer.update`."""

    sparql: str
    using: Sequence[str]
    using_named: Sequence[str]
    readable: Readable | None
    writable: Readable | None
    by: str
    timeout: float


def update(shelf: Shelf, upkeep: Upkeep, request: Request) -> list[Version]:
    """Do an update; return the new versions."""
    if upkeep.endpoint is not None:
        raise UnsupportedError("update: the index lies at an endpoint", hint="keep the index with the library")
    told = operations(request.sparql)
    for attempt in range(_ATTEMPTS):
        try:
            return _once(shelf, upkeep, told, request)
        except StaleError:
            if attempt == _ATTEMPTS - 1:
                raise
        except BROKEN as error:
            if isinstance(error, CudsError) or attempt or not upkeep.own:
                raise
            with storing(shelf.folder):
                upkeep.rebuild()
    raise AssertionError  # as the last attempt returns or raises


def _once(shelf: Shelf, upkeep: Upkeep, told: Sequence[Operation], request: Request) -> list[Version]:
    with upkeep.turn:
        index = upkeep.seen(request.readable)
        position = upkeep.position

        @cache
        def newest(name: str) -> tuple[Version | None, Triples]:
            version = shelf.newest([name]).get(name)
            return version, set() if version is None else {q.triple for q in triples(graph_in(shelf.path(version)))}

        def staged(graphs: Iterable[str]) -> None:
            upkeep.suspend(index, graphs)

        using = (request.using, request.using_named)
        work = Updating(index, newest, staged, request.readable, request.writable, *using, request.timeout)
        try:
            found = {name_of(graph): t for graph, t in work.run(told).items() if t.changed}
            made = _committed(shelf, found, position, work, request.by) if found else []
        finally:
            try:
                upkeep.restore()
            except BROKEN:
                upkeep.close()  # it is said in the index that it is not to be trusted
    if made:
        upkeep.committed()
    return made


def _committed(
    shelf: Shelf, found: dict[str, Touched], position: Position | None, work: Updating, by: str
) -> list[Version]:
    def check() -> None:
        others = shelf.since(position)
        rests = {name_of(graph) for graph in work.touched}
        if others is None or (others if work.asked else others & rests):
            raise StaleError("update: others write all the time", hint="try again", names=sorted(others or ()))

    with shelf.draft() as own:
        drafts = {name: _draft(shelf, own, n, touched, by) for n, (name, touched) in enumerate(sorted(found.items()))}
        expected = {name: before.number if (before := found[name].before) is not None else 0 for name in drafts}
        return shelf.commit_all(own, drafts, expected, check)


def _draft(shelf: Shelf, own: Path, n: int, touched: Touched, by: str) -> Path:
    """Write what becomes of a graph."""
    before = touched.before
    notes = remarks(by, "update", before.number if before is not None else 0)
    if touched.now is None:
        return write_tombstone(own / f"{n}.deleted", notes)
    text = kept(list(touched.now))
    if before is not None and not before.plain and not touched.made:
        return restated(shelf.path(before), own / f"{n}.h5md", text, attribute(notes))
    return write_plain(own / f"{n}.nt", text, notes)
