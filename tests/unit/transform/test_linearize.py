"""Linearisation: the linear half agrees with jvp, is linear, and its transpose is the adjoint."""

from __future__ import annotations

import numpy as np
import pytest

from wengert.primitives.arith import greater, select
from wengert.primitives.control.call import function_of
from wengert.primitives.math import exp, sin, sqrt
from wengert.transform.evaluate import evaluate
from wengert.transform.jvp import jvp
from wengert.transform.linearize import gradient, linearize, vjp

from .programs import INT, PAIR, PROGRAMS, SCALAR, X, Y

DX, DY = np.array([0.3, -0.1]), np.array([0.2, 0.9])


@pytest.mark.parametrize("name", PROGRAMS)
def test_linear_half_is_jvp_and_linear(name):
    f = PROGRAMS[name]
    split = linearize(f, [True, True])
    n = len(f.outputs)
    residuals = evaluate(split.primal, [X, Y])[n:]
    move = lambda dx, dy: evaluate(split.tangent, [*residuals, dx, dy])
    pushed, _ = jvp(f, [True, True])
    for a, b in zip(move(DX, DY), evaluate(pushed, [X, Y, DX, DY])[n:], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)
    for a, b, c in zip(move(DX, DY), move(DY, DX), move(2 * DX - DY, 2 * DY - DX), strict=True):
        np.testing.assert_allclose(2 * a - b, c, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("active", [(True, True), (True, False), (False, True)])
def test_vjp_is_the_adjoint_of_jvp(name, active):
    f = PROGRAMS[name]
    n = len(f.outputs)
    tangents = [t for t, on in zip([DX, DY], active, strict=True) if on]
    pushed, mask = jvp(f, active)
    moved = evaluate(pushed, [X, Y, *tangents])[n:]
    cts = [np.full(a.type.shape, [0.5, -1.0]) + k for k, a in enumerate(f.outputs)]
    results = evaluate(vjp(f, active), [X, Y, *cts])
    for a, b in zip(results, evaluate(f, [X, Y]), strict=False):
        np.testing.assert_array_equal(a, b)
    left = sum([np.sum(ct * t) for ct, t in zip([c for c, on in zip(cts, mask, strict=True) if on], moved, strict=True)])
    right = sum([a @ b for a, b in zip(results[n:], tangents, strict=True)])
    np.testing.assert_allclose(left, right, rtol=1e-12)


def test_only_seeded_outputs_take_a_cotangent():
    f = PROGRAMS["straight"]
    pulled = vjp(f, [True, True], [False, True, False])
    assert len(pulled.inputs) == 3
    *_, dx, dy = evaluate(pulled, [X, Y, np.ones(2)])
    np.testing.assert_allclose(dx, -np.sin(X))
    np.testing.assert_array_equal(dy, 0)


def test_gradient_seeds_itself():
    f = function_of(lambda x: [sin(x) * x, x], SCALAR)
    value, _, dx = evaluate(gradient(f, [True]), [0.7])
    assert value == np.sin(0.7) * 0.7
    np.testing.assert_allclose(dx, np.sin(0.7) + 0.7 * np.cos(0.7))


def test_gradient_of_what_does_not_depend():
    f = function_of(lambda x, y: [sin(x), y], PAIR, PAIR)
    *_, dx, dy = evaluate(vjp(f, [True, True], [True, False]), [X, Y, np.ones(2)])
    np.testing.assert_allclose(dx, np.cos(X))
    np.testing.assert_array_equal(dy, 0)
    assert dy.shape == (2,)


def test_integer_outputs_have_no_seed():
    f = function_of(lambda n, x: [n + 1, x * 2.0], INT, SCALAR)
    assert evaluate(vjp(f, [False, True]), [np.int64(3), 1.0, 5.0]) == [4, 2.0, 10.0]


def test_unused_work_is_not_kept():
    f = function_of(lambda x, y: [exp(x) * y], PAIR, PAIR)
    split = linearize(f, [False, True])
    assert len(split.residuals) == 1
    assert [e.operation.name for e in split.tangent.equations] == ["mul"]


def test_untaken_branch_of_a_select_is_kept_out_at_any_order():
    f = function_of(lambda x: [select(greater(x, x * 0.0), sqrt(x), x * 0.0)], SCALAR)
    first = vjp(f, [True])
    assert evaluate(first, [0.0, 1.0]) == [0.0, 0.0]
    second = vjp(first, [True, False], [False, True])
    assert evaluate(second, [0.0, 1.0, 1.0])[-1] == 0.0
    np.testing.assert_allclose(evaluate(second, [4.0, 1.0, 1.0])[-1], -1 / 32)


def test_fourth_order():
    f = function_of(lambda x: [sin(x) * x], SCALAR)
    for _ in range(4):
        f_ = gradient(f, [True])
        f = type(f)(f_.inputs, f_.equations, f_.outputs[-1:], "derivative")
    x = 0.6
    np.testing.assert_allclose(evaluate(f, [x])[0], x * np.sin(x) - 4 * np.cos(x), rtol=1e-13)


def test_deep_programs_take_linear_time():
    def chain(x):
        for _ in range(20000):
            x = x * 1.0001
        return [x]

    _, dx = evaluate(gradient(function_of(chain, SCALAR), [True]), [1.0])
    np.testing.assert_allclose(dx, 1.0001**20000, rtol=1e-9)
