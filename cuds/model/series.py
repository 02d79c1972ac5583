"""Quantities of a whole system over time, and what their means are worth.

References
----------
Sokal, Monte Carlo methods in statistical mechanics: foundations and new algorithms, in: Functional Integration (1997);
Wolff, Comput. Phys. Commun. 156, 143 (2004); Flyvbjerg and Petersen, J. Chem. Phys. 91, 461 (1989).
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field as Option, model_validator

from cuds import iris
from cuds.arrays import FloatArray, IntArray
from cuds.errors import InvalidError, ShapeError, UnitError, UnknownError, did_you_mean
from cuds.model.entity import Component, Entity, Term
from cuds.registry import service
from cuds.units import Quantity, fitting_units, quantity, reference_unit

# Ontology class of what is sampled: its quantity kind, the shape of one value, and what it is called.
SAMPLED: dict[str, tuple[str, tuple[int, ...], str]] = {
    "Temperature": ("ThermodynamicTemperature", (), "temperature"),
    "PotentialEnergy": ("Energy", (), "potential_energy"),
    "KineticEnergy": ("Energy", (), "kinetic_energy"),
    "TotalEnergy": ("Energy", (), "total_energy"),
    "ConservedEnergy": ("Energy", (), "conserved_energy"),
    "HydrostaticPressure": ("Stress", (), "pressure"),
    "Stress": ("Stress", (6,), "stress"),
    "CellVolume": ("Volume", (), "volume"),
    "CellVectors": ("Length", (3, 3), "cell"),
}
_WINDOW = 6.0  # the sum of correlations is cut at so many correlation times (Sokal 1997)
_BLOCKS = 16  # the means of fewer say too little
_FEW = 50.0  # shorter than so many correlation times, an error is only a lower bound


class Series(Component):
    """One quantity of a time series.

    Parameters
    ----------
    name : str
        What people call it, like ``"temperature"``.
    quantity : str
        The ontology class of its values, like ``"Temperature"``.
    values : Quantity (n_samples, ...)
        A row for each sample; stress in Voigt order, positive in tension.
    """

    name: Annotated[str, Term(iris.name)] = Option(min_length=1)
    quantity: Annotated[str, Term(iris.quantity)]
    values: Annotated[Quantity, Term(iris.values, shape=("n_samples", "..."), means="SeriesValues")]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.quantity not in SAMPLED:
            raise UnknownError(
                f"quantity: {self.quantity!r} is not known",
                hint=did_you_mean(self.quantity, SAMPLED),
                field="quantity",
            )
        kind, one, _ = SAMPLED[self.quantity]
        fitting = fitting_units(reference_unit(kind))
        if self.values.unit not in fitting:
            raise UnitError(
                f"values: {self.values.unit!r} is no unit of {self.quantity}",
                hint=f"give it in {', '.join(fitting)}",
                field="values",
            )
        if self.values.shape[1:] != one:
            raise ShapeError(
                f"values: the shape is {self.values.shape}", hint=f"it must be (n, *{one})", field="values"
            )
        return self

    @property
    def quantity_kind(self) -> str:
        """The quantity kind of the values."""
        return SAMPLED[self.quantity][0]


@dataclass(frozen=True)
class Mean:
    """A mean over time, with its standard error.

    Parameters
    ----------
    value, error : Quantity
        The error is corrected for the correlation of successive samples.
    correlation_time : Quantity
        The integrated autocorrelation time of the slowest component.
    samples : int
        How many samples were taken.
    effective : float
        How many independent ones they are worth.
    """

    value: Quantity
    error: Quantity
    correlation_time: Quantity
    samples: int
    effective: float

    @property
    def reliable(self) -> bool:
        """Whether the series is long enough, 50 correlation times, for its error to be more than a lower bound."""
        return self.effective > _FEW / 2

    def __repr__(self) -> str:
        note = "" if self.reliable else "; too short: the error is a lower bound"
        if self.value.shape:
            return f"Mean({self.value!r} ± {self.error!r}{note})"
        unit = "" if self.value.unit == "1" else f" {self.value.unit}"
        value, error = self.value.value, self.error.value
        decimals = max(0, 1 - math.floor(math.log10(error))) if error > 0 else 6
        shown = f"{value:.{decimals}f} ± {error:.{decimals}f}" if decimals < 10 else f"{value:.10g} ± {error:.2g}"
        return f"{shown}{unit} ({self.effective:.0f} independent samples{note})"


@dataclass(frozen=True)
class Sampled:
    """One quantity with its times: what ``series["temperature"]`` gives.

    Parameters
    ----------
    name : str
        Of the quantity.
    times : Quantity (n,)
        When the samples were taken.
    values : Quantity (n, ...)
        The samples.
    """

    name: str
    times: Quantity
    values: Quantity

    def between(self, after: Any = None, before: Any = None) -> "Sampled":
        """Return the samples of a span of time, its ends included.

        Raises
        ------
        InvalidError
            When none is left.
        """
        t, wanted = self.times.value, np.ones(len(self.times), dtype=bool)
        slack = 1e-9 * float(np.abs(t).max(initial=0.0))
        if after is not None:
            wanted &= t >= quantity(after, "Time", "after").in_unit(self.times.unit) - slack
        if before is not None:
            wanted &= t <= quantity(before, "Time", "before").in_unit(self.times.unit) + slack
        if not wanted.any():
            raise InvalidError(
                f"{self.name}: no sample after {after} and before {before}",
                hint=f"there are samples from {t.min():.6g} to {t.max():.6g} {self.times.unit}" if len(t) else "none",
                field="after",
            )
        return Sampled(self.name, self.times[wanted], self.values[wanted])

    def mean(self, after: Any = None, before: Any = None) -> Mean:
        """Return the mean, with a standard error that is corrected for correlation.

        Parameters
        ----------
        after, before : Quantity, optional
            The span of time; what lies before equilibrium is left out with `after`.
        """
        part = self.between(after, before)
        x = np.asarray(part.values.value, dtype=np.float64)
        columns = x.reshape(len(x), -1)
        tau = np.array([correlation_time(c) for c in columns.T])
        error = np.sqrt(columns.var(axis=0, ddof=1 if len(x) > 1 else 0) * np.maximum(2 * tau, 1.0) / len(x))
        unit, slowest = self.values.unit, float(tau.max())
        step = float(np.diff(part.times.value).mean()) if len(x) > 1 else 0.0
        value, shown = x.mean(axis=0), error.reshape(x.shape[1:])
        return Mean(
            Quantity(_plain(value), unit),
            Quantity(_plain(shown), unit),
            Quantity(slowest * step, self.times.unit),
            len(x),
            len(x) / max(1.0, 2 * slowest),
        )

    def plot(self, path: Any = None, **more: Any) -> Any:
        """Draw the samples over time, each unit on its axis; return where the picture is."""
        return service("series.plot")(self, path, **more)

    def __len__(self) -> int:
        return len(self.times)

    def __repr__(self) -> str:
        return f"Sampled({self.name}: {len(self)} samples over {span(self.times)})"


def _plain(value: Any) -> Any:
    array = np.asarray(value)
    array.flags.writeable = False
    return array if array.ndim else float(array)


def correlation_time(values: FloatArray) -> float:
    """Return the integrated autocorrelation time of a series in samples; 1/2 where they are independent.

    The sum of correlations is cut where its window is six times what it gives (Sokal 1997). Where something fast
    oscillates, that is too early for what is slow: means of blocks (Flyvbjerg and Petersen 1989) count when they
    differ by more, beyond twice their own error.
    """
    x = np.asarray(values, dtype=np.float64) - np.mean(values)
    n = len(x)
    if n < 2 or not x.any():
        return 0.5
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(x, size)
    correlation = np.fft.irfft(spectrum * np.conj(spectrum), size)[:n]
    tau = np.cumsum(correlation / correlation[0]) - 0.5
    window = np.flatnonzero(np.arange(n) >= _WINDOW * tau)
    return _of_blocks(x, float(max(0.5, tau[window[0] if len(window) else n - 1])))


def _of_blocks(x: FloatArray, tau: float) -> float:
    """Return the correlation time that the means of ever longer blocks show, where it is surely longer than `tau`."""
    variance, length, longest = x.var(), 1, tau
    while len(x) // length >= _BLOCKS:
        blocks = len(x) // length
        means = x[: blocks * length].reshape(blocks, length).mean(axis=1)
        found = 0.5 * length * means.var(ddof=1) / variance
        if found * (1 - 2 * math.sqrt(2 / (blocks - 1))) > tau:
            longest = max(longest, found)
        length *= 2
    return float(longest)


class TimeSeries(Entity):
    """Quantities of a whole system, sampled at the same times.

    Parameters
    ----------
    times : Quantity (n_samples,)
        Counted from the start of the run.
    steps : int array (n_samples,)
        The same in time steps.
    series : tuple of Series
        The quantities.
    """

    times: Annotated[Quantity, Term(iris.times, "Time", ("n_samples",), means="SampleTimes")]
    steps: Annotated[IntArray, Term(iris.steps, shape=("n_samples",), dtype="int64", means="StepNumbers")]
    series: Annotated[tuple[Series, ...], Term(iris.series)] = ()

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        names = [s.name for s in self.series]
        if len(set(names)) != len(names):
            raise InvalidError(f"series: a name occurs twice in {', '.join(names)}", hint="name each once")
        for s in self.series:
            if len(s.values) != len(self.times):
                raise ShapeError(
                    f"series: {s.name} has {len(s.values)} samples, there are {len(self.times)} times",
                    hint="one value a time",
                    field="series",
                )
        return self

    @classmethod
    def of(cls, times: Quantity, steps: Any, values: dict[str, Quantity], **fields: Any) -> "TimeSeries":
        """Return the series of quantities given by their ontology classes."""
        series = tuple(Series(name=SAMPLED[q][2], quantity=q, values=v) for q, v in values.items())
        return cls(times=times, steps=steps, series=series, **fields)

    def __getitem__(self, name: str) -> Sampled:
        """Return one quantity with its times, by its name or its ontology class."""
        for s in self.series:
            if name in (s.name, s.quantity):
                return Sampled(s.name, self.times, s.values)
        raise UnknownError(f"no series {name!r}", hint=did_you_mean(name, self.names), name=name)

    @property
    def names(self) -> list[str]:
        """What the quantities are called."""
        return [s.name for s in self.series]

    def __len__(self) -> int:
        return len(self.times)

    def __add__(self, other: "TimeSeries") -> "TimeSeries":
        """Return both, one after the other; they must be of the same quantities."""
        if not len(self):
            return other
        joined = {s.quantity: _joined(s.values, other[s.name].values) for s in self.series}
        return TimeSeries.of(_joined(self.times, other.times), np.concatenate([self.steps, other.steps]), joined)

    def __repr__(self) -> str:
        return f"TimeSeries({len(self)} samples over {span(self.times)}: {', '.join(self.names)})"


def span(times: Quantity) -> str:
    """Return how long times last, for people."""
    if not times.value.size:
        return "no time"
    return f"{float(times.value.max()) - float(times.value.min()):.6g} {times.unit}"


def _joined(one: Quantity, other: Quantity) -> Quantity:
    return Quantity(np.concatenate([one.value, other.in_unit(one.unit)]), one.unit)
