"""Two tiers of the same tests: reduced counts for every change, the full ones with CUDS_DEEP=1."""

import datetime
import os
from collections import defaultdict
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


def pytest_configure(config: pytest.Config) -> None:
    """Every process has the turn of the first: that of the day, or one that is to be repeated."""
    config.addinivalue_line("markers", "turns(n): at every change one case of n is tried, every day another")
    os.environ.setdefault("CUDS_TURN", str(datetime.date.today().toordinal() % 840))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of cases that take turns leave those whose turn it is, and begin with what may take longest."""
    if not DEEP and not any("::" in word for word in config.args):
        left_out = _left_out(items, int(os.environ["CUDS_TURN"]))
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=list(left_out))
    marks = ((item, item.get_closest_marker("timeout")) for item in items)
    patience = {item: mark.args[0] for item, mark in marks if mark is not None}
    items.sort(key=lambda item: -patience.get(item, 0))


def _left_out(items: list[pytest.Item], turn: int) -> set[pytest.Item]:
    """Return the cases whose turn it is not; the others say how many they are, and of which turn."""
    cases = defaultdict[str, list[pytest.Item]](list)
    for item in items:
        if item.get_closest_marker("turns"):
            cases[item.nodeid.partition("[")[0]].append(item)
    left_out = set[pytest.Item]()
    for several in cases.values():
        mark = several[0].get_closest_marker("turns")
        assert mark is not None
        n = min(mark.args[0], len(several))
        tried = several[turn % n :: n]
        left_out |= set(several) - set(tried)
        for item in tried:
            item.user_properties.append(("reduced", f"one of {len(tried)} of {len(several)}, CUDS_TURN={turn}"))
    return left_out


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which counts were reduced; the reports carry them here from whatever process ran the test."""
    reports = [r for rs in terminalreporter.stats.values() for r in rs if getattr(r, "when", "") == "call"]
    lines = [f"{r.nodeid}: {how}" for r in reports for name, how in r.user_properties if name == "reduced"]
    if lines:
        terminalreporter.section("reduced counts (scripts/test --deep runs them in full)")
        for line in sorted(lines):
            terminalreporter.write_line(line)
