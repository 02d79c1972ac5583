"""Templates of updates, filled in by the store of triples itself: the solutions go into an empty one as VALUES."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import pyoxigraph as ox

from cuds.semantics.tokens import tokens
from cuds.semantics.updates import Operation

_BLANK = "urn:cuds:blank:"  # what a blank node is called while it stands in VALUES
_AT_ONCE = 1000  # solutions
Solution = tuple[Any, ...]


def data(operation: Operation) -> set[ox.Quad]:
    """Return what INSERT DATA or DELETE DATA names; blank nodes are new ones."""
    scratch = ox.Store()
    scratch.update(f"{operation.prologue}INSERT DATA {{{operation.insert}{operation.delete}}}")
    return set(scratch)


def variables(template: str) -> list[str]:
    """Return the variables of a template, each once."""
    return list(dict.fromkeys(t.text[1:] for t in tokens(template) if t.kind == "variable"))


def filled(operation: Operation, template: str, names: Sequence[str], solutions: Iterable[Solution]) -> set[ox.Quad]:
    """Return what a template says for each of some solutions; what is no triple is left out.

    Parameters
    ----------
    operation : Operation
        That it stands in.
    template : str
        Without its braces.
    names : sequence of str
        Of variables.
    solutions : iterable of tuple
        Their terms; None where there is none. Blank nodes of the template are new ones in each solution.
    """
    scratch = ox.Store()
    within = f"WITH <{operation.within}> " if operation.within else ""
    listed = " ".join(f"?{name}" for name in names)
    waiting = iter(solutions)
    while some := list(islice(waiting, _AT_ONCE)):
        rows = " ".join(f"({' '.join(map(_written, row))})" for row in some)
        scratch.update(f"{operation.prologue}{within}INSERT {{{template}}} WHERE {{ VALUES ({listed}) {{ {rows} }} }}")
    found = (_with_blanks(quad) for quad in scratch)
    return {quad for quad in found if quad is not None}


def _written(term: Any) -> str:
    if term is None:
        return "UNDEF"
    if isinstance(term, ox.BlankNode):
        return f"<{_BLANK}{term.value}>"
    if isinstance(term, ox.Triple):
        return f"<<( {_written(term.subject)} {term.predicate} {_written(term.object)} )>>"
    return str(term)


def _with_blanks(quad: ox.Quad) -> ox.Quad | None:
    """Return a quad with its blank nodes; None where one stands that cannot."""
    if any(isinstance(t, ox.NamedNode) and t.value.startswith(_BLANK) for t in (quad.predicate, quad.graph_name)):
        return None
    return ox.Quad(_blank(quad.subject), quad.predicate, _blank(quad.object), quad.graph_name)


def _blank(term: Any) -> Any:
    if isinstance(term, ox.NamedNode) and term.value.startswith(_BLANK):
        return ox.BlankNode(term.value.removeprefix(_BLANK))
    if isinstance(term, ox.Triple):
        return ox.Triple(_blank(term.subject), term.predicate, _blank(term.object))
    return term
