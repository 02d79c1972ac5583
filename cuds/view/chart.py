"""Charts of what was sampled over time, and of energies by volume."""

from pathlib import Path
from typing import Any

import numpy as np

from cuds.model.crystal import EquationOfState
from cuds.model.series import Sampled
from cuds.registry import require


def plot(sampled: Sampled, path: str | Path | None = None, *, after: Any = None, label: str = "") -> Any:
    """Draw samples over time, with their mean and its standard error.

    Parameters
    ----------
    sampled : Sampled
        One quantity of a time series; its components are drawn each.
    path : path, optional
        Where the picture goes (PNG, SVG, PDF); without it the figure is returned, as a notebook shows it.
    after : Quantity, optional
        From when on the mean is taken.
    label : str
        A title; the name of the quantity when not given.

    Returns
    -------
    Path or matplotlib Figure
    """
    figure, axes = _empty()
    values = sampled.values.value.reshape(len(sampled), -1)
    for i, component in enumerate(values.T):
        named = f"{i + 1}" if values.shape[1] > 1 else None
        axes.plot(sampled.times.value, component, linewidth=1, label=named)
    if values.shape[1] == 1:
        mean = sampled.mean(after=after)
        level, error = mean.value.value, mean.error.value
        axes.axhline(level, color="black", linewidth=1, label=repr(mean))
        axes.axhspan(level - error, level + error, color="black", alpha=0.15, linewidth=0)
    axes.set_xlabel(f"time [{sampled.times.unit}]")
    axes.set_ylabel(f"{sampled.name.replace('_', ' ')} [{sampled.values.unit}]")
    return _finished(figure, axes, label or sampled.name.replace("_", " "), path)


def plot_equation(equation: EquationOfState, path: str | Path | None = None, *, label: str = "") -> Any:
    """Draw the energies of a crystal and the equation fitted to them, both a particle.

    Parameters
    ----------
    equation : EquationOfState
        The equation.
    path : path, optional
        As in `plot`.
    label : str
        A title; that of the equation when not given.

    Returns
    -------
    Path or matplotlib Figure
    """
    figure, axes = _empty()
    n, volumes = equation.n_particles, equation.volumes
    between = np.linspace(volumes.value.min(), volumes.value.max(), 200)
    fitted = equation.energy_at((between, volumes.unit)).in_unit(equation.energies.unit)
    axes.plot(between / n, fitted / n, linewidth=1, color="black", label="Birch-Murnaghan")
    axes.plot(volumes.value / n, equation.energies.value / n, "o", label="computed")
    axes.set_xlabel(f"volume a particle [{volumes.unit}]")
    axes.set_ylabel(f"energy a particle [{equation.energies.unit}]")
    return _finished(figure, axes, label or equation.label or "equation of state", path)


def _empty() -> tuple[Any, Any]:
    require("matplotlib", "plot")
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(8, 4.5), layout="constrained")
    return figure, figure.subplots()


def _finished(figure: Any, axes: Any, title: str, path: str | Path | None) -> Any:
    axes.set_title(title)
    axes.legend(loc="best", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    if path is None:
        return figure
    figure.savefig(path, dpi=150)
    return Path(path)
