"""In which forms data sets are sent and taken."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from cuds import iris, model
from cuds.codecs import rdf, translate
from cuds.model.mesh import Mesh
from cuds.model.particles import ParticleSystem
from cuds.semantics.triples import TYPE
from cuds.service.sending import Content, whole
from cuds.service.state import State
from cuds.service.summary import summary
from cuds.store.protocol import Version

JSON, HDF5, EXTXYZ, VTU = "application/json", "application/x-hdf5", "chemical/x-extxyz", "model/vnd.vtu"
GRAPHS: Mapping[str, str] = {
    "text/turtle": "turtle",
    "application/ld+json": "json-ld",
    "application/n-triples": "n-triples",
    "application/n-quads": "n-quads",
    "application/trig": "trig",
    "application/rdf+xml": "rdf-xml",
}
SENT = (JSON, *GRAPHS, HDF5, EXTXYZ, VTU)
TAKEN = (HDF5, *GRAPHS, EXTXYZ)
SUFFIXES: Mapping[str, str] = {
    HDF5: ".h5md",
    EXTXYZ: ".extxyz",
    VTU: ".vtu",
    **{media: rdf.SYNTAXES[syntax] for media, syntax in GRAPHS.items()},
}
_OF: Mapping[str, type[Any]] = {EXTXYZ: ParticleSystem, VTU: Mesh}  # forms of data sets that hold some class


@dataclass(frozen=True)
class Stored:
    """A version in a library.

    Parameters
    ----------
    state : State
        Of the service.
    version : Version
        Of which it is.
    """

    state: State
    version: Version

    def graph(self) -> bytes:
        """Return its graph as N-Triples."""
        return self._kept("n-triples", lambda: self.state.library.graph_text(self.version.name, self.version.number))

    def offers(self) -> list[str]:
        """Return the media types in which it is sent."""
        if self.version.plain:
            return [*GRAPHS, JSON]
        return [JSON, *GRAPHS, HDF5, *self._kept("offers", self._of_kind).decode().split()]

    def _of_kind(self) -> bytes:
        kinds = [_class(name) for name in kinds_in(self.graph())]
        return " ".join(m for m, kind in _OF.items() if any(issubclass(k, kind) for k in kinds)).encode()

    def text(self, media: str) -> bytes:
        """Return it in a form that is text."""
        if media == JSON:
            return self._kept("json", lambda: summary(self.version, self.graph()))
        syntax = GRAPHS[media]
        if syntax in ("n-triples", "n-quads"):
            return self.graph()
        return self._kept(syntax, lambda: rdf.serialised(self.graph(), syntax).encode())

    def sent(self, media: str, etag: str, headers: Mapping[str, str]) -> Content:
        """Return it as a response in any form; what must be made for it is gone when it is sent."""
        if media == JSON or media in GRAPHS:
            return Content([self.text(media)], media, etag, headers)
        library, version = self.state.library, self.version
        if media == HDF5:
            return Content([whole(library.file(version.name, version.number).open("rb"))], media, etag, headers)
        with library.draft() as folder:
            made = folder / f"data{SUFFIXES[media]}"
            fates = translate(library.get(version.name, version.number), [made])
            left = "; ".join(fate.what for fate in fates if fate.fate == "left out")
            said = {"Cuds-Left-Out": left.encode("ascii", "backslashreplace").decode()[:2000]} if left else {}
            return Content([whole(made.open("rb"))], media, etag, {**headers, **said})

    def _kept(self, form: str, make: Any) -> bytes:
        return self.state.answers.get(f"{self.version.tag}-{form}", make)


def short(media: str) -> str:
    """Return the name of a form in ETags."""
    return GRAPHS.get(media) or media.rpartition("/")[2].rpartition("-")[2].rpartition(".")[2]


def suffix(media: str) -> str:
    """Return how the name of a file of a form ends."""
    return SUFFIXES.get(media, Path(media).suffix)


def kinds_in(graph: bytes) -> set[str]:
    """Return the classes of cuds that a graph has something of, by name."""
    quads = ox.parse(graph, format=ox.RdfFormat.N_TRIPLES)
    named = (q.object.value for q in quads if q.predicate.value == TYPE and isinstance(q.object, ox.NamedNode))
    return {iri.removeprefix(iris.CUDS) for iri in named if iri.startswith(iris.CUDS)}


def _class(name: str) -> type[Any]:
    return model.classes().get(name, object)
