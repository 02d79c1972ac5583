"""SPARQL 1.1 updates, operation by operation.

The store of triples says whether a text is an update; here it is only taken apart.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import pyoxigraph as ox

from cuds.errors import CudsError, InvalidError, UnsupportedError
from cuds.semantics.clauses import iris
from cuds.semantics.tokens import Token, declarations, tokens
from cuds.semantics.triples import PREFIXES

ALL, NAMED, DEFAULT = "ALL", "NAMED", "DEFAULT"
_PLACE = re.compile(r"at (\d+):(\d+)")
_GRAPHS = ("CLEAR", "DROP", "CREATE", "COPY", "MOVE", "ADD")
_OPENING, _CLOSING = "([{<", ")]}>"
_DEEPEST = 200  # brackets
_ONE, _MOST = 10_000, 10**8  # characters that one operation counts for beside its prefixes, and all of them


@dataclass(frozen=True)
class Operation:
    """One operation.

    Parameters
    ----------
    kind : str
        ``INSERT DATA``, ``DELETE DATA``, ``CLEAR``, ``DROP``, ``CREATE``, ``COPY``, ``MOVE``, ``ADD`` or ``MODIFY``.
    prologue : str
        The prefixes that are declared before it.
    delete, insert : str
        Templates, or data, without their braces.
    where : str
        The pattern, with its braces.
    within : str
        The IRI that WITH names.
    using, using_named : tuple of str
        The IRIs that USING and USING NAMED name.
    chosen : bool
        Whether any USING is there.
    graphs : tuple of str
        The IRIs that a graph is cleared, dropped, made, or copied from and to by; or ``DEFAULT``, ``NAMED``, ``ALL``.
    silent : bool
        Whether failing is no error.
    """

    kind: str
    prologue: str = ""
    delete: str = ""
    insert: str = ""
    where: str = ""
    within: str = ""
    using: tuple[str, ...] = ()
    using_named: tuple[str, ...] = ()
    graphs: tuple[str, ...] = ()
    silent: bool = False

    @property
    def chooses(self) -> bool:
        """Whether it says itself what is asked."""
        return bool(self.within or self.using or self.using_named)


def readable_here(update: str) -> None:
    """Raise when an update that begins with ``DROP GRAPH <urn:x>`` cannot be read; none of it is done."""
    with suppress(RuntimeError):  # there is no such graph to drop
        ox.Store().update(update)


def operations(sparql: str, read: Callable[[str], None] = readable_here) -> list[Operation]:
    """Return the operations of an update.

    Parameters
    ----------
    sparql : str
        The update.
    read : callable
        Raises SyntaxError or ValueError when an update cannot be read, and does none of it. It is not asked of INSERT
        DATA and what else is no more than a list.

    Raises
    ------
    InvalidError
        When it cannot be read, or asks for more than is done at once.
    UnsupportedError
        When it would fetch something: LOAD, SERVICE.
    """
    listed = list(tokens(sparql))
    for before, token in zip([None, *listed], listed, strict=False):
        if token.says("LOAD", "SERVICE") and not (before is not None and before.text == "@"):
            raise UnsupportedError(
                f"update: {token.text.upper()} would fetch from elsewhere",
                hint="give the triples themselves: INSERT DATA",
                field="update",
            )
    found, prologue, parts, spent = [], "", list(_apart(listed)), 0
    for n, part in enumerate(parts):
        declared, rest = declarations(part)
        prologue += declared
        spent += _ONE + len(prologue)
        if spent > _MOST:
            raise _unreadable(f"{len(parts)} operations are too many at once")
        _read(sparql, prologue, rest, read)
        if rest:
            found.append(replace(_Reader(sparql, rest, prologue).operation(), prologue=prologue))
        elif n < len(parts) - 1:
            raise _unreadable("there is nothing before ;")
    _refuse_shared(found)
    return found


def _apart(listed: Sequence[Token]) -> Iterator[list[Token]]:
    """Yield what stands between semicolons that are in no braces."""
    part: list[Token] = []
    for token in listed:
        if token.text == ";" and token.depth == 0:
            yield part
            part = []
        else:
            part.append(token)
    yield part


def _read(sparql: str, prologue: str, rest: list[Token], read: Callable[[str], None]) -> None:
    """Have the store of triples say whether one operation can be read; it does none of it."""
    first, last = (rest[0].start, rest[-1].end) if rest else (0, 0)
    try:
        how = readable_here if _is_list(rest) else read
        how(f"{prologue}DROP GRAPH <urn:x>" + (f" ;\n{sparql[first:last]}" if rest else ""))
    except CudsError:
        raise
    except (SyntaxError, ValueError) as error:
        before, column = sparql.count("\n", 0, first), first - sparql.rfind("\n", 0, first) - 1

        def moved(found: re.Match[str]) -> str:
            line, at = int(found[1]), int(found[2])
            return found[0] if line < 2 else f"at {before + line - 1}:{at + column * (line == 2)}"

        raise _unreadable(_PLACE.sub(moved, str(error), count=1)) from None


def _is_list(rest: Sequence[Token]) -> bool:
    """Whether an operation names no more than triples and graphs, and not so deeply nested that who reads it falls."""
    data = len(rest) > 1 and rest[0].says("INSERT", "DELETE") and rest[1].says("DATA")
    if rest and not data and not rest[0].says(*_GRAPHS):
        return False
    signs = (token.text for token in rest if token.kind == "sign")
    if max(accumulate((sign in _OPENING) - (sign in _CLOSING) for sign in signs), default=0) > _DEEPEST:
        raise _unreadable(f"it is nested more than {_DEEPEST} deep")
    return True


def _unreadable(said: str) -> InvalidError:
    declare = " ".join(f"PREFIX {p}: <{n}>" for p, n in PREFIXES.items())
    return InvalidError(f"update: {said}", hint=f"prefixes to declare: {declare}", field="update")


def _refuse_shared(found: Sequence[Operation]) -> None:
    """Refuse a blank node that two operations insert: it would be two."""
    seen: set[str] = set()
    for operation in found:
        blanks = {t.text for t in tokens(operation.insert) if t.text.startswith("_:")}
        if operation.kind == "INSERT DATA" and blanks & seen:
            raise _unreadable(f"the blank node {min(blanks & seen)} stands in two operations")
        seen |= blanks if operation.kind == "INSERT DATA" else set()


@dataclass
class _Reader:
    """Reads one operation that is known to be one."""

    text: str
    tokens: Sequence[Token]
    declared: str
    at: int = 0

    def peek(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def next(self) -> Token:
        self.at += 1
        return self.tokens[self.at - 1]

    def takes(self, *words: str) -> bool:
        """Whether the next is a keyword; then it is passed."""
        token = self.peek()
        found = token is not None and token.says(*words)
        self.at += found
        return found

    def braced(self) -> str:
        """Return what stands in the braces that begin here."""
        begin = self.next()
        assert begin.text == "{", begin
        while (end := self.next()).text != "}" or end.depth != begin.depth or end.kind != "sign":
            pass
        return self.text[begin.end : end.start]

    def iri(self) -> str:
        """Return the IRI that stands here, in full."""
        token = self.next()
        return iris(self.declared, [token])[token.text]

    def graph(self) -> str:
        """Return the IRI that GRAPH names, or a keyword in its place."""
        for word in (ALL, NAMED, DEFAULT):
            if self.takes(word):
                return word
        self.takes("GRAPH")
        return self.iri()

    def operation(self) -> Operation:
        token = self.next()
        kind = token.text.upper()
        if kind in _GRAPHS:
            silent, first = self.takes("SILENT"), self.graph()
            second = (self.graph(),) if kind in ("COPY", "MOVE", "ADD") and self.takes("TO") else ()
            return Operation(kind, graphs=(first, *second), silent=silent)
        if self.takes("DATA"):
            inside = self.braced()
            made = Operation(f"{kind} DATA")
            return replace(made, delete=inside) if kind == "DELETE" else replace(made, insert=inside)
        if self.takes("WHERE"):
            inside = self.braced()
            return Operation("MODIFY", delete=inside, where=f"{{{inside}}}")
        self.at -= 1
        return self.modify()

    def modify(self) -> Operation:
        found = Operation("MODIFY")
        if self.takes("WITH"):
            found = replace(found, within=self.iri())
        if self.takes("DELETE"):
            found = replace(found, delete=self.braced())
        if self.takes("INSERT"):
            found = replace(found, insert=self.braced())
        while self.takes("USING"):
            if self.takes("NAMED"):
                found = replace(found, using_named=(*found.using_named, self.iri()))
            else:
                found = replace(found, using=(*found.using, self.iri()))
        self.takes("WHERE")
        return replace(found, where=f"{{{self.braced()}}}")


def named_in(operation: Operation) -> frozenset[str] | None:
    """Return the IRIs of the graphs that a WHERE names; None where it may ask any."""
    listed = list(tokens(operation.where))
    places = [after for word, after in pairwise(listed) if word.says("GRAPH")]
    if not all(place.kind in ("iri", "word") for place in places):
        return None
    try:
        return frozenset(iris(operation.prologue, places).values())
    except InvalidError:
        return None
