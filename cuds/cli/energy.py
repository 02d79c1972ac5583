"""``cuds energy`` and ``cuds compare``: what engines say of files as they are."""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from cuds.arrays import FloatArray
from cuds.cli.reading import Length, Scale, Settings, read_as_given
from cuds.cli.run_file import own_words
from cuds.errors import InvalidError
from cuds.execution import run
from cuds.model.dataset import DataSet
from cuds.model.particles import ParticleSystem
from cuds.model.potential import Potential
from cuds.model.simulation import SinglePoint
from cuds.model.state import PotentialEnergy

Files = Annotated[list[Path], typer.Argument(help="What belongs together, like conf.gro topol.top run.mdp.")]
Options = Annotated[list[str] | None, typer.Option(help="A word of the engine's own, as name=value; not portable.")]
_FLOOR = 1e-3  # kJ/mol an atom: a term that is smaller is compared with this
_TERMS = ("bond", "angle", "dihedral", "improper", "cmap", "vdw", "coulomb")


def energy(
    files: Files,
    engine: Annotated[str | None, typer.Option(help="Which engine computes it; the only one when not given.")] = None,
    forces: Annotated[Path | None, typer.Option(help="Write them to this .npy file, in kJ/mol/nm.")] = None,
    option: Options = None,
    settings: Settings = None,
    scale: Scale = None,
    length: Length = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Print the energy of a system as it is, by kinds of term, in kJ/mol."""
    found, acting = _computed(read_as_given(files, settings, scale, length), engine, option or [])
    if forces is not None:
        np.save(forces, acting)
    if as_json:
        print(json.dumps({"energy_kJ_mol": found}))
        return
    table = Table("term", "kJ/mol")
    for name, value in found.items():
        table.add_row(name, f"{value:.6f}")
    Console().print(table)


def compare(
    files: Files,
    engines: Annotated[str, typer.Option(help="Two engines, with a comma between.")] = "gromacs,lammps",
    settings: Settings = None,
    scale: Scale = None,
    length: Length = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Print what two engines say of the same system, and how far they are apart."""
    names = [n.strip() for n in engines.split(",")]
    if len(names) != 2:
        raise InvalidError(f"engines: {engines!r}", hint="name two, with a comma between: gromacs,lammps")
    system = read_as_given(files, settings, scale, length)
    (one, f1), (two, f2) = (_computed(system, name, []) for name in names)
    sizes = {n: abs(v) for n, v in one.items()} | {"total": sum(abs(one[n]) for n in _TERMS)}
    relative = {n: abs(two[n] - v) / max(sizes[n], _FLOOR * len(f1)) for n, v in one.items()}
    apart = float(np.sqrt(np.sum((f1 - f2) ** 2) / max(np.sum(f1**2), 1e-300)))
    if as_json:
        print(json.dumps({"energy_kJ_mol": {names[0]: one, names[1]: two}, "relative": relative, "forces": apart}))
        return
    table = Table("term", f"{names[0]} [kJ/mol]", f"{names[1]} [kJ/mol]", "difference", "relative")
    for name, value in one.items():
        table.add_row(name, f"{value:.6f}", f"{two[name]:.6f}", f"{two[name] - value:.2e}", f"{relative[name]:.1e}")
    console = Console()
    console.print(table)
    console.print(
        f"forces differ by {apart:.1e} of their root mean square; the total is relative to the sum of |terms|"
    )


def _computed(system: DataSet, engine: str | None, option: list[str]) -> tuple[dict[str, float], FloatArray]:
    """Return the energy by terms in kJ/mol, and the forces in kJ/mol/nm in the order of the input."""
    potential = system[Potential] if system.all(Potential) else None
    done = run(SinglePoint(system[ParticleSystem], potential=potential), engine=engine, options=own_words(option))
    pulled, state = done[PotentialEnergy], done.all(ParticleSystem)[-1]
    found = {name: float(pulled.parts[name].in_unit("kJ/mol")) if name in pulled.parts else 0.0 for name in _TERMS}
    assert state.forces is not None
    return found | {"total": float(pulled.value.in_unit("kJ/mol"))}, np.asarray(state.forces.in_unit("kJ/mol/nm"))
