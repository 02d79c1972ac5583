"""Queries and updates in processes of their own, which are killed when they take too long.

A store of triples cannot stop one. Each query is asked of a snapshot of the index, which nobody changes; so is the
WHERE of an update, or of the graphs that it names.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cuds.semantics.asking import PATIENCE
from cuds.semantics.conformance import inspected
from cuds.store.askers import Answer, Askers
from cuds.store.disk import Library
from cuds.store.elsewhere import NEAR, Elsewhere, terms
from cuds.store.graphs import FEW
from cuds.store.index import Index, Meant, Told
from cuds.store.protocol import Version
from cuds.store.snapshots import Snapshot, Snapshots
from cuds.store.views import Readable


@dataclass(frozen=True)
class Asked:
    """A query, and in which form its answer is wanted.

    Parameters
    ----------
    query : str
        SPARQL.
    results, graph : str
        The media types of solutions and of triples; of no answer when empty.
    base : str
        Against which relative IRIs are resolved.
    """

    query: str
    results: str = "application/sparql-results+json"
    graph: str = "application/n-triples"
    base: str = ""


class Asking:
    """Queries and updates of a library, each in a process of its own, on a copy of what who asks may read.

    Parameters
    ----------
    library : Library
        Which is asked.
    askers : Askers
        The processes.
    near : int
        Triples of graphs that an update names and that are sent to its process; more are asked of a copy.
    """

    def __init__(self, library: Library, askers: Askers, *, near: int = NEAR) -> None:
        self._library, self._askers, self._near = library, askers, near
        self._snapshots = Snapshots(library)

    def answer(  # it has what the protocol of SPARQL has
        self,
        asked: Asked,
        *,
        default: Sequence[str] = (),
        named: Sequence[str] = (),
        among: Readable | None = None,
        timeout: float = PATIENCE,
        by: str = "",
    ) -> Answer:
        """Return the answer to a query; see `Library.answer`.

        A graph of `default` or `named` that is not there, or may not be read, is an empty one, as in the protocol of
        SPARQL.

        Parameters
        ----------
        asked : Asked
            The query.
        default, named, among
            As for `Library.answer`.
        timeout : float
            Seconds after which it is killed.
        by : str
            Who asks: one alone does not take all processes.

        Raises
        ------
        InvalidError
            When the query cannot be read, would ask another machine, takes longer, or asks for too much.
        UnknownError
            When a graph is named that is not there.
        UnsupportedError
            When the index lies at an endpoint.
        """
        told = Told.of(asked.query, default, named, base=asked.base)

        def prepared(index: Index) -> tuple[Meant, Snapshot]:
            return index.of_told(told), self._snapshots.of(index)

        with self._askers.session(timeout, by) as session:
            meant, snapshot = self._library.asked(prepared, among)
            with self._snapshots.used(snapshot) as path:
                graphs = {"default": terms(meant.default), "named": terms(meant.named)}
                how = {"does": "answer", "told": meant.told, "snapshot": str(path)}
                return session.answer({**asked.__dict__, **graphs, **how})

    def update(  # noqa: PLR0913  # it has what the protocol of SPARQL has
        self,
        sparql: str,
        *,
        using: Sequence[str] = (),
        using_named: Sequence[str] = (),
        readable: Readable | None = None,
        writable: Readable | None = None,
        by: str = "",
        timeout: float = PATIENCE,
        most: int | None = None,
    ) -> list[Version]:
        """Do an update; see `Library.update`. What it finds and makes is found and made in a process of its own.

        Parameters
        ----------
        sparql, using, using_named, readable, writable, by
            As for `Library.update`.
        timeout : float
            Seconds after which it is killed, as a whole.
        most : int, optional
            Bytes that a graph may have.

        Raises
        ------
        InvalidError
            Also when it takes longer, or makes too much.
        TooLargeError
            When a graph would become too large.
        """
        with self._askers.session(timeout, by, "update") as session:
            return self._library.update(
                sparql,
                using=using,
                using_named=using_named,
                readable=readable,
                writable=writable,
                by=by,
                timeout=timeout,
                most=most,
                apart=Elsewhere(session, self._snapshots, self._near),
            )

    def inspect(self, text: bytes, by: str = "", *, timeout: float = PATIENCE) -> tuple[list[str], str]:
        """Return what the shapes have against a graph, a line each, and their report; a short one needs no process.

        Parameters
        ----------
        text : bytes
            N-Triples; so is the report.
        by : str
            Who asks.
        timeout : float
            Seconds after which it is killed.

        Raises
        ------
        InvalidError
            When it takes longer, or needs too much memory.
        """
        if text.count(b"\n") <= FEW:
            return inspected(text)
        with self._askers.session(timeout, by, "graph") as session:
            return session.inspect(text)

    def close(self) -> None:
        """End the processes, and remove the copies that nobody uses any more."""
        self._askers.close()
        self._snapshots.close()
