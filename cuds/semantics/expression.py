"""The language of energies and coefficients: numbers, names, ``+ - * / ^``, parentheses, and a list of functions.

A text is parsed by Python's own parser; every node that is not on a white list is refused, and nothing is ever
handed to Python to evaluate. Angles are in radian, logarithms natural.
"""

import ast
import functools
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cuds.errors import InvalidError, UnknownError, did_you_mean
from cuds.semantics.dimension import ANGLE, NONE, Dimension, scaled, times

_LONGEST = 2000


def _wrap(angle: Any) -> Any:
    """Return the same angle between -pi and pi."""
    return angle - 2 * np.pi * np.floor((angle + np.pi) / (2 * np.pi))


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "abs": np.abs,
    "floor": np.floor,
    "ceil": np.ceil,
    "wrap": _wrap,
    "int": np.rint,
    "step": lambda x: np.heaviside(x, 1.0),
}
_KEEP = {"abs", "floor", "ceil", "wrap", "int"}  # functions whose value has the dimension of their argument
_OF_ANGLE, _TO_ANGLE = {"sin", "cos", "tan"}, {"asin", "acos", "atan"}
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: np.power,
}


@dataclass(frozen=True)
class Expression:
    """A parsed expression.

    Parameters
    ----------
    node : ast.expr
        Its tree, of allowed nodes only.
    """

    node: ast.expr

    @property
    def text(self) -> str:
        """The expression as it is written."""
        return ast.unparse(self.node).replace("**", "^")

    @functools.cached_property
    def symbols(self) -> frozenset[str]:
        """The names it uses, but for those of functions and pi."""
        names = {n.id for n in ast.walk(self.node) if isinstance(n, ast.Name)}
        return frozenset(names - FUNCTIONS.keys() - {"pi"})

    def __call__(self, names: Mapping[str, Any]) -> Any:
        """Return its value, a number or an array.

        Raises
        ------
        UnknownError
            For a name without a value.
        """
        with np.errstate(all="ignore"):
            return _value(self.node, names)

    def put(self, **replaced: "Expression") -> "Expression":
        """Return the expression with other expressions in the place of names."""

        class Put(ast.NodeTransformer):
            def visit_Call(self, node: ast.Call) -> ast.expr:
                return ast.Call(node.func, [self.visit(a) for a in node.args], [])

            def visit_Name(self, node: ast.Name) -> ast.expr:
                return replaced[node.id].node if node.id in replaced else node

        return Expression(Put().visit(ast.parse(ast.unparse(self.node), mode="eval").body))

    def plain(self) -> "Expression":
        """Return the expression without `wrap` and `pi`, which other programs that read expressions lack."""
        wrapped = expression("x - 2*pi*floor((x + pi)/(2*pi))")

        class Plain(ast.NodeTransformer):
            def visit_Call(self, node: ast.Call) -> ast.expr:
                argument = self.visit(node.args[0])
                if isinstance(node.func, ast.Name) and node.func.id == "wrap":
                    return wrapped.put(x=Expression(argument)).plain().node
                return ast.Call(node.func, [argument], [])

            def visit_Name(self, node: ast.Name) -> ast.expr:
                return ast.Constant(np.pi) if node.id == "pi" else node

        return Expression(Plain().visit(ast.parse(ast.unparse(self.node), mode="eval").body))

    def dimension(self, names: Mapping[str, Dimension]) -> Dimension:
        """Return its dimension.

        Raises
        ------
        InvalidError
            Where unlike terms are added, or a function is given an argument with a dimension.
        """
        found = _dimension(self.node, names)
        return NONE if found is None else found


@functools.cache
def expression(text: str) -> Expression:
    """Return one parsed expression.

    Raises
    ------
    InvalidError
        For anything that the language does not have.

    Examples
    --------
    >>> expression("4*epsilon*((sigma/r)^12 - (sigma/r)^6)")({"epsilon": 1.0, "sigma": 1.0, "r": 2 ** (1 / 6)})
    np.float64(-1.0)
    """
    found = expressions(text)
    if len(found) != 1:
        raise _refused(text, f"{len(found)} expressions where one is meant")
    return found[0]


@functools.cache
def expressions(text: str) -> tuple[Expression, ...]:
    """Return expressions that are written with commas between them."""
    call = _call(text)
    if call.keywords:
        raise _refused(text, "an assignment where an expression is meant")
    return tuple(Expression(_checked(a, text)) for a in call.args)


@functools.cache
def assignments(text: str) -> dict[str, Expression]:
    """Return expressions by name: ``"epsilon = sqrt(epsilon1*epsilon2), sigma = (sigma1+sigma2)/2"``."""
    call = _call(text)
    if call.args or any(k.arg is None for k in call.keywords):
        raise _refused(text, "an expression without a name")
    return {str(k.arg): Expression(_checked(k.value, text)) for k in call.keywords}


def _call(text: str) -> ast.Call:
    if len(text) > _LONGEST:
        raise _refused(text[:60], f"longer than {_LONGEST} characters")
    if "**" in text:
        raise _refused(text, "a power is written ^")
    try:
        tree = ast.parse(f"_({text.replace('^', '**')})", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _refused(text, str(error)) from None
    if not (isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id == "_"):
        raise _refused(text, "parentheses do not match")
    return tree


def _checked(node: ast.expr, text: str) -> ast.expr:
    """Return a tree after refusing whatever is not on the white list."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call):
            if not isinstance(part.func, ast.Name) or part.func.id not in FUNCTIONS:
                raise _refused(text, f"{ast.unparse(part.func)} is no function; {did_you_mean('', FUNCTIONS)}")
            if len(part.args) != 1 or part.keywords:
                raise _refused(text, f"{part.func.id} takes one argument")
        elif isinstance(part, ast.Constant):
            if type(part.value) not in (int, float):
                raise _refused(text, f"{part.value!r} is no number")
        elif isinstance(part, ast.BinOp | ast.UnaryOp):
            if type(part.op) not in (*_OPERATORS, ast.USub):
                raise _refused(text, f"the operator {type(part.op).__name__}")
        elif not isinstance(part, ast.Name | ast.Load | ast.operator | ast.unaryop):
            raise _refused(text, f"{type(part).__name__} is not in the language")
    return node


def _refused(text: str, why: str) -> InvalidError:
    return InvalidError(
        f"expression {text!r}: {why}",
        hint="it has numbers, names, + - * / ^, parentheses and functions of one argument",
        field="expression",
    )


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value):
            return float(value)  # type: ignore[arg-type]
        case ast.Name("pi"):
            return np.pi
        case ast.Name(name):
            if name not in names:
                raise UnknownError(f"expression: {name!r} has no value", hint=did_you_mean(name, names), name=name)
            return names[name]
        case ast.UnaryOp():
            return -_value(node.operand, names)
        case ast.Call(ast.Name(name), [argument]):
            return FUNCTIONS[name](_value(argument, names))
        case ast.BinOp():
            return _OPERATORS[type(node.op)](
                np.asarray(_value(node.left, names)), np.asarray(_value(node.right, names))
            )
    raise AssertionError(node)  # the white list lets nothing else through


def _dimension(node: ast.expr, names: Mapping[str, Dimension]) -> Dimension | None:
    """Return a dimension; None for a plain zero, which has any."""
    found: Dimension | None = NONE
    match node:
        case ast.Constant(value):
            found = None if value == 0 else NONE
        case ast.Name(name) if name != "pi":
            if name not in names:
                raise UnknownError(f"expression: {name!r} has no dimension", hint=did_you_mean(name, names), name=name)
            found = names[name]
        case ast.UnaryOp():
            found = _dimension(node.operand, names)
        case ast.Call(ast.Name(name), [argument]):
            found = _of_function(name, argument, names)
        case ast.BinOp(left, ast.Pow(), right):
            found = _of_power(left, right, names)
        case ast.BinOp():
            found = _of_operator(node, names)
    return found


def _of_operator(node: ast.BinOp, names: Mapping[str, Dimension]) -> Dimension | None:
    one, two = _dimension(node.left, names), _dimension(node.right, names)
    if isinstance(node.op, ast.Mult | ast.Div):
        return times(one or NONE, two or NONE, 1 if isinstance(node.op, ast.Mult) else -1)
    if one is not None and two is not None and one != two:
        raise _refused(Expression(node).text, "terms of unlike dimension are added")
    return two if one is None else one


def _of_function(name: str, argument: ast.expr, names: Mapping[str, Dimension]) -> Dimension | None:
    found = _dimension(argument, names)
    if name in _KEEP:
        return found
    if name == "step":
        return NONE
    if name == "sqrt":
        return found and scaled(found, 0.5)
    if found not in (None, NONE) and not (name in _OF_ANGLE and found == ANGLE):
        raise _refused(f"{name}({Expression(argument).text})", "the argument has a dimension")
    return ANGLE if name in _TO_ANGLE else NONE


def _of_power(left: ast.expr, right: ast.expr, names: Mapping[str, Dimension]) -> Dimension | None:
    found = _dimension(left, names)
    if _dimension(right, names) not in (None, NONE):
        raise _refused(Expression(right).text, "an exponent has a dimension")
    if found in (None, NONE):
        return found
    if Expression(right).symbols:
        raise _refused(Expression(left).text, "a quantity with a dimension is raised to a power that is no number")
    return scaled(found, float(_value(right, {})))
