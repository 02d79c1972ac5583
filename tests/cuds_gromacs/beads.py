"""A coarse-grained liquid: beads of four waters each, ions, and chains of four, in a reaction field."""

import numpy as np

import cuds

KINDS = {"W": (0.0, 5.0), "C": (0.0, 3.5), "QP": (1.0, 5.0), "QM": (-1.0, 5.0)}  # charges, and wells in kJ/mol
SPACING = 0.4925  # nm between beads, for 8.37 in a cubic nanometre


def beads(edge: int) -> tuple[cuds.ParticleSystem, cuds.Potential]:
    """Return edge^3 beads on a grid, moved a little: a quarter of them in chains, a twentieth charged.

    They are cut off at 1.1 nm: Lennard-Jones shifted, charges in a medium of permittivity 15 and a conductor beyond.
    """
    grid = SPACING * np.array(list(np.ndindex(edge, edge, edge)), dtype=np.float64)
    count, random = len(grid), np.random.default_rng(5)
    chains = 1 + np.arange(4 * (count // 16)).reshape(-1, 4)
    species = np.zeros(count, dtype=np.int64)
    species[: chains.size] = 1
    ions = chains.size + random.permutation(count - chains.size)[: 2 * (count // 40)]
    species[ions] = 2 + np.arange(len(ions)) % 2
    bonds = np.concatenate([chains[:, i : i + 2] for i in range(3)])
    angles = np.concatenate([chains[:, i : i + 3] for i in range(2)])
    groups = (
        cuds.bonded("HarmonicBond", bonds, k="1250 kJ/mol/nm**2", r0="0.47 nm"),
        cuds.bonded("CosineSquaredAngle", angles, k="25 kJ/mol", theta0="180 degree"),
    )
    charges, wells = np.array(list(KINDS.values())).T
    system = cuds.ParticleSystem(
        positions=(grid + random.normal(scale=0.01, size=grid.shape), "nm"), species=species,
        kinds=tuple(cuds.Species(symbol=name, mass="72 Da") for name in KINDS),
        charges=(charges[species], "e"), cell=(SPACING * edge * np.eye(3), "nm"), pbc=(True,) * 3,
        topology=cuds.Topology(exclusions=bonds, groups=groups),
    )  # fmt: skip
    numbers = {
        name: {"epsilon": (well, "kJ/mol"), "sigma": (0.47, "nm")} for name, well in zip(KINDS, wells, strict=True)
    }
    near = cuds.mixed("LennardJones", numbers, rule="Geometric", cutoff="1.1 nm", truncation="ShiftedCutoff")
    return system, near + cuds.coulomb(KINDS, cutoff="1.1 nm", dielectric=np.inf, permittivity=15.0)
