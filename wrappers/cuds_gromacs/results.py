"""What GROMACS wrote: energies (.edr), frames (.trr) and checkpoints (.cpt), in all their digits.

The files are XDR: big-endian numbers, in single or in double precision as the program that wrote them. A file
that ends in the middle of a frame, as one that is being written, gives the frames that are whole.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cuds.arrays import AnyArray, FloatArray, IntArray
from cuds.errors import FormatError, InvalidError, UnknownError, did_you_mean

_ENERGY_FILE, _ENERGY_FRAME = -55555, -7777777
_FRAME_MARK = -2e10  # the number a frame begins with, which tells its precision
_BLOCK_SIZES = {0: 4, 1: 4, 2: 8, 3: 8, 4: 4}  # bytes by type: int, float, double, int64, char
_BLOCK_STRING = 5
_TRAJECTORY, _TRAJECTORY_NAME = 1993, "GMX_trn_file"
_HEADER = 92  # bytes before what a frame holds, at most
_PARTS = ("ir", "e", "box", "vir", "pres", "top", "sym", "x", "v", "f")  # sizes in a .trr header, in that order
_TENSORS = ("box", "vir", "pres")
_NUMBERS = (*_TENSORS, "x", "v", "f")
_CHECKPOINT, _CHECKPOINT_END = 171817, 171819


class _CutShortError(Exception):
    """The file ends before what is read from it."""


class _Xdr:
    """Reads numbers from a buffer, one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def skip(self, size: int) -> int:
        """Step over some bytes; return where they begin."""
        start = self.at
        if size < 0 or start + size > len(self.data):
            raise _CutShortError
        self.at += size
        return start

    def take(self, form: str) -> tuple[Any, ...]:
        return struct.unpack_from(">" + form, self.data, self.skip(struct.calcsize(">" + form)))

    def whole(self) -> int:
        return int(self.take("i")[0])

    def text(self) -> str:
        length = self.whole()
        start = self.skip((length + 3) // 4 * 4)
        return self.data[start : start + length].decode("ascii", errors="replace")

    def reals(self, count: int, *, double: bool) -> FloatArray:
        start = self.skip(count * (8 if double else 4))
        with np.errstate(invalid="ignore"):  # of numbers that are none
            return np.frombuffer(self.data, ">f8" if double else ">f4", count, start).astype(np.float64)


@dataclass(frozen=True)
class Energies:
    """The rows of an .edr file, frame by frame: the values at that step, not averages.

    Attributes
    ----------
    names, units : tuple of str
        Of the rows, as GROMACS calls them.
    steps : int array (n_frames,)
    times : float array (n_frames,)
        In ps.
    values : float array (n_frames, n_rows)
        In the units of the rows.
    double : bool
        Whether the values were written in double precision.
    truncated : bool
        Whether the file ends within a frame, which is left out.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    steps: IntArray
    times: FloatArray
    values: FloatArray
    double: bool
    truncated: bool

    def __getitem__(self, name: str) -> FloatArray:
        """Return one row by its name, (n_frames,)."""
        if name not in self.names:
            raise UnknownError(f"energies: no row '{name}'", hint=did_you_mean(name, self.names), field=name)
        return np.asarray(self.values[:, self.names.index(name)])


@dataclass(frozen=True)
class _EnergyFrame:
    step: int
    time: float
    values: FloatArray


def read_energies(path: Path) -> Energies:
    """Read an .edr file of GROMACS 4.5 or later.

    Raises
    ------
    FormatError
        When it is something else.
    """
    file = _Xdr(path.read_bytes())
    try:
        names, units = _energy_names(file, path)
    except _CutShortError:
        raise FormatError(f"{path}: it ends within its list of names", hint="run it again") from None
    double = _written_in_double(file, path)
    frames, truncated = [], False
    try:
        while file.at < len(file.data):
            frames.append(_energy_frame(file, path, double, len(names)))
    except _CutShortError:
        truncated = True
    full = [f for f in frames if len(f.values)]  # one with blocks alone has no energies
    return Energies(
        tuple(names),
        tuple(units),
        np.array([f.step for f in full], dtype=np.int64),
        np.array([f.time for f in full], dtype=np.float64),
        np.array([f.values for f in full], dtype=np.float64).reshape(-1, len(names)),
        double,
        truncated,
    )


def _energy_names(file: _Xdr, path: Path) -> tuple[list[str], list[str]]:
    magic, version, count = file.take("iii")
    if magic != _ENERGY_FILE or version not in (4, 5):
        raise FormatError(f"{path}: not an energy file of GROMACS 4.5 or later", hint="give an .edr file")
    pairs = [(file.text(), file.text()) for _ in range(count)]
    return [name for name, _ in pairs], [unit for _, unit in pairs]


def _written_in_double(file: _Xdr, path: Path) -> bool:
    start = file.data[file.at : file.at + 8]
    if start[:4] == struct.pack(">f", _FRAME_MARK):
        return False
    if start == struct.pack(">d", _FRAME_MARK):
        return True
    if len(start) < 8:
        return False
    raise FormatError(f"{path}: its first frame is not one of energies", hint="the file is damaged: run it again")


def _energy_frame(file: _Xdr, path: Path, double: bool, rows: int) -> _EnergyFrame:
    _, magic, version = file.take("dii" if double else "fii")
    if magic != _ENERGY_FRAME:
        raise FormatError(f"{path}: no frame at byte {file.at}", hint="the file is damaged: run it again")
    time, step, summed, _ = file.take("dqiq")
    file.skip(8 if version >= 5 else 0)  # the time step
    count, _, blocks = file.take("iii")
    if count not in (0, rows):
        raise FormatError(f"{path}: a frame of {count} energies among {rows}", hint="the file is damaged")
    layout = [_block_layout(file) for _ in range(blocks)]
    file.skip(12)
    each = 3 if summed > 0 else 1  # the value, and what mdrun adds up between frames
    values = file.reals(count * each, double=double)[::each]
    for part, size in (p for block in layout for p in block):
        _skip_part(file, part, size)
    return _EnergyFrame(step, time, values)


def _block_layout(file: _Xdr) -> list[tuple[int, ...]]:
    _, parts = file.take("ii")
    return [file.take("ii") for _ in range(parts)]


def _skip_part(file: _Xdr, kind: int, size: int) -> None:
    if kind == _BLOCK_STRING:
        for _ in range(size):
            file.whole()  # the length once more, with the zero at the end
            file.text()
    elif kind in _BLOCK_SIZES:
        file.skip(_BLOCK_SIZES[kind] * size)
    else:
        raise FormatError(f"energies: a block of type {kind}", hint="a file of a newer GROMACS than is known here")


@dataclass(frozen=True)
class Frame:
    """A frame of a trajectory; what it does not hold is None.

    Attributes
    ----------
    step : int
    time : float
        In ps.
    coupling : float
        The parameter lambda of a free-energy calculation.
    box : float array (3, 3), optional
        Cell vectors as rows, in nm.
    positions : float array (n, 3), optional
        In nm.
    velocities : float array (n, 3), optional
        In nm/ps.
    forces : float array (n, 3), optional
        In kJ/mol/nm.
    double : bool
        Whether it was written in double precision.
    """

    step: int
    time: float
    coupling: float
    box: FloatArray | None
    positions: FloatArray | None
    velocities: FloatArray | None
    forces: FloatArray | None
    double: bool


@dataclass(frozen=True)
class _FrameHeader:
    sizes: dict[str, int]
    step: int
    time: float
    coupling: float
    double: bool
    at: int  # where what it announces begins

    @property
    def end(self) -> int:
        return self.at + sum(self.sizes.values())


class Trajectory:
    """The frames of a .trr file, each read when it is asked for.

    Parameters
    ----------
    path : Path
        Only its headers are read now; nothing stays open.

    Attributes
    ----------
    steps, times : arrays (n_frames,)
        Of all frames; times in ps.
    truncated : bool
        Whether the file ends within a frame, which is left out.

    Raises
    ------
    FormatError
        When it is no .trr file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        starts, headers = [], []
        at, size = 0, os.path.getsize(path)
        with open(path, "rb") as file:
            while at < size:
                header = _frame_header(file, at, path)
                if header is None or header.end > size:
                    break
                starts.append(at)
                headers.append((header.step, header.time))
                at = header.end
        self.truncated = at < size
        self._starts = np.array(starts, dtype=np.int64)
        self.steps: IntArray = np.array([step for step, _ in headers], dtype=np.int64)
        self.times: FloatArray = np.array([time for _, time in headers], dtype=np.float64)

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[Frame]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: int) -> Frame:
        """Return a frame; negative indices count from the last."""
        with open(self.path, "rb") as file:
            header = _frame_header(file, int(self._starts[index]), self.path)
            assert header is not None  # its file has it: see above
            file.seek(header.at)
            content = _Xdr(file.read(header.end - header.at))
        found: dict[str, FloatArray] = {}
        for part, size in header.sizes.items():
            if part in _NUMBERS and size:
                values = content.reals(size // (8 if header.double else 4), double=header.double)
                found[part] = values.reshape(-1, 3)
            else:
                content.skip(size)
        return Frame(
            header.step,
            header.time,
            header.coupling,
            found.get("box"),
            found.get("x"),
            found.get("v"),
            found.get("f"),
            header.double,
        )


def _frame_header(file: BinaryIO, at: int, path: Path) -> _FrameHeader | None:
    """Read the header at a byte; return None where the file ends within it."""
    file.seek(at)
    head = _Xdr(file.read(_HEADER))
    try:
        magic = head.whole()
        if magic != _TRAJECTORY or head.whole() != len(_TRAJECTORY_NAME) + 1 or head.text() != _TRAJECTORY_NAME:
            raise FormatError(f"{path}: no frame at byte {at}", hint="give a .trr file; this one may be damaged")
        *given, atoms, step, _ = head.take("13i")
        sizes: dict[str, int] = dict(zip(_PARTS, given, strict=True))
        double = _frame_in_double(sizes, atoms)
        time, coupling = head.take("dd" if double else "ff")
    except _CutShortError:
        return None
    real = 8 if double else 4
    wanted = {part: real * (9 if part in _TENSORS else 3 * atoms) for part in _NUMBERS}
    if any(size not in (0, wanted.get(part, size)) or size < 0 for part, size in sizes.items()):
        raise FormatError(f"{path}: the frame at byte {at} has parts of wrong sizes", hint="the file is damaged")
    return _FrameHeader(sizes, step, time, coupling, double, at + head.at)


def _frame_in_double(sizes: dict[str, int], atoms: int) -> bool:
    if any(sizes[part] for part in _TENSORS):
        return any(sizes[part] == 72 for part in _TENSORS)
    return any(sizes[part] == 24 * atoms for part in ("x", "v", "f") if sizes[part])


def write_frame(
    path: Path,
    positions: FloatArray,
    box: FloatArray,
    velocities: FloatArray | None = None,
    *,
    step: int = 0,
    time: float = 0.0,
) -> None:
    """Write a .trr file of one frame in double precision.

    Parameters
    ----------
    path : Path
        Overwritten.
    positions : float array (n, 3)
        In nm.
    box : float array (3, 3)
        Cell vectors as rows, in nm: the first along x, the second in the xy plane.
    velocities : float array (n, 3), optional
        In nm/ps.
    step : int
    time : float
        In ps.
    """
    if np.triu(box, 1).any():
        raise InvalidError(
            f"box: {np.asarray(box).tolist()} has numbers above its diagonal",
            hint="turn the system until the first vector lies along x and the second in the xy plane",
            field="box",
        )
    parts: dict[str, AnyArray | None] = {"box": box, "x": positions, "v": velocities}
    content = {k: np.ascontiguousarray(v, dtype=">f8").tobytes() for k, v in parts.items() if v is not None}
    sizes = [len(content.get(part, b"")) for part in _PARTS]
    name = struct.pack(">ii", len(_TRAJECTORY_NAME) + 1, len(_TRAJECTORY_NAME)) + _TRAJECTORY_NAME.encode()
    header = struct.pack(">13i", *sizes, len(positions), step, 0) + struct.pack(">dd", time, 0.0)
    path.write_bytes(struct.pack(">i", _TRAJECTORY) + name + header + b"".join(content.values()))


def checkpoint(folder: Path, name: str) -> Path | None:
    """Return the newest whole checkpoint that mdrun left under a name, or None."""
    for path in (folder / f"{name}.cpt", folder / f"{name}_prev.cpt"):
        if path.is_file() and path.stat().st_size > 8:
            data = path.read_bytes()
            ends = struct.unpack(">i", data[:4]) + struct.unpack(">i", data[-4:])
            if ends == (_CHECKPOINT, _CHECKPOINT_END):
                return path
    return None
