"""The dataset clauses of a query, FROM and FROM NAMED: they choose among what is asked, and nothing else."""

from collections.abc import Callable, Iterable
from typing import Any

from cuds.errors import InvalidError, UnknownError, did_you_mean
from cuds.semantics.asking import plain


def dataset_clauses(sparql: str, holds: Callable[[str], bool], known: Callable[[], Iterable[str]]) -> dict[str, Any]:
    """Return which graphs a query chooses, as ``pyoxigraph.Store.query`` takes it; nothing where it chooses none.

    Parameters
    ----------
    sparql : str
        The query. It is read, not run.
    holds : callable
        Whether what is asked has a graph of this IRI.
    known : callable
        Gives all that it has.

    Raises
    ------
    InvalidError
        When the query cannot be read.
    UnknownError
        When it names a graph that is not there: a file, a page, a data set that is not there.
    """
    if "from" not in plain(sparql).casefold():
        return {}
    import pyoxigraph

    default, named = _clauses(sparql)
    for graph in (*default, *named):
        if not holds(graph):
            raise UnknownError(
                f"query: FROM {graph}: there is no such data set here",
                hint=did_you_mean(graph, known()),
                field="query",
            )
    if not default and not named:
        return {}
    return {
        "default_graph": [pyoxigraph.NamedNode(g) for g in default],
        "named_graphs": [pyoxigraph.NamedNode(g) for g in named],
    }


def _clauses(sparql: str) -> tuple[list[str], list[str]]:
    """Return what FROM and what FROM NAMED name; rdflib reads the query, and does not run it."""
    from rdflib.plugins.sparql.algebra import translateQuery
    from rdflib.plugins.sparql.parser import parseQuery

    try:
        clauses = translateQuery(parseQuery(plain(sparql))).algebra.datasetClause or ()
        found = [("named" in c, str(c.named if "named" in c else c.default)) for c in clauses]
    except Exception as error:  # its parser raises what it likes
        raise InvalidError(
            f"query: it cannot be read: {type(error).__name__}: {error}",
            hint="a dataset clause is FROM <urn:cuds:dataset:...> or FROM NAMED <...>",
            field="query",
        ) from None
    return [g for named, g in found if not named], [g for named, g in found if named]
