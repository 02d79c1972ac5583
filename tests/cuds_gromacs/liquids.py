"""Small liquids to move: SPC/E water, flexible and rigid, and argon."""

import numpy as np

import cuds
from tests.waters import spce, waters


def water(*, rigid: bool, cutoff: float = 0.55) -> tuple[cuds.ParticleSystem, cuds.Potential]:
    """Return 64 molecules on a grid, each turned as chance has it, and what acts between them."""
    return waters(4, rigid=rigid, seed=3), spce(f"{cutoff} nm")


def argon(edge: int = 5) -> tuple[cuds.ParticleSystem, cuds.Potential]:
    """Return atoms of a dense liquid, and what acts between them."""
    grid = np.stack(np.meshgrid(*[np.arange(edge)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    x = 0.37 * (grid + 0.3) + np.random.default_rng(1).normal(scale=0.01, size=grid.shape)
    system = cuds.ParticleSystem(
        positions=(x, "nm"),
        species=np.zeros(len(x), dtype=int),
        kinds=(cuds.Species(symbol="Ar", atomic_number=18, mass="39.948 Da"),),
        cell=(0.37 * edge * np.eye(3), "nm"),
        pbc=(True,) * 3,
    )
    return system, cuds.pair(
        "LennardJones",
        "Ar",
        "Ar",
        epsilon="0.996 kJ/mol",
        sigma="0.3405 nm",
        cutoff="0.75 nm",
        truncation="ShiftedCutoff",
    )
