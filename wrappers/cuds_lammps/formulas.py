"""Formulas of LEPTON back to the forms whose energy they are, number by number."""

import ast
import math
import re
from collections.abc import Iterator, Mapping

from cuds.errors import InvalidError
from cuds.semantics.dictionary import Row, dictionary, form
from cuds.semantics.expression import assignments, expression
from cuds_lammps.styles import formula
from cuds_lammps.units import Units


def recognised(text: str, row: Row, bodies: int, units: Units) -> tuple[str, Mapping[str, float]] | None:
    """Return the form that a formula is written like, and its parameters in LAMMPS's units, angles in radian.

    Parameters
    ----------
    text : str
        A formula without variables but coordinates.
    row : Row
        The word behind which it stands.
    bodies : int
        Of how many particles it is the energy.
    units : Units
        In which its numbers are.
    """
    try:
        given = expression(text.replace(" ", "")).node
    except InvalidError:
        return None
    spelled = assignments(row.variables) if row.variables else {}
    for name in _candidates(row, bodies):
        found: dict[str, float] = {}
        parameters = form(name).parameters
        pattern = expression(form(name).energy).put(**spelled).plain().node
        if not _fits(pattern, given, parameters.keys(), found):
            continue
        constant = found.pop("K", units.coulomb)
        if math.isclose(constant, units.coulomb, rel_tol=1e-12) and found.keys() == form(name).free.keys():
            return name, found
    return None


def switched(text: str, row: Row, units: Units, cutoff: float) -> tuple[str, Mapping[str, float], str, float] | None:
    """Return form, parameters, truncation and inner distance of a pair's formula that is switched off.

    The form is what its inner part begins with; that the whole is written again like that decides.
    """
    plain = text.replace(" ", "")
    match = re.fullmatch(r"select\(step\(r-([\d.eE+-]+)\),(.+),([^,]+)\)", plain)
    if match is None:
        return None
    inner = float(match[1])
    for part in _beginnings(match[3]):
        if (known := recognised(part, row, 2, units)) is None:
            continue
        numbers = {**known[1], "cutoff": cutoff, "inner": inner}
        for name in row.truncations:
            if dictionary()["truncations"][name]["switched"] and formula(numbers, known[0], name) == plain:
                return known[0], known[1], name, inner
    return None


def _beginnings(text: str) -> Iterator[str]:
    """Yield an expression, and what it begins with as long as something is added to that."""
    try:
        node = expression(text).node
    except InvalidError:
        return
    yield text
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        node = node.left
        yield ast.unparse(node).replace("**", "^")


def _candidates(row: Row, bodies: int) -> Iterator[str]:
    """Yield forms that can be meant, those that bear charges last."""
    for name, content in dictionary()["forms"].items():
        if content["bodies"] == bodies and content["energy"] and not any(
            p.of_particle for p in form(name).parameters.values()
        ):  # fmt: skip
            yield name


def _fits(pattern: ast.expr, given: ast.expr, symbols: object, found: dict[str, float]) -> bool:
    """Whether a formula is a pattern with numbers in the place of symbols; they are added to those found."""
    if isinstance(pattern, ast.Name) and pattern.id in symbols:  # type: ignore[operator]
        value = _number(given)
        return value is not None and found.setdefault(pattern.id, value) == value
    match pattern, given:
        case ast.Name(), ast.Name():
            return pattern.id == given.id
        case ast.BinOp(), ast.BinOp():
            same = type(pattern.op) is type(given.op)
            return same and all(
                _fits(p, g, symbols, found) for p, g in ((pattern.left, given.left), (pattern.right, given.right))
            )
        case ast.UnaryOp(), ast.UnaryOp():
            return type(pattern.op) is type(given.op) and _fits(pattern.operand, given.operand, symbols, found)
        case ast.Call(ast.Name(one), [p]), ast.Call(ast.Name(two), [g]):
            return one == two and _fits(p, g, symbols, found)
    return _number(pattern) is not None and _number(pattern) == _number(given)


def _number(node: ast.expr) -> float | None:
    match node:
        case ast.Constant(value) if isinstance(value, int | float):
            return float(value)
        case ast.UnaryOp(ast.USub(), ast.Constant(value)) if isinstance(value, int | float):
            return -float(value)
    return None
