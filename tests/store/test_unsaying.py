"""Triples leave a graph, and what all graphs say together, whatever their terms are."""

from pathlib import Path

import pyoxigraph as ox
import pytest
from hypothesis import given, strategies as st

from cuds.store.unsaying import UNION, unsay

Place = ox.NamedNode | ox.BlankNode

NODES = [ox.NamedNode(f"urn:node:{i}") for i in range(3)]
BLANKS = [ox.BlankNode(f"b{i}") for i in range(2)]
PLACES: list[Place] = [
    ox.NamedNode("urn:graph:1"),
    ox.NamedNode("https://example.org/a(b)'c;,#$"),
    ox.BlankNode("default"),
]
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
literals = st.one_of(
    st.builds(ox.Literal, texts),
    st.builds(lambda text: ox.Literal(text, language="de"), texts),
    st.builds(lambda text: ox.Literal(text, datatype=ox.NamedNode("urn:type")), texts),
    st.sampled_from([ox.Literal(1), ox.Literal('\n\r\t"\\\0\x1f')]),
)
triples = st.builds(
    ox.Triple, st.sampled_from(NODES + BLANKS), st.sampled_from(NODES), st.sampled_from(NODES + BLANKS) | literals
)


def stored(said: dict[Place, set[ox.Triple]]) -> set[ox.Quad]:
    """What a store holds when each graph says something: that, and all of it together."""
    placed = {(t, place) for place, several in said.items() for t in several}
    return {ox.Quad(t.subject, t.predicate, t.object, g) for t, place in placed for g in (place, UNION)}


@given(st.lists(st.sets(triples, max_size=6), min_size=3, max_size=3), st.data())
def test_only_what_is_gone_is_gone(several: list[set[ox.Triple]], data: st.DataObject) -> None:
    said: dict[Place, set[ox.Triple]] = dict(zip(PLACES, several, strict=True))
    place = data.draw(st.sampled_from(PLACES))
    gone = data.draw(st.sets(st.sampled_from(sorted(said[place], key=str)))) if said[place] else set()
    store = ox.Store()
    store.extend(stored(said))
    unsay(store, gone, place)
    assert set(store) == stored({**said, place: said[place] - gone})


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *[(text, "double") for text in ("NaN", "INF", "-0.0", "1e400")],
        *[("NaN", "float"), ("1.50", "decimal"), ("1", "boolean"), ("01", "integer"), ("9" * 30, "integer")],
        *[("2026-01-01T00:00:00+00:00", "dateTime"), ("P1D", "dayTimeDuration"), ("x", "integer")],
        *[(text, "string") for text in ("\\u00e9", '{"a": "\\u00e9"}', "\\", "\u0085\u2028\ufffe")],
    ],
)
def test_what_two_graphs_say_stays_until_both_are_gone(tmp_path: Path, text: str, kind: str) -> None:
    """Whatever a store makes of how a value is written; and no text is an escape of SPARQL."""
    value = ox.Literal(text, datatype=ox.NamedNode(f"http://www.w3.org/2001/XMLSchema#{kind}"))
    first, second = PLACES[:2]
    store = ox.Store(str(tmp_path / "store"))
    store.extend(ox.Quad(NODES[0], NODES[1], value, place) for place in (first, second, UNION))
    for place, left in ((first, {second, UNION}), (second, set[Place]())):
        unsay(store, [quad.triple for quad in store.quads_for_pattern(None, None, None, place)], place)
        assert {quad.graph_name for quad in store} == left


@pytest.mark.parametrize("n", [0, 1, 1001])
def test_many_leave_a_store_on_the_disk(tmp_path: Path, n: int) -> None:
    several = [ox.Triple(NODES[0], NODES[1], ox.Literal(i)) for i in range(n)]
    said: dict[Place, set[ox.Triple]] = {PLACES[0]: set(several), PLACES[1]: set(several[::2])}
    store = ox.Store(str(tmp_path / "store"))
    store.extend(stored(said))
    unsay(store, several, PLACES[0])
    assert set(store) == stored({**said, PLACES[0]: set()})
