"""Deriving a property with the recipe for it."""

from pathlib import Path
from typing import Any, Literal, TypeVar, overload

from cuds.errors import InvalidError
from cuds.execution.perform import performed, told
from cuds.execution.session import Laboratory
from cuds.model.dataset import DataSet
from cuds.model.entity import Entity
from cuds.model.particles import ParticleSystem
from cuds.recipes.recipe import recipe_for
from cuds.wrapper.contract import ProgressCallback, silent

E = TypeVar("E", bound=Entity)
_HOW = ("engine", "options", "keep", "progress", "timeout", "isolation", "ranks", "fresh")
System = ParticleSystem | DataSet | None


@overload
def derive(
    kind: type[E],
    system: System = None,
    *,
    recipe: str = "",
    engine: str | None = None,
    options: dict[str, Any] | None = None,
    keep: str | Path | None = None,
    progress: ProgressCallback = silent,
    timeout: float | None = None,
    isolation: Literal["worker", "none"] | None = None,
    ranks: int = 1,
    fresh: bool = False,
    dry_run: Literal[False] = False,
    **settings: Any,
) -> E: ...
@overload
def derive(kind: type[E], system: System = None, *, dry_run: Literal[True], **how: Any) -> DataSet: ...
def derive(kind: type[E], system: System = None, *, recipe: str = "", dry_run: bool = False, **how: Any) -> E | DataSet:
    """Return a property, derived by any engine that can do the steps.

    Parameters
    ----------
    kind : type of Entity
        The property, like ``cuds.ElasticTensor``.
    system : ParticleSystem, optional
        Of what, where the recipe takes one.
    recipe : str
        Which, where several give the property and what is given does not decide: ``"elastic"``, ``"polycrystal"``.
    dry_run : bool
        Compute nothing: print the first steps that an engine would be told, and return the record of them.
    **how
        ``engine=``, ``options=``, ``keep=``, ``progress=``, ``timeout=``, ``isolation=``, ``ranks=``, ``fresh=`` as in
        `cuds.run`; and the fields of the recipe: ``potential=``, ``strain=`` and so on.

    Returns
    -------
    Entity
        The property with its provenance. Of a dry run a data set with a `SimulationRun` and its transcript.
    """
    found = derive_all(kind, system, recipe=recipe, dry_run=dry_run, **how)
    if dry_run:
        return found
    derived: E = found[kind]
    return derived


def derive_all(
    kind: type[Entity], system: System = None, *, recipe: str = "", dry_run: bool = False, **how: Any
) -> DataSet:
    """Return a property as `derive` does, together with what came along: a relaxed or a strained system, a stress.

    Parameters
    ----------
    kind, system, recipe, dry_run, **how
        As in `derive`.
    """
    if not (isinstance(kind, type) and issubclass(kind, Entity)):
        raise InvalidError(f"{kind!r} is no class of the data model", hint="name the property: cuds.ElasticTensor")
    settings = {name: how.pop(name) for name in list(how) if name not in _HOW}
    if how.get("keep") is not None:
        how["keep"] = Path(how["keep"])
    how["options"] = how.get("options") or {}
    laboratory = Laboratory(**how, rehearsing=dry_run)
    given = {**({} if system is None else {"system": system}), **settings}
    made = recipe_for(kind, given, engine=laboratory.engine, name=recipe)(**given)
    found = performed(laboratory, made, made.follow)
    if dry_run:
        print(told(found))
    return found
