"""Two tiers of the same tests: reduced counts for every change, the full ones with CUDS_DEEP=1."""

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

os.environ["CUDS_CACHE"] = "off"  # tests test the engines; those of the cache have one of their own
DEEP = bool(os.environ.get("CUDS_DEEP"))

_slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("every-change", max_examples=25, derandomize=True, deadline=None, suppress_health_check=_slow)
settings.register_profile("deep", max_examples=500, deadline=None, suppress_health_check=_slow)
settings.load_profile("deep" if DEEP else "every-change")


@pytest.fixture
def count(request: pytest.FixtureRequest) -> Callable[[int, int], int]:
    """Return a function (reduced, full) -> the count of this tier; a reduced one is printed at the end."""

    def chosen(reduced: int, full: int) -> int:
        if not DEEP and reduced < full:
            request.node.user_properties.append(("reduced", f"{reduced} of {full}"))
        return full if DEEP else reduced

    return chosen


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with those that may take longest, so that nobody waits for them at the end."""
    marks = ((item, item.get_closest_marker("timeout")) for item in items)
    patience = {item: mark.args[0] for item, mark in marks if mark is not None}
    items.sort(key=lambda item: -patience.get(item, 0))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which counts were reduced; the reports carry them here from whatever process ran the test."""
    reports = [r for rs in terminalreporter.stats.values() for r in rs if getattr(r, "when", "") == "call"]
    lines = [f"{r.nodeid}: {how}" for r in reports for name, how in r.user_properties if name == "reduced"]
    if lines:
        terminalreporter.section("reduced counts (scripts/test --deep runs them in full)")
        for line in sorted(lines):
            terminalreporter.write_line(line)
