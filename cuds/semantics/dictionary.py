"""The dictionary: functional forms, and which word an engine has for each, in which units it speaks.

Ours is compiled beforehand. One that another package ships (entry-point group ``cuds.ontologies``, naming a
module whose folder holds ``*.ttl``) is compiled when it is first needed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from cuds.errors import UnknownError, UnsupportedError, did_you_mean
from cuds.model.dynamics import MolecularDynamics
from cuds.registry import generated, ontology_folder, plugins
from cuds.units import Quantity


@dataclass(frozen=True)
class Parameter:
    """A symbol in the energy of a form.

    Parameters
    ----------
    kind : str
        Its quantity kind.
    dimension : str
        The same as powers of energy, length and so on.
    positive : bool
        Whether it must be greater than zero.
    constant : Quantity, optional
        The value that it has for good.
    of_particle : str
        The property of the particles that it is; empty for one that is given.
    """

    kind: str
    dimension: str
    positive: bool
    constant: Quantity | None
    of_particle: str


@dataclass(frozen=True)
class Form:
    """A functional form.

    Parameters
    ----------
    name, label, source : str
        What it is called, and where it was published.
    bodies : int
        Of how many particles it is the energy; 0 where it is one of all of them, by files.
    energy : str
        As an expression; empty for a form whose parameters are files.
    parameters : mapping of str to Parameter
        By symbol.
    format, companion : str
        The format of its file, and of a second one that it needs.
    usual_truncation : str
        What is meant where an inner distance is given and no truncation.
    """

    name: str
    label: str
    source: str
    bodies: int
    energy: str
    parameters: Mapping[str, Parameter]
    format: str
    companion: str
    usual_truncation: str

    @property
    def free(self) -> dict[str, Parameter]:
        """The parameters that must be given."""
        return {symbol: p for symbol, p in self.parameters.items() if p.constant is None and not p.of_particle}


@dataclass(frozen=True)
class Row:
    """A word of an engine.

    Parameters
    ----------
    realises : str
        The functional form, or the truncation, that it realises; empty for one that takes any energy.
    section, keyword, arguments, coefficients : str
        Where the engine has it, what it is called, and what stands behind it, in order.
    role : str
        What it is for in a molecule, like ``"bond"``; empty for what acts by distance.
    when, inverse : str
        What the parameters must fulfil; and they by the coefficients c1, c2 and so on, where that is not linear.
    offers, variables : str
        The coordinates of which it takes any energy, and what stands there for those that it means otherwise.
    package : str
        What the engine must have been built with.
    refusal : str
        Why it is not used; empty where it is.
    alongside : list of str
        Commands without which it does not mean the form.
    charged : bool
        Whether it needs particles that can bear charges.
    truncations : list of str
        With which of them it can be used.
    restart : str
        Of an integration scheme: ``"statistical"`` where the engine does not keep all of its state.
    unit_sets : list of str
        In which units of the engine it can be used; in all when none is named.
    """

    realises: str
    section: str
    keyword: str
    arguments: str
    coefficients: str
    role: str
    when: str
    inverse: str
    offers: str
    variables: str
    package: str
    refusal: str
    alongside: list[str]
    charged: bool
    truncations: list[str]
    restart: str
    unit_sets: list[str]


@dataclass(frozen=True)
class EngineWords:
    """One engine's part of the dictionary."""

    title: str
    licence: str
    install: str
    citations: list[str]
    capabilities: list[dict[str, Any]]
    options: dict[str, dict[str, Any]]
    unit_sets: dict[str, dict[str, str]]
    scaled: list[str]
    coulomb_constants: dict[str, float]
    rows: tuple[Row, ...]

    @property
    def forms(self) -> tuple[str, ...]:
        """The functional forms for which the engine has a word."""
        known = dictionary()["forms"]
        return tuple(sorted({r.realises for r in self.rows if r.realises in known and not r.refusal and not r.role}))

    def row(self, form: str, truncation: str = "") -> Row:
        """Return the engine's word for a form that ends in some way at its cutoff, or for a truncation itself.

        Raises
        ------
        UnsupportedError
            When it has none.
        """
        rows = [r for r in self.rows if r.realises == form and not r.role]
        for row in rows:
            if not row.refusal and (not truncation or truncation in row.truncations):
                return row
        if refused := next((r for r in rows if r.refusal and (truncation in r.truncations or not r.truncations)), None):
            raise UnsupportedError(
                f"{self.title}'s {refused.keyword} ({form}) is not used: {refused.refusal}",
                hint="take another potential for these elements: cuds potentials lists them",
                form=form,
            )
        if rows:
            can = sorted({t for r in rows for t in r.truncations})
            raise UnsupportedError(
                f"{self.title} has no {form} with the truncation {truncation}",
                hint=f"it has {', '.join(can)}: give truncation=",
                form=form,
                truncation=truncation,
            )
        raise UnsupportedError(
            f"{self.title} has no word for the form {form}", hint=did_you_mean(form, self.forms), form=form
        )

    def corrects(self, correction: str) -> None:
        """Refuse a long-range correction for which the engine has no word.

        Raises
        ------
        UnsupportedError
            It names those that the engine has.
        """
        known = [r.realises for r in self.rows if r.realises in dictionary()["corrections"]]
        if correction and correction not in known:
            raise UnsupportedError(
                f"{self.title} has no long-range correction {correction}",
                hint=f"it has {', '.join(known)}" if known else "leave it out knowingly: correction=''",
                field="correction",
            )

    def scheme(self, simulation: MolecularDynamics) -> Row:
        """Return the engine's word for how particles are to move.

        Raises
        ------
        UnsupportedError
            When it has none for the ensemble with that thermostat and barostat.
        """
        rows = [r for r in self.rows if r.realises == simulation.scheme]
        row = next((r for r in rows if r.arguments in ("", simulation.coupling)), None)
        if row is None:
            found = [r for r in self.rows if r.realises.endswith(("NVE", "NVT", "NPT"))]
            known = [f"{r.realises} ({r.arguments})" if r.arguments else r.realises for r in found]
            baths = f"thermostat {simulation.thermostat!r}"
            if simulation.ensemble == "NPT":
                baths += f" and barostat {simulation.barostat!r}, coupling {simulation.coupling!r}"
            raise UnsupportedError(
                f"{self.title} cannot run {simulation.ensemble} with {baths}",
                hint=f"it integrates {', '.join(known)}; choose another thermostat=, barostat= or coupling=",
                field="thermostat",
            )
        return row


@cache
def dictionary() -> dict[str, Any]:
    """Return forms and engines of all dictionaries, ours and those of installed packages."""
    known: dict[str, Any] = generated("dictionary.json")
    merged = {part: type(content)(content) for part, content in known.items()}
    for module in plugins("cuds.ontologies").working().values():
        for part, content in _compiled(module.__name__).items():
            if isinstance(content, dict):
                merged[part] |= content
            else:
                merged[part] += [c for c in content if c not in merged[part]]
    return merged


def _compiled(package: str) -> dict[str, Any]:
    from rdflib import Graph

    from cuds.semantics import compile as compiler

    graph = Graph()
    for source in (*ontology_folder().glob("*.ttl"), *(f for f in files(package).iterdir() if f.name.endswith(".ttl"))):
        graph.parse(data=source.read_text(encoding="utf-8"), format="turtle")
    return compiler.dictionary(graph)


@cache
def engine_words(name: str) -> EngineWords:
    """Return the dictionary of the engine `name`."""
    engines = dictionary()["engines"]
    if name not in engines:
        raise UnknownError(f"no dictionary describes the engine {name!r}", hint=did_you_mean(name, engines), name=name)
    found = dict(engines[name])
    rows = tuple(Row(**row) for row in found.pop("rows"))
    return EngineWords(**found, rows=rows)


@cache
def form(name: str) -> Form:
    """Return a functional form, or the construction of a virtual site, whose bodies are the site and its parents."""
    forms: dict[str, dict[str, Any]] = dictionary()["forms"] | dictionary()["constructions"]
    if name not in forms:
        raise UnknownError(f"no functional form is called {name!r}", hint=did_you_mean(name, forms), form=name)
    found = dict(forms[name])
    parameters = {symbol: _parameter(p) for symbol, p in found.pop("parameters").items()}
    return Form(name=name, parameters=parameters, **found)


def _parameter(found: dict[str, Any]) -> Parameter:
    constant = found["constant"]
    return Parameter(**{**found, "constant": None if constant is None else Quantity(*constant)})
