"""Lanes of small arrays are run one by one in compiled programs: the same results, and one loop."""

import numpy as np
import pytest

import wengert as wg
from wengert.errors import ArgumentError


def rotated(r, x):
    square = r @ r
    angle = np.sqrt(square)
    axis = r / angle
    return np.cos(angle) * x + np.sin(angle) * np.cross(axis, x) + (1 - np.cos(angle)) * (axis @ x) * axis


def rotated_or_not(r, x):
    if r @ r < 0.5:
        return x + np.cross(r, x)
    return rotated(r, x)


def squared(r, x):
    return np.sum(rotated(r, x)[:2] ** 2)


def loops(f, *args):
    """How many loops over the lanes there are."""
    program = wg.jit(f).lower(*args)
    return str(program.loops).count(f"in range(0, {len(args[0])})")


R, X = np.random.default_rng(0).normal(size=(2, 23, 3))


@pytest.mark.parametrize(
    "f",
    [
        rotated,
        rotated_or_not,
        squared,
        wg.jacobian(rotated, argnums=(0, 1)),
        wg.jacobian(rotated_or_not, argnums=1),
        wg.grad(squared),
        wg.value_and_grad(squared, argnums=(0, 1)),
        wg.hessian(squared),
    ],
)
def test_results(f):
    taped, compiled = wg.vmap(f)(R, X), wg.jit(wg.vmap(f))(R, X)
    for a, b in zip(*[x if isinstance(x, tuple) else (x,) for x in (taped, compiled)], strict=True):
        for p, q in zip(a if isinstance(a, tuple) else (a,), b if isinstance(b, tuple) else (b,), strict=True):
            np.testing.assert_allclose(q, p, rtol=1e-11, atol=1e-12)


def test_one_loop():
    assert loops(wg.vmap(wg.jacobian(rotated)), R, X) == 1
    assert loops(wg.grad(lambda r, x: np.sum(wg.vmap(squared)(r, x))), R, X) <= 3


def test_derivatives_of_lanes():
    f = lambda r, x: np.sum(np.sin(wg.vmap(rotated_or_not)(r, x)))
    np.testing.assert_allclose(wg.jit(wg.grad(f))(R, X), wg.grad(f)(R, X), rtol=1e-11, atol=1e-13)
    product = lambda r: wg.jvp(lambda r: wg.grad(f)(r, X), (r,), (np.cos(R),))[1]
    np.testing.assert_allclose(wg.jit(product)(R), product(R), rtol=1e-10, atol=1e-12)


def test_axes_and_what_lanes_share():
    x = X[0]
    f = wg.vmap(rotated, in_axes=(1, None), out_axes=1)
    np.testing.assert_allclose(wg.jit(f)(R.T, x), f(R.T, x), rtol=1e-12)
    with pytest.raises(ArgumentError, match="out_axes is None for an output that differs"):
        wg.jit(wg.vmap(rotated, out_axes=None))(R, X)


def test_lanes_in_lanes():
    f = wg.vmap(wg.vmap(rotated, in_axes=(None, 0)), in_axes=(0, None))
    np.testing.assert_allclose(wg.jit(f)(R, X), f(R, X), rtol=1e-12)


def test_numbers_stay_abreast():
    step = lambda p: np.array([p[0] + 0.1 * (p[1] - p[0]), p[1] + 0.1 * (p[0] * (28 - p[2]) - p[1]), p[2] + 0.1 * p[0] * p[1]])
    parallel = [s for s in wg.jit(wg.vmap(step)).lower(R).loops.splitlines() if "parallel for" in s]
    assert parallel
