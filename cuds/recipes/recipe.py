"""What a recipe is, and how one is found.

A recipe is a model class: its fields are its inputs and settings, checked when it is made, so that a wiring
knows which are open. Other packages register theirs in the entry-point group ``cuds.recipes``.
"""

from abc import abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from cuds.errors import AmbiguousError, UnknownError, did_you_mean
from cuds.execution.session import Laboratory
from cuds.model.dataset import DataSet
from cuds.model.entity import Component, Entity, entity_type
from cuds.model.simulation import Simulation
from cuds.registry import plugins
from cuds.wrapper.discover import wrapper


class Recipe(Component):
    """A way to derive a property.

    Class attributes say what it is for: ``gives`` is the class of the property, ``with_it`` the classes of what comes
    along, ``runs`` the kinds of simulation that it needs an engine for.
    """

    gives: ClassVar[type[Entity]]
    with_it: ClassVar[tuple[type[Entity], ...]] = ()
    runs: ClassVar[tuple[type[Simulation], ...]] = ()

    @classmethod
    def ports(cls) -> dict[str, tuple[type[Entity], ...]]:
        """Return the inputs that are entities, each with the classes that it takes."""
        types = {name: entity_type(cls, name) for name in cls.bindings()}
        return {name: (found,) for name, found in types.items() if found is not None}

    @abstractmethod
    def follow(self, laboratory: Laboratory) -> DataSet:
        """Do the steps and return the property, with provenance, and what it was derived from."""


def recipe_for(
    kind: type[Entity], given: Iterable[str] = (), *, engine: str | None = None, name: str = ""
) -> type[Recipe]:
    """Return the recipe that gives a property: of several the one that takes what was given.

    Parameters
    ----------
    kind : type of Entity
        The property.
    given : iterable of str
        The names of the inputs and settings that there are.
    engine : str, optional
        Only recipes whose simulations this engine runs are considered.
    name : str
        Of the recipe, as it is registered, where that does not decide.

    Raises
    ------
    UnknownError
        When there is none.
    AmbiguousError
        When several take what was given.
    """
    every: dict[str, type[Recipe]] = plugins("cuds.recipes").working()
    known = {n: r for n, r in every.items() if r.gives.__name__ == kind.__name__}
    if name and name not in known:
        raise UnknownError(
            f"no recipe {name!r} gives {kind.__name__}", hint=did_you_mean(name, known), property=kind.__name__
        )
    if not known:
        gives = {r.gives.__name__ for r in every.values()}
        raise UnknownError(
            f"no recipe gives {kind.__name__}", hint=did_you_mean(kind.__name__, gives), property=kind.__name__
        )
    names = set(given)
    able = {n: r for n, r in known.items() if _can_run(r, engine)} or known
    fitting = {n: r for n, r in able.items() if n == name or (not name and names <= _takes(r))}
    fitting = {n: r for n, r in fitting.items() if _needs(r) <= names} or fitting
    if len(fitting) > 1:
        raise AmbiguousError(
            f"the recipes {', '.join(fitting)} all give {kind.__name__} from {', '.join(sorted(names)) or 'nothing'}",
            hint=f"say which: recipe={next(iter(fitting))!r}",
            property=kind.__name__,
        )
    return next(iter(fitting.values()), max(able.values(), key=lambda r: len(names & _takes(r))))


def _takes(recipe: type[Recipe]) -> set[str]:
    return {*recipe.bindings(), *recipe.ports()}


def _needs(recipe: type[Recipe]) -> set[str]:
    """Return the quantities without a default: they say what is asked for, and entities may yet come from elsewhere."""
    return {n for n, term in recipe.bindings().items() if term.kind and recipe.model_fields[n].is_required()}


def _can_run(recipe: type[Recipe], engine: str | None) -> bool:
    return engine is None or all(wrapper(engine).describe().capability(kind) for kind in recipe.runs)
