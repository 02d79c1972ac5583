"""The derivative of an expression, as an expression: forces are computed from the energies that are written down."""

import ast
import functools

from cuds.semantics.expression import Expression, expression

# Of the functions that have one, by their argument x.
_RULES = {
    "sqrt": "1/(2*sqrt(x))",
    "exp": "exp(x)",
    "log": "1/x",
    "sin": "cos(x)",
    "cos": "-sin(x)",
    "tan": "1/cos(x)^2",
    "asin": "1/sqrt(1-x^2)",
    "acos": "-1/sqrt(1-x^2)",
    "atan": "1/(1+x^2)",
    "sinh": "cosh(x)",
    "cosh": "sinh(x)",
    "tanh": "1-tanh(x)^2",
    "abs": "x/abs(x)",
    "floor": "0",
    "ceil": "0",
    "wrap": "1",
    "int": "0",
    "step": "0",
}
_ZERO, _ONE, _MINUS = ast.Constant(0), ast.Constant(1), ast.UnaryOp(ast.USub(), ast.Constant(1))


@functools.cache
def derivative(of: Expression, by: str) -> Expression:
    """Return the derivative of an expression by one of its symbols.

    Examples
    --------
    >>> derivative(expression("k/2*(r-r0)^2"), "r")({"k": 2.0, "r": 3.0, "r0": 1.0})
    np.float64(4.0)
    """
    return Expression(_of(of.node, by))


def _of(node: ast.expr, by: str) -> ast.expr:
    if by not in Expression(node).symbols:
        return _ZERO
    found: ast.expr = _ONE
    match node:
        case ast.UnaryOp():
            found = _product(_MINUS, _of(node.operand, by))
        case ast.Call(ast.Name(name), [argument]):
            found = _product(expression(_RULES[name]).put(x=Expression(argument)).node, _of(argument, by))
        case ast.BinOp(left, ast.Pow(), right):
            found = _of_power(node, left, right, by)
        case ast.BinOp():
            found = _of_operator(node, _of(node.left, by), _of(node.right, by))
    return found


def _of_operator(node: ast.BinOp, left: ast.expr, right: ast.expr) -> ast.expr:
    """Return the derivative of a sum, a product or a quotient, given those of its two parts."""
    match node.op:
        case ast.Add():
            return _sum(left, right)
        case ast.Sub():
            return _sum(left, _product(_MINUS, right))
        case ast.Mult():
            return _sum(_product(left, node.right), _product(node.left, right))
    falling = _product(node, _quotient(right, node.right))  # a square of the divisor could be too small a number
    return _sum(_quotient(left, node.right), _product(_MINUS, falling))


def _of_power(node: ast.BinOp, left: ast.expr, right: ast.expr, by: str) -> ast.expr:
    if by not in Expression(right).symbols:
        less = ast.BinOp(right, ast.Sub(), _ONE)
        return _product(_product(right, ast.BinOp(left, ast.Pow(), less)), _of(left, by))
    logarithm = ast.Call(ast.Name("log"), [left], [])
    inner = _sum(_product(_of(right, by), logarithm), _product(right, _quotient(_of(left, by), left)))
    return _product(node, inner)


def _sum(one: ast.expr, two: ast.expr) -> ast.expr:
    if one is _ZERO:
        return two
    return one if two is _ZERO else ast.BinOp(one, ast.Add(), two)


def _product(one: ast.expr, two: ast.expr) -> ast.expr:
    if one is _ZERO or two is _ZERO:
        return _ZERO
    if one is _ONE:
        return two
    return one if two is _ONE else ast.BinOp(one, ast.Mult(), two)


def _quotient(one: ast.expr, two: ast.expr) -> ast.expr:
    return _ZERO if one is _ZERO else ast.BinOp(one, ast.Div(), two)
