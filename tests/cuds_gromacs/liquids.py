"""Small liquids to move: SPC/E water, flexible and rigid, and argon."""

from typing import Any

import numpy as np

import cuds

ANGLE = np.deg2rad(109.47)


def water(
    edge: int = 4, *, rigid: bool, cutoff: float = 0.55, accuracy: float = 1e-5
) -> tuple[cuds.ParticleSystem, cuds.Potential]:
    """Return molecules on a grid, each turned as chance has it, and what acts between them."""
    count, random = edge**3, np.random.default_rng(3)
    half = ANGLE / 2
    one = 0.1 * np.array([[0, 0, 0], [np.sin(half), np.cos(half), 0], [-np.sin(half), np.cos(half), 0]])
    turns = np.linalg.qr(random.normal(size=(count, 3, 3)))[0]
    turns *= np.sign(np.linalg.det(turns))[:, None, None]
    grid = 0.3106 * np.stack(np.meshgrid(*[np.arange(edge)] * 3, indexing="ij"), axis=-1).reshape(-1, 1, 3) + 0.05
    x = (grid + one @ turns.transpose(0, 2, 1)).reshape(-1, 3)
    o = 3 * np.arange(count) + 1
    sides = np.concatenate([np.stack([o, o + 1], axis=1), np.stack([o, o + 2], axis=1)])
    pairs = np.concatenate([sides, np.stack([o + 1, o + 2], axis=1)])
    lengths = np.repeat([0.1, 0.2 * np.sin(half)], [2 * count, count])
    bonds = cuds.bonded("HarmonicBond", sides, k="345000 kJ/mol/nm**2", r0="0.1 nm")
    angles = cuds.bonded(
        "HarmonicAngle", np.stack([o + 1, o, o + 2], axis=1), k="383 kJ/mol/radian**2", theta0="109.47 degree"
    )
    held: dict[str, Any] = {"constrained": pairs, "lengths": (lengths, "nm")} if rigid else {"groups": (bonds, angles)}
    system = cuds.ParticleSystem(
        positions=(x, "nm"),
        species=np.tile([0, 1, 1], count),
        kinds=(
            cuds.Species(symbol="OW", atomic_number=8, mass="15.9994 Da"),
            cuds.Species(symbol="HW", atomic_number=1, mass="1.008 Da"),
        ),
        charges=(np.tile([-0.8476, 0.4238, 0.4238], count), "e"),
        cell=(0.3106 * edge * np.eye(3), "nm"),
        pbc=(True,) * 3,
        topology=cuds.Topology(exclusions=pairs, **held),
    )
    numbers = {
        "OW": {"epsilon": "0.650194 kJ/mol", "sigma": "0.316557 nm"},
        "HW": {"epsilon": "0 kJ/mol", "sigma": "0.1 nm"},
    }
    near = cuds.mixed("LennardJones", numbers, rule="Geometric", cutoff=f"{cutoff} nm", truncation="ShiftedCutoff")
    return system, near + cuds.coulomb(["OW", "HW"], cutoff=f"{cutoff} nm", accuracy=accuracy)


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
