"""Random programs of NumPy operations: jvp = vjp = central differences, and batching = a Python loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wengert as wg

SETTINGS = settings(max_examples=60, deadline=None, derandomize=True)

# Smooth and bounded, so that differences can be trusted wherever the program wanders.
UNARY = [
    np.sin,
    np.cos,
    np.tanh,
    np.arctan,
    lambda x: np.exp(-(x**2)),
    lambda x: np.log1p(x**2),
    lambda x: np.sqrt(1.0 + x * x),
    lambda x: 1.0 / (2.0 + np.cos(x)),
    lambda x: -x,
    lambda x: x * 0.5 + 1,
    lambda x: x[::-1],
    lambda x: np.cumsum(x) / 4,
    lambda x: x - np.mean(x),
    lambda x: np.reshape(x, (2, 2)).T.ravel(),
    lambda x: np.where(x > 0, x, 0.5 * x),
    lambda x: np.concatenate([x[1:], x[:1]]),
    lambda x: np.stack([x, x]).sum(axis=0) / 2,
    lambda x: np.repeat(np.reshape(x, (2, 2)) @ np.array([1.0, -0.5]), 2),
    lambda x: x[np.array([0, 0, 2, 3])],
    lambda x: np.sum(x) * np.ones(4) / 4,
    lambda x: np.einsum("i,ij->j", x, np.arange(16.0).reshape(4, 4)) / 40,
    lambda x: np.linalg.solve(np.eye(4) * 3 + 0.1 * np.outer(x, x), x),
]
BINARY = [
    np.add,
    np.subtract,
    np.multiply,
    lambda x, y: x / (2.0 + y**2),
    lambda x, y: np.arctan2(x, 2.0 + y**2),
    lambda x, y: np.hypot(x, 1.0 + y**2),
    lambda x, y: np.logaddexp(x, y),
    lambda x, y: (1.0 + x**2) ** np.tanh(y),
    lambda x, y: np.outer(x, y).sum(axis=1) / 4,
    lambda x, y: x * y[0],
    lambda x, y: np.dot(x, y) * x / 4,
]


@st.composite
def programs(draw):
    """A list of steps, each on earlier values: (operation index, operand indices)."""
    steps = []
    for k in range(draw(st.integers(1, 8))):
        if draw(st.booleans()):
            steps.append((UNARY[draw(st.integers(0, len(UNARY) - 1))], (draw(st.integers(0, k)),)))
        else:
            steps.append((BINARY[draw(st.integers(0, len(BINARY) - 1))], (draw(st.integers(0, k)), draw(st.integers(0, k)))))
    return steps


def program(steps):
    def run(x):
        values = [x]
        for operation, operands in steps:
            values.append(np.tanh(operation(*[values[i] for i in operands])) * 2.0)
        return values[-1] + 0.1 * values[len(values) // 2]

    return run


points = st.lists(st.floats(-1.5, 1.5).map(lambda v: round(v, 3) + 0.0137), min_size=4, max_size=4).map(np.array)


@SETTINGS
@given(programs(), points, points, points)
def test_jvp_is_vjp_is_central_differences(steps, x, v, ct):
    f = program(steps)
    value, tangent = wg.jvp(f, (x,), (v,))
    np.testing.assert_allclose(value, f(x), rtol=1e-14, atol=1e-14)
    h = 1e-5
    np.testing.assert_allclose(tangent, (f(x + h * v) - f(x - h * v)) / (2 * h), rtol=1e-5, atol=1e-6)
    _, pullback = wg.vjp(f, x)
    (back,) = pullback(ct)
    np.testing.assert_allclose(back @ v, ct @ tangent, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(wg.linearize(f, x)[1](v), tangent, rtol=1e-12, atol=1e-13)


@SETTINGS
@given(programs(), points, points)
def test_second_order_in_every_nesting(steps, x, v):
    f = program(steps)

    def scalar(x):
        return np.sum(f(x) ** 2)

    reverse = wg.grad(scalar)
    forward_over_reverse = wg.jvp(reverse, (x,), (v,))[1]
    reverse_over_reverse = wg.grad(lambda x: np.vdot(reverse(x), v))(x)
    reverse_over_forward = wg.grad(lambda x: wg.jvp(scalar, (x,), (v,))[1])(x)
    np.testing.assert_allclose(reverse_over_reverse, forward_over_reverse, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(reverse_over_forward, forward_over_reverse, rtol=1e-8, atol=1e-9)
    twice = wg.jvp(lambda x: wg.jvp(scalar, (x,), (v,))[1], (x,), (v,))[1]
    np.testing.assert_allclose(twice, forward_over_reverse @ v, rtol=1e-8, atol=1e-9)
    h = 1e-5
    np.testing.assert_allclose(forward_over_reverse, (reverse(x + h * v) - reverse(x - h * v)) / (2 * h), rtol=1e-4, atol=1e-5)


@SETTINGS
@given(programs(), points, points)
def test_lanes_of_a_batch_are_runs_of_their_own(steps, x, y):
    f = program(steps)
    xs = np.stack([x, y, x - y])
    np.testing.assert_allclose(wg.vmap(f)(xs), np.stack([f(row) for row in xs]), rtol=1e-12, atol=1e-13)
    jacobians = wg.vmap(wg.jacrev(f))(xs)
    np.testing.assert_allclose(jacobians, np.stack([wg.jacfwd(f)(row) for row in xs]), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 2e-4), (np.float64, 1e-12)])
@settings(max_examples=25, deadline=None, derandomize=True)
@given(programs(), points)
def test_dtype_is_kept(dtype, tolerance, steps, x):
    f = program(steps)
    exact = wg.jacfwd(f)(x)
    got = wg.grad(lambda x: np.sum(f(x)))(x.astype(dtype))
    assert got.dtype == dtype
    np.testing.assert_allclose(got, exact.sum(axis=0), rtol=tolerance * 10, atol=tolerance * max(1.0, np.abs(exact).max()) * 10)
