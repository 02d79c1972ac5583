"""Boxes of a three-site water, SPC/E, rigid or flexible."""

import numpy as np

import cuds

OXYGEN = cuds.Species(symbol="OW", atomic_number=8, mass="15.9994 Da")
HYDROGEN = cuds.Species(symbol="HW", atomic_number=1, mass="1.008 Da")
HALF = np.radians(109.47) / 2
PLACES = np.array([[0, 0, 0], [np.sin(HALF), np.cos(HALF), 0], [-np.sin(HALF), np.cos(HALF), 0]])
SIDES = {(0, 1): 1.0, (0, 2): 1.0, (1, 2): 2 * float(np.sin(HALF))}  # rows in a molecule, and Å between them
SPACING = 3.1043  # Å between molecules, for 1 g/cm3


def waters(repeat: int, *, rigid: bool = True, seed: int = 0, density: float = 1.0) -> cuds.ParticleSystem:
    """Molecules on a cubic grid, turned anyhow, some of them across the boundary; the density in g/cm3."""
    spacing = SPACING / density ** (1 / 3)
    rng, count = np.random.default_rng(seed), repeat**3
    turns = np.linalg.qr(rng.normal(size=(count, 3, 3)))[0]
    x = PLACES @ turns + np.array(list(np.ndindex(repeat, repeat, repeat)))[:, None] * spacing + 0.3
    ids = np.arange(1, 3 * count + 1).reshape(count, 3)
    return cuds.ParticleSystem(
        ids=ids.ravel(), positions=(x.reshape(-1, 3), "angstrom"), species=np.tile([0, 1, 1], count),
        kinds=(OXYGEN, HYDROGEN), charges=(np.tile([-0.8476, 0.4238, 0.4238], count), "e"),
        cell=(np.eye(3) * repeat * spacing, "angstrom"), pbc=(True,) * 3, topology=bound(ids, rigid=rigid),
    )  # fmt: skip


def bound(ids: np.ndarray, *, rigid: bool) -> cuds.Topology:
    """What holds together molecules whose atoms have the ids (n, 3), the oxygen first."""
    pairs = np.concatenate([ids[:, list(side)] for side in SIDES])
    if rigid:
        lengths = np.repeat(list(SIDES.values()), len(ids))
        return cuds.Topology(exclusions=pairs, constrained=pairs, lengths=(lengths, "angstrom"))
    bonds = cuds.bonded("HarmonicBond", pairs[: 2 * len(ids)], k="345000 kJ/mol/nm**2", r0="1 angstrom")
    angles = cuds.bonded("HarmonicAngle", ids[:, [1, 0, 2]], k="383 kJ/mol/radian**2", theta0="109.47 degree")
    return cuds.Topology(exclusions=pairs, groups=(bonds, angles))


def spce(
    cutoff: str = "0.6 nm", *, ewald: bool = True, truncation: str = "ShiftedCutoff", accuracy: float = 1e-6
) -> cuds.Potential:
    """SPC/E (Berendsen, Grigera and Straatsma 1987); hydrogens have charges only."""
    atoms = {
        "OW": {"epsilon": "0.650194 kJ/mol", "sigma": "0.316557 nm"},
        "HW": {"epsilon": "0 kJ/mol", "sigma": "1 nm"},
    }
    charges = cuds.coulomb(["OW", "HW"], cutoff=cutoff, accuracy=accuracy if ewald else None)
    return cuds.mixed("LennardJones", atoms, rule="Geometric", cutoff=cutoff, truncation=truncation) + charges


def off(frames: cuds.Trajectory) -> np.ndarray:
    """By what part of its length the worst distance within a molecule is off, in each frame; paths are not wrapped."""
    x = frames.positions.in_unit("angstrom")
    x = x.reshape(len(x), -1, 3, 3)
    found = [np.abs(np.linalg.norm(x[:, :, i] - x[:, :, j], axis=2) / side - 1) for (i, j), side in SIDES.items()]
    return np.max(found, axis=(0, 2))
