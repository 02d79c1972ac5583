"""Names and IRIs of what a store keeps.

A name that is an IRI of a scheme in which things are named stands for itself; any other is quoted behind
``urn:cuds:dataset:``. Each name has one IRI, and each IRI that names anything has one name.
"""

import re
from functools import lru_cache
from urllib.parse import quote, unquote

from cuds.errors import InvalidError
from cuds.model.dataset import DataSet
from cuds.model.entity import Entity

IRI = "urn:cuds:dataset:"
DEFAULT = "urn:cuds:default"  # the default graph of updates: kept, but never listed
_SCHEMES = re.compile(r"(?:https?|urn|tag|info|did|ark):.", re.IGNORECASE)
_NO_IRI = re.compile(r"[\x00-\x20<>\"{}|\\^`]|%(?![0-9A-Fa-f]{2})")
_LONGEST = 200  # bytes of a name as part of a path


def iri(name: str) -> str:
    """Return the IRI of what bears a name, and of its graph."""
    return name if _is_iri(name) else IRI + quote(name, safe="")


@lru_cache(4096)
def name_of(graph: str) -> str:
    """Return the name of what has an IRI."""
    return unquote(graph.removeprefix(IRI)) if graph.startswith(IRI) else graph


def called(name: str) -> str:
    """Return a name as it is kept: one that is given as the IRI of a data set is unquoted.

    Raises
    ------
    InvalidError
        When there is none, or one that no file can bear.
    """
    plain = name_of(name)
    if not plain:
        raise InvalidError("name: there is none", hint="give name=", field="name")
    try:
        length = len(quote(plain, safe=""))
    except UnicodeEncodeError as error:
        raise InvalidError(f"name: {plain!r} is no text: {error}", hint="remove the lone surrogates") from None
    if length > _LONGEST:
        raise InvalidError(
            f"name: {plain[:40]!r}... is too long: {length} bytes", hint=f"at most {_LONGEST} fit", field="name"
        )
    return plain


def graph_name(graph: str) -> str:
    """Return the name of the graph that an IRI names.

    Raises
    ------
    InvalidError
        When no graph can be kept under it.
    """
    name = called(graph) if graph else graph
    if iri(name) != graph:
        raise InvalidError(
            f"graph: <{graph}> names no graph here",
            hint=f"<{iri(name)}> does; schemes of graphs are http, https, urn, tag, info, did, ark",
            field="graph",
        )
    return name


def named(data: DataSet | Entity, name: str) -> tuple[DataSet, str]:
    """Return what is to be kept as a data set, and its name.

    Raises
    ------
    InvalidError
        When there is no name, or one that no file can bear.
    """
    whole = data if isinstance(data, DataSet) else DataSet(data, label=data.label)
    chosen = name or whole.label
    if not chosen:
        raise InvalidError("name: the data set has no label", hint="give name=", field="name")
    kept = called(chosen)
    if kept == DEFAULT:
        raise InvalidError(f"name: {DEFAULT} is the default graph, and no data set", hint="name it otherwise")
    return whole, kept


def _is_iri(name: str) -> bool:
    """Whether a name is an IRI that stands for itself."""
    if not _SCHEMES.match(name) or name.startswith(IRI) or _NO_IRI.search(name):
        return False
    import pyoxigraph

    try:
        pyoxigraph.NamedNode(name)
    except ValueError:
        return False
    return True
