"""Files of atoms that ASE reads and writes: extxyz, CIF, POSCAR, PDB and many more.

ASE's formats hold more or less of a system, and in more or fewer digits, and do not say so. So what was written is
read back and compared, part by part, before it gets its name.
"""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cuds.arrays import AnyArray, FloatArray
from cuds.codecs.ase_atoms import from_ase, to_ase
from cuds.codecs.translation import Carried
from cuds.codecs.whole import replacing
from cuds.errors import CudsError, FormatError, UnsupportedError
from cuds.model.dataset import DataSet
from cuds.model.particles import ParticleSystem
from cuds.units import Quantity

# ASE's name of a result, our column, and its unit there; all of them are by particle.
_INT32 = np.iinfo(np.int32)
_RESULTS = {"forces": ("forces", "eV/angstrom"), "energies": ("energies", "eV")}
_UNITS = {
    "positions": "angstrom",
    "cell": "angstrom",
    "velocities": "angstrom/fs",
    "charges": "e",
    "forces": "eV/angstrom",
    "energies": "eV",
    "atomic_stresses": "eV",
}
_CLOSE = 5e-3  # angstrom: files of atoms have two decimals at least; what is farther off is another place
_SAME = 1e-3  # of the largest value: rounded in the file, not another one
_DIGITS = 1e-6  # in the units of the file: the last of its decimals, where all values are small
_DATABASES = ("db", "json", "bundletrajectory")  # they would add to what is there, or be folders


def format_of(file: Path, *, written: bool = False) -> str | None:
    """Return how ASE calls the format of a file: from its name and its content, or from its name alone."""
    from ase.io.formats import UnknownFileTypeError, filetype, ioformats

    try:
        name = str(filetype(file.name if written else str(file), read=not written, guess=not written))
    except (UnknownFileTypeError, OSError):
        return None
    if name not in ioformats or not ioformats[name].can_read:
        return None
    return None if written and (not ioformats[name].can_write or name in _DATABASES) else name


def read(file: Path, kind: str | None = None) -> DataSet:
    """Return the systems in a file, one a frame.

    Parameters
    ----------
    file : Path
        To be read.
    kind : str, optional
        Its format, as ASE calls it.

    Raises
    ------
    FormatError
        When ASE cannot read it, or there is no atom in it.
    UnsupportedError
        For what a particle system has no place for.
    """
    import ase.io

    try:
        found: Any = ase.io.read(file, index=":", format=kind)
    except Exception as error:  # each of ASE's readers raises what it likes
        raise FormatError(
            f"{file}: ASE cannot read it: {type(error).__name__}: {error}", hint="is it whole?", field="path"
        ) from error
    if not found:
        raise FormatError(f"{file}: it holds no atoms", hint="is it whole?", field="path")
    texts = sorted({name for atoms in found for name, a in atoms.arrays.items() if a.dtype.kind not in "biuf"})
    if texts:
        warnings.warn(f"{file}: the atoms are read without their texts: {', '.join(texts)}", stacklevel=5)
    for atoms in found:
        for name in texts:
            atoms.arrays.pop(name, None)
        atoms.info = {name: _remark(value) for name, value in atoms.info.items()}
    results = {name for atoms in found if atoms.calc is not None for name in atoms.calc.results}
    if others := sorted(results - _RESULTS.keys()):
        warnings.warn(f"{file}: the atoms are read without the results beside them: {', '.join(others)}", stacklevel=5)
    labels = [file.stem] if len(found) == 1 else [f"{file.stem} {i}" for i in range(1, len(found) + 1)]
    return DataSet(*(_system(a, name) for a, name in zip(found, labels, strict=True)), label=file.stem)


def _system(atoms: Any, label: str) -> ParticleSystem:
    results = {} if atoms.calc is None else atoms.calc.results
    had = {ours: (results[theirs], unit) for theirs, (ours, unit) in _RESULTS.items() if theirs in results}
    system = from_ase(atoms, label=label)
    return system.replace(**had) if had else system


def _remark(value: Any) -> Any:
    """Return a file's own remark; what JSON cannot say, like a space group, as text."""
    if hasattr(value, "tolist"):
        return value.tolist()
    try:
        return value if json.loads(json.dumps(value)) == value else str(value)
    except (TypeError, ValueError):
        return str(value)


def write(data: DataSet, path: Path) -> list[Carried]:
    """Write the systems of a data set, a frame each, and return what became of each part.

    Raises
    ------
    UnsupportedError
        For a topology, beads, or a format that does not give the particles back.
    FormatError
        When there is no system, or more than the format holds.
    """
    import ase.io
    from ase.io.formats import ioformats

    kind = format_of(path, written=True)
    assert kind is not None  # it was chosen for that
    systems: list[ParticleSystem] = data.all(ParticleSystem)
    if not systems or (len(systems) > 1 and ioformats[kind].single):
        raise FormatError(
            f"{path}: {kind} holds {'one system' if ioformats[kind].single else 'systems'}, not {len(systems)}",
            hint="give one: cuds.write(data['its label'], path)",
            field="path",
        )
    images = [_atoms(s) for s in systems]
    if kind == "extxyz":
        _refuse_long_integers(images, path)
    with replacing(path) as partial:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # they are of ASE's own affairs
                ase.io.write(partial, images[0] if len(images) == 1 else images, format=kind)
        except Exception as error:  # each of ASE's writers raises what it likes
            raise UnsupportedError(
                f"{path}: ASE cannot write it as {kind}: {type(error).__name__}: {error}",
                hint="leave out what it names, or take another format, like .extxyz",
                field="path",
            ) from error
        fates = _fates(systems, _back(partial, path, kind), path)
    others = [e for e in data if not isinstance(e, ParticleSystem)]
    return [*fates, *(Carried(repr(e).splitlines()[0], "left out", "the file is of atoms") for e in others)]


def _refuse_long_integers(images: list[Any], path: Path) -> None:
    """Refuse integers that ASE writes into extended xyz and cannot read again: it reads 32 bits."""
    for name, column in ((n, c) for atoms in images for n, c in atoms.arrays.items() if c.dtype.kind in "iu"):
        if len(beyond := column[(column < _INT32.min) | (column > _INT32.max)]):
            raise UnsupportedError(
                f"{path}: {name}: {beyond.flat[0]}: extended xyz holds integers from {_INT32.min} to {_INT32.max}",
                hint="number anew, or keep them in a data set, .h5md",
                field=name,
            )


def _atoms(system: ParticleSystem) -> Any:
    from ase.calculators.singlepoint import SinglePointCalculator

    atoms = to_ase(system)
    columns = {theirs: (getattr(system, ours), unit) for theirs, (ours, unit) in _RESULTS.items()}
    results = {
        theirs: np.array(column.in_unit(unit)) for theirs, (column, unit) in columns.items() if column is not None
    }
    if results:
        atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms


def _back(partial: Path, path: Path, kind: str) -> list[ParticleSystem]:
    """Return what can be read of what was written."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is missing is found by comparing
            found: list[ParticleSystem] = read(partial, kind).all(ParticleSystem)
            return found
    except CudsError as error:
        said = error.message.replace(str(partial), path.name)
        raise UnsupportedError(
            f"{path}: what ASE writes as {kind} cannot be read back: {said}",
            hint="leave out annotations and columns, or take another format, like .extxyz",
            field="path",
        ) from error


def _fates(given: list[ParticleSystem], found: list[ParticleSystem], path: Path) -> list[Carried]:
    if len(given) != len(found):
        raise UnsupportedError(
            f"{path}: {len(found)} of {len(given)} systems would come back", hint="take another format", field="path"
        )
    by_part: dict[Carried, None] = {}
    for one, other in zip(given, found, strict=True):
        by_part |= dict.fromkeys(_compared(one, other, path))
    return list(by_part)


def _compared(one: ParticleSystem, other: ParticleSystem, path: Path) -> Iterator[Carried]:
    n, fmt = len(one), path.suffix or path.name
    numbers = [[s.kinds[k].atomic_number for k in s.species] for s in (one, other)]
    if numbers[0] != numbers[1]:
        raise UnsupportedError(
            f"{path}: the particles would come back as others, or in another order",
            hint="take another format, like .extxyz",
            field="species",
        )
    yield Carried(f"{n} particles", "carried", "in the same order")
    lies = _positions(one, other, path)
    yield lies
    for name in ("cell", "velocities", "charges", "forces", "energies", "atomic_stresses"):
        if name == "cell" and lies.fate == "converted" and "turned" in lies.said:
            yield Carried("cell", "converted", "by its lengths and angles")
        elif getattr(one, name) is not None:
            yield _numbers(name, getattr(one, name), getattr(other, name), _UNITS[name], fmt)
    yield _numbers("masses", one.masses, other.masses, "Da", fmt)
    for name in ("pbc", "ids", "annotations", "naming"):
        mine, theirs = getattr(one, name), getattr(other, name)
        same = bool(np.array_equal(mine, theirs)) if name == "ids" else mine == theirs
        if name == "pbc" or not same or (name == "annotations" and mine):
            yield Carried(name, "carried" if same else "left out", f"{fmt} {'holds them' if same else 'does not'}")
    for name, column in one.columns.items():
        yield _numbers(f"column {name!r}", column, other.columns.get(name), "", fmt)


def _positions(one: ParticleSystem, other: ParticleSystem, path: Path) -> Carried:
    """Return how the particles lie in the file: as they were, or as they were but for the frame and the image."""
    off = np.abs(one.positions.in_unit("angstrom") - other.positions.in_unit("angstrom")).max(initial=0.0)
    if off < _CLOSE:
        return _numbers("positions", one.positions, other.positions, "angstrom", path.suffix)
    if one.cell is not None and other.cell is not None:
        cells = [s.cell.in_unit("angstrom") for s in (one, other) if s.cell is not None]
        parts = [s.positions.in_unit("angstrom") @ np.linalg.inv(c) for s, c in zip((one, other), cells, strict=True)]
        apart = parts[0] - parts[1]
        turned = np.abs(cells[0] @ cells[0].T - cells[1] @ cells[1].T).max() < _CLOSE * np.abs(cells[0]).max()
        if turned and np.abs((apart - np.rint(apart)) @ cells[0]).max() < _CLOSE:
            return Carried("positions", "converted", "moved by whole cell vectors, or turned with the cell")
    raise UnsupportedError(
        f"{path}: particles would come back up to {off:.3g} angstrom from where they are",
        hint="take another format, like .extxyz",
        field="positions",
    )


def _numbers(name: str, mine: Any, theirs: Any, unit: str, fmt: str) -> Carried:
    """Return whether numbers came back: all digits of them, rounded, or not."""
    if theirs is None:
        return Carried(name, "left out", f"{fmt} has no place for them")
    one, other = _bare(mine, unit), _bare(theirs, unit)
    if np.array_equal(one, other):
        return Carried(name, "carried", fmt)
    off = float(np.abs(one - other).max()) if one.shape == other.shape and one.dtype.kind == "f" else np.inf
    if off <= max(_SAME * float(np.abs(one).max(initial=0.0)), _CLOSE if unit == "angstrom" else _DIGITS):
        return Carried(name, "converted", f"rounded: off by {off:.1e}{unit and ' '}{unit} at most")
    if name == "masses":  # ASE gives those of the elements where a file has none
        return Carried(name, "left out", f"{fmt} has no place for them")
    raise UnsupportedError(
        f"{fmt}: the {name} would come back as others, off by up to {off:.3g} {unit}".rstrip(),
        hint="leave them out knowingly with system.replace(...), or take another format, like .extxyz",
        field=name,
    )


def _bare(value: Any, unit: str) -> AnyArray | FloatArray:
    return np.asarray(value.in_unit(unit) if isinstance(value, Quantity) else value)
