"""What comes becomes a version: looked through first, kept whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from anyio.to_thread import run_sync
from starlette.requests import Request

from cuds import codecs
from cuds.codecs import hdf5, rdf
from cuds.errors import FormatError, InvalidError
from cuds.model.dataset import DataSet
from cuds.semantics.conformance import complaints
from cuds.service.forms import EXTXYZ, GRAPHS, HDF5, SUFFIXES, TAKEN
from cuds.service.identity import Principal
from cuds.service.negotiation import media_type
from cuds.service.problems import Problem
from cuds.service.receiving import draft, receive
from cuds.service.screening import screen
from cuds.service.state import State, who
from cuds.store.protocol import Version


@dataclass(frozen=True)
class Incoming:
    """What came, in a draft of the library.

    Parameters
    ----------
    state : State
        Of the service.
    by : Principal
        Who sends it.
    file : Path
        The body.
    media : str
        What it is.
    beside : Path, optional
        The data set whose numbers a graph refers to.
    """

    state: State
    by: Principal
    file: Path
    media: str
    beside: Path | None = None

    def kept(self, name: str, expected: int, *, plain: bool = False) -> Version:
        """Keep it as the newest version of a name.

        Parameters
        ----------
        name : str
            Its label when none is given.
        expected : int
            The number of the version that must be the newest; 0 for none.
        plain : bool
            Whether a graph of any kind bears the name now.

        Raises
        ------
        FormatError
            When it is not what it should be; what the shapes have against it is listed.
        StaleError
            When another version is the newest.
        """
        how = {"expected": expected, "by": self.by.name}
        library = self.state.library
        with _nested():
            if self.media == HDF5:
                screen(self.file, graph=self.state.settings.graph)
                called = name or self._label()
                self._may(called, name)
                return library.adopt(self.file, called, **how)
            if self.media in GRAPHS:
                graph = rdf.graph(self.file)
                conform(complaints(graph))
                if expected and self.beside is None:
                    return library.put_graph(name, graph, **how)
            return library.put(DataSet(*self._read(), label=_named(name)), name, **how)

    def _read(self) -> DataSet:
        """Return the data set that a text is, with the numbers beside it."""
        if self.beside is not None:
            screen(self.beside, graph=self.state.settings.graph)
            self.beside.rename(self.file.with_suffix(rdf.NUMBERS[0]))
        return rdf.read(self.file) if self.media in GRAPHS else codecs.read(self.file)

    def _label(self) -> str:
        with hdf5.opened(self.file) as (_, listed):
            return _named(str(listed["label"]))

    def _may(self, called: str, name: str) -> None:
        if not name:
            free(self.state, self.by, called)


def free(state: State, by: Principal, name: str) -> None:
    """Demand that a name is free for somebody to make something of it."""
    state.rights.write(by, name)
    if name in state.library:
        raise Problem("taken", f"there is a data set {name!r}", hint="PUT there with If-Match to replace it", name=name)


def _named(name: str) -> str:
    if not name:
        raise InvalidError("name: the body has no label", hint="give ?name=", field="name")
    return name


def conform(found: list[str]) -> None:
    """Refuse what the shapes have something against.

    Raises
    ------
    FormatError
        With all of it.
    """
    if found:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        raise FormatError(
            f"the graph does not conform to the shapes: {found[0]}{more}",
            hint="GET /shapes has the shapes; POST /validate tries a graph without keeping it",
            complaints=found[:100],
        )


@contextmanager
def _nested() -> Iterator[None]:
    """Say of what is nested deeper than Python goes."""
    try:
        yield
    except RecursionError:
        raise FormatError("the body is nested too deeply", hint="write it flat") from None


async def take(request: Request, state: State, name: str, expected: int, *, plain: bool = False) -> Version:
    """Receive a body, and keep it as the newest version of a name."""
    media = str(media_type(request.headers.get("content-type", ""), TAKEN))
    most = state.settings.graph if media in GRAPHS else state.settings.body
    if plain and media not in GRAPHS:
        raise FormatError(f"{name!r} is a graph without numbers", hint=f"send {', '.join(GRAPHS)}", field="name")
    async with draft(state.library.draft()) as folder:
        file = folder / f"body{SUFFIXES[media]}"
        await receive(request, file, most)
        beside = await _beside(request, state, folder)
        incoming = Incoming(state, who(request), file, media, beside)
        return await run_sync(partial(incoming.kept, name, expected, plain=plain))


async def _beside(request: Request, state: State, folder: Path) -> Path | None:
    """Return a copy, by link, of the upload whose numbers a graph refers to."""
    return None


__all__ = ["EXTXYZ", "Incoming", "conform", "free", "take"]
