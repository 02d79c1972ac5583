"""The dataset clauses of a query, FROM and FROM NAMED: they choose among what is asked, and nothing else."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyoxigraph as ox

from cuds.errors import InvalidError
from cuds.semantics.asking import plain
from cuds.semantics.tokens import Token, declarations, tokens


@dataclass(frozen=True)
class Dataset:
    """The graphs that a query is asked of: those that are one to it, and those that it may name."""

    default: tuple[str, ...]
    named: tuple[str, ...]


def dataset_of(default: Iterable[str], named: Iterable[str]) -> Dataset:
    """Return the dataset of some graphs, each once.

    Raises
    ------
    InvalidError
        When one is named by what is no IRI.
    """
    found = Dataset(tuple(dict.fromkeys(default)), tuple(dict.fromkeys(named)))
    for graph in (*found.default, *found.named):
        try:
            ox.NamedNode(graph)
        except ValueError as error:
            raise InvalidError(
                f"graph: {graph[:100]!r} is no IRI: {error}",
                hint="name it in full, like urn:a or https://...",
                field="graph",
            ) from None
    return found


def dataset_clauses(sparql: str, base: str = "") -> Dataset | None:
    """Return which graphs a query chooses; nothing where it chooses none.

    Whether all of it can be read is said by who answers it; here only its clauses are.

    Parameters
    ----------
    sparql : str
        The query.
    base : str
        Against which relative IRIs are resolved.

    Raises
    ------
    InvalidError
        When a clause cannot be read.
    """
    if "from" not in plain(sparql).casefold():
        return None
    listed = list(tokens(sparql))
    found = list(_clauses(listed))
    if not found:
        return None
    begun = f"BASE <{base}> " if base else ""
    known = iris(begun + declarations(listed)[0], [token for _, token in found])
    pairs = [(named, known[token.text]) for named, token in found]
    return dataset_of((g for named, g in pairs if not named), (g for named, g in pairs if named))


def _clauses(listed: Sequence[Token]) -> Iterable[tuple[bool, Token]]:
    """Yield what FROM and FROM NAMED name; neither stands in braces."""
    for at, token in enumerate(listed[:-1]):
        if _says(token, "FROM") and token.depth == 0 and not (at and listed[at - 1].text == "@"):
            named = _says(listed[at + 1], "NAMED") and at + 2 < len(listed)
            place = listed[at + 2] if named else listed[at + 1]
            if place.kind in ("iri", "word"):
                yield named, place


def _says(token: Token, keyword: str) -> bool:
    """Whether it is a keyword, whose letters may be written as escapes."""
    return token.kind == "word" and plain(token.text).upper() == keyword


def iris(declared: str, several: Iterable[Token]) -> dict[str, str]:
    """Return the IRIs that words stand for, in full, as a store of triples reads them.

    Parameters
    ----------
    declared : str
        The prefixes.
    several : iterable of Token
        IRIs, or shortened ones.

    Raises
    ------
    InvalidError
        When one cannot be read.
    """
    words, scratch = list(dict.fromkeys(token.text for token in several)), ox.Store()
    try:
        graphs = " ".join(f"GRAPH {word} {{ <urn:x> <urn:x> {n} }}" for n, word in enumerate(words))
        scratch.update(f"{declared}INSERT DATA {{ {graphs} }}")
    except (SyntaxError, ValueError) as error:
        raise InvalidError(
            f"query: it cannot be read: {error}",
            hint="a dataset clause is FROM <urn:cuds:dataset:...> or FROM NAMED <...>",
            field="query",
        ) from None
    return {words[int(q.object.value)]: str(q.graph_name.value) for q in scratch}
