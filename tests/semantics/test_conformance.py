"""What is wrong with a graph is said in plain words, by the shapes of the classes that occur in it."""

from collections.abc import Callable

import pytest
from rdflib import Graph

from cuds.semantics.conformance import complaints, shapes_of
from tests.codecs.test_graphs import Told
from tests.semantics.test_shapes import FAULTS, conforms, copper
from tests.stories import STORIES

SAID = {
    "unit_as_text": "#positions: hasUnit is 'angstrom': not a node of the graph",
    "no_positions": ": positions is missing",
    "number_as_text": "#kinds/0: atomicNumber is '29': not of the type that it must be",
    "no_unit": "#positions: hasUnit is missing",
    "two_units": "#positions: hasUnit is said more than once",
    "wrong_kind_of_array": ": positions is <",
    "location_as_text": "#positions: location is 'here': not of the type",
    "no_content": ": content is missing",
}


@pytest.mark.parametrize("told", [copper, *STORIES])
def test_nothing_is_wrong_with_what_lifting_makes(told: Told) -> None:
    assert complaints(told().graph()) == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.__name__)
def test_a_fault_is_said_in_plain_words(fault: Callable[[Graph], None]) -> None:
    graph = copper().graph()
    fault(graph)
    found = complaints(graph)
    assert not conforms(graph)
    assert any(SAID[fault.__name__] in line for line in found), found


@pytest.mark.parametrize("told", STORIES)
def test_only_shapes_of_what_occurs_are_asked(told: Told) -> None:
    """And they find what all of them find: a class without a shape there is one that does not occur."""
    graph = told().graph()
    for triple in sorted(graph)[:: len(graph) // 12]:
        graph.remove(triple)
        assert (complaints(graph) == []) == conforms(graph)
        graph.add(triple)
    assert len(shapes_of(copper().graph())) < len(shapes_of(graph)) < 1500
