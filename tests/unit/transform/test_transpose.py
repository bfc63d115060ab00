"""Transposition of linear functions: the adjoint, structural zeros, cotangents added into place, masks."""

from __future__ import annotations

import numpy as np
import pytest

from wengert.errors import NoRuleError
from wengert.ir.types import array_type
from wengert.primitives.arith import greater, select
from wengert.primitives.control.call import function_of
from wengert.primitives.index import gather
from wengert.primitives.math import sin
from wengert.transform.evaluate import evaluate
from wengert.transform.linearize import linearize
from wengert.transform.transpose import transpose

from .programs import INT, PAIR, PROGRAMS, D, X, Y


@pytest.mark.parametrize("name", PROGRAMS)
def test_adjoint_of_the_linear_half(name):
    f = PROGRAMS[name]
    split = linearize(f, [True, True])
    residuals = evaluate(split.primal, [X, Y])[len(f.outputs) :]
    n = len(residuals)
    turned = transpose(split.tangent, [False] * n + [True] * 2)
    flat = lambda outs: np.concatenate([np.ravel(a) for a in outs])
    jacobian = np.array([flat(evaluate(split.tangent, [*residuals, *np.eye(4)[k].reshape(2, 2)])) for k in range(4)]).T
    shapes = [a.type.shape for a in split.tangent.outputs]
    ends = np.cumsum([np.prod(shape, dtype=int) for shape in shapes])
    units = [[part.reshape(shape) for part, shape in zip(np.split(row, ends[:-1]), shapes, strict=True)] for row in np.eye(ends[-1])]
    pulled = np.array([flat(evaluate(turned, [*residuals, *seeds])) for seeds in units])
    np.testing.assert_allclose(pulled, jacobian, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", PROGRAMS)
def test_transposed_twice_is_itself(name):
    f = PROGRAMS[name]
    split = linearize(f, [True, True])
    residuals = evaluate(split.primal, [X, Y])[len(f.outputs) :]
    n, m = len(residuals), len(split.tangent.outputs)
    again = transpose(transpose(split.tangent, [False] * n + [True] * 2), [False] * n + [True] * m)
    dx, dy = np.array([0.3, -0.2]), np.array([1.1, 0.4])
    for a, b in zip(evaluate(again, [*residuals, dx, dy]), evaluate(split.tangent, [*residuals, dx, dy]), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)


def test_equations_that_are_not_linear_are_evaluated_first():
    f = function_of(lambda x, dx: [sin(x) * dx], PAIR, PAIR)
    turned = transpose(f, [False, True])
    assert [e.operation.name for e in turned.equations] == ["sin", "mul"]
    np.testing.assert_allclose(evaluate(turned, [X, Y])[0], np.sin(X) * Y)


def test_outputs_that_are_not_seeded():
    f = function_of(lambda dx: [dx * 2.0, dx * 3.0], PAIR)
    turned = transpose(f, [True], [False, True])
    assert len(turned.inputs) == 1
    np.testing.assert_array_equal(evaluate(turned, [Y])[0], 3 * Y)


def test_an_input_that_is_not_used_has_a_zero():
    f = function_of(lambda dx, dy: [dx * 2.0], PAIR, PAIR)
    _, dy = evaluate(transpose(f, [True, True]), [Y])
    np.testing.assert_array_equal(dy, np.zeros(2))


def test_an_input_that_is_an_output_twice():
    f = function_of(lambda dx: [dx, dx], PAIR)
    np.testing.assert_array_equal(evaluate(transpose(f, [True]), [X, Y])[0], X + Y)


def test_reads_of_single_elements_are_added_into_one_array():
    t = array_type((1000,), D)
    f = function_of(lambda dx, i, j: [gather(dx, [i]), gather(dx, [j])], t, INT, INT)
    turned = transpose(f, [True, False, False])
    assert [e.operation.name for e in turned.equations] == ["scatter_add", "scatter_add"]
    assert turned.equations[1].operands[0] is turned.equations[0].outs[0]
    (ct,) = evaluate(turned, [np.int64(3), np.int64(-1), 2.0, 5.0])
    assert ct[3] == 2
    assert ct[-1] == 5
    assert np.count_nonzero(ct) == 2


def test_a_lane_not_taken_is_zero_whatever_multiplies_it():
    def f(p, x, dx):
        taken = greater(p, p * 0.0)
        return [select(taken, dx * x, dx * 0.0)]

    turned = transpose(function_of(f, PAIR, PAIR, PAIR), [False, False, True])
    (ct,) = evaluate(turned, [np.array([1.0, -1.0]), np.array([2.0, np.inf]), np.ones(2)])
    np.testing.assert_array_equal(ct, [2.0, 0.0])


def test_what_is_not_linear_is_refused():
    with pytest.raises(NoRuleError, match="transpose"):
        transpose(function_of(lambda x: [sin(x)], PAIR), [True])
