"""Arrays that a differentiated function makes of what is constant to it, within a compiled one, and then assigns its values to."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.errors import TraceError


def whole(p, state):
    s = state.copy()
    s[0] = s[1] * p
    return np.sum(s**2)


def of_arithmetic(p, state):
    s = 2.0 * state
    s[1] *= p
    return np.sum(s**2)


def through_a_view(p, state):
    s = state.copy()
    v = s[1:]
    v[0] = 2.0 * p
    return np.sum(s * s)


def in_a_loop(p, state):
    s, total = state.copy(), 0.0
    for _ in range(3):
        for i in range(0, len(s), 2):
            s[i + 1] = s[i] * p
            s[i] = p * np.tanh(s[i + 1])
        total += np.sum(s)
    return total


def in_a_branch(p, state):
    s = state.copy()
    if p > 1.0:
        s[0] = p * s[1]
    else:
        s[1] = p
    return np.sum(s**2)


def by_an_inner_function(p, state):
    s = state.copy()

    def scaled(t):
        r = s.copy()
        for i in range(len(r)):
            r[i] = r[i] * t
        return np.sum(r**3)

    return p * wg.grad(scaled)(p)


FUNCTIONS = [whole, of_arithmetic, through_a_view, in_a_loop, in_a_branch, by_an_inner_function]


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("at", [0.5, 2.0])
def test_derivatives_through_assignment_to_an_array_made_of_constants(f, at):
    state = np.array([1.0, -2.0, 3.0, 4.0])
    expected = (f(at + 1e-6, state) - f(at - 1e-6, state)) / 2e-6
    assert np.isclose(wg.jit(wg.grad(f))(at, state), expected, rtol=1e-7)
    assert np.isclose(wg.jit(wg.jacfwd(f))(at, state), expected, rtol=1e-7)
    assert np.array_equal(state, [1.0, -2.0, 3.0, 4.0])


def test_an_array_of_the_outer_function_is_refused():
    def outer(p, state):
        s = state.copy()

        def inner(t):
            s[0] = t
            return np.sum(s)

        return wg.grad(inner)(p) + s[0]

    with pytest.raises(TraceError, match="made outside a function that is being differentiated"):
        wg.jit(outer)(2.0, np.ones(3))
