"""Asking a store of triples in SPARQL: it answers from itself alone, no file and no other machine."""

import io
import math
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from cuds.errors import InvalidError
from cuds.semantics.triples import PREFIXES, XSD

T = TypeVar("T")
PATIENCE = 60.0  # seconds
_TEXT, _DOUBLE = XSD + "string", XSD + "double"
_ESCAPE = re.compile(r"\\u[0-9A-Fa-f]{4}|\\U000[0-9A-Fa-f]{5}")


def answers(store: Any, sparql: str, *, timeout: float = PATIENCE, **graphs: Any) -> list[dict[str, Any]]:
    """Return the solutions of somebody's SPARQL SELECT, a mapping each.

    Parameters
    ----------
    store : pyoxigraph.Store
        That is asked.
    sparql : str
        The query; prefixes are to be declared in it.
    timeout : float
        Seconds after which no more solutions are awaited. It is looked at between solutions: what comes before the
        first one, like sorting, counting, or a search in vain, the store does not let be stopped.
    **graphs
        Which graphs are asked, as ``pyoxigraph.Store.query`` takes it.

    Raises
    ------
    InvalidError
        When the query cannot be read, is no SELECT, would ask another machine, or takes longer.
    """
    refuse_service(sparql)
    return solved(store, sparql, timeout=timeout, **graphs)


def solved(store: Any, sparql: str, *, timeout: float = math.inf, **graphs: Any) -> list[dict[str, Any]]:
    """Return the solutions of a SPARQL SELECT of our own, in which texts may be any."""
    return rows(begun(store, sparql, **graphs), sparql, timeout=timeout)


def begun(store: Any, sparql: str, **graphs: Any) -> Any:
    """Return what a store begins to answer: of what it holds now, whatever becomes of it before the answer is read.

    Raises
    ------
    InvalidError
        When the query cannot be read.
    """
    with _said(sparql):
        return store.query(sparql, **graphs)


def rows(answer: Any, sparql: str, *, timeout: float = math.inf) -> list[dict[str, Any]]:
    """Return the solutions of a SELECT that was begun.

    Raises
    ------
    InvalidError
        When it is none, or takes longer.
    """
    import pyoxigraph

    if not isinstance(answer, pyoxigraph.QuerySolutions):
        raise InvalidError(
            "query: only SELECT is answered", hint="begin it with SELECT ?x WHERE { ... }", field="query"
        )
    try:
        with _said(sparql):
            variables = [v.value for v in answer.variables]
            return [dict(zip(variables, map(python, row), strict=True)) for row in in_time(answer, timeout)]
    finally:
        del answer


def whole(answer: Any, sparql: str, *, timeout: float = math.inf) -> Any:
    """Return an answer that was begun once all of it is there, so that nothing can go wrong while it is sent on.

    Raises
    ------
    InvalidError
        When it takes longer.
    """
    import pyoxigraph as ox

    try:
        with _said(sparql):
            if isinstance(answer, ox.QuerySolutions):
                text = _Patient(timeout)
                answer.serialize(text, format=ox.QueryResultsFormat.JSON)
                return ox.parse_query_results(text.getvalue(), format=ox.QueryResultsFormat.JSON)
            if isinstance(answer, ox.QueryTriples):
                scratch = ox.Store()
                scratch.extend(ox.Quad(t.subject, t.predicate, t.object) for t in in_time(answer, timeout))
                return scratch.query("CONSTRUCT WHERE { ?s ?p ?o }")
            return answer
    finally:
        del answer


class _Patient(io.BytesIO):
    """Takes an answer for a while."""

    def __init__(self, timeout: float) -> None:
        super().__init__()
        self.timeout, self.until = timeout, time.monotonic() + timeout

    def write(self, data: Any) -> int:
        if time.monotonic() > self.until:
            raise _late(self.timeout, f"{self.tell()} bytes")
        return super().write(data)


@contextmanager
def _said(sparql: str) -> Iterator[None]:
    """Say of a query what a store says of it."""
    try:
        yield
    except (SyntaxError, ValueError, OSError, RuntimeError) as error:
        if isinstance(error, InvalidError):
            raise
        if isinstance(error, RuntimeError) and (said := _beyond(sparql)):
            raise InvalidError(f"query: {said}", hint="ask for what SPARQL 1.1 itself has", field="query") from None
        if isinstance(error, RuntimeError):
            raise
        declare = " ".join(f"PREFIX {p}: <{n}>" for p, n in PREFIXES.items())
        raise InvalidError(f"query: {error}", hint=f"prefixes to declare: {declare}", field="query") from error


def in_time(solutions: Iterable[T], timeout: float) -> Iterator[T]:
    """Yield solutions until it is too late.

    Raises
    ------
    InvalidError
        When it is.
    """
    until = time.monotonic() + timeout
    try:
        for n, row in enumerate(solutions):
            if time.monotonic() > until:
                raise _late(timeout, f"{n} solutions")
            yield row
    finally:
        del solutions  # pyoxigraph lets go of it in this thread alone, so no error may carry it into another


def _late(timeout: float, there: str) -> InvalidError:
    return InvalidError(
        f"query: not answered after {timeout:g} s, with {there}",
        hint="join its parts by what they share, add LIMIT, or give timeout=",
        field="query",
    )


def _beyond(sparql: str) -> str:
    """Return why an empty store cannot answer a query either: then it is not the store that is damaged."""
    import pyoxigraph

    try:
        pyoxigraph.Store().query(sparql)
    except RuntimeError as error:
        return str(error)
    return ""


def plain(sparql: str) -> str:
    """Return a query with its escapes undone: SPARQL lets any letter be written as one."""
    return _ESCAPE.sub(lambda found: chr(int(found[0][2:], 16)), sparql)


def refuse_service(sparql: str) -> None:
    """Refuse SERVICE, which asks another machine.

    The word is refused wherever it stands: whether it is the keyword is known to the store's parser alone.

    Raises
    ------
    InvalidError
        When it is there.
    """
    if "service" in plain(sparql).casefold():
        raise InvalidError(
            "query: SERVICE would ask another machine",
            hint="ask this data set alone; to find the word in a text, write it as a pattern: REGEX(?x, 'serv[i]ce')",
            field="query",
        )


def python(term: Any) -> Any:
    """Return what a term stands for: an IRI or text as text, a literal as its value."""
    datatype = getattr(term, "datatype", None)
    if datatype is None or datatype.value == _TEXT:
        return None if term is None else term.value
    if datatype.value == _DOUBLE:
        return float(term.value)
    from rdflib import Literal

    value = Literal(term.value, datatype=datatype.value).toPython()
    return str(value) if isinstance(value, Literal) else value
