"""Binomial checkpointing of loops: the same derivatives, no step run more often than promised, no more states kept."""

import math
from collections import Counter

import numpy as np
import pytest

import wengert as wg
from wengert.errors import ArgumentError
from wengert.ir.types import array_type
from wengert.primitives.control import HostCallback

REAL = array_type((), np.dtype("d"))


def scalar(n):
    return lambda s, h: wg.loop(0, n, lambda i, s: s + h * np.cos(s) * (1 + 0.1 * s), s)


def arrays(n):
    """A state of an array changed in place, a number, and a sum; with what is mapped over."""

    def f(x, h):
        def step(state, v):
            x, s, total = state
            x = x.at[1].set(x[0] * np.sin(s) + v)
            x = np.concatenate([x[1:], x[:1]])
            return (x, s * 0.9 + h * x[2], total + s * s), x[0] * s

        (x, s, total), ys = wg.scan(step, (x, 0.3, 0.0), np.linspace(0, 1, n))
        return np.sum(x * x) + s + total + np.sum(ys**2)

    return f


def backwards(n):
    def f(x, h):
        return wg.scan(lambda s, v: (np.sin(s * v) + h, s * s), x[0], np.linspace(0.5, 1, n), reverse=True)[0] * np.sum(x)

    return f


def dynamic(x, h):
    """A trip count that is computed, and a while."""
    n = np.sum(x > 0).astype(int) * 5
    s = wg.loop(2, n, lambda i, s: np.sin(s) + h * i, x[0])
    return wg.while_loop(lambda s: s < 3.0, lambda s: s * (1 + h) + 0.01, s)


X = np.array([0.4, 0.7, 0.2, 0.9])


@pytest.mark.parametrize(
    ("f", "x"), [(scalar(37), 0.5), (scalar(1), 0.5), (scalar(0), 0.5), (arrays(23), X), (backwards(30), X), (dynamic, X)]
)
@pytest.mark.parametrize("snapshots", [1, 2, 5, 60])
def test_same_derivatives(f, x, snapshots):
    kept = wg.checkpoint(f, snapshots=snapshots)
    expected = wg.jit(wg.grad(f, argnums=(0, 1)))(x, 0.05)
    for found in (wg.jit(wg.grad(kept, argnums=(0, 1)))(x, 0.05), wg.grad(kept, argnums=(0, 1))(x, 0.05)):
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(("f", "x"), [(scalar(12), 0.5), (arrays(9), X), (backwards(8), X), (dynamic, X)])
def test_second_order_and_lanes(f, x):
    kept = wg.checkpoint(f, snapshots=3)
    along = lambda f: wg.jit(lambda x: wg.jvp(lambda x: wg.grad(f)(x, 0.05), (x,), (np.ones_like(x),))[1])(x)
    np.testing.assert_allclose(along(kept), along(f), rtol=1e-9)
    again = lambda f: wg.jit(wg.grad(lambda x: np.sum(wg.grad(f)(x, 0.05) ** 2)))(x)
    np.testing.assert_allclose(again(kept), again(f), rtol=1e-9)
    np.testing.assert_allclose(wg.jvp(lambda x: kept(x, 0.05), (x,), (x,))[1], wg.jvp(lambda x: f(x, 0.05), (x,), (x,))[1], rtol=1e-12)
    lanes = np.stack([np.asarray(x), np.asarray(x) * 1.1])
    by_lane = wg.jit(wg.vmap(wg.grad(kept), in_axes=(0, None)))(lanes, 0.05)
    within = wg.jit(wg.grad(lambda lanes: np.sum(wg.vmap(kept, in_axes=(0, None))(lanes, 0.05))))(lanes)
    for lane, a, b in zip(lanes, by_lane, within, strict=True):
        np.testing.assert_allclose(a, wg.grad(f)(lane, 0.05), rtol=1e-10)
        np.testing.assert_allclose(b, wg.grad(f)(lane, 0.05), rtol=1e-10)


@pytest.mark.parametrize(("n", "snapshots"), [(100, 3), (500, 8), (60, 60), (200, 1)])
def test_no_step_is_run_again_more_often_than_the_binomial_bound(n, snapshots):
    runs = Counter()

    def count(i):
        runs[int(i)] += 1
        return np.float64(1.0)

    def step(i, s):
        return np.sin(s) * HostCallback(count, (REAL,))(i)

    f = lambda s: wg.loop(0, n, step, s)
    gradient = wg.jit(wg.grad(wg.checkpoint(f, snapshots=snapshots)))
    gradient(0.7)
    runs.clear()
    gradient(0.7)
    bound = next(t for t in range(n + 1) if math.comb(snapshots + t, t) > n)
    assert sorted(runs) == list(range(n))
    assert max(runs.values()) - 1 <= bound, "run again, besides the first time"


def test_million_steps_with_fifty_snapshots():
    f = scalar(10**6)
    gradient = wg.jit(wg.grad(wg.checkpoint(f, snapshots=50)))
    assert gradient.cost(0.5, 1e-6).arena_bytes < 5_000
    np.testing.assert_allclose(gradient(0.5, 1e-6), wg.jit(wg.grad(f))(0.5, 1e-6), rtol=1e-10)
    assert math.comb(50 + 5, 5) >= 10**6


@pytest.mark.parametrize("snapshots", [0, -1, 2.5, True, "many"])
def test_snapshots_that_are_no_number_of_states(snapshots):
    with pytest.raises(ArgumentError, match="snapshots must be a positive int"):
        wg.checkpoint(np.sin, snapshots=snapshots)
