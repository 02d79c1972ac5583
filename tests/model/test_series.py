"""What a mean over time is worth: against processes whose correlation time is known."""

import math
import re
from collections.abc import Callable

import numpy as np
import pytest
from scipy import signal

import cuds
from cuds.errors import CudsError, InvalidError, ShapeError, UnitError, UnknownError
from cuds.model.series import Series, correlation_time

Count = Callable[[int, int], int]


def autoregressive(n: int, phi: float, rng: np.random.Generator) -> np.ndarray:
    """x_t = phi x_(t-1) + noise, of variance 1; its integrated correlation time is (1 + phi) / (1 - phi) / 2."""
    x, noise = np.empty(n), rng.normal(size=n) * math.sqrt(1 - phi**2)
    x[0] = rng.normal()
    for t in range(1, n):
        x[t] = phi * x[t - 1] + noise[t]
    return x


def series(values: np.ndarray, unit: str = "K", quantity: str = "Temperature") -> cuds.TimeSeries:
    n = len(values)
    times = cuds.Quantity(np.arange(n) * 0.5, "ps")
    return cuds.TimeSeries.of(times, np.arange(n), {quantity: cuds.Quantity(values, unit)})


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9, 0.98])
def test_the_correlation_time_is_that_of_the_process(phi: float) -> None:
    rng = np.random.default_rng(1)
    found = np.mean([correlation_time(autoregressive(20_000, phi, rng)) for _ in range(10)])
    assert found == pytest.approx(0.5 * (1 + phi) / (1 - phi), rel=0.1)


def test_the_error_is_the_spread_of_means(count: Count) -> None:
    """Of many independent runs the means are off by as much as each says of itself."""
    rng = np.random.default_rng(2)
    pulls = []
    for _ in range(count(100, 1000)):
        mean = series(autoregressive(4000, 0.9, rng))["temperature"].mean()
        assert mean.reliable
        pulls.append(mean.value.value / mean.error.value)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.2)
    assert abs(np.mean(pulls)) < 0.4


def test_what_is_slow_is_not_hidden_by_what_oscillates(count: Count) -> None:
    """Beside a fast oscillation, whose correlations soon add up to nothing, something small that takes its time."""
    rng, pulls = np.random.default_rng(6), []
    for _ in range(count(100, 1000)):
        noise = rng.normal(size=22_000)
        fast = np.asarray(signal.lfilter([1], [1, -2 * 0.97 * math.cos(0.6), 0.97**2], noise))[2000:]
        slow = np.asarray(signal.lfilter([math.sqrt(1 - 0.995**2)], [1, -0.995], rng.normal(size=22_000)))[2000:]
        mean = series(fast / fast.std() + 0.3 * slow)["temperature"].mean()
        pulls.append(mean.value.value / mean.error.value)
    assert np.std(pulls) == pytest.approx(1.2, abs=0.3), "where its window alone is taken it is 5.7"


def test_a_short_series_says_so() -> None:
    mean = series(autoregressive(300, 0.98, np.random.default_rng(3)))["temperature"].mean()
    assert not mean.reliable
    assert "lower bound" in repr(mean)


def test_a_mean_is_taken_after_a_time_and_shown_to_its_error() -> None:
    values = np.concatenate([np.full(100, 1000.0), 300 + np.random.default_rng(4).normal(size=900)])
    mean = series(values)["temperature"].mean(after=(50, "ps"))
    assert mean.samples == 900
    assert mean.value.in_unit("K") == pytest.approx(300, abs=0.2)
    assert re.fullmatch(r"\d{3}\.\d{2,3} ± 0\.0\d{1,2} K \(\d+ independent samples\)", repr(mean)), repr(mean)
    assert series(values)["temperature"].mean(after="50 ps", before="60 ps").samples == 21


def test_components_have_errors_of_their_own() -> None:
    rng = np.random.default_rng(5)
    stress = rng.normal(size=(2000, 6)) * np.arange(1, 7)
    found = series(stress, "GPa", "Stress")["stress"].mean()
    np.testing.assert_allclose(found.error.value, np.arange(1, 7) / math.sqrt(2000), rtol=0.2)


def test_series_that_do_not_fit_are_refused() -> None:
    good = series(np.zeros(3))
    wrong: list[tuple[type[CudsError], Callable[[], object]]] = [
        (UnknownError, lambda: good["temprature"]),
        (InvalidError, lambda: good["temperature"].mean(after=(1, "ns"))),
        (UnitError, lambda: good["temperature"].mean(after=1)),
        (UnitError, lambda: series(np.zeros(3), unit="GPa")),
        (ShapeError, lambda: series(np.zeros((3, 2)))),
        (UnknownError, lambda: Series(name="x", quantity="Temperatur", values=cuds.Quantity(np.zeros(3), "K"))),
        (ShapeError, lambda: good.replace(times=(np.zeros(2), "ps"), steps=np.arange(2))),
    ]
    for error, call in wrong:
        with pytest.raises(error) as caught:
            call()
        assert caught.value.hint


def test_series_are_joined_in_one_unit() -> None:
    both = series(np.ones(2), "eV", "PotentialEnergy") + series(np.ones(2), "kJ/mol", "PotentialEnergy")
    values = both["potential_energy"].values
    assert values.unit == "eV"
    np.testing.assert_allclose(values.value, [1, 1, 0.01036427, 0.01036427], rtol=1e-6)
