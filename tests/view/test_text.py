"""Tables, reports and progress as text."""

import io

import numpy as np

import cuds
from cuds.wrapper.contract import Progress


def test_a_table_is_markdown_with_numbers_to_the_right() -> None:
    drawn = cuds.table([("C11", "169.88", "GPa"), ("K", "1.5", "GPa")], columns=("", "value", "unit"))
    assert drawn.splitlines() == [
        "|     |  value | unit |",
        "|-----|--------|------|",
        "| C11 | 169.88 | GPa  |",
        "| K   |    1.5 | GPa  |",
    ]


def test_a_report_names_numbers_units_and_labels() -> None:
    data = cuds.DataSet(
        cuds.Stress(value=(np.arange(6.0), "GPa"), label="at the hole"),
        cuds.ElasticTensor.cubic("169.9 GPa", "122.6 GPa", "76.2 GPa"),
        label="two",
    )
    text = cuds.report(data)
    assert "data set two: 2 entities" in text
    assert "xx 0, yy 1, zz 2, yz 3, xz 4, xy 5 GPa" in text
    assert "at the hole" in text
    assert "C11 169.90" in text


def test_progress_in_a_log_is_a_line_now_and_then() -> None:
    log = io.StringIO()
    with cuds.progress_bar(log) as bar:
        for n in range(1001):
            bar(Progress(n, 1000, "steps", "running"))
    assert log.getvalue().splitlines() == ["running: 0 of 1000 steps", "running: 1000 of 1000 steps"]


def test_progress_on_a_terminal_is_a_bar() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    with cuds.progress_bar(screen) as bar:
        bar(Progress(1, 2, "stages", "assembling"))
        bar(Progress(2, 2, "stages", "solved"))
        bar(Progress(3, 0, "iterations", "solving"))
    assert "solved" in screen.getvalue()
    assert "2/2" in screen.getvalue()
