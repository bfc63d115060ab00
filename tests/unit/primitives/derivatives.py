"""Jacobians and Hessians of small Functions, straight from the transformations, by every mode."""

from __future__ import annotations

import numpy as np

from wengert.ir.builder import Builder, building
from wengert.ir.types import type_of
from wengert.ir.values import Var
from wengert.transform.evaluate import evaluate
from wengert.transform.jvp import jvp
from wengert.transform.linearize import vjp


def record(rule, *values):
    """The Function that `rule` writes for arguments like these."""
    inputs = [Var(type_of(v)) for v in values]
    builder = Builder()
    with building(builder):
        out = rule(*inputs)
    return builder.build(inputs, [out], "f")


def basis(x):
    x = np.asarray(x)
    for k in range(x.size):
        e = np.zeros(x.size, x.dtype)
        e[k] = 1
        yield e.reshape(x.shape)[()]


def jacobian(rule, *values, argument=0):
    """d result / d argument, shape (result.size, argument.size): forward and reverse mode must agree."""
    function = record(rule, *values)
    active = tuple([i == argument for i in range(len(values))])
    return _forward(function, values, active, argument, _reverse(function, values, active))


def _reverse(function, values, active):
    pulled = vjp(function, active)
    out = np.empty(function.out_types[0].shape, function.out_types[0].dtype)
    return [np.ravel(evaluate(pulled, [*values, e])[1]) for e in basis(out)]


def _forward(function, values, active, argument, rows):
    pushed, mask = jvp(function, active)
    zero = np.zeros(function.out_types[0].size)
    columns = [np.ravel(evaluate(pushed, [*values, e])[1]) if any(mask) else zero for e in basis(values[argument])]
    forward = np.stack(columns, 1) if columns else np.zeros((zero.size, 0))
    reverse = np.stack(rows) if rows else np.zeros((0, np.size(values[argument])))
    np.testing.assert_allclose(reverse, forward, rtol=1e-13, atol=1e-13)
    return forward


def gradient(rule, *values, argument=0):
    """The gradient of a scalar result, in the shape of the argument."""
    return jacobian(rule, *values, argument=argument).reshape(np.shape(values[argument]))


def hessian(rule, x):
    """Second derivative of a scalar result by one argument: forward over reverse, which must agree with reverse over reverse."""
    first = vjp(record(rule, x), (True,))
    pushed, mask = jvp(first, (True, False))
    k = sum(mask)
    over = [np.ravel(evaluate(pushed, [x, np.float64(1), e])[1 + k]) if mask[1] else np.zeros(np.size(x)) for e in basis(x)]
    back = vjp(first, (True, False), (False, True))
    twice = [np.ravel(evaluate(back, [x, np.float64(1), e])[-1]) for e in basis(x)]
    np.testing.assert_allclose(twice, over, rtol=1e-12, atol=1e-12)
    return np.stack(over)
