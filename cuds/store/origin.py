"""What an entity was made from: found by following what it refers to, its run, and what that run used."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyoxigraph as ox

from cuds import iris
from cuds.errors import InvalidError
from cuds.model.entity import Entity
from cuds.store.index import Index

_PROV = "http://www.w3.org/ns/prov#"
_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
_MATERIAL = ox.NamedNode(iris.CUDS + "Material")
_FIRST = (_PROV + "wasGeneratedBy", iris.used)  # where an answer lies as a rule
ORIGINS = ("material", "used", "engine")


@dataclass(frozen=True)
class Origin:
    """Something that an entity may come from.

    Parameters
    ----------
    said : frozenset of (property, text)
        Any of these says that a node is it.
    labelled : bool
        Whether a material of such a label is it too.
    """

    said: frozenset[tuple[str, str]]
    labelled: str = ""

    @classmethod
    def of(cls, name: str, value: Any) -> "Origin":
        """Return what a condition means.

        Raises
        ------
        InvalidError
            When it is neither text nor an entity.
        """
        if isinstance(value, Entity):
            return cls(frozenset({(iris.usedDigest, value.digest), (iris.checksum, f"sha256:{value.digest}")}))
        if not isinstance(value, str) or not value:
            raise InvalidError(f"{name}: {value!r} is no text", hint="give text, or an entity", field=name)
        if name == "engine":
            return cls(frozenset({(iris.engineName, value)}))
        if name == "material":
            return cls(frozenset({(iris.formula, value)}), labelled=value)
        digest = value.removeprefix("sha256:")
        texts = {(p, value) for p in (iris.LABEL, iris.fileName, iris.usedEntity)}
        return cls(frozenset({*texts, (iris.usedDigest, digest), (iris.checksum, f"sha256:{digest}")}))

    def is_behind(self, index: Index, node: str) -> bool:
        """Whether it can be reached from a node."""
        waiting, seen = [ox.NamedNode(node)], {node}
        while waiting:
            quads = list(index.said(waiting.pop()))
            if self._meets(quads):
                return True
            near = sorted(_followed(quads), key=lambda q: q.predicate.value in _FIRST)  # the last one is taken first
            for quad in near:
                if quad.object.value not in seen:
                    seen.add(quad.object.value)
                    waiting.append(quad.object)
        return False

    def reached(self, index: Index) -> set[str]:
        """Return every node from which it can be reached."""
        waiting = list(self._seeds(index))
        seen = {node.value for node in waiting}
        while waiting:
            for quad in index.sayers(waiting.pop()):
                if quad.subject.value not in seen:
                    seen.add(quad.subject.value)
                    waiting.append(quad.subject)
        return seen

    def _meets(self, quads: list[Any]) -> bool:
        if any((q.predicate.value, q.object.value) in self.said for q in quads):
            return True
        labels = self.labelled and any(
            (q.predicate.value, q.object.value) == (iris.LABEL, self.labelled) for q in quads
        )
        return bool(labels) and any(q.object == _MATERIAL for q in quads)

    def _seeds(self, index: Index) -> Iterator[Any]:
        for predicate, text in self.said:
            yield from index.bearing(predicate, text)
        for node in index.bearing(iris.LABEL, self.labelled) if self.labelled else ():
            if self._meets(list(index.said(node))):
                yield node


def _followed(quads: list[Any]) -> list[Any]:
    return [q for q in quads if isinstance(q.object, ox.NamedNode) and q.predicate.value != _TYPE]
