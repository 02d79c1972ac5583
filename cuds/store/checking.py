"""Looking through a library: every number is the one that was stored, and the index says what the files say."""

from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox

from cuds.codecs import hdf5
from cuds.errors import CudsError
from cuds.store.index import Entry, Index
from cuds.store.kept import graph_in, written
from cuds.store.protocol import Version
from cuds.store.shelf import Shelf


@dataclass(frozen=True)
class Damage:
    """Something that is not as it was kept.

    Parameters
    ----------
    path : Path
        Where.
    says : str
        What is wrong.
    hint : str
        What to do now.
    """

    path: Path
    says: str
    hint: str

    def __str__(self) -> str:
        return f"{self.path}: {self.says.removeprefix(f'{self.path}: ')}\n  hint: {self.hint}"


Damages = list[Damage]


def check(shelf: Shelf, index: Index) -> Damages:
    """Return everything that is wrong: files, what does not belong there, and where the index differs."""
    found = [Damage(p, "it is no version of anything", "move it elsewhere") for p in shelf.strangers()]
    for name in shelf.names():
        versions = shelf.versions(name)
        for version in versions:
            path = shelf.path(version)
            if version.deleted:
                continue
            try:
                if version.plain:
                    written(version, path)
                else:
                    hdf5.read(path, verify=True)
                if version == versions[-1] and not _same(index, version, path):
                    found.append(Damage(path, "the index says something else of it", "cuds verify --rebuild"))
            except CudsError as error:
                found.append(Damage(path, error.message, error.hint))
    gone = index.marks().keys() - shelf.newest().keys()
    place = shelf.folder / "index"
    found += [Damage(place, f"it says something of {n!r}, which is not there", "cuds verify --rebuild") for n in gone]
    return found


def _same(index: Index, version: Version, path: Path) -> bool:
    """Whether the index says what a file says, in the words in which a store writes numbers."""
    anew = Index(ox.Store())
    anew.put(Entry(version, graph_in(path)))
    return {q.triple for q in anew.said_by(version.iri)} == {q.triple for q in index.said_by(version.iri)}
