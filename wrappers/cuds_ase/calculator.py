"""Choosing a calculator of ASE, and writing down how it was made."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cuds.errors import EngineError, InvalidError, UnknownError, did_you_mean
from cuds.model.potential import Potential, PotentialTerm
from cuds.semantics.dictionary import EngineWords
from cuds.semantics.expression import assignments
from cuds.units import reference_unit

_FLAGS = {"True": True, "False": False}


def calculator(
    potential: Potential | None, folder: Path, words: EngineWords, options: Mapping[str, Any]
) -> tuple[Any, list[str]]:
    """Return a calculator and the lines of Python that make it.

    Parameters
    ----------
    potential : Potential, optional
        One term; without it, `options` name a calculator with its own.
    folder : Path
        Where the file is put.
    words : EngineWords
        ASE's part of the dictionary.
    options : mapping
        ``calculator`` and ``parameters``.
    """
    if potential is None:
        return _own(str(options["calculator"]), dict(options.get("parameters", {})))
    (term,) = potential.terms  # a sum is refused before
    row = words.row(term.form, term.truncation)
    fixed = {name: _FLAGS.get(value, value) for name, value in (a.split("=") for a in row.arguments.split())}
    if term.files:
        path = folder / Path(term.files[0].name).name
        path.write_bytes(term.files[0].content)
        name = row.coefficients.partition("=")[0].strip()
        return _made(row.keyword, {name: str(path), **fixed}, {name: path.name, **fixed})
    numbers = {n: float(e(_numbers(term))) for n, e in assignments(row.coefficients).items()}
    return _made(row.keyword, {**numbers, **fixed}, {**numbers, **fixed})


def _numbers(term: PotentialTerm) -> dict[str, float]:
    """Return the parameters and distances of the only pair that acts, in eV and Å."""
    found = {symbol: c.values.in_unit(reference_unit(c.kind)) for symbol, c in term.parameters.items()}
    distances = {"cutoff": term.cutoff, "inner": term.inner}
    found |= {name: d.in_unit("angstrom") for name, d in distances.items() if d is not None}
    return {name: float(column[0]) for name, column in found.items()}


def _made(keyword: str, arguments: Mapping[str, Any], told: Mapping[str, Any]) -> tuple[Any, list[str]]:
    made = _class(keyword)(**arguments)
    return made, _lines(made, ", ".join(f"{n}={v!r}" for n, v in told.items()))


def _own(name: str, parameters: dict[str, Any]) -> tuple[Any, list[str]]:
    try:
        made = _class(name)(**parameters)
    except TypeError as error:
        raise InvalidError(
            f"options: {name} does not take these parameters: {error}", hint=f"see the docstring of ASE's {name}"
        ) from None
    return made, _lines(made, ", ".join(f"{n}={v!r}" for n, v in parameters.items()))


def _lines(made: Any, arguments: str) -> list[str]:
    cls = type(made)
    return [f"from {cls.__module__} import {cls.__name__}", f"atoms.calc = {cls.__name__}({arguments})"]


def _class(name: str) -> Any:
    from ase.calculators.calculator import get_calculator_class
    from ase.calculators.names import names

    if name.lower() not in names:
        raise UnknownError(
            f"options: ASE has no calculator {name!r}", hint=did_you_mean(name.lower(), names), field="options"
        )
    try:
        return get_calculator_class(name.lower())
    except ImportError as error:
        raise EngineError(
            f"ASE's calculator {name!r} does not import: {error}", hint="install the program that it calls"
        ) from error
