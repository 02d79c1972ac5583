"""An update of several graphs as one transaction: computed, looked through and written apart, and committed at once."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Protocol

from cuds.codecs.restating import restated
from cuds.errors import CudsError, StaleError, TooLargeError, UnsupportedError
from cuds.semantics.clauses import dataset_of
from cuds.semantics.updates import Operation, operations
from cuds.store.effects import Effects, Here, Triples
from cuds.store.graphs import kept
from cuds.store.index import Index, triples
from cuds.store.kept import attribute, graph_in, remarks, write_plain, write_tombstone
from cuds.store.naming import name_of
from cuds.store.protocol import Version
from cuds.store.shelf import Position, Shelf, storing
from cuds.store.updating import Touched, Updating
from cuds.store.upkeep import BROKEN, Upkeep
from cuds.store.views import Readable

_ATTEMPTS = 50  # others may change what it rests on; then it is computed anew
_POLITE = 1.0  # seconds to wait for those who were overtaken


class Apart(Protocol):
    """Has the effects of operations found out in another process."""

    def read(self, update: str) -> None:
        """Raise SyntaxError when an update cannot be read."""
        ...

    def frozen(
        self, index: Index, operations: Sequence[Operation], default: Sequence[str], named: Sequence[str]
    ) -> AbstractContextManager[Effects]:
        """Return the effects of operations on what an index holds now; see `cuds.store.elsewhere`."""
        ...

    def inspect(self, text: bytes, by: str) -> list[str]:
        """Return what the shapes have against a graph."""
        ...


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
    most: int | None
    apart: Apart | None


def update(shelf: Shelf, upkeep: Upkeep, request: Request) -> list[Version]:
    """Do an update; return the new versions."""
    if upkeep.endpoint is not None:
        raise UnsupportedError("update: the index lies at an endpoint", hint="keep the index with the library")
    dataset_of(request.using, request.using_named)  # says of what is no IRI
    apart = request.apart
    told = operations(request.sparql) if apart is None else operations(request.sparql, apart.read)
    with upkeep.precedence.ticket() as ticket:
        for attempt in range(_ATTEMPTS):
            try:
                ticket.give_way(_POLITE)
                return (_here if apart is None else _apart)(shelf, upkeep, told, request)
            except StaleError:
                ticket.claim()
                if attempt == _ATTEMPTS - 1:
                    raise
            except BROKEN as error:
                if isinstance(error, CudsError) or attempt or not upkeep.own:
                    raise
                with storing(shelf.folder):
                    upkeep.rebuild()
    raise AssertionError  # as the last attempt returns or raises


def _here(shelf: Shelf, upkeep: Upkeep, told: Sequence[Operation], request: Request) -> list[Version]:
    with upkeep.turn:
        index = upkeep.seen(request.readable)
        position = upkeep.position
        try:
            effects = Here(index, partial(upkeep.suspend, index), request.timeout)
            made = _done(shelf, effects, told, request, position)
        finally:
            try:
                upkeep.restore()
            except BROKEN:
                upkeep.close()  # it is said in the index that it is not to be trusted
    if made:
        upkeep.committed()
    return made


def _apart(shelf: Shelf, upkeep: Upkeep, told: Sequence[Operation], request: Request) -> list[Version]:
    """Do an update while others have their turns; who is overtaken by what it rests on does it anew."""
    assert request.apart is not None
    with ExitStack() as held:
        with upkeep.turn:
            index = upkeep.seen(request.readable)
            position = upkeep.position
            effects = held.enter_context(request.apart.frozen(index, told, request.using, request.using_named))
        made = _done(shelf, effects, told, request, position)
    if made:
        upkeep.committed()
    return made


def _done(
    shelf: Shelf, effects: Effects, told: Sequence[Operation], request: Request, position: Position | None
) -> list[Version]:
    @cache
    def newest(name: str) -> tuple[Version | None, Triples]:
        version = shelf.newest([name]).get(name)
        return version, set() if version is None else {q.triple for q in triples(graph_in(shelf.path(version)))}

    work = Updating(effects, newest, request.readable, request.writable, request.using, request.using_named)
    found = {name_of(graph): t for graph, t in work.run(told).items() if t.changed}
    check = partial(_undisturbed, shelf, position, work)
    if not found:
        check()  # else it did nothing to what somebody else has made of it meanwhile
        return []
    return _committed(shelf, found, check, request)


def _undisturbed(shelf: Shelf, position: Position | None, work: Updating) -> None:
    """Raise when others changed what an update rests on."""
    others = shelf.since(position)
    rests = {name_of(graph) for graph in (*work.touched, *work.looked)}
    if others is None or (others if work.asked else others & rests):
        raise StaleError("update: others write all the time", hint="try again", names=sorted(others or ()))


def _committed(shelf: Shelf, found: dict[str, Touched], check: Callable[[], None], request: Request) -> list[Version]:
    with shelf.draft() as own:
        drafts = {
            name: _draft(shelf, own, n, touched, request) for n, (name, touched) in enumerate(sorted(found.items()))
        }
        expected = {name: before.number if (before := found[name].before) is not None else 0 for name in drafts}
        return shelf.commit_all(own, drafts, expected, check)


def _draft(shelf: Shelf, own: Path, n: int, touched: Touched, request: Request) -> Path:
    """Write what becomes of a graph."""
    before = touched.before
    notes = remarks(request.by, "update", before.number if before is not None else 0)
    if touched.now is None:
        return write_tombstone(own / f"{n}.deleted", notes)
    text = kept(list(touched.now), request.by, request.apart.inspect if request.apart else shelf.inspect)
    if request.most is not None and len(text) > request.most:
        said = f"update: a graph would have {len(text)} bytes, more than {request.most}"
        raise TooLargeError(said, hint="put what it says into several graphs", most=request.most)
    if before is not None and not before.plain and not touched.made:
        return restated(shelf.path(before), own / f"{n}.h5md", text, attribute(notes))
    return write_plain(own / f"{n}.nt", text, notes)
