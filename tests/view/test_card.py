"""What notebooks and terminals show: every entity, with its shapes, units and classes, and no array read for it."""

import io
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import rich
from hypothesis import given

import cuds
from cuds.view.card import card
from tests.stories import STORIES, data_sets


class Balance(HTMLParser):
    """Checks that each tag is closed in turn, and keeps the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def drawn(what: object) -> str:
    into = io.StringIO()
    rich.print(what, file=into)
    return into.getvalue()


def atoms(n: int = 1000) -> cuds.ParticleSystem:
    return cuds.ParticleSystem(
        positions=(np.zeros((n, 3)), "nm"),
        species=[0] * n,
        kinds=[cuds.Species(symbol="Cu", mass="63.5 Da")],
        cell=(np.eye(3), "nm"),
        label="copper <b>",
    )


def test_shape_unit_and_class_are_told() -> None:
    lines = {line[0]: line[1:] for line in card(atoms()).lines}
    assert lines["positions"] == ("float64", "(1000, 3)", "nm", "Position")
    assert lines["cell"][1:3] == ("(3, 3)", "nm")
    assert lines["species"][:2] == ("int64", "(1000,)")
    assert lines["kinds"][3] == "1 of Species"
    assert "velocities" not in lines
    (value,) = card(cuds.PotentialEnergy(value="-1.5 eV")).lines
    assert value == ("value", "-1.5", "", "eV", "EnergyValue")


def test_text_is_no_markup() -> None:
    shown = Balance(atoms()._repr_html_())
    assert "ParticleSystem copper <b>" in shown.texts
    assert "[red]x[/red]" in drawn(cuds.Density(value="1 g/cm^3", label="[red]x[/red]"))


@pytest.mark.parametrize("told", STORIES)
def test_every_entity_of_a_story_is_shown(told: Callable[[], cuds.DataSet]) -> None:
    for what in (told(), *told().closure()):
        name = type(what).__name__
        assert name in Balance(what._repr_html_()).texts[0]
        assert name in drawn(what)
    run = next((e for e in told() if e.provenance is not None), None)
    assert run is None or any(f"by {run.provenance.engine}" in t for t in Balance(run._repr_html_()).texts)


@given(data_sets())
def test_anything_is_shown(data: cuds.DataSet) -> None:
    for what in (data, *data.closure()):
        Balance(what._repr_html_())
        assert drawn(what)


def test_showing_reads_no_array(tmp_path: Path) -> None:
    """Where the numbers in the file are replaced by others that would be shown."""
    path = cuds.DataSet(atoms(100_000)).save(tmp_path / "x.h5md")
    found = cuds.read(path)[cuds.ParticleSystem]
    before = found._repr_html_()
    content = path.read_bytes()
    path.write_bytes(bytes(len(content)))
    assert found._repr_html_() == before
    assert found.digest == atoms(100_000).digest
