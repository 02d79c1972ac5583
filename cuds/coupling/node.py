"""A node of a wiring: something to be run, what was given to it, and what is still open."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

from cuds import model
from cuds.coupling.port import Port
from cuds.errors import CudsError, InvalidError, UnknownError, WiringError, did_you_mean
from cuds.execution.choose import choose
from cuds.execution.perform import performed, retrieved
from cuds.execution.run import run_in
from cuds.execution.session import Laboratory
from cuds.model.dataset import DataSet
from cuds.model.dynamics import drawn_seed
from cuds.model.entity import Component, Entity
from cuds.model.field import FIELDS, Field
from cuds.model.simulation import Simulation
from cuds.recipes.recipe import Recipe, recipe_for
from cuds.units import quantity
from cuds.wrapper.contract import Wrapper


@dataclass(frozen=True)
class Derive:
    """The recipe for a property, as a node of a wiring.

    Parameters
    ----------
    kind : type of Entity
        The property.
    recipe : str
        Which recipe, where several give it and what is given does not decide.
    """

    kind: type[Entity]
    recipe: str = ""


@dataclass(frozen=True)
class Node:
    """One thing to be run.

    Parameters
    ----------
    name : str
        Of the node.
    what : type of Simulation or of Recipe
        To be run.
    laboratory : Laboratory
        How.
    given : mapping
        Its inputs and settings as far as they are known.
    seed : int, optional
        Of its random numbers, where none was given; drawn once, so that it is the same whenever the node is run.
    """

    name: str
    what: type[Simulation] | type[Recipe]
    laboratory: Laboratory
    given: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None

    @classmethod
    def of(
        cls, name: str, what: Any, laboratory: Laboratory, given: Mapping[str, Any], seed: int | None = None
    ) -> "Node":
        """Return a node; its name, what is to be run, and what was given are checked."""
        if not fit_for_a_name(name):
            raise InvalidError(f"name: {name!r} names no node", hint="give a short name without slashes", field="name")
        if isinstance(what, Derive):
            what = recipe_for(what.kind, given, engine=laboratory.engine, name=what.recipe)
        if not (isinstance(what, type) and issubclass(what, Simulation | Recipe)):
            raise WiringError(
                f"{name}: {what!r} cannot be run",
                hint="add a kind of simulation like cuds.LinearElasticity, or cuds.Derive(property)",
                node=name,
            )
        known = {*what.bindings(), *what.ports(), *_named_alone(what)}
        for setting in given:
            if setting not in known:
                raise UnknownError(
                    f"{name}: {what.__name__} has no input {setting!r}", hint=did_you_mean(setting, known), node=name
                )
        if given.get("seed") is None and "seed" in what.bindings():
            seed = drawn_seed() if seed is None else seed
        try:
            return cls(name, what, laboratory, {n: _settled(what, n, v) for n, v in given.items()}, seed)
        except CudsError as error:
            raise error.within(name) from None

    def inputs(self) -> list[Port]:
        """Return the inputs that were not given."""
        return [
            port
            for name, port in self.ports().items()
            if name not in self.given and not (name == "material" and "materials" in self.given)
        ]

    def ports(self) -> dict[str, Port]:
        """Return all inputs that are entities, by name."""
        bound = self.what.bindings()
        return {
            name: Port(name, types, bound[name].means if types == (Field,) else "")
            for name, types in self.what.ports().items()
        }

    def needs(self, name: str) -> bool:
        """Whether an input has no default."""
        info = self.what.model_fields.get(name)
        return info is None or (info.default is PydanticUndefined and info.default_factory is None)

    def outputs(self) -> list[Port]:
        """Return what comes out."""
        if issubclass(self.what, Recipe):
            return [Port(kind.__name__, (kind,)) for kind in (self.what.gives, *self.what.with_it)]
        capability = self.wrapper().describe().capability(self.what)
        if capability is None:
            raise WiringError(
                f"{self.name}: {self.laboratory.engine} cannot run {self.what.__name__}", hint="choose another engine"
            )
        on_mesh = "Mesh" in capability.needs
        return [
            Port(FIELDS[n], (Field,), n) if on_mesh and n in FIELDS else Port(n, (getattr(model, n),))
            for n in capability.provides
        ]

    def wrapper(self) -> type[Wrapper]:
        """Return the wrapper of the engine that will run it."""
        kinds = self.what.runs if issubclass(self.what, Recipe) else (self.what,)
        return next(choose(kind, self.laboratory.engine, self.given.get("potential")) for kind in kinds)

    @property
    def engine(self) -> str:
        """The name of the engine; empty for a recipe that needs none."""
        return "" if issubclass(self.what, Recipe) and not self.what.runs else self.wrapper().name

    def __str__(self) -> str:
        try:
            engine = self.engine
        except CudsError:  # it cannot be had here
            engine = self.laboratory.engine or "an engine that can"
        return f"{self.name}: {self.what.__name__}" + (f" by {engine}" if engine else "")

    def within(self, **how: Any) -> "Node":
        """Return the same node with its laboratory changed."""
        return replace(self, laboratory=replace(self.laboratory, **how))

    def check(self, *, complete: bool) -> None:
        """Refuse options that the engine does not know; of a node that is complete, inputs that do not fit together.

        Raises
        ------
        CudsError
            Told of which node it is.
        """
        try:
            if self.engine:
                self.wrapper()(Path(), options=self.laboratory.options)
            if complete:
                self.made()
        except CudsError as error:
            raise error.within(self.name) from None

    def made(self, **connected: Any) -> Simulation | Recipe:
        """Return the simulation or recipe with what was given and what came by connections."""
        made = self.what(**{**self.given, **connected})
        random = self.seed is not None and getattr(made, "seed", None) is not None
        return made.replace(seed=self.seed) if random else made

    def run(self, **connected: Any) -> DataSet:
        """Run it, or take what is kept of it."""
        made = self.made(**connected)
        return performed(self.laboratory, made, _way(made))

    def retrieved(self, **connected: Any) -> DataSet | None:
        """Return what is kept of it, if there is anything."""
        return retrieved(self.laboratory, self.made(**connected))


def fit_for_a_name(text: str) -> bool:
    """Whether a text can name a file, stand in a message and in a picture."""
    return text.isprintable() and not {"/", "\\"} & set(text) and text.strip(". ") != "" and len(text.encode()) <= 80


def _way(made: Simulation | Recipe) -> Callable[[Laboratory], DataSet]:
    return made.follow if isinstance(made, Recipe) else partial(run_in, simulation=made)


def _named_alone(what: type[Component]) -> list[str]:
    """Return the arguments that a class takes by name only, beside its fields."""
    parameters = inspect.signature(what.__init__).parameters.values()
    return [p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY]


def _settled(what: type[Simulation] | type[Recipe], name: str, value: Any) -> Any:
    """Return what was given for an input as the model keeps it: an entity of a class that fits, a `Quantity`."""
    types = what.ports().get(name, ())
    if types and isinstance(value, DataSet):
        value = next((found[0] for t in types if len(found := value.all(t)) == 1), value)
    widened = name in what.bindings() and name in _named_alone(what)  # the class itself takes more, and judges it
    if types and not isinstance(value, (*types, type(None))) and (isinstance(value, Entity) or not widened):
        raise InvalidError(
            f"{name}: a {type(value).__name__} was given",
            hint=f"give a {' or a '.join(t.__name__ for t in types)}",
            field=name,
        )
    term = what.bindings().get(name)
    return quantity(value, term.kind, name) if term is not None and term.kind and value is not None else value
