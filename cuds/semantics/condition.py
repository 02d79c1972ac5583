"""Conditions on parameters: comparisons of expressions, joined by and, or, not.

Equal means within 1e-9 of the larger side, or both within 1e-12 of zero.
"""

import ast
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cuds.errors import InvalidError
from cuds.semantics.expression import expression


def _equal(one: Any, two: Any) -> Any:
    return np.isclose(one, two, rtol=1e-9, atol=1e-12)


_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: _equal,
    ast.NotEq: lambda one, two: ~_equal(one, two),
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}


@dataclass(frozen=True)
class Condition:
    """A parsed condition.

    Parameters
    ----------
    node : ast.expr
        Its tree.
    """

    node: ast.expr

    def __call__(self, names: Mapping[str, Any]) -> Any:
        """Return whether it holds, for numbers or element by element for arrays."""
        return _holds(self.node, names)


@functools.cache
def condition(text: str) -> Condition:
    """Return a condition like ``"C5 == 0 and C0+C2+C4 == -C1-C3"``.

    Raises
    ------
    InvalidError
        For anything that the language does not have.
    """
    try:
        found = Condition(ast.parse(text.replace("^", "**"), mode="eval").body)
        _refuse(found.node, text)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise InvalidError(
            f"condition {text!r}: {error}", hint="compare expressions with == != < <= > >=, join them with and, or, not"
        ) from None
    return found


def _refuse(node: ast.expr, text: str) -> None:
    match node:
        case ast.BoolOp():
            for value in node.values:
                _refuse(value, text)
        case ast.UnaryOp(ast.Not()):
            _refuse(node.operand, text)
        case ast.Compare() if all(type(op) in _COMPARE for op in node.ops):
            for side in (node.left, *node.comparators):
                expression(ast.unparse(side).replace("**", "^"))
        case _:
            raise ValueError(f"{ast.unparse(node)} compares nothing")


def _holds(node: ast.expr, names: Mapping[str, Any]) -> Any:
    match node:
        case ast.BoolOp():
            join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return functools.reduce(join, [_holds(value, names) for value in node.values])
        case ast.UnaryOp():
            return np.logical_not(_holds(node.operand, names))
    assert isinstance(node, ast.Compare)
    sides = [expression(ast.unparse(s).replace("**", "^"))(names) for s in (node.left, *node.comparators)]
    steps = zip(node.ops, sides, sides[1:], strict=False)
    return functools.reduce(np.logical_and, [_COMPARE[type(op)](one, two) for op, one, two in steps])
