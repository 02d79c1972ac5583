"""Pictures of how times grow: SVG files in the folder that CUDS_FIGURES names, or in one that goes with the test."""

import os
from collections.abc import Mapping
from pathlib import Path


def drawn(curves: Mapping[str, Mapping[int, float]], across: str, path: Path) -> Path:
    """Draw times in ms against a size, both by powers of ten; a dashed line is what grows in proportion.

    Parameters
    ----------
    curves : mapping of str to mapping of int to float
        Milliseconds by size, by name.
    across : str
        What the size is.
    path : Path
        Whose name the file bears, and where it goes if CUDS_FIGURES says nothing.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "cuds"  # the same picture is the same file
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for name, points in curves.items():
        axes.loglog(list(points), list(points.values()), marker="o", label=name)
    sizes = sorted({size for points in curves.values() for size in points})
    top = max(points[size] for points in curves.values() for size in points)
    axes.loglog(sizes, [top * size / sizes[-1] for size in sizes], "k--", linewidth=0.8, label="in proportion")
    axes.set(xlabel=across, ylabel="ms")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize="small")
    target = Path(os.environ.get("CUDS_FIGURES", path.parent)) / path.name
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)
    return target
