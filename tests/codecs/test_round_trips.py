"""Data sets through files: everything of them comes back from HDF5, and their graph from every syntax."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from rdflib import Graph

import cuds
from tests.stories import STORIES, data_sets, difference

Told = Callable[[], cuds.DataSet]


@pytest.mark.parametrize("told", STORIES)
def test_a_whole_story_comes_back_from_its_file(told: Told, tmp_path: Path) -> None:
    story = told()
    assert difference(story, cuds.read(story.save(tmp_path / "story.h5md"))) == ""


@given(data_sets())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_anything_comes_back_from_its_file(tmp_path: Path, data: cuds.DataSet) -> None:
    assert difference(data, cuds.read(data.save(tmp_path / "any.h5md"))) == ""


@pytest.mark.parametrize("ending", ["ttl", "nt", "rdf"])
@pytest.mark.parametrize("told", STORIES)
def test_the_graph_of_a_story_is_the_same_in_every_syntax(told: Told, ending: str, tmp_path: Path) -> None:
    """JSON-LD is read by another library, in tests/semantics/test_shapes.py."""
    story = told()
    assert set(Graph().parse(cuds.write(story, tmp_path / f"story.{ending}"))) == set(story.graph())
