"""The dataset clauses of a query, FROM and FROM NAMED: they choose among what is asked, and nothing else."""

from collections.abc import Iterable
from dataclasses import dataclass

from cuds.errors import InvalidError
from cuds.semantics.asking import plain


@dataclass(frozen=True)
class Dataset:
    """The graphs that a query is asked of: those that are one to it, and those that it may name."""

    default: tuple[str, ...]
    named: tuple[str, ...]


def dataset_of(default: Iterable[str], named: Iterable[str]) -> Dataset:
    """Return the dataset of some graphs, each once."""
    return Dataset(tuple(dict.fromkeys(default)), tuple(dict.fromkeys(named)))


def dataset_clauses(sparql: str) -> Dataset | None:
    """Return which graphs a query chooses; nothing where it chooses none. It is read, not run.

    Raises
    ------
    InvalidError
        When the query cannot be read.
    """
    if "from" not in plain(sparql).casefold():
        return None
    default, named = _clauses(sparql)
    return dataset_of(default, named) if default or named else None


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
