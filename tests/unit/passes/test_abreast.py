"""Independent iterations that hold loops over numbers go side by side, and give what they give alone."""

import numpy as np
import pytest

import wengert as wg
from wengert.ir.printer import print_function

X = np.exp(np.random.default_rng(0).normal(size=300))


def roots(p, x):
    total = 0.0
    for i in range(len(x)):
        y = x[i]
        while np.abs(y * y - p * x[i]) > 1e-12 * x[i]:
            y = 0.5 * (y + p * x[i] / y)
        total += y * p
    return total


def bisected(p, x):
    total = 1.0
    for i in range(len(x)):
        low, high = 0.0, 10.0
        while high - low > 1e-9:
            middle = 0.5 * (low + high)
            if middle + p * np.sin(middle) < x[i]:
                low = middle
            else:
                high = middle
        total += low
        total += p * high
    return total


def iterated(p, x):
    total = 0.0
    for v in x:
        y = v
        for _ in range(7):
            y = np.sin(p * y + v)
        total += y * y
    return total


def backwards(p, x):
    total = 0.0
    for i in range(len(x) - 1, -1, -1):
        y = x[i]
        while y > 0.1:
            y = y * p
        total += y
    return total


def final(f, *args):
    return print_function(wg.jit(f).lower(*args).passes[-1][1])


PROGRAMS = [roots, bisected, iterated, backwards]


@pytest.mark.parametrize("n", [128, 300, 131])
@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_the_same_value_and_gradient(f, n):
    x = X[:n]
    np.testing.assert_allclose(wg.jit(f)(0.4, x), f(0.4, x), rtol=1e-14)
    wanted = wg.value_and_grad(f, argnums=(0, 1))(0.4, x)
    got = wg.jit(wg.value_and_grad(f, argnums=(0, 1)))(0.4, x)
    np.testing.assert_allclose(got[0], wanted[0], rtol=1e-14)
    for a, b in zip(got[1], wanted[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_side_by_side(f):
    assert "strips_" in final(f, 0.4, X)


def test_only_where_there_are_enough():
    assert "strips_" not in final(roots, 0.4, X[:100])


def test_sums_are_added_in_order():
    def f(x):
        total = 1e16
        for v in x:
            y = v
            while y > 4.0:
                y = 0.5 * y
            total += y
            total += 1.0
        return total

    assert wg.jit(f)(X) == f(X)
    assert "strips_" in final(f, X)


def test_signs_of_zeros_stay():
    def f(x):
        total = -0.0
        for v in x:
            y = v
            while y > 1.0:
                y = 0.5 * y
            total += -0.0 * y
        return total

    assert np.signbit(wg.jit(f)(X[:131])) and np.signbit(f(X[:131]))


def test_what_depends_on_an_earlier_iteration_stays_in_order():
    def f(x):
        total = 0.0
        for v in x:
            y = v + 0.1 * total
            while y > 1.0:
                y = 0.5 * y
            total += y
        return total

    assert "strips_" not in final(f, X)
    assert wg.jit(f)(X) == f(X)


def test_lanes_of_such_loops():
    p = np.array([0.3, 0.5, 0.7])
    got = wg.jit(wg.vmap(wg.grad(iterated), in_axes=(0, None)))(p, X)
    np.testing.assert_allclose(got, [wg.grad(iterated)(q, X) for q in p], rtol=1e-10)
