"""What somebody may read of an index, as an index of its own: what is not in it cannot be asked for.

A view is kept in memory and follows the index; a few are kept, for those who asked last.
"""

from collections.abc import Callable, Iterator

import pyoxigraph as ox

from cuds.errors import UnsupportedError
from cuds.store.index import Index
from cuds.store.naming import DEFAULT, name_of
from cuds.store.unsaying import UNION

Readable = Callable[[str], bool]  # of the IRI of a graph
_KEPT = 8  # views
_NEAR = 8  # graphs in which a view may differ from what is wanted and be changed into it
_MANY = 100  # graphs; so many are taken in at once


class View(Index):
    """Some of the graphs of an index."""

    def __init__(self) -> None:
        super().__init__(ox.Store())
        self.taken: dict[str, int] = {}

    def follow(self, index: Index, wanted: set[str]) -> None:
        """Hold what the index holds of some graphs, and nothing else."""
        now = {graph: index.changes.get(graph, 0) for graph in wanted}
        for graph in [g for g, number in self.taken.items() if now.get(g) != number]:
            self.drop(name_of(graph))
            del self.taken[graph]
        new = [graph for graph in now if graph not in self.taken]
        quads = (quad for graph in new for quad in self._copied(index, graph))
        if len(new) > _MANY:
            self.store.bulk_extend(quads)
        else:
            self.store.extend(quads)
        for graph in new:
            self.store.add_graph(self.place(graph))
            self.taken[graph] = now[graph]

    def restate(self, graph: str, said: set[ox.Triple] | None) -> None:
        """Have a graph say something else, until the view follows its index again."""
        self.taken[graph] = -1
        super().restate(graph, said)

    def _copied(self, index: Index, graph: str) -> Iterator[ox.Quad]:
        place = self.place(graph)
        for quad in index.said_by(graph):
            yield from (ox.Quad(quad.subject, quad.predicate, quad.object, to) for to in (place, UNION))
        yield from index.records(graph)


class Views:
    """The views of an index."""

    def __init__(self) -> None:
        self._index: Index | None = None
        self._kept: list[View] = []

    def among(self, index: Index, readable: Readable | None) -> Index:
        """Return an index of those graphs alone that may be read, up to date.

        Raises
        ------
        UnsupportedError
            When the index lies at an endpoint.
        """
        if readable is None:
            return index
        if index.far:
            raise UnsupportedError(
                "among: an index at an endpoint is asked as a whole", hint="keep the index with the library"
            )
        every = {*index.names(), DEFAULT}
        wanted = {graph for graph in every if readable(graph)}
        return index if wanted == every else self._of(index, wanted)

    def _of(self, index: Index, wanted: set[str]) -> View:
        if index is not self._index:
            self._index, self._kept = index, []
        near = min(self._kept, key=lambda view: len(view.taken.keys() ^ wanted), default=None)
        if near is None or len(near.taken.keys() ^ wanted) > _NEAR:
            near = View()
        others = [view for view in self._kept if view is not near]
        self._kept = others  # whoever is interrupted leaves none of which nobody knows what it holds
        near.follow(index, wanted)
        self._kept = [near, *others][:_KEPT]
        return near
