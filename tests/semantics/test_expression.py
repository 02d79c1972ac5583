"""The language of energies: what it says, what it refuses, its dimensions and its derivatives."""

import ast

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st

from cuds.errors import InvalidError, UnknownError
from cuds.semantics.derivative import derivative
from cuds.semantics.dimension import dimension, text, times
from cuds.semantics.expression import FUNCTIONS, Expression, assignments, expression, expressions

E, L, A = dimension("E"), dimension("L"), dimension("A")
NAMES = {"epsilon": E, "sigma": L, "r": L, "theta": A, "n": dimension("")}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("-x^2", -4.0),
        ("2^-x", 0.25),
        ("2^3^2", 512.0),
        ("(1 + x)/4 - 1", -0.25),
        ("sin(pi/x) + cos(0)", 2.0),
        ("wrap(3*pi)", -np.pi),
        ("atan(tan(1)) + log(exp(x)) - sqrt(abs(-4))", 1.0),
        ("floor(2.7) + ceil(2.2)", 5.0),
    ],
)
def test_values(written: str, value: float) -> None:
    assert expression(written)({"x": 2.0}) == pytest.approx(value, rel=1e-15)


def test_arrays_and_numbers_are_one() -> None:
    r = np.linspace(1, 3, 7)
    np.testing.assert_array_equal(expression("a/r^6")({"a": 2.0, "r": r}), 2.0 / r**6)


@pytest.mark.parametrize(
    "written",
    [
        "__import__('os')",
        "().__class__",
        "r.real",
        "r[0]",
        "[r for r in x]",
        "lambda: 1",
        "r if r else 1",
        "r ** 2",
        "r // 2",
        "r % 2",
        "r @ r",
        "~r",
        "+r",
        "not r",
        "r < 2",
        "f(r)",
        "exp(r, 2)",
        "exp(x=r)",
        "exp(*r)",
        "'r'",
        "True",
        "None",
        "1j",
        "...",
        "r := 2",
        "r)+(r",
        "r) or _(r",
        "(r",
        "r = 2",
        "",
        "r, r",
        "(" * 500 + "r" + ")" * 500,
        "1+" * 2000 + "1",
        "\x00",
        "r;r",
        "r\nr",
        "await r",
        "f'{r}'",
        "exp",
    ],
)
def test_everything_else_is_refused(written: str) -> None:
    with pytest.raises((InvalidError, UnknownError)):
        expression(written)({"r": 1.0})


def test_a_huge_power_is_a_number_not_a_hang() -> None:
    assert expression("9^9^9^9")({}) == np.inf


def test_several_and_named() -> None:
    assert [e.text for e in expressions("a, b/2")] == ["a", "b / 2"]
    found = assignments("epsilon = sqrt(epsilon1*epsilon2), sigma = (sigma1+sigma2)/2")
    assert found["epsilon"]({"epsilon1": 2.0, "epsilon2": 8.0}) == 4.0
    assert found["sigma"].symbols == {"sigma1", "sigma2"}
    assert expression("exp(a)*pi + b").symbols == {"a", "b"}


def test_a_missing_value_is_named() -> None:
    with pytest.raises(UnknownError, match=r"'sigmo'.*\n.*did you mean 'sigma'"):
        expression("sigmo")({"sigma": 1})


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("4*epsilon*((sigma/r)^12 - (sigma/r)^6)", "E"),
        ("epsilon*sigma^6", "E L^6"),
        ("sqrt(epsilon*epsilon)/r", "E L^-1"),
        ("acos(r/sigma)", "A"),
        ("wrap(theta)", "A"),
        ("epsilon*(1+cos(n*theta))", "E"),
        ("0 + r", "L"),
        ("0", ""),
        ("r^(1/2)*r^0.5", "L"),
        ("(r/sigma)^n", ""),
    ],
)
def test_dimensions(written: str, wanted: str) -> None:
    assert text(expression(written).dimension(NAMES)) == wanted


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("r + epsilon", "unlike"),
        ("r - 1", "unlike"),
        ("exp(r)", "argument"),
        ("log(theta)", "argument"),
        ("cos(r)", "argument"),
        ("r^n", "no number"),
        ("2^r", "exponent"),
        ("epsilon*(sigma/r^2)^6 + epsilon", "unlike"),
    ],
)
def test_unlike_dimensions_are_refused(written: str, says: str) -> None:
    with pytest.raises(InvalidError, match=says):
        expression(written).dimension(NAMES)


def test_dimensions_are_read_and_written() -> None:
    assert text(times(dimension("E L^-2"), dimension("L"))) == "E L^-1"
    with pytest.raises(InvalidError, match="'X'"):
        dimension("E X")


numbers = st.integers(1, 4).map(ast.Constant)


def binary(inner: st.SearchStrategy[ast.expr]) -> st.SearchStrategy[ast.expr]:
    operators = st.sampled_from([ast.Add(), ast.Sub(), ast.Mult(), ast.Div()])
    powers = st.builds(ast.BinOp, inner, st.just(ast.Pow()), numbers)
    negative = st.builds(ast.UnaryOp, st.just(ast.USub()), inner)
    calls = st.builds(
        lambda f, x: ast.Call(ast.Name(f), [x], []),
        st.sampled_from(sorted(FUNCTIONS.keys() - {"floor", "ceil", "int"})),
        inner,
    )
    return st.builds(ast.BinOp, inner, operators, inner) | powers | negative | calls


trees = st.recursive(numbers | st.sampled_from("xy").map(ast.Name), binary, max_leaves=8)


def _ends(node: ast.AST, values: dict[str, float]) -> bool:
    """Whether a part is infinite, or asked where it has no derivative: differences see nothing of it in sqrt(x - x)."""
    if isinstance(node, ast.BinOp) and not np.isfinite(Expression(node)(values)):
        return True
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        return False
    ends = {"abs": (0,), "sqrt": (0,), "asin": (-1, 1), "acos": (-1, 1)}.get(node.func.id, ())
    return bool(Expression(node.args[0])(values) in ends)


@given(trees, st.floats(0.3, 0.9), st.floats(0.3, 0.9))
def test_derivatives_are_those_of_differences(tree: ast.expr, x: float, y: float) -> None:
    found = expression(Expression(ast.fix_missing_locations(tree)).text)
    assume(not any(_ends(node, {"x": x, "y": y}) for node in ast.walk(found.node)))
    values, h = np.array([x - 2e-4, x - 1e-4, x + 1e-4, x + 2e-4]), 1e-4
    f = np.broadcast_to(found({"x": values, "y": y}), 4)
    slope = derivative(found, "x")({"x": x, "y": y})
    assume(np.isfinite(f).all() and np.abs(f).max() < 1e3)
    numeric = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h)
    assume(abs(numeric - (f[2] - f[1]) / (2 * h)) < 1e-4 * (1 + abs(numeric)))  # smooth here
    assert slope == pytest.approx(numeric, rel=1e-6, abs=1e-6)


def test_second_derivatives() -> None:
    morse = expression("D*(exp(-2*a*(r-r0)) - 2*exp(-a*(r-r0)))")
    second = derivative(derivative(morse, "r"), "r")
    assert second({"D": 0.5, "a": 1.7, "r": 2.1, "r0": 2.1}) == pytest.approx(2 * 0.5 * 1.7**2, rel=1e-14)
    variable = derivative(expression("r^(a*r)"), "r")
    assert variable({"r": 1.3, "a": 2.0}) == pytest.approx(1.3**2.6 * (2 * np.log(1.3) + 2), rel=1e-14)
