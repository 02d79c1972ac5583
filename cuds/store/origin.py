"""What an entity was made from: found by following what it refers to, its run, and what that run used."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyoxigraph as ox

from cuds import iris
from cuds.errors import InvalidError
from cuds.model.entity import Entity
from cuds.store.index import Index

_PROV = "http://www.w3.org/ns/prov#"
_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
_MATERIAL = ox.NamedNode(iris.CUDS + "Material")
_FIRST = (_PROV + "wasGeneratedBy", iris.used)  # the way to most answers: it is tried before any other
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

    def behind(self, index: Index, nodes: set[str]) -> set[str]:
        """Return those of some nodes from which it can be reached.

        Where few are to be traced back that is done, each on its own; else it is traced forth, all at once.
        """
        seeds = list(self._seeds(index) if index.far else islice(self._seeds(index), len(nodes)))
        if index.far or len(seeds) < len(nodes):
            return nodes & self._reached(index, seeds)
        near, barren = self._near(index, nodes), set[str]()
        return near | {node for node in nodes - near if self._is_behind(index, node, barren)}

    def _near(self, index: Index, nodes: set[str]) -> set[str]:
        """Return those of some nodes that come from it by the way to most answers."""
        made, used = _FIRST
        values = " ".join(f"<{node}>" for node in nodes)
        said = " || ".join(
            f"EXISTS {{ {node} <{predicate}> {ox.Literal(text)} }}"
            for predicate, text in sorted(self.said)
            for node in ("?r", "?u")
        )
        query = (
            f"SELECT DISTINCT ?x WHERE {{ VALUES ?x {{ {values} }} ?x <{made}> ?r . ?r <{used}> ?u FILTER({said}) }}"
        )
        return {row["x"] for row in index.solved(query)}

    def _is_behind(self, index: Index, node: str, barren: set[str]) -> bool:
        """Whether it can be reached from a node; where a search came in vain is added to `barren`."""
        waiting, seen = [ox.NamedNode(node)], {node}
        while waiting:
            quads = list(index.said(waiting.pop()))
            if self._meets(quads):
                return True
            for quad in _followed(quads):
                if quad.object.value not in seen and quad.object.value not in barren:
                    seen.add(quad.object.value)
                    waiting.append(quad.object)
        barren |= seen
        return False

    def _reached(self, index: Index, seeds: list[Any]) -> set[str]:
        """Return every node from which it can be reached."""
        newest = {node.value: node for node in seeds}
        seen = set(newest)
        while newest:
            found = {node.value: node for node in index.sayers(newest.values())}
            newest = {value: node for value, node in found.items() if value not in seen}
            seen |= newest.keys()
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
