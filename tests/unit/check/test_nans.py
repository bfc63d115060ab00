"""nan_hunt names the operation, the line and the operands where something first is not finite, and what does not matter it leaves out."""

import numpy as np
import pytest

import wengert as wg
from wengert.check import nan_hunt


def line(f, offset=0):
    return f"test_nans.py:{f.__code__.co_firstlineno + offset}"


def test_what_is_finite():
    hunt = nan_hunt(lambda x: np.sum(x**2))(np.ones(2))
    assert not hunt and hunt.value and hunt.adjoint and hunt.origin is None
    assert str(hunt) == "the value and the gradient of <lambda> are finite"
    assert repr(hunt) == "<Hunt: the value and the gradient of <lambda> are finite>"


def test_a_value():
    def f(x):
        y = x - 2.0
        return np.sum(np.log(y) * 2.0)

    hunt = nan_hunt(f)(np.array([3.0, 1.0]))
    assert str(hunt).splitlines() == [
        f"f itself is not finite: log makes a first NaN   ({line(f, 2)})",
        "  operand 0: [ 1., -1.]",
        "  result:    [ 0., nan]",
        "Its operands are finite.",
        "Try: keep the operands in its domain; where the result is not used, np.where on the operand, not on the result",
    ]
    assert not hunt.value and (hunt.origin.phase, hunt.origin.what, hunt.origin.operation) == ("value", "NaN", "log")


def test_an_adjoint():
    def f(x):
        return np.sum(np.sqrt(x))

    assert str(nan_hunt(f)(np.array([1.0, 0.0]))).splitlines() == [
        f"the gradient of f is not finite: the derivative of sqrt makes a first infinity   ({line(f, 1)})",
        "  operand 0: [1., 0.]",
        "  result:    [1., 0.]",
        "  in its derivative: div of [0.5, 0.5] and [1., 0.]",
        "The value is finite here, but its derivative is not, or meets a zero there.",
        "Try: np.where on the operand, so that it stays away from there; config(strong_zero=True) where a zero meets an infinity",
    ]


def test_a_value_between_that_only_the_derivative_shows():
    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    hunt = nan_hunt(sigmoid)(-800.0)
    assert hunt.value and not hunt.adjoint and hunt.origin.operation == "exp" and hunt.origin.operands == [800.0]
    assert str(hunt).splitlines()[0] == f"the gradient of sigmoid is not finite: exp makes a first infinity   ({line(sigmoid, 1)})"
    assert "the value does not show it, but the derivative needs it" in str(hunt)


def logs(x):
    for _ in range(10):
        x = np.log(x)
    return x


@pytest.mark.parametrize("f", [logs, wg.jit(logs), wg.jit(wg.checkpoint(logs))])
def test_a_loop(f):
    hunt = nan_hunt(f)(5.0)
    assert hunt.origin.times == 4 and hunt.origin.operation == "log" and str(hunt.origin.span) == line(logs, 2)
    assert "  the line had done this 3 times before" in str(hunt).splitlines()


def test_a_branch_of_a_compiled_function():
    @wg.jit
    def f(x):
        if x < 0:
            y = np.sqrt(x)
        else:
            y = x
        return y * 2

    assert nan_hunt(f)(-1.0).origin.operation == "sqrt"
    assert not nan_hunt(f)(1.0)


def test_lanes_that_are_not_used_do_not_matter():
    assert not nan_hunt(lambda x: np.sum(np.where(x > 0, np.log(x), 0.0)))(np.array([1.0, -1.0, 0.0]))
    assert not nan_hunt(lambda x: np.max(np.where(x > 0, x, -np.inf)))(np.array([1.0, -2.0]))


def test_arguments_and_constants():
    of_argument = nan_hunt(lambda x: x * 2)(np.array([1.0, np.nan]))
    assert str(of_argument).splitlines()[0].startswith("<lambda> itself is not finite: the arguments are not   (test_nans.py:")
    assert str(of_argument).splitlines()[-2:] == ["What is computed from them is not finite either.", "Try: look where they come from"]
    itself = nan_hunt(lambda x: x)(np.array([np.inf]))
    assert itself.origin.phase == "argument" and itself.origin.what == "infinity" and itself.origin.span is None
    table = np.array([1.0, np.inf])
    of_constant = nan_hunt(lambda x: np.sum(x * table))(np.ones(2))
    lines = str(of_constant).splitlines()
    assert lines[0].startswith("<lambda> itself is not finite: mul is given a constant that is not   (test_nans.py:")
    assert lines[-2:] == [
        "It is written in the function, or what the function sees outside its arguments.",
        "Try: a large finite number, if infinity only stands for one",
    ]


def test_second_derivatives_and_keywords():
    hunt = nan_hunt(wg.grad(lambda x: np.abs(x) ** 1.5))(0.0)
    assert not hunt.adjoint and hunt.origin.phase in ("value", "adjoint")
    assert nan_hunt(lambda x, scale: np.log(x) * scale)(-1.0, scale=2.0).origin.operation == "log"


def test_long_operands_are_shortened():
    text = str(nan_hunt(lambda x: np.sum(np.log(x)))(np.linspace(-1, 1, 1001)))
    assert max(map(len, text.splitlines())) < 200 and "..." in text
