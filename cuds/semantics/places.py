"""Where the numbers of an entity lie: the path of each array inside a data-set file.

The columns of particles have the names and the form of H5MD 1.1, where each is a group of step, time and value.
"""

from collections.abc import Iterable
from urllib.parse import quote

from cuds.model.entity import Entity
from cuds.model.field import Field
from cuds.model.material import ElasticTensor, Material
from cuds.model.mesh import Mesh
from cuds.model.particles import ParticleSystem
from cuds.model.properties import Density, SpecificHeat, ThermalConductivity, ThermalExpansion
from cuds.model.trajectory import Trajectory

_FOLDERS: dict[type[Entity], str] = {
    ParticleSystem: "particles",
    Trajectory: "particles",
    Mesh: "meshes",
    Field: "fields",
    ElasticTensor: "materials",
    **dict.fromkeys((Material, ThermalConductivity, ThermalExpansion, Density, SpecificHeat), "materials"),
}
_H5MD = {
    "positions": "position",
    "velocities": "velocity",
    "forces": "force",
    "charges": "charge",
    "ids": "id",
    "cell": "box/edges",
}
_TIMES = {"times": "position/time", "steps": "position/step"}  # those of a trajectory; its other columns share them
# Readers of H5MD open no file whose group "force" is in a unit they do not know; with another name they do.
_H5MD_FORCES = ("kJ/mol/nm", "kcal/mol/angstrom", "N")
_LONGEST = 80


def folder(entity: Entity) -> str:
    """Return the folder in which the numbers of an entity lie."""
    return next((name for kind, name in _FOLDERS.items() if isinstance(entity, kind)), "entities")


def names(entities: Iterable[Entity]) -> dict[str, str]:
    """Return, by id, a name for each entity: unique in its folder, and fit to be part of a path.

    It is made from the label; without one it is the class with a number.
    """
    taken: set[tuple[str, str]] = set()
    found = {}
    for entity in entities:
        wish = "".join(c if c.isalnum() or c in "._-" else "_" for c in entity.label[:_LONGEST]).strip(".")
        name, n = wish or f"{type(entity).__name__}_1", 1
        while (folder(entity), name) in taken:
            n += 1
            name = f"{wish or type(entity).__name__}_{n}"
        taken.add((folder(entity), name))
        found[entity.id] = name
    return found


def place(entity: Entity, name: str, path: tuple[str, ...], unit: str = "") -> str:
    """Return where an array lies.

    Parameters
    ----------
    entity : Entity
        To which it belongs.
    name : str
        Of the entity, as `names` gives it.
    path : tuple of str
        The field, and what it is held under there.
    unit : str
        Of the array.
    """
    parts = [folder(entity), name, *(part(p) for p in path)]
    if isinstance(entity, Trajectory) and path[0] in _TIMES:
        parts = [*parts[:2], _TIMES[path[0]]]
    elif isinstance(entity, ParticleSystem | Trajectory) and len(path) == 1:
        column = path[0] if path[0] == "forces" and unit not in _H5MD_FORCES else _H5MD.get(path[0], path[0])
        parts = [*parts[:2], column, "value"]
    return "/" + "/".join(parts)


def is_column(location: str) -> bool:
    """Whether an array is a column of H5MD, whose first axis counts frames."""
    parts = location.split("/")
    return parts[1] == "particles" and parts[3] != "columns" and parts[-1] == "value"


def part(key: str) -> str:
    """Return a key as part of a path: percent-encoded, never empty, never a dot."""
    text = key.replace(".", "%2E") if not key.strip(".") else quote(key, safe="")
    return text or "%e2%88%85"  # the empty set; no other key gives small letters


def stored(sha256: str) -> str:
    """Return where the content of a file lies."""
    return f"/files/{sha256}"
