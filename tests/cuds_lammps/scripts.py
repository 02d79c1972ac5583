"""Small molecules as scripts of LAMMPS with their data files, and what plain LAMMPS says of them."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np

KCAL = 4.184  # kJ
BONDS = [(0, 1), (1, 2), (2, 3), (3, 4), (1, 5), (2, 6), (6, 7)]
PLACES = np.array([
    [0, 0, 0], [1.4, 0.6, 0.1], [2.6, -0.3, 0.3], [3.9, 0.5, 0.2], [5.1, -0.4, 0.6], [1.5, 1.5, 1.3], [2.5, -1.4, -0.8],
    [3.5, -2.5, -0.6],
])  # fmt: skip


@dataclass
class Molecules:
    """Chains with branches, of two types of atom, in a box."""

    rng: np.random.Generator
    count: int = 2
    box: float = 26.0
    tilt: tuple[float, float, float] | None = None
    charge: float = 0.4
    x: np.ndarray = field(init=False)
    q: np.ndarray = field(init=False)
    ids: np.ndarray = field(init=False)
    images: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        rng, n = self.rng, 8 * self.count
        apart = np.repeat(np.arange(self.count), 8)[:, None] * np.array([1.0, 5.0, 3.0])
        self.x = np.tile(PLACES, (self.count, 1)) + apart + rng.normal(0, 0.06, (n, 3)) + self.box - 4
        q = rng.uniform(-self.charge, self.charge, n)
        self.q = q - q.mean()
        self.ids = rng.permutation(n) * 3 + 2
        self.images = np.zeros((n, 3), dtype=int)
        xy, xz, yz = self.tilt or (0.0, 0.0, 0.0)
        self.cell = np.array([[self.box, 0, 0], [xy, self.box, 0], [xz, yz, self.box]])
        self.images = np.floor(self.x @ np.linalg.inv(self.cell)).astype(int)

    @property
    def types(self) -> np.ndarray:
        return np.tile([1, 1, 1, 2, 2, 2, 1, 2], self.count)

    def terms(self) -> dict[str, list[tuple[int, ...]]]:
        """Bonds, angles, dihedrals, and impropers: places of atoms, counted from 0."""
        near: dict[int, list[int]] = {i: [] for i in range(8)}
        for a, b in BONDS:
            near[a].append(b)
            near[b].append(a)
        angles = [(a, m, b) for m, ns in near.items() for a, b in combinations(ns, 2)]
        torsions = [(a, b, c, d) for b, c in BONDS for a in near[b] if a != c for d in near[c] if d not in (a, b)]
        impropers = [(m, *ns[:3]) for m, ns in near.items() if len(ns) == 3]
        one = {"Bonds": BONDS, "Angles": angles, "Dihedrals": torsions, "Impropers": impropers}
        return {k: [tuple(8 * m + i for i in t) for m in range(self.count) for t in ts] for k, ts in one.items()}

    def data(
        self, types: Mapping[str, int], sections: str = "", masses: str = "1 12.011\n2 1.008", extra: int = 0
    ) -> str:
        """A data file for ``atom_style full``; of each kind so many types, in turn."""
        found = {k: t for k, t in self.terms().items() if types.get(k)}
        lines = ["a title, 7 atoms of it", "", f"{len(self.x)} atoms", f"{2 + extra} atom types"]
        lines += [f"{len(t)} {k.lower()}\n{types[k]} {k.lower()[:-1]} types" for k, t in found.items()]
        lines += [f"0.0 {self.box} {a}lo {a}hi" for a in "xyz"]
        lines += [" ".join(map(repr, self.tilt)) + " xy xz yz"] if self.tilt else []
        lines += ["", "Masses", "", masses, "", sections, "Atoms # full", ""]
        inside = self.x - self.images @ self.cell
        for i, (x, n) in enumerate(zip(inside.tolist(), self.images.tolist(), strict=True)):
            numbers = " ".join(map(repr, [self.q.tolist()[i], *x, *n]))
            lines.append(f"{self.ids[i]} {i // 8 + 1} {self.types[i]} {numbers}")
        for kind, terms in found.items():
            lines += ["", kind, ""]
            lines += [
                f"{i + 1} {i % types[kind] + 1} {' '.join(str(self.ids[a]) for a in t)}" for i, t in enumerate(terms)
            ]
        return "\n".join(lines) + "\n"


ASKED = """
thermo_style custom step pe ebond eangle edihed eimp evdwl ecoul elong
thermo_modify norm no
run 0
print "SAID $(pe:%.17g) $(ebond:%.17g) $(eangle:%.17g) $(edihed:%.17g) $(eimp:%.17g) $(evdwl:%.17g) &
$(ecoul+elong:%.17g)"
write_dump all custom forces.txt id fx fy fz modify sort id format float %.17g
"""
NAMES = ("total", "bond", "angle", "dihedral", "improper", "vdw", "coulomb")


def plain(script: Path, unit: float = KCAL, more: str = ASKED) -> tuple[dict[str, float], np.ndarray]:
    """What LAMMPS itself says of a script: energies in kJ/mol, forces in kJ/mol/nm in the order of ids."""
    asking = script.with_name("asked.txt")
    asking.write_text(script.read_text() + more)
    command = [str(Path(sys.prefix) / "bin" / "lmp"), "-in", asking.name, "-log", "none", "-nocite"]
    done = subprocess.run(command, cwd=script.parent, capture_output=True, text=True, timeout=300, check=False)
    said = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("SAID ")]
    assert said, done.stdout[-2000:]
    rows = np.loadtxt(script.with_name("forces.txt"), skiprows=9, ndmin=2)
    return {n: float(v) * unit for n, v in zip(NAMES, said[0], strict=True)}, rows[:, 1:] * unit * 10
