"""What comes becomes a version: looked through first, kept whole or not at all."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyio.to_thread import run_sync
from starlette.requests import Request

from cuds import codecs
from cuds.codecs import hdf5, rdf
from cuds.errors import FormatError, InvalidError
from cuds.model.dataset import DataSet
from cuds.service.forms import GRAPHS, HDF5, JSON, SUFFIXES, TAKEN
from cuds.service.negotiation import media_type
from cuds.service.problems import Problem
from cuds.service.receiving import draft, receive, small
from cuds.service.screening import screen, screen_text
from cuds.service.state import State, state, who
from cuds.service.transfers import whole
from cuds.store.protocol import Version

_SMALL = 1 << 16  # bytes of a JSON body


@dataclass(frozen=True)
class Target:
    """What is to be written.

    Parameters
    ----------
    name : str
        Of it; the label of what comes when none is given.
    expected : int
        The number of the version that must be the newest; 0 for none.
    plain : bool
        Whether a graph of any kind bears the name now.
    """

    name: str
    expected: int = 0
    plain: bool = False


async def take(request: Request, target: Target, upload: str = "") -> Version:
    """Receive a body, or take an upload that it names, and keep it as the newest version of a name.

    Raises
    ------
    FormatError
        When it is not what it should be; what the shapes have against it is listed.
    StaleError
        When another version is the newest.
    Problem
        When it is in a form that is not taken, or the name is not free.
    """
    here = state(request)
    media = str(media_type(request.headers.get("content-type", ""), (*TAKEN, JSON)))
    if target.plain and media not in GRAPHS:
        hint = f"send {', '.join(GRAPHS)}"
        raise FormatError(f"{target.name!r} is a graph without numbers", hint=hint, field="name")
    said: dict[str, str] = {}
    if media == JSON:
        said = await referred(request)
        media, upload = HDF5, said["upload"]
    async with draft(here.library.draft()) as folder:
        file = folder / f"body{SUFFIXES[media]}"
        if not said:
            await receive(request, file, here.settings.graph if media in GRAPHS else here.settings.body)
        coming = _Coming(request, here, file, media, Target(target.name or said.get("name", ""), target.expected))
        return await run_sync(coming.taken, upload)


async def referred(request: Request) -> dict[str, str]:
    """Return which upload a JSON body names, and what it is to be called.

    Raises
    ------
    InvalidError
        When it is no object with ``upload``, or says more.
    """
    said = as_object(await small(request, _SMALL))
    if strange := set(said) - {"upload", "name"}:
        raise InvalidError(f"{min(strange)!r} is not known", hint="give upload and name", field=min(strange))
    if not isinstance(said.get("upload"), str) or not isinstance(said.get("name", ""), str):
        raise InvalidError("upload: the body names none", hint='{"upload": "...", "name": "..."}', field="upload")
    return said


def as_object(body: bytes) -> dict[str, Any]:
    """Return a JSON object.

    Raises
    ------
    InvalidError
        When it is none.
    """
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise InvalidError("the body is no JSON object", hint='write it like {"name": "value"}', field="body")
    return said


@dataclass(frozen=True)
class _Coming:
    """What came, in a draft of the library."""

    request: Request
    here: State
    file: Path
    media: str
    target: Target

    def taken(self, upload: str) -> Version:
        """Keep it, with an upload as the body itself, or as what holds its numbers."""
        beside = self.file if self.media == HDF5 else self.file.with_suffix(rdf.NUMBERS[0])
        with self._claimed(upload, beside) if upload else nullcontext(), _nested():
            if beside.exists():
                screen(beside, graph=self.here.settings.graph)
            return self._kept(has_numbers=beside.exists())

    def _kept(self, *, has_numbers: bool) -> Version:
        library, expected, by = self.here.library, self.target.expected, who(self.request).name
        if self.media == HDF5:
            return library.adopt(self.file, self._named(), expected=expected, by=by)
        name = self._named()
        if self.media in GRAPHS:
            screen_text(self.file)
            graph = rdf.triples(self.file)
            if expected and not has_numbers:
                return library.put_graph(name, graph, expected=expected, by=by)  # which looks at the shapes itself
            conform(self.here.complaints(graph, by))
        data = rdf.read(self.file) if self.media in GRAPHS else codecs.read(self.file)
        return library.put(DataSet(*data, label=name), name, expected=expected, by=by)

    def _named(self) -> str:
        """Return the name, which is free where the request does not say it."""
        if self.target.name:
            return self.target.name
        if self.media != HDF5:
            raise InvalidError("name: the body has no label", hint="give ?name=", field="name")
        with hdf5.opened(self.file) as (_, listed):
            label = str(listed["label"])
        if not label:
            raise InvalidError("name: the data set has no label", hint="give ?name=", field="name")
        free(self.request, label)
        return label

    @contextmanager
    def _claimed(self, upload: str, place: Path) -> Iterator[None]:
        """Take the body of an upload; it is given back when it is not kept."""
        with self.here.uploads.alone(who(self.request), upload) as folder:
            body = whole(folder, self.request.headers)
            body.rename(place)
            try:
                yield
            except BaseException:
                if place.exists():
                    place.rename(body)
                raise
            self.here.uploads.end(folder)


def free(request: Request, name: str) -> None:
    """Demand that a name is free for who asks.

    Raises
    ------
    Problem
        When something bears it (409).
    """
    here = state(request)
    here.rights.write(who(request), name)
    if name in here.library:
        raise Problem("taken", f"there is a data set {name!r}", hint="PUT there with If-Match to replace it", name=name)


def conform(found: list[str]) -> None:
    """Refuse what the shapes have something against.

    Raises
    ------
    InvalidError
        With all of it.
    """
    if found:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        raise InvalidError(
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
