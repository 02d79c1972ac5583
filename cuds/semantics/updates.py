"""SPARQL 1.1 updates, operation by operation.

The store of triples says whether a text is an update; here it is only taken apart.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pyoxigraph as ox

from cuds.errors import InvalidError, UnsupportedError
from cuds.semantics.tokens import Token, tokens
from cuds.semantics.triples import PREFIXES

ALL, NAMED, DEFAULT = "ALL", "NAMED", "DEFAULT"
_PLACE = re.compile(r"at (\d+):(\d+)")
_SOMETHING = "<urn:x> <urn:x> <urn:x>"


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


def operations(sparql: str) -> list[Operation]:
    """Return the operations of an update.

    Raises
    ------
    InvalidError
        When it cannot be read.
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
    found, prologue, parts = [], "", list(_apart(listed))
    for n, part in enumerate(parts):
        declared, rest = _declared(part)
        prologue += declared
        _read(sparql, prologue, rest)
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


def _declared(part: list[Token]) -> tuple[str, list[Token]]:
    """Return the declarations at the beginning, and the rest."""
    at = 0
    while at < len(part) and part[at].says("BASE", "PREFIX", "VERSION"):
        at += 3 if part[at].says("PREFIX") else 2
    return "".join(f"{token.text} " for token in part[:at]), part[at:]


def _read(sparql: str, prologue: str, rest: list[Token]) -> None:
    """Have the store of triples say whether one operation can be read; it does none of it."""
    first, last = (rest[0].start, rest[-1].end) if rest else (0, 0)
    try:
        ox.Store().update(f"{prologue}DROP GRAPH <urn:x>" + (f" ;\n{sparql[first:last]}" if rest else ""))
    except (SyntaxError, ValueError) as error:
        before, column = sparql.count("\n", 0, first), first - sparql.rfind("\n", 0, first) - 1

        def moved(found: re.Match[str]) -> str:
            line, at = int(found[1]), int(found[2])
            return found[0] if line < 2 else f"at {before + line - 1}:{at + column * (line == 2)}"

        raise _unreadable(_PLACE.sub(moved, str(error), count=1)) from None
    except RuntimeError:
        pass  # there is no such graph to drop


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
        scratch = ox.Store()
        scratch.update(f"{self.declared}INSERT DATA {{ GRAPH {token.text} {{ {_SOMETHING} }} }}")
        return str(next(iter(scratch.named_graphs())).value)

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
        if kind in ("CLEAR", "DROP", "CREATE", "COPY", "MOVE", "ADD"):
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
