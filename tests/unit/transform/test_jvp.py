"""Forward mode: tangents by complex step, symbolic zeros, what is left alone."""

from __future__ import annotations

import numpy as np
import pytest

from wengert.ir.types import array_type
from wengert.ir.values import Literal
from wengert.primitives.arith import greater, select
from wengert.primitives.control.call import function_of
from wengert.primitives.math import exp, sin
from wengert.primitives.shape import stop_gradient
from wengert.transform.evaluate import evaluate
from wengert.transform.jvp import jvp

from .programs import INT, PAIR, PROGRAMS, SCALAR, X, Y


def differences(function, operands, tangents, h=1e-6):
    plus, minus = (evaluate(function, [x + s * h * t for x, t in zip(operands, tangents, strict=True)]) for s in (1, -1))
    return [(p - m) / (2 * h) for p, m in zip(plus, minus, strict=True)]


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("active", [(True, True), (True, False), (False, True)])
def test_against_differences(name, active):
    f = PROGRAMS[name]
    pushed, mask = jvp(f, active)
    tangents = [np.array([0.7, -0.4]) if on else np.zeros(2) for on in active]
    given = [t for t, on in zip(tangents, active, strict=True) if on]
    results = evaluate(pushed, [X, Y, *given])
    for a, b in zip(results, evaluate(f, [X, Y]), strict=False):
        np.testing.assert_array_equal(a, b)
    moved = iter(results[len(mask) :])
    for on, expected in zip(mask, differences(f, [X, Y], tangents), strict=True):
        if on:
            np.testing.assert_allclose(next(moved), expected, rtol=1e-8, atol=1e-9)
        else:
            np.testing.assert_array_equal(expected, 0)


def test_complex_step():
    t = array_type((3,), np.dtype("D"))
    f = function_of(lambda x: [sin(exp(x)) * x], t)
    x = np.array([0.1, 0.5, -1.2])
    pushed, _ = jvp(f, [True])
    _, dx = evaluate(pushed, [x + 0j, np.ones(3) + 0j])
    np.testing.assert_allclose(dx.real, evaluate(f, [x + 1e-30j])[0].imag / 1e-30, rtol=1e-14)


def test_what_no_tangent_reaches_is_taken_over():
    f = function_of(lambda x, y: [sin(x), exp(y)], PAIR, PAIR)
    pushed, mask = jvp(f, [False, True])
    assert mask == (False, True)
    assert pushed.equations[0] is f.equations[0]
    assert len(pushed.equations) == 3


def test_symbolic_zeros_cost_nothing():
    f = function_of(lambda x: [stop_gradient(x) * x, stop_gradient(sin(x))], PAIR)
    pushed, mask = jvp(f, [True])
    assert mask == (True, False)
    _, _, dx = evaluate(pushed, [X, np.ones(2)])
    np.testing.assert_array_equal(dx, X)


def test_integers_have_no_tangent():
    f = function_of(lambda n, x: [n + 1, x * 2.0], INT, SCALAR)
    _, mask = jvp(f, [False, True])
    assert mask == (False, True)


def test_twice():
    f = function_of(lambda x: [sin(x)], SCALAR)
    once, _ = jvp(f, [True])
    twice, _ = jvp(once, [True, True])
    np.testing.assert_allclose(evaluate(twice, [0.3, 1.0, 1.0, 0.0])[-1], -np.sin(0.3))


def test_untaken_lane():
    f = function_of(lambda x: [select(greater(x, x * 0.0), exp(1.0 / x), x * 0.0)], PAIR)
    pushed, _ = jvp(f, [True])
    _, dx = evaluate(pushed, [np.array([0.0, 1.0]), np.ones(2)])
    assert dx[0] == 0
    np.testing.assert_allclose(dx[1], -np.e)


def test_done_once():
    f = PROGRAMS["straight"]
    assert jvp(f, [True, True])[0] is jvp(f, (True, True))[0]


def test_output_that_is_an_input_or_a_literal():
    f = function_of(lambda x: [x, Literal(np.float64(2.0), SCALAR)], SCALAR)
    pushed, mask = jvp(f, [True])
    assert mask == (True, False)
    assert evaluate(pushed, [3.0, 5.0]) == [3.0, 2.0, 5.0]


def test_deep_programs_do_not_recurse():
    def chain(x):
        for _ in range(20000):
            x = x + 1.0
        return [x]

    pushed, _ = jvp(function_of(chain, SCALAR), [True])
    assert evaluate(pushed, [1.0, 3.0]) == [20001.0, 3.0]
