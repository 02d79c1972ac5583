"""Templates of updates, and data, as their words say them."""

import pyoxigraph as ox

from cuds.semantics.tokens import tokens
from cuds.semantics.updates import Operation


def data(operation: Operation) -> set[ox.Quad]:
    """Return what INSERT DATA or DELETE DATA names; blank nodes are new ones."""
    scratch = ox.Store()
    scratch.update(f"{operation.prologue}INSERT DATA {{{operation.insert}{operation.delete}}}")
    return set(scratch)


def variables(template: str) -> list[str]:
    """Return the variables of a template, each once."""
    return list(dict.fromkeys(t.text[1:] for t in tokens(template) if t.kind == "variable"))


def makes_blanks(template: str) -> bool:
    """Whether a template makes blank nodes, new ones for each solution."""
    return any(t.text in ("[", "(") or t.text.startswith("_:") for t in tokens(template) if t.kind in ("sign", "word"))


def head(operation: Operation) -> str:
    """Return what stands in front of the templates of an operation, and goes for them."""
    return f"{operation.prologue}WITH <{operation.within}> " if operation.within else operation.prologue
