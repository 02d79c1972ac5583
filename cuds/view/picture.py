"""Pictures of a loaded body and of atoms, as PNG.

They are drawn by pyvista off the screen in a process of its own: without the system's GL libraries VTK ends
its process by a segmentation fault, which is an error with the remedy in it here.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from cuds.errors import (
    EngineError,
    InvalidError,
    NotInstalledError,
    UnknownError,
    UnsupportedError,
    did_you_mean,
)
from cuds.model.dataset import DataSet
from cuds.model.field import Field
from cuds.model.mesh import Mesh
from cuds.model.particles import ParticleSystem
from cuds.model.simulation import Simulation
from cuds.model.tensor import NAMES
from cuds.units import factor
from cuds.view.grid import elements_of
from cuds.view.marks import mark_of, mark_of_region

APT = "apt-get install -y libgl1 libegl1 libgl1-mesa-dri libx11-6 libxrender1"
_LIBRARIES = "a system library for drawing is missing or too old"
_NICE = (1, 2, 5)
_SPOKEN = {"VonMisesStress": "von Mises stress", "ReactionForce": "reaction force"}


def plot(  # noqa: PLR0913  how a picture looks is said by name
    what: DataSet | ParticleSystem | Simulation | Mesh,
    *,
    field: str = "von_mises",
    component: str = "",
    atoms: ParticleSystem | None = None,
    warp: float | None = None,
    path: str | Path = "picture.png",
    size: tuple[int, int] = (1800, 800),
) -> Path:
    """Draw a field on the deformed body, and atoms beside it; or, before anything is computed, what acts on a body.

    Parameters
    ----------
    what : DataSet, ParticleSystem, Simulation or Mesh
        Holds the field and, if it is to be drawn deformed, the displacement; or atoms alone; or the simulation of a
        body, drawn with its conditions and materials; or a mesh, drawn with its regions.
    field : str
        The field that colours the body.
    component : str
        Of a tensor ``"xx"`` and so on, of a vector ``"x"``; its length when not given.
    atoms : ParticleSystem, optional
        Drawn beside the body, coloured by their stress, else their energy, else their kind.
    warp : float, optional
        The factor on the displacement, stated in the picture; a round one when not given.
    path : path
        Where the PNG goes.
    size : tuple of int
        In pixels.

    Raises
    ------
    NotInstalledError
        When pyvista or the system's GL libraries are missing; the hint installs them.
    UnsupportedError
        For a simulation of no body.
    """
    job: dict[str, Any] = {}
    said: dict[str, Any] = {"size": size}
    if isinstance(what, ParticleSystem):
        atoms = what
    elif isinstance(what, Simulation | Mesh):
        _setup(what, job, said)
    else:
        _body(what.field(field), what, component, warp, job, said)
    if atoms is not None:
        _atoms(atoms, job, said)
        if said.get("title", "").lower() == said["atom_title"].lower():  # one scale, so that colours can be compared
            said["atom_limits"] = [float(job["values"].min()), float(job["values"].max())]
    target = Path(path)
    _draw(job, said, target)
    return target


def check_drawing() -> str:
    """Draw something small and say that it worked."""
    with tempfile.TemporaryDirectory() as folder:
        job = {"atoms": np.zeros((1, 3)), "atom_colours": np.zeros(1), "atom_edges": np.zeros((0, 2, 3))}
        said = {"size": (64, 64), "atom_title": "check", "atom_caption": "", "atom_radius": 1.0, "atom_names": []}
        _draw(job, said, Path(folder) / "check.png")
    return "draws off the screen"


def _body(
    field: Field, data: DataSet, component: str, warp: float | None, job: dict[str, Any], said: dict[str, Any]
) -> None:
    mesh = field.mesh
    points = mesh.points.value
    job["points"] = points
    job["cells"], job["types"] = elements_of(mesh)
    job["values"] = _scalar(field, component)
    moved = next((f for f in data if isinstance(f, Field) and f.quantity == "Displacement" and f.mesh == mesh), None)
    job["moved"] = moved.in_unit(mesh.points.unit) if moved is not None else np.zeros_like(points)
    factor = _round_factor(points, job["moved"]) if warp is None else warp
    worst = int(np.argmax(np.abs(job["values"])))
    unit = "" if field.values.unit == "1" else f" / {field.values.unit}"
    name = " ".join(part for part in (_SPOKEN.get(field.quantity, field.name.replace("_", " ")), component) if part)
    said |= {
        "flat": mesh.dimension == 2,
        "on": field.on,
        "factor": factor,
        "title": f"{name}{unit}",
        "caption": f"displacement x {factor:g}" if moved is not None else "undeformed",
        "worst": field.place(worst).in_unit(mesh.points.unit).tolist(),
        "worst_row": worst,
        "worst_text": f"{job['values'][worst]:.4g}{unit.replace(' / ', ' ')}",
    }


def _setup(what: Simulation | Mesh, job: dict[str, Any], said: dict[str, Any]) -> None:
    """Lay out a body with what acts on it, or with its regions."""
    mesh = what if isinstance(what, Mesh) else getattr(what, "mesh", None)
    if mesh is None:
        raise UnsupportedError(
            f"there is no body in {type(what).__name__}", hint="plot its system, or what came out of it"
        )
    if isinstance(what, Mesh):
        parts = {r.name: r.members for r in mesh.regions if r.on == "elements"}
        marks = [mark_of_region(mesh, r) for r in mesh.regions if r.on != "elements"]
    else:
        parts, marks = _materials(what), [mark_of(mesh, c) for c in getattr(what, "conditions", ())]
    job |= {"points": mesh.points.value, "part": np.full(mesh.n_elements, -1)}
    job["cells"], job["types"] = elements_of(mesh)
    for i, members in enumerate(parts.values()):
        job["part"][members] = i
    for i, mark in enumerate(marks):
        job |= {f"mark {i} {name}": value for name, value in vars(mark).items() if name != "text"}
    size = " x ".join(f"{x:.4g}" for x in np.ptp(mesh.points.value, axis=0)[: mesh.dimension])
    title = f"{type(what).__name__} {what.label}".strip()
    said |= {
        "flat": mesh.dimension == 2,
        "title": title,
        "caption": f"{size} {mesh.points.unit}, {mesh.n_elements} elements",
        "marks": [m.text for m in marks],
        "parts": list(parts),
    }


def _materials(job: Any) -> dict[str, np.ndarray]:
    """Return the elements of each material, when there is more than one."""
    if len(getattr(job, "materials", {})) < 2:
        return {}
    index = job.material_of_elements()[1]
    named = (f"{name or 'elsewhere'}: {m.label or type(m).__name__}" for name, m in job.materials.items())
    return {name: np.flatnonzero(index == i) for i, name in enumerate(named)}


def _scalar(field: Field, component: str) -> np.ndarray:
    values = field.values.value
    if not component:
        return field.magnitude()
    names = NAMES if values.shape[1:] == (6,) else ("x", "y", "z")[: values.shape[1] if values.ndim > 1 else 0]
    if component not in names:
        raise UnknownError(
            f"component: {field.name} has none called {component!r}",
            hint=did_you_mean(component, names),
            field="component",
        )
    column: np.ndarray = values[:, names.index(component)]
    return column


def _round_factor(points: np.ndarray, moved: np.ndarray) -> float:
    """Return 1, 2 or 5 times a power of ten that draws the largest displacement as about a twentieth of the body."""
    largest = float(np.linalg.norm(moved, axis=1).max())
    if largest == 0:
        return 1.0
    wanted = 0.05 * float(np.linalg.norm(np.ptp(points, axis=0))) / largest
    power = 10.0 ** math.floor(math.log10(wanted))
    return max(n * power for n in _NICE if n * power <= wanted)


def _atoms(system: ParticleSystem, job: dict[str, Any], said: dict[str, Any]) -> None:
    x = system.positions.in_unit("angstrom")
    cell = None if system.cell is None else system.cell.in_unit("angstrom")
    corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)], dtype=float)
    edges = [(a, b) for a in range(8) for b in range(a) if np.abs(corners[a] - corners[b]).sum() == 1]
    job["atoms"] = x
    job["atom_edges"] = (
        np.zeros((0, 2, 3)) if cell is None else np.array([[corners[a] @ cell, corners[b] @ cell] for a, b in edges])
    )
    names: list[str] = []
    if system.atomic_stresses is not None and system.cell is not None:
        from cuds.model.state import von_mises

        volume = system.volume.in_unit("angstrom**3") / len(system)
        job["atom_colours"] = von_mises(system.atomic_stresses.in_unit("eV")) / volume * factor("eV/angstrom**3", "MPa")
        title = "von Mises stress / MPa"
    elif system.energies is not None:
        job["atom_colours"], title = system.energies.in_unit("eV"), "energy by atom / eV"
    else:
        names = [k.symbol for k in system.kinds]
        job["atom_colours"], title = system.species.astype(float), "species"
    spacing = 1.0 if len(x) < 2 else float(np.cbrt(np.prod(np.maximum(np.ptp(x, axis=0), 1.0)) / len(x)))
    said |= {
        "atom_title": title,
        "atom_caption": f"{system.label or 'atoms'}, {len(system)} atoms",
        "atom_radius": min(1.3, max(0.3, 0.45 * spacing)),
        "atom_names": names,
    }


def _draw(job: dict[str, Any], said: dict[str, Any], target: Path) -> None:
    """Have the other process draw; whatever way it ends, this one goes on."""
    if not target.parent.is_dir():
        raise InvalidError(f"path: there is no folder {str(target.parent)!r}", hint="make it first", field="path")
    with tempfile.TemporaryDirectory(prefix="cuds-picture-") as folder:
        deck, made = Path(folder) / "job.npz", Path(folder) / "made.png"
        np.savez(deck, said=json.dumps(said), **job)
        command = [sys.executable, "-m", "cuds.view.render", str(deck), str(made)]
        paths = os.pathsep.join(p for p in sys.path if p)
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": paths}, check=False
        )
        if made.is_file() and done.returncode == 0:
            made.replace(target) if made.stat().st_dev == target.parent.stat().st_dev else target.write_bytes(
                made.read_bytes()
            )
            return
    words = done.stderr.strip().splitlines()[-1:] or ["without a word"]
    if done.returncode == 3:
        raise NotInstalledError(f"pictures need pyvista: {words[0]}", hint='pip install "cuds[plot]"')
    if done.returncode < 0 or "lib" in words[0].lower() or "context" in done.stderr.lower():
        raise NotInstalledError(
            f"{_LIBRARIES} (the drawing process ended with {done.returncode}: {words[0]})", hint=APT
        )
    raise EngineError(f"the picture could not be drawn: {words[0]}", hint="look at the data with cuds show")
