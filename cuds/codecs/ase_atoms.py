"""ASE Atoms to a particle system and back, without loss.

What Atoms hold that a particle system has no place for is refused by name. Arrays whose meaning ASE does not
declare are kept as columns, `info` as annotations.
"""

import json
from typing import Any

import numpy as np

from cuds.errors import UnsupportedError
from cuds.model.particles import ParticleSystem, Species

# ASE's unit of velocity is Å (eV / Da)^(1/2); its Da and eV are those of CODATA 2014.
_KNOWN = {"numbers", "positions", "momenta", "initial_charges", "masses", "cuds_ids"}


def from_ase(atoms: Any, *, label: str = "") -> ParticleSystem:
    """Return the particle system that ASE Atoms hold.

    Parameters
    ----------
    atoms : ase.Atoms
        Positions in Å, masses in Da.
    label : str
        A name for people; the chemical formula when not given.

    Raises
    ------
    UnsupportedError
        For constraints, a displaced cell, or `info` that JSON cannot say.
    """
    from ase import units

    _refuse(atoms)
    symbols, masses = np.array(atoms.get_chemical_symbols()), atoms.get_masses()
    pairs = sorted(set(zip(symbols.tolist(), masses.tolist(), strict=True)))
    named = {pair: _symbol(pair, pairs) for pair in pairs}
    numbers = dict(zip(symbols.tolist(), atoms.numbers.tolist(), strict=True))
    kinds = tuple(Species(symbol=name, atomic_number=numbers[s], mass=(m, "Da")) for (s, m), name in named.items())
    order = {pair: i for i, pair in enumerate(pairs)}
    species = np.array([order[p] for p in zip(symbols.tolist(), masses.tolist(), strict=True)], dtype=np.int64)
    speed = units.Ang / units.fs
    has = atoms.arrays
    return ParticleSystem(
        label=label or atoms.get_chemical_formula(),
        ids=has.get("cuds_ids"),
        positions=(atoms.positions, "angstrom"),
        species=species,
        kinds=kinds,
        cell=(atoms.cell.array, "angstrom") if atoms.cell.rank == 3 else None,
        pbc=tuple(bool(p) for p in atoms.pbc),
        velocities=(atoms.get_velocities() / speed, "angstrom/fs") if "momenta" in has else None,
        charges=(has["initial_charges"], "e") if "initial_charges" in has else None,
        columns={n: a for n, a in has.items() if n not in _KNOWN},
        annotations=dict(atoms.info),
    )


def _symbol(pair: tuple[str, float], pairs: list[tuple[str, float]]) -> str:
    """Name a kind: the element, with a number behind it for each further mass."""
    same = [p for p in pairs if p[0] == pair[0]]
    return pair[0] if same[0] == pair else f"{pair[0]}_{same.index(pair)}"


def _refuse(atoms: Any) -> None:
    if atoms.constraints:
        names = ", ".join(type(c).__name__ for c in atoms.constraints)
        raise UnsupportedError(
            f"the atoms carry constraints: {names}", hint="remove them: atoms.set_constraint()", field="constraints"
        )
    if np.any(atoms.get_celldisp()):
        raise UnsupportedError(
            f"the cell is displaced by {atoms.get_celldisp().ravel()} Å",
            hint="move the atoms instead: atoms.set_celldisp(0)",
            field="celldisp",
        )
    if 0 < atoms.cell.rank < 3:
        raise UnsupportedError(
            f"the cell has {atoms.cell.rank} vectors",
            hint="give three: atoms.center(vacuum=10) adds them",
            field="cell",
        )
    for name, column in atoms.arrays.items():
        if column.dtype.kind not in "biuf":
            raise UnsupportedError(
                f"the array {name!r} holds {column.dtype}", hint=f"remove it: del atoms.arrays[{name!r}]", field=name
            )
    for name, value in atoms.info.items():
        try:
            same = json.loads(json.dumps({name: value})) == {name: value}
        except (TypeError, ValueError):
            same = False
        if not same:
            raise UnsupportedError(
                f"info[{name!r}] is a {type(value).__name__}, which JSON cannot say",
                hint=f"remove it: del atoms.info[{name!r}]",
                field=name,
            )


def to_ase(system: ParticleSystem) -> Any:
    """Return ASE Atoms with the same particles in the same order.

    Raises
    ------
    UnsupportedError
        When a kind is no chemical element, or there is a topology.
    """
    from ase import Atoms, units

    beads = [k.symbol for k in system.kinds_used() if k.atomic_number == 0 and k.symbol != "X"]
    if beads:
        raise UnsupportedError(
            f"{', '.join(beads)}: no chemical element", hint="ASE knows elements only", field="kinds"
        )
    if system.topology is not None:
        raise UnsupportedError(
            f"topology: ASE's Atoms hold none ({system.topology!r})",
            hint="leave it out knowingly: system.replace(topology=None).to_ase()",
            field="topology",
        )
    numbers = np.array([k.atomic_number for k in system.kinds])[system.species]
    atoms = Atoms(
        numbers=numbers,
        positions=system.positions.in_unit("angstrom"),
        cell=None if system.cell is None else system.cell.in_unit("angstrom"),
        pbc=system.pbc,
        info=dict(system.annotations),
    )
    masses = system.masses.in_unit("Da")
    if not np.array_equal(masses, atoms.get_masses()):
        atoms.set_masses(masses)
    if system.velocities is not None:
        atoms.set_velocities(system.velocities.in_unit("angstrom/fs") * (units.Ang / units.fs))
    if system.charges is not None:
        atoms.set_initial_charges(system.charges.in_unit("e"))
    if not np.array_equal(system.ids, np.arange(1, len(system) + 1)):
        atoms.set_array("cuds_ids", np.array(system.ids))
    for name, column in system.columns.items():
        atoms.set_array(name, np.array(column))
    return atoms
