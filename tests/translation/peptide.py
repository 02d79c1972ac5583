"""A peptide in an extended strand, built from bond lengths and angles: heavy atoms, hydrogens are left to pdb2gmx.

Geometry after Engh and Huber, Acta Crystallographica A 47 (1991) 392, in Å and degrees.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
SEQUENCE = ("TRP", "LYS", "ASP", "SER", "PHE", "MET", "GLY", "ALA")

# Atom; the three that its length, angle and torsion count from, nearest last; these three.
_SIDES = {
    "GLY": (),
    "ALA": (),
    "SER": (("OG", "N CA CB", 1.417, 110.8, 60),),
    "ASP": (("CG", "N CA CB", 1.516, 112.6, -60), ("OD1", "CA CB CG", 1.249, 118.4, 10),
            ("OD2", "CA CB CG", 1.249, 118.4, -170)),
    "LYS": (("CG", "N CA CB", 1.520, 114.1, -70), ("CD", "CA CB CG", 1.520, 111.3, 175),
            ("CE", "CB CG CD", 1.520, 111.3, -170), ("NZ", "CG CD CE", 1.489, 111.9, 178)),
    "MET": (("CG", "N CA CB", 1.520, 114.1, -65), ("SD", "CA CB CG", 1.803, 112.7, 172),
            ("CE", "CB CG SD", 1.791, 100.9, 75)),
    "PHE": (("CG", "N CA CB", 1.502, 113.8, -62), ("CD1", "CA CB CG", 1.384, 120.7, 85),
            ("CD2", "CA CB CG", 1.384, 120.7, -95), ("CE1", "CB CG CD1", 1.382, 120.7, 179),
            ("CE2", "CB CG CD2", 1.382, 120.7, -179), ("CZ", "CG CD1 CE1", 1.382, 120.0, 1)),
    "TRP": (("CG", "N CA CB", 1.498, 113.6, -66), ("CD1", "CA CB CG", 1.365, 126.9, 95),
            ("CD2", "CA CB CG", 1.433, 126.8, -85), ("NE1", "CB CG CD1", 1.374, 110.2, 179),
            ("CE2", "CB CG CD2", 1.409, 107.2, -179), ("CE3", "CB CG CD2", 1.398, 133.9, 1),
            ("CZ2", "CG CD2 CE2", 1.394, 122.4, 179), ("CZ3", "CG CD2 CE3", 1.382, 118.6, -179),
            ("CH2", "CD2 CE2 CZ2", 1.368, 117.5, 1)),
}  # fmt: skip


def placed(a: Floats, b: Floats, c: Floats, length: float, angle: float, torsion: float) -> Floats:
    """Return the place of an atom: its distance from c, its angle at c to b, its torsion about b-c to a."""
    theta, phi = np.radians([angle, torsion])
    along = (c - b) / np.linalg.norm(c - b)
    normal = np.cross(b - a, along)
    normal /= np.linalg.norm(normal)
    frame = np.stack([along, np.cross(normal, along), normal])
    local = length * np.array([-np.cos(theta), np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi)])
    found: Floats = c + local @ frame
    return found


def residues() -> list[tuple[str, dict[str, Floats]]]:
    """Return the atoms of each residue by name."""
    n, ca, c = np.zeros(3), np.array([1.458, 0, 0]), np.array([2.009, 1.42, 0])
    found = []
    for name in SEQUENCE:
        atoms = {"N": n, "CA": ca, "C": c}
        if name != "GLY":
            atoms["CB"] = placed(c, n, ca, 1.530, 110.5, -122.5)
        for atom, from_, *geometry in _SIDES[name]:
            atoms[atom] = placed(*(atoms[x] for x in from_.split()), *geometry)
        following = placed(n, ca, c, 1.329, 116.2, 140)
        atoms["O"] = placed(n, ca, c, 1.231, 120.8, 140 - 180)
        found.append((name, atoms))
        n, before = following, c
        ca = placed(found[-1][1]["CA"], before, n, 1.458, 121.7, 178)
        c = placed(before, n, ca, 1.525, 111.2, -135)
    return found


def write_pdb(path: Path) -> Path:
    """Write the peptide to a PDB file."""
    lines, number = [], 0
    for count, (name, atoms) in enumerate(residues(), start=1):
        for atom, x in atoms.items():
            number += 1
            where = "".join(f"{v:8.3f}" for v in x)
            lines.append(f"ATOM  {number:5d}  {atom:<3s} {name} A{count:4d}    {where}  1.00  0.00           {atom[0]}")
    path.write_text("\n".join([*lines, "TER", "END"]) + "\n")
    return path
